use proptest::prelude::*;
use prost::Message as _;
use tacho_model::span::{Attribute, AttributeValue};

use super::*;
use crate::otlp::attributes::{ATTRIBUTES_MAX, CUT_MARK, VALUE_BYTES_MAX};
use crate::otlp::messages::{self, Any, AnyValue, KeyValue, TracesRequest, span, text, traces};

/// What a span looks like, so that it can be compared after it has gone.
fn shown(span: &Span<'_>) -> String {
    format!("{span:?}")
}

fn decoded(request: &TracesRequest) -> (Decoded, Vec<String>) {
    let mut spans = Vec::new();
    let decoded = decode(&request.encode_to_vec(), |span| spans.push(shown(span))).unwrap();
    (decoded, spans)
}

/// Decodes one span and looks at it.
#[track_caller]
fn look(one: messages::Span, check: impl FnOnce(&Span<'_>)) {
    let mut check = Some(check);
    let body = traces("api", vec![one]).encode_to_vec();
    let decoded = decode(&body, |span| check.take().unwrap()(span)).unwrap();
    assert_eq!((decoded.taken, decoded.refused), (1, Vec::new()));
}

fn value<'s>(span: &'s Span<'_>, name: &str) -> Option<&'s AttributeValue<'s>> {
    let mut attributes = span.attributes.iter();
    Some(&attributes.find(|attribute| attribute.name == name)?.value)
}

#[test]
fn a_span_is_read_whole() {
    let mut one = span(2, 7, "GET /cart");
    one.kind = 2;
    one.attributes = vec![text("http.route", "/cart")];
    one.status = Some(messages::Status {
        message: "no".to_owned(),
        code: 2,
    });
    look(one, |span| {
        assert_eq!((span.trace_id, span.span_id, span.parent_id), (1, 2, 7));
        assert_eq!(
            (span.name, span.service, span.scope),
            ("GET /cart", "api", "tests")
        );
        assert_eq!(span.start, Timestamp::from_secs(1));
        assert_eq!(span.duration, Duration::from_micros(500));
        assert_eq!(
            (span.kind, span.status),
            (SpanKind::Server, SpanStatus::Error)
        );
        assert_eq!((span.status_message, span.pending_of), ("no", 0));
        let route = AttributeValue::Text("/cart".into());
        let expected = [Attribute {
            name: "http.route",
            value: route,
        }];
        assert_eq!(span.attributes, expected);
        assert_eq!(span.resource.len(), 1);
        assert_eq!((span.events, span.links), ("", ""));
    });
}

#[test]
fn what_cannot_be_a_span_is_refused_alone() {
    let broken = |change: fn(&mut messages::Span)| {
        let mut broken = span(9, 0, "broken");
        change(&mut broken);
        broken
    };
    let spans = vec![
        span(1, 0, "a"),
        broken(|span| span.trace_id = vec![0; 16]),
        broken(|span| span.trace_id = vec![1; 15]),
        broken(|span| span.span_id.clear()),
        broken(|span| span.start_time_unix_nano = u64::MAX),
        span(2, 0, "b"),
    ];
    let (decoded, spans) = decoded(&traces("api", spans));
    let refused = [
        (Refused::TraceId, 2),
        (Refused::SpanId, 1),
        (Refused::OutOfRange, 1),
    ];
    assert_eq!((decoded.taken, decoded.refused), (2, refused.to_vec()));
    assert_eq!(spans.len(), 2);
}

#[test]
fn clocks_that_jump_and_odd_numbers_do_no_harm() {
    let mut one = span(1, 0, "x");
    one.end_time_unix_nano = 5;
    one.kind = 77;
    one.parent_span_id = vec![1, 2, 3];
    one.status = Some(messages::Status {
        message: String::new(),
        code: -1,
    });
    look(one, |span| {
        assert_eq!((span.duration, span.parent_id), (Duration::ZERO, 0));
        assert_eq!(span.kind, SpanKind::Unspecified);
        assert_eq!(span.status, SpanStatus::Unset);
    });
}

