//! The rows: which name of which dialect says what.
//!
//! Of two names for one thing, the one whose row stands first counts. Not rows, but rules of
//! [`crate::operation`], is what dialects say by the names of spans.

use super::Dialect::{self, Logfire, OpenInference, Otel, OtelOld, Traceloop};
use super::{Field, Field as F, Row};

const fn row(name: &'static str, field: Field, dialect: Dialect, source: &'static str) -> Row {
    Row {
        name,
        field,
        dialect,
        source,
    }
}

const HTTP: &str = "OpenTelemetry semantic conventions 1.44, \"HTTP\"";
const HTTP_OLD: &str = "OpenTelemetry semantic conventions 1.20, \"HTTP\"; migration guide of 1.23";
const DB: &str = "OpenTelemetry semantic conventions 1.44, \"Database\"";
const DB_OLD: &str =
    "OpenTelemetry semantic conventions 1.24, \"Database\"; migration guide of 1.33";
const MESSAGING: &str = "OpenTelemetry semantic conventions 1.44, \"Messaging\"";
const MESSAGING_OLD: &str = "OpenTelemetry semantic conventions 1.17, \"Messaging\"";
const RPC: &str = "OpenTelemetry semantic conventions 1.44, \"RPC\"";
const GEN_AI: &str = "OpenTelemetry GenAI conventions, \"GenAI spans\"";
const GEN_AI_OLD: &str = "OpenTelemetry semantic conventions 1.27 to 1.36, \"GenAI\"";
const MCP: &str = "OpenTelemetry GenAI conventions, \"MCP\"";
const PHOENIX: &str = "OpenInference specification, \"Semantic conventions\"";
const TRACELOOP: &str = "OpenLLMetry, \"opentelemetry-semantic-conventions-ai\"";
const ASGI: &str = "seen with opentelemetry-instrumentation-asgi 0.66b1";
const PEER: &str = "OpenTelemetry semantic conventions, \"General remote service attributes\"";
const PYDANTIC_AI: &str = "Pydantic AI, \"RequestUsage.opentelemetry_attributes\"";
const LOGFIRE: &str = "seen with logfire 5.2";

