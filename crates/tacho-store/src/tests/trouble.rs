//! Full disks, failed syncs, hostile times.

use std::time::Duration;

use tacho_model::{AppendError, Batch, TimeRange, Timestamp};

use super::{Held, at, contents, everything, open, open_with, options};
use crate::disk::Disk;
use crate::disk::fake::FakeDisk;
use crate::error::StoreError;
use crate::options::{Fsync, StoreOptions};

fn one(time: Timestamp, value: f64) -> Batch {
    let mut batch = Batch::new();
    let series = batch.series([("__name__", "m")]).unwrap();
    batch.push(series, time, value);
    batch
}

#[test]
fn k2_a_full_disk_refuses_writes_serves_reads_and_recovers() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    engine.append(&one(at(0), 0.0)).unwrap();
    disk.set_capacity(Some(disk.used() + 6000));
    let mut kept = 1;
    let refused = loop {
        match engine.append(&one(at(kept), kept as f64)) {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::NoSpace), "{refused:?}");
    assert!(kept > 50);
    assert_eq!(everything(&engine)["m"].len() as i64, kept);
    // No room for a block either, and nothing is lost by trying.
    disk.set_capacity(Some(disk.used()));
    let flushed = engine.flush();
    assert!(
        matches!(flushed, Err(StoreError::NoSpace { .. })),
        "{flushed:?}"
    );
    assert_eq!(everything(&engine)["m"].len() as i64, kept);
    disk.set_capacity(None);
    engine.append(&one(at(kept), 0.5)).unwrap();
    engine.flush().unwrap();
    assert_eq!(everything(&engine)["m"].len() as i64, kept + 1);
    let leftover = disk
        .paths()
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "tmp"));
    assert_eq!(leftover.count(), 0);
    drop(engine);
    let engine = open(&disk);
    assert_eq!(everything(&engine)["m"].len() as i64, kept + 1);
    assert_eq!(engine.stats().quarantined, []);
}

#[test]
fn k2_after_a_failed_sync_writes_are_refused_until_reopened() {
    for fsync in [Fsync::Always, Fsync::Interval(Duration::from_millis(1))] {
        let disk = FakeDisk::default();
        let options = || StoreOptions { fsync, ..options() };
        let engine = open_with(&disk, options()).unwrap();
        engine.append(&one(at(0), 0.0)).unwrap();
        disk.set_syncs_fail(true);
        let mut refused = None;
        for time in 1..1000 {
            refused = engine.append(&one(at(time), 1.0)).err();
            if refused.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(
            matches!(refused, Some(AppendError::ReadOnly(_))),
            "{refused:?}"
        );
        disk.set_syncs_fail(false);
        let still = engine.append(&one(at(2000), 1.0));
        assert!(matches!(still, Err(AppendError::ReadOnly(_))));
        assert!(!everything(&engine).is_empty());
        drop(engine);
        open_with(&disk, options())
            .unwrap()
            .append(&one(at(2000), 1.0))
            .unwrap();
    }
}

#[test]
fn times_at_the_limits_neither_panic_nor_grow() {
    let disk = FakeDisk::default();
    let ever = || StoreOptions {
        retention: Duration::MAX,
        ..options()
    };
    let engine = open_with(&disk, ever()).unwrap();
    let times = [
        Timestamp::MAX,
        Timestamp::MIN,
        at(0),
        Timestamp::from_nanos(-1),
        Timestamp::from_secs(4_102_444_800),
        Timestamp::from_nanos(i64::MIN + 1),
    ];
    let mut batch = Batch::new();
    let series = batch.series([("__name__", "m")]).unwrap();
    for time in times {
        batch.push(series, time, 1.0);
    }
    assert_eq!(engine.append(&batch).unwrap().accepted, times.len());
    let check = |engine: &crate::engine::Engine| {
        assert_eq!(everything(engine)["m"].len(), times.len());
        let first = TimeRange::new(Timestamp::MIN, Timestamp::MIN);
        assert_eq!(contents(engine, &[], first)["m"].len(), 1);
    };
    check(&engine);
    engine.flush().unwrap();
    check(&engine);
    drop(engine);
    let engine = open(&disk);
    check(&engine);
    assert!(engine.stats().head_bytes < 10_000);
    for now in [Timestamp::MIN, Timestamp::MAX, at(0)] {
        engine.maintain(now).unwrap();
    }
}

#[test]
fn a_head_that_cannot_be_written_out_refuses_as_overload() {
    let disk = FakeDisk::default();
    let small = StoreOptions {
        head_bytes_max: 50,
        ..options()
    };
    let engine = open_with(&disk, small).unwrap();
    let mut batch = Batch::new();
    for number in 0..30 {
        let series = batch.series([("__name__", format!("m{number}"))]).unwrap();
        batch.push(series, at(0), 1.0);
    }
    engine.append(&batch).unwrap();
    assert!(matches!(
        engine.append(&batch),
        Err(AppendError::Overloaded)
    ));
    assert_eq!(engine.maintain(at(0)).unwrap().blocks_written, 1);
    engine.append(&batch).unwrap();
}

#[test]
fn one_batch_may_be_larger_than_a_segment() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    let mut batch = Batch::new();
    for number in 0..400 {
        let labels = [("__name__", format!("m{number}")), ("pad", "x".repeat(100))];
        let series = batch.series(labels).unwrap();
        batch.push(series, at(number), 1.0);
    }
    for _ in 0..3 {
        assert_eq!(engine.append(&batch).unwrap().accepted, 400);
    }
    let all = everything(&engine);
    drop(engine);
    assert_eq!(everything(&open(&disk)), all);
    assert_eq!(all.len(), 400);
}

