//! Traces: found by what is in them, read in pages with their trees, merged, and bad ones.

use serde_json::{Value, json};

use crate::otlp::{PROTOBUF, TRACES, fixed, nanos, request};
use crate::remote_write::put;
use crate::support::{Home, QUIET, Server};

const MILLI: u64 = 1_000_000;

/// A span of a trace that began so many milliseconds after `start`, as OTLP's JSON has it.
fn span(trace: u64, [id, parent]: [u64; 2], name: &str, start: u64, millis: [u64; 2]) -> Value {
    let [from, until] = millis.map(|millis| (start + millis * MILLI).to_string());
    json!({
        "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"),
        "parentSpanId": if parent == 0 { String::new() } else { format!("{parent:016x}") },
        "name": name, "startTimeUnixNano": from, "endTimeUnixNano": until,
    })
}

/// The same with a kind and attributes of text.
fn with(mut span: Value, kind: u64, attributes: &[(&str, &str)]) -> Value {
    let attributes = attributes
        .iter()
        .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}));
    span["attributes"] = attributes.collect();
    span["kind"] = json!(kind);
    span
}

const SERVER: u64 = 2;
const CLIENT: u64 = 3;

/// Sends spans of a service; what was answered.
fn send(server: &Server, service: &str, spans: &[Value]) -> Value {
    let attributes = [json!({"key": "service.name", "value": {"stringValue": service}})];
    let body = json!({"resourceSpans": [
        {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": spans}]},
    ]});
    let body = body.to_string();
    server
        .send(TRACES, "application/json", "", body.as_bytes())
        .ok()
}

fn traces(server: &Server, parameters: &[(&str, &str)]) -> Vec<Value> {
    let body = server.query("/api/performance/traces", parameters);
    body["traces"].as_array().unwrap().clone()
}

fn page(server: &Server, trace: u64) -> Value {
    server
        .get(&format!("/api/performance/traces/{trace:x}"))
        .ok()
}

fn of_id(page: &Value, id: u64) -> &Value {
    let id = format!("{id:016x}");
    let spans = page["spans"].as_array().unwrap();
    spans.iter().find(|span| span["span_id"] == id).unwrap()
}

/// A request that asks a database `queries` times, ten milliseconds each, one after the other.
fn orders(server: &Server, trace: u64, start: u64, queries: u64, user: &str) {
    let route = [
        ("http.request.method", "GET"),
        ("http.route", "/orders/{id}"),
        ("user", user),
    ];
    let whole = span(trace, [1, 0], "GET", start, [0, 10 * queries + 20]);
    send(server, "shop", &[with(whole, SERVER, &route)]);
    let query = [
        ("db.system.name", "postgresql"),
        ("db.operation.name", "SELECT"),
        ("db.collection.name", "items"),
    ];
    let queries = (0..queries).map(|n| {
        let one = span(
            trace,
            [n + 2, 1],
            "query",
            start,
            [10 + 10 * n, 20 + 10 * n],
        );
        with(one, CLIENT, &query)
    });
    send(server, "shop-db", &queries.collect::<Vec<_>>());
}

#[test]
fn w6_traces_are_found_by_what_is_in_them() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let start = nanos() - 60_000 * MILLI;
    for trace in 1..=4 {
        let user = if trace == 2 { "eve" } else { "bob" };
        orders(
            &server,
            trace,
            start + 1000 * trace * MILLI,
            3 * trace,
            user,
        );
    }
    let mut failed = span(5, [1, 0], "job", start, [0, 700]);
    failed["status"] = json!({"code": 2});
    send(&server, "worker", &[failed]);
    for (name, value, expected) in [
        ("service", "shop", &[4, 3, 2, 1][..]),
        ("service", "shop-db", &[4, 3, 2, 1]),
        ("operation", "GET /orders/{id}", &[4, 3, 2, 1]),
        ("operation", "SELECT items", &[4, 3, 2, 1]),
        ("operation", "query", &[]),
        ("name", "query", &[4, 3, 2, 1]),
        ("attr", "user=eve", &[2]),
        ("attr", "service.name=worker", &[5]),
        ("min_duration", "100ms", &[4, 3, 5]),
        ("max_duration", "15ms", &[4, 3, 2, 1]),
        ("errors", "true", &[5]),
        ("limit", "2", &[4, 3]),
        ("window", "1s", &[]),
    ] {
        let found = traces(&server, &[(name, value)]);
        let ids = expected.iter().map(|id| format!("{id:032x}"));
        let told = found
            .iter()
            .map(|trace| trace["trace_id"].as_str().unwrap());
        assert!(told.clone().eq(ids), "{name}={value}: {found:#?}");
    }
    let newest = &traces(&server, &[("operation", "SELECT items")])[0];
    assert_eq!(newest["root"]["name"], "GET");
    assert_eq!(newest["root"]["operation"], "GET /orders/{id}");
    assert_eq!(newest["services"], json!(["shop", "shop-db"]));
    assert_eq!(
        (&newest["spans"], &newest["matched"]),
        (&json!(13), &json!(12))
    );
    assert_eq!(
        (&newest["errors"], &newest["duration"]),
        (&json!(0), &json!(0.14))
    );
    for (parameters, text) in [
        ("limit=0", "between 1 and 1000"),
        ("limit=1001", "between 1 and 1000"),
        ("attr=x", "key=value"),
        ("min_duration=soon", "min_duration"),
        ("colour=red", "no parameter"),
        ("errors=perhaps", "true or false"),
    ] {
        let path = format!("/api/performance/traces?{parameters}");
        server.get(&path).is_problem(400, text);
    }
}

