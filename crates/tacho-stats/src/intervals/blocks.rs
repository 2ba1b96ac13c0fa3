//! Weights of the intervals in resamples of moving blocks.

use crate::rng::Rng;

/// Each resample is as long as the run, made of `block` neighbours that start anywhere.
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
