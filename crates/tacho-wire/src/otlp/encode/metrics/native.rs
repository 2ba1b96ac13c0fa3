//! `ExponentialHistogramDataPoint` of a native histogram.
//!
//! Our bucket `i` is OpenTelemetry's `i - 1`. Theirs are written from the first to the last, empty
//! ones among them, so that the resolution is halved until they are not too many. A count that is
//! no whole number is rounded.

use tacho_model::Histogram;
use tacho_model::histogram::{Bucket, HistogramParts, SCHEMA_RANGE};

use super::point::{Point, nanos, put_double};
use crate::otlp::put;
use crate::protobuf::LENGTH_DELIMITED;

/// Most buckets of a side from the first to the last: at the finest resolution, 64 powers of two.
const BUCKETS_MAX: i64 = 16_384;

impl Point<'_> {
    /// Writes it as field 1 of the data; whether that can be done.
    pub(super) fn put_native(&self, value: &Histogram, out: &mut Vec<u8>) -> bool {
        let Some(parts) = dense(value) else {
            return false;
        };
        put::message(1, out, |out| {
            out.extend_from_slice(self.attributes);
            put::fixed(3, nanos(self.time), out);
            put::fixed(4, count(&parts), out);
            if !parts.sum.is_nan() {
                put_double(5, parts.sum, out);
            }
            put::integer(6, zigzag(i64::from(parts.schema)), out);
            put::fixed(7, whole(parts.zero_count), out);
            side(8, &parts.positive, out);
            side(9, &parts.negative, out);
            self.put_exemplars(11, out);
            put::fixed(14, parts.zero_threshold.to_bits(), out);
        });
        true
    }
}

/// The parts of a histogram whose buckets can be written one by one.
fn dense(value: &Histogram) -> Option<HistogramParts> {
    let mut parts = value.to_parts();
    let mut reduced = None;
    while !(fits(&parts.positive) && fits(&parts.negative)) {
        if parts.schema <= *SCHEMA_RANGE.start() {
            return None;
        }
        let coarser: &mut Histogram = reduced.get_or_insert_with(|| value.clone());
        coarser.reduce_to(parts.schema - 1);
        parts = coarser.to_parts();
    }
    Some(parts)
}

fn fits(side: &[Bucket]) -> bool {
    let (Some(first), Some(last)) = (side.first(), side.last()) else {
        return true;
    };
    first.index > i32::MIN && i64::from(last.index) - i64::from(first.index) < BUCKETS_MAX
}

/// All observations: at least what the buckets hold once they are rounded.
fn count(parts: &HistogramParts) -> u64 {
    let sides = parts.positive.iter().chain(&parts.negative);
    let held = sides.fold(whole(parts.zero_count), |sum, bucket| {
        sum.saturating_add(whole(bucket.count))
    });
    whole(parts.count).max(held)
}

fn whole(count: f64) -> u64 {
    count.round() as u64
}

/// `Buckets { offset = 1, bucket_counts = 2 }`.
fn side(number: u32, buckets: &[Bucket], out: &mut Vec<u8>) {
    let Some(first) = buckets.first() else {
        return;
    };
    put::message(number, out, |out| {
        put::integer(1, zigzag(i64::from(first.index) - 1), out);
        put::key(2, LENGTH_DELIMITED, out);
        out.push(0);
        let start = out.len();
        let mut next = first.index;
        for bucket in buckets {
            let empty = i64::from(bucket.index) - i64::from(next);
            out.resize(out.len() + usize::try_from(empty).unwrap_or(0), 0);
            put::varint(whole(bucket.count), out);
            next = bucket.index.saturating_add(1);
        }
        put::close(start, out);
    });
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}
