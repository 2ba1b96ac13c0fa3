//! OTLP/JSON to OTLP in protobuf, so that one decoder serves both.
//!
//! The JSON is read as a stream and written as protobuf while it comes; nothing in between is held.
//! One table (`schema`) says what every field is.
//!
//! 1. What comes out is a message of that kind, or an error says where the JSON went wrong.
//! 2. Unknown fields are passed over, and so are unknown names of enumerations.
//! 3. Memory is bounded by [`transcode`]'s limit, depth by that of the JSON reader (128).
//!
//! Taken beside what the specification writes: numbers for 64-bit integers and strings for all
//! others, names for enumerations, names of fields with underscores, `null` for what is not there.
//! Source: OTLP 1.x specification, "JSON Protobuf Encoding"; protobuf's "`ProtoJSON` Format".

mod read;
mod schema;

use serde::de::DeserializeSeed as _;

use self::read::MessageSeed;
pub use super::answer::Kind;

/// What a message is made of.
pub(crate) struct Message(&'static [Field]);

/// One field of a message.
struct Field {
    number: u32,
    /// In JSON, lowerCamelCase.
    name: &'static str,
    encoding: Encoding,
    is_repeated: bool,
}

/// How a value is written, in JSON and in protobuf.
#[derive(Clone, Copy)]
enum Encoding {
    /// A text.
    Text,
    /// Bytes in base64.
    Base64,
    /// Bytes in hexadecimal: what OTLP does with identifiers.
    Hex,
    /// A truth value.
    Bool,
    /// A whole number of up to 64 bits.
    Varint,
    /// A whole number in zigzag encoding.
    Zigzag,
    /// A number of four bytes.
    Fixed32,
    /// A number of eight bytes.
    Fixed64,
    /// A number with a sign of eight bytes.
    SignedFixed64,
    /// A double.
    Double,
    /// A number, or its name here.
    Enum(&'static [&'static str]),
    /// A message.
    Message(&'static Message),
}

/// Why JSON was no OTLP.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is no JSON, or not of this message.
    #[error("the JSON is not OTLP: {0}")]
    Json(#[from] serde_json::Error),
    /// It would be larger than allowed as protobuf.
    #[error("the request holds more than {limit} bytes; send smaller requests")]
    TooLarge {
        /// What is allowed.
        limit: usize,
    },
}

/// Appends a request in JSON to `out` as protobuf, of at most `bytes_max` bytes.
///
/// ```
/// use tacho_wire::otlp::json::{Kind, transcode};
/// let json = br#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "GET"}]}]}]}"#;
/// let mut protobuf = Vec::new();
/// transcode(Kind::Traces, json, 1 << 20, &mut protobuf).unwrap();
/// assert_eq!(protobuf, b"\x0a\x09\x12\x07\x12\x05\x2a\x03GET");
/// ```
///
/// # Errors
/// [`JsonError`]; `out` holds a part of the request then.
pub fn transcode(
    kind: Kind,
    json: &[u8],
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    let message = match kind {
        Kind::Traces => &schema::TRACES,
        Kind::Metrics => &schema::METRICS,
        Kind::Logs => &schema::LOGS,
    };
    let end_max = out.len().saturating_add(bytes_max);
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = MessageSeed::new(message, out, end_max).deserialize(&mut reader);
    if out.len() > end_max {
        return Err(JsonError::TooLarge { limit: bytes_max });
    }
    read?;
    Ok(reader.end()?)
}

#[cfg(test)]
mod tests;
