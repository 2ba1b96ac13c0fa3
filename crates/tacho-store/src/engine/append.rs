//! Taking samples in: place, commit, seal.
//!
//! Many writers at once: each finds its series and encodes its record beside the others, shard by
//! shard; only writing the record and adding the samples to the head happen one after the other,
//! in the same order, so that what a replay of the log makes is what readers saw. What filled up
//! is sealed after that, beside the others again.

use std::time::Duration;

use tacho_model::{
    AppendError, AppendOutcome, Batch, LabelsRef, METRIC_NAME, Metadata, Refusal, Rejected,
    TimeRange, Timestamp, Value, append::SeriesIndex, label::canonicalize,
};

use super::growth::{self, Room};
use super::records::{PreparedRecords, Rows};
use super::{Engine, METADATA_MAX};
use crate::chunk::Sealer;
use crate::error::StoreError;
use crate::head::series::Series;
use crate::head::{Head, SHARDS, SeriesId};
use crate::wal::Wal;
use crate::wal::record::{
    self, BATCH, BatchEncoder, Definitions, GROUP, METADATA, RECORDS, SERIES,
};
use crate::wal::segment::{put_member, put_record};

/// Appends are refused as overload when the samples in the head take this many times the memory
/// at which it becomes a block.
pub(super) const HEAD_OVERLOAD: u64 = 4;
/// Scratches kept for the next writers.
const SCRATCHES_MAX: usize = 8;

/// What the one who commits holds.
pub(crate) struct Writer {
    pub(crate) wal: Wal,
}

/// Where a series of the batch is and the oldest time it takes, or why its rows are refused.
type Target = Result<(SeriesId, Timestamp), Refusal>;

/// How far behind the newest sample of its series, and before any, a sample may be.
#[derive(Clone, Copy)]
struct Oldest {
    window: Duration,
    ever: Timestamp,
}

impl Oldest {
    fn of(self, series: &Series) -> Timestamp {
        let newest = series.newest();
        newest.map_or(self.ever, |newest| self.ever.max(newest - self.window))
    }
}

/// What placing a batch needs; kept between batches so that nothing is allocated a sample.
#[derive(Default)]
pub(crate) struct Scratch {
    /// For each series of the batch: its shard and the rest of its hash.
    hashes: Vec<(u8, u32)>,
    targets: Vec<Target>,
    /// Positions sorted by shard, and where each shard's begin.
    order: Vec<u32>,
    starts: Vec<usize>,
    /// For each row: its shard, or [`REFUSED`].
    row_shards: Vec<u8>,
    /// For each row: the position of its time in `times`.
    row_times: Vec<u32>,
    times: Vec<Timestamp>,
    rejected: Vec<Rejected>,
    /// Series that the log does not define yet.
    undefined: Vec<SeriesId>,
    definitions: Definitions,
    encoder: BatchEncoder,
    records: Vec<u8>,
    full: Vec<SeriesId>,
    sealer: Sealer,
}

/// The shard of a row that is not kept.
const REFUSED: u8 = u8::MAX;

/// Sorts positions by their shard, keeping their order within it. [`REFUSED`] ones are left out.
fn sort_by_shard(
    shards: impl Iterator<Item = u8> + Clone,
    order: &mut Vec<u32>,
    starts: &mut Vec<usize>,
) {
    let mut counts = [0usize; SHARDS];
    let mut kept = 0;
    for shard in shards.clone().filter(|shard| *shard != REFUSED) {
        counts[usize::from(shard)] += 1;
        kept += 1;
    }
    starts.clear();
    let mut next = 0;
    for count in &mut counts {
        starts.push(next);
        next += std::mem::replace(count, next);
    }
    starts.push(kept);
    order.clear();
    order.resize(kept, 0);
    for (position, shard) in shards.enumerate() {
        if shard != REFUSED {
            let place = &mut counts[usize::from(shard)];
            order[*place] = position as u32;
            *place += 1;
        }
    }
}

/// The positions of each shard that has any, of what [`sort_by_shard`] made.
fn by_shard<'a>(order: &'a [u32], starts: &'a [usize]) -> impl Iterator<Item = (u8, &'a [u32])> {
    let spans = starts.windows(2).enumerate();
    spans
        .map(|(shard, span)| (shard as u8, &order[span[0]..span[1]]))
        .filter(|(_, positions)| !positions.is_empty())
}

