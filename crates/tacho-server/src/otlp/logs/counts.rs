//! How many log records there were: `log_record_count_total` by job, instance and severity.
//!
//! 1. What a sender was told is counted is in the store: a total is written with the new value
//!    before the request is answered, and after a restart continued from what is there.
//! 2. A request that comes again is not counted again, as long as it is among the last
//!    `KNOWN_MAX` and the server was not restarted in between.
//! 3. Totals in memory are bounded; one that was forgotten is read back when it grows again.
//!
//! The metric is named as the OpenTelemetry count connector names it (`log.record.count`).

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::span::{Attribute, AttributeValue, LogRecord, Severity};
use tacho_model::{
    AppendError, Batch, Columns, Kind, Labels, METRIC_NAME, Metadata, Querier, TimeRange,
    Timestamp, Unit,
};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::app::App;
use crate::filters::generations::Generations;
use crate::intake::{Origin, Protocol};

/// The metric.
pub(crate) const NAME: &str = "log_record_count_total";
/// Totals in memory; when there are more, all are forgotten and read back as they grow.
const TOTALS_MAX: usize = 10_000;
/// Requests that are known again; at it, the older half of them is forgotten.
const KNOWN_MAX: usize = 200_000;
/// How far back a total is looked for, nearest first; one that rested longer begins anew, which
/// readers of counters take for the restart that it is.
const LOOK_BACK: [Duration; 3] = [
    Duration::from_hours(1),
    Duration::from_hours(24),
    Duration::from_hours(30 * 24),
];

/// Who said something how bad.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    job: String,
    instance: String,
    severity: Severity,
}

impl Key {
    fn labels(&self) -> [(&'static str, &str); 4] {
        [
            (METRIC_NAME, NAME),
            ("instance", &self.instance),
            ("job", &self.job),
            ("severity", self.severity.as_str()),
        ]
    }
}

/// The records of one request, counted.
#[derive(Debug, Default)]
pub struct Counted {
    counts: HashMap<Key, u64>,
    /// Records come in runs of one sender and severity.
    last: Option<(Key, u64)>,
}

impl Counted {
    /// Counts a record.
    pub fn add(&mut self, record: &LogRecord<'_>) {
        let text = |name| text(record.resource, name);
        let (namespace, instance) = (text("service.namespace"), text("service.instance.id"));
        if let Some((key, count)) = &mut self.last
            && key.severity == record.severity
            && key.instance == instance
            && is_job(&key.job, namespace, record.service)
        {
            *count += 1;
            return;
        }
        self.settle();
        let job = match namespace {
            "" => record.service.to_owned(),
            namespace => format!("{namespace}/{}", record.service),
        };
        let key = Key {
            job,
            instance: instance.to_owned(),
            severity: record.severity,
        };
        self.last = Some((key, 1));
    }

    fn settle(&mut self) {
        if let Some((key, count)) = self.last.take() {
            *self.counts.entry(key).or_default() += count;
        }
    }
}

/// Whether `job` is what Prometheus makes of a namespace and a name.
fn is_job(job: &str, namespace: &str, service: &str) -> bool {
    match namespace {
        "" => job == service,
        namespace => {
            let rest = job
                .strip_prefix(namespace)
                .and_then(|rest| rest.strip_prefix('/'));
            rest == Some(service)
        }
    }
}

fn text<'r>(resource: &'r [Attribute<'_>], name: &str) -> &'r str {
    let mut attributes = resource.iter();
    match attributes.find(|attribute| attribute.name == name) {
        Some(Attribute {
            value: AttributeValue::Text(text),
            ..
        }) => text,
        _ => "",
    }
}

/// The totals, and the requests that were counted lately.
#[derive(Debug)]
pub struct LogCounts {
    totals: Mutex<HashMap<Key, Total>>,
    requests: Mutex<Requests>,
    seed: u64,
}

/// A total, and when it was written.
#[derive(Debug, Clone, Copy)]
struct Total {
    value: f64,
    written: Timestamp,
}

/// What is known of requests.
#[derive(Debug)]
struct Requests {
    /// Counted lately.
    counted: Generations<()>,
    /// Being worked on.
    begun: HashSet<u128>,
}

/// What a request is.
#[derive(Debug)]
pub enum Seen<'a> {
    /// One that was not seen before; being worked on for as long as this lives.
    New(Begun<'a>),
    /// The same one is being worked on.
    Begun,
    /// It was counted.
    Counted,
}

/// A request that is being worked on.
#[derive(Debug)]
pub struct Begun<'a> {
    counts: &'a LogCounts,
    key: u128,
}

impl Begun<'_> {
    /// It was counted, and is known from now on.
    pub fn counted(self) {
        self.counts.requests.lock().counted.insert(self.key, (), 0);
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.counts.requests.lock().begun.remove(&self.key);
    }
}

