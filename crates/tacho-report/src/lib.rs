//! Findings as HTML, Markdown, JSON and terminal text.
//!
//! In reading order:
//! - [`report`]: what a report holds
//! - [`verdict`]: the one place where a verdict becomes JSON, or a line of words
//! - [`number`]: numbers, units and times as people read them
//! - [`summary`]: how things are, in one sentence, most important first
//! - [`json`], [`markdown`], [`html`]: the three formats
//!
//! The crate does no I/O and reads no clock: the same report gives the same bytes. Every name,
//! label and message is hostile input and comes out as text, whatever it holds.

#![forbid(unsafe_code)]

pub mod html;
pub mod json;
pub mod markdown;
pub mod number;
pub mod report;
pub mod summary;
pub mod verdict;

mod chart;
mod order;
mod words;

pub use html::to_html;
pub use json::to_json;
pub use markdown::to_markdown;
pub use report::{AlertFact, Chart, ChartSeries, Comparison, HostFacts, Report, Statistic};
pub use summary::summary_sentence;
pub use verdict::{VerdictBody, verdict_json};
