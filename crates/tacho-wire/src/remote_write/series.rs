//! `TimeSeries`: labels, samples and histograms into the batch.
//!
//! Labels come first and together in everything that senders make, so the label set is the run
//! of bytes that they take. Where they do not, they are put together, checked, and appended to
//! the buffer.

use std::ops::Range;

use tacho_model::append::SeriesIndex;
use tacho_model::label::canonicalize;
use tacho_model::{Batch, LabelsRef, Timestamp};

use super::histogram::{self, Parsed};
use super::protobuf::{Key, Reader};
use super::{Decoded, Limits, Reason, Refused, RemoteWriteError};

/// `TimeSeries.labels`.
const LABELS: u32 = 1;
/// `TimeSeries.samples`.
const SAMPLES: u32 = 2;
/// `TimeSeries.histograms`.
const HISTOGRAMS: u32 = 4;
/// The key of a label: field 1, a message.
const LABEL_KEY: u8 = 0x0a;
/// Most buckets of all histograms of one request: 64 MiB of them.
pub(super) const BUCKETS_MAX: usize = 4 << 20;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// Fills a batch from the request in its buffer.
pub(super) struct Walk<'a> {
    limits: Limits,
    batch: &'a mut Batch,
    /// Where the request ends in the buffer.
    end: usize,
    buckets: usize,
    decoded: Decoded,
}

/// Where a series' labels are.
enum Found {
    /// In one run, with samples after them.
    Together(Range<usize>),
    /// In several runs, or after a sample.
    Scattered,
}

/// The series that samples belong to, added to the batch with the first of them.
struct Target {
    labels: Range<usize>,
    index: Option<Result<SeriesIndex, Reason>>,
    scattered: bool,
}

/// One field of a series.
enum Field {
    Sample(i64, f64),
    Histogram(i64, Result<Parsed, Reason>),
    Other,
}

impl<'a> Walk<'a> {
    pub(super) fn new(limits: Limits, batch: &'a mut Batch, end: usize) -> Self {
        Self {
            limits,
            batch,
            end,
            buckets: 0,
            decoded: Decoded::default(),
        }
    }

    /// The request.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.batch.buffer()[..self.end]
    }

    /// The batch.
    pub(super) fn batch(&mut self) -> &mut Batch {
        self.batch
    }

    /// What was found besides the samples.
    pub(super) fn finish(self) -> Decoded {
        self.decoded
    }

    /// Adds the samples of the `TimeSeries` at `inside`.
    #[inline]
    pub(super) fn series(&mut self, inside: Range<usize>) -> Result<(), RemoteWriteError> {
        let end = inside.end;
        let run = label_run(self.bytes(), inside.clone())?;
        let (labels, mut at, scattered) = match find(self.bytes(), run.clone(), end)? {
            Found::Together(labels) => (labels, run.end, false),
            Found::Scattered => (run, inside.start, true),
        };
        let mut target = Target {
            labels,
            index: None,
            scattered,
        };
        while at < end {
            let mut reader = Reader::new(self.batch.buffer(), at..end);
            let room = BUCKETS_MAX - self.buckets;
            let field = field(&mut reader, room)?;
            at = reader.at();
            match field {
                Field::Sample(millis, value) => {
                    self.push(&mut target, &inside, millis, Ok(Parsed::Float(value)))?;
                }
                Field::Histogram(millis, parsed) => {
                    self.push(&mut target, &inside, millis, parsed)?;
                }
                Field::Other => {}
            }
        }
        Ok(())
    }

    #[inline]
    fn push(
        &mut self,
        target: &mut Target,
        inside: &Range<usize>,
        millis: i64,
        value: Result<Parsed, Reason>,
    ) -> Result<(), RemoteWriteError> {
        let seen = self.batch.len() + self.decoded.refused.len();
        if seen >= self.limits.samples_max {
            let limit = self.limits.samples_max;
            let what = "samples";
            return Err(RemoteWriteError::TooMany { what, limit });
        }
        let checked = value.and_then(|value| Ok((nanos(millis)?, value)));
        let placed = match checked {
            Ok(checked) => self.index(target, inside)?.map(|index| (index, checked)),
            Err(reason) => Err(reason),
        };
        match placed {
            Ok((index, (time, Parsed::Float(value)))) => self.batch.push(index, time, value),
            Ok((index, (time, Parsed::Histogram(histogram, buckets)))) => {
                self.buckets += buckets;
                self.batch.push_histogram(index, time, histogram);
            }
            Err(reason) => {
                let labels = target.labels.clone();
                self.decoded.refused.push(Refused { labels, reason });
            }
        }
        Ok(())
    }

    /// The series in the batch, added when it is first asked for.
    #[inline]
    fn index(
        &mut self,
        target: &mut Target,
        inside: &Range<usize>,
    ) -> Result<Result<SeriesIndex, Reason>, RemoteWriteError> {
        if let Some(known) = target.index {
            return Ok(known);
        }
        if self.batch.series_count() >= self.limits.series_max {
            let limit = self.limits.series_max;
            let what = "series";
            return Err(RemoteWriteError::TooMany { what, limit });
        }
        let index = if target.scattered {
            self.gather(inside)?
        } else {
            Ok(self.batch.series_at(target.labels.clone()))
        };
        target.index = Some(index);
        Ok(index)
    }

    /// Puts scattered labels together.
    #[cold]
    fn gather(
        &mut self,
        inside: &Range<usize>,
    ) -> Result<Result<SeriesIndex, Reason>, RemoteWriteError> {
        let mut together = Vec::new();
        let mut reader = Reader::new(self.bytes(), inside.clone());
        while !reader.is_done() {
            let key = reader.key()?;
            reader.skip(key)?;
            if key.number == LABELS {
                let field = &self.bytes()[key.offset..reader.at()];
                together.extend_from_slice(field);
            }
        }
        let mut canonical = Vec::with_capacity(together.len());
        let made = canonicalize(&together, &mut canonical);
        let checked = made.and_then(|()| LabelsRef::from_encoded(&canonical));
        Ok(match checked {
            Ok(labels) => Ok(self.batch.series_encoded(labels)),
            Err(_) => Err(Reason::InvalidLabels),
        })
    }
}

