//! The last values of a stream, in order of time and of size.
//!
//! Invariant: both orders hold the same finite values, at most [`WINDOW_MAX`] of them. A step moves
//! part of a short array, which for so few values is faster than any tree.

use std::collections::VecDeque;

/// The most values a detector looks back on.
pub(super) const WINDOW_MAX: usize = 1_024;

/// A sliding window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    by_time: VecDeque<f64>,
    by_size: Vec<f64>,
}

impl Window {
    /// The last of `x`, which is not empty; the window keeps its length.
    pub(super) fn new(x: &[f64]) -> Self {
        let last = &x[x.len().saturating_sub(WINDOW_MAX)..];
        let mut by_size = last.to_vec();
        by_size.sort_unstable_by(f64::total_cmp);
        Self {
            by_time: last.iter().copied().collect(),
            by_size,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_size.len()
    }

    /// Takes a value in and lets the oldest go.
    pub(super) fn push(&mut self, value: f64) {
        if let Some(oldest) = self.by_time.pop_front() {
            let place = self.by_size.partition_point(|v| *v < oldest);
            self.by_size.remove(place);
        }
        let place = self.by_size.partition_point(|v| *v < value);
        self.by_size.insert(place, value);
        self.by_time.push_back(value);
    }

    /// The quantile of type 7.
    pub(super) fn quantile(&self, p: f64) -> f64 {
        let position = p * (self.by_size.len() - 1) as f64;
        let below = position as usize;
        let above = (below + 1).min(self.by_size.len() - 1);
        let (low, high) = (self.by_size[below], self.by_size[above]);
        low + (position - below as f64) * (high - low)
    }

    /// The median, and the median distance from it, in O(log n).
    pub(super) fn median_and_mad(&self) -> (f64, f64) {
        let median = self.quantile(0.5);
        let split = self.by_size.partition_point(|v| *v < median);
        let (below, above) = self.by_size.split_at(split);
        let nearest = |k: usize| nearest(below, above, median, k);
        let n = self.by_size.len();
        let mad = 0.5 * nearest((n - 1) / 2) + 0.5 * nearest(n / 2);
        (median, mad)
    }

    /// The mean distance from `centre`.
    pub(super) fn mean_distance(&self, centre: f64) -> f64 {
        let n = self.by_size.len() as f64;
        self.by_size.iter().map(|v| (v - centre).abs() / n).sum()
    }
}

/// The k-th smallest distance from `centre` (from 0), of values in two ascending halves.
fn nearest(below: &[f64], above: &[f64], centre: f64, k: usize) -> f64 {
    let left = |i: usize| centre - below[below.len() - 1 - i];
    let right = |i: usize| above[i] - centre;
    // How many of the k nearest lie to the left: the first count at which the next is too far.
    let (mut low, mut high) = (k.saturating_sub(above.len()), k.min(below.len()));
    while low < high {
        let taken = low.midpoint(high);
        if left(taken) < right(k - taken - 1) {
            low = taken + 1;
        } else {
            high = taken;
        }
    }
    match (low < below.len(), k - low < above.len()) {
        (true, true) => left(low).min(right(k - low)),
        (true, false) => left(low),
        _ => right(k - low),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::{mad, median};
    use crate::rng::Rng;

    #[test]
    fn agrees_with_sorting_at_every_step() {
        for (n, levels) in [(31, 7), (64, 1_000), (2, 3), (1, 3)] {
            let mut rng = Rng::new(37);
            let mut x: Vec<f64> = (0..n).map(|_| rng.below(levels) as f64).collect();
            let mut window = Window::new(&x);
            for _ in 0..300 {
                let value = rng.below(levels) as f64;
                x.remove(0);
                x.push(value);
                window.push(value);
                let want = (median(&x).unwrap(), mad(&x).unwrap());
                assert_eq!(window.median_and_mad(), want, "{x:?}");
                assert_eq!(window.len(), n);
            }
        }
    }
}
