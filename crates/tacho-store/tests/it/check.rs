//! Checking and repairing: a flipped bit in any file is found, and afterwards the folder is sound.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use tacho_model::{Appender, Batch};
use tacho_store::{Checked, Store, StoreError, StoreOptions, check, repair};

use crate::support::{at, options, put, read};

/// A folder with two blocks, a log that holds what came after, and a state record.
fn written(dir: &Path) {
    let options = StoreOptions {
        block_duration: std::time::Duration::ZERO,
        ..options()
    };
    let store = Store::open(dir, options).unwrap();
    for round in 0..3 {
        for number in 0..40 {
            let mut batch = Batch::new();
            for name in ["a", "b", "c"] {
                let series = batch.series([("__name__", name)]).unwrap();
                let time = at(round * 100 + number);
                batch.push(series, time, (number * number % 17) as f64 + 0.25);
            }
            store.append(&batch).unwrap();
        }
        if round < 2 {
            assert_eq!(store.maintain(at(0)).unwrap().blocks_written, 1);
        }
    }
    for version in 1..=3 {
        let range = tacho_model::TimeRange::new(at(0), at(1));
        let state = store.state();
        let put = state.put_baseline("normal", at(version), range, &"x".repeat(5_000));
        assert_eq!(i64::from(put.unwrap()), version);
    }
}

fn checked(dir: &Path) -> Checked {
    check(dir, |_| ()).unwrap()
}

/// The only files of a kind, in order.
fn files(dir: &Path, folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|p| p.extension().is_some_and(|e| e == extension))
        .collect();
    found.sort();
    found
}

fn flip(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap();
    // Encoded sizes differ a little from one run to the next.
    let place = offset % bytes.len();
    bytes[place] ^= 4;
    fs::write(path, bytes).unwrap();
}

