//! Bayesian online change point detection: how long ago the series last changed, after each value.
//!
//! Invariant: the probabilities of all run lengths held add up to one; at most `runs_max` are held,
//! the least likely forgotten first, so that memory and time a value are bounded. Weights are
//! logarithms, so that neither surprises nor long runs underflow.
//! Values between changes are taken as independent and normal with unknown mean and variance. Not
//! for autocorrelated series, where every swing is a change; not a test with an error rate.
//!
//! Source: Adams & `MacKay`, "Bayesian online changepoint detection", arXiv:0710.3742 (2007);
//! Murphy, "Conjugate Bayesian analysis of the Gaussian distribution" (2007), section 3.

use std::f64::consts::PI;

use crate::error::{Result, StatsError, positive};
use crate::special::ln_gamma;

/// Larger values have squares beyond the range of a double.
const VALUE_MAX: f64 = 1e150;
/// A smaller scale, or one above its inverse, makes densities leave that range.
const SCALE_MIN: f64 = 1e-300;

/// What is believed of a regime before its first value: normal-inverse-gamma.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalInverseGamma {
    /// Expected mean.
    pub mean: f64,
    /// How many observations that expectation is worth.
    pub mean_weight: f64,
    /// Half the number of observations that the expected variance is worth.
    pub shape: f64,
    /// `shape` times the expected variance, in the unit of the series squared.
    pub scale: f64,
}

impl NormalInverseGamma {
    /// A weak belief: regimes' means lie around `mean` within about ten standard deviations `sd` of
    /// the noise; both worth no more than an observation.
    pub fn weak(mean: f64, sd: f64) -> Result<Self> {
        positive("sd", sd)?;
        let prior = Self {
            mean,
            mean_weight: 0.01,
            shape: 0.5,
            scale: 0.5 * sd * sd,
        };
        prior.checked()
    }

    fn checked(self) -> Result<Self> {
        positive("mean_weight", self.mean_weight)?;
        positive("shape", self.shape)?;
        positive("scale", self.scale)?;
        if self.mean.abs() <= VALUE_MAX && (SCALE_MIN..=1.0 / SCALE_MIN).contains(&self.scale) {
            Ok(self)
        } else {
            Err(StatsError::Invalid {
                name: "mean, scale",
                why: "a mean lies within 1e150, a scale between 1e-300 and 1e300",
            })
        }
    }
}

/// One possible time since the last change.
#[derive(Debug, Clone, Copy)]
struct Run {
    length: u64,
    ln_weight: f64,
    belief: NormalInverseGamma,
    /// ln Γ(shape + ½) − ln Γ(shape), carried along: the next is ln shape less this.
    ln_gamma_ratio: f64,
}

/// What is known after a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunLength {
    /// The most likely number of values since the last change, this one included.
    pub most_likely: u64,
    /// The probability that the value just seen is the first of a new regime.
    pub new_regime: f64,
    /// ln of the predictive density that the value met: far below its usual is a surprise.
    pub ln_density: f64,
}

/// The detector.
///
/// ```
/// use tacho_stats::changepoint::{NormalInverseGamma, OnlineDetector};
///
/// let mut detector = OnlineDetector::new(NormalInverseGamma::weak(10.0, 1.0)?, 200.0, 100)?;
/// for i in 0..40 {
///     detector.update(10.0 + f64::from(i % 3))?;
/// }
/// for i in 0..10 {
///     detector.update(20.0 + f64::from(i % 3))?;
/// }
/// assert_eq!(detector.update(21.0)?.most_likely, 11);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct OnlineDetector {
    prior: NormalInverseGamma,
    prior_ln_gamma_ratio: f64,
    ln_hazard: f64,
    ln_survival: f64,
    runs_max: usize,
    runs: Vec<Run>,
    seen: usize,
}

impl OnlineDetector {
    /// `regime_length` is the expected number of values between changes (above 1); `runs_max` the
    /// number of run lengths held (at least 2).
    pub fn new(prior: NormalInverseGamma, regime_length: f64, runs_max: usize) -> Result<Self> {
        let prior = prior.checked()?;
        positive("regime_length", regime_length)?;
        if regime_length <= 1.0 || runs_max < 2 {
            return Err(StatsError::Invalid {
                name: "regime_length, runs_max",
                why: "they must be above 1",
            });
        }
        Ok(Self {
            prior,
            prior_ln_gamma_ratio: ln_gamma(prior.shape + 0.5) - ln_gamma(prior.shape),
            ln_hazard: -regime_length.ln(),
            ln_survival: (-1.0 / regime_length).ln_1p(),
            runs_max,
            runs: Vec::with_capacity(runs_max.min(4096) + 1),
            seen: 0,
        })
    }

