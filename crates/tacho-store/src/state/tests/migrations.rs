//! Databases of every older version, made by exactly that version's statements.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::state::schema::{MIGRATIONS, migrate, version};

/// Records as each version could hold them first, in that version's columns.
const RECORDS: [&str; 8] = [
    "INSERT INTO baseline VALUES ('b', 1, 7, 1, NULL, 5, 6, '{}');
     INSERT INTO alert_event VALUES (3, 'r', 's', 'firing', 'info', 1.5, NULL, 4, NULL, 'm', '{}');
     INSERT INTO annotation VALUES (5, 6, 'deployment', 'v2', '{}');
     INSERT INTO report VALUES (7, 8, 'html', '<p>');",
    "INSERT INTO benchmark VALUES ('spring', 1, 2, 3, '{}');
     INSERT INTO benchmark_service VALUES ('spring', 'shop');
     INSERT INTO benchmark_comparison VALUES (1, 'spring', 4, 5, 6, 'stable', '[]');",
    "INSERT INTO experiment VALUES ('cache', 'running', 1, 2, '{}');
     INSERT INTO experiment_transition VALUES (1, 'cache', 1, 'draft', 'created');
     INSERT INTO experiment_transition VALUES (2, 'cache', 2, 'running', 'go');",
    "INSERT INTO alert_rule VALUES ('slow', 1, 2, 'ann', 'created', 1, 'p95 > 1s');",
    "INSERT INTO silence VALUES (9, '{}', 1, 5, 'ann', '', 1, 3, 'bob');",
    "",
    "INSERT INTO token VALUES (4, 'ann', zeroblob(32), 'tacho_ab', 'read', 5, 6, 7, NULL);",
    "INSERT INTO rule_group VALUES ('g', 1, '{}');
     INSERT INTO rule_group_slot VALUES ('api;g', 5);",
];

/// A database of version `older` with records in it, left in write-ahead log mode.
fn make(path: &Path, older: usize) -> Connection {
    let mut connection = Connection::open(path).unwrap();
    let mode = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;";
    connection.execute_batch(mode).unwrap();
    migrate(&mut connection, &MIGRATIONS[..older]).unwrap();
    for records in &RECORDS[..older] {
        connection.execute_batch(records).unwrap();
    }
    connection
}

/// Every record that version `older` could hold is there, and those of newer versions can be.
fn verify(state: &State, older: usize) {
    let newest = MIGRATIONS.len();
    assert_eq!(version(&state.writer.lock()).unwrap(), newest as i64);
    let held = |since: usize| usize::from(older >= since);
    assert_eq!(state.baselines().unwrap().len(), held(1));
    let events = state.open_alert_events().unwrap();
    let found: Vec<_> = events.iter().map(|e| (e.id, e.value)).collect();
    assert_eq!(found, [(3, Some(1.5))][..held(1)]);
    assert_eq!(state.annotations(TimeRange::ALL, 9).unwrap().len(), held(1));
    assert_eq!(state.report(7).unwrap().is_some(), older >= 1);
    let services: Vec<_> = state
        .benchmarks(None)
        .unwrap()
        .into_iter()
        .map(|b| b.services)
        .collect();
    assert_eq!(services, [vec!["shop".to_owned()]][..held(2)]);
    assert_eq!(
        state.benchmark_comparisons("spring", 9).unwrap().len(),
        held(2)
    );
    let running = state.experiments(Some(ExperimentState::Running)).unwrap();
    assert_eq!(running.len(), held(3));
    assert_eq!(
        state.experiment_transitions("cache").unwrap().len(),
        2 * held(3)
    );
    let rules: Vec<_> = state
        .alert_rules()
        .unwrap()
        .into_iter()
        .map(|r| r.definition)
        .collect();
    assert_eq!(rules, ["p95 > 1s"][..held(4)]);
    let silence = state.silence(9).unwrap();
    let ended = silence.and_then(|silence| silence.ended_by);
    assert_eq!(ended.as_deref(), (older >= 5).then_some("bob"));

    let tokens = state.tokens().unwrap();
    let used: Vec<_> = tokens.iter().map(|token| token.last_used_at).collect();
    assert_eq!(used, [Some(Timestamp::from_nanos(7))][..held(7)]);
    assert_eq!(state.rule_groups().unwrap().len(), held(8));
    let slot = ("api;g".to_owned(), Timestamp::from_nanos(5));
    assert_eq!(state.rule_slots().unwrap(), [slot][..held(8)]);

    // What was there before has checksums now.
    let connection = state.writer.lock();
    for table in checksums::tables(&connection).unwrap() {
        assert_eq!(table.damaged(&connection).unwrap(), 0, "{}", table.name);
    }
    drop(connection);
    state.put_baseline("b", at(1), window(0, 1), "{}").unwrap();
    state.create_benchmark(&benchmark("new", &[])).unwrap();
    state.create_experiment("new", at(1), "{}").unwrap();
    state.put_alert_rule("new", "", true, "", at(1)).unwrap();
}

