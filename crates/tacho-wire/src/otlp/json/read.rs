//! The JSON reader's side: one seed for messages, one for repeated fields, one for values.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::{Encoding, Field, Message};
use crate::otlp::put;
use crate::otlp::text::{from_base64, from_hex};
use crate::protobuf::{FIXED32, FIXED64, LENGTH_DELIMITED, VARINT};

/// Writes a JSON object as the fields of a message.
pub(super) struct MessageSeed<'o> {
    message: &'static Message,
    out: &'o mut Vec<u8>,
    end_max: usize,
}

impl<'o> MessageSeed<'o> {
    /// Appends to `out`, which may become `end_max` bytes long.
    pub(super) fn new(message: &'static Message, out: &'o mut Vec<u8>, end_max: usize) -> Self {
        Self {
            message,
            out,
            end_max,
        }
    }
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { out, end_max, .. } = self;
        let known = FieldSeed(self.message);
        while let Some(field) = map.next_key_seed(&known)? {
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            map.next_value_seed(ValueSeed {
                field,
                out: &mut *out,
                end_max,
                place: Place::Field,
            })?;
        }
        Ok(())
    }
}

/// Reads the name of a field; `None` when the message has none of that name.
struct FieldSeed(&'static Message);

impl<'de> DeserializeSeed<'de> for &FieldSeed {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for &FieldSeed {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let mut fields = self.0.0.iter();
        Ok(fields.find(|field| field.name == name || is_snake_of(name, field.name)))
    }
}

/// Whether `name` is `camel` written with underscores.
fn is_snake_of(name: &str, camel: &str) -> bool {
    let mut name = name.bytes();
    let fits = camel.bytes().all(|byte| match byte {
        b'A'..=b'Z' => name.next() == Some(b'_') && name.next() == Some(byte.to_ascii_lowercase()),
        byte => name.next() == Some(byte),
    });
    fits && name.next().is_none()
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the field: a single value, or the list of a repeated one.
    Field,
    /// In the list of a repeated field, with its key before it.
    Item,
    /// In the packed list of a repeated field: without one.
    Packed,
}

/// Writes a value.
struct ValueSeed<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
    end_max: usize,
    place: Place,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl ValueSeed<'_> {
    fn key(&mut self, wire: u8) {
        if self.place != Place::Packed {
            put::key(self.field.number, wire, self.out);
        }
    }

    fn unexpected<E: Error>(&self, found: Unexpected<'_>) -> E {
        E::invalid_type(found, self)
    }

    /// Writes a whole number, which may be negative.
    fn whole<E: Error>(mut self, value: i128) -> Result<(), E> {
        let out_of_range = || {
            E::custom(format_args!(
                "{value} does not fit into the field `{}`",
                self.field.name
            ))
        };
        let (signed, unsigned) = (i64::try_from(value), u64::try_from(value));
        // Both have 64 bits, and a negative number is the same bits in either.
        let bits = unsigned.or(signed.map(|value| value as u64));
        match self.field.encoding {
            Encoding::Varint => {
                let bits = bits.map_err(|_| out_of_range())?;
                self.key(VARINT);
                put::varint(bits, self.out);
            }
            Encoding::Enum(_) => {
                let value = i32::try_from(value).map_err(|_| out_of_range())?;
                self.key(VARINT);
                put::varint(i64::from(value) as u64, self.out);
            }
            Encoding::Zigzag => {
                let value = signed.map_err(|_| out_of_range())?;
                self.key(VARINT);
                put::varint((value << 1 ^ value >> 63) as u64, self.out);
            }
            Encoding::Fixed32 => {
                let value = u32::try_from(value).map_err(|_| out_of_range())?;
                self.key(FIXED32);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            Encoding::Fixed64 => {
                let value = unsigned.map_err(|_| out_of_range())?;
                self.key(FIXED64);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            Encoding::SignedFixed64 => {
                let value = signed.map_err(|_| out_of_range())?;
                self.key(FIXED64);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            Encoding::Double => self.double(value as f64),
            _ => return Err(self.unexpected(Unexpected::Other("a number"))),
        }
        Ok(())
    }

    fn double(mut self, value: f64) {
        self.key(FIXED64);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes what stands in a string.
    fn text<E: Error>(mut self, text: &str) -> Result<(), E> {
        let wrong = |this: &Self| E::invalid_value(Unexpected::Str(cut(text)), this);
        match self.field.encoding {
            Encoding::Text => {
                self.key(LENGTH_DELIMITED);
                put::varint(text.len() as u64, self.out);
                self.out.extend_from_slice(text.as_bytes());
            }
            Encoding::Hex | Encoding::Base64 => {
                let is_hex = matches!(self.field.encoding, Encoding::Hex);
                let start = put::open(self.field.number, self.out);
                let read = if is_hex {
                    from_hex(text, self.out)
                } else {
                    from_base64(text, self.out)
                };
                read.ok_or_else(|| wrong(&self))?;
                put::close(start, self.out);
            }
            Encoding::Enum(names) => {
                let number = names.iter().position(|name| *name == text);
                if let Some(number) = number {
                    return self.whole(number as i128);
                }
                // A name of a later version says no more than that nothing is known.
                if let Ok(number) = text.parse() {
                    return self.whole(number);
                }
            }
            Encoding::Double => {
                let value = text.parse().map_err(|_| wrong(&self))?;
                self.double(value);
            }
            Encoding::Bool | Encoding::Message(_) => return Err(wrong(&self)),
            _ => {
                let value = text.trim().parse().map_err(|_| wrong(&self))?;
                return self.whole(value);
            }
        }
        Ok(())
    }

    fn is_packed(&self) -> bool {
        let encoding = self.field.encoding;
        !matches!(
            encoding,
            Encoding::Message(_) | Encoding::Text | Encoding::Base64 | Encoding::Hex
        )
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(40)).unwrap_or("")
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.field.encoding {
            _ if self.field.is_repeated && self.place == Place::Field => "a list",
            Encoding::Text => "a string",
            Encoding::Base64 => "base64",
            Encoding::Hex => "hexadecimal digits, two a byte",
            Encoding::Bool => "true or false",
            Encoding::Double => "a number",
            Encoding::Message(_) => "an object",
            _ => "a whole number",
        };
        write!(f, "{what} for the field `{}`", self.field.name)
    }

    /// What is `null` is not there.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.place {
            Place::Field => Ok(()),
            _ => Err(self.unexpected(Unexpected::Other("null"))),
        }
    }

    fn visit_bool<E: Error>(mut self, value: bool) -> Result<(), E> {
        match self.field.encoding {
            Encoding::Bool => {
                self.key(VARINT);
                self.out.push(u8::from(value));
                Ok(())
            }
            _ => Err(self.unexpected(Unexpected::Bool(value))),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.whole(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.whole(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match self.field.encoding {
            Encoding::Double => {
                self.double(value);
                Ok(())
            }
            // 1e9, or 5.0: the same number, written otherwise.
            _ if value.fract() == 0.0 && value.abs() < 1e20 => self.whole(value as i128),
            _ => Err(self.unexpected(Unexpected::Float(value))),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.text(text)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Encoding::Message(message) = self.field.encoding else {
            return Err(self.unexpected(Unexpected::Map));
        };
        if self.field.is_repeated && self.place == Place::Field {
            return Err(self.unexpected(Unexpected::Map));
        }
        let start = put::open(self.field.number, self.out);
        MessageSeed::new(message, &mut *self.out, self.end_max).visit_map(map)?;
        put::close(start, self.out);
        check_size(self.out, self.end_max)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if !self.field.is_repeated || self.place != Place::Field {
            return Err(self.unexpected(Unexpected::Seq));
        }
        let packed = self.is_packed();
        let start = packed.then(|| put::open(self.field.number, self.out));
        let place = if packed { Place::Packed } else { Place::Item };
        loop {
            let item = ValueSeed {
                field: self.field,
                out: &mut *self.out,
                end_max: self.end_max,
                place,
            };
            if seq.next_element_seed(item)?.is_none() {
                break;
            }
            check_size(self.out, self.end_max)?;
        }
        if let Some(start) = start {
            put::close(start, self.out);
        }
        Ok(())
    }
}

/// Ends reading when there is too much; the caller sees why by the size.
fn check_size<E: Error>(out: &[u8], end_max: usize) -> Result<(), E> {
    if out.len() > end_max {
        return Err(E::custom("too large"));
    }
    Ok(())
}
