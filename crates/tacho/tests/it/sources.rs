//! What came in is counted by protocol and source, and shown where people look.

use serde_json::{Value, json};

use crate::support::{Home, QUIET};

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
