//! OpenTelemetry's traces and logs: real SDKs, and what no SDK would send.

mod clients;

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use crate::remote_write::{put, varint};
use crate::support::{Answer, Home, QUIET, Server};

pub(crate) const TRACES: &str = "/v1/traces";
pub(crate) const PROTOBUF: &str = "application/x-protobuf";

pub(crate) fn nanos() -> u64 {
    (crate::support::now() * 1e9) as u64
}

/// A field of eight bytes.
pub(crate) fn fixed(field: u8, value: u64, into: &mut Vec<u8>) {
    into.push(field << 3 | 1);
    into.extend_from_slice(&value.to_le_bytes());
}

/// A span of a trace, which began so many milliseconds ago.
pub(crate) fn span(trace: u128, id: u64, name: &str, millis_ago: u64) -> Vec<u8> {
    let mut span = Vec::new();
    put(1, &trace.to_be_bytes(), &mut span);
    put(2, &id.to_be_bytes(), &mut span);
    put(5, name.as_bytes(), &mut span);
    let start = nanos() - millis_ago * 1_000_000;
    fixed(7, start, &mut span);
    fixed(8, start + 1_500_000, &mut span);
    span
}

/// A request of one service.
pub(crate) fn request(service: &str, items: &[Vec<u8>]) -> Vec<u8> {
    let (mut text, mut pair, mut resource) = (Vec::new(), Vec::new(), Vec::new());
    put(1, service.as_bytes(), &mut text);
    put(1, b"service.name", &mut pair);
    put(2, &text, &mut pair);
    put(1, &pair, &mut resource);
    let (mut scope, mut around, mut request) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        put(2, item, &mut scope);
    }
    put(1, &resource, &mut around);
    put(2, &scope, &mut around);
    put(1, &around, &mut request);
    request
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn send(server: &Server, body: &[u8]) -> Answer {
    server.send(TRACES, PROTOBUF, "", body)
}

fn spans(server: &Server, parameters: &[(&str, &str)]) -> Vec<Value> {
    let body = server.query("/api/performance/spans", parameters);
    body["spans"].as_array().unwrap().clone()
}

fn named<'v>(spans: &'v [Value], name: &str) -> &'v Value {
    let found = spans.iter().find(|span| span["name"] == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {spans:#?}"))
}

#[test]
fn w6_spans_in_every_encoding_are_found_again() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let body = |id| request("api", &[span(7, id, &format!("span {id}"), 5)]);
    for (id, encoding, body) in [
        (1, "", body(1)),
        (2, "identity", body(2)),
        (3, "gzip", gzip(&body(3))),
    ] {
        let answer = server.send(TRACES, PROTOBUF, encoding, &body);
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{id}");
        assert_eq!(answer.content_type, PROTOBUF);
    }
    let start = nanos().to_string();
    let one = json!({
        "traceId": format!("{:032x}", 7), "spanId": format!("{:016x}", 4), "name": "span 4",
        "startTimeUnixNano": start, "endTimeUnixNano": start, "kind": 2,
        "attributes": [{"key": "n", "value": {"intValue": 5}}],
    });
    let resource = json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": "api"}},
        {"key": "zone", "value": {"stringValue": "b"}},
    ]});
    let body = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [one]}]}]});
    let answer = server.send(TRACES, "application/json", "", body.to_string().as_bytes());
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert_eq!(answer.content_type, "application/json");

    let all = spans(&server, &[("service", "api")]);
    assert_eq!(all.len(), 4);
    assert_eq!(all[0]["name"], "span 4");
    assert_eq!(named(&all, "span 1")["duration"], 0.0015);
    for (name, value, count) in [
        ("attr", "n=5", 1),
        ("attr", "zone=b", 1),
        ("attr", "zone=c", 0),
        ("name", "span 2", 1),
        ("min_duration", "1ms", 3),
        ("max_duration", "1ms", 1),
        ("errors", "true", 0),
        ("trace", "7", 4),
        ("limit", "2", 2),
    ] {
        let found = spans(&server, &[("service", "api"), (name, value)]);
        assert_eq!(found.len(), count, "{name}={value}");
    }
    let trace = server.get("/api/performance/traces/7").ok();
    assert_eq!(trace["spans"].as_array().unwrap().len(), 4);
    let source = &server.get("/api/performance/sources").ok()["sources"][0];
    assert_eq!(
        (&source["source"], &source["accepted"]),
        (&json!("api"), &json!(4))
    );
}

