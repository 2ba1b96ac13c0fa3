//! Compares the means of two arms while they are being measured.
//!
//! Invariant: with the assumptions of its [`MeanMethod`], the chance that a true null is ever
//! rejected, over all looks together, is at most α; arms may grow at different speeds, in any order
//! that does not depend on what they will show. Two arms' moments are all that is kept.
//! Not for observations that depend on their neighbours; those go to
//! [`DependentMeans`](super::DependentMeans).
//!
//! Sources: Johari, Koomen, Pekelis & Walsh, Operations Research 70 (2022), mSPRT; Howard, Ramdas,
//! `McAuliffe` & Sekhon, Annals of Statistics 49 (2021), which Spotify's GAVI rests on (Schultzberg &
//! Ankargren, "Choosing a sequential testing framework", 2023); Waudby-Smith, Arbour, Sinha,
//! Kennedy & Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences",
//! Annals of Statistics 52 (2024), eq. 9; Gönen, Johnson, Lu & Westfall, "The Bayesian two-sample t
//! test", The American Statistician 59 (2005), and Pérez-Ortiz et al., "E-statistics, group
//! invariance and anytime-valid testing", Annals of Statistics 52 (2024), for Student's form.

use super::look::{Arm, Look, Running, Verdict};
use super::normal_mixture::NormalMixture;
use super::spread::Spread;
use crate::error::{Result, StatsError, in_range, observations, positive};
use crate::hypothesis::Interval;

/// Where the standard deviation of an observation comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sigma {
    /// It is known, and the same in both arms: the guarantee is exact for normal observations.
    Known(f64),
    /// It is estimated in each arm: the guarantee is asymptotic.
    Estimated,
}

/// How the evidence is weighed. `expected_n` counts both arms together, and is where the interval
/// is narrowest; the guarantee holds whatever it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MeanMethod {
    /// Mixture sequential probability ratio test: differences are expected of the size `tau`, in
    /// the unit of the observations.
    Msprt {
        /// Standard deviation of the differences that are expected.
        tau: f64,
        /// Where the standard deviation comes from.
        sigma: Sigma,
    },
    /// Generalisation of always-valid inference: the normal-mixture boundary at its tightest.
    Gavi {
        /// Observations expected.
        expected_n: f64,
        /// Where the standard deviation comes from.
        sigma: Sigma,
    },
    /// Asymptotic confidence sequence, tuned as published tools do.
    Asymptotic {
        /// Observations expected.
        expected_n: f64,
    },
    /// The mixture in Student's form with Welch's degrees of freedom: what it costs not to know the
    /// standard deviation is paid, so that it may be looked at from the second observation on.
    /// Exact for normal observations of equal spread in arms of equal size. The one to choose.
    Student {
        /// Observations expected.
        expected_n: f64,
    },
}

/// Two arms under watch.
///
/// ```
/// use tacho_stats::rng::Rng;
/// use tacho_stats::sequential::{Arm, MeanMethod, SequentialMeans, Verdict};
///
/// let method = MeanMethod::Student { expected_n: 400.0 };
/// let mut test = SequentialMeans::new(method, 0.05)?;
/// let mut rng = Rng::new(1);
/// while test.verdict() == Verdict::Undecided {
///     test.update(Arm::Control, rng.standard_normal())?;
///     test.update(Arm::Treatment, 0.5 + rng.standard_normal())?;
///     test.look()?;
/// }
/// assert_eq!(test.verdict(), Verdict::Higher);
/// assert!(test.interval().low > 0.0 && test.p() <= 0.05);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialMeans {
    method: MeanMethod,
    mixture: NormalMixture,
    arms: [Spread; 2],
    running: Running,
}

impl SequentialMeans {
    /// An empty comparison at false-alarm probability `alpha`.
    pub fn new(method: MeanMethod, alpha: f64) -> Result<Self> {
        let running = Running::new(alpha)?;
        if let MeanMethod::Msprt { sigma, .. } | MeanMethod::Gavi { sigma, .. } = method
            && let Sigma::Known(sigma) = sigma
        {
            positive("sigma", sigma)?;
            positive("sigma", sigma * sigma)?;
        }
        let mixture = match method {
            MeanMethod::Msprt { tau, .. } => {
                positive("tau", tau)?;
                NormalMixture::new(tau.powi(-2))?
            }
            MeanMethod::Asymptotic { expected_n } => {
                NormalMixture::nearly_tightest_at(expected_n, alpha)?
            }
            MeanMethod::Gavi { expected_n, .. } | MeanMethod::Student { expected_n } => {
                NormalMixture::tightest_at(expected_n, alpha)?
            }
        };
        Ok(Self {
            method,
            mixture,
            arms: [Spread::default(); 2],
            running,
        })
    }

