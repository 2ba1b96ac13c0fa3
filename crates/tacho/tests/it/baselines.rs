//! Baselines and verdicts, from posted history to exit codes.

use std::process::Stdio;

use serde_json::{Value, json};
use tacho_stats::rng::Rng;

use crate::support::{Home, QUIET, Ran, Server, assert_keys, eventually, now, signal};

const INTERVAL: f64 = 15.0;

/// Latencies around `median` as they are in life: lognormal, with a tail to the right.
fn latency(median: f64, random: &mut Rng) -> f64 {
    median * (0.25 * random.standard_normal()).exp()
}

/// An hour of requests: 20 min as they were, 15 min the same again, 15 min 18 % slower, with a gap
/// of an interval between.
struct History {
    before: (f64, f64),
    same: (f64, f64),
    slower: (f64, f64),
}

impl History {
    fn post(server: &Server) -> Self {
        let end = (now() / INTERVAL).floor() * INTERVAL;
        let span = |from: f64, to: f64| (end - from * INTERVAL, end - to * INTERVAL);
        let history = Self {
            before: span(202.0, 122.0),
            same: span(121.0, 61.0),
            slower: span(60.0, 0.0),
        };
        let mut random = Rng::new(7);
        let mut points = Vec::new();
        for ((from, to), median) in [
            (history.before, 0.1),
            (history.same, 0.1),
            (history.slower, 0.118),
        ] {
            let seconds = ((to - from) / 5.0) as u32;
            for i in 0..seconds {
                for _ in 0..40 {
                    points.push(json!({"name": "took", "type": "timing", "unit": "s",
                        "service": "api", "value": latency(median, &mut random),
                        "timestamp": from + f64::from(i) * 5.0 + 1.0}));
                }
            }
        }
        server.keep(&json!(points));
        history
    }
}

fn span<'a>(from: &'a str, to: &'a str) -> [&'a str; 4] {
    ["--from", from, "--to", to]
}

fn run(server: &Server, home: &Home, args: &[&str], (from, to): (f64, f64)) -> Ran {
    let (from, to) = (from.to_string(), to.to_string());
    server.tacho(home, &[args, &span(&from, &to)].concat())
}

#[test]
fn k4_eighteen_percent_slower_is_regressed_info() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let history = History::post(&server);
    let create = [
        "baseline",
        "create",
        "release-1",
        "--select",
        "took{service=\"api\"}",
    ];
    let made = run(&server, &home, &create, history.before).exits(0);
    assert!(
        made.out.contains("release-1 version 1") && made.out.contains("took"),
        "{}",
        made.out
    );

    let compare = ["compare", "release-1", "--format", "json"];
    let stable = run(&server, &home, &compare, history.same).exits(0).json();
    assert_eq!(stable["verdicts"][0]["answer"], "stable", "{stable:#}");
    assert_eq!(stable["verdicts"][0]["severity"], Value::Null);

    let slower = run(&server, &home, &compare, history.slower)
        .exits(1)
        .json();
    assert_keys(&slower, "schema baseline verdicts");
    let verdict = &slower["verdicts"][0];
    assert_keys(
        verdict,
        "id target metric answer severity change_percent change unit interval level quantiles \
         method p_value effect n effective_n margin_percent windows evidence",
    );
    assert_eq!(verdict["answer"], "regressed", "{verdict:#}");
    assert_eq!(verdict["severity"], "info");
    assert_eq!(verdict["metric"], "took");
    assert_eq!(verdict["unit"], "s");
    assert_eq!(verdict["level"], 0.95);
    assert_eq!(verdict["margin_percent"], 5.0);
    let change = verdict["change_percent"].as_f64().unwrap();
    let low = verdict["interval"][0].as_f64().unwrap();
    let high = verdict["interval"][1].as_f64().unwrap();
    println!("{change:+.1} % ({low:.1} to {high:.1})");
    assert!(
        12.0 < low && low < change && change < high && high < 24.0,
        "{low} to {high}"
    );
    for quantile in ["p50", "p95", "p99"] {
        assert_keys(&verdict["quantiles"][quantile], "change_percent interval");
    }
    assert_keys(&verdict["effect"], "name value class");
    assert_eq!(verdict["n"].as_array().unwrap().len(), 2);

    // As a person reads it.
    let table = run(&server, &home, &["compare", "release-1"], history.slower).exits(1);
    assert!(
        table.out.contains("regressed, info") && table.out.contains("1 regressed"),
        "{}",
        table.out
    );
    // The other way round it is an improvement, which is fine.
    run(
        &server,
        &home,
        &["baseline", "create", "slow", "--select", "took"],
        history.slower,
    )
    .exits(0);
    let faster = run(
        &server,
        &home,
        &["compare", "slow", "--format", "json"],
        history.same,
    );
    assert_eq!(faster.exits(0).json()["verdicts"][0]["answer"], "improved");
}

