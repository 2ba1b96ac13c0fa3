mod shape;

use proptest::prelude::*;
use tacho_model::append::STALE_NAN_BITS;
use tacho_model::{Histogram, Kind, Labels, Metadata, Timestamp, Unit};

use super::*;
use crate::otlp::metrics::{Decoded, Limits, Translator};

/// What a batch holds, in words, in an order that does not depend on how it was sent.
fn shown(batch: &Batch) -> Vec<String> {
    let mut out = crate::testing::shown(batch);
    out.sort();
    out
}

fn read(body: &[u8]) -> (Batch, Decoded) {
    let mut batch = Batch::new();
    let mut translator = Translator::new(Limits::default(), 7);
    let now = Timestamp::from_secs(4_000_000_000);
    let decoded = translator.decode(body, now, &mut batch).unwrap();
    (batch, decoded)
}

/// Sends all rows and reads them again.
fn again(batch: &Batch, describe: Describe<'_>) -> Batch {
    let encoder = MetricsEncoder::new(batch);
    let encoded = encoder
        .encode(0..batch.len(), usize::MAX, describe)
        .unwrap();
    assert_eq!((encoded.left_out, encoder.orphans()), (0, 0));
    let all = batch.len() + batch.exemplars().len();
    assert_eq!((encoded.items, encoder.items(0..batch.len())), (all, all));
    let (read, decoded) = read(&encoded.body);
    assert_eq!(decoded.refused.counts, []);
    assert_eq!(decoded.deltas, []);
    assert_eq!(decoded.rows.len(), batch.len());
    read
}

/// The request as one that does not know what a Tachograph tells sees it.
fn for_strangers(mut body: Vec<u8>) -> Vec<u8> {
    let ours = b"tachograph.";
    let places: Vec<usize> = body
        .windows(ours.len())
        .enumerate()
        .filter_map(|(at, window)| (window == ours).then_some(at))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        body[at..at + ours.len()].copy_from_slice(b"elsewhere__");
    }
    body
}

fn histogram(values: &[f64], each: f64, temporality: Temporality) -> Histogram {
    let mut histogram = Histogram::new();
    for value in values {
        histogram.observe_many(*value, each);
    }
    histogram.counted(temporality)
}

const NAMES: [&str; 16] = [
    "m",
    "m_total",
    "a__b",
    "took_seconds",
    "took_count",
    "took_sum",
    "2xx",
    "größe",
    "x:y",
    "hit_ratio",
    "total_bytes",
    "_x_",
    "bytes_per_second",
    "target_info",
    "温度",
    "a total",
];

const LABELS: [&str; 18] = [
    "job",
    "instance",
    "otel_scope_name",
    "otel_scope_version",
    "otel_scope_a_b",
    "otel_scope_9",
    "otel_scope_",
    "_private",
    "größe",
    "a.b",
    "a_b",
    "le",
    "quantile",
    "9",
    "__reserved__",
    "key_private",
    "service_name",
    "tachograph.kind",
];

fn some_labels() -> impl Strategy<Value = Labels> {
    let value = prop_oneof![
        "[a-c/]{1,5}",
        "\\PC{1,9}",
        Just("shop/api".to_owned()),
        "x{120,300}",
    ];
    let labels = prop::collection::btree_map(prop::sample::select(&LABELS[..]), value, 0..7);
    (prop::sample::select(&NAMES[..]), labels).prop_map(|(name, labels)| {
        let labels = labels.iter().map(|(name, value)| (*name, value.as_str()));
        Labels::new(labels.chain([("__name__", name)])).unwrap()
    })
}

#[derive(Debug, Clone)]
enum Sample {
    Number(f64),
    Distribution(Histogram),
}

