//! Reading a block: positioned reads of single pages, each checked.
//!
//! Opening reads footer and directory; all else is read when it is needed, and what several
//! series need is kept in the cache. A page that fails its check is reported once and then treated
//! as holding nothing. An error of the disk itself is an error.

use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use tacho_model::{Histogram, Metadata, TimeRange, Timestamp};

use super::format::{
    BLOCK_MAGIC, Directory, ENTRIES_PER_PAGE, Footer, PageAt, RowsAt, SERIES_PER_PAGE, Sort,
};
use super::paged::PagedFile;
use super::series::SeriesPage;
use super::table::{Entry, TablePage};
use crate::cache::{Cache, Part, Rows, Times};
use crate::codec::bytes::Reader;
use crate::codec::{distributions, times, values};
use crate::disk::Disk;
use crate::error::{CodecError, StoreError};
use crate::quarantine::Reports;
use crate::samples::Gather;
use crate::wal::record::decode_metadata;

/// An open block.
pub(crate) struct Block {
    file: PagedFile,
    pub(crate) directory: Directory,
}

impl Deref for Block {
    type Target = PagedFile;

    fn deref(&self) -> &PagedFile {
        &self.file
    }
}

/// Where the rows of one series are, by sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeriesRows(pub(crate) [Range<u64>; 2]);

/// Rows of one series on one data page.
#[derive(Debug, Clone)]
pub(crate) struct PagePart {
    pub(super) sort: Sort,
    pub(super) entry: Entry,
    /// Which of the page's rows.
    pub(super) rows: Range<usize>,
}

impl PagePart {
    /// How many rows.
    pub(crate) fn count(&self) -> u64 {
        self.rows.len() as u64
    }
}

impl Block {
    /// Opens a block, checking header, footer and directory.
    pub(crate) fn open(
        disk: &dyn Disk,
        path: &Path,
        reports: Arc<Reports>,
        cache: Arc<Cache>,
    ) -> Result<Self, StoreError> {
        let (file, page) = PagedFile::open(disk, path, BLOCK_MAGIC, reports, cache)?;
        let directory = Directory::decode(&page);
        let directory = directory.and_then(|directory| consistent(directory, &file.footer));
        let directory = directory.map_err(|error| file.damaged(error))?;
        Ok(Self { file, directory })
    }

    /// A page of series with the number of rows before it.
    pub(crate) fn series_page(
        &self,
        number: usize,
    ) -> Result<Option<(Arc<SeriesPage>, RowsAt)>, StoreError> {
        let Some(at) = self.directory.series.get(number).copied() else {
            return Ok(None);
        };
        let kept = |part| match part {
            Part::Series(page) => Some(page),
            _ => None,
        };
        let expected = self.series_on(number);
        let rows_end = self.directory.series.get(number + 1);
        let rows_end = rows_end.map_or(self.directory.rows, |next| next.before);
        let decode = |bytes: &[u8]| {
            let page = SeriesPage::decode(bytes)?;
            let rows = page.all_rows();
            let same = (0..2).all(|sort| at.before[sort] + rows[sort] == rows_end[sort]);
            if page.len() != expected || !same {
                return Err(CodecError::Corrupt(
                    "a page of series contradicts the directory",
                ));
            }
            Ok(page)
        };
        let page = self.part(at.at, kept, decode, Part::Series)?;
        Ok(page.map(|page| (page, at)))
    }

    /// How many series a page has.
    fn series_on(&self, number: usize) -> usize {
        let before = (number * SERIES_PER_PAGE) as u64;
        (self.footer.series - before).min(SERIES_PER_PAGE as u64) as usize
    }

    pub(super) fn table_page(&self, at: PageAt) -> Result<Option<Arc<TablePage>>, StoreError> {
        let kept = |part| match part {
            Part::Table(page) => Some(page),
            _ => None,
        };
        self.part(at, kept, TablePage::decode, Part::Table)
    }

