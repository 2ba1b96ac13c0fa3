//! Events and links of a span, as the JSON that a span carries them in.
//!
//! Bounded in count and bytes: what does not fit is left out whole, so that the rest stays JSON,
//! and counted.

use std::borrow::Cow;
use std::fmt::Write as _;

use tacho_model::Timestamp;
use tacho_model::span::AttributeValue;

use super::{id_of_span, id_of_trace};
use crate::otlp::attributes::{ATTRIBUTES_MAX, bounded_attribute, lossy};
use crate::otlp::resource::{quote, text_of};
use crate::protobuf::{ProtobufError, Reader};

/// Most events of one span.
pub(super) const EVENTS_MAX: usize = 128;
/// Most links of one span.
pub(super) const LINKS_MAX: usize = 128;
/// Bytes of JSON after which no event, or no link, is added to those of a span, and no attribute to
/// the last of them.
pub(super) const BYTES_MAX: usize = 64 << 10;

/// One event as it lies in the body.
pub(super) struct Event<'a> {
    time: u64,
    name: Cow<'a, str>,
    message: Reader<'a>,
}

impl<'a> Event<'a> {
    pub(super) fn read(mut reader: Reader<'a>) -> Result<Self, ProtobufError> {
        let mut event = Self {
            time: 0,
            name: Cow::Borrowed(""),
            message: reader.clone(),
        };
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => event.time = reader.fixed(key)?,
                2 => event.name = lossy(reader.bytes_of(key)?),
                _ => reader.skip(key)?,
            }
        }
        Ok(event)
    }
}

/// One link as it lies in the body.
pub(super) struct Link<'a> {
    trace_id: u128,
    span_id: u64,
    message: Reader<'a>,
}

impl<'a> Link<'a> {
    pub(super) fn read(mut reader: Reader<'a>) -> Result<Self, ProtobufError> {
        let mut link = Self {
            trace_id: 0,
            span_id: 0,
            message: reader.clone(),
        };
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => link.trace_id = id_of_trace(reader.bytes_of(key)?).unwrap_or(0),
                2 => link.span_id = id_of_span(reader.bytes_of(key)?).unwrap_or(0),
                _ => reader.skip(key)?,
            }
        }
        Ok(link)
    }
}

/// A JSON list under construction.
#[derive(Default)]
pub(super) struct Details {
    json: String,
    count: usize,
    dropped: u64,
}

impl Details {
    pub(super) fn clear(&mut self) {
        self.json.clear();
        self.count = 0;
        self.dropped = 0;
    }

    /// Notes that the sender left out so many.
    pub(super) fn note_dropped(&mut self, count: u64) {
        self.dropped = self.dropped.saturating_add(count);
    }

    /// How many the sender, or a limit here, left out.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The list; empty when there is nothing in it.
    pub(super) fn as_json(&self) -> &str {
        &self.json
    }

    /// Adds `{time, name, attributes}`.
    pub(super) fn push_event(&mut self, event: &Event<'_>) -> Result<(), ProtobufError> {
        self.push(EVENTS_MAX, |json| {
            let time = i64::try_from(event.time).unwrap_or(i64::MAX);
            json.push_str("\"time\":");
            quote(&Timestamp::from_nanos(time).to_rfc3339(), json);
            json.push_str(",\"name\":");
            quote(&event.name, json);
            attributes(event.message.clone(), 3, json)
        })
    }

    /// Adds `{trace_id, span_id, attributes}`.
    pub(super) fn push_link(&mut self, link: &Link<'_>) -> Result<(), ProtobufError> {
        self.push(LINKS_MAX, |json| {
            let (trace, span) = (link.trace_id, link.span_id);
            // Writing into a `String` cannot fail.
            let _ = write!(
                json,
                "\"trace_id\":\"{trace:032x}\",\"span_id\":\"{span:016x}\""
            );
            attributes(link.message.clone(), 4, json)
        })
    }

    /// Adds an object whose members `write` writes, if there is room for it.
    fn push(
        &mut self,
        count_max: usize,
        write: impl FnOnce(&mut String) -> Result<(), ProtobufError>,
    ) -> Result<(), ProtobufError> {
        let before = self.json.len();
        if self.count >= count_max || before >= BYTES_MAX {
            self.dropped += 1;
            return Ok(());
        }
        // The list always ends where it can be read; the bracket goes when another object comes.
        self.json.pop();
        self.json.push_str(if before == 0 { "[{" } else { ",{" });
        write(&mut self.json)?;
        self.json.push_str("}]");
        self.count += 1;
        Ok(())
    }
}

/// Adds the attributes in a field of a message as a member; nothing when there are none. What is
/// beyond the limits is left out.
fn attributes(message: Reader<'_>, field: u32, json: &mut String) -> Result<(), ProtobufError> {
    let mut count = 0;
    message.each(field, |inside| {
        if count >= ATTRIBUTES_MAX || json.len() >= BYTES_MAX {
            return Ok(());
        }
        let separator = if count == 0 { ",\"attributes\":{" } else { "," };
        json.push_str(separator);
        let attribute = bounded_attribute(inside)?;
        quote(attribute.name, json);
        json.push(':');
        value(&attribute.value, json);
        count += 1;
        Ok::<(), ProtobufError>(())
    })?;
    if count > 0 {
        json.push('}');
    }
    Ok(())
}

fn value(value: &AttributeValue<'_>, json: &mut String) {
    match value {
        AttributeValue::Float(number) if !number.is_finite() => quote(&text_of(value), json),
        AttributeValue::Text(text) => quote(text, json),
        number => json.push_str(&text_of(number)),
    }
}
