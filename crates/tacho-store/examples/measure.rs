//! What one host costs: 700 series at one sample a second for two hours, with maintenance every
//! ten seconds, as the server does it.
//!
//! `cargo run --release -p tacho-store --example measure [-- HOURS]`. Prints processor time of an
//! append and in all, bytes in memory and on disk, resident memory at its peak, and how long
//! queries and opening take. Series behave as a host's do: counters that grow by hundredths or
//! whole numbers, gauges that wander in pages of memory, many that hardly change, some noise.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program"
)]

use std::time::{Duration, Instant};

use tacho_model::append::SeriesIndex;
use tacho_model::{Appender, Batch, Columns, Matcher, Querier, TimeRange, Timestamp};
use tacho_stats::rng::Rng;
use tacho_store::{Store, StoreOptions};

const SERIES: usize = 700;
const START: i64 = 1_800_000_000;

fn clock() -> Timestamp {
    Timestamp::from_secs(START + 100_000_000)
}

/// The next value of a series, by what sort it is.
fn step(number: usize, value: f64, random: &mut Rng) -> f64 {
    match number % 10 {
        3 => ((value * 100.0).round() + random.below(100) as f64) / 100.0,
        4 => value + random.below(20) as f64,
        5 => value + (random.below(200_000) * 512) as f64,
        6 => (value + random.below(2000) as f64 * 4096.0 - 4_096_000.0).abs(),
        7 if random.below(10) == 0 => random.below(50) as f64,
        8 => ((value * 100.0).round() + random.below(11) as f64 - 5.0).abs() / 100.0,
        9 => (random.below(1 << 52) as f64) / (1u64 << 52) as f64,
        _ => value,
    }
}

fn add_series(batch: &mut Batch) -> Vec<SeriesIndex> {
    let labels = |number: usize| {
        [
            ("__name__", format!("node_measured_{}_total", number / 16)),
            ("cpu", (number % 16).to_string()),
            ("mode", "system".to_owned()),
        ]
    };
    (0..SERIES)
        .map(|number| batch.series(labels(number)).unwrap())
        .collect()
}

/// Processor time of this process, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|n| n.parse::<f64>().ok());
    nanos.unwrap_or(0.0) / 1e9
}

fn status(field: &str) -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(field));
    line.map_or_else(String::new, |line| {
        line.split_whitespace().skip(1).collect()
    })
}

fn main() {
    let hours: i64 = std::env::args()
        .nth(1)
        .and_then(|h| h.parse().ok())
        .unwrap_or(2);
    let dir = tempfile::tempdir().unwrap();
    let options = || StoreOptions {
        clock,
        ..StoreOptions::default()
    };
    let store = Store::open(dir.path(), options()).unwrap();
    let empty = status("VmRSS");
    let mut random = Rng::new(1);
    let mut values: Vec<f64> = (0..SERIES).map(|_| random.below(100_000) as f64).collect();
    let (mut appending, mut maintaining) = (0.0, 0.0);
    let (mut worst, mut head_peak, mut wal_peak) = (Duration::ZERO, 0, 0);
    let mut batch = Batch::new();
    for second in 0..hours * 3600 {
        batch.clear();
        let series = add_series(&mut batch);
        let time = Timestamp::from_secs(START + second);
        for (number, index) in series.into_iter().enumerate() {
            values[number] = step(number, values[number], &mut random);
            batch.push(index, time, values[number]);
        }
        let (wall, before) = (Instant::now(), cpu());
        store.append(&batch).unwrap();
        appending += cpu() - before;
        worst = worst.max(wall.elapsed());
        if second % 10 == 9 {
            let stats = store.stats();
            head_peak = head_peak.max(stats.head_bytes);
            wal_peak = wal_peak.max(stats.wal_bytes);
            let before = cpu();
            // The clock stands still above, so the head's age is told by the time given here.
            if second % 3600 == 3599 {
                store.flush().unwrap();
            }
            store.maintain(time).unwrap();
            maintaining += cpu() - before;
        }
    }
    let seconds = (hours * 3600) as f64;
    let stats = store.stats();
    println!(
        "samples                 {}",
        stats.samples_in_blocks + stats.samples_in_memory
    );
    println!(
        "append, CPU             {:.3} ms each",
        appending / seconds * 1e3
    );
    println!(
        "append, slowest         {:.3} ms",
        worst.as_secs_f64() * 1e3
    );
    println!(
        "maintenance, CPU        {:.3} ms a second of data",
        maintaining / seconds * 1e3
    );
    println!("head, peak              {} KiB", head_peak >> 10);
    println!("log, peak               {} KiB", wal_peak >> 10);
    println!("blocks                  {}", stats.blocks);
    let per_sample = (stats.disk_bytes - stats.wal_bytes) as f64 / stats.samples_in_blocks as f64;
    println!("bytes a sample on disk  {per_sample:.3}");
    println!(
        "resident empty, now, peak  {empty}, {}, {}",
        status("VmRSS"),
        status("VmHWM")
    );
    queries(&store);
    drop(store);
    let begun = Instant::now();
    drop(Store::open(dir.path(), options()).unwrap());
    println!(
        "open                    {:.1} ms",
        begun.elapsed().as_secs_f64() * 1e3
    );
}

fn queries(store: &Store) {
    let mut columns = Columns::new();
    let newest = store.stats().newest.unwrap();
    let all = [Matcher::new("__name__", tacho_model::MatchOp::Regex, "node_.*").unwrap()];
    let one = [
        Matcher::metric("node_measured_3_total"),
        Matcher::equal("cpu", "5"),
    ];
    let minutes = |minutes| TimeRange::last(Duration::from_mins(minutes), newest);
    for (what, matchers, range) in [
        ("one series, 5 min", &one[..], minutes(5)),
        ("one series, all", &one[..], TimeRange::ALL),
        ("all series, 5 min", &all[..], minutes(5)),
        ("all series, all", &all[..], TimeRange::ALL),
    ] {
        let begun = Instant::now();
        let selection = store.select(matchers, range).unwrap();
        let mut samples = 0;
        for index in 0..selection.len() {
            selection.read(index, &mut columns).unwrap();
            samples += columns.len();
        }
        let took = begun.elapsed().as_secs_f64() * 1e3;
        println!("{what:<24}{took:.2} ms for {samples} samples");
    }
}
