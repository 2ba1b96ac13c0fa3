//! Alerts from rule to notice: fired, kept over a restart, resolved, held back by the cooldown.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Home, Server, assert_keys, eventually};

/// One rule without a cooldown and one with a long one, on the same metric.
const RULES: &str = "\
collect: {host: false, interval: 100ms}
rules:
  interval: 100ms
  defaults: false
  alerts:
    - {name: eager, metric: depth, condition: last > 10, window: 2s, cooldown: 0s}
    - {name: patient, metric: depth, condition: last > 10, window: 2s, cooldown: 1h,
       severity: critical}
";

fn alert(server: &Server, rule: &str) -> Option<Value> {
    let body = server.get("/api/performance/alerts").ok();
    let alerts = body["alerts"].as_array()?;
    alerts.iter().find(|alert| alert["rule"] == rule).cloned()
}

/// Posts `value` until both rules are in this state.
fn until(server: &Server, value: f64, state: &str) {
    eventually(state, || {
        server.keep(&json!({"name": "depth", "value": value, "unit": "{job}"}));
        let is = |rule| alert(server, rule).is_some_and(|alert| alert["state"] == state);
        (is("eager") && is("patient")).then_some(())
    });
}

fn level(server: &Server) -> String {
    let body = server.get("/api/performance/dashboard").ok();
    body["state"]["level"].as_str().unwrap().to_owned()
}

#[test]
fn w4_a_rule_fires_once_is_shown_everywhere_and_resolves() {
    let home = Home::with(RULES);
    let server = home.start(&["--log-format", "json"]);
    server.keep(&json!({"name": "depth", "value": 1}));
    server.tacho(&home, &["status"]).exits(0);
    assert_eq!(level(&server), "ok");

    until(&server, 50.0, "firing");
    let fired = server.notices("patient", "fired");
    assert_eq!(fired.len(), 1, "{}", server.log());
    assert_keys(
        &fired[0],
        "timestamp level rule change severity value threshold unit series since message",
    );
    assert_eq!(fired[0]["severity"], "critical");
    assert_eq!(fired[0]["value"], 50.0);
    assert_eq!(fired[0]["threshold"], 10.0);
    assert_eq!(fired[0]["level"], "ERROR");
    let shown = alert(&server, "patient").unwrap();
    assert_keys(
        &shown,
        "id rule state severity value threshold unit started_at ended_at message labels",
    );
    assert_eq!(shown["ended_at"], Value::Null);
    let message = shown["message"].as_str().unwrap();
    assert!(
        message.contains("depth is 50") && message.contains("limit 10"),
        "{message}"
    );
    let rules = server.get("/api/performance/alerts").ok()["rules"].clone();
    assert_keys(&rules[0], "name metric condition window severity");

    assert_eq!(level(&server), "critical");
    let dashboard = server.get("/api/performance/dashboard").ok();
    let sentence = dashboard["state"]["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("Depth is high") && sentence.contains("1 more"),
        "{sentence}"
    );
    assert_eq!(dashboard["alerts"].as_array().unwrap().len(), 2);
    let health = server.get("/api/performance/health").ok();
    assert_eq!(health["alerts"].as_array().unwrap().len(), 2);
    let status = server.tacho(&home, &["status"]).exits(1);
    assert!(status.out.contains("depth is 50"), "{}", status.out);

    until(&server, 1.0, "resolved");
    let resolved = server.notices("patient", "resolved");
    assert_eq!(resolved.len(), 1, "{}", server.log());
    assert!(resolved[0]["duration_seconds"].as_f64().unwrap() > 0.0);
    let over = alert(&server, "patient").unwrap();
    assert!(over["ended_at"].is_string(), "{over}");
    assert_eq!(level(&server), "ok");
    server.tacho(&home, &["status"]).exits(0);

    // Within the cooldown it is shown, not told; without one it is told again.
    until(&server, 60.0, "firing");
    let again = alert(&server, "patient").unwrap();
    assert_ne!(again["id"], shown["id"]);
    assert!(
        again["message"].as_str().unwrap().contains("depth is 60"),
        "{again}"
    );
    server.tacho(&home, &["status"]).exits(1);
    until(&server, 1.0, "resolved");
    assert_eq!(server.notices("patient", "resolved").len(), 1);
    assert_eq!(server.notices("eager", "fired").len(), 2);
    assert_eq!(server.notices("eager", "resolved").len(), 2);
    assert_eq!(server.notices("patient", "fired").len(), 1);
}

