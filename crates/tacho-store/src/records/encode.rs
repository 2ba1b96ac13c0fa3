//! A column of records in bytes, in the log and in files.
//!
//! Whole numbers are packed, stepped or given to pcodec ([`ints`]); numbers are encoded as samples
//! are ([`values`]); identifiers and texts are a dictionary of the distinct ones and the number of
//! each row's, texts compressed with Snappy where that helps; attributes are columns themselves:
//! how many each row has, names, kinds, and the values of each kind. How many rows a column has is
//! known outside, and bounded there.

use hashbrown::HashMap;

use super::columns::{AttributeColumn, ColumnData, ScalarKind, TextColumn};
use super::schema::ColumnKind;
use super::write::LOOK_ROWS;
use super::{APPEND_BYTES_MAX, GROUP_BYTES, ROW_BYTES_MAX};
use crate::codec::bytes::{Reader, put_bytes, put_varint};
use crate::codec::{Effort, ints, values};
use crate::error::CodecError;
use crate::interner::Interner;

const PLAIN: u8 = 0;
const DICTIONARY: u8 = 1;
const SNAPPY: u8 = 1;

/// Most attributes of one column: more than an append or a group can hold, of which each takes 13
/// bytes in memory.
const ATTRIBUTES_MAX: u64 = 1 << 23;
const _: () = assert!(ATTRIBUTES_MAX as usize * 13 > APPEND_BYTES_MAX + ROW_BYTES_MAX);
const _: () = assert!(ATTRIBUTES_MAX as usize * 13 > LOOK_ROWS * ROW_BYTES_MAX + GROUP_BYTES);
/// Most bytes of the distinct texts of one column.
const TEXT_BYTES_MAX: usize = 128 << 20;
/// Snappy makes at most 64 bytes of a copy of three.
const SNAPPY_RATIO_MAX: usize = 32;

/// Appends a column.
pub(crate) fn encode(column: &ColumnData, effort: Effort, into: &mut Vec<u8>) {
    match column {
        ColumnData::Integers(held) => ints::encode_signed(held, effort, into),
        ColumnData::Floats(held) => encode_floats(held, effort, into),
        ColumnData::Ids(held) => encode_ids(held, effort, into),
        ColumnData::Texts(held) => encode_texts(&held.distinct, &held.rows, effort, into),
        ColumnData::Attributes(held) => encode_attributes(held, effort, into),
    }
}

/// Reads a column that is all of `bytes`.
pub(crate) fn decode(
    kind: ColumnKind,
    bytes: &[u8],
    rows: usize,
) -> Result<ColumnData, CodecError> {
    let reader = &mut Reader::new(bytes);
    let column = match kind {
        ColumnKind::Integer => ColumnData::Integers(ints::decode_signed(reader, rows)?),
        ColumnKind::Float => ColumnData::Floats(decode_floats(reader, rows)?),
        ColumnKind::Id => ColumnData::Ids(decode_ids(reader, rows)?),
        ColumnKind::Text => ColumnData::Texts(decode_texts(reader, rows)?),
        ColumnKind::Attributes => ColumnData::Attributes(decode_attributes(reader, rows)?),
    };
    if reader.is_empty() {
        Ok(column)
    } else {
        Err(CodecError::Corrupt("a column is longer than its rows"))
    }
}

fn encode_floats(floats: &[f64], effort: Effort, into: &mut Vec<u8>) {
    if !floats.is_empty() {
        values::encode(floats, effort, into);
    }
}

/// Reads numbers that are all that is left.
fn decode_floats(reader: &mut Reader<'_>, count: usize) -> Result<Vec<f64>, CodecError> {
    let mut floats = Vec::new();
    if count > 0 {
        values::decode(reader.take(reader.remaining())?, count, &mut floats)?;
    }
    Ok(floats)
}