    /// Takes one observation. What is not finite, or would take the moments out of range, is
    /// refused and leaves everything as it was.
    pub fn update(&mut self, arm: Arm, value: f64) -> Result<()> {
        self.arms[arm as usize].push(value)
    }

    /// Adds what another stream of the same comparison saw; its looks are not added, so that a look
    /// at the whole follows. Both must have the same method and α.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.method != other.method || self.running.alpha != other.running.alpha {
            return Err(StatsError::Invalid {
                name: "other",
                why: "only comparisons with the same settings can be merged",
            });
        }
        let mut arms = self.arms;
        for (mine, theirs) in arms.iter_mut().zip(&other.arms) {
            mine.merge(theirs)?;
        }
        self.arms = arms;
        Ok(())
    }

    /// Looks: at every observation, or once an hour, or whenever somebody is curious.
    pub fn look(&mut self) -> Result<Look> {
        let n = self.arms.map(|arm| arm.n);
        if n.contains(&0) {
            return Ok(self.running.look(n, 0.0));
        }
        let difference = in_range(
            "the difference of means",
            self.arms[1].mean - self.arms[0].mean,
        )?;
        if let Some(contrast) = self.contrast(difference)? {
            let now = self.evaluate(&contrast);
            self.running.take_p(now.p, difference);
            let low = difference - now.margin;
            self.running.cut(low, difference + now.margin);
        }
        Ok(self.running.look(n, difference))
    }

    /// The always-valid p-value as of the last look.
    pub fn p(&self) -> f64 {
        self.running.p()
    }

    /// What the looks so far decided.
    pub fn verdict(&self) -> Verdict {
        self.running.verdict()
    }

    /// The confidence sequence of treatment less control: what the intervals of all looks have in
    /// common. An end is infinite until the data bound it.
    pub fn interval(&self) -> Interval {
        self.running.interval()
    }

    /// Whether the intervals of all looks have a point in common; if not, the difference itself has
    /// changed meanwhile (or this is one of the α of all runs in which it may happen).
    pub fn is_consistent(&self) -> bool {
        self.running.consistent()
    }

    /// The difference against its variance; none while the variance cannot be told.
    fn contrast(&self, difference: f64) -> Result<Option<Contrast>> {
        let n = self.arms.map(|arm| arm.n as f64);
        let known = match self.method {
            MeanMethod::Msprt { sigma, .. } | MeanMethod::Gavi { sigma, .. } => sigma,
            _ => Sigma::Estimated,
        };
        let (of_means, df) = match known {
            Sigma::Known(sigma) => (n.map(|n| sigma * sigma / n), f64::INFINITY),
            Sigma::Estimated => {
                let (Some(a), Some(b)) = (self.arms[0].variance(), self.arms[1].variance()) else {
                    return Ok(None);
                };
                let of_means = [a / n[0], b / n[1]];
                let total = of_means[0] + of_means[1];
                let share = of_means.map(|v| v / total);
                let df =
                    1.0 / (share[0] * share[0] / (n[0] - 1.0) + share[1] * share[1] / (n[1] - 1.0));
                (of_means, df)
            }
        };
        let variance = in_range("the variance", of_means[0] + of_means[1])?;
        Ok((variance > 0.0).then_some(Contrast {
            n: n[0] + n[1],
            difference,
            variance,
            df,
        }))
    }

    fn evaluate(&self, contrast: &Contrast) -> Now {
        let alpha = self.running.alpha;
        match self.method {
            MeanMethod::Msprt { .. } => {
                contrast.normal(self.mixture, 1.0 / contrast.variance, alpha)
            }
            MeanMethod::Gavi { .. } | MeanMethod::Asymptotic { .. } => {
                contrast.normal(self.mixture, contrast.n, alpha)
            }
            MeanMethod::Student { .. } => contrast.student(self.mixture, alpha),
        }
    }
}

/// A difference of means at one look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contrast {
    /// Observations in both arms.
    pub(super) n: f64,
    pub(super) difference: f64,
    /// Variance of `difference`, above zero.
    pub(super) variance: f64,
    /// Degrees of freedom of `variance`.
    pub(super) df: f64,
}