#[test]
fn a_pending_span_names_the_one_that_it_announces() {
    let mut pending = span(8, 5, "long");
    pending.attributes = vec![
        text("logfire.span_type", "pending_span"),
        text("logfire.pending_parent_id", "00000000000000ff"),
    ];
    look(pending.clone(), |span| {
        assert_eq!((span.span_id, span.pending_of, span.parent_id), (8, 5, 255));
    });
    pending.attributes[1] = text("logfire.pending_parent_id", "0000000000000000");
    look(pending.clone(), |span| {
        assert_eq!((span.pending_of, span.parent_id), (5, 0));
    });
    pending.attributes[0] = text("logfire.span_type", "span");
    look(pending, |span| {
        assert_eq!((span.pending_of, span.parent_id), (0, 5));
    });
}

#[test]
fn events_and_links_are_json() {
    let mut one = span(1, 0, "x");
    let attributes = vec![
        text("exception.message", "no \"luck\""),
        KeyValue {
            key: "n".to_owned(),
            value: Some(AnyValue {
                value: Some(Any::Integer(-3)),
            }),
        },
    ];
    one.events = vec![
        messages::Event {
            time_unix_nano: 1_000_000_001,
            name: "exception".to_owned(),
            attributes,
        },
        messages::Event::default(),
    ];
    one.links = vec![messages::Link {
        trace_id: 2u128.to_be_bytes().to_vec(),
        span_id: 3u64.to_be_bytes().to_vec(),
        attributes: Vec::new(),
    }];
    look(one, |span| {
        let events: serde_json::Value = serde_json::from_str(span.events).unwrap();
        let expected = serde_json::json!([
            {"time": "1970-01-01T00:00:01.000000001Z", "name": "exception",
             "attributes": {"exception.message": "no \"luck\"", "n": -3}},
            {"time": "1970-01-01T00:00:00Z", "name": ""},
        ]);
        assert_eq!(events, expected);
        let links =
            r#"[{"trace_id":"00000000000000000000000000000002","span_id":"0000000000000003"}]"#;
        assert_eq!(span.links, links);
    });
}

#[test]
fn what_is_too_much_is_left_out_and_counted() {
    let mut one = span(1, 0, "x");
    let many = 0..ATTRIBUTES_MAX + 20;
    one.attributes = many.map(|n| text(&format!("a{n}"), "v")).collect();
    one.attributes[0] = text("a0", &"é".repeat(VALUE_BYTES_MAX));
    one.dropped_attributes_count = 4;
    let event = messages::Event {
        name: "e".repeat(3000),
        ..messages::Event::default()
    };
    one.events = vec![event; 100];
    one.links = vec![messages::Link::default(); 200];
    look(one, |span| {
        let Some(AttributeValue::Text(long)) = value(span, "a0") else {
            panic!("{:?}", span.attributes);
        };
        assert_eq!(long.len(), VALUE_BYTES_MAX + CUT_MARK.len());
        assert!(long.ends_with(CUT_MARK));
        let dropped = |of: &str| match value(span, &format!("otel.dropped_{of}_count")) {
            Some(AttributeValue::Integer(count)) => *count,
            _ => 0,
        };
        assert_eq!(dropped("attributes"), 24);
        let events: Vec<serde_json::Value> = serde_json::from_str(span.events).unwrap();
        assert!((20..30).contains(&events.len()), "{}", events.len());
        assert_eq!(dropped("events"), 100 - events.len() as i64);
        assert_eq!(dropped("links"), 200 - 128);
    });
}

#[test]
fn a_span_never_outgrows_its_row() {
    let mut one = span(1, 0, &"n".repeat(100_000));
    let long = "\u{1}".repeat(VALUE_BYTES_MAX * 2);
    one.attributes = (0..999).map(|n| text(&format!("{n}"), &long)).collect();
    one.events = vec![
        messages::Event {
            attributes: one.attributes.clone(),
            ..messages::Event::default()
        };
        200
    ];
    look(one, |span| {
        let texts = span
            .attributes
            .iter()
            .map(|attribute| match &attribute.value {
                AttributeValue::Text(text) => text.len(),
                _ => 8,
            });
        let size = texts.sum::<usize>() + span.events.len() + span.links.len() + span.name.len();
        assert!(size < 400 << 10, "{size}");
        assert!(serde_json::from_str::<serde_json::Value>(span.events).is_ok());
    });
}

