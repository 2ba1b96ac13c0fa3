//! Merging small blocks into larger ones, so that a month is dozens of files, not hundreds.
//!
//! Only neighbours in the order of writing are merged, so that a merged block stands where its
//! parts stood and the newest write still wins. One merge a call bounds the work. A merged block
//! is in its final form: large pages, encoded with care, on two threads.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::{Columns, Labels, TimeRange};

use super::Engine;
use super::maintain::Maintenance;
use crate::block::find::Cursor;
use crate::block::format::{Footer, Sort};
use crate::block::paged::PagedFile;
use crate::block::rows::{TimesPool, seal};
use crate::block::{Block, BlockWriter, Part};
use crate::chunk::Chunk;
use crate::codec::Effort;
use crate::error::StoreError;
use crate::samples::Gather;
use crate::tombstones::{Pending, Tombstone};

/// Blocks of one level that are merged into one of the next. With blocks of an hour: 4 h, 16 h.
const MERGE_COUNT: usize = 4;
/// Samples that are read before they are encoded together.
const BATCH_SAMPLES: usize = 1 << 17;
/// Columns with room for more samples than this are not kept for the next series.
const SPARE_MAX: usize = 256;
/// Threads that encode.
const THREADS: usize = 2;

impl Engine {
    /// Merges one run of neighbouring blocks, if there is one that is worth it.
    pub(crate) fn merge(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        let blocks = self.memory.read().blocks.clone();
        match mergeable(&footers(&blocks), self.options.merge_duration) {
            Some(run) => self.merge_run(run, done),
            None => Ok(()),
        }
    }

    /// Merges everything into as few blocks as there are stretches of the longest merged time,
    /// each in its final form.
    pub(crate) fn merge_all(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        let blocks = self.memory.read().blocks.clone();
        let stretches = stretches(&footers(&blocks), self.options.merge_duration);
        // From the newest, so that the places of those before stay the same.
        for run in stretches.into_iter().rev() {
            self.merge_run(run, done)?;
        }
        Ok(())
    }

    /// Merges the blocks at these places of the list into one, whatever their levels. The caller
    /// holds the maintenance lock, without which the list does not change.
    pub(crate) fn merge_run(
        &self,
        parts: Range<usize>,
        done: &mut Maintenance,
    ) -> Result<(), StoreError> {
        let blocks = self.memory.read().blocks.clone();
        let run = blocks.get(parts.clone()).unwrap_or_default();
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Ok(());
        };
        let sequence = (first.footer.sequence.0, last.footer.sequence.1);
        let path = self.block_path(sequence);
        let mut writer = BlockWriter::create(self.disk.clone(), &path, Effort::Final)?;
        let tombstones = self.memory.read().tombstones.clone();
        match write_merged(&mut writer, run, sequence, &tombstones) {
            Ok(true) => {}
            Ok(false) => {
                writer.abandon();
                return Ok(());
            }
            Err(error) => {
                writer.abandon();
                return Err(error);
            }
        }
        let merged = self.open_block(&path)?;
        self.memory.write().blocks.splice(parts, [Arc::new(merged)]);
        self.drop_merged(run.iter().map(|part| &***part), &path)?;
        done.blocks_merged += run.len();
        Ok(())
    }

    /// Removes the files that were merged into the one at `path`; a damaged one is set aside.
    pub(super) fn drop_merged<'a>(
        &self,
        parts: impl Iterator<Item = &'a PagedFile>,
        path: &Path,
    ) -> Result<(), StoreError> {
        for part in parts {
            if part.path == path {
                // A file that was brought into final form alone has taken its own name.
            } else if part.is_damaged() {
                let reason = "pages of it were damaged when it was merged";
                self.quarantine.take(&part.path, part.bytes, reason);
            } else {
                self.remove_file(part)?;
            }
        }
        Ok(())
    }
}

fn union(a: TimeRange, b: TimeRange) -> TimeRange {
    TimeRange::new(a.start.min(b.start), a.end.max(b.end))
}

fn footers(blocks: &[Arc<Block>]) -> Vec<Footer> {
    blocks.iter().map(|block| block.footer).collect()
}

/// The first run of neighbouring files of one level that together cover at most `longest`.
pub(super) fn mergeable(files: &[Footer], longest: Duration) -> Option<Range<usize>> {
    let start = files.windows(MERGE_COUNT).position(|run| {
        let level = run[0].level;
        let ranges = run.iter().map(|file| file.range);
        let covered = ranges
            .reduce(union)
            .map_or(Duration::MAX, TimeRange::duration);
        run.iter().all(|file| file.level == level) && covered <= longest
    })?;
    Some(start..start + MERGE_COUNT)
}

/// The runs of neighbouring files that cover at most `longest` each, but for those that are in
/// their final form already.
pub(super) fn stretches(files: &[Footer], longest: Duration) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut covered: Option<TimeRange> = None;
    for (place, file) in files.iter().enumerate() {
        let with = covered.map_or(file.range, |covered| union(covered, file.range));
        match runs.last_mut() {
            Some(run) if with.duration() <= longest => {
                run.end = place + 1;
                covered = Some(with);
            }
            _ => {
                runs.push(place..place + 1);
                covered = Some(file.range);
            }
        }
    }
    runs.retain(|run| run.len() > 1 || files[run.start].level == 0);
    runs
}

