//! Traces found, their trees, and the trees of many merged.

use tacho_model::QueryError;
use tacho_profile::Oddity;

use super::super::calls::{Calls, matching_within, of_matching, of_trace};
use super::super::light::{Names, load};
use super::super::search::search;
use super::super::trees::{IsFirst, RecentTrees};
use super::*;

const GO_ON: &dyn Fn() -> Result<(), QueryError> = &|| Ok(());

fn text<'a>(name: &'a str, value: &'a str) -> Attribute<'a> {
    Attribute {
        name,
        value: AttributeValue::Text(Cow::Borrowed(value)),
    }
}

/// A trace of a request that began so many milliseconds after a moment ago, and asks a database so
/// many times for a millisecond, one after the other.
fn request(store: &Store, trace: u128, millis: u64, queries: u64, route: &str) {
    let attributes = [
        text("http.request.method", "GET"),
        text("http.route", route),
    ];
    let query = [
        text("db.system.name", "postgresql"),
        text("db.query.summary", "SELECT items"),
    ];
    let whole = Span {
        trace_id: trace,
        duration: Duration::from_millis(2 * queries + 2),
        name: "GET",
        service: "shop",
        attributes: &attributes,
        status: SpanStatus::Error,
        ..span(1, millis, &[])
    };
    let queries = (0..queries).map(|n| Span {
        trace_id: trace,
        span_id: n + 2,
        parent_id: 1,
        duration: Duration::from_millis(1),
        name: "execute",
        service: "items",
        kind: SpanKind::Client,
        attributes: &query,
        ..span(n + 2, millis + 1 + 2 * n, &[])
    });
    let mut spans = vec![whole];
    spans.extend(queries);
    keep(store, &spans);
}

fn operation(name: &str) -> SpanFilter {
    SpanFilter {
        texts: vec![Matcher::equal("operation", name)],
        ..filter()
    }
}

#[test]
fn traces_are_found_by_what_is_in_them() {
    let (_dir, store) = store();
    for trace in 1..=3 {
        request(&store, trace, 100 * trace as u64, trace as u64, "/items");
    }
    request(&store, 9, 50, 0, "/other");
    let found = |filter: &SpanFilter| {
        let found = search(&store, filter, GO_ON).unwrap();
        found.iter().map(|trace| trace.trace_id).collect::<Vec<_>>()
    };
    assert_eq!(found(&filter()), [3, 2, 1, 9]);
    assert_eq!(found(&operation("GET /items")), [3, 2, 1]);
    assert_eq!(found(&operation("SELECT items")), [3, 2, 1]);
    assert_eq!(
        found(&SpanFilter {
            limit: 2,
            ..operation("SELECT items")
        }),
        [3, 2]
    );
    let slow = SpanFilter {
        duration: Duration::from_millis(6)..=Duration::MAX,
        ..filter()
    };
    assert_eq!(found(&slow), [3, 2]);
    let all = search(&store, &operation("SELECT items"), GO_ON).unwrap();
    let newest = &all[0];
    assert_eq!((newest.spans, newest.errors, newest.matched), (4, 1, 3));
    assert_eq!(newest.duration, Duration::from_millis(8));
    assert!(newest.services.iter().eq(["items", "shop"]));
    let root = newest.root.as_ref().unwrap();
    assert_eq!(
        (root.name.as_str(), root.operation.as_str()),
        ("GET", "GET /items")
    );
    let stopped = search(&store, &filter(), &|| Err(QueryError::Cancelled));
    assert!(matches!(stopped, Err(QueryError::Cancelled)));
}

#[test]
fn a_trace_that_has_not_ended_is_one() {
    let (_dir, store) = store();
    let announced = Span {
        span_id: 100,
        pending_of: 1,
        duration: Duration::ZERO,
        ..span(100, 0, &[])
    };
    let below = Span {
        parent_id: 1,
        ..span(2, 10, &[])
    };
    keep(&store, &[announced, below]);
    let told = &search(&store, &filter(), GO_ON).unwrap()[0];
    assert_eq!((told.spans, told.matched), (2, 2));
    assert!(told.root.is_some());
    let page = trace(&store, 1, None, 10).unwrap().spans;
    let places = RecentTrees::default();
    let places = places.get(&store, 1, &page, IsFirst::Yes, GO_ON).unwrap();
    let place = |at: usize| *places.get(&page[at]).unwrap();
    assert_eq!((place(0).self_time, place(0).oddity), (None, None));
    assert_eq!((place(1).depth, place(1).oddity), (1, None));
    // Then it ends.
    keep(
        &store,
        &[Span {
            parent_id: 0,
            ..span(1, 0, &[])
        }],
    );
    let told = &search(&store, &filter(), GO_ON).unwrap()[0];
    assert_eq!((told.spans, told.matched), (2, 2));
    let light = load(&store, &[1], &mut Names::default(), GO_ON).unwrap();
    assert_eq!((light[0].spans.len(), light[0].pending.len()), (2, 0));
}

