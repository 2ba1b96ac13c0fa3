//! The store's hot paths, each alone: `cargo bench -p tacho-store --features bench`.
//!
//! Hashing and finding a series, appending known and new series, a page's way to bytes and back,
//! the intersection of postings, reading a series, replaying the log. Labels and values are like
//! those of a fleet of hosts scraped every 15 s.

#![expect(clippy::unwrap_used, reason = "a measuring program")]

mod fleet;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tacho_model::{
    Appender, Batch, Columns, Labels, MatchOp, Matcher, Querier, TimeRange, Timestamp,
};
use tacho_store::bench::{Finder, decode_page, encode_page};

use fleet::{SERIES, START, folder, labels, open};

fn batch(series: &[Labels], round: i64) -> Batch {
    let mut batch = Batch::new();
    for (i, labels) in series.iter().enumerate() {
        let index = batch.series_encoded(labels.as_ref());
        let time = Timestamp::from_secs(START + round * 15);
        batch.push(index, time, (round * 7 + i as i64 * 31 % 11) as f64 / 100.0);
    }
    batch
}

fn finding(c: &mut Criterion) {
    let series: Vec<Labels> = (0..SERIES).map(labels).collect();
    let finder = Finder::new(&series);
    let mut group = c.benchmark_group("find");
    group.throughput(Throughput::Elements(SERIES as u64));
    group.bench_function("10 000 series by their bytes", |b| {
        b.iter(|| {
            let found = series.iter().filter(|s| finder.find(s.as_ref().as_bytes()));
            black_box(found.count())
        });
    });
    group.finish();
}

fn appending(c: &mut Criterion) {
    let series: Vec<Labels> = (0..SERIES).map(labels).collect();
    let mut group = c.benchmark_group("append");
    group.throughput(Throughput::Elements(SERIES as u64));
    let dir = folder();
    let store = open(dir.path());
    let mut round = 0;
    group.bench_function("10 000 known series", |b| {
        b.iter_batched(
            || {
                round += 1;
                batch(&series, round)
            },
            |batch| store.append(&batch).unwrap(),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("10 000 new series", |b| {
        b.iter_batched(
            || {
                let dir = folder();
                (open(dir.path()), dir, batch(&series, 0))
            },
            |(store, dir, batch)| {
                store.append(&batch).unwrap();
                (store, dir)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn pages(c: &mut Criterion) {
    let counter: Vec<f64> = (0..5760u32)
        .map(|i| f64::from(i * 37 + i * i % 101) / 100.0)
        .collect();
    let mut group = c.benchmark_group("page");
    for (name, count, finally) in [("sealed", 512, false), ("final", 5760, true)] {
        let numbers = &counter[..count];
        let bytes = encode_page(numbers, finally);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("encode {name}, {count} values"), |b| {
            b.iter(|| encode_page(black_box(numbers), finally));
        });
        let mut into = Vec::new();
        group.bench_function(format!("decode {name}, {count} values"), |b| {
            b.iter(|| decode_page(black_box(&bytes), count, &mut into));
        });
    }
    group.finish();
}

fn reading(c: &mut Criterion) {
    let series: Vec<Labels> = (0..SERIES).map(labels).collect();
    let dir = folder();
    let store = open(dir.path());
    for round in 0..240 {
        store.append(&batch(&series, round)).unwrap();
    }
    store.flush().unwrap();
    let mut group = c.benchmark_group("read");
    let matchers = [
        Matcher::new("__name__", MatchOp::Regex, "node_some_metric_.*").unwrap(),
        Matcher::equal("job", "db"),
        Matcher::new("region", MatchOp::NotEqual, "us-east-1").unwrap(),
    ];
    group.bench_function("intersect three postings of 10 000 series", |b| {
        b.iter(|| store.select(&matchers, TimeRange::ALL).unwrap().len());
    });
    let one = [
        Matcher::metric("node_some_metric_42_total"),
        Matcher::equal("instance", "host-00017:9100"),
    ];
    let mut columns = Columns::new();
    group.bench_function("one series of 240 samples", |b| {
        b.iter(|| {
            let selection = store.select(&one, TimeRange::ALL).unwrap();
            selection.read(0, &mut columns).unwrap();
            columns.len()
        });
    });
    group.finish();
}

fn replaying(c: &mut Criterion) {
    let series: Vec<Labels> = (0..SERIES).map(labels).collect();
    let dir = folder();
    let store = open(dir.path());
    for round in 0..100 {
        store.append(&batch(&series, round)).unwrap();
    }
    drop(store);
    let mut group = c.benchmark_group("replay");
    group.sample_size(10);
    group.throughput(Throughput::Elements(100 * SERIES as u64));
    group.bench_function("a log of a million samples", |b| {
        b.iter(|| open(dir.path()).stats().samples_in_memory);
    });
    group.finish();
}

criterion_group!(benches, finding, appending, pages, reading, replaying);
criterion_main!(benches);
