//! Fields of protobuf, appended to a buffer. What is nothing (zero, empty) is left out, as the
//! third version of the language has it.

/// Appends an integer.
pub(crate) fn raw_varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// Appends an integer field, unless it is zero.
pub(crate) fn put_varint(number: u32, value: u64, into: &mut Vec<u8>) {
    if value != 0 {
        raw_varint(u64::from(number << 3), into);
        raw_varint(value, into);
    }
}

/// Appends a double field, unless its bits are zero.
pub(crate) fn put_double(number: u32, value: f64, into: &mut Vec<u8>) {
    if value.to_bits() != 0 {
        raw_varint(u64::from(number << 3 | 1), into);
        into.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a text, message or packed list, unless it is empty.
pub(crate) fn put_bytes(number: u32, bytes: &[u8], into: &mut Vec<u8>) {
    if !bytes.is_empty() {
        force_bytes(number, bytes, into);
    }
}

/// Appends a text, message or packed list: an element of a repeated field, which is one even when
/// it is empty.
pub(crate) fn force_bytes(number: u32, bytes: &[u8], into: &mut Vec<u8>) {
    raw_varint(u64::from(number << 3 | 2), into);
    raw_varint(bytes.len() as u64, into);
    into.extend_from_slice(bytes);
}

/// What zigzag encoding makes of a signed integer.
pub(crate) fn zigzagged(value: i64) -> u64 {
    (value << 1) as u64 ^ (value >> 63) as u64
}