#[test]
fn w6_a_trace_comes_in_pages() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    // Some begin at the same moment.
    let start = nanos();
    let many: Vec<Vec<u8>> = (1..=100).map(|id| span(9, id, "s", 50 - id / 4)).collect();
    assert_eq!(send(&server, &request("api", &many)).status, 200);
    assert!(nanos() > start);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = format!("/api/performance/traces/9?limit=7&cursor={cursor}");
        let page = server.get(&page).ok();
        let spans = page["spans"].as_array().unwrap();
        seen.extend(spans.iter().map(|span| span["span_id"].to_string()));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen.len(), 100);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 100);
    server
        .get("/api/performance/traces/8")
        .is_problem(404, "no trace");
    server
        .get("/api/performance/traces/no")
        .is_problem(400, "hexadecimal");
}

#[test]
fn w6_what_cannot_be_kept_is_told_and_the_rest_is_kept() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let old = span(1, 5, "old", 9 * 24 * 3_600_000);
    let items = [span(1, 1, "kept", 1), span(0, 2, "no trace", 1), old];
    let answer = send(&server, &request("api", &items));
    assert_eq!(answer.status, 200);
    for text in ["1: the trace_id is not 16 bytes", "1: older than"] {
        assert!(
            answer.body.contains(text),
            "no `{text}` in {:?}",
            answer.body
        );
    }
    // Sent again, nothing is doubled.
    assert_eq!(send(&server, &request("api", &items[..1])).status, 200);
    let mut again = items[0].clone();
    put(5, b"renamed", &mut again);
    assert_eq!(send(&server, &request("api", &[again])).status, 200);
    let all = spans(&server, &[]);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(all[0]["name"], "renamed");
}

#[test]
fn w6_bad_requests_are_answered_in_the_shape_of_otlp() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let bomb = gzip(&vec![0; 80 << 20]);
    for (kind, encoding, body, status, text) in [
        (PROTOBUF, "", &b"\x0a\xff\xff"[..], 400, "breaks off"),
        (PROTOBUF, "", b"\x0a\x02\x0b\x00", 400, "wrong wire type"),
        (PROTOBUF, "gzip", b"no", 400, "no valid gzip"),
        (PROTOBUF, "gzip", &bomb, 413, "when decompressed"),
        (PROTOBUF, "br", b"", 415, "gzip, zstd or none"),
        ("text/plain", "", b"", 415, "application/x-protobuf"),
        ("application/json", "", b"[]", 400, "expected an object"),
        (
            "application/json",
            "",
            b"{\"resourceSpans\":[{",
            400,
            "line 1 column 19",
        ),
    ] {
        let answer = server.send(TRACES, kind, encoding, body);
        assert_eq!(answer.status, status, "{text}: {}", answer.body);
        assert!(
            answer.body.contains(text),
            "no `{text}` in {:?}",
            answer.body
        );
        let expected = if kind == PROTOBUF && status != 415 {
            PROTOBUF
        } else {
            "json"
        };
        let is_json = answer.content_type == "application/json";
        assert!(
            answer.content_type == PROTOBUF || is_json,
            "{expected}: {answer:?}"
        );
        if is_json {
            assert!(answer.json()["code"].as_u64().unwrap() > 0);
        }
    }
    assert_eq!(server.get(TRACES).status, 405);
    assert!(
        server.get("/v1/info").ok()["project_url"]
            .as_str()
            .unwrap()
            .starts_with("http://")
    );
    assert_eq!(server.get("/readyz").status, 200);
}

fn record(severity: u8, name: &str, body: &str) -> Vec<u8> {
    let (mut record, mut text) = (Vec::new(), Vec::new());
    fixed(1, nanos(), &mut record);
    record.push(0x10);
    varint(severity.into(), &mut record);
    put(1, body.as_bytes(), &mut text);
    put(5, &text, &mut record);
    put(12, name.as_bytes(), &mut record);
    record
}

#[test]
fn w6_logs_are_counted_and_the_grave_ones_become_events() {
    let home = Home::with(QUIET);
    let mut server = home.start(&[]);
    let records = [
        record(9, "", "fine"),
        record(9, "", "fine, too"),
        record(17, "", &"x".repeat(5000)),
        record(5, "deploy", "v2"),
    ];
    let body = request("api", &records);
    let count = |server: &Server, severity: &str| {
        let selector = format!("log_record_count_total{{severity=\"{severity}\"}}");
        *server
            .values(&[("match[]", &selector), ("agg", "last")])
            .last()
            .unwrap()
    };
    for round in 1..=3 {
        // Sent again because the answer was not heard, it is not counted again.
        for _ in 0..2 {
            assert_eq!(server.send("/v1/logs", PROTOBUF, "", &body).status, 200);
        }
        // What was acknowledged is counted, whatever happens to the server.
        server.kill();
        server = home.start(&[]);
        assert_eq!(count(&server, "info"), 2.0 * f64::from(round));
        assert_eq!(count(&server, "error"), f64::from(round));
    }
    let events = server.query("/api/performance/events", &[]);
    let events = events["events"].as_array().unwrap();
    // The same ones, sent again, are the same.
    assert_eq!(events.len(), 2, "{events:#?}");
    let deploy = events
        .iter()
        .find(|event| event["name"] == "deploy")
        .unwrap();
    assert_eq!(
        (&deploy["body"], &deploy["severity"]),
        (&json!("v2"), &json!("debug"))
    );
    let error = server.query("/api/performance/events", &[("severity", "error")]);
    let body = error["events"][0]["body"].as_str().unwrap();
    assert!(body.len() < 1100 && body.ends_with('…'));
}

