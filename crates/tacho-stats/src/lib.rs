//! Slices in, numbers out: description, quantiles, tests, effect sizes and intervals.
//!
//! Pure: knows no metric, does no input or output, reads no clock, starts no thread; seeds are
//! arguments. NaN, infinities and samples too small are refused with a typed [`StatsError`].
//!
//! In reading order:
//! - describing: [`describe`], [`moments`] (mergeable), [`quantile`], [`moving`] windows, [`sketch`]es;
//! - the ground: [`special`] functions, [`distribution`]s, [`rng`];
//! - two samples of independent observations: [`ttest`], [`mannwhitney`], [`brunner_munzel`],
//!   [`kolmogorov_smirnov`], [`permutation`], pairs by [`wilcoxon`]; [`effect`], [`equivalence`];
//! - several samples, and planning: [`anova`], [`kruskal`], [`power`]; all of it for one question: [`report`];
//! - many tests at once, and many looks: [`multiple`], [`sequential`];
//! - dependent observations: [`dependence`], which compares means honestly, and [`bootstrap`];
//! - histograms of intervals, which is what a latency is kept as: [`intervals`];
//! - series: [`regression`], [`smooth`]ing, [`forecast`]s, [`changepoint`]s, [`detect`]ors.
#![forbid(unsafe_code)]

pub mod anova;
pub mod bootstrap;
pub mod brunner_munzel;
pub mod changepoint;
pub mod dependence;
pub mod describe;
pub mod detect;
pub mod distribution;
pub mod effect;
pub mod equivalence;
pub mod forecast;
pub mod intervals;
pub mod kolmogorov_smirnov;
pub mod kruskal;
pub mod mannwhitney;
pub mod moments;
pub mod moving;
pub mod multiple;
pub mod permutation;
pub mod power;
pub mod quantile;
pub mod regression;
pub mod report;
pub mod rng;
pub mod sequential;
pub mod sketch;
pub mod smooth;
pub mod special;
pub mod ttest;
pub mod wilcoxon;

mod draw;
mod error;
mod hypothesis;
mod pairwise;
mod sort;
mod sum;

pub use error::{Result, StatsError};
pub use hypothesis::{Alternative, Interval};
