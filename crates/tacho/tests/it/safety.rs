//! Backing up, restoring, checking and repairing, as an operator does it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::support::{Home, QUIET, Server, eventually, now};

const BASELINES: &str = "/api/performance/baselines";

/// A server on another folder of this home.
fn start_on(home: &Home, dir: &str) -> Server {
    Server::spawn(home.command(&["start", "--port", "0", "--data-dir", dir]))
}

fn values(server: &Server, name: &str) -> Vec<u64> {
    let from = (now() - 300.0).to_string();
    let series = server.series(&[("name", name), ("from", &from)]);
    let points = series.first().and_then(|one| one["points"].as_array());
    let points = points.into_iter().flatten();
    points
        .map(|point| point[1].as_f64().unwrap() as u64)
        .collect()
}

#[test]
fn k2_a_snapshot_while_a_client_writes_restores_all_that_was_acknowledged() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let t = now().floor();
    let steady: Vec<Value> = (0..60)
        .map(|i| json!({"name": "steady", "value": i % 3, "timestamp": t - 60.0 + f64::from(i)}))
        .collect();
    server.keep(&json!(steady));
    let body = json!({"name": "b", "window": "2m", "match": ["steady"]});
    assert_eq!(server.post(BASELINES, &body).status, 201);
    server.post("/-/flush", &Value::Null).ok();

    let acknowledged = AtomicU64::new(0);
    let stop = AtomicU64::new(0);
    let (before, made) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = 0;
            while stop.load(Ordering::Relaxed) == 0 {
                // Whole milliseconds, so that no two have the same time.
                let time = t + next as f64 / 1000.0;
                server.keep(&json!({"name": "fed", "value": next, "timestamp": time}));
                next += 1;
                acknowledged.store(next, Ordering::SeqCst);
            }
        });
        eventually("some acknowledged points", || {
            (acknowledged.load(Ordering::SeqCst) > 100).then_some(())
        });
        let before = acknowledged.load(Ordering::SeqCst);
        let made = server.tacho(&home, &["export", "--snapshot", "copy", "--format", "json"]);
        eventually("points after the snapshot", || {
            (acknowledged.load(Ordering::SeqCst) > before + 50).then_some(())
        });
        stop.store(1, Ordering::Relaxed);
        (before, made.exits(0).json())
    });
    assert_eq!(made["blocks"], 1, "{made:#}");
    assert!(
        made["bytes_copied"].as_u64() < made["bytes"].as_u64(),
        "{made:#}"
    );
    assert_eq!(
        made["dir"],
        json!(home.path("copy")),
        "relative to who asked"
    );

    let report = home
        .tacho(&["check", "data", "copy", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(report["clean"], true, "{report:#}");
    // Restored beside the original, which goes on.
    let restored = start_on(&home, "copy");
    let held = values(&restored, "fed");
    assert!(held.len() as u64 >= before, "{} of {before}", held.len());
    assert!(
        held.iter().copied().eq(0..held.len() as u64),
        "without a gap"
    );
    assert_eq!(values(&restored, "steady").len(), 60);
    let path = format!("{BASELINES}/b");
    assert_eq!(restored.get(&path).ok(), server.get(&path).ok());
    restored.keep(&json!({"name": "fed", "value": 1_000_000}));
    restored.post("/-/flush", &Value::Null).ok();
    assert!(
        !values(&server, "fed").contains(&1_000_000),
        "they share no future"
    );
    assert!(values(&restored, "fed").contains(&1_000_000));
}

#[test]
fn k2_a_snapshot_without_a_server_and_the_ways_it_is_refused() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    server.keep(&json!({"name": "depth", "value": 7}));
    let taken = server
        .tacho(&home, &["export", "--snapshot", "one"])
        .exits(0);
    assert!(taken.out.contains("one is complete"), "{}", taken.out);
    let again = server.tacho(&home, &["export", "--snapshot", "one"]);
    again.exits(2).complains(&["one", "exists already"]);
    let nowhere = server.tacho(&home, &["export", "--snapshot", "no/such/place"]);
    nowhere
        .exits(2)
        .complains(&["cannot create", "no/such/place"]);
    let call = |body: &Value| server.post("/-/snapshot", body);
    call(&json!({"dir": "relative"})).is_problem(400, "absolute");
    call(&json!({"dir": "/x", "more": 1})).is_problem(400, "more");
    call(&json!({})).is_problem(400, "dir");
    server.get("/-/snapshot").is_problem(405, "GET");
    assert!(server.stop().success());

    let offline = [
        "export",
        "--snapshot",
        "two",
        "--data-dir",
        "data",
        "--format",
        "csv",
    ];
    let table = home.tacho(&offline).exits(0).out;
    assert!(
        table.starts_with("dir,blocks,segments,bytes,bytes_copied\n"),
        "{table}"
    );
    for copy in ["one", "two"] {
        let query = home.tacho(&["query", "depth", "--data-dir", copy, "--format", "csv"]);
        let out = query.exits(0).out;
        assert!(out.contains(",7"), "{copy}: {out}");
    }
}

