//! Finding rows: groups that cannot have any are left out by time, bounds and index; of the others
//! the columns of the conditions are read, and what else was asked for only where rows are left.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use tacho_model::{QueryError, TimeRange};

use super::columns::{ColumnData, Records, Translation};
use super::condition::{Condition, Test};
use super::file::RecordFile;
use super::merge::Run;
use super::schema::{Keys, RecordsError, RowKey, Schema};
use crate::error::StoreError;

/// Most rows that one query may return.
const SELECTED_MAX: usize = 1 << 20;

/// Most bytes that they may take.
const SELECTED_BYTES_MAX: usize = 256 << 20;

/// What is asked of a table.
#[derive(Debug, Clone, Copy)]
pub struct RecordQuery<'a> {
    /// When the records are from.
    pub range: TimeRange,
    /// All of these hold.
    pub conditions: &'a [Condition<'a>],
    /// The places of the columns that are wanted.
    pub columns: &'a [usize],
    /// Which come first.
    pub order: Order,
    /// Most rows, the first ones; at most a million.
    pub limit: usize,
}

/// In which order records come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By time, then by key.
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

/// A table as it was at one moment.
pub(crate) struct View {
    pub(crate) schema: Arc<Schema>,
    /// From the oldest writes to the newest.
    pub(crate) runs: Vec<Run>,
    /// Most rows of which columns may be read.
    pub(crate) rows_max: u64,
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    run: usize,
    group: usize,
    row: u32,
}

/// What a query found in one group.
struct Found {
    run: usize,
    group: usize,
    range: TimeRange,
}

fn failed(error: StoreError) -> QueryError {
    QueryError::Failed(Box::new(error))
}

impl View {
    /// The first rows of those that satisfy the conditions.
    pub(crate) fn select(&self, query: &RecordQuery<'_>) -> Result<Records, QueryError> {
        if query.limit > SELECTED_MAX {
            return Err(QueryError::TooMuch {
                what: "records",
                limit: SELECTED_MAX as u64,
            });
        }
        let rows = match query.order {
            Order::OldestFirst => self.first(query, |key| key)?,
            Order::NewestFirst => self.first(query, Reverse)?,
        };
        self.collect(&rows, query.columns)
    }

    /// Hands the rows that satisfy the conditions to `each`, group by group, until that says stop;
    /// groups are in order of their first rows, and rows inside a group in order.
    pub(crate) fn scan(
        &self,
        query: &RecordQuery<'_>,
        mut each: impl FnMut(&Records) -> bool,
    ) -> Result<(), QueryError> {
        let mut touched = 0;
        for found in self.candidates(query)? {
            let rows = self.matching(query, &found, &mut touched)?;
            if rows.is_empty() {
                continue;
            }
            let at = |row: &u32| At {
                run: found.run,
                group: found.group,
                row: *row,
            };
            let rows: Vec<At> = rows.iter().map(at).collect();
            if !each(&self.collect(&rows, query.columns)?) {
                break;
            }
        }
        Ok(())
    }

    /// Where the first rows are, in order of `rank`.
    fn first<R: Ord + Copy>(
        &self,
        query: &RecordQuery<'_>,
        rank: impl Fn(RowKey) -> R,
    ) -> Result<Vec<At>, QueryError> {
        let keys = self.schema.keys();
        let mut candidates = self.candidates(query)?;
        if query.order == Order::NewestFirst {
            candidates.sort_by_key(|found| Reverse(found.range.end));
        }
        let mut held: BinaryHeap<(R, At, i64)> = BinaryHeap::new();
        let mut touched = 0;
        for found in candidates {
            if held.len() == query.limit {
                let Some((.., worst)) = held.peek() else {
                    break;
                };
                let is_behind = match query.order {
                    Order::OldestFirst => found.range.start.as_nanos() > *worst,
                    Order::NewestFirst => found.range.end.as_nanos() < *worst,
                };
                if is_behind {
                    break;
                }
            }
            let rows = self.matching(query, &found, &mut touched)?;
            if rows.is_empty() {
                continue;
            }
            let keyed = self.keyed(&keys, found.run, found.group);
            let Some(keyed) = keyed.map_err(failed)? else {
                continue;
            };
            for row in rows {
                let key = keyed.key(row as usize);
                let at = At {
                    run: found.run,
                    group: found.group,
                    row,
                };
                held.push((rank(key), at, key.time));
                if held.len() > query.limit {
                    held.pop();
                }
            }
        }
        Ok(held
            .into_sorted_vec()
            .into_iter()
            .map(|(_, at, _)| at)
            .collect())
    }

