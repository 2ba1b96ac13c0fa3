//! Columns of unsigned integers: numbers of symbols, lengths, row counts, differences of ordinals.
//!
//! A byte says how, and the encoder takes what is smallest: [`CONSTANT`] and [`LINEAR`] for what
//! needs no column at all, [`PACKED`] groups ([`super::bits`]), [`STEPS`] (zigzag differences in
//! packed groups), [`PCO`] from some dozens on. Each column ends by itself; how many integers it
//! has is known outside, and bounded there.

use super::bits;
use super::bytes::{Reader, put_bytes, put_varint, unzigzag, zigzag};
use super::{Effort, pcodec};
use crate::error::CodecError;

const CONSTANT: u8 = 0;
const LINEAR: u8 = 1;
const PACKED: u8 = 2;
const STEPS: u8 = 3;
const PCO: u8 = 4;

/// Fewest integers, and fewest packed bytes, that are worth handing to pcodec.
const PCO_MIN: usize = 64;
const PCO_BYTES_MIN: usize = 64;

/// Appends `values`.
pub(crate) fn encode(values: &[u64], effort: Effort, into: &mut Vec<u8>) {
    let Some((first, rest)) = values.split_first() else {
        return;
    };
    let mut last = *first;
    let steps: Vec<u64> = rest
        .iter()
        .map(|value| {
            let step = value.wrapping_sub(last) as i64;
            last = *value;
            zigzag(step)
        })
        .collect();
    let step = steps.first().copied().unwrap_or(0);
    if steps.iter().all(|other| *other == step) {
        into.push(if step == 0 { CONSTANT } else { LINEAR });
        put_varint(into, *first);
        if step != 0 {
            put_varint(into, step);
        }
        return;
    }
    let (packed, stepped) = (bits::packed_bytes(values), bits::packed_bytes(&steps) + 9);
    let smallest = packed.min(stepped);
    if effort != Effort::Least && values.len() >= PCO_MIN && smallest >= PCO_BYTES_MIN {
        let mut bytes = Vec::new();
        if pcodec::compress(values, effort, &mut bytes) && bytes.len() + 2 < smallest {
            into.push(PCO);
            put_bytes(into, &bytes);
            return;
        }
    }
    if packed <= stepped {
        into.push(PACKED);
        bits::pack(values, into);
    } else {
        into.push(STEPS);
        put_varint(into, *first);
        bits::pack(&steps, into);
    }
}

/// Appends signed integers.
pub(crate) fn encode_signed(values: &[i64], effort: Effort, into: &mut Vec<u8>) {
    let values: Vec<u64> = values.iter().map(|value| zigzag(*value)).collect();
    encode(&values, effort, into);
}

/// Reads `count` integers. The caller bounds `count`: a column may be smaller than that in bytes.
pub(crate) fn decode(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, CodecError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    match reader.u8()? {
        CONSTANT => Ok(vec![reader.varint()?; count]),
        LINEAR => {
            let (first, step) = (reader.varint()?, reader.signed()? as u64);
            let at = |i: u64| first.wrapping_add(step.wrapping_mul(i));
            Ok((0..count as u64).map(at).collect())
        }
        PACKED => {
            let mut values = Vec::with_capacity(count);
            bits::unpack(reader, count, |value| values.push(value))?;
            Ok(values)
        }
        STEPS => {
            let mut values = Vec::with_capacity(count);
            let mut last = reader.varint()?;
            values.push(last);
            bits::unpack(reader, count - 1, |step| {
                last = last.wrapping_add(unzigzag(step) as u64);
                values.push(last);
            })?;
            Ok(values)
        }
        PCO => {
            let mut values = vec![0; count];
            pcodec::decompress(reader.bytes()?, &mut values)?;
            Ok(values)
        }
        other => Err(CodecError::Unsupported(other)),
    }
}

/// Reads `count` signed integers.
pub(crate) fn decode_signed(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, CodecError> {
    Ok(decode(reader, count)?.into_iter().map(unzigzag).collect())
}

/// Appends a column of small numbers, as [`encode`], after its length in bytes, so that a reader
/// can pass over it.
pub(crate) fn put_column(values: &[u32], effort: Effort, into: &mut Vec<u8>) {
    let values: Vec<u64> = values.iter().map(|value| u64::from(*value)).collect();
    let mut bytes = Vec::new();
    encode(&values, effort, &mut bytes);
    put_bytes(into, &bytes);
}

/// Reads what [`put_column`] wrote.
pub(crate) fn column(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u32>, CodecError> {
    let mut column = Reader::new(reader.bytes()?);
    let values = decode(&mut column, count)?;
    if !column.is_empty() {
        return Err(CodecError::Corrupt("a column is longer than its rows"));
    }
    let narrow = values.into_iter().map(u32::try_from).collect();
    let narrow: Result<Vec<u32>, _> = narrow;
    narrow.map_err(|_| CodecError::Corrupt("a number in a column is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(values: &[u64]) -> usize {
        let mut size = usize::MAX;
        for effort in [Effort::Quick, Effort::Final] {
            let mut bytes = Vec::new();
            encode(values, effort, &mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!(decode(&mut reader, values.len()).unwrap(), values);
            assert!(reader.is_empty(), "a column ends by itself");
            for end in 0..bytes.len() {
                assert!(decode(&mut Reader::new(&bytes[..end]), values.len()).is_err());
            }
            size = size.min(bytes.len());
        }
        size
    }

    #[test]
    fn what_needs_no_column_takes_none() {
        assert_eq!(check(&[7; 256]), 2);
        assert!(check(&(100..356).collect::<Vec<_>>()) <= 4);
        check(&[]);
        check(&[u64::MAX]);
        check(&[u64::MAX, 0, 1 << 63, 5]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_column_round_trips(
            values in prop::collection::vec(any::<u64>(), 0..300),
            width in 0u32..64,
        ) {
            check(&values.into_iter().map(|value| value >> width).collect::<Vec<_>>());
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&mut Reader::new(&bytes), 300);
            let _ = column(&mut Reader::new(&bytes), 300);
        }
    }
}
