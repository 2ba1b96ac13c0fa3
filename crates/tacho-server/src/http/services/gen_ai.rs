//! `GET /api/performance/agents`, one of them, `tools` and `models`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use tacho_model::Timestamp;
use utoipa::ToSchema;

use super::bodies::{self, MeasuredBody, RangeBody};
use super::params::{self, Shared};
use crate::app::SharedApp;
use crate::http::SCHEMA;
use crate::http::params::Params;
use crate::http::problem::{Answer, Problem};
use crate::query::QueryCtx;
use crate::services::agents::{self, Agent, PerRun};
use crate::services::examples::Example;
use crate::services::models::{self, Model};
use crate::services::tools::{self, Tool};
use crate::services::usage::{self, Usage};
use crate::services::{Scope, names};

/// Agents, those with the most time spent first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentsBody {
    schema: u32,
    range: RangeBody,
    agents: Vec<AgentBody>,
    /// How many there are beyond the limit.
    more: usize,
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentBody {
    name: String,
    /// The service that runs it; the first of them, where several do.
    service: String,
    /// All services that run it.
    services: Vec<String>,
    #[serde(flatten)]
    measured: MeasuredBody,
    #[serde(flatten)]
    used: UsedBody,
    /// Calls of models a run.
    inference_calls: Option<PerRunBody>,
    /// Uses of tools a run.
    tool_calls: Option<PerRunBody>,
    /// RFC 3339.
    last_seen: Option<String>,
}

/// What was used; null where nobody told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsedBody {
    tokens: TokensBody,
    cost: Option<f64>,
    currency: String,
}

/// Tokens; null where nobody told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokensBody {
    input: Option<u64>,
    output: Option<u64>,
    /// Of the input.
    cache_read: Option<u64>,
    /// Of the input.
    cache_creation: Option<u64>,
    /// Of the output.
    reasoning: Option<u64>,
}

impl UsedBody {
    fn new(usage: Usage, currency: &str) -> Self {
        let whole = |tokens: Option<f64>| tokens.map(bodies::whole);
        Self {
            tokens: TokensBody {
                input: whole(usage.input),
                output: whole(usage.output),
                cache_read: whole(usage.cache_read),
                cache_creation: whole(usage.cache_creation),
                reasoning: whole(usage.reasoning),
            },
            cost: usage.cost,
            currency: currency.to_owned(),
        }
    }
}

/// How many of something a run has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PerRunBody {
    mean: Option<f64>,
    p95: Option<f64>,
}

impl From<PerRun> for PerRunBody {
    fn from(per_run: PerRun) -> Self {
        let PerRun { mean, p95 } = per_run;
        Self { mean, p95 }
    }
}

impl AgentBody {
    /// An agent, whose costs are in this currency.
    pub(crate) fn new(agent: Agent, currency: &str) -> Self {
        Self {
            name: agent.name,
            service: agent.services.first().cloned().unwrap_or_default(),
            services: agent.services,
            measured: agent.measured.into(),
            used: UsedBody::new(agent.usage, currency),
            inference_calls: agent.inference_calls.map(PerRunBody::from),
            tool_calls: agent.tool_calls.map(PerRunBody::from),
            last_seen: agent.last_seen.map(bodies::time),
        }
    }
}

/// One agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentDetailBody {
    schema: u32,
    range: RangeBody,
    #[serde(flatten)]
    agent: AgentBody,
    tools: Vec<UsedToolBody>,
    /// The models that its services called.
    models: Vec<ModelBody>,
    /// The newest that lead to a trace.
    runs: Vec<RunBody>,
}

/// A tool that an agent used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsedToolBody {
    #[serde(flatten)]
    tool: ToolBody,
    /// How often, as the agent's runs tell.
    uses: Option<u64>,
}

/// A run of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunBody {
    /// 32 hexadecimal digits.
    trace_id: String,
    /// RFC 3339.
    start: String,
    /// Seconds.
    duration: f64,
    failed: bool,
}

impl From<&Example> for RunBody {
    fn from(run: &Example) -> Self {
        let nanos = (run.value * 1e9).clamp(0.0, 1e18) as i64;
        // An exemplar's time is the end of its span.
        let start = Timestamp::from_nanos(run.time.as_nanos().saturating_sub(nanos));
        Self {
            trace_id: format!("{:032x}", run.trace_id),
            start: bodies::time(start),
            duration: run.value,
            failed: run.is_error,
        }
    }
}

/// Tools, those with the most time spent first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolsBody {
    schema: u32,
    range: RangeBody,
    tools: Vec<ToolBody>,
    /// How many there are beyond the limit.
    more: usize,
}

/// A tool.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolBody {
    name: String,
    service: String,
    /// `tool`, or `mcp` where only the Model Context Protocol's spans tell of it.
    kind: &'static str,
    /// Who used it.
    agents: Vec<String>,
    #[serde(flatten)]
    measured: MeasuredBody,
}

impl From<Tool> for ToolBody {
    fn from(tool: Tool) -> Self {
        Self {
            name: tool.name,
            service: tool.service,
            kind: tool.kind.as_str(),
            agents: tool.agents,
            measured: tool.measured.into(),
        }
    }
}

/// Models, those with the most time spent first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelsBody {
    schema: u32,
    range: RangeBody,
    models: Vec<ModelBody>,
    /// How many there are beyond the limit.
    more: usize,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelBody {
    name: String,
    provider: String,
    /// `chat`, `embeddings`, …
    operations: Vec<String>,
    services: Vec<String>,
    #[serde(flatten)]
    measured: MeasuredBody,
    #[serde(flatten)]
    used: UsedBody,
    /// Until the first part of an answer.
    time_to_first_chunk: Option<FirstChunkBody>,
}

