//! Spans as instrumentations send them, and as nobody should.

use tacho_model::span::SpanKind::{Client, Internal, Server};

use super::*;
use crate::reading::tests::with;

/// What a span of these attributes was, as Rust prints it.
fn shown(name: &str, kind: SpanKind, attributes: &[(&str, &str)]) -> String {
    with(name, kind, attributes, |span| {
        let reading = Reading::new(span);
        format!("{:?}", Operation::of(&reading))
    })
}

#[track_caller]
fn same(name: &str, kind: SpanKind, dialects: &[&[(&str, &str)]]) -> String {
    let all: Vec<String> = dialects.iter().map(|a| shown(name, kind, a)).collect();
    assert!(all.iter().all(|one| *one == all[0]), "{all:#?}");
    all[0].clone()
}

#[test]
fn old_and_new_conventions_tell_the_same_request() {
    let told = same(
        "GET /users/{id}",
        Server,
        &[
            &[
                ("http.request.method", "GET"),
                ("http.route", "/users/{id}"),
                ("url.path", "/users/7"),
                ("http.response.status_code", "200"),
            ],
            &[
                ("http.method", "GET"),
                ("http.route", "/users/{id}"),
                ("http.target", "/users/7?x=1"),
                ("http.status_code", "200"),
            ],
        ],
    );
    assert!(
        told.contains("/users/{id}") && told.contains("Some(200)"),
        "{told}"
    );
}

#[test]
fn addresses_that_users_make_up_are_no_routes() {
    let path = [
        ("http.method", "GET"),
        ("http.target", "/wp-admin/1.php"),
        ("http.status_code", "404"),
    ];
    assert!(shown("GET", Server, &path).contains("route: None"));
    let path = [("http.method", "GET"), ("http.target", "/orders/17")];
    assert!(shown("GET", Server, &path).contains("Guessed(\"/orders/{id}\")"));
}

#[test]
fn parts_of_requests_are_no_requests() {
    let part = [
        ("asgi.event.type", "http.response.start"),
        ("http.status_code", "200"),
    ];
    assert_eq!(shown("GET / http send", Internal, &part), "Other");
    let odd = [("http.method", "BREW"), ("http.status_code", "99999")];
    let told = shown("x", Client, &odd);
    assert!(
        told.contains("_OTHER") && told.contains("status: None"),
        "{told}"
    );
}

#[test]
fn a_web_socket_is_told_by_its_scheme_and_its_messages() {
    let connection = [("http.scheme", "ws"), ("http.route", "/ws/{room}")];
    let told = shown("HTTP /ws/{room}", Server, &connection);
    assert_eq!(told, "WebSocket(Connection, Told(\"/ws/{room}\"))");
    for (event, expected) in [("websocket.receive", "Receive"), ("websocket.send", "Send")] {
        let told = shown(
            "HTTP /ws/{room} websocket",
            Internal,
            &[("asgi.event.type", event)],
        );
        assert!(told.starts_with(&format!("WebSocket({expected}")), "{told}");
    }
}

#[test]
fn four_dialects_tell_the_same_model() {
    let tokens = |told: &str| {
        assert!(
            told.contains("input: Some(10)") && told.contains("output: Some(4)"),
            "{told}"
        );
    };
    let otel = shown(
        "chat gpt-4o",
        Client,
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "openai"),
            ("gen_ai.request.model", "gpt-4o"),
            ("gen_ai.usage.input_tokens", "10"),
            ("gen_ai.usage.output_tokens", "4"),
        ],
    );
    tokens(&otel);
    let open_inference = shown(
        "ChatCompletion",
        Internal,
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.model_name", "gpt-4o"),
            ("llm.token_count.prompt", "10"),
            ("llm.token_count.completion", "4"),
        ],
    );
    tokens(&open_inference);
    let traceloop = shown(
        "openai.chat",
        Client,
        &[
            ("llm.request.type", "chat"),
            ("gen_ai.system", "openai"),
            ("gen_ai.usage.prompt_tokens", "10"),
            ("gen_ai.usage.completion_tokens", "4"),
        ],
    );
    tokens(&traceloop);
    for told in [otel, open_inference, traceloop] {
        assert!(
            told.starts_with("Model(Model { told: Call, operation: \"chat\""),
            "{told}"
        );
    }
}

