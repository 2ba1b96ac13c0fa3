mod totals;

use std::sync::Arc;

use tacho_model::span::{Attribute, AttributeValue, SpanKind, SpanStatus};
use tacho_model::{Columns, Histogram, METRIC_NAME, Matcher, Querier, TimeRange};
use tacho_store::Store;
use tacho_wire::otlp::encode::SpanEncoder;
use tacho_wire::otlp::json::Kind;

use super::*;
use crate::otlp::unpack::Packing;
use crate::otlp::{self, CountedBy, Encoding};
use crate::prices::Price;
use crate::settings::Settings;

const CALLS: &str = "traces_span_metrics_calls_total";
const DURATION: &str = "traces_span_metrics_duration_seconds";

/// A span to send: a request of service `shop` that took 10 ms, unless told otherwise.
#[derive(Clone)]
struct Sent {
    trace: u128,
    id: u64,
    parent: u64,
    service: &'static str,
    name: &'static str,
    kind: SpanKind,
    start: Timestamp,
    millis: u64,
    failed: bool,
    attributes: Vec<(&'static str, &'static str)>,
}

fn sent(trace: u128, id: u64) -> Sent {
    Sent {
        trace,
        id,
        parent: 0,
        service: "shop",
        name: "GET",
        kind: SpanKind::Server,
        start: Timestamp::now() - Duration::from_secs(5),
        millis: 10,
        failed: false,
        attributes: vec![
            ("http.request.method", "GET"),
            ("http.route", "/users/{id}"),
        ],
    }
}

impl Sent {
    fn below(self, parent: u64) -> Self {
        Self { parent, ..self }
    }

    fn kind(self, kind: SpanKind) -> Self {
        Self { kind, ..self }
    }

    fn of(self, service: &'static str) -> Self {
        Self { service, ..self }
    }

    fn with(self, attributes: &[(&'static str, &'static str)]) -> Self {
        let attributes = attributes.to_vec();
        Self { attributes, ..self }
    }
}

fn app(dir: &std::path::Path) -> App {
    let settings = Settings::default();
    let store = Store::open(dir, settings.storage.options.clone()).unwrap();
    App::new(settings, Arc::new(store), Timestamp::now())
}

fn send_by(app: &App, spans: &[Sent], counted: CountedBy) -> u64 {
    let mut encoder = SpanEncoder::default();
    for span in spans {
        let attributes: Vec<Attribute<'_>> = span
            .attributes
            .iter()
            .map(|(name, text)| Attribute {
                name,
                value: match text.parse() {
                    Ok(number) => AttributeValue::Integer(number),
                    Err(_) => AttributeValue::Text((*text).into()),
                },
            })
            .collect();
        encoder.push(&Span {
            trace_id: span.trace,
            span_id: span.id,
            parent_id: span.parent,
            pending_of: 0,
            start: span.start,
            duration: Duration::from_millis(span.millis),
            name: span.name,
            service: span.service,
            scope: "test",
            kind: span.kind,
            status: if span.failed {
                SpanStatus::Error
            } else {
                SpanStatus::Unset
            },
            status_message: "",
            attributes: &attributes,
            resource: &[],
            events: "",
            links: "",
        });
    }
    let request = otlp::Request {
        kind: Kind::Traces,
        encoding: Encoding::Protobuf,
        packing: Packing::Identity,
        body: &encoder.finish(),
        peer: "test",
        counted,
    };
    otlp::receive(app, request).unwrap().rejected
}

fn send(app: &App, spans: &[Sent]) {
    assert_eq!(send_by(app, spans, CountedBy::Receiver), 0);
}

/// The samples of all series of a metric that have these labels.
fn read(app: &App, metric: &str, labels: &[(&str, &str)]) -> Vec<(Labels, Columns)> {
    let labels = labels
        .iter()
        .map(|(name, value)| Matcher::equal(name, value));
    let matchers: Vec<Matcher> = labels.chain([Matcher::metric(metric)]).collect();
    let selection = app.store.select(&matchers, TimeRange::ALL).unwrap();
    let read = |index| {
        let mut columns = Columns::new();
        selection.read(index, &mut columns).unwrap();
        (selection.labels(index).clone(), columns)
    };
    (0..selection.len()).map(read).collect()
}

/// The sum of the newest totals.
fn total(app: &App, metric: &str, labels: &[(&str, &str)]) -> f64 {
    let series = read(app, metric, labels);
    series
        .iter()
        .filter_map(|(_, columns)| columns.last())
        .map(|(_, value)| value)
        .sum()
}

/// All observations.
fn observed(app: &App, metric: &str, labels: &[(&str, &str)]) -> Histogram {
    let mut sum = Histogram::new();
    for (_, columns) in read(app, metric, labels) {
        columns
            .histograms
            .iter()
            .for_each(|histogram| sum.merge(histogram));
    }
    sum
}

