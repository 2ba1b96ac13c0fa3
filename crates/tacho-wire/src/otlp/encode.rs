//! Spans, log records and samples ([`metrics`]) to OTLP requests in protobuf, for whoever sends
//! them on.
//!
//! Neighbours of one resource and scope share them, so what came in one request leaves as one.
//! What the model holds as text leaves as text: lists and maps among attributes are JSON then.
//! Counts of what was dropped and pending spans have again the form that they came in.
//! Source: opentelemetry-proto `trace.proto`, `logs.proto`.

mod details;
pub mod metrics;

use tacho_model::span::{Attribute, AttributeValue, LogRecord, Severity, Span};

pub use self::metrics::{Encoded, MetricsEncoder};
use super::put;

/// Attributes that say how many of something were left out, and the fields of a span for it.
const DROPPED_OF_SPAN: [(&str, u32); 3] = [
    ("otel.dropped_attributes_count", 10),
    ("otel.dropped_events_count", 12),
    ("otel.dropped_links_count", 14),
];
/// The same of a log record.
const DROPPED_OF_RECORD: [(&str, u32); 1] = [("otel.dropped_attributes_count", 7)];
/// The same of a resource.
const DROPPED_OF_RESOURCE: [(&str, u32); 1] = [("otel.dropped_attributes_count", 2)];

/// Makes an `ExportTraceServiceRequest`.
///
/// ```
/// use tacho_wire::otlp::encode::SpanEncoder;
/// use tacho_wire::otlp::traces::decode;
/// # let body = b"\x0a\x25\x12\x23\x12\x21\x0a\x10\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\
/// #     \x01\x01\x01\x01\x01\x12\x08\x02\x02\x02\x02\x02\x02\x02\x02\x2a\x03GET";
/// let mut encoder = SpanEncoder::default();
/// decode(body, |span| encoder.push(span)).unwrap();
/// assert_eq!(decode(&encoder.finish(), |_| ()).unwrap().taken, 1);
/// ```
#[derive(Debug, Default)]
pub struct SpanEncoder(Nested);

/// Makes an `ExportLogsServiceRequest`.
#[derive(Debug, Default)]
pub struct LogEncoder(Nested);

impl SpanEncoder {
    /// Adds a span.
    pub fn push(&mut self, span: &Span<'_>) {
        let out = self.0.enter(span.resource, span.service, span.scope);
        put::message(2, out, |out| self::span(span, out));
    }

    /// How many bytes the request has by now.
    pub fn bytes(&self) -> usize {
        self.0.out.len()
    }

    /// The request; the encoder is empty afterwards.
    pub fn finish(&mut self) -> Vec<u8> {
        self.0.finish()
    }
}

impl LogEncoder {
    /// Adds a log record.
    pub fn push(&mut self, record: &LogRecord<'_>) {
        let out = self.0.enter(record.resource, record.service, "");
        put::message(2, out, |out| self::record(record, out));
    }

    /// How many bytes the request has by now.
    pub fn bytes(&self) -> usize {
        self.0.out.len()
    }

    /// The request; the encoder is empty afterwards.
    pub fn finish(&mut self) -> Vec<u8> {
        self.0.finish()
    }
}

/// A request whose last resource and scope are still open.
#[derive(Debug, Default)]
struct Nested {
    out: Vec<u8>,
    /// Where the open resource and the open scope begin.
    open: Option<(usize, usize)>,
    /// What they are, encoded.
    around: Vec<u8>,
    scratch: Vec<u8>,
}

