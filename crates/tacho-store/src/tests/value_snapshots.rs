//! Snapshots of current values: what is in one, that it stays as it was, and that a crash leaves a
//! whole one or none.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tacho_model::append::STALE_NAN_BITS;
use tacho_model::{Batch, Columns, Histogram, Matcher, Querier, TimeRange};

use super::{at, open, open_with, options};
use crate::disk::fake::{Crash, FakeDisk};
use crate::engine::Engine;
use crate::error::StoreError;
use crate::options::StoreOptions;
use crate::value_snapshots::{SNAPSHOT_LOOKBACK, SnapshotInfo, SnapshotRetention, ValuesSnapshot};

/// Labels, and the time and value of their one sample; of a histogram its count.
type Values = BTreeMap<String, (i64, f64)>;

fn put(engine: &Engine, name: &str, time: i64, value: f64) {
    let mut batch = Batch::new();
    let index = batch.series([("__name__", name)]).unwrap();
    batch.push(index, at(time), value);
    assert_eq!(engine.append(&batch).unwrap().accepted, 1);
}

fn put_histogram(engine: &Engine, name: &str, time: i64, values: &[f64]) {
    let mut histogram = Histogram::new();
    for value in values {
        histogram.observe(*value);
    }
    let mut batch = Batch::new();
    let index = batch.series([("__name__", name)]).unwrap();
    batch.push_histogram(index, at(time), histogram);
    assert_eq!(engine.append(&batch).unwrap().accepted, 1);
}

fn take(engine: &Engine, name: Option<&str>, now: i64) -> SnapshotInfo {
    let taken = engine.take_snapshot(name, at(now), SNAPSHOT_LOOKBACK);
    taken.unwrap()
}

fn values_of(snapshot: &ValuesSnapshot) -> Values {
    let selection = snapshot.select(&[], TimeRange::ALL).unwrap();
    let mut columns = Columns::new();
    let mut values = Values::new();
    for index in 0..selection.len() {
        selection.read(index, &mut columns).unwrap();
        // None at all where its page is damaged.
        assert!(columns.len() <= 1, "one sample a series");
        let number = columns
            .timestamps
            .iter()
            .zip(columns.values.iter().copied());
        let counts = columns.histograms.iter().map(Histogram::count);
        let held = number.chain(columns.histogram_timestamps.iter().zip(counts));
        for (time, value) in held {
            let secs = time.as_nanos() / 1_000_000_000;
            values.insert(selection.labels(index).name().to_owned(), (secs, value));
        }
    }
    values
}

fn values(engine: &Engine, wanted: &str) -> Values {
    values_of(&engine.snapshot(wanted).unwrap().unwrap())
}

fn expected(values: &[(&str, i64, f64)]) -> Values {
    let entry = |(name, time, value): &(&str, i64, f64)| ((*name).to_owned(), (*time, *value));
    values.iter().map(entry).collect()
}

#[test]
fn a2_a_snapshot_holds_the_newest_value_of_every_live_series() {
    let engine = open(&FakeDisk::default());
    put(&engine, "fresh", 900, 1.0);
    put(&engine, "fresh", 1000, 2.0);
    put(&engine, "later", 995, 8.0);
    put(&engine, "later", 1001, 9.0);
    put(&engine, "at_the_edge", 700, 3.0);
    put(&engine, "too_old", 699, 4.0);
    put(&engine, "ended", 990, 5.0);
    put(&engine, "ended", 991, f64::from_bits(STALE_NAN_BITS));
    put(&engine, "back_again", 991, f64::from_bits(STALE_NAN_BITS));
    put(&engine, "back_again", 992, 6.0);
    put_histogram(&engine, "seconds", 980, &[0.1]);
    put_histogram(&engine, "seconds", 990, &[0.1, 0.2, 0.3]);
    let all = expected(&[
        ("fresh", 1000, 2.0),
        ("later", 995, 8.0),
        ("at_the_edge", 700, 3.0),
        ("back_again", 992, 6.0),
        ("seconds", 990, 3.0),
    ]);
    let info = take(&engine, None, 1000);
    assert_eq!((info.series, info.created), (5, at(1000)));
    assert_eq!(info.range, Some(TimeRange::new(at(700), at(1000))));
    assert_eq!(values(&engine, &info.id), all);
    let one = engine.snapshot("latest").unwrap().unwrap();
    let selection = one.select(&[Matcher::metric("fresh")], TimeRange::ALL);
    assert_eq!(selection.unwrap().len(), 1);
    assert_eq!(one.label_names(&[], TimeRange::ALL).unwrap(), ["__name__"]);
    let names = one.label_values("__name__", &[], TimeRange::ALL).unwrap();
    assert_eq!(names.len(), 5);
    // From memory, from a block, and from both: the same.
    engine.flush().unwrap();
    assert_eq!(values(&engine, &take(&engine, None, 1000).id), all);
    put(&engine, "fresh", 1000, 2.5);
    let moved = values(&engine, &take(&engine, None, 1000).id);
    assert_eq!(moved["fresh"], (1000, 2.5), "the last write of a time wins");
    assert_eq!(moved["seconds"], (990, 3.0));
    let ids: Vec<String> = engine.snapshots().into_iter().map(|s| s.id).collect();
    assert_eq!(ids.len(), 3, "three of one moment are told apart: {ids:?}");
}

