//! The store: the engine for samples and the state database over one locked data folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tacho_model::{
    AppendError, AppendOutcome, Appender, Batch, Columns, LabelsRef, Matcher, Metadata, Querier,
    QueryError, Selection, TimeRange, Timestamp, append::Culprit,
};

use crate::disk::RealDisk;
use crate::engine::{Engine, Maintenance, PreparedRecords};
use crate::error::StoreError;
use crate::folder::{self, FolderLock};
use crate::options::StoreOptions;
use crate::records::{RecordQuery, Records};
use crate::rollup::{Aggregate, Resolution};
use crate::snapshot::{self, Snapshot};
use crate::state::{self, State};
use crate::stats::StoreStats;
use crate::value_snapshots::{SnapshotInfo, SnapshotRetention, ValuesSnapshot};

/// An open data folder. Share it behind an `Arc`; it is closed when dropped: the log is synced
/// then, and nothing needs to be flushed first.
pub struct Store {
    // Dropped in this order: the lock goes last.
    engine: Engine,
    state: State,
    _lock: FolderLock,
}

impl Store {
    /// Opens a data folder for writing, creating it where missing, and locks it against other
    /// processes. Damage is set aside and reported by [`Self::stats`].
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::NotWritable`], [`StoreError::NewerFormat`] say what
    /// to do; an error of the disk is [`StoreError::Io`].
    pub fn open(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let lock = folder::lock_for_writing(dir)?;
        Self::with_lock(dir, options, lock, false)
    }

    /// Opens an existing data folder for reading, while no process writes to it. Nothing in the
    /// folder is changed, so a damaged log is replayed as far as it goes.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while a writer has the folder (ask that one over HTTP),
    /// [`StoreError::Missing`] when there is no store.
    pub fn open_read_only(dir: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let lock = folder::lock_for_reading(dir)?;
        Self::with_lock(dir, options, lock, true)
    }

    fn with_lock(
        dir: &Path,
        options: StoreOptions,
        lock: FolderLock,
        read_only: bool,
    ) -> Result<Self, StoreError> {
        let engine = Engine::open(Arc::new(RealDisk), dir, options, read_only)?;
        let path = dir.join(state::STATE_FILE);
        let state = if read_only {
            State::open_read_only(&path)?
        } else {
            open_state(&path, &engine)?
        };
        Ok(Self {
            engine,
            state,
            _lock: lock,
        })
    }

    /// What is due at `now`: memory into blocks, merging of blocks, retention. Meant to be called
    /// every few seconds; cheap when nothing is due, and it bounds the work it does in one call.
    pub fn maintain(&self, now: Timestamp) -> Result<Maintenance, StoreError> {
        self.engine.maintain(now)
    }

    /// The part of [`Self::maintain`] that must not wait for the rest: memory that is old or large
    /// enough becomes a block. For a thread of its own beside the one that merges.
    pub fn write_out(&self, now: Timestamp) -> Result<Maintenance, StoreError> {
        self.engine.write_out(now)
    }

    /// Sleeps until [`Self::write_out`] has something to do before its usual time, because memory
    /// filled up, but at most this long.
    pub fn wait_for_work(&self, at_most: Duration) {
        self.engine.wait_for_work(at_most);
    }

    /// Ends the sleep of [`Self::wait_for_work`] on another thread.
    pub fn wake(&self) {
        self.engine.wake();
    }

    /// Brings everything held in memory into its final form on disk.
    pub fn flush(&self) -> Result<Maintenance, StoreError> {
        self.engine.compact()
    }

    /// Deletes what was written so far of the matching series inside `range`; how many series
    /// that concerns. Readers see the change at once, the disk gets smaller with maintenance.
    /// What is written afterwards, at the same times too, is kept.
    ///
    /// # Errors
    /// [`StoreError::TooManyDeletions`] when too many wait to be applied; [`StoreError::ReadOnly`].
    pub fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<usize, StoreError> {
        self.engine.delete(matchers, range)
    }

    /// How many series [`Self::delete`] would concern.
    pub fn count_series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<usize, StoreError> {
        self.engine.count_series(matchers, range)
    }

    /// Makes a copy of everything acknowledged so far, a data folder of its own, while writing and
    /// reading go on. The folder `to` must not exist, the one it is in must; it appears when the
    /// copy is complete and on disk, so half a copy never looks like one. What is immutable is
    /// shared by hard links where the two are on one file system.
    ///
    /// # Errors
    /// [`StoreError::Occupied`] when something is there, [`StoreError::NoSpace`] when the disk is
    /// full; what was copied until then is removed.
    pub fn snapshot(&self, to: &Path) -> Result<Snapshot, StoreError> {
        snapshot::take(&self.engine, &self.state, to)
    }

    /// Keeps the newest value of every series that has not ended, if it is at most `lookback`
    /// older than `now`: what Prometheus' instant lookup would answer. One with a `name` stays
    /// until it is removed.
    ///
    /// # Errors
    /// [`StoreError::SnapshotName`], [`StoreError::TooManySnapshots`]; [`StoreError::ReadOnly`].
    pub fn snapshot_values(
        &self,
        name: Option<&str>,
        now: Timestamp,
        lookback: Duration,
    ) -> Result<SnapshotInfo, StoreError> {
        self.engine.take_snapshot(name, now, lookback)
    }

    /// All snapshots of values, from the oldest to the newest.
    pub fn value_snapshots(&self) -> Vec<SnapshotInfo> {
        self.engine.snapshots()
    }

    /// The snapshot of values of that id, or the newest of that name, or of all for `latest`.
    pub fn value_snapshot(&self, wanted: &str) -> Result<Option<ValuesSnapshot>, StoreError> {
        self.engine.snapshot(wanted)
    }

    /// Removes a snapshot of values, found as by [`Self::value_snapshot`]; which one it was.
    pub fn remove_value_snapshot(&self, wanted: &str) -> Result<Option<SnapshotInfo>, StoreError> {
        self.engine.remove_snapshot(wanted)
    }

    /// Removes the snapshots of values without a name that are too old or too many; how many.
    pub fn retain_value_snapshots(
        &self,
        retention: SnapshotRetention,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.engine.retain_snapshots(retention, now)
    }

    /// The metric with the most series in memory.
    pub fn largest_metric(&self) -> Option<Culprit> {
        self.engine.largest_metric()
    }

    /// One aggregate of the roll-ups of the matching series, for the windows that end inside
    /// `range`; see [`Aggregate`] for what each is. A window's value is at the window's end, but
    /// for the first and the last number, which are at their own times, and are those of the same
    /// windows. Samples younger than [`StoreOptions::rollup_after`] and two days are not rolled
    /// up; windows from which something was deleted are left out until they are made again.
    pub fn select_rolled_up(
        &self,
        resolution: Resolution,
        aggregate: Aggregate,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Box<dyn Selection + '_>, QueryError> {
        let engine = &self.engine;
        engine.select_rolled_up(resolution, aggregate, matchers, range)
    }

    /// Appends rows to a table. What is accepted is in the log when this returns, all of it or
    /// nothing.
    ///
    /// # Errors
    /// [`AppendError::Failed`] with a [`crate::records::RecordsError`] when there is no such table
    /// or its columns are others; else as [`Appender::append`].
    pub fn append_records(
        &self,
        table: &str,
        records: &Records,
    ) -> Result<AppendOutcome, AppendError> {
        self.engine.append_records(table, records)
    }

    /// Decides about rows of a table and encodes those that it takes, for
    /// [`Self::append_together`]: what takes time is done before whoever counts them holds a lock.
    ///
    /// # Errors
    /// [`AppendError::Failed`] when there is no such table, or the rows are of another one.
    pub fn prepare_records(
        &self,
        table: &str,
        records: &Arc<Records>,
    ) -> Result<PreparedRecords, AppendError> {
        self.engine.prepare(table, records)
    }

    /// Keeps a batch, as [`Appender::append`] does, and rows of a table, as [`Self::append_records`]
    /// does, so that after a crash either both are there or neither is; what became of each.
    ///
    /// # Errors
    /// As theirs; neither was kept then.
    pub fn append_together(
        &self,
        batch: &Batch,
        rows: PreparedRecords,
    ) -> Result<(AppendOutcome, AppendOutcome), AppendError> {
        self.engine.append_together(batch, rows)
    }

    /// The first records of a table that satisfy a query, in its order, with the columns that it
    /// names.
    ///
    /// # Errors
    /// [`QueryError::TooMuch`] when it would touch more records than a query may touch samples, or
    /// returns too many; [`QueryError::Failed`] when there is no such table or column.
    pub fn select_records(
        &self,
        table: &str,
        query: &RecordQuery<'_>,
    ) -> Result<Records, QueryError> {
        self.engine.select_records(table, query)
    }

    /// Hands all records of a table that satisfy a query to `each`, some at a time, until it
    /// returns false; however many they are. The query's order and limit say nothing here: groups
    /// come by the time of their first record.
    ///
    /// # Errors
    /// As [`Self::select_records`].
    pub fn scan_records(
        &self,
        table: &str,
        query: &RecordQuery<'_>,
        each: impl FnMut(&Records) -> bool,
    ) -> Result<(), QueryError> {
        self.engine.scan_records(table, query, each)
    }

    /// Sizes, counts, and the damage that was found.
    pub fn stats(&self) -> StoreStats {
        self.engine.stats()
    }

    /// The state records.
    pub fn state(&self) -> &State {
        &self.state
    }
}

/// Opens the state database; a damaged one is set aside, and an empty one takes its place.
fn open_state(path: &Path, engine: &Engine) -> Result<State, StoreError> {
    match State::open(path) {
        Err(error) if state::is_damage(&error) => {
            for file in state::files(path) {
                if let Ok(held) = file.metadata() {
                    engine.set_aside(&file, held.len(), "the state database is damaged");
                }
            }
            State::open(path)
        }
        opened => opened,
    }
}

impl Appender for Store {
    fn append(&self, batch: &Batch) -> Result<AppendOutcome, AppendError> {
        self.engine.append(batch)
    }
}

impl Querier for Store {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Box<dyn Selection + '_>, QueryError> {
        self.engine.select(matchers, range)
    }

    fn read_series(
        &self,
        labels: LabelsRef<'_>,
        range: TimeRange,
        into: &mut Columns,
    ) -> Result<bool, QueryError> {
        self.engine.read_series(labels, range, into)
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        self.engine.label_values(name, matchers, range)
    }

    fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        self.engine.label_names(matchers, range)
    }

    fn metadata(&self, name: &str) -> Option<Metadata> {
        self.engine.metadata(name)
    }
}
