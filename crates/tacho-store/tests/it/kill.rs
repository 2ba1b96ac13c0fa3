//! A process that is killed in the middle of writing loses nothing that was acknowledged.
//!
//! The test runs itself again as the victim: told by an environment variable, it appends batches
//! and prints the number of each one after `append` has returned.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use tacho_model::{Appender, Batch};
use tacho_store::Store;

use crate::support::{at, options, read};

const VICTIM: &str = "TACHO_STORE_KILL_DIR";

/// Not a test of its own: what the killed process runs.
#[test]
fn victim() {
    let Some(dir) = std::env::var_os(VICTIM) else {
        return;
    };
    let store = Store::open(dir.as_ref(), options()).unwrap();
    let start = read(&store, "m0").len() as i64;
    let mut out = std::io::stdout();
    for number in start..start + 500 {
        let mut batch = Batch::new();
        for i in 0..20 {
            let series = batch.series([("__name__", format!("m{i}"))]).unwrap();
            batch.push(series, at(number), number as f64);
        }
        store.append(&batch).unwrap();
        writeln!(out, "acknowledged {number}").unwrap();
        if number % 100 == 99 {
            store.flush().unwrap();
        }
    }
    // The parent kills at a moment of its choosing.
    std::thread::sleep(Duration::from_secs(30));
}

#[test]
fn k2_kill_minus_nine_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = -1;
    for round in 0..6i64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::victim", "--exact", "--nocapture"])
            .env(VICTIM, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let enough = acknowledged + 13 + 17 * round;
        for line in lines {
            let line = line.unwrap();
            let Some((_, number)) = line.split_once("acknowledged ") else {
                continue;
            };
            acknowledged = number.parse().unwrap();
            if acknowledged == enough {
                // SIGKILL, while the child goes on appending.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let store = Store::open(dir.path(), options()).unwrap();
        assert!(acknowledged >= enough);
        for series in 0..20 {
            let samples = read(&store, &format!("m{series}"));
            let times: Vec<_> = samples.iter().map(|(time, _)| *time).collect();
            let whole: Vec<_> = (0..samples.len() as i64).map(at).collect();
            assert_eq!(times, whole, "no gap and nothing twice");
            assert!(
                samples.len() as i64 > acknowledged,
                "round {round}, m{series}"
            );
        }
        assert_eq!(store.stats().quarantined, [], "round {round}");
        acknowledged = read(&store, "m0").len() as i64 - 1;
    }
}