impl Scratch {
    /// Finds the series of the batch, adding those that are new.
    fn find_series(&mut self, batch: &Batch, head: &Head, room: Room<'_>, oldest: Oldest) {
        self.hashes.clear();
        self.hashes.extend(batch.all_label_bytes().map(|labels| {
            let hash = head.hash(labels);
            (hash.shard, hash.within)
        }));
        let shards = self.hashes.iter().map(|(shard, _)| *shard);
        sort_by_shard(shards, &mut self.order, &mut self.starts);
        self.targets.clear();
        self.targets
            .resize(batch.series_count(), Err(Refusal::InvalidLabels));
        self.undefined.clear();
        self.definitions.clear();
        let mut odd = Vec::new();
        for (number, positions) in by_shard(&self.order, &self.starts) {
            let mut shard = head.shard(number);
            for position in positions {
                let index = *position as usize;
                let bytes = batch.label_bytes(SeriesIndex::at(index));
                let hash = self.hashes[index].1;
                let local = match shard.find(hash, bytes) {
                    Some(local) => Ok(local),
                    None => match batch.labels(SeriesIndex::at(index)) {
                        None => {
                            odd.push(index);
                            continue;
                        }
                        Some(labels) => {
                            check(labels).and_then(|()| head.insert(&mut shard, hash, labels, room))
                        }
                    },
                };
                self.targets[index] = local.map(|local| {
                    let series = shard.series(local);
                    let id = SeriesId {
                        shard: number,
                        local,
                    };
                    if !series.defined {
                        self.undefined.push(id);
                        self.definitions.push(number, local, bytes);
                    }
                    (id, oldest.of(series))
                });
            }
        }
        for index in odd {
            let bytes = batch.label_bytes(SeriesIndex::at(index));
            self.targets[index] = self.find_odd(bytes, head, room, oldest);
        }
    }

    /// Finds a series whose labels came in another than the canonical form.
    fn find_odd(&mut self, bytes: &[u8], head: &Head, room: Room<'_>, oldest: Oldest) -> Target {
        let mut canonical = Vec::with_capacity(bytes.len());
        canonicalize(bytes, &mut canonical).map_err(|_| Refusal::InvalidLabels)?;
        let labels = LabelsRef::trusted(&canonical);
        check(labels)?;
        let hash = head.hash(&canonical);
        let mut shard = head.shard(hash.shard);
        let local = match shard.find(hash.within, &canonical) {
            Some(local) => local,
            None => head.insert(&mut shard, hash.within, labels, room)?,
        };
        let id = SeriesId {
            shard: hash.shard,
            local,
        };
        let series = shard.series(local);
        if !series.defined {
            self.undefined.push(id);
            self.definitions.push(id.shard, local, &canonical);
        }
        Ok((id, oldest.of(series)))
    }

    /// Decides about every row and sorts those that are kept by shard; from the oldest to the
    /// newest of them.
    fn place_rows(&mut self, batch: &Batch, newest: Timestamp) -> Option<TimeRange> {
        self.row_shards.clear();
        self.row_times.clear();
        self.times.clear();
        self.rejected.clear();
        let mut kept: Option<TimeRange> = None;
        for (row, (index, time, value)) in batch.rows().enumerate() {
            let target = self.targets[index.as_usize()];
            let verdict = target.and_then(|(id, oldest)| {
                let allowed = TimeRange::new(oldest, newest);
                admit(time, value, allowed).map(|()| id)
            });
            match verdict {
                Ok(id) => {
                    self.row_shards.push(id.shard);
                    let range = kept.get_or_insert(TimeRange::new(time, time));
                    range.start = range.start.min(time);
                    range.end = range.end.max(time);
                    if self.times.last() != Some(&time) {
                        self.times.push(time);
                    }
                }
                Err(reason) => {
                    self.row_shards.push(REFUSED);
                    self.rejected.push(Rejected { row, reason });
                }
            }
            self.row_times
                .push(self.times.len().saturating_sub(1) as u32);
        }
        let shards = self.row_shards.iter().copied();
        sort_by_shard(shards, &mut self.order, &mut self.starts);
        kept
    }

