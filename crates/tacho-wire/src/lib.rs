//! Bytes to the model and back: one module a format, no I/O.
//!
//! - [`json`]: the metric points of `POST /api/performance/metrics`
//! - [`remote_write`]: what Prometheus sends to `POST /api/v1/write`
//! - [`remote_read`]: what Prometheus asks of `POST /api/v1/read`
//! - [`exposition`]: what Prometheus' targets expose
//! - [`statsd`]: `StatsD` and `DogStatsD` datagrams
//! - [`influx`]: Influx line protocol
//! - [`name`]: names from other systems as Prometheus writes them
//! - [`protobuf`]: what several of them are made of
//! - [`openmetrics`]: the text that Prometheus scrapes
//! - [`otlp`]: what OpenTelemetry's SDKs and collectors send

#![forbid(unsafe_code)]

mod exemplar;
pub mod exposition;
pub mod influx;
pub mod json;
pub mod name;
pub mod openmetrics;
pub mod otlp;
pub mod protobuf;
pub mod remote_read;
pub mod remote_write;
pub mod statsd;
#[cfg(test)]
mod testing;
