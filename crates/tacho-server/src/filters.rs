//! Filters: what becomes of what was received before it is stored.
//!
//! Samples are kept, dropped, renamed, relabelled, throttled or merged into fewer series; spans are
//! kept, dropped or sampled, at their head or when their trace is over; log records are kept,
//! dropped or sampled. Filters of a signal apply in the order they are written.
//!
//! Invariants:
//! 1. where there is no filter of a signal, nothing is done and nothing is allocated;
//! 2. a sender is told that what a filter dropped was taken, and it is counted as filtered;
//! 3. what filters remember is bounded, and a crash loses nothing that was acknowledged.
//!
//! In reading order: [`rule`], what a filter says; `samples`, applying those of samples to a batch;
//! `aggregate`, series that stand for many; `generations`, what is remembered; `logs` and `spans`,
//! filters of those; `span_bytes` and `waiting`, spans that wait, on disk. Time is an argument. Not
//! for limits: those are [`crate::intake::quota`]'s.

mod aggregate;
pub(crate) mod generations;
mod logs;
pub mod rule;
mod samples;
mod span_bytes;
mod spans;
mod waiting;

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::Path;

use tacho_model::{Batch, Kind, METRIC_NAME, Metadata, Timestamp, Unit};

pub use self::aggregate::{Moment, Stored, Window};
pub use self::logs::LogFilters;
pub use self::rule::FilterSettings;
pub use self::samples::{SampleFilters, Sifted, StoredAs};
pub use self::spans::{SpanFilters, SpanSession, SpanVerdict};

/// The folder of spans that wait, in the data folder.
const WAITING: &str = "waiting-spans";
/// What each filter of samples did.
const FILTERED: &str = "tacho_filter_samples_total";

/// All filters, ready to apply.
#[derive(Debug)]
pub struct Filters {
    /// Of samples.
    pub samples: Option<SampleFilters>,
    /// Of spans.
    pub spans: Option<SpanFilters>,
    /// Of log records.
    pub logs: Option<LogFilters>,
}

impl Filters {
    /// Filters as they are configured.
    pub fn new(settings: &FilterSettings) -> Self {
        // Nobody outside can make series share a hash.
        let seed = RandomState::new().hash_one(0u64);
        Self {
            samples: SampleFilters::new(settings.samples.clone(), seed),
            spans: SpanFilters::new(settings.spans.clone()),
            logs: LogFilters::new(settings.logs.clone()),
        }
    }

    /// Adds how many samples each filter dropped, replaced or merged, where it did.
    pub fn observe(&self, now: Timestamp, host: &str, batch: &mut Batch) {
        let Some(samples) = &self.samples else {
            return;
        };
        let before = batch.len();
        for (number, (rule, count)) in samples.counts().enumerate() {
            let labels = [
                (METRIC_NAME, FILTERED),
                ("instance", host),
                ("job", "tacho"),
                ("filter", &*(number + 1).to_string()),
                ("action", rule.action.as_str()),
            ];
            if count > 0
                && let Ok(series) = batch.series(labels)
            {
                batch.push(series, now, count as f64);
            }
        }
        if batch.len() > before {
            let metadata = Metadata {
                kind: Kind::Counter,
                unit: Unit::NONE,
                help: "Samples that a filter dropped, replaced or merged, by its number."
                    .to_owned(),
            };
            batch.describe(FILTERED, metadata);
        }
    }

    /// Takes back the spans that waited when the process ended; `dir` is the data folder.
    ///
    /// # Errors
    /// When their files cannot be read, or none can be made.
    pub fn restore(&self, dir: &Path) -> io::Result<()> {
        match &self.spans {
            Some(spans) => spans.restore(&dir.join(WAITING)),
            None => Ok(()),
        }
    }
}
