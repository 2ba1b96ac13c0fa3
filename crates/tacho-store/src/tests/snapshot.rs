//! Snapshots: complete or not there, while writing goes on and when the power is cut.

use std::path::Path;

use tacho_model::{Batch, Matcher, TimeRange};

use super::{Contents, at, everything, open, options};
use crate::disk::fake::{Crash, FakeDisk};
use crate::engine::Engine;
use crate::snapshot;

const TO: &str = "/copy";

fn put(engine: &Engine, time: i64) -> Option<()> {
    let mut batch = Batch::new();
    for number in 0..3 {
        let series = batch.series([("__name__", format!("m{number}"))]).unwrap();
        batch.push(series, at(time), time as f64);
    }
    engine.append(&batch).ok().map(|_| ())
}

/// What the copy holds, which must be sound.
fn copied(disk: &FakeDisk) -> Contents {
    let disk = std::sync::Arc::new(disk.clone());
    let engine = Engine::open(disk, Path::new(TO), options(), false).unwrap();
    assert_eq!(engine.stats().quarantined, []);
    let found = everything(&engine);
    // It is a store of its own, that goes on working.
    assert!(put(&engine, 1_000).is_some());
    engine.flush().unwrap();
    found
}

fn take(engine: &Engine) -> Option<snapshot::Snapshot> {
    snapshot::write(engine, Path::new("/copy.tmp"), Path::new(TO), |_| Ok(())).ok()
}

#[test]
fn a_snapshot_holds_what_was_written_before_it_and_shares_what_never_changes() {
    for links_fail in [false, true] {
        let disk = FakeDisk::default();
        disk.set_links_fail(links_fail);
        let engine = open(&disk);
        for time in 0..200 {
            put(&engine, time).unwrap();
            if time % 50 == 40 {
                engine.flush().unwrap();
            }
        }
        let range = TimeRange::new(at(20), at(170));
        engine.delete(&[Matcher::metric("m2")], range).unwrap();
        put(&engine, 200).unwrap();
        let before = everything(&engine);
        assert_eq!((before["m1"].len(), before["m2"].len()), (201, 50));
        let taken = take(&engine).unwrap();
        assert_eq!(taken.blocks, 5);
        assert!(taken.segments >= 1 && taken.bytes > 0);
        assert_eq!(taken.bytes == taken.bytes_copied, links_fail, "{taken:?}");
        assert!(taken.bytes_copied > 0, "the segment that grows is copied");
        // What happens to the original does not touch the copy.
        for time in 201..300 {
            put(&engine, time).unwrap();
        }
        engine.flush().unwrap();
        engine.maintain(at(300)).unwrap();
        assert_eq!(copied(&disk), before);
        let now = everything(&engine);
        assert_eq!(now["m1"].len(), before["m1"].len() + 99);
    }
}

#[test]
fn k2_a_power_cut_while_a_snapshot_is_taken_leaves_a_whole_one_or_none() {
    let scenario = |disk: &FakeDisk, before: &mut Contents| {
        let engine = open(disk);
        for time in 0..60 {
            put(&engine, time)?;
            if time == 30 {
                engine.flush().ok()?;
            }
        }
        *before = everything(&engine);
        let begun = disk.operations();
        take(&engine)?;
        Some((begun, disk.operations()))
    };
    let whole = FakeDisk::default();
    let mut before = Contents::new();
    let (begun, ended) = scenario(&whole, &mut before).unwrap();
    assert!(ended - begun >= 12, "{} operations", ended - begun);
    assert_eq!(copied(&whole.after(Crash::PowerCut)), before);
    let mut there = 0;
    for operation in begun + 1..=ended {
        let disk = FakeDisk::default();
        disk.crash_at(operation);
        let mut acknowledged = Contents::new();
        assert!(scenario(&disk, &mut acknowledged).is_none());
        let torn = (0..4).map(|seed| Crash::Torn(operation ^ (seed << 32)));
        for crash in [Crash::Killed, Crash::PowerCut].into_iter().chain(torn) {
            let left = disk.after(crash);
            assert_eq!(everything(&open(&left)), before, "{crash:?} at {operation}");
            if left.paths().iter().any(|path| path.starts_with(TO)) {
                there += 1;
                assert_eq!(copied(&left), before, "{crash:?} at {operation}");
            }
        }
    }
    assert!(there > 0, "the last operations leave a whole one");
}
