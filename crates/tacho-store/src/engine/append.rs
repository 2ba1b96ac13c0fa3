//! Taking samples in: plan, log, apply.

use std::collections::HashMap;

use tacho_model::{
    AppendError, AppendOutcome, Batch, LabelsRef, METRIC_NAME, Metadata, Refusal, Rejected,
    Timestamp, Value,
};

use super::{Engine, METADATA_MAX, Memory};
use crate::error::StoreError;
use crate::head::Head;
use crate::options::StoreOptions;
use crate::wal::Wal;
use crate::wal::record::{BATCH, BatchEncoder, SERIES, encode_series};
use crate::wal::segment::put_record;

/// Appends are refused as overload when the head is this many times its normal size.
const HEAD_OVERLOAD: u64 = 4;

/// What the one who writes holds.
pub(crate) struct Writer {
    pub(crate) wal: Wal,
    /// Time of the newest sample ever kept.
    pub(crate) newest: Option<Timestamp>,
    encoder: BatchEncoder,
}

impl Writer {
    pub(crate) fn new(wal: Wal, newest: Option<Timestamp>) -> Self {
        Self {
            wal,
            newest,
            encoder: BatchEncoder::default(),
        }
    }
}

/// What becomes of the samples of one of the batch's series.
type Target = Result<u32, Refusal>;

/// What a batch will do, before anything is done.
struct Plan<'a> {
    /// For each row its series' number, or that it is refused.
    rows: Vec<Option<u32>>,
    rejected: Vec<Rejected>,
    /// Series to add, in order of their numbers.
    new: Vec<LabelsRef<'a>>,
    first_new: u32,
    metadata: Vec<(&'a str, &'a Metadata)>,
    newest: Option<Timestamp>,
}

impl<'a> Plan<'a> {
    fn new(
        batch: &'a Batch,
        memory: &Memory,
        newest: Option<Timestamp>,
        options: &StoreOptions,
    ) -> Self {
        let mut plan = Self {
            rows: Vec::with_capacity(batch.len()),
            rejected: Vec::new(),
            new: Vec::new(),
            first_new: memory.head.series().len() as u32,
            metadata: changed_metadata(batch, memory),
            newest,
        };
        let newest_allowed = (options.clock)() + options.future;
        // Measured from before the batch, so that the order of its rows does not matter.
        let oldest_allowed = newest.map_or(Timestamp::MIN, |newest| newest - options.out_of_order);
        let mut targets: Vec<Option<Target>> = vec![None; batch.series_count()];
        let mut added = HashMap::new();
        for (row, (index, time, _)) in batch.rows().enumerate() {
            let target = if time > newest_allowed {
                Err(Refusal::TooNew)
            } else if time < oldest_allowed {
                Err(Refusal::TooOld)
            } else {
                *targets[index.as_usize()].get_or_insert_with(|| {
                    let labels = batch.labels(index).ok_or(Refusal::InvalidLabels)?;
                    plan.target(labels, &memory.head, options, &mut added)
                })
            };
            plan.rows.push(target.ok());
            match target {
                Ok(_) => plan.newest = plan.newest.max(Some(time)),
                Err(reason) => plan.rejected.push(Rejected { row, reason }),
            }
        }
        plan
    }

    fn target(
        &mut self,
        labels: LabelsRef<'a>,
        head: &Head,
        options: &StoreOptions,
        added: &mut HashMap<&'a [u8], u32>,
    ) -> Target {
        let known = head.find(labels);
        if let Some(id) = known.or_else(|| added.get(labels.as_bytes()).copied()) {
            return Ok(id);
        }
        if labels.get(METRIC_NAME).is_none() {
            return Err(Refusal::NoName);
        }
        let id = self.first_new + self.new.len() as u32;
        if id as usize >= options.series_max {
            return Err(Refusal::SeriesLimit);
        }
        self.new.push(labels);
        added.insert(labels.as_bytes(), id);
        Ok(id)
    }

    fn accepted(&self) -> usize {
        self.rows.len() - self.rejected.len()
    }
}

