//! What was measured of one metric during one window, and what is kept of it.
//!
//! A [`Measurement`] is raw: values at a fixed step, or one histogram an interval. A [`Summary`]
//! is what survives of it when the raw data has gone, enough to compare it with another: the
//! mean with its standard error under dependence, the distribution, a bounded sample in order of
//! time, and for latencies a bounded sample of interval histograms.
//!
//! Samples are thinned in blocks: evenly spaced runs of neighbours, so that what neighbours have
//! to do with each other survives; single values picked far apart would look
//! independent. The mean and its standard error are those of all the values.

use std::time::Duration;

use tacho_model::{Histogram, TimeRange, Timestamp};
use tacho_stats::quantile::{QuantileType, SortedSample};

use crate::error::{AnalysisError, Result};

pub(crate) mod estimate;
mod thin;

pub use estimate::Estimate;

/// Most raw values kept of a series.
pub const SAMPLE_MAX: usize = 2_000;
/// Most interval histograms kept.
pub const INTERVALS_MAX: usize = 480;
/// Most points kept of the course over time.
pub const TREND_MAX: usize = 120;
/// Percentiles kept of every distribution: p1 to p99.9.
pub const PERCENTILES: [f64; 11] = [
    0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.98, 0.99, 0.999,
];

/// What was measured, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub enum Measurement {
    /// Values at a fixed step: gauges, rates of counters.
    Values {
        /// The time between two values.
        step: Duration,
        /// Time and value; not finite ones are left out of every figure.
        points: Vec<(Timestamp, f64)>,
    },
    /// One histogram of the observations of each interval.
    Intervals {
        /// The length of an interval: 15 s to 1 min.
        width: Duration,
        /// End of the interval, and what was observed in it; empty ones are left out.
        parts: Vec<(Timestamp, Histogram)>,
    },
}

/// A bounded sample of values in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The time between two neighbours of a block.
    pub step: Duration,
    /// The values, block after block.
    pub values: Vec<f64>,
    /// Length of a block; all of them when nothing was left out.
    pub block: usize,
}

/// Interval histograms, thinned in blocks like a [`Sample`]. They are not merged: a short window
/// could not be compared with intervals that are longer than its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervals {
    /// The length of one.
    pub width: Duration,
    /// In order of time.
    pub parts: Vec<Histogram>,
}

/// What is kept of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// From the first to the last sample.
    pub range: TimeRange,
    /// The time that one value or interval stands for.
    pub step: Duration,
    /// Number of values, or of intervals.
    pub n: usize,
    /// Number of single observations: equal to `n` for values.
    pub observations: f64,
    /// The mean of all observations, with its uncertainty under dependence.
    pub estimate: Estimate,
    /// Standard deviation of the observations.
    pub sd: f64,
    /// Smallest observation.
    pub min: f64,
    /// Largest observation.
    pub max: f64,
    /// `(fraction, value)` for each of [`PERCENTILES`].
    pub percentiles: Vec<(f64, f64)>,
    /// The distribution of the values, or of all observations.
    pub histogram: Histogram,
    /// Values (interval means, for latencies) in order of time.
    pub sample: Sample,
    /// For latencies.
    pub intervals: Option<Intervals>,
    /// The course over time: at most [`TREND_MAX`] means.
    pub trend: Vec<(Timestamp, f64)>,
}

impl Summary {
    /// Sums up a measurement.
    ///
    /// # Errors
    /// [`AnalysisError::NoData`] when nothing finite was measured.
    pub fn of(measurement: &Measurement) -> Result<Self> {
        match measurement {
            Measurement::Values { step, points } => Self::of_values(*step, points),
            Measurement::Intervals { width, parts } => Self::of_intervals(*width, parts),
        }
    }