#[test]
fn agents_and_tools_have_their_names_in_every_dialect() {
    let agent = "Agent(\"Weather\")";
    assert_eq!(
        shown(
            "invoke_agent Weather",
            Internal,
            &[
                ("gen_ai.operation.name", "invoke_agent"),
                ("gen_ai.agent.name", "Weather"),
            ]
        ),
        agent
    );
    assert_eq!(
        shown(
            "Weather.agent",
            Internal,
            &[
                ("traceloop.span.kind", "agent"),
                ("traceloop.entity.name", "Weather"),
            ]
        ),
        agent
    );
    assert_eq!(
        shown("Weather", Internal, &[("openinference.span.kind", "AGENT")]),
        agent
    );
    let tool = shown(
        "get_weather.tool",
        Internal,
        &[
            ("traceloop.span.kind", "tool"),
            ("gen_ai.tool.name", "get_weather"),
        ],
    );
    assert_eq!(tool, "Tool(\"get_weather\")");
    assert_eq!(
        shown("CHAIN", Internal, &[("openinference.span.kind", "CHAIN")]),
        "Other"
    );
}

#[test]
fn a_tool_by_mcp_is_that_though_it_is_a_request_as_well() {
    let told = shown(
        "tools/call get-weather",
        Server,
        &[
            ("mcp.method.name", "tools/call"),
            ("gen_ai.tool.name", "get-weather"),
            ("http.request.method", "POST"),
        ],
    );
    assert_eq!(told, "Mcp(Server, \"tools/call\", Some(\"get-weather\"))");
}

#[test]
fn nonsense_is_absent_and_never_zero() {
    let told = shown(
        "chat",
        Client,
        &[
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.usage.input_tokens", "-5"),
            ("gen_ai.usage.output_tokens", "a lot"),
        ],
    );
    assert!(
        told.contains("input: None") && told.contains("output: None"),
        "{told}"
    );
}

#[test]
fn connections_that_were_upgraded_are_no_requests() {
    let upgraded = [
        ("http.request.method", "GET"),
        ("http.route", "/hub"),
        ("http.response.status_code", "101"),
    ];
    let told = shown("GET /hub", Server, &upgraded);
    assert_eq!(told, "WebSocket(Connection, Told(\"/hub\"))");
    assert!(shown("GET", Client, &upgraded).starts_with("Http("));
    let named = [
        ("network.protocol.name", "websocket"),
        ("url.path", "/hub/7"),
    ];
    let told = shown("/hub", Server, &named);
    assert_eq!(told, "WebSocket(Connection, Guessed(\"/hub/{id}\"))");
}

#[test]
fn the_other_end_of_a_call_is_told_or_in_its_address() {
    let check = |attributes: &[(&str, &str)], expected: &str| {
        let mut all = vec![("http.method", "GET")];
        all.extend(attributes);
        let told = shown("GET", Client, &all);
        assert!(told.ends_with(&format!("server: {expected} }})")), "{told}");
    };
    check(
        &[("server.address", "a"), ("net.peer.name", "b")],
        "Some(\"a\")",
    );
    check(
        &[("net.host.name", "here"), ("net.peer.name", "b")],
        "Some(\"b\")",
    );
    check(&[("http.url", "https://c:8443/x")], "Some(\"c\")");
    check(&[("net.host.name", "here")], "None");
}

#[test]
fn publishing_is_sending() {
    let told = |operation: (&'static str, &'static str)| {
        let attributes = [("messaging.system", "kafka"), operation];
        shown("x", SpanKind::Producer, &attributes)
    };
    let new = told(("messaging.operation.type", "send"));
    assert_eq!(told(("messaging.operation", "publish")), new);
    assert_eq!(new, "Messaging(\"kafka\", None, Some(\"send\"))");
}

#[test]
fn commands_that_are_no_sql_tell_no_table() {
    let redis = [("db.system", "redis"), ("db.statement", "hget user:7 name")];
    let told = shown("HGET", Client, &redis);
    assert!(
        told.contains("collection: None, operation: Some(\"HGET\"), summary: None"),
        "{told}"
    );
    let copied = [
        ("db.system", "redis"),
        ("db.statement", "COPY user:7 user:8"),
    ];
    assert!(shown("COPY", Client, &copied).contains("summary: None"));
}
