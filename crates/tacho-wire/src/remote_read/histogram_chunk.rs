//! Native histograms as Prometheus' float histogram chunks.
//!
//! All histograms of a chunk have the same buckets, so those that one of them lacks are empty in
//! it. Counts are kept as numbers with a fraction also where they are whole: results are such, and
//! readers take either. Custom bounds are not stored, and not known here.
//! Source: Prometheus `tsdb/docs/format/chunks.md`, "Float histogram chunk data".

use std::collections::BTreeSet;

use tacho_model::histogram::{Bucket, HistogramParts, Temporality};
use tacho_model::{Histogram, Timestamp};

use super::bits::{Bits, Xor};
use super::chunk::{Chunk, Encoding, SAMPLES_MAX};

/// How wide numbers may be.
const WIDTHS: [u32; 7] = [3, 6, 9, 12, 18, 25, 56];
/// What stands before a chunk: that nothing is known of a reset before it.
const UNKNOWN_RESET: u8 = 0x00;
/// That its histograms are not counters.
const GAUGE: u8 = 0xc0;

/// A sample taken apart.
type Sample = (i64, HistogramParts);

/// The first chunk of these samples, which are in order of time, no two of one millisecond, and
/// how many of them are in it: those that have one resolution. `None` without any.
pub fn encode(samples: &[(Timestamp, &Histogram)]) -> Option<(Chunk, usize)> {
    let (_, first) = samples.first()?;
    let first = Layout::of(&first.to_parts());
    let of_chunk = samples.iter().take(SAMPLES_MAX);
    let parts = of_chunk.map(|(time, histogram)| (time.as_millis(), histogram.to_parts()));
    let parts: Vec<Sample> = parts
        .take_while(|(_, parts)| Layout::of(parts) == first)
        .collect();
    let (start, end) = (parts.first()?.0, parts.last()?.0);
    let chunk = Chunk {
        first: start,
        last: end,
        encoding: Encoding::FloatHistogram,
        data: data(&parts, &first),
    };
    Some((chunk, parts.len()))
}

/// What histograms of a chunk have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Layout {
    schema: i8,
    zero_threshold: f64,
    temporality: Temporality,
}

impl Layout {
    fn of(parts: &HistogramParts) -> Self {
        Self {
            schema: parts.schema,
            zero_threshold: parts.zero_threshold,
            temporality: parts.temporality,
        }
    }
}

fn data(samples: &[Sample], layout: &Layout) -> Vec<u8> {
    let mut data = (samples.len() as u16).to_be_bytes().to_vec();
    data.push(match layout.temporality {
        Temporality::Delta => GAUGE,
        Temporality::Cumulative => UNKNOWN_RESET,
    });
    let mut bits = Bits::behind(data);
    put_zero_threshold(layout.zero_threshold, &mut bits);
    bits.put_signed(i64::from(layout.schema), &WIDTHS);
    let positive = indices(samples, |parts| &parts.positive);
    let negative = indices(samples, |parts| &parts.negative);
    put_spans(&positive, &mut bits);
    put_spans(&negative, &mut bits);
    let (mut time, mut step) = (0, 0);
    let mut before: Vec<Xor> = Vec::new();
    for (place, (at, parts)) in samples.iter().enumerate() {
        let numbers = [parts.count, parts.zero_count, parts.sum].into_iter();
        let numbers = numbers.chain(counts(&positive, &parts.positive));
        let numbers = numbers.chain(counts(&negative, &parts.negative));
        if place == 0 {
            bits.put_signed(*at, &WIDTHS);
            before = numbers
                .map(|number| {
                    bits.put(number.to_bits(), 64);
                    Xor::after(number)
                })
                .collect();
        } else {
            // The second is told from no step at all.
            bits.put_signed(at - time - step, &WIDTHS);
            step = at - time;
            for (xor, number) in before.iter_mut().zip(numbers) {
                xor.put(number, &mut bits);
            }
        }
        time = *at;
    }
    bits.into_bytes()
}

/// The indices of all buckets of one sign.
fn indices(samples: &[Sample], side: impl Fn(&HistogramParts) -> &Vec<Bucket>) -> Vec<i32> {
    let buckets = samples.iter().flat_map(|(_, parts)| side(parts));
    let all: BTreeSet<i32> = buckets.map(|bucket| bucket.index).collect();
    all.into_iter().collect()
}

/// A count for each index.
fn counts<'a>(indices: &'a [i32], buckets: &'a [Bucket]) -> impl Iterator<Item = f64> + 'a {
    let mut left = buckets.iter().peekable();
    indices.iter().map(move |index| {
        let found = left.next_if(|bucket| bucket.index == *index);
        found.map_or(0.0, |bucket| bucket.count)
    })
}

/// Runs of indices: how long each is, and how far behind the end of the one before.
fn put_spans(indices: &[i32], bits: &mut Bits) {
    let runs = || indices.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    bits.put_unsigned(runs().count() as u64, &WIDTHS);
    let mut next = 0i64;
    for run in runs() {
        let first = run.first().map_or(0, |index| i64::from(*index));
        bits.put_unsigned(run.len() as u64, &WIDTHS);
        bits.put_signed(first - next, &WIDTHS);
        next = first + run.len() as i64;
    }
}

/// One byte where it is zero or a power of two of the usual sizes, else nine.
fn put_zero_threshold(threshold: f64, bits: &mut Bits) {
    let exponent = (threshold.to_bits() >> 52) as i64 - 1023;
    let is_power = threshold.to_bits() << 12 == 0 && (-243..=10).contains(&exponent);
    match threshold {
        0.0 => bits.put(0, 8),
        _ if is_power => bits.put((exponent + 244) as u64, 8),
        _ => {
            bits.put(0xff, 8);
            bits.put(threshold.to_bits(), 64);
        }
    }
}
