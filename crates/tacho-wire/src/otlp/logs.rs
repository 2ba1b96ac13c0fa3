//! OTLP logs: an `ExportLogsServiceRequest` in protobuf to log records, one after another.
//!
//! 1. A body is either walked to its end or an error says where it broke off.
//! 2. In the common case a record costs no allocation.
//!
//! A record without a time of its own has the one when it was observed; one without either has
//! none, and the caller says what that means ([`LogRecord::time`] is the epoch then).
//! Not for keeping what is said: bodies are cut at [`super::attributes::VALUE_BYTES_MAX`].
//! Sources: opentelemetry-proto `logs.proto`, `logs_service.proto`; OpenTelemetry logs data model.

use std::borrow::Cow;

use tacho_model::Timestamp;
use tacho_model::span::{AttributeValue, LogRecord, Severity};

use super::attributes::{AttributeList, bounded, lossy};
use super::resource::{attribute_value, text_of};
use super::taken::{Decoded, Refused};
use super::traces::{id_of_span, id_of_trace};
use crate::protobuf::{ProtobufError, Reader};

/// Hands every log record of a request to `each`, in the order they lie in it.
///
/// # Errors
/// [`ProtobufError`] when the body is no such message.
pub fn decode(body: &[u8], mut each: impl FnMut(&LogRecord<'_>)) -> Result<Decoded, ProtobufError> {
    let mut walk = Walk::default();
    let request = Reader::new(body, 0..body.len());
    request.each(1, |inside| walk.resource_logs(inside, &mut each))?;
    Ok(walk.decoded)
}

/// What is read into again and again.
#[derive(Default)]
struct Walk<'a> {
    resource: AttributeList<'a>,
    attributes: AttributeList<'a>,
    decoded: Decoded,
}

/// The fields of one record but its attributes.
struct Fields<'a> {
    time: u64,
    observed: u64,
    severity: u64,
    severity_text: &'a [u8],
    body: AttributeValue<'a>,
    trace_id: &'a [u8],
    span_id: &'a [u8],
    event_name: Cow<'a, str>,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Self {
            time: 0,
            observed: 0,
            severity: 0,
            severity_text: &[],
            body: AttributeValue::Text(Cow::Borrowed("")),
            trace_id: &[],
            span_id: &[],
            event_name: Cow::Borrowed(""),
        }
    }
}

impl<'a> Walk<'a> {
    fn resource_logs(
        &mut self,
        reader: Reader<'a>,
        each: &mut impl FnMut(&LogRecord<'_>),
    ) -> Result<(), ProtobufError> {
        self.resource.read_resource(reader.clone())?;
        reader.each(2, |scope| {
            scope.each(2, |record| {
                let fields = self.record(record)?;
                self.hand_out(&fields, each);
                Ok(())
            })
        })
    }

    fn record(&mut self, mut reader: Reader<'a>) -> Result<Fields<'a>, ProtobufError> {
        self.attributes.clear();
        let mut fields = Fields::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => fields.time = reader.fixed(key)?,
                2 => fields.severity = reader.integer(key)?,
                3 => fields.severity_text = reader.bytes_of(key)?,
                5 => {
                    let range = reader.nested(key)?;
                    fields.body = attribute_value(reader.inner(range))?;
                }
                6 => {
                    let range = reader.nested(key)?;
                    self.attributes.read(reader.inner(range))?;
                }
                7 => self.attributes.note_dropped(reader.integer(key)?),
                9 => fields.trace_id = reader.bytes_of(key)?,
                10 => fields.span_id = reader.bytes_of(key)?,
                11 => fields.observed = reader.fixed(key)?,
                12 => fields.event_name = lossy(reader.bytes_of(key)?),
                _ => reader.skip(key)?,
            }
        }
        self.attributes.finish();
        Ok(fields)
    }

    fn hand_out(&mut self, fields: &Fields<'a>, each: &mut impl FnMut(&LogRecord<'_>)) {
        let time = match fields.time {
            0 => fields.observed,
            time => time,
        };
        let Ok(time) = i64::try_from(time) else {
            return self.decoded.refuse(Refused::OutOfRange);
        };
        let severity = match Severity::of_number(fields.severity) {
            Severity::Unspecified => severity_of(fields.severity_text),
            severity => severity,
        };
        // Before there was a field for it, events were named by an attribute.
        let event_name = match &*fields.event_name {
            "" => self.attributes.text("event.name"),
            name => name,
        };
        let body = bounded(text_of(&fields.body));
        self.decoded.taken += 1;
        each(&LogRecord {
            time: Timestamp::from_nanos(time),
            severity,
            event_name,
            service: self.resource.service(),
            body: &body,
            trace_id: id_of_trace(fields.trace_id).unwrap_or(0),
            span_id: id_of_span(fields.span_id).unwrap_or(0),
            attributes: self.attributes.as_slice(),
            resource: self.resource.as_slice(),
        });
    }
}

/// The severity that a source's own word for it means, where it gave no number: the words that
/// begin so in syslog, log4j, .NET, Go and Python.
fn severity_of(text: &[u8]) -> Severity {
    let known: [(&[u8], Severity); 12] = [
        (b"trace", Severity::Trace),
        (b"verbose", Severity::Trace),
        (b"debug", Severity::Debug),
        (b"info", Severity::Info),
        (b"notice", Severity::Info),
        (b"warn", Severity::Warn),
        (b"err", Severity::Error),
        (b"severe", Severity::Error),
        (b"crit", Severity::Fatal),
        (b"fatal", Severity::Fatal),
        (b"panic", Severity::Fatal),
        (b"emerg", Severity::Fatal),
    ];
    let begins = |word: &[u8]| {
        let head = text.get(..word.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    let found = known.iter().find(|(word, _)| begins(word));
    found.map_or(Severity::Unspecified, |(_, severity)| *severity)
}

#[cfg(test)]
mod tests;
