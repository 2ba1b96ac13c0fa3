//! OpenTelemetry's metrics: the SDK for Python as its users run it, and a server that is killed
//! between requests.

use std::path::PathBuf;
use std::process::Command;

use crate::remote_write::put;
use crate::support::{Answer, Home, QUIET, Server, now};

const PATH: &str = "/v1/metrics";

/// Runs `otlp_metrics.py` against a server of its own, with these settings of the SDK.
fn with_sdk(protocol: &str, temporality: &str, histogram: &str) -> Option<(Home, Server)> {
    let Some(clients) = std::env::var_os("TACHO_CLIENTS").map(PathBuf::from) else {
        println!("skipped: TACHO_CLIENTS is not set; script/clients DIR installs real clients");
        return None;
    };
    let home = Home::with(QUIET);
    let mut start = home.command(&["start", "--port", "0", "--data-dir", "data"]);
    if protocol == "grpc" {
        start.env("TACHO_INGEST_OTLP_GRPC", "127.0.0.1:0");
    }
    let server = Server::spawn(start);
    let log = server.log();
    let address = match log.split_once("OpenTelemetry over ") {
        Some((_, rest)) if protocol == "grpc" => rest.split_whitespace().nth(2).unwrap(),
        _ => server.address(),
    };
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients/otlp_metrics.py");
    let mut sdk = Command::new(clients.join("py/bin/python"));
    sdk.arg(program)
        .arg(protocol)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"))
        .env("OTEL_EXPORTER_OTLP_INSECURE", "true")
        .env(
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            temporality,
        )
        .env(
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            histogram,
        )
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY");
    let output = sdk.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("rejected"), "{said}");
    Some((home, server))
}

/// The newest value of the only series that matches.
#[track_caller]
fn last(server: &Server, selector: &str) -> f64 {
    let values = server.values(&[("match[]", selector)]);
    *values.last().unwrap()
}

