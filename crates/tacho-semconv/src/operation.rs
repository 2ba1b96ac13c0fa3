//! What a span was: a request, a query, a message, a connection, an agent, a tool, a model.
//!
//! A span is one thing. The most specific one that its attributes tell of counts: a call of a tool
//! by MCP is that, though it is a request of HTTP as well. What tells of nothing known is
//! [`Operation::Other`]; it is kept, and no metric of its own is made of it.

mod database;
mod gen_ai;
pub mod name;

use std::borrow::Cow;

use tacho_model::span::{SpanKind, SpanStatus};

use self::database::database;
use self::gen_ai::gen_ai;
use crate::reading::Reading;
use crate::route;
use crate::table::{Dialect, Field};

/// On which side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// It was answered.
    Server,
    /// It was made.
    Client,
}

/// A request of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http<'s> {
    /// Where.
    pub side: Side,
    /// The method, `_OTHER` for one that is not of the standards.
    pub method: &'static str,
    /// The route.
    pub route: Route<'s>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The size of the request's body in bytes.
    pub request_bytes: Option<u64>,
    /// The size of the answer's body in bytes.
    pub response_bytes: Option<u64>,
    /// The other end, of a request that was made.
    pub server: Option<Cow<'s, str>>,
}

/// Where a request went, without what varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route<'s> {
    /// As the program's framework has it.
    Told(Cow<'s, str>),
    /// From the address; see [`route::of_address`].
    Guessed(String),
    /// There is none, or none that the program knows: whoever makes up addresses makes no routes.
    None,
}

/// A call of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database<'s> {
    /// Which product: `postgresql`, `redis`.
    pub system: Cow<'s, str>,
    /// The database, the schema or the index.
    pub namespace: Option<Cow<'s, str>>,
    /// The table or collection.
    pub collection: Option<Cow<'s, str>>,
    /// `SELECT`, `HGET`.
    pub operation: Option<Cow<'s, str>>,
    /// The query in a few words, without values.
    pub summary: Option<Cow<'s, str>>,
}

/// A message of a WebSocket, or its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebSocketEvent {
    /// The connection, from its opening to its end.
    Connection,
    /// A message was taken.
    Receive,
    /// A message was sent.
    Send,
}

/// Tokens that a model took and gave; what was not told is absent, not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Those taken, the cached ones among them.
    pub input: Option<u64>,
    /// Those given, the ones of reasoning among them.
    pub output: Option<u64>,
    /// Of those taken, the ones read from a cache.
    pub cache_read: Option<u64>,
    /// Of those taken, the ones written to a cache.
    pub cache_write: Option<u64>,
    /// Of those given, the ones of reasoning.
    pub reasoning: Option<u64>,
}

/// What a span of a model's call tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// The call: it counts, and so do its duration and its tokens.
    Call,
    /// Only the tokens of a call that another span is of. Logfire tells a stream's tokens so, when
    /// the stream has ended.
    Tokens,
}

/// A call of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model<'s> {
    /// What of the call is told.
    pub told: Told,
    /// `chat`, `embeddings`, `text_completion`, `generate_content`.
    pub operation: &'static str,
    /// `openai`, `anthropic`.
    pub provider: Option<Cow<'s, str>>,
    /// The model that was asked for.
    pub request_model: Option<Cow<'s, str>>,
    /// The model that answered.
    pub response_model: Option<Cow<'s, str>>,
    /// Tokens.
    pub tokens: Tokens,
    /// Seconds until the first part of the answer.
    pub first_chunk: Option<f64>,
}

