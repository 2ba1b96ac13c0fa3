//! Remote-write requests on their way into the store.
//!
//! A request's label sets stay where the sender put them; the store finds known series by those
//! very bytes. A set that is not in canonical form (names out of order, say) is refused there,
//! put in order here and appended once more, so that only senders that need it pay for it.
//!
//! Limits: as many requests at a time as [`Receiver::new`] is told, the next waits; as many idle
//! batches and buffers as can be in use at once, none of them larger than an ordinary request
//! needs. Not for HTTP: that is [`crate::http`]'s.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::Mutex;
use tacho_model::append::{Culprit, SeriesIndex};
use tacho_model::label::canonicalize;
use tacho_model::{
    AppendError, AppendOutcome, Batch, LabelsRef, Refusal, Rejected, Timestamp, Value,
};
use tacho_wire::remote_write::encode::Version;
use tacho_wire::remote_write::{
    Limits, Reason, RemoteWriteError, Scratch, decode, decode_v2, describe_labels,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::app::QUEUE_WAIT;
use crate::intake::{Tally, refusal_reason};

/// Buffers of bodies that are larger than this are not kept.
const BODY_BYTES_KEPT: usize = 1 << 20;
/// Batches with a larger buffer are not kept.
const BATCH_BYTES_KEPT: usize = 4 << 20;
/// Batches that held more samples are not kept.
const BATCH_SAMPLES_KEPT: usize = 1 << 16;
/// Refused samples that are told one by one.
const EXAMPLES: usize = 3;

/// Where samples go.
pub type Append<'a> = &'a dyn Fn(&Batch) -> Result<AppendOutcome, AppendError>;

/// Takes requests of remote write.
#[derive(Debug)]
pub struct Receiver {
    limits: Limits,
    turns: Arc<Semaphore>,
    idle_max: (usize, usize),
    places: Mutex<Vec<Place>>,
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// What a request is read into.
#[derive(Debug, Default)]
struct Place {
    batch: Batch,
    scratch: Scratch,
}

/// Why nothing is promised of a request's samples.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It could not be read.
    #[error(transparent)]
    Decode(#[from] RemoteWriteError),
    /// The store did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// What became of a request's samples.
#[derive(Debug, Default)]
pub struct Received {
    /// Samples kept, distributions among them.
    pub accepted: usize,
    /// Of these, samples that a filter dropped.
    filtered: usize,
    /// Distributions kept.
    pub histograms: usize,
    /// Exemplars kept.
    pub exemplars: usize,
    /// Refused samples by reason, in order of first appearance.
    refused: Vec<(Why, usize)>,
    /// The first of them: labels and reason.
    examples: Vec<String>,
    /// The metric that has most of the series, when a limit on them was met.
    culprit: Option<Culprit>,
    /// What is counted of the times it carried.
    delayed: Tally,
}

/// Why a sample was refused, by the decoder or by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Decoder(Reason),
    Store(Refusal),
}

impl Why {
    /// Its name in metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Decoder(Reason::OutOfRange) => "out_of_range",
            Self::Decoder(Reason::CustomBuckets) => "custom_buckets",
            Self::Decoder(Reason::Histogram(_) | Reason::Spans) => {
                refusal_reason(Refusal::InvalidHistogram)
            }
            Self::Decoder(Reason::Symbols) => "invalid_symbols",
            Self::Decoder(Reason::Exemplar) => "invalid_exemplar",
            Self::Decoder(Reason::InvalidLabels) => refusal_reason(Refusal::InvalidLabels),
            Self::Store(refusal) => refusal_reason(refusal),
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Decoder(reason) => reason.fmt(f),
            Self::Store(refusal) => refusal.fmt(f),
        }
    }
}

impl Received {
    /// What to tell the sender; `None` when every sample was kept. One line, the counts first,
    /// because senders log the beginning of the first line.
    pub fn complaint(&self) -> Option<String> {
        if self.refused.is_empty() {
            return None;
        }
        let refused: usize = self.refused.iter().map(|(_, count)| count).sum();
        let counts = self
            .refused
            .iter()
            .map(|(why, n)| format!("{n} {}", why.name()));
        let counts = counts.collect::<Vec<_>>().join(", ");
        let total = refused + self.accepted;
        let kept = match self.accepted {
            0 => "none was kept".to_owned(),
            kept => format!("the other {kept} were kept"),
        };
        let examples = self.examples.join("; ");
        let culprit = self.culprit.as_ref().map_or_else(String::new, |culprit| {
            format!(
                "; most series are of {} ({})",
                culprit.metric, culprit.series
            )
        });
        Some(format!(
            "{refused} of {total} samples were refused, {kept} ({counts}): {examples}{culprit}"
        ))
    }

    /// What became of its samples, in numbers.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally {
            accepted: (self.accepted - self.filtered) as u64,
            filtered: self.filtered as u64,
            ..self.delayed.clone()
        };
        for (why, count) in &self.refused {
            tally.refuse(why.name(), *count);
        }
        tally
    }

    /// Whether some were refused that will be taken when they are sent again.
    pub fn is_passing(&self) -> bool {
        let rate = Why::Store(Refusal::SeriesRate);
        self.refused.iter().any(|(why, _)| *why == rate)
    }

    fn refuse(&mut self, why: Why, example: impl FnOnce() -> String) {
        match self.refused.iter_mut().find(|(known, _)| *known == why) {
            Some((_, count)) => *count += 1,
            None => self.refused.push((why, 1)),
        }
        if self.examples.len() < EXAMPLES {
            self.examples.push(example());
        }
    }
}