    fn of_values(step: Duration, points: &[(Timestamp, f64)]) -> Result<Self> {
        let points: Vec<(Timestamp, f64)> = points
            .iter()
            .copied()
            .filter(|(_, v)| v.is_finite())
            .collect();
        let values: Vec<f64> = points.iter().map(|(_, v)| *v).collect();
        let range = range_of(&points, step)?;
        let failed = |source| AnalysisError::Statistics {
            what: "the distribution",
            source,
        };
        let sorted = SortedSample::new(&values).map_err(failed)?;
        let percentile = |p: f64| sorted.quantile(p, QuantileType::Linear7);
        let percentiles: std::result::Result<Vec<_>, _> = PERCENTILES
            .iter()
            .map(|p| Ok((*p, percentile(*p)?)))
            .collect();
        let mut histogram = Histogram::new();
        for value in &values {
            histogram.observe(*value);
        }
        let sd = if values.len() > 1 {
            tacho_stats::describe::sd(&values).map_err(failed)?
        } else {
            0.0
        };
        Ok(Self {
            range,
            step,
            n: values.len(),
            observations: values.len() as f64,
            estimate: Estimate::of(&values)?,
            sd,
            min: sorted.as_slice()[0],
            max: sorted.as_slice()[values.len() - 1],
            percentiles: percentiles.map_err(failed)?,
            histogram,
            sample: thin::sample(step, &values),
            intervals: None,
            trend: thin::trend(&points),
        })
    }

    fn of_intervals(width: Duration, parts: &[(Timestamp, Histogram)]) -> Result<Self> {
        let usable = |h: &Histogram| h.count() > 0.0 && h.sum().is_finite();
        let parts: Vec<&(Timestamp, Histogram)> = parts.iter().filter(|(_, h)| usable(h)).collect();
        let means: Vec<(Timestamp, f64)> = parts
            .iter()
            .filter_map(|(t, h)| Some((*t, h.mean()?)))
            .collect();
        let range = range_of(&means, width)?;
        let histograms: Vec<&Histogram> = parts.iter().map(|(_, h)| h).collect();
        let mut whole = Histogram::new();
        for part in &histograms {
            whole.merge(part);
        }
        let quantile = |q| {
            let none = AnalysisError::NoData { what: "the window" };
            whole.quantile(q).ok_or(none)
        };
        let percentiles: Result<Vec<_>> = PERCENTILES
            .iter()
            .map(|p| Ok((*p, quantile(*p)?)))
            .collect();
        let mean = whole.sum() / whole.count();
        let squares: f64 = whole
            .buckets()
            .map(|(low, high, n)| n * (f64::midpoint(low, high) - mean).powi(2))
            .sum();
        let values: Vec<f64> = means.iter().map(|(_, m)| *m).collect();
        let (counts, sums): (Vec<f64>, Vec<f64>) =
            parts.iter().map(|(_, h)| (h.count(), h.sum())).unzip();
        Ok(Self {
            range,
            step: width,
            n: parts.len(),
            observations: whole.count(),
            estimate: Estimate::of_ratio(&sums, &counts)?,
            sd: (squares / (whole.count() - 1.0).max(1.0)).max(0.0).sqrt(),
            min: quantile(0.0)?,
            max: quantile(1.0)?,
            percentiles: percentiles?,
            sample: thin::sample(width, &values),
            intervals: Some(thin::intervals(width, &histograms)),
            trend: thin::trend(&means),
            histogram: whole,
        })
    }

    /// One of [`PERCENTILES`].
    pub fn percentile(&self, p: f64) -> Option<f64> {
        let found = self.percentiles.iter().find(|(q, _)| *q == p);
        found.map(|(_, value)| *value)
    }
}

/// From one step before the first point, whose time is the end of its step, to the last.
fn range_of(points: &[(Timestamp, f64)], step: Duration) -> Result<TimeRange> {
    match points {
        [(first, _), .., (last, _)] => Ok(TimeRange::new(*first - step, *last)),
        [(only, _)] => Ok(TimeRange::new(*only - step, *only)),
        [] => Err(AnalysisError::NoData { what: "the window" }),
    }
}

#[cfg(test)]
mod tests;
