//! Bytes to the model and back: one module a format, no I/O.
//!
//! - [`json`]: the metric points of `POST /api/performance/metrics`
//! - [`remote_write`]: what Prometheus sends to `POST /api/v1/write`
//! - [`protobuf`]: what several of them are made of
//! - [`openmetrics`]: the text that Prometheus scrapes

#![forbid(unsafe_code)]

pub mod json;
pub mod openmetrics;
pub mod protobuf;
pub mod remote_write;
