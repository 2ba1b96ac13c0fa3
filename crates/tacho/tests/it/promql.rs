//! PromQL and the Prometheus API: the answers of a real Prometheus on the same data, and what
//! Grafana asks.

use serde_json::{Value, json};

use crate::remote_write::{assert_error, put, send, series, snappy, varint};
use crate::support::prometheus::{Prometheus, there_is};
use crate::support::{Home, QUIET, Server, eventually, now};

/// Seconds between samples, and how many there are.
const STEP: i64 = 5;
const SAMPLES: i64 = 240;

/// A series of samples that end about a minute ago, never at a whole second.
fn many(labels: &[(&str, &str)], value: impl Fn(i64) -> Option<f64>) -> Vec<u8> {
    let first = (now() as i64 / 60 - 1) * 60 - SAMPLES * STEP;
    let mut body = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        put(1, name.as_bytes(), &mut label);
        put(2, value.as_bytes(), &mut label);
        put(1, &label, &mut body);
    }
    for number in 0..SAMPLES {
        let Some(value) = value(number) else {
            continue;
        };
        let mut sample = vec![0x09];
        sample.extend_from_slice(&value.to_le_bytes());
        sample.push(0x10);
        varint(((first + number * STEP) * 1000 + 1_300) as u64, &mut sample);
        put(2, &sample, &mut body);
    }
    let mut out = Vec::new();
    put(1, &body, &mut out);
    out
}

/// Counters with resets, gauges with gaps, buckets: what queries are asked about.
pub(crate) fn data() -> Vec<u8> {
    let mut all = Vec::new();
    for (job, speed) in [("api", 7.0), ("web", 3.0)] {
        for (instance, offset) in [("a", 0), ("b", 31), ("c", 77)] {
            for (code, share) in [("200", 1.0), ("500", 0.07)] {
                let labels = [
                    ("__name__", "requests_total"),
                    ("code", code),
                    ("instance", instance),
                    ("job", job),
                ];
                let value = |n: i64| Some(((n + offset) % 150) as f64 * speed * share);
                all.extend(many(&labels, value));
            }
            let labels = [("__name__", "load"), ("instance", instance), ("job", job)];
            let value = |n: i64| {
                let wave = f64::from(((n * 37 + offset * 11) % 101) as i32) / 10.0 - 4.0;
                (n % 29 != 3).then_some(wave)
            };
            all.extend(many(&labels, value));
        }
        for (le, share) in [("0.1", 0.4), ("0.5", 0.8), ("1", 0.95), ("+Inf", 1.0)] {
            let labels = [
                ("__name__", "took_seconds_bucket"),
                ("job", job),
                ("le", le),
            ];
            all.extend(many(&labels, |n| Some((n as f64 * speed * share).floor())));
        }
    }
    all
}

/// What is asked of both.
pub(crate) const QUERIES: [&str; 60] = [
    "load",
    "load{job=~\"a.*\",instance!=\"b\"}",
    "load offset 2m",
    "-load",
    "load > 1",
    "load > bool 1",
    "1 + 2 ^ 3 % 5",
    "load * on (job, instance) group_left load",
    "sum(load)",
    "sum by (job) (load)",
    "avg without (instance) (load)",
    "min(load) or max(load)",
    "stddev by (job) (load)",
    "stdvar(load)",
    "count_values(\"v\", round(load))",
    "topk(2, load)",
    "bottomk by (job) (1, load)",
    "quantile(0.7, load)",
    "group by (job) (load)",
    "rate(requests_total[1m])",
    "sum by (job, code) (rate(requests_total[5m]))",
    "increase(requests_total[3m])",
    "irate(requests_total[1m])",
    "idelta(load[1m])",
    "delta(load[2m])",
    "deriv(load[5m])",
    "predict_linear(load[5m], 600)",
    "resets(requests_total[10m])",
    "changes(load[5m])",
    "avg_over_time(load[2m])",
    "min_over_time(load[2m]) + max_over_time(load[2m])",
    "sum_over_time(load[2m]) / count_over_time(load[2m])",
    "quantile_over_time(0.9, load[4m])",
    "stddev_over_time(load[4m])",
    "last_over_time(load[1m])",
    "present_over_time(load[1m])",
    "histogram_quantile(0.9, sum by (le) (rate(took_seconds_bucket[2m])))",
    "histogram_quantile(0.5, rate(took_seconds_bucket[2m]))",
    "sum(rate(requests_total{code=\"500\"}[2m])) / sum(rate(requests_total[2m]))",
    "rate(requests_total{code=\"500\"}[2m]) / ignoring (code) rate(requests_total{code=\"200\"}[2m])",
    "load and on (instance) (load > 0)",
    "load unless (load > 0)",
    "load or vector(1)",
    "absent(nothing_here{job=\"x\"})",
    "absent(load)",
    "abs(load) + ceil(load) + floor(load) + sgn(load)",
    "clamp(load, -1, 2)",
    "exp(load) + ln(abs(load)) + sqrt(abs(load)) + log2(abs(load)) + log10(abs(load))",
    "sin(load) + cos(load) + tan(load) + atan(load)",
    "label_replace(load, \"host\", \"$1-x\", \"instance\", \"(.*)\")",
    "label_join(load, \"both\", \"/\", \"job\", \"instance\")",
    "sort_desc(load)",
    "scalar(load{job=\"api\",instance=\"a\"}) + 1",
    "time() - timestamp(load)",
    "hour() + minute() + day_of_week() + days_in_month()",
    "max_over_time(rate(requests_total[1m])[5m:31s])",
    "avg_over_time((load > 0)[4m:7s])",
    "sum(load offset 1m) - sum(load)",
    "load == load",
    "count(load) by (job) * 2",
];

