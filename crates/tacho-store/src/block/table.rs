//! Tables of pages: where each data page lies, what it holds and from when, in columns.
//!
//! Three tables have this form: data pages of numbers, of histograms, and pages of timestamps.
//! One page of a table describes up to [`ENTRIES_PER_PAGE`] pages, in the order of their rows.

use std::ops::Range;

use tacho_model::{TimeRange, Timestamp};

use super::format::{ENTRIES_PER_PAGE, PageAt};
use crate::codec::bytes::{Reader, put_signed, put_varint};
use crate::codec::{Effort, PAGE_SAMPLES_MAX, ints};
use crate::error::CodecError;

/// One page of data or of timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) at: PageAt,
    pub(crate) rows: u32,
    /// The number of the page that holds its timestamps; its own payload does when `None`.
    pub(crate) times: Option<u32>,
    /// From its oldest to its newest sample.
    pub(crate) range: TimeRange,
}

/// A decoded page of a table.
#[derive(Debug)]
pub(crate) struct TablePage {
    entries: Vec<Entry>,
    /// Where the rows of each entry end, counted from the page's first.
    ends: Vec<u64>,
}

/// Appends a page of a table.
pub(crate) fn encode(entries: &[Entry], effort: Effort, into: &mut Vec<u8>) {
    put_varint(into, entries.len() as u64);
    let mut end = entries.first().map_or(0, |entry| entry.at.offset);
    put_varint(into, end);
    let gaps: Vec<i64> = entries
        .iter()
        .map(|entry| {
            let gap = entry.at.offset.wrapping_sub(end) as i64;
            end = entry.at.end();
            gap
        })
        .collect();
    ints::encode_signed(&gaps, effort, into);
    let mut column = |of: &dyn Fn(&Entry) -> u64| {
        let values: Vec<u64> = entries.iter().map(of).collect();
        ints::encode(&values, effort, into);
    };
    column(&|entry| u64::from(entry.at.bytes));
    column(&|entry| u64::from(entry.rows));
    column(&|entry| entry.times.map_or(0, |times| u64::from(times) + 1));
    let start = |entry: &Entry| entry.range.start.as_nanos();
    let first = entries.first().map_or(0, start);
    column(&|entry| start(entry).wrapping_sub(first) as u64);
    column(&|entry| entry.range.end.as_nanos().wrapping_sub(start(entry)) as u64);
    put_signed(into, first);
}

impl TablePage {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let reader = &mut Reader::new(bytes);
        let count = reader.varint()?;
        if count > ENTRIES_PER_PAGE as u64 {
            return Err(CodecError::Corrupt("a table has too many pages"));
        }
        let count = count as usize;
        let mut end = reader.varint()?;
        let gaps = ints::decode_signed(reader, count)?;
        let lengths = ints::decode(reader, count)?;
        let rows = ints::decode(reader, count)?;
        let times = ints::decode(reader, count)?;
        let starts = ints::decode(reader, count)?;
        let spans = ints::decode(reader, count)?;
        let first = reader.signed()?;
        if !reader.is_empty() {
            return Err(CodecError::Corrupt("a table is longer than it says"));
        }
        let mut page = Self {
            entries: Vec::with_capacity(count),
            ends: Vec::with_capacity(count),
        };
        let mut last_row = 0;
        for i in 0..count {
            let small = |number: u64| {
                u32::try_from(number).map_err(|_| CodecError::Corrupt("a page is too large"))
            };
            if rows[i] == 0 || rows[i] > PAGE_SAMPLES_MAX as u64 {
                return Err(CodecError::Corrupt("a page has too many rows, or none"));
            }
            let at = PageAt {
                offset: end.wrapping_add(gaps[i] as u64),
                bytes: small(lengths[i])?,
            };
            end = at.end();
            let start = first.wrapping_add(starts[i] as i64);
            let newest = Timestamp::from_nanos(start.wrapping_add(spans[i] as i64));
            page.entries.push(Entry {
                at,
                rows: small(rows[i])?,
                times: times[i].checked_sub(1).map(small).transpose()?,
                range: TimeRange::new(Timestamp::from_nanos(start), newest),
            });
            last_row += rows[i];
            page.ends.push(last_row);
        }
        Ok(page)
    }

    /// An entry by its place on the page.
    pub(crate) fn get(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Which entry holds a row, counted from the page's first.
    pub(crate) fn find(&self, row: u64) -> usize {
        self.ends.partition_point(|end| *end <= row)
    }

    /// The rows of an entry.
    pub(crate) fn rows(&self, place: usize) -> Range<u64> {
        let end = self.ends[place];
        end - u64::from(self.entries[place].rows)..end
    }

    /// Memory taken.
    pub(crate) fn bytes(&self) -> u64 {
        (self.entries.len() * (size_of::<Entry>() + 8)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_table_round_trips(entries in prop::collection::vec(
            (any::<u64>(), any::<u32>(), 1..8192u32, prop::option::of(0..u32::MAX), any::<[i64; 2]>()),
            0..99,
        )) {
            let entry = |(offset, bytes, rows, times, range): (_, _, _, _, [i64; 2])| {
                let [start, end] = range.map(Timestamp::from_nanos);
                let range = TimeRange::new(start, end);
                Entry { at: PageAt { offset: offset >> 1, bytes }, rows, times, range }
            };
            let entries: Vec<Entry> = entries.into_iter().map(entry).collect();
            let mut bytes = Vec::new();
            encode(&entries, Effort::Final, &mut bytes);
            let page = TablePage::decode(&bytes).unwrap();
            assert_eq!(page.entries(), entries);
            let mut row = 0;
            for (place, entry) in entries.iter().enumerate() {
                let end = row + u64::from(entry.rows);
                assert_eq!(page.rows(place), row..end);
                assert_eq!((page.find(row), page.find(end - 1)), (place, place));
                row = end;
            }
            for end in 0..bytes.len() {
                assert!(TablePage::decode(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = TablePage::decode(&bytes);
        }
    }
}
