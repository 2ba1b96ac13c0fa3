//! What can be set about a store, with defaults for one host at one sample a second.

use std::sync::Arc;
use std::time::Duration;

use tacho_model::Timestamp;

use crate::records::Schema;

/// When appended samples are forced to stable storage. In every case they have reached the
/// operating system before `append` returns, so that a killed process loses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before `append` returns: a power cut loses nothing that was acknowledged.
    Always,
    /// At most this long after: a power cut loses at most that much of what was acknowledged.
    Interval(Duration),
    /// When the system gets to it: a power cut may lose the last half minute.
    Never,
}

/// How much is kept of something; the oldest goes when any of these is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What is older goes; `Duration::MAX` keeps for ever.
    pub age: Duration,
    /// Most bytes on disk.
    pub bytes: u64,
    /// Most samples.
    pub samples: u64,
}

impl Retention {
    /// By age alone.
    pub const fn days(days: u64) -> Self {
        Self {
            age: Duration::from_hours(days * 24),
            bytes: u64::MAX,
            samples: u64::MAX,
        }
    }
}

/// Settings of a [`crate::Store`].
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// When appended samples are forced to stable storage; every 100 ms by default.
    pub fsync: Fsync,
    /// Blocks whose newest sample is older than this are removed; 30 days by default,
    /// `Duration::MAX` keeps for ever.
    pub retention: Duration,
    /// The oldest blocks go when all take more bytes than this; no limit by default.
    pub retention_bytes: u64,
    /// The oldest blocks go when all hold more samples than this; no limit by default.
    pub retention_samples: u64,
    /// How much is kept of the roll-ups of each resolution, in the order of
    /// [`crate::Resolution::ALL`]: 180 days and two years by default. Their samples are the values
    /// stored, of which a window has up to eight. An age of zero makes none.
    pub rollup_retention: [Retention; 2],
    /// A day is rolled up once it ended this long ago; 1 day by default. Raw data must be kept for
    /// a day longer, or the part of a day that is gone by then is missing in its roll-ups.
    /// `Duration::MAX` rolls nothing up, and leaves what is rolled up to its retention.
    pub rollup_after: Duration,
    /// How far behind the newest sample of its series in memory a sample may be; 1 h by default.
    /// Older than the retention none may be.
    pub out_of_order: Duration,
    /// How far ahead of the clock a sample may be; 10 min by default.
    pub future: Duration,
    /// How long samples stay in memory before they become a block; 1 h by default.
    pub block_duration: Duration,
    /// On disk the histograms of each such interval that count since the sample before are one;
    /// 15 s by default. One nanosecond keeps them apart.
    pub histogram_interval: Duration,
    /// Longest time that merged blocks cover; 1 day by default.
    pub merge_duration: Duration,
    /// The head becomes a block early when its samples take more memory than this; 64 MiB by
    /// default. Appends are refused as overload at four times as much.
    pub head_bytes_max: u64,
    /// Most series in the head; two million by default, of some 300 bytes each.
    pub series_max: usize,
    /// Most new series within one second; four million by default.
    pub series_per_second_max: u64,
    /// Most series one query may select; 200 000 by default.
    pub query_series_max: u64,
    /// Most samples one query may read; 200 million by default.
    pub query_samples_max: u64,
    /// Bytes allocated ahead for one segment of the write-ahead log; 8 MiB by default.
    pub segment_bytes: u64,
    /// The tables of records; none by default.
    pub tables: Vec<Table>,
    /// Where the current time comes from.
    pub clock: fn() -> Timestamp,
}

/// A table of records, and how much is kept of it.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its columns.
    pub schema: Arc<Schema>,
    /// How much is kept; its samples are the records.
    pub retention: Retention,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            fsync: Fsync::Interval(Duration::from_millis(100)),
            retention: Duration::from_hours(30 * 24),
            retention_bytes: u64::MAX,
            retention_samples: u64::MAX,
            rollup_retention: [Retention::days(180), Retention::days(2 * 365)],
            rollup_after: Duration::from_hours(24),
            out_of_order: Duration::from_hours(1),
            future: Duration::from_mins(10),
            block_duration: Duration::from_hours(1),
            histogram_interval: Duration::from_secs(15),
            merge_duration: Duration::from_hours(24),
            head_bytes_max: 64 << 20,
            series_max: 2_000_000,
            series_per_second_max: 4_000_000,
            query_series_max: 200_000,
            query_samples_max: 200_000_000,
            segment_bytes: 8 << 20,
            tables: Vec::new(),
            clock: Timestamp::now,
        }
    }
}

impl StoreOptions {
    /// How much is kept of samples as they were written.
    pub(crate) fn raw_retention(&self) -> Retention {
        Retention {
            age: self.retention,
            bytes: self.retention_bytes,
            samples: self.retention_samples,
        }
    }
}