#[test]
fn w1_requests_are_counted_by_route_with_their_durations() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let spans: Vec<Sent> = (1..=100)
        .map(|id| Sent {
            millis: id,
            ..sent(1, id)
        })
        .collect();
    send(&app, &spans);
    send(
        &app,
        &[Sent {
            failed: true,
            ..sent(2, 1)
        }],
    );
    let ok = [("service", "shop"), ("status_code", "STATUS_CODE_UNSET")];
    assert_eq!(total(&app, CALLS, &ok), 100.0);
    let durations = observed(&app, DURATION, &ok);
    assert_eq!(durations.count(), 100.0);
    let p50 = durations.quantile(0.5).unwrap();
    assert!((p50 - 0.05).abs() < 0.001, "{p50}");
    let failed = [("status_code", "STATUS_CODE_ERROR")];
    assert_eq!(total(&app, CALLS, &failed), 1.0);
    let (labels, _) = read(&app, CALLS, &ok).remove(0);
    assert_eq!(labels.get("span_name"), Some("GET /users/{id}"));
    assert_eq!(labels.get("http_route"), Some("/users/{id}"));
    // The slowest of a request stands for the others.
    let range = TimeRange::ALL;
    let matchers = [Matcher::metric(DURATION)];
    let found = crate::exemplars::select(&app.store, &matchers, range, 10).unwrap();
    let traces: Vec<_> = found
        .iter()
        .map(|f| (f.exemplar.trace_id, f.exemplar.span_id))
        .collect();
    assert!(
        traces.contains(&(1, 100)) && traces.contains(&(2, 1)),
        "{traces:?}"
    );
}

#[test]
fn w1_a_span_is_counted_once_however_often_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let spans: Vec<Sent> = (1..=20).map(|id| sent(1, id)).collect();
    {
        let app = app(dir.path());
        send(&app, &spans);
        send(&app, &spans);
        let twice = [spans[0].clone(), sent(1, 21), sent(1, 21)];
        send(&app, &twice);
        assert_eq!(total(&app, CALLS, &[]), 21.0);
        assert_eq!(observed(&app, DURATION, &[]).count(), 21.0);
    }
    // After a restart the table says which were counted, and totals go on.
    let app = app(dir.path());
    send(&app, &spans);
    send(&app, &[sent(1, 22)]);
    assert_eq!(total(&app, CALLS, &[]), 22.0);
    assert_eq!(observed(&app, DURATION, &[]).count(), 22.0);
}

#[test]
fn w1_pending_spans_and_those_that_the_sender_counts_are_not_counted() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let announced = [
        ("logfire.span_type", "pending_span"),
        ("logfire.pending_parent_id", "0000000000000000"),
    ];
    send(&app, &[sent(1, 4).below(5).with(&announced)]);
    send_by(&app, &[sent(1, 7)], CountedBy::Sender);
    assert!(read(&app, CALLS, &[]).is_empty());
    send(&app, &[sent(1, 5)]);
    assert_eq!(total(&app, CALLS, &[]), 1.0);
}

#[test]
fn w1_a_span_of_a_wrong_clock_is_counted_when_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let now = Timestamp::now();
    let early = Sent {
        start: now - Duration::from_hours(30),
        ..sent(1, 1)
    };
    let ahead = Sent {
        start: now + Duration::from_mins(5),
        ..sent(1, 2)
    };
    let endless = Sent {
        millis: u64::MAX / 2_000_000,
        ..sent(1, 3)
    };
    send(&app, &[early, ahead, endless]);
    let (_, columns) = read(&app, DURATION, &[]).remove(0);
    // Anywhere in its second, which may have begun before.
    let begun = now - Duration::from_secs(1);
    let near = |at: &Timestamp| at.since(begun) < Duration::from_secs(20) && *at >= begun;
    assert!(columns.histogram_timestamps.iter().all(near), "{columns:?}");
    assert_eq!(total(&app, CALLS, &[]), 3.0);
    // What the table does not take is not counted either.
    let never = Sent {
        start: Timestamp::from_secs(1),
        ..sent(1, 4)
    };
    assert_eq!(send_by(&app, &[never], CountedBy::Receiver), 1);
    assert_eq!(total(&app, CALLS, &[]), 3.0);
}

