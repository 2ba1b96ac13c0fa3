//! What an operation was, read from the labels of its series, in whichever convention they are.
//!
//! The names of the conventions before are looked up behind those of today, so that the same code
//! reads series derived from spans and those of a service's own library. Source: OpenTelemetry
//! semantic conventions, HTTP, database, messaging, RPC and `GenAI`, with their migration guides; for
//! `method`, `uri`, `status` and `outcome`, Micrometer's `http.server.requests`.

use tacho_model::Labels;

/// What sort of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A request over HTTP.
    Http,
    /// A query.
    Database,
    /// A message sent or taken.
    Messaging,
    /// A remote call.
    Rpc,
    /// A call of a model.
    Model,
    /// A run of an agent.
    Agent,
    /// A run of a workflow of agents.
    Workflow,
    /// A tool used.
    Tool,
    /// The Model Context Protocol.
    Mcp,
    /// A connection that stays, or a message on it.
    Websocket,
    /// Anything else.
    Other,
}

impl Kind {
    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Database => "database",
            Self::Messaging => "messaging",
            Self::Rpc => "rpc",
            Self::Model => "model",
            Self::Agent => "agent",
            Self::Workflow => "workflow",
            Self::Tool => "tool",
            Self::Mcp => "mcp",
            Self::Websocket => "websocket",
            Self::Other => "other",
        }
    }
}

/// On which side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// It answers.
    Server,
    /// It asks.
    Client,
    /// Neither.
    Internal,
}

/// An operation, as its series tells it.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    labels: &'a Labels,
    service: &'a str,
    /// What sort.
    pub kind: Kind,
    /// On which side.
    pub side: Side,
}

/// The value of the first label that is there.
fn first<'a>(labels: &'a Labels, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| labels.get(name))
}

impl<'a> Operation<'a> {
    /// The operation of a series derived from spans.
    pub fn of_span(labels: &'a Labels) -> Self {
        let side = match labels.get("span_kind") {
            Some("SPAN_KIND_SERVER" | "SPAN_KIND_CONSUMER") => Side::Server,
            Some("SPAN_KIND_CLIENT" | "SPAN_KIND_PRODUCER") => Side::Client,
            _ => Side::Internal,
        };
        Self {
            labels,
            service: service(labels),
            kind: kind(labels),
            side,
        }
    }

    /// The operation of a series whose metric says what it is.
    pub fn of_metric(labels: &'a Labels, kind: Kind, side: Side) -> Self {
        Self {
            labels,
            service: service(labels),
            kind,
            side,
        }
    }

    /// The same, of a service that goes by another name.
    pub fn of_service(self, service: &'a str) -> Self {
        Self { service, ..self }
    }