/// A folder with a block, a log and state records, left by a server that was stopped.
fn damaged_home() -> Home {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let t = now().floor();
    for round in 0..3 {
        let points: Vec<Value> = (0..50)
            .map(|i| json!({"name": "depth", "value": i, "timestamp": t - f64::from(i + round * 60)}))
            .collect();
        server.keep(&json!(points));
        if round < 2 {
            server.post("/-/flush", &Value::Null).ok();
        }
    }
    let body = json!({"name": "b", "window": "5m", "match": ["depth"]});
    assert_eq!(server.post(BASELINES, &body).status, 201);
    assert!(server.stop().success());
    home
}

fn first(home: &Home, folder: &str, extension: &str) -> PathBuf {
    let entries = std::fs::read_dir(home.path(folder)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|held| held == extension));
    paths.sort();
    paths.swap_remove(0)
}

fn flip(path: &Path, offset: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[offset] ^= 0x20;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn k2_check_data_finds_a_flipped_bit_in_each_kind_of_file_and_repairs_it() {
    let check = ["check", "data", "data", "--format", "json"];
    let repair = ["check", "data", "data", "--repair", "--format", "json"];
    let kinds = [
        // The one page of the only block, or the one batch of the log, may be what is hit.
        ("data/blocks", "block", 60, "blocks/", 50),
        ("data/wal", "wal", 60, "wal/", 100),
        ("data", "db", 101, "state.db", 150),
        ("data", "", 2, "FORMAT", 150),
    ];
    for (folder, extension, offset, file, samples_min) in kinds {
        let home = damaged_home();
        let clean = home.tacho(&check).exits(0).json();
        assert_eq!(
            (&clean["clean"], &clean["damaged"]),
            (&json!(true), &json!([])),
            "{clean:#}"
        );
        let path = match file {
            "FORMAT" => home.path("data/FORMAT"),
            _ => first(&home, folder, extension),
        };
        flip(&path, offset);
        let found = home.tacho(&check).exits(1).json();
        let damaged = found["damaged"].as_array().unwrap();
        assert!(!damaged.is_empty(), "{file}");
        for entry in damaged {
            assert!(
                entry["file"].as_str().unwrap().starts_with(file),
                "{entry:#}"
            );
            assert!(
                entry["offset"].is_u64() && entry["reason"].is_string(),
                "{entry:#}"
            );
        }
        let people = home.tacho(&["check", "data", "data"]).exits(1).out;
        assert!(
            people.contains("is damaged") && people.contains("--repair"),
            "{people}"
        );
        let repaired = home.tacho(&repair).exits(1).json();
        assert_eq!(repaired["damaged"], found["damaged"]);
        assert!(
            file == "FORMAT" || repaired["lost"][0].is_string(),
            "{repaired:#}"
        );
        let after = home.tacho(&check).exits(0).json();
        assert_eq!(after["clean"], true, "{after:#}");
        assert!(after["quarantined"].as_u64() > Some(0), "{after:#}");
        // And it serves.
        let server = home.start(&[]);
        let held = values(&server, "depth").len();
        assert!(held >= samples_min, "{file}: {held} samples");
        server.keep(&json!({"name": "depth", "value": 1}));
    }
}

#[test]
fn k2_check_data_says_when_it_cannot_check() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let pid = server.pid().to_string();
    let held = home.tacho(&["check", "data", "data"]);
    held.exits(2).complains(&["in use", &pid]);
    let missing = home.tacho(&["check", "data", "nothing", "--repair"]);
    missing.exits(2).complains(&["nothing", "holds no data"]);
    assert!(!home.path("nothing").exists());
}
