mod traces;

use std::borrow::Cow;

use tacho_model::span::{SpanKind, SpanStatus};
use tacho_model::{Matcher, TimeRange, Timestamp};
use tacho_store::{Store, StoreOptions};

use super::filter::SpanFilter;
use super::find::{find, trace};
use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        tables: vec![table(RETENTION)],
        ..StoreOptions::default()
    };
    let store = Store::open(dir.path(), options).unwrap();
    (dir, store)
}

/// A span of trace 1 that began so many milliseconds after a moment ago.
fn span<'a>(id: u64, millis: u64, resource: &'a [Attribute<'a>]) -> Span<'a> {
    Span {
        trace_id: 1,
        span_id: id,
        parent_id: 0,
        pending_of: 0,
        start: moment() + Duration::from_millis(millis),
        duration: Duration::from_millis(id),
        name: "n",
        service: "s",
        scope: "",
        kind: SpanKind::Server,
        status: SpanStatus::Unset,
        status_message: "",
        attributes: &[],
        resource,
        events: "",
        links: "",
    }
}

fn moment() -> Timestamp {
    static MOMENT: LazyLock<Timestamp> = LazyLock::new(Timestamp::now);
    *MOMENT - Duration::from_mins(1)
}

fn keep(store: &Store, spans: &[Span<'_>]) {
    let mut rows = SpanRows::default();
    for span in spans {
        rows.push(span).unwrap();
    }
    assert_eq!(rows.len(), spans.len());
    let outcome = store.append_records(TABLE, &rows.take()).unwrap();
    assert_eq!(outcome.accepted, spans.len());
    assert!(rows.is_empty());
}

fn filter() -> SpanFilter {
    SpanFilter {
        range: TimeRange::ALL,
        texts: Vec::new(),
        attributes: Vec::new(),
        trace: None,
        duration: Duration::ZERO..=Duration::MAX,
        errors: false,
        limit: 10,
    }
}

fn ids(store: &Store, filter: &SpanFilter) -> Vec<u64> {
    let found = find(store, filter, || Ok(())).unwrap();
    found.iter().map(|span| span.span_id).collect()
}

#[test]
fn spans_are_found_by_what_they_and_their_process_say() {
    let (_dir, store) = store();
    let value = AttributeValue::Text(Cow::Borrowed("b"));
    let resource = [Attribute {
        name: "zone",
        value,
    }];
    let failed = Span {
        status: SpanStatus::Error,
        attributes: &resource,
        ..span(3, 30, &[])
    };
    keep(&store, &[span(1, 10, &[]), span(2, 20, &resource), failed]);
    assert_eq!(ids(&store, &filter()), [3, 2, 1]);
    let in_zone = SpanFilter {
        attributes: vec![Matcher::equal("zone", "b")],
        ..filter()
    };
    assert_eq!(ids(&store, &in_zone), [3, 2]);
    let newest = SpanFilter {
        limit: 1,
        ..in_zone
    };
    assert_eq!(ids(&store, &newest), [3]);
    let slow = SpanFilter {
        duration: Duration::from_millis(2)..=Duration::from_millis(2),
        ..filter()
    };
    assert_eq!(ids(&store, &slow), [2]);
    let errors = SpanFilter {
        errors: true,
        texts: vec![Matcher::equal("service", "s"), Matcher::equal("name", "n")],
        ..filter()
    };
    assert_eq!(ids(&store, &errors), [3]);
    let elsewhere = SpanFilter {
        texts: vec![Matcher::equal("service", "t")],
        ..filter()
    };
    assert_eq!(ids(&store, &elsewhere), [0; 0]);
}

#[test]
fn many_pending_spans_that_have_ended_hide_none_that_are_there() {
    let (_dir, store) = store();
    keep(&store, &[span(1, 0, &[])]);
    for id in 100..160 {
        let whole = span(id, id, &[]);
        let pending = Span {
            span_id: id + 1000,
            pending_of: id,
            ..whole
        };
        keep(&store, &[pending]);
        if id % 2 == 0 {
            keep(&store, &[whole]);
        }
    }
    let all = SpanFilter {
        limit: 1000,
        ..filter()
    };
    let found = find(&store, &all, || Ok(())).unwrap();
    assert_eq!(found.len(), 61);
    assert_eq!(found.iter().filter(|span| span.pending).count(), 30);
    assert_eq!(ids(&store, &filter()).len(), 10);
    let of_trace = trace(&store, 1, None, 1000).unwrap();
    assert_eq!(of_trace.spans.len(), 61);
    assert!(of_trace.next.is_none());
    // What takes a known time is no pending span.
    let slow = SpanFilter {
        duration: Duration::from_millis(1)..=Duration::MAX,
        ..all
    };
    assert_eq!(ids(&store, &slow).len(), 31);
}

#[test]
fn a_search_through_pending_spans_can_be_stopped() {
    let (_dir, store) = store();
    let pending = Span {
        span_id: 1001,
        pending_of: 1,
        ..span(1, 0, &[])
    };
    keep(&store, &[pending, span(1, 0, &[])]);
    let asked = std::cell::Cell::new(0);
    let found = find(&store, &filter(), || {
        asked.set(asked.get() + 1);
        match asked.get() {
            1 => Ok(()),
            _ => Err(tacho_model::QueryError::Cancelled),
        }
    });
    assert!(matches!(found, Err(tacho_model::QueryError::Cancelled)));
    assert_eq!(asked.get(), 2);
}

#[test]
fn a_trace_of_spans_that_began_together_comes_in_pages() {
    let (_dir, store) = store();
    let spans: Vec<Span<'_>> = (1..=300).map(|id| span(id, 5, &[])).collect();
    keep(&store, &spans);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = trace(&store, 1, after, 7).unwrap();
        seen.extend(page.spans.iter().map(|span| span.span_id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=300).collect::<Vec<_>>());
    assert!(trace(&store, 2, None, 7).unwrap().spans.is_empty());
}