#[test]
fn w4_a_firing_alert_survives_a_restart_without_a_second_notice() {
    let home = Home::with(RULES);
    let server = home.start(&["--log-format", "json"]);
    until(&server, 50.0, "firing");
    let before = alert(&server, "eager").unwrap();
    // Killed, not stopped: nothing could be written on the way out.
    server.kill();
    let server = home.start(&["--log-format", "json"]);
    let same = |alert: &Value| {
        ["id", "state", "started_at", "severity", "labels"].map(|key| alert[key].clone())
    };
    assert_eq!(same(&alert(&server, "eager").unwrap()), same(&before));
    // A fresh value in it says that the rule has been evaluated since.
    eventually("an evaluation", || {
        server.keep(&json!({"name": "depth", "value": 77}));
        (alert(&server, "eager")?["value"] == 77.0).then_some(())
    });
    assert_eq!(same(&alert(&server, "eager").unwrap()), same(&before));
    assert!(
        server.notices("eager", "fired").is_empty(),
        "{}",
        server.log()
    );
    assert!(
        server.notices("patient", "fired").is_empty(),
        "{}",
        server.log()
    );
    until(&server, 1.0, "resolved");
    assert_eq!(server.notices("eager", "resolved").len(), 1);
    let body = server.get("/api/performance/alerts").ok();
    assert_eq!(
        body["alerts"].as_array().unwrap().len(),
        2,
        "one episode each: {body:#}"
    );
}

/// A rule on the function that needs history: nothing fires before the window could be full.
#[test]
fn f3_conditions_take_every_function_over_their_window() {
    let functions = ["avg", "min", "max", "p50", "p95", "p99"];
    let rules = functions.map(|function| {
        format!(
            "    - {{name: {function}, metric: depth, condition: {function} > 10, window: 1s}}\n"
        )
    });
    let config = format!(
        "collect: {{host: false, interval: 100ms}}\nrules:\n  interval: 100ms\n  defaults: false\n  \
         alerts:\n{}    - {{name: rate, metric: jobs_total, condition: rate > 1, window: 1s,\n       \
         source: agent, severity: info}}\n",
        rules.concat()
    );
    let home = Home::with(&config);
    let server = home.start(&["--log-format", "json"]);
    let mut total = 0;
    eventually("every rule", || {
        total += 5;
        let jobs = |source: &str| json!({"name": "jobs_total", "type": "counter", "value": total, "source": source});
        server.keep(&json!([{"name": "depth", "value": 20}, jobs("agent"), jobs("other")]));
        let fires = |rule: &str| alert(&server, rule).is_some_and(|a| a["state"] == "firing");
        (functions.iter().all(|f| fires(f)) && fires("rate")).then_some(())
    });
    let rate = server.notices("rate", "fired");
    assert_eq!(rate.len(), 1, "only the source that is meant: {rate:?}");
    // More than twice the threshold is one step more severe than what the rule says.
    assert!(rate[0]["value"].as_f64() > Some(2.0), "{rate:?}");
    assert_eq!(rate[0]["severity"], "warning");
    assert_eq!(rate[0]["level"], "WARN");
}

/// Eight busy threads for as long as they are watched; ended when dropped.
struct Spinner(Child);

impl Spinner {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "alerts::spin"]);
        Self(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "a busy loop for the test below, which runs it as a program of its own"]
