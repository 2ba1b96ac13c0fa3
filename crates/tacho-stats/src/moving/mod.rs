//! Windows that slide over a stream: averages, moments, extremes and quantiles.
//!
//! One value in, one summary out. A window is either the last `n` values with equal or linear
//! weights ([`SlidingWindow`], O(1) a step on average, and [`SlidingQuantile`], O(log n)), or all
//! values with weights that fade ([`ExponentialAverage`], O(1) time and memory).
//!
//! Invariants:
//! 1. a value that is NaN or infinite is refused and changes nothing;
//! 2. what has left a window leaves no trace: nothing is ever subtracted, so that one huge value
//!    does not cost the digits of those after it.
//!
//! Not for a slice at hand; [`describe`](crate::describe) and [`quantile`](crate::quantile) say the
//! same of that.

mod exponential;
mod quantile;
mod window;

pub use exponential::ExponentialAverage;
pub use quantile::SlidingQuantile;
pub use window::{Aggregate, Average, Extremes, SlidingWindow, WeightedAverage};
