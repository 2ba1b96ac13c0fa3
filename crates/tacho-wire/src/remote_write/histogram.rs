//! `Histogram`: Prometheus' native histograms, integer and float flavour.
//!
//! Buckets come as spans (runs of adjacent indices) and one number each: the difference to the
//! bucket before for integers, the count for floats. Both flavours become counts. Of the hint about
//! counter resets it is kept whether there are any: a gauge histogram has none. Source:
//! `prompb/types.proto`; the native histogram specification.

use tacho_model::Histogram;
use tacho_model::append::is_stale;
use tacho_model::histogram::{Bucket, HistogramParts, Temporality};

use super::{Reason, RemoteWriteError};
use crate::protobuf::{FIXED64, Key, ProtobufError, Reader, VARINT, zigzag};

/// The schema of buckets with bounds of their own.
const CUSTOM_BUCKETS: i64 = -53;

/// The reset hint of a gauge histogram.
const GAUGE: u64 = 3;

/// A value that a histogram field turned out to be.
#[derive(Debug)]
pub(super) enum Parsed {
    /// The staleness marker, which stands in the sum.
    Stale(f64),
    /// A distribution, and how many buckets it came with.
    Histogram(Histogram, usize),
}

/// One side of a histogram as it came.
#[derive(Debug, Default)]
pub(crate) struct Side {
    spans: Vec<(i64, u64)>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// Everything of the message that is kept.
#[derive(Debug, Default)]
struct Fields {
    count: f64,
    sum: f64,
    schema: i64,
    zero_threshold: f64,
    zero_count: f64,
    negative: Side,
    positive: Side,
    millis: i64,
    gauge: bool,
    /// Numbers of buckets and spans taken so far.
    taken: usize,
}

/// A histogram's time in milliseconds, and its value. It may have `room` buckets.
pub(super) fn read(
    mut reader: Reader<'_>,
    room: usize,
) -> Result<(i64, Result<Parsed, Reason>), RemoteWriteError> {
    let mut fields = Fields::default();
    while !reader.is_done() {
        let key = reader.key()?;
        fields.take(key, &mut reader)?;
        if fields.taken > room {
            let (what, limit) = ("histogram buckets", super::tally::BUCKETS_MAX);
            return Err(RemoteWriteError::TooMany { what, limit });
        }
    }
    Ok((fields.millis, fields.parsed()))
}

impl Fields {
    fn take(&mut self, key: Key, reader: &mut Reader<'_>) -> Result<(), RemoteWriteError> {
        match key.number {
            1 => self.count = reader.integer(key)? as f64,
            2 => self.count = reader.double(key)?,
            3 => self.sum = reader.double(key)?,
            4 => self.schema = zigzag(reader.integer(key)?),
            5 => self.zero_threshold = reader.double(key)?,
            6 => self.zero_count = reader.integer(key)? as f64,
            7 => self.zero_count = reader.double(key)?,
            8 => self.negative.span(key, reader)?,
            9 => self.negative.deltas(key, reader)?,
            10 => self.negative.counts(key, reader)?,
            11 => self.positive.span(key, reader)?,
            12 => self.positive.deltas(key, reader)?,
            13 => self.positive.counts(key, reader)?,
            14 => self.gauge = reader.integer(key)? == GAUGE,
            15 => self.millis = reader.integer(key)? as i64,
            _ => reader.skip(key)?,
        }
        self.taken = self.negative.taken() + self.positive.taken();
        Ok(())
    }

    fn parsed(self) -> Result<Parsed, Reason> {
        if is_stale(self.sum) {
            return Ok(Parsed::Stale(self.sum));
        }
        if self.schema == CUSTOM_BUCKETS {
            return Err(Reason::CustomBuckets);
        }
        let histogram = Histogram::from_parts(HistogramParts {
            temporality: if self.gauge {
                Temporality::Delta
            } else {
                Temporality::Cumulative
            },
            // What no schema can be is refused with those that are none.
            schema: i8::try_from(self.schema).unwrap_or(i8::MAX),
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: self.positive.buckets()?,
            negative: self.negative.buckets()?,
        })?;
        Ok(Parsed::Histogram(histogram, self.taken))
    }
}

impl Side {
    /// How many spans and buckets it has.
    pub(crate) fn taken(&self) -> usize {
        self.spans.len() + self.deltas.len() + self.counts.len()
    }

    /// `BucketSpan { offset: 1, length: 2 }`.
    pub(crate) fn span(&mut self, key: Key, reader: &mut Reader<'_>) -> Result<(), ProtobufError> {
        let inside = reader.nested(key)?;
        let mut reader = reader.inner(inside);
        let (mut offset, mut length) = (0, 0);
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                1 => offset = zigzag(reader.integer(key)?),
                2 => length = reader.integer(key)?,
                _ => reader.skip(key)?,
            }
        }
        self.spans.push((offset, length));
        Ok(())
    }

    /// Packed, as everybody writes them, or one by one, as a reader must also understand.
    pub(crate) fn deltas(
        &mut self,
        key: Key,
        reader: &mut Reader<'_>,
    ) -> Result<(), ProtobufError> {
        if key.wire == VARINT {
            self.deltas.push(zigzag(reader.integer(key)?));
            return Ok(());
        }
        let inside = reader.nested(key)?;
        let mut packed = reader.inner(inside);
        while !packed.is_done() {
            self.deltas.push(zigzag(packed.varint()?));
        }
        Ok(())
    }

    /// Absolute counts, packed or one by one.
    pub(crate) fn counts(
        &mut self,
        key: Key,
        reader: &mut Reader<'_>,
    ) -> Result<(), ProtobufError> {
        if key.wire == FIXED64 {
            self.counts.push(reader.double(key)?);
            return Ok(());
        }
        let inside = reader.nested(key)?;
        let mut packed = reader.inner(inside);
        while !packed.is_done() {
            self.counts.push(packed.fixed64(packed.at())?);
        }
        Ok(())
    }

    /// Buckets with their indices and absolute counts.
    pub(crate) fn buckets(&self) -> Result<Vec<Bucket>, Reason> {
        let integers = !self.deltas.is_empty();
        if integers && !self.counts.is_empty() {
            return Err(Reason::Spans);
        }
        let held = self.deltas.len().max(self.counts.len());
        let spanned = self
            .spans
            .iter()
            .try_fold(0u64, |sum, (_, length)| sum.checked_add(*length));
        // Checked before anything is made of the lengths, which may be hostile.
        if spanned != Some(held as u64) {
            return Err(Reason::Spans);
        }
        let mut buckets = Vec::with_capacity(held);
        let (mut index, mut running) = (0i64, 0i64);
        for (offset, length) in &self.spans {
            index = index.checked_add(*offset).ok_or(Reason::Spans)?;
            for _ in 0..*length {
                let at = buckets.len();
                let count = match self.deltas.get(at) {
                    Some(delta) => {
                        running = running.checked_add(*delta).ok_or(Reason::Spans)?;
                        running as f64
                    }
                    None => self.counts.get(at).copied().ok_or(Reason::Spans)?,
                };
                buckets.push(Bucket {
                    index: i32::try_from(index).map_err(|_| Reason::Spans)?,
                    count,
                });
                index += 1;
            }
        }
        Ok(buckets)
    }
}
