//! Inference on histograms of intervals: did a latency change, in its mean, its tail, its rate?
//!
//! A run is a row of intervals (15 s to 1 min), each with one histogram of its observations. The
//! unit of resampling is the interval, not the observation: requests are not exchangeable, and a
//! histogram has lost their order. Each statistic is written as a mean over the intervals of its
//! influence (what the interval contributes to it, on the logarithm), and the means are compared
//! as dependent series by [`compare_means`](crate::dependence::compare_means). For a mean or a rate
//! that is plain linearisation. For a quantile the influence of an interval is its surplus of
//! observations beyond the quantile, times how far the quantile moves for a surplus of one: that
//! factor, which hangs on the density in the tail, is the ratio of two spreads in a moving-block
//! bootstrap over the intervals, its block length taken from their autocorrelation. So the
//! bootstrap supplies the shape, and the noise models supply the dependence that short blocks miss.
//!
//! Invariants:
//! 1. the uncertainty of the histograms themselves is in every interval and p-value of a quantile
//!    ([`Resolution`]), and no longer run removes it;
//! 2. a quantile with fewer than [`BEYOND_MIN`] observations beyond it on either side is not judged;
//! 3. a shift is decidable only where both runs are worth
//!    [`MIN_EFFECTIVE_N`](crate::dependence::MIN_EFFECTIVE_N) independent intervals for that very
//!    statistic: a tail that comes in bursts may be worth fewer than the mean is.
//!
//! Not for single observations at hand; those are compared as they are.
//!
//! Sources: Künsch, Annals of Statistics 17 (1989), moving blocks; Woodruff, "Confidence intervals
//! for medians and other position measures", JASA 47 (1952), quantiles of clustered observations;
//! Hampel, "The influence curve and its role in robust estimation", JASA 69 (1974).

mod blocks;
mod compare;
mod run;

pub use compare::{BEYOND_MIN, Plan, Resolution, RunComparison, Shift, compare_runs};
pub use run::{Bucket, IntervalHistogram, Located, Run};

#[cfg(test)]
mod tests;
