//! `GET /api/performance/services` and one of them, with everything about it.

pub(crate) mod bodies;
pub(crate) mod gen_ai;
pub(crate) mod others;
pub(crate) mod params;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use tacho_model::TimeRange;
use utoipa::ToSchema;

use self::bodies::{AverageBody, DependencyBody, EndpointBody, MeasuredBody, RangeBody, SizesBody};
use self::gen_ai::{AgentBody, ModelBody, ToolBody};
use self::others::{DatabaseBody, WebsocketBody};
use super::SCHEMA;
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::query::QueryCtx;
use crate::services::detail::{self, Service};
use crate::services::list::{self, ServiceRow};
use crate::services::stats::Origin;
use crate::services::{
    Scope, agents, databases, examples, models, names, source, tools, usage, websockets,
};

/// Services, those with the most time spent first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServicesBody {
    schema: u32,
    range: RangeBody,
    services: Vec<ServiceRowBody>,
    /// How many there are beyond the limit.
    more: usize,
}

/// A service in the list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceRowBody {
    name: String,
    /// What it does: `http`, `database`, `messaging`, `rpc`, `model`, `agent`, `workflow`, `tool`,
    /// `mcp`, `websocket`.
    kinds: Vec<&'static str>,
    #[serde(flatten)]
    measured: MeasuredBody,
    /// How many endpoints it has.
    endpoints: usize,
    /// Observations of operations that were too many to be told apart.
    overflow: u64,
    /// RFC 3339: the newest sample.
    last_seen: Option<String>,
    /// `spans`, `histograms` or `buckets`.
    source: Option<&'static str>,
}

impl From<ServiceRow> for ServiceRowBody {
    fn from(row: ServiceRow) -> Self {
        Self {
            name: row.name,
            kinds: row.kinds,
            source: row.measured.stats.origin.map(Origin::as_str),
            measured: row.measured.into(),
            endpoints: row.endpoints,
            overflow: bodies::whole(row.overflow),
            last_seen: row.last_seen.map(bodies::time),
        }
    }
}

/// One service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceBody {
    schema: u32,
    name: String,
    range: RangeBody,
    kinds: Vec<&'static str>,
    #[serde(flatten)]
    measured: MeasuredBody,
    /// Share of what happened in the last five minutes of the window that failed.
    error_rate_5m: Option<f64>,
    averages: AveragesBody,
    /// What it answers, those with the most time spent first.
    endpoints: Vec<EndpointBody>,
    /// How many there are beyond the limit.
    endpoints_more: usize,
    /// What it asks, as it sees it.
    dependencies: Vec<DependencyBody>,
    /// How many there are beyond the limit.
    dependencies_more: usize,
    agents: Vec<AgentBody>,
    tools: Vec<ToolBody>,
    models: Vec<ModelBody>,
    databases: Vec<DatabaseBody>,
    websockets: Vec<WebsocketBody>,
    /// Of the bodies of all requests and responses.
    sizes: SizesBody,
    /// Observations of operations that were too many to be told apart.
    overflow: u64,
    /// RFC 3339: the newest sample of the last day.
    last_seen: Option<String>,
}

/// Averages until the end of the window.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AveragesBody {
    #[serde(rename = "1h")]
    hour: AverageBody,
    #[serde(rename = "24h")]
    day: AverageBody,
}

/// The services that did something in the window.
#[utoipa::path(get, path = "/api/performance/services", tag = "services",
    params(params::Shared), responses((status = 200, body = ServicesBody), (status = 400, body = Problem)))]
pub(crate) async fn list(
    State(app): State<SharedApp>,
    mut params: Params,
) -> Answer<Json<ServicesBody>> {
    let scope = params::scope(&mut params)?;
    params.finish()?;
    let found = app
        .blocking(move |ctx| Ok(list::services(&ctx.querier(), &scope)?))
        .await?;
    Ok(Json(ServicesBody {
        schema: SCHEMA,
        range: RangeBody::from(&scope),
        services: found.rows.into_iter().map(ServiceRowBody::from).collect(),
        more: found.more,
    }))
}

