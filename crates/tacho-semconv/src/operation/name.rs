//! What an operation is called: few words, the same for every call of the same thing.
//!
//! Close to the names that the conventions have for spans, but made of what is known, whatever the
//! instrumentation called its span: requests by route, queries by summary, models and tools by name.
//! Of what tells of nothing known, the span's own name. Sources: OpenTelemetry semantic conventions,
//! "HTTP spans" (name), "Database spans" (name), "Messaging spans" (span name), "RPC", "`GenAI`
//! spans", "MCP". Bounding how many there are is for whoever counts them.

use std::borrow::Cow;

use tacho_model::span::Span;

use super::{Http, Operation, Route, WebSocketEvent};

/// Longer names end here, with `…`.
pub const NAME_BYTES_MAX: usize = 256;

impl Operation<'_> {
    /// What `span`, whose operation this is, is called.
    ///
    /// ```
    /// # use tacho_semconv::{Operation, operation::Side};
    /// # fn told(span: &tacho_model::span::Span<'_>) {
    /// let called = Operation::Mcp(Side::Client, "tools/call".into(), Some("search".into()));
    /// assert_eq!(called.name(span), "tools/call search");
    /// # }
    /// ```
    pub fn name<'n>(&'n self, span: &'n Span<'_>) -> Cow<'n, str> {
        let own = span.name;
        let named = |first: &'n str, rest: &'n str| joined([first, " ", rest], own);
        match self {
            Self::Http(http) => named(method(http), route(&http.route)),
            Self::WebSocket(event, at) => {
                let event = match event {
                    WebSocketEvent::Connection => "websocket",
                    WebSocketEvent::Receive => "websocket receive",
                    WebSocketEvent::Send => "websocket send",
                };
                named(event, route(at))
            }
            Self::Database(called) => {
                let target = called.collection.as_deref().or(called.namespace.as_deref());
                match (called.summary.as_deref(), called.operation.as_deref()) {
                    (Some(summary), _) => bounded(summary),
                    (None, Some(operation)) => named(operation, target.unwrap_or("")),
                    (None, None) => bounded(called.collection.as_deref().unwrap_or(&called.system)),
                }
            }
            Self::Messaging(system, destination, operation) => {
                match (operation.as_deref(), destination.as_deref()) {
                    (None, None) => bounded(system),
                    (operation, destination) => {
                        named(operation.unwrap_or(""), destination.unwrap_or(""))
                    }
                }
            }
            Self::Rpc(system, service, method) => match (service.as_deref(), method.as_deref()) {
                (Some(service), Some(method)) => joined([service, "/", method], own),
                (service, method) => bounded(method.or(service).unwrap_or(system)),
            },
            Self::Model(model) => {
                let name = model.request_model.as_deref();
                let name = name.or(model.response_model.as_deref());
                named(model.operation, name.unwrap_or(""))
            }
            Self::Agent(name) => named("invoke_agent", name),
            Self::Workflow(name) => named("invoke_workflow", name),
            Self::Tool(name) => named("execute_tool", name),
            Self::Mcp(_, method, target) => named(method, target.as_deref().unwrap_or("")),
            Self::Other => bounded(own),
        }
    }
}

/// What the runs of an agent are called.
pub fn run_of_agent(agent: &str) -> Cow<'_, str> {
    joined(["invoke_agent", " ", agent], "")
}

fn method(http: &Http<'_>) -> &'static str {
    match http.method {
        "_OTHER" => "HTTP",
        known => known,
    }
}

fn route<'n>(route: &'n Route<'_>) -> &'n str {
    match route {
        Route::Told(route) => route,
        Route::Guessed(route) => route,
        Route::None => "",
    }
}

/// Three parts as one text, without the middle one where one of the others is empty. Most spans are
/// called so already: then it is their own name, and nothing is allocated.
fn joined<'n>([first, between, last]: [&'n str; 3], own: &'n str) -> Cow<'n, str> {
    if first.is_empty() || last.is_empty() {
        return bounded(if first.is_empty() { last } else { first });
    }
    let rest = own.strip_prefix(first);
    let rest = rest.and_then(|rest| rest.strip_prefix(between));
    if rest == Some(last) {
        return bounded(own);
    }
    let mut name = String::with_capacity((first.len() + last.len() + 1).min(NAME_BYTES_MAX + 4));
    for part in [first, between, last] {
        // No part is ever copied that is longer than all of it may be.
        name.push_str(&part[..part.floor_char_boundary(NAME_BYTES_MAX + 1)]);
    }
    match bounded(&name) {
        Cow::Borrowed(_) => Cow::Owned(name),
        Cow::Owned(cut) => Cow::Owned(cut),
    }
}

