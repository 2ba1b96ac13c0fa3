//! Remote write 2.0: a snappy block of `io.prometheus.write.v2.Request` to a [`Batch`].
//!
//! Texts come once, as symbols; series are lists of references to them. A label set is put
//! together in the batch's buffer from the encodings of its pairs, each of which is made once and
//! copied afterwards, so that no sample costs an allocation and few cost more than a copy.
//!
//! 1. A request whose symbols do not begin with the empty text, or that is no protobuf, is
//!    refused whole; references that name no symbol cost their series alone.
//! 2. Label sets take no more memory than the request itself may: a long text that many series
//!    name is refused by size ([`Limits::bytes_max`]) before it is copied.
//! 3. Order and text of label sets are the appender's to judge, as in version 1.
//!
//! Start times are read over: resets are found in the values. Source: remote write 2.0
//! (2.0-rc.4); `prompb/io/prometheus/write/v2/types.proto`.

mod described;
mod symbols;

use std::ops::Range;

use tacho_model::append::SeriesIndex;
use tacho_model::{Batch, Timestamp};

use self::symbols::Symbols;
use super::histogram::{self, Parsed};
use super::series::{nanos, sample, six_bytes};
use super::tally::{Tally, too_many};
use super::{Decoded, Limits, METADATA_MAX, Reason, RemoteWriteError, exemplar};
use crate::protobuf::{Key, Reader, VARINT};

/// `Request.symbols`.
const SYMBOLS: u32 = 4;
/// `Request.timeseries`.
const TIMESERIES: u32 = 5;

/// `TimeSeries.labels_refs`, and of an exemplar.
const REFS: u32 = 1;
/// `TimeSeries.samples`.
const SAMPLES: u32 = 2;
/// `TimeSeries.histograms`.
const HISTOGRAMS: u32 = 3;
/// `TimeSeries.exemplars`.
const EXEMPLARS: u32 = 4;
/// `TimeSeries.metadata`.
const METADATA: u32 = 5;

/// What decoding needs beside the batch; used again it costs no allocation.
#[derive(Debug, Default)]
pub struct Scratch {
    body: Vec<u8>,
    symbols: Symbols,
    refs: Vec<u32>,
}

impl Scratch {
    /// Bytes of the largest request it was used for.
    pub fn capacity(&self) -> usize {
        self.body.capacity()
    }
}

/// Fills `batch`, whatever it held before, from the body of a request of version 2. After an
/// error the batch holds an arbitrary part of the request and is not to be appended.
pub fn decode_v2(
    body: &[u8],
    limits: Limits,
    scratch: &mut Scratch,
    batch: &mut Batch,
) -> Result<Decoded, RemoteWriteError> {
    batch.clear();
    let bytes = snap::raw::decompress_len(body)?;
    if bytes > limits.bytes_max {
        let limit = limits.bytes_max;
        return Err(RemoteWriteError::TooLarge { bytes, limit });
    }
    // What is overwritten need not be cleared first.
    scratch.body.resize(bytes.max(scratch.body.len()), 0);
    let Scratch {
        body: request,
        symbols,
        refs,
    } = scratch;
    let request = &mut request[..bytes];
    snap::raw::Decoder::new().decompress(body, request)?;
    let request = &*request;
    symbols.read(request)?;
    let mut walk = Walk {
        request,
        symbols,
        refs,
        batch,
        tally: Tally::new(limits),
        described: 0,
    };
    let mut reader = Reader::new(request, 0..bytes);
    while !reader.is_done() {
        let key = reader.key()?;
        if key.number == TIMESERIES {
            let inside = reader.nested(key)?;
            walk.series(inside)?;
        } else {
            reader.skip(key)?;
        }
    }
    Ok(walk.tally.decoded)
}

/// Fills a batch from a request whose symbols are known.
struct Walk<'a> {
    request: &'a [u8],
    symbols: &'a mut Symbols,
    refs: &'a mut Vec<u32>,
    batch: &'a mut Batch,
    tally: Tally,
    /// How many names were described.
    described: usize,
}

/// The series that samples belong to, added to the batch with the first of them.
#[derive(Default)]
struct Target {
    index: Option<Result<SeriesIndex, Reason>>,
    /// The references are read and in `Walk::refs`, or why they are none.
    refs: Option<Reason>,
    /// The symbol of the metric's name.
    metric: u32,
}