    /// Encodes the records of the batch: definitions, metadata, samples, definitions again, so
    /// that what damages one copy does not cost the samples of everything that follows.
    /// Samples and rows that come together are one record.
    fn encode(
        &mut self,
        batch: &Batch,
        metadata: &[(&str, &Metadata)],
        rows: Option<&Rows>,
    ) -> Result<(), AppendError> {
        let mut encoder = std::mem::take(&mut self.encoder);
        encoder.begin(&self.times);
        for (shard, positions) in by_shard(&self.order, &self.starts) {
            let rows = positions.iter().map(|position| {
                let row = *position as usize;
                let (index, _, value) = batch.row(row);
                let local = self.targets[index.as_usize()].map_or(0, |(id, _)| id.local);
                (local, self.row_times[row], value)
            });
            encoder.section(shard, rows);
        }
        self.records.clear();
        let definitions = if self.definitions.is_empty() {
            None
        } else {
            let encoded = self.definitions.encode();
            Some(encoded.map_err(|error| AppendError::Failed(Box::new(error)))?)
        };
        let define = |records: &mut Vec<u8>| {
            if let Some(definitions) = &definitions {
                put_record(SERIES, definitions, records);
            }
        };
        define(&mut self.records);
        if !metadata.is_empty() {
            let mut payload = Vec::new();
            for (name, metadata) in metadata {
                record::encode_metadata(name, metadata, &mut payload);
            }
            put_record(METADATA, &payload, &mut self.records);
        }
        match (self.order.is_empty(), rows) {
            (true, None) => {}
            (true, Some(rows)) => put_record(RECORDS, &rows.payload, &mut self.records),
            (false, None) => put_record(BATCH, encoder.payload(), &mut self.records),
            (false, Some(rows)) => {
                let mut group = Vec::with_capacity(encoder.payload().len() + rows.payload.len());
                put_member(BATCH, encoder.payload(), &mut group);
                put_member(RECORDS, &rows.payload, &mut group);
                put_record(GROUP, &group, &mut self.records);
            }
        }
        if !self.order.is_empty() {
            define(&mut self.records);
        }
        self.encoder = encoder;
        Ok(())
    }

    /// Adds the samples to the head; how many bytes that took.
    fn apply(&mut self, batch: &Batch, head: &Head) -> isize {
        let mut bytes = 0;
        self.full.clear();
        for id in &self.undefined {
            head.shard(id.shard).series_mut(id.local).defined = true;
        }
        for (number, positions) in by_shard(&self.order, &self.starts) {
            let mut shard = head.shard(number);
            for position in positions {
                let (index, time, value) = batch.row(*position as usize);
                let Ok((id, _)) = self.targets[index.as_usize()] else {
                    continue;
                };
                let series = shard.series_mut(id.local);
                bytes += series.push(time, value);
                if series.is_full() {
                    self.full.push(id);
                }
            }
        }
        bytes as isize
    }
}

fn check(labels: LabelsRef<'_>) -> Result<(), Refusal> {
    labels.get(METRIC_NAME).map(|_| ()).ok_or(Refusal::NoName)
}

fn admit(time: Timestamp, value: Value<'_>, allowed: TimeRange) -> Result<(), Refusal> {
    if time > allowed.end {
        return Err(Refusal::TooNew);
    }
    if time < allowed.start {
        return Err(Refusal::TooOld);
    }
    match value {
        Value::Histogram(histogram) if !histogram.count().is_finite() => {
            Err(Refusal::InvalidHistogram)
        }
        Value::Histogram(histogram) if histogram.custom_bounds().is_some() => {
            Err(Refusal::CustomBuckets)
        }
        _ => Ok(()),
    }
}

impl Engine {
    /// See [`tacho_model::Appender::append`].
    pub(crate) fn append(&self, batch: &Batch) -> Result<AppendOutcome, AppendError> {
        self.append_scratched(batch, None)
    }

    /// See [`crate::Store::append_together`].
    pub(crate) fn append_together(
        &self,
        batch: &Batch,
        rows: PreparedRecords,
    ) -> Result<(AppendOutcome, AppendOutcome), AppendError> {
        let samples = self.append_scratched(batch, rows.rows)?;
        Ok((samples, rows.outcome))
    }

    fn append_scratched(
        &self,
        batch: &Batch,
        rows: Option<Rows>,
    ) -> Result<AppendOutcome, AppendError> {
        let Some(writer) = &self.writer else {
            let reason = "it was opened read-only".to_owned();
            return Err(refused(StoreError::ReadOnly { reason }));
        };
        let mut scratch = self.scratches.lock().pop().unwrap_or_default();
        let outcome = self.append_with(batch, rows, writer, &mut scratch);
        let mut scratches = self.scratches.lock();
        if scratches.len() < SCRATCHES_MAX {
            scratches.push(scratch);
        }
        outcome
    }

