//! Series of spans as they stand, and their growth on its way into the store.
//!
//! 1. A total is written with its new value, at the time when what it counts was over, and a
//!    histogram of a second whole, together with the rows they were counted from; what is written
//!    later is never less and never earlier.
//! 2. A total that is not in memory is read back from the store before it grows: after a restart,
//!    and when it was forgotten. Observations of a second that is not in memory any more are written
//!    beside those before, at a time of their own within the second: histograms of observations
//!    since the sample before add up. Memory is bounded.
//! 3. What the store refuses has not grown.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::time::Duration;

use tacho_model::{
    AppendError, AppendOutcome, Batch, Columns, Histogram, Labels, Querier, TimeRange, Timestamp,
};
use tacho_store::PreparedRecords;

use super::AHEAD_MAX;
use super::families::Family;
use super::growth::{By, FOLD, Grown, Growth, end_of_fold};
use crate::filters::generations::{Generations, Hashed};
use crate::ingest::OPEN_FOR;
use crate::intake::Door;

/// Totals in memory; at it, the half that rested longest is forgotten and read back as it grows.
const TOTALS_MAX: usize = 1_000_000;
/// Histograms of seconds in memory; at it, the oldest second is forgotten.
const OPEN_MAX: usize = 200_000;
/// Times within a second, but for its end.
const BESIDE_SLOTS: u64 = 999_999_998;
/// From one time to the next: about two of five milliseconds that no one before had.
const BESIDE_STEP: u64 = 381_966_011;
/// A total that was written longer ago than this is not one of what goes on now.
const LIVE: Duration = Duration::from_mins(1);
/// Of totals of what is over, spans come in about the order in which they ended.
const DISORDER_MAX: Duration = Duration::from_mins(5);
/// How far back a total is looked for, nearest first; one that rested longer begins anew, which
/// readers of counters take for the restart that it is.
const LOOK_BACK: [Duration; 3] = [
    Duration::from_hours(1),
    Duration::from_hours(24),
    Duration::from_hours(30 * 24),
];

/// The series as they stand.
pub(super) struct State {
    totals: Generations<Total>,
    /// By the end of the second, then by series.
    open: BTreeMap<Timestamp, HashMap<u128, Histogram, BuildHasherDefault<Hashed>>>,
    open_count: usize,
    /// Histograms of seconds up to this one may be in the store though they are not here.
    forgotten: Timestamp,
    /// Where within its second the last of those was written.
    besides: u64,
}

/// A total, and when it was written.
#[derive(Debug, Clone, Copy)]
struct Total {
    value: f64,
    written: Timestamp,
}

/// What becomes of a series when the store takes its samples.
enum After {
    Total(u128, Total),
    Open(u128, Timestamp, Histogram),
    Nothing,
}

impl State {
    /// Nothing yet, in a process that began then.
    pub(super) fn new(began: Timestamp) -> Self {
        Self {
            totals: Generations::new(TOTALS_MAX, usize::MAX),
            open: BTreeMap::new(),
            open_count: 0,
            // Spans of clocks that are ahead were counted in seconds that are yet to come.
            forgotten: end_of_fold(began + AHEAD_MAX),
            besides: began.as_nanos().unsigned_abs() % BESIDE_SLOTS,
        }
    }

    /// Grows series and keeps rows, both or neither; what became of the rows.
    ///
    /// # Errors
    /// [`AppendError`] of the store; nothing has grown then.
    pub(super) fn commit(
        &mut self,
        door: &Door<'_>,
        now: Timestamp,
        growth: Growth,
        currency: &str,
        rows: PreparedRecords,
    ) -> Result<AppendOutcome, AppendError> {
        self.forget(now);
        let mut batch = Batch::new();
        let mut after = Vec::with_capacity(growth.series.len());
        let mut described: Vec<Family> = Vec::new();
        for (key, grown) in growth.series {
            if !described.contains(&grown.family) {
                described.push(grown.family);
            }
            self.grow(door, now, (key, grown), &mut batch, &mut after);
        }
        for family in described {
            batch.describe(family.name(), family.metadata(currency));
        }
        let (samples, taken) = door.append_together(&batch, rows)?;
        // In order of row, as `after` is.
        let rejected = samples.rejected.iter().map(|rejected| rejected.row);
        let mut rejected = rejected.peekable();
        for (row, after) in after.into_iter().enumerate() {
            if rejected.next_if_eq(&row).is_none() {
                self.settle(after);
            }
        }
        Ok(taken)
    }