/// Everything in the folder but the lock and the database's passing files.
fn image(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in ["", "wal", "blocks"] {
        for entry in fs::read_dir(dir.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned();
            if path.is_file() && !name.contains("state.db-") && !name.ends_with("LOCK") {
                all.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_sound_folder_is_clean_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let before = image(dir.path());
    let mut seen = Vec::new();
    let found = check(dir.path(), |progress| {
        assert!(progress.done <= progress.total);
        seen.push(progress.file.to_owned());
    })
    .unwrap();
    assert_eq!(found.damaged, []);
    assert_eq!((found.blocks, found.segments), (2, 1));
    assert_eq!(found.samples, 240, "of two blocks");
    assert_eq!(seen.len(), 4, "log, two blocks, state: {seen:?}");
    assert_eq!(image(dir.path()), before);
    let repaired = repair(dir.path(), |_| ()).unwrap();
    assert_eq!((repaired.damaged, repaired.lost), (vec![], vec![]));
    assert_eq!(image(dir.path()), before, "there is nothing to repair");
}

#[test]
fn what_is_in_use_or_not_there_is_not_checked() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options()).unwrap();
    let held = [check(dir.path(), |_| ()), repair(dir.path(), |_| ())];
    for refused in held {
        assert!(
            matches!(refused, Err(StoreError::Locked { .. })),
            "{refused:?}"
        );
    }
    drop(store);
    let none = dir.path().join("none");
    for refused in [check(&none, |_| ()), repair(&none, |_| ())] {
        assert!(
            matches!(refused, Err(StoreError::Missing { .. })),
            "{refused:?}"
        );
    }
    assert!(!none.exists(), "nothing is made of a mistyped name");
}

/// Damages one file, and expects that the check names it, changes nothing, and that the repair
/// leaves a sound folder with at least so many samples of each series.
fn check_damage(what: &str, file: &str, damage: impl Fn(&Path), samples_min: usize) {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    written(dir);
    damage(dir);
    let before = image(dir);
    let found = checked(dir);
    assert!(!found.damaged.is_empty(), "{what}: nothing is found");
    for entry in &found.damaged {
        assert!(entry.file.starts_with(file), "{what}: {entry:?}");
        assert!(!entry.reason.is_empty());
    }
    assert_eq!(image(dir), before, "{what}: a check changes nothing");
    let repaired = repair(dir, |_| ()).unwrap();
    assert_eq!(repaired.damaged, found.damaged, "{what}");
    let after = checked(dir);
    assert_eq!(after.damaged, [], "{what}: after {:?}", repaired.lost);
    assert!(after.quarantined > 0, "{what}: nothing was set aside");
    let store = Store::open(dir, options()).unwrap();
    for name in ["a", "b", "c"] {
        let held = read(&store, name).len();
        assert!(held >= samples_min, "{what}: {held} samples of {name}");
    }
    put(&store, "a", at(500), 1.0);
    store.flush().unwrap();
    drop(store);
    assert_eq!(checked(dir).damaged, [], "{what}");
}

#[test]
fn a_flipped_bit_anywhere_in_a_block_is_found_and_repaired() {
    let probe = tempfile::tempdir().unwrap();
    written(probe.path());
    let length = fs::read(&files(probe.path(), "blocks", "block")[0])
        .unwrap()
        .len();
    for offset in (0..length).step_by(7) {
        let damage = |dir: &Path| flip(&files(dir, "blocks", "block")[0], offset);
        check_damage(&format!("block at {offset}"), "blocks/", damage, 80);
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_log_is_found_and_repaired() {
    let probe = tempfile::tempdir().unwrap();
    written(probe.path());
    let length = fs::read(&files(probe.path(), "wal", "wal")[0])
        .unwrap()
        .len();
    for offset in (0..length).step_by(97) {
        let damage = |dir: &Path| flip(&files(dir, "wal", "wal")[0], offset);
        check_damage(&format!("log at {offset}"), "wal/", damage, 119);
    }
    let all_gone = |dir: &Path| {
        let path = &files(dir, "wal", "wal")[0];
        fs::write(path, vec![0x5a; 9_000]).unwrap();
    };
    check_damage("a log of noise", "wal/", all_gone, 80);
}

#[test]
fn damage_of_the_other_files_is_found_and_repaired() {
    let cut = |dir: &Path| {
        let path = &files(dir, "blocks", "block")[0];
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    check_damage("half a block", "blocks/", cut, 80);
    check_damage("format", "FORMAT", |dir| flip(&dir.join("FORMAT"), 3), 120);
    let deletion = |dir: &Path| {
        let store = Store::open(dir, options()).unwrap();
        let some = tacho_model::TimeRange::new(at(0), at(10));
        store
            .delete(&[tacho_model::Matcher::metric("a")], some)
            .unwrap();
        drop(store);
        flip(&dir.join("tombstones"), 12);
    };
    check_damage("deletions", "tombstones", deletion, 120);
    for page in 0..4 {
        // The first bytes of each page say what is on it.
        let at = page * 4096 + if page == 0 { 101 } else { 0 };
        let flip = |dir: &Path| flip(&dir.join("state.db"), at);
        check_damage(&format!("page {page} of the state"), "state.db", flip, 120);
    }
}

#[test]
fn a_flipped_bit_inside_a_text_of_a_state_record_is_found() {
    let inside = |dir: &Path| {
        let path = dir.join("state.db");
        let bytes = fs::read(&path).unwrap();
        let text = bytes.windows(64).rposition(|part| part == [b'x'; 64]);
        flip(&path, text.unwrap() + 32);
    };
    check_damage("a text of the state", "state.db", inside, 120);
    // The other versions of the baseline are there, the damaged one is not.
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    inside(dir.path());
    let repaired = repair(dir.path(), |_| ()).unwrap();
    assert!(repaired.lost[0].contains("baseline"), "{repaired:?}");
    let store = Store::open(dir.path(), options()).unwrap();
    let history = store.state().baseline_history("normal").unwrap();
    assert_eq!(history.len(), 2);
    assert!(history.iter().all(|one| one.body == "x".repeat(5_000)));
}

#[test]
fn a_missing_format_file_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    fs::remove_file(dir.path().join("FORMAT")).unwrap();
    assert_eq!(checked(dir.path()).damaged[0].file, "FORMAT");
    assert!(!dir.path().join("FORMAT").exists());
    repair(dir.path(), |_| ()).unwrap();
    assert_eq!(checked(dir.path()).damaged, []);
}

#[test]
fn records_of_a_damaged_state_database_are_saved() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let store = Store::open(dir, options()).unwrap();
    let state = store.state();
    for number in 0..200 {
        state
            .push_annotation(at(number), "deployment", "v2", &"y".repeat(500))
            .unwrap();
        let rule = format!("rule {number}");
        state
            .put_alert_rule(&rule, "p95 > 1s", true, "ann", at(number))
            .unwrap();
    }
    drop(store);
    let bytes = fs::read(dir.join("state.db")).unwrap();
    // A page in the middle of the annotations, all of it.
    let body = "y".repeat(400).into_bytes();
    let pages: Vec<_> = (0..bytes.len() / 4096)
        .filter(|page| {
            bytes[page * 4096..][..4096]
                .windows(400)
                .any(|part| part == body)
        })
        .collect();
    let mut broken = bytes.clone();
    broken[pages[pages.len() / 2] * 4096..][..4096].fill(0xff);
    fs::write(dir.join("state.db"), broken).unwrap();
    assert!(
        checked(dir)
            .damaged
            .iter()
            .all(|entry| entry.file == "state.db")
    );
    let repaired = repair(dir, |_| ()).unwrap();
    assert_eq!(repaired.lost.len(), 1, "{repaired:?}");
    assert!(repaired.lost[0].contains("annotation"), "{repaired:?}");
    assert_eq!(checked(dir).damaged, []);
    let store = Store::open(dir, options()).unwrap();
    let annotations = store
        .state()
        .annotations(tacho_model::TimeRange::ALL, 999)
        .unwrap();
    let saved = annotations.len();
    assert!(
        (180..200).contains(&saved),
        "{saved} of 200, a page holds seven"
    );
    assert_eq!(store.state().alert_rules().unwrap().len(), 200);
    assert!(dir.join("quarantine/state.db").exists());
}
