//! Agents: how often they run, how long, with what success, and what that costs; their models and
//! tools.

use crate::alert::{Alert, Group};
use crate::dashboard::{Choice, Dashboard, Limits, Panel, Row, Unit, Variable};
use crate::expression::{AGENTS, ALL, CALLS, DURATION, RUNS, SERVICES};

/// The page's name in addresses.
pub(super) const UID: &str = "tachograph-agents";

/// Share of runs that fail.
const FAILED: Limits = Limits {
    warning: 0.1,
    critical: 0.3,
};
/// Seconds of the 95th percentile of runs.
const SLOW: Limits = Limits {
    warning: 60.0,
    critical: 300.0,
};
/// Share of a tool's uses, or of calls of a model, that fail.
const PART_FAILED: Limits = Limits {
    warning: 0.1,
    critical: 0.5,
};

const TOKENS: &str = "traces_span_metrics_gen_ai_usage_tokens_total";
const COST: &str = "traces_span_metrics_gen_ai_usage_cost_total";
const FIRST: &str = "traces_span_metrics_gen_ai_time_to_first_chunk_seconds";
const RUN_TOKENS: &str = "traces_span_metrics_gen_ai_invoke_agent_tokens_total";
const RUN_COST: &str = "traces_span_metrics_gen_ai_invoke_agent_cost_total";
const RUN_CALLS: &str = "traces_span_metrics_gen_ai_invoke_agent_inference_calls";
const RUN_TOOLS: &str = "traces_span_metrics_gen_ai_invoke_agent_tool_calls";
/// Calls of models.
const MODEL: &str =
    r#"gen_ai_operation_name=~"chat|text_completion|generate_content",gen_ai_request_model!="""#;
/// Uses of tools.
const TOOL: &str = r#"gen_ai_operation_name="execute_tool""#;
/// Calls of the Model Context Protocol.
const MCP: &str = r#"mcp_method_name!="""#;
/// Without those that are part of others.
const WHOLE: &str = r#"gen_ai_token_type=~"input|output""#;

const BY_AGENT: &str = "gen_ai_agent_name";
const BY_MODEL: &str = "gen_ai_request_model";
const BY_TOOL: &str = "gen_ai_tool_name";

pub(super) fn dashboard() -> Dashboard {
    let choice = |name, label, series, values_of| Variable {
        name,
        label,
        series,
        values_of,
        choice: Choice::Many,
    };
    let runs = "traces_span_metrics_calls_total{gen_ai_operation_name=\"invoke_agent\"}";
    Dashboard {
        uid: UID,
        title: "Tachograph / Agents",
        description: "Agents that send traces: runs, success, time, tokens, cost, models and \
            tools.",
        variables: vec![
            choice("service", "Service", runs, "service"),
            choice("agent", "Agent", runs, BY_AGENT),
        ],
        rows: vec![glance(), runs_of_each(), tokens(), models(), tools()],
    }
}

/// By the hour, of what is counted by the second.
fn hourly(expression: &str) -> String {
    format!("3600 * {expression}")
}

/// By the minute, of what is counted by the second.
fn minutely(expression: &str) -> String {
    format!("60 * {expression}")
}

fn glance() -> Row {
    let panels = vec![
        Panel::number("Runs a minute", Unit::Count)
            .rare()
            .query("runs", minutely(&AGENTS.rate_by("", CALLS, RUNS))),
        Panel::number("Success", Unit::Ratio)
            .rare()
            .help("Share of runs that did not fail.")
            .query("success", format!("1 - {}", AGENTS.error_rate("", RUNS))),
        Panel::number("Time of a run, median", Unit::Seconds)
            .rare()
            .query("p50", AGENTS.quantile("0.5", "", DURATION, RUNS)),
        Panel::number("Time of a run, p95", Unit::Seconds)
            .rare()
            .limits(SLOW)
            .query("p95", AGENTS.quantile("0.95", "", DURATION, RUNS)),
        Panel::number("Tokens a minute", Unit::Count)
            .rare()
            .help("Of runs, all calls of models below them included.")
            .query("tokens", minutely(&AGENTS.rate_by("", RUN_TOKENS, WHOLE))),
        Panel::number("Cost an hour", Unit::Count)
            .rare()
            .help(
                "Of runs, in the currency of the price table. Models without a price cost \
                nothing here.",
            )
            .query("cost", hourly(&AGENTS.rate_by("", RUN_COST, ""))),
    ];
    Row {
        title: "All that are chosen",
        panels,
    }
}