#[test]
fn a2_a_snapshot_stays_as_it_was() {
    let disk = FakeDisk::default();
    let options = StoreOptions {
        retention: Duration::from_mins(1),
        ..options()
    };
    let engine = open_with(&disk, options.clone()).unwrap();
    put(&engine, "a", 10, 1.0);
    put(&engine, "b", 11, 2.0);
    let info = take(&engine, Some("before"), 12);
    let held = expected(&[("a", 10, 1.0), ("b", 11, 2.0)]);
    put(&engine, "a", 10, 7.0);
    engine
        .delete(&[Matcher::metric("b")], TimeRange::ALL)
        .unwrap();
    engine.compact().unwrap();
    engine.maintain(at(100_000)).unwrap();
    let left = engine.select(&[], TimeRange::ALL).unwrap().len();
    assert_eq!(left, 0, "nothing else is left");
    assert_eq!(values(&engine, "before"), held);
    // Not even its removal disturbs who reads it.
    let open = engine.snapshot(&info.id).unwrap().unwrap();
    drop(engine);
    let engine = open_with(&disk, options).unwrap();
    assert_eq!(engine.snapshots(), std::slice::from_ref(&info));
    assert_eq!(
        engine.remove_snapshot("before").unwrap(),
        Some(info.clone())
    );
    assert_eq!(values_of(&open), held);
    assert_eq!(engine.remove_snapshot("before").unwrap(), None);
    assert!(engine.snapshot(&info.id).unwrap().is_none());
    assert!(
        disk.paths()
            .iter()
            .all(|path| !path.starts_with("/data/snapshots"))
    );
}

#[test]
fn a2_names_find_the_newest_and_retention_spares_them() {
    let engine = open(&FakeDisk::default());
    put(&engine, "a", 1, 1.0);
    let first = take(&engine, Some("nightly"), 2);
    let second = take(&engine, Some("nightly"), 3);
    let unnamed: Vec<_> = (4..8).map(|now| take(&engine, None, now).id).collect();
    let found = |wanted| {
        engine
            .snapshot(wanted)
            .unwrap()
            .map(|s| s.info().id.clone())
    };
    assert_eq!(found("nightly"), Some(second.id.clone()));
    assert_eq!(found("latest"), unnamed.last().cloned());
    assert_eq!(found("other"), None);
    let retention = SnapshotRetention {
        keep: 2,
        max_age: Duration::MAX,
    };
    assert_eq!(engine.retain_snapshots(retention, at(9)).unwrap(), 2);
    let left: Vec<_> = engine.snapshots().into_iter().map(|s| s.id).collect();
    let kept = [&first.id, &second.id, &unnamed[2], &unnamed[3]];
    assert_eq!(left.iter().collect::<Vec<_>>(), kept);
    let refused = engine.take_snapshot(Some("../x"), at(9), SNAPSHOT_LOOKBACK);
    assert!(matches!(refused, Err(StoreError::SnapshotName { .. })));
}

#[test]
fn a_snapshot_of_nothing_is_one() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    let info = take(&engine, None, 1);
    assert_eq!((info.series, info.range), (0, None));
    drop(engine);
    assert_eq!(values(&open(&disk), "latest"), Values::new());
}

#[test]
fn a_read_only_store_reads_snapshots_and_takes_none() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    put(&engine, "a", 1, 1.0);
    take(&engine, Some("it"), 2);
    drop(engine);
    let dir = std::path::Path::new(super::DIR);
    let engine = Engine::open(std::sync::Arc::new(disk), dir, options(), true).unwrap();
    assert_eq!(values(&engine, "it"), expected(&[("a", 1, 1.0)]));
    let taken = engine.take_snapshot(None, at(3), SNAPSHOT_LOOKBACK);
    assert!(matches!(taken, Err(StoreError::ReadOnly { .. })));
    let removed = engine.remove_snapshot("it");
    assert!(matches!(removed, Err(StoreError::ReadOnly { .. })));
}

