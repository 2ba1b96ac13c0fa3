//! Spans: what one operation of one request did, and how long it took.
//!
//! Borrowed from the bytes they arrived in, so that reading a batch of them allocates nothing a
//! span. Identifiers of zero mean *none*. A *pending* span announces one that has not ended yet;
//! it is shown while it lasts, and never counted. Source: OpenTelemetry trace data model.

use std::borrow::Cow;
use std::time::Duration;

use crate::Timestamp;

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span<'a> {
    /// The request it is part of; never zero.
    pub trace_id: u128,
    /// Its own identifier; never zero.
    pub span_id: u64,
    /// The span that caused it, or 0.
    pub parent_id: u64,
    /// For a span that announces another: that one's identifier, else 0.
    pub pending_of: u64,
    /// When it began.
    pub start: Timestamp,
    /// How long it took; zero where clocks say that it ended before it began.
    pub duration: Duration,
    /// What it did.
    pub name: &'a str,
    /// Who did it: the resource's `service.name`.
    pub service: &'a str,
    /// The instrumentation that made the span.
    pub scope: &'a str,
    /// On which side of a call it was.
    pub kind: SpanKind,
    /// How it ended.
    pub status: SpanStatus,
    /// Why it failed.
    pub status_message: &'a str,
    /// What it says of itself, in the order it came.
    pub attributes: &'a [Attribute<'a>],
    /// What its process says of itself.
    pub resource: &'a [Attribute<'a>],
    /// What happened in it, as JSON: a list of `{time, name, attributes}`; empty when nothing did.
    pub events: &'a str,
    /// Spans of other traces that it belongs to, as JSON: a list of `{trace_id, span_id,
    /// attributes}`; empty when there are none.
    pub links: &'a str,
}

/// On which side of a call a span was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpanKind {
    /// The sender did not say.
    #[default]
    Unspecified,
    /// Within one process.
    Internal,
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Takes a message.
    Consumer,
}

impl SpanKind {
    /// All kinds, each at the place of its number in OTLP.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::Internal,
        Self::Server,
        Self::Client,
        Self::Producer,
        Self::Consumer,
    ];

    /// Its name in JSON and in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpanStatus {
    /// Nobody said that it failed.
    #[default]
    Unset,
    /// Somebody said that it did not.
    Ok,
    /// It failed.
    Error,
}

impl SpanStatus {
    /// All of them, each at the place of its number in OTLP.
    pub const ALL: [Self; 3] = [Self::Unset, Self::Ok, Self::Error];

    /// Its name in JSON and in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute<'a> {
    /// The name.
    pub name: &'a str,
    /// The value.
    pub value: AttributeValue<'a>,
}

/// What an attribute says.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue<'a> {
    /// Text; lists, maps and bytes as JSON.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Boolean(bool),
}

/// A log record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogRecord<'a> {
    /// When it happened, or when it was seen where that is all that is known.
    pub time: Timestamp,
    /// How bad it is.
    pub severity: Severity,
    /// What sort of event it is; empty for ordinary log lines.
    pub event_name: &'a str,
    /// Who says so: the resource's `service.name`.
    pub service: &'a str,
    /// What is said; lists and maps as JSON.
    pub body: &'a str,
    /// The request it is about, or 0.
    pub trace_id: u128,
    /// The operation it is about, or 0.
    pub span_id: u64,
    /// What it says beside the body.
    pub attributes: &'a [Attribute<'a>],
    /// What its process says of itself.
    pub resource: &'a [Attribute<'a>],
}

/// How bad a log record is (OpenTelemetry logs data model, "Severity Fields").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Severity {
    /// The sender did not say.
    #[default]
    Unspecified,
    /// Numbers 1 to 4.
    Trace,
    /// Numbers 5 to 8.
    Debug,
    /// Numbers 9 to 12.
    Info,
    /// Numbers 13 to 16.
    Warn,
    /// Numbers 17 to 20.
    Error,
    /// Numbers 21 to 24.
    Fatal,
}

impl Severity {
    /// All of them, from the least.
    pub const ALL: [Self; 7] = [
        Self::Unspecified,
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Fatal,
    ];

    /// The range that an OTLP severity number lies in.
    pub const fn of_number(number: u64) -> Self {
        match number {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17..=20 => Self::Error,
            21..=24 => Self::Fatal,
            _ => Self::Unspecified,
        }
    }

    /// Its name in JSON and in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ranges_of_numbers() {
        let names = (0..=25).step_by(4).map(|n| Severity::of_number(n).as_str());
        let expected = [
            "unspecified",
            "trace",
            "debug",
            "info",
            "warn",
            "error",
            "fatal",
        ];
        assert!(names.eq(expected));
        assert_eq!(Severity::of_number(25), Severity::Unspecified);
        assert!(Severity::Warn > Severity::Info);
    }
}