    /// Takes the next value, finite and within 1e150; one that is refused changes nothing.
    pub fn update(&mut self, value: f64) -> Result<RunLength> {
        if !value.is_finite() {
            return Err(StatsError::NotFinite { index: self.seen });
        }
        if value.abs() > VALUE_MAX {
            return Err(StatsError::Overflow {
                what: "the square of a value",
            });
        }
        // The regime that the value opens, if it does: from the second value on with the hazard.
        let fresh = Run {
            length: 0,
            ln_weight: if self.runs.is_empty() {
                0.0
            } else {
                self.ln_hazard
            },
            belief: self.prior,
            ln_gamma_ratio: self.prior_ln_gamma_ratio,
        };
        for run in &mut self.runs {
            run.ln_weight += self.ln_survival;
        }
        self.runs.push(fresh);
        let mut runs = std::mem::take(&mut self.runs);
        for run in &mut runs {
            run.ln_weight += run.ln_density(value);
        }
        let largest = runs
            .iter()
            .fold(f64::NEG_INFINITY, |m, r| m.max(r.ln_weight));
        self.seen += 1;
        let sum: f64 = runs.iter().map(|r| (r.ln_weight - largest).exp()).sum();
        let ln_density = largest + sum.ln();
        for run in &mut runs {
            run.ln_weight -= ln_density;
            run.learn(value);
        }
        let newest = runs.last().map_or(0.0, |r| r.ln_weight.exp());
        let likely = runs
            .iter()
            .max_by(|a, b| a.ln_weight.total_cmp(&b.ln_weight));
        let most_likely = likely.map_or(0, |run| run.length);
        self.runs = runs;
        self.forget();
        Ok(RunLength {
            most_likely,
            new_regime: newest,
            ln_density,
        })
    }

    /// Drops the least likely run where too many are held; the rest add up to one again.
    fn forget(&mut self) {
        if self.runs.len() <= self.runs_max {
            return;
        }
        let weights = self.runs.iter().map(|r| r.ln_weight).enumerate();
        let Some((least, weight)) = weights.min_by(|a, b| a.1.total_cmp(&b.1)) else {
            return;
        };
        self.runs.remove(least);
        let left = (-weight.exp()).ln_1p();
        for run in &mut self.runs {
            run.ln_weight -= left;
        }
    }
}

impl Run {
    /// ln of Student's density with 2·shape degrees of freedom.
    fn ln_density(&self, value: f64) -> f64 {
        let belief = &self.belief;
        let spread = 2.0 * belief.scale * (1.0 + 1.0 / belief.mean_weight);
        let z = (value - belief.mean) / spread.sqrt();
        // ln(1 + z²) by a route that does not overflow.
        let tail = 2.0 * 1f64.hypot(z).ln();
        self.ln_gamma_ratio - 0.5 * (PI * spread).ln() - (belief.shape + 0.5) * tail
    }

    fn learn(&mut self, value: f64) {
        let belief = &mut self.belief;
        let next_weight = belief.mean_weight + 1.0;
        let deviation = value - belief.mean;
        let grown = belief.scale + 0.5 * deviation * deviation * (belief.mean_weight / next_weight);
        belief.scale = grown.min(1.0 / SCALE_MIN);
        belief.mean += deviation / next_weight;
        belief.mean_weight = next_weight;
        self.ln_gamma_ratio = belief.shape.ln() - self.ln_gamma_ratio;
        belief.shape += 0.5;
        self.length += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::StudentT;
    use crate::rng::Rng;

    #[test]
    fn the_carried_ratio_is_the_gamma_functions() {
        let mut run = Run {
            length: 0,
            ln_weight: 0.0,
            belief: NormalInverseGamma::weak(0.0, 1.0).unwrap(),
            ln_gamma_ratio: ln_gamma(1.0) - ln_gamma(0.5),
        };
        for i in 0..10_000 {
            run.learn(f64::from(i % 7));
        }
        let want = ln_gamma(run.belief.shape + 0.5) - ln_gamma(run.belief.shape);
        assert!((run.ln_gamma_ratio - want).abs() < 1e-9);
        let df = 2.0 * run.belief.shape;
        let scale =
            (run.belief.scale * (1.0 + 1.0 / run.belief.mean_weight) / run.belief.shape).sqrt();
        let student = StudentT::new(df).unwrap();
        let at = |v: f64| student.cdf((v - run.belief.mean) / scale);
        let slope = (at(4.0 + 1e-4) - at(4.0 - 1e-4)) / 2e-4;
        assert!((run.ln_density(4.0).exp() / slope - 1.0).abs() < 1e-6);
    }

    #[test]
    fn changes_of_mean_and_of_spread_are_seen() {
        for (after_mean, after_sd) in [(4.0, 1.0), (0.0, 8.0)] {
            let mut rng = Rng::new(6);
            let prior = NormalInverseGamma::weak(0.0, 1.0).unwrap();
            let mut detector = OnlineDetector::new(prior, 250.0, 50).unwrap();
            for _ in 0..300 {
                detector.update(rng.standard_normal()).unwrap();
            }
            let mut last = 0;
            for _ in 0..30 {
                let value = after_mean + after_sd * rng.standard_normal();
                last = detector.update(value).unwrap().most_likely;
            }
            assert!((25..=32).contains(&last), "{last}");
        }
    }

    #[test]
    fn any_finite_value_keeps_it_sound() {
        let prior = NormalInverseGamma::weak(0.0, 1.0).unwrap();
        let mut detector = OnlineDetector::new(prior, 100.0, 10).unwrap();
        for value in [0.0, 1e308, -1e308, 5e-324, 1e-300, 1e200, 0.0, 0.0, 3.0] {
            if let Ok(found) = detector.update(value) {
                assert!(
                    found.ln_density.is_finite() && (0.0..=1.0 + 1e-9).contains(&found.new_regime)
                );
            }
            let sum: f64 = detector.runs.iter().map(|r| r.ln_weight.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
            assert!(detector.runs.len() <= 10);
        }
        assert!(matches!(
            detector.update(f64::NAN),
            Err(StatsError::NotFinite { .. })
        ));
        assert!(OnlineDetector::new(prior, 1.0, 10).is_err());
        assert!(NormalInverseGamma::weak(f64::NAN, 1.0).is_err());
    }
}
