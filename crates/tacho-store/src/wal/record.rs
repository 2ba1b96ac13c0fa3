//! What is in a log record: definitions of series, one batch of samples, or metadata.
//!
//! Samples are written by shard, so that each shard of a batch can be replayed on its own. Within
//! a shard rows stand in their order, so that the last of two samples of one time stays the last.
//! A row's series and time are differences from the row before and nearly always fit one byte
//! together; numbers are their leading bytes, because most are short in binary. Definitions are
//! compressed: the label sets of one scrape have nearly everything in common.

use tacho_model::{Kind, Metadata, Timestamp, Unit, Value};

use crate::codec::bytes::{Reader, put_bytes, put_signed, put_varint};
use crate::codec::histograms;
use crate::error::CodecError;

/// Record kind: definitions of series.
pub(crate) const SERIES: u8 = 1;
/// Record kind: a batch of samples.
pub(crate) const BATCH: u8 = 2;
/// Record kind: what names mean.
pub(crate) const METADATA: u8 = 3;
/// Record kind: rows of a table ([`crate::records`]).
pub(crate) const RECORDS: u8 = 4;
/// Record kind: members that are all there or none is.
pub(crate) const GROUP: u8 = 5;

/// Most bytes that the definitions of one record may take uncompressed.
const DEFINITIONS_MAX: usize = 1 << 30;
/// Snappy makes at most 64 bytes of a copy of three.
const SNAPPY_RATIO_MAX: usize = 32;
/// A row's place takes more than one byte.
const ESCAPE: u8 = 0xff;

/// Definitions of series under construction.
#[derive(Default)]
pub(crate) struct Definitions {
    plain: Vec<u8>,
}

impl Definitions {
    /// Forgets all but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.plain.clear();
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// Adds one: where the series is in the head, and its labels.
    pub(crate) fn push(&mut self, shard: u8, local: u32, labels: &[u8]) {
        self.plain.push(shard);
        put_varint(&mut self.plain, u64::from(local));
        put_bytes(&mut self.plain, labels);
    }

    /// The payload of their record.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, CodecError> {
        if self.plain.len() > DEFINITIONS_MAX {
            return Err(CodecError::Corrupt("too many definitions in one record"));
        }
        let compressed = snap::raw::Encoder::new().compress_vec(&self.plain);
        compressed.map_err(|_| CodecError::Corrupt("too many definitions in one record"))
    }
}

/// Reads definitions, handing each to `each`.
pub(crate) fn decode_definitions(
    payload: &[u8],
    mut each: impl FnMut(u8, u32, &[u8]),
) -> Result<(), CodecError> {
    let damaged = |_| CodecError::Corrupt("the definitions do not decompress");
    let length = snap::raw::decompress_len(payload).map_err(damaged)?;
    if length > DEFINITIONS_MAX.min(payload.len().saturating_mul(SNAPPY_RATIO_MAX)) {
        return Err(CodecError::Corrupt("too many definitions in one record"));
    }
    let plain = snap::raw::Decoder::new().decompress_vec(payload);
    let plain = plain.map_err(damaged)?;
    let mut reader = Reader::new(&plain);
    while !reader.is_empty() {
        let shard = reader.u8()?;
        let local = u32::try_from(reader.varint()?)
            .map_err(|_| CodecError::Corrupt("a series reference is too large"))?;
        each(shard, local, reader.bytes()?);
    }
    Ok(())
}

/// A batch under construction.
#[derive(Default)]
pub(crate) struct BatchEncoder {
    payload: Vec<u8>,
    body: Vec<u8>,
    widths: Vec<u8>,
    numbers: Vec<u8>,
    distributions: Vec<u8>,
    sorts: Vec<u8>,
}

impl BatchEncoder {
    /// Begins a batch whose samples have these times.
    pub(crate) fn begin(&mut self, times: &[Timestamp]) {
        self.payload.clear();
        put_varint(&mut self.payload, times.len() as u64);
        let mut last = 0;
        for time in times {
            put_signed(&mut self.payload, time.as_nanos().wrapping_sub(last));
            last = time.as_nanos();
        }
    }

