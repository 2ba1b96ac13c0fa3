//! The time-series engine: log, head, blocks, and what keeps them in step.
//!
//! Invariants:
//! 1. a batch is in the log before it is in the head, and in the head before `append` returns;
//! 2. samples (and records) are, from the oldest write to the newest, in blocks (by sequence), in the
//!    frozen head, in the head; a reader takes hold of all three under one lock, so that none is lost
//!    between two of them, and reads from disk after it has let go of the lock;
//! 3. samples enter the log and the head in one order: under the writer's lock. Locks are taken in
//!    the order memory, writer, a shard of the head; nobody who holds the memory's lock takes it
//!    again.
//!
//! In reading order: [`open`] and [`replay`] (from files to memory), [`append`],
//! [`maintain`] (from memory to blocks, retention), [`merge`], [`rollup`] and [`rolled_up`]
//! (making roll-ups, reading them), [`value_snapshots`], [`records`] (tables of records on all of
//! this). Not for state records: those are in
//! [`crate::state`].

mod append;
mod delete;
pub(crate) mod growth;
mod maintain;
mod merge;
mod open;
pub(crate) mod records;
mod replay;
mod retain;
mod rolled_up;
pub(crate) mod rollup;
pub(crate) mod value_snapshots;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock};
use tacho_model::append::Culprit;
use tacho_model::{
    Columns, LabelsRef, Matcher, Metadata, QueryError, Selection, TimeRange, Timestamp,
};

use crate::block::Block;
use crate::cache::Cache;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::head::Head;
use crate::matching::Filter;
use crate::options::StoreOptions;
use crate::quarantine::Quarantine;
use crate::select::{Found, Older, Selected, failed, labels_in};
use crate::stats::StoreStats;
use crate::tombstones::{Pending, Tombstone, covers};
use crate::value_snapshots::Snapshots;
use crate::wal::sync::Syncer;
use crate::wal::{LogFile, segment};
use append::{Scratch, Writer};
pub use maintain::Maintenance;
pub use records::PreparedRecords;

/// Most metric names whose metadata is kept; what comes beyond it is dropped.
pub(crate) const METADATA_MAX: usize = 100_000;

/// The time-series engine over one folder.
pub(crate) struct Engine {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: StoreOptions,
    quarantine: Quarantine,
    /// Decoded parts of the blocks.
    cache: Arc<Cache>,
    /// `None` when opened read-only.
    writer: Option<Mutex<Writer>>,
    syncer: Arc<Syncer>,
    memory: RwLock<Memory>,
    metadata: RwLock<BTreeMap<String, Metadata>>,
    scratches: Mutex<Vec<Scratch>>,
    growth: growth::Growth,
    work: Work,
    snapshots: Snapshots,
    /// What making roll-ups remembers.
    rolling: Mutex<rollup::Rolling>,
    /// Held while blocks are merged or removed. Taken before `flushing`.
    maintenance: Mutex<()>,
    /// Held while a head becomes a block, which is added at the end of the list: merging, which may
    /// take long, need not wait for it, nor it for merging.
    flushing: Mutex<()>,
}

/// What readers see.
struct Memory {
    /// In order of their sequence.
    blocks: Vec<Arc<Block>>,
    frozen: Option<Arc<Head>>,
    head: Arc<Head>,
    /// Deletions that blocks still have to be cleaned of.
    tombstones: Arc<[Tombstone]>,
    /// By resolution, in order of their days.
    rollups: [Vec<rollup::RolledDay>; 2],
    records: records::RecordTables,
}

/// Says that maintenance is due before its time.
#[derive(Default)]
struct Work {
    due: Mutex<bool>,
    wake: Condvar,
}

impl Work {
    fn wake(&self) {
        let mut due = self.due.lock();
        if !*due {
            *due = true;
            self.wake.notify_all();
        }
    }

    fn wait(&self, at_most: Duration) {
        let mut due = self.due.lock();
        if !*due {
            self.wake.wait_for(&mut due, at_most);
        }
        *due = false;
    }
}

