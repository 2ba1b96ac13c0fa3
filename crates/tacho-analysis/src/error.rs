//! Every failure of this crate on one screen.

use std::time::Duration;

/// Why an answer could not be given. One variant for each decision a caller can take; the text
/// is a sentence of its own.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AnalysisError {
    /// A condition is not `FUNCTION OPERATOR NUMBER[UNIT]`.
    #[error("cannot understand `{text}` at character {position}: {problem}")]
    Condition {
        /// The condition, at most 128 characters of it.
        text: String,
        /// Where, counted in characters from 1.
        position: usize,
        /// What is wrong there and what may stand there.
        problem: String,
    },
    /// The unit of a condition cannot be converted to the unit of its metric.
    #[error("cannot compare a metric in `{metric_unit}` with a number in `{unit}`")]
    UnitMismatch {
        /// The condition's unit.
        unit: &'static str,
        /// The metric's unit; empty when unknown.
        metric_unit: String,
    },
    /// `threshold` beside `condition` says something else.
    #[error(
        "cannot use rule `{rule}`: threshold {threshold} disagrees with condition `{condition}`"
    )]
    ThresholdDisagrees {
        /// The rule.
        rule: String,
        /// The condition as written.
        condition: String,
        /// The threshold beside it.
        threshold: f64,
    },
    /// A rule that can never work as it stands.
    #[error("cannot use rule `{rule}`: {problem}")]
    Rule {
        /// The rule.
        rule: String,
        /// What is wrong.
        problem: String,
    },
    /// There are no samples to work on.
    #[error("there are no samples in {what}")]
    NoData {
        /// Where they were looked for.
        what: &'static str,
    },
    /// The two sides of a comparison cannot be compared.
    #[error("cannot compare the baseline with the window: {problem}")]
    Incomparable {
        /// Why.
        problem: String,
    },
    /// The baseline is older than it may be.
    #[error("cannot use the baseline: it is {age:?} old, more than the {limit:?} allowed")]
    Expired {
        /// Its age.
        age: Duration,
        /// The limit.
        limit: Duration,
    },
    /// A setting is outside its range.
    #[error("cannot use {name} = {value}: it must be {range}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// Statistics on the samples failed.
    #[error("cannot compute {what}")]
    Statistics {
        /// Which figure.
        what: &'static str,
        /// Why.
        #[source]
        source: tacho_stats::StatsError,
    },
}

/// The result of an analysis.
pub type Result<T> = std::result::Result<T, AnalysisError>;