/// One service: endpoints, dependencies, agents, sizes, averages.
#[utoipa::path(get, path = "/api/performance/services/{name}", tag = "services",
    params(("name" = String, Path, description = "percent-encoded; nothing at all for the one that \
        has no name"), params::Shared),
    responses((status = 200, body = ServiceBody), (status = 400, body = Problem),
        (status = 404, description = "nothing is known of it in the window or the day before")))]
pub(crate) async fn show(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    mut params: Params,
) -> Answer<Json<ServiceBody>> {
    let scope = params::scope(&mut params)?;
    params.finish()?;
    let body = app.blocking(move |ctx| service(ctx, name, &scope)).await?;
    Ok(Json(body))
}

/// The service that has no name.
pub(crate) async fn nameless(state: State<SharedApp>, params: Params) -> Answer<Json<ServiceBody>> {
    show(state, Path(String::new()), params).await
}

fn service(ctx: &QueryCtx<'_>, name: String, scope: &Scope) -> Answer<ServiceBody> {
    let querier = ctx.querier();
    let Some(found) = detail::service(&querier, &name, scope)? else {
        return Err(unknown(ctx, &name, scope));
    };
    let of = Some(name.as_str());
    let agents = agents::agents(&querier, of, scope)?;
    let tools = tools::tools(&querier, of, scope)?;
    let models = models::models(&querier, of, scope)?;
    let currency = usage::currency(&querier);
    let databases = databases::databases(&querier, of, scope)?;
    let websockets = websockets::websockets(&querier, of, scope)?;
    ctx.check()?;
    let examples = examples::of_service(&ctx.store, &name, scope.range)?;
    let Service {
        averages: [hour, day],
        endpoints,
        dependencies,
        ..
    } = found;
    let endpoint = |one: detail::Endpoint| {
        let key = (one.kind, one.name.clone());
        EndpointBody::new(one, examples.get(&key).map_or(&[][..], Vec::as_slice))
    };
    Ok(ServiceBody {
        schema: SCHEMA,
        range: RangeBody::from(scope),
        kinds: found.kinds,
        measured: found.measured.into(),
        error_rate_5m: found.error_rate_5m,
        averages: AveragesBody {
            hour: hour.into(),
            day: day.into(),
        },
        endpoints: endpoints.rows.into_iter().map(endpoint).collect(),
        endpoints_more: endpoints.more,
        dependencies: dependencies
            .rows
            .into_iter()
            .map(DependencyBody::from)
            .collect(),
        dependencies_more: dependencies.more,
        agents: agents
            .rows
            .into_iter()
            .map(|agent| AgentBody::new(agent, &currency))
            .collect(),
        tools: tools.rows.into_iter().map(ToolBody::from).collect(),
        models: models
            .rows
            .into_iter()
            .map(|model| ModelBody::new(model, &currency))
            .collect(),
        databases: databases.rows.into_iter().map(DatabaseBody::from).collect(),
        websockets: websockets
            .rows
            .into_iter()
            .map(WebsocketBody::from)
            .collect(),
        sizes: found.sizes.into(),
        overflow: bodies::whole(found.overflow),
        last_seen: found.last_seen.map(bodies::time),
        name,
    })
}

fn unknown(ctx: &QueryCtx<'_>, name: &str, scope: &Scope) -> Problem {
    let day = std::time::Duration::from_hours(24);
    let start = scope.range.start.min(scope.range.end - day);
    let range = TimeRange::new(start, scope.range.end);
    let known = match source::service_names(&ctx.querier(), range) {
        Ok(known) => known,
        Err(error) => return error.into(),
    };
    let near = names::suggestion(name, known.iter().map(String::as_str));
    let name: String = name.chars().take(bodies::NAME_CHARS_MAX).collect();
    Problem::not_found(format!(
        "nothing is known of a service `{name}` in this window or the day before its end{near}"
    ))
}
