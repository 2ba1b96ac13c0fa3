//! What keeps a store small and quick: heads become blocks, and old blocks go.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tacho_model::{Columns, TimeRange, Timestamp};

use super::append::Writer;
use super::{Engine, Memory};
use crate::block::paged::PagedFile;
use crate::block::{Block, BlockWriter, Part};
use crate::chunk::{self, Chunk};
use crate::codec::Effort;
use crate::error::StoreError;
use crate::fold::{FOLD_AFTER, fold};
use crate::head::Head;
use crate::records::head::RecordHead;
use crate::samples::Gather;

/// What [`crate::Store::maintain`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// Samples moved from memory into a block.
    pub samples_flushed: u64,
    /// Records moved from memory into files.
    pub records_flushed: u64,
    /// Blocks made from memory.
    pub blocks_written: usize,
    /// Blocks and files of records replaced by a merged one.
    pub blocks_merged: usize,
    /// Blocks and files of records removed by retention: age, size or count.
    pub blocks_removed: usize,
    /// Files of roll-ups written, written again, or emptied by deletions and removed; each of one
    /// day and resolution.
    pub rollups_written: usize,
    /// Files of roll-ups removed by retention.
    pub rollups_removed: usize,
    /// Segments of the log removed because a block holds what they held.
    pub segments_removed: usize,
}

impl Engine {
    /// Does what is due at `now`; cheap when nothing is.
    pub(crate) fn maintain(&self, now: Timestamp) -> Result<Maintenance, StoreError> {
        let _maintenance = self.maintenance.lock();
        let mut done = Maintenance::default();
        if self.writer.is_none() {
            return Ok(done);
        }
        // Before what it is made of goes. When it fails, for want of room perhaps, all else is
        // still done: retention makes room.
        let rolled_up = self.roll_up(now, &mut done);
        // Next, because it makes room that the others may need.
        self.retain(now, &mut done)?;
        self.retain_rollups(now, &mut done)?;
        self.retain_records(now, &mut done)?;
        self.write_out_due(now, &mut done)?;
        self.clean(&mut done)?;
        self.merge(&mut done)?;
        self.merge_records(&mut done)?;
        rolled_up.map(|()| done)
    }

    /// Turns memory into a block if it is old or large enough; never waits for merging.
    pub(crate) fn write_out(&self, now: Timestamp) -> Result<Maintenance, StoreError> {
        let mut done = Maintenance::default();
        if self.writer.is_some() {
            self.write_out_due(now, &mut done)?;
        }
        Ok(done)
    }

    /// Runs `work` as if blocks were being merged all the while.
    #[cfg(test)]
    pub(crate) fn while_merging<T>(&self, work: impl FnOnce() -> T) -> T {
        let _maintenance = self.maintenance.lock();
        work()
    }

    fn write_out_due(&self, now: Timestamp, done: &mut Maintenance) -> Result<(), StoreError> {
        let _flushing = self.flushing.lock();
        self.write_frozen(done)?;
        if self.is_due(now) {
            self.freeze();
            self.write_frozen(done)?;
        }
        Ok(())
    }

    /// Turns everything in memory into a block.
    pub(crate) fn flush(&self) -> Result<Maintenance, StoreError> {
        let mut done = Maintenance::default();
        if let Some(writer) = &self.writer {
            self.write_out_all(writer, &mut done)?;
        }
        Ok(done)
    }

    /// Turns everything in memory into a block; the last generation that is in blocks then.
    pub(super) fn write_out_all(
        &self,
        writer: &Mutex<Writer>,
        done: &mut Maintenance,
    ) -> Result<u64, StoreError> {
        let _flushing = self.flushing.lock();
        self.write_frozen(done)?;
        self.freeze();
        self.write_frozen(done)?;
        Ok(writer.lock().wal.generation - 1)
    }

    /// Turns everything in memory into blocks, and all blocks into their final form.
    pub(crate) fn compact(&self) -> Result<Maintenance, StoreError> {
        if self.writer.is_none() {
            let reason = "it was opened read-only".to_owned();
            return Err(StoreError::ReadOnly { reason });
        }
        let mut done = self.flush()?;
        let _maintenance = self.maintenance.lock();
        self.merge_all(&mut done)?;
        self.merge_all_records(&mut done)?;
        Ok(done)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let memory = self.memory.read();
        let (head, records) = (&memory.head, &memory.records.head);
        let created = head.created().into_iter().chain(records.created()).min();
        let Some(created) = created else {
            return false;
        };
        // After the clock was set back, the head's age counts from then.
        if head.created().is_some() {
            head.created_by(now);
        }
        if records.created().is_some() {
            records.created_by(now);
        }
        let age = now.since(created.min(now));
        let bytes = head.sample_bytes() + records.bytes();
        bytes >= self.options.head_bytes_max || age >= self.options.block_duration
    }

