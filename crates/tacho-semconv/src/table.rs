//! Which attribute of which dialect says what: one row a name, each with its source.
//!
//! A new dialect is rows here. Where a span has two names for one thing, the one whose row stands
//! first counts: rows of the stable conventions stand before those of older ones and of vendors.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Who gave an attribute its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// OpenTelemetry's conventions of today: HTTP and databases 1.44, `GenAI` and MCP.
    Otel,
    /// OpenTelemetry's conventions before HTTP became stable in 1.23, and databases in 1.33.
    OtelOld,
    /// `OpenInference` (Arize Phoenix).
    OpenInference,
    /// Traceloop (`OpenLLMetry`).
    Traceloop,
    /// Pydantic Logfire.
    Logfire,
}

impl Dialect {
    /// Its name, as status and labels have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otel => "otel",
            Self::OtelOld => "otel_old",
            Self::OpenInference => "openinference",
            Self::Traceloop => "traceloop",
            Self::Logfire => "logfire",
        }
    }
}

/// What an attribute says, under the name of today's conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// `http.request.method`.
    HttpMethod,
    /// `http.response.status_code`.
    HttpStatus,
    /// `http.route`.
    HttpRoute,
    /// `url.path`; in the old conventions with the query behind it.
    UrlPath,
    /// `url.full`.
    UrlFull,
    /// `url.scheme`.
    UrlScheme,
    /// `http.request.body.size`, bytes.
    RequestBytes,
    /// `http.response.body.size`, bytes.
    ResponseBytes,
    /// `server.address`.
    ServerAddress,
    /// `server.port`.
    ServerPort,
    /// `error.type`.
    ErrorType,
    /// `db.system.name`.
    DbSystem,
    /// `db.namespace`.
    DbNamespace,
    /// `db.collection.name`.
    DbCollection,
    /// `db.operation.name`.
    DbOperation,
    /// `db.query.summary`.
    DbSummary,
    /// `db.query.text`.
    DbQuery,
    /// `messaging.system`.
    MessagingSystem,
    /// `messaging.destination.name`.
    MessagingDestination,
    /// `messaging.operation.type`.
    MessagingOperation,
    /// `rpc.system.name`.
    RpcSystem,
    /// `rpc.service`.
    RpcService,
    /// `rpc.method`.
    RpcMethod,
    /// `gen_ai.operation.name`.
    GenAiOperation,
    /// What sort of span it is in a vendor's words, from which the operation follows.
    GenAiKind,
    /// `gen_ai.provider.name`.
    GenAiProvider,
    /// `gen_ai.request.model`.
    RequestModel,
    /// `gen_ai.response.model`.
    ResponseModel,
    /// `gen_ai.agent.name`.
    AgentName,
    /// `gen_ai.workflow.name`.
    WorkflowName,
    /// `gen_ai.tool.name`.
    ToolName,
    /// A name of an agent, a tool or a workflow, whichever the span is of.
    EntityName,
    /// `gen_ai.conversation.id`.
    Conversation,
    /// `gen_ai.usage.input_tokens`.
    InputTokens,
    /// `gen_ai.usage.output_tokens`.
    OutputTokens,
    /// `gen_ai.usage.cache_read.input_tokens`.
    CacheReadTokens,
    /// `gen_ai.usage.cache_creation.input_tokens`.
    CacheWriteTokens,
    /// `gen_ai.usage.reasoning.output_tokens`.
    ReasoningTokens,
    /// `gen_ai.response.time_to_first_chunk`, seconds.
    FirstChunk,
    /// `mcp.method.name`.
    McpMethod,
    /// `network.protocol.name`.
    NetworkProtocol,
    /// Which message of ASGI a span is of, such as `websocket.receive`.
    AsgiEvent,
}

impl Field {
    /// How many there are.
    pub const COUNT: usize = Self::AsgiEvent as usize + 1;
}

/// What one attribute of one dialect says.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The attribute's name.
    pub name: &'static str,
    /// What it says.
    pub field: Field,
    /// Whose name it is.
    pub dialect: Dialect,
    /// Where that is written.
    pub source: &'static str,
}

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
const OPEN_INFERENCE: &str = "OpenInference specification, \"Semantic conventions\"";
const TRACELOOP: &str = "OpenLLMetry, \"opentelemetry-semantic-conventions-ai\"";
const ASGI: &str = "seen with opentelemetry-instrumentation-asgi 0.66b2";
const LOGFIRE: &str = "seen with logfire 5.2";

