//! The server: HTTP, WebSocket and scheduling around the store, the collectors and the analysis.
//!
//! In reading order:
//! - [`settings`]: what can be configured, validated
//! - [`mod@run`]: start, serve, stop
//! - [`mod@check`]: settings against the files and addresses that they name
//! - [`app`]: what the parts of a running server share
//! - [`sampler`]: the thread that collects every second
//! - [`collect`]: databases, probes and others that are asked at their times
//! - [`maintenance`]: the thread that keeps the store tidy
//! - [`alerting`]: alert rules evaluated on the store, with history and log records
//! - [`rules`]: recording rules in groups, evaluated on time
//! - [`auth`]: tokens, and what each request needs
//! - [`tls`]: the certificate, and connections that speak TLS
//! - [`intake`]: the one door for whatever is received or collected, with its counts
//! - [`scrape`]: targets asked at their times
//! - [`pushgateway`]: what short-lived jobs push
//! - [`filters`]: what becomes of it before it is stored
//! - [`remote_write`]: requests of Prometheus' remote write into the store
//! - [`statsd`]: `StatsD` and `DogStatsD` over UDP and Unix sockets
//! - `store_metrics`: the store's own figures as metrics
//! - [`otlp`]: OpenTelemetry's traces, logs and metrics into the store
//! - [`causes`]: an error and its causes in one line
//! - [`spans`], [`events`]: the tables of what is no series
//! - [`exemplars`]: single observations and their traces, in a table of their own
//! - [`prices`]: what tokens of models cost, as it was configured
//! - [`outgoing`]: who asks other servers, and how safely
//! - [`forward`]: what was taken, sent on to other servers
//! - [`query`]: how long a query may take, and for whom
//! - [`reading`]: many series on several threads, in their order
//! - [`ingest`], [`series`], [`exposition`]: points in, series out, text for Prometheus
//! - [`baselines`]: measuring a baseline and comparing with it
//! - [`figures`]: the selectors behind the host's figures
//! - [`summary`]: the dashboard's summary
//! - [`statistics`]: tests and plans on a user's own numbers
//! - `allocator`: memory that is free goes back to the system
//! - [`reporting`]: gathering what a report tells
//! - [`http`]: routes and handlers, one file a resource; [`live`]: the WebSocket's subscriptions
//!
//! Async stays in [`mod@run`], [`http`], [`live`] and [`scrape`]; everything that touches the store is plain
//! synchronous Rust, run on blocking threads behind a semaphore.

pub mod alerting;
mod allocator;
pub mod app;
pub mod auth;
pub mod baselines;
pub mod causes;
pub mod check;
pub mod collect;
pub mod events;
pub mod exemplars;
pub mod exposition;
pub mod figures;
pub mod filters;
pub mod forward;
pub mod http;
pub mod ingest;
pub mod intake;
pub mod live;
pub mod maintenance;
pub mod otlp;
pub mod outgoing;
pub mod prices;
pub mod pushgateway;
pub mod query;
pub mod reading;
pub mod remote_write;
pub mod reporting;
pub mod rules;
pub mod run;
pub mod sampler;
pub mod scrape;
pub mod series;
pub mod services;
pub mod settings;
pub mod span_metrics;
pub mod spans;
pub mod statistics;
pub mod statsd;
mod store_metrics;
pub mod summary;
pub mod tls;

pub use check::check;
pub use run::{RunError, run, run_beside};
pub use settings::Settings;
