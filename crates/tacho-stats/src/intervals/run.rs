//! A run of interval histograms, laid out for resampling.
//!
//! Cumulative counts are kept bucket by bucket, each a row over the intervals, so that a quantile
//! of any weighting of the intervals is a binary search with a dot product a step, and a resample
//! never merges a histogram. Quantiles are interpolated inside their bucket (on the logarithm), so
//! that they move smoothly; they are off by no more than the bucket is wide.

use crate::dependence::{MIN_N, block_length};
use crate::error::{Result, StatsError};

/// One bucket of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Observations between them.
    pub count: f64,
}

/// What happened in one interval.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalHistogram {
    /// Buckets from the lowest value to the highest, not overlapping. Bounds that occur in several
    /// intervals of a run must be the same: bring the histograms to one resolution first.
    pub buckets: Vec<Bucket>,
    /// Sum of the observations.
    pub sum: f64,
    /// How long the interval was, in any unit; the rate is observations per this unit.
    pub exposure: f64,
}

/// A quantile and the bucket that it lies in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Located {
    /// The estimate, interpolated inside the bucket.
    pub value: f64,
    /// Lower bound of the bucket.
    pub low: f64,
    /// Upper bound of the bucket.
    pub high: f64,
}

/// Intervals in order of time, ready to be resampled.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    intervals: usize,
    /// `(low, high)` of each bucket, ascending.
    bounds: Vec<(f64, f64)>,
    /// Observations up to and in bucket k, in interval i, at `k * intervals + i`.
    cumulative: Vec<f64>,
    pub(super) sums: Vec<f64>,
    pub(super) counts: Vec<f64>,
    pub(super) exposures: Vec<f64>,
    /// Block length, in intervals.
    pub(super) block: usize,
}

impl Run {
    /// Lays out intervals in order of time; at least [`MIN_N`].
    pub fn new(intervals: &[IntervalHistogram]) -> Result<Self> {
        let n = intervals.len();
        if n < MIN_N {
            return Err(StatsError::TooFew {
                need: MIN_N,
                got: n,
            });
        }
        intervals.iter().try_for_each(check)?;
        let mut bounds: Vec<(f64, f64)> = intervals
            .iter()
            .flat_map(|interval| interval.buckets.iter().map(|b| (b.low, b.high)))
            .collect();
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        bounds.dedup();
        if bounds.windows(2).any(|pair| pair[0].1 > pair[1].0) {
            return Err(invalid("bounds must be the same in all intervals of a run"));
        }
        let mut cumulative = vec![0.0; bounds.len() * n];
        for (i, interval) in intervals.iter().enumerate() {
            let mut k = 0;
            for bucket in &interval.buckets {
                while bounds[k] != (bucket.low, bucket.high) {
                    k += 1;
                }
                cumulative[k * n + i] = bucket.count;
            }
        }
        for at in n..cumulative.len() {
            cumulative[at] += cumulative[at - n];
        }
        let count = |h: &IntervalHistogram| h.buckets.iter().map(|b| b.count).sum();
        let sums: Vec<f64> = intervals.iter().map(|h| h.sum).collect();
        let counts: Vec<f64> = intervals.iter().map(count).collect();
        let means: Vec<f64> = sums
            .iter()
            .zip(&counts)
            .filter(|(_, count)| **count > 0.0)
            .map(|(sum, count)| sum / count)
            .collect();
        Ok(Self {
            intervals: n,
            bounds,
            cumulative,
            sums,
            counts,
            exposures: intervals.iter().map(|h| h.exposure).collect(),
            block: block_length(&means).map_or(1, |length| length.moving_blocks()),
        })
    }

    /// Number of intervals.
    pub fn intervals(&self) -> usize {
        self.intervals
    }

    /// Number of observations.
    pub fn observations(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// The value below which a fraction `q` of all observations lies, with the bounds of its
    /// bucket. None where the run is empty, or the quantile is not above zero.
    pub fn quantile(&self, q: f64) -> Option<Located> {
        let located = self.locate(q, &vec![1.0; self.intervals])?;
        let positive = located.low >= 0.0 && located.value > 0.0 && located.value.is_finite();
        positive.then_some(located)
    }

    /// The quantile of weighted intervals, and its bucket.
    pub(super) fn locate(&self, q: f64, weights: &[f64]) -> Option<Located> {
        let last = self.bounds.len().checked_sub(1)?;
        let wanted = q * self.below(last, weights);
        let (mut k, mut end) = (0, last);
        while k < end {
            let middle = usize::midpoint(k, end);
            if self.below(middle, weights) < wanted {
                k = middle + 1;
            } else {
                end = middle;
            }
        }
        let before = match k {
            0 => 0.0,
            k => self.below(k - 1, weights),
        };
        let inside = self.below(k, weights) - before;
        let part = if inside > 0.0 {
            ((wanted - before) / inside).clamp(0.0, 1.0)
        } else {
            0.5
        };
        let (low, high) = self.bounds[k];
        let value = between((low, high), part);
        Some(Located { value, low, high })
    }

    /// For each interval: observations above `value`, its bucket divided as in [`Self::locate`].
    pub(super) fn above(&self, value: f64) -> Vec<f64> {
        let k = self.bounds.partition_point(|(_, high)| *high < value);
        let at = |k: usize, i: usize| self.cumulative[k * self.intervals + i];
        let Some(last) = self.bounds.len().checked_sub(1).filter(|last| k <= *last) else {
            return vec![0.0; self.intervals];
        };
        let above = |i: usize| {
            let before = if k == 0 { 0.0 } else { at(k - 1, i) };
            at(last, i) - before - part_below(self.bounds[k], value) * (at(k, i) - before)
        };
        (0..self.intervals).map(above).collect()
    }

    /// Observations up to and in bucket `k`, intervals counted by `weights`.
    fn below(&self, k: usize, weights: &[f64]) -> f64 {
        let row = &self.cumulative[k * self.intervals..(k + 1) * self.intervals];
        row.iter().zip(weights).map(|(c, w)| c * w).sum()
    }
}

fn check(interval: &IntervalHistogram) -> Result<()> {
    for bucket in &interval.buckets {
        if bucket.low.is_nan() || bucket.high.is_nan() || bucket.low > bucket.high {
            return Err(invalid("a bucket's bounds must ascend"));
        }
        if !(bucket.count.is_finite() && bucket.count >= 0.0) {
            return Err(invalid("a count must be finite and not negative"));
        }
    }
    if interval.buckets.windows(2).any(|b| b[0].high > b[1].low) {
        return Err(invalid("buckets must ascend and not overlap"));
    }
    if interval.exposure.is_finite() && interval.exposure > 0.0 {
        Ok(())
    } else {
        Err(StatsError::Invalid {
            name: "exposure",
            why: "it must be finite and above zero",
        })
    }
}

fn invalid(why: &'static str) -> StatsError {
    StatsError::Invalid {
        name: "buckets",
        why,
    }
}

/// The point of a bucket at `part` of it: on the logarithm where it lies above zero.
fn between((low, high): (f64, f64), part: f64) -> f64 {
    if low > 0.0 {
        low * (high / low).powf(part)
    } else {
        low + part * (high - low)
    }
}

/// The inverse of [`between`].
fn part_below((low, high): (f64, f64), value: f64) -> f64 {
    let part = if low > 0.0 {
        (value / low).ln() / (high / low).ln()
    } else {
        (value - low) / (high - low)
    };
    if part.is_nan() {
        0.0
    } else {
        part.clamp(0.0, 1.0)
    }
}
