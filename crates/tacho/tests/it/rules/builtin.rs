//! The built-in rules: Prometheus takes them, and each name has a value from what is measured.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::ask;
use crate::support::exporter::Exporter;
use crate::support::prometheus::there_is;
use crate::support::{Home, QUIET, Server, eventually, now};

#[test]
fn f2_promtool_accepts_the_built_in_rules() {
    if !there_is("promtool") {
        return;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tacho-server/src/rules/builtin.yml");
    let output = Command::new("promtool")
        .args(["check", "rules"])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("SUCCESS: 19 rules found"), "{said}");
}

/// Every built-in name has a value from what exporters and spans tell.
#[test]
fn f2_built_in_rules_derive_every_name() {
    let exporter = Exporter::new("");
    let home = Home::new();
    home.write(
        "tacho.yaml",
        &format!(
            "{QUIET}global: {{scrape_interval: 500ms}}\nscrape_configs:\n  \
             - {{job_name: j, static_configs: [{{targets: ['{}']}}]}}\n",
            exporter.address
        ),
    );
    let server = home.start(&[]);
    let wanted = [
        ("system", "cpu_usage_percent"),
        ("system", "memory_usage_percent"),
        ("system", "memory_available_mb"),
        ("system", "memory_allocated_mb"),
        ("system", "disk_read_mb_per_sec"),
        ("system", "disk_write_mb_per_sec"),
        ("database", "query_latency_ms"),
        ("database", "connection_pool_size"),
        ("database", "transaction_rate"),
        ("database", "query_count"),
        ("database", "error_count"),
        ("websocket", "connections_per_second"),
        ("websocket", "messages_per_second"),
        ("websocket", "current_latency_ms"),
        ("websocket", "error_rate"),
        ("websocket", "active_connections"),
        ("agent", "inference_time_ms"),
        ("agent", "active_agents"),
        ("agent", "agent_throughput"),
    ];
    let mut round = 0_u64;
    let mut found = Vec::new();
    eventually("every name", || {
        round += 1;
        exporter.expose(&exposed(round));
        send_spans(&server, round);
        found = wanted
            .iter()
            .map(|(source, name)| ask(&server, &format!("{name}{{source=\"{source}\"}}")))
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        found.iter().all(|found| !found.is_empty()).then_some(())
    });
    for ((_, name), found) in wanted.iter().zip(&found) {
        let values: Vec<f64> = found.iter().map(|(_, value)| *value).collect();
        assert!(
            values.iter().all(|value| value.is_finite()),
            "{name}: {values:?}"
        );
        match *name {
            "memory_usage_percent" => assert_eq!(values, [75.0]),
            "memory_available_mb" | "active_agents" => assert_eq!(values, [1.0]),
            "memory_allocated_mb" => assert_eq!(values, [2.0]),
            "connection_pool_size" => assert_eq!(values, [3.0]),
            "query_latency_ms" => assert!((values[0] - 40.0).abs() < 0.5, "{values:?}"),
            "inference_time_ms" => assert!((values[0] - 30.0).abs() < 0.5, "{values:?}"),
            _ => {}
        }
    }
}

/// What exporters of a host and of PostgreSQL say after so many rounds.
fn exposed(round: u64) -> String {
    let (busy, idle) = (round * 3, round);
    let bytes = round << 20;
    format!(
        "# TYPE node_cpu_seconds_total counter\nnode_cpu_seconds_total{{cpu=\"0\",mode=\"user\"}} {busy}\n\
         node_cpu_seconds_total{{cpu=\"0\",mode=\"idle\"}} {idle}\n\
         node_memory_MemAvailable_bytes 1048576\nnode_memory_MemTotal_bytes 4194304\n\
         process_resident_memory_bytes 2097152\n\
         # TYPE node_disk_read_bytes_total counter\nnode_disk_read_bytes_total{{device=\"sda\"}} {bytes}\n\
         # TYPE node_disk_written_bytes_total counter\nnode_disk_written_bytes_total{{device=\"sda\"}} {bytes}\n\
         pg_stat_database_numbackends{{datname=\"a\"}} 2\npg_stat_database_numbackends{{datname=\"b\"}} 1\n\
         # TYPE pg_stat_database_xact_commit counter\npg_stat_database_xact_commit{{datname=\"a\"}} {busy}\n\
         # TYPE pg_stat_database_xact_rollback counter\npg_stat_database_xact_rollback{{datname=\"a\"}} {idle}\n"
    )
}

/// A query, messages of a WebSocket, a run of an agent: all in one trace.
fn send_spans(server: &Server, round: u64) {
    let end = (now() * 1e3) as u64;
    let span = |number: u64, parent: u64, kind: u8, took: u64, attributes: &[(&str, &str)]| {
        let id = |number: u64| format!("{:016x}", round * 100 + number);
        let attribute =
            |(key, value): &(&str, &str)| json!({"key": key, "value": {"stringValue": value}});
        json!({"traceId": format!("{:032x}", round), "spanId": id(number),
            "parentSpanId": if parent == 0 { String::new() } else { id(parent) },
            "name": "made up", "kind": kind,
            "startTimeUnixNano": ((end - took) * 1_000_000).to_string(),
            "endTimeUnixNano": (end * 1_000_000).to_string(),
            "attributes": attributes.iter().map(attribute).collect::<Vec<_>>()})
    };
    let socket = [
        ("network.protocol.name", "websocket"),
        ("http.route", "/chat"),
    ];
    let message = |event: &'static str| [("asgi.event.type", event), socket[0], socket[1]];
    let query = [
        ("db.system.name", "postgresql"),
        ("db.operation.name", "SELECT"),
    ];
    let run = [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "Ada"),
    ];
    let chat = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "m"),
    ];
    let spans = [
        span(1, 0, 2, 200, &socket),
        span(2, 1, 1, 10, &message("websocket.receive")),
        span(3, 1, 1, 20, &message("websocket.send")),
        span(4, 1, 3, 40, &query),
        span(5, 1, 1, 100, &run),
        span(6, 5, 3, 30, &chat),
    ];
    let resource = json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": "api"}}]});
    let body = json!({"resourceSpans": [
        {"resource": resource, "scopeSpans": [{"spans": spans}]}]});
    let answer = server.send(
        "/v1/traces",
        "application/json",
        "",
        body.to_string().as_bytes(),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
}
