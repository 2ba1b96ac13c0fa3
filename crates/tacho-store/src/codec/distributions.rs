//! Columns of native histograms: those of one page or chunk.
//!
//! The first byte says how; the encoder takes what is smaller:
//! - [`ROWS`]: one after the other ([`super::histograms`]);
//! - [`COLUMNS`]: a flag for each row whether its layout (schema, zero threshold, bucket indices)
//!   is that of the row before; the layouts that are not, as columns; zero counts, counts and
//!   sums as columns of numbers; then all bucket counts, row by row, as integers where they are
//!   ([`WHOLE`]; [`GROWTH`] for differences to the same bucket of the row before, which is what
//!   cumulative histograms want), else as numbers ([`NUMBERS`]).
//!
//! A page of many rows of one series costs a few bytes a row beside what changed. Exact to the
//! bit, NaN sums included. A decoder refuses more than [`BUCKETS_MAX`] buckets.

use tacho_model::Histogram;
use tacho_model::histogram::{Bucket, HistogramParts, Temporality};

use super::bytes::{Reader, put_bytes, unzigzag, zigzag};
use super::{Effort, histograms, ints, values};
use crate::error::CodecError;

const ROWS: u8 = 1;
const COLUMNS: u8 = 2;

const NUMBERS: u8 = 0;
const WHOLE: u8 = 1;
const GROWTH: u8 = 2;

/// Most buckets of one page in columns; the writer ends pages long before.
const BUCKETS_MAX: usize = 1 << 20;
/// Counts are exact integers below this.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// Buckets that a histogram has.
pub(crate) fn buckets(histogram: &Histogram) -> usize {
    // The zero bucket is among them; it costs as much.
    histogram.buckets().count()
}

/// Appends `rows`.
pub(crate) fn encode(rows: &[Histogram], effort: Effort, into: &mut Vec<u8>) {
    let start = into.len();
    into.push(ROWS);
    for row in rows {
        histograms::encode(row, into);
    }
    if rows.len() < 2 {
        return;
    }
    let parts: Vec<HistogramParts> = rows.iter().map(Histogram::to_parts).collect();
    let total: usize = parts
        .iter()
        .map(|p| p.positive.len() + p.negative.len())
        .sum();
    if total > BUCKETS_MAX {
        return;
    }
    let mut columns = vec![COLUMNS];
    put_layouts(&parts, effort, &mut columns);
    for of in [zero_count, count, sum] {
        let numbers: Vec<f64> = parts.iter().map(of).collect();
        put_numbers(&numbers, effort, &mut columns);
    }
    put_counts(&parts, effort, &mut columns);
    if columns.len() < into.len() - start {
        into.truncate(start);
        into.extend_from_slice(&columns);
    }
}

fn zero_count(parts: &HistogramParts) -> f64 {
    parts.zero_count
}

fn count(parts: &HistogramParts) -> f64 {
    parts.count
}

fn sum(parts: &HistogramParts) -> f64 {
    parts.sum
}

fn put_numbers(numbers: &[f64], effort: Effort, into: &mut Vec<u8>) {
    let mut bytes = Vec::new();
    values::encode(numbers, effort, &mut bytes);
    put_bytes(into, &bytes);
}

fn sides(parts: &HistogramParts) -> [&[Bucket]; 2] {
    [&parts.positive, &parts.negative]
}

fn indices(parts: &HistogramParts) -> impl Iterator<Item = i32> {
    sides(parts)
        .into_iter()
        .flatten()
        .map(|bucket| bucket.index)
}

fn same_layout(a: &HistogramParts, b: &HistogramParts) -> bool {
    (a.temporality, a.schema) == (b.temporality, b.schema)
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive.len() == b.positive.len()
        && indices(a).eq(indices(b))
}

/// Schema and temporality in one number.
fn put_schema(parts: &HistogramParts) -> i64 {
    let cumulative = parts.temporality == Temporality::Cumulative;
    i64::from(parts.schema) << 1 | i64::from(cumulative)
}

fn schema(number: i64) -> Result<(i8, Temporality), CodecError> {
    let schema = i8::try_from(number >> 1);
    let schema = schema.map_err(|_| CodecError::Corrupt("a histogram's schema is out of range"))?;
    let temporality = match number & 1 {
        0 => Temporality::Delta,
        _ => Temporality::Cumulative,
    };
    Ok((schema, temporality))
}

