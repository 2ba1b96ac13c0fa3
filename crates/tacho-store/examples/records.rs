//! What a table of records costs: spans of a busy service, written, brought into files, and found.
//!
//! `cargo run --release -p tacho-store --example records [-- SPANS]`. Prints spans a second and
//! processor time a span while writing, bytes a span on disk, resident memory at its peak, and how
//! long it takes to find a trace, the slowest spans, the failed ones, and to read all; and to write
//! and read back one trace of 100 000 spans.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tacho_model::{Matcher, TimeRange, Timestamp};
use tacho_stats::rng::Rng;
use tacho_store::records::{
    Cell, Column, ColumnKind, Condition, Order, RecordQuery, Records, Scalar, Schema, Test,
};
use tacho_store::{Retention, Store, StoreOptions, Table};

/// 2026-11-20T00:00:00Z.
const START: i64 = 1_795_132_800;
/// Spans of one append, as an exporter sends them.
const BATCH: usize = 512;
const SPANS_A_TRACE: usize = 12;
/// Most spans that a query may return.
const ALL: usize = 1 << 20;

fn schema() -> Schema {
    let columns = vec![
        Column::new("start", ColumnKind::Integer),
        Column::new("trace_id", ColumnKind::Id).key().indexed(),
        Column::new("span_id", ColumnKind::Id).key(),
        Column::new("parent_id", ColumnKind::Id),
        Column::new("service", ColumnKind::Text).indexed(),
        Column::new("name", ColumnKind::Text).indexed(),
        Column::new("duration", ColumnKind::Integer),
        Column::new("status", ColumnKind::Integer),
        Column::new("attributes", ColumnKind::Attributes),
    ];
    Schema::new("spans", columns).unwrap()
}

/// Makes spans, trace after trace.
struct Spans {
    random: Rng,
    now: i64,
    trace: u128,
    parent: u128,
    left: usize,
}

impl Spans {
    fn push(&mut self, records: &mut Records, spans_a_trace: usize) {
        let random = &mut self.random;
        if self.left == 0 {
            self.left = spans_a_trace;
            self.trace = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
            self.parent = 0;
        }
        self.left -= 1;
        self.now += random.below(400_000) as i64;
        let span = u128::from(random.next_u64());
        let duration = (-(1.0 - random.uniform()).ln() * 20e6) as i64;
        let status = i64::from(random.below(100) == 0);
        let route = random.below(40);
        let service = ["checkout", "cart", "search", "postgresql"][route % 4];
        let name = format!("GET /api/v1/resource{route}/{{id}}");
        let (path, peer) = (
            format!("/api/v1/resource{route}/{}", random.below(100_000)),
            format!("10.0.{}.{}", random.below(4), random.below(250)),
        );
        let attributes = [
            ("http.request.method", Scalar::Text("GET")),
            ("http.route", Scalar::Text(&name)),
            ("url.path", Scalar::Text(&path)),
            ("server.address", Scalar::Text(&peer)),
            (
                "http.response.status_code",
                Scalar::Integer(200 + 300 * status),
            ),
            (
                "http.response.body.size",
                Scalar::Integer(random.below(20_000) as i64),
            ),
            ("thread.id", Scalar::Integer(random.below(16) as i64)),
            ("cache.hit", Scalar::Boolean(random.below(3) > 0)),
        ];
        let row = [
            Cell::Integer(self.now),
            Cell::Id(self.trace),
            Cell::Id(span),
            Cell::Id(self.parent),
            Cell::Text(service),
            Cell::Text(&name),
            Cell::Integer(duration),
            Cell::Integer(status),
            Cell::Attributes(&attributes),
        ];
        records.push(&row).unwrap();
        self.parent = span;
    }

    fn batch(&mut self, schema: &Schema, count: usize, spans_a_trace: usize) -> Records {
        let mut records = Records::new(schema);
        (0..count).for_each(|_| self.push(&mut records, spans_a_trace));
        records
    }
}

/// Processor time of this process in seconds.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap_or_default().to_owned()
}

