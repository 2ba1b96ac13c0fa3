//! Copies of a running store, through its public interface.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicI64, Ordering};

use tacho_store::{Store, StoreError, check};

use crate::support::{at, options, put, read};

#[test]
fn k2_a_snapshot_while_others_write_holds_everything_acknowledged_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("data"), options()).unwrap();
    let acknowledged = AtomicI64::new(0);
    let done = AtomicI64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = 0;
            while done.load(Ordering::Relaxed) == 0 {
                put(&store, "m", at(next), next as f64);
                let annotated = store.state().push_annotation(at(next), "k", "t", "");
                annotated.unwrap();
                next += 1;
                acknowledged.store(next, Ordering::SeqCst);
                if next % 40 == 0 {
                    store.flush().unwrap();
                    store.maintain(at(next)).unwrap();
                }
            }
        });
        for number in 0..6 {
            while acknowledged.load(Ordering::SeqCst) < 50 * (number + 1) {
                std::thread::yield_now();
            }
            let to = dir.path().join(format!("copy-{number}"));
            let before = acknowledged.load(Ordering::SeqCst);
            store.snapshot(&to).unwrap();
            let after = acknowledged.load(Ordering::SeqCst) + 1;
            let found = check(&to, |_| ()).unwrap();
            assert_eq!(found.damaged, []);
            let copy = Store::open(&to, options()).unwrap();
            let samples = read(&copy, "m");
            let count = samples.len() as i64;
            assert!(
                (before..=after).contains(&count),
                "{before} {count} {after}"
            );
            for (number, (time, value)) in samples.into_iter().enumerate() {
                assert_eq!((time, value), (at(number as i64), number as f64));
            }
            let all = tacho_model::TimeRange::ALL;
            let records = copy.state().annotations(all, 9_999).unwrap().len() as i64;
            assert!(
                (before..=after).contains(&records),
                "{before} {records} {after}"
            );
            // The copy goes its own way.
            put(&copy, "m", at(count), -1.0);
            copy.flush().unwrap();
        }
        done.store(1, Ordering::Relaxed);
    });
    let expected = acknowledged.load(Ordering::SeqCst);
    let samples = read(&store, "m");
    assert_eq!(samples.len() as i64, expected);
    assert!(
        samples.iter().all(|(_, value)| *value >= 0.0),
        "copies share no future"
    );
}

#[test]
fn a_snapshot_needs_a_free_name_and_leaves_nothing_when_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("data"), options()).unwrap();
    put(&store, "m", at(0), 1.0);
    store.flush().unwrap();
    let to = dir.path().join("copy");
    let taken = store.snapshot(&to).unwrap();
    assert_eq!((taken.blocks, taken.bytes_copied), (1, 0));
    let block = |folder: &str| {
        let mut entries = fs::read_dir(dir.path().join(folder).join("blocks")).unwrap();
        entries.next().unwrap().unwrap().metadata().unwrap().ino()
    };
    assert_eq!(block("data"), block("copy"), "one file under two names");
    for occupied in [to.clone(), dir.path().join("data")] {
        let refused = store.snapshot(&occupied);
        assert!(
            matches!(refused, Err(StoreError::Occupied { .. })),
            "{refused:?}"
        );
    }
    fs::create_dir(dir.path().join("half.tmp")).unwrap();
    let refused = store.snapshot(&dir.path().join("half"));
    assert!(
        matches!(refused, Err(StoreError::Occupied { .. })),
        "{refused:?}"
    );
    let nowhere = store.snapshot(&dir.path().join("none/copy"));
    assert!(matches!(nowhere, Err(StoreError::Io { .. })), "{nowhere:?}");
    let mut left: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["copy", "data", "half.tmp"]);
}

#[test]
fn a_folder_that_is_only_read_can_be_copied() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = Store::open(&data, options()).unwrap();
    put(&store, "m", at(0), 1.0);
    store.flush().unwrap();
    put(&store, "m", at(1), 2.0);
    store.state().put_report(at(0), "json", "{}").unwrap();
    drop(store);
    let store = Store::open_read_only(&data, options()).unwrap();
    let to = dir.path().join("copy");
    let taken = store.snapshot(&to).unwrap();
    assert_eq!((taken.blocks, taken.segments), (1, 1));
    let copy = Store::open_read_only(&to, options()).unwrap();
    assert_eq!(read(&copy, "m").len(), 2);
    assert_eq!(copy.state().reports(9).unwrap().len(), 1);
}

/// `/dev/shm` is another file system nearly everywhere: there nothing can be linked.
#[test]
fn a_snapshot_to_another_file_system_is_copied() {
    let dir = tempfile::tempdir().unwrap();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("skipped: there is no /dev/shm to write to");
        return;
    };
    let device = |path: &std::path::Path| fs::metadata(path).unwrap().dev();
    if device(dir.path()) == device(other.path()) {
        eprintln!("skipped: /dev/shm is the same file system");
        return;
    }
    let store = Store::open(&dir.path().join("data"), options()).unwrap();
    put(&store, "m", at(0), 1.0);
    store.flush().unwrap();
    put(&store, "m", at(1), 2.0);
    let to = other.path().join("copy");
    let taken = store.snapshot(&to).unwrap();
    assert_eq!(taken.bytes, taken.bytes_copied);
    assert_eq!(check(&to, |_| ()).unwrap().damaged, []);
    assert_eq!(read(&Store::open(&to, options()).unwrap(), "m").len(), 2);
}

#[test]
fn a_backup_holds_the_snapshots_of_values_and_a_check_reads_them() {
    let home = tempfile::tempdir().unwrap();
    let (data, copy) = (home.path().join("data"), home.path().join("copy"));
    let store = Store::open(&data, options()).unwrap();
    put(&store, "kept", at(1), 1.5);
    let lookback = tacho_store::SNAPSHOT_LOOKBACK;
    let taken = store.snapshot_values(Some("it"), at(2), lookback).unwrap();
    store.snapshot(&copy).unwrap();
    drop(store);
    let store = Store::open(&copy, options()).unwrap();
    assert_eq!(store.value_snapshots(), std::slice::from_ref(&taken));
    drop(store);

    assert_eq!(tacho_store::check(&copy, |_| {}).unwrap().damaged, []);
    let file = copy.join(format!("snapshots/{}.block", taken.id));
    let mut bytes = std::fs::read(&file).unwrap();
    // The first page after the header holds the values; the copy must not share its bytes.
    bytes[14] ^= 1;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &bytes).unwrap();
    let found = tacho_store::check(&copy, |_| {}).unwrap().damaged;
    assert!(
        found
            .iter()
            .any(|d| d.file.ends_with(&format!("{}.block", taken.id))),
        "{found:?}"
    );
    let repaired = tacho_store::repair(&copy, |_| {}).unwrap();
    assert!(
        repaired
            .lost
            .iter()
            .any(|lost| lost.starts_with("snapshots/")),
        "{repaired:?}"
    );
    assert_eq!(tacho_store::check(&copy, |_| {}).unwrap().damaged, []);
}
