//! How many series there may be, and how many more a second.
//!
//! A label with an id in it makes a series of every request. Both limits refuse the new series
//! alone; what is known goes on. Whoever reads the refusal wants the name of the metric that grew.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use tacho_model::{Refusal, Timestamp, append::Culprit};

use crate::head::Head;
use crate::options::StoreOptions;

/// New series counted within a second of the clock.
#[derive(Default)]
pub(crate) struct Growth {
    second: AtomicI64,
    count: AtomicU64,
}

/// Leave to add series, for one batch.
#[derive(Clone, Copy)]
pub(crate) struct Room<'a> {
    pub(crate) series_max: usize,
    per_second_max: u64,
    growth: &'a Growth,
}

impl Growth {
    /// Leave to add series at `now`.
    pub(crate) fn room(&self, options: &StoreOptions, now: Timestamp) -> Room<'_> {
        let second = now.as_nanos().div_euclid(1_000_000_000);
        // Two batches at the turn of a second may both reset it: the limit is for floods.
        if self.second.swap(second, Relaxed) != second {
            self.count.store(0, Relaxed);
        }
        Room {
            series_max: options.series_max,
            per_second_max: options.series_per_second_max,
            growth: self,
        }
    }
}

impl Room<'_> {
    /// Takes leave for one more series.
    pub(crate) fn take(&self) -> Result<(), Refusal> {
        if self.growth.count.fetch_add(1, Relaxed) >= self.per_second_max {
            return Err(Refusal::SeriesRate);
        }
        Ok(())
    }
}

/// The metric with the most series.
pub(crate) fn culprit(head: &Head) -> Option<Culprit> {
    let (metric, series) = head.largest_metric()?;
    Some(Culprit { metric, series })
}
