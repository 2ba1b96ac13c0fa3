//! A process that is killed in the middle of everything loses nothing that was acknowledged.
//!
//! The test runs itself again as the victim: told by environment variables, it appends batches on
//! several threads (in order, late, twice at one time, numbers and histograms, new series all the
//! time), and records on another, while one more flushes, maintains and deletes; it prints a line for each thing
//! after it returned. The parent kills it at a random moment, opens the folder, and finds exactly
//! what was acknowledged, and of each thread at most the one thing besides that was under way.
//! What a batch holds follows from its number, so parent and victim need not talk about it.
//!
//! `TACHO_KILL_ROUNDS=1000` kills more often than a normal test does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tacho_model::{AppendError, Appender, Batch, Matcher, TimeRange};
use tacho_stats::rng::Rng;
use tacho_store::{Fsync, Store, StoreError, StoreOptions};

use crate::records;
use crate::support::{Contents, Held, at, contents, distribution, options};

const DIR: &str = "TACHO_STORE_KILL_DIR";
const FSYNC: &str = "TACHO_STORE_KILL_FSYNC";
const FROM: &str = "TACHO_STORE_KILL_FROM";
const WRITERS: usize = 3;
/// The thread that flushes, maintains and deletes counts its steps beside those of the writers.
const KEEPER: usize = WRITERS;
/// So does the one that writes records.
const VISITOR: usize = WRITERS + 1;
/// A folder is used for this many kills, then the next begins.
const ROUNDS_A_FOLDER: u64 = 5;

fn kill_options(fsync: Fsync) -> StoreOptions {
    StoreOptions {
        fsync,
        future: Duration::MAX,
        // So small that memory fills up all the time, and appends are refused as overload.
        head_bytes_max: 48 << 10,
        tables: vec![records::table()],
        ..options()
    }
}

/// One sample of a batch: its series, its time, its value.
type Row = (String, i64, Held);

/// What writer `writer` appends as its batch `number`.
fn rows_of(writer: usize, number: i64) -> Vec<Row> {
    let mut random = Rng::new(writer as u64 * 1_000_003 + number as u64);
    let mut rows = Vec::new();
    let float = |random: &mut Rng| Held::Float(random.next_u64());
    for series in 0..6 {
        rows.push((format!("w{writer}_s{series}"), number, float(&mut random)));
    }
    // Late ones replace what was there, or fill a gap between.
    for _ in 0..random.below(4) {
        let time = (number - random.below(100) as i64).max(0);
        let name = format!("w{writer}_s{}", random.below(6));
        rows.push((name, time, float(&mut random)));
    }
    let histogram = Held::Histogram(distribution(&mut random));
    rows.push((format!("w{writer}_h"), number, histogram));
    rows.push((format!("w{writer}_new{number}"), number, float(&mut random)));
    rows
}

/// The one sample that the keeper appends before step `step`.
fn doomed_row(step: i64) -> Row {
    ("doomed".to_owned(), step, Held::Float(step as u64))
}

/// The records of a number: new ones, and one that was written before and now says something else.
fn visits_of(number: i64) -> Vec<records::Visit> {
    let of = |number: i64, page: i64, took: i64| records::Visit {
        time: at(number),
        visitor: (number as u128 % 50) << 64,
        page: format!("/page/{}", page % 7),
        took,
    };
    let new = (0..=number % 4).map(|page| records::Visit {
        visitor: page as u128,
        ..of(number, page, number)
    });
    let again = number - 1 - number % 5;
    new.chain((again >= 0).then(|| of(again, 0, number)))
        .collect()
}

fn visit_row(visit: &records::Visit) -> Row {
    let seconds = visit.time.since(at(0)).as_secs() as i64;
    let name = format!("visit {} {}", visit.visitor, visit.page);
    (name, seconds, Held::Float(visit.took as u64))
}

/// All samples, and all records.
fn everything(store: &Store) -> Contents {
    let mut all = contents(store);
    let visits = records::visits(store);
    keep_rows(&mut all, visits.iter().map(visit_row).collect());
    all
}

