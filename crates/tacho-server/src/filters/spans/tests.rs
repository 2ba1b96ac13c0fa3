use tacho_model::span::{Attribute, AttributeValue, SpanKind};

use super::super::rule::{Ratio, Scope, Selectors};
use super::*;
use crate::intake::Protocol;

const PEER: Origin<'_> = Origin::new(Protocol::Otlp, "api");

fn span(trace_id: u128, span_id: u64) -> Span<'static> {
    Span {
        trace_id,
        span_id,
        parent_id: 0,
        pending_of: 0,
        start: at(0),
        duration: Duration::from_millis(10),
        name: "GET /",
        service: "api",
        scope: "",
        kind: SpanKind::Server,
        status: SpanStatus::Unset,
        status_message: "",
        attributes: &[],
        resource: &[],
        events: "",
        links: "",
    }
}

fn failed(trace_id: u128, span_id: u64) -> Span<'static> {
    Span {
        status: SpanStatus::Error,
        ..span(trace_id, span_id)
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

fn rule(selector: &str, action: SpanAction) -> SpanRule {
    let selectors = match selector {
        "" => Selectors::default(),
        selector => Selectors::parse(&[selector.to_owned()]).unwrap(),
    };
    SpanRule {
        scope: Scope::default(),
        selectors,
        action,
    }
}

fn tail(ratio: f64) -> SpanRule {
    rule(
        "",
        SpanAction::TailSample(TailPolicy {
            errors: true,
            slower_than: Some(Duration::from_millis(500)),
            ratio: Ratio::new(ratio).unwrap(),
            wait: Duration::from_secs(10),
        }),
    )
}

fn filters(rules: Vec<SpanRule>) -> SpanFilters {
    SpanFilters::new(rules).unwrap()
}

/// What becomes of spans that come together: the identifiers of those that go on, in order.
fn send(filters: &SpanFilters, secs: i64, spans: &[Span<'_>]) -> Vec<u64> {
    let (mut on, mut session) = (Vec::new(), filters.session(at(secs)));
    for span in spans {
        if session.take(PEER, span, |released| on.push(released.span_id)) == SpanVerdict::Keep {
            on.push(span.span_id);
        }
    }
    session.commit().unwrap();
    on
}

/// An identifier of a trace that no share below a half includes.
const UNLIKELY: u128 = 7 << 64 | u64::MAX as u128;

#[test]
fn r1_spans_are_chosen_by_what_they_say() {
    let drops = |selector: &str, span: &Span<'_>| {
        let filters = filters(vec![rule(selector, SpanAction::Drop)]);
        send(&filters, 0, std::slice::from_ref(span)).is_empty()
    };
    let attributes = [Attribute {
        name: "http.response.status_code",
        value: AttributeValue::Integer(204),
    }];
    let told = Span {
        attributes: &attributes,
        ..span(1, 1)
    };
    assert!(drops(
        r#"{service="api",name=~"GET .*",kind="server"}"#,
        &told
    ));
    assert!(drops(r#"{"http.response.status_code"=~"2.."}"#, &told));
    assert!(!drops(r#"{service="db"}"#, &told));
    assert!(!drops(r#"{status="error"}"#, &told));
    assert!(drops(r#"{status="error"}"#, &failed(1, 1)));
    let keep = filters(vec![rule(r#"{service="db"}"#, SpanAction::Keep)]);
    assert!(send(&keep, 0, &[told]).is_empty());
}

#[test]
fn r1_head_sampling_takes_whole_traces_and_the_same_everywhere() {
    let share = |ratio: f64| {
        let ratio = Ratio::new(ratio).unwrap();
        filters(vec![rule("", SpanAction::Sample(ratio))])
    };
    let (tenth, half) = (share(0.1), share(0.5));
    let mut kept = 0;
    for number in 0..10_000u64 {
        let trace = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 3 << 64;
        let spans = [span(trace, 1), span(trace, 2), span(trace, 3)];
        let on = send(&tenth, 0, &spans).len();
        assert!(on == 0 || on == 3, "the whole trace or nothing of it");
        kept += usize::from(on == 3);
        // What the smaller share takes, the larger one takes too.
        assert!(send(&half, 0, &spans).len() >= on);
    }
    assert!((970..1030).contains(&kept), "{kept}");
    // The values that OpenTelemetry's SDKs decide on: 0.5 of 2^64 is the first that is out.
    for (lower, expected) in [(0, 1), ((1 << 63) - 1, 1), (1 << 63, 0), (u64::MAX, 0)] {
        assert_eq!(
            send(&half, 0, &[span(u128::from(lower), 1)]).len(),
            expected
        );
    }
    assert_eq!(send(&share(1.0), 0, &[span(UNLIKELY, 1)]).len(), 1);
    assert_eq!(send(&share(0.0), 0, &[span(0, 1)]).len(), 0);
}

#[test]
fn r1_a_trace_is_kept_whole_once_one_of_its_spans_fails_or_is_slow() {
    let filters = filters(vec![tail(0.0)]);
    let slow = Span {
        duration: Duration::from_secs(1),
        ..span(2, 23)
    };
    assert!(send(&filters, 0, &[span(1, 11), span(2, 21), span(1, 12)]).is_empty());
    assert!(send(&filters, 1, &[span(2, 22), span(3, 31)]).is_empty());
    // What waited comes with the span that decides it, and what follows goes on at once.
    assert_eq!(send(&filters, 2, &[failed(1, 13)]), [11, 12, 13]);
    assert_eq!(send(&filters, 3, &[slow, span(1, 14)]), [21, 22, 23, 14]);
    // Nothing happens in the third trace, which is dropped whole, with what comes late.
    assert!(send(&filters, 20, &[]).is_empty());
    assert_eq!(filters.expire(at(20)), BTreeMap::from([("api".into(), 1)]));
    assert!(send(&filters, 21, &[failed(3, 32)]).is_empty());
    assert_eq!(filters.waiting_bytes(), 0);
}

#[test]
fn r1_a_share_of_the_other_traces_is_kept_at_once() {
    let filters = filters(vec![tail(0.5)]);
    assert_eq!(
        send(&filters, 0, &[span(1, 1), span(UNLIKELY, 2), span(1, 3)]),
        [1, 3]
    );
    // The order within a request does not matter.
    let on = send(&filters, 0, &[span(UNLIKELY + 1 - (1 << 64), 4)]);
    assert_eq!(on.len(), 1, "its lower half is zero");
}

#[test]
fn r1_filters_before_and_after_holding_apply_first() {
    let health = || rule(r#"{name="GET /"}"#, SpanAction::Drop);
    for rules in [vec![health(), tail(1.0)], vec![tail(1.0), health()]] {
        assert!(send(&filters(rules), 0, &[failed(1, 1)]).is_empty());
    }
}

#[test]
fn r1_what_could_not_be_stored_still_waits() {
    let filters = filters(vec![tail(0.0)]);
    send(&filters, 0, &[span(1, 1)]);
    let mut session = filters.session(at(1));
    let mut released = 0;
    assert_eq!(
        session.take(PEER, &failed(1, 2), |_| released += 1),
        SpanVerdict::Keep
    );
    assert_eq!(released, 1);
    // The store refused it: nothing is committed, and the sender comes again.
    drop(session);
    assert_eq!(send(&filters, 2, &[failed(1, 2)]), [1, 2]);
    assert_eq!(filters.waiting_bytes(), 0);
}

#[test]
fn r1_spans_of_a_trace_that_another_request_is_deciding_go_on() {
    let filters = filters(vec![tail(0.0)]);
    send(&filters, 0, &[span(1, 11)]);
    let mut deciding = filters.session(at(1));
    let mut released = Vec::new();
    let verdict = deciding.take(PEER, &failed(1, 12), |span| released.push(span.span_id));
    assert_eq!(
        (verdict, released.as_slice()),
        (SpanVerdict::Keep, &[11][..])
    );
    // Before that request is done, another one brings more of the trace, and is acknowledged.
    assert_eq!(send(&filters, 1, &[span(1, 13)]), [13]);
    deciding.commit().unwrap();
    assert_eq!(send(&filters, 2, &[span(1, 14)]), [14]);
    assert_eq!(filters.waiting_bytes(), 0);
    // Where both are worth keeping, either of them is enough.
    send(&filters, 3, &[span(3, 31)]);
    let mut failing = filters.session(at(3));
    failing.take(PEER, &failed(3, 32), |_| ());
    assert_eq!(send(&filters, 3, &[failed(3, 33)]), [31, 33]);
    drop(failing);
    assert_eq!(send(&filters, 4, &[span(3, 34)]), [34]);
    // A request that fails decides nothing for those that follow.
    send(&filters, 3, &[span(2, 21)]);
    let mut failing = filters.session(at(3));
    failing.take(PEER, &failed(2, 22), |_| ());
    drop(failing);
    assert!(send(&filters, 4, &[span(2, 23)]).is_empty());
    assert_eq!(send(&filters, 5, &[failed(2, 22)]), [21, 23, 22]);
}

#[test]
fn r1_spans_that_wait_survive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let filters = filters(vec![tail(0.0)]);
        filters.restore(dir.path()).unwrap();
        filters
    };
    let before = open();
    send(&before, 0, &[span(1, 11), span(2, 21)]);
    send(&before, 1, &[span(1, 12)]);
    assert_eq!(send(&before, 2, &[failed(2, 22)]), [21, 22]);
    drop(before);
    let after = open();
    assert_eq!(send(&after, 3, &[failed(1, 13)]), [11, 12, 13]);
    // What was released before may be released again, and is stored once.
    assert_eq!(send(&after, 3, &[failed(2, 22)]), [21, 22]);
    drop(after);
    // What waited too long while nothing ran is dropped.
    let late = open();
    assert!(send(&late, 60, &[failed(1, 14)]).is_empty());
}

#[test]
fn what_waits_is_bounded_and_the_oldest_trace_goes_first() {
    let filters = filters(vec![tail(0.0)]);
    let text = "x".repeat(1 << 20);
    let large = |trace: u128| Span {
        events: &text,
        ..span(trace, trace as u64)
    };
    for trace in 1..=100u128 {
        let trace = trace << 64 | u128::from(u64::MAX);
        send(&filters, 0, &[large(trace)]);
        assert!(filters.waiting_bytes() <= WAITING_BYTES_MAX);
    }
    let dropped: u64 = filters.expire(at(1)).values().sum();
    assert_eq!(dropped, 37, "64 MiB hold 63 of them");
    let first = 1u128 << 64 | u128::from(u64::MAX);
    let last = 100u128 << 64 | u128::from(u64::MAX);
    assert!(send(&filters, 1, &[failed(first, 1)]).is_empty());
    assert_eq!(send(&filters, 1, &[failed(last, 5)]).len(), 2);
}