    /// Adds the samples of a series to a batch, and for each what becomes of it afterwards.
    fn grow(
        &mut self,
        door: &Door<'_>,
        now: Timestamp,
        (key, grown): (u128, Grown),
        batch: &mut Batch,
        after: &mut Vec<After>,
    ) {
        let series = batch.series_encoded(grown.labels.as_ref());
        match grown.by {
            By::Total(by, at) => {
                let known = self.totals.get(key).map(|seen| *seen.value);
                let before = known.or_else(|| stored_total(door, &grown.labels, now));
                let total = Total {
                    value: before.map_or(0.0, |total| total.value) + by,
                    written: time_of_total(before.map(|total| total.written), at, now),
                };
                batch.push(series, total.written, total.value);
                after.push(After::Total(key, total));
            }
            By::Value(value) => {
                batch.push(series, end_of_fold(now), value);
                after.push(After::Nothing);
            }
            By::Observed(seconds) => {
                for (end, fresh) in seconds {
                    if end <= self.forgotten {
                        batch.push_histogram(series, self.beside(end), fresh);
                        after.push(After::Nothing);
                        continue;
                    }
                    let open = self.open.get(&end).and_then(|second| second.get(&key));
                    let histogram = match open.cloned() {
                        Some(mut known) => {
                            known.merge(&fresh);
                            known
                        }
                        None => fresh,
                    };
                    batch.push_histogram(series, end, histogram.clone());
                    after.push(After::Open(key, end, histogram));
                }
            }
        }
        for exemplar in grown.exemplars {
            batch.push_exemplar(series, exemplar);
        }
    }

    /// A time within the second that ends then, which no other observations have.
    fn beside(&mut self, end: Timestamp) -> Timestamp {
        // Far apart from one to the next, also where times are rounded to milliseconds.
        self.besides = (self.besides + BESIDE_STEP) % BESIDE_SLOTS;
        end - Duration::from_nanos(self.besides + 1)
    }

    fn settle(&mut self, after: After) {
        match after {
            After::Nothing => {}
            After::Total(key, total) => self.totals.insert(key, total, 0),
            // One that is forgotten already would be taken for all there is of its second.
            After::Open(_, end, _) if end <= self.forgotten => {}
            After::Open(key, end, histogram) => {
                let second = self.open.entry(end).or_default();
                if second.insert(key, histogram).is_none() {
                    self.open_count += 1;
                }
            }
        }
    }

    /// Forgets seconds that the store may fold with others, and the oldest when there are too many.
    fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.open.first_entry() {
            let is_over = now.since(*oldest.key()) >= OPEN_FOR;
            if !is_over && self.open_count <= OPEN_MAX {
                break;
            }
            self.forgotten = self.forgotten.max(*oldest.key());
            self.open_count -= oldest.remove().len();
        }
        // Those of that age are never kept, so what is not here may be there.
        self.forgotten = self.forgotten.max(now - OPEN_FOR - FOLD);
    }
}

/// When a total is written that grew by what was over at `at`: then, where that is not before what
/// is written already; samples of one second have its end as their time, and the last one wins.
///
/// What comes late for a total that is live is counted when it comes. A history that is sent
/// afterwards is counted where it belongs, and what is out of order in it with what is beside it.
fn time_of_total(written: Option<Timestamp>, at: Timestamp, now: Timestamp) -> Timestamp {
    let (at, now) = (end_of_fold(at.min(now)), end_of_fold(now));
    match written {
        Some(written) if at < written => {
            let is_live = now.since(written) <= LIVE;
            if is_live || written.since(at) > DISORDER_MAX {
                // A clock that was set back.
                now.max(written)
            } else {
                written
            }
        }
        _ => at,
    }
}

/// The newest total of a series in the store.
fn stored_total(door: &Door<'_>, labels: &Labels, now: Timestamp) -> Option<Total> {
    let stored_as = door.stored_as(labels.as_ref())?.labels;
    let mut columns = Columns::new();
    LOOK_BACK.into_iter().find_map(|back| {
        let range = TimeRange::new(now - back, TimeRange::ALL.end);
        let store = &door.app().store;
        let read = store.read_series(stored_as.as_ref(), range, &mut columns);
        let (written, value) = columns.last().filter(|_| read.is_ok())?;
        Some(Total { value, written })
    })
}
