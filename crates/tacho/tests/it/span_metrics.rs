//! Metrics made of spans, over the wire: counted once whatever happens, before sampling, and by one
//! server of several; and what cannot be made of spans is told.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::forwarding::{forwarding_to, free_address, listen};
use crate::otlp::{TRACES, nanos};
use crate::support::{Home, PATIENCE, QUIET, Server, eventually};

const CALLS: &str = "traces_span_metrics_calls_total";
const DURATION: &str = "traces_span_metrics_duration_seconds";
const SPANS: usize = 50;

/// A request of answered requests: one trace each.
fn body(number: usize, attributes: &Value) -> String {
    named("GET /users/{id}", number, attributes)
}

fn named(name: &str, number: usize, attributes: &Value) -> String {
    let start = nanos() - 3_000_000_000;
    let span = |place: usize| {
        let id = number * SPANS + place + 1;
        json!({
            "traceId": format!("{:032x}", id as u128 * 0x1234_5678_9abc_def1_2345_6789),
            "spanId": format!("{id:016x}"),
            "name": name, "kind": 2,
            "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": (start + 7_000_000).to_string(),
            "attributes": attributes,
        })
    };
    let spans: Vec<Value> = (0..SPANS).map(span).collect();
    let service = json!({"key": "service.name", "value": {"stringValue": "shop"}});
    json!({"resourceSpans": [{"resource": {"attributes": [service]},
        "scopeSpans": [{"spans": spans}]}]})
    .to_string()
}

fn http() -> Value {
    json!([
        {"key": "http.request.method", "value": {"stringValue": "GET"}},
        {"key": "http.route", "value": {"stringValue": "/users/{id}"}},
        {"key": "http.response.status_code", "value": {"intValue": 200}},
    ])
}