    /// Ends the heads, so that they can be written as files while new ones fill.
    fn freeze(&self) {
        let Some(writer) = &self.writer else {
            return;
        };
        // Waits for whoever appends; from here on they append to the next head.
        let mut memory = self.memory.write();
        if memory.head.samples() == 0 && memory.records.head.is_empty() {
            return;
        }
        let mut writer = writer.lock();
        writer.wal.close();
        writer.wal.generation += 1;
        let generation = writer.wal.generation;
        debug_assert!(memory.frozen.is_none(), "one head is frozen at a time");
        debug_assert!(memory.records.frozen.is_none(), "and one of records");
        let next = Head::new(generation, memory.head.seed);
        memory.frozen = Some(std::mem::replace(&mut memory.head, Arc::new(next)));
        let next = Arc::new(RecordHead::new(generation));
        let frozen = std::mem::replace(&mut memory.records.head, next);
        memory.records.frozen = (!frozen.is_empty()).then_some(frozen);
    }

    /// Writes the frozen heads, if any, as files, and removes the log they came from.
    fn write_frozen(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        let is_frozen =
            |memory: &Memory| memory.frozen.is_some() || memory.records.frozen.is_some();
        if !is_frozen(&self.memory.read()) {
            return Ok(());
        }
        self.write_frozen_samples(done)?;
        self.write_frozen_records(done)?;
        if let Some(writer) = &self.writer {
            let mut writer = writer.lock();
            let written = writer.wal.generation - 1;
            done.segments_removed += writer.wal.remove_through(written)?;
        }
        Ok(())
    }

    fn write_frozen_samples(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        let Some(frozen) = self.memory.read().frozen.clone() else {
            return Ok(());
        };
        if frozen.samples() == 0 {
            self.memory.write().frozen = None;
            return Ok(());
        }
        let sequence = (frozen.generation_min, frozen.generation);
        let path = self.block_path(sequence);
        let mut writer = BlockWriter::create(self.disk.clone(), &path, Effort::Quick)?;
        if let Err(error) = self.write_head(&mut writer, &frozen, sequence) {
            writer.abandon();
            return Err(error);
        }
        let block = self.open_block(&path)?;
        done.samples_flushed += block.footer.samples;
        done.blocks_written += 1;
        let memory = &mut *self.memory.write();
        memory.blocks.push(Arc::new(block));
        memory.frozen = None;
        Ok(())
    }

    fn write_head(
        &self,
        writer: &mut BlockWriter,
        head: &Head,
        sequence: (u64, u64),
    ) -> Result<(), StoreError> {
        let mut columns = Columns::new();
        let folded = (self.options.clock)() - FOLD_AFTER;
        head.for_each_in_order(|labels, series| {
            let open = series.open(TimeRange::ALL);
            if !series.has_histograms()
                && let Some(parts) = in_order(series.chunks(), open.as_ref())
            {
                return writer.add(labels, &parts);
            }
            let mut gather = Gather::new(&mut columns, TimeRange::ALL);
            chunk::read_all(series.chunks(), &mut gather)?;
            if let Some(open) = &open {
                gather.columns(open);
            }
            gather.finish();
            fold(&mut columns, self.options.histogram_interval, folded);
            writer.add(labels, &[Part::Columns(&columns)])
        })?;
        let metadata = self.metadata.read().clone();
        let pairs = metadata.iter().map(|(name, value)| (name.as_str(), value));
        // What is deleted from it is deleted by a tombstone of its generation or a later one.
        writer.finish(pairs, sequence, 0, 0)
    }

    /// Opens a block that was just written.
    pub(crate) fn open_block(&self, path: &Path) -> Result<Block, StoreError> {
        let reports = self.quarantine.reports.clone();
        Block::open(&*self.disk, path, reports, self.cache.clone())
    }

    /// Where the block of that sequence range lies.
    pub(crate) fn block_path(&self, sequence: (u64, u64)) -> PathBuf {
        let name = format!("{:010}-{:010}.block", sequence.0, sequence.1);
        self.dir.join("blocks").join(name)
    }

    /// Removes the file of a block, or one of records.
    pub(crate) fn remove_file(&self, file: &PagedFile) -> Result<(), StoreError> {
        let removed = self.disk.remove(&file.path);
        removed.map_err(|source| StoreError::io("remove", &file.path, source))
    }
}

/// The parts of a series as they are, when each is older than the next; else they must be read.
fn in_order<'a>(chunks: &'a [Chunk], open: Option<&'a Columns>) -> Option<Vec<Part<'a>>> {
    let mut newest = None;
    let mut parts = Vec::new();
    for chunk in chunks {
        if newest >= Some(chunk.range().start) {
            return None;
        }
        newest = Some(chunk.range().end);
        parts.push(Part::Chunk(chunk));
    }
    if let Some(open) = open {
        let firsts = [open.timestamps.first(), open.histogram_timestamps.first()];
        let after = |first: &Timestamp| newest < Some(*first);
        if !firsts.into_iter().flatten().all(after) {
            return None;
        }
        parts.push(Part::Columns(open));
    }
    Some(parts)
}
