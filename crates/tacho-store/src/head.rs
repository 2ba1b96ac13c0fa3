//! The newest samples of all series, in memory.
//!
//! Invariants:
//! 1. a label set belongs to the shard that its hash names, and has one number there for the life
//!    of the head;
//! 2. the hash is seeded, and the seed is written into the log: a restart puts every series into
//!    the same shard, so that shards can be replayed beside each other;
//! 3. only who holds the writer's lock adds samples, so that the head sees them in the order of
//!    the log; series without samples are added by anyone and say nothing.
//!
//! A head is written to until it is frozen; a frozen one becomes a block and is dropped whole, so
//! that series that ended leave nothing behind. In reading order: [`series`], [`shard`], this.

pub(crate) mod series;
pub(crate) mod shard;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

use parking_lot::{Mutex, MutexGuard};
use tacho_model::{LabelsRef, METRIC_NAME, Refusal, TimeRange, Timestamp, Value};

use crate::chunk::Sealer;
use crate::engine::growth::Room;
use crate::error::CodecError;
use crate::matching::Filter;
use series::Series;
use shard::{SERIES_BYTES, Shard};

/// Shards of a head: enough that two writers seldom meet in one.
pub(crate) const SHARDS: usize = 32;

/// Where a series is in a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SeriesId {
    pub(crate) shard: u8,
    pub(crate) local: u32,
}

/// The hash of a label set, apart for its two uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hash {
    pub(crate) shard: u8,
    pub(crate) within: u32,
}

/// The newest samples of all series.
pub(crate) struct Head {
    /// Its number in the order of writing; the block made of it carries the same.
    pub(crate) generation: u64,
    /// The lowest generation whose samples it holds: lower than its own after a restart.
    pub(crate) generation_min: u64,
    /// What label sets are hashed with.
    pub(crate) seed: u64,
    /// When its first sample came, by the clock; `i64::MAX` before that.
    created: AtomicI64,
    shards: Box<[Mutex<Shard>]>,
    series: AtomicUsize,
    samples: AtomicU64,
    sample_bytes: AtomicU64,
    series_bytes: AtomicU64,
    oldest: AtomicI64,
    newest: AtomicI64,
}

