use base::{Value, json};
use proptest::prelude::*;
use prost::Message as _;
use serde_json as base;

use super::*;
use crate::otlp::messages::{self, Any, AnyValue, KeyValue, LogsRequest, TracesRequest};
use crate::otlp::traces::tests::some_request;

fn transcoded(kind: Kind, json: &Value) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    transcode(kind, json.to_string().as_bytes(), 1 << 20, &mut out)?;
    Ok(out)
}

#[track_caller]
fn refused(json: &Value, text: &str) {
    let error = transcoded(Kind::Traces, json).unwrap_err().to_string();
    assert!(error.contains(text), "no `{text}` in: {error}");
}

/// A request around the fields of one span.
fn around(span: &Value) -> Value {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
}

fn one(span: &Value) -> messages::Span {
    let body = transcoded(Kind::Traces, &around(span)).unwrap();
    let mut request = TracesRequest::decode(&*body).unwrap();
    request
        .resource_spans
        .remove(0)
        .scope_spans
        .remove(0)
        .spans
        .remove(0)
}

#[test]
fn a_span_of_the_javascript_sdk() {
    let read = one(&json!({
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174",
        "parentSpanId": "", "name": "I'm a server span", "kind": 2, "flags": 257,
        "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1_544_712_661_000_000_000_u64,
        "attributes": [
            {"key": "a", "value": {"stringValue": "é"}},
            {"key": "b", "value": {"intValue": 5}},
            {"key": "c", "value": {"intValue": "-5"}},
            {"key": "d", "value": {"doubleValue": 5}},
            {"key": "e", "value": {"doubleValue": "-Infinity"}},
            {"key": "f", "value": {"boolValue": true}},
            {"key": "g", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}},
            {"key": "h", "value": {"kvlistValue": {"values": [{"key": "y", "value": {}}]}}},
            {"key": "i", "value": {"bytesValue": "Zm9v"}},
        ],
        "droppedAttributesCount": 3, "events": [], "status": {"code": "STATUS_CODE_ERROR"},
        "unknown": {"deep": [1, {"x": null}]}, "traceState": null,
    }));
    assert_eq!(read.trace_id[..2], [0x5b, 0x8e]);
    assert_eq!((read.span_id.len(), read.parent_span_id.len()), (8, 0));
    assert_eq!(
        (&*read.name, read.kind, read.flags),
        ("I'm a server span", 2, 257)
    );
    assert_eq!(read.start_time_unix_nano, 1_544_712_660_000_000_000);
    assert_eq!(read.end_time_unix_nano, 1_544_712_661_000_000_000);
    assert_eq!(
        (read.dropped_attributes_count, read.status.unwrap().code),
        (3, 2)
    );
    let values = read
        .attributes
        .iter()
        .map(|a| a.value.clone().unwrap().value);
    let shown = values.map(|value| format!("{value:?}")).collect::<Vec<_>>();
    let [a, b, c, d, e, f, g, h, i] = &shown[..] else {
        panic!("{shown:?}");
    };
    assert_eq!(
        [a, b, c],
        ["Some(Text(\"é\"))", "Some(Integer(5))", "Some(Integer(-5))"]
    );
    assert_eq!(
        [d, e, f],
        [
            "Some(Float(5.0))",
            "Some(Float(-inf))",
            "Some(Boolean(true))"
        ]
    );
    assert!(
        g.contains("Text(\"x\")") && h.contains("key: \"y\""),
        "{g} {h}"
    );
    assert_eq!(i, "Some(Bytes([102, 111, 111]))");
}

#[test]
fn names_with_underscores_and_of_enumerations_are_taken() {
    let read = one(&json!({
        "trace_id": "00000000000000000000000000000001", "kind": "SPAN_KIND_CLIENT",
        "start_time_unix_nano": 1e9, "status": {"code": "STATUS_CODE_OF_TOMORROW"},
    }));
    assert_eq!((read.kind, read.start_time_unix_nano), (3, 1_000_000_000));
    assert_eq!(read.status.unwrap().code, 0);
    let body = transcoded(
        Kind::Logs,
        &json!({"resource_logs": [{"scope_logs": [{"log_records": [
            {"severity_number": "SEVERITY_NUMBER_ERROR2", "eventName": "x"}
        ]}]}]}),
    );
    let request = LogsRequest::decode(&*body.unwrap()).unwrap();
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!((record.severity_number, &*record.event_name), (18, "x"));
}

