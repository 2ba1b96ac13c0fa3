use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;

use super::*;
use crate::span::{Ended, Service};

const MINUTE: Duration = Duration::from_mins(1);

/// The spans of eight minutes, of which the incident has the fifth and the sixth.
fn past(seed: u64) -> (Vec<Ended>, Schedule) {
    let (begin, live) = (Timestamp::from_secs(0), Timestamp::from_secs(480));
    let incident = Incident {
        after: MINUTE,
        lasts: 2 * MINUTE,
    };
    let schedule = Schedule::new(begin, live, incident);
    let (sink, queue) = Sink::new();
    let nowhere = [SocketAddr::from(([127, 0, 0, 1], 1)); 3];
    let world = World::new(schedule, sink, Arc::default(), nowhere);
    let collector = std::thread::spawn(move || collect(&queue));
    load::replay(&Arc::new(world), (seed, 0), 10.0, (begin, live), |_| ());
    (collector.join().unwrap(), schedule)
}

fn collect(queue: &Receiver<Ended>) -> Vec<Ended> {
    queue.iter().collect()
}

fn lists(spans: &[Ended]) -> impl Iterator<Item = &Ended> {
    let is_list = |span: &&Ended| span.service == Service::Orders && span.name == "GET /orders";
    spans.iter().filter(is_list)
}

#[test]
fn k9_the_past_is_whole() {
    let (spans, _) = past(1);
    let known: BTreeSet<(u128, u64)> = spans.iter().map(|span| (span.trace, span.id)).collect();
    assert_eq!(known.len(), spans.len());
    let orphan = |span: &&Ended| span.parent != 0 && !known.contains(&(span.trace, span.parent));
    assert_eq!(spans.iter().find(orphan).map(|span| &span.name), None);
    let services: BTreeSet<Service> = spans.iter().map(|span| span.service).collect();
    assert_eq!(services.len(), 4);
    let names: BTreeSet<&str> = spans.iter().map(|span| &*span.name).collect();
    for name in [
        "GET /products",
        "POST /orders",
        "POST /stock/{sku}",
        "INSERT orders",
        "invoke_agent support",
        "invoke_agent planner",
        "chat gpt-4o",
        "execute_tool refund",
        "tools/call forecast_demand",
        "GET /chat/{room}",
        "GET /chat/{room} websocket send",
    ] {
        assert!(names.contains(name), "no {name} in {names:?}");
    }
    // 480 seconds of about ten visitors, all of which the gateway or the agents saw.
    let roots = spans
        .iter()
        .filter(|span| span.parent == 0 && span.name != "GET /chat/{room}");
    let roots = roots.count();
    assert!((4000..6000).contains(&roots), "{roots}");
}

#[test]
fn k9_the_same_seed_has_the_same_past() {
    let shown = |seed| format!("{:?}", past(seed).0);
    assert_eq!(shown(5), shown(5));
    assert_ne!(shown(5), shown(6));
}

#[test]
fn k9_the_incident_is_slow_fails_and_asks_for_each_order() {
    let (spans, schedule) = past(1);
    let mut queries: BTreeMap<(u128, u64), usize> = BTreeMap::new();
    for query in spans
        .iter()
        .filter(|span| span.name == "SELECT order_items")
    {
        *queries.entry((query.trace, query.parent)).or_default() += 1;
    }
    for release in [Release::Good, Release::Bad] {
        let of_release = lists(&spans).filter(|list| schedule.release(list.start) == release);
        let all: Vec<&Ended> = of_release.collect();
        let mut durations: Vec<f64> = all.iter().map(|l| l.duration.as_secs_f64()).collect();
        durations.sort_by(f64::total_cmp);
        let p99 = durations[durations.len() * 99 / 100];
        let failed = all.iter().filter(|list| list.failed).count() as f64 / all.len() as f64;
        let most = all
            .iter()
            .filter_map(|list| queries.get(&(list.trace, list.id)))
            .max();
        assert!(all.iter().all(|list| list.version == release.version()));
        let is_bad = release == Release::Bad;
        assert_eq!(*most.unwrap() > 10, is_bad, "{most:?} queries");
        assert_eq!(p99 > 0.2, is_bad, "p99 {p99}");
        assert_eq!(failed > 0.01, is_bad, "{failed} failed");
    }
}
