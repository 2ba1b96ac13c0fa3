//! Block bootstrap of any statistic of one dependent series.
//!
//! Invariant: as for two series, the statistic gives the shape of the distribution, the dependence
//! gives its width: the arms are stretched to what the noise models of
//! [`estimate_mean`](crate::dependence::estimate_mean) find for the series' influence values.
//! Below [`MIN_EFFECTIVE_N`](crate::dependence::MIN_EFFECTIVE_N) effective observations nothing should
//! stand on it ([`SeriesBootstrap::is_decidable`]).
//! Sources: those of the blocks; Götze & Künsch, Annals of Statistics 24 (1996), why they need
//! studentising.

use super::blocks::{block, mean_at};
use super::{BootstrapPlan, Series, check_resamples, finite, resample_indices};
use crate::dependence::{MIN_EFFECTIVE_N, MeanEstimate, estimate_mean};
use crate::describe::sd;
use crate::distribution::Normal;
use crate::error::{self, Result, StatsError};
use crate::hypothesis::Interval;
use crate::quantile::{QuantileType, SortedSample};
use crate::rng::Rng;

/// The distribution of a statistic over block resamples of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesBootstrap {
    /// The statistic of the series as observed.
    pub estimate: f64,
    /// Standard deviation of the resampled statistics, before the correction for dependence.
    pub standard_error: f64,
    /// Block length used.
    pub block: usize,
    /// Effective number of observations.
    pub effective_n: f64,
    replicates: SortedSample,
    /// The mean influence, in units of the standard error that blocks alone give it; none where the
    /// series is constant.
    width: Option<MeanEstimate>,
}

/// Resamples a series `plan.resamples` times; `statistic` gets as many indices as the series has
/// observations and must return a finite number.
///
/// ```
/// use tacho_stats::bootstrap::{BlockScheme, BootstrapPlan, Series, block_bootstrap};
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(1);
/// let x: Vec<f64> = (0..80).map(|_| 10.0 + rng.standard_normal()).collect();
/// let plan = BootstrapPlan { resamples: 2_000, seed: 7, scheme: BlockScheme::Stationary };
/// let series = Series { influence: &x, block: None };
/// let result = block_bootstrap(series, plan, |indices| {
///     indices.iter().map(|i| x[*i]).sum::<f64>() / indices.len() as f64
/// })?;
/// assert!(result.is_decidable() && result.percentile(0.99)?.contains(10.0));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn block_bootstrap(
    series: Series<'_>,
    plan: BootstrapPlan,
    mut statistic: impl FnMut(&[usize]) -> f64,
) -> Result<SeriesBootstrap> {
    check_resamples(plan.resamples)?;
    let block = block(series, plan.scheme)?;
    let n = series.influence.len();
    let mut indices: Vec<usize> = (0..n).collect();
    let estimate = finite(statistic(&indices))?;
    let mut rng = Rng::new(plan.seed);
    let mut replicates = Vec::with_capacity(plan.resamples);
    let mut moved = Vec::with_capacity(plan.resamples);
    for _ in 0..plan.resamples {
        resample_indices(&mut rng, plan.scheme, block, &mut indices);
        replicates.push(finite(statistic(&indices))?);
        moved.push(mean_at(series.influence, &indices));
    }
    let replicates = SortedSample::from_vec(replicates)?;
    let unit = 1.0 / sd(&moved)?;
    let width = if unit.is_finite() {
        let scaled: Vec<f64> = series.influence.iter().map(|v| v * unit).collect();
        match estimate_mean(&scaled) {
            Err(StatsError::ZeroVariance) => None,
            width => Some(width?),
        }
    } else {
        None
    };
    Ok(SeriesBootstrap {
        estimate,
        standard_error: sd(replicates.as_slice())?,
        block,
        effective_n: width.as_ref().map_or(n as f64, |w| w.effective_n),
        replicates,
        width,
    })
}

