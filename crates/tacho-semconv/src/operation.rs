//! What a span was: a request, a query, a message, a connection, an agent, a tool, a model.
//!
//! A span is one thing. The most specific one that its attributes tell of counts: a call of a tool
//! by MCP is that, though it is a request of HTTP as well. What tells of nothing known is
//! [`Operation::Other`]; it is kept, and no metric of its own is made of it.

pub mod name;

use std::borrow::Cow;

use tacho_model::span::{SpanKind, SpanStatus};

use crate::reading::Reading;
use crate::route;
use crate::table::Field;

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

/// A call of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model<'s> {
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
        by_status || reading.span.status == SpanStatus::Error || reading.has(Field::ErrorType)
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

/// What sort of `GenAI`'s operation a word of some dialect means.
enum Sort {
    Model(&'static str),
    Agent,
    Tool,
    Workflow,
}

/// Of `gen_ai.operation.name`, `openinference.span.kind`, `traceloop.span.kind` and
/// `llm.request.type`.
fn sort_of(word: &str) -> Option<Sort> {
    Some(match word {
        "chat" | "LLM" => Sort::Model("chat"),
        "generate_content" => Sort::Model("generate_content"),
        "text_completion" | "completion" => Sort::Model("text_completion"),
        "embeddings" | "embedding" | "EMBEDDING" => Sort::Model("embeddings"),
        "invoke_agent" | "agent" | "AGENT" => Sort::Agent,
        "execute_tool" | "tool" | "TOOL" => Sort::Tool,
        "invoke_workflow" | "workflow" => Sort::Workflow,
        _ => return None,
    })
}

/// What the names of Logfire's spans say, whose attributes do not.
fn sort_of_logfire<'s>(reading: &Reading<'s, '_>) -> Option<(Sort, Option<Cow<'s, str>>)> {
    let span = reading.span;
    if !span.scope.starts_with("logfire") {
        return None;
    }
    let unquoted = |name: &'s str| Some(Cow::Borrowed(name.trim_matches(['\'', '"'])));
    if let Some(name) = span.name.strip_prefix("Agent run: ") {
        return Some((Sort::Agent, unquoted(name)));
    }
    if let Some(name) = span.name.strip_prefix("Function: ") {
        return Some((Sort::Tool, unquoted(name)));
    }
    let is_model = span.name.starts_with("Chat completion with ")
        || span.name.starts_with("Chat Completion with ")
        || span.name.starts_with("Responses API");
    is_model.then_some((Sort::Model("chat"), None))
}

fn gen_ai<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    let told = |field| sort_of(&reading.text(field)?);
    let (sort, name) = match told(Field::GenAiOperation).or_else(|| told(Field::GenAiKind)) {
        Some(sort) => (sort, None),
        None => sort_of_logfire(reading)?,
    };
    let named = |field| {
        let told = reading.text(field).or(name.clone());
        // Traceloop names its entity; the span's own name is better than none.
        told.or_else(|| reading.text(Field::EntityName))
            .unwrap_or(Cow::Borrowed(reading.span.name))
    };
    Some(match sort {
        Sort::Agent => Operation::Agent(named(Field::AgentName)),
        Sort::Tool => Operation::Tool(named(Field::ToolName)),
        Sort::Workflow => Operation::Workflow(named(Field::WorkflowName)),
        Sort::Model(operation) => Operation::Model(Model {
            operation,
            provider: reading.text(Field::GenAiProvider),
            request_model: reading.text(Field::RequestModel),
            response_model: reading.text(Field::ResponseModel),
            tokens: Tokens {
                input: reading.count(Field::InputTokens),
                output: reading.count(Field::OutputTokens),
                cache_read: reading.count(Field::CacheReadTokens),
                cache_write: reading.count(Field::CacheWriteTokens),
                reasoning: reading.count(Field::ReasoningTokens),
            },
            first_chunk: reading
                .number(Field::FirstChunk)
                .filter(|secs| *secs >= 0.0),
        }),
    })
}

fn database<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    Some(Operation::Database(Database {
        system: reading.text(Field::DbSystem)?,
        namespace: reading.text(Field::DbNamespace),
        collection: reading.text(Field::DbCollection),
        operation: reading.text(Field::DbOperation),
        summary: reading.text(Field::DbSummary),
    }))
}

fn messaging<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    Some(Operation::Messaging(
        reading.text(Field::MessagingSystem)?,
        reading.text(Field::MessagingDestination),
        reading.text(Field::MessagingOperation),
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
            let is_connection = (by_scheme || by_url) && reading.span.kind == SpanKind::Server;
            is_connection.then_some(WebSocketEvent::Connection)?
        }
    };
    Some(Operation::WebSocket(event, route_of(reading, None)))
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
            Side::Client => reading.text(Field::ServerAddress),
        },
    }))
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
