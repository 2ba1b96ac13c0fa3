//! What tells the series of one operation from those of another: labels by Prometheus' rules for
//! the attributes that the conventions have.
//!
//! Every operation has `service`, `service_name`, `span_name`, `span_kind` and `status_code`, as the
//! OpenTelemetry span metrics connector has them, and `error_type` where it failed and that is told;
//! the rest depends on what it was. Absent is left out. Values are short; how many there are of
//! them is for whoever counts. Sources: the connector's documentation; OpenTelemetry "Prometheus and
//! OpenMetrics compatibility" for the names.

use std::borrow::Cow;

use tacho_model::span::{Attribute, AttributeValue, Span, SpanKind, SpanStatus};

use crate::operation::name::NAME_BYTES_MAX;
use crate::operation::{Operation, Route, WebSocketEvent};
use crate::reading::Reading;
use crate::table::Field;

/// A label: its name and value.
pub type Label<'a> = (&'static str, Cow<'a, str>);

/// The labels of a span that is called `name` and did `operation`, in no order.
pub fn labels<'a>(
    reading: &Reading<'a, '_>,
    operation: &'a Operation<'a>,
    name: &'a str,
) -> Vec<Label<'a>> {
    let span = reading.span;
    let mut labels = Vec::with_capacity(16);
    put_service(span, &mut labels);
    let mut put = |name, value: &'a str| put(&mut labels, name, value);
    put("span_name", name);
    put("span_kind", kind_name(span.kind));
    if operation.is_failure(reading) {
        put("status_code", status_name(SpanStatus::Error));
        labels.extend(
            reading
                .error_type()
                .map(|text| ("error_type", bounded(text))),
        );
    } else {
        put("status_code", status_name(span.status));
    }
    put_operation(operation, &mut labels);
    if matches!(operation, Operation::Tool(_)) {
        let agent = reading.text(Field::AgentName);
        labels.extend(agent.map(|agent| ("gen_ai_agent_name", bounded(agent))));
    }
    labels
}

/// The labels of the service that a span is of.
pub fn put_service<'a>(span: &'a Span<'_>, labels: &mut Vec<Label<'a>>) {
    put(labels, "service", span.service);
    put(labels, "service_name", span.service);
    let mut resource = span.resource.iter();
    if let Some(Attribute {
        value: AttributeValue::Text(namespace),
        ..
    }) = resource.find(|attribute| attribute.name == "service.namespace")
    {
        put(labels, "service_namespace", namespace);
    }
}

/// The labels of what an operation was.
fn put_operation<'a>(operation: &'a Operation<'_>, labels: &mut Vec<Label<'a>>) {
    let mut put = |name, value: &'a str| put(labels, name, value);
    let mut may = |name, value: &'a Option<Cow<'_, str>>| put(name, value.as_deref().unwrap_or(""));
    match operation {
        Operation::Http(http) => {
            may("server_address", &http.server);
            put("http_request_method", http.method);
            put("http_route", route(&http.route));
            if let Some(status) = http.status {
                labels.push(("http_response_status_code", status_text(status)));
            }
        }
        Operation::WebSocket(event, at) => {
            put("network_protocol_name", "websocket");
            put("http_route", route(at));
            put("websocket_event", event_name(*event));
        }
        Operation::Database(called) => {
            may("db_namespace", &called.namespace);
            may("db_collection_name", &called.collection);
            may("db_operation_name", &called.operation);
            may("db_query_summary", &called.summary);
            put("db_system_name", &called.system);
        }
        Operation::Messaging(system, destination, operation) => {
            may("messaging_destination_name", destination);
            may("messaging_operation_type", operation);
            put("messaging_system", system);
        }
        Operation::Rpc(system, service, method) => {
            may("rpc_service", service);
            may("rpc_method", method);
            put("rpc_system_name", system);
        }
        Operation::Model(model) => {
            may("gen_ai_provider_name", &model.provider);
            may("gen_ai_request_model", &model.request_model);
            may("gen_ai_response_model", &model.response_model);
            put("gen_ai_operation_name", model.operation);
        }
        Operation::Agent(name) => {
            put("gen_ai_operation_name", "invoke_agent");
            put("gen_ai_agent_name", name);
        }
        Operation::Workflow(name) => {
            put("gen_ai_operation_name", "invoke_workflow");
            put("gen_ai_workflow_name", name);
        }
        Operation::Tool(name) => {
            put("gen_ai_operation_name", "execute_tool");
            put("gen_ai_tool_name", name);
        }
        Operation::Mcp(_, method, target) => {
            may("gen_ai_tool_name", target);
            put("mcp_method_name", method);
        }
        Operation::Other => {}
    }
}

