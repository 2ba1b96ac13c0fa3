//! The power is cut at every single operation of a scenario, and the store opened again.
//!
//! After each cut, everything that was acknowledged under `fsync: always` is there, a batch that
//! was under way is there whole or not at all, and nothing else is.

use std::time::Duration;

use tacho_model::Batch;

use super::{Contents, Held, everything, open_with, options};
use crate::disk::fake::{Crash, FakeDisk};
use crate::engine::Engine;
use crate::error::StoreError;
use crate::options::StoreOptions;

fn scenario_options() -> StoreOptions {
    StoreOptions {
        block_duration: Duration::from_secs(5),
        merge_duration: Duration::from_hours(9),
        retention: Duration::from_secs(45),
        segment_bytes: 600,
        clock: || super::at(0),
        ..options()
    }
}

/// What a run got through before it was cut off.
#[derive(Default)]
struct Progress {
    acknowledged: Contents,
    /// With the batch that was under way.
    attempted: Contents,
    /// Samples before this may have been removed by age.
    kept_from: i64,
}

fn put(engine: &Engine, progress: &mut Progress, time: i64, series: &[u64]) -> Option<()> {
    let mut batch = Batch::new();
    for number in series {
        let name = format!("series_number_{number}");
        let index = batch.series([("__name__", &name)]).unwrap();
        let value = (time * 100) as f64 + *number as f64;
        batch.push(index, super::at(time), value);
        let entry = progress.attempted.entry(name).or_default();
        entry.insert(super::at(time).as_nanos(), Held::Float(value.to_bits()));
    }
    engine.append(&batch).ok()?;
    progress.acknowledged = progress.attempted.clone();
    Some(())
}

fn maintain(engine: &Engine, progress: &mut Progress, now: i64) -> Option<()> {
    let kept_from = super::at(now - 45).as_nanos();
    progress.kept_from = progress.kept_from.max(kept_from);
    engine.maintain(super::at(now)).ok().map(|_| ())
}

/// Appends in order and late, makes and merges blocks, removes old ones, closes and opens again.
fn scenario(disk: &FakeDisk, progress: &mut Progress) -> Option<()> {
    let mut engine = open_with(disk, scenario_options()).ok()?;
    for time in 1..=75 {
        put(&engine, progress, time, &[0, 1, 2 + (time as u64 % 7)])?;
        if time % 5 == 0 {
            put(&engine, progress, time - 3, &[1, 9])?;
        }
        if time % 6 == 0 {
            maintain(&engine, progress, time)?;
        }
        if time % 25 == 0 {
            drop(engine);
            engine = open_with(disk, scenario_options()).ok()?;
        }
    }
    engine.flush().ok()?;
    Some(())
}

fn verify(survivor: &FakeDisk, progress: &Progress, what: &str) {
    let engine = open_with(survivor, scenario_options());
    let engine = engine.unwrap_or_else(|error: StoreError| panic!("{what}: {error}"));
    let found = everything(&engine);
    for (name, samples) in &progress.acknowledged {
        for (time, value) in samples
            .iter()
            .filter(|(time, _)| **time >= progress.kept_from)
        {
            let there = found.get(name).and_then(|samples| samples.get(time));
            // A batch under way may have replaced it.
            let newer = progress.attempted[name].get(time);
            assert!(
                there == Some(value) || there == newer,
                "{what}: {name} at {time}"
            );
        }
    }
    let mut under_way = (0, 0);
    for (name, samples) in &progress.attempted {
        for (time, value) in samples {
            let there = found.get(name).and_then(|samples| samples.get(time));
            let before = progress.acknowledged.get(name).and_then(|s| s.get(time));
            if before != Some(value) {
                under_way.0 += usize::from(there == Some(value));
                under_way.1 += 1;
            }
        }
    }
    let whole = under_way.0 == 0 || under_way.0 == under_way.1;
    assert!(whole, "{what}: half a batch, {under_way:?}");
    for (name, samples) in &found {
        let known = progress.attempted.get(name);
        let known = samples
            .keys()
            .all(|time| known.is_some_and(|k| k.contains_key(time)));
        assert!(known, "{what}: {name} has samples that were never written");
    }
    // And it goes on working.
    let mut after = Progress::default();
    assert!(put(&engine, &mut after, 76, &[0]).is_some(), "{what}");
    engine.flush().unwrap();
}

#[test]
fn k2_a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    let whole = FakeDisk::default();
    let mut progress = Progress::default();
    assert!(scenario(&whole, &mut progress).is_some());
    let operations = whole.operations();
    assert!(
        operations > 400,
        "the scenario is too small: {operations} operations"
    );
    for operation in 1..=operations {
        let disk = FakeDisk::default();
        disk.crash_at(operation);
        let mut progress = Progress::default();
        assert!(
            scenario(&disk, &mut progress).is_none(),
            "cut at {operation}"
        );
        let torn = [Crash::Torn(operation), Crash::Torn(operation ^ 0xfeed_0000)];
        for crash in [Crash::Killed, Crash::PowerCut].into_iter().chain(torn) {
            let what = format!("{crash:?} at operation {operation}");
            verify(&disk.after(crash), &progress, &what);
        }
    }
}