    /// The groups that may have rows, in order of their first ones.
    fn candidates(&self, query: &RecordQuery<'_>) -> Result<Vec<Found>, QueryError> {
        for condition in query.conditions {
            for place in condition.places() {
                let column = self.schema.columns().get(place);
                if column.is_none_or(|column| column.kind() != condition.test.kind()) {
                    let error = RecordsError::Kind {
                        name: column.map_or_else(String::new, |column| column.name().to_owned()),
                        what: "tested so: it is of another kind",
                    };
                    return Err(QueryError::Failed(Box::new(error)));
                }
            }
        }
        let mut found = Vec::new();
        for (number, run) in self.runs.iter().enumerate() {
            for group in self.groups(run, query).map_err(failed)? {
                let range = run.range(group);
                if range.overlaps(query.range) {
                    found.push(Found {
                        run: number,
                        group,
                        range,
                    });
                }
            }
        }
        found.sort_by_key(|found| found.range.start);
        Ok(found)
    }

    /// The groups of a run that bounds and indexes leave.
    fn groups(&self, run: &Run, query: &RecordQuery<'_>) -> Result<Vec<usize>, StoreError> {
        let mut groups: Vec<usize> = (0..run.groups()).collect();
        let Run::File(file) = run else {
            return Ok(groups);
        };
        for condition in query.conditions {
            let place = self
                .schema
                .place_in(condition.column, &file.directory.schema);
            if let (Test::Integer(range), Some(place)) = (&condition.test, place) {
                groups.retain(|group| {
                    let bounds = &file.directory.groups[*group].columns[place].bounds;
                    bounds.start() <= range.end() && range.start() <= bounds.end()
                });
            }
            if let Some(with) = self.indexed(file, condition)? {
                groups.retain(|group| with.binary_search(group).is_ok());
            }
        }
        Ok(groups)
    }

    /// The groups of a file that its indexes leave for a condition, rising; `None` when they cannot
    /// say. Rows from before a column was added are empty there and in no index.
    fn indexed(
        &self,
        file: &RecordFile,
        condition: &Condition<'_>,
    ) -> Result<Option<Vec<usize>>, StoreError> {
        if matches!(condition.test, Test::Ids([])) {
            return Ok(Some(Vec::new()));
        }
        let held = &file.directory.schema;
        let places = condition.places();
        let places: Vec<usize> = places
            .filter_map(|place| self.schema.place_in(place, held))
            .collect();
        let wanted = condition.test.fingerprints();
        if places.is_empty() || wanted.is_empty() {
            return Ok(None);
        }
        let mut groups = Vec::new();
        for place in places {
            for value in &wanted {
                match file.groups_with(place, *value)? {
                    Some(with) => groups.extend(with),
                    None => return Ok(None),
                }
            }
        }
        groups.sort_unstable();
        groups.dedup();
        Ok(Some(groups))
    }

    /// The rows of a group that satisfy the query and that no later write replaces.
    fn matching(
        &self,
        query: &RecordQuery<'_>,
        found: &Found,
        touched: &mut u64,
    ) -> Result<Vec<u32>, QueryError> {
        self.touch(touched, self.runs[found.run].rows(found.group))?;
        let column = |place| self.column(found.run, found.group, place).map_err(failed);
        let mut rows: Vec<u32> =
            if query.range.start <= found.range.start && found.range.end <= query.range.end {
                (0..self.runs[found.run].rows(found.group) as u32).collect()
            } else {
                let Some(times) = column(0)? else {
                    return Ok(Vec::new());
                };
                let times = times.get().integers();
                let (start, end) = (query.range.start.as_nanos(), query.range.end.as_nanos());
                let first = times.partition_point(|time| *time < start);
                let last = times.partition_point(|time| *time <= end).max(first);
                (first as u32..last as u32).collect()
            };
        // What is quick to read first: where no row is left, the other columns are not read.
        let mut conditions: Vec<&Condition<'_>> = query.conditions.iter().collect();
        conditions.sort_by_key(|condition| condition.test.cost());
        for condition in conditions {
            if rows.is_empty() {
                break;
            }
            let Some(held) = column(condition.column)? else {
                return Ok(Vec::new());
            };
            let open = condition.test.retain(held.get(), &mut rows);
            if let Some(other) = condition.test.other()
                && !open.is_empty()
            {
                let Some(other) = column(other)? else {
                    return Ok(Vec::new());
                };
                condition.test.add(other.get(), open, &mut rows);
            }
        }
        let later = self.drop_replaced(found, &mut rows).map_err(failed)?;
        self.touch(touched, later)?;
        Ok(rows)
    }

    /// Notes that the columns of so many rows were read.
    fn touch(&self, touched: &mut u64, rows: usize) -> Result<(), QueryError> {
        *touched += rows as u64;
        if *touched > self.rows_max {
            return Err(QueryError::TooMuch {
                what: "records",
                limit: self.rows_max,
            });
        }
        Ok(())
    }

