//! Tests and intervals that stay valid at every look.

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
