//! Taking, listing, opening and removing snapshots of all current values.
//!
//! Taking one merges the series of heads and blocks in order of their labels and decodes one at a
//! time: the labels of the head are in memory, the samples of the lookback never are together.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tacho_model::{Columns, Histogram, Labels, TimeRange, Timestamp};

use super::Engine;
use crate::block::find::Cursor;
use crate::block::{Block, BlockWriter, Part};
use crate::cache::Cache;
use crate::chunk::{self, Chunk};
use crate::codec::Effort;
use crate::disk::Disk;
use crate::error::StoreError;
use crate::head::Head;
use crate::matching::Filter;
use crate::quarantine::Quarantine;
use crate::samples::Gather;
use crate::tombstones::Pending;
use crate::value_snapshots::{
    SNAPSHOTS_MAX, SnapshotInfo, SnapshotRetention, Snapshots, ValuesSnapshot, file_of, id_of,
    is_name, surplus,
};

/// Snapshots are told apart by their time; two of one moment are this far apart.
const INSTANT: Duration = Duration::from_millis(1);

/// The folder they are in.
pub(crate) fn folder(dir: &Path) -> PathBuf {
    dir.join("snapshots")
}

/// Finds the snapshots of a folder; removes what a crash left half done, and sets damaged ones
/// aside.
pub(super) fn open(
    disk: &dyn Disk,
    dir: &Path,
    quarantine: &Quarantine,
    cache: &Arc<Cache>,
) -> Result<Snapshots, StoreError> {
    let folder = folder(dir);
    let names = match disk.list(&folder) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(StoreError::io("list", &folder, source)),
    };
    let mut list = Vec::new();
    for name in names {
        let path = folder.join(&name);
        let extension = path.extension().and_then(std::ffi::OsStr::to_str);
        if extension == Some("tmp") && !quarantine.read_only {
            let removed = disk.remove(&path);
            removed.map_err(|source| StoreError::io("remove", &path, source))?;
        }
        if extension != Some("block") {
            continue;
        }
        match Block::open(disk, &path, quarantine.reports.clone(), cache.clone()) {
            // A file of another name is somebody else's.
            Ok(block) => list.extend(SnapshotInfo::of(&block)),
            Err(StoreError::Damaged { reason, .. }) => {
                let length = disk.open(&path).and_then(|file| file.len()).unwrap_or(0);
                quarantine.take(&path, length, &reason);
            }
            Err(other) => return Err(other),
        }
    }
    list.sort_by_key(|snapshot| snapshot.created);
    let snapshots = Snapshots::default();
    *snapshots.list.lock() = list;
    Ok(snapshots)
}

impl Engine {
    /// Keeps the newest value, at most `lookback` before `now`, of every series that has not
    /// ended.
    pub(crate) fn take_snapshot(
        &self,
        name: Option<&str>,
        now: Timestamp,
        lookback: Duration,
    ) -> Result<SnapshotInfo, StoreError> {
        self.refuse_if_read_only()?;
        if let Some(name) = name.filter(|name| !is_name(name)) {
            let name = name.chars().take(100).collect();
            return Err(StoreError::SnapshotName { name });
        }
        let _taking = self.snapshots.taking.lock();
        let (mut created, held) = (now.align_down(INSTANT), self.snapshots());
        if held.len() >= SNAPSHOTS_MAX {
            let limit = SNAPSHOTS_MAX;
            return Err(StoreError::TooManySnapshots { limit });
        }
        while held.iter().any(|snapshot| snapshot.created == created) {
            created = created + INSTANT;
        }
        let folder = folder(&self.dir);
        let io = |verb| move |source| StoreError::io(verb, &self.dir, source);
        self.disk
            .create_dir(&folder)
            .map_err(io("create a folder in"))?;
        self.disk.sync_dir(&self.dir).map_err(io("sync"))?;
        let path = folder.join(file_of(&id_of(created, name)));
        let mut writer = BlockWriter::create(self.disk.clone(), &path, Effort::Quick)?;
        if let Err(error) = self.write_values(&mut writer, TimeRange::last(lookback, now)) {
            writer.abandon();
            return Err(error);
        }
        let info = SnapshotInfo::of(&self.open_block(&path)?);
        let info = info.ok_or_else(|| StoreError::Damaged {
            path,
            offset: 0,
            reason: "its name is not what it was called".to_owned(),
        })?;
        let mut list = self.snapshots.list.lock();
        list.push(info.clone());
        list.sort_by_key(|snapshot| snapshot.created);
        Ok(info)
    }

