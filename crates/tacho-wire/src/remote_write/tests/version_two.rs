//! Requests of version 2, decoded here and by prost; and what hostile ones get.

use proptest::prelude::*;
use prost::Message as _;
use tacho_model::{Histogram, Timestamp};

use super::messages::v2::{self, Exemplar, Metadata, Request, TimeSeries};
use super::{Sample, Shown, histograms, label, labels, rows, snappy};
use crate::protobuf::ProtobufError;
use crate::remote_write::{
    Decoded, Limits, Reason, RemoteWriteError, Scratch, decode_v2, describe_labels,
};
use tacho_model::Batch;

fn decoded_with(
    request: &[u8],
    limits: Limits,
    scratch: &mut Scratch,
) -> Result<(Batch, Decoded), RemoteWriteError> {
    let mut batch = Batch::new();
    let decoded = decode_v2(&snappy(request), limits, scratch, &mut batch)?;
    Ok((batch, decoded))
}

fn decoded(request: &[u8]) -> Result<(Batch, Decoded), RemoteWriteError> {
    decoded_with(request, Limits::default(), &mut Scratch::default())
}

/// The label set of references, in words; `None` when they name none.
fn set(request: &Request, refs: &[u32]) -> Option<String> {
    let pair = |pair: &[u32]| {
        let name = request.symbols.get(pair[0] as usize)?;
        Some(label(name, request.symbols.get(*pair.get(1)? as usize)?))
    };
    let pairs = refs.chunks(2).map(pair).collect::<Option<Vec<_>>>()?;
    let series = super::messages::TimeSeries {
        labels: pairs,
        ..Default::default()
    };
    Some(labels(&series.encode_to_vec()))
}

/// What the decoder should make of a message: rows, and how many samples are refused.
fn expected(request: &Request) -> (Vec<Shown>, usize) {
    let (mut out, mut refused) = (Vec::new(), 0);
    for series in &request.timeseries {
        let mut samples = Vec::new();
        for sample in &series.samples {
            samples.push((sample.timestamp, format!("{:016x}", sample.value.to_bits())));
        }
        samples.extend(
            series
                .histograms
                .iter()
                .map(|h| (h.timestamp, String::new())),
        );
        match set(request, &series.labels_refs) {
            None => refused += (samples.len() + series.exemplars.len()).max(1),
            Some(set) => {
                for (millis, value) in samples {
                    match millis.checked_mul(1_000_000) {
                        Some(nanos) => out.push((set.clone(), nanos, value)),
                        None => refused += 1,
                    }
                }
            }
        }
    }
    (out, refused)
}

fn without_histograms(mut rows: Vec<Shown>) -> Vec<Shown> {
    for (_, _, value) in &mut rows {
        if value.starts_with("Histogram") {
            value.clear();
        }
    }
    rows
}

fn some_sample() -> impl Strategy<Value = v2::Sample> {
    let value = prop_oneof![Just(0.0), any::<u64>().prop_map(f64::from_bits)];
    let time = prop_oneof![4 => 1_700_000_000_000..1_900_000_000_000i64, 1 => any::<i64>()];
    let start = prop_oneof![Just(0i64), any::<i64>()];
    (value, time, start).prop_map(|(value, timestamp, start_timestamp)| v2::Sample {
        value,
        timestamp,
        start_timestamp,
    })
}

fn some_series() -> impl Strategy<Value = TimeSeries> {
    let refs = prop_oneof![
        6 => prop::collection::vec(0..9u32, 0..6).prop_map(|mut refs| {
            refs.truncate(refs.len() / 2 * 2);
            refs
        }),
        1 => prop::collection::vec(0..12u32, 0..6),
        1 => prop::collection::vec(any::<u32>(), 0..4),
    ];
    let histogram = prop::collection::vec(any::<f64>(), 0..9).prop_map(|values| {
        let mut histogram = Histogram::new();
        for value in values {
            histogram.observe(value);
        }
        histograms::message(&histogram, false)
    });
    let exemplar =
        (0..9u32, 1_700_000_000_000..1_900_000_000_000i64).prop_map(|(symbol, timestamp)| {
            Exemplar {
                labels_refs: vec![1, symbol],
                value: 0.5,
                timestamp,
            }
        });
    let metadata = (0..8i32, 0..12u32, 0..12u32);
    let metadata = metadata.prop_map(|(kind, help_ref, unit_ref)| Metadata {
        kind,
        help_ref,
        unit_ref,
    });
    (
        refs,
        prop::collection::vec(some_sample(), 0..4),
        prop::collection::vec(histogram, 0..2),
        prop::collection::vec(exemplar, 0..2),
        prop::option::of(metadata),
        prop_oneof![Just(0i64), any::<i64>()],
    )
        .prop_map(
            |(labels_refs, samples, histograms, exemplars, metadata, created_timestamp)| {
                TimeSeries {
                    labels_refs,
                    samples,
                    histograms,
                    exemplars,
                    metadata,
                    created_timestamp,
                }
            },
        )
}

