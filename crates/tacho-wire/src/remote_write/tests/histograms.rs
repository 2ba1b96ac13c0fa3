//! Native histograms in all their forms.

use prost::Message as _;
use tacho_model::append::STALE_NAN_BITS;
use tacho_model::histogram::{Bucket, HistogramError, HistogramParts, Temporality};
use tacho_model::{Histogram, Value};

use super::messages::{BucketSpan, Count, HistogramMessage, TimeSeries, ZeroCount};
use super::{NOW, Reason, decoded, field, label, one, request, rows};

/// Spans of adjacent indices, as Prometheus writes them.
fn spans(buckets: &[Bucket]) -> Vec<BucketSpan> {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut next = 0;
    for bucket in buckets {
        match spans.last_mut() {
            Some(last) if bucket.index == next => last.length += 1,
            _ => spans.push(BucketSpan {
                offset: bucket.index - next,
                length: 1,
            }),
        }
        next = bucket.index + 1;
    }
    spans
}

fn deltas(buckets: &[Bucket]) -> Vec<i64> {
    let mut last = 0;
    let delta = |bucket: &Bucket| {
        let count = bucket.count as i64;
        count - std::mem::replace(&mut last, count)
    };
    buckets.iter().map(delta).collect()
}

/// A histogram as a sender writes it, in the integer or the float flavour.
pub(super) fn message(histogram: &Histogram, floats: bool) -> HistogramMessage {
    let parts = histogram.to_parts();
    let mut message = HistogramMessage {
        sum: parts.sum,
        schema: parts.schema.into(),
        zero_threshold: parts.zero_threshold,
        negative_spans: spans(&parts.negative),
        positive_spans: spans(&parts.positive),
        timestamp: NOW,
        // 3 is a gauge histogram, 2 says that there was no reset.
        reset_hint: match parts.temporality {
            Temporality::Delta => 3,
            Temporality::Cumulative => 2,
        },
        ..HistogramMessage::default()
    };
    if floats {
        let counts = |side: &[Bucket]| side.iter().map(|bucket| bucket.count).collect();
        message.count = Some(Count::Float(parts.count));
        message.zero_count = Some(ZeroCount::Float(parts.zero_count));
        message.negative_counts = counts(&parts.negative);
        message.positive_counts = counts(&parts.positive);
    } else {
        message.count = Some(Count::Int(parts.count as u64));
        message.zero_count = Some(ZeroCount::Int(parts.zero_count as u64));
        message.negative_deltas = deltas(&parts.negative);
        message.positive_deltas = deltas(&parts.positive);
    }
    message
}

fn observed() -> Histogram {
    let mut histogram = Histogram::new();
    for value in [0.0, 0.001, 0.001, 0.3, 0.31, 17.0, 1e9, -2.0, -2.0, -1e-3] {
        histogram.observe(value);
    }
    histogram
}

fn series(histograms: Vec<HistogramMessage>) -> TimeSeries {
    TimeSeries {
        labels: vec![label("__name__", "h")],
        histograms,
        ..TimeSeries::default()
    }
}

#[test]
fn both_flavours_are_the_histogram_that_was_sent() {
    for schema in [6, 3, 0, -4] {
        let mut histogram = observed();
        histogram.reduce_to(schema);
        if schema < 6 {
            histogram = Histogram::from_parts(HistogramParts {
                temporality: Temporality::Cumulative,
                ..histogram.to_parts()
            })
            .unwrap();
        }
        for floats in [false, true] {
            let sent = series(vec![message(&histogram, floats)]);
            let (batch, decoded) = decoded(&request(vec![sent])).unwrap();
            assert!(decoded.refused.is_empty(), "{decoded:?}");
            let (_, time, value) = batch.row(0);
            assert_eq!(value, Value::Histogram(&histogram), "{schema} {floats}");
            assert_eq!(time.as_millis(), NOW);
        }
    }
}

#[test]
fn numbers_may_come_one_by_one() {
    let mut packed = message(&observed(), false);
    let deltas = std::mem::take(&mut packed.positive_deltas);
    let mut bytes = packed.encode_to_vec();
    for delta in deltas {
        bytes.push(12 << 3);
        prost::encoding::encode_varint(((delta << 1) ^ (delta >> 63)) as u64, &mut bytes);
    }
    let name = prost::Message::encode_to_vec(&label("__name__", "h"));
    let one = field(1, &[field(1, &name), field(4, &bytes)].concat());
    let (batch, _) = decoded(&one).unwrap();
    assert_eq!(batch.row(0).2, Value::Histogram(&observed()));
}

#[test]
fn the_marker_of_an_ended_series_is_a_number() {
    let marker = HistogramMessage {
        sum: f64::from_bits(STALE_NAN_BITS),
        timestamp: NOW,
        ..HistogramMessage::default()
    };
    let (batch, _) = decoded(&request(vec![series(vec![marker])])).unwrap();
    assert_eq!(rows(&batch)[0].2, format!("{STALE_NAN_BITS:016x}"));
}

#[test]
fn what_is_no_histogram_costs_itself_alone() {
    let check = |change: fn(&mut HistogramMessage), reason: Reason| {
        let mut bad = message(&observed(), false);
        change(&mut bad);
        let good = message(&observed(), true);
        let sent = vec![series(vec![bad, good]), one(&[(1.0, NOW)])];
        let (batch, decoded) = decoded(&request(sent)).unwrap();
        assert_eq!(batch.len(), 2);
        let reasons: Vec<Reason> = decoded.refused.iter().map(|one| one.reason).collect();
        assert_eq!(reasons, [reason]);
    };
    let invalid = Reason::Histogram;
    check(|h| h.schema = -53, Reason::CustomBuckets);
    check(|h| h.schema = 9, invalid(HistogramError::Schema(9)));
    check(
        |h| h.schema = i32::MIN,
        invalid(HistogramError::Schema(127)),
    );
    check(
        |h| h.count = Some(Count::Int(1)),
        invalid(HistogramError::Total),
    );
    check(
        |h| h.count = Some(Count::Float(f64::NAN)),
        invalid(HistogramError::Count),
    );
    check(
        |h| h.positive_deltas[0] = -5,
        invalid(HistogramError::Count),
    );
    check(|h| h.timestamp = i64::MAX, Reason::OutOfRange);
    check(|h| h.positive_spans[0].length = u32::MAX, Reason::Spans);
    check(|h| h.positive_spans[0].offset = i32::MAX, Reason::Spans);
    check(|h| h.positive_spans.clear(), Reason::Spans);
    check(|h| h.negative_deltas.clear(), Reason::Spans);
    check(|h| h.positive_counts.push(1.0), Reason::Spans);
    check(|h| h.positive_deltas[1] = i64::MAX, Reason::Spans);
    check(
        |h| h.positive_spans[1].offset = -1,
        invalid(HistogramError::Order),
    );
}

#[test]
fn spans_without_buckets_take_no_memory_and_no_time() {
    let mut hostile = message(&observed(), false);
    let span = BucketSpan {
        offset: 0,
        length: u32::MAX,
    };
    hostile.positive_spans = vec![span; 1000];
    let (batch, decoded) = decoded(&request(vec![series(vec![hostile])])).unwrap();
    assert_eq!((batch.len(), decoded.refused.len()), (0, 1));
}
