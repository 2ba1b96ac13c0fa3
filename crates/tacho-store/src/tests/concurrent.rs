//! Several writers at once, on series of their own and on shared ones, while blocks are made.
//!
//! Who wins at one time of a shared series is for the log's order to say. What can be told from
//! outside: the value is the last one that some writer gave, in a batch nothing else of which is
//! missing; and a replay of the log makes the same choice as the head did.

use std::collections::BTreeMap;

use tacho_model::{AppendError, Batch, Histogram};

use super::{Contents, Held, at, everything, open_with, options};
use crate::disk::fake::{Crash, FakeDisk, Random};
use crate::engine::Engine;
use crate::options::StoreOptions;

const WRITERS: u64 = 3;
const SHARED: u64 = 3;

/// What a writer wrote: by series and time the last value.
type Written = BTreeMap<(String, i64), Held>;

fn engine_options(random: &mut Random) -> StoreOptions {
    StoreOptions {
        segment_bytes: 1 << (9 + random.below(6)),
        head_bytes_max: 1 << (12 + random.below(5)),
        ..options()
    }
}

/// Appends some batches; values name their writer and number.
fn write(engine: &Engine, writer: u64, random: &mut Random) -> Written {
    let mut written = Written::new();
    for number in 0..5 + random.below(20) {
        let mut batch = Batch::new();
        for _ in 0..=random.below(10) {
            let name = match random.below(3) {
                0 => format!("own{writer}"),
                _ => format!("shared{}", random.below(SHARED)),
            };
            let time = 100 + random.below(20) as i64;
            let series = batch.series([("__name__", &name)]).unwrap();
            let value = (writer * 1_000_000 + number * 1000 + batch.len() as u64) as f64;
            let held = if random.chance(30) {
                let mut histogram = Histogram::new();
                histogram.observe(value);
                batch.push_histogram(series, at(time), histogram.clone());
                Held::Histogram(format!("{histogram:?}"))
            } else {
                batch.push(series, at(time), value);
                Held::Float(value.to_bits())
            };
            written.insert((name, at(time).as_nanos()), held);
        }
        loop {
            match engine.append(&batch) {
                Ok(outcome) => break assert_eq!(outcome.accepted, batch.len()),
                Err(AppendError::Overloaded) => drop(engine.maintain(at(0)).unwrap()),
                Err(error) => panic!("{error}"),
            }
        }
    }
    written
}

fn check(found: &Contents, written: &[Written], seed: u64) {
    let mut candidates: BTreeMap<&(String, i64), Vec<&Held>> = BTreeMap::new();
    for (place, value) in written.iter().flatten() {
        candidates.entry(place).or_default().push(value);
    }
    let mut count = 0;
    for ((name, time), candidates) in &candidates {
        let found = found.get(name).and_then(|samples| samples.get(time));
        let known = found.is_some_and(|found| candidates.contains(&found));
        assert!(known, "seed {seed}: {name} at {time}: {found:?}");
        count += 1;
    }
    let all = found.values().map(BTreeMap::len).sum::<usize>();
    assert_eq!(all, count, "seed {seed}: nothing else is there");
}

fn run(seed: u64) {
    let mut random = Random(seed);
    let disk = FakeDisk::default();
    let options = engine_options(&mut random);
    let engine = open_with(&disk, options.clone()).unwrap();
    let tidy = random.below(4);
    let written: Vec<Written> = std::thread::scope(|scope| {
        let seeds: Vec<u64> = (0..WRITERS).map(|_| random.next()).collect();
        let writers = seeds.into_iter().enumerate().map(|(writer, seed)| {
            let engine = &engine;
            scope.spawn(move || write(engine, writer as u64, &mut Random(seed)))
        });
        let writers: Vec<_> = writers.collect();
        for _ in 0..tidy {
            engine.flush().unwrap();
            engine.maintain(at(0)).unwrap();
        }
        let joined = writers.into_iter().map(|writer| writer.join().unwrap());
        joined.collect()
    });
    let found = everything(&engine);
    check(&found, &written, seed);
    // The log's order is the head's, whether the process was killed or the power cut.
    for crash in [Crash::Killed, Crash::PowerCut, Crash::Torn(seed)] {
        let again = open_with(&disk.after(crash), options.clone()).unwrap();
        assert_eq!(everything(&again), found, "seed {seed}, {crash:?}");
    }
    engine.compact().unwrap();
    assert_eq!(everything(&engine), found, "seed {seed}, compacted");
    drop(engine);
    let again = open_with(&disk, options).unwrap();
    assert_eq!(everything(&again), found, "seed {seed}, opened again");
    assert_eq!(again.stats().quarantined, []);
}

#[test]
fn k2_what_readers_saw_of_concurrent_writers_is_what_a_replay_makes() {
    for seed in 0..super::seeds("TACHO_CONCURRENT_SEEDS", 300) {
        run(seed);
    }
}