fn put<'a>(labels: &mut Vec<Label<'a>>, name: &'static str, value: &'a str) {
    if !value.is_empty() {
        labels.push((name, bounded(Cow::Borrowed(value))));
    }
}

/// A value as labels have it: of at most 256 bytes.
pub fn bounded(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.len() <= NAME_BYTES_MAX {
        return value;
    }
    let cut = &value[..value.floor_char_boundary(NAME_BYTES_MAX - '…'.len_utf8())];
    Cow::Owned(format!("{cut}…"))
}

fn route<'a>(route: &'a Route<'_>) -> &'a str {
    match route {
        Route::Told(route) => route,
        Route::Guessed(route) => route,
        Route::None => "",
    }
}

fn status_text(status: u16) -> Cow<'static, str> {
    match status {
        200 => Cow::Borrowed("200"),
        other => Cow::Owned(other.to_string()),
    }
}

/// The kind's name in OTLP, as the connector writes it.
pub const fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}

const fn status_name(status: SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "STATUS_CODE_UNSET",
        SpanStatus::Ok => "STATUS_CODE_OK",
        SpanStatus::Error => "STATUS_CODE_ERROR",
    }
}

const fn event_name(event: WebSocketEvent) -> &'static str {
    match event {
        WebSocketEvent::Connection => "connection",
        WebSocketEvent::Receive => "receive",
        WebSocketEvent::Send => "send",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::tests::with;

    #[track_caller]
    fn check(kind: SpanKind, attributes: &[(&str, &str)], expected: &str) {
        with("own", kind, attributes, |span| {
            let reading = Reading::new(span);
            let operation = Operation::of(&reading);
            let name = operation.name(span);
            let mut labels = labels(&reading, &operation, &name);
            labels.sort();
            let common = ["service", "service_name", "span_kind"];
            let rest = labels.iter().filter(|(name, _)| !common.contains(name));
            let told: Vec<String> = rest.map(|(n, v)| format!("{n}={v}")).collect();
            assert_eq!(told.join(" "), expected);
        });
    }

    #[test]
    fn w1_requests_have_method_route_and_status() {
        check(
            SpanKind::Server,
            &[
                ("http.method", "POST"),
                ("http.route", "/users/{id}"),
                ("http.status_code", "503"),
            ],
            "http_request_method=POST http_response_status_code=503 http_route=/users/{id} \
             span_name=POST /users/{id} status_code=STATUS_CODE_ERROR",
        );
    }

    #[test]
    fn w3_tools_are_those_of_their_agent() {
        check(
            SpanKind::Internal,
            &[
                ("gen_ai.operation.name", "execute_tool"),
                ("gen_ai.tool.name", "search"),
                ("gen_ai.agent.name", "planner"),
            ],
            "gen_ai_agent_name=planner gen_ai_operation_name=execute_tool \
             gen_ai_tool_name=search span_name=execute_tool search status_code=STATUS_CODE_UNSET",
        );
    }

    #[test]
    fn f2_queries_have_system_and_table() {
        check(
            SpanKind::Client,
            &[
                ("db.system", "postgresql"),
                ("db.operation", "SELECT"),
                ("db.sql.table", "users"),
                ("db.name", "shop"),
            ],
            "db_collection_name=users db_namespace=shop db_operation_name=SELECT \
             db_system_name=postgresql span_name=SELECT users status_code=STATUS_CODE_UNSET",
        );
    }

    #[test]
    fn long_values_end() {
        let long = "ü".repeat(1000);
        with(&long, SpanKind::Internal, &[], |span| {
            let reading = Reading::new(span);
            let operation = Operation::of(&reading);
            for (name, value) in labels(&reading, &operation, &long) {
                assert!(value.len() <= NAME_BYTES_MAX, "{name}");
            }
        });
    }
}