    /// Any label.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.labels.get(name)
    }

    /// Whose it is; empty where nobody says.
    pub fn service(&self) -> &'a str {
        self.service
    }

    /// Whether it stands for all that were too many to have series of their own.
    pub fn is_overflow(&self) -> bool {
        self.get("otel_metric_overflow") == Some("true")
    }

    /// Whether it is one of its service's endpoints: [`Side::Server`] of one that it answers,
    /// [`Side::Internal`] of what it does by itself. What it asks others, how long its connections
    /// stay open, and what stands for operations that were too many, are none.
    pub fn endpoint(&self) -> Option<Side> {
        let is_none = self.is_overflow() || self.kind == Kind::Websocket;
        (!is_none && self.side != Side::Client).then_some(self.side)
    }

    /// Whether it is a message or the like on a WebSocket, not the connection as a whole.
    pub fn is_websocket_message(&self) -> bool {
        let event = self.get("websocket_event");
        event.is_some_and(|event| event != "connection")
    }

    /// `GET`, `POST`, …
    pub fn method(&self) -> Option<&'a str> {
        first(
            self.labels,
            &["http_request_method", "http_method", "method"],
        )
    }

    /// The route, identifiers left out.
    pub fn route(&self) -> Option<&'a str> {
        first(self.labels, &["http_route", "http_target", "uri"])
    }

    /// HTTP's or RPC's status.
    pub fn status(&self) -> Option<&'a str> {
        let names = ["http_response_status_code", "http_status_code", "status"];
        first(self.labels, &names)
    }

    /// Why it failed.
    pub fn error_type(&self) -> Option<&'a str> {
        self.get("error_type")
    }

    /// The database's sort.
    pub fn system(&self) -> Option<&'a str> {
        first(self.labels, &["db_system_name", "db_system"])
    }

    /// The database's name.
    pub fn namespace(&self) -> Option<&'a str> {
        first(self.labels, &["db_namespace", "db_name"])
    }

    /// The table, or what a database has in place of one.
    pub fn collection(&self) -> Option<&'a str> {
        let names = [
            "db_collection_name",
            "db_sql_table",
            "db_mongodb_collection",
        ];
        first(self.labels, &names)
    }

    /// What was done to it.
    pub fn query_operation(&self) -> Option<&'a str> {
        first(self.labels, &["db_operation_name", "db_operation"])
    }

    /// Who serves the model.
    pub fn provider(&self) -> Option<&'a str> {
        first(self.labels, &["gen_ai_provider_name", "gen_ai_system"])
    }

    /// The model that was asked for, or answered.
    pub fn model(&self) -> Option<&'a str> {
        first(
            self.labels,
            &["gen_ai_request_model", "gen_ai_response_model"],
        )
    }

    /// Whether it failed.
    pub fn is_error(&self) -> bool {
        if let Some(status) = self.get("status_code") {
            return status == "STATUS_CODE_ERROR";
        }
        if self.kind == Kind::Http {
            let status = self.status().and_then(|status| status.parse::<u16>().ok());
            if let Some(status) = status {
                let least = if self.side == Side::Server { 500 } else { 400 };
                return status >= least;
            }
        }
        let outcome = self.get("outcome");
        self.error_type().is_some() || outcome == Some("SERVER_ERROR")
    }

    /// What it is called.
    pub fn name(&self) -> String {
        if let Some(name) = self.get("span_name") {
            return name.to_owned();
        }
        let words = |words: &[Option<&str>]| {
            let words: Vec<&str> = words.iter().flatten().copied().collect();
            words.join(" ")
        };
        let name = match self.kind {
            Kind::Http => words(&[self.method(), self.route().or(self.get("server_address"))]),
            Kind::Database => match self.get("db_query_summary") {
                Some(summary) => summary.to_owned(),
                None if self.query_operation().or(self.collection()).is_some() => {
                    words(&[self.query_operation(), self.collection()])
                }
                None => words(&[self.system()]),
            },
            Kind::Model => words(&[self.get("gen_ai_operation_name"), self.model()]),
            Kind::Messaging => words(&[
                self.get("messaging_operation_name"),
                first(
                    self.labels,
                    &["messaging_destination_name", "messaging_destination"],
                ),
            ]),
            Kind::Rpc => match (self.get("rpc_service"), self.get("rpc_method")) {
                (Some(service), Some(method)) => format!("{service}/{method}"),
                (one, other) => words(&[one, other]),
            },
            _ => String::new(),
        };
        match name.as_str() {
            "" => self.kind.as_str().to_owned(),
            _ => name,
        }
    }

    /// What it depends on, for what asks others.
    pub fn dependency(&self) -> String {
        let told = match self.kind {
            Kind::Http => self.get("server_address").or(self.get("net_peer_name")),
            Kind::Database => {
                let system = self.system().unwrap_or("database");
                return match self.namespace() {
                    Some(namespace) => format!("{system}/{namespace}"),
                    None => system.to_owned(),
                };
            }
            Kind::Messaging => {
                let names = ["messaging_destination_name", "messaging_system"];
                first(self.labels, &names)
            }
            Kind::Rpc => self.get("rpc_service"),
            Kind::Model => self.model(),
            Kind::Tool => self.get("gen_ai_tool_name"),
            Kind::Mcp => self.get("gen_ai_tool_name").or(self.get("mcp_method_name")),
            _ => None,
        };
        told.map_or_else(|| self.name(), str::to_owned)
    }
}

