//! What the pieces cost on this machine: `cargo run --release -p tacho-analysis --example cost`.

#![expect(clippy::print_stdout, reason = "an example prints its table")]
#![expect(clippy::disallowed_methods, reason = "an example may read the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use tacho_analysis::aggregate::{Function, stepped};
use tacho_analysis::measurement::{Measurement, Summary};
use tacho_analysis::metric::{MetricKind, MetricSpec};
use tacho_analysis::verdict::{Settings, compare_summaries};
use tacho_model::{Columns, Labels, Shape, TimeRange, Timestamp, Unit};
use tacho_stats::rng::Rng;

#[expect(dead_code, reason = "the tests use all of it")]
#[path = "../tests/it/noise.rs"]
mod noise;

use noise::{Process, latencies, values};

fn time(name: &str, repeats: u32, mut work: impl FnMut()) {
    work();
    let start = Instant::now();
    for _ in 0..repeats {
        work();
    }
    println!("{name:<52} {:>10.1?}", start.elapsed() / repeats);
}

fn main() {
    let day: Vec<i64> = (1..=86_400).collect();
    let columns = Columns {
        timestamps: day.iter().map(|s| Timestamp::from_secs(*s)).collect(),
        values: day.iter().map(|s| *s as f64).collect(),
        ..Columns::new()
    };
    let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(86_400));
    for (function, shape) in [
        (Function::Avg, Shape::Gauge),
        (Function::Rate, Shape::Counter),
        (Function::P95, Shape::Gauge),
    ] {
        time(
            &format!("{function} of 86 400 samples in steps of 1 min"),
            20,
            || {
                black_box(stepped(
                    function,
                    &columns,
                    shape,
                    range,
                    Duration::from_mins(1),
                ));
            },
        );
    }
    let mut rng = Rng::new(1);
    let spec = |kind, unit: &str| {
        let labels = Labels::metric("m").unwrap_or_else(|_| unreachable!("a fixed name"));
        MetricSpec::new("host", labels, Function::Avg, Unit::new(unit), kind)
    };
    let compare = |name: &str, spec: &MetricSpec, a: &Measurement, b: &Measurement| {
        let (Ok(a), Ok(b)) = (Summary::of(a), Summary::of(b)) else {
            return;
        };
        time(name, 5, || {
            let _ = black_box(compare_summaries(spec, &a, &b, &Settings::default()));
        });
    };
    let cpu = spec(MetricKind::Cpu, "%");
    let mut cpu_of = |n: usize| values(&mut rng, Process::Ar(0.5), n, 40.0, 5.0);
    compare(
        "verdict on 300 against 300 values",
        &cpu,
        &cpu_of(300),
        &cpu_of(300),
    );
    compare(
        "verdict on 2 000 against 2 000 values",
        &cpu,
        &cpu_of(2_000),
        &cpu_of(2_000),
    );
    let latency = spec(MetricKind::Latency, "s");
    let mut latency_of = |n: usize| latencies(&mut rng, Process::Ar(0.5), (n, 400), 0.05, |_, v| v);
    compare(
        "verdict on 20 against 20 intervals",
        &latency,
        &latency_of(20),
        &latency_of(20),
    );
    compare(
        "verdict on 240 against 240 intervals",
        &latency,
        &latency_of(240),
        &latency_of(240),
    );
}