#[test]
fn w6_a_trace_tells_where_its_time_went() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    orders(&server, 7, nanos() - 5000 * MILLI, 12, "bob");
    let whole = page(&server, 7);
    let root = of_id(&whole, 1);
    assert_eq!(
        (&root["depth"], &root["on_critical_path"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(
        (&root["duration"], &root["self_seconds"]),
        (&json!(0.14), &json!(0.02))
    );
    assert_eq!(root["operation"], "GET /orders/{id}");
    let query = of_id(&whole, 5);
    assert_eq!(
        (&query["depth"], &query["self_seconds"]),
        (&json!(1), &json!(0.01))
    );
    assert_eq!(query["oddity"], Value::Null);

    let calls = server.get("/api/performance/traces/7/calls").ok();
    assert_eq!(
        (&calls["traces"], &calls["runs"], &calls["cut"]),
        (&json!(1), &json!(1), &json!(false))
    );
    let root = &calls["tree"][0];
    assert_eq!(root["name"], "GET /orders/{id}");
    assert_eq!(root["critical_seconds"], 0.02);
    let below = &root["children"][0];
    assert_eq!(
        (&below["service"], &below["kind"]),
        (&json!("shop-db"), &json!("client"))
    );
    assert_eq!((&below["count"], &below["p99"]), (&json!(12), &json!(0.01)));
    let finding = &calls["findings"][0];
    assert_eq!(finding["kind"], "n_plus_one");
    assert_eq!(
        (&finding["calls"], &finding["in_turn"]),
        (&json!(12.0), &json!(1.0))
    );
    let suggestion = finding["suggestion"].as_str().unwrap();
    assert!(
        suggestion.contains("`SELECT items` 12 times"),
        "{suggestion}"
    );
    assert!(suggestion.contains("86 %"), "{suggestion}");
    server
        .get("/api/performance/traces/8/calls")
        .is_problem(404, "no trace");
    server
        .get("/api/performance/traces/x/calls")
        .is_problem(400, "hexadecimal");
}

#[test]
fn w3_runs_of_an_agent_are_one_tree() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let start = nanos() - 60_000 * MILLI;
    for trace in 1..=5 {
        let at = start + trace * 1000 * MILLI;
        let run = with(
            span(trace, [2, 1], "run", at, [10, 500]),
            1,
            &[
                ("gen_ai.operation.name", "invoke_agent"),
                ("gen_ai.agent.name", "clerk"),
            ],
        );
        let chat = with(
            span(trace, [3, 2], "model", at, [10, 10 + 40 * trace]),
            CLIENT,
            &[
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", "gpt-4o"),
            ],
        );
        let tool = with(
            span(trace, [4, 2], "step", at, [400, 490]),
            1,
            &[
                ("gen_ai.operation.name", "execute_tool"),
                ("gen_ai.tool.name", "look"),
            ],
        );
        send(
            &server,
            "desk",
            &[span(trace, [1, 0], "whole", at, [0, 600]), run, chat, tool],
        );
    }
    let calls = server.query("/api/performance/calls", &[("agent", "clerk")]);
    assert_eq!((&calls["traces"], &calls["runs"]), (&json!(5), &json!(5)));
    let run = &calls["tree"][0];
    assert_eq!(
        (&run["name"], &run["per_trace"]),
        (&json!("invoke_agent clerk"), &json!(1.0))
    );
    let names = run["children"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|child| child["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["chat gpt-4o", "execute_tool look"]);
    assert!((run["children"][0]["p50"].as_f64().unwrap() - 0.12).abs() < 1e-9);
    let whole = server.query(
        "/api/performance/calls",
        &[("service", "desk"), ("limit", "2")],
    );
    assert_eq!(
        (&whole["traces"], &whole["tree"][0]["name"]),
        (&json!(2), &json!("whole"))
    );
    let none = server.query("/api/performance/calls", &[("agent", "nobody")]);
    assert_eq!((&none["traces"], &none["tree"]), (&json!(0), &json!([])));
    server
        .get("/api/performance/calls?limit=1001")
        .is_problem(400, "between 1 and 1000");
}

#[test]
fn w6_bad_traces_are_kept_and_told() {
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let start = nanos() - 60_000 * MILLI;
    let mut many = span(9, [1, 0], "many", start, [0, 1]);
    let attributes = (0..10_000).map(|n| json!({"key": format!("a{n}"), "value": {"intValue": n}}));
    many["attributes"] = attributes.collect();
    let large = "x".repeat(10 << 20);
    let large = with(
        span(10, [1, 0], "large", start, [0, 1]),
        1,
        &[("text", &large)],
    );
    let answer = send(
        &server,
        "bad",
        &[
            // No parent that is there; one that is its own parent; a circle.
            span(6, [1, 99], "orphan", start, [0, 10]),
            span(6, [2, 2], "own parent", start, [0, 10]),
            span(6, [3, 4], "circle", start, [5, 10]),
            span(6, [4, 3], "circle", start, [4, 10]),
            // Ends before it starts.
            span(7, [1, 0], "backwards", start, [10, 0]),
            // Two clocks: it begins half a second before it is caused, and ends long after.
            span(8, [1, 0], "caller", start, [1000, 1100]),
            with(span(8, [2, 1], "called", start, [500, 1050]), SERVER, &[]),
            span(8, [3, 1], "later", start, [1090, 1400]),
            many,
            large,
        ],
    );
    assert_eq!(
        answer["partialSuccess"]["rejectedSpans"],
        Value::Null,
        "{answer}"
    );
    let odd = page(&server, 6);
    assert_eq!(odd["spans"].as_array().unwrap().len(), 4);
    assert_eq!(
        (&odd["oddities"]["orphans"], &odd["oddities"]["cycles"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(of_id(&odd, 1)["oddity"], "orphan");
    assert_eq!(of_id(&odd, 2)["oddity"], "cycle");
    assert_eq!(
        (&of_id(&odd, 4)["depth"], &of_id(&odd, 3)["depth"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(
        traces(&server, &[("name", "orphan")])[0]["root"],
        Value::Null
    );

    let backwards = page(&server, 7);
    let backwards = of_id(&backwards, 1);
    assert_eq!(
        (&backwards["duration"], &backwards["self_seconds"]),
        (&json!(0.0), &json!(0.0))
    );

    let skewed = page(&server, 8);
    let called = of_id(&skewed, 2);
    assert_eq!(called["oddity"], "begins_before_parent");
    assert_eq!(
        (&called["oddity_seconds"], &called["duration"]),
        (&json!(0.5), &json!(0.55))
    );
    assert_eq!(of_id(&skewed, 3)["oddity"], "outlives_parent");
    // Fifty milliseconds under the one, ten under the other.
    assert_eq!(of_id(&skewed, 1)["self_seconds"], 0.04);
    assert_eq!(skewed["oddities"]["skew_seconds"], 0.5);
    let calls = server.get("/api/performance/traces/8/calls").ok();
    assert_eq!(calls["tree"][0]["critical_seconds"], 0.04);
    assert_eq!(calls["oddities"]["begin_before_parent"], 1);

    for (trace, most) in [(9, 200), (10, 10)] {
        let attributes = of_id(&page(&server, trace), 1)["attributes"].clone();
        let attributes = attributes.as_object().unwrap().clone();
        assert!(
            (1..=most).contains(&attributes.len()),
            "{}",
            attributes.len()
        );
        assert!(Value::from(attributes).to_string().len() < 64 << 10);
    }
    let all = server.query("/api/performance/calls", &[("service", "bad")]);
    assert_eq!((&all["traces"], &all["spans"]), (&json!(5), &json!(10)));
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn w6_a_trace_of_a_hundred_thousand_spans_is_read_back() {
    const SPANS: u64 = 100_000;
    let home = Home::with(QUIET);
    let server = home.start(&[]);
    let start = nanos() - 10_000 * MILLI;
    // A hundred chains of a thousand, all below the first span.
    let one = |id: u64| {
        let (parent, depth) = match id {
            1 => (0, 0),
            _ if (id - 2).is_multiple_of(1000) => (1, 1),
            _ => (id - 1, (id - 2) % 1000 + 1),
        };
        let mut span = Vec::new();
        put(1, &u128::from(SPANS).to_be_bytes(), &mut span);
        put(2, &id.to_be_bytes(), &mut span);
        if parent != 0 {
            put(4, &parent.to_be_bytes(), &mut span);
        }
        put(5, b"step", &mut span);
        let from = start + depth * 1000;
        fixed(7, from, &mut span);
        fixed(8, from + 5 * 1000 * 1000 - 2 * depth * 1000, &mut span);
        span
    };
    let all: Vec<Vec<u8>> = (1..=SPANS).map(one).collect();
    for some in all.chunks(20_000) {
        let body = request("deep", some);
        assert_eq!(server.send(TRACES, PROTOBUF, "", &body).status, 200);
    }
    assert_eq!(server.post("/-/flush", &json!({})).status, 200);
    let found = &traces(&server, &[("service", "deep")])[0];
    assert_eq!(
        (&found["spans"], &found["matched"]),
        (&json!(SPANS), &json!(SPANS))
    );
    let (mut seen, mut deepest, mut cursor) = (0, 0, String::new());
    loop {
        let path = format!("/api/performance/traces/{SPANS:x}?limit=10000&cursor={cursor}");
        let page = server.get(&path).ok();
        let spans = page["spans"].as_array().unwrap();
        seen += spans.len();
        for span in spans {
            deepest = deepest.max(span["depth"].as_u64().unwrap());
            assert!(span["self_seconds"].as_f64().unwrap() > 0.0);
        }
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!((seen as u64, deepest), (SPANS, 1000));
    let calls = server
        .get(&format!("/api/performance/traces/{SPANS:x}/calls"))
        .ok();
    let (mut count, mut node) = (0, &calls["tree"][0]);
    while !node.is_null() {
        count += node["count"].as_u64().unwrap();
        node = &node["children"][0];
    }
    assert_eq!(count, SPANS, "what is too deep is counted in the last one");
}
