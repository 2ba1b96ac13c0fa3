//! The power is cut at every single operation of a scenario with roll-ups: none is lost, and none
//! comes back that was deleted.

use std::time::Duration;

use tacho_model::{Batch, Matcher, TimeRange, Timestamp};

use super::{DAY, HOUR, Written, answer, at, expected, open_with, rolling, settle};
use crate::disk::fake::{Crash, FakeDisk};
use crate::engine::Engine;
use crate::options::{Retention, StoreOptions};
use crate::rollup::{Aggregate, Resolution};

fn crash_options() -> StoreOptions {
    StoreOptions {
        retention: Duration::from_hours(80),
        rollup_retention: [Retention::days(30), Retention::days(30)],
        segment_bytes: 600,
        ..rolling()
    }
}

/// Four days in order, one late sample, raw data that goes, roll-ups that are cut; what was
/// acknowledged, and how far time came.
fn scenario(
    disk: &FakeDisk,
    written: &mut Written,
    now: &mut i64,
    is_deleted: &mut bool,
) -> Option<()> {
    let mut engine = open_with(disk, crash_options()).ok()?;
    for day in 0..4 {
        for (name, step) in [("c_total", 3), ("g", 5), ("deleted", 9)] {
            let times = (1..24)
                .step_by(step)
                .map(|hour| day * DAY + hour * HOUR - 1);
            let samples: Vec<_> = times.map(|time| (time, (time % 7777) as f64)).collect();
            append(&engine, written, name, &samples)?;
        }
        engine.flush().ok()?;
        *now = (day + 1) * DAY;
        engine.maintain(at(*now)).ok()?;
        if day == 2 {
            append(&engine, written, "g", &[(DAY + 7, -1.0)])?;
            engine.flush().ok()?;
            drop(engine);
            engine = open_with(disk, crash_options()).ok()?;
        }
    }
    for hours in [100, 110, 130, 200] {
        *now = hours * HOUR;
        for _ in 0..3 {
            engine.maintain(at(*now)).ok()?;
        }
    }
    // Raw data of most days is gone, so that this is cut from their roll-ups.
    written.remove("deleted");
    engine
        .delete(&[Matcher::metric("deleted")], TimeRange::ALL)
        .ok()?;
    *is_deleted = true;
    for _ in 0..10 {
        engine.maintain(at(*now)).ok()?;
    }
    Some(())
}

fn append(
    engine: &Engine,
    written: &mut Written,
    name: &'static str,
    samples: &[(i64, f64)],
) -> Option<()> {
    let mut batch = Batch::new();
    let series = batch.series([("__name__", name)]).ok()?;
    for (secs, value) in samples {
        batch.push(series, at(*secs), *value);
    }
    engine.append(&batch).ok()?;
    let series = written.entry(name).or_default();
    series.extend(samples.iter().map(|(secs, value)| (at(*secs), *value)));
    Some(())
}

#[test]
fn k9_a_power_cut_at_any_operation_costs_no_roll_up() {
    let whole = FakeDisk::default();
    let (mut written, mut now, mut is_deleted) = (Written::new(), 0, false);
    assert!(scenario(&whole, &mut written, &mut now, &mut is_deleted).is_some());
    let operations = whole.operations();
    assert!(operations > 150, "the scenario is too small: {operations}");
    for operation in 1..=operations {
        let disk = FakeDisk::default();
        disk.crash_at(operation);
        let (mut written, mut now, mut is_deleted) = (Written::new(), 0, false);
        assert!(scenario(&disk, &mut written, &mut now, &mut is_deleted).is_none());
        let torn = [Crash::Torn(operation), Crash::Torn(operation ^ 0xfeed_0000)];
        for crash in [Crash::Killed, Crash::PowerCut].into_iter().chain(torn) {
            let survivor = disk.after(crash);
            let engine = open_with(&survivor, crash_options()).unwrap();
            // Some days are only due later; none may be too old for raw data by then.
            settle(&engine, now.max(60 * HOUR));
            let rolled_up = (now.max(60 * HOUR) / DAY - 1) * DAY;
            let range = TimeRange::new(Timestamp::MIN, at(rolled_up));
            for (resolution, aggregate) in [
                (Resolution::FiveMinutes, Aggregate::First),
                (Resolution::Hour, Aggregate::Increase),
            ] {
                let found = answer(&engine, resolution, aggregate, range);
                assert!(!is_deleted || !found.contains_key("deleted"));
                let expected = expected(&written, resolution, aggregate, range);
                let what = format!("{crash:?} at operation {operation}, {resolution:?}");
                for (name, rows) in expected {
                    let there = found
                        .get(&name)
                        .is_some_and(|found| rows.iter().all(|row| found.contains(row)));
                    assert!(there, "{what}: {name} {rows:?} {found:?}");
                }
            }
            // A torn header of the log may be.
            let damaged = engine.stats().quarantined;
            assert!(!damaged.iter().any(|entry| entry.file.contains("rollups")));
        }
    }
}

#[test]
fn k6_what_was_deleted_stays_deleted_when_power_is_cut_after_its_file_went() {
    for raw_goes in [false, true] {
        let disk = FakeDisk::default();
        let engine = open_with(&disk, crash_options()).unwrap();
        let mut written = Written::new();
        let samples: Vec<_> = (1..24).map(|hour| (hour * HOUR - 1, 1.0)).collect();
        append(&engine, &mut written, "g", &samples).unwrap();
        engine.flush().unwrap();
        settle(&engine, 2 * DAY);
        if raw_goes {
            settle(&engine, 9 * DAY);
            assert_eq!(engine.stats().blocks, 0);
        }
        let series = engine.delete(&[Matcher::metric("g")], TimeRange::ALL);
        assert_eq!(series.unwrap(), 1);
        settle(&engine, 9 * DAY);
        assert_eq!(engine.stats().rollups[0].blocks, 0, "nothing is left in it");
        let engine = open_with(&disk.after(Crash::PowerCut), crash_options()).unwrap();
        let all = TimeRange::ALL;
        let found = answer(&engine, Resolution::Hour, Aggregate::Count, all);
        assert!(found.is_empty(), "{found:?}");
        assert!(super::super::everything(&engine).is_empty());
    }
}
