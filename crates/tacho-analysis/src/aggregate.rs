//! How the samples of a window of time become one number.
//!
//! Windows are open on the left and closed on the right, `(start, end]`, as in Prometheus 3, and
//! a value is stamped with the end of its window: a sample taken exactly on a boundary belongs to
//! the window that it ends. Steps are aligned to the epoch, so two readers of the same series get
//! the same points, and only complete steps are reported.
//!
//! What the stored shapes mean here:
//! - **gauge**: each sample is a value;
//! - **counter**: [`Function::Rate`] is the increase per second, a fall being a reset to zero;
//!   every other function sees the raw totals, as PromQL's `avg_over_time` does;
//! - **histogram**: each stored histogram holds the observations of its own interval, since the
//!   one before (delta, not cumulative), so windows merge them; `Rate` is observations per second.
//!
//! A staleness marker is no sample, and neither is any other NaN: both are skipped, so that one
//! bad reading does not hide an hour. Everything is one pass over the columns.
//!
//! Not for PromQL: the evaluator has that language's own rules (extrapolation, lookback).

mod group;
mod partial;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;
use std::time::Duration;

use tacho_model::{Columns, Shape, TimeRange, Timestamp};

pub use group::{Grouping, Series, merge_groups};
use partial::Partial;
pub use window::{LOOKBACK, Windows};

/// How samples become one number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Function {
    /// Mean of the samples; of a histogram, of its observations.
    Avg,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Sum.
    Sum,
    /// The newest sample; of histograms, the mean of the newest one.
    Last,
    /// Number of samples; of a histogram, of observations. Of nothing it is no value, not 0: what
    /// silence means is a rule's `no_data`.
    Count,
    /// Standard deviation with denominator n, as PromQL's `stddev_over_time`.
    Stddev,
    /// Median. Percentiles are of type 7; of histograms, within their relative error.
    P50,
    /// 90th percentile.
    P90,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// 99.9th percentile.
    P999,
    /// Increase per second of a counter, observations per second of a histogram, least-squares
    /// slope per second of anything else. The last sample before the window is its start.
    Rate,
}

impl Function {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::Sum,
        Self::Last,
        Self::Count,
        Self::Stddev,
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::Rate,
    ];

    /// Its name in rules, on the command line and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Last => "last",
            Self::Count => "count",
            Self::Stddev => "stddev",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Rate => "rate",
        }
    }

    /// The function of that name.
    ///
    /// ```
    /// use tacho_analysis::aggregate::Function;
    /// assert_eq!(Function::parse("p95"), Some(Function::P95));
    /// assert_eq!(Function::parse("median"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.as_str() == text)
    }

    /// What a graph shows when nothing else is asked for: `rate` of counters, else `avg`.
    pub const fn default_for(shape: Shape) -> Self {
        match shape {
            Shape::Counter => Self::Rate,
            Shape::Gauge | Shape::Histogram => Self::Avg,
        }
    }

    /// The fraction of a percentile function.
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
            _ => None,
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One number for the window `(range.start, range.end]`, or `None` when the samples in it do not
/// give one (none at all; for `Rate` of numbers, fewer than two with the one before the window).
///
/// `columns` may reach further than the window: for `Rate`, read from [`Windows::read_range`].
pub fn over(function: Function, columns: &Columns, shape: Shape, range: TimeRange) -> Option<f64> {
    let mut points = Vec::new();
    let windows = Windows::one(range);
    partial::each(function, columns, shape, windows, |_, partial| {
        points.push(partial);
    });
    points.pop().and_then(|p: Partial| p.value(function))
}

/// One point for each complete step inside `range` that has samples, stamped with the step's end.
/// A step is `(k·step, (k+1)·step]`; it is inside when its end is.
///
/// `columns` should begin at [`Windows::read_range`]; a zero step gives no points.
pub fn stepped(
    function: Function,
    columns: &Columns,
    shape: Shape,
    range: TimeRange,
    step: Duration,
) -> Vec<(Timestamp, f64)> {
    let mut points = Vec::new();
    let windows = Windows::steps(range, step);
    partial::each(function, columns, shape, windows, |end, partial| {
        points.extend(partial.value(function).map(|value| (end, value)));
    });
    points
}
