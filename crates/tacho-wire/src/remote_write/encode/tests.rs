use std::fmt::Write as _;

use proptest::prelude::*;
use tacho_model::append::{Exemplar, STALE_NAN_BITS};
use tacho_model::{Histogram, Kind, Labels, Unit};

use super::*;
use crate::remote_write::{Limits, Scratch, decode, decode_v2};

/// What a batch holds, in words, by label set.
fn shown(batch: &Batch) -> Vec<String> {
    let mut out = crate::testing::shown(batch);
    let mut said: Vec<String> = batch
        .metadata()
        .map(|(name, metadata)| format!("{name} {metadata:?}"))
        .collect();
    said.sort();
    out.extend(said);
    out
}

fn again(batch: &Batch, part: &Part, version: Version, describe: Describe<'_>) -> Batch {
    let body = encode(batch, part, version, describe).unwrap();
    let mut read = Batch::new();
    let decoded = match version {
        Version::One => decode(&body, Limits::default(), &mut read),
        Version::Two => decode_v2(&body, Limits::default(), &mut Scratch::default(), &mut read),
    };
    assert!(decoded.unwrap().refused.is_empty());
    read
}

fn some_labels() -> impl Strategy<Value = Labels> {
    let pair = ("[a-e]{1,2}", prop_oneof!["\\PC{0,9}", "[xy]{120,300}"]);
    prop::collection::btree_map(pair.0, pair.1, 0..9).prop_map(|map| {
        Labels::new(map.into_iter().chain([("__name__".into(), "m".into())])).unwrap()
    })
}

#[derive(Debug, Clone)]
enum Some {
    Number(u64),
    Distribution(Vec<f64>, f64),
}

fn some_value() -> impl Strategy<Value = Some> {
    prop_oneof![
        3 => any::<u64>().prop_map(Some::Number),
        1 => (prop::collection::vec(-1e9..1e9f64, 0..20), prop_oneof![Just(1.0), Just(0.37)])
            .prop_map(|(values, each)| Some::Distribution(values, each)),
    ]
}

fn batch_of(rows: &[(Labels, i64, Some)]) -> Batch {
    let mut batch = Batch::new();
    // Label sets come together in a request: so they do here, to compare row by row.
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    for (labels, millis, value) in &rows {
        let series = batch.series_encoded(labels.as_ref());
        let time = Timestamp::from_nanos(millis * 1_000_000);
        match value {
            Some::Number(bits) => batch.push(series, time, f64::from_bits(*bits)),
            Some::Distribution(values, each) => {
                let mut histogram = Histogram::new();
                for value in values {
                    histogram.observe_many(*value, *each);
                }
                batch.push_histogram(series, time, histogram);
            }
        }
    }
    batch
}

/// Floats of a series come before its histograms in a message of version 1 and 2 alike.
fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_sent_is_what_is_read(
        rows in prop::collection::vec(
            (some_labels(), -9_223_372_036_854..9_223_372_036_854i64, some_value()),
            0..20,
        ),
    ) {
        let batch = batch_of(&rows);
        for version in [Version::One, Version::Two] {
            let read = again(&batch, &Part::all(&batch), version, &mut |_| None);
            prop_assert_eq!(sorted(shown(&read)), sorted(shown(&batch)));
        }
    }
}

fn small() -> Batch {
    let mut batch = Batch::new();
    let up = batch
        .series([("__name__", "up_seconds"), ("job", "api")])
        .unwrap();
    let down = batch.series([("__name__", "down")]).unwrap();
    for second in 1..=3 {
        batch.push(up, Timestamp::from_secs(second), second as f64);
        batch.push(
            down,
            Timestamp::from_secs(second),
            f64::from_bits(STALE_NAN_BITS),
        );
    }
    let exemplar = |trace_id, span_id, labels: &[(&str, &str)]| Exemplar {
        timestamp: Timestamp::from_secs(2),
        value: 0.25,
        trace_id,
        span_id,
        labels: Labels::new(labels.iter().copied()).unwrap(),
    };
    batch.push_exemplar(up, exemplar(0xabc, 7, &[("user", "ü")]));
    batch.push_exemplar(down, exemplar(0, 0, &[]));
    batch
}

#[test]
fn exemplars_and_descriptions_go_with_their_series() {
    let batch = small();
    for version in [Version::One, Version::Two] {
        let mut asked = Vec::new();
        let read = again(&batch, &Part::all(&batch), version, &mut |name| {
            asked.push(name.to_owned());
            (name == "up_seconds").then(|| Metadata {
                kind: Kind::Gauge,
                unit: Unit::SECONDS,
                help: "how long".to_owned(),
            })
        });
        assert_eq!(asked, ["up_seconds", "down"], "each once");
        let mut text = String::new();
        for line in &shown(&read)[6..] {
            writeln!(text, "{line}").unwrap();
        }
        assert_eq!(
            text,
            "up_seconds{job=\"api\"} Exemplar { timestamp: 2000000000, value: 0.25, trace_id: \
             2748, span_id: 7, labels: {user=\"ü\"} }\n\
             down Exemplar { timestamp: 2000000000, value: 0.25, trace_id: 0, span_id: 0, \
             labels: {} }\n\
             up_seconds Metadata { kind: Gauge, unit: Unit(\"s\"), help: \"how long\" }\n"
                .replace(
                    "timestamp: 2000000000",
                    &format!("timestamp: {:?}", Timestamp::from_secs(2))
                )
        );
    }
}

#[test]
fn parts_are_divided_down_to_single_samples_and_lose_nothing() {
    let batch = small();
    let whole = sorted(shown(&batch));
    let (mut parts, mut single) = (vec![Part::all(&batch)], Vec::new());
    while let Some(part) = parts.pop() {
        match part.halves() {
            Some((first, second)) => parts.extend([second, first]),
            None => single.push(part),
        }
    }
    assert_eq!(single.len(), 8);
    for version in [Version::One, Version::Two] {
        let lines = single.iter().flat_map(|part| {
            let read = again(&batch, part, version, &mut |_| None);
            assert_eq!(read.len() + read.exemplars().len(), 1);
            shown(&read)
        });
        assert_eq!(sorted(lines.collect()), whole);
    }
    assert!(
        Part {
            rows: 3..3,
            exemplars: 0..0
        }
        .halves()
        .is_none()
    );
}

#[test]
fn messages_end_to_end_are_one() {
    let batch = small();
    let mut plain = Plain::default();
    for row in 0..batch.len() {
        let (series, time, value) = batch.row(row);
        plain.push(batch.labels(series).unwrap(), &[(time, value)], &[]);
    }
    let twice = [plain.as_bytes(), plain.as_bytes()].concat();
    let mut read = Batch::new();
    crate::remote_write::decode_plain(&twice, Limits::default(), &mut read).unwrap();
    assert_eq!(read.len(), 2 * batch.len());
}

#[test]
fn a_sample_of_nothing_at_the_beginning_of_time_is_a_sample() {
    let mut batch = Batch::new();
    let labels: [(&str, &str); 0] = [];
    for labels in [&labels[..], &[("__name__", "m")]] {
        let series = batch.series(labels.iter().copied()).unwrap();
        batch.push(series, Timestamp::default(), 0.0);
    }
    for version in [Version::One, Version::Two] {
        let read = again(&batch, &Part::all(&batch), version, &mut |_| None);
        assert_eq!(shown(&read), shown(&batch));
    }
}
