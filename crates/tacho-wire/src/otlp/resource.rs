//! Attributes, and who a sender is: `KeyValue`, `AnyValue`, `Resource`, `InstrumentationScope`.
//!
//! 1. A name and a text lie where they are in the body; only what is no text (lists, maps, bytes)
//!    is written anew, as JSON.
//! 2. Text that is not UTF-8 is mended rather than refused: one broken value must not cost the
//!    request that it is in.
//!
//! Not for what a signal makes of attributes: labels are made in [`super::metrics`]. Sources:
//! `opentelemetry/proto/{common,resource}/v1`; OpenTelemetry specification, "Mapping
//! `AnyValue` to string".

use std::borrow::Cow;
use std::fmt::Write as _;

use tacho_model::span::{Attribute, AttributeValue};

use crate::protobuf::{FIXED64, LENGTH_DELIMITED, ProtobufError, Reader, VARINT};

/// Most lists and maps inside each other; what lies deeper is left out, as `null`.
const DEPTH_MAX: usize = 16;
/// Most attributes that are kept of one owner; the others are left out.
pub const ATTRIBUTES_MAX: usize = 1024;

/// The attribute that names a service.
pub const SERVICE_NAME: &str = "service.name";
/// The attribute that names what a service is part of.
pub const SERVICE_NAMESPACE: &str = "service.namespace";
/// The attribute that tells instances of a service apart.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";

/// The entity that made what a request holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resource<'a> {
    /// What it says of itself, in the order it came.
    pub attributes: Vec<Attribute<'a>>,
}

/// The instrumentation that made what a request holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its version.
    pub version: Cow<'a, str>,
    /// What it says of itself, in the order it came.
    pub attributes: Vec<Attribute<'a>>,
}

impl<'a> Resource<'a> {
    /// Reads a `Resource`.
    pub(crate) fn read(mut reader: Reader<'a>) -> Result<Self, ProtobufError> {
        let mut resource = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => {
                    let inside = reader.nested(key)?;
                    push_attribute(reader.inner(inside), &mut resource.attributes)?;
                }
                _ => reader.skip(key)?,
            }
        }
        Ok(resource)
    }

    /// The text of an attribute; empty where there is none.
    pub fn text(&self, name: &str) -> Cow<'_, str> {
        let found = self.attributes.iter().find(|a| a.name == name);
        found.map_or(Cow::Borrowed(""), |a| text_of(&a.value))
    }

    /// The text of an attribute as long as the body lies there, where it is one.
    fn text_in_body(&self, name: &str) -> &'a str {
        let found = self.attributes.iter().find(|a| a.name == name);
        match found.map(|a| &a.value) {
            Some(AttributeValue::Text(Cow::Borrowed(text))) => text,
            _ => "",
        }
    }

    /// Who it is: `service.name`; empty where it does not say.
    pub fn service(&self) -> &'a str {
        self.text_in_body(SERVICE_NAME)
    }

    /// The label `job`: the service's namespace and name, as Prometheus puts them together.
    pub fn job(&self) -> String {
        let (name, namespace) = (self.text(SERVICE_NAME), self.text(SERVICE_NAMESPACE));
        if name.is_empty() || namespace.is_empty() {
            return name.into_owned();
        }
        format!("{namespace}/{name}")
    }

    /// The label `instance`: the instance's identifier.
    pub fn instance(&self) -> Cow<'_, str> {
        self.text(SERVICE_INSTANCE_ID)
    }
}

impl<'a> Scope<'a> {
    /// Reads an `InstrumentationScope`.
    pub(crate) fn read(mut reader: Reader<'a>) -> Result<Self, ProtobufError> {
        let mut scope = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => scope.name = String::from_utf8_lossy(reader.bytes_of(key)?),
                2 => scope.version = String::from_utf8_lossy(reader.bytes_of(key)?),
                3 => {
                    let inside = reader.nested(key)?;
                    push_attribute(reader.inner(inside), &mut scope.attributes)?;
                }
                _ => reader.skip(key)?,
            }
        }
        Ok(scope)
    }
}

/// Reads a `KeyValue` and keeps it, where there is room and it has a name.
pub(crate) fn push_attribute<'a>(
    reader: Reader<'a>,
    into: &mut Vec<Attribute<'a>>,
) -> Result<(), ProtobufError> {
    let attribute = attribute(reader)?;
    if into.len() < ATTRIBUTES_MAX && !attribute.name.is_empty() {
        into.push(attribute);
    }
    Ok(())
}

/// Reads a `KeyValue`. A name ends where it stops being UTF-8; a missing value is an empty text.
pub(crate) fn attribute(mut reader: Reader<'_>) -> Result<Attribute<'_>, ProtobufError> {
    let mut name = "";
    let mut value = None;
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => name = valid_prefix(reader.bytes_of(key)?),
            2 => value = Some(reader.nested(key)?),
            _ => reader.skip(key)?,
        }
    }
    let value = match value {
        Some(inside) => attribute_value(reader.inner(inside))?,
        None => AttributeValue::Text(Cow::Borrowed("")),
    };
    Ok(Attribute { name, value })
}