/// The level of what files are merged into.
pub(super) fn merged_level(files: &[Footer]) -> u32 {
    match files {
        // Written again, but no larger than before.
        [alone] => alone.level.max(1),
        _ => files.iter().map(|file| file.level).max().unwrap_or(0) + 1,
    }
}

/// Writes the merged block; false when it must not be finished.
fn write_merged(
    writer: &mut BlockWriter,
    run: &[Arc<Block>],
    sequence: (u64, u64),
    tombstones: &[Tombstone],
) -> Result<bool, StoreError> {
    let mut cursors = Vec::new();
    for block in run {
        let pending = Pending::of(tombstones, &block.footer);
        cursors.push((Cursor::new(block)?, pending));
    }
    let mut batch = Batch::default();
    while let Some(labels) = lowest(&cursors) {
        let mut columns = batch.spare.pop().unwrap_or_default();
        let room = floats(&cursors, &labels).min(BATCH_SAMPLES);
        columns.timestamps.reserve(room);
        columns.values.reserve(room);
        read_series(&mut cursors, &labels, TimeRange::ALL, &mut columns)?;
        batch.samples += columns.len();
        batch.series.push((labels, columns));
        if batch.samples >= BATCH_SAMPLES {
            batch.write(writer)?;
        }
    }
    batch.write(writer)?;
    if let [alone] = run
        && alone.is_damaged()
    {
        // It would take the name of the only copy of what is damaged.
        return Ok(false);
    }
    let metadata = run
        .iter()
        .rev()
        .find_map(|block| block.metadata().transpose());
    let metadata = metadata.transpose()?.unwrap_or_default();
    let pairs = metadata.iter().map(|(name, value)| (name.as_str(), value));
    let level = merged_level(&footers(run));
    let applied = tombstones.iter().map(|tombstone| tombstone.id).max();
    let before = run.iter().map(|block| block.footer.tombstones).min();
    let applied = applied.max(before).unwrap_or(0);
    writer.finish(pairs, sequence, level, applied)?;
    Ok(true)
}

/// Reads the series of these labels from all cursors that stand at it, and moves those on.
pub(super) fn read_series(
    cursors: &mut [(Cursor<'_>, Pending<'_>)],
    labels: &Labels,
    range: TimeRange,
    columns: &mut Columns,
) -> Result<(), StoreError> {
    let mut gather = Gather::new(columns, range);
    for (cursor, pending) in cursors {
        let Some((_, rows)) = cursor.current().filter(|(other, _)| other == labels) else {
            continue;
        };
        gather.hide(&pending.hidden(labels.as_ref()));
        cursor.block().read_rows(rows, range, &mut gather)?;
        cursor.advance()?;
    }
    gather.finish();
    Ok(())
}

pub(super) fn lowest(cursors: &[(Cursor<'_>, Pending<'_>)]) -> Option<Labels> {
    let mut lowest: Option<&Labels> = None;
    for (labels, _) in cursors.iter().filter_map(|(cursor, _)| cursor.current()) {
        // Blocks mostly hold the same series, and telling that they are is quick.
        if lowest.is_none_or(|lowest| lowest != labels && labels < lowest) {
            lowest = Some(labels);
        }
    }
    lowest.cloned()
}

/// How many numbers the series has at all cursors.
fn floats(cursors: &[(Cursor<'_>, Pending<'_>)], labels: &Labels) -> usize {
    let current = cursors.iter().filter_map(|(cursor, _)| cursor.current());
    let same = current.filter(|(other, _)| other == labels);
    let rows = same.map(|(_, rows)| rows.0[Sort::Floats as usize].clone());
    rows.map(|rows| (rows.end - rows.start) as usize).sum()
}

/// Merged series that wait to be encoded together.
#[derive(Default)]
struct Batch {
    series: Vec<(Labels, Columns)>,
    samples: usize,
    pool: Mutex<TimesPool>,
    /// Small columns to be filled again.
    spare: Vec<Columns>,
}

impl Batch {
    /// Encodes the long series on several threads, and writes all in order.
    fn write(&mut self, writer: &mut BlockWriter) -> Result<(), StoreError> {
        let sealed: Vec<Mutex<Vec<Chunk>>> = self.series.iter().map(|_| Mutex::default()).collect();
        let next = AtomicUsize::new(0);
        let (series, pool) = (&self.series, &self.pool);
        let work = || {
            let take = || next.fetch_add(1, Ordering::Relaxed);
            let mut number = take();
            while let Some((_, columns)) = series.get(number) {
                *sealed[number].lock() = seal(columns, pool, Effort::Final);
                number = take();
            }
        };
        // A million short series have nothing to seal and are not worth waking anyone for.
        let helpers = if series.len() * SPARE_MAX < self.samples {
            THREADS - 1
        } else {
            0
        };
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(work);
            }
            work();
        });
        for ((labels, columns), chunks) in self.series.iter().zip(&sealed) {
            let chunks = chunks.lock();
            let parts: Vec<Part<'_>> = if chunks.is_empty() {
                vec![Part::Columns(columns)]
            } else {
                chunks.iter().map(Part::Chunk).collect()
            };
            writer.add(labels.as_ref(), &parts)?;
        }
        let used = self.series.drain(..).map(|(_, columns)| columns);
        self.spare.extend(used.filter(|columns| {
            columns.values.capacity() <= SPARE_MAX && columns.histograms.capacity() == 0
        }));
        self.samples = 0;
        Ok(())
    }
}