impl Receiver {
    /// A receiver that works on at most `writes_max` requests at a time, of `bodies_max` that may
    /// be in memory.
    pub fn new(limits: Limits, writes_max: usize, bodies_max: usize) -> Self {
        Self {
            limits,
            turns: Arc::new(Semaphore::new(writes_max)),
            idle_max: (writes_max, bodies_max),
            places: Mutex::default(),
            buffers: Mutex::default(),
        }
    }

    /// Waits for a turn to work on a request; `None` when it takes too long.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        timeout(QUEUE_WAIT, turn).await.ok()?.ok()
    }

    /// A buffer for a body.
    pub(crate) fn buffer(&self) -> Vec<u8> {
        self.buffers.lock().pop().unwrap_or_default()
    }

    /// Takes a buffer back for the next body.
    pub(crate) fn put_back(&self, buffer: Vec<u8>) {
        let mut idle = self.buffers.lock();
        if buffer.capacity() <= BODY_BYTES_KEPT && idle.len() < self.idle_max.1 {
            idle.push(buffer);
        }
    }

    /// Decodes a request and hands its samples to `append`. Blocks.
    pub fn receive(
        &self,
        append: Append<'_>,
        version: Version,
        body: &[u8],
    ) -> Result<Received, ReceiveError> {
        let mut place = self.places.lock().pop().unwrap_or_default();
        let received = self.take(append, version, body, &mut place);
        let Place { batch, scratch } = &place;
        let is_ordinary = batch.len() <= BATCH_SAMPLES_KEPT
            && batch.series_count() <= BATCH_SAMPLES_KEPT
            && batch.buffer().len().max(scratch.capacity()) <= BATCH_BYTES_KEPT;
        let mut idle = self.places.lock();
        if is_ordinary && idle.len() < self.idle_max.0 {
            idle.push(place);
        }
        received
    }

    fn take(
        &self,
        append: Append<'_>,
        version: Version,
        body: &[u8],
        place: &mut Place,
    ) -> Result<Received, ReceiveError> {
        let Place { batch, scratch } = place;
        let decoded = match version {
            Version::One => decode(body, self.limits, batch)?,
            Version::Two => decode_v2(body, self.limits, scratch, batch)?,
        };
        let batch = &*batch;
        let outcome = append(batch)?;
        let mut received = Received {
            accepted: outcome.accepted,
            filtered: outcome.filtered,
            histograms: histograms_kept(batch, &outcome),
            exemplars: batch.exemplars().len(),
            culprit: outcome.culprit.clone(),
            ..Received::default()
        };
        for refused in &decoded.refused {
            let why = Why::Decoder(refused.reason);
            let labels = batch.buffer().get(refused.labels.clone()).unwrap_or(&[]);
            received.refuse(why, || example(labels, why));
        }
        let (unordered, rejected): (Vec<Rejected>, Vec<Rejected>) = outcome
            .rejected
            .iter()
            .partition(|rejected| rejected.reason == Refusal::InvalidLabels);
        note(&mut received, batch, &rejected);
        if !unordered.is_empty() {
            take_unordered(append, batch, &unordered, &mut received)?;
        }
        received.delayed.note_times(batch, Timestamp::now());
        Ok(received)
    }
}

/// How many of the rows that were kept are distributions.
fn histograms_kept(batch: &Batch, outcome: &AppendOutcome) -> usize {
    let refused = outcome.rejected.iter().filter(|rejected| {
        let (_, _, value) = batch.row(rejected.row);
        matches!(value, Value::Histogram(_))
    });
    batch.histogram_count().saturating_sub(refused.count())
}

/// Appends rows once more whose label sets only lacked the canonical form.
#[cold]
fn take_unordered(
    append: Append<'_>,
    batch: &Batch,
    unordered: &[Rejected],
    received: &mut Received,
) -> Result<(), ReceiveError> {
    let mut ordered = Batch::new();
    let mut last: Option<(SeriesIndex, Option<SeriesIndex>)> = None;
    for rejected in unordered {
        let (series, time, value) = batch.row(rejected.row);
        let known = last.filter(|(known, _)| *known == series);
        let (_, target) = known.unwrap_or_else(|| (series, order(batch, series, &mut ordered)));
        last = Some((series, target));
        match (target, value) {
            (Some(target), Value::Float(value)) => ordered.push(target, time, value),
            (Some(target), Value::Histogram(histogram)) => {
                ordered.push_histogram(target, time, histogram.clone());
            }
            (None, _) => note(received, batch, std::slice::from_ref(rejected)),
        }
    }
    if !ordered.is_empty() {
        let outcome = append(&ordered)?;
        received.accepted += outcome.accepted;
        received.filtered += outcome.filtered;
        received.histograms += histograms_kept(&ordered, &outcome);
        received.culprit = outcome.culprit.clone().or(received.culprit.take());
        note(received, &ordered, &outcome.rejected);
    }
    Ok(())
}

/// Adds the canonical form of a label set; `None` when it has none.
fn order(batch: &Batch, series: SeriesIndex, into: &mut Batch) -> Option<SeriesIndex> {
    let mut canonical = Vec::new();
    canonicalize(batch.label_bytes(series), &mut canonical).ok()?;
    let labels = LabelsRef::from_encoded(&canonical).ok()?;
    Some(into.series_encoded(labels))
}

/// Notes rows that the store refused.
fn note(received: &mut Received, batch: &Batch, rejected: &[Rejected]) {
    for rejected in rejected {
        let why = Why::Store(rejected.reason);
        let (series, _, _) = batch.row(rejected.row);
        received.refuse(why, || example(batch.label_bytes(series), why));
    }
}

/// A refused sample in words.
fn example(labels: &[u8], why: Why) -> String {
    let series = describe_labels(labels);
    if why.name() == "invalid_labels"
        && let Err(error) = canonicalize(labels, &mut Vec::new())
    {
        return format!("{series}: {error}");
    }
    format!("{series}: {why}")
}
