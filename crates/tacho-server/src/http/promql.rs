//! The Prometheus HTTP API for questions, so that Grafana and whatever speaks to Prometheus takes
//! Tachograph for one.
//!
//! 1. Parameters come in the address or as a form in the body; those that are not known are
//!    ignored, as Prometheus does.
//! 2. Errors have Prometheus' shape ([`super::v1`]), status and words where it has them.
//!
//! In reading order: `form`, what is asked; `query`, answers to PromQL; `encode`, answers as JSON;
//! `series`, names and labels; `rules`, rules and alerts; `text`, queries as text and tree; `read` and
//! `federate`, samples for other servers; `metadata` and `targets`, what is known of metrics; `status`,
//! of this server.
//! Source: Prometheus "HTTP API", version 3.

mod encode;
mod federate;
mod form;
mod metadata;
mod query;
mod read;
mod rules;
mod series;
mod status;
mod targets;
mod text;

use std::fmt::Write as _;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use tacho_model::QueryError;
use tacho_promql::{Error, Features, Query, parse};

use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::query::QueryCtx;

/// The routes.
pub(crate) fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route(
            "/api/v1/query_exemplars",
            get(metadata::exemplars).post(metadata::exemplars),
        )
        .route("/api/v1/series", get(series::series).post(series::series))
        .route("/api/v1/labels", get(series::names).post(series::names))
        .route("/api/v1/label/{name}/values", get(series::values))
        .route("/api/v1/read", post(read::post))
        .route("/federate", get(federate::get))
        .route("/api/v1/metadata", get(metadata::metadata))
        .route(
            "/api/v1/format_query",
            get(text::formatted).post(text::formatted),
        )
        .route("/api/v1/parse_query", get(text::parsed).post(text::parsed))
        .route("/api/v1/targets/metadata", get(targets::metadata))
        .route("/api/v1/rules", get(rules::rules))
        .route("/api/v1/alerts", get(rules::alerts))
        .route("/api/v1/status/buildinfo", get(metadata::build_info))
        .route("/api/v1/status/runtimeinfo", get(status::runtime))
        .route("/api/v1/status/flags", get(status::flags))
        .route("/api/v1/status/config", get(status::config))
        .route("/api/v1/features", get(status::features))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/api/v1/status/walreplay", get(status::replay))
        .route("/api/v1/alertmanagers", get(status::alertmanagers))
        .route("/api/v1/notifications", get(status::notifications))
        .route(
            "/api/v1/admin/tsdb/delete_series",
            post(series::delete).put(series::delete),
        )
}

/// What stands before the data of a success: it is written behind this, because it may be large
/// and is not copied then.
fn begin() -> String {
    r#"{"status":"success","data":"#.to_owned()
}

/// A success: data behind [`begin`], and what is to be said beside it.
fn success(mut body: String, warnings: &[String], infos: &[String]) -> Response {
    for (name, told) in [("warnings", warnings), ("infos", infos)] {
        if !told.is_empty() {
            let told = serde_json::to_string(told).unwrap_or_default();
            let _ = write!(body, r#","{name}":{told}"#);
        }
    }
    body.push('}');
    let mut response = Response::new(Body::from(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// As Prometheus says that a parameter makes no sense.
fn invalid(parameter: &str, why: impl std::fmt::Display) -> Problem {
    Problem::bad_request(format!("invalid parameter \"{parameter}\": {why}"))
}

/// A query that may use what is switched on here; one that may not is told the switch.
fn parsed(ctx: &QueryCtx<'_>, text: &str) -> Answer<Query> {
    let features = ctx.settings.promql.features;
    parse(text, features).map_err(|error| {
        let needs_switch =
            features == Features::Stable && parse(text, Features::Experimental).is_ok();
        if needs_switch {
            return invalid("query", format!("{error} ({SWITCH} switches it on)"));
        }
        refused(error)
    })
}

/// What lets queries use what is experimental.
const SWITCH: &str = "promql.experimental_functions: true";

/// What became of a query.
fn refused(error: Error) -> Problem {
    match error {
        Error::Parse { .. } | Error::NoRange { .. } => invalid("query", error),
        Error::Steps(error) => invalid("end", error),
        Error::Execution(_) | Error::Query(QueryError::TooMuch { .. }) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
        }
        Error::Query(error) => error.into(),
    }
}

/// A success whose data is a value.
fn told(data: &impl serde::Serialize, warnings: &[String]) -> Answer<Response> {
    let data = serde_json::to_string(data).map_err(|error| Problem::internal(&error))?;
    Ok(success(begin() + &data, warnings, &[]))
}
