//! What memory a server takes for many endpoints: spans of ten services of ten thousand endpoints
//! each, every endpoint once a round, to a server that runs.
//!
//! `cargo run --release -p tacho-server --example span_memory -- ADDRESS PID [ROUNDS [SECONDS]]`
//! with the address of the server, such as `127.0.0.1:8090`, its process, and how long a round takes
//! at least. Prints its resident memory after each round.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tacho_model::Timestamp;
use tacho_model::span::{Attribute, AttributeValue, Span, SpanKind, SpanStatus};
use tacho_wire::otlp::encode::SpanEncoder;

const SERVICES: u64 = 10;
const ENDPOINTS: u64 = 10_000;
/// Spans of one request.
const BATCH: u64 = 500;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (address, process) = (arguments.next().unwrap(), arguments.next().unwrap());
    let rounds = arguments
        .next()
        .map_or(20, |rounds| rounds.parse().unwrap());
    let pace = arguments.next().map_or(0, |pace| pace.parse().unwrap());
    let mut server = TcpStream::connect(&address).unwrap();
    println!("before: {} MiB", resident(&process));
    let begun = Instant::now();
    for round in 0..rounds {
        let next = Instant::now() + Duration::from_secs(pace);
        for service in 0..SERVICES {
            for first in (0..ENDPOINTS).step_by(BATCH as usize) {
                let body = request(round, service, first);
                post(&mut server, &address, &body);
            }
        }
        println!(
            "round {}: {} endpoints, {} spans, {} MiB, {:.0?}",
            round + 1,
            SERVICES * ENDPOINTS,
            SERVICES * ENDPOINTS * (round + 1),
            resident(&process),
            begun.elapsed()
        );
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Requests of so many endpoints of one service, that just ended.
fn request(round: u64, which: u64, first: u64) -> Vec<u8> {
    let service = format!("service-{which}");
    let now = Timestamp::now();
    let mut encoder = SpanEncoder::default();
    for endpoint in first..first + BATCH {
        let route = format!("/resource-{endpoint}/{{id}}");
        let name = format!("GET {route}");
        let text = |name, value| Attribute {
            name,
            value: AttributeValue::Text(std::borrow::Cow::Borrowed(value)),
        };
        let number = |name, value| Attribute {
            name,
            value: AttributeValue::Integer(value),
        };
        let attributes = [
            text("http.request.method", "GET"),
            text("http.route", &route),
            number("http.response.status_code", 200),
            number("http.response.body.size", 1000 + (endpoint % 900) as i64),
        ];
        let duration = Duration::from_micros(1000 + (endpoint * 7919 + round * 104_729) % 90_000);
        // No two are alike.
        let id = 1 + endpoint + ENDPOINTS * (which + SERVICES * round);
        encoder.push(&Span {
            trace_id: u128::from(id),
            span_id: id,
            parent_id: 0,
            pending_of: 0,
            start: now - duration,
            duration,
            name: &name,
            service: &service,
            scope: "http",
            kind: SpanKind::Server,
            status: SpanStatus::Unset,
            status_message: "",
            attributes: &attributes,
            resource: &[],
            events: "",
            links: "",
        });
    }
    encoder.finish()
}

fn post(server: &mut TcpStream, address: &str, body: &[u8]) {
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-protobuf\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    server.write_all(head.as_bytes()).unwrap();
    server.write_all(body).unwrap();
    let mut answer = BufReader::new(server);
    let mut line = String::new();
    answer.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    let mut length = 0;
    while line.trim() != "" {
        line.clear();
        answer.read_line(&mut line).unwrap();
        if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().unwrap();
        }
    }
    std::io::copy(&mut answer.take(length), &mut std::io::sink()).unwrap();
}

/// Resident memory in MiB.
fn resident(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap() / 1024
}