impl Head {
    pub(crate) fn new(generation: u64, seed: u64) -> Self {
        Self {
            generation,
            generation_min: generation,
            seed,
            created: AtomicI64::new(i64::MAX),
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new())).collect(),
            series: AtomicUsize::new(0),
            samples: AtomicU64::new(0),
            sample_bytes: AtomicU64::new(0),
            series_bytes: AtomicU64::new(0),
            oldest: AtomicI64::new(i64::MAX),
            newest: AtomicI64::new(i64::MIN),
        }
    }

    /// Hashes canonical label bytes.
    pub(crate) fn hash(&self, labels: &[u8]) -> Hash {
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(labels, self.seed);
        Hash {
            shard: (hash >> 32) as u8 % SHARDS as u8,
            within: hash as u32,
        }
    }

    /// A shard, locked.
    pub(crate) fn shard(&self, number: u8) -> MutexGuard<'_, Shard> {
        self.shards[usize::from(number)].lock()
    }

    /// Adds a series to its locked shard, if there is room for it.
    pub(crate) fn insert(
        &self,
        shard: &mut Shard,
        hash: u32,
        labels: LabelsRef<'_>,
        room: Room<'_>,
    ) -> Result<u32, Refusal> {
        room.take()?;
        if self.series.fetch_add(1, Relaxed) >= room.series_max {
            self.series.fetch_sub(1, Relaxed);
            return Err(Refusal::SeriesLimit);
        }
        Ok(self.insert_unlimited(shard, hash, labels))
    }

    /// Adds a series that the log says was there.
    pub(crate) fn insert_again(&self, shard: &mut Shard, hash: u32, labels: LabelsRef<'_>) -> u32 {
        self.series.fetch_add(1, Relaxed);
        self.insert_unlimited(shard, hash, labels)
    }

    fn insert_unlimited(&self, shard: &mut Shard, hash: u32, labels: LabelsRef<'_>) -> u32 {
        let bytes = SERIES_BYTES + labels.as_bytes().len();
        self.series_bytes.fetch_add(bytes as u64, Relaxed);
        shard.insert(hash, labels)
    }

    /// The metric with the most series, and how many.
    pub(crate) fn largest_metric(&self) -> Option<(String, usize)> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for shard in &self.shards {
            for (name, count) in shard.lock().names() {
                *counts.entry(name.to_owned()).or_default() += count;
            }
        }
        counts.into_iter().max_by_key(|(_, count)| *count)
    }

    /// Notes what was added to locked shards: samples between two times, and their memory.
    pub(crate) fn added(&self, samples: usize, range: TimeRange, bytes: isize) {
        self.samples.fetch_add(samples as u64, Relaxed);
        self.oldest.fetch_min(range.start.as_nanos(), Relaxed);
        self.newest.fetch_max(range.end.as_nanos(), Relaxed);
        self.resized(bytes);
    }

    fn resized(&self, bytes: isize) {
        // Wrapping addition of a negative number subtracts it.
        self.sample_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Seals a series that is full.
    pub(crate) fn seal(&self, id: SeriesId, sealer: &mut Sealer) -> Result<(), CodecError> {
        let mut shard = self.shard(id.shard);
        let series = shard.series_mut(id.local);
        if series.is_full() {
            let bytes = series.seal(sealer)?;
            self.resized(bytes);
        }
        Ok(())
    }

    /// Keeps one sample of a locked shard's series; for replay, where nothing else is batched.
    pub(crate) fn keep(
        shard: &mut Shard,
        local: u32,
        (time, value): (Timestamp, Value<'_>),
        sealer: &mut Sealer,
    ) -> Result<isize, CodecError> {
        let series = shard.series_mut(local);
        let mut bytes = series.push(time, value) as isize;
        if series.is_full() {
            bytes += series.seal(sealer)?;
        }
        Ok(bytes)
    }

    /// Number of series.
    pub(crate) fn series_count(&self) -> usize {
        self.series.load(Relaxed)
    }

    /// Samples held, before duplicates are resolved.
    pub(crate) fn samples(&self) -> u64 {
        self.samples.load(Relaxed)
    }

    /// An estimate of the memory that samples take.
    pub(crate) fn sample_bytes(&self) -> u64 {
        (self.sample_bytes.load(Relaxed) as i64).max(0) as u64
    }

    /// An estimate of the memory taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.sample_bytes() + self.series_bytes.load(Relaxed)
    }

    /// From the oldest to the newest sample; empty when there is none.
    pub(crate) fn range(&self) -> TimeRange {
        let (oldest, newest) = (self.oldest.load(Relaxed), self.newest.load(Relaxed));
        TimeRange::new(Timestamp::from_nanos(oldest), Timestamp::from_nanos(newest))
    }

    /// When its first sample came.
    pub(crate) fn created(&self) -> Option<Timestamp> {
        let nanos = self.created.load(Relaxed);
        (nanos != i64::MAX).then_some(Timestamp::from_nanos(nanos))
    }

    /// Notes that samples came at `now`; the earliest such time counts.
    pub(crate) fn created_by(&self, now: Timestamp) {
        if self.created.load(Relaxed) > now.as_nanos() {
            self.created.fetch_min(now.as_nanos(), Relaxed);
        }
    }

    /// Hands every series that matches and may have samples inside `range` to `each`, shard by
    /// shard; writers wait for one shard at most. `each` says whether to go on.
    pub(crate) fn for_each(
        &self,
        filter: &Filter<'_>,
        range: TimeRange,
        mut each: impl FnMut(LabelsRef<'_>, &Series) -> bool,
    ) {
        if !self.range().overlaps(range) {
            return;
        }
        let is_inside = |series: &Series| series.range().is_some_and(|held| held.overlaps(range));
        if let Some(labels) = filter.exact() {
            let hash = self.hash(labels.as_bytes());
            let shard = self.shard(hash.shard);
            if let Some(id) = shard.find(hash.within, labels.as_bytes())
                && is_inside(shard.series(id))
            {
                each(labels, shard.series(id));
            }
            return;
        }
        for shard in &self.shards {
            let shard = shard.lock();
            for id in shard.named(|name| filter.matches_label(METRIC_NAME, name)) {
                let series = shard.series(id);
                if !is_inside(series) {
                    continue;
                }
                let labels = shard.labels(id);
                if filter.matches(labels) && !each(labels, series) {
                    return;
                }
            }
        }
    }

    /// Hands the series that have samples to `each`, in order of their labels. For a frozen head:
    /// all its shards are locked meanwhile.
    pub(crate) fn for_each_in_order<E>(
        &self,
        mut each: impl FnMut(LabelsRef<'_>, &Series) -> Result<(), E>,
    ) -> Result<(), E> {
        let shards: Vec<MutexGuard<'_, Shard>> = self.shards.iter().map(|s| s.lock()).collect();
        // By name first, which nearly every set begins with: what is sorted at a time stays small.
        // Labels that come before the name in the alphabet are rare but must not be out of order.
        let early = |shard: &Shard| shard.has_labels_before_the_name();
        let names: BTreeSet<&str> = if shards.iter().any(|shard| early(shard)) {
            BTreeSet::new()
        } else {
            let names = shards.iter().flat_map(|shard| shard.names());
            names.map(|(name, _)| name).collect()
        };
        let mut group: Vec<SeriesId> = Vec::new();
        let mut sorted = |name: Option<&str>| {
            group.clear();
            for (number, shard) in shards.iter().enumerate() {
                let number = number as u8;
                let mut add = |local| {
                    if shard.series(local).range().is_some() {
                        let shard = number;
                        group.push(SeriesId { shard, local });
                    }
                };
                match name {
                    Some(name) => shard.of_name(name).for_each(&mut add),
                    None => (0..shard.len() as u32).for_each(&mut add),
                }
            }
            let labels = |id: &SeriesId| shards[usize::from(id.shard)].labels(id.local);
            group.sort_unstable_by(|a, b| labels(a).cmp(&labels(b)));
            for id in &group {
                let shard = &shards[usize::from(id.shard)];
                each(shard.labels(id.local), shard.series(id.local))?;
            }
            Ok(())
        };
        if names.is_empty() {
            return sorted(None);
        }
        for name in names {
            sorted(Some(name))?;
        }
        Ok(())
    }
}
