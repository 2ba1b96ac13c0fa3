//! Summaries of a stream in bounded memory, mergeable in any order.
//!
//! [`QuantileSketch`] knows every quantile within a stated relative error; [`Reservoir`] keeps a
//! fair random sample. The native exponential histogram, which the store keeps, is of the same
//! family and lives with the data model (`tacho_model::Histogram`).
//!
//! Not for what fits in memory; [`quantile`](crate::quantile) is exact there.

mod bins;
mod quantile_sketch;
mod reservoir;

pub use quantile_sketch::{BINS_MAX, QuantileSketch};
pub use reservoir::Reservoir;