fn runs_of_each() -> Row {
    let name = "{{gen_ai_agent_name}}";
    let panels = vec![
        Panel::lines("Runs a minute", Unit::Count)
            .rare()
            .query(name, minutely(&AGENTS.rate_by(BY_AGENT, CALLS, RUNS))),
        Panel::lines("Failed runs", Unit::Ratio)
            .rare()
            .limits(FAILED)
            .query(name, AGENTS.error_rate(BY_AGENT, RUNS)),
        Panel::lines("Time of a run, p95", Unit::Seconds)
            .rare()
            .limits(SLOW)
            .query(name, AGENTS.quantile("0.95", BY_AGENT, DURATION, RUNS)),
        Panel::lines("Time of a run, median", Unit::Seconds)
            .rare()
            .query(name, AGENTS.quantile("0.5", BY_AGENT, DURATION, RUNS)),
        Panel::lines("Calls of models in a run, p95", Unit::Count)
            .rare()
            .help("An agent that asks again and again goes in a circle.")
            .query(name, AGENTS.quantile("0.95", BY_AGENT, RUN_CALLS, "")),
        Panel::lines("Uses of tools in a run, p95", Unit::Count)
            .rare()
            .query(name, AGENTS.quantile("0.95", BY_AGENT, RUN_TOOLS, "")),
    ];
    Row {
        title: "Runs",
        panels,
    }
}

