//! Records in memory, until they become files.
//!
//! Rows gather in an open chunk; when it is full it is sorted and never changes again, so that
//! readers share it. Only who holds the log's lock adds rows: chunks are in the order of the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use tacho_model::{TimeRange, Timestamp};

use super::columns::{ColumnData, Records, Translation};
use super::gather;
use super::schema::Schema;
use super::{CHUNK_BYTES, CHUNK_ROWS};

/// Sets of fewer rows are added to one another: each takes memory of its own.
const SET_ROWS: usize = 128;

/// Rows of one table as one version of it has them, sorted by time and key.
pub(crate) struct Chunk {
    pub(crate) schema: Arc<Schema>,
    pub(crate) records: Arc<Records>,
}

impl Chunk {
    /// The rows of sets that came one after the other.
    fn sorted(schema: &Arc<Schema>, sets: &[Arc<Records>]) -> Self {
        let rows: Vec<&Records> = sets.iter().map(|set| &**set).collect();
        let records = match (gather::sorted(&rows, &schema.keys()), sets) {
            (None, [only]) => only.clone(),
            (sorted, _) => Arc::new(sorted.unwrap_or_else(|| Records::new(schema))),
        };
        let schema = schema.clone();
        Self { schema, records }
    }

    /// All rows with the columns of another version of the table.
    pub(crate) fn with_columns_of(&self, schema: &Schema) -> Records {
        let rows = self.records.len();
        let places = schema.places_in(&self.schema);
        let columns = schema.columns().iter().zip(places);
        let columns = columns.map(|(column, place)| match place {
            Some(place) => self.records.columns[place].gather(0..rows),
            None => ColumnData::absent(column.kind(), rows),
        });
        Records::of(columns.collect(), rows)
    }

    /// From its first to its last record.
    pub(crate) fn range(&self) -> TimeRange {
        match self.records.len().checked_sub(1) {
            Some(last) => TimeRange::new(self.records.time(0), self.records.time(last)),
            None => TimeRange::new(Timestamp::MAX, Timestamp::MIN),
        }
    }
}

/// The rows of one table.
struct Table {
    schema: Arc<Schema>,
    open: Open,
    chunks: Vec<Arc<Chunk>>,
}

/// Rows that are not sorted yet, in sets as they came; few rows share a set with those before.
#[derive(Default)]
struct Open {
    sets: Vec<Arc<Records>>,
    rows: usize,
    bytes: usize,
}

impl Open {
    fn add(&mut self, records: Arc<Records>) {
        let (rows, bytes) = (records.len(), records.bytes());
        self.rows += rows;
        let last = self.sets.last_mut().filter(|last| last.len() < SET_ROWS);
        match last.and_then(Arc::get_mut) {
            Some(last) if rows < SET_ROWS => {
                let before = last.bytes();
                last.extend(&records, 0..rows, &mut Translation::default());
                self.bytes += last.bytes() - before;
            }
            _ => {
                self.bytes += bytes;
                self.sets.push(records);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.rows >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES
    }
}

impl Table {
    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.rows > 0 {
            let chunk = Chunk::sorted(&self.schema, &open.sets);
            self.chunks.push(Arc::new(chunk));
        }
    }
}

/// The newest records of all tables.
pub(crate) struct RecordHead {
    /// Its number in the order of writing; the files made of it carry the same.
    pub(crate) generation: u64,
    created: AtomicI64,
    bytes: AtomicU64,
    tables: Mutex<BTreeMap<String, Table>>,
}

/// Rows that are ready to be added: many of them are sorted before anyone is made to wait.
pub(crate) enum Added {
    Few(Arc<Schema>, Arc<Records>),
    Many(Chunk),
}

impl Added {
    pub(crate) fn new(schema: Arc<Schema>, records: Arc<Records>) -> Self {
        if records.len() >= CHUNK_ROWS || records.bytes() >= CHUNK_BYTES {
            Self::Many(Chunk::sorted(&schema, &[records]))
        } else {
            Self::Few(schema, records)
        }
    }

    fn parts(&self) -> (&Arc<Schema>, &Records) {
        match self {
            Self::Few(schema, records) => (schema, records),
            Self::Many(chunk) => (&chunk.schema, &chunk.records),
        }
    }
}

impl RecordHead {
    pub(crate) fn new(generation: u64) -> Self {
        Self {
            generation,
            created: AtomicI64::new(i64::MAX),
            bytes: AtomicU64::new(0),
            tables: Mutex::default(),
        }
    }

    /// Adds rows that came at `now`.
    pub(crate) fn add(&self, added: Added, now: Timestamp) {
        self.created_by(now);
        let (schema, records) = added.parts();
        self.bytes.fetch_add(records.bytes() as u64, Relaxed);
        let mut tables = self.tables.lock();
        let table = tables
            .entry(schema.name().to_owned())
            .or_insert_with(|| Table {
                schema: schema.clone(),
                open: Open::default(),
                chunks: Vec::new(),
            });
        if table.schema != *schema {
            table.close();
            table.schema = schema.clone();
        }
        match added {
            Added::Many(chunk) => {
                table.close();
                table.chunks.push(Arc::new(chunk));
            }
            Added::Few(_, records) => {
                table.open.add(records);
                if table.open.is_full() {
                    table.close();
                }
            }
        }
    }

    /// The rows of a table, in chunks, from the oldest writes to the newest.
    pub(crate) fn chunks(&self, table: &str) -> Vec<Arc<Chunk>> {
        let tables = self.tables.lock();
        let Some(table) = tables.get(table) else {
            return Vec::new();
        };
        let mut chunks = table.chunks.clone();
        if table.open.rows > 0 {
            let open = Chunk::sorted(&table.schema, &table.open.sets);
            chunks.push(Arc::new(open));
        }
        chunks
    }

    /// The names of the tables that have rows.
    pub(crate) fn tables(&self) -> Vec<String> {
        self.tables.lock().keys().cloned().collect()
    }

    /// How many rows of a table there are, before it is known which are the same record.
    pub(crate) fn rows(&self, table: &str) -> u64 {
        let tables = self.tables.lock();
        tables.get(table).map_or(0, |table| {
            let closed = table.chunks.iter().map(|chunk| chunk.records.len());
            (closed.sum::<usize>() + table.open.rows) as u64
        })
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.lock().is_empty()
    }

    /// An estimate of the memory taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// When its first row came.
    pub(crate) fn created(&self) -> Option<Timestamp> {
        let nanos = self.created.load(Relaxed);
        (nanos != i64::MAX).then_some(Timestamp::from_nanos(nanos))
    }

    /// Notes that rows came at `now`; the earliest such time counts.
    pub(crate) fn created_by(&self, now: Timestamp) {
        self.created.fetch_min(now.as_nanos(), Relaxed);
    }
}