    /// Hands the parts of data pages that hold `rows` and may have samples inside `range` to
    /// `each`, in order of time, until that says stop.
    pub(crate) fn pages(
        &self,
        rows: &SeriesRows,
        range: TimeRange,
        mut each: impl FnMut(PagePart) -> bool,
    ) -> Result<(), StoreError> {
        for sort in [Sort::Floats, Sort::Histograms] {
            let Range {
                start: mut row,
                end,
            } = rows.0[sort as usize].clone();
            let table = &self.directory.tables[sort as usize];
            while row < end {
                let number = table.partition_point(|page| page.before[sort as usize] <= row);
                let Some(number) = number.checked_sub(1) else {
                    break;
                };
                let before = table[number].before[sort as usize];
                let next = table.get(number + 1);
                let next = next.map_or(self.directory.rows, |next| next.before)[sort as usize];
                let Some(page) = self.table_page(table[number].at)? else {
                    row = next;
                    continue;
                };
                let mut place = page.find(row - before);
                while row < end && row < next {
                    let Some(entry) = page.get(place) else {
                        self.report(table[number].at, "a table has too few rows");
                        row = next;
                        break;
                    };
                    let on_page = page.rows(place);
                    let first = row - before - on_page.start;
                    let last = (end - before).min(on_page.end) - on_page.start;
                    let part = PagePart {
                        sort,
                        entry: *entry,
                        rows: first as usize..last as usize,
                    };
                    if entry.range.overlaps(range) && !each(part) {
                        return Ok(());
                    }
                    row = before + on_page.end;
                    place += 1;
                }
            }
        }
        Ok(())
    }

