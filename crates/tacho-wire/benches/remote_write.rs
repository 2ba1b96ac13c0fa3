//! What decoding and encoding cost: a request as an agent sends it, 10 000 series of about 110
//! label bytes, one sample each. Figures are per request; a nanosecond a sample is 10 µs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tacho_model::{Batch, Kind, Metadata, Unit};
use tacho_wire::otlp::encode::MetricsEncoder;
use tacho_wire::remote_write::encode::{Part, Version, encode};
use tacho_wire::remote_write::{Limits, Scratch, decode, decode_v2};

const SERIES: usize = 10_000;

fn put(field: u8, bytes: &[u8], into: &mut Vec<u8>) {
    into.push(field << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        into.push(length as u8 | 0x80);
        length >>= 7;
    }
    into.push(length as u8);
    into.extend_from_slice(bytes);
}

fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// One series' labels: six of them, 110 bytes as they are encoded.
fn labels(index: usize) -> Vec<u8> {
    let (host, cpu) = (index / 100, index % 4);
    let modes = ["user", "system", "idle", "iowait", "softirq"];
    let pairs = [
        ("__name__", format!("node_cpu_{}_seconds_total", index % 25)),
        ("cpu", cpu.to_string()),
        ("instance", format!("host-{host:05}:9100")),
        ("job", "web".to_owned()),
        ("mode", modes[index % 5].to_owned()),
        ("region", "eu-central-1".to_owned()),
    ];
    let mut out = Vec::new();
    for (name, value) in pairs {
        let mut label = Vec::new();
        put(1, name.as_bytes(), &mut label);
        put(2, value.as_bytes(), &mut label);
        put(1, &label, &mut out);
    }
    out
}

fn request() -> Vec<u8> {
    let mut out = Vec::new();
    for index in 0..SERIES {
        let mut series = labels(index);
        let mut sample = vec![0x09];
        sample.extend_from_slice(&(index as f64 * 0.37).to_le_bytes());
        sample.push(0x10);
        varint(1_795_269_720_000 + index as u64 / 100, &mut sample);
        put(2, &sample, &mut series);
        put(1, &series, &mut out);
    }
    out
}

fn decoding(criterion: &mut Criterion) {
    let request = request();
    let body = snap::raw::Encoder::new()
        .compress_vec(&request)
        .unwrap_or_default();
    let mut group = criterion.benchmark_group("remote_write");
    group.throughput(Throughput::Elements(SERIES as u64));
    let mut batch = Batch::new();
    group.bench_function("decode", |b| {
        b.iter(|| {
            let decoded = decode(black_box(&body), Limits::default(), &mut batch);
            assert!(decoded.is_ok() && batch.len() == SERIES);
        });
    });
    // A block of literals costs a copy: what is left is the walk.
    let stored = literals(&request);
    group.bench_function("copy and walk", |b| {
        b.iter(|| {
            let decoded = decode(black_box(&stored), Limits::default(), &mut batch);
            assert!(decoded.is_ok() && batch.len() == SERIES);
        });
    });
    let mut out = vec![0; request.len()];
    group.bench_function("snappy", |b| {
        b.iter(|| snap::raw::Decoder::new().decompress(black_box(&body), &mut out));
    });
    group.bench_function("copy", |b| {
        b.iter(|| {
            out.clear();
            out.resize(request.len(), 0);
            snap::raw::Decoder::new().decompress(black_box(&stored), &mut out)
        });
    });
    group.finish();
}

/// The same samples in version 2, each series described.
fn version_two(criterion: &mut Criterion) {
    let body = snap::raw::Encoder::new()
        .compress_vec(&request())
        .unwrap_or_default();
    let (mut batch, mut scratch) = (Batch::new(), Scratch::default());
    assert!(decode(&body, Limits::default(), &mut batch).is_ok());
    let whole = Part::all(&batch);
    let mut describe = |name: &str| {
        Some(Metadata {
            kind: Kind::Counter,
            unit: Unit::SECONDS,
            help: format!("what {name} is"),
        })
    };
    let mut group = criterion.benchmark_group("remote_write_v2");
    group.throughput(Throughput::Elements(SERIES as u64));
    for version in [Version::One, Version::Two] {
        group.bench_function(format!("encode {version:?}"), |b| {
            b.iter(|| encode(black_box(&batch), &whole, version, &mut |_| None));
        });
    }
    // The same rows as another protocol has them, not compressed.
    group.bench_function("encode OTLP", |b| {
        b.iter(|| {
            let encoder = MetricsEncoder::new(black_box(&batch));
            let encoded = encoder.encode(0..batch.len(), usize::MAX, &mut describe);
            assert!(encoded.is_some_and(|encoded| encoded.items == SERIES));
        });
    });
    let body = encode(&batch, &whole, Version::Two, &mut describe).unwrap_or_default();
    let request = snap::raw::Decoder::new()
        .decompress_vec(&body)
        .unwrap_or_default();
    let mut read = Batch::new();
    let mut run = |name: &str, body: &[u8]| {
        group.bench_function(name, |b| {
            b.iter(|| {
                let decoded =
                    decode_v2(black_box(body), Limits::default(), &mut scratch, &mut read);
                assert!(decoded.is_ok() && read.len() == SERIES);
            });
        });
    };
    run("decode", &body);
    run("copy and walk", &literals(&request));
    group.finish();
}

/// A snappy block that compresses nothing.
fn literals(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(bytes.len() as u64, &mut out);
    for chunk in bytes.chunks(1 << 16) {
        out.push(61 << 2);
        out.extend_from_slice(&((chunk.len() - 1) as u16).to_le_bytes());
        out.extend_from_slice(chunk);
    }
    out
}

criterion_group!(benches, decoding, version_two);
criterion_main!(benches);
