//! Attributes of spans and log records: lists of `KeyValue`, bounded.
//!
//! 1. A list is bounded in count, in bytes and in the bytes of each value; what is left out is
//!    counted, and the count is put at the end as `otel.dropped_attributes_count`.
//! 2. A value that is cut ends in [`CUT_MARK`], cut between characters.
//!
//! Not for labels of series, which have limits of their own. Source: OpenTelemetry "Mapping to
//! non-OTLP formats", section "Dropped Attributes Count".

use std::borrow::Cow;

use tacho_model::span::{Attribute, AttributeValue};

use super::resource::attribute;
use crate::protobuf::{ProtobufError, Reader};

/// What a service is called that does not say (OpenTelemetry resource conventions).
pub const UNKNOWN_SERVICE: &str = "unknown_service";
/// Most attributes of one list; further ones are left out and counted.
pub const ATTRIBUTES_MAX: usize = 128;
/// Most bytes of one value; longer ones are cut and marked.
pub const VALUE_BYTES_MAX: usize = 4096;
/// Most bytes of one name; an attribute with a longer one is left out and counted.
pub const NAME_BYTES_MAX: usize = 1024;
/// Bytes of all names and values after which no attribute is added to a list; further ones are left
/// out and counted.
pub const LIST_BYTES_MAX: usize = 256 << 10;
/// What stands where something was cut off.
pub const CUT_MARK: &str = "…";
/// How many attributes the sender, or a limit here, left out.
const DROPPED: &str = "otel.dropped_attributes_count";

/// Attributes as they are read, in memory that is used again for the next list.
#[derive(Debug, Default)]
pub(crate) struct AttributeList<'a> {
    list: Vec<Attribute<'a>>,
    bytes: usize,
    dropped: u64,
}

impl<'a> AttributeList<'a> {
    /// Makes it empty.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.bytes = 0;
        self.dropped = 0;
    }

    /// Reads one `KeyValue` and adds it, if there is room for it.
    pub(crate) fn read(&mut self, reader: Reader<'a>) -> Result<(), ProtobufError> {
        if self.list.len() >= ATTRIBUTES_MAX || self.bytes >= LIST_BYTES_MAX {
            self.dropped += 1;
            return Ok(());
        }
        let Attribute { name, value } = bounded_attribute(reader)?;
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            self.dropped += 1;
            return Ok(());
        }
        self.bytes += name.len();
        self.bytes += match &value {
            AttributeValue::Text(text) => text.len(),
            _ => size_of::<u64>(),
        };
        self.list.push(Attribute { name, value });
        Ok(())
    }

    /// Reads the attributes of the resource, field 1 of what holds it.
    pub(crate) fn read_resource(&mut self, holder: Reader<'a>) -> Result<(), ProtobufError> {
        self.clear();
        holder.each(1, |mut resource| {
            while !resource.is_done() {
                let key = resource.key()?;
                match key.number {
                    1 => {
                        let range = resource.nested(key)?;
                        self.read(resource.inner(range))?;
                    }
                    2 => self.note_dropped(resource.integer(key)?),
                    _ => resource.skip(key)?,
                }
            }
            Ok::<(), ProtobufError>(())
        })?;
        self.finish();
        Ok(())
    }

    /// Notes that the sender left out so many.
    pub(crate) fn note_dropped(&mut self, count: u64) {
        self.dropped = self.dropped.saturating_add(count);
    }

    /// Adds how many of something were left out, where some were.
    pub(crate) fn push_count(&mut self, name: &'static str, count: u64) {
        if count > 0 {
            let value = AttributeValue::Integer(i64::try_from(count).unwrap_or(i64::MAX));
            self.list.push(Attribute { name, value });
        }
    }

    /// Ends the list.
    pub(crate) fn finish(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        self.push_count(DROPPED, dropped);
    }

    /// The attributes so far.
    pub(crate) fn as_slice(&self) -> &[Attribute<'a>] {
        &self.list
    }

    /// The text of an attribute; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        let mut list = self.list.iter();
        match list.find(|attribute| attribute.name == name) {
            Some(Attribute {
                value: AttributeValue::Text(text),
                ..
            }) => text,
            _ => "",
        }
    }

    /// As a resource: the service that it names.
    pub(crate) fn service(&self) -> &str {
        match self.text("service.name") {
            "" => UNKNOWN_SERVICE,
            name => name,
        }
    }
}

/// A `KeyValue` whose value is cut where it is too long.
pub(crate) fn bounded_attribute(reader: Reader<'_>) -> Result<Attribute<'_>, ProtobufError> {
    let mut attribute = attribute(reader)?;
    if let AttributeValue::Text(text) = &mut attribute.value
        && text.len() > VALUE_BYTES_MAX
    {
        *text = bounded(std::mem::take(text));
    }
    Ok(attribute)
}

/// Text of at most [`VALUE_BYTES_MAX`] bytes, and a mark where it was longer.
pub(crate) fn bounded(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= VALUE_BYTES_MAX {
        return text;
    }
    let end = text.floor_char_boundary(VALUE_BYTES_MAX);
    Cow::Owned(format!("{}{CUT_MARK}", text.get(..end).unwrap_or("")))
}

/// Bytes as text of at most [`VALUE_BYTES_MAX`] bytes; what is no UTF-8 is mended.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    bounded(String::from_utf8_lossy(bytes))
}

#[cfg(test)]
mod tests;