fn put_layouts(parts: &[HistogramParts], effort: Effort, into: &mut Vec<u8>) {
    let changes = |i: usize| i == 0 || !same_layout(&parts[i - 1], &parts[i]);
    let flags: Vec<u64> = (0..parts.len()).map(|i| u64::from(changes(i))).collect();
    ints::encode(&flags, effort, into);
    let changed: Vec<&HistogramParts> = (0..parts.len())
        .filter(|i| changes(*i))
        .map(|i| &parts[i])
        .collect();
    let schemas: Vec<i64> = changed.iter().map(|p| put_schema(p)).collect();
    ints::encode_signed(&schemas, effort, into);
    let thresholds: Vec<f64> = changed.iter().map(|p| p.zero_threshold).collect();
    put_numbers(&thresholds, effort, into);
    for side in 0..2 {
        let lengths: Vec<u64> = changed
            .iter()
            .map(|p| sides(p)[side].len() as u64)
            .collect();
        ints::encode(&lengths, effort, into);
    }
    let mut steps = Vec::new();
    for side in changed.iter().flat_map(|p| sides(p)) {
        let mut last = 0;
        for bucket in side {
            steps.push(i64::from(bucket.index) - last);
            last = i64::from(bucket.index);
        }
    }
    ints::encode_signed(&steps, effort, into);
}

fn put_counts(parts: &[HistogramParts], effort: Effort, into: &mut Vec<u8>) {
    let counts = || parts.iter().flat_map(sides).flatten().map(|b| b.count);
    let whole =
        |count: f64| count < INTEGER_MAX && ((count as u64) as f64).to_bits() == count.to_bits();
    if !counts().all(whole) {
        into.push(NUMBERS);
        return put_numbers(&counts().collect::<Vec<_>>(), effort, into);
    }
    let plain: Vec<u64> = counts().map(|count| count as u64).collect();
    let mut growth = Vec::with_capacity(plain.len());
    let mut before: Option<&HistogramParts> = None;
    for row in parts {
        for side in 0..2 {
            let old = before.map_or(&[][..], |before| sides(before)[side]);
            for (bucket, grown_from) in with_before(sides(row)[side], old) {
                let step = bucket.count as i64 - grown_from as i64;
                growth.push(zigzag(step));
            }
        }
        before = Some(row);
    }
    let mut bytes = [vec![WHOLE], vec![GROWTH]];
    ints::encode(&plain, effort, &mut bytes[0]);
    ints::encode(&growth, effort, &mut bytes[1]);
    let smaller = usize::from(bytes[1].len() < bytes[0].len());
    into.extend_from_slice(&bytes[smaller]);
}

/// Each bucket with the count that the same bucket had before, 0 where there was none.
fn with_before<'a>(
    buckets: &'a [Bucket],
    before: &'a [Bucket],
) -> impl Iterator<Item = (&'a Bucket, f64)> {
    let mut old = before.iter().peekable();
    buckets.iter().map(move |bucket| {
        while old.next_if(|old| old.index < bucket.index).is_some() {}
        let same = old.next_if(|old| old.index == bucket.index);
        (bucket, same.map_or(0.0, |old| old.count))
    })
}

/// Reads `count` histograms and appends them.
pub(crate) fn decode(
    bytes: &[u8],
    count: usize,
    into: &mut Vec<Histogram>,
) -> Result<(), CodecError> {
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        ROWS => {
            for _ in 0..count {
                into.push(histograms::decode(&mut reader)?);
            }
        }
        COLUMNS => decode_columns(&mut reader, count, into)?,
        other => return Err(CodecError::Unsupported(other)),
    }
    if !reader.is_empty() {
        return Err(CodecError::Corrupt("more bytes than histograms"));
    }
    Ok(())
}

/// Layouts, each with its bucket indices and no counts.
struct Layouts {
    /// For each row whether it has another layout than the row before.
    changes: Vec<bool>,
    layouts: Vec<HistogramParts>,
}