/// Reads an `AnyValue`; what is no text, number or truth value becomes JSON.
pub(crate) fn attribute_value(reader: Reader<'_>) -> Result<AttributeValue<'_>, ProtobufError> {
    Ok(match any_value(reader)? {
        Any::None => AttributeValue::Text(Cow::Borrowed("")),
        Any::Text(bytes) => AttributeValue::Text(String::from_utf8_lossy(bytes)),
        Any::Boolean(value) => AttributeValue::Boolean(value),
        Any::Integer(value) => AttributeValue::Integer(value),
        Any::Float(value) => AttributeValue::Float(value),
        // Of bytes the text is base64 without quotes.
        Any::Bytes(bytes) => AttributeValue::Text(Cow::Owned(base64(bytes))),
        any @ (Any::List(_) | Any::Map(_)) => {
            let mut json = String::new();
            write_json(&any, DEPTH_MAX, &mut json)?;
            AttributeValue::Text(Cow::Owned(json))
        }
    })
}

/// An attribute's value the way it stands in a label.
pub fn text_of<'v>(value: &'v AttributeValue<'_>) -> Cow<'v, str> {
    match value {
        AttributeValue::Text(text) => Cow::Borrowed(text),
        AttributeValue::Integer(value) => Cow::Owned(value.to_string()),
        AttributeValue::Float(value) => Cow::Owned(float_text(*value)),
        AttributeValue::Boolean(true) => Cow::Borrowed("true"),
        AttributeValue::Boolean(false) => Cow::Borrowed("false"),
    }
}

/// A number as JSON writes it, with an exponent where it is very small or very large.
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        return format!("{value:e}");
    }
    value.to_string()
}

/// An `AnyValue`, not looked into.
enum Any<'a> {
    None,
    Text(&'a [u8]),
    Boolean(bool),
    Integer(i64),
    Float(f64),
    List(Reader<'a>),
    Map(Reader<'a>),
    Bytes(&'a [u8]),
}

/// Reads an `AnyValue`; of several the last one counts, as protobuf has it.
fn any_value(mut reader: Reader<'_>) -> Result<Any<'_>, ProtobufError> {
    let mut any = Any::None;
    while !reader.is_done() {
        let key = reader.key()?;
        any = match (key.number, key.wire) {
            (1, LENGTH_DELIMITED) => Any::Text(reader.bytes_of(key)?),
            (2, VARINT) => Any::Boolean(reader.integer(key)? != 0),
            (3, VARINT) => Any::Integer(reader.integer(key)? as i64),
            (4, FIXED64) => Any::Float(reader.double(key)?),
            (5, LENGTH_DELIMITED) => {
                let inside = reader.nested(key)?;
                Any::List(reader.inner(inside))
            }
            (6, LENGTH_DELIMITED) => {
                let inside = reader.nested(key)?;
                Any::Map(reader.inner(inside))
            }
            (7, LENGTH_DELIMITED) => Any::Bytes(reader.bytes_of(key)?),
            _ => {
                reader.skip(key)?;
                any
            }
        };
    }
    Ok(any)
}

fn write_json(any: &Any<'_>, depth: usize, json: &mut String) -> Result<(), ProtobufError> {
    match any {
        Any::None => json.push_str("null"),
        Any::Text(bytes) => quote(&String::from_utf8_lossy(bytes), json),
        Any::Boolean(value) => json.push_str(if *value { "true" } else { "false" }),
        Any::Integer(value) => {
            // Writing into a `String` cannot fail.
            let _ = write!(json, "{value}");
        }
        Any::Float(value) if value.is_finite() => json.push_str(&float_text(*value)),
        Any::Float(value) => quote(&float_text(*value), json),
        Any::Bytes(bytes) => quote(&base64(bytes), json),
        Any::List(_) | Any::Map(_) if depth == 0 => json.push_str("null"),
        Any::List(reader) => write_list(reader.clone(), depth - 1, json)?,
        Any::Map(reader) => write_map(reader.clone(), depth - 1, json)?,
    }
    Ok(())
}

/// `ArrayValue { repeated AnyValue values = 1 }`.
fn write_list(reader: Reader<'_>, depth: usize, json: &mut String) -> Result<(), ProtobufError> {
    let mut separator = '[';
    reader.each(1, |value| {
        json.push(separator);
        separator = ',';
        write_json(&any_value(value)?, depth, json)
    })?;
    json.push_str(if separator == '[' { "[]" } else { "]" });
    Ok(())
}

/// `KeyValueList { repeated KeyValue values = 1 }`.
fn write_map(reader: Reader<'_>, depth: usize, json: &mut String) -> Result<(), ProtobufError> {
    let mut separator = '{';
    reader.each(1, |member| {
        json.push(separator);
        separator = ',';
        write_member(member, depth, json)
    })?;
    json.push_str(if separator == '{' { "{}" } else { "}" });
    Ok(())
}

fn write_member(
    mut reader: Reader<'_>,
    depth: usize,
    json: &mut String,
) -> Result<(), ProtobufError> {
    let mut name: &[u8] = &[];
    let mut value = Any::None;
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            1 => name = reader.bytes_of(key)?,
            2 => {
                let inside = reader.nested(key)?;
                value = any_value(reader.inner(inside))?;
            }
            _ => reader.skip(key)?,
        }
    }
    quote(&String::from_utf8_lossy(name), json);
    json.push(':');
    write_json(&value, depth, json)
}

/// Writes a JSON string.
pub(crate) fn quote(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

/// Bytes in base64 with padding (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let value = group >> (18 - 6 * digit) & 0x3f;
            let is_padding = digit > chunk.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(DIGITS[value as usize])
            });
        }
    }
    text
}

/// The text up to the first byte that is not UTF-8.
pub(crate) fn valid_prefix(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or(&[]);
            std::str::from_utf8(valid).unwrap_or("")
        }
    }
}

#[cfg(test)]
mod tests;
