//! Runs of rows, each sorted, and several of them made into one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use tacho_model::TimeRange;

use super::columns::Records;
use super::file::RecordFile;
use super::head::Chunk;
use super::schema::{RowKey, Schema};
use crate::error::StoreError;

/// Sorted rows of a table, in groups.
#[derive(Clone)]
pub(crate) enum Run {
    File(Arc<RecordFile>),
    Chunk(Arc<Chunk>),
}

impl Run {
    /// The columns that it has.
    pub(crate) fn schema(&self) -> &Schema {
        match self {
            Self::File(file) => &file.directory.schema,
            Self::Chunk(chunk) => &chunk.schema,
        }
    }

    pub(crate) fn groups(&self) -> usize {
        match self {
            Self::File(file) => file.directory.groups.len(),
            Self::Chunk(_) => 1,
        }
    }

    /// How many rows a group has.
    pub(crate) fn rows(&self, group: usize) -> usize {
        match self {
            Self::File(file) => file.directory.groups[group].rows as usize,
            Self::Chunk(chunk) => chunk.records.len(),
        }
    }

    /// From the first to the last record of a group.
    pub(crate) fn range(&self, group: usize) -> TimeRange {
        match self {
            Self::File(file) => file.directory.groups[group].range(),
            Self::Chunk(chunk) => chunk.range(),
        }
    }

    /// A group with these columns; `None` when it is damaged, which is reported.
    fn read(&self, group: usize, schema: &Schema) -> Result<Option<Records>, StoreError> {
        match self {
            Self::File(file) => file.group(group, schema),
            Self::Chunk(chunk) => Ok(Some(chunk.with_columns_of(schema))),
        }
    }
}

/// A place in a run.
struct Cursor<'a> {
    run: &'a Run,
    next_group: usize,
    rows: Option<Records>,
    row: usize,
}

impl Cursor<'_> {
    /// Goes on to the next group that has rows.
    fn next_group(&mut self, schema: &Schema) -> Result<(), StoreError> {
        self.rows = None;
        self.row = 0;
        while self.rows.as_ref().is_none_or(Records::is_empty)
            && self.next_group < self.run.groups()
        {
            self.rows = self.run.read(self.next_group, schema)?;
            self.next_group += 1;
        }
        Ok(())
    }
}

/// Hands the rows of all runs to `each` in order of time and key, with the columns of `schema`.
/// `runs` are in the order of their writing: of rows that are the same record the last one counts.
pub(crate) fn merge(
    runs: &[Run],
    schema: &Schema,
    mut each: impl FnMut(&Records, usize) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let keys = schema.keys();
    let mut cursors = Vec::new();
    let mut heap: BinaryHeap<Reverse<(RowKey, usize)>> = BinaryHeap::new();
    for (number, run) in runs.iter().enumerate() {
        let mut cursor = Cursor {
            run,
            next_group: 0,
            rows: None,
            row: 0,
        };
        cursor.next_group(schema)?;
        if let Some(rows) = &cursor.rows {
            heap.push(Reverse((keys.of(rows, 0), number)));
        }
        cursors.push(cursor);
    }
    while let Some(Reverse((key, number))) = heap.pop() {
        let next = heap.peek().map(|Reverse((next, _))| *next);
        let cursor = &mut cursors[number];
        let Some(rows) = &cursor.rows else { continue };
        // Equal keys come in the order of their runs.
        if !keys.any() || next != Some(key) {
            each(rows, cursor.row)?;
        }
        cursor.row += 1;
        if cursor.row == rows.len() {
            cursor.next_group(schema)?;
        }
        if let Some(rows) = &cursor.rows {
            heap.push(Reverse((keys.of(rows, cursor.row), number)));
        }
    }
    Ok(())
}
