//! Columns of `f64`, kept bit for bit, NaN payloads and negative zero included.
//!
//! The first byte says how; the encoder takes what is smallest:
//! - [`CONSTANT`]: one value, all the same to the bit.
//! - [`SCALED`]: values that are integers over a power of ten (counters, bytes, hundredths of
//!   seconds), as first or second differences in packed groups. `exponent`, `order`, `shift`
//!   bytes, then `order` signed varints, then the groups ([`super::bits`]).
//! - [`XOR`]: the first value, then each value's bits exclusive-or its predecessor's, packed. The
//!   idea of Gorilla (Pelkonen et al., VLDB 2015), with widths by group rather than by value.
//! - [`PCO`]: pcodec ([`super::pcodec`]). From some hundred values on nothing else is smaller.
//! - [`PAGES`]: pcodec in pages, for long columns: a reader of the newest hour of a day decodes
//!   that page only, and one who needs to know when there were samples decodes none. A byte, 1
//!   when some value is not a number; varint values a page; then the pages. Only in files.

use std::ops::Range;

use super::bits;
use super::bytes::{Reader, put_signed, put_varint, unzigzag, zigzag};
use super::{Effort, pcodec};
use crate::error::CodecError;

const SCALED: u8 = 1;
const XOR: u8 = 2;
const PCO: u8 = 3;
const CONSTANT: u8 = 4;
const PAGES: u8 = 5;

/// Ten to these powers are tried as scales.
const SCALES: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// Integers up to here survive the way through `f64` and back.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;
/// Fewest values that are worth handing to pcodec.
const PCO_MIN: usize = 32;
/// From this many on only pcodec is tried.
const PCO_ONLY: usize = 256;
/// Most values of a page within a column. A page costs some 17 bytes more than going on would,
/// 0.8 % of one of so many values that take a byte each.
const PAGE_MAX: usize = 2048;

/// What a reader wants to know of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of them.
    Values,
    /// Which of them are staleness markers; the others may come out as any number.
    Markers,
}

/// Appends `values`.
pub(crate) fn encode(values: &[f64], effort: Effort, into: &mut Vec<u8>) {
    if let Some((first, rest)) = values.split_first()
        && rest.iter().all(|value| value.to_bits() == first.to_bits())
    {
        into.push(CONSTANT);
        into.extend_from_slice(&first.to_le_bytes());
        return;
    }
    let start = into.len();
    if values.len() > PAGE_MAX && effort == Effort::Final {
        let rows = values.len().div_ceil(values.len().div_ceil(PAGE_MAX));
        into.push(PAGES);
        into.push(u8::from(values.iter().any(|value| value.is_nan())));
        put_varint(into, rows as u64);
        if pcodec::compress_pages(values, rows, effort, into) {
            return;
        }
        into.truncate(start);
    } else if values.len() >= PCO_ONLY {
        into.push(PCO);
        if pcodec::compress(values, effort, into) {
            return;
        }
        into.truncate(start);
    }
    encode_xor(values, into);
    let mut other = Vec::new();
    if encode_scaled(values, &mut other) && other.len() < into.len() - start {
        into.truncate(start);
        into.extend_from_slice(&other);
    }
    if values.len() < PCO_MIN {
        return;
    }
    other.clear();
    other.push(PCO);
    if pcodec::compress(values, effort, &mut other) && other.len() < into.len() - start {
        into.truncate(start);
        into.extend_from_slice(&other);
    }
}

/// Reads `count` values and appends them.
pub(crate) fn decode(bytes: &[u8], count: usize, into: &mut Vec<f64>) -> Result<(), CodecError> {
    decode_rows(bytes, count, (0..count, Wanted::Values), into)
}

/// Appends those of `count` values that are among the `rows`, which lie within the count. Where a
/// column can be read in parts, damage elsewhere is not noticed.
pub(crate) fn decode_rows(
    bytes: &[u8],
    count: usize,
    (rows, wanted): (Range<usize>, Wanted),
    into: &mut Vec<f64>,
) -> Result<(), CodecError> {
    debug_assert!(rows.start <= rows.end && rows.end <= count, "rows within");
    let mut reader = Reader::new(bytes);
    let kind = reader.u8()?;
    if kind == PAGES {
        let has_nan = reader.u8()? != 0;
        if wanted == Wanted::Markers && !has_nan {
            into.resize(into.len() + rows.len(), 0.0);
            return Ok(());
        }
        let page = reader.varint()?.min(count as u64) as usize;
        pcodec::decompress_pages(&mut reader, (page, count), &rows, into)?;
        return at_the_end(&reader);
    }
    let before = into.len();
    decode_all(kind, &mut reader, count, into)?;
    into.truncate(before + rows.end);
    into.drain(before..before + rows.start);
    Ok(())
}