    fn write_values(&self, writer: &mut BlockWriter, range: TimeRange) -> Result<(), StoreError> {
        let (older, head) = {
            let memory = self.memory.read();
            (memory.older(), memory.head.clone())
        };
        // From the oldest writes to the newest, as everywhere.
        let mut sources = Vec::new();
        for block in older.blocks(range) {
            let pending = Pending::of(&older.tombstones, &block.footer);
            sources.push(Source::Block(Cursor::new(block)?, pending));
        }
        for head in older.frozen.iter().chain([&head]) {
            sources.push(Source::Head(live(head, range).into_iter().peekable()));
        }
        let mut names = BTreeSet::new();
        let mut columns = Columns::new();
        while let Some(labels) = first(&mut sources) {
            let mut newest = None;
            for source in &mut sources {
                let sample = source.newest(&labels, range, &mut columns)?;
                newest = later(newest, sample);
            }
            if !put(newest, &mut columns) {
                continue;
            }
            writer.add(labels.as_ref(), &[Part::Columns(&columns)])?;
            if !names.contains(labels.name()) {
                names.insert(labels.name().to_owned());
            }
        }
        let metadata = self.metadata.read().clone();
        let described: Vec<_> = metadata
            .iter()
            .filter(|(n, _)| names.contains(*n))
            .collect();
        let pairs = described
            .into_iter()
            .map(|(name, value)| (name.as_str(), value));
        writer.finish(pairs, (0, 0), 0, 0)
    }

    /// All snapshots, from the oldest to the newest.
    pub(crate) fn snapshots(&self) -> Vec<SnapshotInfo> {
        self.snapshots.list.lock().clone()
    }

    /// The snapshot of that id, or the newest of that name, or the newest of all for `latest`.
    pub(crate) fn snapshot(&self, wanted: &str) -> Result<Option<ValuesSnapshot>, StoreError> {
        let Some(info) = self.find_snapshot(wanted) else {
            return Ok(None);
        };
        let Some(block) = self.open_snapshot(&info)? else {
            return Ok(None);
        };
        Ok(Some(ValuesSnapshot {
            info,
            block,
            limits: (
                self.options.query_series_max,
                self.options.query_samples_max,
            ),
        }))
    }

    /// Opens a snapshot's file; `None` when it was removed a moment ago.
    fn open_snapshot(&self, info: &SnapshotInfo) -> Result<Option<Arc<Block>>, StoreError> {
        let path = folder(&self.dir).join(info.file());
        match self.open_block(&path) {
            Ok(block) => Ok(Some(Arc::new(block))),
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The files of all snapshots, open.
    pub(crate) fn snapshot_blocks(&self) -> Result<Vec<Arc<Block>>, StoreError> {
        let opened = self.snapshots().into_iter();
        let opened = opened.map(|info| self.open_snapshot(&info));
        opened.filter_map(Result::transpose).collect()
    }

    /// Where the files of all snapshots are; one may be removed meanwhile.
    pub(crate) fn snapshot_paths(&self) -> Vec<PathBuf> {
        let folder = folder(&self.dir);
        let all = self.snapshots().into_iter();
        all.map(|info| folder.join(info.file())).collect()
    }

    fn find_snapshot(&self, wanted: &str) -> Option<SnapshotInfo> {
        let list = self.snapshots.list.lock();
        let newest = || list.iter().rev();
        let by_id = newest().find(|snapshot| snapshot.id == wanted);
        let by_name = || newest().find(|snapshot| snapshot.name.as_deref() == Some(wanted));
        let latest = || newest().next().filter(|_| wanted == "latest");
        by_id.or_else(by_name).or_else(latest).cloned()
    }

    /// Removes the snapshot of that id, name, or `latest`; which one it was.
    pub(crate) fn remove_snapshot(&self, wanted: &str) -> Result<Option<SnapshotInfo>, StoreError> {
        self.refuse_if_read_only()?;
        let Some(info) = self.find_snapshot(wanted) else {
            return Ok(None);
        };
        // Hidden first: whoever reads it now keeps it open, nobody finds it from here on.
        self.snapshots
            .list
            .lock()
            .retain(|other| other.id != info.id);
        let folder = folder(&self.dir);
        let path = folder.join(info.file());
        let removed = self.disk.remove(&path);
        removed.map_err(|source| StoreError::io("remove", &path, source))?;
        let synced = self.disk.sync_dir(&folder);
        synced.map_err(|source| StoreError::io("sync", &folder, source))?;
        Ok(Some(info))
    }

    /// Removes the snapshots without a name that are too old or too many; how many.
    pub(crate) fn retain_snapshots(
        &self,
        retention: SnapshotRetention,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let gone = surplus(&self.snapshots.list.lock(), retention, now);
        for id in &gone {
            self.remove_snapshot(id)?;
        }
        Ok(gone.len())
    }

    fn refuse_if_read_only(&self) -> Result<(), StoreError> {
        if self.writer.is_some() {
            return Ok(());
        }
        let reason = "it was opened read-only".to_owned();
        Err(StoreError::ReadOnly { reason })
    }
}

/// One sample.
type Sample = (Timestamp, Held);

enum Held {
    Float(f64),
    Histogram(Box<Histogram>),
}

/// The newest sample of a series of a head that is not sealed, and the sealed chunks that may hold
/// a newer one, nearly always none.
struct Live {
    labels: Labels,
    chunks: Vec<Chunk>,
    open: Option<Sample>,
}

/// The series of a head that may have samples inside `range`, in order of their labels. What is
/// sealed is decoded later, so that writers wait for no decoding.
fn live(head: &Head, range: TimeRange) -> Vec<Live> {
    let mut all = Vec::new();
    head.for_each(&Filter::new(&[]), range, |labels, series| {
        let open = series.open(range).as_ref().and_then(newest_of);
        let newest = open.as_ref().map(|(time, _)| *time);
        let newer = |chunk: &&Chunk| {
            chunk.range().overlaps(range) && newest.is_none_or(|time| time < chunk.range().end)
        };
        all.push(Live {
            labels: labels.to_owned(),
            chunks: series.chunks().iter().filter(newer).cloned().collect(),
            open,
        });
        true
    });
    all.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
    all
}

/// Series in order of their labels.
enum Source<'a> {
    Block(Cursor<'a>, Pending<'a>),
    Head(Peekable<std::vec::IntoIter<Live>>),
}

impl Source<'_> {
    fn labels(&mut self) -> Option<&Labels> {
        match self {
            Self::Block(cursor, _) => cursor.current().map(|(labels, _)| labels),
            Self::Head(series) => series.peek().map(|live| &live.labels),
        }
    }