impl Memory {
    fn older(&self) -> Older {
        Older {
            blocks: self.blocks.clone(),
            frozen: self.frozen.clone(),
            tombstones: self.tombstones.clone(),
        }
    }

    /// The number of the last deletion that anything knows of.
    fn last_tombstone(&self) -> u64 {
        let rolled_up = self.rollups.iter().flatten().map(|rolled| &rolled.block);
        let all = self.blocks.iter().chain(rolled_up);
        let applied = all.map(|block| block.footer.tombstones);
        let waiting = self.tombstones.iter().map(|tombstone| tombstone.id);
        applied.chain(waiting).max().unwrap_or(0)
    }

    /// From the oldest to the newest sample there is; empty when there is none.
    fn range(&self) -> TimeRange {
        let heads = self.frozen.iter().chain(Some(&self.head));
        let ranges = self.blocks.iter().map(|block| block.footer.range);
        ranges
            .chain(heads.map(|head| head.range()))
            .filter(|range| range.start <= range.end)
            .reduce(|a, b| TimeRange::new(a.start.min(b.start), a.end.max(b.end)))
            .unwrap_or(TimeRange::new(Timestamp::MAX, Timestamp::MIN))
    }
}

impl Engine {
    /// Moves a damaged file away and reports it.
    pub(crate) fn set_aside(&self, path: &Path, bytes: u64, reason: &str) {
        self.quarantine.take(path, bytes, reason);
    }

