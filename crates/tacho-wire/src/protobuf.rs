//! As much of protobuf's wire format as the formats here need, without copying.
//!
//! Every read stays inside the range that the reader was given; offsets are those of the whole
//! buffer, so that an error says where in the request it is.
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

pub(crate) mod write;

use std::ops::Range;

/// Why bytes are no message. Offsets count bytes of the whole buffer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// A field ends after what contains it.
    #[error("the protobuf breaks off at byte {offset}")]
    Short {
        /// Where the field begins.
        offset: usize,
    },
    /// The bytes are no protobuf, or not of this message.
    #[error("the protobuf is corrupt at byte {offset}: {reason}")]
    Corrupt {
        /// Where.
        offset: usize,
        /// What is wrong there.
        reason: &'static str,
    },
}

/// Wire type of integers.
pub(crate) const VARINT: u8 = 0;
/// Wire type of doubles.
pub(crate) const FIXED64: u8 = 1;
/// Wire type of messages, strings and packed lists.
pub(crate) const LENGTH_DELIMITED: u8 = 2;
/// Wire type of four bytes.
pub(crate) const FIXED32: u8 = 5;

/// What stands before a field's value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) number: u32,
    pub(crate) wire: u8,
    /// Where it begins.
    pub(crate) offset: usize,
}

impl Key {
    fn expect(self, wire: u8) -> Result<(), ProtobufError> {
        if self.wire == wire {
            return Ok(());
        }
        Err(ProtobufError::Corrupt {
            offset: self.offset,
            reason: "a field has the wrong wire type",
        })
    }
}

/// Walks the fields in a range of a buffer.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    /// The buffer up to the end of the range.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `range`, which must lie in `bytes`.
    pub(crate) fn new(bytes: &'a [u8], range: Range<usize>) -> Self {
        Self {
            bytes: &bytes[..range.end],
            at: range.start,
        }
    }

    /// Where the next byte is.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Whether nothing is left.
    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The bytes from here on.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    /// Passes over bytes that [`Self::rest`] has.
    #[inline]
    pub(crate) fn pass(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.bytes.len());
    }

    /// The key of the next field.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Key, ProtobufError> {
        let offset = self.at;
        let key = self.varint()?;
        let (number, wire) = (key >> 3, (key & 7) as u8);
        let corrupt = |reason| ProtobufError::Corrupt { offset, reason };
        match u32::try_from(number) {
            Ok(number @ 1..0x2000_0000) => Ok(Key {
                number,
                wire,
                offset,
            }),
            _ => Err(corrupt("a field has a number that no field can have")),
        }
    }

    /// The range of a field that is a message, a string or a packed list.
    #[inline]
    pub(crate) fn nested(&mut self, key: Key) -> Result<Range<usize>, ProtobufError> {
        key.expect(LENGTH_DELIMITED)?;
        self.delimited(key.offset)
    }

    /// The value of an integer field.
    #[inline]
    pub(crate) fn integer(&mut self, key: Key) -> Result<u64, ProtobufError> {
        key.expect(VARINT)?;
        self.varint()
    }

    /// The value of a double field.
    #[inline]
    pub(crate) fn double(&mut self, key: Key) -> Result<f64, ProtobufError> {
        key.expect(FIXED64)?;
        self.fixed64(key.offset)
    }

    /// The bytes of a field of that sort.
    pub(crate) fn bytes_of(&mut self, key: Key) -> Result<&'a [u8], ProtobufError> {
        let range = self.nested(key)?;
        Ok(&self.bytes[range])
    }

    /// The bytes of a range that this reader gave.
    pub(crate) fn inner(&self, range: Range<usize>) -> Self {
        Self::new(self.bytes, range)
    }

    /// Passes over a field.
    #[inline]
    pub(crate) fn skip(&mut self, key: Key) -> Result<(), ProtobufError> {
        let count = match key.wire {
            VARINT => return self.varint().map(drop),
            LENGTH_DELIMITED => return self.delimited(key.offset).map(drop),
            FIXED64 => 8,
            FIXED32 => 4,
            _ => {
                return Err(ProtobufError::Corrupt {
                    offset: key.offset,
                    reason: "groups and unknown wire types are not taken",
                });
            }
        };
        if self.rest().len() < count {
            let offset = key.offset;
            return Err(ProtobufError::Short { offset });
        }
        self.at += count;
        Ok(())
    }

    #[inline]
    fn delimited(&mut self, offset: usize) -> Result<Range<usize>, ProtobufError> {
        let length = self.varint()?;
        let left = self.bytes.len() - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                let start = self.at;
                self.at += length;
                Ok(start..self.at)
            }
            _ => Err(ProtobufError::Short { offset }),
        }
    }

    /// The value of an integer field of fixed size.
    pub(crate) fn fixed(&mut self, key: Key) -> Result<u64, ProtobufError> {
        key.expect(FIXED64)?;
        Ok(self.fixed64(key.offset)?.to_bits())
    }

    /// Hands over each message in a field of this number, in their order; passes over the others.
    pub(crate) fn each<E: From<ProtobufError>>(
        mut self,
        number: u32,
        mut take: impl FnMut(Self) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.is_done() {
            let key = self.key()?;
            if key.number == number {
                let inside = self.nested(key)?;
                take(self.inner(inside))?;
            } else {
                self.skip(key)?;
            }
        }
        Ok(())
    }

    /// A message of a name and a value, fields 1 and 2: what labels are.
    pub(crate) fn pair(mut self) -> Result<(&'a str, &'a str), ProtobufError> {
        let (mut name, mut value) = ("", "");
        while !self.is_done() {
            let key = self.key()?;
            match key.number {
                1 => name = self.text(key)?,
                2 => value = self.text(key)?,
                _ => self.skip(key)?,
            }
        }
        Ok((name, value))
    }

    /// The text of a field.
    pub(crate) fn text(&mut self, key: Key) -> Result<&'a str, ProtobufError> {
        let reason = "a text is not UTF-8";
        let offset = key.offset;
        std::str::from_utf8(self.bytes_of(key)?)
            .map_err(|_| ProtobufError::Corrupt { offset, reason })
    }

    /// Eight bytes as a double; `offset` is where its field begins.
    #[inline]
    pub(crate) fn fixed64(&mut self, offset: usize) -> Result<f64, ProtobufError> {
        let short = ProtobufError::Short { offset };
        let bytes = self.rest().first_chunk::<8>().ok_or(short)?;
        self.at += 8;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// The next integer.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, ProtobufError> {
        match *self.rest() {
            [low, ..] if low < 0x80 => {
                self.at += 1;
                Ok(u64::from(low))
            }
            // The length of a series is of that size.
            [low, high, ..] if high < 0x80 => {
                self.at += 2;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, ProtobufError> {
        let offset = self.at;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(ProtobufError::Short { offset });
            };
            self.at += 1;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ProtobufError::Corrupt {
            offset,
            reason: "an integer has more than 64 bits",
        })
    }
}

/// The signed integer that zigzag encoding made `value` of.
pub(crate) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
