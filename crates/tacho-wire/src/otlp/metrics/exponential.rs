//! `ExponentialHistogramDataPoint` to a native histogram.
//!
//! OpenTelemetry counts values in `(base^i, base^(i+1)]` as bucket `i`, we as bucket `i + 1`. A
//! scale above 8 is reduced to 8 by adding neighbours up, which is exact; one below -4 has no
//! counterpart and is refused. A sum that is missing is no number. Source: "Metrics Data Model",
//! "Exponential Scale".

use std::ops::Range;

use tacho_model::histogram::{BUCKETS_MAX, Bucket, HistogramParts, SCHEMA_RANGE, Temporality};
use tacho_model::{Histogram, Timestamp};

use super::names::Naming;
use super::point::{Head, Sets, stale};
use super::walk::{Halt, Metric, Walk, too_many};
use super::{Amount, Delta, Reason};
use crate::protobuf::{Key, Reader, VARINT, zigzag};

/// `attributes`.
const ATTRIBUTES: u32 = 1;
/// `exemplars`.
const EXEMPLARS: u32 = 11;

/// One side as it came: an offset, and where the counts are.
#[derive(Debug, Default)]
struct Side {
    offset: i64,
    /// Index from the offset, and count; empty buckets are left out.
    counts: Vec<(i64, u64)>,
    /// Buckets read, empty ones among them.
    read: usize,
}

impl Side {
    /// `Buckets { offset = 1, bucket_counts = 2 }`, with room for so many.
    fn read(mut reader: Reader<'_>, room: usize) -> Result<Self, Halt> {
        let mut side = Self::default();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => side.offset = zigzag(reader.integer(key)?),
                2 => side.counts(key, &mut reader, room)?,
                _ => reader.skip(key)?,
            }
        }
        Ok(side)
    }

    /// Packed, as everybody writes them, or one by one.
    fn counts(&mut self, key: Key, reader: &mut Reader<'_>, room: usize) -> Result<(), Halt> {
        if key.wire == VARINT {
            let count = reader.integer(key)?;
            return self.add(count, room);
        }
        let inside = reader.nested(key)?;
        let mut packed = reader.inner(inside);
        while !packed.is_done() {
            self.add(packed.varint()?, room)?;
        }
        Ok(())
    }

    fn add(&mut self, count: u64, room: usize) -> Result<(), Halt> {
        if self.read >= room {
            return Err(too_many("histogram buckets", room).into());
        }
        if count > 0 {
            self.counts.push((self.read as i64, count));
        }
        self.read += 1;
        Ok(())
    }

    /// Buckets by our index, `shift` steps coarser.
    fn buckets(&self, shift: u32) -> Result<Vec<Bucket>, Reason> {
        let mut buckets: Vec<Bucket> = Vec::with_capacity(self.counts.len());
        for (from_offset, count) in &self.counts {
            let index = ((self.offset + from_offset) >> shift) + 1;
            let index = i32::try_from(index).map_err(|_| Reason::Buckets)?;
            let count = *count as f64;
            match buckets.last_mut() {
                Some(last) if last.index == index => last.count += count,
                _ => buckets.push(Bucket { index, count }),
            }
        }
        Ok(buckets)
    }
}

#[derive(Default)]
struct ExponentialPoint {
    head: Head,
    count: u64,
    sum: Option<f64>,
    scale: i64,
    zero_count: u64,
    zero_threshold: f64,
    positive: Side,
    negative: Side,
}

impl ExponentialPoint {
    fn read(mut reader: Reader<'_>, room: usize) -> Result<Self, Halt> {
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
                6 => point.scale = zigzag(reader.integer(key)?),
                7 => point.zero_count = reader.fixed(key)?,
                8 => {
                    let inside = reader.nested(key)?;
                    point.positive = Side::read(reader.inner(inside), room)?;
                }
                9 => {
                    let inside = reader.nested(key)?;
                    point.negative = Side::read(reader.inner(inside), room)?;
                }
                10 => point.head.flags = reader.integer(key)?,
                EXEMPLARS => {
                    point.head.has_exemplars = true;
                    reader.skip(key)?;
                }
                14 => point.zero_threshold = reader.double(key)?,
                _ => reader.skip(key)?,
            }
        }
        Ok(point)
    }

    fn histogram(&self, temporality: Temporality) -> Result<Histogram, Reason> {
        let (coarsest, finest) = (*SCHEMA_RANGE.start(), *SCHEMA_RANGE.end());
        if self.scale < i64::from(coarsest) {
            return Err(Reason::Scale);
        }
        let schema = self.scale.min(i64::from(finest)) as i8;
        // An index of 32 bits has but two values left after so many steps.
        let shift = (self.scale - i64::from(schema)).min(40) as u32;
        let in_range = |side: &Side| i32::try_from(side.offset).is_ok();
        if !in_range(&self.positive) || !in_range(&self.negative) {
            return Err(Reason::Buckets);
        }
        let mut histogram = Histogram::from_parts(HistogramParts {
            temporality,
            schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count as f64,
            count: self.count as f64,
            sum: self.sum.unwrap_or(f64::NAN),
            positive: self.positive.buckets(shift)?,
            negative: self.negative.buckets(shift)?,
        })?;
        let most = self.positive.counts.len().max(self.negative.counts.len());
        if most > BUCKETS_MAX {
            reduce(&mut histogram);
        }
        Ok(histogram)
    }
}

/// Halves the resolution until there are no more buckets than a histogram of ours has.
fn reduce(histogram: &mut Histogram) {
    loop {
        let parts = histogram.to_parts();
        let most = parts.positive.len().max(parts.negative.len());
        if most <= BUCKETS_MAX || parts.schema <= *SCHEMA_RANGE.start() {
            return;
        }
        histogram.reduce_to(parts.schema - 1);
    }
}

impl Walk<'_, '_> {
    /// Takes a point of an exponential histogram; its time.
    pub(super) fn exponential(
        &mut self,
        metric: &Metric<'_>,
        inside: Range<usize>,
    ) -> Result<Timestamp, Halt> {
        let point = ExponentialPoint::read(self.reader(&inside), self.buckets_left())?;
        let head = &point.head;
        self.take_buckets(point.positive.read.saturating_add(point.negative.read))?;
        let time = self.time(head.time)?;
        let start = head.start(time)?;
        let is_delta = metric.is_delta.ok_or(Reason::Temporality)?;
        let temporality = if is_delta {
            Temporality::Delta
        } else {
            Temporality::Cumulative
        };
        let histogram = if head.is_stale() {
            None
        } else {
            Some(point.histogram(temporality)?)
        };
        // A sample as its sender keeps it is kept so.
        let is_delta = is_delta && metric.told.naming() == Naming::Translated;
        if is_delta && point.sum.is_some_and(|sum| !sum.is_finite()) {
            return Err(Reason::NotFinite.into());
        }
        let series = self.series(metric, head, (&inside, ATTRIBUTES), Sets::Name)?;
        match histogram {
            None => self.push(series, time, stale()),
            Some(histogram) if is_delta => {
                let at = self.decoded.histograms.len() as u32;
                self.decoded.histograms.push(histogram);
                self.push_delta(Delta {
                    series,
                    point: self.decoded.points as u32,
                    start,
                    time,
                    amount: Amount::Histogram(at),
                });
            }
            Some(histogram) => self.push_histogram(series, time, histogram),
        }
        if head.has_exemplars {
            self.exemplars((&inside, EXEMPLARS), metric, |_| series)?;
        }
        Ok(time)
    }
}
