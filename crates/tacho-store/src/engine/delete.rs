//! Deleting samples on demand, and cleaning blocks of what was deleted.

use std::collections::BTreeSet;

use tacho_model::{Matcher, QueryError, TimeRange};

use super::Engine;
use super::maintain::Maintenance;
use crate::error::StoreError;
use crate::tombstones::{self, Pending, TOMBSTONES_MAX, Tombstone};

impl Engine {
    /// Deletes what was written so far of the matching series inside `range`; how many series
    /// that concerns.
    pub(crate) fn delete(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<usize, StoreError> {
        let Some(writer) = &self.writer else {
            let reason = "it was opened read-only".to_owned();
            return Err(StoreError::ReadOnly { reason });
        };
        let _maintenance = self.maintenance.lock();
        let series = self.count_series(matchers, range)?;
        if series == 0 {
            return Ok(0);
        }
        let mut done = Maintenance::default();
        // Everything written so far gets into blocks, so that a generation tells before from after.
        let generation = self.write_out_all(writer, &mut done)?;
        let mut tombstones = self.memory.read().tombstones.to_vec();
        if tombstones.len() >= TOMBSTONES_MAX {
            return Err(StoreError::TooManyDeletions {
                limit: TOMBSTONES_MAX,
            });
        }
        let last = self.memory.read().last_tombstone();
        tombstones.push(Tombstone {
            id: last + 1,
            generation,
            range,
            matchers: matchers.to_vec(),
        });
        tombstones::store(&*self.disk, &self.dir, &tombstones)?;
        self.memory.write().tombstones = tombstones.into();
        self.work.wake();
        Ok(series)
    }

    /// How many series match and may have samples inside `range`.
    pub(crate) fn count_series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<usize, StoreError> {
        let mut found = BTreeSet::new();
        let counted = self.select(matchers, range).and_then(|selection| {
            found.extend((0..selection.len()).map(|index| selection.labels(index).clone()));
            // Roll-ups remember series that raw data has forgotten.
            self.find_rolled_up(matchers, range, &mut found)
        });
        match counted {
            Ok(()) => Ok(found.len()),
            // More than a query may touch is certainly some.
            Err(QueryError::TooMuch { limit, .. }) => Ok(limit as usize),
            Err(QueryError::Failed(source)) => Err(StoreError::Query { source }),
            Err(QueryError::Cancelled | QueryError::TimedOut { .. }) => Ok(0),
        }
    }

    /// Writes one block again without what was deleted from it, and drops tombstones that have
    /// nothing left to do.
    pub(super) fn clean(&self, done: &mut Maintenance) -> Result<(), StoreError> {
        let (blocks, tombstones) = {
            let memory = self.memory.read();
            (memory.blocks.clone(), memory.tombstones.clone())
        };
        if tombstones.is_empty() {
            return Ok(());
        }
        let mut needed = vec![false; tombstones.len()];
        for (place, block) in blocks.iter().enumerate() {
            for (needed, tombstone) in needed.iter_mut().zip(&*tombstones) {
                let one = std::slice::from_ref(tombstone);
                let pending = Pending::of(one, &block.footer);
                *needed |= pending.changes(block)?;
            }
            // A damaged block is not written again alone: that would cost the only copy.
            if needed.contains(&true) && !block.is_damaged() {
                return self.merge_run(place..place + 1, done);
            }
        }
        if needed.contains(&true) {
            return Ok(());
        }
        if self.must_clean_rollups()? {
            return Ok(());
        }
        // Nothing is left that any of them would change.
        tombstones::store(&*self.disk, &self.dir, &[])?;
        self.memory.write().tombstones = [].into();
        Ok(())
    }
}
