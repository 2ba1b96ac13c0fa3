//! Deltas to cumulative samples: a total a series, kept between requests.
//!
//! A total changes only if the store took the sample that it became, so that an answer of "try
//! again" loses nothing and doubles nothing. One request with deltas is worked on at a time: what it
//! adds to must not change until it is stored. A series that is met for the first time (since the
//! start, or since its total was forgotten for room) goes on from its newest stored sample.
//!
//! What that guarantees after the server was killed: every interval that was acknowledged is in the
//! store, and one that is sent again, acknowledged or not, is not counted twice, because whatever
//! was stored ended no later than the newest sample. The price: an interval of before that was
//! never counted, and comes only now, is refused as uncertain. A series that was silent for longer
//! than [`LOOK_BACK`] begins at zero again, which readers take for a reset.

mod totals;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::append::SeriesIndex;
use tacho_model::histogram::Temporality;
use tacho_model::{
    AppendOutcome, Appender, Batch, Columns, LabelsRef, Querier, QueryError, TimeRange, Timestamp,
};
use tacho_wire::otlp::metrics::{Amount, Decoded, Delta};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use self::totals::{Change, Key, Totals};
use super::ReceiveError;
use super::total::{Added, Gain, Sum, Total};
use crate::filters::StoredAs;

/// How far back the newest sample of a series is looked for.
const LOOK_BACK: Duration = Duration::from_hours(25);

/// What became of a request's deltas and samples.
#[derive(Debug, Default)]
pub(super) struct Committed {
    pub(super) outcome: AppendOutcome,
    /// Deltas that had been counted before.
    pub(super) duplicates: usize,
    /// Deltas that were not added, with the point each is of.
    pub(super) refused: Vec<(u32, NotAdded)>,
}

/// Why a delta was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAdded {
    /// It ends before what is remembered, or what was stored when the server started.
    #[error("the interval is too old to tell whether it was counted")]
    Uncertain,
    /// The total would be infinite.
    #[error("the total would be infinite")]
    Overflow,
}

impl NotAdded {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Uncertain => "uncertain_delta",
            Self::Overflow => "overflow",
        }
    }
}

/// What was stored before.
pub(super) struct Past<'a> {
    pub(super) store: &'a dyn Querier,
    /// How what comes in as a series is stored.
    pub(super) stored_as: &'a dyn Fn(LabelsRef<'_>) -> Option<StoredAs>,
}

/// Keeps totals.
#[derive(Debug)]
pub(super) struct Accumulator {
    totals: Mutex<Totals>,
    seed: u64,
}

impl Default for Accumulator {
    fn default() -> Self {
        Self {
            totals: Mutex::default(),
            // Nobody outside can make series share a hash.
            seed: RandomState::new().hash_one(0u64),
        }
    }
}

/// A row that a delta became.
struct Made {
    row: usize,
    delta: usize,
}

impl Accumulator {
    /// Adds the deltas up, puts what they come to into the batch and appends it.
    pub(super) fn commit(
        &self,
        past: &Past<'_>,
        door: &dyn Appender,
        batch: &mut Batch,
        decoded: &mut Decoded,
        now: Timestamp,
    ) -> Result<Committed, ReceiveError> {
        let mut committed = Committed::default();
        if decoded.deltas.is_empty() {
            committed.outcome = door.append(batch)?;
            return Ok(committed);
        }
        // Held until the batch is in the log: what is added to must not change meanwhile.
        let mut totals = self.totals.lock();
        let mut change = totals.change();
        let appended = self
            .add(&mut change, past, batch, decoded, &mut committed, now)
            .and_then(|made| Ok((made, door.append(batch)?)));
        let (made, outcome) = match appended {
            Ok(appended) => appended,
            Err(error) => {
                change.take_back();
                return Err(error);
            }
        };
        if !outcome.rejected.is_empty() {
            let rejected: HashSet<usize> = outcome.rejected.iter().map(|r| r.row).collect();
            self.undo(change, batch, decoded, &made, &rejected);
        }
        committed.outcome = outcome;
        Ok(committed)
    }

