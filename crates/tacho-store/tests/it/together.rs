//! Writers, readers and maintenance at the same time.

use std::sync::atomic::{AtomicBool, Ordering};

use tacho_store::{Store, StoreOptions};

use crate::support::{at, options, put, read};

const BATCHES: i64 = 500;

fn write(store: &Store, name: &str) {
    for number in 0..BATCHES {
        put(store, name, at(number), number as f64);
    }
}

/// Every answer is a prefix of what is written, and never shorter than the answer before.
fn watch(store: &Store, name: &str, done: &AtomicBool) {
    let mut seen = 0;
    while !done.load(Ordering::Relaxed) {
        let samples = read(store, name);
        assert!(samples.len() >= seen, "{} after {seen}", samples.len());
        seen = samples.len();
        for (number, (time, value)) in samples.into_iter().enumerate() {
            assert_eq!((time, value), (at(number as i64), number as f64));
        }
    }
}

#[test]
fn k2_readers_writers_and_maintenance_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(
        dir.path(),
        StoreOptions {
            head_bytes_max: 4000,
            ..options()
        },
    )
    .unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let helpers = [
            scope.spawn(|| watch(&store, "a", &done)),
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    store.flush().unwrap();
                    store.maintain(at(0)).unwrap();
                    store.stats();
                }
            }),
        ];
        let writers = [
            scope.spawn(|| write(&store, "a")),
            scope.spawn(|| write(&store, "b")),
        ];
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        for helper in helpers {
            helper.join().unwrap();
        }
    });
    for name in ["a", "b"] {
        assert_eq!(read(&store, name).len() as i64, BATCHES);
    }
    assert_eq!(store.stats().quarantined, []);
}
