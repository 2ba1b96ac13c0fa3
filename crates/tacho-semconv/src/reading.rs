//! The attributes of one span by what they say.

use std::borrow::Cow;

use tacho_model::span::{Attribute, AttributeValue, Span};

use crate::table::{Dialect, Field, TABLE, look_up};

/// Larger counts are none: one would drown all others in a sum.
const COUNT_MAX: u64 = 1_000_000_000_000;

/// What a span's attributes say, each thing once.
#[derive(Debug, Clone)]
pub struct Reading<'s, 'a> {
    /// The span.
    pub span: &'s Span<'a>,
    /// The row, by its place in the table, and the value that each thing was said by.
    said: [Option<(u16, &'s AttributeValue<'a>)>; Field::COUNT],
}

impl<'s, 'a> Reading<'s, 'a> {
    /// Reads a span's own attributes. What its process says of itself is not looked at.
    pub fn new(span: &'s Span<'a>) -> Self {
        let mut said = [None; Field::COUNT];
        for Attribute { name, value } in span.attributes {
            let Some((place, row)) = look_up(name) else {
                continue;
            };
            let slot: &mut Option<(u16, _)> = &mut said[row.field as usize];
            // Of two names for one thing the earlier row counts, of one name twice the last value.
            if slot.is_none_or(|(known, _)| place as u16 <= known) {
                *slot = Some((place as u16, value));
            }
        }
        Self { span, said }
    }

    fn value(&self, field: Field) -> Option<&'s AttributeValue<'a>> {
        self.said[field as usize].map(|(_, value)| value)
    }

    /// Whether something is said.
    pub fn has(&self, field: Field) -> bool {
        self.value(field).is_some()
    }

    /// Whose name said it.
    pub fn dialect(&self, field: Field) -> Option<Dialect> {
        let (place, _) = self.said[field as usize]?;
        Some(TABLE[usize::from(place)].dialect)
    }

    /// As text, and `None` where it is empty.
    pub fn text(&self, field: Field) -> Option<Cow<'s, str>> {
        let text = match self.value(field)? {
            AttributeValue::Text(text) => Cow::Borrowed(&**text),
            AttributeValue::Integer(value) => Cow::Owned(value.to_string()),
            AttributeValue::Float(value) => Cow::Owned(value.to_string()),
            AttributeValue::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        };
        (!text.is_empty()).then_some(text)
    }

    /// Why it failed, as a type of errors. Some send what Python prints of the type.
    pub fn error_type(&self) -> Option<Cow<'s, str>> {
        let told = self.text(Field::ErrorType)?;
        let bare = |told: &str| {
            let inner = told.strip_prefix("<class '")?.strip_suffix("'>")?;
            Some(inner.to_owned())
        };
        Some(bare(&told).map_or(told, Cow::Owned))
    }

    /// Whether it is no operation but a line of a log, which Logfire sends as a span.
    pub fn is_log(&self) -> bool {
        self.text(Field::LogfireType).as_deref() == Some("log")
    }

    /// As a count: a whole number that is not negative, also where it came as text or with a
    /// fraction of zero. Everything else is no count.
    pub fn count(&self, field: Field) -> Option<u64> {
        let count = match self.value(field)? {
            AttributeValue::Integer(value) => u64::try_from(*value).ok(),
            AttributeValue::Float(value) => {
                // Up to where every whole number has a float of its own.
                let is_whole =
                    value.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(value);
                is_whole.then_some(*value as u64)
            }
            AttributeValue::Text(text) => text.trim().parse().ok(),
            AttributeValue::Boolean(_) => None,
        };
        count.filter(|count| *count <= COUNT_MAX)
    }

    /// As a finite number.
    pub fn number(&self, field: Field) -> Option<f64> {
        let number = match self.value(field)? {
            AttributeValue::Integer(value) => *value as f64,
            AttributeValue::Float(value) => *value,
            AttributeValue::Text(text) => text.trim().parse().ok()?,
            AttributeValue::Boolean(_) => return None,
        };
        number.is_finite().then_some(number)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use tacho_model::Timestamp;
    use tacho_model::span::{SpanKind, SpanStatus};

    use super::*;

    /// A span with these attributes: whole numbers where the text is one.
    pub(crate) fn with<T>(
        name: &str,
        kind: SpanKind,
        attributes: &[(&str, &str)],
        check: impl FnOnce(&Span<'_>) -> T,
    ) -> T {
        let attributes: Vec<Attribute<'_>> = attributes
            .iter()
            .map(|(name, text)| Attribute {
                name,
                value: match text.parse() {
                    Ok(integer) => AttributeValue::Integer(integer),
                    Err(_) => AttributeValue::Text((*text).into()),
                },
            })
            .collect();
        check(&Span {
            trace_id: 1,
            span_id: 2,
            parent_id: 0,
            pending_of: 0,
            start: Timestamp::from_secs(1_795_000_000),
            duration: Duration::from_millis(5),
            name,
            service: "shop",
            scope: "",
            kind,
            status: SpanStatus::Unset,
            status_message: "",
            attributes: &attributes,
            resource: &[],
            events: "",
            links: "",
        })
    }

    #[test]
    fn todays_name_counts_whatever_the_order() {
        let old = ("http.method", "PUT");
        let new = ("http.request.method", "GET");
        for attributes in [[old, new], [new, old]] {
            with("x", SpanKind::Server, &attributes, |span| {
                let reading = Reading::new(span);
                assert_eq!(reading.text(Field::HttpMethod).as_deref(), Some("GET"));
                assert_eq!(reading.dialect(Field::HttpMethod), Some(Dialect::Otel));
                assert!(!reading.has(Field::HttpStatus));
            });
        }
    }

    #[test]
    fn counts_are_whole_and_not_negative() {
        for (text, expected) in [
            ("12", Some(12)),
            ("-3", None),
            ("many", None),
            (" 7 ", Some(7)),
        ] {
            with(
                "x",
                SpanKind::Client,
                &[("gen_ai.usage.input_tokens", text)],
                |span| {
                    assert_eq!(
                        Reading::new(span).count(Field::InputTokens),
                        expected,
                        "{text}"
                    );
                },
            );
        }
    }
}
