//! Reading a file of records: groups of rows, column by column.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use tacho_model::{TimeRange, Timestamp};

use super::columns::{ColumnData, Records};
use super::directory::{Directory, Group};
use super::encode;
use super::index::{Fingerprint, IndexPage};
use super::schema::Schema;
use crate::block::format::RECORDS_MAGIC;
use crate::block::paged::PagedFile;
use crate::cache::{Cache, Part};
use crate::disk::Disk;
use crate::error::{CodecError, StoreError};
use crate::quarantine::Reports;

/// An open file of records.
pub(crate) struct RecordFile {
    file: PagedFile,
    pub(crate) directory: Directory,
}

impl Deref for RecordFile {
    type Target = PagedFile;

    fn deref(&self) -> &PagedFile {
        &self.file
    }
}

impl Group {
    /// From its first to its last record.
    pub(crate) fn range(&self) -> TimeRange {
        let bounds = self.columns.first().map(|time| time.bounds.clone());
        let (start, end) = bounds.unwrap_or(0..=0).into_inner();
        TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end))
    }
}

impl RecordFile {
    /// Opens a file, checking header, footer and directory.
    pub(crate) fn open(
        disk: &dyn Disk,
        path: &Path,
        reports: Arc<Reports>,
        cache: Arc<Cache>,
    ) -> Result<Self, StoreError> {
        let (file, page) = PagedFile::open(disk, path, RECORDS_MAGIC, reports, cache)?;
        let directory = Directory::decode(&page, file.bytes).and_then(|directory| {
            if directory.rows() == file.footer.samples {
                Ok(directory)
            } else {
                Err(CodecError::Corrupt("the footer contradicts the directory"))
            }
        });
        let directory = directory.map_err(|error| file.damaged(error))?;
        Ok(Self { file, directory })
    }

    /// A column of a group, by its place in the file's own columns; `None` when its page is
    /// damaged, which is reported.
    pub(crate) fn column(
        &self,
        group: usize,
        place: usize,
    ) -> Result<Option<Arc<ColumnData>>, StoreError> {
        let rows = self.directory.groups[group].rows as usize;
        let kind = self.directory.schema.columns()[place].kind();
        // A directory may lie, and name one page for two columns.
        let fits = |column: &ColumnData| (column.kind(), column.len()) == (kind, rows);
        let kept = |part| match part {
            Part::Column(column) if fits(&column) => Some(column),
            _ => None,
        };
        let (at, decode) = self.column_at(group, place);
        self.part(at, kept, decode, Part::Column)
    }

    /// All columns of a group, as those of `schema`, for who reads each group once; `None` when
    /// one of them is damaged, which is reported.
    pub(crate) fn group(
        &self,
        group: usize,
        schema: &Schema,
    ) -> Result<Option<Records>, StoreError> {
        let rows = self.directory.groups[group].rows as usize;
        let places = schema.places_in(&self.directory.schema);
        let mut columns = Vec::with_capacity(places.len());
        for (column, place) in schema.columns().iter().zip(places) {
            let Some(place) = place else {
                columns.push(ColumnData::absent(column.kind(), rows));
                continue;
            };
            let (at, decode) = self.column_at(group, place);
            let Some(page) = self.page(at)? else {
                return Ok(None);
            };
            match decode(&page) {
                Ok(column) => columns.push(column),
                Err(error) => {
                    self.report(at, &error.to_string());
                    return Ok(None);
                }
            }
        }
        Ok(Some(Records::of(columns, rows)))
    }

    fn column_at(
        &self,
        group: usize,
        place: usize,
    ) -> (
        crate::block::format::PageAt,
        impl FnOnce(&[u8]) -> Result<ColumnData, CodecError>,
    ) {
        let group = &self.directory.groups[group];
        let column = &group.columns[place];
        let kind = self.directory.schema.columns()[place].kind();
        let rows = group.rows as usize;
        let bounds = column.bounds.clone();
        let decode = move |bytes: &[u8]| {
            let decoded = encode::decode(kind, bytes, rows)?;
            // Finding rows relies on both.
            let inside = decoded
                .integers()
                .iter()
                .all(|value| bounds.contains(value));
            let in_order = place != 0 || decoded.integers().is_sorted();
            if inside && in_order {
                Ok(decoded)
            } else {
                Err(CodecError::Corrupt("a column contradicts the directory"))
            }
        };
        (column.at, decode)
    }

    /// The groups that may have a row with that value in an indexed column, rising; `None` when
    /// the index cannot say.
    pub(crate) fn groups_with(
        &self,
        place: usize,
        value: Fingerprint,
    ) -> Result<Option<Vec<usize>>, StoreError> {
        let pages = &self.directory.indexes[place];
        // One value's entries may go over several pages.
        let first = pages.partition_point(|page| page.first < value);
        let first = first.saturating_sub(1);
        let mut groups = Vec::new();
        if !self.directory.schema.columns()[place].is_indexed() {
            return Ok(None);
        }
        for page in pages[first..].iter().take_while(|page| page.first <= value) {
            let kept = |part| match part {
                Part::Index(page) => Some(page),
                _ => None,
            };
            let Some(page) = self.part(page.at, kept, IndexPage::decode, Part::Index)? else {
                return Ok(None);
            };
            groups.extend(page.groups(value).map(|group| group as usize));
        }
        groups.retain(|group| *group < self.directory.groups.len());
        Ok(Some(groups))
    }

    /// Reads every page; how many rows could be read.
    pub(crate) fn verify(&self) -> Result<u64, StoreError> {
        let mut rows = 0;
        for group in 0..self.directory.groups.len() {
            let read = self.group(group, &self.directory.schema)?;
            rows += read.map_or(0, |read| read.len() as u64);
        }
        for page in self.directory.indexes.iter().flatten() {
            if let Some(bytes) = self.page(page.at)?
                && let Err(error) = IndexPage::decode(&bytes)
            {
                self.report(page.at, &error.to_string());
            }
        }
        Ok(rows)
    }
}