#[test]
fn w3_a_run_of_an_agent_is_what_lies_below_it() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let model = |id, parent| {
        let told = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-4o"),
            ("gen_ai.usage.input_tokens", "100"),
            ("gen_ai.usage.output_tokens", "20"),
        ];
        sent(1, id).below(parent).kind(SpanKind::Client).with(&told)
    };
    let tool = |id, parent| {
        let told = [
            ("gen_ai.operation.name", "execute_tool"),
            ("gen_ai.tool.name", "search"),
        ];
        sent(1, id)
            .below(parent)
            .kind(SpanKind::Internal)
            .with(&told)
    };
    let agent = |id, parent, name| {
        let told = [
            ("gen_ai.operation.name", "invoke_agent"),
            ("gen_ai.agent.name", name),
        ];
        Sent {
            millis: 900,
            ..sent(1, id)
                .below(parent)
                .kind(SpanKind::Internal)
                .with(&told)
        }
    };
    // A planner that asks a model, then hands over to a writer that uses a tool and a model, below
    // something that is neither.
    send(&app, &[model(2, 1), model(5, 4), tool(6, 4)]);
    let between = Sent {
        millis: 800,
        ..sent(1, 4).below(3).kind(SpanKind::Internal).with(&[])
    };
    // Sent twice, as after an answer that was not heard.
    for _ in 0..2 {
        send(&app, &[between.clone(), agent(3, 1, "writer")]);
    }
    send(
        &app,
        &[Sent {
            millis: 950,
            ..agent(1, 0, "planner")
        }],
    );
    let runs = |family: &str, agent| {
        let name = format!("traces_span_metrics_gen_ai_invoke_agent_{family}");
        observed(&app, &name, &[("gen_ai_agent_name", agent)])
    };
    assert_eq!(runs("inference_calls", "writer").sum(), 1.0);
    assert_eq!(runs("inference_calls", "planner").sum(), 2.0);
    assert_eq!(runs("tool_calls", "planner").sum(), 1.0);
    assert_eq!(runs("tool_calls", "planner").count(), 1.0);
    let tokens = "traces_span_metrics_gen_ai_invoke_agent_tokens_total";
    let of = |agent, kind| {
        total(
            &app,
            tokens,
            &[("gen_ai_agent_name", agent), ("gen_ai_token_type", kind)],
        )
    };
    assert_eq!(
        (of("writer", "input"), of("planner", "input")),
        (100.0, 200.0)
    );
    assert_eq!(of("planner", "output"), 40.0);
    let of_models = "traces_span_metrics_gen_ai_usage_tokens_total";
    assert_eq!(
        total(&app, of_models, &[("gen_ai_token_type", "input")]),
        200.0
    );
    let uses = "traces_span_metrics_gen_ai_invoke_agent_tool_uses_total";
    assert_eq!(total(&app, uses, &[("gen_ai_tool_name", "search")]), 2.0);
    let cost = "traces_span_metrics_gen_ai_usage_cost_total";
    let price = |model, of| {
        let at = Timestamp::now();
        let table = &app.settings.prices.table;
        table.price(None, model, at).map(of)
    };
    let (input, output) = price("gpt-4o", |price: &Price| (price.input, price.output)).unwrap();
    let expected = (200.0 * input + 40.0 * output) / 1e6;
    let counted = total(&app, cost, &[("gen_ai_request_model", "gpt-4o")]);
    assert!((counted - expected).abs() < 1e-9, "{counted} {expected}");
    // No price, no cost: not one of zero.
    let unheard = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "unheard-of"),
        ("gen_ai.usage.input_tokens", "5"),
        ("gen_ai.usage.output_tokens", "-5"),
    ];
    send(&app, &[sent(2, 1).kind(SpanKind::Client).with(&unheard)]);
    let unheard = [("gen_ai_request_model", "unheard-of")];
    assert!(read(&app, cost, &unheard).is_empty());
    let told: Vec<_> = read(&app, of_models, &unheard);
    assert_eq!(told.len(), 1, "a count that is negative is none");
}

#[test]
fn w3_tokens_that_come_as_a_line_of_a_log_are_tokens_without_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let chat = ("gen_ai.operation.name", "chat");
    let model = ("gen_ai.request.model", "gpt-4o");
    let log = ("logfire.span_type", "log");
    let told = ("gen_ai.usage.input_tokens", "5");
    let raw = ("gen_ai.usage.raw", r#"{"completion_tokens": 4}"#);
    let call = sent(1, 2).kind(SpanKind::Client).with(&[chat, model]);
    let tokens = sent(1, 3).with(&[chat, model, log, told, raw]);
    let line = sent(1, 4).with(&[log]);
    send(&app, &[call, tokens, line]);
    assert_eq!(total(&app, CALLS, &[]), 1.0);
    let tokens = "traces_span_metrics_gen_ai_usage_tokens_total";
    for (kind, count) in [("input", 5.0), ("output", 4.0)] {
        assert_eq!(total(&app, tokens, &[("gen_ai_token_type", kind)]), count);
    }
}

