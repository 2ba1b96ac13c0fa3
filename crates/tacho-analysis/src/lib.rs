//! Baselines, verdicts and alert rules, as pure functions and state machines.
//!
//! In reading order:
//! - [`aggregate`]: how the samples of a window become one number, per series and per group
//! - [`severity`]: info, warning, critical
//! - [`alert`]: rules, and the state machine that decides when to speak
//! - [`error`]: every failure on one screen
//!
//! The crate does no I/O and reads no clock: samples, times and seeds are arguments, so that
//! every answer can be computed again from what was stored.

#![forbid(unsafe_code)]

pub mod aggregate;
pub mod alert;
pub mod error;
pub mod severity;

pub use error::{AnalysisError, Result};
pub use severity::Severity;
