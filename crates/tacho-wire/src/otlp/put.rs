//! As much of protobuf's wire format as writing OTLP needs.
//!
//! Fields are appended to a `Vec`; a message is written in place and its length put before it when
//! it is complete. Source: <https://protobuf.dev/programming-guides/encoding/>.

use crate::protobuf::{FIXED64, LENGTH_DELIMITED, VARINT};

/// Appends an integer.
pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends what stands before a field's value.
pub(crate) fn key(number: u32, wire: u8, out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | u64::from(wire), out);
}

/// A field that is an integer; zero is not written.
pub(crate) fn integer(number: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        key(number, VARINT, out);
        varint(value, out);
    }
}

/// A field of eight bytes; zero is not written.
pub(crate) fn fixed(number: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        key(number, FIXED64, out);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// A field that is a text or bytes; the empty one is not written.
pub(crate) fn bytes(number: u32, value: &[u8], out: &mut Vec<u8>) {
    if !value.is_empty() {
        key(number, LENGTH_DELIMITED, out);
        varint(value.len() as u64, out);
        out.extend_from_slice(value);
    }
}

/// A field that is a message, which `write` writes; an empty one is written too.
pub(crate) fn message(number: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = open(number, out);
    write(out);
    close(start, out);
}

/// Begins a field that is a message; to be given to [`close`].
pub(crate) fn open(number: u32, out: &mut Vec<u8>) -> usize {
    key(number, LENGTH_DELIMITED, out);
    // Most messages are so short that one byte tells their length.
    out.push(0);
    out.len()
}

/// Ends the message that begins at `start`.
pub(crate) fn close(start: usize, out: &mut Vec<u8>) {
    let mut length = out.len() - start;
    let more = (usize::BITS - length.leading_zeros()).saturating_sub(1) as usize / 7;
    out.resize(out.len() + more, 0);
    out.copy_within(start..start + length, start + more);
    for place in &mut out[start - 1..start + more] {
        *place = length as u8 & 0x7f | 0x80;
        length >>= 7;
    }
    out[start + more - 1] &= 0x7f;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::Reader;

    #[test]
    fn lengths_of_any_size_stand_before_their_message() {
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152] {
            let content = vec![7; length];
            let mut out = vec![1, 2];
            message(3, &mut out, |out| out.extend_from_slice(&content));
            let mut plain = vec![1, 2, 0x1a];
            varint(length as u64, &mut plain);
            plain.extend_from_slice(&content);
            assert_eq!(out, plain, "{length}");
            let mut reader = Reader::new(&out, 2..out.len());
            let key = reader.key().unwrap();
            assert_eq!(reader.nested(key).unwrap().len(), length);
        }
    }

    #[test]
    fn what_is_nothing_is_not_written() {
        let mut out = Vec::new();
        integer(1, 0, &mut out);
        fixed(2, 0, &mut out);
        bytes(3, b"", &mut out);
        assert!(out.is_empty());
    }
}
