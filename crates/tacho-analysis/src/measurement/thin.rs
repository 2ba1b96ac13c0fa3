//! Keeping less without losing what matters.

use std::time::Duration;

use tacho_model::{Histogram, Timestamp};

use super::{INTERVALS_MAX, Intervals, SAMPLE_MAX, Sample, TREND_MAX};

/// Blocks kept of a long series: long enough (100 values, 24 intervals) for its short-range
/// dependence, enough of them to meet every part of it.
const BLOCKS: usize = 20;

/// All values, or [`BLOCKS`] evenly spaced runs of them.
pub(super) fn sample(step: Duration, values: &[f64]) -> Sample {
    let (values, block) = blocks(values, SAMPLE_MAX);
    Sample {
        step,
        values,
        block,
    }
}

/// All histograms, or [`BLOCKS`] evenly spaced runs of them.
pub(super) fn intervals(width: Duration, parts: &[&Histogram]) -> Intervals {
    let (kept, _) = blocks(parts, INTERVALS_MAX);
    Intervals {
        width,
        parts: kept.into_iter().cloned().collect(),
    }
}

/// At most `most` of `items`, and the length of a block.
fn blocks<T: Clone>(items: &[T], most: usize) -> (Vec<T>, usize) {
    if items.len() <= most {
        return (items.to_vec(), items.len());
    }
    let block = most / BLOCKS;
    let room = items.len() - block;
    let starts = (0..BLOCKS).map(|i| i * room / (BLOCKS - 1));
    let kept = starts.flat_map(|s| items[s..s + block].iter().cloned());
    (kept.collect(), block)
}

/// At most [`TREND_MAX`] means of neighbours, each at the time of its last.
pub(super) fn trend(points: &[(Timestamp, f64)]) -> Vec<(Timestamp, f64)> {
    let together = points.len().div_ceil(TREND_MAX).max(1);
    let mean = |run: &[(Timestamp, f64)]| {
        let sum: f64 = run.iter().map(|(_, v)| v / run.len() as f64).sum();
        (run[run.len() - 1].0, sum)
    };
    points.chunks(together).map(mean).collect()
}
