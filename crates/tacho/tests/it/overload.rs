//! More than the server can do or may do: it says so, keeps what it has promised, and goes on.

use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::remote_write::{WRITE, assert_error, millis, series, snappy, write};
use crate::support::{Home, QUIET, Server, eventually};

/// A whole request.
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A request of `count` series of one metric with one sample at `at` each.
fn many(name: &str, count: usize, at: i64) -> Vec<Vec<u8>> {
    let one = |i: usize| series(&[("__name__", name), ("i", &i.to_string())], at, i as f64);
    (0..count).map(one).collect()
}

/// The head of an answer to a request of remote write.
fn head_of(server: &Server, request: &[Vec<u8>]) -> String {
    let body = snappy(&request.concat());
    let head = format!(
        "POST {WRITE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\
        Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\r\n",
        body.len()
    );
    let answer = server.raw(&[head.as_bytes(), &body].concat());
    answer.to_ascii_lowercase()
}

/// What `/metrics` counts of one name and label.
fn counted(server: &Server, name: &str, label: &str) -> f64 {
    let text = server.get("/metrics").body;
    let mut lines = text.lines();
    let line = lines.find(|line| line.starts_with(name) && line.contains(label));
    line.map_or(0.0, |line| {
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    })
}

#[test]
fn k6_a_query_that_takes_too_long_is_ended_and_said_so() {
    let home = Home::with(&format!("{QUIET}server: {{query_timeout: 1ms}}\n"));
    let server = home.start(&[]);
    assert_eq!(write(&server, &many("many", 50_000, millis())).status, 204);
    let path = "/api/performance/metrics?name=many&limit=10000";
    let wide = server.get(path);
    wide.is_problem(503, "longer than its limit of 1ms");
    wide.is_problem(503, "server.query_timeout");
    server
        .get(&format!("{path}&by=&agg=sum"))
        .is_problem(503, "1ms");
    // A timeout is not an error of the server's: others are served, and nothing is logged.
    assert_eq!(server.get("/healthz").status, 200);
    assert!(!server.log().contains("request failed"), "{}", server.log());
    drop(server);
    home.write("tacho.yaml", QUIET);
    let server = home.start(&[]);
    let found = server.get(path).ok();
    assert_eq!(found["series"].as_array().unwrap().len(), 10_000);
    let sum = server.values(&[("name", "many"), ("by", ""), ("agg", "sum")]);
    assert_eq!(sum, [(0..50_000).map(f64::from).sum::<f64>()]);
}

/// Requests of one known series and many others, each request at its own time.
fn round(number: i64, at: i64) -> Vec<Vec<u8>> {
    let known = series(&[("__name__", "known")], at + number, number as f64);
    let mut request = many("filling", 5_000, at + number);
    request.insert(2_500, known);
    request
}

/// The values of the known series must be those of the rounds that were taken.
fn check_known(server: &Server, taken: i64) {
    let values = server.values(&[("name", "known"), ("window", "1h")]);
    let expected: Vec<f64> = (0..taken).map(|number| number as f64).collect();
    assert_eq!(values, expected);
}

#[test]
fn k9_full_memory_refuses_whole_requests_until_it_is_written_out() {
    let home = Home::with(&format!("{QUIET}storage: {{head_memory: 1MiB}}\n"));
    let server = home.start(&[]);
    let at = millis() - 600_000;
    // Memory cannot be written out while there is no folder for blocks.
    let (blocks, away) = (home.path("data/blocks"), home.path("data/away"));
    std::fs::rename(&blocks, &away).unwrap();
    let refused = (0..1_000).find_map(|number| {
        let answer = write(&server, &round(number, at));
        (answer.status != 204).then_some((number, answer))
    });
    let (taken, answer) = refused.expect("memory is never full");
    assert!(taken > 3, "only {taken} requests fitted");
    assert_error(&answer, 503, "unavailable", "");
    let head = head_of(&server, &round(taken, at));
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(head.contains("\r\nretry-after: 1\r\n"), "{head}");
    // So is JSON, and reading goes on; nothing is there of what was refused.
    let point = json!({"name": "known", "value": 1});
    let answer = server.post("/api/performance/metrics", &point);
    answer.is_problem(429, "");
    check_known(&server, taken);
    let requests = "tacho_receiver_requests_total";
    let of_protocol = "code=\"503\",instance=";
    assert_eq!(counted(&server, requests, of_protocol), 2.0);
    let samples = "tacho_receiver_items_total";
    let kept = counted(
        &server,
        samples,
        "outcome=\"accepted\",protocol=\"remote_write\"",
    );
    assert_eq!(kept, taken as f64 * 5_001.0);

    std::fs::rename(&away, &blocks).unwrap();
    eventually("room in memory", || {
        (write(&server, &round(taken, at)).status == 204).then_some(())
    });
    check_known(&server, taken + 1);
    server.kill();
    let server = home.start(&[]);
    check_known(&server, taken + 1);
}

#[test]
fn k9_new_series_that_come_too_fast_are_taken_when_sent_again() {
    let home = Home::with(&format!("{QUIET}storage: {{series_per_second_max: 400}}\n"));
    let server = home.start(&[]);
    let at = millis();
    let request = many("new", 1_000, at);
    let answer = write(&server, &request);
    assert_error(&answer, 503, "unavailable", "series_rate");
    assert_error(&answer, 503, "unavailable", "were kept");
    let head = head_of(&server, &many("newer", 1_000, at));
    assert!(
        head.starts_with("http/1.1 503") && head.contains("retry-after"),
        "{head}"
    );
    let kept = || server.series(&[("name", "new")]).len();
    let first = kept();
    // At the turn of a second the limit may count anew.
    assert!((400..=800).contains(&first), "{first} series");
    // Repeated as senders do, everything is there once.
    eventually("all of them", || {
        thread::sleep(Duration::from_millis(300));
        (write(&server, &request).status == 204).then_some(())
    });
    assert_eq!(kept(), 1_000);
    let values = server.values(&[("name", "new"), ("by", ""), ("agg", "count")]);
    assert_eq!(values, [1_000.0], "each sample once");
}

