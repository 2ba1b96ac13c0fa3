//! Bootstrap intervals: for independent observations, and for series.
//!
//! Invariant: the same seed gives the same result; intervals at any level are read from one set of
//! resamples. Independent observations: [`bootstrap_mean`], [`bootstrap_quantile`], their differences
//! between two samples, [`bootstrap`] and [`bootstrap_two_samples`] for any other statistic, each with
//! percentile, basic and `BCa` intervals, and [`bootstrap_t`] for means. Series, whose neighbours
//! resemble each other: [`block_bootstrap`] and [`two_sample_block_bootstrap`], by moving or
//! stationary blocks of a length that the data choose.
//!
//! Not for extremes: the maximum of a resample is that of the sample in 63 %.

mod blocks;
mod independent;
mod one_series;
mod resamples;
mod studentised;
mod two_series;

pub use blocks::{BlockScheme, BootstrapPlan, Series, resample_indices};
pub use independent::{
    Resampling, bootstrap, bootstrap_mean, bootstrap_mean_difference, bootstrap_quantile,
    bootstrap_quantile_difference, bootstrap_two_samples,
};
pub use one_series::{SeriesBootstrap, block_bootstrap};
pub use resamples::Bootstrap;
pub use studentised::{StudentisedBootstrap, bootstrap_t};
pub use two_series::{TwoSampleBootstrap, two_sample_block_bootstrap};

use crate::error::{Result, StatsError};

/// The most resamples in one call.
pub const RESAMPLES_MAX: usize = 10_000_000;
/// Fewer resamples than this say nothing about tails.
pub const RESAMPLES_MIN: usize = 100;

fn check_resamples(resamples: usize) -> Result<()> {
    if (RESAMPLES_MIN..=RESAMPLES_MAX).contains(&resamples) {
        return Ok(());
    }
    Err(StatsError::Invalid {
        name: "resamples",
        why: "100 to 10 000 000 are accepted",
    })
}

/// Refuses a statistic's value that is not finite.
fn finite(value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(StatsError::Invalid {
        name: "statistic",
        why: "its value must be finite on the sample and on every resample",
    })
}
