//! The change of a mean, between two series of values.

use tacho_stats::dependence::{MIN_N, MeanComparison, compare_means};
use tacho_stats::{Alternative, Interval, StatsError};

use super::decide::{Comparison, Shift};
use super::{EFFECTIVE_MIN, LEVEL, Statistic, align};
use crate::error::{AnalysisError, Result};
use crate::measurement::Summary;
use crate::metric::{Margin, MetricSpec};

/// Confidence of the interval that must lie inside the margin: two one-sided tests at 5 %.
pub(super) const STABLE_LEVEL: f64 = 0.90;

pub(super) fn compare(spec: &MetricSpec, before: &Summary, after: &Summary) -> Result<Comparison> {
    let (a, b) = align::values(&before.sample, &after.sample)?;
    let (a, b) = (
        recentred(a, before.estimate.mean),
        recentred(b, after.estimate.mean),
    );
    let (shift, effective_n) = shift_of_means(&a, &b, spec.margin)?;
    let margin = spec.margin.around(before.estimate.mean);
    let within = |s: &Summary| {
        let centre = before.estimate.mean;
        s.min >= centre - margin && s.max <= centre + margin && s.n as f64 >= EFFECTIVE_MIN
    };
    Ok(Comparison {
        contained: within(before) && within(after),
        decidable: effective_n.iter().all(|n| *n >= EFFECTIVE_MIN),
        effective_n,
        shifts: vec![shift],
        method: format!(
            "difference of means, t mixture over noise models for dependence, {} and {} values \
             at {:?}",
            a.len(),
            b.len(),
            before.step.max(after.step),
        ),
    })
}

/// The values moved so that their mean is the mean of everything that was measured: a sample that
/// was thinned tells how uncertain a mean is, generously, but all the values tell the mean best.
fn recentred(mut values: Vec<f64>, mean: f64) -> Vec<f64> {
    let thinned = values.iter().sum::<f64>() / values.len() as f64;
    let off = mean - thinned;
    // Rounding is no reason to touch values that are all there.
    if off.is_finite() && off.abs() > 1e-9 * mean.abs() {
        for value in &mut values {
            *value += off;
        }
    }
    values
}

/// The shift of the mean of `b` from `a`, and the effective sizes.
pub(super) fn shift_of_means(a: &[f64], b: &[f64], margin: Margin) -> Result<(Shift, [f64; 2])> {
    if a.len().min(b.len()) < MIN_N {
        return Ok((unknown(a, b)?, [a.len() as f64, b.len() as f64]));
    }
    let whole = match compare_means(a, b) {
        Ok(whole) => whole,
        Err(StatsError::ZeroVariance) => {
            return Ok((exact(a[0], b[0], margin), [a.len() as f64, b.len() as f64]));
        }
        Err(source) => return Err(failed(source)),
    };
    let inside = relative_inside(a, b, &whole, margin)? || absolute_inside(&whole, margin)?;
    let percent = whole.relative_interval(LEVEL).map_err(failed)?;
    Ok((
        Shift {
            statistic: Statistic::Mean,
            before: whole.mean_before,
            after: whole.mean_after,
            change: whole.difference,
            change_interval: whole.interval(LEVEL).map_err(failed)?,
            change_percent: whole.relative_change().map(|c| 100.0 * c),
            interval: percent.map(in_percent),
            standard_error: whole.standard_error,
            p_value: whole.p(Alternative::TwoSided),
            p_above: p_beyond(a, b, &whole, margin, 1.0)?,
            p_below: p_beyond(a, b, &whole, margin, -1.0)?,
            inside,
        },
        whole.effective_n,
    ))
}

fn failed(source: StatsError) -> AnalysisError {
    AnalysisError::Statistics {
        what: "the comparison of means",
        source,
    }
}

fn in_percent(interval: Interval) -> Interval {
    Interval {
        low: 100.0 * interval.low,
        high: 100.0 * interval.high,
        level: interval.level,
    }
}

