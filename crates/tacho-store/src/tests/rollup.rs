//! Roll-ups as the engine makes, keeps and forgets them, compared with windows computed from the
//! samples that were written. [`crash`]: the power is cut at every operation.

mod crash;

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_model::{Batch, Columns, Histogram, Matcher, TimeRange, Timestamp};

use super::{at, open_with, options};
use crate::disk::fake::FakeDisk;
use crate::engine::{Engine, Maintenance};
use crate::options::{Retention, StoreOptions};
use crate::rollup::{Aggregate, Resolution, Windows};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What was written: by series and time.
type Written = BTreeMap<&'static str, BTreeMap<Timestamp, f64>>;
/// What roll-ups answer: by series, the bits of each value by its time.
type Answer = BTreeMap<String, Vec<(Timestamp, String)>>;

fn rolling() -> StoreOptions {
    StoreOptions {
        out_of_order: Duration::from_hours(24 * 300),
        retention: Duration::from_hours(24 * 365),
        ..options()
    }
}

fn put(engine: &Engine, written: &mut Written, name: &'static str, samples: &[(i64, f64)]) {
    let mut batch = Batch::new();
    let series = batch.series([("__name__", name), ("job", "a")]).unwrap();
    for (secs, value) in samples {
        batch.push(series, at(*secs), *value);
        written.entry(name).or_default().insert(at(*secs), *value);
    }
    let outcome = engine.append(&batch).unwrap();
    assert_eq!(outcome.accepted, samples.len());
}

/// A counter that is reset and a gauge, a sample every 100 s.
fn put_hours(engine: &Engine, written: &mut Written, from: i64, to: i64) {
    let times = (from * HOUR..to * HOUR).step_by(100);
    let counter: Vec<_> = times
        .clone()
        .map(|t| (t, (t % 7000) as f64 * 0.1))
        .collect();
    let gauge: Vec<_> = times
        .map(|t| (t, (t % 1300) as f64 * 0.37 - 50.0))
        .collect();
    put(engine, written, "c_total", &counter);
    put(engine, written, "g", &gauge);
    engine.flush().unwrap();
}

/// Maintains until nothing is left to do; what was done.
fn settle(engine: &Engine, now: i64) -> Maintenance {
    let mut all = Maintenance::default();
    for _ in 0..100 {
        let done = engine.maintain(at(now)).unwrap();
        all.rollups_written += done.rollups_written;
        all.rollups_removed += done.rollups_removed;
        all.blocks_removed += done.blocks_removed;
        if done == Maintenance::default() {
            return all;
        }
    }
    panic!("maintenance never ends: {all:?}");
}

fn answer(
    engine: &Engine,
    resolution: Resolution,
    aggregate: Aggregate,
    range: TimeRange,
) -> Answer {
    let selected = engine
        .select_rolled_up(resolution, aggregate, &[], range)
        .unwrap();
    let mut columns = Columns::new();
    let mut answer = Answer::new();
    for index in 0..selected.len() {
        selected.read(index, &mut columns).unwrap();
        let numbers = columns.timestamps.iter().zip(&columns.values);
        let numbers = numbers.map(|(time, value)| (*time, format!("{value:?}")));
        let histograms = columns.histogram_timestamps.iter().zip(&columns.histograms);
        let histograms = histograms.map(|(time, histogram)| (*time, format!("{histogram:?}")));
        let rows: Vec<_> = numbers.chain(histograms).collect();
        assert!(rows.is_sorted_by(|a, b| a.0 < b.0));
        if !rows.is_empty() {
            answer.insert(selected.labels(index).name().to_owned(), rows);
        }
    }
    answer
}

fn expected(
    written: &Written,
    resolution: Resolution,
    aggregate: Aggregate,
    range: TimeRange,
) -> Answer {
    let mut answer = Answer::new();
    for (name, samples) in written {
        let columns = Columns {
            timestamps: samples.keys().copied().collect(),
            values: samples.values().copied().collect(),
            ..Columns::new()
        };
        let mut windows = Windows::default();
        windows.fill(&columns, resolution);
        let inside = windows.numbers.iter().filter(|w| range.contains(w.end));
        let rows = inside.filter_map(|window| {
            Some(match aggregate {
                Aggregate::Count => (window.end, window.count as f64),
                Aggregate::First => window.first,
                Aggregate::Last => window.last,
                Aggregate::Sum => (window.end, window.sum()),
                Aggregate::Min => (window.end, window.min),
                Aggregate::Max => (window.end, window.max),
                Aggregate::Increase if name.ends_with("_total") => (window.end, window.increase()),
                Aggregate::Increase | Aggregate::Histogram => return None,
            })
        });
        let rows: Vec<_> = rows
            .map(|(time, value)| (time, format!("{value:?}")))
            .collect();
        if !rows.is_empty() {
            answer.insert((*name).to_owned(), rows);
        }
    }
    answer
}