pub(crate) fn asked(url: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
    let request = ureq::get(format!("{url}{path}"));
    let request = parameters.iter().fold(request, |r, (n, v)| r.query(n, v));
    request.call().unwrap().body_mut().read_json().unwrap()
}

/// Series by their labels, in order, with their points; warnings are told in other words.
#[track_caller]
pub(crate) fn assert_alike(query: &str, ours: &Value, theirs: &Value) {
    assert_eq!(
        ours["data"]["resultType"], theirs["data"]["resultType"],
        "{query}"
    );
    let is_ordered = query.starts_with("sort") || query.starts_with("topk");
    let results = [ours, theirs].map(|one| {
        let mut series: Vec<Value> = one["data"]["result"].as_array().unwrap().clone();
        if !is_ordered && series.iter().all(Value::is_object) {
            series.sort_by_key(|one| one["metric"].to_string());
        }
        series
    });
    let [ours, theirs] = &results;
    assert_eq!(ours.len(), theirs.len(), "{query}: {ours:?} and {theirs:?}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_value(query, ours, theirs);
    }
}

/// Numbers within 1e-9, everything else the same.
#[track_caller]
fn assert_value(query: &str, ours: &Value, theirs: &Value) {
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| assert_value(query, a, b));
        }
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            for (name, value) in a {
                assert_value(query, value, &b[name]);
            }
        }
        _ => match (number(ours), number(theirs)) {
            (Some(a), Some(b)) => {
                let is_near = (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3);
                assert!(
                    is_near || a.is_nan() && b.is_nan() || a == b,
                    "{query}: {a}, {b}"
                );
            }
            _ => assert_eq!(ours, theirs, "{query}"),
        },
    }
}

#[test]
fn k9_queries_are_answered_as_prometheus_answers_them() {
    if !there_is("prometheus") {
        return;
    }
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let peer = Prometheus::receiving(&server, &home, "");
    eventually("Prometheus is up", || peer.query("1"));
    let body = snappy(&data());
    assert_eq!(send(&server, &body).status, 204);
    let sent = ureq::post(format!("{}/api/v1/write", peer.url()))
        .header("Content-Encoding", "snappy")
        .header("Content-Type", "application/x-protobuf")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .send(&body[..]);
    assert_eq!(sent.unwrap().status(), 204);
    let end = (now() as i64 / 60 - 2) * 60;
    let (time, start) = (format!("{end}.7"), format!("{}.7", end - 900));
    let until = time.clone();
    let mut answered = 0;
    for query in QUERIES {
        let instant = [("query", query), ("time", &time)];
        let (path, ours) = ("/api/v1/query", server.query("/api/v1/query", &instant));
        assert_alike(query, &ours, &asked(peer.url(), path, &instant));
        let found = ours["data"]["result"].as_array();
        answered += usize::from(found.is_some_and(|found| !found.is_empty()));
        let range = [
            ("query", query),
            ("start", &start),
            ("end", &until),
            ("step", "17"),
        ];
        let (path, ours) = (
            "/api/v1/query_range",
            server.query("/api/v1/query_range", &range),
        );
        // Over a range nothing is ordered by value.
        assert_alike(
            &format!("({query})"),
            &ours,
            &asked(peer.url(), path, &range),
        );
    }
    // All but the absence of what is there.
    assert_eq!(answered, QUERIES.len() - 1, "queries that find something");
    let whole = [("match[]", "load"), ("start", &start), ("end", &until)];
    for path in [
        "/api/v1/series",
        "/api/v1/labels",
        "/api/v1/label/instance/values",
    ] {
        let (ours, theirs) = (server.query(path, &whole), asked(peer.url(), path, &whole));
        assert_eq!(ours["data"], theirs["data"], "{path}");
    }
}

