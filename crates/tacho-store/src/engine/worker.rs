//! One of the threads that replay the log: the shards that fall to it.

use tacho_model::{LabelsRef, Metadata, TimeRange, Timestamp, Value};

use crate::chunk::Sealer;
use crate::codec::bytes::Reader;
use crate::error::CodecError;
use crate::head::{Head, SHARDS, SeriesId};
use crate::wal::record::{
    self, BATCH, LoggedBatch, METADATA, RECORDS, SERIES, Section, decode_batch, decode_definitions,
};

/// What went wrong with a record.
pub(super) enum Failure {
    /// Samples whose series nothing defines.
    Orphans { record: usize, count: u64 },
    /// It is not what was written.
    Damaged { record: usize, reason: String },
}

/// What one thread knows of the generation it replays.
#[derive(Default)]
pub(super) struct Worker {
    /// What the log's references mean, by shard.
    series: Vec<Vec<Option<SeriesId>>>,
    metadata: Vec<(String, Metadata)>,
    sealer: Sealer,
}

/// Most series that a shard's references may count up to.
const REFERENCES_MAX: u32 = 1 << 28;

impl Worker {
    /// Replays its share of the records of a segment: `(share, shares)` are the worker's number
    /// and how many there are; `payload` gives a record's kind and payload.
    pub(super) fn run<'b>(
        &mut self,
        head: &Head,
        (share, shares): (usize, usize),
        count: usize,
        payload: impl Fn(usize) -> (u8, &'b [u8]),
    ) -> Vec<Failure> {
        let mine = |shard: u8| usize::from(shard) % shares == share;
        let mut failures = Vec::new();
        let mut failed = |record: usize, error: CodecError| {
            failures.push(Failure::Damaged {
                record,
                reason: error.to_string(),
            });
        };
        // Definitions first: of their two copies the first may be damaged.
        for record in 0..count {
            let (kind, payload) = payload(record);
            let outcome = match kind {
                SERIES => self.define(head, payload, mine),
                METADATA if share == 0 => self.describe(payload),
                // Rows of tables are replayed beside all this.
                METADATA | BATCH | RECORDS => Ok(()),
                other => Err(CodecError::Unsupported(other)),
            };
            if let Err(error) = outcome {
                failed(record, error);
            }
        }
        let mut orphans = Vec::new();
        for record in 0..count {
            let (BATCH, payload) = payload(record) else {
                continue;
            };
            match self.apply(head, payload, mine) {
                Ok(0) => {}
                Ok(count) => orphans.push(Failure::Orphans { record, count }),
                Err(error) => failed(record, error),
            }
        }
        failures.extend(orphans);
        failures
    }

    /// What names mean, as far as this worker came across it.
    pub(super) fn take_metadata(&mut self) -> Vec<(String, Metadata)> {
        std::mem::take(&mut self.metadata)
    }

    fn define(
        &mut self,
        head: &Head,
        payload: &[u8],
        mine: impl Fn(u8) -> bool,
    ) -> Result<(), CodecError> {
        self.series.resize_with(SHARDS, Vec::new);
        decode_definitions(payload, |shard, local, bytes| {
            if !mine(shard) || local >= REFERENCES_MAX {
                return;
            }
            let (Some(known), index) = (self.series.get_mut(usize::from(shard)), local as usize)
            else {
                return;
            };
            if known.get(index).is_some_and(Option::is_some) {
                return;
            }
            // Bytes that are no label set define nothing; their samples are reported.
            let Ok(labels) = LabelsRef::from_encoded(bytes) else {
                return;
            };
            let hash = head.hash(bytes);
            let mut locked = head.shard(hash.shard);
            let local = locked
                .find(hash.within, bytes)
                .unwrap_or_else(|| head.insert_again(&mut locked, hash.within, labels));
            if known.len() <= index {
                known.resize(index + 1, None);
            }
            known[index] = Some(SeriesId {
                shard: hash.shard,
                local,
            });
        })
    }

    fn describe(&mut self, payload: &[u8]) -> Result<(), CodecError> {
        let mut reader = Reader::new(payload);
        while !reader.is_empty() {
            let (name, metadata) = record::decode_metadata(&mut reader)?;
            self.metadata.push((name.to_owned(), metadata));
        }
        Ok(())
    }

    /// Adds the samples of its shards; how many have no series.
    fn apply(
        &mut self,
        head: &Head,
        payload: &[u8],
        mine: impl Fn(u8) -> bool,
    ) -> Result<u64, CodecError> {
        let batch = decode_batch(payload)?;
        let mut orphans = 0;
        for section in batch.sections() {
            let section = section?;
            if mine(section.shard) {
                orphans += self.apply_section(head, &batch, &section)?;
            }
        }
        Ok(orphans)
    }

    fn apply_section(
        &mut self,
        head: &Head,
        batch: &LoggedBatch<'_>,
        section: &Section<'_>,
    ) -> Result<u64, CodecError> {
        let none = Vec::new();
        let known = self.series.get(usize::from(section.shard));
        let known = known.unwrap_or(&none);
        let sealer = &mut self.sealer;
        let (mut orphans, mut kept, mut bytes) = (0, 0, 0);
        let mut range: Option<TimeRange> = None;
        let mut failed = None;
        // The seed is in the log, so a series is nearly always in the shard that the log names.
        let mut at = section.shard % SHARDS as u8;
        let mut shard = Some(head.shard(at));
        batch.rows(section, |local, time: Timestamp, value: Value<'_>| {
            let Some(id) = known.get(local as usize).copied().flatten() else {
                orphans += 1;
                return;
            };
            if id.shard != at {
                // Let go of one before the next is taken: another worker may want them the other
                // way round.
                shard = None;
                at = id.shard;
            }
            let shard = shard.get_or_insert_with(|| head.shard(at));
            match Head::keep(shard, id.local, (time, value), sealer) {
                Ok(added) => bytes += added,
                Err(error) => failed = Some(error),
            }
            kept += 1;
            let range = range.get_or_insert(TimeRange::new(time, time));
            range.start = range.start.min(time);
            range.end = range.end.max(time);
        })?;
        drop(shard);
        if let Some(range) = range {
            head.added(kept, range, bytes);
        }
        failed.map_or(Ok(orphans), Err)
    }
}