/// The limit of open files of a running server, set by the system's `prlimit`.
struct Files {
    pid: String,
    hard: String,
}

impl Files {
    /// `None`, with the reason printed, where there is no such command.
    fn of(server: &Server) -> Option<Self> {
        let pid = server.pid().to_string();
        let mut ask = Command::new("prlimit");
        ask.args([
            "--pid",
            &pid,
            "--nofile",
            "--raw",
            "--noheadings",
            "--output",
            "HARD",
        ]);
        match ask.output() {
            Ok(output) if output.status.success() => {
                let hard = String::from_utf8(output.stdout).unwrap().trim().to_owned();
                Some(Self { pid, hard })
            }
            other => {
                println!("skipped: prlimit does not work here: {other:?}");
                None
            }
        }
    }

    fn set(&self, soft: &str) {
        let limit = format!("--nofile={soft}:{}", self.hard);
        let set = Command::new("prlimit")
            .args(["--pid", &self.pid, &limit])
            .status();
        assert!(set.unwrap().success());
    }

    /// Lets the server open as many files more as these, and no others.
    fn leave(&self, more: usize) {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap();
        let open: Vec<usize> = open
            .map(|entry| {
                entry
                    .unwrap()
                    .file_name()
                    .to_str()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        let free = (0..).filter(|number| !open.contains(number)).nth(more);
        self.set(&free.unwrap().to_string());
    }

    fn raise(&self) {
        self.set(&self.hard);
    }
}

#[test]
fn k2_without_files_to_open_it_says_so_goes_on_and_loses_nothing() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let Some(files) = Files::of(&server) else {
        return;
    };
    let at = millis() - 600_000;
    let mut taken = 0;
    let mut refusals = 0;
    // At each operation of writing out memory that opens a file, there is none left to open.
    for more in (0..6).chain([0]) {
        assert_eq!(write(&server, &round(taken, at)).status, 204);
        taken += 1;
        files.leave(more);
        // What has its files goes on: the log, the blocks that are there, connections.
        assert_eq!(write(&server, &round(taken, at)).status, 204, "{more}");
        taken += 1;
        let flushed = server.post_bytes("/-/flush", b"");
        if flushed.status != 200 {
            flushed.is_problem(503, "too many files are open");
            refusals += 1;
        }
        // What was being flushed has ended its part of the log, and the next needs a file as well.
        let answer = write(&server, &round(taken, at));
        if answer.status == 204 {
            taken += 1;
        } else {
            assert_error(&answer, 503, "unavailable", "too many files are open");
            let health = server.get("/api/performance/health");
            assert!(health.status == 503 && health.body.contains("too many files"));
        }
        check_known(&server, taken);
        let backup = json!({"dir": home.path(&format!("backup{more}"))});
        if more == 0 {
            let answer = server.post("/-/snapshot", &backup);
            assert!(answer.status >= 400, "{answer:?}");
        }
        files.raise();
        let flushed = server.post_bytes("/-/flush", b"");
        assert_eq!(flushed.status, 200, "{more}: {}", flushed.body);
        assert_eq!(write(&server, &round(taken, at)).status, 204, "{more}");
        taken += 1;
        check_known(&server, taken);
        server.get("/api/performance/health").ok();
    }
    assert!(refusals > 2, "{refusals} flushes were refused");
    // A connection that cannot be had yet waits for it.
    files.leave(0);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| server.raw(HEALTH));
        thread::sleep(Duration::from_millis(300));
        check_known(&server, taken);
        files.raise();
        let answer = waiting.join().unwrap();
        assert!(answer.contains("200 OK"), "{answer}");
    });
    let health = server.get("/api/performance/health?verbose=true").ok();
    assert_eq!(health["store"]["set_aside_total"], 0, "{health}");
    server.kill();
    let server = home.start(&[]);
    check_known(&server, taken);
    drop(server);
    home.tacho(&["check", "data", "data"]).exits(0);
}

#[test]
fn k2_a_store_with_more_blocks_than_files_is_refused_whole() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    if Files::of(&server).is_none() {
        return;
    }
    let at = millis() - 600_000;
    assert_eq!(write(&server, &round(0, at)).status, 204);
    assert_eq!(server.post_bytes("/-/flush", b"").status, 200);
    assert!(server.stop().success());
    let start = |files: u32| {
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--nofile={files}:{files}"));
        let tacho = home.command(&["start", "--port", "0", "--data-dir", "data"]);
        limited.arg(tacho.get_program()).args(tacho.get_args());
        limited.current_dir(home.path("")).env_remove("TACHO_LOG");
        limited
    };
    // Too few for the runtime, the store or its state: it ends with the reason, and breaks nothing.
    for files in [12, 14, 16] {
        let ran = start(files).output().unwrap();
        assert_eq!(ran.status.code(), Some(2), "{files}: {ran:?}");
        let said = String::from_utf8(ran.stderr).unwrap();
        assert!(said.contains("error:"), "{files}: {said}");
    }
    let server = Server::spawn(start(64));
    check_known(&server, 1);
    eventually("a warning", || {
        server
            .log()
            .contains("fewer files may be open")
            .then_some(())
    });
}