impl SeriesBootstrap {
    /// Whether the series holds enough independent information for a verdict.
    pub fn is_decidable(&self) -> bool {
        self.effective_n >= MIN_EFFECTIVE_N
    }

    /// The percentile interval, its arms stretched for dependence.
    pub fn percentile(&self, level: f64) -> Result<Interval> {
        let (low, high) = self.arms(level)?;
        self.interval(low, high, level)
    }

    /// The basic (reflected) interval, its arms stretched for dependence.
    pub fn basic(&self, level: f64) -> Result<Interval> {
        let (low, high) = self.arms(level)?;
        self.interval(-high, -low, level)
    }

    /// By how much the arms are stretched at `level`; 1 would be the plain block bootstrap.
    pub fn stretch(&self, level: f64) -> Result<f64> {
        error::level(level)?;
        let normal = Normal::STANDARD.inverse_sf(0.5 * (1.0 - level))?;
        match &self.width {
            Some(width) => Ok(width.interval(level)?.half_width() / normal),
            None => Ok(1.0),
        }
    }

    fn interval(&self, low: f64, high: f64, level: f64) -> Result<Interval> {
        Ok(Interval {
            low: error::in_range("the interval", self.estimate + low)?,
            high: error::in_range("the interval", self.estimate + high)?,
            level,
        })
    }

    /// Ends of the percentile interval, relative to the estimate.
    fn arms(&self, level: f64) -> Result<(f64, f64)> {
        let stretch = self.stretch(level)?;
        let tail = 0.5 * (1.0 - level);
        let end = |p: f64| self.replicates.quantile(p, QuantileType::Linear7);
        let low = stretch * (end(tail)? - self.estimate);
        let high = stretch * (end(1.0 - tail)? - self.estimate);
        Ok((low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::BlockScheme;

    fn plan(scheme: BlockScheme) -> BootstrapPlan {
        BootstrapPlan {
            resamples: 1_000,
            seed: 1,
            scheme,
        }
    }

    #[test]
    fn mean_of_a_dependent_series_gets_its_long_run_width() {
        let mut rng = Rng::new(3);
        let mut state = 0.0;
        let x: Vec<f64> = (0..400)
            .map(|_| {
                state = 0.6 * state + rng.standard_normal();
                state
            })
            .collect();
        let want = estimate_mean(&x)
            .unwrap()
            .interval(0.95)
            .unwrap()
            .half_width();
        for scheme in [BlockScheme::Moving, BlockScheme::Stationary] {
            let series = Series {
                influence: &x,
                block: None,
            };
            let result = block_bootstrap(series, plan(scheme), |i| mean_at(&x, i)).unwrap();
            let got = result.percentile(0.95).unwrap();
            assert!(result.block > 3 && result.is_decidable());
            assert!(
                (got.half_width() / want - 1.0).abs() < 0.1,
                "{got:?} {want}"
            );
            let mirrored = result.basic(0.95).unwrap();
            assert!((mirrored.low - (2.0 * result.estimate - got.high)).abs() < 1e-12);
        }
    }

    #[test]
    fn edges() {
        let flat = Series {
            influence: &[2.0; 9],
            block: None,
        };
        let result = block_bootstrap(flat, plan(BlockScheme::Moving), |_| 2.0).unwrap();
        assert_eq!(result.percentile(0.9).unwrap().low, 2.0);
        let few = Series {
            influence: &[1.0, 2.0],
            block: None,
        };
        assert!(block_bootstrap(few, plan(BlockScheme::Moving), |_| 2.0).is_err());
        assert!(block_bootstrap(flat, plan(BlockScheme::Moving), |_| f64::NAN).is_err());
        let zero = Series {
            influence: &[1.0, 2.0, 3.0, 4.0],
            block: Some(0),
        };
        assert!(block_bootstrap(zero, plan(BlockScheme::Moving), |_| 2.0).is_err());
    }
}
