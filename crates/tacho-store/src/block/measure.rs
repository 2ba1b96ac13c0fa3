//! What a block costs: bytes a sample, and the time of writing, opening, finding and reading.
//!
//! Not a check but a measurement, of two shapes: many samples of ten thousand series, and few of a
//! million. `cargo test --release -p tacho-store --lib -- --ignored measure --nocapture`
//! (`TACHO_HOSTS=10` for a smaller one). Series are a host's: counters that grow by hundredths or
//! whole numbers, gauges in pages of memory, percentages, constants, a histogram's buckets.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tacho_model::{Columns, Labels, MatchOp, Matcher, Selection, TimeRange, Timestamp};

use super::format::PageAt;
use super::{Block, BlockWriter, Part};
use crate::cache::{self, Cache};
use crate::chunk::{Chunk, Sealer};
use crate::codec::Effort;
use crate::disk::RealDisk;
use crate::disk::fake::Random;
use crate::matching::Filter;
use crate::quarantine::Reports;
use crate::select::{Found, Older};

const START: i64 = 1_795_000_000;
const STEP: i64 = 15;

/// A series of one host: name, labels beside those that all have, and how its values go on.
type Kind = (String, Vec<(&'static str, String)>, u32);

fn text(value: &impl ToString) -> String {
    value.to_string()
}

fn series() -> Vec<Kind> {
    let mut all = Vec::new();
    for cpu in 0..4 {
        for mode in ["idle", "iowait", "softirq", "steal", "system", "user"] {
            let labels = vec![("cpu", text(&cpu)), ("mode", text(&mode))];
            all.push(("node_cpu_seconds_total".into(), labels, 0));
        }
    }
    for (i, name) in ["MemTotal", "MemFree", "Cached", "Dirty", "Slab", "SwapFree"]
        .iter()
        .enumerate()
    {
        all.push((
            format!("node_memory_{name}_bytes"),
            vec![],
            if i % 3 == 0 { 4 } else { 2 },
        ));
    }
    for device in ["eth0", "lo"] {
        for what in ["bytes", "packets", "errs", "drop"] {
            for dir in ["receive", "transmit"] {
                let kind = if what == "bytes" || what == "packets" {
                    1
                } else {
                    4
                };
                let labels = vec![("device", text(&device))];
                all.push((format!("node_network_{dir}_{what}_total"), labels, kind));
            }
        }
    }
    for i in 0..30 {
        all.push((format!("app_gauge_{i}_percent"), vec![], 3));
    }
    for le in [
        "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf",
    ] {
        let labels = vec![("le", text(&le))];
        all.push(("http_request_duration_seconds_bucket".into(), labels, 1));
    }
    while all.len() < 99 {
        all.push((format!("app_counter_{}_total", all.len()), vec![], 1));
    }
    all.push(("up".into(), vec![], 4));
    all
}

fn next(kind: u32, value: f64, random: &mut Random) -> f64 {
    match kind {
        0 => ((value * 100.0).round() + random.below(60) as f64) / 100.0,
        1 => value + random.below(400) as f64,
        2 if random.chance(80) => (value + random.below(600) as f64 * 4096.0 - 1_228_800.0).abs(),
        3 => ((value * 10.0).round() + random.below(9) as f64 - 4.0).abs() / 10.0,
        _ => value,
    }
}

fn columns(host: usize, number: usize, kind: u32, ticks: i64, jitter: u64) -> Columns {
    let mut columns = Columns::new();
    let mut random = Random((host * 1000 + number) as u64);
    let mut late = Random(host as u64 + 1);
    let mut value = (random.below(100_000_000) / if kind == 3 { 1_000_000 } else { 1 }) as f64;
    let offset = (host as i64 * 7919) % (STEP * 1000);
    for tick in 0..ticks {
        let late = late.below(jitter + 1) as i64;
        let millis = (START + tick * STEP) * 1000 - offset - late;
        value = next(kind, value, &mut random);
        columns.timestamps.push(Timestamp::from_millis(millis));
        columns.values.push(value);
    }
    columns
}

fn hosts(usual: usize) -> usize {
    let text = std::env::var("TACHO_HOSTS");
    text.ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// All series in order of their labels: host and number.
fn sorted(hosts: usize) -> BTreeMap<Labels, (usize, usize, u32)> {
    let mut all = BTreeMap::new();
    let jobs = ["web", "db", "cache", "batch", "edge"];
    let regions = ["eu-west-1", "eu-central-1", "us-east-1", "ap-south-1"];
    for host in 0..hosts {
        for (number, (name, labels, kind)) in series().into_iter().enumerate() {
            let instance = format!("host-{host:05}:9100");
            let mut pairs = vec![
                ("__name__", name),
                ("instance", instance),
                ("job", jobs[host % 5].to_owned()),
                ("region", regions[host / 5 % 4].to_owned()),
            ];
            pairs.extend(labels);
            all.insert(Labels::new(pairs).unwrap(), (host, number, kind));
        }
    }
    all
}

/// Processor time of all threads of this process, in milliseconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let f: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let t = |i: usize| f.get(i).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (t(11) + t(12)) * 10.0
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn write(path: &Path, hosts: usize, ticks: i64, jitter: u64) {
    let mut writer = BlockWriter::create(Arc::new(RealDisk), path, Effort::Final).unwrap();
    let all = sorted(hosts);
    let mut took = Duration::ZERO;
    for (labels, (host, number, kind)) in &all {
        let columns = columns(*host, *number, *kind, ticks, jitter);
        let begun = Instant::now();
        writer
            .add(labels.as_ref(), &[Part::Columns(&columns)])
            .unwrap();
        took += begun.elapsed();
    }
    let begun = Instant::now();
    writer.finish([].into_iter(), (1, 1), 1, 0).unwrap();
    let samples = all.len() as f64 * ticks as f64;
    println!(
        "write      {:.0} ns a sample, finish {:.0} ms",
        took.as_secs_f64() * 1e9 / samples,
        millis(begun)
    );
}

fn open(path: &Path, samples: f64) -> Arc<Block> {
    let begun = Instant::now();
    let cache = Arc::new(Cache::new(cache::BYTES_MAX));
    let reports = Arc::new(Reports::default());
    let block = Block::open(&RealDisk, path, reports, cache).unwrap();
    println!("open       {:.2} ms", millis(begun));
    let directory = &block.directory;
    let sum = |pages: &mut dyn Iterator<Item = PageAt>| -> f64 {
        pages.map(|at| f64::from(at.bytes) + 4.0).sum::<f64>()
    };
    let parts = [
        ("symbols", sum(&mut directory.symbols.iter().map(|p| p.at))),
        ("series", sum(&mut directory.series.iter().map(|p| p.at))),
        ("tables", sum(&mut directory.tables[0].iter().map(|p| p.at))),
        ("times", sum(&mut block.time_pages().into_iter())),
        (
            "postings",
            sum(&mut directory
                .labels
                .iter()
                .flat_map(|l| l.pages.iter().map(|p| p.at))),
        ),
        ("directory", f64::from(block.footer.directory.bytes)),
        ("all", block.bytes as f64),
    ];
    for (what, bytes) in parts {
        let series = block.footer.series as f64;
        println!(
            "{what:<10} {:.4} B a sample, {:.1} a series",
            bytes / samples,
            bytes / series
        );
    }
    Arc::new(block)
}

fn timed(what: &str, block: &Arc<Block>, matchers: &[Matcher], threads: usize) {
    for round in 0..3 {
        let begun = Instant::now();
        let cpu_before = cpu();
        let older = Older {
            blocks: vec![block.clone()],
            frozen: None,
            tombstones: [].into(),
        };
        let filter = Filter::new(matchers);
        let found = Found::new(u64::MAX);
        let selected = older
            .select(found, &filter, TimeRange::ALL, u64::MAX)
            .unwrap();
        let select = millis(begun);
        let next = std::sync::atomic::AtomicUsize::new(0);
        let samples = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            let mut columns = Columns::new();
            loop {
                let start = next.fetch_add(64, std::sync::atomic::Ordering::Relaxed);
                if start >= selected.len() {
                    break;
                }
                for index in start..selected.len().min(start + 64) {
                    selected.read(index, &mut columns).unwrap();
                    samples.fetch_add(columns.len(), std::sync::atomic::Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let count = selected.len();
        println!(
            "{what:<28} round {round}: {count} series, select {select:.3} ms, all {:.3} ms, cpu {:.0} ms, {} samples",
            millis(begun),
            cpu() - cpu_before,
            samples.into_inner(),
        );
    }
}

#[test]
#[ignore = "a measurement"]
fn measure_many_samples() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = hosts(100);
    for jitter in [0, 20] {
        println!("{} series x 5760, up to {jitter} ms late", hosts * 100);
        let path = dir.path().join("a.block");
        write(&path, hosts, 5760, jitter);
        let block = open(&path, (hosts * 100 * 5760) as f64);
        let one = [
            Matcher::metric("up"),
            Matcher::equal("instance", "host-00003:9100"),
        ];
        timed("one series", &block, &one, 1);
        timed("every series", &block, &[], 2);
    }
}

#[test]
#[ignore = "a measurement"]
fn measure_many_series() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = hosts(10_000);
    for jitter in [0, 20] {
        println!("{} series x 5, up to {jitter} ms late", hosts * 100);
        let path = dir.path().join("a.block");
        write(&path, hosts, 5, jitter);
        let block = open(&path, (hosts * 500) as f64);
        timed("up", &block, &[Matcher::metric("up")], 1);
        let one = [
            Matcher::metric("up"),
            Matcher::equal("instance", "host-00003:9100"),
        ];
        timed("one series", &block, &one, 1);
        timed("one host", &block, &one[1..], 1);
        let regex = |pattern| Matcher::new("instance", MatchOp::Regex, pattern).unwrap();
        timed(
            "prefix",
            &block,
            &[Matcher::metric("up"), regex("host-0123.*")],
            1,
        );
        timed(
            "regular expression",
            &block,
            &[Matcher::metric("up"), regex("host-.*23:91.0")],
            1,
        );
    }
}

/// Four blocks of sealed chunks, as heads leave them, merged into one.
#[test]
#[ignore = "a measurement"]
fn measure_merge() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = hosts(100);
    let engine = || {
        let options = crate::StoreOptions::default();
        crate::engine::Engine::open(Arc::new(RealDisk), dir.path(), options, false).unwrap()
    };
    drop(engine());
    let all = sorted(hosts);
    let long = hosts <= 100;
    for ticks in [5760, 20].into_iter().skip(usize::from(!long)) {
        let mut copying = Duration::ZERO;
        let mut writers = Vec::new();
        for number in 1..=4 {
            let path = dir
                .path()
                .join(format!("blocks/{number:010}-{number:010}.block"));
            writers.push(BlockWriter::create(Arc::new(RealDisk), &path, Effort::Quick).unwrap());
        }
        for (labels, (host, number, kind)) in &all {
            let whole = columns(*host, *number, *kind, ticks, 20);
            let quarter = whole.values.len() / 4;
            for (i, writer) in writers.iter_mut().enumerate() {
                let range = i * quarter..(i + 1) * quarter;
                let (times, values) = (&whole.timestamps[range.clone()], &whole.values[range]);
                let mut sealer = Sealer::default();
                let chunks = times.chunks(512).zip(values.chunks(512));
                let chunks: Vec<Chunk> = chunks
                    .map(|(times, values)| sealer.floats(times.to_vec(), values).unwrap())
                    .collect();
                let begun = Instant::now();
                let parts: Vec<Part<'_>> = chunks.iter().map(Part::Chunk).collect();
                writer.add(labels.as_ref(), &parts).unwrap();
                copying += begun.elapsed();
            }
        }
        for (number, writer) in (1..).zip(&mut writers) {
            let begun = Instant::now();
            writer
                .finish([].into_iter(), (number, number), 0, 0)
                .unwrap();
            copying += begun.elapsed();
        }
        let engine = engine();
        let before = engine.stats();
        let samples = before.samples_in_blocks as f64;
        let (begun, cpu_before) = (Instant::now(), cpu());
        engine
            .merge_run(0..4, &mut crate::engine::Maintenance::default())
            .unwrap();
        let after = engine.stats();
        println!(
            "{} series x {ticks}: copy {:.1} ns a sample; merge {:.1} ns, cpu {:.1} ns; \
             {:.4} to {:.4} B a sample",
            all.len(),
            copying.as_secs_f64() * 1e9 / samples,
            millis(begun) * 1e6 / samples,
            (cpu() - cpu_before) * 1e6 / samples,
            before.disk_bytes as f64 / samples,
            after.disk_bytes as f64 / samples,
        );
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find(|line| line.starts_with("VmHWM"));
        println!("peak of all {}", peak.unwrap_or_default());
        drop(engine);
        for file in std::fs::read_dir(dir.path().join("blocks")).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
    }
}
