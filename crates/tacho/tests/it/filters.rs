//! Filters and limits of single sources, through the requests that bring samples.

use serde_json::json;

use crate::remote_write::{WRITE, assert_error, millis, series, snappy, write};
use crate::support::{Answer, Home, QUIET, Server, eventually, now};

const METRICS: &str = "/api/performance/metrics";

fn home(config: &str) -> Home {
    Home::with(&format!("{QUIET}{config}"))
}

/// The sum of a counter over the lines of `/metrics` that say all of these.
fn counted(server: &Server, name: &str, labels: &[&str]) -> f64 {
    let text = server.get("/metrics").body;
    let is_meant = |line: &&str| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    };
    let values = text.lines().filter(is_meant);
    values
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

fn names(server: &Server) -> Vec<String> {
    let all = server.series(&[("match[]", "{__name__!=\"\"}"), ("window", "1h")]);
    let mut names: Vec<String> = all
        .iter()
        .map(|series| series["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn r1_samples_are_dropped_renamed_and_relabelled_whoever_sends_them() {
    let home = home(
        r#"
filters:
  - {match: '{__name__=~"go_.*"}', action: drop}
  - {match: http_requests_total, action: rename, to: requests_total}
  - match: requests_total
    action: relabel
    relabel_configs:
      - {source_labels: [pod], regex: '(.*)-\d+', target_label: app}
      - {regex: pod, action: labeldrop}
  - {match: '{secret="1"}', protocol: json, action: drop}
"#,
    );
    let server = home.start(&[]);
    let at = millis();
    let answer = write(
        &server,
        &[
            series(&[("__name__", "go_gc"), ("job", "a")], at, 1.0),
            series(
                &[("__name__", "http_requests_total"), ("pod", "web-1")],
                at,
                2.0,
            ),
            series(
                &[("__name__", "up"), ("job", "a"), ("secret", "1")],
                at,
                3.0,
            ),
            // Labels out of order: filtered as well as any.
            series(
                &[
                    ("pod", "web-2"),
                    ("__name__", "http_requests_total"),
                    ("a", "b"),
                ],
                at,
                4.0,
            ),
            series(&[("job", "b"), ("__name__", "go_mem")], at, 5.0),
            series(&[("job", "c"), ("__name__", "plain")], at, 6.0),
        ],
    );
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let points = json!([
        {"name": "go_threads", "value": 1},
        {"name": "http_requests_total", "value": 7, "tags": {"pod": "db-9"}},
        {"name": "kept", "value": 1},
        {"name": "kept", "value": 1, "tags": {"secret": "1"}},
    ]);
    assert_eq!(server.post(METRICS, &points).ok()["accepted"], 4);
    assert_eq!(names(&server), ["kept", "plain", "requests_total", "up"]);
    assert_eq!(server.series(&[("name", "kept")]).len(), 1);
    let mut apps: Vec<_> = server
        .series(&[("name", "requests_total")])
        .iter()
        .map(|series| series["labels"].to_string())
        .collect();
    apps.sort();
    assert_eq!(
        apps,
        [
            r#"{"a":"b","app":"web"}"#,
            r#"{"app":"db"}"#,
            r#"{"app":"web"}"#
        ]
    );
    let by_filter = counted(&server, "tacho_filter_samples_total", &["filter=\"1\""]);
    assert_eq!(by_filter, 3.0);
    let items = |labels: &[&str]| counted(&server, "tacho_receiver_items_total", labels);
    let by = "protocol=\"remote_write\"";
    assert_eq!(items(&["outcome=\"filtered\"", by]), 2.0);
    assert_eq!(items(&["outcome=\"accepted\"", by]), 4.0);
    assert_eq!(items(&["outcome=\"filtered\"", "protocol=\"json\""]), 2.0);
    assert_eq!(items(&["outcome=\"accepted\"", "protocol=\"json\""]), 2.0);
}

#[test]
fn r1_what_is_refused_beside_what_is_filtered_is_named() {
    let home = home("filters: [{match: gone, action: drop}]\n");
    let server = home.start(&[]);
    let at = millis();
    let answer = write(
        &server,
        &[
            series(&[("__name__", "gone")], at, 1.0),
            series(&[("__name__", "late")], at + 86_400_000, 2.0),
            series(&[("__name__", "good")], at, 3.0),
        ],
    );
    assert_error(
        &answer,
        400,
        "bad_data",
        "1 of 3 samples were refused, the other 2 were kept",
    );
    assert_error(&answer, 400, "bad_data", "late");
    assert_eq!(names(&server), ["good"]);
}

#[test]
fn r1_a_label_is_aggregated_away_and_the_counter_survives_a_crash() {
    let home = home(
        "filters: [{match: requests_total, action: aggregate, without: [pod], interval: 1s}]\n",
    );
    let mut server = home.start(&[]);
    let start = millis() / 1000 * 1000 - 60_000;
    let send = |server: &Server, secs: i64| {
        let of = |pod: &str, value: i64| {
            let labels = [("__name__", "requests_total"), ("job", "a"), ("pod", pod)];
            series(&labels, start + secs * 1000 - 500, value as f64)
        };
        // The second pod starts again after half of them.
        let second = if secs < 20 { secs * 3 } else { (secs - 19) * 3 };
        let answer = write(server, &[of("1", 1000 + secs), of("2", second)]);
        assert_eq!(answer.status, 204, "{}", answer.body);
    };
    for secs in 1..=30 {
        send(&server, secs);
    }
    let found = server.series(&[("name", "requests_total")]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["labels"], json!({"job": "a"}));
    let values = server.values(&[("name", "requests_total")]);
    let expected: Vec<f64> = (0..30).map(|n| f64::from(n) * 4.0).collect();
    assert_eq!(values, expected);

    // What was acknowledged is there after kill -9, and the counter goes on from it.
    server.kill();
    server = home.start(&[]);
    for secs in 31..=40 {
        send(&server, secs);
    }
    let values = server.values(&[("name", "requests_total")]);
    assert_eq!(values.len(), 40);
    assert_eq!(values[..30], expected);
    // One scrape interval is not known to it: the one across the crash.
    let after: Vec<f64> = (0..10).map(|n| 116.0 + f64::from(n) * 4.0).collect();
    assert_eq!(values[30..], after);
}

#[test]
fn r1_the_last_sample_of_an_interval_is_kept() {
    let home = home("filters: [{match: '{source=\"iot\"}', action: throttle, interval: 10s}]\n");
    let server = home.start(&[]);
    let start = (now() / 10.0).floor() * 10.0 - 120.0;
    for tenths in 0..600 {
        let time = start + f64::from(tenths) / 10.0 + 0.05;
        server.keep(
            &json!({"name": "temperature", "value": tenths, "timestamp": time,
            "source": "iot"}),
        );
    }
    let values = server.values(&[("name", "temperature")]);
    assert_eq!(values, [99.0, 199.0, 299.0, 399.0, 499.0, 599.0]);
    let filtered = counted(&server, "tacho_receiver_items_total", &["filtered"]);
    assert_eq!(filtered, 594.0);
}

#[test]
fn r1_one_source_cannot_take_all_series_and_the_metric_is_named() {
    let home = home("ingest: {series_per_source_max: 50, sources: [{source: x, series_max: 9}]}\n");
    let server = home.start(&[]);
    let at = millis();
    let send = |metric: &str, range: std::ops::Range<i32>| {
        let each = range.map(|n| {
            series(
                &[("__name__", metric), ("n", &n.to_string())],
                at - 1_000 + i64::from(n),
                1.0,
            )
        });
        write(&server, &each.collect::<Vec<_>>())
    };
    assert_eq!(send("few", 0..20).status, 204);
    let answer = send("many", 0..100);
    assert_error(&answer, 400, "bad_data", "70 source_series_limit");
    assert_error(&answer, 400, "bad_data", "most series are of many (30)");
    assert_error(&answer, 400, "bad_data", "the other 30 were kept");
    // Those that are known go on.
    assert_eq!(send("few", 0..20).status, 204);
    assert_eq!(server.series(&[("name", "many")]).len(), 30);
    let refused = ["reason=\"source_series_limit\""];
    assert_eq!(
        counted(&server, "tacho_receiver_items_total", &refused),
        70.0
    );
    // Another way in is another source.
    let points: Vec<_> = (0..50)
        .map(|n| json!({"name": "points", "value": 1, "tags": {"n": n}}))
        .collect();
    server.keep(&json!(points));
    let answer = server.post(METRICS, &json!([{"name": "more", "value": 1}]));
    assert_eq!(answer.status, 400);
    let reason = answer.json()["rejected"][0]["reason"].to_string();
    assert!(reason.contains("one source"), "{reason}");
}

#[test]
fn r1_a_source_that_sends_too_fast_is_told_to_come_again() {
    let home = home("ingest: {samples_per_second_max: 10}\n");
    let server = home.start(&[]);
    let at = millis();
    let body = |n: i64| {
        let each: Vec<_> = (0..15)
            .map(|i| series(&[("__name__", "m")], at + n * 100 + i, 1.0))
            .collect();
        snappy(&each.concat())
    };
    let send = |n| server.send(WRITE, "application/x-protobuf", "snappy", &body(n));
    assert_eq!(
        send(0).status,
        204,
        "one request may be more than a second's worth"
    );
    let answer: Answer = send(1);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(
        answer.body.contains("10 samples a second"),
        "{}",
        answer.body
    );
    eventually("its turn", || (send(1).status == 204).then_some(()));
    assert_eq!(
        server.values(&[("name", "m")]).len(),
        30,
        "nothing is lost, nothing doubled"
    );
    assert!(
        counted(
            &server,
            "tacho_receiver_items_total",
            &["reason=\"rate_limit\""]
        ) >= 1.0
    );
}

#[test]
fn r1_filters_are_said_in_words_and_nonsense_is_refused_with_its_place() {
    let home = home(
        "ingest: {series_per_source_max: 200k}\nfilters:\n  - {match: up, action: drop}\n  \
         - {signal: spans, service: api, action: sample, ratio: 0.1}\n",
    );
    let out = home.tacho(&["check", "config", "--explain"]).exits(0).out;
    for line in [
        "filter 1: drop samples of {__name__=\"up\"}",
        "filter 2: keep 10 % of the traces, spans of {service=\"api\"}",
        "ingest.series_per_source_max: 200000",
        "ingest.samples_per_second_max: no limit",
    ] {
        assert!(out.contains(line), "no `{line}` in {out}");
    }
    home.write(
        "bad.yaml",
        "filters:\n  - {match: up, action: drop}\n  - {match: up, actoin: drop}\n",
    );
    let bad = home.tacho(&["check", "config", "bad.yaml"]).exits(2);
    bad.complains(&["actoin", "line 3"]);
}

/// A span of a trace, as OTLP/JSON; `code` 2 means that it failed.
fn span(trace: &str, id: &str, code: u64) -> serde_json::Value {
    let start = (now() * 1e9) as u64;
    json!({"traceId": trace, "spanId": id, "name": "GET /", "kind": 2,
        "startTimeUnixNano": start.to_string(),
        "endTimeUnixNano": (start + 1_000_000).to_string(), "status": {"code": code}})
}

fn send_spans(server: &Server, service: &str, spans: &[serde_json::Value]) {
    let name = json!({"key": "service.name", "value": {"stringValue": service}});
    let body = json!({"resourceSpans": [{"resource": {"attributes": [name]},
        "scopeSpans": [{"spans": spans}]}]});
    server.post("/v1/traces", &body).ok();
}

fn spans_of(server: &Server, trace: &str) -> usize {
    let found = server.query(SPANS, &[("trace", trace)]);
    found["spans"].as_array().unwrap().len()
}

const SPANS: &str = "/api/performance/spans";

#[test]
fn r1_traces_wait_for_what_decides_them_and_survive_a_crash() {
    let home = home(
        "filters:\n  - {signal: spans, service: noise, action: drop}\n  - {signal: spans, \
         action: tail_sample, keep: {errors: true}, wait: 60s}\n",
    );
    let mut server = home.start(&[]);
    let (bad, fine) = (
        "aa00000000000000ffffffffffffff01",
        "bb00000000000000ffffffffffffff02",
    );
    send_spans(&server, "noise", &[span(bad, "00000000000000a0", 2)]);
    send_spans(&server, "api", &[span(bad, "00000000000000a1", 0)]);
    send_spans(&server, "api", &[span(fine, "00000000000000b1", 0)]);
    assert_eq!((spans_of(&server, bad), spans_of(&server, fine)), (0, 0));
    // What was acknowledged and waits is there after kill -9.
    server.kill();
    server = home.start(&[]);
    send_spans(&server, "db", &[span(bad, "00000000000000a2", 2)]);
    eventually("the whole trace", || {
        (spans_of(&server, bad) == 2).then_some(())
    });
    assert_eq!(spans_of(&server, fine), 0);
    send_spans(&server, "api", &[span(bad, "00000000000000a3", 0)]);
    eventually("what follows", || {
        (spans_of(&server, bad) == 3).then_some(())
    });
    server.stop();
    home.tacho(&["check", "data", "data"]).exits(0);
}

#[test]
fn r1_a_share_of_the_traces_is_kept_whole_and_log_records_by_severity() {
    let home = home(
        "filters:\n  - {signal: spans, action: sample, ratio: 0.5}\n  - {signal: logs, \
         severity_below: warn, action: drop}\n",
    );
    let server = home.start(&[]);
    let (low, high) = (
        "cc000000000000000000000000000001",
        "dd000000000000008000000000000000",
    );
    for trace in [low, high] {
        let spans = [
            span(trace, "00000000000000c1", 0),
            span(trace, "00000000000000c2", 2),
        ];
        send_spans(&server, "api", &spans);
    }
    assert_eq!((spans_of(&server, low), spans_of(&server, high)), (2, 0));
    let record = |severity: u64| {
        json!({"timeUnixNano": ((now() * 1e9) as u64).to_string(), "severityNumber": severity,
            "body": {"stringValue": "x"}})
    };
    let records = [record(9), record(13), record(17)];
    let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]});
    server.post("/v1/logs", &body).ok();
    let items = |labels: &[&str]| counted(&server, "tacho_receiver_items_total", labels);
    assert_eq!(items(&["signal=\"spans\"", "filtered"]), 2.0);
    assert_eq!(items(&["signal=\"spans\"", "accepted"]), 2.0);
    assert_eq!(items(&["signal=\"logs\"", "filtered"]), 1.0);
    assert_eq!(items(&["signal=\"logs\"", "accepted"]), 2.0);
}
