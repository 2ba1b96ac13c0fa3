//! From rows to data pages: which rows share a page, and what becomes of their timestamps.
//!
//! Rows come series by series. A long stretch gets pages of its own, so that its timestamps can
//! be shared with other series and be decoded straight into a reader's columns; short ones are
//! put together. Chunks that were sealed in memory are pages already and are copied.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use parking_lot::Mutex;
use tacho_model::{Columns, Histogram, TimeRange, Timestamp};

use super::format::{ENTRIES_PER_PAGE, PageAt, RowsAt, Sort};
use super::output::Output;
use super::table::{self, Entry};
use crate::chunk::Chunk;
use crate::codec::bytes::put_varint;
use crate::codec::{Effort, PAGE_SAMPLES_MAX, distributions, times, values};
use crate::error::StoreError;

/// Encoded timestamps that take more bytes than this get a page that others can refer to.
const SHARED_TIMES_MIN: usize = 12;
/// Bytes of timestamps remembered for sharing.
const SHARED_TIMES_BYTES: usize = 16 << 20;
/// What remembering one costs beside its bytes.
const SHARED_TIMES_EACH: usize = 96;

/// What a data page holds, and how much of it.
pub(crate) trait Cell: Clone {
    /// Weight of a full page.
    const PAGE: usize;
    /// A stretch of this weight or more gets pages of its own.
    const ALONE: usize;
    /// What a row weighs.
    fn weight(&self) -> usize;
    /// Appends a column.
    fn encode(rows: &[Self], effort: Effort, into: &mut Vec<u8>);
}

impl Cell for f64 {
    const PAGE: usize = PAGE_SAMPLES_MAX;
    // From here on pcodec gains little by more rows, and shared timestamps gain more.
    const ALONE: usize = 1024;

    fn weight(&self) -> usize {
        1
    }

    fn encode(rows: &[Self], effort: Effort, into: &mut Vec<u8>) {
        values::encode(rows, effort, into);
    }
}

impl Cell for Histogram {
    // 256 rows of 256 buckets each.
    const PAGE: usize = 1 << 17;
    const ALONE: usize = 1 << 14;

    fn weight(&self) -> usize {
        256 + distributions::buckets(self)
    }

    fn encode(rows: &[Self], effort: Effort, into: &mut Vec<u8>) {
        distributions::encode(rows, effort, into);
    }
}

/// Encoded timestamps by their content, so that what many series share is encoded once.
#[derive(Default)]
pub(crate) struct TimesPool {
    hasher: DefaultHashBuilder,
    known: HashMap<u64, Arc<[u8]>>,
    bytes: usize,
}

impl TimesPool {
    /// The encoding of `timestamps`.
    pub(crate) fn encode(&mut self, timestamps: &[Timestamp], effort: Effort) -> Arc<[u8]> {
        let mut encoded = Vec::new();
        if times::encode_regular(timestamps, &mut encoded) {
            return encoded.into();
        }
        let hash = self.hasher.hash_one(timestamps);
        if let Some(known) = self.known.get(&hash) {
            let mut back = Vec::with_capacity(timestamps.len());
            let same = times::decode(known, timestamps.len(), &mut back).is_ok();
            if same && back == timestamps {
                return known.clone();
            }
        }
        times::encode(timestamps, effort, &mut encoded);
        let encoded: Arc<[u8]> = encoded.into();
        let bytes = encoded.len() + SHARED_TIMES_EACH;
        if self.bytes + bytes <= SHARED_TIMES_BYTES {
            self.bytes += bytes;
            self.known.insert(hash, encoded.clone());
        }
        encoded
    }
}

/// A table under construction.
#[derive(Default)]
pub(crate) struct TableBuilder {
    entries: Vec<Entry>,
    /// Full pages, and how many rows lie before each.
    pages: Vec<(PageAt, u64)>,
    rows: u64,
    rows_written: u64,
    count: u32,
}

