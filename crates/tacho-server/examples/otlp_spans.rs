//! What receiving spans costs: requests of a busy service, as an exporter sends them, to the log.
//!
//! `cargo run --release -p tacho-server --example otlp_spans [-- SPANS]`. Prints spans a second of
//! processor time: of decoding alone, of receiving (decoded, in rows, in the log and in memory), and
//! with what brings them into files afterwards.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program"
)]

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tacho_model::Timestamp;
use tacho_model::span::{Attribute, AttributeValue, Span, SpanKind, SpanStatus};
use tacho_server::Settings;
use tacho_server::app::App;
use tacho_server::otlp::unpack::Packing;
use tacho_server::otlp::{CountedBy, Encoding, Request, receive};
use tacho_stats::rng::Rng;
use tacho_store::Store;
use tacho_wire::otlp::encode::SpanEncoder;
use tacho_wire::otlp::json::Kind;
use tacho_wire::otlp::traces::decode;

/// Spans of one request: what a batch of the SDKs holds.
const BATCH: usize = 512;
const SPANS_A_TRACE: usize = 12;
/// Between the beginnings of two spans of a request.
const STEP: Duration = Duration::from_micros(100);
/// Between the beginnings of two requests.
const SPACING: Duration = Duration::from_micros(512);

fn text<'a>(name: &'a str, value: &'a str) -> Attribute<'a> {
    Attribute {
        name,
        value: AttributeValue::Text(Cow::Borrowed(value)),
    }
}

fn integer(name: &str, value: i64) -> Attribute<'_> {
    Attribute {
        name,
        value: AttributeValue::Integer(value),
    }
}

/// A request of spans with eight attributes each, of a process that says eight things of itself.
fn request(random: &mut Rng, now: Timestamp) -> Vec<u8> {
    let resource = [
        text("service.name", "checkout"),
        text("service.namespace", "shop"),
        text(
            "service.instance.id",
            "7f1c2b3a-8d1e-4b52-9f61-2f6f1b0f4a11",
        ),
        text("service.version", "1.14.2"),
        text("deployment.environment.name", "production"),
        text("host.name", "node-17"),
        text("telemetry.sdk.language", "python"),
        text("telemetry.sdk.version", "1.45.2"),
    ];
    let mut encoder = SpanEncoder::default();
    let (mut trace, mut parent) = (0, 0);
    for number in 0..BATCH {
        if number % SPANS_A_TRACE == 0 {
            trace = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
            parent = 0;
        }
        let id = random.next_u64() | 1;
        let route = random.below(40);
        let name = format!("GET /api/v1/resource{route}/{{id}}");
        let path = format!("/api/v1/resource{route}/{}", random.below(100_000));
        let peer = format!("10.0.{}.{}", random.below(4), random.below(250));
        let attributes = [
            text("http.request.method", "GET"),
            text("http.route", &name),
            text("url.path", &path),
            text("server.address", &peer),
            integer("http.response.status_code", 200),
            integer("http.response.body.size", random.below(20_000) as i64),
            integer("thread.id", random.below(16) as i64),
            text("network.protocol.version", "1.1"),
        ];
        encoder.push(&Span {
            trace_id: trace,
            span_id: id,
            parent_id: parent,
            pending_of: 0,
            start: now + STEP * number as u32,
            duration: Duration::from_micros(random.below(40_000) as u64),
            name: &name,
            service: "checkout",
            scope: "opentelemetry.instrumentation.fastapi",
            kind: SpanKind::Server,
            status: SpanStatus::Unset,
            status_message: "",
            attributes: &attributes,
            resource: &resource,
            events: "",
            links: "",
        });
        parent = id;
    }
    encoder.finish()
}

/// Processor time of this process in seconds.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}

fn say(what: &str, spans: usize, wall: Duration, cpu: f64) {
    let (a_second, micros) = (spans as f64 / cpu, cpu * 1e6 / spans as f64);
    println!("{what}: {a_second:.0} spans a second and core, {micros:.2} µs each, in {wall:.2?}");
}

fn main() {
    let spans: usize = std::env::args()
        .nth(1)
        .map_or(1_000_000, |n| n.parse().unwrap());
    let requests = spans / BATCH;
    let mut random = Rng::new(7);
    let now = Timestamp::now();
    // Many processes send at the same time: the spans of a hundred requests lie in one another's.
    let begun = |number: usize| now + SPACING * number as u32;
    let bodies = (0..requests).map(|number| request(&mut random, begun(number)));
    let bodies: Vec<Vec<u8>> = bodies.collect();
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let spans = requests * BATCH;
    println!(
        "{requests} requests of {BATCH} spans, {} bytes a span",
        bytes / spans
    );

    let (begun, before) = (Instant::now(), processor());
    for body in &bodies {
        decode(body, |span| {
            black_box(span);
        })
        .unwrap();
    }
    say("decoded", spans, begun.elapsed(), processor() - before);

    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    let store = Arc::new(Store::open(dir.path(), settings.storage.options.clone()).unwrap());
    // One that was started a while ago: what is not in memory was not written before.
    let app = App::new(settings, store.clone(), now - Duration::from_mins(1));
    let (begun, before) = (Instant::now(), processor());
    for body in &bodies {
        let request = Request {
            kind: Kind::Traces,
            encoding: Encoding::Protobuf,
            packing: Packing::Identity,
            body,
            peer: "127.0.0.1",
            counted: CountedBy::Receiver,
        };
        assert_eq!(receive(&app, request).unwrap().rejected, 0);
        if store
            .stats()
            .tables
            .iter()
            .any(|table| table.records_in_memory > 200_000)
        {
            store.write_out(now).unwrap();
        }
    }
    say("received", spans, begun.elapsed(), processor() - before);
    store.flush().unwrap();
    say(
        "and in final form",
        spans,
        begun.elapsed(),
        processor() - before,
    );
    let table = &store.stats().tables[0];
    println!(
        "{} bytes a span on disk",
        table.bytes / table.records_in_files.max(1)
    );
}
