//! `TimeSeries`: labels, samples and histograms into the batch.
//!
//! Labels come first and together in everything that senders make, so the label set is the run
//! of bytes that they take. Where they do not, they are put together, checked, and appended to
//! the buffer.

use std::ops::Range;

use tacho_model::append::SeriesIndex;
use tacho_model::label::canonicalize;
use tacho_model::{Batch, LabelsRef, Timestamp};

use super::exemplar::{self, Said};
use super::histogram::{self, Parsed};
use super::tally::Tally;
use super::{Decoded, Limits, Reason, RemoteWriteError};
use crate::protobuf::{Key, Reader};

/// `TimeSeries.labels`.
const LABELS: u32 = 1;
/// `TimeSeries.samples`.
const SAMPLES: u32 = 2;
/// `TimeSeries.exemplars`.
const EXEMPLARS: u32 = 3;
/// `TimeSeries.histograms`.
const HISTOGRAMS: u32 = 4;
/// The key of a label: field 1, a message.
const LABEL_KEY: u8 = 0x0a;
/// The key of a sample: field 2, a message.
const SAMPLE_KEY: u8 = 0x12;
/// The key of a sample's value: field 1, a double.
const VALUE_KEY: u8 = 0x09;
/// The key of a sample's time: field 2, an integer.
const TIMESTAMP_KEY: u8 = 0x10;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// Fills a batch from the request in its buffer.
pub(super) struct Walk<'a> {
    batch: &'a mut Batch,
    /// Where the request ends in the buffer.
    end: usize,
    tally: Tally,
}

/// The series that samples belong to, added to the batch with the first of them.
struct Target {
    inside: Range<usize>,
    /// The labels it begins with.
    labels: Range<usize>,
    /// Whether there are more of them further on.
    scattered: bool,
    index: Option<Result<SeriesIndex, Reason>>,
}

/// One field of a series.
enum Field {
    Sample(i64, f64),
    Histogram(Range<usize>),
    Exemplar(Range<usize>),
    Other,
}