/// The labels that a series begins with.
#[inline]
fn label_run(bytes: &[u8], inside: Range<usize>) -> Result<Range<usize>, RemoteWriteError> {
    let bytes = &bytes[..inside.end];
    let mut at = inside.start;
    while bytes.get(at) == Some(&LABEL_KEY) {
        // Nearly every label is shorter than 128 bytes, so that its length is one byte.
        match bytes.get(at + 1) {
            Some(&length) if length < 0x80 && usize::from(length) <= bytes.len() - at - 2 => {
                at += 2 + usize::from(length);
            }
            _ => {
                let mut reader = Reader::new(bytes, at..inside.end);
                let key = reader.key()?;
                at = reader.nested(key)?.end;
            }
        }
    }
    Ok(inside.start..at)
}

/// Whether the labels in `run` are all there are.
#[inline]
fn find(bytes: &[u8], run: Range<usize>, end: usize) -> Result<Found, RemoteWriteError> {
    let mut reader = Reader::new(bytes, run.end..end);
    while !reader.is_done() {
        let key = reader.key()?;
        if key.number == LABELS {
            reader.nested(key)?;
            return Ok(Found::Scattered);
        }
        reader.skip(key)?;
    }
    Ok(Found::Together(run))
}

/// The next field of a series; its histogram may have `room` buckets.
#[inline]
fn field(reader: &mut Reader<'_>, room: usize) -> Result<Field, RemoteWriteError> {
    let key = reader.key()?;
    match key.number {
        SAMPLES => {
            let (millis, value) = sample(reader, key)?;
            Ok(Field::Sample(millis, value))
        }
        HISTOGRAMS => {
            let inside = reader.nested(key)?;
            let (millis, parsed) = histogram::read(reader.inner(inside), room)?;
            Ok(Field::Histogram(millis, parsed))
        }
        _ => {
            reader.skip(key)?;
            Ok(Field::Other)
        }
    }
}

/// `Sample.value`.
const VALUE: u32 = 1;
/// `Sample.timestamp`, milliseconds since the epoch.
const TIMESTAMP: u32 = 2;

/// A sample's time and value.
#[inline]
fn sample(reader: &mut Reader<'_>, key: Key) -> Result<(i64, f64), RemoteWriteError> {
    let inside = reader.nested(key)?;
    let mut reader = reader.inner(inside);
    let (mut millis, mut value) = (0, 0.0);
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            VALUE => value = reader.double(key)?,
            TIMESTAMP => millis = reader.integer(key)? as i64,
            _ => reader.skip(key)?,
        }
    }
    Ok((millis, value))
}

#[inline]
fn nanos(millis: i64) -> Result<Timestamp, Reason> {
    let nanos = millis.checked_mul(NANOS_PER_MILLI);
    nanos.map(Timestamp::from_nanos).ok_or(Reason::OutOfRange)
}
