//! Native histograms in bytes.
//!
//! One histogram: schema (byte), flags (byte: 1 when the zero threshold is not the default, plus 2
//! when it is cumulative), the
//! zero threshold if flagged, then zero count, count and sum as numbers, then for each sign the
//! number of buckets and for each bucket how far its index is from its predecessor's (signed
//! varint) and its count as a number. A number is a varint of twice its value when it is an
//! integer below 2^53, else a byte 1 and its eight bytes.

use tacho_model::Histogram;
use tacho_model::histogram::{Bucket, HistogramParts, Temporality, ZERO_THRESHOLD};

use super::bytes::{Reader, put_signed, put_varint};
use crate::error::CodecError;

/// Counts are exact integers below this.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// Appends one histogram.
pub(crate) fn encode(histogram: &Histogram, into: &mut Vec<u8>) {
    let parts = histogram.to_parts();
    let default_zero = parts.zero_threshold.to_bits() == ZERO_THRESHOLD.to_bits();
    into.push(parts.schema as u8);
    let cumulative = parts.temporality == Temporality::Cumulative;
    into.push(u8::from(!default_zero) | u8::from(cumulative) << 1);
    if !default_zero {
        into.extend_from_slice(&parts.zero_threshold.to_le_bytes());
    }
    for number in [parts.zero_count, parts.count, parts.sum] {
        put_number(into, number);
    }
    for side in [&parts.positive, &parts.negative] {
        put_varint(into, side.len() as u64);
        let mut last = 0;
        for bucket in side {
            put_signed(into, i64::from(bucket.index) - last);
            put_number(into, bucket.count);
            last = i64::from(bucket.index);
        }
    }
}

/// Reads one histogram.
pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Histogram, CodecError> {
    let schema = reader.u8()? as i8;
    let flags = reader.u8()?;
    if flags > 3 {
        return Err(CodecError::Unsupported(flags));
    }
    let zero_threshold = match flags & 1 {
        0 => ZERO_THRESHOLD,
        _ => f64::from_bits(reader.u64()?),
    };
    let temporality = match flags & 2 {
        0 => Temporality::Delta,
        _ => Temporality::Cumulative,
    };
    let (zero_count, count, sum) = (number(reader)?, number(reader)?, number(reader)?);
    let (positive, negative) = (buckets(reader)?, buckets(reader)?);
    Histogram::from_parts(HistogramParts {
        temporality,
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive,
        negative,
    })
    .map_err(|_| CodecError::Corrupt("the parts make no histogram"))
}

fn buckets(reader: &mut Reader<'_>) -> Result<Vec<Bucket>, CodecError> {
    let count = reader.count(2)?;
    let mut buckets = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        let index = last.checked_add(reader.signed()?);
        last = index.ok_or(CodecError::Corrupt("a bucket index out of range"))?;
        let index =
            i32::try_from(last).map_err(|_| CodecError::Corrupt("a bucket index out of range"))?;
        let count = number(reader)?;
        buckets.push(Bucket { index, count });
    }
    Ok(buckets)
}

fn put_number(into: &mut Vec<u8>, number: f64) {
    let integer = number as u64;
    if number < INTEGER_MAX && (integer as f64).to_bits() == number.to_bits() {
        put_varint(into, integer << 1);
    } else {
        into.push(1);
        into.extend_from_slice(&number.to_le_bytes());
    }
}

fn number(reader: &mut Reader<'_>) -> Result<f64, CodecError> {
    let tagged = reader.varint()?;
    match tagged & 1 {
        0 => Ok((tagged >> 1) as f64),
        _ => reader.u64().map(f64::from_bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(histogram: &Histogram) {
        let mut bytes = Vec::new();
        encode(histogram, &mut bytes);
        let mut reader = Reader::new(&bytes);
        let back = decode(&mut reader).unwrap();
        let text = |h: &Histogram| format!("{:?}", h.to_parts());
        assert_eq!(text(&back), text(histogram));
        assert!(reader.is_empty());
        for end in 0..bytes.len() {
            assert!(decode(&mut Reader::new(&bytes[..end])).is_err());
        }
    }

    #[test]
    fn histograms_round_trip() {
        let mut histogram = Histogram::new();
        check(&histogram);
        for i in 0..200 {
            histogram.observe(f64::from(i * i) * 1e-4 - 0.3);
        }
        check(&histogram);
        histogram.observe_many(1e300, 0.25);
        histogram.observe(f64::NEG_INFINITY);
        check(&histogram);
        histogram.observe(f64::NAN);
        check(&histogram);
        let mut parts = Histogram::new().to_parts();
        (parts.zero_threshold, parts.zero_count, parts.count) = (0.5, 3.0, 3.0);
        parts.sum = -0.0;
        check(&Histogram::from_parts(parts.clone()).unwrap());
        parts.temporality = Temporality::Cumulative;
        check(&Histogram::from_parts(parts).unwrap());
    }

    #[test]
    fn the_outermost_bucket_indices_round_trip() {
        let mut parts = Histogram::new().to_parts();
        let bucket = |index| Bucket { index, count: 1.0 };
        parts.positive = vec![bucket(i32::MIN), bucket(0), bucket(i32::MAX)];
        parts.count = 3.0;
        check(&Histogram::from_parts(parts).unwrap());
    }
}
