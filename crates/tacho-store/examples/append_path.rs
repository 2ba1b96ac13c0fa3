//! The append path alone, for counting instructions: known series, regular scrapes.
//!
//! `valgrind --tool=callgrind --toggle-collect=append_path::rounds target/release/examples/append_path`
//! counts what [`rounds`] does: `ROUNDS` batches of `SERIES` samples each into an open store whose
//! log lies in memory (`/dev/shm` where there is one). `script/instructions` runs it and compares
//! with the figures kept in `benches/instructions.txt`, because instructions, unlike time, hold on
//! a noisy machine.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program"
)]

use std::path::Path;

use tacho_model::{Appender, Batch, Labels, Timestamp};
use tacho_store::{Fsync, Store, StoreOptions};

const SERIES: usize = 10_000;
const ROUNDS: usize = 20;
const START: i64 = 1_800_000_000;

fn clock() -> Timestamp {
    Timestamp::from_secs(START + 1_000_000)
}

/// What a scrape of host `i / 100` calls its series `i % 100`.
fn labels(i: usize) -> Labels {
    let host = i / 100;
    Labels::new([
        ("__name__", format!("node_some_metric_{:02}_total", i % 100)),
        ("instance", format!("host-{host:05}:9100")),
        ("job", "web".to_owned()),
        ("region", "eu-west-1".to_owned()),
        ("mode", "user".to_owned()),
    ])
    .unwrap()
}

/// A body with one label set a sample, as remote write sends it, and where each set begins.
fn body() -> (Vec<u8>, Vec<usize>) {
    let mut body = Vec::new();
    let mut starts = vec![0];
    for i in 0..SERIES {
        body.extend_from_slice(labels(i).as_ref().as_bytes());
        starts.push(body.len());
    }
    (body, starts)
}

fn fill(batch: &mut Batch, body: &[u8], starts: &[usize], round: i64) {
    batch.refill().extend_from_slice(body);
    for (i, span) in starts.windows(2).enumerate() {
        let series = batch.series_at(span[0]..span[1]);
        // The hosts are scraped one after the other, each every 15 s.
        let time = Timestamp::from_nanos((START + round * 15) * 1_000_000_000 + (i / 100) as i64);
        batch.push(series, time, (round * 100 + i as i64) as f64 / 100.0);
    }
}

#[inline(never)]
fn rounds(store: &Store, batches: &[Batch]) {
    for batch in batches {
        let outcome = store.append(batch).unwrap();
        assert_eq!(outcome.accepted, SERIES);
    }
}

fn main() {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory
    } else {
        Path::new(".")
    };
    let dir = tempfile::tempdir_in(parent).unwrap();
    let options = StoreOptions {
        fsync: Fsync::Never,
        clock,
        ..StoreOptions::default()
    };
    let store = Store::open(dir.path(), options).unwrap();
    let (body, starts) = body();
    let mut batches = vec![Batch::new(); ROUNDS + 3];
    for (round, batch) in batches.iter_mut().enumerate() {
        fill(batch, &body, &starts, round as i64);
    }
    let (warm, measured) = batches.split_at(3);
    warm_up(&store, warm);
    let began = std::time::Instant::now();
    rounds(&store, measured);
    let nanos = began.elapsed().as_nanos() as f64 / (SERIES * ROUNDS) as f64;
    println!("{} samples, {nanos:.1} ns each", SERIES * ROUNDS);
}

/// The same, not counted.
fn warm_up(store: &Store, batches: &[Batch]) {
    for batch in batches {
        store.append(batch).unwrap();
    }
}