#[test]
fn w6_spans_survive_a_kill_and_a_flush() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    assert_eq!(
        send(&server, &request("api", &[span(3, 1, "kept", 1)])).status,
        200
    );
    server.kill();
    let server = home.start(&[]);
    assert_eq!(spans(&server, &[("trace", "3")]).len(), 1);
    assert_eq!(server.post("/-/flush", &json!({})).status, 200);
    assert_eq!(spans(&server, &[("trace", "3")]).len(), 1);
}

#[test]
fn w6_pending_spans_are_shown_until_they_end() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let pair = |name: &str, value: &str| {
        let (mut text, mut pair) = (Vec::new(), Vec::new());
        put(1, value.as_bytes(), &mut text);
        put(1, name.as_bytes(), &mut pair);
        put(2, &text, &mut pair);
        pair
    };
    let whole = span(5, 1, "long", 10);
    // The pending one has the same start, an identifier of its own, and the other as its parent.
    let mut pending = whole.clone();
    put(2, &2u64.to_be_bytes(), &mut pending);
    put(4, &1u64.to_be_bytes(), &mut pending);
    put(9, &pair("logfire.span_type", "pending_span"), &mut pending);
    put(
        9,
        &pair("logfire.pending_parent_id", "0000000000000009"),
        &mut pending,
    );
    assert_eq!(
        send(&server, &request("agent", &[pending.clone()])).status,
        200
    );
    let shown = |server: &Server| {
        let listed = spans(server, &[]);
        let trace = server.get("/api/performance/traces/5").ok();
        let trace = trace["spans"].as_array().unwrap().clone();
        assert_eq!((listed.len(), trace.len()), (1, 1), "{listed:#?}");
        // In its trace it says the same, and where it is.
        for (name, value) in listed[0].as_object().unwrap() {
            assert_eq!(&trace[0][name], value, "{name}");
        }
        listed[0].clone()
    };
    let span = shown(&server);
    assert_eq!(
        (&span["pending"], &span["duration"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(span["span_id"], format!("{:016x}", 1));
    assert_eq!(span["parent_id"], format!("{:016x}", 9));
    assert_eq!(send(&server, &request("agent", &[whole])).status, 200);
    assert_eq!(shown(&server)["pending"], false);
    // One that comes late changes nothing.
    assert_eq!(send(&server, &request("agent", &[pending])).status, 200);
    assert_eq!(shown(&server)["pending"], false);
}

#[test]
fn w6_the_usual_ports_are_said_and_may_be_taken() {
    let home = Home::with(QUIET);
    let mut command = home.command(&["start", "--port", "0", "--data-dir", "data"]);
    command.env("TACHO_INGEST_OTLP_HTTP", "127.0.0.1:0");
    command.env("TACHO_INGEST_OTLP_GRPC", "127.0.0.1:0");
    let server = Server::spawn(command);
    let log = server.log();
    assert!(
        log.contains("OpenTelemetry over HTTP on 127.0.0.1:"),
        "{log}"
    );
    let health = server.get("/api/performance/health?verbose=true").ok();
    let parts = health["components"].as_array().unwrap();
    let otlp = parts.iter().find(|part| part["name"] == "otlp").unwrap();
    let detail = otlp["detail"].as_str().unwrap();
    let detail = detail.strip_prefix("HTTP on ").unwrap();

    // Plain HTTP at the port of gRPC must not look like a success.
    let (address, grpc) = detail.split_once(", gRPC on ").unwrap();
    let mut stream = std::net::TcpStream::connect(grpc).unwrap();
    let head = format!("POST {TRACES} HTTP/1.1\r\nHost: {grpc}\r\nConnection: close\r\n");
    let head = format!("{head}Content-Type: {PROTOBUF}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.starts_with("HTTP/1.1 415") && answer.contains("4318"),
        "{answer}"
    );

    let other = Home::with(&format!("{QUIET}ingest: {{otlp: {{http: '{address}'}}}}\n"));
    let mut command = other.command(&["start", "--port", "0", "--data-dir", "data"]);
    command.env_remove("TACHO_INGEST_OTLP_HTTP");
    let ran = crate::support::Ran::from(command.output().unwrap());
    ran.exits(2)
        .complains(&["ingest.otlp.http names this address", address]);
    assert!(server.stop().success());
}
