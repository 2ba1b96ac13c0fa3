//! `Histogram`, the same in both versions.

use tacho_model::histogram::{Bucket, Temporality};
use tacho_model::{Histogram, Timestamp};

use super::millis;
use crate::protobuf::write::{put_bytes, put_double, put_varint, raw_varint, zigzagged};

/// Whole numbers up to here are exact.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
/// The reset hint of a gauge histogram.
const GAUGE: u64 = 3;

/// Writes a histogram of that time.
pub(super) fn put(histogram: &Histogram, time: Timestamp, into: &mut Vec<u8>) {
    let parts = histogram.to_parts();
    let sides = [(8, &parts.negative), (11, &parts.positive)];
    let counts = [parts.count, parts.zero_count];
    let buckets = sides.iter().flat_map(|(_, side)| side.iter());
    let is_whole = |count: f64| count.fract() == 0.0 && count <= EXACT_MAX;
    let whole = counts
        .into_iter()
        .chain(buckets.map(|bucket| bucket.count))
        .all(is_whole);
    if whole {
        // A count of nothing tells the flavour, so it is written.
        raw_varint(1 << 3, into);
        raw_varint(parts.count as u64, into);
    } else {
        raw_varint(2 << 3 | 1, into);
        into.extend_from_slice(&parts.count.to_le_bytes());
    }
    put_double(3, parts.sum, into);
    put_varint(4, zigzagged(i64::from(parts.schema)), into);
    put_double(5, parts.zero_threshold, into);
    if whole {
        put_varint(6, parts.zero_count as u64, into);
    } else {
        put_double(7, parts.zero_count, into);
    }
    for (number, side) in sides {
        put_side(number, side, whole, into);
    }
    if parts.temporality == Temporality::Delta {
        put_varint(14, GAUGE, into);
    }
    put_varint(15, millis(time), into);
}

/// Spans as field `number`, then deltas as the next or counts as the one after that.
fn put_side(number: u32, buckets: &[Bucket], whole: bool, into: &mut Vec<u8>) {
    let mut next = 0i64;
    for run in buckets.chunk_by(|a, b| a.index.checked_add(1) == Some(b.index)) {
        let Some(first) = run.first() else { continue };
        let mut span = Vec::new();
        put_varint(1, zigzagged(i64::from(first.index) - next), &mut span);
        put_varint(2, run.len() as u64, &mut span);
        put_bytes(number, &span, into);
        next = i64::from(first.index) + run.len() as i64;
    }
    let mut packed = Vec::with_capacity(buckets.len() * 2);
    if !whole {
        for bucket in buckets {
            packed.extend_from_slice(&bucket.count.to_le_bytes());
        }
        return put_bytes(number + 2, &packed, into);
    }
    let mut before = 0i64;
    for bucket in buckets {
        let count = bucket.count as i64;
        raw_varint(zigzagged(count - before), &mut packed);
        before = count;
    }
    put_bytes(number + 1, &packed, into);
}
