//! What Prometheus' targets expose, to samples: text 0.0.4 and 1.0.0, OpenMetrics 1.0, protobuf.
//!
//! A body is walked once, from its start to its end, and what it says is handed to a [`Sink`] as
//! it comes. A series is handed over as the text that names it, not taken apart: whoever scrapes
//! the same target again and again knows that text, and looks up what it made of it before
//! ([`read_series`] takes apart what is new). Protobuf names its series in the same text.
//!
//! 1. A body that breaks the grammar is refused, with the line; what was handed over before is to
//!    be thrown away.
//! 2. No input makes it panic, and memory does not grow with the body: a family at a time, and of
//!    protobuf a metric at a time, is held.
//!
//! Not for limits on samples and labels: those are the sink's, which ends the walk with an error.
//! Sources: Prometheus "Exposition formats"; OpenMetrics 1.0.0, section 5; `metrics.proto` of
//! `prometheus/client_model`. Where Prometheus' parser takes more than these say, so does this one.

mod cursor;
mod family;
mod number;
mod openmetrics;
mod protobuf;
mod series;
mod text;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use tacho_model::append::Exemplar;
use tacho_model::{Histogram, Timestamp};

pub use self::family::Family;
pub use self::series::{blank_labels, read_series};
use crate::protobuf::ProtobufError;

/// In which form a body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `text/plain`, of any version.
    Text,
    /// `application/openmetrics-text`.
    OpenMetrics,
    /// `application/vnd.google.protobuf`: families, each behind its length.
    Protobuf,
}

impl Form {
    /// The form that a `Content-Type` names; `None` for others and where there is none.
    ///
    /// ```
    /// use tacho_wire::exposition::Form;
    /// let of = |text| Form::of(text);
    /// assert_eq!(of("text/plain; version=0.0.4; charset=utf-8"), Some(Form::Text));
    /// assert_eq!(of("application/openmetrics-text;version=1.0.0"), Some(Form::OpenMetrics));
    /// assert_eq!(of("application/json"), None);
    /// ```
    pub fn of(content_type: &str) -> Option<Self> {
        let mut parts = content_type.split(';').map(str::trim);
        let kind = parts.next()?.to_ascii_lowercase();
        match kind.as_str() {
            "text/plain" => Some(Self::Text),
            "application/openmetrics-text" => Some(Self::OpenMetrics),
            "application/vnd.google.protobuf" => {
                let says = |part: &str, name: &str, value: &str| match part.split_once('=') {
                    Some((n, v)) if n.eq_ignore_ascii_case(name) => v.trim_matches('"') == value,
                    _ => true,
                };
                let is_ours = parts.all(|part| {
                    says(part, "proto", "io.prometheus.client.MetricFamily")
                        && says(part, "encoding", "delimited")
                });
                is_ours.then_some(Self::Protobuf)
            }
            _ => None,
        }
    }
}

/// What to take of a protobuf histogram that has both kinds of buckets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Buckets {
    /// The native ones alone.
    #[default]
    Native,
    /// Both: the classic ones become series as well.
    Both,
}

/// A value as it was exposed.
#[derive(Clone, Debug, PartialEq)]
pub enum Exposed {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Box<Histogram>),
}

/// A sample as it was exposed.
#[derive(Debug, PartialEq)]
pub struct Sample<'a> {
    /// The text that names the series.
    pub series: &'a str,
    /// Its value.
    pub value: Exposed,
    /// The time that the target gives it, if it does.
    pub timestamp: Option<Timestamp>,
    /// The exemplars that come with it; their time is [`Timestamp::MIN`] where none is given.
    pub exemplars: &'a [Exemplar],
}

/// Takes what a body says, in its order.
pub trait Sink {
    /// The text of the series that is likely to come next. What is right is not scanned.
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "others lend what they hold"
    )]
    fn expected(&self) -> &str {
        ""
    }

    /// Takes a sample; an error ends the walk.
    fn sample(&mut self, sample: Sample<'_>) -> Result<(), Stop>;

    /// Takes what is said of a family, before its samples.
    fn family(&mut self, _family: &Family<'_>) {}
}

/// Why an exemplar is none.
const NO_EXEMPLAR: Stop = Stop::Syntax("the labels of an exemplar are no label set");

/// Why a walk ends before the end of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The text breaks the grammar.
    Syntax(&'static str),
    /// The sink wants no more of it.
    Refused(String),
}

/// Why a body was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpositionError {
    /// The text breaks the grammar.
    #[error("line {line}: {reason}: `{text}`")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
        /// The beginning of the line.
        text: String,
    },
    /// The protobuf breaks the grammar.
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
    /// A metric of the protobuf is none.
    #[error("metric family `{family}`: {reason}")]
    Metric {
        /// The family.
        family: String,
        /// What is wrong.
        reason: Cow<'static, str>,
    },
    /// The sink ended it.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}

/// Walks a body.
///
/// ```
/// use tacho_wire::exposition::{Buckets, Exposed, Form, Sample, Sink, Stop, walk};
/// struct Sum(f64);
/// impl Sink for Sum {
///     fn sample(&mut self, sample: Sample<'_>) -> Result<(), Stop> {
///         if let Exposed::Float(value) = sample.value {
///             self.0 += value;
///         }
///         Ok(())
///     }
/// }
/// let mut sum = Sum(0.0);
/// walk(Form::Text, Buckets::Native, b"up{a=\"x\"} 1\nup{a=\"y\"} 2\n", &mut sum).unwrap();
/// assert_eq!(sum.0, 3.0);
/// let error = walk(Form::Text, Buckets::Native, b"up 1\nup one\n", &mut sum).unwrap_err();
/// assert_eq!(error.to_string(), "line 2: a value is no number: `up one`");
/// ```
pub fn walk(
    form: Form,
    buckets: Buckets,
    body: &[u8],
    sink: &mut impl Sink,
) -> Result<(), ExpositionError> {
    match form {
        Form::Text => text::walk(body, sink),
        Form::OpenMetrics => openmetrics::walk(body, sink),
        Form::Protobuf => protobuf::walk(buckets, body, sink),
    }
}
