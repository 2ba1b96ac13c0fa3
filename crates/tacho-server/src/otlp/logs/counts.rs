//! How many log records there were: `log_record_count_total` by job, instance and severity.
//!
//! 1. What a sender was told is counted is in the store: a total is written with the new value
//!    before the request is answered, and after a restart continued from what is there.
//! 2. Totals in memory are bounded; one that was forgotten is read back when it grows again.
//!
//! The metric is named as the OpenTelemetry count connector names it (`log.record.count`).

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::span::{Attribute, AttributeValue, LogRecord, Severity};
use tacho_model::{
    AppendError, Batch, Columns, Kind, Labels, METRIC_NAME, Matcher, Metadata, Querier, TimeRange,
    Timestamp, Unit,
};

use crate::app::App;
use crate::intake::{Origin, Protocol};

const NAME: &str = "log_record_count_total";
/// Totals in memory; when there are more, all are forgotten and read back as they grow.
const TOTALS_MAX: usize = 10_000;
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

/// The totals.
#[derive(Debug, Default)]
pub struct LogCounts(Mutex<HashMap<Key, f64>>);

impl LogCounts {
    /// Adds what a request held.
    ///
    /// # Errors
    /// [`AppendError`] of the store; nothing was added then.
    pub fn append(
        &self,
        app: &App,
        mut counted: Counted,
        now: Timestamp,
    ) -> Result<(), AppendError> {
        counted.settle();
        if counted.counts.is_empty() {
            return Ok(());
        }
        // Held until the totals are in the log: what is written later is never less.
        let mut totals = self.0.lock();
        let mut batch = Batch::new();
        let mut grown = Vec::with_capacity(counted.counts.len());
        for (key, count) in counted.counts {
            let known = totals.get(&key).copied();
            let Ok(labels) = Labels::new(key.labels()) else {
                continue;
            };
            let total = known.unwrap_or_else(|| stored(app, &labels, now)) + count as f64;
            let series = batch.series_encoded(labels.as_ref());
            batch.push(series, now, total);
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
        let door = app.door(Origin::new(Protocol::Otlp, "logs"));
        door.append_uncounted(&batch)?;
        if totals.len() + grown.len() > TOTALS_MAX {
            totals.clear();
        }
        totals.extend(grown);
        Ok(())
    }
}

/// The newest total of a series in the store, or zero.
fn stored(app: &App, labels: &Labels, now: Timestamp) -> f64 {
    let matchers: Vec<Matcher> = labels.iter().map(|(n, v)| Matcher::equal(n, v)).collect();
    for back in LOOK_BACK {
        let Ok(selection) = app.store.select(&matchers, TimeRange::last(back, now)) else {
            continue;
        };
        // Matchers cannot say "and no other label".
        let index = (0..selection.len()).find(|index| selection.labels(*index) == labels);
        let mut columns = Columns::new();
        if let Some(index) = index
            && selection.read(index, &mut columns).is_ok()
            && let Some(newest) = columns.values.last()
        {
            return *newest;
        }
    }
    0.0
}

#[cfg(test)]
mod tests;
