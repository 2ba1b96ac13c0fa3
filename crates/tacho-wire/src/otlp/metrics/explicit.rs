//! `HistogramDataPoint`: observations counted in buckets with bounds of their own.
//!
//! They become what Prometheus calls a classic histogram: the series `_bucket`, each of which
//! counts all observations up to its bound `le`, `_count`, and `_sum` where the sender has one. The
//! smallest and the largest observation are not kept.

use std::borrow::Cow;
use std::ops::Range;

use tacho_model::Timestamp;
use tacho_model::append::SeriesIndex;

use super::number::delta;
use super::point::{Head, Sets, doubles, stale};
use super::walk::{Halt, Metric, Walk};
use super::{Amount, Delta, Reason};
use crate::protobuf::{FIXED64, Key, ProtobufError, Reader};

/// `attributes`.
const ATTRIBUTES: u32 = 9;
/// `exemplars`.
const EXEMPLARS: u32 = 8;

/// A point as it came: eight bytes a count and a bound.
#[derive(Default)]
struct ExplicitPoint<'a> {
    head: Head,
    count: u64,
    sum: Option<f64>,
    counts: Cow<'a, [u8]>,
    bounds: Cow<'a, [u8]>,
}

impl<'a> ExplicitPoint<'a> {
    fn read(mut reader: Reader<'a>) -> Result<Self, ProtobufError> {
        let mut point = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                ATTRIBUTES => {
                    reader.nested(key)?;
                    point.head.attribute(key.offset, reader.at());
                }
                2 => point.head.start = reader.fixed(key)?,
                3 => point.head.time = reader.fixed(key)?,
                4 => point.count = reader.fixed(key)?,
                5 => point.sum = Some(reader.double(key)?),
                6 => packed(key, &mut reader, &mut point.counts)?,
                7 => packed(key, &mut reader, &mut point.bounds)?,
                EXEMPLARS => {
                    point.head.has_exemplars = true;
                    reader.skip(key)?;
                }
                10 => point.head.flags = reader.integer(key)?,
                _ => reader.skip(key)?,
            }
        }
        Ok(point)
    }

    /// How many observations each bucket holds; as many as there are bounds, and one more.
    fn counts(&self) -> impl Iterator<Item = u64> + '_ {
        let (chunks, _) = self.counts.as_chunks::<8>();
        chunks.iter().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Checks that bounds and counts make buckets. None at all are allowed: count and sum say all.
    fn check(&self) -> Result<(), Reason> {
        let (bounds, counts) = (self.bounds.len() / 8, self.counts.len() / 8);
        let matches = counts == bounds + 1 || (counts == 0 && bounds == 0);
        let mut last = f64::NEG_INFINITY;
        let is_increasing = doubles(&self.bounds).enumerate().all(|(i, bound)| {
            let above = (i == 0 && !bound.is_nan()) || bound > last;
            last = bound;
            above && bound != f64::INFINITY
        });
        if matches && is_increasing {
            return Ok(());
        }
        Err(Reason::Buckets)
    }
}

/// Numbers of eight bytes, all in one field as everybody writes them, or one by one.
fn packed<'a>(
    key: Key,
    reader: &mut Reader<'a>,
    into: &mut Cow<'a, [u8]>,
) -> Result<(), ProtobufError> {
    if key.wire == FIXED64 {
        let bits = reader.fixed(key)?;
        into.to_mut().extend_from_slice(&bits.to_le_bytes());
        return Ok(());
    }
    let bytes = reader.bytes_of(key)?;
    if !bytes.len().is_multiple_of(8) {
        let offset = key.offset;
        return Err(ProtobufError::Short { offset });
    }
    if into.is_empty() {
        *into = Cow::Borrowed(bytes);
    } else {
        into.to_mut().extend_from_slice(bytes);
    }
    Ok(())
}

impl Walk<'_, '_> {
    /// Takes a point of a histogram with bounds; its time.
    pub(super) fn explicit(
        &mut self,
        metric: &Metric<'_>,
        inside: Range<usize>,
    ) -> Result<Timestamp, Halt> {
        let point = ExplicitPoint::read(self.reader(&inside))?;
        let head = &point.head;
        self.take_buckets(point.bounds.len() / 8 + point.counts.len() / 8)?;
        let time = self.time(head.time)?;
        let start = head.start(time)?;
        let is_delta = metric.is_delta.ok_or(Reason::Temporality)?;
        point.check()?;
        if is_delta && let Some(sum) = point.sum {
            delta(sum, false)?;
        }
        let sets = Sets::Buckets {
            bounds: &point.bounds,
            has_sum: point.sum.is_some(),
        };
        let first = self.series(metric, head, (&inside, ATTRIBUTES), sets)?;
        let mut series = (first.as_usize()..).map(SeriesIndex::at);
        let mut add = |value: f64| {
            let Some(series) = series.next() else {
                return;
            };
            if head.is_stale() {
                self.push(series, time, stale());
            } else if is_delta {
                self.push_delta(Delta {
                    series,
                    point: self.decoded.points as u32,
                    start,
                    time,
                    amount: Amount::Number(value),
                });
            } else {
                self.push(series, time, value);
            }
        };
        let bounds = point.bounds.len() / 8;
        let mut below = 0u64;
        let mut counts = point.counts();
        for count in counts.by_ref().take(bounds) {
            below = below.saturating_add(count);
            add(below as f64);
        }
        // Senders that count while they read may be off by a few; no bucket may hold more than the
        // last.
        let all = counts.fold(below, u64::saturating_add).max(point.count);
        add(all as f64);
        add(point.count as f64);
        if let Some(sum) = point.sum {
            add(sum);
        }
        if head.has_exemplars {
            let bucket = |value: f64| {
                let below = doubles(&point.bounds).take_while(|bound| *bound < value);
                SeriesIndex::at(first.as_usize() + below.count())
            };
            self.exemplars((&inside, EXEMPLARS), metric, bucket)?;
        }
        Ok(time)
    }
}
