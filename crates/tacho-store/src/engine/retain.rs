//! Retention: whole blocks go, the oldest first, by age, size and count.
//!
//! Invariant: while an older write of some time is kept, so is the newer one that hides it. A block
//! that overlaps a kept block of earlier writes therefore waits for that one.

use std::path::Path;
use std::sync::Arc;

use tacho_model::{TimeRange, Timestamp};

use super::Engine;
use super::maintain::Maintenance;
use crate::block::Block;
use crate::block::paged::PagedFile;
use crate::error::StoreError;
use crate::options::Retention;

impl Engine {
    /// Removes blocks that are older than the retention, and the oldest ones while there is more
    /// than its limits allow.
    pub(super) fn retain(&self, now: Timestamp, done: &mut Maintenance) -> Result<(), StoreError> {
        let blocks = self.memory.read().blocks.clone();
        let held: Vec<Held> = blocks.iter().map(|block| Held::of(block)).collect();
        let gone = surplus(&held, &self.options.raw_retention(), now);
        if !gone.is_empty() {
            // Segments that a power cut brought back would be replayed, once no block says that it
            // covers them.
            self.sync_folder(&self.dir.join("wal"))?;
        }
        for place in gone {
            let block = &blocks[place];
            // What is rolled up of it cannot be made again.
            self.seal_rollups(block.footer.range)?;
            // Hidden first: whoever reads it now keeps it open, nobody finds it from here on.
            let others = |other: &Arc<Block>| !Arc::ptr_eq(other, block);
            self.memory.write().blocks.retain(others);
            self.remove_for_good(block)?;
            done.blocks_removed += 1;
        }
        Ok(())
    }

    /// Removes a file so that it stays away after a power cut. Were it back, so would be
    /// what was deleted from it: tombstones are dropped when no block is left that needs them.
    pub(super) fn remove_for_good(&self, file: &PagedFile) -> Result<(), StoreError> {
        self.remove_file(file)?;
        let folder = file.path.parent();
        folder.map_or(Ok(()), |folder| self.sync_folder(folder))
    }

    /// Makes what became of the files of a folder survive a power cut.
    pub(super) fn sync_folder(&self, folder: &Path) -> Result<(), StoreError> {
        let synced = self.disk.sync_dir(folder);
        synced.map_err(|source| StoreError::io("sync", folder, source))
    }
}

/// What retention looks at in a block or a file of records.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) range: TimeRange,
    pub(super) bytes: u64,
    /// Samples or records.
    pub(super) samples: u64,
}

impl Held {
    pub(super) fn of(file: &PagedFile) -> Self {
        Self {
            range: file.footer.range,
            bytes: file.bytes,
            samples: file.footer.samples,
        }
    }
}

/// The places of the blocks that go, given all in the order of their writes.
pub(super) fn surplus(blocks: &[Held], keep: &Retention, now: Timestamp) -> Vec<usize> {
    let oldest = now - keep.age;
    let mut bytes: u64 = blocks.iter().map(|block| block.bytes).sum();
    let mut samples: u64 = blocks.iter().map(|block| block.samples).sum();
    let mut by_age: Vec<usize> = (0..blocks.len()).collect();
    by_age.sort_by_key(|place| (blocks[*place].range.end, *place));
    let mut gone: Vec<usize> = Vec::new();
    // Each that goes may let another one go that waited for it.
    loop {
        let next = by_age.iter().copied().find(|place| {
            let block = blocks[*place];
            let too_old = block.range.end < oldest;
            let too_much = bytes > keep.bytes || samples > keep.samples;
            let hides = |earlier: usize| {
                !gone.contains(&earlier) && blocks[earlier].range.overlaps(block.range)
            };
            !gone.contains(place) && (too_old || too_much) && !(0..*place).any(hides)
        });
        let Some(place) = next else {
            return gone;
        };
        bytes -= blocks[place].bytes;
        samples -= blocks[place].samples;
        gone.push(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn check(blocks: &[(i64, i64)], keep: &Retention, expected: &[usize]) {
        let held: Vec<Held> = blocks
            .iter()
            .map(|(start, end)| Held {
                range: TimeRange::new(Timestamp::from_secs(*start), Timestamp::from_secs(*end)),
                bytes: 100,
                samples: 1000,
            })
            .collect();
        assert_eq!(surplus(&held, keep, Timestamp::from_secs(100)), expected);
    }

    fn keep(secs: u64, bytes: u64, samples: u64) -> Retention {
        Retention {
            age: Duration::from_secs(secs),
            bytes,
            samples,
        }
    }

    #[test]
    fn r1_what_is_too_old_too_large_or_too_many_goes_the_oldest_first() {
        let blocks = [(0, 10), (11, 20), (21, 30), (31, 99)];
        check(&blocks, &keep(1000, u64::MAX, u64::MAX), &[]);
        check(&blocks, &keep(75, u64::MAX, u64::MAX), &[0, 1]);
        check(&blocks, &keep(1000, 250, u64::MAX), &[0, 1]);
        check(&blocks, &keep(1000, u64::MAX, 3999), &[0]);
        check(&blocks, &keep(1000, 0, u64::MAX), &[0, 1, 2, 3]);
    }

    #[test]
    fn what_hides_an_older_write_stays_with_it() {
        check(&[(0, 99), (5, 6)], &keep(10, u64::MAX, u64::MAX), &[]);
        check(&[(5, 6), (0, 99)], &keep(10, u64::MAX, u64::MAX), &[0]);
        check(&[(0, 99), (5, 6)], &keep(1000, 150, u64::MAX), &[0]);
        check(&[(0, 20), (5, 6)], &keep(50, u64::MAX, u64::MAX), &[0, 1]);
    }
}