#[test]
fn every_older_schema_is_brought_up_to_date_with_its_records() {
    assert_eq!(
        RECORDS.len(),
        MIGRATIONS.len(),
        "a new version brings its records here"
    );
    let dir = tempfile::tempdir().unwrap();
    for older in 0..=MIGRATIONS.len() {
        let path = dir.path().join(format!("{older}.db"));
        drop(make(&path, older));
        verify(&State::open(&path).unwrap(), older);
    }
}

#[test]
fn a_newer_schema_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let connection = make(&path, MIGRATIONS.len());
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = fs::read(&path).unwrap();
    for opened in [State::open(&path), State::open_read_only(&path)] {
        let error = opened.err().unwrap();
        let newer = matches!(
            error,
            StoreError::NewerFormat {
                found: 99,
                supported: 8,
                ..
            }
        );
        assert!(newer, "{error}");
        assert!(error.to_string().contains("state.db"), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before, "it is left alone");
}

#[test]
fn a_migration_that_fails_half_way_leaves_the_version_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let mut connection = make(&path, 1);
    let scripts = [
        MIGRATIONS[0],
        "CREATE TABLE half (x); CREATE TABLE baseline (y);",
    ];
    assert!(migrate(&mut connection, &scripts).is_err());
    assert_eq!(version(&connection).unwrap(), 1);
    assert!(connection.prepare("SELECT * FROM half").is_err());
    drop(connection);
    verify(&State::open(&path).unwrap(), 1);
}

/// The process dies at every point of migrating: whatever part of the log reached the disk.
#[test]
fn a_migration_that_is_cut_off_leaves_a_whole_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    drop(make(&path, 1));
    let mut connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "wal_autocheckpoint", 0)
        .unwrap();
    migrate(&mut connection, &MIGRATIONS).unwrap();
    let before = fs::read(&path).unwrap();
    let log = fs::read(dir.path().join("state.db-wal")).unwrap();
    drop(connection);
    let mut seen = std::collections::BTreeSet::new();
    // A frame is a page of 4096 bytes and 24 more: cut at frames and within them.
    for end in (0..=log.len()).step_by(2060).chain([log.len()]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        fs::write(&path, &before).unwrap();
        fs::write(dir.path().join("state.db-wal"), &log[..end]).unwrap();
        let connection = Connection::open(&path).unwrap();
        let found = version(&connection).unwrap();
        seen.insert(found);
        for (number, table) in [
            (2, "benchmark"),
            (3, "experiment"),
            (5, "silence"),
            (7, "token"),
            (8, "rule_group"),
        ] {
            let there = connection
                .prepare(&format!("SELECT * FROM {table}"))
                .is_ok();
            assert_eq!(there, found >= number, "version {found} and table {table}");
        }
        drop(connection);
        verify(&State::open(&path).unwrap(), 1);
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8]
    );
}
