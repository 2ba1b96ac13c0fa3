//! The bodies of the API have every key that was promised, and the API describes itself.

use serde_json::Value;

use crate::support::{Home, QUIET, assert_keys, eventually};

#[test]
fn k6_system_has_every_key() {
    let home = Home::new();
    let server = home.start(&["--interval", "200ms"]);
    let body = eventually("a CPU share", || {
        let body = server.get("/api/performance/system").ok();
        body["cpu_percent"].is_number().then_some(body)
    });
    assert_keys(
        &body,
        "schema cpu_percent memory_percent memory_available_mb disk_usage_percent load_average \
         active_processes process_memory_mb process_cpu_percent timestamp",
    );
    assert_eq!(body["schema"], 1);
    let between = |key: &str, low: f64, high: f64| {
        let value = body[key].as_f64().unwrap_or(f64::NAN);
        assert!((low..=high).contains(&value), "{key}: {value}");
    };
    between("cpu_percent", 0.0, 100.0);
    between("memory_percent", 0.1, 100.0);
    between("memory_available_mb", 1.0, 1e9);
    between("active_processes", 2.0, 1e7);
    between("process_memory_mb", 1.0, 500.0);
    assert_eq!(body["load_average"].as_array().map(Vec::len), Some(3));
}

#[test]
fn w5_health_carries_a_summary_of_performance() {
    let home = Home::new();
    let server = home.start(&["--interval", "200ms"]);
    let body = eventually("a CPU share", || {
        let body = server.get("/api/performance/health?verbose=true").ok();
        body["performance"]["cpu_percent"]
            .is_number()
            .then_some(body)
    });
    assert_keys(
        &body,
        "schema status components performance alerts timestamp version",
    );
    assert_eq!(body["status"], "healthy", "{body:#}");
    assert_keys(
        &body["performance"],
        "cpu_percent memory_percent load1 series samples_accepted",
    );
    for component in body["components"].as_array().unwrap() {
        assert_keys(component, "name status detail");
    }
    let brief = server.get("/api/performance/health").ok();
    assert!(brief["components"][0].get("detail").is_none(), "{brief:#}");
}

#[test]
fn k3_the_dashboard_body_has_every_key() {
    let home = Home::new();
    let server = home.start(&["--interval", "200ms"]);
    let body = eventually("tiles with values", || {
        let body = server.get("/api/performance/dashboard?window=5m").ok();
        let trend = body["tiles"][0]["trend"].as_array()?.len();
        (body["tiles"][0]["value"].is_number() && trend > 0).then_some(body)
    });
    assert_keys(
        &body,
        "schema time host state tiles alerts findings annotations top self",
    );
    assert_keys(&body["host"], "name cores kernel memory_bytes boot_time");
    assert_keys(&body["state"], "level sentence detail");
    assert_keys(
        &body["self"],
        "version series samples_per_second resident_bytes cpu_percent disk_bytes uptime_seconds",
    );
    for tile in body["tiles"].as_array().unwrap() {
        assert_keys(
            tile,
            "id title metric value unit avg_1h avg_24h baseline verdict trend",
        );
        let trend = tile["trend"].as_array().unwrap().len();
        assert!(trend <= 90, "{} has {trend} points", tile["id"]);
    }
    let memory = body["top"]["memory"].as_array().unwrap();
    assert_keys(&memory[0], "pid name cpu_percent resident_bytes");
    let detail = body["state"]["detail"].as_str().unwrap();
    assert!(detail.contains("CPU") && detail.contains('%'), "{detail}");
}

#[test]
fn k6_prometheus_is_answered_in_both_formats() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    server.keep(&serde_json::json!({"name": "jobs_total", "type": "counter", "value": 3}));
    for path in ["/metrics", "/api/performance/prometheus"] {
        let ask = |accept: &str| {
            let head = "Host: localhost\r\nConnection: close";
            server.raw(
                format!("GET {path} HTTP/1.1\r\n{head}\r\nAccept: {accept}\r\n\r\n").as_bytes(),
            )
        };
        let open = ask("application/openmetrics-text;version=1.0.0");
        assert!(open.contains("application/openmetrics-text"), "{open}");
        assert!(open.contains("# TYPE jobs counter"), "{open}");
        assert!(open.contains("\njobs_total 3"), "{open}");
        assert!(open.contains("\n# EOF\n"), "{open}");
        let text = ask("text/plain");
        assert!(text.contains("content-type: text/plain"), "{text}");
        assert!(text.contains("# TYPE jobs_total counter"), "{text}");
        assert!(!text.contains("# EOF"), "{text}");
    }
}

#[test]
fn k6_openapi_lists_every_route() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let body = server.get("/api/openapi.json").ok();
    let version = body["openapi"].as_str().unwrap();
    assert!(version.starts_with("3.1"), "{version}");
    for (path, methods) in [
        ("metrics", "get post"),
        ("dashboard", "get"),
        ("system", "get"),
        ("health", "get"),
        ("prometheus", "get"),
        ("alerts", "get"),
        ("rules", "get"),
        ("rules/{name}", "put delete"),
        ("report", "get"),
        ("cleanup", "post"),
        ("snapshots", "get post"),
        ("snapshots/{id}", "get delete"),
        ("baselines", "get post"),
        ("baselines/{name}", "get delete"),
        ("baselines/{name}/invalidate", "post"),
        ("baselines/{name}/compare", "post"),
    ] {
        let described = &body["paths"][format!("/api/performance/{path}")];
        assert_keys(described, methods);
    }
    let mut references = Vec::new();
    collect_references(&body, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(body.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let reference = object.get("$ref").and_then(Value::as_str);
            found.extend(reference.map(str::to_owned));
            object.values().for_each(|v| collect_references(v, found));
        }
        Value::Array(list) => list.iter().for_each(|v| collect_references(v, found)),
        _ => {}
    }
}