impl Nested {
    /// Opens that resource and scope, unless they are open.
    fn enter(&mut self, resource: &[Attribute<'_>], service: &str, scope: &str) -> &mut Vec<u8> {
        let scratch = &mut self.scratch;
        scratch.clear();
        put::message(1, scratch, |out| self::resource(resource, service, out));
        let split = scratch.len();
        if !scope.is_empty() {
            put::message(1, scratch, |out| put::bytes(1, scope.as_bytes(), out));
        }
        if self.open.is_none() || self.around != self.scratch {
            self.leave();
            std::mem::swap(&mut self.around, &mut self.scratch);
            let of_resource = put::open(1, &mut self.out);
            let (resource, scope) = self.around.split_at(split);
            self.out.extend_from_slice(resource);
            let of_scope = put::open(2, &mut self.out);
            self.out.extend_from_slice(scope);
            self.open = Some((of_resource, of_scope));
        }
        &mut self.out
    }

    fn leave(&mut self) {
        if let Some((of_resource, of_scope)) = self.open.take() {
            put::close(of_scope, &mut self.out);
            put::close(of_resource, &mut self.out);
        }
    }

    fn finish(&mut self) -> Vec<u8> {
        self.leave();
        std::mem::take(&mut self.out)
    }
}

fn resource(attributes: &[Attribute<'_>], service: &str, out: &mut Vec<u8>) {
    const NAME: &str = "service.name";
    self::attributes(1, attributes, &DROPPED_OF_RESOURCE, out);
    if !attributes.iter().any(|attribute| attribute.name == NAME) {
        let value = AttributeValue::Text(service.into());
        put::message(1, out, |out| key_value(NAME, &value, out));
    }
}

fn span(span: &Span<'_>, out: &mut Vec<u8>) {
    put::bytes(1, &span.trace_id.to_be_bytes(), out);
    put::bytes(2, &span.span_id.to_be_bytes(), out);
    // The parent that a pending span came with; the real one is among its attributes.
    let parent = match span.pending_of {
        0 => span.parent_id,
        announced => announced,
    };
    if parent != 0 {
        put::bytes(4, &parent.to_be_bytes(), out);
    }
    put::bytes(5, span.name.as_bytes(), out);
    put::integer(6, span.kind as u64, out);
    let start = u64::try_from(span.start.as_nanos()).unwrap_or(0);
    let duration = u64::try_from(span.duration.as_nanos()).unwrap_or(u64::MAX);
    put::fixed(7, start, out);
    put::fixed(8, start.saturating_add(duration), out);
    attributes(9, span.attributes, &DROPPED_OF_SPAN, out);
    details::events(11, span.events, out);
    details::links(13, span.links, out);
    if span.status as u64 != 0 || !span.status_message.is_empty() {
        put::message(15, out, |out| {
            put::bytes(2, span.status_message.as_bytes(), out);
            put::integer(3, span.status as u64, out);
        });
    }
}

fn record(record: &LogRecord<'_>, out: &mut Vec<u8>) {
    let time = u64::try_from(record.time.as_nanos()).unwrap_or(0);
    put::fixed(1, time, out);
    let number = match record.severity {
        Severity::Unspecified => 0,
        // The first number of its range.
        severity => severity as u64 * 4 - 3,
    };
    put::integer(2, number, out);
    if number > 0 {
        let text = record.severity.as_str().to_ascii_uppercase();
        put::bytes(3, text.as_bytes(), out);
    }
    if !record.body.is_empty() {
        put::message(5, out, |out| put::bytes(1, record.body.as_bytes(), out));
    }
    attributes(6, record.attributes, &DROPPED_OF_RECORD, out);
    if record.trace_id != 0 {
        put::bytes(9, &record.trace_id.to_be_bytes(), out);
    }
    if record.span_id != 0 {
        put::bytes(10, &record.span_id.to_be_bytes(), out);
    }
    put::fixed(11, time, out);
    put::bytes(12, record.event_name.as_bytes(), out);
}

/// Adds attributes as repeated `KeyValue`; those that are counts of what was dropped, as the fields
/// that they came from.
fn attributes(
    number: u32,
    attributes: &[Attribute<'_>],
    dropped: &[(&str, u32)],
    out: &mut Vec<u8>,
) {
    for attribute in attributes {
        let count = dropped.iter().find(|(name, _)| *name == attribute.name);
        match (count, &attribute.value) {
            (Some((_, field)), AttributeValue::Integer(count)) => {
                put::integer(
                    *field,
                    u32::try_from(*count).unwrap_or(u32::MAX).into(),
                    out,
                );
            }
            (_, value) => put::message(number, out, |out| key_value(attribute.name, value, out)),
        }
    }
}

fn key_value(name: &str, value: &AttributeValue<'_>, out: &mut Vec<u8>) {
    put::bytes(1, name.as_bytes(), out);
    put::message(2, out, |out| match value {
        AttributeValue::Text(text) => {
            put::key(1, crate::protobuf::LENGTH_DELIMITED, out);
            put::varint(text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        AttributeValue::Boolean(value) => {
            put::key(2, crate::protobuf::VARINT, out);
            out.push(u8::from(*value));
        }
        AttributeValue::Integer(value) => {
            put::key(3, crate::protobuf::VARINT, out);
            put::varint(*value as u64, out);
        }
        AttributeValue::Float(value) => {
            put::key(4, crate::protobuf::FIXED64, out);
            out.extend_from_slice(&value.to_le_bytes());
        }
    });
}

#[cfg(test)]
mod tests;