fn decode_columns(
    reader: &mut Reader<'_>,
    count: usize,
    into: &mut Vec<Histogram>,
) -> Result<(), CodecError> {
    let Layouts { changes, layouts } = layouts(reader, count)?;
    let mut numbers = [Vec::new(), Vec::new(), Vec::new()];
    for column in &mut numbers {
        values::decode(reader.bytes()?, count, column)?;
    }
    let [zero_counts, counts, sums] = numbers;
    let mut remaining = layouts.iter();
    let mut layout = None;
    let mut rows = Vec::with_capacity(count);
    let mut total = 0;
    for (row, changed) in changes.into_iter().enumerate() {
        if changed {
            layout = remaining.next();
        }
        let layout = layout.ok_or(CodecError::Corrupt("a histogram has no layout"))?;
        total += layout.positive.len() + layout.negative.len();
        if total > BUCKETS_MAX {
            return Err(CodecError::Corrupt("a page has too many buckets"));
        }
        rows.push(HistogramParts {
            zero_count: zero_counts[row],
            count: counts[row],
            sum: sums[row],
            ..layout.clone()
        });
    }
    read_counts(reader, &mut rows, total)?;
    for parts in rows {
        let histogram = Histogram::from_parts(parts);
        into.push(histogram.map_err(|_| CodecError::Corrupt("the parts make no histogram"))?);
    }
    Ok(())
}

fn layouts(reader: &mut Reader<'_>, count: usize) -> Result<Layouts, CodecError> {
    let changes = ints::decode(reader, count)?;
    let changes: Vec<bool> = changes.into_iter().map(|flag| flag != 0).collect();
    let changed = changes.iter().filter(|changed| **changed).count();
    let schemas = ints::decode_signed(reader, changed)?;
    let mut thresholds = Vec::new();
    values::decode(reader.bytes()?, changed, &mut thresholds)?;
    let lengths = [
        ints::decode(reader, changed)?,
        ints::decode(reader, changed)?,
    ];
    let total = lengths
        .iter()
        .flatten()
        .try_fold(0u64, |total, length| total.checked_add(*length));
    let total = total.filter(|total| *total <= BUCKETS_MAX as u64);
    let total = total.ok_or(CodecError::Corrupt("a page has too many buckets"))?;
    let mut steps = ints::decode_signed(reader, total as usize)?.into_iter();
    let mut side = |length: u64| {
        let mut last = 0i64;
        let mut buckets = Vec::with_capacity(length as usize);
        for step in steps.by_ref().take(length as usize) {
            let index = last.checked_add(step);
            last = index.ok_or(CodecError::Corrupt("a bucket index out of range"))?;
            let index = i32::try_from(last);
            let index = index.map_err(|_| CodecError::Corrupt("a bucket index out of range"))?;
            buckets.push(Bucket { index, count: 0.0 });
        }
        Ok::<_, CodecError>(buckets)
    };
    let mut layouts = Vec::with_capacity(changed);
    for i in 0..changed {
        let (schema, temporality) = schema(schemas[i])?;
        layouts.push(HistogramParts {
            temporality,
            schema,
            zero_threshold: thresholds[i],
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive: side(lengths[0][i])?,
            negative: side(lengths[1][i])?,
        });
    }
    Ok(Layouts { changes, layouts })
}

/// Fills in the bucket counts of rows, of which there are `total`.
fn read_counts(
    reader: &mut Reader<'_>,
    rows: &mut [HistogramParts],
    total: usize,
) -> Result<(), CodecError> {
    let kind = reader.u8()?;
    let mut numbers = Vec::new();
    match kind {
        NUMBERS => values::decode(reader.bytes()?, total, &mut numbers)?,
        WHOLE | GROWTH => {
            let whole = ints::decode(reader, total)?;
            if kind == GROWTH {
                return grow(rows, &whole);
            }
            numbers.extend(whole.into_iter().map(|count| count as f64));
        }
        other => return Err(CodecError::Unsupported(other)),
    }
    let buckets = rows
        .iter_mut()
        .flat_map(|row| row.positive.iter_mut().chain(&mut row.negative));
    for (bucket, count) in buckets.zip(numbers) {
        bucket.count = count;
    }
    Ok(())
}

