//! The change of a latency: of its mean, p50, p95 and p99, each with its own interval.
//!
//! The unit is the interval of time, not the request: requests are not exchangeable, and a
//! histogram has lost their order. Each statistic is written as a mean over the intervals of its
//! influence (what the interval contributes to it, on the logarithm), and the means are compared
//! as dependent series. For the mean that is plain linearisation. For a quantile the influence of
//! an interval is its surplus of observations beyond the quantile, times how far the quantile
//! moves for a surplus of one: that factor, which hangs on the density in the tail, is the ratio
//! of the two spreads in a moving-block bootstrap over the intervals, with the block length of
//! their autocorrelation. So the bootstrap supplies the shape, and the noise models supply the
//! dependence that short blocks would miss.
//!
//! Sources: Künsch (1989); Woodruff (1952) for quantiles of clustered observations; Hampel (1974)
//! for influence.

use tacho_model::Histogram;
use tacho_stats::Interval;
use tacho_stats::dependence::{MIN_N, block_length};

use super::decide::{Comparison, Shift};
use super::resample::{Layout, MovingBlocks};
use super::{EFFECTIVE_MIN, LEVEL, Settings, Statistic, align, means};
use crate::error::Result;
use crate::measurement::{Intervals, Summary};
use crate::metric::{Margin, MetricSpec};

/// Fewest observations beyond a quantile, on each side, for it to be judged.
const BEYOND_MIN: f64 = 10.0;
const QUANTILES: [Statistic; 3] = [Statistic::P50, Statistic::P95, Statistic::P99];

pub(super) fn compare(
    spec: &MetricSpec,
    (before, a): (&Summary, &Intervals),
    (after, b): (&Summary, &Intervals),
    settings: &Settings,
) -> Result<Comparison> {
    let (a, b) = align::intervals(a, b)?;
    if a.len().min(b.len()) < MIN_N {
        return too_short(spec, before, after);
    }
    let sides = [Side::new(&a, settings, 0), Side::new(&b, settings, 1)];
    let [Some(first), Some(second)] = sides.each_ref().map(Side::mean) else {
        return too_short(spec, before, after);
    };
    let (mean, effective_n) = shift(Statistic::Mean, &first, &second, spec.margin)?;
    let mut shifts = vec![mean];
    for (q, statistic) in QUANTILES.into_iter().enumerate() {
        let [Some(first), Some(second)] = sides.each_ref().map(|s| s.quantile(q, statistic)) else {
            continue;
        };
        let (shift, effective_n) = shift(statistic, &first, &second, spec.margin)?;
        // A tail that comes in bursts may be worth fewer intervals than the mean is.
        let decidable = effective_n.iter().all(|n| *n >= EFFECTIVE_MIN);
        shifts.push(if decidable { shift } else { undecided(shift) });
    }
    let [blocks_a, blocks_b] = sides.each_ref().map(|s| s.block);
    Ok(Comparison {
        shifts,
        effective_n,
        contained: false,
        decidable: effective_n.iter().all(|n| *n >= EFFECTIVE_MIN),
        method: format!(
            "log ratios over intervals of {:?}: moving-block bootstrap (blocks of {blocks_a} and \
             {blocks_b}, {} resamples) for quantiles, t mixture over noise models for dependence, \
             Simes over mean, p50, p95, p99",
            before.step.max(after.step),
            settings.resamples,
        ),
    })
}

fn undecided(shift: Shift) -> Shift {
    Shift {
        p_above: 1.0,
        p_below: 1.0,
        inside: false,
        ..shift
    }
}

/// Fewer intervals than any interval estimate needs: the means as they are.
fn too_short(spec: &MetricSpec, before: &Summary, after: &Summary) -> Result<Comparison> {
    let means = [&before.estimate, &after.estimate].map(|e| [e.mean]);
    let (shift, _) = means::shift_of_means(&means[0], &means[1], spec.margin)?;
    Ok(Comparison {
        shifts: vec![shift],
        effective_n: [before.estimate.effective_n, after.estimate.effective_n],
        contained: false,
        decidable: false,
        method: "too few intervals to compare".to_owned(),
    })
}

/// A statistic on the logarithm, as one value an interval whose mean it is.
struct Influence {
    estimate: f64,
    values: Vec<f64>,
}

/// One side, resampled.
struct Side {
    layout: Layout,
    block: usize,
    /// The estimate of each quantile, and its logarithm in each resample.
    quantiles: [Option<Quantile>; 3],
}

struct Quantile {
    estimate: f64,
    /// What each interval has beyond the quantile, more than its share, by mean interval.
    surplus: Vec<f64>,
    /// How far the logarithm of the quantile moves for a surplus of one.
    leverage: f64,
}

impl Side {
    fn new(parts: &[Histogram], settings: &Settings, stream: u64) -> Self {
        let layout = Layout::new(parts);
        let means: Vec<f64> = parts.iter().filter_map(Histogram::mean).collect();
        let block = block_length(&means).map_or(1, |length| length.moving_blocks());
        let seed = settings.seed.wrapping_mul(2).wrapping_add(stream);
        let quantiles = quantiles(&layout, block, settings.resamples, seed);
        Self {
            layout,
            block,
            quantiles,
        }
    }

