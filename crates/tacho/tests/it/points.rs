//! Points in, series out.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tacho_model::Timestamp;

use crate::support::{Home, QUIET, eventually, now};

const METRICS: &str = "/api/performance/metrics";

#[test]
fn k1_all_six_kinds_are_kept_singly_and_in_batches() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let kinds = [
        "timing",
        "throughput",
        "resource",
        "counter",
        "gauge",
        "histogram",
    ];
    let point = |kind: &str| {
        json!({"name": format!("k1_{kind}"), "value": 2.5, "type": kind, "unit": "s",
            "description": "a test", "service": "api", "source": "agent",
            "tags": {"zone": "a", "shard": 3, "canary": true}})
    };
    let single = server.post(METRICS, &point("timing")).ok();
    assert_eq!(single["accepted"], 1);
    assert_eq!(single["schema"], 1);
    let batch: Vec<Value> = kinds.iter().map(|kind| point(kind)).collect();
    assert_eq!(server.post(METRICS, &json!(batch)).ok()["accepted"], 6);
    for kind in kinds {
        let name = format!("k1_{kind}");
        // Observations show once their second is over.
        let found = eventually(&name, || {
            let found = server.series(&[("name", &name)]);
            (!found.is_empty()).then_some(found)
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["name"], name);
        assert_eq!(found[0]["kind"], kind);
        assert_eq!(found[0]["unit"], "s");
        let labels = json!({"service": "api", "source": "agent", "zone": "a", "shard": "3",
            "canary": "true"});
        assert_eq!(found[0]["labels"], labels);
        assert_eq!(found[0]["points"][0][1], 2.5);
    }
}

#[test]
fn k6_a_compressed_body_is_unpacked_within_the_limit() {
    let gzip = |body: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let send =
        |encoding: &str, body: &[u8]| server.send(METRICS, "application/json", encoding, body);
    let point = br#"{"name": "packed", "value": 4}"#;
    assert_eq!(send("gzip", &gzip(point)).ok()["accepted"], 1);
    assert_eq!(server.values(&[("name", "packed")]), [4.0]);
    send("gzip", &gzip(&vec![b' '; 64 << 20])).is_problem(413, "when decompressed");
    send("gzip", point).is_problem(400, "no valid gzip");
    send("br", point).is_problem(415, "send gzip");
}

#[test]
fn k6_posting_answers_200_for_all_207_for_some_400_for_none() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let (good, bad) = (
        json!({"name": "a", "value": 1}),
        json!({"name": "", "value": 1}),
    );
    let check = |body: Value, status: u16, accepted: u64, rejected: &[u64]| {
        let answer = server.post(METRICS, &body);
        assert_eq!(answer.status, status, "{}", answer.body);
        let answer = answer.json();
        assert_eq!(answer["accepted"], accepted);
        let refused = answer["rejected"].as_array().unwrap();
        let indices: Vec<u64> = refused
            .iter()
            .map(|r| r["index"].as_u64().unwrap())
            .collect();
        assert_eq!(indices, rejected);
        for one in refused {
            assert!(one["reason"].as_str().unwrap().len() > 5, "{one}");
        }
    };
    check(json!([good, good]), 200, 2, &[]);
    check(json!([bad, good, bad]), 207, 1, &[0, 2]);
    check(json!([bad, bad]), 400, 0, &[0, 1]);
    check(bad.clone(), 400, 0, &[0]);
    check(json!([]), 200, 0, &[]);
}

#[test]
fn k6_times_are_read_in_both_forms() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let t = now().floor() - 60.0;
    let seconds = server.post(
        METRICS,
        &json!({"name": "t", "value": 1, "timestamp": t + 0.25}),
    );
    seconds.ok();
    let known = server.series(&[("name", "t")]);
    assert_eq!(known[0]["points"], json!([[t + 0.25, 1.0]]));
    // The same moment in words, one second later.
    let words = rfc3339(t + 1.25);
    server.keep(&json!({"name": "t", "value": 2, "timestamp": words}));
    let range = [("from", rfc3339(t)), ("to", (t + 10.0).to_string())];
    let range: Vec<(&str, &str)> = range.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let found = server.series(&[&[("name", "t")], range.as_slice()].concat());
    assert_eq!(
        found[0]["points"],
        json!([[t + 0.25, 1.0], [t + 1.25, 2.0]])
    );
}

fn rfc3339(seconds: f64) -> String {
    Timestamp::from_secs_f64(seconds).unwrap().to_rfc3339()
}

fn batch_of_services(t: f64) -> Value {
    let mut points = Vec::new();
    for (service, zone, value) in [("api", "a", 1.0), ("api", "b", 3.0), ("web", "a", 5.0)] {
        for i in 0..10 {
            let time = t + f64::from(i);
            points.push(
                json!({"name": "load", "value": value + f64::from(i), "timestamp": time,
                "service": service, "source": "agent", "tags": {"zone": zone}}),
            );
        }
    }
    json!(points)
}

