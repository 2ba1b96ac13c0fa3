//! Why a text is no rule file, in Prometheus' words where it has them.

use tacho_model::label;
use tacho_model::time::format_duration;
use tacho_promql::Error;

use super::{GROUPS_MAX, INTERVALS, RULES_MAX};

/// Why a text is no rule file.
#[derive(Debug, thiserror::Error)]
pub enum RuleFileError {
    /// It is not YAML, or has keys and values that a rule file has not.
    #[error("{0}")]
    Form(String),
    /// What it says is not valid.
    #[error("line {line}, column {column}: {what}: {problem}")]
    Content {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// Which group, and which rule of it.
        what: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// More groups than a file may have.
    #[error("{found} groups are more than the {GROUPS_MAX} that are allowed")]
    Groups {
        /// How many there are.
        found: usize,
    },
}

/// What is wrong with a group or a rule.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The group has no name.
    #[error("groupname must not be empty")]
    NoGroupName,
    /// Another group of the file has its name.
    #[error("groupname is repeated in the same file")]
    Repeated,
    /// More rules than a group may have.
    #[error("{found} rules are more than the {RULES_MAX} that are allowed")]
    Rules {
        /// How many there are.
        found: usize,
    },
    /// Both a record and an alert.
    #[error("only one of 'record' and 'alert' must be set")]
    Both,
    /// Neither of the two.
    #[error("one of 'record' or 'alert' must be set")]
    Neither,
    /// There is no expression.
    #[error("field 'expr' must be set in rule")]
    NoExpression,
    /// The expression is none.
    #[error("could not parse expression: {0}")]
    Expression(#[source] Error),
    /// A key of alerting rules.
    #[error("invalid field '{0}' in recording rule")]
    NotOfRecording(&'static str),
    /// No name of a metric.
    #[error("invalid recording rule name: {0:?}")]
    Record(String),
    /// Looks like a selector.
    #[error("braces present in the recording rule name; should it be in expr?: {0:?}")]
    Braces(String),
    /// No name of a label, or that of the metric.
    #[error("invalid label name: {0:?}")]
    LabelName(String),
    /// A label or an annotation that is too long.
    #[error("{0:?} is longer than {max} bytes", max = label::LABEL_BYTES_MAX)]
    Long(String),
    /// No duration.
    #[error("{key}: {text:?} is not a duration such as 30s or 5m")]
    Duration {
        /// Which key.
        key: &'static str,
        /// What stands there.
        text: String,
    },
    /// An interval that makes no sense.
    #[error(
        "interval must lie between {} and {}",
        format_duration(*INTERVALS.start()),
        format_duration(*INTERVALS.end())
    )]
    Interval,
}
