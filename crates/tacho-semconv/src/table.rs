//! Which attribute of which dialect says what: one row a name, each with its source.
//!
//! A new dialect is rows here. Where a span has two names for one thing, the one whose row stands
//! first counts: rows of the stable conventions stand before those of older ones and of vendors.

mod rows;

use std::sync::LazyLock;

use hashbrown::HashMap;

pub use self::rows::TABLE;

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
    /// The other end of a call that was made, where `server.address` did not exist yet.
    PeerAddress,
    /// `service.peer.name`: the service at the other end.
    PeerService,
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
    /// What Logfire's span is of, an agent or a tool.
    LogfireName,
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
    /// Tokens as the model's maker tells them, in JSON; see [`crate::usage`].
    Usage,
    /// `gen_ai.response.time_to_first_chunk`, seconds.
    FirstChunk,
    /// `mcp.method.name`.
    McpMethod,
    /// `network.protocol.name`.
    NetworkProtocol,
    /// Which message of ASGI a span is of, such as `websocket.receive`.
    AsgiEvent,
    /// Whether Logfire's span is one, or a line of its log.
    LogfireType,
}

impl Field {
    /// How many there are.
    pub const COUNT: usize = Self::LogfireType as usize + 1;
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

/// The row of a name, and its place in [`TABLE`].
pub fn look_up(name: &str) -> Option<(usize, &'static Row)> {
    static PLACES: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
        let rows = TABLE.iter().enumerate();
        rows.map(|(place, row)| (row.name, place)).collect()
    });
    // Most attributes of most spans are in no row; their first byte says so.
    if !matches!(
        name.as_bytes().first(),
        Some(b'a' | b'd'..=b'h' | b'l'..=b'u')
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
            assert!(row.name.is_ascii());
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
