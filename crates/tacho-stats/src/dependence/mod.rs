//! Series whose neighbours resemble each other.

mod autocorrelation;
mod block_length;
mod compare;
mod long_run_variance;
mod mixture;
mod slow_noise;
mod spectrum;

pub use autocorrelation::{
    autocorrelation, effective_sample_size, integrated_autocorrelation_time,
};
pub use block_length::{BlockLength, block_length};
pub use compare::{MIN_EFFECTIVE_N, MIN_N, MeanComparison, compare_means};
pub use long_run_variance::{cosine_long_run_variance, cosine_terms, long_run_variance};