fn send(server: &Server, body: &str) {
    let answer = server.send(TRACES, "application/json", "", body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// How many spans were counted, by the total and by the histograms.
fn counted(server: &Server) -> (f64, f64) {
    let points = |name, agg| -> Vec<Vec<f64>> {
        let series = server.series(&[("name", name), ("agg", agg), ("window", "1h")]);
        let values = |one: &Value| -> Vec<f64> {
            let points = one["points"].as_array().unwrap();
            points
                .iter()
                .filter_map(|point| point[1].as_f64())
                .collect()
        };
        series.iter().map(values).collect()
    };
    let totals = points(CALLS, "last");
    let total = totals.iter().filter_map(|values| values.last()).sum();
    let observed = points(DURATION, "count");
    (total, observed.iter().flatten().sum())
}

/// Sends requests, each until it is acknowledged, until it is time to stop; how many there were.
fn insist(address: &Mutex<String>, stop: &AtomicBool) -> usize {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build()
        .new_agent();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let body = body(number, &http());
        loop {
            let url = format!("http://{}{TRACES}", address.lock().unwrap());
            let request = agent.post(url).header("Content-Type", "application/json");
            // Where the answer is lost, nobody knows whether the spans were counted.
            if request
                .send(&body)
                .is_ok_and(|answer| answer.status() == 200)
            {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        number += 1;
    }
    number
}

#[test]
fn w1_kill_9_counts_no_span_twice_and_none_never() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let address = Mutex::new(server.address().to_owned());
    let stop = AtomicBool::new(false);
    let (server, sent) = std::thread::scope(|scope| {
        let sender = scope.spawn(|| insist(&address, &stop));
        let mut server = server;
        for round in 0..6 {
            std::thread::sleep(Duration::from_millis(150 + 37 * round));
            server.kill();
            server = home.start(&[]);
            server.address().clone_into(&mut address.lock().unwrap());
        }
        std::thread::sleep(Duration::from_millis(100));
        stop.store(true, Ordering::Relaxed);
        (server, sender.join().unwrap())
    });
    let spans = (sent * SPANS) as f64;
    assert!(sent > 10, "{sent}");
    let found = eventually("all that was sent", || {
        let found = counted(&server);
        (found.0 >= spans).then_some(found)
    });
    assert_eq!(found, (spans, spans));
    // On disk and in files too.
    assert_eq!(server.request("POST", "/-/flush").status, 200);
    assert_eq!(counted(&server), (spans, spans));
}

#[test]
fn w1_spans_are_counted_before_they_are_sampled_and_not_where_they_are_dropped() {
    let filters = "filters:\n  - {signal: spans, match: '{name=\"GET /users/{id}\"}', \
                   action: sample, ratio: 0}\n";
    let home = Home::with(&format!("{QUIET}{filters}"));
    let server = home.start(&[]);
    send(&server, &body(0, &http()));
    let spans = server.get("/api/performance/spans").ok();
    assert_eq!(spans["spans"].as_array().unwrap().len(), 0, "{spans}");
    eventually("what was not kept", || {
        (counted(&server).0 == SPANS as f64).then_some(())
    });
    let dropping = Home::with(&format!(
        "{QUIET}filters:\n  - {{signal: spans, service: shop, action: drop}}\n"
    ));
    let server = dropping.start(&[]);
    send(&server, &body(0, &http()));
    assert_eq!(counted(&server), (0.0, 0.0));
}

#[test]
fn w6_metrics_of_spans_that_go_on_are_made_once() {
    let (edge_home, central_home) = (Home::new(), Home::with(QUIET));
    let address = free_address();
    edge_home.write("tacho.yaml", &forwarding_to(&address, ""));
    let central = listen(&central_home, &address);
    let edge = edge_home.start(&[]);
    for number in 0..4 {
        send(&edge, &body(number, &http()));
    }
    let all = (4 * SPANS) as f64;
    eventually("all that was sent", || {
        let spans = central.get("/api/performance/spans?limit=1000").ok();
        let is_there = spans["spans"].as_array()?.len() == 4 * SPANS;
        (is_there && counted(&central) == (all, all)).then_some(())
    });
    // What others send to the centre is counted there.
    let other = body(
        100,
        &json!([{"key": "db.system", "value": {"stringValue": "redis"}}]),
    );
    send(&central, &other);
    eventually("what came from elsewhere", || {
        let series = central.series(&[("name", CALLS), ("agg", "last"), ("window", "1h")]);
        (series.len() == 2).then_some(())
    });
}

#[test]
fn w3_a_dialect_that_nobody_understands_is_kept_and_listed() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let told = json!([{"key": "genkit:name", "value": {"stringValue": "plan"}}]);
    send(&server, &body(0, &told));
    let sources = server.get("/api/performance/sources").ok();
    assert_eq!(
        sources["spans"]["unknown_dialects"]["Genkit"], SPANS,
        "{sources}"
    );
    let status = server.tacho(&home, &["status"]).exits(0);
    assert!(status.out.contains("Genkit"), "{}", status.out);
    let spans = server.get("/api/performance/spans").ok();
    assert_eq!(spans["spans"].as_array().unwrap().len(), SPANS);
}

#[test]
fn w1_addresses_become_routes_and_ids_no_series() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    for number in 0..20 {
        let told = json!([
            {"key": "http.method", "value": {"stringValue": "GET"}},
            {"key": "http.target", "value": {"stringValue": format!("/orders/{number}?page=2")}},
            {"key": "http.status_code", "value": {"stringValue": "200"}},
        ]);
        send(&server, &named("GET", number, &told));
    }
    let series = eventually("all of them", || {
        let series = server.series(&[("name", CALLS), ("agg", "last"), ("window", "1h")]);
        (counted(&server).0 == (20 * SPANS) as f64).then_some(series)
    });
    assert_eq!(series.len(), 1, "{series:?}");
    assert_eq!(series[0]["labels"]["http_route"], "/orders/{id}");
    assert_eq!(series[0]["labels"]["span_name"], "GET /orders/{id}");
}
