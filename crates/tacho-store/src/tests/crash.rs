//! The power is cut at every single operation of a scenario, and the store opened again; or that
//! operation fails, and the scenario goes on.
//!
//! The scenario appends numbers and histograms in order, late and twice, for changing sets of
//! series, and rows of a table beside them, while the clock jumps; deletes, makes blocks, merges them, compacts all, removes what is
//! old, closes and opens again. After each cut, what is there is exactly what was before the
//! operation under way or exactly what is after it: a batch or a deletion is there whole or not at
//! all, and nothing else is. Only what retention may remove may be gone besides.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use tacho_model::{AppendError, Batch, Histogram, MatchOp, Matcher, TimeRange, Timestamp};

use super::{Contents, Held, at, everything, open_with, options, records};
use crate::disk::fake::{Crash, FakeDisk};
use crate::engine::Engine;
use crate::error::StoreError;
use crate::options::StoreOptions;

const RETENTION_SECS: i64 = 45;

thread_local! {
    /// What the engine takes for the time, in seconds.
    static NOW: Cell<i64> = const { Cell::new(0) };
}

fn scenario_options() -> StoreOptions {
    StoreOptions {
        block_duration: Duration::from_secs(5),
        merge_duration: Duration::from_hours(9),
        retention: Duration::from_secs(RETENTION_SECS as u64),
        segment_bytes: 600,
        tables: vec![records::table(Duration::from_secs(RETENTION_SECS as u64))],
        clock: || at(NOW.get()),
        ..options()
    }
}

/// What a run got through before it was cut off.
#[derive(Clone)]
struct Progress {
    /// Everything that was acknowledged.
    before: Contents,
    /// With what was under way.
    after: Contents,
    /// Samples before this may have been removed by age.
    kept_from: i64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            before: Contents::new(),
            after: Contents::new(),
            kept_from: i64::MIN,
        }
    }
}

/// Where that is not exactly what is there, but for what may have been removed by age.
fn difference(found: &Contents, expected: &Contents, kept_from: i64) -> Option<String> {
    let none = std::collections::BTreeMap::new();
    let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    for name in names {
        let found = found.get(name).unwrap_or(&none);
        let expected = expected.get(name).unwrap_or(&none);
        let times: BTreeSet<&i64> = found.keys().chain(expected.keys()).collect();
        for time in times {
            let (found, expected) = (found.get(time), expected.get(time));
            if found != expected && (found.is_some() || *time >= kept_from) {
                let secs = time / 1_000_000_000;
                return Some(format!("{name} at {secs}: {found:?}, not {expected:?}"));
            }
        }
    }
    None
}

#[track_caller]
fn assert_all(found: &Contents, expected: &Contents, kept_from: i64, what: &str) {
    assert_eq!(difference(found, expected, kept_from), None, "{what}");
}

/// What the scenario does.
#[derive(Clone, Copy)]
enum Act<'a> {
    /// Appends one sample at this time to each of these series.
    Put(i64, &'a [u64]),
    /// Appends this many records of this time, some of them written before.
    Rows(i64, u64),
    /// Deletes the series whose number matches between two times.
    Delete(&'a str, i64, i64),
    Maintain(i64),
    Flush,
    Compact,
    Reopen,
}

/// Series from 7 on have histograms at times that are no multiple of three.
fn value_of(time: i64, number: u64, late: bool) -> Result<f64, Histogram> {
    if number < 7 || time % 3 == 0 {
        return Ok((time * 100) as f64 + number as f64 + if late { 0.5 } else { 0.0 });
    }
    let mut histogram = Histogram::new();
    for i in 0..time % 11 {
        histogram.observe((i * time) as f64 - 40.0);
    }
    Err(histogram)
}

/// The records of a time, what they say depending on how many are written.
fn rows(time: i64, count: u64) -> Vec<records::Row> {
    let row = |number| records::Row {
        time: at(time).as_nanos(),
        trace: u128::from(number % 3) + 1,
        span: u128::from(number),
        service: format!("service {}", number % 2),
        took: count as i64,
        ..records::Row::default()
    };
    (0..count).map(row).collect()
}

/// All samples, and all records as if those of one key were a series.
fn all(engine: &Engine) -> Contents {
    let mut all = everything(engine);
    for row in records::everything(engine) {
        let samples = all.entry(row.name()).or_default();
        let twice = samples.insert(row.time, Held::Histogram(row.to_string()));
        assert!(twice.is_none(), "one record of a time and key");
    }
    all
}

struct Run<'a> {
    disk: &'a FakeDisk,
    engine: Option<Engine>,
    progress: &'a mut Progress,
}