/// Compares all aggregates in both resolutions for windows that end after `from` up to `to`.
fn check(engine: &Engine, written: &Written, from: i64, to: i64) {
    let range = TimeRange::new(at(from) + Duration::from_nanos(1), at(to));
    for resolution in Resolution::ALL {
        for aggregate in Aggregate::ALL {
            let found = answer(engine, resolution, aggregate, range);
            let expected = expected(written, resolution, aggregate, range);
            assert_eq!(found, expected, "{resolution:?} {aggregate:?}");
        }
    }
}

fn days(engine: &Engine) -> [u64; 2] {
    let stats = engine.stats().rollups;
    [stats[0].blocks, stats[1].blocks]
}

#[test]
fn k9_a_day_is_rolled_up_a_day_after_it_ended_and_equals_raw_data() {
    let disk = FakeDisk::default();
    let engine = open_with(&disk, rolling()).unwrap();
    let mut written = Written::new();
    put_hours(&engine, &mut written, 0, 30);
    put_hours(&engine, &mut written, 30, 50);
    // The first sample is at the end of the day before.
    assert_eq!(settle(&engine, 2 * DAY - 1).rollups_written, 2);
    assert_eq!(settle(&engine, 2 * DAY).rollups_written, 2);
    assert_eq!(settle(&engine, 3 * DAY - 1), Maintenance::default());
    check(&engine, &written, -DAY, DAY);
    check(&engine, &written, 3 * HOUR, 5 * HOUR);
    let nothing = TimeRange::new(at(DAY + 1), Timestamp::MAX);
    assert_eq!(
        answer(&engine, Resolution::Hour, Aggregate::Sum, nothing).len(),
        0
    );
    settle(&engine, 3 * DAY);
    check(&engine, &written, -DAY, 2 * DAY);
    let stats = engine.stats();
    assert!(stats.rollups[0].bytes > stats.rollups[1].bytes);
    drop(engine);
    let engine = open_with(&disk, rolling()).unwrap();
    assert_eq!(engine.stats().rollups, stats.rollups);
    check(&engine, &written, -DAY, 2 * DAY);
    assert_eq!(settle(&engine, 3 * DAY), Maintenance::default());
}

#[test]
fn k9_roll_ups_outlive_raw_data_and_go_by_limits_of_their_own() {
    let disk = FakeDisk::default();
    let mut kept = StoreOptions {
        retention: Duration::from_hours(72),
        rollup_retention: [Retention::days(10), Retention::days(20)],
        ..rolling()
    };
    let mut written = Written::new();
    {
        let engine = open_with(&disk, kept.clone()).unwrap();
        for day in 0..3 {
            put_hours(&engine, &mut written, day * 24 + 1, day * 24 + 24);
            settle(&engine, (day + 2) * DAY);
        }
        settle(&engine, 7 * DAY);
        assert_eq!((engine.stats().blocks, days(&engine)), (0, [3, 3]));
        check(&engine, &written, 0, 3 * DAY);
    }
    let engine = open_with(&disk, kept.clone()).unwrap();
    check(&engine, &written, 0, 3 * DAY);
    // What comes late for a day of which raw data has gone must not replace what is known.
    let before = written.clone();
    put(&engine, &mut written, "g", &[(5 * HOUR + 7, 1e6)]);
    engine.flush().unwrap();
    settle(&engine, 7 * DAY);
    check(&engine, &before, 0, 3 * DAY);
    settle(&engine, 12 * DAY + 1);
    assert_eq!(days(&engine), [1, 3]);
    settle(&engine, 30 * DAY);
    assert_eq!(days(&engine), [0, 0]);
    drop(engine);
    // By size; what goes that way is not made again while raw data is there.
    kept.rollup_retention = [
        Retention::days(99),
        Retention {
            bytes: 0,
            ..Retention::days(99)
        },
    ];
    let engine = open_with(&disk, kept).unwrap();
    put_hours(&engine, &mut written, 24 * 30, 24 * 31);
    let done = settle(&engine, 32 * DAY);
    assert_eq!((days(&engine), done.rollups_removed), ([2, 0], 2));
}

