//! Keeping less without losing what matters.

use std::time::Duration;

use tacho_model::{Histogram, Timestamp};

use super::{INTERVALS_MAX, Intervals, SAMPLE_MAX, Sample, TREND_MAX};

/// Blocks kept of a long series: long enough (100 values each) for its short-range dependence,
/// enough of them (20) to meet every part of it.
const BLOCKS: usize = 20;

/// All values, or [`BLOCKS`] evenly spaced runs of them.
pub(super) fn sample(step: Duration, values: &[f64]) -> Sample {
    if values.len() <= SAMPLE_MAX {
        return Sample {
            step,
            values: values.to_vec(),
            block: values.len(),
        };
    }
    let block = SAMPLE_MAX / BLOCKS;
    let room = values.len() - block;
    let starts = (0..BLOCKS).map(|i| i * room / (BLOCKS - 1));
    Sample {
        step,
        values: starts
            .flat_map(|s| values[s..s + block].iter().copied())
            .collect(),
        block,
    }
}

/// At most [`INTERVALS_MAX`] histograms, neighbours merged, all of the same width.
pub(super) fn intervals<'a>(
    width: Duration,
    parts: impl ExactSizeIterator<Item = &'a Histogram>,
) -> Intervals {
    let together = parts.len().div_ceil(INTERVALS_MAX).max(1);
    let mut merged: Vec<Histogram> = Vec::with_capacity(parts.len() / together + 1);
    for (i, part) in parts.enumerate() {
        match merged.last_mut() {
            Some(last) if i % together != 0 => last.merge(part),
            _ => merged.push(part.clone()),
        }
    }
    Intervals {
        width: width.saturating_mul(together as u32),
        parts: merged,
    }
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
