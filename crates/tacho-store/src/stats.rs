//! What a store says of itself.

use tacho_model::Timestamp;

use crate::quarantine::Quarantined;
use crate::rollup::Resolution;

/// Sizes and counts of a [`crate::Store`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Series with samples in memory.
    pub series: u64,
    /// Samples in memory, not yet in a block.
    pub samples_in_memory: u64,
    /// Estimated bytes of memory that these take.
    pub head_bytes: u64,
    /// Bytes on disk: blocks, roll-ups, records and log.
    pub disk_bytes: u64,
    /// Bytes of the write-ahead log, what is allocated ahead included.
    pub wal_bytes: u64,
    /// Number of block files.
    pub blocks: u64,
    /// Samples in blocks.
    pub samples_in_blocks: u64,
    /// What is rolled up, by resolution.
    pub rollups: Vec<RollUpStats>,
    /// The tables of records.
    pub tables: Vec<TableStats>,
    /// Time of the oldest sample.
    pub oldest: Option<Timestamp>,
    /// Time of the newest sample.
    pub newest: Option<Timestamp>,
    /// Damage found since the store was opened, and what lies in the quarantine folder.
    pub quarantined: Vec<Quarantined>,
}

/// Sizes and counts of the roll-ups of one resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollUpStats {
    /// Which.
    pub resolution: Resolution,
    /// Number of block files, one a day.
    pub blocks: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Values stored, of which a window has up to eight.
    pub samples: u64,
    /// The end of the oldest window's day.
    pub oldest: Option<Timestamp>,
    /// The end of the newest window's day.
    pub newest: Option<Timestamp>,
}

/// Sizes and counts of a table of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStats {
    /// Its name.
    pub name: String,
    /// Records in memory, before it is known which are the same.
    pub records_in_memory: u64,
    /// Records in files.
    pub records_in_files: u64,
    /// Number of files.
    pub files: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Time of the oldest record in files.
    pub oldest: Option<Timestamp>,
    /// Time of the newest record in files.
    pub newest: Option<Timestamp>,
}