    /// Decodes all of `rows` that may lie inside `range`.
    pub(crate) fn read_rows(
        &self,
        rows: &SeriesRows,
        range: TimeRange,
        into: &mut Gather<'_>,
    ) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        self.pages(rows, range, |part| {
            outcome = self.read(&part, into);
            outcome.is_ok()
        })?;
        outcome
    }

    /// Decodes rows of a data page; a damaged one adds nothing. Of a page that one series has
    /// alone, what lies outside the range of `into` need not be decoded.
    pub(crate) fn read(&self, part: &PagePart, into: &mut Gather<'_>) -> Result<(), StoreError> {
        let count = part.entry.rows as usize;
        let whole = part.rows == (0..count);
        let range = into.range();
        let wanted = into.wanted();
        let outcome = match part.sort {
            Sort::Floats if whole => {
                let Some((shared, payload)) = self.payload(&part.entry)? else {
                    return Ok(());
                };
                into.floats(|timestamps, numbers| {
                    let (rest, rows) = match &shared {
                        Some(times) => (&payload[..], times.put(range, timestamps)?),
                        None => put_times(&part.entry, &payload, range, timestamps)?,
                    };
                    values::decode_rows(rest, count, (rows, wanted), numbers)
                })
            }
            Sort::Histograms if whole => {
                let Some((shared, payload)) = self.payload(&part.entry)? else {
                    return Ok(());
                };
                into.histograms(|timestamps, held| {
                    let all = TimeRange::ALL;
                    let rest = match &shared {
                        Some(times) => times.put(all, timestamps).map(|_| &payload[..])?,
                        None => put_times(&part.entry, &payload, all, timestamps)?.0,
                    };
                    distributions::decode(rest, count, held)
                })
            }
            Sort::Floats => {
                let Some(rows) = self.float_rows(&part.entry)? else {
                    return Ok(());
                };
                into.floats(|timestamps, numbers| slice(&rows, part, timestamps, numbers))
            }
            Sort::Histograms => {
                let Some(rows) = self.histogram_rows(&part.entry)? else {
                    return Ok(());
                };
                into.histograms(|timestamps, held| slice(&rows, part, timestamps, held))
            }
        };
        if let Err(error) = outcome {
            self.report(part.entry.at, &error.to_string());
        }
        Ok(())
    }

    /// The bytes of a data page, and its timestamps if another page holds them.
    #[expect(
        clippy::type_complexity,
        reason = "used on the next line and nowhere else"
    )]
    fn payload(&self, entry: &Entry) -> Result<Option<(Option<Arc<Times>>, Vec<u8>)>, StoreError> {
        let Some(payload) = self.page(entry.at)? else {
            return Ok(None);
        };
        let Some(number) = entry.times else {
            return Ok(Some((None, payload)));
        };
        let times = self.times(number, entry.rows)?;
        Ok(times.map(|times| (Some(times), payload)))
    }

    /// A page of timestamps by its number.
    fn times(&self, number: u32, rows: u32) -> Result<Option<Arc<Times>>, StoreError> {
        let (page, place) = (
            number as usize / ENTRIES_PER_PAGE,
            number as usize % ENTRIES_PER_PAGE,
        );
        let Some(at) = self.directory.times.get(page).copied() else {
            self.report(self.footer.directory, "a page of timestamps does not exist");
            return Ok(None);
        };
        let Some(table) = self.table_page(at)? else {
            return Ok(None);
        };
        let Some(entry) = table.get(place).filter(|entry| entry.rows == rows) else {
            self.report(at, "a page of timestamps does not fit");
            return Ok(None);
        };
        self.decoded_times(entry)
    }

    /// The timestamps of an entry of their table.
    pub(super) fn decoded_times(&self, entry: &Entry) -> Result<Option<Arc<Times>>, StoreError> {
        let rows = entry.rows as usize;
        let kept = |part| match part {
            Part::Times(times) => Some(times),
            _ => None,
        };
        let decode = |bytes: &[u8]| {
            let mut decoded = Vec::with_capacity(rows);
            let increasing = times::decode(bytes, rows, &mut decoded)?;
            Ok(Times {
                times: decoded,
                increasing,
            })
        };
        self.part(entry.at, kept, decode, Part::Times)
    }

    /// The rows of a page that several series share.
    fn float_rows(&self, entry: &Entry) -> Result<Option<Arc<Rows<f64>>>, StoreError> {
        let kept = |part| match part {
            Part::Floats(rows) => Some(rows),
            _ => None,
        };
        self.rows(entry, kept, Part::Floats, values::decode, |_| 8)
    }

    fn histogram_rows(&self, entry: &Entry) -> Result<Option<Arc<Rows<Histogram>>>, StoreError> {
        let kept = |part| match part {
            Part::Histograms(rows) => Some(rows),
            _ => None,
        };
        let bytes = |histogram: &Histogram| 128 + 16 * distributions::buckets(histogram) as u64;
        self.rows(entry, kept, Part::Histograms, distributions::decode, bytes)
    }

    fn rows<T>(
        &self,
        entry: &Entry,
        kept: impl FnOnce(Part) -> Option<Arc<Rows<T>>>,
        keep: impl FnOnce(Arc<Rows<T>>) -> Part,
        decode: impl FnOnce(&[u8], usize, &mut Vec<T>) -> Result<(), CodecError>,
        bytes: impl Fn(&T) -> u64,
    ) -> Result<Option<Arc<Rows<T>>>, StoreError> {
        if let Some(part) = self.cache.get(self.id, entry.at.offset).and_then(kept) {
            return Ok(Some(part));
        }
        let Some((shared, payload)) = self.payload(entry)? else {
            return Ok(None);
        };
        let mut times = Vec::with_capacity(entry.rows as usize);
        let mut values = Vec::new();
        let decoded = all_times(entry, shared.as_deref(), &payload, &mut times)
            .and_then(|(rest, _)| decode(rest, entry.rows as usize, &mut values));
        if let Err(error) = decoded {
            self.report(entry.at, &error.to_string());
            return Ok(None);
        }
        let bytes = values.iter().map(bytes).sum::<u64>() + times.len() as u64 * 8;
        let rows = Arc::new(Rows {
            times,
            values,
            bytes,
        });
        let part = keep(rows.clone());
        self.cache.insert(self.id, entry.at.offset, part);
        Ok(Some(rows))
    }

    /// Where the pages of timestamps are that data pages refer to.
    #[cfg(test)]
    pub(crate) fn time_pages(&self) -> Vec<PageAt> {
        let mut all = Vec::new();
        for at in &self.directory.times {
            let table = self.table_page(*at).unwrap().unwrap();
            all.extend(table.entries().iter().map(|entry| entry.at));
            all.push(*at);
        }
        all
    }

    /// What was known of metric names when the block was written; `None` when damaged.
    pub(crate) fn metadata(&self) -> Result<Option<Vec<(String, Metadata)>>, StoreError> {
        let Some(page) = self.page(self.directory.metadata)? else {
            return Ok(None);
        };
        let mut reader = Reader::new(&page);
        let mut read = || {
            let mut all = Vec::new();
            for _ in 0..reader.count(4)? {
                let (name, metadata) = decode_metadata(&mut reader)?;
                all.push((name.to_owned(), metadata));
            }
            Ok(all)
        };
        Ok(read()
            .map_err(|error: CodecError| {
                self.report(self.directory.metadata, &error.to_string());
            })
            .ok())
    }
}

