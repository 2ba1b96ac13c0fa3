//! Routes and handlers: one file a resource, each with its bodies beside it.
//!
//! The `OpenAPI` description is made from the same declarations as the routes, so the two cannot
//! differ.

pub(crate) mod alerts;
pub(crate) mod baselines;
pub(crate) mod body;
pub(crate) mod calls;
pub(crate) mod cleanup;
pub(crate) mod dashboard;
pub(crate) mod events;
pub(crate) mod grpc;
pub(crate) mod guard;
pub(crate) mod health;
pub(crate) mod influx;
pub(crate) mod limit;
pub(crate) mod metrics;
pub(crate) mod otlp;
pub(crate) mod page;
pub(crate) mod params;
pub(crate) mod peer;
pub(crate) mod problem;
pub(crate) mod prometheus;
mod promql;
pub(crate) mod pushgateway;
pub(crate) mod remote_write;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod services;
pub(crate) mod snapshot;
pub(crate) mod snapshots;
pub(crate) mod socket;
pub(crate) mod sources;
pub(crate) mod spans;
pub(crate) mod stats;
pub(crate) mod store;
pub(crate) mod system;
pub(crate) mod targets;
pub(crate) mod tokens;
pub(crate) mod traces;
pub(crate) mod v1;

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use tokio::sync::watch;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::SharedApp;

/// The version of every body of `/api/performance`.
pub(crate) const SCHEMA: u32 = 1;

/// How precise a "now" is that people read again.
pub(crate) const INSTANT: Duration = Duration::from_millis(1);

#[derive(OpenApi)]
#[openapi(info(
    title = "Tachograph",
    description = "How fast your software is, whether that changed, why, and how sure one can be."
))]
struct Description;

/// The API and its description.
fn api() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(metrics::get, metrics::post))
        .routes(routes!(dashboard::get))
        .routes(routes!(system::get))
        .routes(routes!(health::get))
        .routes(routes!(prometheus::get))
        .routes(routes!(alerts::get))
        .routes(routes!(rules::list))
        .routes(routes!(rules::put, rules::delete))
        .routes(routes!(sources::get))
        .routes(routes!(baselines::list, baselines::create))
        .routes(routes!(baselines::show, baselines::delete))
        .routes(routes!(baselines::invalidate))
        .routes(routes!(baselines::compare))
        .routes(routes!(spans::get))
        .routes(routes!(services::list))
        .routes(routes!(services::show))
        .routes(routes!(services::gen_ai::agents))
        .routes(routes!(services::gen_ai::agent))
        .routes(routes!(services::gen_ai::tools))
        .routes(routes!(services::gen_ai::models))
        .routes(routes!(services::others::databases))
        .routes(routes!(services::others::websockets))
        .routes(routes!(services::others::map))
        .routes(routes!(traces::search))
        .routes(routes!(traces::trace))
        .routes(routes!(calls::of_trace))
        .routes(routes!(calls::get))
        .routes(routes!(events::get))
        .routes(routes!(report::get))
        .routes(routes!(stats::test))
        .routes(routes!(stats::power))
        .routes(routes!(cleanup::post))
        .routes(routes!(snapshots::list, snapshots::create))
        .routes(routes!(snapshots::show, snapshots::delete))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
}

/// The `OpenAPI` description of `/api/performance`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().into_openapi()
}

/// Every route of the server. `closing` turns true when live connections must end.
pub(crate) fn router(app: SharedApp, closing: watch::Receiver<bool>) -> Router {
    let (api, description) = api().split_for_parts();
    let body_limit = DefaultBodyLimit::max(app.settings.server.body_bytes_max);
    api.route(
        "/api/openapi.json",
        get(move || async move { Json(description) }),
    )
    .route("/api/performance/services/", get(services::nameless))
    .route("/api/performance/agents/", get(services::gen_ai::nameless))
    .route("/api/v1/write", post(remote_write::post))
    .route("/api/v1/targets", get(targets::get))
    .route("/api/v1/scrape_pools", get(targets::pools))
    .route("/metrics", get(prometheus::get))
    .route("/metrics/{*path}", any(pushgateway::any))
    .route("/healthz", get(health::alive))
    .route("/readyz", get(health::ready))
    .route("/-/healthy", get(health::alive))
    .route("/-/ready", get(health::ready))
    .route("/-/flush", post(health::flush))
    .route("/-/snapshot", post(snapshot::post))
    .merge(promql::routes())
    .merge(influx::routes())
    .merge(socket::route(closing))
    .merge(otlp::routes())
    .merge(grpc::routes())
    .fallback(page::serve)
    .method_not_allowed_fallback(health::wrong_method)
    .layer(body_limit)
    .layer(middleware::from_fn_with_state(app.clone(), guard::check))
    .with_state(app)
}

/// The routes of the port for OTLP over HTTP.
pub(crate) fn otlp_router(app: SharedApp) -> Router {
    beside(otlp::routes().fallback(not_here), app)
}

/// The routes of the port for OTLP over gRPC.
pub(crate) fn grpc_router(app: SharedApp) -> Router {
    beside(grpc::routes().fallback(grpc::unknown), app)
}

fn beside(routes: Router<SharedApp>, app: SharedApp) -> Router {
    routes
        .route("/healthz", get(health::alive))
        .method_not_allowed_fallback(health::wrong_method)
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .with_state(app)
}

/// What is asked for of a port that takes OTLP only.
async fn not_here(uri: axum::http::Uri) -> problem::Problem {
    let detail = format!("{} is not here: this port takes OTLP only", uri.path());
    problem::Problem::not_found(detail)
}