#[test]
fn k4_too_short_a_window_is_inconclusive() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let history = History::post(&server);
    let create = ["baseline", "create", "b", "--select", "took"];
    run(&server, &home, &create, history.before).exits(0);
    let (from, _) = history.slower;
    let short = (from, from + 5.0 * INTERVAL);
    let verdict = run(&server, &home, &["compare", "b", "--format", "json"], short);
    let verdict = verdict.exits(3).json()["verdicts"][0].clone();
    assert_eq!(verdict["answer"], "inconclusive", "{verdict:#}");
    assert_keys(&verdict, "needs_more reason");
    let table = run(&server, &home, &["compare", "b"], short).exits(3);
    assert!(table.out.contains("1 inconclusive"), "{}", table.out);
    run(
        &server,
        &home,
        &["compare", "b", "--allow-inconclusive"],
        short,
    )
    .exits(0);
    // A window with nothing in it cannot be compared at all.
    let empty = (from - 7.0 * 86400.0, from - 6.0 * 86400.0);
    run(&server, &home, &["compare", "b"], empty)
        .exits(2)
        .complains(&["nothing was measured"]);
}

#[test]
fn a1_baselines_are_listed_shown_updated_invalidated_deleted() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let tacho = |args: &[&str]| server.tacho(&home, args);
    let empty = tacho(&["baseline", "list"]).exits(0);
    assert!(
        empty.err.contains("there is no baseline yet"),
        "{}",
        empty.err
    );
    tacho(&["baseline", "update", "b", "--window", "5m"])
        .exits(2)
        .complains(&["no baseline `b`"]);
    tacho(&["compare", "b"])
        .exits(2)
        .complains(&["tacho baseline create b"]);

    let t = now().floor();
    let value =
        |i: u32| json!({"name": "m", "value": 5 + i % 7, "timestamp": t - 120.0 + f64::from(i)});
    server.keep(&json!((0..120).map(value).collect::<Vec<_>>()));
    let from_to = [(t - 120.0).to_string(), (t - 60.0).to_string()];
    let past = span(&from_to[0], &from_to[1]);
    tacho(&[&["baseline", "create", "b", "--select", "m"], &past[..]].concat()).exits(0);
    let shown = tacho(&["baseline", "show", "b", "--format", "json"])
        .exits(0)
        .json();
    assert_keys(
        &shown,
        "name version created_at valid invalid_reason from to metrics",
    );
    assert_keys(
        &shown["metrics"][0],
        "metric labels unit kind n effective_n mean stddev median p5 p95 p99 min max",
    );
    assert_eq!(shown["metrics"][0]["n"], 61, "both ends are inside");
    let mean = shown["metrics"][0]["mean"].as_f64().unwrap();
    assert!((7.5..8.5).contains(&mean), "{mean}");

    tacho(&["baseline", "update", "b", "--select", "m", "--window", "1m"]).exits(0);
    let version = |args: &[&str]| {
        let body = tacho(&[args, &["--format", "json"]].concat())
            .exits(0)
            .json();
        (body["version"].clone(), body["from"].clone())
    };
    assert_eq!(version(&["baseline", "show", "b"]).0, 2);
    let first = version(&["baseline", "show", "b", "--version", "1"]);
    assert_eq!(first, (json!(1), shown["from"].clone()));
    tacho(&["baseline", "show", "b", "--version", "9"]).exits(2);
    let list = tacho(&["baseline", "list", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(list["baselines"].as_array().unwrap().len(), 1);
    assert_eq!(list["baselines"][0]["version"], 2);

    tacho(&["baseline", "invalidate", "b", "--reason", "new disk"]).exits(0);
    let list = tacho(&["baseline", "list"]).exits(0);
    assert!(list.out.contains("invalid: new disk"), "{}", list.out);
    tacho(&["compare", "b", "--window", "1m"])
        .exits(2)
        .complains(&["new disk"]);
    tacho(&["baseline", "delete", "b"]).exits(0);
    tacho(&["baseline", "show", "b"])
        .exits(2)
        .complains(&["no baseline `b`"]);
    tacho(&["baseline", "delete", "b"]).exits(2);
}

#[test]
fn f1_measuring_takes_its_duration_from_now() {
    let home = Home::new();
    let server = home.start(&["--interval", "100ms"]);
    eventually("samples", || {
        (!server.series(&[("name", "cpu_usage_percent")]).is_empty()).then_some(())
    });
    let begin = now();
    let made = server.tacho(&home, &["baseline", "--duration", "2s", "--format", "json"]);
    let took = now() - begin;
    let made = made.exits(0).json();
    assert!(took >= 2.0, "{took}");
    assert_eq!(
        (&made["name"], &made["version"]),
        (&json!("default"), &json!(1))
    );
    let metrics = made["metrics"].as_array().unwrap();
    let cpu = metrics
        .iter()
        .find(|m| m["metric"] == "cpu_usage_percent")
        .unwrap();
    let n = cpu["n"].as_u64().unwrap();
    assert!((5..=25).contains(&n), "2 s at 100 ms gave {n} values");
    // The tiles know what is normal from now on.
    let tile = eventually("a band", || {
        let body = server.get("/api/performance/dashboard").ok();
        body["tiles"][0]["baseline"]
            .is_object()
            .then(|| body["tiles"][0].clone())
    });
    assert_keys(&tile["baseline"], "name version low high median");
    assert_eq!(tile["baseline"]["name"], "default");
    let nothing = server.tacho(&home, &["baseline", "--duration", "0"]);
    nothing.exits(2).complains(&["longer than nothing"]);
    let both = server.tacho(&home, &["baseline", "--duration", "5", "--from", "1"]);
    both.exits(2).complains(&["--duration"]);
}

#[test]
fn f1_ctrl_c_keeps_what_was_measured() {
    let home = Home::new();
    let server = home.start(&["--interval", "100ms"]);
    let mut command = home.command(&[
        "baseline",
        "create",
        "cut",
        "--duration",
        "1h",
        "--format",
        "json",
    ]);
    command
        .env("TACHO_SERVER", server.url())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let begin = now();
    let child = command.spawn().unwrap();
    // Until there is something to keep.
    eventually("samples since the beginning", || {
        let from = begin.to_string();
        let series = server.series(&[("name", "cpu_usage_percent"), ("from", &from)]);
        (series.first()?["points"].as_array()?.len() > 12).then_some(())
    });
    signal("INT", child.id());
    let ran = Ran::from(child.wait_with_output().unwrap()).exits(0);
    let took = now() - begin;
    assert!(took < 60.0, "it measured on for {took} s");
    let made = ran.json();
    assert!(made["metrics"][0]["n"].as_u64().unwrap() > 3, "{made:#}");
    ran.complains(&["interrupted: keeping"]);
    assert_eq!(server.get("/api/performance/baselines/cut").status, 200);
}
