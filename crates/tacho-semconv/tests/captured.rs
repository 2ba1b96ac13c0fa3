//! Spans as real instrumentations sent them, and what each is understood to be.
//!
//! `captured/NAME.json` holds spans of one instrumentation, without what people said; beside it,
//! `captured/NAME.txt` says a line each what it is. Which versions sent them: logfire 5.2.0, the
//! instrumentations of fastapi and sqlalchemy 0.66b1, openai-v2 2.4b0, openai-agents-v2 0.1.0,
//! openinference-instrumentation-openai 0.1.66 and -openai-agents 2.6.0, Traceloop's openai-agents
//! 0.62.4, with openai 3.54.0 and openai-agents 0.24.0. `CAPTURED=write` writes the lines anew.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tacho_model::Timestamp;
use tacho_model::span::{Attribute, AttributeValue, Span, SpanKind, SpanStatus};
use tacho_semconv::operation::{Database, Http, Model, Operation, Route, Told};
use tacho_semconv::{Reading, unknown_dialect};

/// The attributes of a captured span.
fn attributes(span: &Value) -> Vec<Attribute<'_>> {
    let attributes = span["attributes"].as_object().unwrap().iter();
    let value = |value: &'_ Value| match value {
        Value::String(text) => AttributeValue::Text(text.clone().into()),
        Value::Bool(value) => AttributeValue::Boolean(*value),
        number => number.as_i64().map_or_else(
            || AttributeValue::Float(number.as_f64().unwrap()),
            AttributeValue::Integer,
        ),
    };
    attributes
        .map(|(name, told)| Attribute {
            name,
            value: value(told),
        })
        .collect()
}

fn text(text: Option<&str>) -> &str {
    text.unwrap_or("-")
}

fn route<'r>(route: &'r Route<'_>) -> (&'static str, &'r str) {
    match route {
        Route::Told(route) => ("told", route),
        Route::Guessed(route) => ("guessed", route),
        Route::None => ("none", "-"),
    }
}

/// An operation in one line.
fn line(operation: &Operation<'_>) -> String {
    match operation {
        Operation::Http(http) => http_line(http),
        Operation::WebSocket(event, to) => format!("websocket {event:?} {:?}", route(to)),
        Operation::Database(database) => database_line(database),
        Operation::Model(model) => model_line(model),
        Operation::Agent(name) => format!("agent '{name}'"),
        Operation::Workflow(name) => format!("workflow '{name}'"),
        Operation::Tool(name) => format!("tool '{name}'"),
        other => format!("{other:?}"),
    }
}

fn http_line(http: &Http<'_>) -> String {
    let status = http
        .status
        .map_or("-".to_owned(), |status| status.to_string());
    let to = text(http.server.as_deref());
    format!(
        "http {:?} {} {:?} {status} to {to}",
        http.side,
        http.method,
        route(&http.route)
    )
}

fn database_line(database: &Database<'_>) -> String {
    let Database {
        system,
        namespace,
        collection,
        operation,
        summary,
    } = database;
    let [namespace, collection, operation, summary] =
        [namespace, collection, operation, summary].map(|told| text(told.as_deref()));
    format!("database {system} {namespace} {collection} {operation} '{summary}'")
}

fn model_line(model: &Model<'_>) -> String {
    let count = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let names = [&model.provider, &model.request_model, &model.response_model];
    let [provider, asked, answered] = names.map(|name| text(name.as_deref()));
    let tokens = model.tokens;
    let only = if model.told == Told::Tokens {
        " only tokens"
    } else {
        ""
    };
    format!(
        "model{only} {} {provider} {asked} {answered} in {} out {} cached {} written {} reasoning {}",
        model.operation,
        count(tokens.input),
        count(tokens.output),
        count(tokens.cache_read),
        count(tokens.cache_write),
        count(tokens.reasoning),
    )
}

/// What the spans of a file are, a line each.
fn lines(spans: &Value) -> String {
    let mut lines = String::new();
    for span in spans.as_array().unwrap() {
        let attributes = attributes(span);
        let told = |key: &str| span[key].as_str().unwrap();
        let kind = SpanKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == told("kind"));
        let status = SpanStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == told("status"));
        let span = Span {
            trace_id: 1,
            span_id: 2,
            parent_id: u64::from(span["is_root"] == false),
            pending_of: 0,
            start: Timestamp::from_secs(1_795_000_000),
            duration: Duration::from_millis(5),
            name: told("name"),
            service: "captured",
            scope: told("scope"),
            kind: kind.unwrap(),
            status: status.unwrap(),
            status_message: "",
            attributes: &attributes,
            resource: &[],
            events: "",
            links: "",
        };
        let reading = Reading::new(&span);
        let operation = Operation::of(&reading);
        write!(lines, "{} -> {}", span.name, line(&operation)).unwrap();
        if operation.is_failure(&reading) {
            let why = reading.error_type();
            write!(lines, " FAILED {}", text(why.as_deref())).unwrap();
        }
        lines.push('\n');
        assert_eq!(unknown_dialect(&span), None, "{}", span.name);
    }
    lines
}

#[track_caller]
fn check(name: &str) {
    let file = |kind: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captured");
        folder.join(format!("{name}.{kind}"))
    };
    let spans = std::fs::read(file("json")).unwrap();
    let told = lines(&serde_json::from_slice(&spans).unwrap());
    if std::env::var_os("CAPTURED").is_some_and(|value| value == "write") {
        std::fs::write(file("txt"), &told).unwrap();
    }
    let expected = std::fs::read_to_string(file("txt")).unwrap();
    for (told, expected) in told.lines().zip(expected.lines()) {
        assert_eq!(told, expected, "{name}");
    }
    assert_eq!(told.lines().count(), expected.lines().count(), "{name}");
}

#[test]
fn fastapi() {
    check("fastapi_old");
    check("fastapi_new");
    check("logfire_fastapi");
}

#[test]
fn sqlalchemy() {
    check("sqlalchemy_old");
    check("sqlalchemy_new");
}

#[test]
fn models() {
    check("openai_v2");
    check("openinference_openai");
    check("logfire_openai");
}

#[test]
fn agents() {
    check("openai_agents_v2");
    check("openinference_agents");
    check("traceloop_agents");
    check("logfire_agents");
}