impl Walk<'_> {
    /// Adds what the `TimeSeries` at `inside` holds.
    fn series(&mut self, inside: Range<usize>) -> Result<(), RemoteWriteError> {
        let mut reader = Reader::new(self.request, inside.clone());
        self.refs.clear();
        // References come first in everything that senders make, and once.
        let start = match reader.rest() {
            [0x0a, ..] => {
                let key = reader.key()?;
                references(key, &mut reader, self.refs)?;
                reader.at()
            }
            _ => inside.start,
        };
        if !is_ordinary(&self.request[start..inside.end])
            && has_references(Reader::new(self.request, start..inside.end))?
        {
            self.refs.clear();
            gather_references(Reader::new(self.request, inside.clone()), self.refs)?;
        }
        let mut target = Target::default();
        match self.symbols.check(self.refs) {
            Ok(metric) => target.metric = metric,
            Err(reason) => target.refs = Some(reason),
        }
        let mut reader = Reader::new(self.request, start..inside.end);
        while !reader.is_done() {
            if let Some((millis, value)) = quick_sample(&mut reader) {
                self.sample(&mut target, millis, value)?;
                continue;
            }
            let key = reader.key()?;
            self.field(&mut target, key, &mut reader)?;
        }
        if let (Some(reason), None) = (target.refs, target.index) {
            self.tally.check_room(self.batch, false)?;
            self.tally.refuse(0..0, reason);
        }
        Ok(())
    }

    fn field(
        &mut self,
        target: &mut Target,
        key: Key,
        reader: &mut Reader<'_>,
    ) -> Result<(), RemoteWriteError> {
        match key.number {
            SAMPLES => {
                let (millis, value) = sample(reader, key)?;
                self.sample(target, millis, value)
            }
            HISTOGRAMS => {
                let inside = reader.nested(key)?;
                self.histogram(target, reader.inner(inside))
            }
            EXEMPLARS => {
                let inside = reader.nested(key)?;
                self.exemplar(target, reader.inner(inside))
            }
            METADATA => {
                let inside = reader.nested(key)?;
                self.metadata(target, reader.inner(inside))
            }
            _ => Ok(reader.skip(key)?),
        }
    }

    #[inline]
    fn sample(
        &mut self,
        target: &mut Target,
        millis: i64,
        value: f64,
    ) -> Result<(), RemoteWriteError> {
        let is_new = target.index.is_none();
        self.tally.check_room(self.batch, is_new)?;
        match (self.place(target)?, nanos(millis)) {
            (Ok(index), Ok(time)) => self.batch.push(index, time, value),
            (index, time) => self.refuse(index, time),
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        target: &mut Target,
        reader: Reader<'_>,
    ) -> Result<(), RemoteWriteError> {
        self.tally.check_room(self.batch, target.index.is_none())?;
        let (millis, parsed) = histogram::read(reader, self.tally.bucket_room())?;
        let index = self.place(target)?;
        let parsed = parsed.and_then(|parsed| Ok((parsed, nanos(millis)?)));
        match (index, parsed) {
            (Ok(index), Ok((Parsed::Stale(marker), time))) => self.batch.push(index, time, marker),
            (Ok(index), Ok((Parsed::Histogram(histogram, buckets), time))) => {
                self.tally.take_buckets(buckets);
                self.batch.push_histogram(index, time, histogram);
            }
            (index, parsed) => self.refuse(index, parsed.map(|(_, time)| time)),
        }
        Ok(())
    }

    fn exemplar(
        &mut self,
        target: &mut Target,
        mut reader: Reader<'_>,
    ) -> Result<(), RemoteWriteError> {
        self.tally.exemplar(self.batch, target.index.is_none())?;
        let index = self.place(target)?;
        let (mut value, mut millis) = (0.0, 0);
        let mut refs = Vec::new();
        while !reader.is_done() {
            let key = reader.key()?;
            match key.number {
                REFS => references(key, &mut reader, &mut refs)?,
                2 => value = reader.double(key)?,
                3 => millis = reader.integer(key)? as i64,
                _ => reader.skip(key)?,
            }
        }
        let made = self.symbols.pairs(self.request, &refs).and_then(|pairs| {
            let time = nanos(millis)?;
            exemplar::of(&pairs, time, value)
        });
        match (index, made) {
            (Ok(index), Ok(made)) => self.batch.push_exemplar(index, made),
            (index, made) => self.refuse(index, made.map(|made| made.timestamp)),
        }
        Ok(())
    }

    fn metadata(&mut self, target: &Target, reader: Reader<'_>) -> Result<(), RemoteWriteError> {
        let said = described::read(reader)?;
        if target.refs.is_some() || !self.symbols.is_news(target.metric) {
            return Ok(());
        }
        self.described += 1;
        if self.described > METADATA_MAX {
            return too_many("metric descriptions", METADATA_MAX);
        }
        let text = |symbol| self.symbols.text(self.request, symbol).unwrap_or("");
        let (name, help, unit) = (text(target.metric), text(said.help), text(said.unit));
        if let Some(metadata) = described::metadata(name, said.kind, help, unit) {
            self.batch.describe(name, metadata);
        }
        Ok(())
    }

    /// The series of a target, added when it is first asked for; or why it is none.
    #[inline]
    fn place(
        &mut self,
        target: &mut Target,
    ) -> Result<Result<SeriesIndex, Reason>, RemoteWriteError> {
        if let Some(known) = target.index {
            return Ok(known);
        }
        let index = if let Some(reason) = target.refs {
            Err(reason)
        } else {
            let limit = self.tally.limits.bytes_max;
            let held = self.batch.buffer().len();
            // What few could exceed is looked at closely where it is near.
            if held + self.symbols.bytes_at_most(self.refs.len()) > limit
                && held + self.symbols.bytes_of(self.refs) > limit
            {
                return too_many("bytes of labels", limit);
            }
            let (request, symbols, refs) = (self.request, &mut *self.symbols, &*self.refs);
            let write = |into: &mut Vec<u8>| symbols.write(request, refs, into);
            Ok(self.batch.series_with(write))
        };
        target.index = Some(index);
        Ok(index)
    }

    #[cold]
    fn refuse(&mut self, index: Result<SeriesIndex, Reason>, time: Result<Timestamp, Reason>) {
        let labels = index.map(|index| self.batch.label_range(index));
        let reason = index.err().or(time.err()).unwrap_or(Reason::Symbols);
        self.tally.refuse(labels.unwrap_or(0..0), reason);
    }
}