    /// Adds each delta to its total, and puts what that comes to into the batch.
    fn add(
        &self,
        change: &mut Change<'_>,
        past: &Past<'_>,
        batch: &mut Batch,
        decoded: &mut Decoded,
        committed: &mut Committed,
        now: Timestamp,
    ) -> Result<Vec<Made>, ReceiveError> {
        let mut made = Vec::with_capacity(decoded.deltas.len());
        for at in 0..decoded.deltas.len() {
            let delta = decoded.deltas[at];
            let read = || match batch.labels(delta.series) {
                Some(labels) => stored(past, labels, now),
                None => Ok(Total::EMPTY),
            };
            let key = self.key(batch, delta.series);
            let total = change.total(key, read)?;
            match total.add(delta.start, delta.time, gain(&delta, decoded)) {
                Added::Yes => {
                    made.push(Made {
                        row: batch.len(),
                        delta: at,
                    });
                    put(batch, delta.series, total);
                    decoded.rows.push(delta.point);
                    if matches!(delta.amount, Amount::Histogram(_)) {
                        change.weigh(key);
                    }
                }
                Added::Duplicate => committed.duplicates += 1,
                Added::Uncertain => committed.refused.push((delta.point, NotAdded::Uncertain)),
                Added::Overflow => committed.refused.push((delta.point, NotAdded::Overflow)),
            }
        }
        Ok(made)
    }

    fn key(&self, batch: &Batch, series: SeriesIndex) -> Key {
        xxh3_128_with_seed(batch.label_bytes(series), self.seed)
    }

    /// Takes back what the store refused. A row holds all that came before it, so that what counts
    /// is the last row of a series that was kept; what came after it was not counted.
    #[cold]
    fn undo(
        &self,
        change: Change<'_>,
        batch: &Batch,
        decoded: &Decoded,
        made: &[Made],
        rejected: &HashSet<usize>,
    ) {
        let key = |made: &Made| self.key(batch, decoded.deltas[made.delta].series);
        let is_rejected = |made: &&Made| rejected.contains(&made.row);
        let touched: HashSet<Key> = made.iter().filter(is_rejected).map(key).collect();
        let mut rows: HashMap<Key, Vec<&Made>> = HashMap::new();
        for made in made {
            let key = key(made);
            if touched.contains(&key) {
                rows.entry(key).or_default().push(made);
            }
        }
        change.redo(|series, total| {
            let Some(rows) = rows.get(&series) else {
                return false;
            };
            let kept = rows.iter().rposition(|made| !rejected.contains(&made.row));
            for made in rows.iter().take(kept.map_or(0, |last| last + 1)) {
                let delta = &decoded.deltas[made.delta];
                total.add(delta.start, delta.time, gain(delta, decoded));
            }
            true
        });
    }
}

fn gain<'d>(delta: &Delta, decoded: &'d Decoded) -> Gain<'d> {
    match delta.amount {
        Amount::Number(value) => Gain::Number(value),
        Amount::Histogram(at) => match decoded.histograms.get(at as usize) {
            Some(histogram) => Gain::Histogram(histogram),
            None => Gain::Number(0.0),
        },
    }
}

/// Adds the row that a total is.
fn put(batch: &mut Batch, series: SeriesIndex, total: &Total) {
    match total.sample() {
        Some((time, Sum::Number(value))) => batch.push(series, time, *value),
        Some((time, Sum::Histogram(histogram))) => {
            batch.push_histogram(series, time, (**histogram).clone());
        }
        None => {}
    }
}

/// The total that the newest stored sample of a series is.
fn stored(past: &Past<'_>, labels: LabelsRef<'_>, now: Timestamp) -> Result<Total, QueryError> {
    let Some(stored_as) = (past.stored_as)(labels) else {
        return Ok(Total::EMPTY);
    };
    let range = TimeRange::new(now - LOOK_BACK, TimeRange::ALL.end);
    let mut columns = Columns::new();
    let labels = stored_as.labels.as_ref();
    past.store.read_series(labels, range, &mut columns)?;
    let number = columns
        .last()
        .map(|(time, value)| (time, Sum::Number(value)));
    let histogram = columns
        .histogram_timestamps
        .pop()
        .zip(columns.histograms.pop());
    let histogram = histogram.map(|(time, histogram)| (time, Sum::Histogram(Box::new(histogram))));
    let newest = [number, histogram].into_iter().flatten();
    let Some((time, sum)) = newest.max_by_key(|(time, _)| *time) else {
        return Ok(Total::EMPTY);
    };
    // What cannot be gone on from is begun anew, but not counted twice either.
    let sum = match sum {
        Sum::Number(value) if !value.is_finite() => None,
        Sum::Histogram(histogram) if histogram.temporality() == Temporality::Delta => None,
        sum => Some(sum),
    };
    let mut total = Total::stored(time, sum);
    if stored_as.is_throttled {
        // It is stored later than it is: what it counts had ended by now.
        total.count_from(time.min(now));
    }
    Ok(total)
}

#[cfg(test)]
mod tests;