impl Default for LogCounts {
    fn default() -> Self {
        Self {
            totals: Mutex::default(),
            requests: Mutex::new(Requests {
                counted: Generations::new(KNOWN_MAX, usize::MAX),
                begun: HashSet::new(),
            }),
            // Nobody outside can make requests share a hash.
            seed: RandomState::new().hash_one(0u64),
        }
    }
}

impl LogCounts {
    /// What a request is, by its bytes: exporters send the same ones again where they did not hear
    /// the answer, also while the first ones are still being worked on.
    pub fn begin(&self, request: &[u8]) -> Seen<'_> {
        let key = xxh3_128_with_seed(request, self.seed);
        let mut requests = self.requests.lock();
        if requests.counted.get(key).is_some() {
            return Seen::Counted;
        }
        if !requests.begun.insert(key) {
            return Seen::Begun;
        }
        Seen::New(Begun { counts: self, key })
    }

    /// Adds what a request held.
    ///
    /// # Errors
    /// [`AppendError`] of the store; nothing was added then.
    pub fn append(&self, app: &App, mut counted: Counted) -> Result<(), AppendError> {
        counted.settle();
        if counted.counts.is_empty() {
            return Ok(());
        }
        let door = app.door(Origin::new(Protocol::Otlp, "logs"));
        // Held until the totals are in the log, and the time is taken within: what is written
        // later is never less and never earlier.
        let mut totals = self.totals.lock();
        let now = Timestamp::now();
        let mut batch = Batch::new();
        let mut grown = Vec::with_capacity(counted.counts.len());
        for (key, count) in counted.counts {
            let Ok(labels) = Labels::new(key.labels()) else {
                continue;
            };
            let known = totals.get(&key).copied();
            let before =
                known.or_else(|| stored(app, &door.stored_as(labels.as_ref())?.labels, now));
            let total = Total {
                value: before.map_or(0.0, |total| total.value) + count as f64,
                // A clock that was set back.
                written: before.map_or(now, |total| total.written.max(now)),
            };
            let series = batch.series_encoded(labels.as_ref());
            batch.push(series, total.written, total.value);
            grown.push((key, total));
        }
        batch.describe(
            NAME,
            Metadata {
                kind: Kind::Counter,
                unit: Unit::NONE,
                help: "Log records received, by severity.".to_owned(),
            },
        );
        door.append_uncounted(&batch)?;
        if totals.len() + grown.len() > TOTALS_MAX {
            totals.clear();
        }
        totals.extend(grown);
        Ok(())
    }
}

/// The newest total of a series in the store.
fn stored(app: &App, labels: &Labels, now: Timestamp) -> Option<Total> {
    let mut columns = Columns::new();
    LOOK_BACK.into_iter().find_map(|back| {
        let range = TimeRange::new(now - back, TimeRange::ALL.end);
        let read = app.store.read_series(labels.as_ref(), range, &mut columns);
        let (written, value) = columns.last().filter(|_| read.is_ok())?;
        Some(Total { value, written })
    })
}

#[cfg(test)]
mod tests;