impl Run<'_> {
    /// Changes what is expected by what is about to be done.
    fn expect(&mut self, act: Act<'_>) -> Batch {
        let mut batch = Batch::new();
        let after = &mut self.progress.after;
        match act {
            Act::Put(time, series) => {
                for number in series {
                    let name = format!("series_number_{number}");
                    let index = batch.series([("__name__", &name)]).unwrap();
                    let samples = after.entry(name).or_default();
                    let late = samples.contains_key(&at(time).as_nanos());
                    let value = match value_of(time, *number, late) {
                        Ok(value) => {
                            batch.push(index, at(time), value);
                            Held::Float(value.to_bits())
                        }
                        Err(value) => {
                            let held = Held::Histogram(format!("{value:?}"));
                            batch.push_histogram(index, at(time), value);
                            held
                        }
                    };
                    samples.insert(at(time).as_nanos(), value);
                }
            }
            Act::Rows(time, count) => {
                for row in rows(time, count) {
                    let samples = after.entry(row.name()).or_default();
                    samples.insert(row.time, Held::Histogram(row.to_string()));
                }
            }
            Act::Delete(pattern, from, to) => {
                let range = TimeRange::new(at(from), at(to));
                let matcher = matcher(pattern);
                for (_, samples) in after.iter_mut().filter(|(name, _)| matcher.matches(name)) {
                    samples.retain(|time, _| !range.contains(Timestamp::from_nanos(*time)));
                }
            }
            Act::Maintain(now) => {
                let kept_from = at(now - RETENTION_SECS).as_nanos();
                self.progress.kept_from = self.progress.kept_from.max(kept_from);
            }
            Act::Flush | Act::Compact | Act::Reopen => {}
        }
        batch
    }

    /// Does it; `Err` says whether the store refuses everything until it is opened again.
    fn try_it(&mut self, act: Act<'_>, batch: &Batch) -> Result<(), bool> {
        if matches!(act, Act::Reopen) {
            self.engine = None;
        }
        if self.engine.is_none() {
            let opened = open_with(self.disk, scenario_options());
            self.engine = Some(opened.map_err(|_| true)?);
        }
        let Some(engine) = &self.engine else {
            return Err(true);
        };
        let refused = |error: StoreError| matches!(error, StoreError::ReadOnly { .. });
        match act {
            Act::Put(..) => match engine.append(batch) {
                Ok(outcome) => {
                    assert_eq!(outcome.rejected, []);
                    Ok(())
                }
                Err(error) => Err(matches!(error, AppendError::ReadOnly(_))),
            },
            Act::Rows(time, count) => {
                match engine.append_records("visits", &records::of(&rows(time, count))) {
                    Ok(outcome) => {
                        assert_eq!(outcome.rejected, []);
                        Ok(())
                    }
                    Err(error) => Err(matches!(error, AppendError::ReadOnly(_))),
                }
            }
            Act::Delete(pattern, from, to) => {
                let range = TimeRange::new(at(from), at(to));
                let deleted = engine.delete(&[matcher(pattern)], range);
                deleted.map(drop).map_err(refused)
            }
            Act::Maintain(now) => engine.maintain(at(now)).map(drop).map_err(refused),
            Act::Flush => engine.flush().map(drop).map_err(refused),
            Act::Compact => engine.compact().map(drop).map_err(refused),
            Act::Reopen => Ok(()),
        }
    }

    /// Does it, and takes it for done when it says so; `None` when it was cut off.
    fn once(&mut self, act: Act<'_>) -> Option<()> {
        let batch = self.expect(act);
        self.try_it(act, &batch).ok()?;
        self.progress.before = self.progress.after.clone();
        Some(())
    }

    /// Does it again when it failed, after a look at what that left.
    fn again_if_it_fails(&mut self, act: Act<'_>) {
        let batch = self.expect(act);
        for _ in 0..3 {
            let Err(refuses) = self.try_it(act, &batch) else {
                self.progress.before = self.progress.after.clone();
                return;
            };
            let progress = &self.progress;
            let is_append = matches!(act, Act::Put(..) | Act::Rows(..));
            if let (true, false, Some(engine)) = (is_append, refuses, &self.engine) {
                // What was not acknowledged is not there, and does not come back either.
                let found = all(engine);
                let kept_from = progress.kept_from;
                assert_all(&found, &progress.before, kept_from, "after a failure");
                let copy = self.disk.after(Crash::Killed);
                let found = all(&open_with(&copy, scenario_options()).unwrap());
                assert_all(&found, &progress.before, kept_from, "and a kill");
            } else {
                self.engine = None;
            }
        }
        panic!("one failure, and it never worked again");
    }
}

fn matcher(pattern: &str) -> Matcher {
    let pattern = format!("series_number_({pattern})");
    Matcher::new("__name__", MatchOp::Regex, &pattern).unwrap()
}

