//! The tests whose power has a formula, each with its measure of effect.
//!
//! Invariant: at no effect the power is the rate of false alarms (the share of it on that side for
//! the normal approximations). Not for solving, which [`Design`](super::Design) does.

use crate::distribution::{FisherF, NoncentralF, NoncentralT, Normal, StudentT};
use crate::error::{Result, StatsError};
use crate::hypothesis::Alternative;
use crate::ttest::satterthwaite;

/// A family of tests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TestFamily {
    /// Student's test of one mean; effect: the mean in standard deviations.
    OneSampleT,
    /// The paired t test; effect: the mean difference in standard deviations of the differences.
    PairedT,
    /// Student's test of two means; effect: Cohen's d.
    TwoSampleT,
    /// Welch's test; effect: the difference of means in standard deviations of the first
    /// population. The degrees of freedom are Satterthwaite's at the true variances.
    Welch {
        /// Standard deviation of the second population over that of the first.
        sd_ratio: f64,
    },
    /// The z test of two proportions with a pooled variance; effect: the first proportion less the
    /// second.
    Proportions {
        /// The second proportion.
        baseline: f64,
    },
    /// One-way analysis of variance with groups of equal size; effect: Cohen's f, the standard
    /// deviation of the group means over that within groups.
    Anova {
        /// Number of groups, from 2.
        groups: u32,
    },
    /// Mann-Whitney's test by Noether's formula; effect: P(a > b) − ½, ties as halves. Serves for
    /// the Brunner-Munzel test of populations of equal shape too.
    MannWhitney,
    /// Wilcoxon's signed-rank test by Noether's formula; effect: P(d + d′ > 0) − ½ for two
    /// independent differences d and d′.
    Wilcoxon,
}

/// The largest standardised effect looked for.
const STANDARDISED_MAX: f64 = 1e6;

