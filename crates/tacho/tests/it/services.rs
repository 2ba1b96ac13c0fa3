//! Services, agents and all else that is understood from series: the API and the commands, on figures
//! that are known.

mod spans;

use serde_json::{Value, json};

use crate::support::{Home, QUIET, Server, assert_keys, now};

const DURATION: &str = "traces_span_metrics_duration_seconds";
const STATS: &str = "count errors error_rate rate total min mean max p50 p90 p95 p99 p99_9 \
                     relative_error bounds source";

/// Observations of a duration of spans, so many seconds ago.
fn spans(ago: f64, tags: &Value, durations: &[f64]) -> Vec<Value> {
    observed(DURATION, ago, tags, durations)
}

fn observed(metric: &str, ago: f64, tags: &Value, values: &[f64]) -> Vec<Value> {
    let time = now() - ago;
    let each = values.iter().map(|value| {
        json!({"name": metric, "type": "timing", "unit": unit(metric), "timestamp": time,
            "value": value, "tags": tags})
    });
    each.collect()
}

fn unit(metric: &str) -> &'static str {
    if metric.ends_with("_seconds") {
        "s"
    } else {
        ""
    }
}

fn total(metric: &str, ago: f64, tags: &Value, value: f64) -> Value {
    json!({"name": metric, "type": "counter", "timestamp": now() - ago, "value": value,
        "tags": tags})
}

fn served(service: &str, route: &str, status: &str) -> Value {
    let code = if status == "500" {
        "STATUS_CODE_ERROR"
    } else {
        "STATUS_CODE_UNSET"
    };
    json!({"service": service, "service_name": service, "span_kind": "SPAN_KIND_SERVER",
        "span_name": format!("GET {route}"), "http_request_method": "GET", "http_route": route,
        "http_response_status_code": status, "status_code": code})
}

fn keep(server: &Server, points: &[Vec<Value>]) {
    server.keep(&Value::Array(points.concat()));
}

#[track_caller]
fn about(value: &Value, expected: f64) {
    let value = value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"));
    // The histogram's own error, and how finely a hundred values show a quantile.
    assert!(
        (value - expected).abs() <= 0.02 * expected,
        "{value}, not {expected}"
    );
}

fn names(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["name"].as_str().unwrap()).collect()
}

#[test]
fn w1_services_and_their_endpoints_with_figures_that_are_known() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let even: Vec<f64> = (1..=100).map(|n| f64::from(n) / 100.0).collect();
    let query = json!({"service": "checkout", "span_kind": "SPAN_KIND_CLIENT",
        "span_name": "SELECT orders", "db_system_name": "postgresql", "db_namespace": "shop",
        "db_collection_name": "orders", "db_operation_name": "SELECT"});
    keep(
        &server,
        &[
            spans(20.0, &served("checkout", "/pay", "200"), &even),
            spans(10.0, &served("checkout", "/pay", "500"), &[2.0; 25]),
            spans(10.0, &served("checkout", "/", "200"), &[0.001; 10]),
            // In the ten minutes before: half as slow.
            spans(900.0, &served("checkout", "/pay", "200"), &[0.25; 50]),
            spans(10.0, &query, &[0.002; 7]),
            spans(10.0, &served("shop/größe ☃", "/", "200"), &[0.01]),
        ],
    );
    let list = server.query(
        "/api/performance/services",
        &[("window", "10m"), ("compare", "previous")],
    );
    assert_keys(&list, "schema range services more");
    assert_keys(&list["range"], "from to previous");
    assert_eq!(names(&list["services"]), ["checkout", "shop/größe ☃"]);
    let checkout = &list["services"][0];
    assert_keys(
        checkout,
        "name kinds stats previous endpoints last_seen source overflow",
    );
    assert_keys(&checkout["stats"], STATS);
    assert_eq!(checkout["kinds"], json!(["http", "database"]));
    assert_eq!(
        (&checkout["endpoints"], &checkout["source"]),
        (&json!(2), &json!("spans"))
    );
    assert_eq!(checkout["stats"]["count"], 135);
    assert_eq!(checkout["stats"]["errors"], 25);
    assert_eq!(checkout["previous"]["count"], 50);
    assert_eq!(checkout["stats"]["rate"], 135.0 / 600.0);

    let query = [("window", "10m"), ("compare", "12m")];
    let one = server.query("/api/performance/services/checkout", &query);
    assert_keys(
        &one,
        "schema name range stats previous error_rate_5m averages endpoints \
        dependencies agents tools models databases websockets sizes last_seen",
    );
    assert_eq!(one["error_rate_5m"], 25.0 / 135.0);
    assert_eq!(one["averages"]["1h"]["rate"], 185.0 / 3600.0);
    assert_eq!(one["averages"]["24h"]["rate"], 185.0 / 86_400.0);
    assert_eq!(names(&one["endpoints"]), ["GET /pay", "GET /"]);
    let pay = &one["endpoints"][0];
    assert_keys(
        pay,
        "method route kind stats previous statuses error_types request_bytes \
        response_bytes exemplars",
    );
    assert_eq!(pay["statuses"], json!({"200": 100, "500": 25}));
    assert_eq!(
        (&pay["stats"]["count"], &pay["stats"]["error_rate"]),
        (&json!(125), &json!(0.2))
    );
    for (quantile, exact) in [
        ("p50", 0.63),
        ("p90", 2.0),
        ("p99", 2.0),
        ("max", 2.0),
        ("min", 0.01),
    ] {
        about(&pay["stats"][quantile], exact);
    }
    about(&pay["stats"]["mean"], (50.5 + 50.0) / 125.0);
    about(&pay["previous"]["p95"], 0.25);
    assert!(pay["stats"]["relative_error"].as_f64().unwrap() < 0.006);
    assert_eq!(one["dependencies"][0]["name"], "postgresql/shop");
    assert_eq!(one["databases"][0]["queries"][0]["operation"], "SELECT");

    let other = server.get("/api/performance/services/shop%2Fgr%C3%B6%C3%9Fe%20%E2%98%83");
    assert_eq!(other.ok()["stats"]["count"], 1);
    let cut = server.query("/api/performance/services/checkout", &[("limit", "1")]);
    assert_eq!(
        (names(&cut["endpoints"]), &cut["endpoints_more"]),
        (vec!["GET /pay"], &json!(1))
    );
}

