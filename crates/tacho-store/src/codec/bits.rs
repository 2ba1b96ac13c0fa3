//! Unsigned integers packed in groups of 32, each group at the width of its widest member.
//!
//! A group is `shift: u8, width: u8`, then 32 (the last group: fewer) integers of `width` bits,
//! least significant bit first, filled up to a byte. `shift` low bits that are zero in the whole
//! group are left out. A group of zeros takes two bytes.

use super::bytes::Reader;
use crate::error::CodecError;

const GROUP: usize = 32;

/// Appends `values`.
pub(crate) fn pack(values: &[u64], into: &mut Vec<u8>) {
    for group in values.chunks(GROUP) {
        let (shift, width) = shape(group);
        into.push(shift as u8);
        into.push(width as u8);
        pack_group(group, shift, width, into);
    }
}

/// How many bytes [`pack`] would append.
pub(crate) fn packed_bytes(values: &[u64]) -> usize {
    let bytes = |group: &[u64]| 2 + (group.len() * shape(group).1 as usize).div_ceil(8);
    values.chunks(GROUP).map(bytes).sum()
}

/// The shift and width of a group.
fn shape(group: &[u64]) -> (u32, u32) {
    let union = group.iter().fold(0, |union, value| union | value);
    let shift = if union == 0 {
        0
    } else {
        union.trailing_zeros()
    };
    (shift, 64 - (union >> shift).leading_zeros())
}

fn pack_group(group: &[u64], shift: u32, width: u32, into: &mut Vec<u8>) {
    let (mut pending, mut bits) = (0u128, 0);
    for value in group {
        pending |= u128::from(value >> shift) << bits;
        bits += width;
        while bits >= 8 {
            into.push(pending as u8);
            pending >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        into.push(pending as u8);
    }
}

/// Reads `count` integers, handing each to `each`.
pub(crate) fn unpack(
    reader: &mut Reader<'_>,
    count: usize,
    mut each: impl FnMut(u64),
) -> Result<(), CodecError> {
    let mut left = count;
    while left > 0 {
        let here = left.min(GROUP);
        let (shift, width) = (u32::from(reader.u8()?), u32::from(reader.u8()?));
        if shift + width > 64 || shift == 64 {
            return Err(CodecError::Corrupt("a packed group is wider than 64 bits"));
        }
        let mut packed = reader.take((here * width as usize).div_ceil(8))?.iter();
        let (mut pending, mut bits) = (0u128, 0);
        for _ in 0..here {
            while bits < width {
                pending |= u128::from(*packed.next().ok_or(CodecError::Short)?) << bits;
                bits += 8;
            }
            let mask = (1u128 << width) - 1;
            each(((pending & mask) as u64) << shift);
            pending >>= width;
            bits -= width;
        }
        left -= here;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[u64]) -> usize {
        let mut bytes = Vec::new();
        pack(values, &mut bytes);
        let mut back = Vec::new();
        let mut reader = Reader::new(&bytes);
        unpack(&mut reader, values.len(), |v| back.push(v)).unwrap();
        assert_eq!(back, values);
        assert!(reader.is_empty());
        assert_eq!(packed_bytes(values), bytes.len());
        bytes.len()
    }

    #[test]
    fn round_trips_at_every_width() {
        for width in 0..64 {
            let top = 1u64 << width;
            let values: Vec<u64> = (0..77).map(|i| top.wrapping_sub(i % 3)).collect();
            check(&values);
        }
        check(&[u64::MAX; 40]);
        check(&[]);
    }

    #[test]
    fn zeros_cost_two_bytes_a_group() {
        assert_eq!(check(&[0; 128]), 8);
    }
}
