//! Forwarding of samples by OTLP: of every kind, they are at the next server what they were.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::forwarding::{figure, free_address, listen, pending};
use crate::remote_write::{millis, put, series, varint, write};
use crate::support::{Home, QUIET, Server, eventually, now};

/// Matches everything.
const ALL: &str = "__name__=~\".+\"";
/// Matches what is sent here.
const FED: &str = "__name__=~\"shop_.*|größe.*|took_.*|jobs|loaded\"";

/// Host metrics among it, and labels that are added.
fn edge(address: &str) -> Home {
    Home::with(&format!(
        "collect: {{interval: 200ms}}\nforward:\n  - url: http://{address}\n    name: central\n    \
         protocol: otlp\n    labels: {{region: eu}}\n"
    ))
}

/// A request of a cumulative exponential histogram by OTLP: `count` observations of 2 and of 9.
fn native(at: i64, count: u64) -> Vec<u8> {
    let mut point = Vec::new();
    for (number, value) in [
        (3u8, (at * 1_000_000) as u64),
        (4, 2 * count),
        (5, (11.0 * count as f64).to_bits()),
    ] {
        point.push(number << 3 | 1);
        point.extend_from_slice(&value.to_le_bytes());
    }
    // Scale 0: (1, 2] is bucket 0, (8, 16] bucket 3.
    let mut counts = Vec::new();
    for count in [count, 0, 0, count] {
        varint(count, &mut counts);
    }
    let mut buckets = Vec::new();
    put(2, &counts, &mut buckets);
    put(8, &buckets, &mut point);
    let mut data = Vec::new();
    put(1, &point, &mut data);
    data.extend_from_slice(&[2 << 3, 2]);
    let mut metric = Vec::new();
    put(1, b"shop.size", &mut metric);
    put(3, b"By", &mut metric);
    put(10, &data, &mut metric);
    [2u8, 2, 1].iter().fold(metric, |body, number| {
        let mut around = Vec::new();
        put(*number, &body, &mut around);
        around
    })
}

