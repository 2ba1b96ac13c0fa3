//! What a stretch of a series costs as one segment, by different ideas of "the same".
//!
//! Invariant: splitting a stretch never raises the sum of costs, which is what lets
//! [`pelt`](super::pelt) prune; a stretch's cost takes constant time (L2, normal) or time that does
//! not grow with the series (ranks, distribution), from running sums made once.
//! Not for dependent series: costs assume independent observations around the segment's law; see
//! [`changes`](super::changes()) for the others.

mod distribution;
mod l2;
mod normal;
mod rank;

pub use distribution::DistributionCost;
pub use l2::L2Cost;
pub use normal::NormalCost;
pub use rank::RankCost;

/// The cost of stretches of one series.
pub trait Cost {
    /// Number of observations.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cost of `start..end`, which is not empty and lies inside the series.
    fn cost(&self, start: usize, end: usize) -> f64;

    /// Costs of `start..end` for each start; where a cost has loops that vectorise, it does better.
    fn costs_until(&self, end: usize, starts: &[usize], out: &mut Vec<f64>) {
        out.clear();
        out.extend(starts.iter().map(|start| self.cost(*start, end)));
    }

    /// The shortest segment that has a cost.
    fn shortest(&self) -> usize {
        1
    }
}
