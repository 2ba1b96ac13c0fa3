//! Events and links of a span, from the JSON that the model holds them in.
//!
//! Text that is not such a list is not sent: nobody could read it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use tacho_model::Timestamp;
use tacho_model::span::AttributeValue;

use super::key_value;
use crate::otlp::put;

#[derive(Deserialize)]
struct Event {
    time: String,
    name: String,
    #[serde(default)]
    attributes: Pairs,
}

#[derive(Deserialize)]
struct Link {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    attributes: Pairs,
}

/// The members of an object in their order, one name as often as it is there.
#[derive(Default)]
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Pairs::default();
        while let Some(pair) = map.next_entry()? {
            pairs.0.push(pair);
        }
        Ok(pairs)
    }
}

/// Adds events, each as a message in that field.
pub(super) fn events(number: u32, json: &str, out: &mut Vec<u8>) {
    for event in list::<Event>(json) {
        put::message(number, out, |out| {
            let time = Timestamp::parse(&event.time).map_or(0, Timestamp::as_nanos);
            put::fixed(1, u64::try_from(time).unwrap_or(0), out);
            put::bytes(2, event.name.as_bytes(), out);
            attributes(3, &event.attributes, out);
        });
    }
}

/// Adds links, each as a message in that field.
pub(super) fn links(number: u32, json: &str, out: &mut Vec<u8>) {
    for link in list::<Link>(json) {
        put::message(number, out, |out| {
            let trace = u128::from_str_radix(&link.trace_id, 16).unwrap_or(0);
            let span = u64::from_str_radix(&link.span_id, 16).unwrap_or(0);
            put::bytes(1, &trace.to_be_bytes(), out);
            put::bytes(2, &span.to_be_bytes(), out);
            attributes(4, &link.attributes, out);
        });
    }
}

fn list<T: DeserializeOwned>(json: &str) -> Vec<T> {
    if json.is_empty() {
        return Vec::new();
    }
    serde_json::from_str(json).unwrap_or_default()
}

fn attributes(number: u32, attributes: &Pairs, out: &mut Vec<u8>) {
    for (name, value) in &attributes.0 {
        let value = match value {
            Value::String(text) => AttributeValue::Text(Cow::Borrowed(text)),
            Value::Bool(value) => AttributeValue::Boolean(*value),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => AttributeValue::Integer(integer),
                None => AttributeValue::Float(number.as_f64().unwrap_or(0.0)),
            },
            other => AttributeValue::Text(Cow::Owned(other.to_string())),
        };
        put::message(number, out, |out| key_value(name, &value, out));
    }
}