    fn mean(&self) -> Option<Influence> {
        let (sums, counts) = (&self.layout.sums, &self.layout.counts);
        let total = self.layout.observations();
        let mean = sums.iter().sum::<f64>() / total;
        let scale = mean * total / counts.len() as f64;
        let influence = sums
            .iter()
            .zip(counts)
            .map(|(s, c)| mean.ln() + (s - mean * c) / scale);
        (mean > 0.0).then(|| Influence {
            estimate: mean,
            values: influence.collect(),
        })
    }

    fn quantile(&self, index: usize, statistic: Statistic) -> Option<Influence> {
        let beyond = (1.0 - statistic.quantile()?) * self.layout.observations();
        let quantile = self.quantiles[index]
            .as_ref()
            .filter(|_| beyond >= BEYOND_MIN)?;
        let centre = quantile.estimate.ln();
        let values = quantile
            .surplus
            .iter()
            .map(|u| centre + quantile.leverage * u);
        Some(Influence {
            estimate: quantile.estimate,
            values: values.collect(),
        })
    }
}

/// The three quantiles with their leverage, by one bootstrap.
fn quantiles(layout: &Layout, block: usize, resamples: usize, seed: u64) -> [Option<Quantile>; 3] {
    let n = layout.counts.len();
    let ones = vec![1.0; n];
    let per_interval = layout.observations() / n as f64;
    let mut found = QUANTILES.map(|statistic| {
        let q = statistic.quantile()?;
        let estimate = layout
            .quantile(q, &ones)
            .filter(|v| *v > 0.0 && v.is_finite())?;
        let above = layout.above(estimate).into_iter().zip(&layout.counts);
        let surplus: Vec<f64> = above
            .map(|(a, c)| (a - (1.0 - q) * c) / per_interval)
            .collect();
        Some(Quantile {
            estimate,
            surplus,
            leverage: 0.0,
        })
    });
    let mut spreads = [(Spread::default(), Spread::default()); 3];
    let mut blocks = MovingBlocks::new(n, block, seed);
    for _ in 0..resamples {
        let weights = blocks.next();
        let count: f64 = layout.counts.iter().zip(weights).map(|(c, w)| c * w).sum();
        for ((quantile, spread), statistic) in found.iter().zip(&mut spreads).zip(QUANTILES) {
            let (Some(quantile), Some(q)) = (quantile, statistic.quantile()) else {
                continue;
            };
            let Some(value) = layout.quantile(q, weights).filter(|v| *v > 0.0) else {
                continue;
            };
            let surplus: f64 = quantile
                .surplus
                .iter()
                .zip(weights)
                .map(|(u, w)| u * w)
                .sum();
            spread.0.push(value.ln());
            // Of the share beyond, which is what moves the quantile when counts differ.
            spread.1.push(surplus * per_interval / count);
        }
    }
    for (quantile, (value, surplus)) in found.iter_mut().zip(&spreads) {
        if let Some(quantile) = quantile {
            let ratio = value.sd() / surplus.sd();
            quantile.leverage = if ratio.is_finite() { ratio } else { 0.0 };
        }
    }
    found
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

/// Compares two influences: differences of logarithms are ratios.
fn shift(
    statistic: Statistic,
    before: &Influence,
    after: &Influence,
    margin: Margin,
) -> Result<(Shift, [f64; 2])> {
    // On the logarithm the margin is not symmetric: 5 % up is less far than 5 % down.
    let relative = margin.around(before.estimate) / before.estimate;
    let up = Margin {
        relative: 0.0,
        absolute: relative.ln_1p(),
    };
    let down = Margin {
        relative: 0.0,
        absolute: -(-relative.min(0.999)).ln_1p(),
    };
    let (above, effective_n) = means::shift_of_means(&before.values, &after.values, up)?;
    let (below, _) = means::shift_of_means(&before.values, &after.values, down)?;
    let percent = |log: f64| 100.0 * log.exp_m1();
    let ends = above.change_interval;
    let interval = |scale: f64| Interval {
        low: scale * percent(ends.low),
        high: scale * percent(ends.high),
        level: LEVEL,
    };
    let unit = before.estimate / 100.0;
    let shift = Shift {
        statistic,
        before: before.estimate,
        after: after.estimate,
        change: after.estimate - before.estimate,
        change_interval: interval(unit),
        change_percent: Some(100.0 * (after.estimate / before.estimate - 1.0)),
        interval: ends.low.is_finite().then(|| interval(1.0)),
        standard_error: before.estimate * above.standard_error,
        p_value: above.p_value,
        p_above: above.p_above,
        p_below: below.p_below,
        // The narrower side decides for both: slightly strict, never lax.
        inside: above.inside,
    };
    Ok((shift, effective_n))
}