#[test]
fn k9_without_rolling_up_what_is_rolled_up_stays() {
    let disk = FakeDisk::default();
    let mut written = Written::new();
    {
        let engine = open_with(&disk, rolling()).unwrap();
        put_hours(&engine, &mut written, 1, 24);
        settle(&engine, 2 * DAY);
        assert_eq!(days(&engine), [1, 1]);
    }
    let options = StoreOptions {
        rollup_after: Duration::MAX,
        retention: Duration::from_hours(24),
        ..rolling()
    };
    let engine = open_with(&disk, options).unwrap();
    let before = written.clone();
    put_hours(&engine, &mut written, 25, 48);
    settle(&engine, 9 * DAY);
    assert_eq!((engine.stats().blocks, days(&engine)), (0, [1, 1]));
    check(&engine, &before, 0, DAY);
}

#[test]
fn k9_late_data_rolls_a_day_up_again() {
    let disk = FakeDisk::default();
    let engine = open_with(&disk, rolling()).unwrap();
    let mut written = Written::new();
    put_hours(&engine, &mut written, 1, 49);
    settle(&engine, 3 * DAY);
    put(
        &engine,
        &mut written,
        "g",
        &[(2 * HOUR, -1e6), (2 * HOUR + 1, 1e6)],
    );
    put(
        &engine,
        &mut written,
        "later",
        &[(2 * HOUR, 1.0), (2 * DAY, 2.0)],
    );
    engine.flush().unwrap();
    // The second day is concerned too, as the last second of it got a sample.
    assert_eq!(settle(&engine, 3 * DAY).rollups_written, 4);
    check(&engine, &written, 0, 2 * DAY);
    engine.compact().unwrap();
    settle(&engine, 3 * DAY);
    check(&engine, &written, 0, 2 * DAY);
}

#[test]
fn a_day_without_samples_between_others_makes_no_file() {
    let disk = FakeDisk::default();
    let engine = open_with(&disk, rolling()).unwrap();
    let mut written = Written::new();
    let stale = f64::from_bits(tacho_model::append::STALE_NAN_BITS);
    put(
        &engine,
        &mut written,
        "g",
        &[(HOUR, 1.0), (DAY + HOUR, stale), (9 * DAY + HOUR, 2.0)],
    );
    engine.flush().unwrap();
    // Each day without samples takes a call in which nothing is seen to be done.
    for _ in 0..10 {
        settle(&engine, 11 * DAY);
    }
    assert_eq!(days(&engine), [2, 2]);
    check(&engine, &written, 0, 10 * DAY);
    let leftover = disk.paths();
    let mut leftover = leftover
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "tmp"));
    assert_eq!(leftover.next(), None);
}

#[test]
fn histograms_are_merged_by_window() {
    let disk = FakeDisk::default();
    let engine = open_with(&disk, rolling()).unwrap();
    let mut batch = Batch::new();
    let series = batch.series([("__name__", "h")]).unwrap();
    let mut merged = [Histogram::new(), Histogram::new()];
    for secs in (15..=7200).step_by(15) {
        let mut histogram = Histogram::new();
        histogram.observe(secs as f64);
        merged[usize::from(secs > HOUR)].merge(&histogram);
        batch.push_histogram(series, at(secs), histogram);
    }
    engine.append(&batch).unwrap();
    engine.flush().unwrap();
    settle(&engine, 2 * DAY);
    let found = |aggregate| answer(&engine, Resolution::Hour, aggregate, TimeRange::ALL);
    let ends = [at(HOUR), at(2 * HOUR)];
    let expected = ends
        .into_iter()
        .zip(merged.map(|merged| format!("{merged:?}")));
    assert_eq!(
        found(Aggregate::Histogram)["h"],
        expected.collect::<Vec<_>>()
    );
    let counts = ends.map(|end| (end, "240.0".to_owned()));
    assert_eq!(found(Aggregate::Count)["h"], counts);
    assert!(found(Aggregate::Sum).is_empty());
}

