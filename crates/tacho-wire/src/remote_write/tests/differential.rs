//! Requests decoded twice: here and by prost; the two must agree.

use proptest::prelude::*;
use prost::Message as _;
use tacho_model::Histogram;

use crate::protobuf::ProtobufError;

use super::messages::{Exemplar, MetricMetadata, TimeSeries, WriteRequest};
use super::{
    Limits, RemoteWriteError, Sample, Shown, decode, decoded, histograms, label, labels, rows,
};

/// What the decoder should make of a message.
fn expected(request: &WriteRequest) -> Vec<Shown> {
    let mut out = Vec::new();
    for series in &request.timeseries {
        let set = TimeSeries {
            labels: series.labels.clone(),
            ..TimeSeries::default()
        };
        let set = labels(&set.encode_to_vec());
        // Samples come before histograms where prost writes them.
        for sample in &series.samples {
            if let Some(nanos) = sample.timestamp.checked_mul(1_000_000) {
                let bits = format!("{:016x}", sample.value.to_bits());
                out.push((set.clone(), nanos, bits));
            }
        }
        for histogram in &series.histograms {
            let nanos = histogram.timestamp.checked_mul(1_000_000);
            out.extend(nanos.map(|nanos| (set.clone(), nanos, String::new())));
        }
    }
    out
}

/// Histograms are compared elsewhere: here it counts that they are there.
fn without_histograms(mut rows: Vec<Shown>) -> Vec<Shown> {
    for (_, _, value) in &mut rows {
        if value.starts_with("Histogram") {
            value.clear();
        }
    }
    rows
}

fn some_label() -> impl Strategy<Value = super::Label> {
    let name = prop_oneof![Just("__name__".to_owned()), "[a-z]{1,3}", "\\PC{1,40}"];
    let value = prop_oneof![4 => "\\PC{0,20}", 1 => "[xy]{100,300}"];
    (name, value).prop_map(|(name, value)| label(&name, &value))
}

fn some_sample() -> impl Strategy<Value = Sample> {
    let value = prop_oneof![Just(0.0), any::<u64>().prop_map(f64::from_bits)];
    let time = prop_oneof![4 => 1_700_000_000_000..1_900_000_000_000i64, 1 => any::<i64>()];
    (value, time).prop_map(|(value, timestamp)| Sample { value, timestamp })
}

fn some_series() -> impl Strategy<Value = TimeSeries> {
    let samples = prop_oneof![
        3 => prop::collection::vec(some_sample(), 1),
        1 => prop::collection::vec(some_sample(), 0..5),
    ];
    let exemplar = (some_label(), some_sample()).prop_map(|(label, sample)| Exemplar {
        labels: vec![label],
        value: sample.value,
        timestamp: sample.timestamp,
    });
    let histogram = (prop::collection::vec(any::<f64>(), 0..9), any::<bool>());
    let histogram = histogram.prop_map(|(values, floats)| {
        let mut histogram = Histogram::new();
        for value in values {
            histogram.observe(value);
        }
        histograms::message(&histogram, floats)
    });
    (
        prop::collection::vec(some_label(), 0..8),
        samples,
        prop::collection::vec(exemplar, 0..2),
        prop::collection::vec(histogram, 0..2),
    )
        .prop_map(|(labels, samples, exemplars, histograms)| TimeSeries {
            labels,
            samples,
            exemplars,
            histograms,
        })
}

fn some_request() -> impl Strategy<Value = WriteRequest> {
    let metadata =
        (0..9i32, "[a-z_]{0,9}", "\\PC{0,9}").prop_map(|(kind, family, help)| MetricMetadata {
            kind,
            metric_family_name: family,
            help,
            unit: String::new(),
        });
    (
        prop::collection::vec(some_series(), 0..6),
        prop::collection::vec(metadata, 0..3),
    )
        .prop_map(|(timeseries, metadata)| WriteRequest {
            timeseries,
            metadata,
        })
}

/// Asserts that what prost takes is taken, and is the same.
fn assert_same(bytes: &[u8]) {
    let ours = decoded(bytes);
    let Ok(theirs) = WriteRequest::decode(bytes) else {
        // What prost refuses may be a label set that is judged later, but never panics.
        return;
    };
    match ours {
        Ok((batch, decoded)) => {
            // Which samples are refused for their histograms and labels is tested elsewhere.
            if decoded.refused.is_empty() {
                // Prost does not remember whether samples or histograms came first.
                let (mut ours, mut theirs) = (without_histograms(rows(&batch)), expected(&theirs));
                ours.sort();
                theirs.sort();
                // Inside a label, too, a group is skipped by prost: the label set is refused here.
                let corrupt = "the encoded label set is corrupt";
                if ours.iter().any(|(name, ..)| name.starts_with(corrupt)) {
                    assert_eq!(ours.len(), theirs.len());
                } else {
                    assert_eq!(ours, theirs);
                }
            }
        }
        // Groups are skipped by prost and refused here.
        Err(RemoteWriteError::Protobuf(ProtobufError::Corrupt { reason, .. }))
            if reason.starts_with("groups") => {}
        Err(error) => panic!("{error} for {theirs:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_truncation_is_judged_as_prost_judges_it(request in some_request()) {
        let bytes = request.encode_to_vec();
        for end in 0..bytes.len() {
            let cut = &bytes[..end];
            let (ours, theirs) = (decoded(cut).is_ok(), WriteRequest::decode(cut).is_ok());
            prop_assert_eq!(ours, theirs, "cut at {} of {:x?}", end, bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn requests_are_what_prost_makes_of_them(request in some_request()) {
        let (batch, _) = decoded(&request.encode_to_vec()).unwrap();
        prop_assert_eq!(without_histograms(rows(&batch)), expected(&request));
    }

    #[test]
    fn changed_bytes_never_panic_and_mean_what_prost_says(
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
        assert_same(&bytes);
    }

    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let limits = Limits { bytes_max: 1 << 16, ..Limits::default() };
        let _ = decode(&body, limits, &mut tacho_model::Batch::new());
        assert_same(&body);
    }
}
