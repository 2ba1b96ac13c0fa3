//! A bootstrap distribution of independent observations, and the intervals read from it.
//!
//! Invariant: an interval never leaves the range of the resampled statistics (percentile, `BCa`), or
//! its mirror image (basic). `BCa` corrects bias and skewness to second order; it is the one to take
//! unless the sample is smaller than about 20, where all are too short.
//! Sources: Efron, "Better bootstrap confidence intervals", JASA 82 (1987), `BCa`; Davison & Hinkley,
//! "Bootstrap methods and their application" (1997), §5.2 to 5.4, and §5.7 for two samples.

use crate::describe::sd;
use crate::distribution::Normal;
use crate::error::{self, Result};
use crate::hypothesis::Interval;
use crate::quantile::{QuantileType, SortedSample};

/// The distribution of a statistic over resamples.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    /// The statistic of the sample.
    pub estimate: f64,
    /// Standard deviation of the resampled statistics.
    pub standard_error: f64,
    /// Acceleration: how fast the standard error changes with the statistic, by the jackknife.
    pub acceleration: f64,
    replicates: SortedSample,
}

impl Bootstrap {
    /// From the resampled statistics and the jackknife's values of each sample.
    pub(super) fn new(estimate: f64, replicates: &[f64], jackknives: &[Jackknife]) -> Result<Self> {
        let replicates = SortedSample::new(replicates)?;
        let (cubes, squares) = jackknives.iter().fold((0.0, 0.0), |(cubes, squares), one| {
            (cubes + one.cubes, squares + one.squares)
        });
        let acceleration = cubes / (6.0 * squares.powf(1.5));
        Ok(Self {
            estimate,
            standard_error: sd(replicates.as_slice())?,
            acceleration: if acceleration.is_finite() {
                acceleration
            } else {
                0.0
            },
            replicates,
        })
    }

    /// The resampled statistics in ascending order.
    pub fn replicates(&self) -> &[f64] {
        self.replicates.as_slice()
    }

    /// The interval between two quantiles of the resampled statistics.
    pub fn percentile(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        self.between([0.5 * (1.0 - level), 0.5 * (1.0 + level)], level)
    }

    /// The percentile interval reflected at the estimate.
    pub fn basic(&self, level: f64) -> Result<Interval> {
        let inner = self.percentile(level)?;
        Ok(Interval {
            low: error::in_range("the interval", 2.0 * self.estimate - inner.high)?,
            high: error::in_range("the interval", 2.0 * self.estimate - inner.low)?,
            level,
        })
    }

    /// The bias-corrected and accelerated interval.
    pub fn bca(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        let z = Normal::STANDARD.inverse_sf(0.5 * (1.0 - level))?;
        let bias = self.bias()?;
        let end = |z: f64| {
            let moved = bias + z;
            // Past this point the transformation would turn back.
            let stretch = 1.0 - self.acceleration * moved;
            if stretch > 0.0 {
                Normal::STANDARD.cdf(bias + moved / stretch)
            } else if moved > 0.0 {
                1.0
            } else {
                0.0
            }
        };
        self.between([end(-z), end(z)], level)
    }

    /// How many normal deviates the estimate lies from the median of the resampled statistics, ties
    /// as halves; an estimate outside them all counts as half a resample inside.
    fn bias(&self) -> Result<f64> {
        let values = self.replicates();
        let below = values.partition_point(|v| *v < self.estimate);
        let through = values.partition_point(|v| *v <= self.estimate);
        let n = values.len() as f64;
        let share = (0.5 * (below + through) as f64).clamp(0.5, n - 0.5) / n;
        Normal::STANDARD.quantile(share)
    }

    fn between(&self, [low, high]: [f64; 2], level: f64) -> Result<Interval> {
        let at = |p: f64| self.replicates.quantile(p, QuantileType::Linear7);
        Ok(Interval {
            low: at(low)?,
            high: at(high)?,
            level,
        })
    }
}

/// Sums over one sample's influence values, as the acceleration needs them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jackknife {
    cubes: f64,
    squares: f64,
}

impl Jackknife {
    /// From the statistic without each observation in turn: (value, how many observations give it).
    pub(super) fn new(without: &[(f64, f64)]) -> Self {
        let n: f64 = without.iter().map(|(_, count)| count).sum();
        let mean = without
            .iter()
            .map(|(value, count)| value / n * count)
            .sum::<f64>();
        let scale = without
            .iter()
            .fold(0.0f64, |m, (value, _)| m.max((mean - value).abs()));
        let scale = if scale > 0.0 { scale } else { 1.0 };
        // The scale cancels only where samples share it, so it goes back in; cubes of what two
        // samples hold may still overflow, and the acceleration is zero then.
        let power = |k: i32| -> f64 {
            let term = |(value, count): &(f64, f64)| count * ((mean - value) / scale).powi(k);
            without.iter().map(term).sum()
        };
        let unit = scale * (n - 1.0) / n;
        Self {
            cubes: power(3) * unit.powi(3),
            squares: power(2) * unit.powi(2),
        }
    }

    /// Of the statistic with its sign turned, as of a sample that is subtracted.
    pub(super) fn negated(self) -> Self {
        Self {
            cubes: -self.cubes,
            ..self
        }
    }
}