#[test]
fn a_damaged_snapshot_is_set_aside_and_the_others_stay() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    put(&engine, "a", 1, 1.0);
    let ids: Vec<_> = (2..5).map(|now| take(&engine, None, now).id).collect();
    drop(engine);
    let path = |id: &str| PathBuf::from(format!("/data/snapshots/{id}.block"));
    let whole = disk.bytes(&path(&ids[1]));
    disk.set_bytes(&path(&ids[1]), whole[..whole.len() / 2].to_vec());
    let engine = open(&disk);
    let left: Vec<_> = engine.snapshots().into_iter().map(|s| s.id).collect();
    assert_eq!(left, [ids[0].clone(), ids[2].clone()]);
    let reported = engine.stats().quarantined;
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert_eq!(reported[0].file, format!("snapshots/{}.block", ids[1]));
    let kept = format!("/data/quarantine/snapshots-{}.block", ids[1]);
    assert!(disk.paths().contains(&PathBuf::from(kept)));
    drop(engine);
    // A flipped bit never makes another value, and what it costs is reported.
    for at in 0..whole.len() {
        let flipped = disk.copy();
        let mut bytes = disk.bytes(&path(&ids[2]));
        bytes[at] ^= 0x10;
        flipped.set_bytes(&path(&ids[2]), bytes);
        let engine = open(&flipped);
        let found = engine.snapshot(&ids[2]).unwrap();
        let held = found
            .map(|snapshot| values_of(&snapshot))
            .unwrap_or_default();
        if held != expected(&[("a", 1, 1.0)]) {
            assert!(held.is_empty(), "flipped at {at}: {held:?}");
            let reported = engine.stats().quarantined;
            let named = reported.iter().any(|q| q.file.contains(&ids[2]));
            assert!(named, "flipped at {at}: nothing is reported");
        }
    }
}

/// What a run got through before it was cut off: what must be there, and what may be.
#[derive(Default)]
struct Progress {
    sure: BTreeMap<String, Values>,
    /// Taken or removed when the power went.
    under_way: Option<(String, Values)>,
}

fn scenario(disk: &FakeDisk, progress: &mut Progress) -> Option<()> {
    let engine = open_with(disk, options()).ok()?;
    let mut now = expected(&[]);
    for step in 1..=6 {
        for name in ["a", "b", "c"] {
            let mut batch = Batch::new();
            let index = batch.series([("__name__", name)]).ok()?;
            batch.push(index, at(step), step as f64);
            engine.append(&batch).ok()?;
            now.insert(name.to_owned(), (step, step as f64));
        }
        if step == 3 {
            engine.flush().ok()?;
        }
        let id = crate::value_snapshots::id_of(at(step), None);
        progress.under_way = Some((id.clone(), now.clone()));
        engine
            .take_snapshot(None, at(step), SNAPSHOT_LOOKBACK)
            .ok()?;
        progress.sure.insert(id, now.clone());
        progress.under_way = None;
        if step % 2 == 0 {
            let id = crate::value_snapshots::id_of(at(step - 1), None);
            let gone = progress.sure.remove(&id)?;
            progress.under_way = Some((id.clone(), gone));
            engine.remove_snapshot(&id).ok()??;
            progress.under_way = None;
        }
    }
    Some(())
}

#[test]
fn a2_a_power_cut_leaves_whole_snapshots_or_none() {
    let whole = FakeDisk::default();
    assert!(scenario(&whole, &mut Progress::default()).is_some());
    let operations = whole.operations();
    assert!(operations > 80, "{operations} operations are too few");
    for operation in 1..=operations {
        let disk = FakeDisk::default();
        disk.crash_at(operation);
        let mut progress = Progress::default();
        // The last operations are of closing, which may fail unseen.
        let _ = scenario(&disk, &mut progress);
        for crash in [Crash::Killed, Crash::PowerCut, Crash::Torn(operation)] {
            let what = format!("{crash:?} at operation {operation}");
            let survivor = disk.after(crash);
            let engine = open_with(&survivor, options()).unwrap();
            let found: BTreeMap<String, Values> = engine
                .snapshots()
                .into_iter()
                .map(|info| (info.id.clone(), values(&engine, &info.id)))
                .collect();
            let mut at_most = progress.sure.clone();
            at_most.extend(progress.under_way.clone());
            let sure = progress.sure.iter().all(|(id, v)| found.get(id) == Some(v));
            let known = found.iter().all(|(id, v)| at_most.get(id) == Some(v));
            assert!(sure && known, "{what}: {found:?}");
            let half = |path: &PathBuf| path.extension().is_some_and(|e| e == "tmp");
            assert!(
                !survivor.paths().iter().any(half),
                "{what}: a half file stayed"
            );
            let aside = engine.stats().quarantined;
            let of_ours = aside.iter().any(|q| q.file.starts_with("snapshots"));
            assert!(!of_ours, "{what}: {aside:?}");
        }
    }
}
