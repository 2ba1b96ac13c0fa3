//! `FastAPI` under the load of wrk, instrumented by both conventions, against what wrk counted and
//! what the service measured of itself.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::python::{Serving, file, interpreter};
use crate::support::{Home, QUIET, Server, eventually, signal};

/// Threads of wrk, each with one connection.
const THREADS: usize = 16;
/// Requests of each.
const REQUESTS: usize = 60;

/// What wrk counted: all requests, and how many had a status.
struct Counted {
    line: String,
}

impl Counted {
    fn all(&self) -> f64 {
        let all = self.line.split(' ').nth(1).unwrap();
        all.parse().unwrap()
    }

    fn of(&self, status: &str) -> f64 {
        let found = self
            .line
            .split(' ')
            .find_map(|word| word.strip_prefix(&format!("{status}=")));
        found.map_or(0.0, |count| count.parse().unwrap())
    }
}

/// The service as the server tells it, once it tells of all requests.
fn service(server: &Server) -> Value {
    eventually("all requests", || {
        let answer = server.get("/api/performance/services/shop?window=5m");
        let body = (answer.status == 200).then(|| answer.json())?;
        let count = body["stats"]["count"].as_f64()?;
        (count >= (THREADS * REQUESTS) as f64).then_some(body)
    })
}

/// Runs the service under load; what wrk counted, how many seconds each request of `/items/{id}`
/// took by the service's own clock, in order, and what the server tells.
fn load(signal_kind: &str, conventions: &str) -> Option<(Counted, Vec<f64>, Value)> {
    let mut command = interpreter()?;
    if Command::new("wrk").arg("-v").output().is_err() {
        println!("skipped: no wrk (Debian package: wrk)");
        return None;
    }
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let durations = home.path("durations");
    command
        .arg(file("fastapi_service.py"))
        .arg(signal_kind)
        .arg(&durations);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", server.url());
    command.env("OTEL_SEMCONV_STABILITY_OPT_IN", conventions);
    command.env("OTEL_BSP_SCHEDULE_DELAY", "500");
    let (serving, address) = Serving::start(command);

    let connections = THREADS.to_string();
    let mut wrk = Command::new("wrk");
    wrk.args(["-t", &connections, "-c", &connections, "-d", "60", "-s"]);
    wrk.arg(file("count.lua"))
        .args([&address, "--", &REQUESTS.to_string()]);
    let wrk = wrk.stdout(Stdio::piped()).spawn().unwrap();
    service(&server);
    // Its threads are done; it would only wait for its time to pass.
    signal("INT", wrk.id());
    let out = String::from_utf8(wrk.wait_with_output().unwrap().stdout).unwrap();
    let line = out.lines().find(|line| line.starts_with("counted "));
    let counted = Counted {
        line: line.expect(&out).to_owned(),
    };
    serving.end();

    let measured = std::fs::read_to_string(durations).unwrap();
    let mut measured: Vec<f64> = measured.lines().map(|line| line.parse().unwrap()).collect();
    measured.sort_by(f64::total_cmp);
    Some((counted, measured, service(&server)))
}

/// The endpoint of a service that has this name.
#[track_caller]
fn endpoint<'a>(service: &'a Value, name: &str) -> &'a Value {
    let endpoints = service["endpoints"].as_array().unwrap();
    let found = endpoints.iter().find(|endpoint| endpoint["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {endpoints:#?}"))
}

/// The values of those that are sorted, between which a quantile lies however ranks are counted.
fn around(sorted: &[f64], quantile: f64) -> [f64; 2] {
    let rank = (quantile * sorted.len() as f64) as usize;
    [
        sorted[rank.saturating_sub(1)],
        sorted[(rank + 1).min(sorted.len() - 1)],
    ]
}

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// Every request of wrk is counted once, with its status and under its route.
fn counts(counted: &Counted, measured: &[f64], service: &Value) {
    assert_eq!(
        service["stats"]["count"].as_f64(),
        Some(counted.all()),
        "{}",
        counted.line
    );
    assert_eq!(service["stats"]["errors"].as_f64(), Some(counted.of("500")));
    let items = endpoint(service, "GET /items/{id}");
    assert_eq!(items["stats"]["count"].as_f64(), Some(counted.of("200")));
    assert_eq!(items["statuses"]["200"].as_f64(), Some(counted.of("200")));
    assert_eq!(measured.len() as f64, counted.of("200"));
    let fails = endpoint(service, "GET /fails");
    assert_eq!(fails["stats"]["errors"].as_f64(), Some(counted.of("500")));
    // Addresses that nobody knows are one, not one each.
    let endpoints = service["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 3, "{endpoints:#?}");
}

fn spans(conventions: &str) {
    let Some((counted, measured, service)) = load("traces", conventions) else {
        return;
    };
    counts(&counted, &measured, &service);
    let stats = &endpoint(&service, "GET /items/{id}")["stats"];
    assert_eq!(stats["source"], "spans");
    for (name, quantile) in QUANTILES {
        let told = stats[name].as_f64().unwrap();
        let [low, high] = around(&measured, quantile);
        println!("{name} {told:.6} s, by the service itself {low:.6} to {high:.6} s");
        assert!(
            told > low * 0.99 && told < high * 1.01,
            "{name}: {told} {low} {high}"
        );
    }
}

#[test]
fn w1_fastapi_under_wrk_by_the_old_conventions() {
    spans("");
}

#[test]
fn w1_fastapi_under_wrk_by_the_new_conventions() {
    spans("http");
}

fn metrics(conventions: &str) {
    let Some((counted, measured, service)) = load("metrics", conventions) else {
        return;
    };
    counts(&counted, &measured, &service);
    let stats = &endpoint(&service, "GET /items/{id}")["stats"];
    assert_eq!(stats["source"], "buckets");
    for (name, quantile) in QUANTILES {
        let told = stats[name].as_f64().unwrap();
        let [low, high] = around(&measured, quantile);
        let bound = |side: usize| stats["bounds"][name][side].as_f64().unwrap();
        let (begin, end) = (bound(0), bound(1));
        println!("{name} {told:.6} s, from {begin} to {end} s, by the service itself {low:.6} s");
        assert!((begin..=end).contains(&told), "{name}: {stats:#}");
        // The service's own clock runs just inside of the instrumentation's.
        assert!(
            begin < high * 1.01 && end > low * 0.99,
            "{name} {low} {high}: {stats:#}"
        );
    }
}

#[test]
fn w1_fastapi_that_sends_metrics_only_by_the_old_conventions() {
    metrics("");
}

#[test]
fn w1_fastapi_that_sends_metrics_only_by_the_new_conventions() {
    metrics("http");
}
