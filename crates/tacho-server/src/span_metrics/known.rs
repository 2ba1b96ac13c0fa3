//! Which spans were counted: exporters send again what they did not hear an answer to.
//!
//! 1. A span that is claimed is counted by whoever claimed it, or given back.
//! 2. What is known is bounded: of [`SPANS_MAX`] spans at least the newest half are known again.
//!
//! After a restart, the newest spans of the table are known: what was counted and what is in the
//! table got there together. Those that were counted and not kept, because they are not in the
//! sample, are not.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, RandomState};

use parking_lot::Mutex;
use tacho_model::QueryError;
use tacho_model::{TimeRange, Timestamp};
use tacho_store::Store;
use tacho_store::records::{Condition, Order, RecordQuery, Test};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::filters::generations::Hashed;
use crate::spans::{TABLE, column};

/// Most spans that are known.
const SPANS_MAX: usize = 2_000_000;
/// Parts that are locked by themselves.
const SHARDS: usize = 16;
/// Of the table's newest spans, at most so many are known after a start.
const RESTORED_MAX: usize = 500_000;
/// And those that began at most so long before.
const RESTORED_AGE: std::time::Duration = std::time::Duration::from_hours(1);

type Set = HashSet<u64, BuildHasherDefault<Hashed>>;

/// The spans that were counted lately.
pub(super) struct Known {
    shards: [Mutex<Shard>; SHARDS],
    seed: u64,
}

#[derive(Default)]
struct Shard {
    young: Set,
    old: Set,
    /// Claimed, and by whom.
    claimed: HashMap<u64, u64, BuildHasherDefault<Hashed>>,
}

/// What is known of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nothing; it is the caller's now.
    Taken(u64),
    /// It was counted, or is the caller's already.
    Counted,
    /// Another request is being worked on that holds it.
    Others,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            // Nobody outside can make spans share a hash.
            seed: RandomState::new().hash_one(0u64),
        }
    }
}

impl Known {
    /// A hash of a span that nobody outside can foresee.
    pub(super) fn key(&self, trace: u128, span: u64) -> u64 {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(&trace.to_le_bytes());
        bytes[16..].copy_from_slice(&span.to_le_bytes());
        xxh3_64_with_seed(&bytes, self.seed)
    }

    fn shard(&self, key: u64) -> &Mutex<Shard> {
        // The maps take the lowest and the highest bits.
        &self.shards[(key >> 40) as usize % SHARDS]
    }

    /// Claims a span for the session of that number.
    pub(super) fn claim(&self, trace: u128, span: u64, session: u64) -> Claim {
        let key = self.key(trace, span);
        let mut shard = self.shard(key).lock();
        if shard.young.contains(&key) || shard.old.contains(&key) {
            return Claim::Counted;
        }
        match shard.claimed.insert(key, session) {
            None => Claim::Taken(key),
            Some(owner) if owner == session => Claim::Counted,
            Some(owner) => {
                shard.claimed.insert(key, owner);
                Claim::Others
            }
        }
    }

    /// What was claimed is counted.
    pub(super) fn settle(&self, keys: impl Iterator<Item = u64>) {
        for key in keys {
            let mut shard = self.shard(key).lock();
            shard.claimed.remove(&key);
            shard.insert(key);
        }
    }

    /// What was claimed is not.
    pub(super) fn give_back(&self, keys: impl Iterator<Item = u64>) {
        for key in keys {
            self.shard(key).lock().claimed.remove(&key);
        }
    }

    /// Knows the newest spans of the table, as they were counted before a restart.
    pub(super) fn restore(&self, store: &Store, now: Timestamp) -> Result<(), QueryError> {
        let query = RecordQuery {
            range: TimeRange::new(now - RESTORED_AGE, Timestamp::MAX),
            conditions: &[Condition {
                column: column::PENDING_OF,
                test: Test::Id(0),
            }],
            columns: &[column::TRACE_ID, column::SPAN_ID, column::KIND],
            order: Order::NewestFirst,
            limit: RESTORED_MAX,
        };
        let rows = store.select_records(TABLE, &query)?;
        let spans = rows.ids(0).iter().zip(rows.ids(1)).zip(rows.integers(2));
        for ((trace, span), kind) in spans {
            let key = self.key(*trace, *span as u64 ^ ((*kind as u64) << 60));
            self.shard(key).lock().insert(key);
        }
        Ok(())
    }
}

impl Shard {
    fn insert(&mut self, key: u64) {
        if self.young.len() >= SPANS_MAX / 2 / SHARDS {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_counted_once_whoever_brings_it() {
        let known = Known::default();
        let Claim::Taken(key) = known.claim(1, 2, 7) else {
            panic!("nobody has it");
        };
        assert_eq!(known.claim(1, 2, 7), Claim::Counted);
        assert_eq!(known.claim(1, 2, 8), Claim::Others);
        known.give_back([key].into_iter());
        assert_eq!(known.claim(1, 2, 8), Claim::Taken(key));
        known.settle([key].into_iter());
        assert_eq!(known.claim(1, 2, 9), Claim::Counted);
        assert_ne!(known.claim(1, 3, 9), Claim::Counted);
        assert_ne!(known.claim(2, 2, 9), Claim::Counted);
    }

    #[test]
    fn the_newest_are_known_and_the_rest_is_bounded() {
        let known = Known::default();
        let mut keys = Vec::new();
        for span in 0..3_000_000 {
            if let Claim::Taken(key) = known.claim(1, span, 0) {
                keys.push(key);
            }
            if keys.len() == 1000 {
                known.settle(keys.drain(..));
            }
        }
        let held = known.shards.iter().map(|shard| {
            let shard = shard.lock();
            shard.young.len() + shard.old.len()
        });
        assert!(held.sum::<usize>() <= SPANS_MAX);
        for span in 2_500_000..3_000_000 {
            assert_eq!(known.claim(1, span, 1), Claim::Counted);
        }
    }
}
