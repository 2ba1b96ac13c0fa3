//! How many observations a test needs, and what it would find with those at hand.
//!
//! Invariant: power, sample size and detectable effect of one [`Design`] undo each other to 1e-9. The
//! t tests and the analysis of variance are exact under normal populations; the rank tests and
//! proportions are the books' approximations; [`fisher_exact`] counts every outcome; everything else
//! is [`simulated`] with a Monte-Carlo interval. All assume independent observations: a series worth
//! a third of its length ([`effective_sample_size`](crate::dependence::effective_sample_size))
//! needs three times as many.
//! Not for power after the fact: the power at the effect observed says no more than the p-value.
//! Sources: Cohen, "Statistical power analysis for the behavioral sciences" (1988), 2, 6 and 8;
//! Noether, JASA 82 (1987), rank tests; Fleiss, Levin & Paik, "Statistical methods for rates and
//! proportions" (2003), 4. Agrees with statsmodels' `TTestIndPower`, `TTestPower`, `FTestAnovaPower`.

pub mod fisher_exact;
pub mod simulated;

mod family;
mod solve;

pub use family::TestFamily;

use crate::error::{self, Result, StatsError, positive};
use crate::hypothesis::Alternative;
use solve::rising_root;

/// The largest sample that [`Design::sample_size`] looks for.
pub const SAMPLE_SIZE_MAX: f64 = 1e12;

/// A test that is being planned.
///
/// ```
/// use tacho_stats::power::{Design, TestFamily};
///
/// let design = Design::new(TestFamily::TwoSampleT, 0.5);
/// let size = design.sample_size(0.8)?;
/// assert_eq!((size.first, size.second), (64, Some(64)));
/// assert!((design.power(64.0)? - 0.8015).abs() < 1e-4);
/// assert!((design.detectable_effect(64.0, 0.8)? - 0.4991).abs() < 1e-4);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// The test.
    pub family: TestFamily,
    /// The effect, in the family's own measure ([`TestFamily::effect_name`]); positive where the
    /// first sample is larger.
    pub effect: f64,
    /// The rate of false alarms, strictly between 0 and 1.
    pub alpha: f64,
    /// What is claimed.
    pub alternative: Alternative,
    /// Observations of the second sample for each of the first; not used with one sample.
    pub ratio: f64,
}

/// How many observations reach the power asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleSize {
    /// The real number of observations of the first sample (of each group) at which the power is
    /// met exactly.
    pub exact: f64,
    /// The same rounded up.
    pub first: u64,
    /// Observations of the second sample, where there is one.
    pub second: Option<u64>,
    /// Observations in all.
    pub total: u64,
}

impl Design {
    /// A two-sided test at 5 % with samples of equal size.
    pub fn new(family: TestFamily, effect: f64) -> Self {
        Self {
            family,
            effect,
            alpha: 0.05,
            alternative: Alternative::TwoSided,
            ratio: 1.0,
        }
    }

    /// The probability of rejecting with `n` observations in the first sample (in each group; pairs
    /// for paired tests). Need not be whole.
    pub fn power(&self, n: f64) -> Result<f64> {
        self.check()?;
        positive("n", n)?;
        let least = self.family.smallest(self.ratio);
        if n < least {
            return Err(StatsError::TooFew {
                need: least.ceil() as usize,
                got: n as usize,
            });
        }
        self.family
            .power(self.effect, n, self.alpha, self.alternative, self.ratio)
    }

    /// The smallest samples that reach `power`, which must lie between `alpha` and 1.
    pub fn sample_size(&self, power: f64) -> Result<SampleSize> {
        self.check()?;
        self.reachable(power)?;
        if self.effect == 0.0 {
            return Err(StatsError::Invalid {
                name: "effect",
                why: "no sample finds an effect of zero",
            });
        }
        let low = self.family.smallest(self.ratio);
        let exact = rising_root(|n| self.power(n), power, low, SAMPLE_SIZE_MAX)?.ok_or(
            StatsError::Invalid {
                name: "effect",
                why: "it lies against the alternative or is too small for 1e12 observations",
            },
        )?;
        // What rounding alone put above a whole number is no reason for one more.
        let first = (exact * (1.0 - 1e-12)).ceil() as u64;
        let second = (self.family.samples() == 2)
            .then(|| (first as f64 * self.ratio * (1.0 - 1e-12)).ceil() as u64);
        let total = match self.family {
            TestFamily::Anova { groups } => first * u64::from(groups),
            _ => first + second.unwrap_or(0),
        };
        Ok(SampleSize {
            exact,
            first,
            second,
            total,
        })
    }

    /// The smallest effect, in the direction of the alternative, that `n` observations in the first
    /// sample find with the given power. `effect` is not used.
    pub fn detectable_effect(&self, n: f64, power: f64) -> Result<f64> {
        self.check()?;
        self.reachable(power)?;
        let sign = if self.alternative == Alternative::Less {
            -1.0
        } else {
            1.0
        };
        let (null, largest) = self.family.effect_range(sign);
        let at = |distance: f64| {
            let effect = null + sign * distance;
            Self { effect, ..*self }.power(n)
        };
        let distance =
            rising_root(at, power, 0.0, (largest - null).abs())?.ok_or(StatsError::Invalid {
                name: "n",
                why: "not even the largest effect is found with so few observations",
            })?;
        Ok(null + sign * distance)
    }

    fn check(&self) -> Result<()> {
        error::level(self.alpha).map_err(|_| StatsError::Invalid {
            name: "alpha",
            why: "it must lie strictly between 0 and 1",
        })?;
        if !(1e-6..=1e6).contains(&self.ratio) {
            return Err(StatsError::Invalid {
                name: "ratio",
                why: "it must lie in 1e-6..=1e6",
            });
        }
        self.family.check(self.effect, self.alternative)
    }

    fn reachable(&self, power: f64) -> Result<()> {
        if power > self.alpha && power < 1.0 {
            return Ok(());
        }
        Err(StatsError::Invalid {
            name: "power",
            why: "it must lie between alpha and 1",
        })
    }
}

#[cfg(test)]
mod tests;