#[test]
fn pages_of_a_trace_share_its_tree() {
    let (_dir, store) = store();
    request(&store, 1, 0, 20, "/items");
    let trees = RecentTrees::default();
    let first = trace(&store, 1, None, 7).unwrap();
    let made = trees
        .get(&store, 1, &first.spans, IsFirst::Yes, GO_ON)
        .unwrap();
    let second = trace(&store, 1, first.next, 7).unwrap();
    let page = |trees: &RecentTrees| {
        trees
            .get(&store, 1, &second.spans, IsFirst::No, GO_ON)
            .unwrap()
    };
    assert!(Arc::ptr_eq(&made, &page(&trees)));
    assert!(!Arc::ptr_eq(&made, &page(&RecentTrees::default())));
    let root = made.get(&first.spans[0]).unwrap();
    assert_eq!(root.self_time, Some(Duration::from_millis(22)));
    assert!(
        root.is_critical
            && second
                .spans
                .iter()
                .all(|s| made.get(s).unwrap().is_critical)
    );
    // One that comes later makes it anew.
    let late = Span {
        parent_id: 77,
        ..span(50, 30, &[])
    };
    keep(&store, &[late]);
    let second = trace(&store, 1, first.next, 30).unwrap();
    let anew = trees
        .get(&store, 1, &second.spans, IsFirst::No, GO_ON)
        .unwrap();
    assert!(!Arc::ptr_eq(&made, &anew));
    let late = second.spans.iter().find(|span| span.span_id == 50).unwrap();
    assert_eq!(anew.get(late).unwrap().oddity, Some(Oddity::Orphan));
}

#[test]
fn a_trace_that_is_not_there_is_not_kept_and_no_more_than_some_are() {
    let (_dir, store) = store();
    let trees = RecentTrees::default();
    for unknown in 1..=3 {
        let places = trees.get(&store, unknown, &[], IsFirst::No, GO_ON).unwrap();
        assert!(places.is_empty());
    }
    assert_eq!(trees.len(), 0);
    for id in 1..=70 {
        request(&store, id, id as u64, 1, "/items");
        let places = trees.get(&store, id, &[], IsFirst::Yes, GO_ON).unwrap();
        assert!(!places.is_empty());
    }
    assert_eq!(trees.len(), 64);
}

#[test]
fn traces_that_are_too_many_or_too_large_at_once_are_read_in_parts() {
    let (_dir, store) = store();
    request(&store, 1, 0, 1, "/items");
    request(&store, 2, 100, 9, "/items");
    request(&store, 3, 200, 2, "/items");
    let read = |spans_max| matching_within(&store, &operation("GET /items"), spans_max, GO_ON);
    // Ten spans fit, but not all three traces at once.
    let all = read(10).unwrap();
    assert_eq!((all.tree.traces(), all.is_cut), (2, true));
    let all = read(13).unwrap();
    assert_eq!((all.tree.traces(), all.spans, all.is_cut), (3, 15, false));
    // The one of ten spans is left out, the others are told.
    let all = read(9).unwrap();
    assert_eq!((all.tree.traces(), all.spans, all.is_cut), (2, 5, true));
    let stopped = matching_within(&store, &filter(), 10, &|| Err(QueryError::Cancelled));
    assert!(matches!(stopped, Err(QueryError::Cancelled)));
}

fn labels(calls: &Calls) -> Vec<(String, u64)> {
    let nodes = calls.tree.nodes().iter();
    nodes
        .map(|node| {
            let name = node
                .label
                .map_or("other", |label| calls.names.text(label.name));
            (name.to_owned(), node.count)
        })
        .collect()
}