pub(crate) fn filled(home: &Home) -> Server {
    let server = home.start(&[]);
    assert_eq!(send(&server, &snappy(&data())).status, 204);
    server
}

fn form(server: &Server, path: &str, body: &str) -> crate::support::Answer {
    let kind = "application/x-www-form-urlencoded";
    server.send(path, kind, "identity", body.as_bytes())
}

#[test]
fn k9_grafana_finds_what_it_asks_a_prometheus_for() {
    let home = Home::with(QUIET);
    let server = filled(&home);
    // Its health check, then what kind of server this is.
    let health = form(&server, "/api/v1/query", "query=1%2B1&time=4");
    assert_eq!(
        health.ok()["data"],
        json!({"resultType": "scalar", "result": [4, "2"]})
    );
    let version = server.get("/api/v1/status/buildinfo").ok();
    let version = version["data"]["version"].as_str().unwrap().to_owned();
    assert!(version.starts_with("3."), "{version}");
    assert_eq!(
        version.split('+').next().unwrap().split('.').count(),
        3,
        "{version}"
    );
    // Names and values for its builder and its variables.
    let names = form(&server, "/api/v1/labels", "match[]=load").ok();
    assert_eq!(names["data"], json!(["__name__", "instance", "job"]));
    let values = server.query("/api/v1/label/job/values", &[("match[]", "load")]);
    assert_eq!(values["data"], json!(["api", "web"]));
    let values = server.query("/api/v1/label/U__job/values", &[("match[]", "load")]);
    assert_eq!(values["data"], json!(["api", "web"]));
    let few = server.query("/api/v1/label/instance/values", &[("limit", "1")]);
    assert_eq!(few["data"].as_array().unwrap().len(), 1);
    assert!(few["warnings"][0].as_str().unwrap().contains("truncated"));
    let series = form(
        &server,
        "/api/v1/series",
        "match[]=load%7Bjob%3D%22api%22%7D&limit=2",
    )
    .ok();
    assert_eq!(series["data"].as_array().unwrap().len(), 2);
    let about = server.get("/api/v1/metadata?metric=node_load1").ok();
    assert_eq!(about["status"], "success");
    // A panel.
    let (start, end) = (now() - 900.0, now());
    let body =
        format!("query=sum(rate(requests_total%5B1m%5D))&start={start}&end={end}&step=15.000");
    let panel = form(&server, "/api/v1/query_range", &body).ok();
    assert_eq!(panel["data"]["resultType"], "matrix");
    let points = panel["data"]["result"][0]["values"]
        .as_array()
        .unwrap()
        .len();
    assert!(points > 40, "{points}");
    let stats = form(&server, "/api/v1/query", "query=count(load)&stats=all").ok();
    assert!(
        stats["data"]["stats"]["timings"]["evalTotalTime"].is_number(),
        "{stats}"
    );
    // What its pages of rules, targets and status look at, always by GET.
    for path in [
        "targets",
        "targets/metadata",
        "alertmanagers",
        "status/config",
        "status/flags",
        "status/runtimeinfo",
        "status/tsdb",
        "status/walreplay",
        "notifications",
        "features",
    ] {
        let told = server.get(&format!("/api/v1/{path}")).ok();
        assert_eq!(told["status"], "success", "{path}");
    }
    let tidied = form(&server, "/api/v1/format_query", "query=sum(load)by(job)").ok();
    assert_eq!(tidied["data"], "sum by (job) (load)");
    let exemplars = server.query(
        "/api/v1/query_exemplars",
        &[("query", "sum(rate(load[1m]))")],
    );
    assert_eq!(exemplars["data"], json!([]));
}

