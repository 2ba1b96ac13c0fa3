//! A real Prometheus takes what `/metrics` gives.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::prometheus::{Prometheus, there_is};
use crate::support::{Home, Server, eventually};

/// A server with every kind of metric.
fn filled(home: &Home) -> Server {
    let server = home.start(&["--interval", "200ms"]);
    let kinds = [
        "timing",
        "throughput",
        "resource",
        "counter",
        "gauge",
        "histogram",
    ];
    let points: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            let name = match *kind {
                "counter" => "mine_counter_total".to_owned(),
                other => format!("mine_{other}"),
            };
            json!({"name": name, "type": kind, "value": 2.5, "description": "two\nlines, one \"quoted\"",
                "tags": {"odd": "back\\slash \"quote\"\nline"}})
        })
        .collect();
    server.keep(&json!(points));
    // A name that no classic reader knows must not cost it the others.
    server.keep(&json!({"name": "odd name!", "value": 1, "tags": {"odd label": "x"}}));
    eventually("host metrics", || {
        (!server.series(&[("name", "cpu_usage_percent")]).is_empty()).then_some(())
    });
    server
}

/// Lint complains about names that others chose; what does not parse is an error of ours.
#[test]
fn k6_promtool_accepts_the_exposition() {
    if !there_is("promtool") {
        return;
    }
    let home = Home::new();
    let server = filled(&home);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let text = server.raw(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nConnection: close\r\n\r\n");
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("chunked"), "{head}");
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("{said}");
    assert!(!said.contains("error while linting"), "{said}");
    assert_ne!(output.status.code(), Some(1), "{said}");
    // Those of the lines that are about names which nobody else has fixed.
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("tacho_"))
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
}

#[test]
fn k6_a_real_prometheus_scrapes_it_without_a_warning() {
    if !there_is("prometheus") {
        return;
    }
    let home = Home::new();
    let server = filled(&home);
    let prometheus = Prometheus::scraping(&server, &home, "");
    eventually("a scrape", || {
        let up = prometheus.query("up{job=\"tacho\"}")?;
        (up == [1.0]).then_some(())
    });
    let samples = prometheus.query("scrape_samples_scraped").unwrap();
    assert!(samples[0] > 50.0, "{samples:?}");
    for expression in [
        "mine_counter_total",
        "mine_timing{quantile=\"0.5\"}",
        "node_load1",
        "cpu_usage_percent",
    ] {
        let found = eventually(expression, || {
            prometheus
                .query(expression)
                .filter(|found| !found.is_empty())
        });
        println!("{expression} = {found:?}");
    }
    assert_eq!(prometheus.query("mine_counter_total").unwrap(), [2.5]);
    let median = prometheus.query("mine_timing{quantile=\"0.5\"}").unwrap()[0];
    assert!((median / 2.5 - 1.0).abs() < 0.006, "{median}");
    // Again after some scrapes: duplicates and times out of order show only then.
    let scrapes = "count_over_time(up{job=\"tacho\"}[1m])";
    eventually("more scrapes", || {
        (prometheus.query(scrapes)?.first()? >= &3.0).then_some(())
    });
    assert_eq!(prometheus.query("up{job=\"tacho\"}").unwrap(), [1.0]);
    let log = std::fs::read_to_string(&prometheus.log).unwrap();
    let bad: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("level=warn") || line.contains("level=error"))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