    fn append_with(
        &self,
        batch: &Batch,
        rows: Option<Rows>,
        writer: &parking_lot::Mutex<Writer>,
        scratch: &mut Scratch,
    ) -> Result<AppendOutcome, AppendError> {
        self.syncer.check().map_err(refused)?;
        // Held to the end, so that the head is not frozen between finding series and filling them.
        let memory = self.memory.read();
        let head = &*memory.head;
        if head.sample_bytes() > self.options.head_bytes_max.saturating_mul(HEAD_OVERLOAD) {
            return Err(AppendError::Overloaded);
        }
        if rows.is_some() {
            self.room_for_rows(&memory.records.head)?;
        }
        let now = (self.options.clock)();
        let room = self.growth.room(&self.options, now);
        let oldest = Oldest {
            window: self.options.out_of_order,
            ever: match self.options.retention {
                Duration::MAX => Timestamp::MIN,
                retention => now - retention,
            },
        };
        // Measured from before the batch, so that the order of its rows does not matter.
        scratch.find_series(batch, head, room, oldest);
        let kept = scratch.place_rows(batch, now + self.options.future);
        let outcome = AppendOutcome {
            accepted: scratch.order.len(),
            filtered: 0,
            culprit: scratch
                .rejected
                .iter()
                .any(|row| matches!(row.reason, Refusal::SeriesLimit | Refusal::SeriesRate))
                .then(|| growth::culprit(head))
                .flatten(),
            rejected: std::mem::take(&mut scratch.rejected),
        };
        let metadata = self.changed_metadata(batch);
        if kept.is_none() && metadata.is_empty() && rows.is_none() {
            return Ok(outcome);
        }
        scratch.encode(batch, &metadata, rows.as_ref())?;
        let ticket = {
            let writer = &mut *writer.lock();
            self.syncer.check().map_err(refused)?;
            let wanted = scratch.records.len() as u64;
            writer.wal.reserve(wanted, now).map_err(refused)?;
            let ticket = writer.wal.append(&scratch.records).map_err(refused)?;
            let bytes = scratch.apply(batch, head);
            if let Some(range) = kept {
                head.created_by(now);
                head.added(outcome.accepted, range, bytes);
            }
            self.learn(&metadata);
            if let Some(rows) = rows {
                memory.records.head.add(rows.added, now);
            }
            ticket
        };
        for id in &scratch.full {
            let sealed = head.seal(*id, &mut scratch.sealer);
            sealed.map_err(|error| AppendError::Failed(Box::new(error)))?;
        }
        let fullest = head.sample_bytes().max(memory.records.head.bytes());
        if fullest >= self.options.head_bytes_max {
            self.work.wake();
        }
        drop(memory);
        self.syncer.wait(ticket).map_err(refused)?;
        Ok(outcome)
    }

    /// Metadata of the batch that says something new, as far as there is room.
    fn changed_metadata<'a>(&self, batch: &'a Batch) -> Vec<(&'a str, &'a Metadata)> {
        if batch.metadata().next().is_none() {
            return Vec::new();
        }
        let known = self.metadata.read();
        let mut room = METADATA_MAX.saturating_sub(known.len());
        let mut has_room = || {
            let had = room > 0;
            room = room.saturating_sub(1);
            had
        };
        batch
            .metadata()
            .filter(|(name, metadata)| match known.get(*name) {
                Some(before) => before != *metadata,
                None => has_room(),
            })
            .collect()
    }

    fn learn(&self, metadata: &[(&str, &Metadata)]) {
        if metadata.is_empty() {
            return;
        }
        let mut known = self.metadata.write();
        for (name, metadata) in metadata {
            known.insert((*name).to_owned(), (*metadata).clone());
        }
    }
}

/// An error of the store as an append's.
pub(super) fn refused(error: StoreError) -> AppendError {
    match error {
        StoreError::NoSpace { .. } => AppendError::NoSpace,
        StoreError::ReadOnly { .. } => AppendError::ReadOnly(Box::new(error)),
        other => AppendError::Failed(Box::new(other)),
    }
}
