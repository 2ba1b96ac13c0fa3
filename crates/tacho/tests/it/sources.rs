//! What came in is counted by protocol and source, and shown where people look.

use serde_json::{Value, json};

use crate::support::{Home, QUIET, eventually};

fn of<'a>(body: &'a Value, protocol: &str) -> &'a Value {
    let sources = body["sources"].as_array().unwrap();
    let found = sources.iter().find(|one| one["protocol"] == protocol);
    found.unwrap_or_else(|| panic!("no {protocol} in {body}"))
}

#[test]
fn what_came_in_is_counted_by_source_and_shown_by_status() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let empty = server.query("/api/performance/sources", &[]);
    assert_eq!(empty["sources"], json!([]));
    let hour_ago = crate::support::now() - 1_800.0;
    let points = json!([
        {"name": "good", "value": 1},
        {"name": "late", "value": 1, "timestamp": hour_ago},
        {"name": "ancient", "value": 1, "timestamp": 86_400},
        {"name": "unreadable", "value": "one"},
    ]);
    assert_eq!(server.post("/api/performance/metrics", &points).status, 207);
    assert_eq!(
        server.post_bytes("/api/performance/metrics", b"{").status,
        400
    );

    let body = server.query("/api/performance/sources", &[]);
    let json = of(&body, "json");
    assert_eq!(
        (&json["source"], &json["signal"]),
        (&json!("127.0.0.1"), &json!("samples"))
    );
    assert_eq!(json["received"], 4);
    assert_eq!(json["accepted"], 2);
    assert_eq!(json["delayed"], 2, "{json}");
    assert_eq!(json["refused"], json!({"malformed": 1, "too_old": 1}));
    assert!(json["rate"].as_f64().unwrap() > 0.0, "{json}");
    let answers = body["requests"].as_array().unwrap();
    let statuses: Vec<_> = answers.iter().map(|one| one["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(207), Some(400)]);

    let status = server.tacho(&home, &["status"]);
    assert!(
        status.out.contains("2 refused (1 malformed, 1 too_old)"),
        "{}",
        status.out
    );
    let status = server.tacho(&home, &["status", "--format", "json"]);
    let body: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(of(&body, "json")["accepted"], 2);
}

#[test]
fn what_does_not_come_or_does_not_arrive_is_said() {
    let home = Home::new();
    // Nothing listens on the first ports, and what has none is refused at once.
    home.write(
        "tacho.yaml",
        &format!(
            "{QUIET}global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
             scrape_configs:\n  - {{job_name: node, static_configs: [{{targets: \
             ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', '127.0.0.1:4', '127.0.0.1:5']}}]}}\n\
             forward:\n  - {{name: gone, url: 'http://127.0.0.1:1/write?key=secret'}}\n"
        ),
    );
    let server = home.start(&[]);
    let health = || server.query("/api/performance/health", &[]);
    let component = |name: &str| {
        let health = health();
        let all = health["components"].as_array().unwrap();
        let found = all.iter().find(|one| one["name"] == name);
        found.cloned().unwrap_or_default()
    };
    let scraping = eventually("all targets down", || {
        let scraping = component("scraping");
        (scraping["detail"] == "5 of 5 targets are down").then_some(scraping)
    });
    assert_eq!(scraping["status"], "degraded");
    let problems = scraping["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 4, "{problems:?}");
    let first = problems[0].as_str().unwrap();
    assert!(first.starts_with("node/127.0.0.1:1: "), "{first}");
    assert_eq!(problems[3], "2 more at /api/performance/sources");

    let body = server.query("/api/performance/sources", &[]);
    let job = &body["scraping"][0];
    assert_eq!((&job["job"], &job["up"]), (&json!("node"), &json!(0)));
    assert_eq!((&job["targets"], &job["down"]), (&json!(5), &json!(5)));
    assert_eq!(job["problems"].as_array().unwrap().len(), 5);
    assert_eq!(job["problems"][4]["instance"], "127.0.0.1:5");
    assert_eq!(job["problems"][4]["health"], "down");

    // It is stuck only once that lasts.
    let forwarding = eventually("a destination that is stuck", || {
        let forwarding = component("forwarding");
        (forwarding["status"] == "degraded").then_some(forwarding)
    });
    assert_eq!(forwarding["detail"], "1 of 1 destination is stuck");
    let body = server.query("/api/performance/sources", &[]);
    let to = &body["forwarding"][0];
    assert_eq!(
        (&to["name"], &to["state"]),
        (&json!("gone"), &json!("stuck"))
    );
    assert_eq!(to["url"], "http://127.0.0.1:1/write", "and not its key");
    assert!(to["waiting"].as_u64().unwrap() > 0, "{to}");
    assert_eq!((&to["sent"], &to["refusal"]), (&json!(0), &Value::Null));
    assert!(to["error"]["detail"].is_string(), "{to}");

    let status = server.tacho(&home, &["status"]);
    assert_eq!(status.code, Some(1));
    let lines: Vec<&str> = status.out.lines().collect();
    let line = |start: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(start))
            .unwrap()
    };
    let scraping = line("scraping");
    assert!(
        lines[scraping].ends_with("5 of 5 targets are down"),
        "{}",
        status.out
    );
    assert!(
        lines[scraping + 3].contains("node/127.0.0.1:3: "),
        "{}",
        status.out
    );
    let forwarding = line("forwarding");
    assert_eq!(forwarding, scraping + 5, "{}", status.out);
    assert!(lines[forwarding + 1].contains("gone: "), "{}", status.out);
    assert_eq!(health()["status"], "degraded");
}
