//! What is in a log record: definitions of series, or one batch of samples and metadata.
//!
//! A batch is columns: runs of rows of one sort in their order, so that the last of two samples of
//! one time stays the last. Within a run, references and times are written as differences from
//! the row before; numbers as their leading bytes, because most are short in binary.

use tacho_model::{Histogram, Kind, Metadata, Timestamp, Unit, Value};

use crate::codec::bytes::{Reader, put_bytes, put_signed, put_varint};
use crate::codec::histograms;
use crate::error::CodecError;

/// Record kinds.
pub(crate) const SERIES: u8 = 1;
/// A batch.
pub(crate) const BATCH: u8 = 2;

const FLOATS: u8 = 0;
const HISTOGRAMS: u8 = 1;

/// Encodes the definitions of series: reference and label bytes.
pub(crate) fn encode_series<'a>(
    series: impl ExactSizeIterator<Item = (u32, &'a [u8])>,
    into: &mut Vec<u8>,
) {
    put_varint(into, series.len() as u64);
    for (id, labels) in series {
        put_varint(into, u64::from(id));
        put_bytes(into, labels);
    }
}

/// Reads definitions, handing each to `each`.
pub(crate) fn decode_series(
    payload: &[u8],
    mut each: impl FnMut(u32, &[u8]),
) -> Result<(), CodecError> {
    let mut reader = Reader::new(payload);
    for _ in 0..reader.count(2)? {
        let id = reference(reader.varint()?)?;
        each(id, reader.bytes()?);
    }
    Ok(())
}

fn reference(id: u64) -> Result<u32, CodecError> {
    u32::try_from(id).map_err(|_| CodecError::Corrupt("a series reference is too large"))
}

/// A batch under construction.
#[derive(Default)]
pub(crate) struct BatchEncoder {
    runs: Vec<u8>,
    run_count: u64,
    sort: u8,
    rows: u64,
    last_id: i64,
    last_time: i64,
    places: Vec<u8>,
    widths: Vec<u8>,
    values: Vec<u8>,
}

impl BatchEncoder {
    /// Forgets all rows but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.runs.clear();
        self.end_run();
        self.runs.clear();
        self.run_count = 0;
        (self.last_id, self.last_time) = (0, 0);
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, id: u32, time: Timestamp, value: Value<'_>) {
        let sort = match value {
            Value::Float(_) => FLOATS,
            Value::Histogram(_) => HISTOGRAMS,
        };
        if sort != self.sort {
            self.end_run();
            self.sort = sort;
        }
        put_signed(&mut self.places, i64::from(id) - self.last_id);
        put_signed(
            &mut self.places,
            time.as_nanos().wrapping_sub(self.last_time),
        );
        (self.last_id, self.last_time) = (i64::from(id), time.as_nanos());
        match value {
            Value::Float(value) => self.push_float(value),
            Value::Histogram(histogram) => histograms::encode(histogram, &mut self.values),
        }
        self.rows += 1;
    }

    fn push_float(&mut self, value: f64) {
        let bytes = value.to_bits().to_be_bytes();
        let kept = bytes
            .iter()
            .rposition(|b| *b != 0)
            .map_or(0, |last| last + 1);
        match self.widths.last_mut() {
            Some(pair) if self.rows % 2 == 1 => *pair |= (kept as u8) << 4,
            _ => self.widths.push(kept as u8),
        }
        self.values.extend_from_slice(&bytes[..kept]);
    }

    fn end_run(&mut self) {
        if self.rows > 0 {
            self.runs.push(self.sort);
            put_varint(&mut self.runs, self.rows);
            self.runs.extend_from_slice(&self.places);
            self.runs.extend_from_slice(&self.widths);
            self.runs.extend_from_slice(&self.values);
            self.run_count += 1;
        }
        self.rows = 0;
        self.places.clear();
        self.widths.clear();
        self.values.clear();
    }

    /// Appends the batch with its metadata.
    pub(crate) fn finish(&mut self, metadata: &[(&str, &Metadata)], into: &mut Vec<u8>) {
        self.end_run();
        put_varint(into, self.run_count);
        into.extend_from_slice(&self.runs);
        put_varint(into, metadata.len() as u64);
        for (name, metadata) in metadata {
            encode_metadata(name, metadata, into);
        }
    }
}