/// Whose series it is: `service`, or what OpenTelemetry's metrics have in its place.
pub fn service(labels: &Labels) -> &str {
    first(labels, &["service", "service_name", "job"]).unwrap_or("")
}

/// The most telling label decides.
fn kind(labels: &Labels) -> Kind {
    let has = |name: &str| labels.get(name).is_some();
    if labels.get("network_protocol_name") == Some("websocket") || has("websocket_event") {
        return Kind::Websocket;
    }
    if has("mcp_method_name") {
        return Kind::Mcp;
    }
    match labels.get("gen_ai_operation_name") {
        Some("invoke_agent" | "create_agent") => return Kind::Agent,
        Some("invoke_workflow") => return Kind::Workflow,
        Some("execute_tool") => return Kind::Tool,
        Some(_) => return Kind::Model,
        None => {}
    }
    if has("db_system_name") {
        Kind::Database
    } else if has("messaging_system") {
        Kind::Messaging
    } else if has("rpc_system_name") {
        Kind::Rpc
    } else if has("http_request_method") || has("http_route") {
        Kind::Http
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(labels: &[(&str, &str)], expected: (Kind, Side, &str, bool)) {
        let labels = Labels::new(labels.iter().copied()).unwrap();
        let found = Operation::of_span(&labels);
        let all = (found.kind, found.side, found.dependency(), found.is_error());
        let (kind, side, name, is_error) = expected;
        assert_eq!(all, (kind, side, name.to_owned(), is_error));
    }

    #[test]
    fn what_a_span_was() {
        let client = ("span_kind", "SPAN_KIND_CLIENT");
        let failed = ("status_code", "STATUS_CODE_ERROR");
        check(
            &[
                client,
                ("http_request_method", "GET"),
                ("server_address", "b.example"),
                failed,
            ],
            (Kind::Http, Side::Client, "b.example", true),
        );
        check(
            &[
                client,
                ("db_system_name", "postgresql"),
                ("db_namespace", "shop"),
            ],
            (Kind::Database, Side::Client, "postgresql/shop", false),
        );
        check(
            &[
                ("gen_ai_operation_name", "execute_tool"),
                ("gen_ai_tool_name", "weather"),
            ],
            (Kind::Tool, Side::Internal, "weather", false),
        );
        check(
            &[
                client,
                ("gen_ai_operation_name", "chat"),
                ("gen_ai_request_model", "m"),
            ],
            (Kind::Model, Side::Client, "m", false),
        );
        check(
            &[
                ("span_kind", "SPAN_KIND_SERVER"),
                ("span_name", "x"),
                ("websocket_event", "send"),
            ],
            (Kind::Websocket, Side::Server, "x", false),
        );
    }

    #[test]
    fn names_and_outcomes_of_either_convention() {
        let check = |kind, side, labels: &[(&str, &str)], name: &str, is_error: bool| {
            let labels = Labels::new(labels.iter().copied()).unwrap();
            let found = Operation::of_metric(&labels, kind, side);
            assert_eq!((found.name().as_str(), found.is_error()), (name, is_error));
        };
        let (http, server, client) = (Kind::Http, Side::Server, Side::Client);
        let old = [
            ("http_method", "GET"),
            ("http_target", "/a"),
            ("http_status_code", "404"),
        ];
        check(http, server, &old, "GET /a", false);
        check(http, client, &old, "GET /a", true);
        let micrometer = [("method", "PUT"), ("uri", "/b"), ("status", "503")];
        check(http, server, &micrometer, "PUT /b", true);
        check(http, server, &[("error_type", "Timeout")], "http", true);
        let query = [
            ("db_operation_name", "SELECT"),
            ("db_collection_name", "users"),
        ];
        check(Kind::Database, client, &query, "SELECT users", false);
    }
}
