//! Block bootstrap of any statistic of two dependent series.
//!
//! Invariant: resamples are index lists, so that the caller can merge what an index stands for (an
//! interval's histogram); nothing is allocated per resample; the same seed gives the same result.
//! The statistic gives the shape of the distribution, the dependence gives its width: plain block
//! bootstrap comes out too narrow in short dependent series, so each interval's arms are stretched
//! to what [`compare_means`] finds for the series' influence
//! values. Below [`MIN_EFFECTIVE_N`](crate::dependence::MIN_EFFECTIVE_N) effective observations no
//! verdict should stand on it ([`TwoSampleBootstrap::is_decidable`]).
//!
//! Sources: Künsch, Annals of Statistics 17 (1989), moving blocks; Politis & Romano, "The stationary
//! bootstrap", JASA 89 (1994); Davison & Hinkley, "Bootstrap methods and their application" (1997),
//! percentile and basic intervals; Götze & Künsch, Annals of Statistics 24 (1996), why blocks need
//! the studentising that the stretching does.

use crate::dependence::{MeanComparison, compare_means};
use crate::describe::sd;
use crate::distribution::Normal;
use crate::error::{self, Result, StatsError};
use crate::hypothesis::Interval;
use crate::quantile::{QuantileType, SortedSample};
use crate::rng::Rng;

use super::blocks::{block, mean_at};
use super::{BootstrapPlan, Series, check_resamples, resample_indices};

/// A bootstrap distribution: intervals at any level are read from the one set of resamples.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoSampleBootstrap {
    /// The statistic of the series as observed.
    pub estimate: f64,
    /// Standard deviation of the resampled statistics, before the correction for dependence.
    pub standard_error: f64,
    /// Block lengths used.
    pub blocks: [usize; 2],
    /// Effective numbers of observations.
    pub effective_n: [f64; 2],
    replicates: SortedSample,
    /// Influence values compared in units of the standard error that blocks alone give them.
    width: Option<MeanComparison>,
}

/// Resamples two series `plan.resamples` times.
///
/// `statistic` gets the indices of both series (each as long as its series; repeated where an
/// observation was drawn more than once) and must return a finite number. It is called first with
/// each index once, in order, which gives the estimate.
///
/// ```
/// use tacho_stats::bootstrap::{BlockScheme, BootstrapPlan, Series, two_sample_block_bootstrap};
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(1);
/// let mut series = |mean: f64| (0..50).map(|_| mean + rng.standard_normal()).collect::<Vec<f64>>();
/// let (a, b) = (series(10.0), series(12.0));
/// let mean = |x: &[f64], indices: &[usize]| {
///     indices.iter().map(|i| x[*i]).sum::<f64>() / indices.len() as f64
/// };
/// let plan = BootstrapPlan { resamples: 2_000, seed: 7, scheme: BlockScheme::Moving };
/// let result = two_sample_block_bootstrap(
///     Series { influence: &a, block: None },
///     Series { influence: &b, block: None },
///     plan,
///     |ia, ib| mean(&b, ib) - mean(&a, ia),
/// )?;
/// assert!(result.percentile(0.95)?.contains(2.0));
/// assert!(result.percentile(0.90)?.low > 1.0);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn two_sample_block_bootstrap(
    a: Series<'_>,
    b: Series<'_>,
    plan: BootstrapPlan,
    mut statistic: impl FnMut(&[usize], &[usize]) -> f64,
) -> Result<TwoSampleBootstrap> {
    check_resamples(plan.resamples)?;
    let (block_a, block_b) = (block(a, plan.scheme)?, block(b, plan.scheme)?);
    let mut indices_a: Vec<usize> = (0..a.influence.len()).collect();
    let mut indices_b: Vec<usize> = (0..b.influence.len()).collect();
    let estimate = statistic(&indices_a, &indices_b);
    if !estimate.is_finite() {
        let why = "its value on the observed series must be finite";
        return Err(StatsError::Invalid {
            name: "statistic",
            why,
        });
    }
    let mut rng = Rng::new(plan.seed);
    let mut replicates = Vec::with_capacity(plan.resamples);
    let mut moved = [(); 2].map(|()| Vec::with_capacity(plan.resamples));
    for _ in 0..plan.resamples {
        resample_indices(&mut rng, plan.scheme, block_a, &mut indices_a);
        resample_indices(&mut rng, plan.scheme, block_b, &mut indices_b);
        replicates.push(statistic(&indices_a, &indices_b));
        moved[0].push(mean_at(a.influence, &indices_a));
        moved[1].push(mean_at(b.influence, &indices_b));
    }
    let pull = [pull(&replicates, &moved[0]), pull(&replicates, &moved[1])];
    let replicates = SortedSample::from_vec(replicates)?;
    let errors = [sd(&moved[0])?, sd(&moved[1])?];
    let width = width((a.influence, errors[0]), (b.influence, errors[1]), pull)?;
    let effective_n = width
        .as_ref()
        .map_or([a.influence.len() as f64, b.influence.len() as f64], |w| {
            w.effective_n
        });
    Ok(TwoSampleBootstrap {
        estimate,
        standard_error: sd(replicates.as_slice())?,
        blocks: [block_a, block_b],
        effective_n,
        replicates,
        width,
    })
}