/// What a span was.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation<'s> {
    /// A request of HTTP.
    Http(Http<'s>),
    /// A WebSocket's connection or message, and its route.
    WebSocket(WebSocketEvent, Route<'s>),
    /// A call of a database.
    Database(Database<'s>),
    /// A message: the system, where to, and `send`, `receive`, `process`.
    Messaging(Cow<'s, str>, Option<Cow<'s, str>>, Option<Cow<'s, str>>),
    /// A remote call: the system, the service and the method.
    Rpc(Cow<'s, str>, Option<Cow<'s, str>>, Option<Cow<'s, str>>),
    /// A call of a model.
    Model(Model<'s>),
    /// A run of an agent.
    Agent(Cow<'s, str>),
    /// A run of several agents or steps.
    Workflow(Cow<'s, str>),
    /// A call of a tool.
    Tool(Cow<'s, str>),
    /// A call by MCP: its side, its method, and the tool or prompt where it names one.
    Mcp(Side, Cow<'s, str>, Option<Cow<'s, str>>),
    /// Nothing that is known.
    Other,
}

impl<'s> Operation<'s> {
    /// What a span was.
    pub fn of(reading: &Reading<'s, '_>) -> Self {
        mcp(reading)
            .or_else(|| gen_ai(reading))
            .or_else(|| database(reading))
            .or_else(|| messaging(reading))
            .or_else(|| rpc(reading))
            .or_else(|| web_socket(reading))
            .or_else(|| http(reading))
            .unwrap_or(Self::Other)
    }

    /// Whether it failed: the span says so, or the status of HTTP does, on the side that is to
    /// blame for it (from 500 on the server's, from 400 on the client's). Source: OpenTelemetry
    /// conventions, "HTTP spans", status.
    pub fn is_failure(&self, reading: &Reading<'_, '_>) -> bool {
        let by_status = match self {
            Self::Http(Http {
                side,
                status: Some(status),
                ..
            }) => *status >= if *side == Side::Server { 500 } else { 400 },
            _ => false,
        };
        by_status
            || reading.span.status == SpanStatus::Error
            || reading.text(Field::ErrorType).is_some()
    }
}

fn mcp<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    let method = reading.text(Field::McpMethod)?;
    let side = match reading.span.kind {
        SpanKind::Server => Side::Server,
        _ => Side::Client,
    };
    Some(Operation::Mcp(side, method, reading.text(Field::ToolName)))
}

fn messaging<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    let operation = reading.text(Field::MessagingOperation);
    // Until 1.26 sending was called that.
    let operation = operation.map(|operation| match &*operation {
        "publish" => Cow::Borrowed("send"),
        _ => operation,
    });
    Some(Operation::Messaging(
        reading.text(Field::MessagingSystem)?,
        reading.text(Field::MessagingDestination),
        operation,
    ))
}

fn rpc<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    Some(Operation::Rpc(
        reading.text(Field::RpcSystem)?,
        reading.text(Field::RpcService),
        reading.text(Field::RpcMethod),
    ))
}

fn web_socket<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    let is_web_socket = |text: &str| text.starts_with("ws:") || text.starts_with("wss:");
    let event = match reading.text(Field::AsgiEvent).as_deref() {
        Some("websocket.receive") => WebSocketEvent::Receive,
        Some("websocket.send") => WebSocketEvent::Send,
        Some(_) => return None,
        None => {
            let scheme = reading.text(Field::UrlScheme);
            let by_scheme = matches!(scheme.as_deref(), Some("ws" | "wss"));
            let by_url = reading
                .text(Field::UrlFull)
                .is_some_and(|url| is_web_socket(&url));
            let by_protocol = reading
                .text(Field::NetworkProtocol)
                .is_some_and(|name| name.eq_ignore_ascii_case("websocket"));
            // RFC 6455, 4.2.2: the answer that makes a connection of a request.
            let by_status = reading.count(Field::HttpStatus) == Some(101);
            let is_connection = by_scheme || by_url || by_protocol || by_status;
            let is_server = reading.span.kind == SpanKind::Server;
            (is_connection && is_server).then_some(WebSocketEvent::Connection)?
        }
    };
    let route = match (event, route::of_message(reading.span.name)) {
        (WebSocketEvent::Receive | WebSocketEvent::Send, Some(route)) => {
            Route::Told(Cow::Borrowed(route))
        }
        _ => route_of(reading, None),
    };
    Some(Operation::WebSocket(event, route))
}

fn http<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    let side = match reading.span.kind {
        SpanKind::Server => Side::Server,
        SpanKind::Client => Side::Client,
        // Parts of requests, such as ASGI's "http send": the request itself has a span.
        _ => return None,
    };
    let method = method_of(&reading.text(Field::HttpMethod)?);
    let status = reading.count(Field::HttpStatus);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let status = status.filter(|status| (100..600).contains(status));
    Some(Operation::Http(Http {
        side,
        method,
        route: route_of(reading, status),
        status,
        request_bytes: reading.count(Field::RequestBytes),
        response_bytes: reading.count(Field::ResponseBytes),
        server: match side {
            Side::Server => None,
            Side::Client => other_end(reading),
        },
    }))
}

/// Who was asked: by name, or by the address that was asked for.
pub fn other_end<'s>(reading: &Reading<'s, '_>) -> Option<Cow<'s, str>> {
    let address = match reading.dialect(Field::ServerAddress) {
        // The old conventions' name is that of this end.
        Some(Dialect::Otel) => reading.text(Field::ServerAddress),
        _ => reading.text(Field::PeerAddress),
    };
    let by_url = || {
        let url = reading.text(Field::UrlFull)?;
        route::host_of(&url).map(|host| Cow::Owned(host.to_owned()))
    };
    address.or_else(by_url)
}

/// A method of RFC 9110, RFC 5789 or the QUERY draft; `_OTHER` else, as the conventions have it.
fn method_of(method: &str) -> &'static str {
    const KNOWN: [&str; 10] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
    ];
    let known = KNOWN
        .iter()
        .find(|known| known.eq_ignore_ascii_case(method));
    known.copied().unwrap_or("_OTHER")
}

fn route_of<'s>(reading: &Reading<'s, '_>, status: Option<u16>) -> Route<'s> {
    if let Some(route) = reading.text(Field::HttpRoute) {
        return Route::Told(route);
    }
    if let Some(route) = route::of_name(reading.span.name) {
        return Route::Told(Cow::Borrowed(route));
    }
    let is_made_up = matches!(status, Some(404 | 405)) && reading.span.kind == SpanKind::Server;
    let address = reading
        .text(Field::UrlPath)
        .or_else(|| reading.text(Field::UrlFull));
    match address {
        Some(address) if !is_made_up => Route::Guessed(route::of_address(&address).into_owned()),
        _ => Route::None,
    }
}

#[cfg(test)]
mod tests;
