//! Interval histograms laid out for resampling, and the moving-block bootstrap over them.
//!
//! Cumulative counts are kept bucket by bucket, each a run over the intervals, so that a quantile
//! of any weighting of the intervals is a binary search with a dot product a step, and a resample
//! never merges a histogram. Quantiles are interpolated inside their bucket (on the logarithm), so
//! that they move smoothly; they stay within the histogram's relative error.
//!
//! Source: Künsch, "The jackknife and the bootstrap for general stationary observations", Annals
//! of Statistics 17 (1989).

use tacho_model::Histogram;
use tacho_stats::rng::Rng;

/// The intervals of one side.
#[derive(Debug)]
pub(super) struct Layout {
    intervals: usize,
    /// `(low, high)` of each bucket, ascending.
    bounds: Vec<(f64, f64)>,
    /// Observations up to and in bucket k, in interval i, at `k * intervals + i`.
    cumulative: Vec<f64>,
    /// Sum and count of each interval.
    pub(super) sums: Vec<f64>,
    pub(super) counts: Vec<f64>,
}

impl Layout {
    /// Of histograms that are not empty.
    pub(super) fn new(parts: &[Histogram]) -> Self {
        let schema = parts
            .iter()
            .map(Histogram::schema)
            .min()
            .unwrap_or_default();
        let parts: Vec<Histogram> = parts
            .iter()
            .map(|part| {
                let mut part = part.clone();
                part.reduce_to(schema);
                part
            })
            .collect();
        let mut bounds: Vec<(f64, f64)> = parts
            .iter()
            .flat_map(|p| p.buckets().map(|(low, high, _)| (low, high)))
            .collect();
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        bounds.dedup();
        let intervals = parts.len();
        let mut cumulative = vec![0.0; bounds.len() * intervals];
        for (i, part) in parts.iter().enumerate() {
            let mut k = 0;
            for (low, high, count) in part.buckets() {
                while bounds[k] != (low, high) {
                    k += 1;
                }
                cumulative[k * intervals + i] = count;
            }
        }
        for at in intervals..cumulative.len() {
            cumulative[at] += cumulative[at - intervals];
        }
        Self {
            intervals,
            bounds,
            cumulative,
            sums: parts.iter().map(Histogram::sum).collect(),
            counts: parts.iter().map(Histogram::count).collect(),
        }
    }

    /// Observations up to and in bucket `k`, intervals counted by `weights`.
    fn below(&self, k: usize, weights: &[f64]) -> f64 {
        let row = &self.cumulative[k * self.intervals..(k + 1) * self.intervals];
        row.iter().zip(weights).map(|(c, w)| c * w).sum()
    }

    /// The value below which a fraction `q` of the weighted observations lies.
    pub(super) fn quantile(&self, q: f64, weights: &[f64]) -> Option<f64> {
        let last = self.bounds.len().checked_sub(1)?;
        let wanted = q * self.below(last, weights);
        let (mut low, mut high) = (0, last);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.below(middle, weights) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let before = if low == 0 {
            0.0
        } else {
            self.below(low - 1, weights)
        };
        let inside = self.below(low, weights) - before;
        let part = if inside > 0.0 {
            ((wanted - before) / inside).clamp(0.0, 1.0)
        } else {
            0.5
        };
        Some(between(self.bounds[low], part))
    }

    /// For each interval: observations above `value`, its bucket divided as in [`Self::quantile`].
    pub(super) fn above(&self, value: f64) -> Vec<f64> {
        let k = self.bounds.partition_point(|(_, high)| *high < value);
        let at = |k: usize, i: usize| self.cumulative[k * self.intervals + i];
        let last = self.bounds.len() - 1;
        let above = |i: usize| {
            if k > last {
                return 0.0;
            }
            let before = if k == 0 { 0.0 } else { at(k - 1, i) };
            at(last, i) - before - part_below(self.bounds[k], value) * (at(k, i) - before)
        };
        (0..self.intervals).map(above).collect()
    }

    pub(super) fn observations(&self) -> f64 {
        self.counts.iter().sum()
    }
}

/// The point of a bucket at `part` of it: on the logarithm where it lies on one side of zero.
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
    part.clamp(0.0, 1.0)
}

/// Weights of the intervals in resamples of moving blocks: each resample is as long as the
/// original, made of runs of `block` neighbours that start anywhere.
pub(super) struct MovingBlocks {
    rng: Rng,
    block: usize,
    weights: Vec<f64>,
}

impl MovingBlocks {
    pub(super) fn new(intervals: usize, block: usize, seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            block: block.clamp(1, intervals.max(1)),
            weights: vec![0.0; intervals],
        }
    }

    /// The weights of the next resample; they add up to the number of intervals.
    pub(super) fn next(&mut self) -> &[f64] {
        let n = self.weights.len();
        self.weights.fill(0.0);
        let mut left = n;
        while left > 0 {
            let start = self.rng.below(n - self.block + 1);
            let run = self.block.min(left);
            for weight in &mut self.weights[start..start + run] {
                *weight += 1.0;
            }
            left -= run;
        }
        &self.weights
    }
}
