//! Baselines, verdicts and alert rules, as pure functions and state machines.
//!
//! In reading order:
//! - [`aggregate`]: how the samples of a window become one number, per series and per group
//! - [`severity`]: info, warning, critical
//! - [`alert`]: rules, and the state machine that decides when to speak
//! - [`metric`]: kinds of metrics, which way is worse, and the margin that does not count
//! - [`key_metrics`]: what is measured of a host when nothing else is said
//! - [`measurement`]: what was measured in a window, and what is kept of it
//! - [`baseline`]: what normal looked like
//! - [`verdict`]: did it change?
//! - [`error`]: every failure on one screen
//!
//! The crate does no I/O and reads no clock: samples, times and seeds are arguments, so that
//! every answer can be computed again from what was stored.

#![forbid(unsafe_code)]

pub mod aggregate;
pub mod alert;
pub mod baseline;
pub mod error;
pub mod key_metrics;
pub mod measurement;
pub mod metric;
pub mod severity;
pub mod verdict;

pub use error::{AnalysisError, Result};
pub use severity::Severity;