#[test]
fn w1_an_unknown_service_or_window_is_told_with_what_is_near() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    keep(
        &server,
        &[spans(10.0, &served("checkout", "/", "200"), &[0.1])],
    );
    let at = |path: &str| server.get(&format!("/api/performance/{path}"));
    at("services/chekout").is_problem(404, "did you mean `checkout`?");
    at("services/zzz").is_problem(404, "service `zzz`");
    at("services/").is_problem(404, "service ``");
    at("agents/Ada").is_problem(404, "no agent `Ada` ran");
    at("services?window=0s").is_problem(400, "window");
    at("services?compare=yesterday").is_problem(400, "compare: `yesterday`");
    at("services?limit=0").is_problem(400, "limit must lie between 1 and 10000");
    at("services?windw=1h").is_problem(400, "no parameter `windw`");
    at("map?compare=2/1").is_problem(400, "ends before it starts");
    at(&format!("services/{}", "x".repeat(5000))).is_problem(404, "xxx");
    let later = at("services?from=2001-01-01T00:00:00Z&window=1h").ok();
    assert_eq!(later["services"], json!([]));
}

/// Four runs of an agent, one of which failed, with what they took.
fn run_an_agent(server: &Server) {
    let run = json!({"service": "bot", "gen_ai_operation_name": "invoke_agent",
        "gen_ai_agent_name": "Ada/1", "span_name": "invoke_agent Ada/1"});
    let agent = json!({"service": "bot", "gen_ai_agent_name": "Ada/1"});
    let tool = json!({"service": "bot", "gen_ai_operation_name": "execute_tool",
        "gen_ai_tool_name": "weather", "gen_ai_agent_name": "Ada/1"});
    let chat = json!({"service": "bot", "span_kind": "SPAN_KIND_CLIENT",
        "gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai",
        "gen_ai_request_model": "gpt-4o"});
    let with = |tags: &Value, name: &str, value: &str| {
        let mut tags = tags.clone();
        tags[name] = json!(value);
        tags
    };
    let failed = with(&run, "status_code", "STATUS_CODE_ERROR");
    let prefix = "traces_span_metrics_gen_ai";
    let tokens = |kind: &str, value: f64| {
        let metric = format!("{prefix}_invoke_agent_tokens_total");
        total(
            &metric,
            10.0,
            &with(&agent, "gen_ai_token_type", kind),
            value,
        )
    };
    keep(
        server,
        &[
            spans(10.0, &run, &[1.5; 3]),
            spans(10.0, &failed, &[9.0]),
            spans(10.0, &tool, &[0.3; 6]),
            spans(10.0, &chat, &[0.7; 8]),
            observed(
                &format!("{prefix}_invoke_agent_inference_calls"),
                10.0,
                &agent,
                &[2.0; 4],
            ),
            observed(
                &format!("{prefix}_time_to_first_chunk_seconds"),
                10.0,
                &chat,
                &[0.2],
            ),
            vec![
                tokens("input", 1000.0),
                tokens("reasoning", 50.0),
                total(
                    &format!("{prefix}_invoke_agent_cost_total"),
                    10.0,
                    &agent,
                    0.125,
                ),
                total(
                    &format!("{prefix}_usage_tokens_total"),
                    10.0,
                    &with(&chat, "gen_ai_token_type", "output"),
                    77.0,
                ),
                total(
                    &format!("{prefix}_invoke_agent_tool_uses_total"),
                    10.0,
                    &with(&agent, "gen_ai_tool_name", "weather"),
                    6.0,
                ),
            ],
        ],
    );
}