fn spin() {
    let until = std::time::Instant::now() + crate::support::PATIENCE;
    let spinners = [0; 8].map(|_| {
        std::thread::spawn(move || {
            let mut n = 0_u64;
            while std::time::Instant::now() < until {
                n = std::hint::black_box(n.wrapping_add(1));
            }
        })
    });
    for spinner in spinners {
        spinner.join().unwrap();
    }
}

/// The busy loop is what a quiet machine is busy with. Other programs may be busier for a moment, so
/// what is named has to be what led the list of processes then; and three rules speak at three
/// moments, because the list changes between two looks.
#[test]
fn w4_alerts_name_the_process_that_takes_most() {
    let rules = [1, 2, 3].map(|n| {
        format!(
            "    - {{name: busy{n}, metric: cpu_usage_percent, source: system,\n       \
             condition: avg > 1 %, window: {n}s}}\n    \
             - {{name: full{n}, metric: memory_usage_percent, source: system,\n       \
             condition: avg > 0.1 %, window: {n}s}}\n"
        )
    });
    let home = Home::with(&format!(
        "collect: {{interval: 200ms, processes_interval: 200ms}}\nrules:\n  interval: 100ms\n  \
         defaults: false\n  alerts:\n{}",
        rules.concat()
    ));
    let spinner = Spinner::start();
    let server = home.start(&["--log-format", "json"]);
    let mut leaders = [BTreeSet::new(), BTreeSet::new()];
    let mut seen_spinning = false;
    let messages = eventually("six alerts", || {
        let top = server.get("/api/performance/dashboard").ok()["top"].clone();
        for (leaders, list) in leaders.iter_mut().zip(["cpu", "memory"]) {
            leaders.extend(top[list][0]["pid"].as_u64());
        }
        let cpu = top["cpu"].as_array().unwrap();
        seen_spinning |= cpu.iter().any(|p| p["pid"] == spinner.0.id());
        let told = ["busy1", "busy2", "busy3", "full1", "full2", "full3"]
            .map(|rule| Some(server.notices(rule, "fired").first()?["message"].to_string()));
        told.into_iter().collect::<Option<Vec<String>>>()
    });
    println!(
        "{messages:#?}\nled by {leaders:?}, the busy loop is {}",
        spinner.0.id()
    );
    assert!(seen_spinning, "the busy loop was never among the first");
    let said = [["CPU is", "most of it is"], ["memory is", "holds most"]];
    for ((messages, leaders), said) in messages.chunks(3).zip(&leaders).zip(said) {
        for message in messages {
            assert!(said.iter().all(|part| message.contains(part)), "{message}");
        }
        let named = |pid: &u64| messages.iter().any(|m| m.contains(&format!("(pid {pid}")));
        assert!(
            leaders.iter().any(named),
            "none of {leaders:?} in {messages:?}"
        );
    }
    let dashboard = server.get("/api/performance/dashboard").ok();
    let sentence = dashboard["state"]["sentence"].as_str().unwrap();
    assert!(sentence.contains(" is high"), "{sentence}");
}

#[test]
fn w4_default_rules_are_on_and_can_be_changed() {
    let home = Home::with(
        "collect: {host: false}\nrules: {alerts: [\n\
        {name: high_cpu, metric: cpu_usage_percent, condition: avg > 60 %}]}\n",
    );
    let server = home.start(&[]);
    let rules = server.get("/api/performance/alerts").ok()["rules"].clone();
    let condition = |name: &str| {
        let mut rules = rules.as_array().unwrap().iter();
        rules
            .find(|rule| rule["name"] == name)
            .map(|rule| rule["condition"].as_str().unwrap().to_owned())
    };
    assert_eq!(condition("high_cpu").as_deref(), Some("avg > 60 %"));
    assert_eq!(condition("high_memory").as_deref(), Some("avg > 85 %"));
    assert!(condition("slow_p95").is_some() && condition("slow_p99").is_some());
}
