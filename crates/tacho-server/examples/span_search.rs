//! How long it takes to find spans and traces among many.
//!
//! `cargo run --release -p tacho-server --example span_search [-- SPANS [FOLDER]]`. Fills a store
//! with spans of a busy system (ten million unless told otherwise), brings it into its final form,
//! opens it again, and prints how long searches take, the first time and once more; then writes a
//! trace of 100 000 spans and reads it back in pages. A folder is kept, and filled only once.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::unnecessary_wraps,
    reason = "a measuring program, whose searches are never stopped"
)]

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tacho_model::span::{Attribute, AttributeValue, Span, SpanKind, SpanStatus};
use tacho_model::{Matcher, QueryError, TimeRange, Timestamp};
use tacho_server::spans::filter::SpanFilter;
use tacho_server::spans::trees::{IsFirst, RecentTrees};
use tacho_server::spans::{RETENTION, SpanRows, TABLE, calls, find, search, table};
use tacho_stats::rng::Rng;
use tacho_store::{Store, StoreOptions};

const SPANS: usize = 10_000_000;
const SPANS_A_TRACE: usize = 12;
const SERVICES: usize = 20;
/// Rows of one append.
const BATCH: usize = 8192;
/// Between the beginnings of two traces: 2 000 spans a second.
const STEP: Duration = Duration::from_millis(6);
const LARGE: u64 = 100_000;

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

/// Adds the spans of one trace: a chain through services, each with its own routes.
fn push_trace(rows: &mut SpanRows, random: &mut Rng, start: Timestamp) {
    let trace_id = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
    let mut parent_id = 0;
    for number in 0..SPANS_A_TRACE {
        let service = random.below(SERVICES);
        let name = match random.below(100_000) {
            0 => "rare".to_owned(),
            _ => format!("service-{service}"),
        };
        // Mostly milliseconds; one in a million takes more than ten seconds.
        let millis = -(1.0 - random.uniform()).ln() * 20.0;
        let millis = if random.below(1_000_000) == 0 {
            10_000.0 + millis
        } else {
            millis
        };
        // One service is never slower than ten milliseconds.
        let millis = if service == 0 {
            millis.min(10.0)
        } else {
            millis
        };
        let failed = random.below(100) == 0;
        let route = format!("/api/v1/resource{}/{{id}}", service * 5 + random.below(5));
        let path = format!("/api/v1/resource/{}", random.below(100_000));
        let peer = format!("10.0.{}.{}", random.below(4), random.below(250));
        let user = format!("user-{}", random.below(1_000_000));
        let attributes = [
            text("http.request.method", "GET"),
            text("http.route", &route),
            text("url.path", &path),
            text("server.address", &peer),
            integer("http.response.status_code", if failed { 500 } else { 200 }),
            integer("http.response.body.size", random.below(20_000) as i64),
            integer("thread.id", random.below(16) as i64),
            text("enduser.id", &user),
        ];
        let resource = [
            text("service.version", "1.14.2"),
            text("deployment.environment.name", "production"),
            text("host.name", "node-17"),
            text("telemetry.sdk.language", "python"),
        ];
        let span_id = random.next_u64() | 1;
        let row = Span {
            trace_id,
            span_id,
            parent_id,
            pending_of: 0,
            start: start + Duration::from_micros(300 * number as u64),
            duration: Duration::from_secs_f64(millis / 1e3),
            name: "GET",
            service: &name,
            scope: "opentelemetry.instrumentation.fastapi",
            kind: if number % 2 == 0 {
                SpanKind::Server
            } else {
                SpanKind::Client
            },
            status: if failed {
                SpanStatus::Error
            } else {
                SpanStatus::Unset
            },
            status_message: "",
            attributes: &attributes,
            resource: &resource,
            events: "",
            links: "",
        };
        rows.push(&row).unwrap();
        parent_id = span_id;
    }
}

fn open(dir: &Path) -> Store {
    let options = StoreOptions {
        tables: vec![table(RETENTION)],
        ..StoreOptions::default()
    };
    Store::open(dir, options).unwrap()
}

fn fill(dir: &Path, spans: usize, end: Timestamp) {
    let begun = Instant::now();
    let store = open(dir);
    let mut random = Rng::new(7);
    let traces = spans / SPANS_A_TRACE;
    let mut rows = SpanRows::default();
    for trace in 0..traces {
        push_trace(&mut rows, &mut random, end - STEP * (traces - trace) as u32);
        if rows.len() >= BATCH || trace + 1 == traces {
            store.append_records(TABLE, &rows.take()).unwrap();
            if store.stats().tables[0].records_in_memory > 200_000 {
                store.write_out(Timestamp::now()).unwrap();
            }
        }
    }
    store.flush().unwrap();
    println!(
        "{} spans written and in final form in {:.1?}",
        traces * SPANS_A_TRACE,
        begun.elapsed()
    );
}

fn go_on() -> Result<(), QueryError> {
    Ok(())
}

/// Prints how long something takes, the first time and the best of three more.
fn time(what: &str, mut run: impl FnMut() -> String) {
    let mut times = Vec::new();
    let mut told = String::new();
    for _ in 0..4 {
        let begun = Instant::now();
        told = run();
        times.push(begun.elapsed());
    }
    let best = times[1..].iter().min().unwrap();
    println!("{what}: {:.1?}, then {best:.1?} ({told})", times[0]);
}

fn filter(range: TimeRange) -> SpanFilter {
    SpanFilter {
        range,
        texts: Vec::new(),
        attributes: Vec::new(),
        trace: None,
        duration: Duration::ZERO..=Duration::MAX,
        errors: false,
        limit: 20,
    }
}

