//! OTLP traces: an `ExportTraceServiceRequest` in protobuf to spans, one after another.
//!
//! 1. A body is either walked to its end or an error says where it broke off; spans before that
//!    place were handed out already, and writing them again with the whole does no harm, because a
//!    span is identified by its time and ids.
//! 2. A span that cannot be one (no ids, a time that nanoseconds cannot hold) costs itself alone.
//! 3. In the common case a span costs no allocation: text is borrowed from the body, and attributes,
//!    events and links are read into memory that is used again.
//!
//! Logfire announces long spans by *pending spans* with identifiers of their own: attribute
//! `logfire.span_type` is `pending_span`, the parent is the announced span, and the real parent is
//! in `logfire.pending_parent_id`. They come out with [`Span::pending_of`] set and the real parent.
//!
//! Not for judging times against what is kept. Sources: opentelemetry-proto `trace.proto`,
//! `trace_service.proto`; OpenTelemetry "Mapping to non-OTLP formats" for the counts of what was
//! dropped; logfire 5.2 on the wire.

mod details;

use std::borrow::Cow;
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_model::span::{Span, SpanKind, SpanStatus};

use self::details::{Details, Event, Link};
use super::attributes::{AttributeList, lossy};
use super::taken::{Decoded, Refused};
use crate::protobuf::{Key, ProtobufError, Reader};

/// Hands every span of a request to `each`, in the order they lie in it.
///
/// ```
/// use tacho_wire::otlp::traces::decode;
/// let mut names = Vec::new();
/// let span = b"\x0a\x10\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\
///     \x12\x08\x02\x02\x02\x02\x02\x02\x02\x02\x2a\x03GET";
/// let body = [&b"\x0a\x25\x12\x23\x12\x21"[..], span].concat();
/// let decoded = decode(&body, |span| names.push(span.name.to_owned())).unwrap();
/// assert_eq!((decoded.taken, names), (1, vec!["GET".to_owned()]));
/// ```
///
/// # Errors
/// [`ProtobufError`] when the body is no such message.
pub fn decode(body: &[u8], mut each: impl FnMut(&Span<'_>)) -> Result<Decoded, ProtobufError> {
    let mut walk = Walk::default();
    let request = Reader::new(body, 0..body.len());
    request.each(1, |inside| walk.resource_spans(inside, &mut each))?;
    Ok(walk.decoded)
}

/// What is read into again and again.
#[derive(Default)]
struct Walk<'a> {
    resource: AttributeList<'a>,
    attributes: AttributeList<'a>,
    events: Details,
    links: Details,
    decoded: Decoded,
}

/// The fields of one span that are no lists.
struct Fields<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_id: &'a [u8],
    name: Cow<'a, str>,
    kind: u64,
    start: u64,
    end: u64,
    status: u64,
    status_message: Cow<'a, str>,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Self {
            trace_id: &[],
            span_id: &[],
            parent_id: &[],
            name: Cow::Borrowed(""),
            kind: 0,
            start: 0,
            end: 0,
            status: 0,
            status_message: Cow::Borrowed(""),
        }
    }
}