impl TableBuilder {
    fn push(
        &mut self,
        entry: Entry,
        output: &mut Output,
        effort: Effort,
    ) -> Result<(), StoreError> {
        self.entries.push(entry);
        self.count += 1;
        self.rows += u64::from(entry.rows);
        if self.entries.len() == ENTRIES_PER_PAGE {
            self.end_page(output, effort)?;
        }
        Ok(())
    }

    fn end_page(&mut self, output: &mut Output, effort: Effort) -> Result<(), StoreError> {
        if !self.entries.is_empty() {
            let mut bytes = Vec::new();
            table::encode(&self.entries, effort, &mut bytes);
            self.pages.push((output.put(&bytes)?, self.rows_written));
            self.rows_written = self.rows;
            self.entries.clear();
        }
        Ok(())
    }

    /// Writes what is left; where all pages are.
    pub(crate) fn finish(
        &mut self,
        output: &mut Output,
        effort: Effort,
    ) -> Result<Vec<(PageAt, u64)>, StoreError> {
        self.end_page(output, effort)?;
        Ok(std::mem::take(&mut self.pages))
    }
}

/// Pages of timestamps that data pages refer to.
#[derive(Default)]
pub(crate) struct SharedTimes {
    pub(crate) table: TableBuilder,
    /// By how many timestamps they are, too: the same bytes may stand for two or for three.
    known: HashMap<(u32, Arc<[u8]>), u32>,
    bytes: usize,
}

impl SharedTimes {
    /// The number of the page that holds `encoded`; `None` when they better stay with the values.
    fn place(
        &mut self,
        encoded: &Arc<[u8]>,
        rows: u32,
        output: &mut Output,
        effort: Effort,
    ) -> Result<Option<u32>, StoreError> {
        if encoded.len() <= SHARED_TIMES_MIN {
            return Ok(None);
        }
        let key = (rows, encoded.clone());
        if let Some(number) = self.known.get(&key) {
            return Ok(Some(*number));
        }
        let bytes = encoded.len() + SHARED_TIMES_EACH;
        if self.bytes + bytes > SHARED_TIMES_BYTES {
            return Ok(None);
        }
        self.bytes += bytes;
        let number = self.table.count;
        let entry = Entry {
            at: output.put(encoded)?,
            rows,
            times: None,
            range: TimeRange::new(Timestamp::default(), Timestamp::default()),
        };
        self.table.push(entry, output, effort)?;
        self.known.insert(key, number);
        Ok(Some(number))
    }
}

/// Where data pages go, and the timestamps that they share.
pub(crate) struct Sink {
    pub(crate) output: Output,
    pub(crate) times: SharedTimes,
    pub(crate) pool: TimesPool,
    pub(crate) effort: Effort,
}

/// The rows of one sort: those that wait for a full page, and the table of pages written.
pub(crate) struct RowsBuilder<T> {
    pub(crate) table: TableBuilder,
    times: Vec<Timestamp>,
    cells: Vec<T>,
    weight: usize,
}

impl<T> Default for RowsBuilder<T> {
    fn default() -> Self {
        Self {
            table: TableBuilder::default(),
            times: Vec::new(),
            cells: Vec::new(),
            weight: 0,
        }
    }
}

impl<T: Cell> RowsBuilder<T> {
    /// Adds rows of one series, in order of time.
    pub(crate) fn add(
        &mut self,
        times: &[Timestamp],
        cells: &[T],
        sink: &mut Sink,
    ) -> Result<(), StoreError> {
        let weight: usize = cells.iter().map(Cell::weight).sum();
        if weight >= T::ALONE {
            self.flush(sink)?;
            let mut start = 0;
            while start < cells.len() {
                let end = start + page_rows(&cells[start..]);
                self.put(&times[start..end], &cells[start..end], sink)?;
                start = end;
            }
            return Ok(());
        }
        let rows = self.cells.len() + cells.len();
        if self.weight + weight > T::PAGE || rows > PAGE_SAMPLES_MAX {
            self.flush(sink)?;
        }
        self.times.extend_from_slice(times);
        self.cells.extend_from_slice(cells);
        self.weight += weight;
        if self.weight >= T::PAGE / 2 {
            self.flush(sink)?;
        }
        Ok(())
    }

