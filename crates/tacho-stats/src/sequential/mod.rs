//! Tests and intervals that stay valid at every look.
//!
//! Invariant: looks may be taken at any time and as often as wanted; under the null, the chance
//! that any of them rejects is at most α. What fell or narrowed never rises or widens again.
//! Not for an alarm that never ends: over an unlimited time α bounds one false alarm, not a rate of
//! them; detectors with known run lengths are for that.
//!
//! | what is watched | type | guarantee |
//! | --- | --- | --- |
//! | difference of two means | [`SequentialMeans`] | [`MeanMethod`]: exact for known sigma and normal numbers, else asymptotic |
//! | the same, neighbours alike | [`DependentMeans`] | asymptotic, declines below 12 effective observations |
//! | a proportion; two | [`SequentialProportion`], [`SequentialProportions`] | exact |
//! | a quantile; two | [`SequentialQuantile`], [`SequentialQuantiles`] | exact for any distribution |
//!
//! How long it will take: [`typical_stopping_n`]; what to tune for: [`expected_n_for_effect`].
//! False-alarm rates are measured by `tacho-bench calibrate --only sequential`: a plain z-test
//! looked at 496 times rejects a true null in four of ten runs; the methods here in one to four of
//! a hundred, for a nominal five.

mod cells;
mod dependent;
mod look;
mod means;
mod normal_mixture;
mod proportion;
mod quantile;
mod spread;
mod tilt;

pub use dependent::DependentMeans;
pub use look::{Arm, Look, Verdict};
pub use means::{
    ArmSummary, MeanMethod, SequentialMeans, Sigma, asymptotic_interval, sequential_means,
};
pub use normal_mixture::{NormalMixture, expected_n_for_effect, typical_stopping_n};
pub use proportion::{ProportionPlan, SequentialProportion, SequentialProportions};
pub use quantile::{SequentialQuantile, SequentialQuantiles};