fn decode_all(
    kind: u8,
    reader: &mut Reader<'_>,
    count: usize,
    into: &mut Vec<f64>,
) -> Result<(), CodecError> {
    let before = into.len();
    if kind == PCO {
        into.resize(before + count, 0.0);
        return pcodec::decompress(reader.take(reader.remaining())?, &mut into[before..]);
    }
    into.reserve(count);
    match kind {
        SCALED => decode_scaled(reader, count, into)?,
        XOR => decode_xor(reader, count, into)?,
        CONSTANT => into.resize(before + count, f64::from_bits(reader.u64()?)),
        other => return Err(CodecError::Unsupported(other)),
    }
    at_the_end(reader)
}

fn at_the_end(reader: &Reader<'_>) -> Result<(), CodecError> {
    if !reader.is_empty() {
        return Err(CodecError::Corrupt("a page holds another number of values"));
    }
    Ok(())
}

fn encode_xor(values: &[f64], into: &mut Vec<u8>) {
    into.push(XOR);
    let mut last = 0;
    let xors: Vec<u64> = values
        .iter()
        .map(|value| {
            let xor = value.to_bits() ^ last;
            last = value.to_bits();
            xor
        })
        .collect();
    if let Some((first, rest)) = xors.split_first() {
        into.extend_from_slice(&first.to_le_bytes());
        bits::pack(rest, into);
    }
}

fn decode_xor(
    reader: &mut Reader<'_>,
    count: usize,
    into: &mut Vec<f64>,
) -> Result<(), CodecError> {
    if count == 0 {
        return Ok(());
    }
    let mut last = reader.u64()?;
    into.push(f64::from_bits(last));
    bits::unpack(reader, count - 1, |xor| {
        last ^= xor;
        into.push(f64::from_bits(last));
    })
}

/// `value` as an integer over `scale`, when it is exactly that.
fn scaled(value: f64, scale: f64) -> Option<i64> {
    let integer = (value * scale).round();
    let fits = integer.abs() < INTEGER_MAX;
    let back = integer as i64;
    (fits && (back as f64 / scale).to_bits() == value.to_bits()).then_some(back)
}

fn encode_scaled(values: &[f64], into: &mut Vec<u8>) -> bool {
    let mut exponent = 0;
    for value in values {
        while scaled(*value, SCALES[exponent]).is_none() {
            exponent += 1;
            if exponent == SCALES.len() {
                return false;
            }
        }
    }
    let integers: Option<Vec<i64>> = values
        .iter()
        .map(|value| scaled(*value, SCALES[exponent]))
        .collect();
    let Some(mut integers) = integers else {
        return false;
    };
    let union = integers.iter().fold(0, |union, i| union | i);
    let shift = if union == 0 {
        0
    } else {
        union.trailing_zeros()
    };
    for integer in &mut integers {
        *integer >>= shift;
    }
    let first = differences(&integers);
    let second = differences(&first[1.min(first.len())..]);
    let mut bytes = [Vec::new(), Vec::new()];
    write_scaled(&mut bytes[0], [exponent as u8, 1, shift as u8], &first, &[]);
    let head = &first[..1.min(first.len())];
    write_scaled(
        &mut bytes[1],
        [exponent as u8, 2, shift as u8],
        &second,
        head,
    );
    let smaller = usize::from(bytes[1].len() < bytes[0].len());
    into.extend_from_slice(&bytes[smaller]);
    true
}

/// The first value, then what each adds to its predecessor. Scaled integers are below 2^53, so
/// second differences are below 2^55.
fn differences(values: &[i64]) -> Vec<i64> {
    let mut last = 0;
    let step = |value: &i64| {
        let difference = value - last;
        last = *value;
        difference
    };
    values.iter().map(step).collect()
}

fn write_scaled(into: &mut Vec<u8>, header: [u8; 3], differences: &[i64], before: &[i64]) {
    into.push(SCALED);
    into.extend_from_slice(&header);
    for value in before {
        put_signed(into, *value);
    }
    if let Some((first, rest)) = differences.split_first() {
        put_signed(into, *first);
        let rest: Vec<u64> = rest.iter().map(|d| zigzag(*d)).collect();
        bits::pack(&rest, into);
    }
}