fn some_request() -> impl Strategy<Value = Request> {
    let symbol = prop_oneof![
        4 => "[a-d]{1,2}", 2 => Just("__name__".to_owned()), 1 => "\\PC{0,9}", 1 => "[xy]{120,300}"
    ];
    (
        prop::collection::vec(symbol, 8..10),
        prop::collection::vec(some_series(), 0..8),
    )
        .prop_map(|(mut symbols, timeseries)| {
            symbols[0].clear();
            Request {
                symbols,
                timeseries,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn requests_are_what_prost_makes_of_them(request in some_request()) {
        let (batch, decoded) = decoded(&request.encode_to_vec()).unwrap();
        let (expected, refused) = expected(&request);
        prop_assert_eq!(without_histograms(rows(&batch)), expected);
        let exemplars: usize = request.timeseries.iter().map(|series| series.exemplars.len()).sum();
        // Exemplars may be refused for labels of their own.
        let told = decoded.refused.len();
        prop_assert!(refused <= told && told <= refused + exemplars, "{} {}", refused, told);
        for refused in &decoded.refused {
            describe_labels(&batch.buffer()[refused.labels.clone()]);
        }
    }

    #[test]
    fn changed_bytes_never_panic_and_are_never_taken_where_prost_does_not(
        request in some_request(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = request.encode_to_vec();
        if !bytes.is_empty() {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        match (decoded(&bytes), v2::Request::decode(&bytes[..])) {
            (Ok((batch, decoded)), Ok(request)) => {
                // A changed histogram may be none.
                let expected = expected(&request).0.len();
                prop_assert!(batch.len() <= expected);
                prop_assert!(expected <= batch.len() + decoded.refused.len());
            }
            // What is no UTF-8 costs its label set alone; fields that are passed over may be
            // anything.
            (Ok(_), Err(error)) => {
                let passed = ["UTF-8", "created_timestamp", "start_timestamp"];
                let said = error.to_string();
                prop_assert!(passed.iter().any(|one| said.contains(one)), "{}", said);
            }
            (Err(RemoteWriteError::Protobuf(ProtobufError::Corrupt { reason, .. })), Ok(request)) =>
            {
                let first = request.symbols.first().map_or("", String::as_str);
                prop_assert!(reason.starts_with("groups") || !first.is_empty(), "{}", reason);
            }
            (Err(_), Err(_)) => {}
            (Err(error), Ok(_)) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let limits = Limits { bytes_max: 1 << 16, ..Limits::default() };
        let _ = decode_v2(&body, limits, &mut Scratch::default(), &mut Batch::new());
        let _ = decoded(&body);
    }
}

fn one(labels_refs: Vec<u32>, samples: usize) -> TimeSeries {
    let sample = |at| v2::Sample {
        value: 1.5,
        timestamp: super::NOW + at as i64,
        start_timestamp: 0,
    };
    TimeSeries {
        labels_refs,
        samples: (0..samples).map(sample).collect(),
        ..TimeSeries::default()
    }
}

fn request(symbols: &[&str], timeseries: Vec<TimeSeries>) -> Vec<u8> {
    let symbols = symbols.iter().map(|text| (*text).to_owned()).collect();
    Request {
        symbols,
        timeseries,
    }
    .encode_to_vec()
}

const SYMBOLS: [&str; 6] = ["", "__name__", "up", "job", "api", "help"];

#[test]
fn label_sets_are_put_together_and_pairs_used_again() {
    let series = vec![
        one(vec![1, 2, 3, 4], 1),
        one(vec![1, 5, 3, 4], 2),
        one(vec![1, 2, 3, 0], 1),
    ];
    let (batch, _) = decoded(&request(&SYMBOLS, series)).unwrap();
    let names: Vec<_> = rows(&batch).into_iter().map(|row| row.0).collect();
    let help = r#"help{job="api"}"#;
    assert_eq!(names, [r#"up{job="api"}"#, help, help, "up"]);
    assert!(
        batch
            .all_label_bytes()
            .all(|set| tacho_model::LabelsRef::from_encoded(set).is_ok())
    );
    assert_eq!(batch.series_count(), 3);
}

#[test]
fn what_series_refer_to_must_be_there() {
    let check = |refs: Vec<u32>, reason: Reason| {
        let series = vec![one(refs, 2), one(vec![1, 2], 1)];
        let (batch, decoded) = decoded(&request(&SYMBOLS, series)).unwrap();
        assert_eq!(batch.len(), 1, "the next series is none the worse");
        let reasons: Vec<_> = decoded
            .refused
            .iter()
            .map(|refused| refused.reason)
            .collect();
        assert_eq!(reasons, [reason, reason]);
    };
    check(vec![1, 2, 3], Reason::Symbols);
    check(vec![1, 6], Reason::Symbols);
    check(vec![u32::MAX, 2], Reason::Symbols);
    check([1, 2].repeat(129), Reason::InvalidLabels);
    // A series of nothing but references to nothing is told too.
    let (_, told) = decoded(&request(&SYMBOLS, vec![one(vec![9, 9], 0)])).unwrap();
    assert_eq!(told.refused[0].reason, Reason::Symbols);
    let first = decoded(&request(&["up"], Vec::new())).unwrap_err();
    assert!(first.to_string().contains("first symbol"), "{first}");
    // Version 1 by mistake is an empty request.
    let (batch, told) = decoded(&super::request(vec![super::one(&[(1.0, 1)])])).unwrap();
    assert!(batch.is_empty() && told.refused.is_empty());
}

#[test]
fn a_long_text_named_many_times_takes_no_more_than_the_limit() {
    let long = "x".repeat(4000);
    let series = (0..1000).map(|_| one([1, 2].repeat(100), 1)).collect();
    let limits = Limits {
        bytes_max: 1 << 20,
        ..Limits::default()
    };
    let body = request(&["", "a", &long], series);
    let mut batch = Batch::new();
    let refused = decode_v2(&snappy(&body), limits, &mut Scratch::default(), &mut batch);
    assert!(refused.unwrap_err().is_size());
    assert!(batch.buffer().len() <= 1 << 20);
}

#[test]
fn exemplars_come_with_their_trace() {
    let mut series = one(vec![1, 2], 1);
    series.exemplars = vec![
        Exemplar {
            labels_refs: vec![3, 4],
            value: 0.25,
            timestamp: super::NOW,
        },
        Exemplar {
            labels_refs: vec![3],
            ..Exemplar::default()
        },
    ];
    let symbols = [
        "",
        "__name__",
        "up",
        "trace_id",
        "0123456789abcdef0123456789abcdef",
    ];
    let (batch, told) = decoded(&request(&symbols, vec![series])).unwrap();
    let (index, exemplar) = &batch.exemplars()[0];
    assert_eq!(batch.labels(*index).unwrap().to_string(), "up");
    assert_eq!(exemplar.trace_id, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    assert_eq!(
        exemplar.timestamp,
        Timestamp::from_nanos(super::NOW * 1_000_000)
    );
    assert_eq!(
        (batch.len(), batch.exemplars().len(), told.refused.len()),
        (1, 1, 1)
    );
    assert_eq!(told.refused[0].reason, Reason::Symbols);
}

#[test]
fn series_are_described_by_their_names() {
    let check = |name: &str, kind: i32, unit: &str, expected: &str| {
        let mut series = one(vec![1, 2], 1);
        series.metadata = Some(Metadata {
            kind,
            help_ref: 4,
            unit_ref: 3,
        });
        let again = series.clone();
        let body = request(&["", "__name__", name, unit, "text"], vec![series, again]);
        let (batch, _) = decoded(&body).unwrap();
        let told = batch.metadata().map(|(name, metadata)| {
            format!(
                "{name} {} [{}] {}",
                metadata.kind,
                metadata.unit.as_str(),
                metadata.help
            )
        });
        assert_eq!(told.collect::<Vec<_>>(), [expected], "once");
    };
    check("a_bytes_total", 1, "", "a_bytes_total counter [By] text");
    check(
        "t_seconds_bucket",
        3,
        "seconds",
        "t_seconds_bucket counter [] text",
    );
    check("t_seconds_sum", 3, "", "t_seconds_sum counter [s] text");
    check("t_seconds", 3, "", "t_seconds histogram [s] text");
    check("s_count", 5, "", "s_count counter [] text");
    check("s", 5, "ms", "s gauge [ms] text");
    check("a", 0, "", "a gauge [] text");
}

#[test]
fn scratch_is_used_again_without_a_trace_of_what_was_before() {
    let mut scratch = Scratch::default();
    let large = request(&SYMBOLS, vec![one(vec![1, 2, 3, 4], 3)]);
    let small = request(
        &["", "__name__", "x"],
        vec![one(vec![1, 2], 1), one(vec![3, 4], 1)],
    );
    for _ in 0..2 {
        let (batch, _) = decoded_with(&large, Limits::default(), &mut scratch).unwrap();
        assert_eq!(batch.len(), 3);
        let (batch, told) = decoded_with(&small, Limits::default(), &mut scratch).unwrap();
        assert_eq!((rows(&batch)[0].0.as_str(), batch.len()), ("x", 1));
        assert_eq!(told.refused[0].reason, Reason::Symbols);
    }
}

#[test]
fn fields_may_come_in_any_order_and_one_by_one() {
    let sample = Sample {
        value: 2.0,
        timestamp: super::NOW,
    };
    let sample = [&[0x12, 16][..], &sample.encode_to_vec()].concat();
    let pieces: [&[&[u8]]; 3] = [
        &[&sample, b"\x0a\x02\x01\x02"],
        &[b"\x08\x01\x08\x02", &sample],
        &[b"\x0a\x01\x01", &sample, b"\x08\x02"],
    ];
    let symbols = request(&["", "__name__", "up"], Vec::new());
    for pieces in pieces {
        let series = pieces.concat();
        let field = [&[0x2a, series.len() as u8][..], &series].concat();
        // Symbols may come last.
        let (batch, told) = decoded(&[&field[..], &symbols].concat()).unwrap();
        assert!(told.refused.is_empty(), "{told:?}");
        assert_eq!(rows(&batch)[0].0, "up");
    }
}