fn grow(rows: &mut [HistogramParts], growth: &[u64]) -> Result<(), CodecError> {
    let mut growth = growth.iter();
    for i in 0..rows.len() {
        let (before, rest) = rows.split_at_mut(i);
        let (Some(row), before) = (rest.first_mut(), before.last()) else {
            continue;
        };
        for (side, buckets) in [&mut row.positive, &mut row.negative]
            .into_iter()
            .enumerate()
        {
            let old = before.map_or(&[][..], |before| sides(before)[side]);
            let grown: Vec<f64> = with_before(buckets, old).map(|(_, count)| count).collect();
            for (bucket, from) in buckets.iter_mut().zip(grown) {
                let step = growth.next().ok_or(CodecError::Short)?;
                let count = (from as i64).checked_add(unzigzag(*step));
                let count = count.filter(|count| *count >= 0);
                let count = count.ok_or(CodecError::Corrupt("a count is below zero"))?;
                bucket.count = count as f64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(rows: &[Histogram]) -> usize {
        let mut size = usize::MAX;
        for effort in [Effort::Quick, Effort::Final] {
            let mut bytes = Vec::new();
            encode(rows, effort, &mut bytes);
            let mut back = Vec::new();
            decode(&bytes, rows.len(), &mut back).unwrap();
            // Debug text tells NaNs and zeros apart by their sign, and is the same for the same.
            assert_eq!(format!("{back:?}"), format!("{rows:?}"));
            let bits = |rows: &[Histogram]| {
                let sums = rows.iter().map(|row| row.sum().to_bits());
                sums.collect::<Vec<_>>()
            };
            assert_eq!(bits(&back), bits(rows));
            for end in 0..bytes.len() {
                assert!(decode(&bytes[..end], rows.len(), &mut Vec::new()).is_err());
            }
            size = size.min(bytes.len());
        }
        size
    }

    fn cumulative(count: usize) -> Vec<Histogram> {
        let mut histogram = Histogram::new();
        let mut rows = Vec::new();
        for i in 0..count {
            for j in 0..20 {
                let late = (i * 7919 + j * 104_729) % 1000;
                histogram.observe(0.01 + late as f64 * 1e-5);
            }
            rows.push(histogram.clone());
        }
        rows
    }

    #[test]
    fn cumulative_histograms_cost_what_changed() {
        let rows = cumulative(64);
        let mut alone = Vec::new();
        for row in &rows {
            histograms::encode(row, &mut alone);
        }
        let columns = check(&rows);
        assert!(columns * 4 < alone.len(), "{columns} of {}", alone.len());
    }

    #[test]
    fn layouts_change_within_a_page() {
        let mut rows = cumulative(5);
        rows.push(Histogram::new());
        let mut coarse = rows[3].clone();
        coarse.reduce_to(2);
        rows.push(coarse);
        let mut odd = rows[4].clone();
        odd.observe(f64::NAN);
        odd.observe(f64::NEG_INFINITY);
        odd.observe_many(-3.5, 0.25);
        rows.push(odd);
        let mut parts = Histogram::new().to_parts();
        let bucket = |index| Bucket { index, count: 1.0 };
        parts.positive = vec![bucket(i32::MIN), bucket(0), bucket(i32::MAX)];
        (parts.count, parts.sum, parts.zero_threshold) = (3.0, -0.0, 0.5);
        rows.push(Histogram::from_parts(parts).unwrap());
        rows.extend(cumulative(3));
        check(&rows);
        check(&rows[..1]);
        check(&[]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_histograms_round_trip(
            rows in prop::collection::vec(
                prop::collection::vec((-1e3f64..1e3, 0.0f64..9.0), 0..12), 0..20),
            whole in any::<bool>(),
            sums in any::<bool>(),
        ) {
            let mut histogram = Histogram::new();
            let rows: Vec<Histogram> = rows.into_iter().map(|observed| {
                if !sums {
                    histogram = Histogram::new();
                }
                for (value, count) in observed {
                    let count = if whole { count.ceil() } else { count };
                    histogram.observe_many(value, count);
                }
                histogram.clone()
            }).collect();
            check(&rows);
        }

        #[test]
        fn hostile_bytes_never_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            flips in prop::collection::vec((any::<u16>(), 0u8..8), 1..4),
        ) {
            let _ = decode(&bytes, 100, &mut Vec::new());
            let mut columns = vec![COLUMNS];
            columns.extend_from_slice(&bytes);
            let _ = decode(&columns, 100, &mut Vec::new());
            let mut real = Vec::new();
            encode(&cumulative(9), Effort::Final, &mut real);
            for (at, bit) in flips {
                let at = usize::from(at) % real.len();
                real[at] ^= 1 << bit;
            }
            let _ = decode(&real, 9, &mut Vec::new());
        }
    }
}
