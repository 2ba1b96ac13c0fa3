//! Services that are understood from spans alone, as OTLP sends them.

use serde_json::{Value, json};

use super::about;
use crate::support::{Home, QUIET, now};

/// A span as OTLP's JSON has it, which ended so many milliseconds ago and took so many.
fn span(ids: (u64, u64), kind: u8, ago: u64, took: u64, attributes: &[(&str, &str)]) -> Value {
    let end = (now() * 1e3) as u64 - ago;
    let attribute =
        |(key, value): &(&str, &str)| json!({"key": key, "value": {"stringValue": value}});
    json!({"traceId": format!("{:032x}", 7), "spanId": format!("{:016x}", ids.0),
        "parentSpanId": if ids.1 == 0 { String::new() } else { format!("{:016x}", ids.1) },
        "name": "made up", "kind": kind,
        "startTimeUnixNano": ((end - took) * 1_000_000).to_string(),
        "endTimeUnixNano": (end * 1_000_000).to_string(),
        "attributes": attributes.iter().map(attribute).collect::<Vec<_>>()})
}

#[test]
fn w1_spans_become_services_by_themselves() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let request = [
        ("http.request.method", "GET"),
        ("http.route", "/users/{id}"),
        ("http.response.status_code", "503"),
    ];
    let query = [
        ("db.system.name", "postgresql"),
        ("db.operation.name", "SELECT"),
        ("db.collection.name", "users"),
    ];
    let run = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "Ada"),
    ];
    let tool = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "weather"),
    ];
    let spans = [
        span((3, 2), 3, 5100, 40, &query),
        span((5, 4), 1, 5100, 20, &tool),
        span((4, 2), 1, 5050, 100, &run),
        span((2, 0), 2, 5000, 250, &request),
    ];
    let resource = json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": "api"}}]});
    let body = json!({"resourceSpans": [
        {"resource": resource, "scopeSpans": [{"spans": spans}]}]});
    let body = body.to_string();
    let answer = server.send("/v1/traces", "application/json", "", body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let one = server.query("/api/performance/services/api", &[("window", "10m")]);
    let endpoint = &one["endpoints"][0];
    assert_eq!(endpoint["name"], "GET /users/{id}");
    assert_eq!(
        (&endpoint["stats"]["count"], &endpoint["stats"]["errors"]),
        (&json!(1), &json!(1))
    );
    about(&endpoint["stats"]["p50"], 0.25);
    assert_eq!(endpoint["statuses"], json!({"503": 1}));
    assert_eq!(endpoint["exemplars"][0]["trace_id"], format!("{:032x}", 7));
    assert_eq!(one["databases"][0]["queries"][0]["collection"], "users");
    let agent = server.query("/api/performance/agents/Ada", &[]);
    about(&agent["stats"]["mean"], 0.1);
    assert_eq!(agent["runs"][0]["trace_id"], format!("{:032x}", 7));
    about(&agent["runs"][0]["duration"], 0.1);
    assert_eq!(
        (&agent["tools"][0]["name"], &agent["tools"][0]["uses"]),
        (&json!("weather"), &json!(1))
    );
}
