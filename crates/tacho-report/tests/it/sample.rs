//! Reports over made-up figures that look like those of a real host.

use std::time::Duration;

use tacho_analysis::Severity;
use tacho_analysis::aggregate::Function;
use tacho_analysis::key_metrics::HOST;
use tacho_analysis::measurement::{Measurement, Summary};
use tacho_analysis::metric::{MetricKind, MetricSpec};
use tacho_analysis::verdict::{Settings, Verdict, compare_summaries};
use tacho_model::{Labels, TimeRange, Timestamp, Unit};
use tacho_report::{AlertFact, Chart, ChartSeries, Comparison, HostFacts, Report, Statistic};

const GIB: f64 = 1_073_741_824.0;
/// 21 November 2026, 14:02 UTC.
const NOW: i64 = 1_795_269_720;

/// A repeatable source of noise: the same name gives the same course.
struct Noise(u64);

impl Noise {
    fn of(name: &str) -> Self {
        let eat = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, eat) | 1)
    }

    /// About normal, mean 0, sd 1.
    fn next(&mut self) -> f64 {
        let mut sum = 0.0;
        for _ in 0..12 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            sum += (self.0 >> 11) as f64 / (1u64 << 53) as f64;
        }
        sum - 6.0
    }
}

pub(crate) fn at(seconds_ago: i64) -> Timestamp {
    Timestamp::from_secs(NOW - seconds_ago)
}

pub(crate) fn range() -> TimeRange {
    TimeRange::new(at(3600), at(0))
}

/// A course of 1 Hz over the hour (with a gap of three minutes), correlated, never negative.
fn course(name: &str, base: f64, spread: f64, bump: f64) -> Vec<(Timestamp, f64)> {
    let mut noise = Noise::of(name);
    let mut slow = 0.0;
    let mut points = Vec::new();
    for ago in (0..=3600).rev() {
        slow = 0.97 * slow + 0.24 * noise.next();
        let fast = noise.next();
        if (1500..1680).contains(&ago) {
            continue;
        }
        let raised = if (600..960).contains(&ago) { bump } else { 0.0 };
        let value = base + spread * (0.8 * slow + 0.35 * fast) + raised;
        points.push((at(ago), value.max(0.0)));
    }
    points
}

fn values(points: &[(Timestamp, f64)]) -> Measurement {
    Measurement::Values {
        step: Duration::from_secs(1),
        points: points.to_vec(),
    }
}

fn statistic(title: &str, metric: &str, unit: &str, points: &[(Timestamp, f64)]) -> Statistic {
    let summary = Summary::of(&values(points)).ok();
    let percentile = |p| {
        summary
            .as_ref()
            .and_then(|s| s.percentile(p))
            .unwrap_or(f64::NAN)
    };
    let of = |get: fn(&Summary) -> f64| summary.as_ref().map_or(f64::NAN, get);
    Statistic {
        title: title.to_owned(),
        metric: metric.to_owned(),
        labels: labels(metric),
        unit: unit.to_owned(),
        n: summary.as_ref().map_or(0, |s| s.n),
        mean: of(|s| s.estimate.mean),
        stddev: of(|s| s.sd),
        min: of(|s| s.min),
        median: percentile(0.5),
        p90: percentile(0.9),
        p95: percentile(0.95),
        p99: percentile(0.99),
        p999: percentile(0.999),
        max: of(|s| s.max),
        last: points.last().map(|(_, value)| *value),
    }
}

pub(crate) fn labels(metric: &str) -> Labels {
    let source = if metric.starts_with("node_") {
        ""
    } else {
        "system"
    };
    Labels::new([("__name__", metric), ("source", source)]).unwrap_or_else(|e| panic!("{e}"))
}

/// A verdict from two courses, judged as the product judges.
fn verdict(metric: &str, before: &[(Timestamp, f64)], after: &[(Timestamp, f64)]) -> Verdict {
    let row = HOST.iter().find(|row| row.metric == metric);
    let spec = match row {
        Some(row) => row.spec("web-1", labels(metric)),
        None => MetricSpec::new(
            "web-1",
            labels(metric),
            Function::Avg,
            Unit::NONE,
            MetricKind::Other,
        ),
    };
    let summary = |points| Summary::of(&values(points)).unwrap_or_else(|e| panic!("{e}"));
    compare_summaries(
        &spec,
        &summary(before),
        &summary(after),
        &Settings::default(),
    )
    .unwrap_or_else(|e| panic!("{e}"))
}

fn chart(title: &str, unit: &str, series: Vec<(&str, Vec<(Timestamp, f64)>)>) -> Chart {
    let series = series.into_iter().map(|(name, points)| ChartSeries {
        name: name.to_owned(),
        points,
    });
    Chart {
        title: title.to_owned(),
        unit: unit.to_owned(),
        series: series.collect(),
        band: None,
        stacked: false,
        marks: Vec::new(),
    }
}

struct Figure {
    title: &'static str,
    metric: &'static str,
    unit: &'static str,
    before: f64,
    after: f64,
    spread: f64,
    bump: f64,
}