fn encode_ids(ids: &[u128], effort: Effort, into: &mut Vec<u8>) {
    if ids.is_empty() {
        return;
    }
    let mut numbers: HashMap<u128, u64> = HashMap::new();
    let mut distinct = Vec::new();
    let rows: Vec<u64> = ids
        .iter()
        .map(|id| {
            *numbers.entry(*id).or_insert_with(|| {
                distinct.push(*id);
                distinct.len() as u64 - 1
            })
        })
        .collect();
    // Span ids have 64 bits, trace ids 128.
    let width = if ids.iter().all(|id| *id <= u128::from(u64::MAX)) {
        8
    } else {
        16
    };
    let is_plain = distinct.len() == ids.len();
    into.extend([if is_plain { PLAIN } else { DICTIONARY }, width as u8]);
    if !is_plain {
        put_varint(into, distinct.len() as u64);
    }
    for id in &distinct {
        into.extend_from_slice(&id.to_le_bytes()[..width]);
    }
    if !is_plain {
        ints::encode(&rows, effort, into);
    }
}

fn decode_ids(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<u128>, CodecError> {
    if rows == 0 {
        return Ok(Vec::new());
    }
    let [how, width] = reader.array()?;
    let count = match how {
        PLAIN => rows,
        DICTIONARY => at_most(reader.varint()?, rows)?,
        other => return Err(CodecError::Unsupported(other)),
    };
    let width = usize::from(width);
    if width != 8 && width != 16 {
        return Err(CodecError::Corrupt("an identifier has an unknown width"));
    }
    let bytes = reader.take(count.checked_mul(width).ok_or(CodecError::Short)?)?;
    let id = |bytes: &[u8]| {
        let mut whole = [0; 16];
        whole[..width].copy_from_slice(bytes);
        u128::from_le_bytes(whole)
    };
    let ids: Vec<u128> = bytes.chunks_exact(width).map(id).collect();
    if how == PLAIN {
        return Ok(ids);
    }
    let numbers = ints::decode(reader, rows)?.into_iter();
    let held = numbers.map(|number| ids.get(number as usize).copied());
    held.collect::<Option<_>>()
        .ok_or(CodecError::Corrupt("an identifier does not exist"))
}

fn at_most(count: u64, limit: usize) -> Result<usize, CodecError> {
    match usize::try_from(count) {
        Ok(count) if count <= limit => Ok(count),
        _ => Err(CodecError::Corrupt("more distinct values than rows")),
    }
}

fn encode_texts(distinct: &Interner, rows: &[u32], effort: Effort, into: &mut Vec<u8>) {
    if rows.is_empty() {
        return;
    }
    put_varint(into, distinct.len() as u64);
    let mut start = 0;
    let lengths = distinct.ends().iter().map(|end| {
        let length = end - start;
        start = *end;
        length as u64
    });
    ints::encode(&lengths.collect::<Vec<_>>(), effort, into);
    let text = distinct.text().as_bytes();
    let compressed = snap::raw::Encoder::new().compress_vec(text);
    match compressed {
        Ok(compressed) if compressed.len() < text.len() => {
            into.push(SNAPPY);
            put_bytes(into, &compressed);
        }
        _ => {
            into.push(PLAIN);
            put_bytes(into, text);
        }
    }
    let rows: Vec<u64> = rows.iter().map(|number| u64::from(*number)).collect();
    ints::encode(&rows, effort, into);
}

fn decode_texts(reader: &mut Reader<'_>, rows: usize) -> Result<TextColumn, CodecError> {
    if rows == 0 {
        return Ok(TextColumn::default());
    }
    let count = at_most(reader.varint()?, rows)?;
    let mut end = 0usize;
    let ends = ints::decode(reader, count)?.into_iter().map(|length| {
        end = end.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        end
    });
    let ends: Vec<usize> = ends.collect();
    let how = reader.u8()?;
    let bytes = reader.bytes()?;
    let text = match how {
        PLAIN => bytes.to_vec(),
        SNAPPY => {
            let damaged = |_| CodecError::Corrupt("texts do not decompress");
            let length = snap::raw::decompress_len(bytes).map_err(damaged)?;
            if length > TEXT_BYTES_MAX.min(bytes.len().saturating_mul(SNAPPY_RATIO_MAX)) {
                return Err(CodecError::Corrupt("texts are too long"));
            }
            let mut decoder = snap::raw::Decoder::new();
            decoder.decompress_vec(bytes).map_err(damaged)?
        }
        other => return Err(CodecError::Unsupported(other)),
    };
    let text = String::from_utf8(text).map_err(|_| CodecError::Corrupt("text is not UTF-8"))?;
    let distinct = Interner::from_parts(text, ends);
    let distinct = distinct.ok_or(CodecError::Corrupt("texts end in the wrong place"))?;
    let rows = numbers(reader, rows, distinct.len())?;
    Ok(TextColumn { distinct, rows })
}

/// Numbers below `count`.
fn numbers(reader: &mut Reader<'_>, rows: usize, count: usize) -> Result<Vec<u32>, CodecError> {
    let numbers = ints::decode(reader, rows)?.into_iter();
    let known = numbers.map(|number| (number < count as u64).then_some(number as u32));
    known
        .collect::<Option<_>>()
        .ok_or(CodecError::Corrupt("a text does not exist"))
}

fn encode_attributes(column: &AttributeColumn, effort: Effort, into: &mut Vec<u8>) {
    let mut start = 0;
    let counts = column.ends.iter().map(|end| {
        let count = end - start;
        start = *end;
        u64::from(count)
    });
    ints::encode(&counts.collect::<Vec<_>>(), effort, into);
    encode_texts(&column.names.distinct, &column.names.rows, effort, into);
    let kinds: Vec<u64> = column.kinds.iter().map(|kind| *kind as u64).collect();
    ints::encode(&kinds, effort, into);
    let of = |wanted: ScalarKind| {
        let all = column.kinds.iter().zip(&column.values);
        all.filter(move |(kind, _)| **kind == wanted)
            .map(|(_, value)| *value)
    };
    let texts: Vec<u32> = of(ScalarKind::Text).map(|number| number as u32).collect();
    encode_texts(&column.texts, &texts, effort, into);
    let integers: Vec<i64> = of(ScalarKind::Integer).map(|value| value as i64).collect();
    ints::encode_signed(&integers, effort, into);
    let floats: Vec<f64> = of(ScalarKind::Float).map(f64::from_bits).collect();
    encode_floats(&floats, effort, into);
}

fn decode_attributes(reader: &mut Reader<'_>, rows: usize) -> Result<AttributeColumn, CodecError> {
    let mut total = 0u64;
    let mut ends = Vec::with_capacity(rows);
    for count in ints::decode(reader, rows)? {
        total = total.saturating_add(count);
        if total > ATTRIBUTES_MAX {
            return Err(CodecError::Corrupt("too many attributes"));
        }
        ends.push(total as u32);
    }
    let names = decode_texts(reader, total as usize)?;
    let kind = |kind| match kind {
        0 => Ok(ScalarKind::Text),
        1 => Ok(ScalarKind::Integer),
        2 => Ok(ScalarKind::Float),
        3 => Ok(ScalarKind::False),
        4 => Ok(ScalarKind::True),
        _ => Err(CodecError::Corrupt("an attribute of an unknown kind")),
    };
    let kinds = ints::decode(reader, total as usize)?;
    let kinds: Vec<ScalarKind> = kinds.into_iter().map(kind).collect::<Result<_, _>>()?;
    let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
    let texts = decode_texts(reader, count(ScalarKind::Text))?;
    let mut integers = ints::decode_signed(reader, count(ScalarKind::Integer))?.into_iter();
    let floats = decode_floats(reader, count(ScalarKind::Float))?;
    let (mut numbers, mut floats) = (texts.rows.into_iter(), floats.into_iter());
    let value = |kind: &ScalarKind| match kind {
        ScalarKind::Text => numbers.next().map(u64::from),
        ScalarKind::Integer => integers.next().map(|value| value as u64),
        ScalarKind::Float => floats.next().map(f64::to_bits),
        ScalarKind::False | ScalarKind::True => Some(0),
    };
    let values: Option<Vec<u64>> = kinds.iter().map(value).collect();
    Ok(AttributeColumn {
        ends,
        names,
        values: values.ok_or(CodecError::Short)?,
        kinds,
        texts: texts.distinct,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{Cell, Column, Records, Scalar, Schema};
    use proptest::prelude::*;

    fn schema() -> Schema {
        let columns = [
            ("start", ColumnKind::Integer),
            ("took", ColumnKind::Float),
            ("id", ColumnKind::Id),
            ("name", ColumnKind::Text),
            ("attributes", ColumnKind::Attributes),
        ];
        let columns = columns.map(|(name, kind)| Column::new(name, kind));
        Schema::new("spans", columns.into()).unwrap()
    }

    /// What a row looks like from outside, floats by their bits.
    fn shown(records: &Records, row: usize) -> String {
        let took = records.floats(1)[row].to_bits();
        let (start, id) = (records.integers(0)[row], records.ids(2)[row]);
        let (name, attributes) = (records.text(3, row), records.attributes(4, row));
        format!("{start} {took} {id} {name:?} {attributes:?}")
    }

    fn check(records: &Records) {
        let schema = schema();
        for effort in [Effort::Least, Effort::Quick, Effort::Final] {
            let mut decoded = Vec::new();
            for (column, data) in schema.columns().iter().zip(&records.columns) {
                let mut bytes = Vec::new();
                encode(data, effort, &mut bytes);
                decoded.push(decode(column.kind(), &bytes, records.len()).unwrap());
                for end in 0..bytes.len() {
                    assert!(decode(column.kind(), &bytes[..end], records.len()).is_err());
                }
            }
            let decoded = Records::of(decoded, records.len());
            for row in 0..records.len() {
                assert_eq!(shown(&decoded, row), shown(records, row));
            }
        }
    }

    #[test]
    fn nothing_and_extremes_round_trip() {
        let mut records = Records::new(&schema());
        check(&records);
        let long = "x".repeat(9999);
        for (time, took, id, name) in [
            (i64::MIN, f64::NAN, 0, ""),
            (i64::MAX, -0.0, u128::MAX, "été"),
            (0, f64::INFINITY, 1, long.as_str()),
        ] {
            let attributes = [
                ("", Scalar::Text("")),
                ("n", Scalar::Integer(i64::MIN)),
                ("f", Scalar::Float(f64::NEG_INFINITY)),
                ("ok", Scalar::Boolean(true)),
                ("ok", Scalar::Boolean(false)),
                ("text", Scalar::Text(&long)),
            ];
            let row = [
                Cell::Integer(time),
                Cell::Float(took),
                Cell::Id(id),
                Cell::Text(name),
                Cell::Attributes(&attributes),
            ];
            records.push(&row).unwrap();
            check(&records);
        }
    }

    #[test]
    fn what_repeats_is_small() {
        let mut texts = ColumnData::new(ColumnKind::Text);
        if let ColumnData::Texts(texts) = &mut texts {
            for row in 0..4096 {
                texts.push(["GET /cart", "SELECT", "render"][row % 3]);
            }
        }
        let ids = ColumnData::Ids((0..4096).map(|row| u128::MAX - row / 64).collect());
        let bytes = |column: &ColumnData| {
            let mut bytes = Vec::new();
            encode(column, Effort::Final, &mut bytes);
            bytes.len()
        };
        assert!(bytes(&texts) < 1100, "{}", bytes(&texts));
        assert!(bytes(&ids) < 2200, "{}", bytes(&ids));
    }

    type Row = (i64, u64, u128, String, Vec<(String, i64, u8)>);

    fn row() -> impl Strategy<Value = Row> {
        let attribute = ("[a-c]{0,2}", any::<i64>(), 0..4u8);
        let attributes = prop::collection::vec(attribute, 0..4);
        (
            any::<i64>(),
            any::<u64>(),
            0..9u128,
            "[a-z]{0,3}",
            attributes,
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_rows_round_trip(rows in prop::collection::vec(row(), 0..99)) {
            let mut records = Records::new(&schema());
            for (time, took, id, name, attributes) in &rows {
                let scalar = |value: &i64, kind| match kind {
                    0 => Scalar::Text(name),
                    1 => Scalar::Integer(*value),
                    2 => Scalar::Float(f64::from_bits(*value as u64)),
                    _ => Scalar::Boolean(*value > 0),
                };
                let attributes = attributes.iter();
                let attributes: Vec<_> = attributes
                    .map(|(name, value, kind)| (name.as_str(), scalar(value, *kind)))
                    .collect();
                let row = [
                    Cell::Integer(*time),
                    Cell::Float(f64::from_bits(*took)),
                    Cell::Id(*id),
                    Cell::Text(name),
                    Cell::Attributes(&attributes),
                ];
                records.push(&row).unwrap();
            }
            check(&records);
            let some: Vec<u32> = (0..records.len() as u32).rev().step_by(2).collect();
            check(&records.gather(&some));
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for column in schema().columns() {
                let _ = decode(column.kind(), &bytes, 300);
            }
        }
    }
}
