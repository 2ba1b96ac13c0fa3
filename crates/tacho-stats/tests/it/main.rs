//! Certified and reference values, false-alarm rates, and properties.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod accuracy;
mod calibration;
mod detectors;
mod distributions;
mod forecast;
mod hypotheses;
mod multivariate;
mod nist;
mod nist_anova;
mod nist_linear;
mod power;
mod properties;
mod ranks;
mod regression;
mod sequential;
mod shared;
mod smooth;
mod streams;
mod two_sample;
