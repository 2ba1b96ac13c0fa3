//! Series whose neighbours resemble each other: how much they are worth, and how to compare them.
//!
//! Invariant: nothing here assumes independence. [`compare_means`] is what a verdict on the means of
//! two series stands on; the rest describes a series or estimates one quantity.
//! Not for independent observations, where the textbook tests are exact.
//!
//! # False alarms at a nominal 5 %
//!
//! Two series of n observations with the same mean, 10 000 pairs a row (1 000 for the block
//! bootstrap), all figures in percent; from
//! `cargo run --release -p tacho-bench -- calibrate --only means`.
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
//! | white | 14 | 14.0 | 4.75 | 2.00 | 3.62 | **2.65** | 2.98 | 85.2 | 3.11 | 65.5 | 3.20 |
//! | white | 30 | 30.0 | 5.27 | 3.47 | 4.38 | **3.06** | 3.42 | 99.7 | 3.07 | 76.8 | 3.00 |
//! | white | 60 | 60.0 | 4.66 | 3.26 | 4.50 | **3.20** | 3.56 | 100.0 | 3.20 | 78.7 | 4.10 |
//! | white | 300 | 300.0 | 5.14 | 4.15 | 5.19 | **4.51** | 4.94 | 100.0 | 4.51 | 82.6 | 4.00 |
//! | t3 | 30 | 30.0 | 4.45 | 3.05 | 3.61 | **2.52** | 2.85 | 99.6 | 2.53 | 81.3 | 3.50 |
//! | t3 | 60 | 60.0 | 4.14 | 3.00 | 3.99 | **2.68** | 3.02 | 100.0 | 2.68 | 82.4 | 3.50 |
//! | t3 | 300 | 300.0 | 4.64 | 3.67 | 4.69 | **4.09** | 4.50 | 100.0 | 4.09 | 84.0 | 5.40 |
//! | AR(1) 0.5 | 40 | 13.3 | 24.99 | 6.23 | 5.13 | **3.06** | 3.42 | 50.7 | 6.04 | 44.0 | 4.20 |
//! | AR(1) 0.5 | 60 | 20.0 | 25.90 | 6.81 | 5.63 | **2.79** | 3.13 | 91.9 | 3.04 | 69.0 | 3.90 |
//! | AR(1) 0.5 | 100 | 33.3 | 26.74 | 5.84 | 5.35 | **3.01** | 3.36 | 99.9 | 3.01 | 74.9 | 4.50 |
//! | AR(1) 0.5 | 300 | 100.0 | 25.44 | 5.42 | 5.53 | **4.82** | 5.26 | 100.0 | 4.82 | 83.5 | 4.20 |
//! | AR(1) 0.9 | 60 | 3.2 | 68.08 | 1.52 | 23.01 | **0.13** | 0.22 | 0.3 | 43.33 | 0.3 | 0.10 |
//! | AR(1) 0.9 | 100 | 5.3 | 67.28 | 3.01 | 18.87 | **0.28** | 0.40 | 0.8 | 35.00 | 0.8 | 0.50 |
//! | AR(1) 0.9 | 150 | 7.9 | 65.93 | 5.42 | 16.75 | **0.99** | 1.20 | 4.9 | 20.20 | 4.7 | 1.50 |
//! | AR(1) 0.9 | 230 | 12.1 | 65.08 | 7.72 | 15.00 | **4.03** | 4.43 | 76.3 | 5.28 | 64.4 | 5.50 |
//! | AR(1) 0.9 | 300 | 15.8 | 66.00 | 7.67 | 12.51 | **4.79** | 5.23 | 78.8 | 6.08 | 66.7 | 5.30 |
//! | AR(1) 0.9 | 600 | 31.6 | 65.87 | 6.74 | 11.25 | **5.27** | 5.73 | 100.0 | 5.27 | 82.8 | 6.00 |
//! | AR(1) 0.9 in noise | 200 | 26.2 | 47.54 | 11.19 | 13.50 | **4.15** | 4.56 | 98.2 | 4.23 | 75.4 | 5.50 |
//! | AR(1) 0.9 in noise | 400 | 52.3 | 47.42 | 8.57 | 11.35 | **4.08** | 4.49 | 100.0 | 4.08 | 75.4 | 5.40 |
//! | season of 24 | 120 | 120.0 | 0.40 | 0.00 | 0.00 | **0.03** | 0.09 | 99.9 | 0.03 | 8.7 | 0.10 |
//! | season of 24 | 240 | 240.0 | 0.33 | 0.00 | 0.36 | **0.05** | 0.12 | 100.0 | 0.05 | 23.8 | 0.10 |
//! | AR(1) 0.5 against white | 100 | 33.3 | 18.44 | 5.67 | 5.61 | **2.52** | 2.85 | 99.8 | 2.53 | 69.2 | 3.50 |
//! | white against AR(1) 0.9 | 300 | 15.8 | 62.44 | 8.82 | 12.62 | **4.00** | 4.40 | 69.1 | 5.79 | 56.3 | 4.80 |
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
pub(crate) mod noise_models;
mod portmanteau;
mod ranks;
mod rates;
mod slow_noise;
pub(crate) mod spectrum;

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