/// All rows; one a line, so that it reads as the table that it is.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    // Requests, and the other end of any call.
    row("http.request.method", F::HttpMethod, Otel, HTTP),
    row("http.method", F::HttpMethod, OtelOld, HTTP_OLD),
    row("http.response.status_code", F::HttpStatus, Otel, HTTP),
    row("http.status_code", F::HttpStatus, OtelOld, HTTP_OLD),
    row("http.route", F::HttpRoute, Otel, HTTP),
    row("url.template", F::HttpRoute, Otel, HTTP),
    row("url.path", F::UrlPath, Otel, HTTP),
    row("http.target", F::UrlPath, OtelOld, HTTP_OLD),
    row("url.full", F::UrlFull, Otel, HTTP),
    row("http.url", F::UrlFull, OtelOld, HTTP_OLD),
    row("url.scheme", F::UrlScheme, Otel, HTTP),
    row("http.scheme", F::UrlScheme, OtelOld, HTTP_OLD),
    row("http.request.body.size", F::RequestBytes, Otel, HTTP),
    row("http.request_content_length", F::RequestBytes, OtelOld, HTTP_OLD),
    row("http.response.body.size", F::ResponseBytes, Otel, HTTP),
    row("http.response_content_length", F::ResponseBytes, OtelOld, HTTP_OLD),
    row("server.address", F::ServerAddress, Otel, HTTP),
    row("net.host.name", F::ServerAddress, OtelOld, HTTP_OLD),
    row("net.peer.name", F::PeerAddress, OtelOld, HTTP_OLD),
    row("service.peer.name", F::PeerService, Otel, PEER),
    row("peer.service", F::PeerService, OtelOld, PEER),
    row("server.port", F::ServerPort, Otel, HTTP),
    row("net.host.port", F::ServerPort, OtelOld, HTTP_OLD),
    row("error.type", F::ErrorType, Otel, HTTP),
    row("network.protocol.name", F::NetworkProtocol, Otel, HTTP),
    // Databases.
    row("db.system.name", F::DbSystem, Otel, DB),
    row("db.system", F::DbSystem, OtelOld, DB_OLD),
    row("db.namespace", F::DbNamespace, Otel, DB),
    row("db.name", F::DbNamespace, OtelOld, DB_OLD),
    row("db.redis.database_index", F::DbNamespace, OtelOld, DB_OLD),
    row("db.collection.name", F::DbCollection, Otel, DB),
    row("db.sql.table", F::DbCollection, OtelOld, DB_OLD),
    row("db.mongodb.collection", F::DbCollection, OtelOld, DB_OLD),
    row("db.cassandra.table", F::DbCollection, OtelOld, DB_OLD),
    row("db.operation.name", F::DbOperation, Otel, DB),
    row("db.operation", F::DbOperation, OtelOld, DB_OLD),
    row("db.query.summary", F::DbSummary, Otel, DB),
    row("db.query.text", F::DbQuery, Otel, DB),
    row("db.statement", F::DbQuery, OtelOld, DB_OLD),
    // Messages.
    row("messaging.system", F::MessagingSystem, Otel, MESSAGING),
    row("messaging.destination.name", F::MessagingDestination, Otel, MESSAGING),
    row("messaging.destination", F::MessagingDestination, OtelOld, MESSAGING_OLD),
    row("messaging.operation.type", F::MessagingOperation, Otel, MESSAGING),
    row("messaging.operation", F::MessagingOperation, OtelOld, MESSAGING_OLD),
    row("messaging.operation.name", F::MessagingOperation, OtelOld, MESSAGING),
    // Remote calls.
    row("rpc.system.name", F::RpcSystem, Otel, RPC),
    row("rpc.system", F::RpcSystem, OtelOld, RPC),
    row("rpc.service", F::RpcService, OtelOld, RPC),
    row("rpc.method", F::RpcMethod, Otel, RPC),
    // Agents, tools and models: what it was.
    row("gen_ai.operation.name", F::GenAiOperation, Otel, GEN_AI),
    row("openinference.span.kind", F::GenAiKind, OpenInference, PHOENIX),
    row("traceloop.span.kind", F::GenAiKind, Traceloop, TRACELOOP),
    row("llm.request.type", F::GenAiKind, Traceloop, TRACELOOP),
    row("gen_ai.provider.name", F::GenAiProvider, Otel, GEN_AI),
    row("gen_ai.system", F::GenAiProvider, OtelOld, GEN_AI_OLD),
    row("llm.provider", F::GenAiProvider, OpenInference, PHOENIX),
    row("llm.system", F::GenAiProvider, OpenInference, PHOENIX),
    row("gen_ai.request.model", F::RequestModel, Otel, GEN_AI),
    row("gen_ai.response.model", F::ResponseModel, Otel, GEN_AI),
    row("llm.model_name", F::ResponseModel, OpenInference, PHOENIX),
    row("embedding.model_name", F::ResponseModel, OpenInference, PHOENIX),
    row("gen_ai.agent.name", F::AgentName, Otel, GEN_AI),
    row("agent.name", F::AgentName, OpenInference, PHOENIX),
    row("graph.node.id", F::AgentName, OpenInference, PHOENIX),
    row("agent_name", F::AgentName, Logfire, LOGFIRE),
    row("gen_ai.workflow.name", F::WorkflowName, Otel, GEN_AI),
    row("traceloop.workflow.name", F::WorkflowName, Traceloop, TRACELOOP),
    row("gen_ai.tool.name", F::ToolName, Otel, GEN_AI),
    row("tool.name", F::ToolName, OpenInference, PHOENIX),
    row("traceloop.entity.name", F::EntityName, Traceloop, TRACELOOP),
    row("name", F::LogfireName, Logfire, LOGFIRE),
    row("gen_ai.conversation.id", F::Conversation, Otel, GEN_AI),
    row("session.id", F::Conversation, OpenInference, PHOENIX),
    // Tokens.
    row("gen_ai.usage.input_tokens", F::InputTokens, Otel, GEN_AI),
    row("gen_ai.usage.prompt_tokens", F::InputTokens, OtelOld, GEN_AI_OLD),
    row("llm.token_count.prompt", F::InputTokens, OpenInference, PHOENIX),
    row("gen_ai.usage.output_tokens", F::OutputTokens, Otel, GEN_AI),
    row("gen_ai.usage.completion_tokens", F::OutputTokens, OtelOld, GEN_AI_OLD),
    row("llm.token_count.completion", F::OutputTokens, OpenInference, PHOENIX),
    row("gen_ai.usage.cache_read.input_tokens", F::CacheReadTokens, Otel, GEN_AI),
    row("gen_ai.usage.cache_read_input_tokens", F::CacheReadTokens, Traceloop, TRACELOOP),
    row("llm.token_count.prompt_details.cache_read", F::CacheReadTokens, OpenInference, PHOENIX),
    row("gen_ai.usage.details.cache_read_tokens", F::CacheReadTokens, Logfire, PYDANTIC_AI),
    row("gen_ai.usage.cache_creation.input_tokens", F::CacheWriteTokens, Otel, GEN_AI),
    row("gen_ai.usage.cache_creation_input_tokens", F::CacheWriteTokens, Traceloop, TRACELOOP),
    row("llm.token_count.prompt_details.cache_write", F::CacheWriteTokens, OpenInference, PHOENIX),
    row("gen_ai.usage.details.cache_write_tokens", F::CacheWriteTokens, Logfire, PYDANTIC_AI),
    row("gen_ai.usage.reasoning.output_tokens", F::ReasoningTokens, Otel, GEN_AI),
    row("gen_ai.usage.reasoning_tokens", F::ReasoningTokens, Traceloop, TRACELOOP),
    row("llm.usage.reasoning_tokens", F::ReasoningTokens, Traceloop, TRACELOOP),
    row("llm.token_count.completion_details.reasoning", F::ReasoningTokens, OpenInference, PHOENIX),
    row("gen_ai.usage.details.reasoning_tokens", F::ReasoningTokens, Logfire, PYDANTIC_AI),
    row("gen_ai.usage.raw", F::Usage, Logfire, LOGFIRE),
    row("usage", F::Usage, Logfire, LOGFIRE),
    row("gen_ai.response.time_to_first_chunk", F::FirstChunk, Otel, GEN_AI),
    // MCP, and connections.
    row("mcp.method.name", F::McpMethod, Otel, MCP),
    row("asgi.event.type", F::AsgiEvent, OtelOld, ASGI),
    row("logfire.span_type", F::LogfireType, Logfire, LOGFIRE),
];
