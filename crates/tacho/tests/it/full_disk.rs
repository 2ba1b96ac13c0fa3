//! A disk that is full under a running server: writers are told to come again, readers notice
//! nothing, and writing goes on by itself once there is room.

use std::path::Path;
use std::process::Command;

use tacho_stats::rng::Rng;

use crate::remote_write::{WRITE, millis, series, snappy, write};
use crate::support::{Answer, Home, QUIET, Server, eventually};

/// A file system in memory, unmounted when dropped.
struct Tmpfs<'a>(&'a Path);

impl<'a> Tmpfs<'a> {
    /// Mounts it; `None`, with the reason printed, where this user may not.
    fn mount(dir: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir(dir).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        match mount.arg(dir).output() {
            Ok(output) if output.status.success() => Some(Self(dir)),
            other => {
                println!("skipped: a tmpfs cannot be mounted here: {other:?}");
                None
            }
        }
    }

    fn grow(&self, size: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}")]);
        assert!(mount.arg(self.0).status().unwrap().success());
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// A request of new series whose labels do not compress.
fn request(number: u64, at: i64) -> Vec<Vec<u8>> {
    let mut random = Rng::new(number);
    let mut text = || {
        let hex = (0..120).map(|_| format!("{:016x}", random.next_u64()));
        hex.collect::<String>()
    };
    let known = series(&[("__name__", "known")], at + number as i64, number as f64);
    let new = (0..100).map(|i| {
        let id = format!("{number}/{i}");
        let labels = [("__name__", "new"), ("id", &id), ("noise", &text())];
        series(&labels, at, number as f64)
    });
    std::iter::once(known)
        .chain(new.collect::<Vec<_>>())
        .collect()
}

/// Sends requests until one is refused; how many were taken, and that answer.
fn fill(server: &Server, from: u64, at: i64) -> (u64, Answer) {
    for number in from..from + 10_000 {
        let answer = write(server, &request(number, at));
        if answer.status != 204 {
            return (number, answer);
        }
    }
    panic!("the disk never filled up");
}

/// The values that are there must be those of all requests that were taken.
fn check(server: &Server, taken: u64) {
    let values = server.values(&[("name", "known"), ("window", "1h")]);
    let expected: Vec<f64> = (0..taken).map(|number| number as f64).collect();
    assert_eq!(values, expected);
}

#[test]
fn k2_a_full_disk_answers_503_serves_reads_and_recovers_by_itself() {
    let home = Home::with(QUIET);
    let dir = home.path("data");
    let Some(disk) = Tmpfs::mount(&dir, "24m") else {
        return;
    };
    let server = home.start(&[]);
    let at = millis() - 60_000;
    let (taken, answer) = fill(&server, 0, at);
    assert!(taken > 3, "only {taken} requests fitted");
    assert_eq!(answer.status, 503, "{answer:?}");
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("no space left"), "{error}");
    // Told when to come again, as the protocol has it.
    let body = snappy(&request(taken, at).concat());
    let head = format!(
        "POST {WRITE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\
        Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\r\n",
        body.len()
    );
    let raw = server.raw(&[head.as_bytes(), &body].concat());
    assert!(raw.starts_with("HTTP/1.1 503"), "{raw}");
    assert!(
        raw.to_ascii_lowercase().contains("\r\nretry-after: 1\r\n"),
        "{raw}"
    );
    check(&server, taken);
    // Final form cannot be made either, which is said and costs nothing.
    let flushed = server.post_bytes("/-/flush", b"");
    assert_eq!(flushed.status, 503, "{flushed:?}");
    check(&server, taken);

    disk.grow("96m");
    let answer = eventually("writes after there was room", || {
        let answer = write(&server, &request(taken, at));
        (answer.status == 204).then_some(answer)
    });
    assert_eq!(answer.body, "");
    check(&server, taken + 1);
    assert_eq!(server.post_bytes("/-/flush", b"").status, 200);
    check(&server, taken + 1);
    server.kill();
    let server = home.start(&[]);
    check(&server, taken + 1);
    drop(server);
}
