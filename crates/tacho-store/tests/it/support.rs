//! What every test here needs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tacho_model::{Appender, Batch, Columns, Histogram, Matcher, Querier, TimeRange, Timestamp};
use tacho_stats::rng::Rng;
use tacho_store::{Store, StoreOptions};

/// Options whose clock stands still, with small segments.
pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        segment_bytes: 64 << 10,
        // Every histogram is told apart, on disk too.
        histogram_interval: Duration::from_nanos(1),
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

/// A sample's value, comparable to the bit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Held {
    Float(u64),
    Histogram(Histogram),
}

/// All samples: of each series, by seconds after [`at`]`(0)`.
pub(crate) type Contents = BTreeMap<String, BTreeMap<i64, Held>>;

/// Everything the store answers with. Series are told by their labels, without `__name__` where
/// that is all they have.
pub(crate) fn contents(store: &Store) -> Contents {
    let selection = store.select(&[], TimeRange::ALL).unwrap();
    let mut all = Contents::new();
    let mut columns = Columns::new();
    for index in 0..selection.len() {
        selection.read(index, &mut columns).unwrap();
        let secs = |time: &i64| (time - at(0).as_nanos()).div_euclid(1_000_000_000);
        let floats = columns.values.iter().map(|v| Held::Float(v.to_bits()));
        let floats = columns.timestamps.iter().zip(floats);
        let histograms = columns.histograms.iter().cloned().map(Held::Histogram);
        let histograms = columns.histogram_timestamps.iter().zip(histograms);
        let series = all.entry(selection.labels(index).to_string()).or_default();
        for (time, value) in floats.chain(histograms) {
            let twice = series.insert(secs(&time.as_nanos()), value);
            assert!(twice.is_none(), "one value at a time");
        }
    }
    all.retain(|_, samples| !samples.is_empty());
    all
}

/// A histogram of some observations.
pub(crate) fn distribution(random: &mut Rng) -> Histogram {
    let mut histogram = Histogram::new();
    for _ in 0..random.below(20) {
        histogram.observe(random.below(10_000) as f64 / 37.0 - 50.0);
    }
    histogram
}

/// A file system in memory of limited size, for as long as it is held; `None`, with the reason
/// printed, where this user may not mount one.
pub(crate) struct Tmpfs {
    dir: tempfile::TempDir,
}

impl Tmpfs {
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { dir }),
            other => {
                println!("skipped: a tmpfs cannot be mounted here: {other:?}");
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Makes it larger.
    pub(crate) fn grow(&self, size: &str) {
        let grown = Command::new("mount")
            .args(["-o", &format!("remount,size={size}")])
            .arg(self.path())
            .status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there may finish.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
