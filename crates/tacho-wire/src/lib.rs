//! Bytes to the model and back: one module a format, no I/O.
//!
//! - [`json`]: the metric points of `POST /api/performance/metrics`
//! - [`openmetrics`]: the text that Prometheus scrapes

#![forbid(unsafe_code)]

pub mod json;
pub mod openmetrics;
