//! The real program, driven as its users drive it: through its command line, HTTP and WebSocket.
//!
//! Every test starts its own server on a folder of its own and a free port. Nothing waits for a
//! fixed time where it can wait for a condition; every wait has an end. Names begin with the id of
//! the feature that the test proves. Not for the page, which a scripted browser tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "what was measured or skipped is said")]

mod support;

mod agents;
mod alerts;
mod bad_input;
mod bad_samples;
mod baselines;
mod bodies;
mod collectors;
mod commands;
mod crash;
mod demo;
mod fastapi;
mod filters;
mod forwarding;
mod forwarding_otlp;
mod full_disk;
mod influx;
mod integrations;
mod live;
mod otlp;
mod otlp_metrics;
mod overload;
mod peers;
mod points;
mod prometheus;
mod prometheus_tools;
mod promql;
mod promql_random;
mod pushgateway;
mod refusals;
mod remote_write;
mod reports;
mod rules;
mod safety;
mod scrape;
mod services;
mod sources;
mod span_metrics;
mod sqlalchemy;
mod start;
mod stats;
mod statsd;
mod storage;
mod tls;
mod tokens;
mod traces;
mod websockets;
