//! A real file system that is full: writes are refused, reads go on, writes resume by themselves.

use std::fs;

use tacho_model::{AppendError, Appender, Batch};
use tacho_stats::rng::Rng;
use tacho_store::{Store, StoreError};

use crate::support::{Contents, Held, Tmpfs, at, contents, options};

/// Samples of which nothing can be compressed away.
fn batch(number: i64, random: &mut Rng) -> (Batch, Contents) {
    let mut batch = Batch::new();
    let mut held = Contents::new();
    for series in 0..50 {
        let name = format!("m{series}");
        let index = batch.series([("__name__", &name)]).unwrap();
        let bits = random.next_u64();
        batch.push(index, at(number), f64::from_bits(bits));
        held.entry(name)
            .or_default()
            .insert(number, Held::Float(bits));
    }
    (batch, held)
}

fn add(all: &mut Contents, more: Contents) {
    for (name, samples) in more {
        all.entry(name).or_default().extend(samples);
    }
}

/// Appends from `number` on until that is refused; the number that was.
fn fill(store: &Store, mut number: i64, held: &mut Contents, random: &mut Rng) -> i64 {
    loop {
        let (batch, more) = batch(number, random);
        match store.append(&batch) {
            Ok(outcome) => assert_eq!(outcome.accepted, batch.len()),
            Err(AppendError::NoSpace) => return number,
            Err(error) => panic!("{number}: {error:?}"),
        }
        add(held, more);
        number += 1;
    }
}

#[test]
fn k2_a_full_file_system_refuses_writes_serves_reads_and_recovers() {
    let Some(disk) = Tmpfs::mount("4m") else {
        return;
    };
    let full_options = || tacho_store::StoreOptions {
        future: std::time::Duration::MAX,
        ..options()
    };
    let mut random = Rng::new(4);
    let mut held = Contents::new();
    let dir = disk.path().join("data");
    let store = Store::open(&dir, full_options()).unwrap();
    let first = fill(&store, 0, &mut held, &mut random);
    assert!(first > 1000, "only {first} batches fit");
    assert_eq!(contents(&store), held, "reads go on");
    // No room for a block, nor for state, and nothing is lost by trying.
    for _ in 0..3 {
        let flushed = store.flush();
        assert!(
            matches!(flushed, Err(StoreError::NoSpace { .. })),
            "{flushed:?}"
        );
        fill(&store, first, &mut held, &mut random);
        assert_eq!(contents(&store), held);
    }
    // Killed and started again while there is still no room: everything is there to read.
    drop(store);
    let store = Store::open(&dir, full_options()).unwrap();
    assert_eq!(contents(&store), held, "after opening on a full disk");
    let first = fill(&store, first, &mut held, &mut random);

    disk.grow("8m");
    let filler = disk.path().join("filler");
    let second = fill_to(&store, first, first + 200, &mut held, &mut random);
    store.flush().unwrap();
    assert_eq!(contents(&store), held);
    // The other way out: somebody else's file takes the room, and goes away.
    while fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&filler)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[1; 4096]))
        .is_ok()
    {}
    let third = fill(&store, second, &mut held, &mut random);
    assert_eq!(contents(&store), held);
    fs::remove_file(&filler).unwrap();
    fill_to(&store, third, third + 200, &mut held, &mut random);
    store.flush().unwrap();
    drop(store);
    let store = Store::open(&dir, full_options()).unwrap();
    assert_eq!(contents(&store), held);
    assert_eq!(store.stats().quarantined, []);
}

/// Appends what must be accepted.
fn fill_to(store: &Store, from: i64, to: i64, held: &mut Contents, random: &mut Rng) -> i64 {
    for number in from..to {
        let (batch, more) = batch(number, random);
        assert_eq!(store.append(&batch).unwrap().accepted, batch.len());
        add(held, more);
    }
    to
}