fn tokens() -> Row {
    let by = "gen_ai_agent_name, gen_ai_token_type";
    let cached = AGENTS.rate_by(BY_AGENT, RUN_TOKENS, r#"gen_ai_token_type="cache_read""#);
    let input = AGENTS.rate_by(BY_AGENT, RUN_TOKENS, r#"gen_ai_token_type="input""#);
    let panels = vec![
        Panel::stack("Tokens a minute", Unit::Count)
            .rare()
            .help("Input has those of the cache in it, output those of reasoning.")
            .query(
                "{{gen_ai_agent_name}} {{gen_ai_token_type}}",
                minutely(&AGENTS.rate_by(by, RUN_TOKENS, WHOLE)),
            ),
        Panel::lines("Input from the cache", Unit::Ratio)
            .rare()
            .help("Share of the input that was cheap.")
            .max(1.0)
            .query("{{gen_ai_agent_name}}", format!("{cached} / {input}")),
        Panel::stack("Cost an hour", Unit::Count)
            .rare()
            .help("In the currency of the price table.")
            .query(
                "{{gen_ai_agent_name}}",
                hourly(&AGENTS.rate_by(BY_AGENT, RUN_COST, "")),
            ),
    ];
    Row {
        title: "Tokens and cost",
        panels,
    }
}

fn models() -> Row {
    let name = "{{gen_ai_request_model}}";
    let panels = vec![
        Panel::lines("Calls a minute", Unit::Count)
            .rare()
            .query(name, minutely(&SERVICES.rate_by(BY_MODEL, CALLS, MODEL))),
        Panel::lines("Failed calls", Unit::Ratio)
            .rare()
            .help("Rate limits among them.")
            .limits(PART_FAILED)
            .query(name, SERVICES.error_rate(BY_MODEL, MODEL)),
        Panel::lines("Time of a call, p95", Unit::Seconds)
            .rare()
            .query(name, SERVICES.quantile("0.95", BY_MODEL, DURATION, MODEL)),
        Panel::lines("Time to the first part of an answer, p95", Unit::Seconds)
            .rare()
            .help("Where spans tell it.")
            .query(name, SERVICES.quantile("0.95", BY_MODEL, FIRST, "")),
        Panel::stack("Tokens a minute", Unit::Count).rare().query(
            "{{gen_ai_request_model}} {{gen_ai_token_type}}",
            minutely(&SERVICES.rate_by("gen_ai_request_model, gen_ai_token_type", TOKENS, WHOLE)),
        ),
        Panel::stack("Cost an hour", Unit::Count)
            .rare()
            .help(
                "In the currency of the price table; nothing for a model that it does not \
                have.",
            )
            .query(name, hourly(&SERVICES.rate_by(BY_MODEL, COST, ""))),
    ];
    Row {
        title: "Models",
        panels,
    }
}

fn tools() -> Row {
    let name = "{{gen_ai_tool_name}}";
    let panels = vec![
        Panel::lines("Uses a minute", Unit::Count)
            .rare()
            .query(name, minutely(&SERVICES.rate_by(BY_TOOL, CALLS, TOOL))),
        Panel::lines("Failed uses", Unit::Ratio)
            .rare()
            .limits(PART_FAILED)
            .query(name, SERVICES.error_rate(BY_TOOL, TOOL)),
        Panel::lines("Time of a use, p95", Unit::Seconds)
            .rare()
            .query(name, SERVICES.quantile("0.95", BY_TOOL, DURATION, TOOL)),
        Panel::lines("Calls of the Model Context Protocol a minute", Unit::Count)
            .rare()
            .wide(12)
            .query(
                "{{mcp_method_name}} {{gen_ai_tool_name}}",
                minutely(&SERVICES.rate_by("mcp_method_name, gen_ai_tool_name", CALLS, MCP)),
            ),
        Panel::lines(
            "Time of a call of the Model Context Protocol, p95",
            Unit::Seconds,
        )
        .wide(12)
        .query(
            "{{mcp_method_name}} {{gen_ai_tool_name}}",
            SERVICES.quantile("0.95", "mcp_method_name, gen_ai_tool_name", DURATION, MCP),
        ),
    ];
    Row {
        title: "Tools",
        panels,
    }
}

pub(super) fn alerts() -> Group {
    let by = "service, gen_ai_agent_name";
    let (model, tool) = ("service, gen_ai_request_model", "service, gen_ai_tool_name");
    let time = ALL.quantile("0.95", by, DURATION, RUNS);
    let cost = |over| ALL.over(over).rate_by(by, RUN_COST, "");
    let alerts =
        vec![
        Alert::warning(UID, "AgentFails", ALL.error_rate(by, RUNS)).above(FAILED).says(
            "{{ $value | humanizePercentage }} of the runs of {{ $labels.gen_ai_agent_name }} \
                fail",
            "The page shows whether a model or a tool does.",
        ),
        Alert::warning(UID, "AgentSlow", format!("({time})")).above(SLOW).says(
            "One run of twenty of {{ $labels.gen_ai_agent_name }} takes longer than {{ $value \
                | humanizeDuration }}",
            "It asks models more often, or they or its tools take longer: the page tells them \
                apart.",
        ),
        Alert::warning(UID, "ModelFails", ALL.error_rate(model, MODEL)).above(PART_FAILED).says(
            "{{ $value | humanizePercentage }} of the calls of {{ \
                $labels.gen_ai_request_model }} fail",
            "Often a rate limit; spans say which error.",
        ),
        Alert::warning(UID, "ToolFails", ALL.error_rate(tool, TOOL)).above(PART_FAILED).says(
            "{{ $value | humanizePercentage }} of the uses of {{ $labels.gen_ai_tool_name }} \
                fail",
            "Agents try again, which takes time and tokens.",
        ),
        Alert::warning(UID, "AgentCostDoubled", format!("{} / {}", cost("1h"), cost("1d")))
            .when("> 2")
            .hold("15m")
            .says(
                "{{ $labels.gen_ai_agent_name }} costs {{ $value | printf \"%.1f\" }} times \
                    what it did in the mean of a day",
                "More runs, or longer ones: tokens and calls of models in a run are on the page.",
            ),
    ];
    Group {
        name: "tachograph-agents",
        about: "Agents, models and tools.",
        alerts,
    }
}