impl TestFamily {
    /// What its effect is called.
    pub fn effect_name(self) -> &'static str {
        match self {
            Self::OneSampleT | Self::PairedT | Self::TwoSampleT => "Cohen's d",
            Self::Welch { .. } => "Glass's delta",
            Self::Proportions { .. } => "difference of proportions",
            Self::Anova { .. } => "Cohen's f",
            Self::MannWhitney => "P(a > b) - 1/2",
            Self::Wilcoxon => "P(d + d' > 0) - 1/2",
        }
    }

    /// Number of samples of their own size: 1 for one sample, pairs and equal groups, else 2.
    pub fn samples(self) -> u32 {
        match self {
            Self::OneSampleT | Self::PairedT | Self::Wilcoxon | Self::Anova { .. } => 1,
            _ => 2,
        }
    }

    /// The smallest first sample for which the formula means anything.
    pub(super) fn smallest(self, ratio: f64) -> f64 {
        match self {
            Self::OneSampleT | Self::PairedT | Self::Anova { .. } => 1.0 + 1e-3,
            Self::TwoSampleT => (2.0 + 1e-3) / (1.0 + ratio),
            Self::Welch { .. } => (1.0 + 1e-3) * (1.0f64).max(1.0 / ratio),
            Self::Proportions { .. } | Self::MannWhitney | Self::Wilcoxon => 1e-3,
        }
    }

    pub(super) fn check(self, effect: f64, alternative: Alternative) -> Result<()> {
        let invalid = |name, why| Err(StatsError::Invalid { name, why });
        if !effect.is_finite() || effect.abs() > STANDARDISED_MAX {
            return invalid("effect", "it must be finite and at most 1e6");
        }
        match self {
            Self::Welch { sd_ratio } if !(1e-6..=1e6).contains(&sd_ratio) => {
                invalid("sd_ratio", "it must lie in 1e-6..=1e6")
            }
            Self::Proportions { baseline } if !(0.0..=1.0).contains(&baseline) => {
                invalid("baseline", "a proportion lies between 0 and 1")
            }
            Self::Proportions { baseline } if !(0.0..=1.0).contains(&(baseline + effect)) => {
                invalid("effect", "both proportions must lie between 0 and 1")
            }
            Self::Anova { groups } if groups < 2 => invalid("groups", "it must be at least 2"),
            Self::Anova { .. } if alternative != Alternative::TwoSided => {
                invalid("alternative", "the analysis of variance has no direction")
            }
            Self::Anova { .. } if effect < 0.0 => invalid("effect", "it must not be negative"),
            Self::MannWhitney | Self::Wilcoxon if effect.abs() > 0.5 => {
                invalid("effect", "a probability less one half lies within one half")
            }
            _ => Ok(()),
        }
    }

    /// No effect, and the largest in the direction of `sign`.
    pub(super) fn effect_range(self, sign: f64) -> (f64, f64) {
        match self {
            Self::Proportions { baseline } if sign > 0.0 => (0.0, 1.0 - baseline),
            Self::Proportions { baseline } => (0.0, -baseline),
            Self::MannWhitney | Self::Wilcoxon => (0.0, 0.5 * sign),
            _ => (0.0, STANDARDISED_MAX * sign),
        }
    }

    pub(super) fn power(
        self,
        effect: f64,
        n: f64,
        alpha: f64,
        alternative: Alternative,
        ratio: f64,
    ) -> Result<f64> {
        let m = n * ratio;
        match self {
            Self::OneSampleT | Self::PairedT => {
                t_power(n - 1.0, effect * n.sqrt(), alpha, alternative)
            }
            Self::TwoSampleT => {
                let noncentrality = effect / (1.0 / n + 1.0 / m).sqrt();
                t_power(n + m - 2.0, noncentrality, alpha, alternative)
            }
            Self::Welch { sd_ratio } => {
                let (first, second) = (1.0 / n.sqrt(), sd_ratio / m.sqrt());
                let error = first.hypot(second);
                let df = satterthwaite((first / error, n - 1.0), (second / error, m - 1.0));
                t_power(df, effect / error, alpha, alternative)
            }
            Self::Proportions { baseline } => {
                let (p, q) = (baseline + effect, baseline);
                let pooled = (p + ratio * q) / (1.0 + ratio);
                let null = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
                let own = (p * (1.0 - p) / n + q * (1.0 - q) / m).sqrt();
                normal_power(effect, null, own, alpha, alternative)
            }
            Self::Anova { groups } => {
                let k = f64::from(groups);
                let (d1, d2) = (k - 1.0, k * (n - 1.0));
                let critical = FisherF::new(d1, d2)?.inverse_sf(alpha)?;
                let noncentrality = (effect * effect * k * n).min(1e10);
                Ok(NoncentralF::new(d1, d2, noncentrality)?.sf(critical))
            }
            Self::MannWhitney => {
                // N c (1 − c) = n m / (n + m), with c the first sample's share.
                let error = (12.0 * n * m / (n + m)).sqrt().recip();
                normal_power(effect, error, error, alpha, alternative)
            }
            Self::Wilcoxon => {
                let error = (3.0 * n).sqrt().recip();
                normal_power(effect, error, error, alpha, alternative)
            }
        }
    }
}

fn t_power(df: f64, noncentrality: f64, alpha: f64, alternative: Alternative) -> Result<f64> {
    let central = StudentT::new(df)?;
    let t = NoncentralT::new(df, noncentrality)?;
    Ok(match alternative {
        Alternative::TwoSided => {
            let critical = central.inverse_sf(0.5 * alpha)?;
            (t.sf(critical) + t.cdf(-critical)).min(1.0)
        }
        Alternative::Greater => t.sf(central.inverse_sf(alpha)?),
        Alternative::Less => t.cdf(central.quantile(alpha)?),
    })
}

/// Power of a statistic that is normal around `effect`, with standard error `null` under no effect
/// and `own` under this one.
fn normal_power(
    effect: f64,
    null: f64,
    own: f64,
    alpha: f64,
    alternative: Alternative,
) -> Result<f64> {
    let beyond = |tail: f64, effect: f64| -> Result<f64> {
        let distance = effect - Normal::STANDARD.inverse_sf(tail)? * null;
        if own == 0.0 {
            return Ok(if distance > 0.0 { 1.0 } else { 0.0 });
        }
        Ok(Normal::STANDARD.cdf(distance / own))
    };
    match alternative {
        Alternative::TwoSided => {
            let tail = 0.5 * alpha;
            Ok((beyond(tail, effect)? + beyond(tail, -effect)?).min(1.0))
        }
        Alternative::Greater => beyond(alpha, effect),
        Alternative::Less => beyond(alpha, -effect),
    }
}