    /// Drops the rows that are written again in a later run; how many rows of those were read.
    fn drop_replaced(&self, found: &Found, rows: &mut Vec<u32>) -> Result<usize, StoreError> {
        let keys = self.schema.keys();
        let mut read = 0;
        if rows.is_empty() || !keys.any() {
            return Ok(read);
        }
        for (number, run) in self.runs.iter().enumerate().skip(found.run + 1) {
            for group in 0..run.groups() {
                if rows.is_empty() || !run.range(group).overlaps(found.range) {
                    continue;
                }
                read += run.rows(group);
                let own = self.keyed(&keys, found.run, found.group)?;
                let later = self.keyed(&keys, number, group)?;
                if let (Some(own), Some(later)) = (own, later) {
                    rows.retain(|row| !later.contains(own.key(*row as usize)));
                }
            }
        }
        Ok(read)
    }

    /// Times and keys of a group; `None` when they are damaged.
    fn keyed(&self, keys: &Keys, run: usize, group: usize) -> Result<Option<Keyed>, StoreError> {
        let mut columns = Vec::new();
        for place in std::iter::once(&0).chain(keys.places()) {
            match self.column(run, group, *place)? {
                Some(column) => columns.push(column),
                None => return Ok(None),
            }
        }
        Ok(Some(Keyed(columns)))
    }

    /// A column of a group; `None` when it is damaged.
    fn column(&self, run: usize, group: usize, place: usize) -> Result<Option<Held>, StoreError> {
        let (run, wanted) = (&self.runs[run], &self.schema.columns()[place]);
        let Some(place) = self.schema.place_in(place, run.schema()) else {
            let absent = ColumnData::absent(wanted.kind(), run.rows(group));
            return Ok(Some(Held::Read(Arc::new(absent))));
        };
        Ok(match run {
            Run::File(file) => file.column(group, place)?.map(Held::Read),
            Run::Chunk(chunk) => Some(Held::Chunk(chunk.clone(), place)),
        })
    }

    /// Rows with some columns, in that order; those of damaged pages are left out.
    fn collect(&self, rows: &[At], columns: &[usize]) -> Result<Records, QueryError> {
        let wanted = columns
            .iter()
            .map(|place| self.schema.columns().get(*place));
        let Some(wanted) = wanted.collect::<Option<Vec<_>>>() else {
            let name = String::new();
            let what = "asked for: it does not exist";
            return Err(QueryError::Failed(Box::new(RecordsError::Kind {
                name,
                what,
            })));
        };
        let kinds = wanted.iter().map(|column| ColumnData::new(column.kind()));
        let mut collected = Records::of(kinds.collect(), 0);
        // Group by group, then back into order: a group is read once.
        let mut by_group: Vec<(At, usize)> = rows.iter().copied().zip(0..).collect();
        by_group.sort_unstable();
        let mut places = vec![None; rows.len()];
        for group in by_group.chunk_by(|(a, _), (b, _)| (a.run, a.group) == (b.run, b.group)) {
            let (
                At {
                    run, group: number, ..
                },
                _,
            ) = group[0];
            let mut parts = Vec::new();
            for place in columns {
                parts.extend(self.column(run, number, *place).map_err(failed)?);
            }
            if parts.len() < columns.len() {
                continue;
            }
            let taken = || group.iter().map(|(at, _)| at.row as usize);
            let part = parts.iter().map(|part| part.get().gather(taken()));
            let part = Records::of(part.collect(), group.len());
            for (row, (_, place)) in group.iter().enumerate() {
                places[*place] = Some((collected.len() + row) as u32);
            }
            collected.extend(&part, 0..part.len(), &mut Translation::default());
            if collected.bytes() > SELECTED_BYTES_MAX {
                return Err(QueryError::TooMuch {
                    what: "bytes of records",
                    limit: SELECTED_BYTES_MAX as u64,
                });
            }
        }
        let order: Vec<u32> = places.into_iter().flatten().collect();
        if order.is_sorted() {
            return Ok(collected);
        }
        Ok(collected.gather(&order))
    }
}

/// A column, wherever it is.
enum Held {
    Read(Arc<ColumnData>),
    Chunk(Arc<super::head::Chunk>, usize),
}

impl Held {
    fn get(&self) -> &ColumnData {
        match self {
            Self::Read(column) => column,
            Self::Chunk(chunk, place) => &chunk.records.columns[*place],
        }
    }
}

/// The times and the keys of a group.
struct Keyed(Vec<Held>);

impl Keyed {
    fn key(&self, row: usize) -> RowKey {
        let mut columns = self.0.iter().map(Held::get);
        let times = columns.next().map_or(&[][..], ColumnData::integers);
        RowKey::new(times, columns.map(ColumnData::ids), row)
    }

    /// Whether there is a row of that key; rows are in order of theirs.
    fn contains(&self, wanted: RowKey) -> bool {
        let rows = self.0.first().map_or(0, |times| times.get().len());
        let (mut low, mut high) = (0, rows);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.key(middle) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low < rows && self.key(low) == wanted
    }
}