/// Two-sided p-value of a change beyond both parts of the margin, above (`side` 1) or below (−1):
/// the larger of the p-values of "the mean of `b` is the mean of `a` with that part added".
fn p_beyond(
    a: &[f64],
    b: &[f64],
    whole: &MeanComparison,
    margin: Margin,
    side: f64,
) -> Result<f64> {
    // Where the estimate itself is not beyond, no p-value is below one.
    if side * whole.difference <= margin.around(whole.mean_before) {
        return Ok(1.0);
    }
    let claim = if side > 0.0 {
        Alternative::Greater
    } else {
        Alternative::Less
    };
    let mut p = whole.p(claim);
    if margin.relative > 0.0 {
        let moved = scaled(a, side * margin.relative);
        p = p.max(compare_means(&moved, b).map_err(failed)?.p(claim));
    }
    if margin.absolute > 0.0 {
        let moved: Vec<f64> = a.iter().map(|v| v + side * margin.absolute).collect();
        p = p.max(compare_means(&moved, b).map_err(failed)?.p(claim));
    }
    Ok((2.0 * p).min(1.0))
}

/// `a` with its mean moved by `part` of its magnitude: scaled, so that the uncertainty of the mean
/// moves along (Fieller).
fn scaled(a: &[f64], part: f64) -> Vec<f64> {
    let sign = if a.iter().sum::<f64>() < 0.0 {
        -1.0
    } else {
        1.0
    };
    a.iter().map(|v| v * (1.0 + sign * part)).collect()
}

/// Whether the 90 % interval lies inside the relative part of the margin.
fn relative_inside(a: &[f64], b: &[f64], whole: &MeanComparison, margin: Margin) -> Result<bool> {
    let limit = margin.relative * whole.mean_before.abs();
    if whole.difference.abs() >= limit {
        return Ok(false);
    }
    let alpha = (1.0 - STABLE_LEVEL) / 2.0;
    let below = compare_means(&scaled(a, margin.relative), b).map_err(failed)?;
    let above = compare_means(&scaled(a, -margin.relative), b).map_err(failed)?;
    Ok(below.p(Alternative::Less) < alpha && above.p(Alternative::Greater) < alpha)
}

/// Whether it lies inside the absolute part.
fn absolute_inside(whole: &MeanComparison, margin: Margin) -> Result<bool> {
    let interval = whole.interval(STABLE_LEVEL).map_err(failed)?;
    Ok(interval.low > -margin.absolute && interval.high < margin.absolute)
}

/// Two constants: the change is what it is.
fn exact(a: f64, b: f64, margin: Margin) -> Shift {
    let change = b - a;
    let beyond = change.abs() > margin.around(a);
    let p = |is: bool| if is { 0.0 } else { 1.0 };
    let around = |v: f64| Interval {
        low: v,
        high: v,
        level: LEVEL,
    };
    let percent = (a > 0.0).then(|| 100.0 * change / a);
    Shift {
        statistic: Statistic::Mean,
        before: a,
        after: b,
        change,
        change_interval: around(change),
        change_percent: percent,
        interval: percent.map(around),
        standard_error: 0.0,
        p_value: p(change != 0.0),
        p_above: p(beyond && change > 0.0),
        p_below: p(beyond && change < 0.0),
        inside: !beyond,
    }
}

/// Too few values for an interval.
fn unknown(a: &[f64], b: &[f64]) -> Result<Shift> {
    let mean = |x: &[f64]| tacho_stats::describe::mean(x).map_err(failed);
    let (before, after) = (mean(a)?, mean(b)?);
    let change = after - before;
    let everything = Interval {
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
        level: LEVEL,
    };
    Ok(Shift {
        statistic: Statistic::Mean,
        before,
        after,
        change,
        change_interval: everything,
        change_percent: (before > 0.0).then(|| 100.0 * change / before),
        interval: None,
        standard_error: f64::INFINITY,
        p_value: 1.0,
        p_above: 1.0,
        p_below: 1.0,
        inside: false,
    })
}