fn delete(engine: &Engine, written: &mut Written, name: &'static str, from: i64, to: i64) {
    let range = TimeRange::new(at(from), at(to));
    assert_eq!(engine.delete(&[Matcher::metric(name)], range).unwrap(), 1);
    if let Some(samples) = written.get_mut(name) {
        samples.retain(|time, _| !range.contains(*time));
    }
}

fn windows_of(engine: &Engine, name: &str) -> usize {
    let found = answer(engine, Resolution::Hour, Aggregate::Count, TimeRange::ALL);
    found.get(name).map_or(0, Vec::len)
}

#[test]
fn k6_what_was_deleted_leaves_the_roll_ups_too() {
    let disk = FakeDisk::default();
    let engine = open_with(&disk, rolling()).unwrap();
    let mut written = Written::new();
    put_hours(&engine, &mut written, 1, 49);
    settle(&engine, 3 * DAY);
    let (all, other) = (windows_of(&engine, "g"), windows_of(&engine, "c_total"));
    delete(&engine, &mut written, "g", 5 * HOUR + 500, 6 * HOUR + 500);
    // Two windows are touched, and not shown as long as they are not made again.
    assert_eq!(windows_of(&engine, "g"), all - 2);
    assert_eq!(windows_of(&engine, "c_total"), other);
    settle(&engine, 3 * DAY);
    check(&engine, &written, 0, 2 * DAY);
    assert_eq!(windows_of(&engine, "g"), all);
    delete(&engine, &mut written, "g", 0, 3 * DAY);
    assert_eq!(windows_of(&engine, "g"), 0);
    settle(&engine, 3 * DAY);
    check(&engine, &written, 0, 2 * DAY);
    drop(engine);
    let engine = open_with(&disk, rolling()).unwrap();
    check(&engine, &written, 0, 2 * DAY);
    assert_eq!(
        engine
            .delete(&[Matcher::metric("g")], TimeRange::ALL)
            .unwrap(),
        0
    );
}

fn soon_gone() -> StoreOptions {
    StoreOptions {
        retention: Duration::from_hours(72),
        ..rolling()
    }
}

/// A day of which only the roll-ups are left.
fn without_raw() -> (FakeDisk, Engine, Written) {
    let disk = FakeDisk::default();
    let engine = open_with(&disk, soon_gone()).unwrap();
    let mut written = Written::new();
    put_hours(&engine, &mut written, 1, 24);
    settle(&engine, 2 * DAY);
    settle(&engine, 9 * DAY);
    assert_eq!(engine.stats().blocks, 0);
    (disk, engine, written)
}

#[test]
fn k6_deletions_reach_roll_ups_whose_raw_data_is_gone() {
    let (disk, engine, mut written) = without_raw();
    let (from, to) = (5 * HOUR + 1, 7 * HOUR);
    delete(&engine, &mut written, "g", from, to);
    check(&engine, &written, 0, DAY);
    let values = engine.stats().rollups[0].samples;
    assert_eq!(settle(&engine, 9 * DAY).rollups_written, 2);
    assert!(engine.stats().rollups[0].samples < values);
    check(&engine, &written, 0, DAY);
    drop(engine);
    let engine = open_with(&disk, soon_gone()).unwrap();
    check(&engine, &written, 0, DAY);
    delete(&engine, &mut written, "g", 0, DAY);
    delete(&engine, &mut written, "c_total", 0, DAY);
    settle(&engine, 9 * DAY);
    assert_eq!(days(&engine), [0, 0]);
}

#[test]
fn k6_a_window_that_lost_a_part_of_its_raw_data_for_good_is_gone_whole() {
    let (disk, engine, mut written) = without_raw();
    let all = windows_of(&engine, "g");
    // Inside one window, and before its end, which is where its values are.
    delete(&engine, &mut written, "g", 10 * HOUR + 100, 10 * HOUR + 200);
    assert_eq!(windows_of(&engine, "g"), all - 1);
    settle(&engine, 9 * DAY);
    assert_eq!(windows_of(&engine, "g"), all - 1);
    drop(engine);
    let engine = open_with(&disk, soon_gone()).unwrap();
    assert_eq!(windows_of(&engine, "g"), all - 1);
}

