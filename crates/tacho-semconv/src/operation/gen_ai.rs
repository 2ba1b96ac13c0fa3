//! Agents, tools and models, whichever dialect tells of them.
//!
//! Spans that only repeat what others tell, such as those of turns with the sum of their calls'
//! tokens, are nothing of their own. Neither are handoffs from agent to agent.

use std::borrow::Cow;

use tacho_model::span::SpanKind;

use super::{Model, Operation, Tokens, Told};
use crate::reading::Reading;
use crate::table::Field;
use crate::usage;

/// The scope of both instrumentations of `OpenAI`'s agents that name spans alike: Traceloop's, and
/// OpenTelemetry's "openai-agents-v2".
const AGENTS: &str = "opentelemetry.instrumentation.openai_agents";
/// That of `OpenInference`.
const AGENTS_OF_OPEN_INFERENCE: &str = "openinference.instrumentation.openai_agents";

/// What sort of operation a word of some dialect means.
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

/// What the names of spans say of Logfire and Pydantic AI, whose attributes do not. Logfire's names
/// are templates, `Agent run: {name!r}`, and what belongs into them is the attribute `name`; seen
/// with logfire 5.2.
fn sort_by_name<'s>(reading: &Reading<'s, '_>) -> Option<(Sort, Option<Cow<'s, str>>)> {
    let span = reading.span;
    if span.scope == "pydantic-ai" {
        return match span.name {
            "agent run" => Some((Sort::Agent, None)),
            "running tool" => Some((Sort::Tool, None)),
            _ => None,
        };
    }
    if !span.scope.starts_with("logfire") {
        return None;
    }
    let begins = |starts: &[&str]| starts.iter().any(|start| span.name.starts_with(start));
    let sort = if begins(&["OpenAI Agents trace: "]) {
        Sort::Workflow
    } else if begins(&["Agent run: "]) {
        Sort::Agent
    } else if begins(&["Function: "]) {
        Sort::Tool
    } else if begins(&[
        "Chat completion with ",
        "Chat Completion with ",
        "Responses API",
    ]) {
        return Some((Sort::Model("chat"), None));
    } else {
        return None;
    };
    let filled_in = || {
        let (_, name) = span.name.split_once(": ")?;
        Some(Cow::Borrowed(name.trim_matches(['\'', '"'])))
    };
    Some((sort, reading.text(Field::LogfireName).or_else(filled_in)))
}

/// What the attributes of a span say it was.
fn told_sort(reading: &Reading<'_, '_>) -> Option<Sort> {
    let told = |field| sort_of(&reading.text(field)?);
    let sort = told(Field::GenAiOperation).or_else(|| told(Field::GenAiKind))?;
    let span = reading.span;
    Some(match sort {
        // The run of all agents is told as one of them, without its name.
        Sort::Agent
            if !reading.has(Field::AgentName)
                && (span.scope == AGENTS_OF_OPEN_INFERENCE && span.parent_id == 0
                    || span.scope == AGENTS && span.kind == SpanKind::Server) =>
        {
            Sort::Workflow
        }
        sort => sort,
    })
}

/// Whether a span is of a handoff, which `OpenInference` tells as a tool.
fn is_handoff(reading: &Reading<'_, '_>) -> bool {
    reading.span.scope == AGENTS_OF_OPEN_INFERENCE
        && reading.span.name.starts_with("handoff ")
        && !reading.has(Field::ToolName)
}

pub(super) fn gen_ai<'s>(reading: &Reading<'s, '_>) -> Option<Operation<'s>> {
    if is_handoff(reading) {
        return None;
    }
    let (sort, name) = match told_sort(reading) {
        Some(sort) => (sort, None),
        None => sort_by_name(reading)?,
    };
    let named = |field, suffix: &str| {
        let told = reading.text(field).or(name.clone());
        // Traceloop names its entity; the span's own name is better than none.
        told.or_else(|| reading.text(Field::EntityName))
            .unwrap_or_else(|| {
                let name = reading.span.name;
                Cow::Borrowed(name.strip_suffix(suffix).unwrap_or(name))
            })
    };
    Some(match sort {
        Sort::Agent => Operation::Agent(named(Field::AgentName, ".agent")),
        Sort::Tool => Operation::Tool(named(Field::ToolName, ".tool")),
        Sort::Workflow => Operation::Workflow(named(Field::WorkflowName, ".workflow")),
        Sort::Model(operation) => Operation::Model(model(reading, operation)),
    })
}

fn model<'s>(reading: &Reading<'s, '_>, operation: &'static str) -> Model<'s> {
    let raw = reading.text(Field::Usage);
    let raw = raw.map_or_else(Tokens::default, |usage| usage::tokens(&usage));
    let first_chunk = reading.number(Field::FirstChunk);
    Model {
        told: if reading.is_log() {
            Told::Tokens
        } else {
            Told::Call
        },
        operation,
        provider: reading.text(Field::GenAiProvider),
        request_model: reading.text(Field::RequestModel),
        response_model: reading.text(Field::ResponseModel),
        tokens: Tokens {
            input: reading.count(Field::InputTokens).or(raw.input),
            output: reading.count(Field::OutputTokens).or(raw.output),
            cache_read: reading.count(Field::CacheReadTokens).or(raw.cache_read),
            cache_write: reading.count(Field::CacheWriteTokens).or(raw.cache_write),
            reasoning: reading.count(Field::ReasoningTokens).or(raw.reasoning),
        },
        first_chunk: first_chunk.filter(|secs| *secs >= 0.0),
    }
}
