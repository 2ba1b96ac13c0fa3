//! The directory of a file of records: its columns, and where each group of rows has them.

use std::ops::RangeInclusive;

use super::GROUP_ROWS;
use super::index::{Fingerprint, IndexAt};
use super::schema::{ColumnKind, Schema};
use crate::block::format::{CRC_BYTES, PageAt};
use crate::codec::bytes::{Reader, put_varint};
use crate::codec::{Effort, ints};
use crate::error::CodecError;

/// Most groups of one file.
const GROUPS_MAX: usize = 1 << 20;

/// Some rows, each column on a page of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) rows: u32,
    /// By column.
    pub(crate) columns: Vec<ColumnAt>,
}

/// A column of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnAt {
    pub(crate) at: PageAt,
    /// From the least to the greatest value, of whole numbers; the first column's are times.
    pub(crate) bounds: RangeInclusive<i64>,
}

/// What a file holds, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) schema: Schema,
    pub(crate) groups: Vec<Group>,
    /// By column; empty for those that have none.
    pub(crate) indexes: Vec<Vec<IndexAt>>,
}

/// Appends offsets and lengths of pages, offsets as the distance from the end of the one before.
fn put_places<'a>(places: impl Iterator<Item = &'a PageAt>, into: &mut Vec<u8>) {
    let mut end = 0;
    let (mut gaps, mut lengths) = (Vec::new(), Vec::new());
    for at in places {
        gaps.push(at.offset.wrapping_sub(end) as i64);
        lengths.push(u64::from(at.bytes));
        end = at.end();
    }
    ints::encode_signed(&gaps, Effort::Final, into);
    ints::encode(&lengths, Effort::Final, into);
}

fn places(reader: &mut Reader<'_>, count: usize) -> Result<Vec<PageAt>, CodecError> {
    let gaps = ints::decode_signed(reader, count)?;
    let lengths = ints::decode(reader, count)?;
    let mut end = 0u64;
    let place = |(gap, length): (i64, u64)| {
        let bytes = u32::try_from(length);
        let at = PageAt {
            offset: end.wrapping_add(gap as u64),
            bytes: bytes.map_err(|_| CodecError::Corrupt("a page is too large"))?,
        };
        end = at.end();
        Ok(at)
    };
    gaps.into_iter().zip(lengths).map(place).collect()
}

impl Directory {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let bytes = &mut Vec::new();
        self.schema.encode(bytes);
        put_varint(bytes, self.groups.len() as u64);
        let rows = self.groups.iter().map(|group| u64::from(group.rows));
        ints::encode(&rows.collect::<Vec<_>>(), Effort::Final, bytes);
        for (place, column) in self.schema.columns().iter().enumerate() {
            let all = || self.groups.iter().map(move |group| &group.columns[place]);
            put_places(all().map(|column| &column.at), bytes);
            if column.kind() == ColumnKind::Integer {
                let least = all().map(|column| *column.bounds.start());
                ints::encode_signed(&least.collect::<Vec<_>>(), Effort::Final, bytes);
                let greatest = all().map(|column| *column.bounds.end());
                ints::encode_signed(&greatest.collect::<Vec<_>>(), Effort::Final, bytes);
            }
        }
        for (column, index) in self.schema.columns().iter().zip(&self.indexes) {
            if column.is_indexed() {
                put_varint(bytes, index.len() as u64);
                put_places(index.iter().map(|page| &page.at), bytes);
                let first = index.iter().map(|page| u64::from(page.first.0));
                ints::encode(&first.collect::<Vec<_>>(), Effort::Final, bytes);
            }
        }
        std::mem::take(bytes)
    }

    /// Reads the directory of a file of so many bytes.
    pub(crate) fn decode(bytes: &[u8], file_bytes: u64) -> Result<Self, CodecError> {
        let reader = &mut Reader::new(bytes);
        let schema = Schema::decode(reader)?;
        let count = bounded(reader.varint()?)?;
        // Each page takes its checksum at the least.
        let pages = count as u64 * schema.columns().len() as u64;
        if pages > file_bytes / CRC_BYTES as u64 {
            return Err(CodecError::Corrupt("a file has more pages than bytes"));
        }
        let mut groups = Vec::new();
        for rows in ints::decode(reader, count)? {
            if rows == 0 || rows > GROUP_ROWS as u64 {
                return Err(CodecError::Corrupt("a group has too many rows, or none"));
            }
            groups.push(Group {
                rows: rows as u32,
                columns: Vec::with_capacity(schema.columns().len()),
            });
        }
        for column in schema.columns() {
            let places = places(reader, count)?;
            let bounds = if column.kind() == ColumnKind::Integer {
                let least = ints::decode_signed(reader, count)?;
                let greatest = ints::decode_signed(reader, count)?;
                let both = least.into_iter().zip(greatest);
                both.map(|(least, greatest)| least..=greatest).collect()
            } else {
                vec![0..=0; count]
            };
            for ((group, at), bounds) in groups.iter_mut().zip(places).zip(bounds) {
                group.columns.push(ColumnAt { at, bounds });
            }
        }
        let mut indexes = vec![Vec::new(); schema.columns().len()];
        for (column, index) in schema.columns().iter().zip(&mut indexes) {
            if !column.is_indexed() {
                continue;
            }
            let count = bounded(reader.varint()?)?;
            let places = places(reader, count)?;
            for (at, first) in places.into_iter().zip(ints::decode(reader, count)?) {
                let first = Fingerprint(first as u32);
                index.push(IndexAt { at, first });
            }
        }
        if !reader.is_empty() {
            return Err(CodecError::Corrupt("the directory is longer than it says"));
        }
        if !groups.is_sorted_by_key(|group| group.range().start) {
            return Err(CodecError::Corrupt("groups are not in order of time"));
        }
        Ok(Self {
            schema,
            groups,
            indexes,
        })
    }

    /// All rows.
    pub(crate) fn rows(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.rows)).sum()
    }
}

fn bounded(count: u64) -> Result<usize, CodecError> {
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= GROUPS_MAX);
    count.ok_or(CodecError::Corrupt("a file has too many groups"))
}