/// What one look says by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) p: f64,
    /// Half the width of the interval around the difference.
    pub(super) margin: f64,
}

impl Contrast {
    /// By the normal mixture at variance `v` of the walk.
    fn normal(&self, mixture: NormalMixture, v: f64, alpha: f64) -> Now {
        let error = self.variance.sqrt();
        Now {
            p: mixture.p(self.difference.abs() / error, v),
            margin: error * mixture.critical_z(v, alpha),
        }
    }

    /// By the mixture over standardised differences with the standard deviation integrated out:
    /// with a = 1 + n/ρ, E = a^(−½) ((1 + t²/ν) / (1 + t²/(νa)))^((ν+1)/2).
    pub(super) fn student(&self, mixture: NormalMixture, alpha: f64) -> Now {
        let error = self.variance.sqrt();
        let growth = self.n / mixture.rho();
        let exponent = 0.5 * (self.df + 1.0);
        let square = (self.difference / error).powi(2) / self.df;
        let ln_ratio = if square.is_finite() {
            square.ln_1p() - (square / (1.0 + growth)).ln_1p()
        } else {
            growth.ln_1p()
        };
        let ln_e = exponent * ln_ratio - 0.5 * growth.ln_1p();
        // The ratio at which E = 1/α, less one; t² is finite where it stays below a.
        let excess = ((0.5 * growth.ln_1p() - alpha.ln()) / exponent).exp_m1();
        let margin = if excess < growth {
            error * (self.df * excess / (1.0 - (1.0 + excess) / (1.0 + growth))).sqrt()
        } else {
            f64::INFINITY
        };
        Now {
            p: (-ln_e).exp().min(1.0),
            margin,
        }
    }
}

/// Looks at a pair of samples after each pair of observations, as if they were still arriving; the
/// longer one goes on alone. One look for each of `max(control.len(), treatment.len())`.
pub fn sequential_means(
    control: &[f64],
    treatment: &[f64],
    method: MeanMethod,
    alpha: f64,
) -> Result<Vec<Look>> {
    observations(control, 0)?;
    observations(treatment, 0)?;
    let mut test = SequentialMeans::new(method, alpha)?;
    (0..control.len().max(treatment.len()))
        .map(|i| {
            if let Some(value) = control.get(i) {
                test.update(Arm::Control, *value)?;
            }
            if let Some(value) = treatment.get(i) {
                test.update(Arm::Treatment, *value)?;
            }
            test.look()
        })
        .collect()
}

/// What is known of one arm from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArmSummary {
    /// Number of observations, at least 2.
    pub n: f64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (denominator n − 1).
    pub sd: f64,
}

/// The asymptotic confidence sequence and p-value at one look, from summaries.
///
/// ```
/// use tacho_stats::sequential::{ArmSummary, asymptotic_interval};
/// let control = ArmSummary { n: 100.0, mean: 10.0, sd: 2.0 };
/// let treatment = ArmSummary { mean: 10.5, ..control };
/// let (interval, p) = asymptotic_interval(control, treatment, 1_000.0, 0.05)?;
/// assert!((interval.high - 1.451_451_128_820_479).abs() < 1e-12 && p > 0.6);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn asymptotic_interval(
    control: ArmSummary,
    treatment: ArmSummary,
    expected_n: f64,
    alpha: f64,
) -> Result<(Interval, f64)> {
    let mixture = NormalMixture::nearly_tightest_at(expected_n, alpha)?;
    for arm in [control, treatment] {
        observations(&[arm.mean, arm.sd, arm.n], 3)?;
        if arm.n < 2.0 || arm.sd < 0.0 {
            return Err(StatsError::Invalid {
                name: "summary",
                why: "n is at least 2 and sd not negative",
            });
        }
    }
    let variance = control.sd * control.sd / control.n + treatment.sd * treatment.sd / treatment.n;
    if variance <= 0.0 {
        return Err(StatsError::ZeroVariance);
    }
    let contrast = Contrast {
        n: control.n + treatment.n,
        difference: treatment.mean - control.mean,
        variance: in_range("the variance", variance)?,
        df: f64::INFINITY,
    };
    let now = contrast.normal(mixture, contrast.n, alpha);
    let interval = Interval::around(contrast.difference, now.margin, 1.0 - alpha)?;
    Ok((interval, now.p))
}

#[cfg(test)]
mod tests;
