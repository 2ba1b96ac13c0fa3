//! OTLP metrics on their way into the store.
//!
//! Translators, with what they remember of points, and batches are used again: as many as requests
//! may be worked on at a time, the one used last first. Not for reading bytes, which is
//! `tacho-wire`'s, nor for what carries them: compression, JSON, HTTP and gRPC are undone before.

mod accumulate;
mod counted;
mod total;

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use tacho_model::{Appender, Batch, Refusal, Rejected, Timestamp};
use tacho_wire::otlp::answer::Partial;
use tacho_wire::otlp::metrics::{Decoded, Limits, NO_POINT, Translator};

use self::accumulate::{Accumulator, Committed, Past};
use super::ReceiveError;
use crate::app::App;
use crate::intake::{Door, Origin, Protocol, Signal, Tally};

/// Batches with a larger buffer are not kept.
const BATCH_BYTES_KEPT: usize = 16 << 20;
/// Batches that held more samples are not kept.
const BATCH_SAMPLES_KEPT: usize = 1 << 17;

/// Takes requests of OTLP metrics.
#[derive(Debug)]
pub struct OtlpMetrics {
    limits: Limits,
    idle_max: usize,
    idle: Mutex<Vec<(Translator, Batch)>>,
    random: RandomState,
    totals: Accumulator,
}

impl OtlpMetrics {
    /// A receiver that works on at most `writes_max` requests at a time.
    pub fn new(writes_max: usize) -> Self {
        let limits = Limits::default();
        let idle_max = writes_max.max(1);
        Self {
            limits: Limits {
                known_bytes_max: limits.known_bytes_max / idle_max,
                ..limits
            },
            idle_max,
            idle: Mutex::default(),
            random: RandomState::new(),
            totals: Accumulator::default(),
        }
    }

    fn take(&self) -> (Translator, Batch) {
        let idle = self.idle.lock().pop();
        idle.unwrap_or_else(|| {
            let half = |number: u8| u128::from(self.random.hash_one(number));
            let seed = half(0) << 64 | half(1);
            (Translator::new(self.limits, seed), Batch::new())
        })
    }

    fn put_back(&self, translator: Translator, batch: Batch) {
        let is_ordinary = batch.len() <= BATCH_SAMPLES_KEPT
            && batch.series_count() <= BATCH_SAMPLES_KEPT
            && batch.buffer().len() <= BATCH_BYTES_KEPT;
        let batch = if is_ordinary { batch } else { Batch::new() };
        let mut idle = self.idle.lock();
        if idle.len() < self.idle_max {
            idle.push((translator, batch));
        }
    }
}

/// Keeps the points of an `ExportMetricsServiceRequest` in protobuf. `peer` is who is counted as
/// its source where the request does not tell one service. Blocks.
///
/// # Errors
/// [`ReceiveError`]; nothing was kept then, or, when it is [`ReceiveError::Passing`], what can be
/// sent again without being counted twice.
pub fn receive(app: &App, peer: &str, body: &[u8]) -> Result<Partial, ReceiveError> {
    let (mut translator, mut batch) = app.otlp_metrics.take();
    let now = Timestamp::now();
    let received = keep(app, peer, body, now, &mut translator, &mut batch);
    // Descriptions that were lost with the batch must come again.
    if received.is_err() && batch.metadata().next().is_some() {
        translator.forget();
    }
    app.otlp_metrics.put_back(translator, batch);
    received
}

fn keep(
    app: &App,
    peer: &str,
    body: &[u8],
    now: Timestamp,
    translator: &mut Translator,
    batch: &mut Batch,
) -> Result<Partial, ReceiveError> {
    let mut decoded = translator.decode(body, now, batch)?;
    let source = match decoded.service.as_str() {
        "" => peer,
        service => service,
    };
    let source = source.to_owned();
    let door = app.door(Origin::new(Protocol::Otlp, &source));
    let committed = if batch.is_empty() && decoded.deltas.is_empty() {
        Committed::default()
    } else {
        let totals = &app.otlp_metrics.totals;
        let past = Past {
            store: &*app.store,
            stored_as: &|labels| door.stored_as(labels),
        };
        totals.commit(&past, &door as &dyn Appender, batch, &mut decoded, now)?
    };
    count(&door, &decoded, &committed);
    answer(batch, &decoded, &committed)
}

/// Counts what never came to the door.
fn count(door: &Door<'_>, decoded: &Decoded, committed: &Committed) {
    let mut tally = Tally::default();
    for (reason, count) in &decoded.refused.counts {
        tally.refuse(reason.name(), *count);
    }
    for (_, reason) in &committed.refused {
        tally.refuse(reason.name(), 1);
    }
    tally.refuse("duplicate", committed.duplicates);
    door.count(Signal::Samples, &tally);
}

/// Refused points that the store, or an earlier interval, is the reason for: told one by one.
const EXAMPLES_MAX: usize = 3;

fn answer(
    batch: &Batch,
    decoded: &Decoded,
    committed: &Committed,
) -> Result<Partial, ReceiveError> {
    let mut points: HashSet<u32> = committed.refused.iter().map(|(point, _)| *point).collect();
    let mut examples = decoded.refused.examples.clone();
    for (_, reason) in committed.refused.iter().take(EXAMPLES_MAX) {
        examples.push(reason.to_string());
    }
    let outcome = &committed.outcome;
    for (at, rejected) in outcome.rejected.iter().enumerate() {
        if let Some(point) = decoded.rows.get(rejected.row).filter(|p| **p != NO_POINT) {
            points.insert(*point);
        }
        if at < EXAMPLES_MAX {
            let (series, _, _) = batch.row(rejected.row);
            let name = batch
                .labels(series)
                .and_then(|labels| labels.get("__name__"));
            examples.push(format!("{}: {}", name.unwrap_or("?"), rejected.reason));
        }
    }
    if let Some(culprit) = &outcome.culprit {
        let (metric, series) = (&culprit.metric, culprit.series);
        examples.push(format!("most series are of {metric} ({series})"));
    }
    let rejected = decoded.refused.total() + points.len();
    let message = if rejected == 0 {
        String::new()
    } else {
        let total = decoded.points;
        format!(
            "{rejected} of {total} points were refused: {}",
            examples.join("; ")
        )
    };
    let is_passing = |r: &Rejected| r.reason == Refusal::SeriesRate;
    if outcome.rejected.iter().any(is_passing) {
        return Err(ReceiveError::Passing(message));
    }
    let rejected = rejected as u64;
    Ok(Partial { rejected, message })
}

#[cfg(test)]
mod tests;