const FIGURES: [Figure; 6] = [
    figure("CPU", "cpu_usage_percent", "%", 34.0, 41.0, 3.0, 38.0),
    figure("Memory", "memory_usage_percent", "%", 61.0, 67.9, 0.5, 0.0),
    figure("Load", "node_load1", "", 5.2, 5.5, 1.1, 3.0),
    figure(
        "Disk busy",
        "node_disk_io_time_seconds_total",
        "1",
        0.11,
        0.07,
        0.02,
        0.0,
    ),
    figure(
        "Disk writes",
        "node_disk_written_bytes_total",
        "By/s",
        41.0e6,
        41.4e6,
        6.0e6,
        0.0,
    ),
    figure(
        "CPU pressure",
        "node_pressure_cpu_waiting_seconds_total",
        "1",
        0.02,
        0.02,
        0.011,
        0.2,
    ),
];

const fn figure(
    title: &'static str,
    metric: &'static str,
    unit: &'static str,
    before: f64,
    after: f64,
    spread: f64,
    bump: f64,
) -> Figure {
    Figure {
        title,
        metric,
        unit,
        before,
        after,
        spread,
        bump,
    }
}

fn charts(cpu: &[(Timestamp, f64)]) -> Vec<Chart> {
    let part = |name: &str, share: f64| -> Vec<(Timestamp, f64)> {
        let mut noise = Noise::of(name);
        let wobble = |value: f64, n: f64| (value * share * (1.0 + 0.05 * n)).max(0.0);
        cpu.iter()
            .map(|(t, value)| (*t, wobble(*value, noise.next())))
            .collect()
    };
    let modes = [
        ("user", 0.66),
        ("system", 0.2),
        ("iowait", 0.08),
        ("softirq", 0.04),
        ("steal", 0.02),
    ];
    let mut by_mode = chart(
        "CPU by mode",
        "%",
        modes.map(|(n, s)| (n, part(n, s))).into(),
    );
    by_mode.stacked = true;
    by_mode.marks = vec![(at(960), "deploy 1.4".to_owned())];
    let mut whole = chart("CPU", "%", vec![("all cores", cpu.to_vec())]);
    whole.band = Some((28.0, 40.5));
    whole.marks.clone_from(&by_mode.marks);
    let memory = chart(
        "Memory",
        "By",
        vec![
            ("used", course("used", 39.0 * GIB, 0.4 * GIB, 0.0)),
            ("cache", course("cache", 14.0 * GIB, 0.9 * GIB, 0.0)),
            ("swap", course("swap", 0.4 * GIB, 0.0, 0.0)),
        ],
    );
    let network = chart(
        "Network",
        "By/s",
        vec![
            ("receive eth0", course("rx", 12.0e6, 3.0e6, 9.0e6)),
            ("transmit eth0", course("tx", 3.0e6, 1.0e6, 2.0e6)),
        ],
    );
    let load = chart("Load", "", vec![("1 min", course("load", 5.5, 1.1, 3.0))]);
    let disk = chart(
        "Disk",
        "By/s",
        vec![
            ("write nvme0n1", course("w", 41.4e6, 6.0e6, 0.0)),
            ("read nvme0n1", course("r", 9.0e6, 5.0e6, 20.0e6)),
        ],
    );
    vec![by_mode, whole, memory, load, disk, network]
}

fn report(bump: bool) -> Report {
    let mut statistics = Vec::new();
    let mut verdicts = Vec::new();
    let mut cpu = Vec::new();
    for f in &FIGURES {
        let before = course(&format!("{} before", f.title), f.before, f.spread, 0.0);
        let level = if bump { f.after } else { f.before };
        let after = course(f.title, level, f.spread, if bump { f.bump } else { 0.0 });
        statistics.push(statistic(f.title, f.metric, f.unit, &after));
        verdicts.push(verdict(f.metric, &before, &after));
        if f.title == "CPU" {
            cpu = after;
        }
    }
    Report {
        host: HostFacts {
            name: "web-1".to_owned(),
            cores: Some(16),
            kernel: Some("Linux 6.12.8".to_owned()),
            memory_bytes: Some(68_719_476_736),
        },
        version: "0.1.0".to_owned(),
        created_at: at(0),
        range: range(),
        statistics,
        alerts: Vec::new(),
        comparison: Some(Comparison {
            baseline: "default".to_owned(),
            version: 3,
            range: TimeRange::new(at(90_000), at(86_400)),
            verdicts,
        }),
        charts: charts(&cpu),
    }
}

/// A host on which something happened.
pub(crate) fn busy() -> Report {
    let message = "CPU is 78.4 % (limit 70 %); most of it is uvicorn (pid 4711, 812 % of a core)";
    let alert =
        |rule: &str, severity, message: &str, from, to: Option<i64>, value, threshold| AlertFact {
            rule: rule.to_owned(),
            severity,
            message: message.to_owned(),
            started_at: at(from),
            ended_at: to.map(at),
            value: Some(value),
            threshold,
            unit: "%".to_owned(),
        };
    Report {
        alerts: vec![
            alert(
                "cpu_high",
                Severity::Warning,
                message,
                940,
                Some(590),
                78.4,
                70.0,
            ),
            alert(
                "memory_high",
                Severity::Critical,
                "memory is 91.2 % again (limit 95 %) after 1m12s",
                2700,
                Some(2628),
                91.2,
                95.0,
            ),
        ],
        ..report(true)
    }
}

/// A host on which nothing happened.
pub(crate) fn calm() -> Report {
    report(false)
}

/// A host of which nothing is known.
pub(crate) fn empty() -> Report {
    Report {
        statistics: Vec::new(),
        comparison: None,
        charts: Vec::new(),
        ..report(false)
    }
}