fn some_value() -> impl Strategy<Value = Sample> {
    let number = prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            f64::from_bits(STALE_NAN_BITS),
            f64::INFINITY
        ]),
    ];
    let temporality = prop_oneof![Just(Temporality::Delta), Just(Temporality::Cumulative)];
    let values = prop::collection::vec(prop_oneof![-1e4..1e9f64, Just(0.0)], 0..20);
    let each = prop_oneof![Just(1.0), Just(3e9)];
    prop_oneof![
        3 => number.prop_map(Sample::Number),
        1 => (values, each, temporality)
            .prop_map(|(values, each, sort)| Sample::Distribution(histogram(&values, each, sort))),
    ]
}

fn some_metadata() -> impl Strategy<Value = Option<Metadata>> {
    let unit = prop::sample::select(vec!["", "s", "By", "1", "%", "By/s", "{request}", "m^2·x"]);
    let some = (prop::sample::select(&Kind::ALL[..]), unit, "\\PC{0,20}");
    let some = some.prop_map(|(kind, unit, help)| Metadata {
        kind,
        unit: Unit::new(unit),
        help,
    });
    prop::option::of(some)
}

fn batch_of(rows: &[(Labels, i64, Sample)]) -> Batch {
    let mut batch = Batch::new();
    for (labels, millis, value) in rows {
        let series = batch.series_encoded(labels.as_ref());
        let time = Timestamp::from_nanos(millis * 1_000_000);
        match value {
            Sample::Number(value) => batch.push(series, time, *value),
            Sample::Distribution(value) => batch.push_histogram(series, time, value.clone()),
        }
    }
    batch
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_sent_is_what_is_read(
        rows in prop::collection::vec(
            (some_labels(), 1..9_223_372_036_854i64, some_value()),
            0..20,
        ),
        metadata in some_metadata(),
    ) {
        let batch = batch_of(&rows);
        let back = again(&batch, &mut |_| metadata.clone());
        prop_assert_eq!(shown(&back), shown(&batch));
        for (name, told) in back.metadata() {
            prop_assert_eq!(Some(told), metadata.as_ref(), "{}", name);
        }
        prop_assert_eq!(back.metadata().next().is_some(), metadata.is_some() && !rows.is_empty());
    }

    #[test]
    fn classic_histograms_are_what_they_were(
        observed in prop::collection::vec(prop::collection::vec(0..50u64, 4), 1..4),
        bounds in prop::sample::select(vec![
            ["0.5", "1", "2.5"], ["-1", "0", "1000000"], ["0.5", "1.0", "2"], ["1", "1e1", "20"],
        ]),
        missing in 0..8usize,
        odd in 0..30usize,
    ) {
        let batch = classic(&bounds, &observed, missing, odd);
        let back = again(&batch, &mut |_| None);
        prop_assert_eq!(shown(&back), shown(&batch));
    }
}

/// Samples of a classic histogram, one series of which may be missing, one number of it odd.
fn classic(bounds: &[&str; 3], observed: &[Vec<u64>], missing: usize, odd: usize) -> Batch {
    let mut batch = Batch::new();
    let mut totals = [0u64; 4];
    let mut number = 0;
    for (at, observed) in observed.iter().enumerate() {
        let time = Timestamp::from_secs(at as i64 + 1);
        let mut below = 0;
        let mut push = |place: usize, name: &str, le: &str, value: u64| {
            let labels = [("__name__", name), ("job", "a"), ("le", le), ("x", "y")];
            let series = batch.series(labels).unwrap();
            number += 1;
            let odd = if number == odd { 0.5 } else { 0.0 };
            if place != missing {
                batch.push(series, time, value as f64 + odd);
            }
        };
        for (place, le) in bounds.iter().chain(&["+Inf"]).enumerate() {
            totals[place] += observed[place];
            below += totals[place];
            push(place, "took_bucket", le, below);
        }
        push(4, "took_count", "", below);
        push(5, "took_sum", "", 7 * below);
    }
    batch
}

