//! The change of a latency: of its mean, p50, p95 and p99, each with its own interval.
//!
//! What is known of the shifts comes from [`tacho_stats::intervals`], where the unit is the interval
//! of time, not the request; here they become answers about a margin.

use tacho_model::Histogram;
use tacho_stats::dependence::MIN_N;
use tacho_stats::intervals::{self, Bucket, IntervalHistogram, Plan, Run, compare_runs};
use tacho_stats::{Alternative, Interval, StatsError};

use super::decide::{Comparison, Shift};
use super::{LEVEL, Settings, Statistic, align, means};
use crate::error::{AnalysisError, Result};
use crate::measurement::{Intervals, Summary};
use crate::metric::{Margin, MetricSpec};

const QUANTILES: [Statistic; 3] = [Statistic::P50, Statistic::P95, Statistic::P99];

pub(super) fn compare(
    spec: &MetricSpec,
    (before, a): (&Summary, &Intervals),
    (after, b): (&Summary, &Intervals),
    settings: &Settings,
) -> Result<Comparison> {
    let (parts_a, parts_b) = align::intervals(a, b)?;
    if parts_a.len().min(parts_b.len()) < MIN_N {
        return too_short(spec, before, after);
    }
    let width = a.width.max(b.width).as_secs_f64();
    let (first, second) = (run(&parts_a, width)?, run(&parts_b, width)?);
    let probabilities = QUANTILES.map(|s| s.quantile().unwrap_or_default());
    let plan = Plan {
        quantiles: &probabilities,
        resamples: settings.resamples,
        seed: settings.seed,
    };
    let found = compare_runs(&first, &second, plan).map_err(failed)?;
    let Some(mean) = &found.mean else {
        return too_short(spec, before, after);
    };
    let effective_n = mean.effective_n();
    let mut shifts = vec![shift(Statistic::Mean, mean, spec.margin)?];
    for (statistic, quantile) in QUANTILES.into_iter().zip(&found.quantiles) {
        let Some(quantile) = quantile else { continue };
        let shift = shift(statistic, quantile, spec.margin)?;
        // A tail that comes in bursts may be worth fewer intervals than the mean is.
        shifts.push(if quantile.is_decidable() {
            shift
        } else {
            undecided(shift)
        });
    }
    let [blocks_a, blocks_b] = found.blocks;
    Ok(Comparison {
        shifts,
        effective_n,
        contained: false,
        decidable: mean.is_decidable(),
        method: format!(
            "log ratios over intervals of {:?}: moving-block bootstrap (blocks of {blocks_a} and \
             {blocks_b}, {} resamples) for quantiles, t mixture over noise models for dependence, \
             the histograms' own uncertainty included, Simes over mean, p50, p95, p99",
            before.step.max(after.step),
            settings.resamples,
        ),
    })
}

/// Histograms of intervals of `width` seconds, at the coarsest resolution among them.
fn run(parts: &[Histogram], width: f64) -> Result<Run> {
    let schema = parts
        .iter()
        .map(Histogram::schema)
        .min()
        .unwrap_or_default();
    let interval = |part: &Histogram| {
        let mut part = part.clone();
        part.reduce_to(schema);
        let bucket = |(low, high, count)| Bucket { low, high, count };
        IntervalHistogram {
            buckets: part.buckets().map(bucket).collect(),
            sum: part.sum(),
            exposure: width,
        }
    };
    let intervals: Vec<IntervalHistogram> = parts.iter().map(interval).collect();
    Run::new(&intervals).map_err(failed)
}

fn failed(source: StatsError) -> AnalysisError {
    AnalysisError::Statistics {
        what: "the comparison of interval histograms",
        source,
    }
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

/// What a shift means for the margin.
fn shift(statistic: Statistic, found: &intervals::Shift, margin: Margin) -> Result<Shift> {
    let relative = margin.around(found.before) / found.before;
    let change = found.relative_change();
    let ends = found.relative_interval(LEVEL).map_err(failed)?;
    let inner = found
        .relative_interval(means::STABLE_LEVEL)
        .map_err(failed)?;
    let scaled = |scale: f64| Interval {
        low: scale * ends.low,
        high: scale * ends.high,
        level: LEVEL,
    };
    // Where the estimate itself is not beyond, no p-value is below one.
    let beyond = |is: bool, edge: f64, claim: Alternative| {
        if is {
            (2.0 * found.p(edge, claim)).min(1.0)
        } else {
            1.0
        }
    };
    Ok(Shift {
        statistic,
        before: found.before,
        after: found.after,
        change: found.after - found.before,
        change_interval: scaled(found.before),
        change_percent: Some(100.0 * change),
        interval: ends.high.is_finite().then(|| scaled(100.0)),
        standard_error: found.before * found.log_standard_error(),
        p_value: found.p(0.0, Alternative::TwoSided),
        p_above: beyond(change > relative, relative, Alternative::Greater),
        // Nothing falls by more than all of it.
        p_below: beyond(change < -relative, -relative.min(0.999), Alternative::Less),
        inside: inner.low > -relative && inner.high < relative,
    })
}