/// What three rounds of `otlp_metrics.py` come to, whatever the temporality.
#[track_caller]
fn check_numbers(server: &Server) {
    let requests = r#"shop_requests_total{job="shop/cart",instance="cart-1","#;
    for (selector, expected) in [
        (format!(r#"{requests}http_request_method="GET"}}"#), 6.0),
        (format!(r#"{requests}http_request_method="POST"}}"#), 3.0),
        (r#"shop_items{otel_scope_name="shop.cart"}"#.to_owned(), 3.0),
        ("shop_memory_used_kibibytes".to_owned(), 1.0),
        ("shop_network_io_bytes_total".to_owned(), 30.0),
        (
            r#"target_info{deployment_environment_name="test"}"#.to_owned(),
            1.0,
        ),
    ] {
        assert_eq!(last(server, &selector), expected, "{selector}");
    }
    let series = server.series(&[("match[]", "shop_network_io_bytes_total")]);
    assert_eq!(
        (&series[0]["kind"], &series[0]["unit"]),
        (&"counter".into(), &"By".into())
    );
}

fn classic(protocol: &str, temporality: &str) {
    let sdk = with_sdk(protocol, temporality, "explicit_bucket_histogram");
    let Some((_home, server)) = sdk else { return };
    check_numbers(&server);
    for (le, expected) in [("0.5", 3.0), ("1", 6.0), ("5", 6.0), ("+Inf", 9.0)] {
        let selector = format!(r#"shop_request_duration_seconds_bucket{{le="{le}"}}"#);
        assert_eq!(last(&server, &selector), expected, "{selector}");
    }
    assert_eq!(last(&server, "shop_request_duration_seconds_count"), 9.0);
    assert_eq!(last(&server, "shop_request_duration_seconds_sum"), 27.0);
}

fn native(protocol: &str, temporality: &str) {
    let sdk = with_sdk(protocol, temporality, "base2_exponential_bucket_histogram");
    let Some((_home, server)) = sdk else { return };
    check_numbers(&server);
    // A distribution is shown as its mean.
    assert_eq!(last(&server, "shop_request_duration_seconds"), 3.0);
}

#[test]
fn w6_python_sdk_cumulative_over_http() {
    classic("http", "cumulative");
    native("http", "cumulative");
}

#[test]
fn w6_python_sdk_delta_over_http() {
    classic("http", "delta");
    native("http", "delta");
}

#[test]
fn w6_python_sdk_low_memory_over_grpc() {
    classic("grpc", "lowmemory");
    native("grpc", "delta");
}

/// A request of one monotonic delta sum: what was gained from `start` to `end`, in nanoseconds.
fn delta(start: u64, end: u64, gained: f64) -> Vec<u8> {
    let mut point = Vec::new();
    for (number, bits) in [(2, start), (3, end), (4, gained.to_bits())] {
        point.push(number << 3 | 1);
        point.extend_from_slice(&bits.to_le_bytes());
    }
    let mut sum = Vec::new();
    put(1, &point, &mut sum);
    sum.extend_from_slice(&[2 << 3, 1, 3 << 3, 1]);
    let mut body = Vec::new();
    put(1, b"gained", &mut body);
    put(7, &sum, &mut body);
    for number in [2, 2, 1] {
        let mut around = Vec::new();
        put(number, &body, &mut around);
        body = around;
    }
    body
}

fn send(server: &Server, body: &[u8]) -> Answer {
    server.send(PATH, "application/x-protobuf", "", body)
}

#[test]
fn w6_deltas_are_counted_once_though_the_server_is_killed() {
    let home = Home::with(QUIET);
    let begin = (now() * 1e9) as u64 - 60_000_000_000;
    let interval = |i: u64| {
        delta(
            begin + i * 1_000_000_000,
            begin + (i + 1) * 1_000_000_000,
            1.0,
        )
    };
    let mut sent = 0;
    for _ in 0..3 {
        let server = home.start(&[]);
        // The one before may have been kept though nobody was told.
        if sent > 0 {
            assert_eq!(send(&server, &interval(sent - 1)).status, 200);
        }
        for _ in 0..5 {
            let answer = send(&server, &interval(sent));
            assert_eq!((answer.status, answer.body.as_str()), (200, ""));
            sent += 1;
        }
        assert_eq!(last(&server, "gained_total"), sent as f64);
        server.kill();
    }
}

#[test]
fn w6_deltas_of_a_renamed_series_go_on_after_a_restart() {
    let rename = "filters:\n  - {action: rename, match: gained_total, to: won_total}\n";
    let home = Home::with(&format!("{QUIET}{rename}"));
    let begin = (now() * 1e9) as u64 - 60_000_000_000;
    let interval = |i: u64| {
        let start = begin + i * 1_000_000_000;
        delta(start, start + 1_000_000_000, 2.0)
    };
    for sent in 0..3 {
        let server = home.start(&[]);
        // Sent again after a kill, it is known by what was stored.
        for again in [sent, sent] {
            assert_eq!(send(&server, &interval(again)).status, 200);
        }
        assert_eq!(last(&server, "won_total"), 2.0 * (sent + 1) as f64);
        server.kill();
        let server = home.start(&[]);
        assert_eq!(send(&server, &interval(sent)).status, 200);
        assert_eq!(last(&server, "won_total"), 2.0 * (sent + 1) as f64);
        server.kill();
    }
}

#[test]
fn w6_what_is_refused_is_told_in_a_partial_success() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let now = (now() * 1e9) as u64;
    let answer = send(&server, &delta(now, now, -1.0));
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("1 of 1 points were refused"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("negative"), "{}", answer.body);
    assert_eq!(send(&server, b"\x0a\x05\x01").status, 400);
    let year = 365 * 86_400 * 1_000_000_000;
    let answer = send(&server, &delta(now, now + 74 * year, 1.0));
    assert!(answer.body.contains("future"), "{}", answer.body);
    // Neither spoilt what comes after.
    assert_eq!(send(&server, &delta(now - 1000, now, 2.0)).body, "");
    assert_eq!(last(&server, "gained_total"), 2.0);
}
