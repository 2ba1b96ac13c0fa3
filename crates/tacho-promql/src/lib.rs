//! PromQL: what a query says, in the model's words.
//!
//! The grammar is the kept crate `promql-parser`'s; this crate turns its syntax tree into
//! [`tacho_model`] types and, in time, evaluates it over a `Querier`. It does not know the store.
//!
//! - [`selector`]: `metric{label="value"}` to matchers

#![forbid(unsafe_code)]

pub mod selector;

pub use selector::{SelectorError, parse_selector};