fn decode_scaled(
    reader: &mut Reader<'_>,
    count: usize,
    into: &mut Vec<f64>,
) -> Result<(), CodecError> {
    let [exponent, order, shift] = reader.array()?;
    let scale = SCALES.get(usize::from(exponent));
    let scale = *scale.ok_or(CodecError::Corrupt("an unknown scale"))?;
    if !(1..=2).contains(&order) || shift >= 64 {
        return Err(CodecError::Corrupt("an unknown order of differences"));
    }
    let mut push = |integer: i64| into.push((integer << shift) as f64 / scale);
    if count == 0 {
        return Ok(());
    }
    let mut last = reader.signed()?;
    push(last);
    if order == 1 {
        return bits::unpack(reader, count - 1, |d| {
            last = last.wrapping_add(unzigzag(d));
            push(last);
        });
    }
    if count == 1 {
        return Ok(());
    }
    let mut step = reader.signed()?;
    last = last.wrapping_add(step);
    push(last);
    bits::unpack(reader, count - 2, |d| {
        step = step.wrapping_add(unzigzag(d));
        last = last.wrapping_add(step);
        push(last);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tacho_model::append::STALE_NAN_BITS;

    fn check(values: &[f64]) -> usize {
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        for effort in [Effort::Quick, Effort::Final] {
            let mut bytes = vec![9];
            encode(values, effort, &mut bytes);
            let mut back = vec![0.5];
            decode(&bytes[1..], values.len(), &mut back).unwrap();
            assert_eq!(bits(&back[1..]), bits(values));
        }
        let mut bytes = Vec::new();
        encode(values, Effort::Quick, &mut bytes);
        bytes.len()
    }

    #[test]
    fn odd_values_are_kept_bit_for_bit() {
        let stale = f64::from_bits(STALE_NAN_BITS);
        check(&[]);
        check(&[-0.0]);
        check(&[
            0.0,
            -0.0,
            f64::NAN,
            stale,
            f64::INFINITY,
            f64::MIN_POSITIVE,
            5e-324,
        ]);
        check(&[
            f64::MAX,
            f64::MIN,
            INTEGER_MAX,
            -INTEGER_MAX,
            INTEGER_MAX - 1.0,
        ]);
        let mut long = vec![1.5; 400];
        long[77] = stale;
        long[301] = f64::from_bits(0xfff8_dead_beef_0001);
        check(&long);
    }

    #[test]
    fn what_hosts_report_is_small() {
        let constant = vec![33_554_432.0; 128];
        assert!(check(&constant) < 24);
        let cpu: Vec<f64> = (0..128)
            .map(|i| f64::from(12_345 + i * 99 + i % 3) / 100.0)
            .collect();
        assert!(check(&cpu) < 100);
        let memory: Vec<f64> = (0..128)
            .map(|i| f64::from(900_000 + i * i % 31) * 4096.0)
            .collect();
        assert!(check(&memory) < 140);
    }

    /// Any rows of a long column are those of the whole, and markers are told where they are asked for.
    fn check_rows(values: &[f64], rows: Range<usize>) {
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let mut bytes = Vec::new();
        encode(values, Effort::Final, &mut bytes);
        let read = |wanted| {
            let mut back = vec![0.5];
            decode_rows(&bytes, values.len(), (rows.clone(), wanted), &mut back).unwrap();
            back.split_off(1)
        };
        assert_eq!(bits(&read(Wanted::Values)), bits(&values[rows.clone()]));
        let is_stale = |values: &[f64]| -> Vec<bool> {
            let markers = values.iter().map(|v| v.to_bits() == STALE_NAN_BITS);
            markers.collect()
        };
        let told = is_stale(&read(Wanted::Markers));
        assert_eq!(told, is_stale(&values[rows]));
    }

    #[test]
    fn rows_of_long_columns_are_read_without_the_others() {
        for count in [1, 300, PAGE_MAX, PAGE_MAX + 1, 5760, 8192] {
            let mut values: Vec<f64> = (0..count).map(|i| (i * 7919 % 1009) as f64 / 8.0).collect();
            let edges = [0, 1, count / 3, count / 2, count - 1, count];
            for (start, end) in edges.iter().flat_map(|s| edges.map(|e| (*s, e))) {
                if start <= end {
                    check_rows(&values, start..end);
                }
            }
            values[count / 2] = f64::from_bits(STALE_NAN_BITS);
            check_rows(&values, 0..count);
            check_rows(&values, count / 2..count);
        }
    }

    #[test]
    fn damage_to_long_columns_is_told_or_changes_numbers_only() {
        let values: Vec<f64> = (0..5760).map(|i| f64::from(i * 7919 % 1009)).collect();
        let mut bytes = Vec::new();
        encode(&values, Effort::Final, &mut bytes);
        assert_eq!(bytes[0], PAGES);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end], values.len(), &mut Vec::new()).is_err());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(decode(&longer, values.len(), &mut Vec::new()).is_err());
        for bit in (0..bytes.len() * 8).step_by(7) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let mut back = Vec::new();
            if decode(&flipped, values.len(), &mut back).is_ok() {
                assert_eq!(back.len(), values.len());
            }
        }
    }

    proptest! {
        #[test]
        fn any_values_round_trip(values in prop::collection::vec(any::<u64>(), 0..600)) {
            check(&values.into_iter().map(f64::from_bits).collect::<Vec<_>>());
        }

        #[test]
        fn decimal_values_round_trip(
            values in prop::collection::vec(-1_000_000_000i64..1_000_000_000, 0..600),
            scale in 0usize..7,
        ) {
            check(&values.into_iter().map(|v| v as f64 / SCALES[scale]).collect::<Vec<_>>());
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, 100, &mut Vec::new());
            let pages = [&[PAGES][..], &bytes].concat();
            let _ = decode_rows(&pages, 3000, (100..200, Wanted::Markers), &mut Vec::new());
            let _ = decode_rows(&pages, 3000, (100..3000, Wanted::Values), &mut Vec::new());
        }
    }
}
