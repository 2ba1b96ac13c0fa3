//! A span as a run of bytes, for those that wait.
//!
//! Numbers little-endian at fixed places, texts with their length in four bytes before them; the
//! format is this program's own and lives as long as a trace waits. What cannot be read is no span:
//! never a panic, whatever the bytes.

use std::borrow::Cow;
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_model::span::{Attribute, AttributeValue, Span, SpanKind, SpanStatus};

/// The first byte; another is not read.
const VERSION: u8 = 1;

/// Appends a span.
pub(super) fn encode(span: &Span<'_>, into: &mut Vec<u8>) {
    into.push(VERSION);
    into.extend(span.trace_id.to_le_bytes());
    for number in [
        span.span_id,
        span.parent_id,
        span.pending_of,
        span.start.as_nanos() as u64,
        u64::try_from(span.duration.as_nanos()).unwrap_or(u64::MAX),
    ] {
        into.extend(number.to_le_bytes());
    }
    let place = |found: Option<usize>| found.unwrap_or(0) as u8;
    into.push(place(SpanKind::ALL.iter().position(|k| *k == span.kind)));
    into.push(place(
        SpanStatus::ALL.iter().position(|s| *s == span.status),
    ));
    for text in [
        span.name,
        span.service,
        span.scope,
        span.status_message,
        span.events,
        span.links,
    ] {
        put_text(text, into);
    }
    for attributes in [span.attributes, span.resource] {
        into.extend((attributes.len() as u32).to_le_bytes());
        for attribute in attributes {
            put_text(attribute.name, into);
            match &attribute.value {
                AttributeValue::Text(text) => {
                    into.push(0);
                    put_text(text, into);
                }
                AttributeValue::Integer(number) => {
                    into.push(1);
                    into.extend(number.to_le_bytes());
                }
                AttributeValue::Float(number) => {
                    into.push(2);
                    into.extend(number.to_le_bytes());
                }
                AttributeValue::Boolean(value) => into.extend([3, u8::from(*value)]),
            }
        }
    }
}

fn put_text(text: &str, into: &mut Vec<u8>) {
    into.extend((text.len() as u32).to_le_bytes());
    into.extend(text.as_bytes());
}

/// Hands the span to `use_it`; `None` when the bytes are none.
pub(super) fn decode<T>(bytes: &[u8], use_it: impl FnOnce(&Span<'_>) -> T) -> Option<T> {
    let mut bytes = Bytes(bytes);
    if bytes.take::<1>()? != [VERSION] {
        return None;
    }
    let trace_id = u128::from_le_bytes(bytes.take()?);
    let span_id = bytes.number()?;
    let parent_id = bytes.number()?;
    let pending_of = bytes.number()?;
    let start = Timestamp::from_nanos(bytes.number()? as i64);
    let duration = Duration::from_nanos(bytes.number()?);
    let [kind, status] = bytes.take()?;
    let kind = *SpanKind::ALL.get(usize::from(kind))?;
    let status = *SpanStatus::ALL.get(usize::from(status))?;
    let (name, service, scope) = (bytes.text()?, bytes.text()?, bytes.text()?);
    let (status_message, events, links) = (bytes.text()?, bytes.text()?, bytes.text()?);
    let attributes = bytes.attributes()?;
    let resource = bytes.attributes()?;
    bytes.0.is_empty().then(|| {
        use_it(&Span {
            trace_id,
            span_id,
            parent_id,
            pending_of,
            start,
            duration,
            name,
            service,
            scope,
            kind,
            status,
            status_message,
            attributes: &attributes,
            resource: &resource,
            events,
            links,
        })
    })
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = u32::from_le_bytes(self.take()?) as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn attributes(&mut self) -> Option<Vec<Attribute<'a>>> {
        let count = u32::from_le_bytes(self.take()?) as usize;
        // Each takes six bytes at least, so a count that lies takes no memory.
        let mut attributes = Vec::with_capacity(count.min(self.0.len() / 6));
        for _ in 0..count {
            let name = self.text()?;
            let value = match self.take()? {
                [0] => AttributeValue::Text(Cow::Borrowed(self.text()?)),
                [1] => AttributeValue::Integer(i64::from_le_bytes(self.take()?)),
                [2] => AttributeValue::Float(f64::from_le_bytes(self.take()?)),
                [3] => AttributeValue::Boolean(self.take()? == [1]),
                _ => return None,
            };
            attributes.push(Attribute { name, value });
        }
        Some(attributes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample<'a>(texts: &'a [String], attributes: &'a [Attribute<'a>], number: u64) -> Span<'a> {
        let text = |at: usize| texts.get(at).map_or("", String::as_str);
        Span {
            trace_id: u128::from(number) << 40 | 1,
            span_id: number,
            parent_id: number / 2,
            pending_of: number / 3,
            start: Timestamp::from_nanos(number as i64),
            duration: Duration::from_nanos(number / 5),
            name: text(0),
            service: text(1),
            scope: text(2),
            kind: SpanKind::ALL[number as usize % 6],
            status: SpanStatus::ALL[number as usize % 3],
            status_message: text(3),
            attributes,
            resource: &attributes[..attributes.len() / 2],
            events: text(4),
            links: text(5),
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            texts in prop::collection::vec(".{0,20}", 6),
            number in any::<u64>(),
            float in -1e9f64..1e9,
            cut in 1usize..400,
        ) {
            let pair = |name, value| Attribute { name, value };
            let attributes = [
                pair("t", AttributeValue::Text(Cow::Borrowed(texts[0].as_str()))),
                pair(&texts[1], AttributeValue::Integer(number as i64)),
                pair("f", AttributeValue::Float(float)),
                pair("b", AttributeValue::Boolean(number % 2 == 0)),
            ];
            let span = sample(&texts, &attributes, number);
            let mut bytes = Vec::new();
            encode(&span, &mut bytes);
            prop_assert_eq!(decode(&bytes, |read| *read == span), Some(true));
            let shorter = bytes.len().saturating_sub(cut);
            prop_assert_eq!(decode(&bytes[..shorter], |_| ()), None);
        }

        #[test]
        fn whatever_the_bytes_nothing_breaks(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes, |span| span.name.len());
            let mut versioned = vec![VERSION];
            versioned.extend(bytes);
            let _ = decode(&versioned, |span| span.name.len());
        }
    }
}
