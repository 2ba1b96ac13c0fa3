//! Forwarding: what one server keeps arrives at the next, whichever of them dies on the way.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;

use crate::remote_write::{WRITE, millis, put, series, varint, write};
use crate::support::prometheus::{Prometheus, there_is};
use crate::support::{Home, QUIET, Server, eventually};

/// An address that nothing listens on.
pub(crate) fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// A configuration that forwards there.
pub(crate) fn forwarding_to(url: &str, more: &str) -> String {
    format!("{QUIET}forward:\n  - url: http://{url}\n    name: central\n{more}")
}

pub(crate) fn listen(home: &Home, address: &str) -> Server {
    Server::spawn(home.command(&["start", "--listen", address, "--data-dir", "data"]))
}

/// The value of one of the server's own series.
pub(crate) fn figure(server: &Server, start: &str) -> Option<f64> {
    let text = server.get("/metrics").body;
    let line = text.lines().find(|line| line.starts_with(start))?;
    line.rsplit(' ').next()?.parse().ok()
}

pub(crate) fn pending(server: &Server) -> Option<f64> {
    figure(server, "tacho_forward_pending_items{")
}

/// A series of an exemplar alone, as Prometheus sends them.
fn exemplar(at: i64) -> Vec<u8> {
    let label = |name: &[u8], value: &[u8]| {
        let (mut pair, mut field) = (Vec::new(), Vec::new());
        put(1, name, &mut pair);
        put(2, value, &mut pair);
        put(1, &pair, &mut field);
        field
    };
    let mut exemplar = label(b"trace_id", b"0af7651916cd43dd8448eb211c80319c");
    exemplar.push(0x11);
    exemplar.extend_from_slice(&0.5f64.to_le_bytes());
    exemplar.push(0x18);
    varint(at as u64, &mut exemplar);
    let mut series = [label(b"__name__", b"fed"), label(b"n", b"0")].concat();
    put(3, &exemplar, &mut series);
    let mut out = Vec::new();
    put(1, &series, &mut out);
    out
}

/// All points of a metric, by label `n`: how many, and what they add up to.
fn held(server: &Server, name: &str) -> (usize, f64) {
    let found = server.series(&[("name", name), ("window", "1h")]);
    let (mut count, mut sum) = (0, 0.0);
    for one in found {
        for point in one["points"].as_array().unwrap() {
            count += 1;
            sum += point[1].as_f64().unwrap();
        }
    }
    (count, sum)
}

/// Sends one sample of each of ten series, `round` by `round`.
fn feed(server: &Server, start: i64, rounds: std::ops::Range<i64>) {
    for round in rounds {
        let all: Vec<Vec<u8>> = (0..10)
            .map(|n| {
                let n = n.to_string();
                let labels = [("__name__", "fed"), ("n", n.as_str())];
                series(&labels, start + round, round as f64)
            })
            .collect();
        assert_eq!(write(server, &all).status, 204);
    }
}

fn sum(rounds: i64) -> (usize, f64) {
    (
        10 * rounds as usize,
        (10 * rounds * (rounds - 1) / 2) as f64,
    )
}

#[test]
fn w6_nothing_is_lost_and_nothing_doubled_when_either_end_is_killed() {
    let (edge_home, central_home) = (Home::new(), Home::with(QUIET));
    let address = free_address();
    edge_home.write(
        "tacho.yaml",
        &forwarding_to(&address, "    labels: {region: eu}\n"),
    );
    let central = listen(&central_home, &address);
    let edge = edge_home.start(&[]);
    let start = millis() - 60_000;
    feed(&edge, start, 0..20);
    eventually("the first samples", || {
        (held(&central, "fed") == sum(20)).then_some(())
    });
    // The receiver dies while samples come; they wait.
    central.kill();
    feed(&edge, start, 20..60);
    eventually("an attempt", || {
        (figure(&edge, "tacho_forward_retries_total{")? > 0.0).then_some(())
    });
    assert!(pending(&edge).unwrap() >= 400.0);
    // So does the sender, with all of it on its queue, and the samples that it took are there.
    edge.kill();
    let edge = edge_home.start(&[]);
    feed(&edge, start, 60..80);
    assert_eq!(held(&edge, "fed"), sum(80));
    assert!(pending(&edge).unwrap() >= 600.0, "{:?}", pending(&edge));
    let central = listen(&central_home, &address);
    eventually("everything", || {
        (held(&central, "fed") == sum(80)).then_some(())
    });
    eventually("an empty queue", || (pending(&edge)? == 0.0).then_some(()));
    assert_eq!(held(&central, "fed"), sum(80), "and not one more");
    let found = central.series(&[("name", "fed")]);
    assert!(
        found.iter().all(|one| one["labels"]["region"] == "eu"),
        "{found:?}"
    );
    assert_eq!(figure(&edge, "tacho_forward_dropped_items_total{"), None);
    // The receiver killed again and again while samples come.
    let mut central = central;
    for round in 0..3 {
        let first = 80 + round * 10;
        feed(&edge, start, first..first + 5);
        central.kill();
        feed(&edge, start, first + 5..first + 10);
        central = listen(&central_home, &address);
    }
    eventually("everything again", || {
        (held(&central, "fed") == sum(110)).then_some(())
    });
    eventually("an empty queue", || (pending(&edge)? == 0.0).then_some(()));
    assert_eq!(held(&central, "fed"), sum(110));
}

