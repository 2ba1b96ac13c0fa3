//! Writing a file of records, from rows that come in order.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tacho_model::{TimeRange, Timestamp};

use super::columns::{ColumnData, Records, Translation};
use super::directory::{ColumnAt, Directory, Group};
use super::encode::encode;
use super::index::IndexBuilder;
use super::merge::Stretch;
use super::schema::Schema;
use super::{GROUP_BYTES, GROUP_ROWS};
use crate::block::format::{Footer, RECORDS_MAGIC};
use crate::block::output::Output;
use crate::codec::Effort;
use crate::disk::Disk;
use crate::error::StoreError;

/// Rows after which the size of a group is looked at.
pub(super) const LOOK_ROWS: usize = 64;
const _: () = assert!(GROUP_ROWS.is_multiple_of(LOOK_ROWS));

/// A file of records under construction.
pub(crate) struct RecordWriter {
    output: Output,
    effort: Effort,
    directory: Directory,
    indexes: Vec<IndexBuilder>,
    /// Rows of the group that is not written yet.
    group: Records,
    /// What the texts of each source are called in the group.
    translations: HashMap<usize, Translation>,
    range: Option<TimeRange>,
}

impl RecordWriter {
    /// Begins a file that will be found at `path` once it is finished.
    pub(crate) fn create(
        disk: Arc<dyn Disk>,
        path: &Path,
        schema: &Schema,
        effort: Effort,
    ) -> Result<Self, StoreError> {
        let columns = schema.columns().len();
        Ok(Self {
            output: Output::create(disk, path, RECORDS_MAGIC)?,
            effort,
            directory: Directory {
                schema: schema.clone(),
                groups: Vec::new(),
                indexes: vec![Vec::new(); columns],
            },
            indexes: (0..columns).map(|_| IndexBuilder::default()).collect(),
            group: Records::new(schema),
            translations: HashMap::new(),
            range: None,
        })
    }

    /// Adds rows of the same columns, not before the one added last.
    pub(crate) fn push(&mut self, stretch: Stretch<'_>) -> Result<(), StoreError> {
        let mut rows = stretch.rows;
        while !rows.is_empty() {
            let room = LOOK_ROWS - self.group.len() % LOOK_ROWS;
            let end = rows.end.min(rows.start + room);
            let translation = self.translations.entry(stretch.source).or_default();
            self.group
                .extend(stretch.records, rows.start..end, translation);
            rows.start = end;
            let count = self.group.len();
            let is_large = count.is_multiple_of(LOOK_ROWS) && self.group.bytes() >= GROUP_BYTES;
            if count >= GROUP_ROWS || is_large {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), StoreError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let schema = &self.directory.schema;
        let group = std::mem::replace(&mut self.group, Records::new(schema));
        self.translations.clear();
        let number = self.directory.groups.len() as u32;
        let mut columns = Vec::new();
        for (place, data) in group.columns.iter().enumerate() {
            let mut bytes = Vec::new();
            encode(data, self.effort, &mut bytes);
            columns.push(ColumnAt {
                at: self.output.put(&bytes)?,
                bounds: bounds(data),
            });
            if schema.columns()[place].is_indexed() {
                self.indexes[place].add(data, number);
            }
        }
        let (first, last) = (group.time(0), group.time(group.len() - 1));
        debug_assert!(first <= last, "rows are in order of time");
        let start = self.range.map_or(first, |range| range.start);
        self.range = Some(TimeRange::new(start, last));
        self.directory.groups.push(Group {
            rows: group.len() as u32,
            columns,
        });
        Ok(())
    }

    /// Removes what was written.
    pub(crate) fn abandon(self) {
        self.output.abandon();
    }

    /// Writes index, directory and footer, and gives the file its name.
    pub(crate) fn finish(mut self, sequence: (u64, u64), level: u32) -> Result<(), StoreError> {
        self.end_group()?;
        for (pages, index) in self.directory.indexes.iter_mut().zip(self.indexes) {
            *pages = index.finish(&mut self.output, self.effort)?;
        }
        let empty = TimeRange::new(Timestamp::MAX, Timestamp::MIN);
        let footer = Footer {
            directory: self.output.put(&self.directory.encode())?,
            sequence,
            range: self.range.unwrap_or(empty),
            series: self.directory.groups.len() as u64,
            samples: self.directory.rows(),
            level,
            tombstones: 0,
        };
        self.output.finish(&footer.encode())
    }
}

fn bounds(data: &ColumnData) -> std::ops::RangeInclusive<i64> {
    let values = data.integers();
    let least = values.iter().min().copied().unwrap_or(0);
    least..=values.iter().max().copied().unwrap_or(0)
}
