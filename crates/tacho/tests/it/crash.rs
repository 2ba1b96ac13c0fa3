//! `kill -9`, power for the impatient: what was acknowledged is there, and the only gap is the
//! time that the server was dead.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Home, PATIENCE, eventually, now};

const METRICS: &str = "/api/performance/metrics";
/// Ticks are skipped when the machine is busy; a second without one is a gap.
const GAP: f64 = 1.0;

/// Posts points, one request each, until the server is gone; gives those it acknowledged.
fn feed(address: &str, first: u64, stop: &AtomicBool) -> Vec<(f64, f64)> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build()
        .new_agent();
    let mut acknowledged = Vec::new();
    let mut value = first as f64;
    while !stop.load(Ordering::Relaxed) {
        // Whole milliseconds come back to the bit.
        let time = (now() * 1000.0).floor() / 1000.0;
        let point = json!({"name": "fed", "value": value, "timestamp": time});
        match agent
            .post(format!("http://{address}{METRICS}"))
            .send_json(&point)
        {
            Ok(answer) => assert_eq!(answer.status(), 200),
            Err(_) => break,
        }
        acknowledged.push((time, value));
        value += 1.0;
        std::thread::sleep(Duration::from_millis(2));
    }
    acknowledged
}

#[test]
fn k2_kill_9_loses_nothing_that_was_acknowledged() {
    let home = Home::with("collect: {interval: 100ms}\n");
    let begin = now();
    let mut acknowledged: Vec<(f64, f64)> = Vec::new();
    let mut deaths = Vec::new();
    let mut observed = 0;
    for _ in 0..3 {
        let server = home.start(&[]);
        let stop = AtomicBool::new(false);
        let before = points(&server.series(&[("name", "node_load1")])).len();
        let fed = std::thread::scope(|scope| {
            let address = server.address().to_owned();
            let first = acknowledged.len() as u64;
            let stop = &stop;
            let feeder = scope.spawn(move || feed(&address, first, stop));
            for _ in 0..20 {
                server.keep(&json!({"name": "took", "type": "timing", "value": 0.1}));
                observed += 1;
            }
            eventually("samples of the host", || {
                let now = points(&server.series(&[("name", "node_load1")])).len();
                (now >= before + 8).then_some(())
            });
            server.kill();
            let killed = now();
            stop.store(true, Ordering::Relaxed);
            // Long enough to be told from a tick that was skipped.
            eventually("a while without a server", || {
                (now() > killed + 2.0 * GAP).then_some(())
            });
            deaths.push((killed, now()));
            feeder.join().unwrap()
        });
        assert!(fed.len() > 10, "only {} were acknowledged", fed.len());
        acknowledged.extend(fed);
    }
    let server = home.start(&[]);
    let ready = now();
    if let Some(last) = deaths.last_mut() {
        last.1 = ready;
    }
    let from = begin.to_string();
    let kept = points(&server.series(&[("name", "fed"), ("from", &from)]));
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|point| !kept.contains(point))
        .collect();
    println!("{} acknowledged, {} kept", acknowledged.len(), kept.len());
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
    let count = [("name", "took"), ("agg", "count"), ("from", from.as_str())];
    assert_eq!(server.values(&count), [f64::from(observed)]);

    eventually("a sample after the last start", || {
        let series = points(&server.series(&[("name", "node_load1"), ("from", &from)]));
        (series.last()?.0 > ready).then_some(())
    });
    let series = points(&server.series(&[("name", "node_load1"), ("from", &from)]));
    let gaps: Vec<(f64, f64)> = series
        .windows(2)
        .map(|pair| (pair[0].0, pair[1].0))
        .filter(|(a, b)| b - a > GAP)
        .collect();
    println!("dead {deaths:.2?}\ngaps {gaps:.2?}");
    assert_eq!(gaps.len(), deaths.len(), "{gaps:?}, dead {deaths:?}");
    for ((killed, started), (last, first)) in deaths.iter().zip(&gaps) {
        assert!(
            killed - last < GAP,
            "the second before the kill is not there: {gaps:?}"
        );
        assert!(
            first - started < 3.0 * GAP,
            "late after the start: {gaps:?}"
        );
    }
    let health = server.get("/api/performance/health").ok();
    assert_eq!(health["status"], "healthy", "{health:#}");
}

fn points(series: &[Value]) -> Vec<(f64, f64)> {
    let points = series.first().and_then(|one| one["points"].as_array());
    points
        .into_iter()
        .flatten()
        .filter_map(|p| Some((p[0].as_f64()?, p[1].as_f64()?)))
        .collect()
}

#[test]
fn k2_a_restart_keeps_history_baselines_and_alerts() {
    let home = Home::with(
        "collect: {host: false, interval: 100ms}\n\
         rules: {interval: 100ms, defaults: false, alerts: [\n\
           {name: deep, metric: depth, condition: last > 10, window: 1s}]}\n",
    );
    let server = home.start(&[]);
    let t = now().floor();
    let points: Vec<Value> = (0..60)
        .map(
            |i| json!({"name": "steady", "value": 5 + i % 3, "timestamp": t - 60.0 + f64::from(i)}),
        )
        .collect();
    server.keep(&json!(points));
    let body = json!({"name": "b", "window": "2m", "match": ["steady"]});
    assert_eq!(server.post("/api/performance/baselines", &body).status, 201);
    for (value, state) in [(50, "firing"), (1, "resolved")] {
        eventually(state, || {
            server.keep(&json!({"name": "depth", "value": value}));
            let alerts = server.get("/api/performance/alerts").ok();
            (alerts["alerts"][0]["state"] == state).then_some(())
        });
    }
    let path = [
        "/api/performance/baselines/b",
        "/api/performance/alerts?state=resolved",
    ];
    let before = path.map(|path| server.get(path).ok());
    let history = server.series(&[("name", "steady")]);
    assert!(server.stop().success());
    let server = home.start(&[]);
    assert_eq!(path.map(|path| server.get(path).ok()), before);
    assert_eq!(server.series(&[("name", "steady")]), history);
    // Flushed to blocks, it is still the same.
    let flushed = server.post("/-/flush", &Value::Null).ok();
    assert!(
        flushed["samples_flushed"].as_u64().unwrap() > 0,
        "{flushed}"
    );
    assert_eq!(flushed["blocks_written"], 1);
    assert_eq!(server.series(&[("name", "steady")]), history);
}