#[test]
fn w1_calls_between_services_are_those_of_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let requests = "traces_service_graph_request_total";
    let edge = |client, server| total(&app, requests, &[("client", client), ("server", server)]);
    let client = |id, parent| {
        let told = [
            ("http.request.method", "GET"),
            ("server.address", "cart.local"),
        ];
        sent(1, id).below(parent).kind(SpanKind::Client).with(&told)
    };
    // Whichever comes first, and both in one request.
    send(&app, &[client(2, 1)]);
    send(&app, &[sent(1, 3).below(2).of("cart")]);
    send(&app, &[sent(1, 5).below(4).of("cart")]);
    send(&app, &[client(4, 1)]);
    send(
        &app,
        &[
            client(6, 1),
            Sent {
                failed: true,
                ..sent(1, 7).below(6).of("cart")
            },
        ],
    );
    assert_eq!(edge("shop", "cart"), 3.0);
    let failed = "traces_service_graph_request_failed_total";
    assert_eq!(total(&app, failed, &[("server", "cart")]), 1.0);
    let told = [("db.system", "postgresql"), ("db.name", "shop")];
    send(
        &app,
        &[sent(1, 8)
            .below(3)
            .of("cart")
            .kind(SpanKind::Client)
            .with(&told)],
    );
    assert_eq!(edge("cart", "postgresql/shop"), 1.0);
    send(&app, &[sent(1, 1)]);
    assert_eq!(edge("user", "shop"), 1.0);
}

#[test]
fn w1_websockets_have_connections_and_messages() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let connection = |trace| {
        let told = [("url.scheme", "ws"), ("http.route", "/ws/{room}")];
        Sent {
            millis: 2_000,
            ..sent(trace, 1).with(&told)
        }
    };
    let message = |trace, id, event| {
        let told = [("asgi.event.type", event), ("http.route", "/ws/{room}")];
        sent(trace, id)
            .below(1)
            .kind(SpanKind::Internal)
            .with(&told)
    };
    let active = || total(&app, "websocket_server_active_connections", &[]);
    send(
        &app,
        &[
            message(1, 10, "websocket.receive"),
            message(1, 11, "websocket.send"),
        ],
    );
    send(&app, &[message(2, 20, "websocket.receive")]);
    assert_eq!(active(), 2.0);
    send(&app, &[connection(1)]);
    assert_eq!(active(), 1.0);
    // One whose messages come with its end.
    send(&app, &[connection(3), message(3, 30, "websocket.receive")]);
    assert_eq!(active(), 1.0);
    // One that comes after its connection was closed does not open it again.
    send(&app, &[message(3, 31, "websocket.receive")]);
    assert_eq!(active(), 1.0);
    let messages = "websocket_server_messages_total";
    let counted = |way| total(&app, messages, &[("network_io_direction", way)]);
    assert_eq!((counted("receive"), counted("transmit")), (4.0, 1.0));
    let durations = observed(&app, "websocket_server_connection_duration_seconds", &[]);
    assert_eq!((durations.count(), durations.sum()), (2.0, 4.0));
}

#[test]
fn w1_names_beyond_the_limit_are_counted_together() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let now = Timestamp::now();
    for number in 0..admitted::SERVICE_MAX {
        let name = number.to_string();
        let key = LabelKey::new(&[("x", name.into())], 0, &mut Vec::new());
        app.span_metrics.admitted.place("shop", key, now);
    }
    send(&app, &[sent(1, 1), sent(1, 2)]);
    let beyond = [(OVERFLOW, "true"), ("service", "shop")];
    assert_eq!(total(&app, CALLS, &beyond), 2.0);
    assert_eq!(observed(&app, DURATION, &beyond).count(), 2.0);
    assert!(!app.span_metrics.beyond_limit().is_empty());
}

#[test]
fn w1_what_the_store_refuses_is_not_counted() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(dir.path());
    let mut session = app.span_metrics.session(&app);
    let span = Span {
        trace_id: 1,
        span_id: 1,
        parent_id: 0,
        pending_of: 0,
        start: Timestamp::now(),
        duration: Duration::from_millis(1),
        name: "work",
        service: "shop",
        scope: "",
        kind: SpanKind::Internal,
        status: SpanStatus::Unset,
        status_message: "",
        attributes: &[],
        resource: &[],
        events: "",
        links: "",
    };
    let reading = Reading::new(&span);
    session.add(&reading, &Operation::Other, "work", Stays::Yes);
    // Another request holds it while this one is being worked on.
    let mut other = app.span_metrics.session(&app);
    other.add(&reading, &Operation::Other, "work", Stays::Yes);
    assert!(other.met_others());
    drop((session, other));
    let mut again = app.span_metrics.session(&app);
    again.add(&reading, &Operation::Other, "work", Stays::Yes);
    assert!(!again.met_others());
    again.commit(None).unwrap();
    assert_eq!(total(&app, CALLS, &[]), 1.0);
    let matchers = [Matcher::equal(METRIC_NAME, CALLS)];
    assert_eq!(
        app.store.select(&matchers, TimeRange::ALL).unwrap().len(),
        1
    );
}