/// Seconds until the first part of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FirstChunkBody {
    p50: Option<f64>,
    p95: Option<f64>,
}

impl ModelBody {
    /// A model, whose costs are in this currency.
    pub(crate) fn new(model: Model, currency: &str) -> Self {
        let first_chunk = |[p50, p95]: [Option<f64>; 2]| FirstChunkBody { p50, p95 };
        Self {
            name: model.name,
            provider: model.provider,
            operations: model.operations,
            services: model.services,
            measured: model.measured.into(),
            used: UsedBody::new(model.usage, currency),
            time_to_first_chunk: model.first_chunk.map(first_chunk),
        }
    }
}

/// The agents that ran in the window.
#[utoipa::path(get, path = "/api/performance/agents", tag = "services",
    params(("service" = Option<String>, Query, description = "of this service only"), Shared),
    responses((status = 200, body = AgentsBody), (status = 400, body = Problem)))]
pub(crate) async fn agents(
    State(app): State<SharedApp>,
    params: Params,
) -> Answer<Json<AgentsBody>> {
    let (service, scope) = params::of_service(params)?;
    let (found, currency) = app
        .blocking(move |ctx| {
            let querier = ctx.querier();
            let found = agents::agents(&querier, service.as_deref(), &scope)?;
            Ok((found, usage::currency(&querier)))
        })
        .await?;
    Ok(Json(AgentsBody {
        schema: SCHEMA,
        range: RangeBody::from(&scope),
        agents: found
            .rows
            .into_iter()
            .map(|agent| AgentBody::new(agent, &currency))
            .collect(),
        more: found.more,
    }))
}

/// One agent: its runs, tools and models.
#[utoipa::path(get, path = "/api/performance/agents/{name}", tag = "services",
    params(("name" = String, Path, description = "percent-encoded; nothing at all for those \
        without a name"),
        ("service" = Option<String>, Query, description = "of this service only"), Shared),
    responses((status = 200, body = AgentDetailBody), (status = 400, body = Problem),
        (status = 404, description = "it did not run in the window")))]
pub(crate) async fn agent(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<Json<AgentDetailBody>> {
    let (service, scope) = params::of_service(params)?;
    let body = app
        .blocking(move |ctx| one_agent(ctx, &name, service.as_deref(), &scope))
        .await?;
    Ok(Json(body))
}

/// The agents without a name.
pub(crate) async fn nameless(
    state: State<SharedApp>,
    params: Params,
) -> Answer<Json<AgentDetailBody>> {
    agent(state, Path(String::new()), params).await
}

fn one_agent(
    ctx: &QueryCtx<'_>,
    name: &str,
    service: Option<&str>,
    scope: &Scope,
) -> Answer<AgentDetailBody> {
    let querier = ctx.querier();
    let Some(found) = agents::agent(&querier, &ctx.store, name, service, scope)? else {
        let known = agents::names(&querier, scope)?;
        let near = names::suggestion(name, known.iter().map(String::as_str));
        let name: String = name.chars().take(bodies::NAME_CHARS_MAX).collect();
        let detail = format!("no agent `{name}` ran in this window{near}");
        return Err(Problem::not_found(detail));
    };
    let currency = usage::currency(&querier);
    let tool = |(tool, uses): (Tool, Option<f64>)| UsedToolBody {
        tool: tool.into(),
        uses: uses.map(bodies::whole),
    };
    Ok(AgentDetailBody {
        schema: SCHEMA,
        range: RangeBody::from(scope),
        agent: AgentBody::new(found.agent, &currency),
        tools: found.tools.rows.into_iter().map(tool).collect(),
        models: found
            .models
            .rows
            .into_iter()
            .map(|model| ModelBody::new(model, &currency))
            .collect(),
        runs: found.runs.iter().map(RunBody::from).collect(),
    })
}

/// The tools that were used in the window.
#[utoipa::path(get, path = "/api/performance/tools", tag = "services",
    params(("service" = Option<String>, Query, description = "of this service only"), Shared),
    responses((status = 200, body = ToolsBody), (status = 400, body = Problem)))]
pub(crate) async fn tools(State(app): State<SharedApp>, params: Params) -> Answer<Json<ToolsBody>> {
    let (service, scope) = params::of_service(params)?;
    let found = app
        .blocking(move |ctx| Ok(tools::tools(&ctx.querier(), service.as_deref(), &scope)?))
        .await?;
    Ok(Json(ToolsBody {
        schema: SCHEMA,
        range: RangeBody::from(&scope),
        tools: found.rows.into_iter().map(ToolBody::from).collect(),
        more: found.more,
    }))
}

/// The models that were called in the window.
#[utoipa::path(get, path = "/api/performance/models", tag = "services",
    params(("service" = Option<String>, Query, description = "of this service only"), Shared),
    responses((status = 200, body = ModelsBody), (status = 400, body = Problem)))]
pub(crate) async fn models(
    State(app): State<SharedApp>,
    params: Params,
) -> Answer<Json<ModelsBody>> {
    let (service, scope) = params::of_service(params)?;
    let (found, currency) = app
        .blocking(move |ctx| {
            let querier = ctx.querier();
            let found = models::models(&querier, service.as_deref(), &scope)?;
            Ok((found, usage::currency(&querier)))
        })
        .await?;
    Ok(Json(ModelsBody {
        schema: SCHEMA,
        range: RangeBody::from(&scope),
        models: found
            .rows
            .into_iter()
            .map(|model| ModelBody::new(model, &currency))
            .collect(),
        more: found.more,
    }))
}