fn append_visits(store: &Store, visits: &[records::Visit]) {
    loop {
        match store.append_records("visits", &records::columns(visits)) {
            Ok(outcome) => return assert_eq!(outcome.accepted, visits.len(), "{outcome:?}"),
            Err(AppendError::Overloaded) => {
                store.wake();
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn batch_of(rows: &[Row]) -> Batch {
    let mut batch = Batch::new();
    for (name, time, value) in rows {
        let series = batch.series([("__name__", name)]).unwrap();
        match value {
            Held::Float(bits) => batch.push(series, at(*time), f64::from_bits(*bits)),
            Held::Histogram(histogram) => {
                batch.push_histogram(series, at(*time), histogram.clone());
            }
        }
    }
    batch
}

fn append(store: &Store, batch: &Batch) {
    loop {
        match store.append(batch) {
            Ok(outcome) => return assert_eq!(outcome.accepted, batch.len(), "{outcome:?}"),
            Err(AppendError::Overloaded) => {
                store.wake();
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn acknowledge(thread: usize, number: i64) {
    // One write of few bytes: a line is in the pipe whole or not at all.
    let line = format!("acknowledged {thread} {number}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// Steps of two acknowledgements: appended, and deleted where the step is even.
fn keep(store: &Store, from: i64) {
    for number in from.. {
        let step = number / 2;
        if number % 2 == 0 {
            append(store, &batch_of(&[doomed_row(step)]));
        } else {
            match step % 4 {
                0 | 2 => {
                    let matchers = [Matcher::metric("doomed")];
                    let deleted = store.delete(&matchers, TimeRange::new(at(step), at(step)));
                    assert_eq!(deleted.unwrap(), 1, "step {step}");
                }
                1 => drop(store.flush().unwrap()),
                _ => drop(store.maintain(at(0)).unwrap()),
            }
        }
        acknowledge(KEEPER, number);
        store.wait_for_work(Duration::from_millis(5));
    }
}

/// Not a test of its own: what the killed process runs.
#[test]
fn victim() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let fsync = match std::env::var(FSYNC).unwrap().as_str() {
        "always" => Fsync::Always,
        _ => Fsync::Interval(Duration::from_millis(20)),
    };
    let from = std::env::var(FROM).unwrap();
    let from: Vec<i64> = from.split(',').map(|n| n.parse().unwrap()).collect();
    let store = Store::open(dir.as_ref(), kill_options(fsync)).unwrap();
    std::thread::scope(|scope| {
        for (writer, from) in from.iter().take(WRITERS).enumerate() {
            let store = &store;
            scope.spawn(move || {
                for number in *from.. {
                    append(store, &batch_of(&rows_of(writer, number)));
                    acknowledge(writer, number);
                }
            });
        }
        scope.spawn(|| keep(&store, from[KEEPER]));
        scope.spawn(|| {
            for number in from[VISITOR].. {
                append_visits(&store, &visits_of(number));
                acknowledge(VISITOR, number);
            }
        });
    });
}

/// What must be there: the numbers that come next, and the samples of all before.
#[derive(Default)]
struct Expected {
    next: [i64; VISITOR + 1],
    held: Contents,
}

impl Expected {
    fn apply(&mut self, thread: usize) {
        let number = self.next[thread];
        self.next[thread] += 1;
        if thread == VISITOR {
            let visits = visits_of(number);
            return keep_rows(&mut self.held, visits.iter().map(visit_row).collect());
        }
        if thread != KEEPER {
            return keep_rows(&mut self.held, rows_of(thread, number));
        }
        let row = doomed_row(number / 2);
        match (number % 2, number / 2 % 2) {
            (0, _) => keep_rows(&mut self.held, vec![row]),
            (_, 0) => {
                self.held.entry(row.0).or_default().remove(&row.1);
            }
            _ => {}
        }
    }

    /// The samples of the series that belong to one thread.
    fn of(held: &Contents, thread: usize) -> BTreeMap<&String, &BTreeMap<i64, Held>> {
        let prefix = match thread {
            KEEPER => "doomed".to_owned(),
            VISITOR => "visit ".to_owned(),
            writer => format!("w{writer}_"),
        };
        let of = held.iter().filter(|(name, _)| name.starts_with(&prefix));
        of.filter(|(_, samples)| !samples.is_empty()).collect()
    }
}

fn keep_rows(held: &mut Contents, rows: Vec<Row>) {
    for (name, time, value) in rows {
        held.entry(name).or_default().insert(time, value);
    }
}

/// Runs a victim until it has acknowledged `enough` things, kills it, and notes all of them.
fn run_victim(dir: &Path, fsync: &str, expected: &mut Expected, enough: u64, pause: Duration) {
    let from = expected.next.map(|next| next.to_string()).join(",");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::victim", "--exact", "--nocapture"])
        .envs([(FSYNC, fsync), (FROM, &from)])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    for line in lines {
        let line = line.unwrap();
        let Some((_, rest)) = line.split_once("acknowledged ") else {
            continue;
        };
        let (thread, number) = rest.split_once(' ').unwrap();
        let (thread, number): (usize, i64) = (thread.parse().unwrap(), number.parse().unwrap());
        assert_eq!(number, expected.next[thread], "each in its order");
        expected.apply(thread);
        seen += 1;
        if seen == enough {
            // Anywhere inside what comes next.
            std::thread::sleep(pause);
            // SIGKILL, while the victim goes on.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= enough, "the victim ended by itself after {seen}");
}

/// Exactly what was acknowledged is there, and of each thread perhaps what it was about to.
fn verify(dir: &Path, fsync: Fsync, expected: &mut Expected, what: &str) {
    let store = Store::open(dir, kill_options(fsync)).unwrap();
    let found = everything(&store);
    assert_eq!(store.stats().quarantined, [], "{what}");
    for thread in 0..=VISITOR {
        let there = Expected::of(&found, thread);
        if there == Expected::of(&expected.held, thread) {
            continue;
        }
        let next = expected.next[thread];
        expected.apply(thread);
        let with_next = Expected::of(&expected.held, thread);
        for (name, samples) in &with_next {
            let there = there.get(name);
            assert_eq!(there, Some(samples), "{what}: {name} of {thread}/{next}");
        }
        let more = there.keys().find(|name| !with_next.contains_key(*name));
        assert_eq!(more, None, "{what}: never written");
    }
    // What is known now is what the next round begins with.
    match store.flush() {
        Ok(_) | Err(StoreError::NoSpace { .. }) => {}
        Err(error) => panic!("{what}: {error}"),
    }
    assert_eq!(everything(&store), found, "{what}: after a flush");
}

fn kill_in_a_loop(name: &str, fsync: Fsync) {
    let rounds = std::env::var("TACHO_KILL_ROUNDS").ok();
    let rounds = rounds.and_then(|text| text.parse().ok()).unwrap_or(10);
    let mut dir = tempfile::tempdir().unwrap();
    let mut expected = Expected::default();
    let mut random = Rng::new(rounds);
    for round in 0..rounds {
        if round % ROUNDS_A_FOLDER == 0 {
            dir = tempfile::tempdir().unwrap();
            expected = Expected::default();
        }
        let enough = 20 + random.below(250) as u64;
        let pause = Duration::from_micros(random.below(3000) as u64);
        run_victim(dir.path(), name, &mut expected, enough, pause);
        let what = format!("{name}, round {round}");
        verify(dir.path(), fsync, &mut expected, &what);
    }
}

#[test]
fn k2_kill_minus_nine_loses_nothing_that_was_synced_at_once() {
    kill_in_a_loop("always", Fsync::Always);
}

#[test]
fn k2_kill_minus_nine_loses_nothing_that_waits_for_its_sync() {
    kill_in_a_loop("interval", Fsync::Interval(Duration::from_millis(20)));
}
