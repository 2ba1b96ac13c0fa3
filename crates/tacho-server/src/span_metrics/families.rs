//! The metrics that are made of spans: names, kinds and units.
//!
//! Names of the OpenTelemetry span metrics and service graph connectors where they have one;
//! what the `GenAI` and HTTP conventions name stands under its own name behind
//! `traces_span_metrics_`, because instrumentations send the same metrics themselves and nobody may
//! add both up. For `WebSocket`s there is no convention
//! (`docs/decisions/0014-names-for-websockets.md`).

use tacho_model::{Kind, Metadata, Unit};

/// A metric that is made of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Family {
    /// Operations that ended.
    Calls,
    /// How long they took.
    Duration,
    /// Bodies of requests.
    RequestSize,
    /// Bodies of answers.
    ResponseSize,
    /// Tokens that models took and gave.
    Tokens,
    /// What they cost.
    Cost,
    /// Time until a model's first words.
    FirstChunk,
    /// Model calls of a run of an agent.
    RunInferenceCalls,
    /// Tool calls of a run of an agent.
    RunToolCalls,
    /// Tokens of runs of an agent.
    RunTokens,
    /// What runs of an agent cost.
    RunCost,
    /// Tools that runs of an agent used.
    RunToolUses,
    /// Calls from one service to another.
    EdgeRequests,
    /// Those that failed.
    EdgeFailed,
    /// How long they took for the caller.
    EdgeClient,
    /// How long they took for the one called.
    EdgeServer,
    /// How long `WebSocket`s were open.
    SocketDuration,
    /// Messages of `WebSocket`s.
    SocketMessages,
    /// `WebSocket`s and messages that failed.
    SocketErrors,
    /// `WebSocket`s that are open.
    SocketActive,
}

/// The labels of sizes: how large an answer is depends on the route, not on how it went.
pub(super) const OF_SIZES: [&str; 5] = [
    "service",
    "service_name",
    "span_kind",
    "http_request_method",
    "http_route",
];

/// A metric's name and what it means.
struct Row(Family, &'static str, Kind, &'static str, &'static str);

const ROWS: [Row; 20] = {
    use Family as F;
    use Kind::{Counter, Gauge, Histogram, Timing};
    [
        Row(
            F::Calls,
            "traces_span_metrics_calls_total",
            Counter,
            "1",
            "Spans that ended, each counted once.",
        ),
        Row(
            F::Duration,
            "traces_span_metrics_duration_seconds",
            Timing,
            "s",
            "How long spans took.",
        ),
        Row(
            F::RequestSize,
            "traces_span_metrics_http_request_body_size_bytes",
            Histogram,
            "By",
            "Bodies of HTTP requests, where spans tell.",
        ),
        Row(
            F::ResponseSize,
            "traces_span_metrics_http_response_body_size_bytes",
            Histogram,
            "By",
            "Bodies of answers to HTTP requests, where spans tell.",
        ),
        Row(
            F::Tokens,
            "traces_span_metrics_gen_ai_usage_tokens_total",
            Counter,
            "{token}",
            "Tokens that models took and gave, as their spans tell.",
        ),
        Row(
            F::Cost,
            "traces_span_metrics_gen_ai_usage_cost_total",
            Counter,
            "{currency}",
            "What tokens cost by the price table; models without a price are left out.",
        ),
        Row(
            F::FirstChunk,
            "traces_span_metrics_gen_ai_time_to_first_chunk_seconds",
            Timing,
            "s",
            "Time until the first part of a model's answer, where spans tell.",
        ),
        Row(
            F::RunInferenceCalls,
            "traces_span_metrics_gen_ai_invoke_agent_inference_calls",
            Histogram,
            "{inference_call}",
            "Calls of models in one run of an agent.",
        ),
        Row(
            F::RunToolCalls,
            "traces_span_metrics_gen_ai_invoke_agent_tool_calls",
            Histogram,
            "{tool_call}",
            "Calls of tools in one run of an agent.",
        ),
        Row(
            F::RunTokens,
            "traces_span_metrics_gen_ai_invoke_agent_tokens_total",
            Counter,
            "{token}",
            "Tokens of the model calls in runs of an agent.",
        ),
        Row(
            F::RunCost,
            "traces_span_metrics_gen_ai_invoke_agent_cost_total",
            Counter,
            "{currency}",
            "What the model calls in runs of an agent cost.",
        ),
        Row(
            F::RunToolUses,
            "traces_span_metrics_gen_ai_invoke_agent_tool_uses_total",
            Counter,
            "{tool_call}",
            "Calls of a tool in runs of an agent.",
        ),
        Row(
            F::EdgeRequests,
            "traces_service_graph_request_total",
            Counter,
            "1",
            "Calls from one service to another.",
        ),
        Row(
            F::EdgeFailed,
            "traces_service_graph_request_failed_total",
            Counter,
            "1",
            "Calls from one service to another that failed.",
        ),
        Row(
            F::EdgeClient,
            "traces_service_graph_request_client_seconds",
            Timing,
            "s",
            "How long calls took for the service that made them.",
        ),
        Row(
            F::EdgeServer,
            "traces_service_graph_request_server_seconds",
            Timing,
            "s",
            "How long calls took for the service that answered them.",
        ),
        Row(
            F::SocketDuration,
            "websocket_server_connection_duration_seconds",
            Timing,
            "s",
            "How long WebSockets were open.",
        ),
        Row(
            F::SocketMessages,
            "websocket_server_messages_total",
            Counter,
            "{message}",
            "Messages of WebSockets, by direction.",
        ),
        Row(
            F::SocketErrors,
            "websocket_server_errors_total",
            Counter,
            "{error}",
            "WebSockets and messages of them that failed.",
        ),
        Row(
            F::SocketActive,
            "websocket_server_active_connections",
            Gauge,
            "{connection}",
            "WebSockets that are open, as far as their spans tell.",
        ),
    ]
};

impl Family {
    /// All of them.
    pub(super) const ALL: [Self; ROWS.len()] = {
        let mut all = [Self::Calls; ROWS.len()];
        let mut place = 0;
        while place < ROWS.len() {
            all[place] = ROWS[place].0;
            place += 1;
        }
        all
    };

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Whether its series have a label of this name, where their spans do.
    pub(super) fn has(self, label: &str) -> bool {
        !matches!(self, Self::RequestSize | Self::ResponseSize) || OF_SIZES.contains(&label)
    }

    /// The metric's name.
    pub(super) fn name(self) -> &'static str {
        self.row().1
    }

    /// What it means; `currency` is that of prices.
    pub(super) fn metadata(self, currency: &str) -> Metadata {
        let Row(_, _, kind, unit, help) = self.row();
        let unit = match *unit {
            "{currency}" => currency,
            unit => unit,
        };
        Metadata {
            kind: *kind,
            unit: Unit::new(unit),
            help: (*help).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_the_row_of_its_number() {
        for (number, row) in ROWS.iter().enumerate() {
            assert_eq!(row.0 as usize, number, "{}", row.1);
            assert_eq!(row.0.metadata("USD").help, row.4);
        }
        assert_eq!(Family::Cost.metadata("EUR").unit.as_str(), "EUR");
    }
}