/// A request of two log records: an ordinary one and a secret.
fn logs(second: u64) -> String {
    let record = |severity: u8, body: &str| {
        json!({"timeUnixNano": (second * 1_000_000_000).to_string(), "severityNumber": severity,
            "body": {"stringValue": body}})
    };
    let name = json!({"key": "service.name", "value": {"stringValue": "shop"}});
    json!({"resourceLogs": [{"resource": {"attributes": [name]},
        "scopeLogs": [{"logRecords": [record(17, "broken"), record(9, "password=hunter2")]}]}]})
    .to_string()
}

#[test]
fn w6_logs_go_on_filtered_and_are_counted_once() {
    let (edge_home, central_home) = (Home::new(), Home::with(QUIET));
    let address = free_address();
    let filter = "filters:\n  - {signal: logs, severity_below: error, action: drop}\n\
                  ingest: {event_severity: info}\n";
    edge_home.write("tacho.yaml", &forwarding_to(&address, filter));
    let central = listen(&central_home, &address);
    let edge = edge_home.start(&[]);
    let now = millis() as u64 / 1000;
    for round in 0..5 {
        let body = logs(now - 60 + round);
        let answer = edge.send("/v1/logs", "application/json", "", body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let count = |server: &Server| {
        let values = server.values(&[("name", "log_record_count_total"), ("agg", "last")]);
        values.last().copied()
    };
    eventually("all that was sent", || {
        let sent = figure(
            &edge,
            "tacho_forward_sent_items_total{destination=\"central\"",
        )?;
        let events = central.get("/api/performance/events").ok();
        let is_there = events["events"].as_array()?.len() == 5;
        (is_there && sent > 0.0 && count(&central) == Some(5.0)).then_some(())
    });
    let events = central.get("/api/performance/events").body;
    assert!(
        events.contains("broken") && !events.contains("hunter2"),
        "{events}"
    );
    // One writer a series: it only rises, and by what was counted.
    let series = central.series(&[("name", "log_record_count_total"), ("window", "1h")]);
    assert_eq!(series.len(), 1, "{series:?}");
    let points = series[0]["points"].as_array().unwrap();
    let values: Vec<f64> = points
        .iter()
        .filter_map(|point| point[1].as_f64())
        .collect();
    assert!(
        values.is_sorted() && values.last() == Some(&5.0),
        "{values:?}"
    );
}

#[test]
fn w6_a_real_prometheus_takes_what_is_forwarded() {
    if !there_is("prometheus") {
        return;
    }
    let (home, other) = (Home::new(), Home::with(QUIET));
    // Something for it to scrape, so that it starts as in the other tests.
    let scraped = other.start(&[]);
    // It passes on what it gets, distributions and exemplars too.
    let last_home = Home::with(QUIET);
    let last = last_home.start(&[]);
    let further = format!(
        "remote_write:\n  - url: http://{}{WRITE}\n    send_exemplars: true\n    \
         send_native_histograms: true\n    queue_config: {{batch_send_deadline: 500ms}}\n",
        last.address()
    );
    let prometheus = Prometheus::receiving(&scraped, &home, &further);
    let (_, address) = prometheus.url().split_once("//").unwrap();
    let url = format!("{address}/api/v1/write");
    let edge_home = Home::with(&forwarding_to(
        &url,
        "    match: ['fed', '{job=\"kept\"}']\n",
    ));
    let edge = edge_home.start(&[]);
    let start = millis() - 60_000;
    feed(&edge, start, 0..30);
    assert_eq!(write(&edge, &[exemplar(start + 29)]).status, 204);
    edge.keep(&json!([
        {"name": "took", "type": "timing", "value": 0.25, "tags": {"job": "kept"}},
        {"name": "took", "type": "timing", "value": 0.25, "tags": {"job": "other"}}
    ]));
    let count = "sum(count_over_time(fed[1h]))";
    eventually("all samples", || {
        (prometheus.query(count)? == [300.0]).then_some(())
    });
    assert_eq!(
        prometheus.query("sum(sum_over_time(fed[1h]))").unwrap(),
        [4350.0]
    );
    eventually("the distribution", || {
        (prometheus.query("histogram_count(took{job=\"kept\"})")? == [1.0]).then_some(())
    });
    assert!(
        prometheus
            .query("histogram_count(took{job=\"other\"})")
            .unwrap()
            .is_empty()
    );
    eventually("the distribution at the end", || {
        let found = last.series(&[("name", "took"), ("agg", "count"), ("window", "1h")]);
        (found.first()?["points"][0][1] == 1.0).then_some(())
    });
    eventually("the exemplar at the end", || {
        let text = last.get("/metrics").body;
        let mut lines = text
            .lines()
            .filter(|line| line.contains("signal=\"exemplars\""));
        lines.any(|line| line.ends_with("} 1")).then_some(())
    });
    // A crash here means that some of it is sent again: Prometheus refuses what it has, and takes
    // what comes after.
    edge.kill();
    std::fs::remove_file(edge_home.path("data/forward/central/cursor")).unwrap();
    let edge = edge_home.start(&[]);
    feed(&edge, start, 30..40);
    eventually("the rest", || {
        (prometheus.query(count)? == [400.0]).then_some(())
    });
    eventually("an empty queue", || (pending(&edge)? == 0.0).then_some(()));
    assert_eq!(prometheus.query(count).unwrap(), [400.0]);
    let log = edge.log();
    assert!(log.contains("remote write 2.0 is not taken"), "{log}");
}

#[test]
fn w6_what_is_wrong_with_forwarding_is_said() {
    // To itself.
    let home = Home::new();
    let address = free_address();
    home.write("tacho.yaml", &forwarding_to(&address, ""));
    home.tacho(&["start", "--listen", &address, "--data-dir", "data"])
        .exits(2)
        .complains(&["would send to this server itself", "central"]);
    // In the configuration.
    home.write("tacho.yaml", "forward:\n  - {url: central, queue: 1GiB}\n");
    home.tacho(&["check", "config"])
        .exits(2)
        .complains(&["queue", "line 2"]);
    // A queue that is full loses its oldest and counts it; the receiving side is none the worse.
    home.write(
        "tacho.yaml",
        &forwarding_to(&free_address(), "    queue_size: 1MiB\n"),
    );
    let server = home.start(&[]);
    let start = millis() - 600_000;
    for round in 0..100 {
        let all: Vec<Vec<u8>> = (0..2000)
            .map(|number: u64| {
                let n = number.to_string();
                let labels = [("__name__", "many"), ("n", n.as_str())];
                // What does not compress.
                let bits = (round as u64 * 2000 + number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                series(&labels, start + round, f64::from_bits(bits >> 2))
            })
            .collect();
        assert_eq!(write(&server, &all).status, 204);
    }
    let lost = eventually("an overflow", || {
        figure(&server, "tacho_forward_dropped_items_total{")
    });
    let waiting = pending(&server).unwrap();
    assert_eq!(lost + waiting, 200_000.0);
    assert!(figure(&server, "tacho_forward_pending_bytes{").unwrap() <= f64::from(1 << 20));
    eventually("a word on it", || {
        server.log().contains("forwarding waits").then_some(())
    });
    let begin = std::time::Instant::now();
    assert!(server.stop().success());
    assert!(begin.elapsed() < Duration::from_secs(10));
}
