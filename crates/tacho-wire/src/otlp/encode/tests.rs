use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::otlp::messages::{self, TracesRequest, text, traces};
use crate::otlp::traces::tests::some_request;
use crate::otlp::{logs, traces as decode_traces};

fn shown(body: &[u8]) -> Vec<String> {
    let mut spans = Vec::new();
    decode_traces::decode(body, |span| spans.push(format!("{span:?}"))).unwrap();
    spans
}

/// Asserts that a request says the same after it was decoded and encoded again.
#[track_caller]
fn check(request: &TracesRequest) -> Vec<u8> {
    let body = request.encode_to_vec();
    let mut encoder = SpanEncoder::default();
    decode_traces::decode(&body, |span| encoder.push(span)).unwrap();
    let again = encoder.finish();
    assert_eq!(encoder.bytes(), 0);
    assert_eq!(shown(&again), shown(&body));
    again
}

#[test]
fn neighbours_share_their_resource() {
    let span = |id| messages::span(id, 0, "x");
    let mut request = traces("a", vec![span(1), span(2)]);
    let other = traces("b", vec![span(3)]);
    request.resource_spans.extend(other.resource_spans);
    let again = TracesRequest::decode(&*check(&request)).unwrap();
    assert_eq!(again.resource_spans.len(), 2);
    assert_eq!(again.resource_spans[0].scope_spans[0].spans.len(), 2);
}

#[test]
fn pending_spans_and_counts_of_what_was_dropped_keep_their_form() {
    let mut pending = messages::span(8, 5, "long");
    pending.attributes = vec![
        text("logfire.span_type", "pending_span"),
        text("logfire.pending_parent_id", "00000000000000ff"),
    ];
    pending.dropped_attributes_count = 3;
    pending.dropped_events_count = 2;
    pending.links = vec![messages::Link {
        trace_id: 7u128.to_be_bytes().to_vec(),
        span_id: 8u64.to_be_bytes().to_vec(),
        attributes: vec![text("a", "b")],
    }];
    let request = traces("a", vec![pending]);
    let again = TracesRequest::decode(&*check(&request)).unwrap();
    assert_eq!(again, request);
}

#[test]
fn log_records_come_back() {
    let resource = [Attribute {
        name: "service.name",
        value: AttributeValue::Text("api".into()),
    }];
    let record = LogRecord {
        time: tacho_model::Timestamp::from_secs(1),
        severity: Severity::Warn,
        event_name: "deploy",
        service: "api",
        body: "went well",
        trace_id: 5,
        span_id: 6,
        attributes: &resource,
        resource: &resource,
    };
    let mut encoder = LogEncoder::default();
    encoder.push(&record);
    encoder.push(&record);
    let mut seen = 0;
    let body = encoder.finish();
    logs::decode(&body, |again| {
        seen += 1;
        assert_eq!(again, &record);
    })
    .unwrap();
    assert_eq!(seen, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_request_comes_back(request in some_request()) {
        check(&request);
    }
}
