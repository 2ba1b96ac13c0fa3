//! Certified and reference values, false-alarm rates, and properties.

mod distributions;
mod nist;
mod shared;
mod two_sample;
