//! E-detector: evidence against "nothing has changed" whose run length is a theorem.
//!
//! Invariant: while the assumption named by the constructor holds, the average run length is *at
//! least* the one asked for, at any sample size, with no approximation; it is usually 1.2 to 3 times
//! as long. Each bet multiplies its evidence by a factor of expectation at most one and
//! starts anew at every value, so evidence less time is a supermartingale (Shiryaev-Roberts).
//! Not where the run length should be met rather than exceeded: CUSUM and GLR are faster there.
//! Sources: Shin, Ramdas & Rinaldo, "E-detectors: a nonparametric framework for sequential change
//! detection", NEJSDS 2 (2024); Waudby-Smith & Ramdas, "Estimating means of bounded random variables
//! by betting", JRSS B 86 (2024).

use super::detector::{Detector, Direction, RunLength, Score, finite};
use crate::error::{Result, StatsError};

/// Shifts, in standard deviations, that the bets on normal values are best for.
const SHIFTS: [f64; 4] = [0.25, 0.5, 1.0, 2.0];
/// Parts of the largest bet allowed, for bounded values.
const PARTS: [f64; 4] = [0.05, 0.15, 0.4, 0.9];
/// Evidence is held here, far above any threshold.
const EVIDENCE_MAX: f64 = 1e300;

/// A mixture of Shiryaev-Roberts detectors, each a bet.
#[derive(Debug, Clone, PartialEq)]
pub struct EDetector {
    assumption: Assumption,
    /// Evidence of each bet: on larger values first, then on smaller.
    evidence: [f64; 8],
    threshold: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Assumption {
    /// Standard normal, or lighter-tailed and of mean zero.
    SubGaussian,
    /// Between 0 and 1, with a mean of this at most.
    MeanAtMost(f64),
}

impl EDetector {
    /// For independent values with moments no larger than a standard normal's; two-sided.
    ///
    /// ```
    /// use tacho_stats::detect::{EDetector, RunLength, scores};
    ///
    /// let mut detector = EDetector::sub_gaussian(RunLength::new(1_000.0)?);
    /// let scores = scores(&mut detector, &[0.5, -0.5, 3.0, 3.0, 3.0])?;
    /// assert!(!scores[1].alarms() && scores[4].alarms());
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn sub_gaussian(run_length: RunLength) -> Self {
        Self::new(Assumption::SubGaussian, run_length)
    }

    /// For any values between 0 and 1 whose expectation, given the past, is `mean` at most: error
    /// ratios, for example. No training, no distribution, and dependence is allowed. One-sided.
    ///
    /// ```
    /// use tacho_stats::detect::{EDetector, RunLength, scores};
    ///
    /// let mut errors = EDetector::mean_at_most(0.01, RunLength::new(10_000.0)?)?;
    /// let quiet = scores(&mut errors, &[0.01; 100])?;
    /// assert!(quiet.iter().all(|score| !score.alarms()));
    /// assert!(scores(&mut errors, &[0.2; 20])?.iter().any(|score| score.alarms()));
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn mean_at_most(mean: f64, run_length: RunLength) -> Result<Self> {
        if mean > 0.0 && mean < 1.0 {
            Ok(Self::new(Assumption::MeanAtMost(mean), run_length))
        } else {
            Err(StatsError::Invalid {
                name: "the largest mean",
                why: "it must lie strictly between 0 and 1",
            })
        }
    }

    fn new(assumption: Assumption, run_length: RunLength) -> Self {
        Self {
            assumption,
            evidence: [0.0; 8],
            threshold: run_length.observations().ln_1p(),
        }
    }
}

impl Detector for EDetector {
    fn update(&mut self, value: f64) -> Result<Score> {
        let factors = self.assumption.factors(finite(value)?)?;
        for (evidence, factor) in self.evidence.iter_mut().zip(factors) {
            *evidence = ((*evidence + 1.0) * factor).min(EVIDENCE_MAX);
        }
        let up: f64 = self.evidence[..4].iter().sum();
        let down: f64 = self.evidence[4..].iter().sum();
        let bets = match self.assumption {
            Assumption::SubGaussian => 8.0,
            Assumption::MeanAtMost(_) => 4.0,
        };
        let direction = Direction::of(up - down);
        let score = Score::new(((up + down) / bets).ln_1p(), self.threshold, direction);
        if score.alarms() {
            self.reset();
        }
        Ok(score)
    }

    fn reset(&mut self) {
        self.evidence = [0.0; 8];
    }
}

impl Assumption {
    /// What each bet pays on `x`; zero for bets that are not made.
    fn factors(self, x: f64) -> Result<[f64; 8]> {
        match self {
            Self::SubGaussian => Ok(std::array::from_fn(|i| {
                let shift = if i < 4 { SHIFTS[i] } else { -SHIFTS[i - 4] };
                (shift * x - 0.5 * shift * shift).exp().min(EVIDENCE_MAX)
            })),
            Self::MeanAtMost(mean) if (0.0..=1.0).contains(&x) => Ok(std::array::from_fn(|i| {
                let part = PARTS.get(i).copied();
                part.map_or(0.0, |part| 1.0 + part / mean * (x - mean))
            })),
            Self::MeanAtMost(_) => Err(StatsError::Invalid {
                name: "a value",
                why: "it must lie between 0 and 1 for a detector of bounded values",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn alarms(detector: &mut EDetector, n: usize, mut value: impl FnMut() -> f64) -> usize {
        (0..n)
            .filter(|_| detector.update(value()).unwrap().alarms())
            .count()
    }

    #[test]
    fn run_length_is_at_least_the_one_asked_for() {
        let arl = RunLength::new(200.0).unwrap();
        let mut rng = Rng::new(35);
        let n = 400_000;
        let normal = alarms(&mut EDetector::sub_gaussian(arl), n, || {
            rng.standard_normal()
        });
        let mut rng = Rng::new(36);
        let mut bounded = EDetector::mean_at_most(0.05, arl).unwrap();
        let ratio = alarms(&mut bounded, n, || {
            f64::from(u8::from(rng.uniform() < 0.05))
        });
        for count in [normal, ratio] {
            assert!((500..2_000).contains(&count), "{count}");
        }
    }

    #[test]
    fn values_outside_the_bounds_are_refused_and_change_nothing() {
        let arl = RunLength::new(200.0).unwrap();
        let mut detector = EDetector::mean_at_most(0.1, arl).unwrap();
        detector.update(0.5).unwrap();
        let before = detector.clone();
        assert!(detector.update(1.5).is_err() && detector.update(f64::NAN).is_err());
        assert_eq!(detector, before);
        assert!(EDetector::mean_at_most(0.0, arl).is_err());
    }
}
