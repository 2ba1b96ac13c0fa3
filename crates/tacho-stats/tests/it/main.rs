//! Certified and reference values, false-alarm rates, and properties.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod accuracy;
mod calibration;
mod detectors;
mod distributions;
mod hypotheses;
mod nist;
mod nist_anova;
mod power;
mod properties;
mod sequential;
mod shared;
mod streams;
mod two_sample;
