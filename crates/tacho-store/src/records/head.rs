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
use super::schema::Schema;
use super::{CHUNK_BYTES, CHUNK_ROWS};

/// Rows of one table as one version of it has them.
pub(crate) struct Chunk {
    pub(crate) schema: Arc<Schema>,
    pub(crate) records: Records,
}

impl Chunk {
    fn new(schema: Arc<Schema>) -> Self {
        let records = Records::new(&schema);
        Self { schema, records }
    }

    fn sorted(&self) -> Self {
        Self {
            schema: self.schema.clone(),
            records: self.records.sorted(&self.schema.keys()),
        }
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

    /// From its first to its last record, once it is sorted.
    pub(crate) fn range(&self) -> TimeRange {
        match self.records.len().checked_sub(1) {
            Some(last) => TimeRange::new(self.records.time(0), self.records.time(last)),
            None => TimeRange::new(Timestamp::MAX, Timestamp::MIN),
        }
    }
}

/// The rows of one table.
struct Table {
    open: Chunk,
    chunks: Vec<Arc<Chunk>>,
}

impl Table {
    fn close(&mut self) {
        if self.open.records.is_empty() {
            return;
        }
        let next = Chunk::new(self.open.schema.clone());
        let full = std::mem::replace(&mut self.open, next);
        self.chunks.push(Arc::new(full.sorted()));
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
    Few(Chunk),
    Many(Arc<Chunk>),
}

impl Added {
    pub(crate) fn new(schema: Arc<Schema>, records: Records) -> Self {
        let is_large = records.len() >= CHUNK_ROWS || records.bytes() >= CHUNK_BYTES;
        let chunk = Chunk { schema, records };
        if is_large {
            Self::Many(Arc::new(chunk.sorted()))
        } else {
            Self::Few(chunk)
        }
    }

    fn chunk(&self) -> &Chunk {
        match self {
            Self::Few(chunk) => chunk,
            Self::Many(chunk) => chunk,
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
        let schema = added.chunk().schema.clone();
        self.bytes
            .fetch_add(added.chunk().records.bytes() as u64, Relaxed);
        let mut tables = self.tables.lock();
        let table = tables
            .entry(schema.name().to_owned())
            .or_insert_with(|| Table {
                open: Chunk::new(schema.clone()),
                chunks: Vec::new(),
            });
        match added {
            Added::Many(chunk) => {
                table.close();
                table.chunks.push(chunk);
            }
            Added::Few(chunk) => {
                if table.open.schema != schema {
                    table.close();
                    table.open = Chunk::new(schema);
                }
                let rows = 0..chunk.records.len();
                let translation = &mut Translation::default();
                table.open.records.extend(&chunk.records, rows, translation);
                let open = &table.open.records;
                if open.len() >= CHUNK_ROWS || open.bytes() >= CHUNK_BYTES {
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
        if !table.open.records.is_empty() {
            chunks.push(Arc::new(table.open.sorted()));
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
            (closed.sum::<usize>() + table.open.records.len()) as u64
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
