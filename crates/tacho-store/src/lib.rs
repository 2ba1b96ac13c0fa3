//! The embedded time-series store and the state database.
//!
//! Samples go through a write-ahead log into a head in memory, and from there into immutable
//! blocks by time; state records live in `SQLite`. Everything blocks, nothing is async, and the
//! disk is behind a small trait so that tests can crash it. The promises, each with a test:
//! an acknowledged write survives a killed process and, by policy, a power cut; damage costs the
//! record or page it is in; of two samples of one time the last wins; a full disk refuses writes
//! and recovers; readers never wait for the disk on behalf of writers.
//!
//! In reading order:
//! - [`Store`], [`StoreOptions`], [`StoreError`], [`StoreStats`]: what others use
//! - [`SnapshotInfo`], [`ValuesSnapshot`]: all current values of one moment, kept apart
//! - [`state`]: baselines, benchmarks, experiments, rules, alerts, silences,
//!   annotations, reports, tokens
//! - `snapshot`, [`check`], [`repair`]: a copy of a running store; is a folder sound
//! - `engine`: open, append, maintain; over `head`, `wal` and `block`
//! - [`records`]: tables of rows by time, for what is no series: spans above all
//! - `rollup`: what samples came to in windows of five minutes and of an hour
//! - `select`, `matching`, `samples`: how samples are found and put in order
//! - `cache`, `chunk`: decoded parts of blocks; samples sealed in memory
//! - `codec`: numbers in bytes
//! - `folder`, `quarantine`, `disk`: the data folder, damage, and the system below
//!
//! The bytes on disk are described in `docs/format.md`.

#![forbid(unsafe_code)]

#[cfg(feature = "bench")]
pub mod bench;
mod block;
mod cache;
mod check;
mod chunk;
mod codec;
mod disk;
mod engine;
mod error;
mod fold;
mod folder;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod head;
mod interner;
mod matching;
mod options;
mod quarantine;
pub mod records;
mod rollup;
mod samples;
mod select;
mod snapshot;
pub mod state;
mod stats;
mod store;
mod tombstones;
mod value_snapshots;
mod wal;

#[cfg(test)]
mod tests;

pub use check::{Checked, Progress, check, repair};
pub use engine::{Maintenance, PreparedRecords};
pub use error::StoreError;
pub use fold::FOLD_AFTER;
pub use options::{Fsync, Retention, StoreOptions, Table};
pub use quarantine::Quarantined;
pub use rollup::{Aggregate, Resolution};
pub use snapshot::Snapshot;
pub use state::State;
pub use stats::{RollUpStats, StoreStats, TableStats};
pub use store::Store;
pub use value_snapshots::{
    SNAPSHOT_LOOKBACK, SNAPSHOTS_MAX, SnapshotInfo, SnapshotRetention, ValuesSnapshot,
};
