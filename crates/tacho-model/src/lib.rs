//! What Tachograph measures, in types: the vocabulary that every other crate speaks.
//!
//! In reading order:
//! - [`time`]: [`Timestamp`], [`TimeRange`], and durations as people write them
//! - [`label`]: [`Labels`], the identity of a series
//! - [`metadata`]: what a metric name means: [`Kind`], [`Unit`], help
//! - [`histogram`]: [`Histogram`], the native exponential histogram
//! - [`matcher`]: [`Matcher`], which series are meant
//! - [`relabel`]: rules that change or drop label sets
//! - [`append`]: [`Batch`] and [`Appender`], how samples get in
//! - [`span`]: [`Span`](span::Span) and [`LogRecord`](span::LogRecord), what is no series
//! - [`query`]: [`Querier`] and [`Columns`], how they come out
//!
//! This crate does no I/O and knows no serialisation format: wire formats and configuration live
//! at the edges and translate into these types once.

#![forbid(unsafe_code)]

pub mod append;
pub mod histogram;
pub mod label;
pub mod matcher;
pub mod metadata;
pub mod query;
pub mod relabel;
pub mod span;
pub mod time;

pub use append::{AppendError, AppendOutcome, Appender, Batch, Exemplar, Refusal, Rejected, Value};
pub use histogram::Histogram;
pub use label::{LabelError, Labels, LabelsRef, METRIC_NAME};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use metadata::{Kind, Metadata, Shape, Unit};
pub use query::{Columns, Querier, QueryError, Selection};
pub use time::{TimeRange, Timestamp};