impl TwoSampleBootstrap {
    /// Whether both series hold enough independent information for a verdict.
    pub fn is_decidable(&self) -> bool {
        self.effective_n
            .iter()
            .all(|n| *n >= crate::dependence::MIN_EFFECTIVE_N)
    }

    /// The percentile interval, its arms stretched for dependence.
    pub fn percentile(&self, level: f64) -> Result<Interval> {
        let (low, high) = self.arms(level)?;
        Ok(Interval {
            low: self.estimate + low,
            high: self.estimate + high,
            level,
        })
    }

    /// The basic (reflected) interval, its arms stretched for dependence.
    pub fn basic(&self, level: f64) -> Result<Interval> {
        let (low, high) = self.arms(level)?;
        Ok(Interval {
            low: self.estimate - high,
            high: self.estimate - low,
            level,
        })
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

    /// Two-sided p-value of `null`, from the estimate's distance in corrected standard errors; it
    /// resolves tails that the resamples cannot, and may differ a little from the intervals where
    /// their arms differ in length. One where no resample differed.
    pub fn p(&self, null: f64) -> f64 {
        let distance = (self.estimate - null).abs() / self.standard_error;
        match &self.width {
            Some(width) if distance.is_finite() => width.tail(distance),
            _ => 1.0,
        }
    }

    /// Ends of the interval, relative to the estimate.
    fn arms(&self, level: f64) -> Result<(f64, f64)> {
        let stretch = self.stretch(level)?;
        let tail = 0.5 * (1.0 - level);
        let end = |p: f64| self.replicates.quantile(p, QuantileType::Linear7);
        let low = stretch * (end(tail)? - self.estimate);
        let high = stretch * (end(1.0 - tail)? - self.estimate);
        Ok((low, high))
    }
}

/// How far one standard deviation of a series' mean influence moves the statistic, by regression
/// over the resamples.
fn pull(replicates: &[f64], influence: &[f64]) -> f64 {
    let n = replicates.len() as f64;
    let centre = replicates.iter().sum::<f64>() / n;
    let middle = influence.iter().sum::<f64>() / n;
    let (mut together, mut square) = (0.0, 0.0);
    for (value, mean) in replicates.iter().zip(influence) {
        together += (value - centre) * (mean - middle);
        square += (mean - middle).powi(2);
    }
    let pull = together.abs() / square.sqrt();
    if pull.is_finite() { pull } else { 0.0 }
}

/// Both series' influence values, each with the standard deviation that resampling gives its mean, in
/// units in which their difference of means has a standard error of 1 under resampling, shared as their pulls are, compared honestly.
fn width(a: (&[f64], f64), b: (&[f64], f64), pull: [f64; 2]) -> Result<Option<MeanComparison>> {
    let total = pull[0].hypot(pull[1]);
    let even = std::f64::consts::FRAC_1_SQRT_2;
    let share = if total > 0.0 {
        pull.map(|p| (p / total).max(1e-3))
    } else {
        [even; 2]
    };
    let unit = |(x, error): (&[f64], f64), share: f64| {
        let factor = share / error;
        let scaled = || x.iter().map(|v| v * factor).collect::<Vec<f64>>();
        factor.is_finite().then(scaled)
    };
    match (unit(a, share[0]), unit(b, share[1])) {
        (Some(a), Some(b)) => compare_means(&a, &b).map(Some),
        // A side that never varies adds nothing; the other's width then stands for both.
        (Some(_), None) => one_sided(a),
        (None, Some(_)) => one_sided(b),
        (None, None) => Ok(None),
    }
}

/// The width where only one series varies.
fn one_sided((x, error): (&[f64], f64)) -> Result<Option<MeanComparison>> {
    let factor = std::f64::consts::FRAC_1_SQRT_2 / error;
    let scaled: Vec<f64> = x.iter().map(|v| v * factor).collect();
    compare_means(&scaled, &scaled).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::BlockScheme;

    const PLAN: BootstrapPlan = BootstrapPlan {
        resamples: 500,
        seed: 1,
        scheme: BlockScheme::Moving,
    };

    fn mean(x: &[f64], indices: &[usize]) -> f64 {
        indices.iter().map(|i| x[*i]).sum::<f64>() / indices.len() as f64
    }

    #[test]
    fn intervals_nest_and_repeat() {
        let mut rng = Rng::new(4);
        let x: Vec<f64> = (0..60).map(|_| rng.standard_normal()).collect();
        let run = |scheme| {
            let series = Series {
                influence: &x,
                block: None,
            };
            let plan = BootstrapPlan { scheme, ..PLAN };
            two_sample_block_bootstrap(series, series, plan, |i, j| mean(&x, j) - mean(&x, i))
                .unwrap()
        };
        for scheme in [BlockScheme::Moving, BlockScheme::Stationary] {
            let result = run(scheme);
            assert_eq!(result, run(scheme));
            assert_eq!(result.estimate, 0.0);
            let (wide, narrow) = (
                result.percentile(0.95).unwrap(),
                result.percentile(0.9).unwrap(),
            );
            assert!(wide.low < narrow.low && narrow.high < wide.high);
            assert!(result.basic(0.95).unwrap().contains(0.0));
            assert!((result.p(0.0) - 1.0).abs() < 1e-12);
            assert!(result.p(1.0) < 0.01);
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let x = [1.0, 2.0, 1.0, 2.0, 3.0];
        let good = Series {
            influence: &x,
            block: Some(2),
        };
        let zero = Series {
            influence: &x,
            block: Some(0),
        };
        let short = Series {
            influence: &x[..3],
            block: None,
        };
        let few = BootstrapPlan {
            resamples: 9,
            ..PLAN
        };
        let sum = |i: &[usize], j: &[usize]| mean(&x, i) + mean(&x, j);
        assert!(two_sample_block_bootstrap(good, zero, PLAN, sum).is_err());
        assert!(two_sample_block_bootstrap(short, good, PLAN, sum).is_err());
        assert!(two_sample_block_bootstrap(good, good, few, sum).is_err());
        assert!(two_sample_block_bootstrap(good, good, PLAN, |_, _| f64::NAN).is_err());
        let flat = Series {
            influence: &[1.0; 5],
            block: None,
        };
        let constant = two_sample_block_bootstrap(flat, flat, PLAN, |_, _| 3.0).unwrap();
        assert_eq!(constant.percentile(0.95).unwrap().low, 3.0);
        assert_eq!(constant.p(3.0), 1.0);
    }
}
