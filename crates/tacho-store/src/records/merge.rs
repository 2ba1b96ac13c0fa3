//! Runs of rows, each sorted, and several of them made into one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::{Deref, Range};
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
    fn read(&self, group: usize, schema: &Schema) -> Result<Option<Held<'_>>, StoreError> {
        match self {
            Self::File(file) => Ok(file.group(group, schema)?.map(Held::Own)),
            Self::Chunk(chunk) if *chunk.schema == *schema => Ok(Some(Held::Of(&chunk.records))),
            Self::Chunk(chunk) => Ok(Some(Held::Own(chunk.with_columns_of(schema)))),
        }
    }
}

/// Rows of a group that is merged.
enum Held<'a> {
    Of(&'a Records),
    Own(Records),
}

impl Deref for Held<'_> {
    type Target = Records;

    fn deref(&self) -> &Records {
        match self {
            Self::Of(records) => records,
            Self::Own(records) => records,
        }
    }
}

/// Rows that follow each other in one group of a run and in what it is merged into.
pub(crate) struct Stretch<'a> {
    /// Another number for each group that is read.
    pub(crate) source: usize,
    pub(crate) records: &'a Records,
    pub(crate) rows: Range<usize>,
}

/// A place in a run.
struct Cursor<'a> {
    run: &'a Run,
    next_group: usize,
    source: usize,
    rows: Option<Held<'a>>,
    row: usize,
}

impl Cursor<'_> {
    /// Goes on to the next group that has rows; `read` counts those of all runs.
    fn next_group(&mut self, schema: &Schema, read: &mut usize) -> Result<(), StoreError> {
        self.rows = None;
        self.row = 0;
        *read += 1;
        self.source = *read;
        while self.rows.as_ref().is_none_or(|rows| rows.is_empty())
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
    mut each: impl FnMut(Stretch<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let keys = schema.keys();
    let mut read = 0;
    let mut cursors = Vec::new();
    let mut heap: BinaryHeap<Reverse<(RowKey, usize)>> = BinaryHeap::new();
    for (number, run) in runs.iter().enumerate() {
        let mut cursor = Cursor {
            run,
            next_group: 0,
            source: 0,
            rows: None,
            row: 0,
        };
        cursor.next_group(schema, &mut read)?;
        if let Some(rows) = &cursor.rows {
            heap.push(Reverse((keys.of(rows, 0), number)));
        }
        cursors.push(cursor);
    }
    while let Some(Reverse((mut key, number))) = heap.pop() {
        let next = heap.peek().map(|Reverse(next)| *next);
        let cursor = &mut cursors[number];
        let Some(records) = &cursor.rows else {
            continue;
        };
        let start = cursor.row;
        let mut end = start;
        let following = loop {
            cursor.row += 1;
            // Equal keys come in the order of their runs: the next one is written later.
            let is_last = !keys.any() || next.is_none_or(|(next, _)| next != key);
            end += usize::from(is_last);
            if cursor.row == records.len() {
                break None;
            }
            key = keys.of(records, cursor.row);
            if !is_last || next.is_some_and(|next| next < (key, number)) {
                break Some(key);
            }
        };
        each(Stretch {
            source: cursor.source,
            records,
            rows: start..end,
        })?;
        if let Some(key) = following {
            heap.push(Reverse((key, number)));
            continue;
        }
        cursor.next_group(schema, &mut read)?;
        if let Some(rows) = &cursor.rows {
            heap.push(Reverse((keys.of(rows, 0), number)));
        }
    }
    Ok(())
}