/// All rows.
pub const TABLE: &[Row] = {
    use Dialect::{Logfire, OpenInference, Otel, OtelOld, Traceloop};
    use Field as F;
    &[
        row("http.request.method", F::HttpMethod, Otel, HTTP),
        row("http.method", F::HttpMethod, OtelOld, HTTP_OLD),
        row("http.response.status_code", F::HttpStatus, Otel, HTTP),
        row("http.status_code", F::HttpStatus, OtelOld, HTTP_OLD),
        row("http.route", F::HttpRoute, Otel, HTTP),
        row("url.path", F::UrlPath, Otel, HTTP),
        row("http.target", F::UrlPath, OtelOld, HTTP_OLD),
        row("url.full", F::UrlFull, Otel, HTTP),
        row("http.url", F::UrlFull, OtelOld, HTTP_OLD),
        row("url.scheme", F::UrlScheme, Otel, HTTP),
        row("http.scheme", F::UrlScheme, OtelOld, HTTP_OLD),
        row("http.request.body.size", F::RequestBytes, Otel, HTTP),
        row(
            "http.request_content_length",
            F::RequestBytes,
            OtelOld,
            HTTP_OLD,
        ),
        row("http.response.body.size", F::ResponseBytes, Otel, HTTP),
        row(
            "http.response_content_length",
            F::ResponseBytes,
            OtelOld,
            HTTP_OLD,
        ),
        row("server.address", F::ServerAddress, Otel, HTTP),
        row("net.host.name", F::ServerAddress, OtelOld, HTTP_OLD),
        row("net.peer.name", F::ServerAddress, OtelOld, HTTP_OLD),
        row("server.port", F::ServerPort, Otel, HTTP),
        row("net.host.port", F::ServerPort, OtelOld, HTTP_OLD),
        row("net.peer.port", F::ServerPort, OtelOld, HTTP_OLD),
        row("error.type", F::ErrorType, Otel, HTTP),
        row("network.protocol.name", F::NetworkProtocol, Otel, HTTP),
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
        row("messaging.system", F::MessagingSystem, Otel, MESSAGING),
        row(
            "messaging.destination.name",
            F::MessagingDestination,
            Otel,
            MESSAGING,
        ),
        row(
            "messaging.destination",
            F::MessagingDestination,
            OtelOld,
            MESSAGING_OLD,
        ),
        row(
            "messaging.operation.type",
            F::MessagingOperation,
            Otel,
            MESSAGING,
        ),
        row(
            "messaging.operation",
            F::MessagingOperation,
            OtelOld,
            MESSAGING_OLD,
        ),
        row("rpc.system.name", F::RpcSystem, Otel, RPC),
        row("rpc.system", F::RpcSystem, OtelOld, RPC),
        row("rpc.service", F::RpcService, OtelOld, RPC),
        row("rpc.method", F::RpcMethod, Otel, RPC),
        row("gen_ai.operation.name", F::GenAiOperation, Otel, GEN_AI),
        row(
            "openinference.span.kind",
            F::GenAiKind,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row("traceloop.span.kind", F::GenAiKind, Traceloop, TRACELOOP),
        row("llm.request.type", F::GenAiKind, Traceloop, TRACELOOP),
        row("gen_ai.provider.name", F::GenAiProvider, Otel, GEN_AI),
        row("gen_ai.system", F::GenAiProvider, OtelOld, GEN_AI_OLD),
        row(
            "llm.provider",
            F::GenAiProvider,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row(
            "llm.system",
            F::GenAiProvider,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row("gen_ai.request.model", F::RequestModel, Otel, GEN_AI),
        row("gen_ai.response.model", F::ResponseModel, Otel, GEN_AI),
        row(
            "llm.model_name",
            F::ResponseModel,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row(
            "embedding.model_name",
            F::ResponseModel,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row("gen_ai.agent.name", F::AgentName, Otel, GEN_AI),
        row("agent.name", F::AgentName, OpenInference, OPEN_INFERENCE),
        row("agent_name", F::AgentName, Logfire, LOGFIRE),
        row("gen_ai.workflow.name", F::WorkflowName, Otel, GEN_AI),
        row(
            "traceloop.workflow.name",
            F::WorkflowName,
            Traceloop,
            TRACELOOP,
        ),
        row("gen_ai.tool.name", F::ToolName, Otel, GEN_AI),
        row("tool.name", F::ToolName, OpenInference, OPEN_INFERENCE),
        row("traceloop.entity.name", F::EntityName, Traceloop, TRACELOOP),
        row("gen_ai.conversation.id", F::Conversation, Otel, GEN_AI),
        row("session.id", F::Conversation, OpenInference, OPEN_INFERENCE),
        row("gen_ai.usage.input_tokens", F::InputTokens, Otel, GEN_AI),
        row(
            "gen_ai.usage.prompt_tokens",
            F::InputTokens,
            OtelOld,
            GEN_AI_OLD,
        ),
        row(
            "llm.token_count.prompt",
            F::InputTokens,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row("gen_ai.usage.output_tokens", F::OutputTokens, Otel, GEN_AI),
        row(
            "gen_ai.usage.completion_tokens",
            F::OutputTokens,
            OtelOld,
            GEN_AI_OLD,
        ),
        row(
            "llm.token_count.completion",
            F::OutputTokens,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row(
            "gen_ai.usage.cache_read.input_tokens",
            F::CacheReadTokens,
            Otel,
            GEN_AI,
        ),
        row(
            "gen_ai.usage.cache_read_input_tokens",
            F::CacheReadTokens,
            Traceloop,
            TRACELOOP,
        ),
        row(
            "llm.token_count.prompt_details.cache_read",
            F::CacheReadTokens,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row(
            "gen_ai.usage.cache_creation.input_tokens",
            F::CacheWriteTokens,
            Otel,
            GEN_AI,
        ),
        row(
            "gen_ai.usage.cache_creation_input_tokens",
            F::CacheWriteTokens,
            Traceloop,
            TRACELOOP,
        ),
        row(
            "llm.token_count.prompt_details.cache_write",
            F::CacheWriteTokens,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row(
            "gen_ai.usage.reasoning.output_tokens",
            F::ReasoningTokens,
            Otel,
            GEN_AI,
        ),
        row(
            "gen_ai.usage.reasoning_tokens",
            F::ReasoningTokens,
            Traceloop,
            TRACELOOP,
        ),
        row(
            "llm.token_count.completion_details.reasoning",
            F::ReasoningTokens,
            OpenInference,
            OPEN_INFERENCE,
        ),
        row(
            "gen_ai.response.time_to_first_chunk",
            F::FirstChunk,
            Otel,
            GEN_AI,
        ),
        row("mcp.method.name", F::McpMethod, Otel, MCP),
        row("asgi.event.type", F::AsgiEvent, OtelOld, ASGI),
    ]
};

/// The row of a name, and its place in [`TABLE`].
pub fn look_up(name: &str) -> Option<(usize, &'static Row)> {
    static PLACES: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
        let rows = TABLE.iter().enumerate();
        rows.map(|(place, row)| (row.name, place)).collect()
    });
    // Most attributes of most spans are in no row; their first byte says so.
    if !matches!(
        name.as_bytes().first(),
        Some(
            b'a' | b'd'
                | b'e'
                | b'g'
                | b'h'
                | b'l'
                | b'm'
                | b'n'
                | b'o'
                | b'r'
                | b's'
                | b't'
                | b'u'
        )
    ) {
        return None;
    }
    let place = *PLACES.get(name)?;
    Some((place, &TABLE[place]))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_found_and_stands_once() {
        let names: HashSet<&str> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), TABLE.len());
        for (place, row) in TABLE.iter().enumerate() {
            assert_eq!(look_up(row.name).map(|(found, _)| found), Some(place));
            assert!(!row.source.is_empty());
        }
        assert!(look_up("http.nonsense").is_none() && look_up("").is_none());
    }

    #[test]
    fn todays_names_stand_before_those_of_others() {
        for (place, row) in TABLE.iter().enumerate() {
            let later = &TABLE[place + 1..];
            let is_today =
                |other: &&Row| other.dialect == Dialect::Otel && other.field == row.field;
            if row.dialect != Dialect::Otel {
                assert!(!later.iter().any(|other| is_today(&other)), "{}", row.name);
            }
        }
    }
}