#[test]
fn metrics_are_packed_where_protobuf_packs() {
    let point = json!({
        "scale": -2, "count": "3", "positive": {"offset": 1, "bucketCounts": ["1", 2]}
    });
    let metric = json!({"exponentialHistogram": {"dataPoints": [point]}, "name": "m"});
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]});
    let point = b"\x21\x03\0\0\0\0\0\0\0\x42\x06\x12\x02\x01\x02\x08\x02\x30\x03";
    // Fields come in the order of the JSON, and serde's objects in that of their names.
    let expected = [
        &b"\x0a\x1e\x12\x1c\x12\x1a\x52\x15\x0a\x13"[..],
        point,
        b"\x0a\x01m",
    ];
    assert_eq!(transcoded(Kind::Metrics, &body).unwrap(), expected.concat());
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    refused(&json!([]), "expected an object");
    refused(
        &json!({"resourceSpans": {}}),
        "expected a list for the field `resourceSpans`",
    );
    refused(&around(&json!({"traceId": "5b8"})), "hexadecimal digits");
    refused(
        &around(&json!({"name": 5})),
        "expected a string for the field `name`",
    );
    refused(&around(&json!({"startTimeUnixNano": -1})), "does not fit");
    refused(
        &around(&json!({"startTimeUnixNano": 1.5})),
        "expected a whole number",
    );
    refused(
        &around(&json!({"startTimeUnixNano": "soon"})),
        "startTimeUnixNano",
    );
    refused(
        &around(&json!({"kind": 99_999_999_999_i64})),
        "does not fit",
    );
    refused(
        &around(&json!({"attributes": [null]})),
        "expected an object",
    );
    let mut out = Vec::new();
    let error = transcode(Kind::Traces, b"{\"resourceSpans\": [", 99, &mut out).unwrap_err();
    assert!(error.to_string().contains("line 1 column 19"), "{error}");
    let error = transcode(Kind::Traces, b"{} x", 99, &mut out).unwrap_err();
    assert!(error.to_string().contains("trailing"), "{error}");
    let error = transcode(Kind::Traces, b"\xff", 99, &mut out).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[test]
fn depth_and_size_are_bounded() {
    let mut out = Vec::new();
    // What is passed over is not descended into.
    let deep = format!("{}{}", "{\"x\":[".repeat(1000), "]}".repeat(1000));
    transcode(Kind::Traces, deep.as_bytes(), 99, &mut out).unwrap();
    assert!(out.is_empty());
    let value = "{\"arrayValue\":{\"values\":[".repeat(1000);
    let deep = format!("{{\"resourceLogs\":[{{\"resource\":{{\"attributes\":[{{\"value\":{value}");
    let error = transcode(Kind::Logs, deep.as_bytes(), 9999, &mut out).unwrap_err();
    assert!(error.to_string().contains("recursion limit"), "{error}");
    let spans: Vec<Value> = (0..100).map(|_| json!({"name": "long enough"})).collect();
    let large = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
    let error = transcode(Kind::Traces, large.as_bytes(), 500, &mut Vec::new()).unwrap_err();
    assert!(
        matches!(error, JsonError::TooLarge { limit: 500 }),
        "{error}"
    );
}

/// An `AnyValue` the way a client writes it.
fn any_json(any: &AnyValue) -> Value {
    match any.value.as_ref().unwrap() {
        Any::Text(text) => json!({"stringValue": text}),
        Any::Boolean(value) => json!({"boolValue": value}),
        Any::Integer(value) => json!({"intValue": value.to_string()}),
        Any::Float(value) => json!({"doubleValue": value}),
        Any::List(list) => {
            let values: Vec<Value> = list.values.iter().map(any_json).collect();
            json!({"arrayValue": {"values": values}})
        }
        Any::Map(map) => json!({"kvlistValue": {"values": attributes_json(&map.values)}}),
        Any::Bytes(bytes) => {
            let mut body = vec![0x3a, bytes.len() as u8];
            body.extend(bytes);
            let reader = crate::protobuf::Reader::new(&body, 0..body.len());
            let text = crate::otlp::resource::attribute_value(reader).unwrap();
            json!({"bytesValue": crate::otlp::resource::text_of(&text)})
        }
    }
}

fn attributes_json(attributes: &[KeyValue]) -> Vec<Value> {
    let attribute = |a: &KeyValue| json!({"key": a.key, "value": a.value.as_ref().map(any_json)});
    attributes.iter().map(attribute).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn span_json(span: &messages::Span) -> Value {
    let event = |event: &messages::Event| {
        json!({"timeUnixNano": event.time_unix_nano.to_string(), "name": event.name,
            "attributes": attributes_json(&event.attributes)})
    };
    let events: Vec<Value> = span.events.iter().map(event).collect();
    let status = span.status.as_ref().unwrap();
    json!({
        "traceId": hex(&span.trace_id), "spanId": hex(&span.span_id),
        "parentSpanId": hex(&span.parent_span_id), "name": span.name, "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano, "events": events,
        "attributes": attributes_json(&span.attributes), "status": {"code": status.code},
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_request_is_the_same_in_both_encodings(request in some_request()) {
        let around = &request.resource_spans[0];
        let spans = around.scope_spans[0].spans.iter().map(span_json);
        let resource = around.resource.as_ref().unwrap();
        let json = json!({"resourceSpans": [{
            "resource": {"attributes": attributes_json(&resource.attributes)},
            "scopeSpans": [{"scope": {"name": "tests"}, "spans": spans.collect::<Vec<_>>()}],
        }]});
        let body = transcoded(Kind::Traces, &json).unwrap();
        prop_assert_eq!(TracesRequest::decode(&*body).unwrap(), request);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[\\[\\]{}:,\"a-zA-Z0-9 ]{0,60}") {
        for kind in [Kind::Traces, Kind::Metrics, Kind::Logs] {
            let _ = transcode(kind, text.as_bytes(), 1000, &mut Vec::new());
        }
    }
}