/// Metadata of the batch that says something new, as far as there is room.
fn changed_metadata<'a>(batch: &'a Batch, memory: &Memory) -> Vec<(&'a str, &'a Metadata)> {
    let known = &memory.metadata;
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

impl Engine {
    /// See [`tacho_model::Appender::append`].
    pub(crate) fn append(&self, batch: &Batch) -> Result<AppendOutcome, AppendError> {
        let Some(writer) = &self.writer else {
            let reason = "it was opened read-only".to_owned();
            return Err(refused(StoreError::ReadOnly { reason }));
        };
        check_histograms(batch)?;
        let writer = &mut *writer.lock();
        writer.wal.syncer.check().map_err(refused)?;
        let plan = {
            let memory = self.memory.read();
            if memory.head.bytes() > self.options.head_bytes_max.saturating_mul(HEAD_OVERLOAD) {
                return Err(AppendError::Overloaded);
            }
            Plan::new(batch, &memory, writer.newest, &self.options)
        };
        if plan.accepted() > 0 || !plan.metadata.is_empty() {
            let segment = self.log(writer, batch, &plan).map_err(refused)?;
            self.apply(batch, &plan, segment);
            writer.newest = plan.newest;
        }
        Ok(AppendOutcome {
            accepted: plan.accepted(),
            rejected: plan.rejected,
        })
    }

    /// Writes the batch to the log, with the definitions that its segment lacks; the segment.
    fn log(&self, writer: &mut Writer, batch: &Batch, plan: &Plan<'_>) -> Result<u64, StoreError> {
        let mut payload = Vec::new();
        writer.encoder.clear();
        for ((_, time, value), id) in batch.rows().zip(&plan.rows) {
            if let Some(id) = id {
                writer.encoder.push(*id, time, value);
            }
        }
        writer.encoder.finish(&plan.metadata, &mut payload);
        let mut samples = Vec::new();
        put_record(BATCH, &payload, &mut samples);
        let now = (self.options.clock)();
        // Which definitions are lacking depends on the segment, and whether it has room depends
        // on them. A segment that is begun for them has room for all, so this ends.
        let mut segment = writer.wal.reserve(samples.len() as u64, now)?;
        loop {
            let definitions = self.definitions(plan, segment);
            // The definitions stand on both sides of the samples: what damages one copy does not
            // cost the series' samples in the rest of the segment.
            let records = [&definitions[..], &samples[..], &definitions[..]].concat();
            let reserved = writer.wal.reserve(records.len() as u64, now)?;
            if reserved == segment {
                writer.wal.append(&records)?;
                return Ok(segment);
            }
            segment = reserved;
        }
    }

    /// The record that defines those of the batch's series that `segment` does not define yet.
    fn definitions(&self, plan: &Plan<'_>, segment: u64) -> Vec<u8> {
        let memory = self.memory.read();
        let series = memory.head.series();
        let defined = |id: u32| {
            let known = series.get(id as usize);
            known.is_some_and(|series| series.defined_in == segment)
        };
        let named = plan.rows.iter().flatten().copied();
        let mut lacking: Vec<u32> = named.filter(|id| !defined(*id)).collect();
        lacking.sort_unstable();
        lacking.dedup();
        if lacking.is_empty() {
            return Vec::new();
        }
        let labels = |id: u32| match id.checked_sub(plan.first_new) {
            Some(new) => plan.new[new as usize].as_bytes(),
            None => series[id as usize].labels().as_ref().as_bytes(),
        };
        let mut payload = Vec::new();
        encode_series(lacking.into_iter().map(|id| (id, labels(id))), &mut payload);
        let mut record = Vec::new();
        put_record(SERIES, &payload, &mut record);
        record
    }

    fn apply(&self, batch: &Batch, plan: &Plan<'_>, segment: u64) {
        let memory = &mut *self.memory.write();
        let head = &mut memory.head;
        for labels in &plan.new {
            head.insert(*labels);
        }
        if head.created.is_none() && plan.accepted() > 0 {
            head.created = Some((self.options.clock)());
        }
        for ((_, time, value), id) in batch.rows().zip(&plan.rows) {
            if let Some(id) = id {
                head.series_mut(*id).defined_in = segment;
                head.append(*id, time, value);
            }
        }
        for (name, metadata) in &plan.metadata {
            let entry = (*metadata).clone();
            memory.metadata.insert((*name).to_owned(), entry);
        }
    }
}

/// Counts that overflowed to infinity make no histogram that could be read back.
fn check_histograms(batch: &Batch) -> Result<(), AppendError> {
    let overflown = batch.rows().any(|(_, _, value)| match value {
        Value::Float(_) => false,
        Value::Histogram(histogram) => !histogram.count().is_finite(),
    });
    if overflown {
        return Err(AppendError::Failed(
            "a histogram's count is infinite".into(),
        ));
    }
    Ok(())
}

/// An error of the store as an append's.
fn refused(error: StoreError) -> AppendError {
    match error {
        StoreError::NoSpace { .. } => AppendError::NoSpace,
        StoreError::ReadOnly { .. } => AppendError::ReadOnly(Box::new(error)),
        other => AppendError::Failed(Box::new(other)),
    }
}