#[test]
fn w3_agents_tools_and_models() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    run_an_agent(&server);
    let agents = server.query("/api/performance/agents", &[]);
    let ada = &agents["agents"][0];
    assert_keys(
        ada,
        "name service stats previous tokens cost currency inference_calls tool_calls",
    );
    assert_eq!(
        (&ada["name"], &ada["service"]),
        (&json!("Ada/1"), &json!("bot"))
    );
    assert_eq!(
        (&ada["stats"]["count"], &ada["stats"]["errors"]),
        (&json!(4), &json!(1))
    );
    let expected = json!({"input": 1000, "output": null, "cache_read": null,
        "cache_creation": null, "reasoning": 50});
    assert_eq!(ada["tokens"], expected);
    assert_eq!(
        (&ada["cost"], &ada["currency"]),
        (&json!(0.125), &json!("USD"))
    );
    assert_eq!(ada["inference_calls"]["mean"], 2.0);
    assert!(ada["tool_calls"].is_null());

    let one = server.get("/api/performance/agents/Ada%2F1").ok();
    assert_keys(&one, "schema name range stats tokens tools models runs");
    let used = &one["tools"][0];
    assert_eq!(
        (&used["name"], &used["uses"]),
        (&json!("weather"), &json!(6))
    );
    assert_eq!(one["models"][0]["name"], "gpt-4o");

    let tools = server.query("/api/performance/tools", &[("service", "bot")]);
    assert_eq!(tools["tools"][0]["agents"], json!(["Ada/1"]));
    let models = server.query("/api/performance/models", &[]);
    let model = &models["models"][0];
    assert_keys(
        model,
        "name provider operations stats previous tokens cost time_to_first_chunk",
    );
    assert_eq!(
        (&model["provider"], &model["operations"]),
        (&json!("openai"), &json!(["chat"]))
    );
    assert_eq!(
        (&model["tokens"]["output"], &model["cost"]),
        (&json!(77), &Value::Null)
    );
    about(&model["time_to_first_chunk"]["p50"], 0.2);
    let none = server.query("/api/performance/models", &[("service", "nobody")]);
    assert_eq!(none["models"], json!([]));
}