/// Directory and footer must agree, so that nothing that is allocated by one is unbounded.
fn consistent(directory: Directory, footer: &Footer) -> Result<Directory, CodecError> {
    let pages = footer.series.div_ceil(SERIES_PER_PAGE as u64);
    let samples = directory.rows[0] + directory.rows[1];
    if pages != directory.series.len() as u64 || samples != footer.samples {
        return Err(CodecError::Corrupt("the footer contradicts the directory"));
    }
    Ok(directory)
}

/// Appends the timestamps of a data page, whether they are on it or not; what follows them on the
/// page, and whether they increase.
fn all_times<'a>(
    entry: &Entry,
    shared: Option<&Times>,
    payload: &'a [u8],
    into: &mut Vec<Timestamp>,
) -> Result<(&'a [u8], bool), CodecError> {
    if let Some(shared) = shared {
        into.extend_from_slice(&shared.times);
        return Ok((payload, shared.increasing));
    }
    let mut reader = Reader::new(payload);
    let increasing = times::decode(reader.bytes()?, entry.rows as usize, into)?;
    Ok((reader.take(reader.remaining())?, increasing))
}

/// Appends the timestamps inside `range` of a data page that one series has alone and that has them
/// itself; what follows them on the page, and which of its rows they are.
fn put_times<'a>(
    entry: &Entry,
    payload: &'a [u8],
    range: TimeRange,
    into: &mut Vec<Timestamp>,
) -> Result<(&'a [u8], Range<usize>), CodecError> {
    let before = into.len();
    let (rest, increasing) = all_times(entry, None, payload, into)?;
    let rows = inside(&into[before..], increasing, range)?;
    into.truncate(before + rows.end);
    into.drain(before..before + rows.start);
    Ok((rest, rows))
}

/// Which of these timestamps lie inside `range`; of a page that one series has alone they increase.
fn inside(
    times: &[Timestamp],
    increasing: bool,
    range: TimeRange,
) -> Result<Range<usize>, CodecError> {
    if !increasing {
        return Err(CodecError::Corrupt("timestamps do not increase"));
    }
    let start = times.partition_point(|time| *time < range.start);
    let end = times.partition_point(|time| *time <= range.end);
    Ok(start..end.max(start))
}

impl Times {
    /// Appends those inside `range`; which they are.
    fn put(&self, range: TimeRange, into: &mut Vec<Timestamp>) -> Result<Range<usize>, CodecError> {
        let rows = inside(&self.times, self.increasing, range)?;
        into.extend_from_slice(&self.times[rows.clone()]);
        Ok(rows)
    }
}

/// Appends some rows of a decoded page.
fn slice<T: Clone>(
    rows: &Rows<T>,
    part: &PagePart,
    times: &mut Vec<Timestamp>,
    values: &mut Vec<T>,
) -> Result<(), CodecError> {
    let taken = rows.times.get(part.rows.clone());
    let taken = taken.zip(rows.values.get(part.rows.clone()));
    let (taken, cells) = taken.ok_or(CodecError::Short)?;
    if !taken.is_sorted_by(|a, b| a < b) {
        return Err(CodecError::Corrupt("timestamps do not increase"));
    }
    times.extend_from_slice(taken);
    values.extend_from_slice(cells);
    Ok(())
}