/// One round of samples of every kind, a second after the one before.
fn feed(edge: &Server, start: i64, round: i64) {
    let (at, grown) = (start + 1000 * round, (round + 1) as f64);
    let who = [("instance", "a:1"), ("job", "shop/api")];
    let labelled = |name: &'static str, le: &'static str| {
        let mut labels = vec![("__name__", name), who[0], who[1]];
        if !le.is_empty() {
            labels.push(("le", le));
        }
        labels
    };
    let mut all = vec![
        series(&labelled("shop_requests_total", ""), at, grown),
        series(&labelled("shop_items", ""), at, 7.0 - grown),
        series(&labelled("größe__x_", ""), at, grown),
        series(&labelled("took_seconds_count", ""), at, 4.0 * grown),
        series(&labelled("took_seconds_sum", ""), at, 1.5 * grown),
    ];
    for (le, each) in [("0.5", 1.0), ("1", 2.0), ("+Inf", 4.0)] {
        all.push(series(
            &labelled("took_seconds_bucket", le),
            at,
            each * grown,
        ));
    }
    assert_eq!(write(edge, &all).status, 204);
    edge.keep(&json!([
        {"name": "loaded", "type": "timing", "unit": "s", "value": 0.1 * grown,
         "timestamp": at as f64 / 1000.0, "description": "how long it took"},
        {"name": "jobs", "type": "counter", "value": grown, "timestamp": at as f64 / 1000.0}
    ]));
    let body = native(at, (round + 1) as u64);
    let answer = edge.send("/v1/metrics", "application/x-protobuf", "", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Everything in a range, by name and labels: kind, unit, and points by the millisecond.
fn everything(
    server: &Server,
    selector: &str,
    how: &[(&str, &str)],
    range: [&str; 2],
) -> BTreeMap<String, Value> {
    let ranged = [("match[]", selector), ("from", range[0]), ("to", range[1])];
    let found = server.series(&[&ranged[..], how].concat());
    assert!(found.len() < 1000, "all on one page");
    let end = range[1].parse::<f64>().unwrap() * 1e3 - 1.0;
    let one = |series: Value| {
        let mut labels = series["labels"].clone();
        labels.as_object_mut().unwrap().remove("region");
        let points = series["points"].as_array().unwrap().iter();
        let points: Vec<Value> = points
            .map(|point| ((point[0].as_f64().unwrap() * 1e3).floor(), &point[1]))
            // Cut to milliseconds, what comes just after the end lies at it.
            .filter(|(at, _)| *at < end)
            .map(|point| json!(point))
            .collect();
        let told = json!([series["kind"], series["unit"], points]);
        (format!("{} {labels}", series["name"]), told)
    };
    let all = found.into_iter().map(one);
    all.filter(|(_, told)| told[2] != json!([])).collect()
}

/// Waits until both servers hold the same in a range that is over.
fn same(
    edge: &Server,
    central: &Server,
    what: &str,
    how: &[(&str, &str)],
    from: f64,
) -> BTreeMap<String, Value> {
    let to = format!("{:.3}", now() - 1.0);
    let from = format!("{from:.3}");
    let range = [from.as_str(), to.as_str()];
    let there = everything(edge, &format!("{{{what}}}"), how, range);
    let mut differing = String::new();
    for _ in 0..200 {
        let arrived = everything(central, &format!("{{region=\"eu\",{what}}}"), how, range);
        if arrived == there {
            return there;
        }
        let missing = there
            .iter()
            .find(|(name, told)| arrived.get(*name) != Some(told));
        let more = arrived.keys().find(|name| !there.contains_key(*name));
        differing = format!(
            "{missing:?}\nis {:?}\nmore: {more:?}",
            missing.map(|(n, _)| arrived.get(n))
        );
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("in vain: {differing}");
}

#[test]
fn w6_metrics_forwarded_by_otlp_are_what_they_were_though_servers_are_killed() {
    let (address, central_home) = (free_address(), Home::with(QUIET));
    let edge_home = edge(&address);
    let mut central = listen(&central_home, &address);
    let begin = now() - 100.0;
    let mut edge = edge_home.start(&[]);
    let start = millis() - 70_000;
    (0..10).for_each(|round| feed(&edge, start, round));
    eventually("the first samples", || {
        (!central
            .series(&[("name", "jobs"), ("window", "5m")])
            .is_empty())
        .then_some(())
    });
    // The receiver dies while samples come; then the sender, with all of it on its queue.
    central.kill();
    (10..30).for_each(|round| feed(&edge, start, round));
    eventually("an attempt", || {
        (figure(&edge, "tacho_forward_retries_total{")? > 0.0).then_some(())
    });
    assert!(pending(&edge).unwrap() >= 200.0);
    edge.kill();
    edge = edge_home.start(&[]);
    let restarted = now();
    (30..40).for_each(|round| feed(&edge, start, round));
    central = listen(&central_home, &address);
    (40..50).for_each(|round| feed(&edge, start, round));
    central.kill();
    central = listen(&central_home, &address);
    (50..60).for_each(|round| feed(&edge, start, round));
    eventually("host metrics of a second ago", || {
        (now() > restarted + 1.5).then_some(())?;
        let range = [format!("{restarted:.3}"), format!("{:.3}", now() - 1.0)];
        let range = [range[0].as_str(), range[1].as_str()];
        (everything(&edge, &format!("{{{ALL}}}"), &[], range).len() > 50).then_some(())
    });
    // What the sender collected itself at the moment of its death nobody sends again: it may be kept
    // there and not be on the queue.
    let all = same(&edge, &central, FED, &[], begin);
    same(&edge, &central, ALL, &[], restarted);
    let is_there = |start: &str, kind: &str, unit: &str| {
        let found = all.iter().find(|(name, _)| name.starts_with(start));
        let (_, told) = found.unwrap_or_else(|| panic!("no {start} in {:?}", all.keys()));
        assert_eq!(
            (&told[0], &told[1]),
            (&json!(kind), &json!(unit)),
            "{start}"
        );
        told[2].as_array().unwrap().len()
    };
    for (name, kind, unit) in [
        (
            "\"shop_requests_total\" {\"instance\":\"a:1\",\"job\":\"shop/api\"}",
            "counter",
            "",
        ),
        ("\"shop_items\"", "gauge", ""),
        ("\"größe__x_\"", "gauge", ""),
        ("\"took_seconds_bucket\"", "gauge", ""),
        ("\"took_seconds_sum\"", "gauge", ""),
        ("\"jobs\"", "counter", ""),
        ("\"loaded\"", "timing", "s"),
        ("\"shop_size_bytes\"", "histogram", "By"),
    ] {
        assert!(is_there(name, kind, unit) > 0, "{name}");
    }
    assert_eq!(
        is_there("\"shop_items\"", "gauge", ""),
        60,
        "none lost, none doubled"
    );
    // Distributions are told by how many they hold, and by more than their mean.
    for agg in ["count", "sum", "p90"] {
        let how = [("agg", agg), ("step", "1s")];
        same(&edge, &central, FED, &how, begin);
    }
    assert_eq!(figure(&edge, "tacho_forward_dropped_items_total{"), None);
    let by = |protocol: &str| {
        let text = central.get("/metrics").body;
        let mut lines = text
            .lines()
            .filter(|line| line.starts_with("tacho_receiver_requests"));
        lines.any(|line| line.contains(&format!("protocol=\"{protocol}\"")))
    };
    assert!(by("otlp") && !by("remote_write"));
    edge.tacho(&edge_home, &["status"]).exits(0);
}