#[test]
fn retention_never_brings_an_overwritten_value_back() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    let retention = options().retention;
    engine.append(&one(at(5), 1.0)).unwrap();
    engine.append(&one(at(100), 1.0)).unwrap();
    engine.flush().unwrap();
    engine.append(&one(at(5), 2.0)).unwrap();
    engine.flush().unwrap();
    let value = || {
        let all = everything(&engine);
        all.get("m")
            .map(|samples| samples[&at(5).as_nanos()].clone())
    };
    // The newer block holds nothing young enough, but hides what the older one holds.
    let done = engine.maintain(at(50) + retention).unwrap();
    assert_eq!(done.blocks_removed, 0);
    assert_eq!(value(), Some(Held::Float(2f64.to_bits())));
    let done = engine.maintain(at(101) + retention).unwrap();
    assert_eq!((done.blocks_removed, value()), (2, None));
}

#[test]
fn a_log_segment_that_comes_back_after_its_block_is_ignored() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    engine.append(&one(at(5), 1.0)).unwrap();
    let has = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "wal");
    let path = disk.paths().into_iter().find(has).unwrap();
    let segment = disk.bytes(&path);
    engine.flush().unwrap();
    engine.append(&one(at(5), 2.0)).unwrap();
    engine.flush().unwrap();
    drop(engine);
    // Its removal did not survive a power cut.
    disk.create(&path).unwrap().write_at(0, &segment).unwrap();
    let engine = open(&disk);
    let expected = Held::Float(2f64.to_bits());
    assert_eq!(everything(&engine)["m"][&at(5).as_nanos()], expected);
    assert!(!disk.paths().contains(&path));
}

#[test]
fn k6_what_was_deleted_is_gone_at_once_and_from_the_disk_with_maintenance() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    for time in 0..100 {
        let mut batch = Batch::new();
        for name in ["keep", "drop"] {
            let series = batch.series([("__name__", name)]).unwrap();
            batch.push(series, at(time), time as f64);
        }
        engine.append(&batch).unwrap();
        if time == 40 {
            engine.flush().unwrap();
        }
    }
    let matchers = [tacho_model::Matcher::metric("drop")];
    let range = TimeRange::new(at(10), at(89));
    assert_eq!(engine.delete(&matchers, range).unwrap(), 1);
    let check = |engine: &crate::engine::Engine, extra: usize| {
        let found = everything(engine);
        assert_eq!(
            (found["keep"].len(), found["drop"].len()),
            (100, 20 + extra)
        );
        let inside = contents(engine, &[], range);
        assert_eq!(
            inside
                .get("drop")
                .map_or(0, std::collections::BTreeMap::len),
            extra
        );
        let names = engine.label_values("__name__", &[], range).unwrap();
        assert_eq!(names.len(), 1 + extra);
    };
    check(&engine, 0);
    // Written again, it is there again.
    let mut again = Batch::new();
    let series = again.series([("__name__", "drop")]).unwrap();
    again.push(series, at(50), 7.0);
    engine.append(&again).unwrap();
    check(&engine, 1);
    drop(engine);
    let engine = open(&disk);
    check(&engine, 1);
    for _ in 0..4 {
        engine.maintain(at(100)).unwrap();
    }
    check(&engine, 1);
    let list = disk.open(std::path::Path::new("/data/tombstones")).unwrap();
    assert!(list.len().unwrap() < 20, "nothing is left to apply");
    engine.flush().unwrap();
    check(&engine, 1);
    assert_eq!(engine.stats().samples_in_blocks, 121);
    assert_eq!(engine.delete(&[], TimeRange::ALL).unwrap(), 2);
    assert!(everything(&engine).is_empty());
    let _ = engine.maintain(at(100)).unwrap();
    assert!(everything(&engine).is_empty());
}

#[test]
fn labels_that_sort_before_the_name_are_in_order_too() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    let mut batch = Batch::new();
    for i in 0..50 {
        let name = ("__name__", format!("m{}", i % 7));
        let job = ("job", format!("{}", i % 3));
        let upper = ("Zone", format!("{}", i % 11));
        let series = match i % 2 {
            0 => batch.series([name, job]),
            _ => batch.series([name, job, upper]),
        };
        batch.push(series.unwrap(), at(i), 1.0);
    }
    engine.append(&batch).unwrap();
    let before = everything(&engine);
    engine.flush().unwrap();
    assert_eq!(everything(&engine), before);
    engine.compact().unwrap();
    assert_eq!(everything(&engine), before);
}

#[test]
fn memory_becomes_a_block_while_blocks_are_being_merged() {
    let disk = FakeDisk::default();
    let small = StoreOptions {
        head_bytes_max: 50,
        ..options()
    };
    let engine = open_with(&disk, small).unwrap();
    for time in 0..10 {
        engine.append(&one(at(time), 1.0)).unwrap();
    }
    let written = engine.while_merging(|| engine.write_out(at(10)).unwrap());
    assert_eq!(written.blocks_written, 1);
    assert_eq!(everything(&engine)["m"].len(), 10);
}

#[test]
fn one_series_may_bring_more_than_a_page_at_once() {
    let disk = FakeDisk::default();
    let engine = open(&disk);
    let mut batch = Batch::new();
    let series = batch.series([("__name__", "m")]).unwrap();
    for i in 0..30_000 {
        // Regular at first, then not.
        batch.push(series, at(i * 15 + (i / 15_000) * (i % 3)), i as f64);
    }
    engine.append(&batch).unwrap();
    let before = everything(&engine);
    assert_eq!(before["m"].len(), 30_000);
    engine.flush().unwrap();
    assert!(everything(&engine) == before);
    engine.compact().unwrap();
    assert!(everything(&engine) == before);
    drop(engine);
    assert!(everything(&open(&disk)) == before);
}