#[test]
fn w1_where_only_a_librarys_buckets_arrive_figures_lie_within_a_bucket_and_say_so() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let start = (now() * 1e9) as u64 - 60_000_000_000;
    // 80 requests up to 10 ms, 15 up to 100 ms, 5 beyond, then twice as many.
    for (round, seconds) in [(1, 20), (2, 40)] {
        let point = |status: u32, counts: [u64; 3], sum: f64| {
            let counts = counts.map(|count| (count * round).to_string());
            let all: u64 = counts
                .iter()
                .map(|count| count.parse::<u64>().unwrap())
                .sum();
            json!({"startTimeUnixNano": start.to_string(),
                "timeUnixNano": (start + seconds * 1_000_000_000).to_string(),
                "count": all.to_string(), "sum": sum * round as f64,
                "bucketCounts": counts, "explicitBounds": [10.0, 100.0],
                "attributes": [
                    {"key": "http.method", "value": {"stringValue": "GET"}},
                    {"key": "http.target", "value": {"stringValue": "/a"}},
                    {"key": "http.status_code", "value": {"intValue": status}}]})
        };
        let points = [
            point(200, [80, 15, 0], 1000.0),
            point(503, [0, 0, 5], 4000.0),
        ];
        let body = json!({"resourceMetrics": [{
            "resource": {"attributes": [
                {"key": "service.name", "value": {"stringValue": "old"}},
                {"key": "service.namespace", "value": {"stringValue": "shop"}}]},
            "scopeMetrics": [{"metrics": [{"name": "http.server.duration", "unit": "ms",
                "histogram": {"aggregationTemporality": 2, "dataPoints": points}}]}]}]});
        let answer = server.send(
            "/v1/metrics",
            "application/json",
            "",
            body.to_string().as_bytes(),
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let one = server.get("/api/performance/services/shop%2Fold").ok();
    let stats = &one["stats"];
    assert_eq!(
        (&stats["count"], &stats["errors"]),
        (&json!(200), &json!(10))
    );
    assert_eq!(stats["source"], "buckets");
    about(&stats["mean"], 0.05);
    assert_eq!(stats["bounds"]["p50"], json!([0.0, 0.01]));
    assert_eq!(stats["bounds"]["p90"], json!([0.01, 0.1]));
    assert_eq!(
        (&stats["bounds"]["p99"], &stats["p99"]),
        (&json!([0.1, null]), &Value::Null)
    );
    assert!(stats["relative_error"].as_f64().unwrap() > 0.1 && stats["max"].is_null());
    assert_eq!(
        one["endpoints"][0]["statuses"],
        json!({"200": 190, "503": 10})
    );
    assert_eq!(one["endpoints"][0]["name"], "GET /a");
    let list = server.query("/api/performance/services", &[]);
    assert_eq!(list["services"][0]["source"], "buckets");
}

#[test]
fn w1_websockets_and_the_map() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let route = json!({"service": "chat", "http_route": "/ws/{id}"});
    let mut received = route.clone();
    received["network_io_direction"] = json!("receive");
    let edge = json!({"client": "web", "server": "chat"});
    keep(
        &server,
        &[
            observed(
                "websocket_server_connection_duration_seconds",
                10.0,
                &route,
                &[60.0, 120.0],
            ),
            vec![
                total("websocket_server_messages_total", 10.0, &received, 500.0),
                json!({"name": "websocket_server_active_connections", "value": 4, "tags": route}),
                total(
                    "traces_service_graph_request_failed_total",
                    10.0,
                    &edge,
                    1.0,
                ),
            ],
            observed(
                "traces_service_graph_request_client_seconds",
                10.0,
                &edge,
                &[0.5; 10],
            ),
        ],
    );
    let body = server.query("/api/performance/websockets", &[]);
    let ws = &body["websockets"][0];
    assert_keys(ws, "service route active connections received sent errors");
    assert_eq!(
        (&ws["active"], &ws["received"], &ws["sent"]),
        (&json!(4), &json!(500), &Value::Null)
    );
    about(&ws["connections"]["stats"]["mean"], 90.0);
    let map = server.query("/api/performance/map", &[("window", "5m")]);
    let edge = &map["edges"][0];
    assert_keys(edge, "client server kind count failed rate p50 p95");
    assert_eq!(
        (&edge["count"], &edge["failed"], &edge["kind"]),
        (&json!(10), &json!(1), &json!("service"))
    );
    assert_eq!(names(&map["nodes"]), ["chat", "web"]);
}

#[test]
fn f1_services_and_agents_on_the_command_line() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    server
        .tacho(&home, &["services"])
        .exits(2)
        .complains(&["no service was seen in 1h"]);
    server
        .tacho(&home, &["agents"])
        .exits(2)
        .complains(&["no agent ran in 1h"]);
    let run = json!({"service": "bot", "gen_ai_operation_name": "invoke_agent",
        "gen_ai_agent_name": "Ada Ω"});
    keep(
        &server,
        &[
            spans(10.0, &served("shop/api", "/a,b", "200"), &[0.5; 30]),
            spans(10.0, &served("shop/api", "/a,b", "500"), &[0.5; 10]),
            spans(10.0, &run, &[2.0; 3]),
        ],
    );
    let table = server.tacho(&home, &["services"]).exits(0).out;
    let line = table
        .lines()
        .find(|line| line.starts_with("shop/api"))
        .unwrap();
    assert!(
        line.contains("http") && line.contains("25 %") && line.contains("ms"),
        "{table}"
    );
    let csv = server
        .tacho(&home, &["services", "shop/api", "--format", "csv"])
        .exits(0)
        .out;
    assert!(
        csv.starts_with(",name,rate/s,errors,p50,p95,p99\n"),
        "{csv}"
    );
    assert!(csv.contains("endpoint,\"GET /a,b\",0.0111"), "{csv}");
    let compared = [
        "services",
        "--compare",
        "previous",
        "--window",
        "5m",
        "--format",
        "markdown",
    ];
    let markdown = server.tacho(&home, &compared).exits(0).out;
    assert!(
        markdown.contains("p95 before |") && markdown.contains("– |"),
        "{markdown}"
    );
    let body = server
        .tacho(&home, &["agents", "Ada Ω", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(body["stats"]["count"], 3);
    let table = server
        .tacho(&home, &["agents", "--service", "bot"])
        .exits(0)
        .out;
    assert!(table.contains("Ada Ω"), "{table}");
    let unknown = server.tacho(&home, &["services", "shop/apj"]).exits(2);
    unknown.complains(&["did you mean `shop/api`?"]);
    let wrong = server
        .tacho(&home, &["services", "--window", "soon"])
        .exits(2);
    wrong.complains(&["window"]);
}