/// Hands every act of the scenario to `act`, until that says that it was cut off.
fn scenario(mut act: impl FnMut(Act<'_>) -> Option<()>) -> Option<()> {
    NOW.set(1);
    act(Act::Reopen)?;
    for time in 1..=66 {
        NOW.set(match time {
            28..34 => time - 20,
            50..53 => time + 12,
            _ => time,
        });
        // Sets of series that change: some always, some by turns, some never again.
        let turn = 2 + time as u64 % 4;
        act(Act::Put(time, &[0, 1, turn, 7 + time as u64 / 25]))?;
        match time % 10 {
            5 => act(Act::Put(time - 3, &[1, 7, 19]))?,
            8 => act(Act::Put(time - 1, &[7, 7, 0]))?,
            _ => {}
        }
        if time % 3 == 0 {
            act(Act::Rows(time, 1 + time as u64 % 5))?;
        }
        match time {
            13 | 49 => act(Act::Rows(time - 4, 6))?,
            14 => act(Act::Delete("1|7", 8, 12))?,
            // Written again after it was deleted.
            16 => act(Act::Put(10, &[1, 7]))?,
            23 => act(Act::Flush)?,
            31 => act(Act::Delete("[2-4]", 0, 29))?,
            44 => act(Act::Compact)?,
            57 => act(Act::Delete(".*", 40, 41))?,
            58 => act(Act::Delete("0", 57, 90))?,
            20 | 46 | 59 => act(Act::Reopen)?,
            _ => {}
        }
        if time % 6 == 0 {
            act(Act::Maintain(NOW.get()))?;
        }
    }
    act(Act::Flush)?;
    act(Act::Maintain(66))
}

/// Runs the scenario until it is cut off; `Some` when it never was.
fn run(disk: &FakeDisk, progress: &mut Progress) -> Option<()> {
    let mut run = Run {
        disk,
        engine: None,
        progress,
    };
    scenario(|act| run.once(act))
}

fn verify(survivor: &FakeDisk, progress: &Progress, what: &str) {
    let engine = open_with(survivor, scenario_options());
    let engine = engine.unwrap_or_else(|error: StoreError| panic!("{what}: {error}"));
    let found = all(&engine);
    let off = |expected| difference(&found, expected, progress.kept_from);
    if let (Some(before), Some(after)) = (off(&progress.before), off(&progress.after)) {
        panic!("{what}: neither {before}\nnor {after}");
    }
    // And it goes on working.
    let mut going_on = Progress {
        before: found.clone(),
        after: found,
        kept_from: progress.kept_from,
    };
    let mut run = Run {
        disk: survivor,
        engine: Some(engine),
        progress: &mut going_on,
    };
    let put = run.once(Act::Put(NOW.get() + 1, &[0, 7]));
    let put = put.and_then(|()| run.once(Act::Rows(NOW.get() + 1, 2)));
    assert!(put.is_some() && run.once(Act::Flush).is_some(), "{what}");
    let found = all(run.engine.as_ref().unwrap());
    assert_all(&found, &going_on.after, progress.kept_from, what);
}

/// Runs `each` for every `step`th operation from `first` on, until it says that the scenario has
/// no more; how many it has differs a little from run to run, as the sizes of records do.
fn for_every_operation(first: u64, step: usize, each: impl Fn(u64) -> bool) {
    for operation in (first..).step_by(step) {
        if !each(operation) {
            assert!(operation > 450, "only {operation} operations");
            return;
        }
    }
}

/// The power is cut at this operation; whether there was one.
fn cut_at(operation: u64) -> bool {
    let disk = FakeDisk::default();
    disk.crash_at(operation);
    let mut progress = Progress::default();
    if run(&disk, &mut progress).is_some() {
        verify(&disk.copy(), &progress, "never cut");
        return false;
    }
    let torn = [Crash::Torn(operation), Crash::Torn(operation ^ 0xfeed_0000)];
    for crash in [Crash::Killed, Crash::PowerCut].into_iter().chain(torn) {
        let what = format!("{crash:?} at operation {operation}");
        verify(&disk.after(crash), &progress, &what);
    }
    true
}

/// This operation fails; whether there was one.
fn fail_at(operation: u64) -> bool {
    let disk = FakeDisk::default();
    disk.fail_at(operation);
    let mut progress = Progress::default();
    let mut run = Run {
        disk: &disk,
        engine: None,
        progress: &mut progress,
    };
    let whole = scenario(|act| {
        run.again_if_it_fails(act);
        Some(())
    });
    assert!(whole.is_some());
    drop(run);
    let operations = disk.operations();
    let what = format!("operation {operation} failed");
    let disk = disk.copy();
    verify(&disk, &progress, &what);
    let engine = open_with(&disk, scenario_options()).unwrap();
    assert_eq!(engine.stats().quarantined, [], "{what}");
    operations >= operation
}

// In two halves, so that both cores work.

#[test]
fn k2_a_power_cut_at_any_odd_operation_loses_nothing_acknowledged() {
    for_every_operation(1, 2, cut_at);
}

#[test]
fn k2_a_power_cut_at_any_even_operation_loses_nothing_acknowledged() {
    for_every_operation(2, 2, cut_at);
}

#[test]
fn k2_any_operation_may_fail_once() {
    for_every_operation(1, 1, fail_at);
}