    /// Adds the rows of one shard: the series' number there, the time's position, the value.
    pub(crate) fn section<'a>(
        &mut self,
        shard: u8,
        rows: impl ExactSizeIterator<Item = (u32, u32, Value<'a>)>,
    ) {
        self.body.clear();
        self.widths.clear();
        self.numbers.clear();
        self.distributions.clear();
        self.sorts.clear();
        let count = rows.len();
        self.body.reserve(count + 64);
        self.numbers.reserve(count * 8 + 8);
        let (mut last_local, mut last_time) = (0u32, 0u32);
        let mut floats = 0usize;
        for (row, (local, time, value)) in rows.enumerate() {
            self.place(local, last_local, time, last_time);
            (last_local, last_time) = (local, time);
            match value {
                Value::Float(value) => {
                    self.number(floats, value);
                    floats += 1;
                }
                Value::Histogram(histogram) => {
                    self.sorts.resize(count.div_ceil(8), 0);
                    self.sorts[row / 8] |= 1 << (row % 8);
                    histograms::encode(histogram, &mut self.distributions);
                }
            }
        }
        self.body.push(u8::from(!self.sorts.is_empty()));
        self.payload.push(shard);
        put_varint(&mut self.payload, count as u64);
        let parts = [
            &self.body,
            &self.sorts,
            &self.widths,
            &self.numbers,
            &self.distributions,
        ];
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        put_varint(&mut self.payload, bytes as u64);
        for part in parts {
            self.payload.extend_from_slice(part);
        }
    }

    fn place(&mut self, local: u32, last_local: u32, time: u32, last_time: u32) {
        let (id, at) = (local.wrapping_sub(last_local), time.wrapping_sub(last_time));
        let byte = (id << 4 | at) as u8;
        if id < 16 && at < 16 && byte != ESCAPE {
            self.body.push(byte);
            return;
        }
        self.body.push(ESCAPE);
        put_signed(&mut self.body, i64::from(local) - i64::from(last_local));
        put_signed(&mut self.body, i64::from(time) - i64::from(last_time));
    }

    fn number(&mut self, position: usize, value: f64) {
        let bits = value.to_bits();
        let dropped = (bits.trailing_zeros() / 8) as usize;
        let kept = (8 - dropped) as u8;
        match self.widths.last_mut() {
            Some(pair) if position % 2 == 1 => *pair |= kept << 4,
            _ => self.widths.push(kept),
        }
        self.numbers.extend_from_slice(&bits.to_be_bytes());
        self.numbers.truncate(self.numbers.len() - dropped);
    }

    /// The payload of the batch's record.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// A batch as it was logged.
pub(crate) struct LoggedBatch<'a> {
    times: Vec<Timestamp>,
    sections: Reader<'a>,
}

/// The samples of one shard in a batch.
pub(crate) struct Section<'a> {
    pub(crate) shard: u8,
    rows: usize,
    body: Reader<'a>,
}

/// Reads the head of a batch.
pub(crate) fn decode_batch(payload: &[u8]) -> Result<LoggedBatch<'_>, CodecError> {
    let mut reader = Reader::new(payload);
    let count = reader.count(1)?;
    let mut times = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        last = last.wrapping_add(reader.signed()?);
        times.push(Timestamp::from_nanos(last));
    }
    Ok(LoggedBatch {
        times,
        sections: reader,
    })
}

impl<'a> LoggedBatch<'a> {
    /// Its shards, in the order they were written.
    pub(crate) fn sections(
        &self,
    ) -> impl Iterator<Item = Result<Section<'a>, CodecError>> + use<'a> {
        let mut reader = self.sections;
        let mut failed = false;
        std::iter::from_fn(move || {
            if failed || reader.is_empty() {
                return None;
            }
            let section = section(&mut reader);
            failed = section.is_err();
            Some(section)
        })
    }

