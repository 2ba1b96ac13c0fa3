//! The engine as a whole, on a disk in memory.
//!
//! [`model`]: random operations against a map. [`concurrent`]: several writers at once.
//! [`crash`]: the power is cut at every operation, or it fails.
//! [`damage`]: bits flip, files end early. [`trouble`]: full disks, failed syncs, odd batches.
//! [`records`]: rows of a table against a map.
//! [`snapshot`]: copies while writing goes on. [`rollup`]: windows against samples.
//! [`value_snapshots`]: what everything reads at one moment.

mod concurrent;
mod crash;
mod damage;
mod model;
mod records;
mod rollup;
mod snapshot;
mod trouble;
mod value_snapshots;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tacho_model::{Columns, Matcher, TimeRange, Timestamp};

use crate::disk::fake::FakeDisk;
use crate::engine::Engine;
use crate::error::StoreError;
use crate::options::{Fsync, StoreOptions};

/// The folder that all of these tests use.
const DIR: &str = "/data";

/// A sample's value, comparable to the bit.
#[derive(Debug, Clone, PartialEq)]
enum Held {
    Float(u64),
    Histogram(String),
}

/// All samples of some series, by labels and time.
type Contents = BTreeMap<String, BTreeMap<i64, Held>>;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn options() -> StoreOptions {
    StoreOptions {
        fsync: Fsync::Always,
        segment_bytes: 4 << 10,
        clock: || at(0),
        future: std::time::Duration::MAX,
        // What is read back is compared to the bit.
        histogram_interval: std::time::Duration::from_nanos(1),
        ..StoreOptions::default()
    }
}

fn open_with(disk: &FakeDisk, options: StoreOptions) -> Result<Engine, StoreError> {
    Engine::open(Arc::new(disk.clone()), Path::new(DIR), options, false)
}

/// How many seeds to run: what a variable of the environment says, or that many.
fn seeds(variable: &str, usual: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn open(disk: &FakeDisk) -> Engine {
    open_with(disk, options()).unwrap()
}

/// The only file of an extension.
fn only(disk: &FakeDisk, extension: &str) -> PathBuf {
    let has = |path: &PathBuf| path.extension().is_some_and(|e| e == extension);
    let found: Vec<_> = disk.paths().into_iter().filter(has).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// Everything the engine answers with, its order and uniqueness checked.
fn contents(engine: &Engine, matchers: &[Matcher], range: TimeRange) -> Contents {
    let selection = engine.select(matchers, range).unwrap();
    let mut all = Contents::new();
    let mut columns = Columns::new();
    let mut last = None;
    for index in 0..selection.len() {
        let labels = selection.labels(index).clone();
        assert!(last < Some(labels.clone()), "series are sorted");
        selection.read(index, &mut columns).unwrap();
        let mut alone = Columns::new();
        let found = engine.read_series(labels.as_ref(), range, &mut alone);
        assert!(found.unwrap(), "{labels} is found by its labels");
        // By its text, because NaN is no equal of itself.
        assert_eq!(format!("{alone:?}"), format!("{columns:?}"));
        let floats = columns.timestamps.iter().zip(&columns.values);
        let floats = floats.map(|(t, v)| (*t, Held::Float(v.to_bits())));
        let histograms = columns.histogram_timestamps.iter().zip(&columns.histograms);
        let histograms = histograms.map(|(t, h)| (*t, Held::Histogram(format!("{h:?}"))));
        for times in [&columns.timestamps, &columns.histogram_timestamps] {
            assert!(times.is_sorted_by(|a, b| a < b), "times strictly increase");
        }
        let series = all.entry(labels.to_string()).or_default();
        for (time, value) in floats.chain(histograms) {
            assert!(range.contains(time), "only what was asked for");
            let twice = series.insert(time.as_nanos(), value);
            assert!(twice.is_none(), "one value at a time");
        }
        last = Some(labels);
    }
    all.retain(|_, series| !series.is_empty());
    all
}

fn everything(engine: &Engine) -> Contents {
    contents(engine, &[], TimeRange::ALL)
}