#[test]
fn a_resource_may_stand_behind_its_spans() {
    let request = traces("late", vec![span(1, 0, "x")]);
    let holder = &request.resource_spans[0];
    let resource = [
        &b"\x0a"[..],
        &[holder.resource.as_ref().unwrap().encoded_len() as u8],
    ];
    let resource = [
        &resource.concat()[..],
        &holder.resource.as_ref().unwrap().encode_to_vec(),
    ];
    let scope = &holder.scope_spans[0].encode_to_vec();
    let inner = [&[0x12, scope.len() as u8][..], scope, &resource.concat()].concat();
    let body = [&[0x0a, inner.len() as u8][..], &inner].concat();
    let mut services = Vec::new();
    decode(&body, |span| services.push(span.service.to_owned())).unwrap();
    assert_eq!(services, ["late"]);
}

#[test]
fn who_says_nothing_is_unknown() {
    let mut request = traces("", vec![span(1, 0, "x")]);
    let (_, spans) = decoded(&request);
    assert!(spans[0].contains("service: \"unknown_service\""));
    request.resource_spans[0].resource = None;
    let (_, spans) = decoded(&request);
    assert!(spans[0].contains("service: \"unknown_service\""));
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        ".{0,8}".prop_map(Any::Text),
        any::<bool>().prop_map(Any::Boolean),
        any::<i64>().prop_map(Any::Integer),
        prop::num::f64::NORMAL.prop_map(Any::Float),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(Any::Bytes),
    ];
    let leaf = leaf.prop_map(|value| AnyValue { value: Some(value) });
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop::collection::vec(inner, 0..3).prop_map(|values| AnyValue {
            value: Some(Any::List(messages::List { values })),
        })
    })
}

fn some_span() -> impl Strategy<Value = messages::Span> {
    let attribute = ("[a-z]{1,4}", any_value());
    let attributes = prop::collection::vec(attribute, 0..4);
    let rest = (
        any::<bool>(),
        0..7i32,
        any::<u32>(),
        any::<u32>(),
        attributes,
        0..4i32,
    );
    (1..9u64, 0..9u64, ".{0,12}", rest).prop_map(|(id, parent, name, rest)| {
        let (has_event, kind, start, took, attributes, code) = rest;
        let attributes = attributes.into_iter();
        let attributes: Vec<KeyValue> = attributes
            .map(|(key, value)| KeyValue {
                key,
                value: Some(value),
            })
            .collect();
        let event = messages::Event {
            time_unix_nano: u64::from(start),
            name: name.clone(),
            attributes: attributes.clone(),
        };
        messages::Span {
            kind,
            start_time_unix_nano: u64::from(start),
            end_time_unix_nano: u64::from(start) + u64::from(took),
            attributes,
            events: has_event.then_some(event).into_iter().collect(),
            status: Some(messages::Status {
                message: String::new(),
                code,
            }),
            ..span(id, parent, &name)
        }
    })
}

pub(crate) fn some_request() -> impl Strategy<Value = TracesRequest> {
    let spans = prop::collection::vec(some_span(), 0..4);
    ("[a-z]{0,4}", spans).prop_map(|(service, spans)| traces(&service, spans))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn requests_are_what_prost_makes_of_them(request in some_request()) {
        let expected = &request.resource_spans[0].scope_spans[0].spans;
        let mut seen = 0;
        let body = request.encode_to_vec();
        let decoded = decode(&body, |span| {
            let same = &expected[seen];
            seen += 1;
            assert_eq!(span.name, same.name);
            assert_eq!(span.start.as_nanos(), same.start_time_unix_nano as i64);
            let took = same.end_time_unix_nano - same.start_time_unix_nano;
            assert_eq!(span.duration.as_nanos(), u128::from(took));
            assert_eq!(span.parent_id, id_of_span(&same.parent_span_id).unwrap_or(0));
            assert_eq!(span.attributes.len(), same.attributes.len());
            assert_eq!(span.events.is_empty(), same.events.is_empty());
        });
        prop_assert_eq!(decoded.unwrap().taken, expected.len());
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error_or_another_request(request in some_request()) {
        let body = request.encode_to_vec();
        for end in 0..body.len() {
            let whole = TracesRequest::decode(&body[..end]).is_ok();
            prop_assert_eq!(decode(&body[..end], |_| ()).is_ok(), whole);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = decode(&bytes, |span| assert!(span.trace_id != 0));
    }
}