/// Reads references, packed as everybody writes them or one by one; of many, those that tell that
/// they are too many.
fn references(
    key: Key,
    reader: &mut Reader<'_>,
    into: &mut Vec<u32>,
) -> Result<(), RemoteWriteError> {
    if key.wire == VARINT {
        put_reference(reader.integer(key)?, into);
        return Ok(());
    }
    let inside = reader.nested(key)?;
    let mut packed = reader.inner(inside);
    while !packed.is_done() {
        put_reference(packed.varint()?, into);
    }
    Ok(())
}

#[inline]
fn put_reference(reference: u64, into: &mut Vec<u32>) {
    if into.len() <= symbols::REFS_MAX {
        // Protobuf cuts what is too long for its type; there are never that many symbols.
        into.push(u32::try_from(reference).unwrap_or(u32::MAX));
    }
}

/// Whether these are fields that are short and no references, as nearly always.
#[inline]
fn is_ordinary(mut rest: &[u8]) -> bool {
    while let Some((head, after)) = rest.split_first_chunk::<2>() {
        let [key, length] = *head;
        let is_known = matches!(key, 0x12 | 0x1a | 0x22 | 0x2a) && length < 0x80;
        match after.get(usize::from(length)..) {
            Some(next) if is_known => rest = next,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// Whether a field is references.
fn has_references(mut reader: Reader<'_>) -> Result<bool, RemoteWriteError> {
    let mut found = false;
    while !reader.is_done() {
        let key = reader.key()?;
        found |= key.number == REFS;
        reader.skip(key)?;
    }
    Ok(found)
}

#[cold]
fn gather_references(mut reader: Reader<'_>, into: &mut Vec<u32>) -> Result<(), RemoteWriteError> {
    while !reader.is_done() {
        let key = reader.key()?;
        match key.number {
            REFS => references(key, &mut reader, into)?,
            _ => reader.skip(key)?,
        }
    }
    Ok(())
}

/// The sample that is next, when it is one as everybody writes it: of a time from 1971 to 2109,
/// without a start time.
#[inline]
fn quick_sample(reader: &mut Reader<'_>) -> Option<(i64, f64)> {
    let bytes = reader.rest().first_chunk::<18>()?;
    let [0x12, 0x10, 0x09, rest @ ..] = bytes else {
        return None;
    };
    let (value, rest) = rest.split_first_chunk::<8>()?;
    let (&0x10, time) = rest.split_first()? else {
        return None;
    };
    let millis = six_bytes(*time.as_array()?)?;
    reader.pass(18);
    Some((millis, f64::from_le_bytes(*value)))
}