#[test]
fn k9_queries_that_make_no_sense_are_told_as_prometheus_tells_them() {
    let home = Home::with(QUIET);
    let server = filled(&home);
    let at = |path: &str| server.get(&format!("/api/v1/{path}"));
    let bad = |path: &str, text: &str| assert_error(&at(path), 400, "bad_data", text);
    bad("query?query=rate(load%5B1m%5D", "1:14: parse error");
    bad("query?query=", "parse error");
    bad("query?query=load&time=soon", "invalid parameter \"time\"");
    bad(
        "query?query=load&timeout=soon",
        "invalid parameter \"timeout\"",
    );
    bad(
        "query_range?query=load&start=0&end=9",
        "invalid parameter \"step\"",
    );
    bad(
        "query_range?query=load&start=9&end=0&step=1",
        "end timestamp must not be before start",
    );
    bad(
        "query_range?query=load&start=0&end=9&step=0",
        "zero or negative",
    );
    bad(
        "query_range?query=load&start=0&end=9&step=-1",
        "zero or negative",
    );
    bad(
        "query_range?query=load&start=0&end=99999&step=1",
        "11,000 points",
    );
    bad(
        "query_range?query=load%5B1m%5D&start=0&end=9&step=1",
        "must be Scalar or instant Vector",
    );
    bad(
        "query_range?query=load&end=9&step=1",
        "invalid parameter \"start\"",
    );
    bad("series", "no match[] parameter");
    bad("series?match[]=rate(x)", "invalid parameter \"match[]\"");
    bad("labels?match[]=%7B", "invalid parameter \"match[]\"");
    bad("labels?limit=few", "invalid parameter \"limit\"");
    let patient = at("query?query=count(load)&timeout=10000000000000000000");
    assert_eq!(patient.status, 200, "{}", patient.body);
    let edge = at("query_range?query=load&start=0&end=11000&step=1");
    assert_eq!(edge.status, 200, "as many as Prometheus gives");
    let deep = format!("query?query={}1{}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(at(&deep).status, 400);
    let many = at("query?query=load%20*%20on%20(job)%20load");
    assert_error(&many, 422, "execution", "many-to-many");
    let time = at("query?query=count(load)&timeout=0.000001");
    assert_error(&time, 503, "timeout", "longer");
}

#[test]
fn f1_expressions_are_answered_on_the_command_line() {
    let home = Home::with(QUIET);
    let server = filled(&home);
    let query = |args: &[&str]| server.tacho(&home, &[&["query"], args].concat());
    let at = format!("{}", now() as i64 - 120);
    let table = query(&["count by (job) (load)", "--to", &at]).exits(0);
    assert!(
        table.out.contains("{job=\"api\"}") && table.out.contains('3'),
        "{}",
        table.out
    );
    let csv = query(&[
        "count(load)",
        "--window",
        "5m",
        "--step",
        "1m",
        "--to",
        &at,
        "--format",
        "csv",
    ]);
    let csv = csv.exits(0).out;
    assert_eq!(csv.lines().count(), 1 + 6, "{csv}");
    let plot = query(&["sum(load)", "--window", "10m", "--to", &at]).exits(0);
    assert!(plot.out.contains('█'), "{}", plot.out);
    assert_eq!(
        query(&["1 + 1", "--format", "csv"])
            .exits(0)
            .out
            .lines()
            .last(),
        Some("2")
    );
    let json = query(&["count(load)", "--to", &at, "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(json["data"]["resultType"], "vector");
    query(&["sum(load", "--to", &at])
        .exits(2)
        .complains(&["sum(load", "1:9"]);
    query(&["sum(load)", "--agg", "avg"])
        .exits(2)
        .complains(&["--agg"]);
    query(&["load * on (job) load", "--to", &at])
        .exits(2)
        .complains(&["many-to-many"]);
    // And from the folder, when nothing runs.
    drop(server);
    let found = home.tacho(&["query", "count(load)", "--to", &at, "--data-dir", "data"]);
    assert!(found.exits(0).out.contains('6'));
}

#[test]
fn k9_one_series_is_answered_while_it_is_written() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let at = (now() * 1000.0) as i64;
    for number in 0..3 {
        let one = series(
            &[("__name__", "fresh")],
            at - 2000 + number * 1000,
            number as f64,
        );
        assert_eq!(send(&server, &snappy(&one)).status, 204);
        let answer = server.query("/api/v1/query", &[("query", "fresh")]);
        let value = &answer["data"]["result"][0]["value"][1];
        assert_eq!(value, &json!(number.to_string()));
    }
}