fn searches(store: &Store, all: TimeRange) {
    let filter = filter(all);
    let service = |name: &str| vec![Matcher::equal("service", name)];
    let from = |millis: u64| Duration::from_millis(millis)..=Duration::MAX;
    let recent = TimeRange::last(Duration::from_mins(10), all.end);
    let questions = [
        ("newest", filter.clone()),
        (
            "rare service",
            SpanFilter {
                texts: service("rare"),
                ..filter.clone()
            },
        ),
        (
            "no such service",
            SpanFilter {
                texts: service("none"),
                ..filter.clone()
            },
        ),
        (
            "slower than 10 s",
            SpanFilter {
                duration: from(10_000),
                ..filter.clone()
            },
        ),
        (
            "errors of a service",
            SpanFilter {
                texts: service("service-3"),
                errors: true,
                ..filter.clone()
            },
        ),
        (
            "a service, slower than 200 ms, ten minutes",
            SpanFilter {
                texts: service("service-3"),
                duration: from(200),
                range: recent,
                ..filter.clone()
            },
        ),
        (
            "a service, slower than 300 ms, whole range",
            SpanFilter {
                texts: service("service-3"),
                duration: from(300),
                ..filter.clone()
            },
        ),
        (
            "a service that never is so slow, whole range",
            SpanFilter {
                texts: service("service-0"),
                duration: from(50),
                ..filter.clone()
            },
        ),
        (
            "an operation",
            SpanFilter {
                texts: vec![Matcher::equal("operation", "GET /api/v1/resource17/{id}")],
                ..filter.clone()
            },
        ),
        (
            "an attribute, ten minutes",
            SpanFilter {
                attributes: vec![Matcher::equal("enduser.id", "user-4711")],
                range: recent,
                ..filter.clone()
            },
        ),
    ];
    for (what, filter) in questions {
        time(&format!("spans, {what}"), || {
            format!("{} found", find::find(store, &filter, go_on).unwrap().len())
        });
        time(&format!("traces, {what}"), || {
            format!(
                "{} found",
                search::search(store, &filter, &go_on).unwrap().len()
            )
        });
    }
    let thousand = SpanFilter {
        texts: service("service-3"),
        limit: 1000,
        ..filter
    };
    time("call tree of the newest 1000 traces of a service", || {
        let calls = calls::of_matching(store, &thousand, &go_on).unwrap();
        format!("{} spans, {} nodes", calls.spans, calls.tree.nodes().len())
    });
}

/// Writes one large trace, a tree of ten children a span, and reads it back.
fn large(store: &Store, start: Timestamp) {
    let begun = Instant::now();
    let mut rows = SpanRows::default();
    for id in 1..=LARGE {
        let attributes = [text("http.route", "/a/{id}"), integer("n", id as i64)];
        rows.push(&Span {
            trace_id: 1,
            span_id: id,
            parent_id: if id == 1 { 0 } else { (id + 8) / 10 },
            pending_of: 0,
            start: start + Duration::from_micros(id),
            duration: Duration::from_micros(LARGE - id + 1),
            name: "step",
            service: "large",
            scope: "",
            kind: SpanKind::Internal,
            status: SpanStatus::Unset,
            status_message: "",
            attributes: &attributes,
            resource: &[],
            events: "",
            links: "",
        })
        .unwrap();
        if rows.len() >= BATCH || id == LARGE {
            store.append_records(TABLE, &rows.take()).unwrap();
        }
    }
    println!(
        "a trace of {LARGE} spans written in {:.1?}",
        begun.elapsed()
    );
    let read = || {
        let trees = RecentTrees::default();
        let (mut after, mut is_first, mut spans, mut deepest) = (None, IsFirst::Yes, 0, 0);
        loop {
            let page = find::trace(store, 1, after, 10_000).unwrap();
            let places = trees.get(store, 1, &page.spans, is_first, &go_on).unwrap();
            let depths = page
                .spans
                .iter()
                .map(|span| places.get(span).unwrap().depth);
            deepest = depths.chain([deepest]).max().unwrap();
            spans += page.spans.len();
            (after, is_first) = (page.next, IsFirst::No);
            if after.is_none() {
                return format!("{spans} spans, {deepest} deep");
            }
        }
    };
    time(
        "read back in pages of 10000 with its tree, from memory",
        read,
    );
    store.flush().unwrap();
    time("the same from disk", read);
    time("its call tree", || {
        let calls = calls::of_trace(store, 1, &go_on).unwrap().unwrap();
        format!("{} nodes", calls.tree.nodes().len())
    });
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let spans = arguments.next().map_or(SPANS, |n| n.parse().unwrap());
    let folder = arguments.next().map(PathBuf::from);
    let own = tempfile::tempdir().unwrap();
    let dir = folder.unwrap_or_else(|| own.path().to_owned());
    if !dir.join("records").exists() {
        fill(&dir, spans, Timestamp::now());
    }
    let store = open(&dir);
    let table = &store.stats().tables[0];
    println!(
        "{} spans in {} MB",
        table.records_in_files,
        table.bytes / 1_000_000
    );
    let newest = SpanFilter {
        limit: 1,
        ..filter(TimeRange::ALL)
    };
    let end = find::find(&store, &newest, go_on).unwrap()[0].start;
    let begin = end - STEP * (spans / SPANS_A_TRACE) as u32;
    searches(&store, TimeRange::new(begin, end));
    large(&store, end - Duration::from_mins(1));
}