    /// Adds a chunk as a page of its own.
    pub(crate) fn copy(
        &mut self,
        (rows, range): (u32, TimeRange),
        times: &Arc<[u8]>,
        values: &[u8],
        sink: &mut Sink,
    ) -> Result<(), StoreError> {
        self.flush(sink)?;
        self.place((rows, range), times, values, sink)
    }

    /// Writes the rows that wait.
    pub(crate) fn flush(&mut self, sink: &mut Sink) -> Result<(), StoreError> {
        if !self.cells.is_empty() {
            let (times, cells) = (
                std::mem::take(&mut self.times),
                std::mem::take(&mut self.cells),
            );
            self.weight = 0;
            self.put(&times, &cells, sink)?;
            (self.times, self.cells) = (times, cells);
            self.times.clear();
            self.cells.clear();
        }
        Ok(())
    }

    fn put(&mut self, times: &[Timestamp], cells: &[T], sink: &mut Sink) -> Result<(), StoreError> {
        let mut values = Vec::new();
        T::encode(cells, sink.effort, &mut values);
        let encoded = sink.pool.encode(times, sink.effort);
        let ends = times.iter().min().zip(times.iter().max());
        let range = ends.map_or(TimeRange::ALL, |(a, b)| TimeRange::new(*a, *b));
        self.place((times.len() as u32, range), &encoded, &values, sink)
    }

    fn place(
        &mut self,
        (rows, range): (u32, TimeRange),
        times: &Arc<[u8]>,
        values: &[u8],
        sink: &mut Sink,
    ) -> Result<(), StoreError> {
        let shared = sink
            .times
            .place(times, rows, &mut sink.output, sink.effort)?;
        let at = if shared.is_some() {
            sink.output.put(values)?
        } else {
            let mut length = Vec::new();
            put_varint(&mut length, times.len() as u64);
            sink.output.put_parts(&[&length, times, values])?
        };
        let entry = Entry {
            at,
            rows,
            times: shared,
            range,
        };
        self.table.push(entry, &mut sink.output, sink.effort)
    }
}

/// Encodes a long series of numbers into the chunks that its pages are copied from; nothing for
/// others, which share pages.
pub(crate) fn seal(columns: &Columns, pool: &Mutex<TimesPool>, effort: Effort) -> Vec<Chunk> {
    let (times, cells) = (&columns.timestamps, &columns.values);
    if cells.len() < f64::ALONE || !columns.histograms.is_empty() {
        return Vec::new();
    }
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < cells.len() {
        let end = start + page_rows(&cells[start..]);
        let encoded = pool.lock().encode(&times[start..end], effort);
        chunks.extend(Chunk::floats(
            &times[start..end],
            &cells[start..end],
            encoded,
            effort,
        ));
        start = end;
    }
    chunks
}

/// How many of the first cells make a page: all if they fit, else an even share.
fn page_rows<T: Cell>(cells: &[T]) -> usize {
    let total: usize = cells.iter().map(Cell::weight).sum();
    let share = total.div_ceil(total.div_ceil(T::PAGE).max(1));
    let mut weight = 0;
    let fits = |cell: &&T| {
        let fits = weight < share;
        weight += cell.weight();
        fits
    };
    let rows = cells.iter().take_while(fits).count();
    rows.clamp(1, PAGE_SAMPLES_MAX.min(cells.len()))
}

/// Notes in a directory's table where pages are.
pub(crate) fn table_of(pages: Vec<(PageAt, u64)>, sort: Sort) -> Vec<RowsAt> {
    let row = |(at, rows)| {
        let mut before = [0; 2];
        before[sort as usize] = rows;
        RowsAt { at, before }
    };
    pages.into_iter().map(row).collect()
}