fn timed(store: &Store, what: &str, conditions: &[Condition<'_>], order: Order, limit: usize) {
    let query = RecordQuery {
        range: TimeRange::ALL,
        conditions,
        columns: &[0, 1, 2, 3, 4, 5, 6, 7, 8],
        order,
        limit,
    };
    for pass in ["first", "again"] {
        let begun = Instant::now();
        let found = store.select_records("spans", &query).unwrap().len();
        println!("{what}, {pass}: {found} spans in {:.2?}", begun.elapsed());
    }
}

/// Finds spans in several ways.
fn read(store: &Store, wanted: u128) {
    let table = &store.stats().tables[0];
    let each = table.bytes as f64 / table.records_in_files as f64;
    println!("{} files, {each:.1} bytes a span", table.files);
    let condition = |column, test| Condition { column, test };
    let trace = [condition(1, Test::Id(wanted))];
    timed(store, "one trace", &trace, Order::OldestFirst, ALL);
    let slow = [condition(6, Test::Integer(200_000_000..=i64::MAX))];
    timed(
        store,
        "slower than 200 ms, newest 100",
        &slow,
        Order::NewestFirst,
        100,
    );
    let cart = Matcher::equal("", "cart");
    let failed = [
        condition(4, Test::Text(&cart)),
        condition(7, Test::Integer(1..=1)),
    ];
    timed(
        store,
        "failed in one service, newest 100",
        &failed,
        Order::NewestFirst,
        100,
    );
    let begun = Instant::now();
    let (mut seen, mut nanos) = (0, 0);
    let query = RecordQuery {
        range: TimeRange::ALL,
        conditions: &[],
        columns: &[4, 6],
        order: Order::OldestFirst,
        limit: 0,
    };
    let scan = store.scan_records("spans", &query, |records| {
        seen += records.len();
        nanos += records.integers(1).iter().sum::<i64>();
        true
    });
    scan.unwrap();
    let mean = nanos as f64 / seen as f64 / 1e6;
    println!(
        "durations of {seen} by service in {:.2?}, mean {mean:.1} ms",
        begun.elapsed()
    );
}

/// Writes one trace of 100 000 spans and reads it back.
fn large_trace(store: &Store, schema: &Schema, source: &mut Spans) {
    source.left = 0;
    let begun = Instant::now();
    for _ in 0..100 {
        let batch = source.batch(schema, 1000, 100_000);
        store.append_records("spans", &batch).unwrap();
    }
    let large = [Condition {
        column: 1,
        test: Test::Id(source.trace),
    }];
    println!(
        "a trace of 100 000 spans made and written in {:.2?}",
        begun.elapsed()
    );
    timed(
        store,
        "a large trace from memory",
        &large,
        Order::OldestFirst,
        ALL,
    );
    store.flush().unwrap();
    timed(
        store,
        "a large trace from disk",
        &large,
        Order::OldestFirst,
        ALL,
    );
}

fn main() {
    let spans: usize = std::env::args()
        .nth(1)
        .map_or(2_000_000, |n| n.parse().unwrap());
    let dir = std::env::temp_dir().join(format!("tacho-records-{}", std::process::id()));
    let schema = Arc::new(schema());
    let options = StoreOptions {
        tables: vec![Table {
            schema: schema.clone(),
            retention: Retention::days(30),
        }],
        clock: || Timestamp::from_secs(START + 86_400),
        ..StoreOptions::default()
    };
    let store = Store::open(&dir, options).unwrap();
    let mut source = Spans {
        random: Rng::new(7),
        now: START * 1_000_000_000,
        trace: 0,
        parent: 0,
        left: 0,
    };
    let (mut wall, mut cpu, mut wanted) = (Duration::ZERO, 0.0, 0);
    for number in 0..spans / BATCH {
        let batch = source.batch(&schema, BATCH, SPANS_A_TRACE);
        if number == spans / BATCH / 2 {
            wanted = source.trace;
        }
        let (begun, before) = (Instant::now(), processor());
        store.append_records("spans", &batch).unwrap();
        store.write_out(Timestamp::from_secs(START)).unwrap();
        wall += begun.elapsed();
        cpu += processor() - before;
    }
    println!(
        "{spans} spans: {:.0} a second, {:.2} µs of processor time each, {}",
        spans as f64 / wall.as_secs_f64(),
        cpu * 1e6 / spans as f64,
        peak()
    );
    let (begun, before) = (Instant::now(), processor());
    store.flush().unwrap();
    println!(
        "into final form in {:.2?}, {:.2} µs of processor time each, {}",
        begun.elapsed(),
        (processor() - before) * 1e6 / spans as f64,
        peak()
    );
    read(&store, wanted);
    large_trace(&store, &schema, &mut source);
    println!("{}", peak());
    drop(store);
    std::fs::remove_dir_all(&dir).unwrap();
}
