//! As much of protobuf's wire format as remote write needs, without copying.
//!
//! Every read stays inside the range that the reader was given; offsets are those of the whole
//! buffer, so that an error says where in the request it is.
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

use std::ops::Range;

use super::RemoteWriteError;

/// Wire type of integers.
pub(super) const VARINT: u8 = 0;
/// Wire type of doubles.
pub(super) const FIXED64: u8 = 1;
/// Wire type of messages, strings and packed lists.
pub(super) const LENGTH_DELIMITED: u8 = 2;
/// Wire type of four bytes.
const FIXED32: u8 = 5;

/// What stands before a field's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) number: u32,
    pub(super) wire: u8,
    /// Where it begins.
    pub(super) offset: usize,
}

impl Key {
    fn expect(self, wire: u8) -> Result<(), RemoteWriteError> {
        if self.wire == wire {
            return Ok(());
        }
        Err(RemoteWriteError::Corrupt {
            offset: self.offset,
            reason: "a field has the wrong wire type",
        })
    }
}

/// Walks the fields in a range of a buffer.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    /// The buffer up to the end of the range.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `range`, which must lie in `bytes`.
    pub(super) fn new(bytes: &'a [u8], range: Range<usize>) -> Self {
        Self {
            bytes: &bytes[..range.end],
            at: range.start,
        }
    }

    /// Where the next byte is.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The bytes from here on.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    /// The key of the next field.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Key, RemoteWriteError> {
        let offset = self.at;
        let key = self.varint()?;
        let (number, wire) = (key >> 3, (key & 7) as u8);
        let corrupt = |reason| RemoteWriteError::Corrupt { offset, reason };
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
    pub(super) fn nested(&mut self, key: Key) -> Result<Range<usize>, RemoteWriteError> {
        key.expect(LENGTH_DELIMITED)?;
        self.delimited(key.offset)
    }

    /// The value of an integer field.
    #[inline]
    pub(super) fn integer(&mut self, key: Key) -> Result<u64, RemoteWriteError> {
        key.expect(VARINT)?;
        self.varint()
    }

    /// The value of a double field.
    #[inline]
    pub(super) fn double(&mut self, key: Key) -> Result<f64, RemoteWriteError> {
        key.expect(FIXED64)?;
        self.fixed64(key.offset)
    }

    /// The bytes of a field of that sort.
    pub(super) fn bytes_of(&mut self, key: Key) -> Result<&'a [u8], RemoteWriteError> {
        let range = self.nested(key)?;
        Ok(&self.bytes[range])
    }

    /// The bytes of a range that this reader gave.
    pub(super) fn inner(&self, range: Range<usize>) -> Self {
        Self::new(self.bytes, range)
    }

    /// Passes over a field.
    #[inline]
    pub(super) fn skip(&mut self, key: Key) -> Result<(), RemoteWriteError> {
        let count = match key.wire {
            VARINT => return self.varint().map(drop),
            LENGTH_DELIMITED => return self.delimited(key.offset).map(drop),
            FIXED64 => 8,
            FIXED32 => 4,
            _ => {
                return Err(RemoteWriteError::Corrupt {
                    offset: key.offset,
                    reason: "groups and unknown wire types are not taken",
                });
            }
        };
        if self.rest().len() < count {
            let offset = key.offset;
            return Err(RemoteWriteError::Short { offset });
        }
        self.at += count;
        Ok(())
    }

    #[inline]
    fn delimited(&mut self, offset: usize) -> Result<Range<usize>, RemoteWriteError> {
        let length = self.varint()?;
        let left = self.bytes.len() - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                let start = self.at;
                self.at += length;
                Ok(start..self.at)
            }
            _ => Err(RemoteWriteError::Short { offset }),
        }
    }

    /// Eight bytes as a double; `offset` is where its field begins.
    #[inline]
    pub(super) fn fixed64(&mut self, offset: usize) -> Result<f64, RemoteWriteError> {
        let short = RemoteWriteError::Short { offset };
        let bytes = self.rest().first_chunk::<8>().ok_or(short)?;
        self.at += 8;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// The next integer.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, RemoteWriteError> {
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
    fn long_varint(&mut self) -> Result<u64, RemoteWriteError> {
        let offset = self.at;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Err(RemoteWriteError::Short { offset });
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
        Err(RemoteWriteError::Corrupt {
            offset,
            reason: "an integer has more than 64 bits",
        })
    }
}

/// The signed integer that zigzag encoding made `value` of.
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