    /// Hands every row of a section to `each`: the series' number in the shard, time and value.
    pub(crate) fn rows(
        &self,
        section: &Section<'a>,
        mut each: impl FnMut(u32, Timestamp, Value<'_>),
    ) -> Result<(), CodecError> {
        let mut body = section.body;
        let mut places = Vec::with_capacity(section.rows);
        let (mut local, mut time) = (0i64, 0i64);
        for _ in 0..section.rows {
            let byte = body.u8()?;
            if byte == ESCAPE {
                local = local.wrapping_add(body.signed()?);
                time = time.wrapping_add(body.signed()?);
            } else {
                local = local.wrapping_add(i64::from(byte >> 4));
                time = time.wrapping_add(i64::from(byte & 15));
            }
            let at = usize::try_from(time).ok().and_then(|at| self.times.get(at));
            let at = at.ok_or(CodecError::Corrupt("a time that the batch does not have"))?;
            let local = u32::try_from(local)
                .map_err(|_| CodecError::Corrupt("a series reference is out of range"))?;
            places.push((local, *at));
        }
        let sorts = match body.u8()? {
            0 => &[],
            1 => body.take(section.rows.div_ceil(8))?,
            other => return Err(CodecError::Unsupported(other)),
        };
        let is_histogram = |row: usize| sorts.get(row / 8).is_some_and(|b| b >> (row % 8) & 1 == 1);
        let floats = (0..section.rows).filter(|row| !is_histogram(*row)).count();
        let widths = body.take(floats.div_ceil(2))?;
        let width = |i: usize| usize::from((widths[i / 2] >> (4 * (i % 2))) & 0xf);
        let number_bytes: usize = (0..floats).map(width).sum();
        let numbers = body.take(number_bytes)?;
        let (mut number, mut at) = (0, 0);
        for (row, (local, time)) in places.into_iter().enumerate() {
            if is_histogram(row) {
                let histogram = histograms::decode(&mut body)?;
                each(local, time, Value::Histogram(&histogram));
                continue;
            }
            let kept = width(number);
            each(local, time, Value::Float(float(numbers, at, kept)?));
            (number, at) = (number + 1, at + kept);
        }
        Ok(())
    }
}

fn section<'a>(reader: &mut Reader<'a>) -> Result<Section<'a>, CodecError> {
    let shard = reader.u8()?;
    let rows = reader.count(1)?;
    let body = Reader::new(reader.bytes()?);
    if rows > body.remaining() {
        return Err(CodecError::Corrupt("more rows than bytes"));
    }
    Ok(Section { shard, rows, body })
}

/// The number whose `kept` leading bytes are at `at`.
fn float(numbers: &[u8], at: usize, kept: usize) -> Result<f64, CodecError> {
    if kept > 8 {
        return Err(CodecError::Corrupt("a number is longer than eight bytes"));
    }
    if let Some(window) = numbers.get(at..).and_then(|rest| rest.first_chunk()) {
        let dropped = 64 - 8 * kept as u32;
        let bits = u64::from_be_bytes(*window);
        let bits = bits.checked_shr(dropped).unwrap_or(0);
        return Ok(f64::from_bits(bits.checked_shl(dropped).unwrap_or(0)));
    }
    let mut bytes = [0; 8];
    let held = numbers.get(at..at + kept).ok_or(CodecError::Short)?;
    bytes[..kept].copy_from_slice(held);
    Ok(f64::from_bits(u64::from_be_bytes(bytes)))
}

/// Appends a name with its metadata.
pub(crate) fn encode_metadata(name: &str, metadata: &Metadata, into: &mut Vec<u8>) {
    let kind = Kind::ALL.iter().position(|kind| *kind == metadata.kind);
    put_bytes(into, name.as_bytes());
    into.push(kind.unwrap_or(0) as u8);
    put_bytes(into, metadata.unit.as_str().as_bytes());
    put_bytes(into, metadata.help.as_bytes());
}

