//! What roll-ups cost: two days of hosts scraped every 15 seconds, rolled up one day at a time.
//!
//! `cargo run --release -p tacho-store --example rollups [-- HOSTS [jitter]]`. Prints bytes on
//! disk of raw data and of both roll-ups for each raw sample, processor time of rolling up for
//! each, resident memory at its peak, and how long a series' day takes to read. Of a host's 100
//! series most are counters of hundredths, bytes and events, some are gauges, some never change.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program"
)]

use std::time::Instant;

use tacho_model::{Appender, Batch, Columns, Matcher, TimeRange, Timestamp};
use tacho_stats::rng::Rng;
use tacho_store::{Aggregate, Resolution, Store, StoreOptions};

/// 2026-11-20T00:00:00Z.
const START: i64 = 1_795_132_800;
const DAY: i64 = 86_400;
const SERIES: usize = 100;

/// The name of a host's series, and its next value.
fn step(number: usize, value: f64, random: &mut Rng) -> (&'static str, f64) {
    match number {
        0..24 => {
            let cents = (value * 100.0).round() + random.below(400) as f64;
            ("cpu_seconds_total", cents / 100.0)
        }
        24..35 => {
            let pages = random.below(2001) as f64 - 1000.0;
            ("memory_bytes", (value + pages * 4096.0).abs())
        }
        35..45 => ("packets_total", value + random.below(30_000) as f64),
        45..55 => ("bytes_total", value + random.below(40_000_000) as f64),
        55..69 => ("duration_seconds_bucket", value + random.below(3) as f64),
        69..80 => {
            let tenths = (value * 10.0).round() + random.below(11) as f64 - 5.0;
            ("percent", tenths.abs() / 10.0)
        }
        _ => ("constant", 1.0 + number as f64),
    }
}

fn clock() -> Timestamp {
    Timestamp::from_secs(START + 3 * DAY)
}

/// Processor time of this process in seconds, all its threads.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
    let ticks: f64 = fields
        .skip(12)
        .take(2)
        .filter_map(|f| f.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    line.split_whitespace()
        .skip(1)
        .collect::<Vec<_>>()
        .join(" ")
}

fn fill(store: &Store, hosts: usize, jitter: bool) -> u64 {
    let mut random = Rng::new(7);
    let mut values = vec![0.0f64; hosts * SERIES];
    let mut count = 0;
    for tick in 0..2 * DAY / 15 {
        let mut batch = Batch::new();
        for host in 0..hosts {
            let late = if jitter { random.below(20) as i64 } else { 0 };
            let time = Timestamp::from_millis((START + tick * 15 + 1) * 1000 + late);
            for number in 0..SERIES {
                let value = &mut values[host * SERIES + number];
                let (name, next) = step(number, *value, &mut random);
                *value = next;
                let (instance, number) = (format!("host-{host:05}"), number.to_string());
                let labels = [("__name__", name), ("instance", &instance), ("n", &number)];
                let series = batch.series(labels).unwrap();
                batch.push(series, time, next);
            }
        }
        count += batch.len() as u64;
        assert_eq!(store.append(&batch).unwrap().rejected, []);
        if tick % 240 == 0 {
            // As old as memory may get, before anything is due to be rolled up.
            store
                .maintain(Timestamp::from_secs(START + tick * 15))
                .unwrap();
        }
    }
    store.flush().unwrap();
    count
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let hosts = arguments.next().map_or(20, |text| text.parse().unwrap());
    let jitter = arguments.next().is_some();
    let dir = std::env::temp_dir().join(format!("tacho-rollups-{}", std::process::id()));
    let options = StoreOptions {
        clock,
        ..StoreOptions::default()
    };
    let store = Store::open(&dir, options).unwrap();
    let samples = fill(&store, hosts, jitter) as f64;
    let before = store.stats();
    let raw = (before.disk_bytes - before.wal_bytes) as f64;
    println!(
        "{samples} samples, raw {:.3} bytes each, peak {}",
        raw / samples,
        peak()
    );
    let (begun, cpu) = (Instant::now(), processor());
    for _ in 0..3 {
        let done = store
            .maintain(Timestamp::from_secs(START + 3 * DAY))
            .unwrap();
        println!(
            "{} files in {:.2?} since the start",
            done.rollups_written,
            begun.elapsed()
        );
    }
    let cpu = (processor() - cpu) * 1e9 / samples;
    println!(
        "rolled up at {cpu:.1} ns of processor time a raw sample, peak {}",
        peak()
    );
    for rolled in store.stats().rollups {
        let name = rolled.resolution.as_str();
        let (bytes, values) = (rolled.bytes as f64, rolled.samples as f64);
        println!(
            "{name}: {:.3} bytes a raw sample, {:.2} a value, {} files",
            bytes / samples,
            bytes / values,
            rolled.blocks
        );
    }
    let matchers = [
        Matcher::equal("instance", "host-00003"),
        Matcher::equal("n", "7"),
    ];
    let mut columns = Columns::new();
    for aggregate in Aggregate::ALL {
        let begun = Instant::now();
        let all = TimeRange::ALL;
        let found = store.select_rolled_up(Resolution::FiveMinutes, aggregate, &matchers, all);
        let found = found.unwrap();
        columns.clear();
        for index in 0..found.len() {
            found.read(index, &mut columns).unwrap();
        }
        println!(
            "{aggregate:?}: {} windows in {:.2?}",
            columns.len(),
            begun.elapsed()
        );
    }
    drop(store);
    std::fs::remove_dir_all(&dir).unwrap();
}