#[test]
fn many_traces_are_one_tree_and_calls_one_by_one_are_told() {
    let (_dir, store) = store();
    for trace in 1..=40 {
        request(&store, trace, 100 * trace as u64, 12, "/items");
    }
    let all = of_matching(
        &store,
        &SpanFilter {
            limit: 100,
            ..filter()
        },
        GO_ON,
    )
    .unwrap();
    let expected = [
        ("GET /items".to_owned(), 40),
        ("SELECT items".to_owned(), 480),
    ];
    assert_eq!(labels(&all), expected);
    assert_eq!((all.tree.traces(), all.spans, all.is_cut), (40, 520, false));
    let [repeat] = &all.repeats[..] else {
        panic!("{:?}", all.repeats);
    };
    assert_eq!(
        (repeat.calls, repeat.traces, repeat.in_turn),
        (12.0, 40, 1.0)
    );
    // From the database's calls down; the newest traces only.
    let some = SpanFilter {
        limit: 5,
        ..operation("SELECT items")
    };
    let below = of_matching(&store, &some, GO_ON).unwrap();
    assert_eq!(labels(&below), [("SELECT items".to_owned(), 60)]);
    assert_eq!((below.tree.traces(), below.tree.runs()), (5, 60));
    let one = of_trace(&store, 7, GO_ON).unwrap().unwrap();
    assert_eq!(labels(&one)[1].1, 12);
    assert!(of_trace(&store, 999, GO_ON).unwrap().is_none());
}

#[test]
fn what_matches_below_a_match_is_part_of_it() {
    let (_dir, store) = store();
    let agent = [
        text("gen_ai.operation.name", "invoke_agent"),
        text("gen_ai.agent.name", "a"),
    ];
    let run = |id, parent_id| Span {
        parent_id,
        name: "run",
        attributes: &agent,
        ..span(id, id, &[])
    };
    keep(&store, &[run(1, 0), span(5, 2, &[]), run(2, 1), run(3, 77)]);
    let mut of_agent = filter();
    of_agent.run_of_agent("a");
    let calls = of_matching(&store, &of_agent, GO_ON).unwrap();
    assert_eq!((calls.tree.runs(), calls.oddities.orphans), (2, 1));
    let name = "invoke_agent a".to_owned();
    assert_eq!(labels(&calls), [(name.clone(), 2), (name, 1)]);
}

#[test]
fn rows_from_before_operations_were_told_are_found_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let mut columns = SCHEMA.columns().to_vec();
    columns.pop();
    let before = Table {
        schema: Arc::new(Schema::new(TABLE, columns).unwrap()),
        retention: RETENTION,
    };
    let open = |table| {
        let options = StoreOptions {
            tables: vec![table],
            ..StoreOptions::default()
        };
        Store::open(dir.path(), options).unwrap()
    };
    let store = open(before.clone());
    let mut rows = Records::new(&before.schema);
    let start = moment().as_nanos();
    let nothing = Cell::Attributes(&[]);
    rows.push(&[
        Cell::Integer(start),
        Cell::Id(1),
        Cell::Id(7),
        Cell::Id(0),
        Cell::Id(0),
        Cell::Text("s"),
        Cell::Text("old"),
        Cell::Integer(2),
        Cell::Integer(5),
        Cell::Integer(0),
        Cell::Text(""),
        Cell::Text(""),
        nothing,
        nothing,
        Cell::Text(""),
        Cell::Text(""),
    ])
    .unwrap();
    store.append_records(TABLE, &rows).unwrap();
    store.flush().unwrap();
    drop(store);
    let store = open(table(RETENTION));
    keep(&store, &[span(8, 1, &[])]);
    assert_eq!(ids(&store, &operation("old")), [7]);
    assert_eq!(ids(&store, &operation("n")), [8]);
    let found = find(&store, &operation("old"), || Ok(())).unwrap();
    assert_eq!(
        (found[0].name.as_str(), found[0].operation.as_str()),
        ("old", "old")
    );
    let calls = of_trace(&store, 1, GO_ON).unwrap().unwrap();
    assert_eq!(labels(&calls), [("old".to_owned(), 1), ("n".to_owned(), 1)]);
}

#[test]
fn a_mix_of_what_span_and_process_say_is_found() {
    let (_dir, store) = store();
    let (zone, user) = ([text("zone", "b")], [text("user", "u")]);
    keep(
        &store,
        &[
            Span {
                attributes: &user,
                ..span(1, 1, &zone)
            },
            span(2, 2, &zone),
            Span {
                attributes: &user,
                ..span(3, 3, &[])
            },
        ],
    );
    let both = SpanFilter {
        attributes: vec![Matcher::equal("zone", "b"), Matcher::equal("user", "u")],
        ..filter()
    };
    assert_eq!(ids(&store, &both), [1]);
}
