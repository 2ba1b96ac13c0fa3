//! `GET /api/performance/databases`, `websockets` and `map`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies::{self, MeasuredBody, RangeBody, StatsBody};
use super::params::{self, Shared};
use crate::app::SharedApp;
use crate::http::SCHEMA;
use crate::http::params::Params;
use crate::http::problem::{Answer, Problem};
use crate::services::databases::{self, Database, Query};
use crate::services::map::{self, Edge, Node};
use crate::services::websockets::{self, Websocket};

/// Databases, those with the most time spent first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatabasesBody {
    schema: u32,
    range: RangeBody,
    databases: Vec<DatabaseBody>,
    /// How many there are beyond the limit.
    more: usize,
}

/// A database, as one service sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatabaseBody {
    /// `postgresql`, `redis`, …
    system: String,
    namespace: String,
    service: String,
    #[serde(flatten)]
    measured: MeasuredBody,
    /// Those with the most time spent: 20, unless one service is asked for.
    queries: Vec<QueryBody>,
    /// How many there are beyond.
    queries_more: usize,
}

/// Queries of one form.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryBody {
    name: String,
    collection: Option<String>,
    operation: Option<String>,
    #[serde(flatten)]
    measured: MeasuredBody,
}

impl From<Query> for QueryBody {
    fn from(query: Query) -> Self {
        Self {
            name: query.name,
            collection: query.collection,
            operation: query.operation,
            measured: query.measured.into(),
        }
    }
}

impl From<Database> for DatabaseBody {
    fn from(database: Database) -> Self {
        Self {
            system: database.system,
            namespace: database.namespace,
            service: database.service,
            measured: database.measured.into(),
            queries: database
                .queries
                .rows
                .into_iter()
                .map(QueryBody::from)
                .collect(),
            queries_more: database.queries.more,
        }
    }
}

/// Routes that take `WebSockets`, those with the most messages first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebsocketsBody {
    schema: u32,
    range: RangeBody,
    websockets: Vec<WebsocketBody>,
    /// How many there are beyond the limit.
    more: usize,
}

/// A route that takes `WebSockets`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebsocketBody {
    service: String,
    route: String,
    /// Connections that are open at the end of the window.
    active: Option<u64>,
    /// Connections that ended in the window, and how long they were open.
    connections: MeasuredBody,
    received: Option<u64>,
    sent: Option<u64>,
    errors: Option<u64>,
}

impl From<Websocket> for WebsocketBody {
    fn from(websocket: Websocket) -> Self {
        let whole = |count: Option<f64>| count.map(bodies::whole);
        Self {
            service: websocket.service,
            route: websocket.route,
            active: whole(websocket.active),
            connections: websocket.connections.into(),
            received: whole(websocket.received),
            sent: whole(websocket.sent),
            errors: whole(websocket.errors),
        }
    }
}

/// Who calls whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MapBody {
    schema: u32,
    range: RangeBody,
    nodes: Vec<NodeBody>,
    edges: Vec<EdgeBody>,
    /// How many edges there are beyond the limit.
    more: usize,
}

/// Something that asks or answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeBody {
    name: String,
    /// `service`, `database`, `messaging` or `external`.
    kind: &'static str,
    /// A service's own; of anything else, those of the edges that end there.
    stats: Option<StatsBody>,
}

/// Somebody asks somebody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EdgeBody {
    client: String,
    server: String,
    /// What answers: `service`, `database`, `messaging` or `external`.
    kind: &'static str,
    count: u64,
    failed: u64,
    rate: f64,
    p50: Option<f64>,
    p95: Option<f64>,
}

impl From<Node> for NodeBody {
    fn from(node: Node) -> Self {
        Self {
            name: node.name,
            kind: node.kind,
            stats: node.stats.map(StatsBody::from),
        }
    }
}

impl From<Edge> for EdgeBody {
    fn from(edge: Edge) -> Self {
        let [p50, _, p95, ..] = edge.stats.quantiles;
        Self {
            client: edge.client,
            server: edge.server,
            kind: edge.kind,
            count: bodies::whole(edge.stats.count),
            failed: bodies::whole(edge.stats.errors),
            rate: edge.stats.rate,
            p50,
            p95,
        }
    }
}

/// The databases that were asked in the window.
#[utoipa::path(get, path = "/api/performance/databases", tag = "services",
    params(("service" = Option<String>, Query, description = "of this service only"), Shared),
    responses((status = 200, body = DatabasesBody), (status = 400, body = Problem)))]
pub(crate) async fn databases(
    State(app): State<SharedApp>,
    params: Params,
) -> Answer<Json<DatabasesBody>> {
    let (service, scope) = params::of_service(params)?;
    let found = app
        .blocking(move |ctx| {
            Ok(databases::databases(
                &ctx.querier(),
                service.as_deref(),
                &scope,
            )?)
        })
        .await?;
    Ok(Json(DatabasesBody {
        schema: SCHEMA,
        range: RangeBody::from(&scope),
        databases: found.rows.into_iter().map(DatabaseBody::from).collect(),
        more: found.more,
    }))
}

/// The `WebSockets` of the window.
#[utoipa::path(get, path = "/api/performance/websockets", tag = "services",
    params(("service" = Option<String>, Query, description = "of this service only"), Shared),
    responses((status = 200, body = WebsocketsBody), (status = 400, body = Problem)))]
pub(crate) async fn websockets(
    State(app): State<SharedApp>,
    params: Params,
) -> Answer<Json<WebsocketsBody>> {
    let (service, scope) = params::of_service(params)?;
    let found = app
        .blocking(move |ctx| {
            Ok(websockets::websockets(
                &ctx.querier(),
                service.as_deref(),
                &scope,
            )?)
        })
        .await?;
    Ok(Json(WebsocketsBody {
        schema: SCHEMA,
        range: RangeBody::from(&scope),
        websockets: found.rows.into_iter().map(WebsocketBody::from).collect(),
        more: found.more,
    }))
}

/// Who called whom in the window.
#[utoipa::path(get, path = "/api/performance/map", tag = "services", params(Shared),
    responses((status = 200, body = MapBody), (status = 400, body = Problem)))]
pub(crate) async fn map(State(app): State<SharedApp>, mut params: Params) -> Answer<Json<MapBody>> {
    let scope = params::scope(&mut params)?;
    params.finish()?;
    let found = app
        .blocking(move |ctx| Ok(map::map(&ctx.querier(), &scope)?))
        .await?;
    Ok(Json(MapBody {
        schema: SCHEMA,
        range: RangeBody::from(&scope),
        nodes: found.nodes.into_iter().map(NodeBody::from).collect(),
        edges: found.edges.into_iter().map(EdgeBody::from).collect(),
        more: found.more,
    }))
}