fn bounded(name: &str) -> Cow<'_, str> {
    if name.len() <= NAME_BYTES_MAX {
        return Cow::Borrowed(name);
    }
    let cut = &name[..name.floor_char_boundary(NAME_BYTES_MAX - '…'.len_utf8())];
    Cow::Owned(format!("{cut}…"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tacho_model::span::SpanKind::{self, Client, Internal, Producer, Server};

    use super::*;
    use crate::reading::Reading;
    use crate::reading::tests::with;

    fn named(name: &str, kind: SpanKind, attributes: &[(&str, &str)]) -> String {
        with(name, kind, attributes, |span| {
            let reading = Reading::new(span);
            Operation::of(&reading).name(span).into_owned()
        })
    }

    #[track_caller]
    fn check(kind: SpanKind, attributes: &[(&str, &str)], expected: &str) {
        assert_eq!(named("own", kind, attributes), expected);
        assert_eq!(named(expected, kind, attributes), expected);
    }

    #[test]
    fn requests_are_called_by_method_and_route() {
        let method = ("http.request.method", "GET");
        check(
            Server,
            &[method, ("http.route", "/users/{id}")],
            "GET /users/{id}",
        );
        check(
            Client,
            &[method, ("url.full", "http://h/users/7?x=1")],
            "GET /users/{id}",
        );
        check(Server, &[method], "GET");
        check(
            Server,
            &[("http.request.method", "BREW"), ("http.route", "/")],
            "HTTP /",
        );
        check(
            Server,
            &[("url.scheme", "ws"), ("http.route", "/ws/{id}")],
            "websocket /ws/{id}",
        );
        let event = ("asgi.event.type", "websocket.receive");
        check(
            Internal,
            &[event, ("http.route", "/ws")],
            "websocket receive /ws",
        );
    }

    #[test]
    fn queries_are_called_by_summary_or_by_operation_and_target() {
        let system = ("db.system.name", "postgresql");
        let operation = ("db.operation.name", "SELECT");
        let table = ("db.collection.name", "users");
        let database = ("db.namespace", "shop");
        check(
            Client,
            &[system, operation, table, ("db.query.summary", "SELECT a b")],
            "SELECT a b",
        );
        check(
            Client,
            &[system, operation, table, database],
            "SELECT users",
        );
        check(Client, &[system, operation, database], "SELECT shop");
        check(Client, &[system, operation], "SELECT");
        check(Client, &[system, table], "users");
        check(Client, &[system], "postgresql");
    }

    #[test]
    fn messages_and_remote_calls_are_called_by_where_they_go() {
        let system = ("messaging.system", "kafka");
        let topic = ("messaging.destination.name", "orders");
        check(
            Producer,
            &[system, topic, ("messaging.operation.type", "send")],
            "send orders",
        );
        check(Producer, &[system, topic], "orders");
        check(Producer, &[system], "kafka");
        let (rpc, service) = (("rpc.system", "grpc"), ("rpc.service", "shop.Cart"));
        check(
            Client,
            &[rpc, service, ("rpc.method", "Add")],
            "shop.Cart/Add",
        );
        check(Client, &[rpc, service], "shop.Cart");
        check(Client, &[rpc], "grpc");
    }

    #[test]
    fn agents_tools_and_models_are_called_by_their_names() {
        let operation = |name| ("gen_ai.operation.name", name);
        let model = ("gen_ai.request.model", "gpt-4o");
        assert_eq!(run_of_agent("a b"), "invoke_agent a b");
        check(Client, &[operation("chat"), model], "chat gpt-4o");
        check(Client, &[operation("chat")], "chat");
        check(
            Internal,
            &[operation("invoke_agent"), ("gen_ai.agent.name", "a b")],
            "invoke_agent a b",
        );
        check(
            Internal,
            &[operation("execute_tool"), ("gen_ai.tool.name", "look")],
            "execute_tool look",
        );
        let mcp = ("mcp.method.name", "tools/call");
        check(
            Client,
            &[mcp, ("gen_ai.tool.name", "look")],
            "tools/call look",
        );
        assert_eq!(named("own", Internal, &[]), "own");
    }

    #[test]
    fn long_names_end() {
        let long = "é".repeat(10_000_000 / 2);
        for told in [
            named(&long, Internal, &[]),
            named(
                "own",
                Server,
                &[("http.method", "GET"), ("http.route", &long)],
            ),
            named(
                "own",
                Client,
                &[("db.system", "x"), ("db.query.summary", &long)],
            ),
        ] {
            assert!(
                told.len() <= NAME_BYTES_MAX && told.ends_with("é…"),
                "{}",
                told.len()
            );
        }
    }

    proptest! {
        #[test]
        fn names_of_anything_are_bounded(own in ".{0,300}", first in ".{0,300}", last in ".{0,300}") {
            let told = joined([&first, "/", &last], &own);
            prop_assert!(told.len() <= NAME_BYTES_MAX);
            let whole = format!("{first}/{last}");
            if whole.len() <= NAME_BYTES_MAX && !first.is_empty() && !last.is_empty() {
                prop_assert_eq!(&told, &whole);
                prop_assert_eq!(joined([&first, "/", &last], &whole), whole.as_str());
            }
        }
    }
}
