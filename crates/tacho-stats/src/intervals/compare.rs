//! The shift of a mean, of quantiles and of the rate between two runs.

use super::blocks::MovingBlocks;
use super::run::{Located, Run};
use crate::bootstrap::{RESAMPLES_MAX, RESAMPLES_MIN};
use crate::dependence::{MeanComparison, compare_means};
use crate::error::{self, Result, StatsError};
use crate::hypothesis::{Alternative, Interval};

/// Fewest observations beyond a quantile, on each side, for it to be judged.
pub const BEYOND_MIN: f64 = 10.0;

/// What to compare, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan<'a> {
    /// Probabilities of the quantiles, strictly between 0 and 1.
    pub quantiles: &'a [f64],
    /// Number of resamples; a few hundred give a quantile's leverage.
    pub resamples: usize,
    /// Seed of the generator.
    pub seed: u64,
}

/// Two runs compared.
#[derive(Debug, Clone, PartialEq)]
pub struct RunComparison {
    /// Of the mean observation; none where one of the means is not above zero.
    pub mean: Option<Shift>,
    /// Of the observations per unit of exposure; none where a run is empty.
    pub rate: Option<Shift>,
    /// Of each quantile of the plan; none where fewer than [`BEYOND_MIN`] observations lie beyond
    /// it on one side, or it is not above zero.
    pub quantiles: Vec<Option<Shift>>,
    /// Block lengths in intervals.
    pub blocks: [usize; 2],
}

/// The change of one statistic, known on the logarithm.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// The statistic of the first run.
    pub before: f64,
    /// Of the second.
    pub after: f64,
    /// What the buckets leave open of the logarithm of their ratio.
    pub resolution: Resolution,
    /// Of the influence values, whose means are the logarithms of the statistic; none where both
    /// runs are constant.
    comparison: Option<MeanComparison>,
    intervals: [usize; 2],
}

/// What a histogram leaves open of the logarithm of a quantile, because a bucket does not say where
/// in it an observation was.
///
/// Nothing is known of the place in a bucket but its bounds, so the error is taken as uniform there:
/// the standard way with the resolution of a display (JCGM 100:2008, "Guide to the expression of
/// uncertainty in measurement", F.2.2.1). More intervals do not make it smaller.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Resolution {
    /// Standard uncertainty: the width of the bucket on the logarithm, over √12.
    pub standard: f64,
    /// The farthest that the truth can lie from the estimate.
    pub most: f64,
}

impl Resolution {
    fn of(quantile: Located) -> Self {
        let Located { value, low, high } = quantile;
        Self {
            standard: (high / low).ln() / 12f64.sqrt(),
            most: (high / value).ln().max((value / low).ln()),
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            standard: self.standard.hypot(other.standard),
            most: self.most + other.most,
        }
    }
}

