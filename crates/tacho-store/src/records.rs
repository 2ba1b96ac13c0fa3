//! Tables of records: rows of columns by time, for what is no series (spans above all).
//!
//! Samples and records share one log, one way of becoming files, one compaction and one retention;
//! what differs is how rows lie in memory and on disk. A table is made of a [`Schema`]; what it
//! means is known to those who use it. Invariants:
//! 1. a record is identified by its time and its key columns: of two such records the last written
//!    wins, on every path; a table without key columns keeps everything;
//! 2. a run of rows (a chunk in memory, a file) is sorted by time and key, and no two of its rows
//!    are the same record;
//! 3. files of a table are ordered by sequence: what is written later has the higher one;
//! 4. indexes and bounds only make finding quicker: what is found is checked against the columns.
//!
//! The bytes are described in `docs/format.md`. In reading order: `schema`, `columns`, `encode`
//! (columns in bytes), `logged` (rows in the log), `directory` and `index` (the parts of a file),
//! `write` and `file` (writing and reading one), `gather` (sets of rows sorted), `head` (rows in memory), `merge`, `condition` (what
//! must hold for a row), `select` (finding rows). The engine's part is `engine/records.rs`.

pub(crate) mod columns;
pub(crate) mod condition;
pub(crate) mod directory;
pub(crate) mod encode;
pub(crate) mod file;
pub(crate) mod gather;
pub(crate) mod head;
pub(crate) mod index;
pub(crate) mod logged;
pub(crate) mod merge;
pub(crate) mod schema;
pub(crate) mod select;
pub(crate) mod write;

pub use columns::{AttributeColumn, Cell, ColumnData, Records, Scalar, TextColumn};
pub use condition::{Condition, Test};
pub use schema::{Column, ColumnKind, RecordsError, Schema};
pub use select::{Order, RecordQuery};

/// Rows after which a group of a file ends.
pub(crate) const GROUP_ROWS: usize = 4096;
/// Bytes after which a group of a file ends, as its rows take in memory.
pub(crate) const GROUP_BYTES: usize = 4 << 20;
/// Rows after which a chunk in memory is sorted and closed.
pub(crate) const CHUNK_ROWS: usize = 1024;
/// Bytes after which a chunk in memory is sorted and closed.
pub(crate) const CHUNK_BYTES: usize = 1 << 20;
/// Most rows of one append.
pub(crate) const APPEND_ROWS_MAX: usize = 1 << 16;
/// Most bytes that the rows of one append may take in memory.
pub(crate) const APPEND_BYTES_MAX: usize = 64 << 20;
/// Most bytes of one text, or of the attributes of one row.
pub(crate) const ROW_BYTES_MAX: usize = 1 << 20;
