//! What decoding OTLP metrics costs: requests of 10 000 points of 100 metrics, as a collector
//! sends them, points known and new. Figures are per request; a nanosecond a point is 10 µs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tacho_model::{Batch, Timestamp};
use tacho_wire::otlp::metrics::{Limits, Translator};

#[path = "../examples/otlp_request/mod.rs"]
mod otlp_request;

use otlp_request::{Load, POINTS};

const NOW: Timestamp = Timestamp::from_secs(1_795_269_720);

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("otlp_metrics");
    group.throughput(Throughput::Elements(POINTS as u64));
    for (name, load) in [("gauges", Load::Gauges), ("histograms", Load::Histograms)] {
        let body = otlp_request::request(load, 0, 1_795_269_720_000_000_000);
        let mut batch = Batch::new();
        let mut translator = Translator::new(Limits::default(), 1);
        group.bench_function(format!("{name}, known"), |b| {
            b.iter(|| translator.decode(black_box(&body), NOW, &mut batch).is_ok());
        });
        group.bench_function(format!("{name}, new"), |b| {
            b.iter(|| {
                translator.forget();
                translator.decode(black_box(&body), NOW, &mut batch).is_ok()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decoding);
criterion_main!(benches);