    /// See [`tacho_model::Querier::select`].
    pub(crate) fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Box<dyn Selection + '_>, QueryError> {
        Ok(Box::new(self.selected(&Filter::new(matchers), range)?))
    }

    /// See [`tacho_model::Querier::read_series`].
    pub(crate) fn read_series(
        &self,
        labels: LabelsRef<'_>,
        range: TimeRange,
        into: &mut Columns,
    ) -> Result<bool, QueryError> {
        into.clear();
        let matchers: Vec<Matcher> = labels.iter().map(|(n, v)| Matcher::equal(n, v)).collect();
        let selected = self.selected(&Filter::exactly(labels, &matchers), range)?;
        let is_meant = |at: &usize| selected.labels(*at).as_ref() == labels;
        match (0..selected.len()).find(is_meant) {
            Some(at) => selected.read(at, into).map(|()| true),
            None => Ok(false),
        }
    }

    fn selected(&self, filter: &Filter<'_>, range: TimeRange) -> Result<Selected, QueryError> {
        let mut newest = Found::new(self.options.query_series_max);
        let older = {
            let memory = self.memory.read();
            newest.add_head(&memory.head, filter, range);
            memory.older()
        };
        older.select(newest, filter, range, self.options.query_samples_max)
    }

    /// See [`tacho_model::Querier::label_values`].
    pub(crate) fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        let values = |block: &Block, each: &mut dyn FnMut(&str)| block.values_of(name, each);
        self.distinct(matchers, range, values, |labels, each| {
            if let Some(value) = labels.get(name) {
                each(value);
            }
        })
    }

    /// See [`tacho_model::Querier::label_names`].
    pub(crate) fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        let names = |block: &Block, each: &mut dyn FnMut(&str)| {
            let labels = block.directory.labels.iter();
            labels.for_each(|label| each(&label.name));
            Ok(Some(()))
        };
        self.distinct(matchers, range, names, |labels, each| {
            for (name, _) in labels {
                each(name);
            }
        })
    }

    /// The sorted, distinct texts that `of` hands out for the matching series. `indexed` hands out
    /// those of all series of a block, or says that it cannot.
    fn distinct(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        indexed: impl Fn(&Block, &mut dyn FnMut(&str)) -> Result<Option<()>, StoreError>,
        of: impl Fn(LabelsRef<'_>, &mut dyn FnMut(&str)),
    ) -> Result<Vec<String>, QueryError> {
        let filter = Filter::new(matchers);
        let (newest, older) = {
            let memory = self.memory.read();
            (labels_in(&memory.head, &filter, range), memory.older())
        };
        let mut texts = BTreeSet::new();
        let mut add = |text: &str| {
            if !texts.contains(text) {
                texts.insert(text.to_owned());
            }
        };
        for block in older.blocks(range) {
            let pending = Pending::of(&older.tombstones, &block.footer);
            let all = filter.is_empty() && pending.is_empty();
            if all && indexed(block, &mut add).map_err(failed)?.is_some() {
                continue;
            }
            let walk = block.matching(&filter, range, |series| {
                if !covers(&pending.hidden(series.labels), range) {
                    of(series.labels, &mut add);
                }
                true
            });
            walk.map_err(failed)?;
        }
        older.for_each_frozen(&filter, range, |labels| of(labels, &mut add));
        for labels in &newest {
            of(labels.as_ref(), &mut add);
        }
        Ok(texts.into_iter().collect())
    }

    /// See [`tacho_model::Querier::metadata`].
    pub(crate) fn metadata(&self, name: &str) -> Option<Metadata> {
        self.metadata.read().get(name).cloned()
    }

    /// The disk that the engine is on.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The data folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where damaged bytes go.
    pub(crate) fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    /// Runs `work` with the files that hold everything appended so far. Until it returns no block
    /// and no segment goes away; appending goes on.
    pub(crate) fn with_files<T>(
        &self,
        work: impl FnOnce(&[Arc<Block>], &[LogFile]) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _maintenance = self.maintenance.lock();
        let _flushing = self.flushing.lock();
        let blocks = self.memory.read().blocks.clone();
        let log = match &self.writer {
            Some(writer) => writer.lock().wal.files(),
            None => self.log_at_rest()?,
        };
        work(&blocks, &log)
    }

    /// The segments of a log that nobody writes to.
    fn log_at_rest(&self) -> Result<Vec<LogFile>, StoreError> {
        let dir = self.dir.join("wal");
        let names = match self.disk.list(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            listed => listed.map_err(|source| StoreError::io("list", &dir, source))?,
        };
        let segments = names
            .iter()
            .filter(|name| segment::number_of(name).is_some());
        let file = |name| LogFile {
            path: dir.join(name),
            length: None,
        };
        Ok(segments.map(file).collect())
    }

    /// Sleeps until maintenance is due before its time, or `at_most`.
    pub(crate) fn wait_for_work(&self, at_most: Duration) {
        self.work.wait(at_most);
    }

    /// Wakes whoever sleeps in [`Self::wait_for_work`].
    pub(crate) fn wake(&self) {
        self.work.wake();
    }

    /// The metric with the most series in memory.
    pub(crate) fn largest_metric(&self) -> Option<Culprit> {
        let head = self.memory.read().head.clone();
        growth::culprit(&head)
    }

    /// Sizes and counts.
    pub(crate) fn stats(&self) -> StoreStats {
        let memory = self.memory.read();
        let wal_bytes = self.writer.as_ref().map_or(0, |w| w.lock().wal.bytes());
        let frozen = memory.frozen.as_deref();
        let both = |of: fn(&Head) -> u64| of(&memory.head) + frozen.map_or(0, of);
        let block_bytes: u64 = memory.blocks.iter().map(|block| block.bytes).sum();
        let rollups = memory.rollup_stats();
        let rollup_bytes: u64 = rollups.iter().map(|each| each.bytes).sum();
        let range = memory.range();
        let held = range.start <= range.end;
        StoreStats {
            series: memory
                .head
                .series_count()
                .max(frozen.map_or(0, Head::series_count)) as u64,
            samples_in_memory: both(Head::samples),
            head_bytes: both(Head::bytes) + memory.records.memory_bytes(),
            disk_bytes: block_bytes + rollup_bytes + memory.records.file_bytes() + wal_bytes,
            wal_bytes,
            blocks: memory.blocks.len() as u64,
            samples_in_blocks: memory.blocks.iter().map(|b| b.footer.samples).sum(),
            rollups,
            tables: memory.records.stats(),
            oldest: held.then_some(range.start),
            newest: held.then_some(range.end),
            quarantined: self.quarantine.reports.list(),
        }
    }
}