impl<'a> Walk<'a> {
    fn resource_spans(
        &mut self,
        reader: Reader<'a>,
        each: &mut impl FnMut(&Span<'_>),
    ) -> Result<(), ProtobufError> {
        // A resource may stand behind what it describes.
        self.resource.read_resource(reader.clone())?;
        reader.each(2, |scope| self.scope_spans(scope, each))
    }

    fn scope_spans(
        &mut self,
        reader: Reader<'a>,
        each: &mut impl FnMut(&Span<'_>),
    ) -> Result<(), ProtobufError> {
        let scope = scope_name(reader.clone())?;
        reader.each(2, |span| {
            let fields = self.span(span)?;
            self.hand_out(&fields, &scope, each);
            Ok(())
        })
    }

    fn span(&mut self, mut reader: Reader<'a>) -> Result<Fields<'a>, ProtobufError> {
        self.attributes.clear();
        self.events.clear();
        self.links.clear();
        let mut fields = Fields::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => fields.trace_id = reader.bytes_of(key)?,
                2 => fields.span_id = reader.bytes_of(key)?,
                4 => fields.parent_id = reader.bytes_of(key)?,
                5 => fields.name = lossy(reader.bytes_of(key)?),
                6 => fields.kind = reader.integer(key)?,
                7 => fields.start = reader.fixed(key)?,
                8 => fields.end = reader.fixed(key)?,
                9 => {
                    let range = reader.nested(key)?;
                    self.attributes.read(reader.inner(range))?;
                }
                15 => {
                    let range = reader.nested(key)?;
                    let status = status(reader.inner(range))?;
                    (fields.status, fields.status_message) = status;
                }
                _ => self.detail(&mut reader, key)?,
            }
        }
        Ok(fields)
    }

    /// What most spans do not have.
    fn detail(&mut self, reader: &mut Reader<'a>, key: Key) -> Result<(), ProtobufError> {
        match key.number {
            10 => self.attributes.note_dropped(reader.integer(key)?),
            11 => {
                let range = reader.nested(key)?;
                self.events.push_event(&Event::read(reader.inner(range))?)?;
            }
            12 => self.events.note_dropped(reader.integer(key)?),
            13 => {
                let range = reader.nested(key)?;
                self.links.push_link(&Link::read(reader.inner(range))?)?;
            }
            14 => self.links.note_dropped(reader.integer(key)?),
            _ => reader.skip(key)?,
        }
        Ok(())
    }

    /// Makes a span of what was read.
    fn hand_out(&mut self, fields: &Fields<'a>, scope: &str, each: &mut impl FnMut(&Span<'_>)) {
        let ids = match identify(fields) {
            Ok(ids) => ids,
            Err(refused) => return self.decoded.refuse(refused),
        };
        self.attributes.finish();
        let events = ("otel.dropped_events_count", self.events.dropped());
        let links = ("otel.dropped_links_count", self.links.dropped());
        for (name, count) in [events, links] {
            self.attributes.push_count(name, count);
        }
        let (parent_id, pending_of) = self.parent(fields);
        let kind = SpanKind::ALL.get(fields.kind as usize).copied();
        let status = SpanStatus::ALL.get(fields.status as usize).copied();
        self.decoded.taken += 1;
        each(&Span {
            trace_id: ids.trace,
            span_id: ids.span,
            parent_id,
            pending_of,
            start: Timestamp::from_nanos(ids.start),
            duration: Duration::from_nanos(fields.end.saturating_sub(fields.start)),
            name: &fields.name,
            service: self.resource.service(),
            scope,
            kind: kind.unwrap_or_default(),
            status: status.unwrap_or_default(),
            status_message: &fields.status_message,
            attributes: self.attributes.as_slice(),
            resource: self.resource.as_slice(),
            events: self.events.as_json(),
            links: self.links.as_json(),
        });
    }

    /// The parent of a span, and the span that it announces; zero where there is none.
    fn parent(&self, fields: &Fields<'a>) -> (u64, u64) {
        let parent = id_of_span(fields.parent_id).unwrap_or(0);
        if parent == 0 || self.attributes.text("logfire.span_type") != "pending_span" {
            return (parent, 0);
        }
        let real = self.attributes.text("logfire.pending_parent_id");
        (u64::from_str_radix(real, 16).unwrap_or(0), parent)
    }
}

/// The name of the scope, field 1 of what holds it.
fn scope_name(holder: Reader<'_>) -> Result<Cow<'_, str>, ProtobufError> {
    let mut name = Cow::Borrowed("");
    holder.each(1, |mut scope| {
        while !scope.is_done() {
            let key = scope.key()?;
            match key.number {
                1 => name = lossy(scope.bytes_of(key)?),
                _ => scope.skip(key)?,
            }
        }
        Ok::<(), ProtobufError>(())
    })?;
    Ok(name)
}

/// What identifies a span.
struct Ids {
    trace: u128,
    span: u64,
    start: i64,
}

fn identify(fields: &Fields<'_>) -> Result<Ids, Refused> {
    let trace = id_of_trace(fields.trace_id).filter(|id| *id != 0);
    let span = id_of_span(fields.span_id).filter(|id| *id != 0);
    Ok(Ids {
        trace: trace.ok_or(Refused::TraceId)?,
        span: span.ok_or(Refused::SpanId)?,
        start: i64::try_from(fields.start).map_err(|_| Refused::OutOfRange)?,
    })
}

/// `None` when it has not 16 bytes.
pub(super) fn id_of_trace(bytes: &[u8]) -> Option<u128> {
    Some(u128::from_be_bytes(bytes.try_into().ok()?))
}

/// `None` when it has not 8 bytes.
pub(super) fn id_of_span(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

fn status(mut reader: Reader<'_>) -> Result<(u64, Cow<'_, str>), ProtobufError> {
    let mut status = (0, Cow::Borrowed(""));
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            2 => status.1 = lossy(reader.bytes_of(key)?),
            3 => status.0 = reader.integer(key)?,
            _ => reader.skip(key)?,
        }
    }
    Ok(status)
}

#[cfg(test)]
pub(super) mod tests;