/// Reads a name with its metadata.
pub(crate) fn decode_metadata<'a>(
    reader: &mut Reader<'a>,
) -> Result<(&'a str, Metadata), CodecError> {
    let name = reader.text()?;
    let kind = reader.u8()?;
    let kind = *Kind::ALL
        .get(usize::from(kind))
        .ok_or(CodecError::Unsupported(kind))?;
    let unit = Unit::new(reader.text()?);
    let help = reader.text()?.to_owned();
    Ok((name, Metadata { kind, unit, help }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tacho_model::Histogram;

    type Row = (u32, u32, Option<u64>);
    type Decoded = Vec<(u8, Vec<(u32, i64, Option<u64>)>)>;

    fn encoded(times: &[i64], sections: &[(u8, Vec<Row>)], histogram: &Histogram) -> Vec<u8> {
        let times: Vec<_> = times.iter().map(|t| Timestamp::from_nanos(*t)).collect();
        let mut encoder = BatchEncoder::default();
        for _ in 0..2 {
            encoder.begin(&times);
            for (shard, rows) in sections {
                let value = |bits: &Option<u64>| match bits {
                    Some(bits) => Value::Float(f64::from_bits(*bits)),
                    None => Value::Histogram(histogram),
                };
                let rows = rows.iter().map(|(id, at, bits)| (*id, *at, value(bits)));
                encoder.section(*shard, rows);
            }
        }
        encoder.payload().to_vec()
    }

    fn decoded(payload: &[u8], histogram: &Histogram) -> Decoded {
        let batch = decode_batch(payload).unwrap();
        let sections = batch.sections().map(|section| {
            let section = section.unwrap();
            let mut rows = Vec::new();
            let each = |id, time: Timestamp, value: Value<'_>| {
                let bits = match value {
                    Value::Float(value) => Some(value.to_bits()),
                    Value::Histogram(held) => {
                        assert_eq!(held, histogram);
                        None
                    }
                };
                rows.push((id, time.as_nanos(), bits));
            };
            batch.rows(&section, each).unwrap();
            (section.shard, rows)
        });
        sections.collect()
    }

    fn check(times: &[i64], sections: &[(u8, Vec<Row>)]) {
        let mut histogram = Histogram::new();
        histogram.observe(0.3);
        let payload = encoded(times, sections, &histogram);
        let of = |(id, at, bits): &Row| (*id, times[*at as usize], *bits);
        let expected: Vec<_> = sections
            .iter()
            .map(|(shard, rows)| (*shard, rows.iter().map(of).collect::<Vec<_>>()))
            .collect();
        assert_eq!(decoded(&payload, &histogram), expected);
    }

    #[test]
    fn a_batch_round_trips_in_order() {
        let stale = Some(0x7ff0_0000_0000_0002);
        let first = vec![
            (5, 0, Some(1.5f64.to_bits())),
            (0, 1, Some((-0.0f64).to_bits())),
            (7, 1, None),
            (7, 1, stale),
            (u32::MAX, 2, Some(0.1f64.to_bits())),
            (u32::MAX, 2, Some(0)),
        ];
        let second = (0..100).map(|i| (i, 2, Some(u64::from(i) << 52)));
        check(
            &[i64::MAX, i64::MIN, 3],
            &[(31, first), (0, second.collect()), (4, Vec::new())],
        );
    }

    #[test]
    fn a_scrape_takes_a_byte_a_row_beside_its_numbers() {
        let rows = (0..1000).map(|i| (i, i / 100, Some(3.0f64.to_bits())));
        let times: Vec<i64> = (0..10).map(|i| 1_800_000_000_000_000_000 + i).collect();
        let payload = encoded(&times, &[(3, rows.collect())], &Histogram::new());
        assert!(payload.len() < 1000 + 500 + 2000 + 50);
    }

    #[test]
    fn every_truncation_of_a_batch_is_an_error_or_loses_whole_sections() {
        let rows = vec![(1, 0, Some(77)), (2, 0, None), (900, 0, Some(u64::MAX))];
        let mut histogram = Histogram::new();
        histogram.observe(0.3);
        let payload = encoded(&[5], &[(1, rows.clone()), (2, rows)], &histogram);
        for end in 0..payload.len() {
            let Ok(batch) = decode_batch(&payload[..end]) else {
                continue;
            };
            let whole = batch.sections().filter(|section| {
                let rows = |s: &Section<'_>| batch.rows(s, |_, _, _| ()).is_ok();
                section.as_ref().is_ok_and(rows)
            });
            assert!(whole.count() < 2);
        }
    }

    #[test]
    fn definitions_round_trip_compressed() {
        let mut definitions = Definitions::default();
        let labels = |i: u32| format!("labels of series {i} and much that is always the same");
        (0..1000).for_each(|i| definitions.push(7, i, labels(i).as_bytes()));
        let payload = definitions.encode().unwrap();
        assert!(payload.len() < 20_000);
        let mut next = 0;
        decode_definitions(&payload, |shard, local, bytes| {
            assert_eq!((shard, local), (7, next));
            assert_eq!(bytes, labels(next).as_bytes());
            next += 1;
        })
        .unwrap();
        assert_eq!(next, 1000);
    }

    proptest! {
        #[test]
        fn any_batch_round_trips(
            times in prop::collection::vec(any::<i64>(), 1..20),
            rows in prop::collection::vec(
                (any::<u32>(), any::<u32>(), prop::option::weighted(0.9, any::<u64>())), 0..200),
        ) {
            let count = times.len() as u32;
            let rows = rows.into_iter().map(|(id, at, bits)| (id % 5000, at % count, bits));
            check(&times, &[(9, rows.collect())]);
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(batch) = decode_batch(&bytes) {
                for section in batch.sections().flatten() {
                    let _ = batch.rows(&section, |_, _, _| ());
                }
            }
            let _ = decode_definitions(&bytes, |_, _, _| ());
            let mut reader = Reader::new(&bytes);
            while decode_metadata(&mut reader).is_ok() && !reader.is_empty() {}
        }
    }
}
