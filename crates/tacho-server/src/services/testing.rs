//! A store for the tests of this folder: series put in by hand, times in seconds of a fixed day.

use std::sync::Arc;

use tacho_model::{Appender as _, Batch, Histogram, Querier, TimeRange, Timestamp};
use tacho_store::{Store as RealStore, StoreOptions};

use super::Scope;

/// The beginning of the tests' time, unix seconds: yesterday, so that nothing is too old or new.
fn epoch() -> i64 {
    static EPOCH: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    *EPOCH.get_or_init(|| {
        let now = Timestamp::now().as_nanos() / 1_000_000_000;
        (now - 2 * 86_400) / 86_400 * 86_400
    })
}

/// A time of the tests.
pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(epoch() + secs)
}

/// A range of the tests.
pub(super) fn range(start: i64, end: i64) -> TimeRange {
    TimeRange::new(at(start), at(end))
}

/// The first thousand seconds compared with nothing.
pub(super) fn scope() -> Scope {
    Scope {
        range: range(0, 1000),
        previous: None,
        limit: 100,
    }
}

/// A store in a folder of its own.
pub(super) struct Store {
    _dir: tempfile::TempDir,
    store: Arc<RealStore>,
}

impl Store {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            tables: vec![crate::exemplars::table(crate::exemplars::RETENTION)],
            ..StoreOptions::default()
        };
        let store = Arc::new(RealStore::open(dir.path(), options).unwrap());
        Self { _dir: dir, store }
    }

    pub(super) fn querier(&self) -> &dyn Querier {
        self.store.as_ref()
    }

    pub(super) fn store(&self) -> &RealStore {
        &self.store
    }

    pub(super) fn append(&self, batch: &Batch) {
        let outcome = self.store.append(batch).unwrap();
        assert!(outcome.rejected.is_empty(), "{:?}", outcome.rejected);
    }

    pub(super) fn number(&self, labels: &[(&str, &str)], secs: i64, value: f64) {
        let mut batch = Batch::new();
        let series = batch.series(labels.iter().copied()).unwrap();
        batch.push(series, at(secs), value);
        self.append(&batch);
    }

    pub(super) fn histogram(&self, labels: &[(&str, &str)], secs: i64, histogram: Histogram) {
        let mut batch = Batch::new();
        let series = batch.series(labels.iter().copied()).unwrap();
        batch.push_histogram(series, at(secs), histogram);
        self.append(&batch);
    }

    /// Observations of durations of spans, all at this time.
    pub(super) fn spans(&self, labels: &[(&str, &str)], secs: i64, durations: &[f64]) {
        let mut histogram = Histogram::new();
        for duration in durations {
            histogram.observe(*duration);
        }
        let mut all = vec![("__name__", super::source::SPAN_DURATION)];
        all.extend(labels);
        self.histogram(&all, secs, histogram);
    }

    /// Explicit buckets with cumulative counts, their sum and count.
    pub(super) fn buckets(
        &self,
        labels: &[(&str, &str)],
        metric: &str,
        secs: i64,
        buckets: &[(&str, f64)],
        sum: f64,
    ) {
        let put = |suffix: &str, le: &str, value: f64| {
            let name = format!("{metric}{suffix}");
            let mut all = vec![("__name__", name.as_str()), ("le", le)];
            all.extend(labels);
            self.number(&all, secs, value);
        };
        for (le, count) in buckets {
            put("_bucket", le, *count);
        }
        put("_sum", "", sum);
        put("_count", "", buckets.last().map_or(0.0, |last| last.1));
    }
}
