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

#[path = "../benches/fleet/mod.rs"]
mod fleet;

use tacho_model::{Appender, Batch, Timestamp};
use tacho_store::Store;

use fleet::{SERIES, START, folder, labels, open};

const ROUNDS: usize = 20;

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
    batch.refill_bytes(body.len()).copy_from_slice(body);
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
    let dir = folder();
    let store = open(dir.path());
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