/// One row as it was logged.
pub(crate) enum Row<'a> {
    /// A number.
    Float(u32, Timestamp, f64),
    /// A distribution.
    Histogram(u32, Timestamp, Histogram),
    /// What a name means.
    Metadata(&'a str, Metadata),
}

/// Reads a batch, handing each row to `each`.
pub(crate) fn decode_batch<'a>(
    payload: &'a [u8],
    mut each: impl FnMut(Row<'a>),
) -> Result<(), CodecError> {
    let mut reader = Reader::new(payload);
    let (mut id, mut time) = (0i64, 0i64);
    for _ in 0..reader.count(2)? {
        let sort = reader.u8()?;
        let rows = reader.count(2)?;
        let mut places = Vec::with_capacity(rows);
        for _ in 0..rows {
            id = id.wrapping_add(reader.signed()?);
            time = time.wrapping_add(reader.signed()?);
            places.push((reference(id as u64)?, Timestamp::from_nanos(time)));
        }
        match sort {
            FLOATS => {
                let widths = reader.take(rows.div_ceil(2))?;
                for (row, (id, time)) in places.into_iter().enumerate() {
                    let width = (widths[row / 2] >> (4 * (row % 2))) & 0xf;
                    let value = float(reader.take(usize::from(width))?)?;
                    each(Row::Float(id, time, value));
                }
            }
            HISTOGRAMS => {
                for (id, time) in places {
                    each(Row::Histogram(id, time, histograms::decode(&mut reader)?));
                }
            }
            other => return Err(CodecError::Unsupported(other)),
        }
    }
    for _ in 0..reader.count(4)? {
        let (name, metadata) = decode_metadata(&mut reader)?;
        each(Row::Metadata(name, metadata));
    }
    Ok(())
}

fn float(leading: &[u8]) -> Result<f64, CodecError> {
    let mut bytes = [0; 8];
    let kept = bytes.get_mut(..leading.len());
    kept.ok_or(CodecError::Corrupt("a number is longer than eight bytes"))?
        .copy_from_slice(leading);
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

    #[test]
    fn a_batch_round_trips_in_order() {
        let mut histogram = Histogram::new();
        histogram.observe(0.3);
        let metadata = Metadata {
            kind: Kind::Timing,
            unit: Unit::SECONDS,
            help: "how long".into(),
        };
        let rows = [
            (5, i64::MAX, Value::Float(1.5)),
            (0, i64::MIN, Value::Float(-0.0)),
            (7, 3, Value::Histogram(&histogram)),
            (7, 3, Value::Float(f64::from_bits(0x7ff0_0000_0000_0002))),
            (u32::MAX, 4, Value::Float(0.1)),
        ];
        let mut encoder = BatchEncoder::default();
        let mut payload = Vec::new();
        for _ in 0..2 {
            encoder.clear();
            payload.clear();
            for (id, time, value) in rows {
                encoder.push(id, Timestamp::from_nanos(time), value);
            }
            encoder.finish(&[("m", &metadata)], &mut payload);
        }
        let mut texts = Vec::new();
        decode_batch(&payload, |row| {
            texts.push(match row {
                Row::Float(id, t, v) => format!("{id} {} {:x}", t.as_nanos(), v.to_bits()),
                Row::Histogram(id, t, h) => format!("{id} {} {}", t.as_nanos(), h == histogram),
                Row::Metadata(name, m) => format!("{name} {}", m == metadata),
            });
        })
        .unwrap();
        let expected = [
            format!("5 {} {:x}", i64::MAX, 1.5f64.to_bits()),
            format!("0 {} {:x}", i64::MIN, (-0.0f64).to_bits()),
            "7 3 true".to_owned(),
            "7 3 7ff0000000000002".to_owned(),
            format!("{} 4 {:x}", u32::MAX, 0.1f64.to_bits()),
            "m true".to_owned(),
        ];
        assert_eq!(texts, expected);
        for end in 0..payload.len() {
            assert!(decode_batch(&payload[..end], |_| {}).is_err());
        }
    }
}