#[test]
fn k6_series_are_filtered_stepped_grouped_and_paged() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    // Aligned to steps of 5 s, and ended: the newest step is complete.
    let t = ((now() - 60.0) / 10.0).floor() * 10.0;
    server.keep(&batch_of_services(t));
    server.keep(&json!({"name": "other", "value": 9, "timestamp": t}));
    let (from, to) = (t.to_string(), (t + 10.0).to_string());
    let range = [("from", from.as_str()), ("to", to.as_str())];
    let ask = |more: &[(&str, &str)]| server.series(&[more, &range].concat());
    let values = |more: &[(&str, &str)]| server.values(&[more, &range].concat());

    assert_eq!(ask(&[("name", "load")]).len(), 3);
    assert_eq!(ask(&[("name", "load"), ("service", "api")]).len(), 2);
    assert_eq!(ask(&[("source", "agent")]).len(), 3);
    assert_eq!(ask(&[("name", "load"), ("source", "nobody")]).len(), 0);
    let regex = ("match[]", "load{zone=~\"a|x\",service!=\"web\"}");
    assert_eq!(ask(&[regex]).len(), 1);
    assert_eq!(ask(&[regex, ("match[]", "other")]).len(), 2);

    let web = [("name", "load"), ("service", "web")];
    assert_eq!(values(&web).len(), 10);
    let with = |more: &[(&'static str, &'static str)]| values(&[&web[..], more].concat());
    assert_eq!(with(&[("agg", "max")]), [14.0]);
    assert_eq!(
        with(&[("agg", "min")]),
        [6.0],
        "the boundary ends the step before"
    );
    assert_eq!(with(&[("agg", "count")]), [9.0]);
    // Steps end at t, t + 5 and t + 10, and hold what lies after the step before.
    assert_eq!(with(&[("step", "5s"), ("agg", "last")]), [5.0, 10.0, 14.0]);
    assert_eq!(with(&[("step", "5s"), ("agg", "sum")]), [5.0, 40.0, 50.0]);

    let by = ask(&[("name", "load"), ("agg", "sum"), ("by", "service")]);
    let labels: Vec<&Value> = by.iter().map(|s| &s["labels"]).collect();
    assert_eq!(
        labels,
        [&json!({"service": "api"}), &json!({"service": "web"})]
    );
    let all = ask(&[("name", "load"), ("agg", "count"), ("by", "")]);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["points"][0][1], 27.0);

    let mut cursor = None;
    let mut seen = Vec::new();
    loop {
        let mut page = vec![("name", "load"), ("limit", "2")];
        page.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let body = server.query(METRICS, &[&page[..], &range].concat());
        let series = body["series"].as_array().unwrap();
        assert!(series.len() <= 2);
        seen.extend(series.iter().map(|s| s["labels"].to_string()));
        cursor = body["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

/// Native histograms of schema 6 promise 0.6 %; neighbouring observations here are 0.05 % apart.
#[test]
fn r1_percentiles_of_timings_are_within_the_stated_error() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let t = now().floor() - 100.0;
    let exact: Vec<f64> = (0..5000).map(|i| 0.002 * 1.0005_f64.powi(i)).collect();
    // A stride that is prime to the length visits every value once, in no order.
    let points: Vec<Value> = (0..exact.len())
        .map(|i| {
            let value = exact[i * 1237 % exact.len()];
            let time = t + i as f64 / 100.0;
            json!({"name": "took", "type": "timing", "unit": "s", "value": value, "timestamp": time})
        })
        .collect();
    server.keep(&json!(points));
    for (agg, p) in [
        ("p50", 0.5),
        ("p90", 0.9),
        ("p95", 0.95),
        ("p99", 0.99),
        ("p999", 0.999),
    ] {
        let got = server.values(&[("name", "took"), ("agg", agg)]);
        let expected = exact[((exact.len() as f64 * p) as usize).min(exact.len() - 1)];
        let error = (got[0] / expected - 1.0).abs();
        println!(
            "{agg}: {:.6} for {expected:.6}, off by {:.3} %",
            got[0],
            error * 100.0
        );
        assert!(error < 0.0065, "{agg}: {got:?}, not {expected}");
    }
    assert_eq!(
        server.values(&[("name", "took"), ("agg", "count")]),
        [5000.0]
    );
    let mean = exact.iter().sum::<f64>() / exact.len() as f64;
    let got = server.values(&[("name", "took"), ("agg", "avg")])[0];
    assert!((got / mean - 1.0).abs() < 1e-9, "{got}, not {mean}");
}

/// Observations of one series and second share a histogram: the place to lose some.
#[test]
fn k6_concurrent_posts_lose_nothing() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let t = now().floor() - 10.0;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for i in 0..50 {
                    let own = format!("of_{thread}");
                    server.keep(&json!([
                        {"name": "shared", "type": "timing", "value": 0.5, "timestamp": t},
                        {"name": own, "value": i, "timestamp": t + f64::from(i) / 100.0},
                    ]));
                }
            });
        }
    });
    let count = [("name", "shared"), ("agg", "count")];
    assert_eq!(server.values(&count), [400.0]);
    for thread in 0..8 {
        let own = format!("of_{thread}");
        let expected: Vec<f64> = (0..50).map(f64::from).collect();
        assert_eq!(server.values(&[("name", &own)]), expected);
    }
}
