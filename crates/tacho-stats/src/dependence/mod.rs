//! Series whose neighbours resemble each other: how much they are worth, and how to compare them.
//!
//! Invariant: nothing here assumes independence. [`compare_means`] is what a verdict on the means of
//! two series stands on; the rest describes a series or estimates one quantity.
//! Not for independent observations, where the textbook tests are exact.
//!
//! # False alarms at a nominal 5 %
//!
//! Two series of n observations with the same mean, 10 000 pairs a row (1 000 for the block
//! bootstrap), all figures in percent; from `cargo run --release -p tacho-stats --example calibrate`.
//! *Welch*, *effective-n t* (Welch with n divided by Geyer's autocorrelation time, below 12 declined),
//! *cosines* (Lazarus et al. 2018, 0.4 n^⅔ terms) and *ours* ([`compare_means`]) are rates of false
//! alarms over all pairs; *bound* is the upper 97.5 % Monte-Carlo bound of ours; *decides* how often
//! ours finds [`MIN_EFFECTIVE_N`] effective observations in both series and does not decline; *of
//! decided* its rate among those pairs; *power* how often it finds a shift of three true standard
//! errors, for which a test that knew the noise would have 85; *blocks* the false alarms of
//! [`bootstrap`](crate::bootstrap) for the mean with 400 resamples (Monte-Carlo error 0.8).
//!
//! | process | n | effective n | Welch | effective-n t | cosines | **ours** | bound | decides | of decided | power | blocks |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | white | 14 | 14.0 | 4.81 | 2.03 | 3.39 | **2.93** | 3.28 | 85.2 | 3.44 | 65.8 | 3.20 |
//! | white | 30 | 30.0 | 4.81 | 3.25 | 3.97 | **2.89** | 3.24 | 99.5 | 2.91 | 76.1 | 3.10 |
//! | white | 60 | 60.0 | 4.88 | 3.39 | 4.70 | **3.29** | 3.66 | 100.0 | 3.29 | 78.8 | 4.10 |
//! | white | 300 | 300.0 | 5.27 | 4.25 | 5.11 | **4.40** | 4.82 | 100.0 | 4.40 | 82.7 | 4.60 |
//! | t3 | 30 | 30.0 | 4.72 | 3.17 | 3.92 | **2.59** | 2.92 | 99.5 | 2.60 | 80.9 | 3.70 |
//! | t3 | 60 | 60.0 | 4.72 | 3.21 | 4.29 | **2.79** | 3.13 | 100.0 | 2.79 | 82.0 | 3.70 |
//! | t3 | 300 | 300.0 | 5.12 | 4.06 | 5.09 | **4.33** | 4.75 | 100.0 | 4.33 | 84.5 | 5.40 |
//! | AR(1) 0.5 | 40 | 13.3 | 25.74 | 6.72 | 5.23 | **3.58** | 3.96 | 60.4 | 5.93 | 51.2 | 3.20 |
//! | AR(1) 0.5 | 60 | 20.0 | 25.75 | 6.62 | 6.07 | **3.06** | 3.42 | 92.5 | 3.31 | 70.5 | 4.30 |
//! | AR(1) 0.5 | 100 | 33.3 | 26.00 | 6.39 | 5.71 | **3.69** | 4.08 | 99.9 | 3.69 | 77.8 | 3.40 |
//! | AR(1) 0.5 | 300 | 100.0 | 25.47 | 5.16 | 5.19 | **4.71** | 5.14 | 100.0 | 4.71 | 84.4 | 5.70 |
//! | AR(1) 0.9 | 60 | 3.2 | 67.74 | 1.19 | 22.10 | **0.21** | 0.32 | 0.4 | 53.85 | 0.4 | 0.40 |
//! | AR(1) 0.9 | 100 | 5.3 | 66.88 | 3.08 | 18.30 | **0.81** | 1.01 | 3.2 | 24.92 | 3.2 | 1.00 |
//! | AR(1) 0.9 | 150 | 7.9 | 66.91 | 5.25 | 16.55 | **2.79** | 3.13 | 25.2 | 11.06 | 23.4 | 3.40 |
//! | AR(1) 0.9 | 230 | 12.1 | 66.07 | 7.54 | 14.76 | **4.24** | 4.65 | 85.5 | 4.96 | 70.6 | 6.50 |
//! | AR(1) 0.9 | 300 | 15.8 | 65.51 | 7.75 | 13.22 | **4.53** | 4.96 | 88.2 | 5.14 | 73.3 | 6.50 |
//! | AR(1) 0.9 | 600 | 31.6 | 65.25 | 6.43 | 11.13 | **4.89** | 5.33 | 100.0 | 4.89 | 83.1 | 6.60 |
//! | AR(1) 0.9 in noise | 200 | 26.2 | 47.05 | 11.03 | 13.38 | **4.40** | 4.82 | 98.0 | 4.49 | 75.1 | 5.80 |
//! | AR(1) 0.9 in noise | 400 | 52.3 | 47.43 | 8.59 | 11.02 | **4.39** | 4.81 | 100.0 | 4.39 | 76.7 | 5.30 |
//! | season of 24 | 120 | 120.0 | 0.56 | 0.00 | 0.00 | **0.08** | 0.16 | 99.5 | 0.08 | 11.7 | 0.10 |
//! | season of 24 | 240 | 240.0 | 0.33 | 0.00 | 0.30 | **0.07** | 0.14 | 100.0 | 0.07 | 24.8 | 0.30 |
//! | AR(1) 0.5 against white | 100 | 33.3 | 17.75 | 5.54 | 5.34 | **3.20** | 3.56 | 99.8 | 3.21 | 73.0 | 2.80 |
//! | white against AR(1) 0.9 | 300 | 15.8 | 62.52 | 8.76 | 12.39 | **4.13** | 4.54 | 78.9 | 5.24 | 62.2 | 4.30 |
//!
//! Why this method: textbook and effective-n tests and the cosine estimator exceed 6 % as soon as
//! neighbours correlate strongly or drift hides in noise, because the long-run variance cannot be
//! known from a short series; averaging over what it could be keeps the rate, and costs two points of
//! power in long series, about fifteen near 12 effective observations. The figures of decided pairs with fewer than 12 true
//! effective observations show the limit: the few series of that kind which look calm by chance are
//! also those that look different. A season in step in both series is counted as noise: no false
//! alarms, but little power, so seasons are better taken out first.

mod autocorrelation;
mod block_length;
mod compare;
mod long_run_variance;
mod mean;
mod mixture;
mod portmanteau;
mod ranks;
mod rates;
mod slow_noise;
mod spectrum;

pub use autocorrelation::{
    autocorrelation, effective_sample_size, integrated_autocorrelation_time,
};
pub use block_length::{BlockLength, block_length};
pub use compare::{MIN_EFFECTIVE_N, MIN_N, MeanComparison, compare_means};
pub use long_run_variance::{cosine_long_run_variance, cosine_terms, long_run_variance};
pub use mean::{MeanEstimate, estimate_mean};
pub use portmanteau::{Portmanteau, box_pierce, ljung_box};
pub use ranks::{RankComparison, compare_ranks};
pub use rates::{EventSeries, MIN_EVENTS, RateComparison, compare_rates};
