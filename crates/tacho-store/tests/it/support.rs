//! What every test here needs.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::time::Duration;

use tacho_model::{Appender, Batch, Columns, Matcher, Querier, TimeRange, Timestamp};
use tacho_store::{Store, StoreOptions};

/// Options whose clock stands still, with small segments.
pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 64 << 10,
        clock: || at(0),
        ..StoreOptions::default()
    }
}

/// `secs` after the start of every test.
pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000) + Duration::from_secs(secs.unsigned_abs())
}

/// A batch of one sample.
pub(crate) fn one(name: &str, time: Timestamp, value: f64) -> Batch {
    let mut batch = Batch::new();
    let series = batch.series([("__name__", name)]).unwrap();
    batch.push(series, time, value);
    batch
}

/// Appends one sample, which must be accepted.
pub(crate) fn put(store: &Store, name: &str, time: Timestamp, value: f64) {
    let outcome = store.append(&one(name, time, value)).unwrap();
    assert_eq!(outcome.accepted, 1, "{outcome:?}");
}

/// All samples of a series of that name.
pub(crate) fn read(store: &Store, name: &str) -> Vec<(Timestamp, f64)> {
    let selection = store
        .select(&[Matcher::metric(name)], TimeRange::ALL)
        .unwrap();
    let mut columns = Columns::new();
    if selection.is_empty() {
        return Vec::new();
    }
    selection.read(0, &mut columns).unwrap();
    columns.timestamps.into_iter().zip(columns.values).collect()
}