/// Compares the mean, the rate and quantiles of two runs.
///
/// ```
/// use tacho_stats::intervals::{Bucket, IntervalHistogram, Plan, Run, compare_runs};
/// use tacho_stats::rng::Rng;
///
/// // Thirty intervals of 200 requests each, in buckets of 10 ms; the second run takes 30 % longer.
/// let mut rng = Rng::new(1);
/// let mut run = |scale: f64| {
///     let interval = |_| {
///         let mut counts = [0.0; 60];
///         let mut sum = 0.0;
///         for _ in 0..200 {
///             let ms = scale * (100.0 + 20.0 * rng.standard_normal()).clamp(10.0, 400.0);
///             counts[(ms / 10.0) as usize] += 1.0;
///             sum += ms;
///         }
///         let bucket = |(k, count)| Bucket { low: 10.0 * k as f64, high: 10.0 * (k + 1) as f64, count };
///         let buckets = counts.into_iter().enumerate().map(bucket).collect();
///         IntervalHistogram { buckets, sum, exposure: 15.0 }
///     };
///     Run::new(&(0..30).map(interval).collect::<Vec<_>>())
/// };
/// let (before, after) = (run(1.0)?, run(1.3)?);
/// let plan = Plan { quantiles: &[0.5, 0.95], resamples: 300, seed: 1 };
/// let comparison = compare_runs(&before, &after, plan)?;
/// let mean = comparison.mean.expect("the mean is above zero");
/// assert!(mean.is_decidable() && mean.relative_interval(0.95)?.contains(0.3));
/// let p95 = comparison.quantiles[1].as_ref().expect("300 requests lie beyond it");
/// assert!(p95.relative_interval(0.95)?.contains(0.3));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn compare_runs(before: &Run, after: &Run, plan: Plan<'_>) -> Result<RunComparison> {
    if !(RESAMPLES_MIN..=RESAMPLES_MAX).contains(&plan.resamples) {
        return Err(StatsError::Invalid {
            name: "resamples",
            why: "100 to 10 000 000 are accepted",
        });
    }
    for q in plan.quantiles {
        error::level(*q)?;
    }
    let runs = [before, after];
    let intervals = runs.map(Run::intervals);
    let both = |sides: [Option<Influence>; 2]| -> Result<Option<Shift>> {
        let [Some(a), Some(b)] = sides else {
            return Ok(None);
        };
        Shift::new(&a, &b, intervals).map(Some)
    };
    let quantiles = runs.map(|run| Quantile::of_run(run, plan.quantiles));
    let [first, second] = [0, 1].map(|side| {
        let seed = plan.seed.wrapping_mul(2).wrapping_add(side as u64);
        with_leverage(runs[side], &quantiles[side], plan, seed)
    });
    Ok(RunComparison {
        mean: both(runs.map(|run| ratio_influence(&run.sums, &run.counts)))?,
        rate: both(runs.map(|run| ratio_influence(&run.counts, &run.exposures)))?,
        quantiles: first
            .into_iter()
            .zip(second)
            .map(|(a, b)| both([a, b]))
            .collect::<Result<_>>()?,
        blocks: runs.map(|run| run.block),
    })
}

impl Shift {
    fn new(before: &Influence, after: &Influence, intervals: [usize; 2]) -> Result<Self> {
        let comparison = match compare_means(&before.values, &after.values) {
            Ok(comparison) => Some(comparison),
            Err(StatsError::ZeroVariance) => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            before: before.estimate,
            after: after.estimate,
            resolution: before.resolution.with(after.resolution),
            comparison,
            intervals,
        })
    }

    /// After over before, less one.
    pub fn relative_change(&self) -> f64 {
        self.after / self.before - 1.0
    }

    /// Standard error of the logarithm of the ratio, the histograms' uncertainty included.
    pub fn log_standard_error(&self) -> f64 {
        self.sampling_error().hypot(self.resolution.standard)
    }

    fn sampling_error(&self) -> f64 {
        self.comparison.as_ref().map_or(0.0, |c| c.standard_error)
    }

    /// How much wider the histograms' uncertainty makes an interval; infinite where nothing but
    /// that uncertainty is there.
    fn stretch(&self) -> f64 {
        let sampling = self.sampling_error();
        if self.resolution.standard == 0.0 {
            1.0
        } else {
            self.log_standard_error() / sampling
        }
    }

    /// Numbers of independent intervals that would say as much of this statistic.
    pub fn effective_n(&self) -> [f64; 2] {
        match &self.comparison {
            Some(comparison) => comparison.effective_n,
            None => self.intervals.map(|n| n as f64),
        }
    }

    /// Whether both runs hold enough independent information for a verdict.
    pub fn is_decidable(&self) -> bool {
        self.effective_n()
            .iter()
            .all(|n| *n >= crate::dependence::MIN_EFFECTIVE_N)
    }

    /// Confidence interval of the relative change, the histograms' uncertainty included.
    pub fn relative_interval(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        let centre = (self.after / self.before).ln();
        let reach = match &self.comparison {
            Some(comparison) => {
                let margin = comparison.interval(level)?.half_width();
                (margin * self.stretch()).min(margin + self.resolution.most)
            }
            None => self.resolution.most,
        };
        Ok(Interval {
            low: (centre - reach).exp_m1(),
            high: (centre + reach).exp_m1(),
            level,
        })
    }

    /// p-value of "the relative change is `change`", the histograms' uncertainty included;
    /// [`Alternative::Greater`] claims that it is larger. `change` lies above −1.
    pub fn p(&self, change: f64, alternative: Alternative) -> f64 {
        let distance = (self.after / self.before).ln() - change.ln_1p();
        let beyond = (distance.abs() - self.resolution.most).max(0.0);
        let two_sided = match &self.comparison {
            Some(comparison) => {
                let stretched = comparison.tail(distance / self.stretch());
                stretched.min(comparison.tail(beyond))
            }
            None => f64::from(beyond == 0.0),
        };
        alternative.sided(two_sided, distance)
    }
}