    /// The newest sample of the series inside `range`, if it stands at that one; it goes on to the
    /// next then.
    fn newest(
        &mut self,
        labels: &Labels,
        range: TimeRange,
        columns: &mut Columns,
    ) -> Result<Option<Sample>, StoreError> {
        if self.labels() != Some(labels) {
            return Ok(None);
        }
        let mut gather = Gather::new(columns, range);
        match self {
            Self::Block(cursor, pending) => {
                gather.hide(&pending.hidden(labels.as_ref()));
                if let Some((_, rows)) = cursor.current() {
                    cursor.block().read_rows(rows, range, &mut gather)?;
                }
                gather.finish();
                cursor.advance()?;
                Ok(newest_of(columns))
            }
            Self::Head(series) => {
                let Some(live) = series.next() else {
                    return Ok(None);
                };
                chunk::read_all(&live.chunks, &mut gather)?;
                gather.finish();
                Ok(later(newest_of(columns), live.open))
            }
        }
    }
}

/// The lowest labels that any source stands at.
fn first(sources: &mut [Source<'_>]) -> Option<Labels> {
    sources.iter_mut().filter_map(Source::labels).min().cloned()
}

/// The later of two samples; of one time, the one that was written later.
fn later(written_before: Option<Sample>, written_after: Option<Sample>) -> Option<Sample> {
    match (written_before, written_after) {
        (Some(before), Some(after)) if after.0 < before.0 => Some(before),
        (before, after) => after.or(before),
    }
}

/// The newest sample of both sorts.
fn newest_of(columns: &Columns) -> Option<Sample> {
    let number = columns.timestamps.last().zip(columns.values.last());
    let number = number.map(|(time, value)| (*time, Held::Float(*value)));
    let times = columns.histogram_timestamps.last();
    let histogram = times.zip(columns.histograms.last());
    let histogram = histogram.map(|(time, h)| (*time, Held::Histogram(Box::new(h.clone()))));
    later(number, histogram)
}

/// Puts a sample into `columns`; false when there is none, or the series has ended.
fn put(sample: Option<Sample>, columns: &mut Columns) -> bool {
    columns.clear();
    match sample {
        Some((_, Held::Float(value))) if tacho_model::append::is_stale(value) => false,
        Some((time, Held::Float(value))) => {
            columns.timestamps.push(time);
            columns.values.push(value);
            true
        }
        Some((time, Held::Histogram(histogram))) => {
            columns.histogram_timestamps.push(time);
            columns.histograms.push(*histogram);
            true
        }
        None => false,
    }
}