impl<'a> Walk<'a> {
    pub(super) fn new(limits: Limits, batch: &'a mut Batch, end: usize) -> Self {
        Self {
            batch,
            end,
            tally: Tally::new(limits),
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
        self.tally.decoded
    }

    /// Adds the samples of the `TimeSeries` at `inside`.
    #[inline]
    pub(super) fn series(&mut self, inside: Range<usize>) -> Result<(), RemoteWriteError> {
        let bytes = &self.batch.buffer()[..inside.end];
        let labels = inside.start..label_run(bytes, inside.start)?;
        // What an agent sends: labels, then one sample, then nothing.
        if let Some((millis, value)) = only_sample(&bytes[labels.end..])
            && let Ok(time) = nanos(millis)
        {
            self.tally.check_room(self.batch, true)?;
            let index = self.batch.series_at(labels);
            self.batch.push(index, time, value);
            return Ok(());
        }
        let scattered = has_label(bytes, labels.end..inside.end)?;
        self.fields(Target {
            inside,
            labels,
            scattered,
            index: None,
        })
    }

    /// Adds a series field by field.
    fn fields(&mut self, mut target: Target) -> Result<(), RemoteWriteError> {
        let end = target.inside.end;
        let mut at = if target.scattered {
            target.inside.start
        } else {
            target.labels.end
        };
        while at < end {
            let mut reader = Reader::new(self.batch.buffer(), at..end);
            let field = field(&mut reader)?;
            at = reader.at();
            match field {
                Field::Sample(millis, value) => self.sample(&mut target, millis, value)?,
                Field::Histogram(inside) => self.histogram(&mut target, inside)?,
                Field::Exemplar(inside) => self.exemplar(&mut target, inside)?,
                Field::Other => {}
            }
        }
        Ok(())
    }

    fn sample(
        &mut self,
        target: &mut Target,
        millis: i64,
        value: f64,
    ) -> Result<(), RemoteWriteError> {
        self.tally.check_room(self.batch, target.index.is_none())?;
        match self.place(target, millis) {
            Ok((index, time)) => self.batch.push(index, time, value),
            Err(reason) => self.refuse(target, reason),
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        target: &mut Target,
        inside: Range<usize>,
    ) -> Result<(), RemoteWriteError> {
        self.tally.check_room(self.batch, target.index.is_none())?;
        let room = self.tally.bucket_room();
        let reader = Reader::new(self.batch.buffer(), inside);
        let (millis, parsed) = histogram::read(reader, room)?;
        let placed = parsed.and_then(|parsed| Ok((parsed, self.place(target, millis)?)));
        match placed {
            Ok((Parsed::Stale(marker), (index, time))) => self.batch.push(index, time, marker),
            Ok((Parsed::Histogram(histogram, buckets), (index, time))) => {
                self.tally.take_buckets(buckets);
                self.batch.push_histogram(index, time, histogram);
            }
            Err(reason) => self.refuse(target, reason),
        }
        Ok(())
    }

    fn exemplar(
        &mut self,
        target: &mut Target,
        inside: Range<usize>,
    ) -> Result<(), RemoteWriteError> {
        self.tally.exemplar(self.batch, target.index.is_none())?;
        let said = Said::read(Reader::new(self.batch.buffer(), inside))?;
        let time = nanos(said.millis);
        let made = time.and_then(|time| exemplar::of(&said.pairs, time, said.value));
        let millis = said.millis;
        match made.and_then(|made| Ok((self.place(target, millis)?.0, made))) {
            Ok((index, made)) => self.batch.push_exemplar(index, made),
            Err(reason) => self.refuse(target, reason),
        }
        Ok(())
    }

    /// The series and the time of a sample; the series is added when it is first asked for.
    fn place(
        &mut self,
        target: &mut Target,
        millis: i64,
    ) -> Result<(SeriesIndex, Timestamp), Reason> {
        let time = nanos(millis)?;
        let index = match target.index {
            Some(known) => known,
            None if target.scattered => self.gather(target),
            None => Ok(self.batch.series_at(target.labels.clone())),
        };
        target.index = Some(index);
        Ok((index?, time))
    }

    fn refuse(&mut self, target: &Target, reason: Reason) {
        self.tally.refuse(target.labels.clone(), reason);
    }

    /// Puts scattered labels together.
    fn gather(&mut self, target: &Target) -> Result<SeriesIndex, Reason> {
        let bytes = self.bytes();
        let mut together = Vec::new();
        let mut reader = Reader::new(bytes, target.inside.clone());
        // The fields were walked before, so that this meets no error.
        while let Ok(key) = reader.key()
            && reader.skip(key).is_ok()
        {
            if key.number == LABELS {
                together.extend_from_slice(&bytes[key.offset..reader.at()]);
            }
        }
        let mut canonical = Vec::with_capacity(together.len());
        let made = canonicalize(&together, &mut canonical);
        let checked = made.and_then(|()| LabelsRef::from_encoded(&canonical));
        let labels = checked.map_err(|_| Reason::InvalidLabels)?;
        Ok(self.batch.series_encoded(labels))
    }
}

/// The range of the series whose key is at `at`, when it has 128 bytes to 16 KiB as most have.
#[inline]
pub(super) fn quick(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let ([key, low, high], after) = bytes.get(at..)?.split_first_chunk()?;
    let length = usize::from(low & 0x7f) | usize::from(*high) << 7;
    let is_quick = *key == LABEL_KEY && *low >= 0x80 && *high < 0x80 && length <= after.len();
    is_quick.then_some(at + 3..at + 3 + length)
}

/// Where the labels end that a series begins with.
#[inline]
fn label_run(bytes: &[u8], start: usize) -> Result<usize, RemoteWriteError> {
    let mut rest = &bytes[start..];
    loop {
        // Nearly every label is shorter than 128 bytes, so that its length is one byte.
        while let Some((head, after)) = rest.split_first_chunk::<2>()
            && u16::from_le_bytes(*head) & 0x80ff == u16::from(LABEL_KEY)
            && let Some(next) = after.get(usize::from(head[1])..)
        {
            rest = next;
        }
        let at = bytes.len() - rest.len();
        if rest.first() != Some(&LABEL_KEY) {
            return Ok(at);
        }
        let mut reader = Reader::new(bytes, at..bytes.len());
        let key = reader.key()?;
        rest = &bytes[reader.nested(key)?.end..];
    }
}

/// The time and value of the sample that `bytes` are, when it is one as everybody writes it.
#[inline]
fn only_sample(bytes: &[u8]) -> Option<(i64, f64)> {
    let (&[SAMPLE_KEY, length], fields) = bytes.split_first_chunk()? else {
        return None;
    };
    if usize::from(length) != fields.len() {
        return None;
    }
    let (value, time) = match fields.split_first()? {
        (&VALUE_KEY, rest) => {
            let (value, rest) = rest.split_first_chunk::<8>()?;
            let (&TIMESTAMP_KEY, time) = rest.split_first()? else {
                return None;
            };
            (f64::from_le_bytes(*value), time)
        }
        // A zero is not written.
        (&TIMESTAMP_KEY, time) => (0.0, time),
        _ => return None,
    };
    Some((six_bytes(*time.as_array()?)?, value))
}

/// The integer that six bytes hold, as times from 1971 to 2109 do: seven bits a byte, lowest
/// first, the top bit of all but the last set.
#[inline]
pub(super) fn six_bytes([a, b, c, d, e, f]: [u8; 6]) -> Option<i64> {
    let bytes = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    if bytes & 0x8080_8080_8080 != 0x0080_8080_8080 {
        return None;
    }
    // Neighbours are moved together: 7 and 7 bits to 14, to 28, to 42.
    let pairs = (bytes & 0x7f00_7f00_7f00) >> 1 | bytes & 0x007f_007f_007f;
    let low = pairs & 0x3fff | (pairs >> 2) & (0x3fff << 14);
    Some((low | (pairs >> 4) & (0x3fff << 28)) as i64)
}

/// Whether a label is among the fields in `range`.
fn has_label(bytes: &[u8], range: Range<usize>) -> Result<bool, RemoteWriteError> {
    let mut reader = Reader::new(bytes, range);
    let mut found = false;
    while !reader.is_done() {
        let key = reader.key()?;
        found |= key.number == LABELS;
        reader.skip(key)?;
    }
    Ok(found)
}

/// The next field of a series.
fn field(reader: &mut Reader<'_>) -> Result<Field, RemoteWriteError> {
    let key = reader.key()?;
    Ok(match key.number {
        // Its wire type is checked here, so that labels may be put together without.
        LABELS => {
            reader.nested(key)?;
            Field::Other
        }
        SAMPLES => {
            let (millis, value) = sample(reader, key)?;
            Field::Sample(millis, value)
        }
        HISTOGRAMS => Field::Histogram(reader.nested(key)?),
        EXEMPLARS => Field::Exemplar(reader.nested(key)?),
        _ => {
            reader.skip(key)?;
            Field::Other
        }
    })
}

/// `Sample.value`.
const VALUE: u32 = 1;
/// `Sample.timestamp`, milliseconds since the epoch.
const TIMESTAMP: u32 = 2;

/// A sample's time and value.
#[inline]
pub(super) fn sample(reader: &mut Reader<'_>, key: Key) -> Result<(i64, f64), RemoteWriteError> {
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

/// The time that so many milliseconds are.
#[inline]
pub(super) fn nanos(millis: i64) -> Result<Timestamp, Reason> {
    let nanos = millis.checked_mul(NANOS_PER_MILLI);
    nanos.map(Timestamp::from_nanos).ok_or(Reason::OutOfRange)
}