#[test]
fn a_snapshot_has_the_roll_ups() {
    let disk = FakeDisk::default();
    let engine = open_with(&disk, rolling()).unwrap();
    let mut written = Written::new();
    put_hours(&engine, &mut written, 1, 24);
    settle(&engine, 2 * DAY);
    let [partial, to] = ["/copy.partial", "/copy"].map(std::path::Path::new);
    crate::snapshot::write(&engine, partial, to, |_| Ok(())).unwrap();
    let stats = engine.stats().rollups;
    let copy = Engine::open(std::sync::Arc::new(disk), to, rolling(), true).unwrap();
    assert_eq!(copy.stats().rollups, stats);
    check(&copy, &written, 0, DAY);
}

#[test]
fn a_damaged_roll_up_is_set_aside_and_made_again() {
    let disk = FakeDisk::default();
    let engine = open_with(&disk, rolling()).unwrap();
    let mut written = Written::new();
    put_hours(&engine, &mut written, 1, 24);
    settle(&engine, 2 * DAY);
    drop(engine);
    let path = disk
        .paths()
        .into_iter()
        .find(|path| path.to_string_lossy().contains("rollups/5m"));
    let path = path.unwrap();
    let mut bytes = disk.bytes(&path);
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    disk.set_bytes(&path, bytes);
    let engine = open_with(&disk, rolling()).unwrap();
    let quarantined = engine.stats().quarantined;
    assert_eq!(quarantined.len(), 1);
    assert_eq!(quarantined[0].file, "rollups/5m/1970-01-01.block");
    assert_eq!(settle(&engine, 2 * DAY).rollups_written, 1);
    check(&engine, &written, 0, DAY);
}

#[test]
fn a_flipped_bit_in_a_roll_up_never_makes_a_wrong_answer() {
    let disk = FakeDisk::default();
    let mut written = Written::new();
    {
        let engine = open_with(&disk, rolling()).unwrap();
        let steady: Vec<_> = (1..800).map(|n| (n * 100, n as f64)).collect();
        put(&engine, &mut written, "up_total", &steady);
        put_hours(&engine, &mut written, 1, 24);
        settle(&engine, 2 * DAY);
    }
    let mut found_out = (0, 0);
    let paths = disk.paths().into_iter();
    for path in paths.filter(|path| path.to_string_lossy().contains("rollups")) {
        let bytes = disk.bytes(&path);
        for at in (0..bytes.len()).step_by(31) {
            let disk = disk.copy();
            let mut flipped = bytes.clone();
            flipped[at] ^= 16;
            disk.set_bytes(&path, flipped);
            let engine = open_with(&disk, rolling()).unwrap();
            for resolution in Resolution::ALL {
                for aggregate in Aggregate::ALL {
                    let found = answer(&engine, resolution, aggregate, TimeRange::ALL);
                    let expected = expected(&written, resolution, aggregate, TimeRange::ALL);
                    for (name, rows) in found {
                        let known = &expected[&name];
                        let right = rows.iter().all(|row| known.contains(row));
                        assert!(right, "{aggregate:?} of {name} with byte {at} flipped");
                    }
                }
            }
            // Postings are not read when everything is asked for.
            found_out.1 += 1;
            found_out.0 += usize::from(!engine.stats().quarantined.is_empty());
        }
    }
    assert!(found_out.0 * 4 > found_out.1 * 3, "{found_out:?}");
}

#[test]
fn a_full_disk_stops_roll_ups_but_not_retention() {
    let disk = FakeDisk::default();
    let engine = open_with(&disk, rolling()).unwrap();
    let mut written = Written::new();
    put_hours(&engine, &mut written, 1, 24);
    put_hours(&engine, &mut written, 25, 48);
    disk.set_capacity(Some(disk.used()));
    assert!(engine.maintain(at(3 * DAY)).is_err());
    assert_eq!(
        engine.maintain(at(366 * DAY + DAY / 2)).map_err(|_| ()),
        Err(())
    );
    assert_eq!(engine.stats().blocks, 1, "retention went on");
    disk.set_capacity(None);
    settle(&engine, 366 * DAY + DAY / 2);
    assert_eq!(
        settle(&engine, 366 * DAY + DAY / 2 + 601).rollups_written,
        1
    );
    let leftover = disk.paths();
    let mut leftover = leftover
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "tmp"));
    assert_eq!(leftover.next(), None);
}
