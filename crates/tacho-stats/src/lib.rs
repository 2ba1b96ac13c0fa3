//! Slices in, numbers out: description, quantiles, tests, effect sizes and intervals.
//!
//! Pure: knows no metric, does no input or output, reads no clock, starts no thread; seeds are
//! arguments. NaN, infinities and samples too small are refused with a typed [`StatsError`].
//!
//! In reading order:
//! - describing: [`describe`], [`moments`] (mergeable), [`quantile`];
//! - the ground: [`special`] functions, [`distribution`]s, [`rng`];
//! - two samples of independent observations: [`ttest`], [`mannwhitney`], [`effect`];
//! - dependent observations: [`dependence`], which compares means honestly, and [`bootstrap`].
#![forbid(unsafe_code)]

pub mod bootstrap;
pub mod dependence;
pub mod describe;
pub mod distribution;
pub mod effect;
pub mod mannwhitney;
pub mod moments;
pub mod quantile;
pub mod rng;
pub mod special;
pub mod ttest;

mod error;
mod hypothesis;
mod sum;

pub use error::{Result, StatsError};
pub use hypothesis::{Alternative, Interval};