/// A statistic on the logarithm, as one value an interval whose mean it is.
struct Influence {
    estimate: f64,
    resolution: Resolution,
    values: Vec<f64>,
}

/// Of the logarithm of Σ `parts` / Σ `wholes`, by linearisation.
fn ratio_influence(parts: &[f64], wholes: &[f64]) -> Option<Influence> {
    let (part, whole): (f64, f64) = (parts.iter().sum(), wholes.iter().sum());
    let ratio = part / whole;
    let scale = part / parts.len() as f64;
    let values = parts
        .iter()
        .zip(wholes)
        .map(|(p, w)| ratio.ln() + (p - ratio * w) / scale)
        .collect();
    (ratio > 0.0 && ratio.is_finite()).then_some(Influence {
        estimate: ratio,
        resolution: Resolution::default(),
        values,
    })
}

/// A quantile of a run.
struct Quantile {
    located: Located,
    /// What each interval has beyond the quantile, more than its share, by mean interval.
    surplus: Vec<f64>,
}

impl Quantile {
    fn of_run(run: &Run, probabilities: &[f64]) -> Vec<Option<Self>> {
        let per_interval = run.observations() / run.intervals() as f64;
        let quantile = |q: &f64| {
            let beyond = (1.0 - q).min(*q) * run.observations();
            let located = run.quantile(*q).filter(|_| beyond >= BEYOND_MIN)?;
            let above = run.above(located.value).into_iter().zip(&run.counts);
            let surplus = above
                .map(|(a, c)| (a - (1.0 - q) * c) / per_interval)
                .collect();
            Some(Self { located, surplus })
        };
        probabilities.iter().map(quantile).collect()
    }
}

/// How far the logarithm of each quantile moves for a surplus of one, by one bootstrap; and with
/// it the influence of each interval.
fn with_leverage(
    run: &Run,
    quantiles: &[Option<Quantile>],
    plan: Plan<'_>,
    seed: u64,
) -> Vec<Option<Influence>> {
    let per_interval = run.observations() / run.intervals() as f64;
    let mut spreads = vec![(Spread::default(), Spread::default()); quantiles.len()];
    let mut blocks = MovingBlocks::new(run.intervals(), run.block, seed);
    for _ in 0..plan.resamples {
        let weights = blocks.next();
        let count = dot(&run.counts, weights);
        for ((quantile, spread), q) in quantiles.iter().zip(&mut spreads).zip(plan.quantiles) {
            let Some(quantile) = quantile else { continue };
            let Some(moved) = run.locate(*q, weights).filter(|l| l.value > 0.0) else {
                continue;
            };
            spread.0.push(moved.value.ln());
            // Of the share beyond, which is what moves the quantile when counts differ.
            spread
                .1
                .push(dot(&quantile.surplus, weights) * per_interval / count);
        }
    }
    let influence = |(quantile, (value, surplus)): (&Option<Quantile>, &(Spread, Spread))| {
        let quantile = quantile.as_ref()?;
        let ratio = value.sd() / surplus.sd();
        let leverage = if ratio.is_finite() { ratio } else { 0.0 };
        let centre = quantile.located.value.ln();
        Some(Influence {
            estimate: quantile.located.value,
            resolution: Resolution::of(quantile.located),
            values: quantile
                .surplus
                .iter()
                .map(|u| centre + leverage * u)
                .collect(),
        })
    };
    quantiles.iter().zip(&spreads).map(influence).collect()
}

fn dot(x: &[f64], weights: &[f64]) -> f64 {
    x.iter().zip(weights).map(|(x, w)| x * w).sum()
}

/// Welford's running variance.
#[derive(Clone, Copy, Default)]
struct Spread {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn push(&mut self, value: f64) {
        self.n += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.n;
        self.squares += delta * (value - self.mean);
    }

    fn sd(&self) -> f64 {
        (self.squares / (self.n - 1.0)).sqrt()
    }
}
