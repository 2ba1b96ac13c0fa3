//! Merging small blocks into larger ones, so that a month is dozens of files, not hundreds.
//!
//! Only neighbours in the order of writing are merged, so that a merged block stands where its
//! parts stood and the newest write still wins. One merge a call bounds the work.

use std::sync::Arc;
use std::time::Duration;

use tacho_model::{Columns, Labels, TimeRange};

use super::Engine;
use super::maintain::Maintenance;
use crate::block::format::PageRef;
use crate::block::{Block, BlockWriter};
use crate::error::StoreError;
use crate::samples::Gather;

/// Blocks of one level that are merged into one of the next. With blocks of an hour: 4 h, 16 h.
const MERGE_COUNT: usize = 4;

impl Engine {
    /// Merges one run of neighbouring blocks, if there is one that is worth it.
    pub(crate) fn merge(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        let blocks = self.memory.read().blocks.clone();
        let Some(start) = mergeable(&blocks, self.options.merge_duration) else {
            return Ok(());
        };
        let run = &blocks[start..start + MERGE_COUNT];
        let last = &run[MERGE_COUNT - 1];
        let sequence = (run[0].footer.sequence.0, last.footer.sequence.1);
        let path = self.block_path(sequence);
        let mut writer = BlockWriter::create(self.disk.clone(), &path)?;
        if let Err(error) = write_merged(&mut writer, run, sequence) {
            writer.abandon();
            return Err(error);
        }
        let merged = Block::open(&*self.disk, &path, self.quarantine.reports.clone())?;
        // Only the holder of the maintenance lock changes the list, so the places are the same.
        let parts = start..start + MERGE_COUNT;
        self.memory.write().blocks.splice(parts, [Arc::new(merged)]);
        for part in run {
            if part.is_damaged() {
                let reason = "pages of it were damaged when it was merged";
                self.quarantine.take(&part.path, part.bytes, reason);
            } else {
                self.remove_block(part)?;
            }
        }
        done.blocks_merged += run.len();
        Ok(())
    }
}

/// Where the first run of neighbouring blocks of one level begins that together cover at most
/// `longest`.
fn mergeable(blocks: &[Arc<Block>], longest: Duration) -> Option<usize> {
    blocks.windows(MERGE_COUNT).position(|run| {
        let level = run[0].footer.level;
        let ranges = run.iter().map(|block| block.footer.range);
        let union =
            |a: TimeRange, b: TimeRange| TimeRange::new(a.start.min(b.start), a.end.max(b.end));
        let covered = ranges
            .reduce(union)
            .map_or(Duration::MAX, TimeRange::duration);
        run.iter().all(|block| block.footer.level == level) && covered <= longest
    })
}

fn write_merged(
    writer: &mut BlockWriter,
    run: &[Arc<Block>],
    sequence: (u64, u64),
) -> Result<(), StoreError> {
    let mut cursors: Vec<Cursor<'_>> = run.iter().map(|block| Cursor::new(block)).collect();
    for cursor in &mut cursors {
        cursor.advance()?;
    }
    let mut columns = Columns::new();
    while let Some(labels) = cursors.iter().filter_map(Cursor::labels).min().cloned() {
        let mut gather = Gather::new(&mut columns, TimeRange::ALL);
        for cursor in &mut cursors {
            if cursor.labels() == Some(&labels) {
                for page in cursor.pages() {
                    cursor.block.read(page, &mut gather)?;
                }
                cursor.advance()?;
            }
        }
        gather.finish();
        writer.add(labels.as_ref(), &columns)?;
    }
    let metadata = run
        .iter()
        .rev()
        .find_map(|block| block.metadata().transpose());
    let metadata = metadata.transpose()?.unwrap_or_default();
    let pairs = metadata.iter().map(|(name, value)| (name.as_str(), value));
    writer.finish(pairs, sequence, run[0].footer.level + 1)
}

/// Walks over the series of a block in order, with one index page in memory.
struct Cursor<'a> {
    block: &'a Block,
    next_page: usize,
    /// The series of the current index page that are still to come, the next one last.
    waiting: Vec<(Labels, Vec<PageRef>)>,
}

impl<'a> Cursor<'a> {
    fn new(block: &'a Block) -> Self {
        Self {
            block,
            next_page: 0,
            waiting: Vec::new(),
        }
    }

    fn labels(&self) -> Option<&Labels> {
        self.waiting.last().map(|(labels, _)| labels)
    }

    fn pages(&self) -> &[PageRef] {
        self.waiting.last().map_or(&[], |(_, pages)| pages)
    }

    /// Goes to the next series, or beyond the last.
    fn advance(&mut self) -> Result<(), StoreError> {
        self.waiting.pop();
        while self.waiting.is_empty() && self.next_page < self.block.index_pages() {
            let number = self.next_page;
            self.next_page += 1;
            if let Some(page) = self.block.index_page(number)? {
                let pages = |entry| self.block.pages(entry, TimeRange::ALL);
                let entries = self.block.entries(number, &page);
                self.waiting = entries.map(|e| (e.labels.to_owned(), pages(e))).collect();
                self.waiting.reverse();
            }
        }
        Ok(())
    }
}