#[test]
fn parts_end_before_they_are_large_and_lose_nothing() {
    let mut batch = Batch::new();
    for number in 0..100 {
        let name = format!("m{}", number % 7);
        let number = number.to_string();
        let labels = [("__name__", name.as_str()), ("n", number.as_str())];
        let series = batch.series(labels).unwrap();
        batch.push(series, Timestamp::from_secs(1), 1.0);
    }
    let encoder = MetricsEncoder::new(&batch);
    let all = 0..batch.len();
    let (mut parts, mut sent, mut lines) = (vec![all], 0, Vec::new());
    while let Some(part) = parts.pop() {
        let Some(encoded) = encoder.encode(part.clone(), 1000, &mut |_| None) else {
            let middle = part.start + part.len() / 2;
            parts.extend([middle..part.end, part.start..middle]);
            continue;
        };
        assert!(part.len() > 5 && encoded.body.len() < 1200, "{part:?}");
        sent += encoded.items;
        lines.extend(shown(&read(&encoded.body).0));
    }
    lines.sort();
    assert_eq!((sent, lines), (100, shown(&batch)));
    assert!(
        encoder.encode(0..1, 1, &mut |_| None).is_some(),
        "one goes whatever it is"
    );
}

#[test]
fn what_the_protocol_has_no_form_for_is_counted() {
    use tacho_model::histogram::{Bucket, HistogramParts};
    let mut batch = Batch::new();
    let series = batch.series([("__name__", "m")]).unwrap();
    for nanos in [-1_000_000, 0, 1_000_000] {
        batch.push(series, Timestamp::from_nanos(nanos), 1.0);
    }
    let bucket = |index| Bucket { index, count: 1.0 };
    let mut apart = |indices: [i32; 2]| {
        let parts = HistogramParts {
            positive: indices.map(bucket).to_vec(),
            count: 2.0,
            schema: 8,
            ..Histogram::new().to_parts()
        };
        let value = Histogram::from_parts(parts).unwrap();
        batch.push_histogram(series, Timestamp::from_secs(1), value);
    };
    apart([i32::MIN, i32::MAX]);
    apart([-100_000, 100_000]);
    let exemplar = |seconds| Exemplar {
        timestamp: Timestamp::from_secs(seconds),
        value: 1.0,
        trace_id: 1,
        span_id: 2,
        labels: Labels::new([("größe", "1")]).unwrap(),
    };
    let other = batch.series([("__name__", "other")]).unwrap();
    for (series, seconds) in [(series, 1), (series, 0), (other, 1)] {
        batch.push_exemplar(series, exemplar(seconds));
    }
    let encoder = MetricsEncoder::new(&batch);
    assert_eq!(encoder.orphans(), 2);
    let all = 0..batch.len();
    let encoded = encoder.encode(all, usize::MAX, &mut |_| None).unwrap();
    assert_eq!((encoded.items, encoded.left_out), (3, 3));
    let (read, decoded) = read(&encoded.body);
    assert_eq!((read.len(), decoded.refused.total()), (2, 0));
    let (_, first) = &read.exemplars()[0];
    assert_eq!(*first, exemplar(1));
    // The one whose buckets were too far apart is coarser, not wrong.
    let Value::Histogram(value) = read.rows().last().unwrap().2 else {
        panic!()
    };
    assert!(
        value.count() == 2.0 && (0..8).contains(&value.schema()),
        "{value:?}"
    );
}

#[test]
fn fractions_of_counts_are_rounded() {
    let sent = histogram(&[1.0, 1.0, 8.0], 0.75, Temporality::Cumulative);
    let mut batch = Batch::new();
    let series = batch.series([("__name__", "m")]).unwrap();
    batch.push_histogram(series, Timestamp::from_secs(1), sent.clone());
    let back = again(&batch, &mut |_| None);
    let Value::Histogram(read) = back.row(0).2 else {
        panic!()
    };
    // 1.5 and 0.75 become 2 and 1, and together they are no less than that.
    let (read, sent) = (read.to_parts(), sent.to_parts());
    let counts: Vec<f64> = read.positive.iter().map(|bucket| bucket.count).collect();
    assert_eq!(
        (counts, read.count, read.sum),
        (vec![2.0, 1.0], 3.0, sent.sum)
    );
}
