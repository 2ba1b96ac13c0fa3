//! PromQL: parsed, checked, and evaluated over a `Querier`.
//!
//! In reading order:
//! - [`query`]: [`parse()`] gives a [`Query`], which answers at an instant or over a range
//! - [`options`]: how far back it looks, what it may touch, who may end it
//! - [`answer`]: what comes out, with warnings and infos
//! - [`error`]: what comes out instead
//! - [`histogram`]: distributions while they are computed with
//! - [`testing`]: Prometheus' language for testing all that
//! - [`selector`]: `metric{label="value"}` alone, to matchers
//! - inside: `syntax` makes the tree, `eval` its columns, `functions` is the table of functions
//!
//! It is synchronous, does no I/O, reads no clock and does not know the store.

#![forbid(unsafe_code)]

pub mod answer;
pub mod error;
mod eval;
mod functions;
pub mod histogram;
pub mod options;
pub mod query;
pub mod selector;
mod syntax;
pub mod testing;

pub use answer::{Answer, Point, Sample, Series, Stats, Value, ValueType};
pub use error::{Error, Position};
pub use histogram::FloatHistogram;
pub use options::{
    Features, Limits, MetricLabels, NameRemoval, Options, Steps, StepsError, Unwatched, Watch,
};
pub use query::{Query, aggregations, functions, parse};
pub use selector::{SelectorError, parse_selector};
pub use syntax::tree::Tree;
