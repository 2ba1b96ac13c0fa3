//! `GET` and `POST /api/performance/metrics`: series out, points in.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tacho_analysis::aggregate::Function;
use tacho_model::{METRIC_NAME, Timestamp};
use utoipa::ToSchema;

use super::SCHEMA;
use super::body::{self, Whole};
use super::params::Params;
use super::peer::Peer;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::ingest::IngestError;
use crate::intake::{Origin, Protocol, Signal};
use crate::otlp::unpack::Packing;
use crate::series::{self, PAGE_DEFAULT, SeriesPoints, SeriesQuery};

const WINDOW_DEFAULT: Duration = Duration::from_mins(5);

/// A page of series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesPageBody {
    schema: u32,
    /// The series, sorted by labels.
    series: Vec<SeriesBody>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// One series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesBody {
    /// The metric's name.
    name: String,
    /// All other labels.
    labels: BTreeMap<String, String>,
    /// One of the six kinds.
    kind: &'static str,
    /// UCUM unit.
    unit: String,
    /// Unix seconds and value; `null` where the value is not finite.
    points: Vec<(f64, Option<f64>)>,
}

impl From<SeriesPoints> for SeriesBody {
    fn from(series: SeriesPoints) -> Self {
        let labels = series
            .labels
            .iter()
            .filter(|(name, _)| *name != METRIC_NAME);
        let finite = |(t, v): (Timestamp, f64)| (t.as_secs_f64(), v.is_finite().then_some(v));
        Self {
            name: series.labels.name().to_owned(),
            labels: labels.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            kind: series.kind.as_str(),
            unit: series.unit.as_str().to_owned(),
            points: series.points.into_iter().map(finite).collect(),
        }
    }
}

/// Reads series: stored samples, or one point a step.
#[utoipa::path(get, path = "/api/performance/metrics", tag = "metrics",
    params(
        ("match[]" = Option<Vec<String>>, Query, description = "PromQL selectors"),
        ("name" = Option<String>, Query, description = "the metric's name"),
        ("service" = Option<String>, Query, description = "the label `service`"),
        ("source" = Option<String>, Query, description = "the label `source`"),
        ("from" = Option<String>, Query, description = "RFC 3339 or unix seconds"),
        ("to" = Option<String>, Query, description = "RFC 3339 or unix seconds; now by default"),
        ("window" = Option<String>, Query, description = "length of the range; 5m by default"),
        ("step" = Option<String>, Query, description = "one point a step; stored samples without"),
        ("agg" = Option<String>, Query, description = "avg min max sum last count stddev p50 p90 \
            p95 p99 p999 rate"),
        ("by" = Option<String>, Query, description = "comma-separated labels to keep"),
        ("limit" = Option<usize>, Query, description = "series a page; 1000 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, body = SeriesPageBody), (status = 400, body = Problem)))]
pub(crate) async fn get(
    State(app): State<SharedApp>,
    mut params: Params,
) -> Answer<Json<SeriesPageBody>> {
    let query = query_of(&mut params, Timestamp::now())?;
    params.finish()?;
    let page = app
        .blocking(move |app| Ok(series::read(&app.querier(), &query)?))
        .await?;
    Ok(Json(SeriesPageBody {
        schema: SCHEMA,
        series: page.series.into_iter().map(SeriesBody::from).collect(),
        next: page.next.map(|next| next.to_string()),
    }))
}

/// What the parameters of a series query say.
fn query_of(params: &mut Params, now: Timestamp) -> Answer<SeriesQuery> {
    let matches = params.all("match[]");
    let short = [
        ("__name__", "name"),
        ("service", "service"),
        ("source", "source"),
    ]
    .map(|(label, parameter)| (label, params.one(parameter)));
    let short: Vec<_> = short
        .iter()
        .map(|(label, value)| (*label, value.as_deref()))
        .collect();
    let selectors = series::selectors(&matches, &short)?;
    let mut query = SeriesQuery::new(selectors, params.range(WINDOW_DEFAULT, now)?);
    query.step = params.duration("step")?;
    query.function = params.parsed("agg", parse_function)?;
    query.by = params.raw("by").map(|by| {
        let names = by.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    });
    query.limit = params.number("limit")?.unwrap_or(PAGE_DEFAULT);
    if query.limit == 0 {
        return Err(Problem::bad_request(
            "limit: a page has at least one series",
        ));
    }
    query.offset = params.number("cursor")?.unwrap_or(0);
    Ok(query)
}

pub(crate) fn parse_function(text: &str) -> Result<Function, String> {
    let all = Function::ALL.map(Function::as_str).join(", ");
    Function::parse(text).ok_or_else(|| format!("`{text}` is no function; use one of {all}"))
}

/// What became of a list of points.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedBody {
    schema: u32,
    /// How many were kept.
    accepted: usize,
    /// The others.
    rejected: Vec<RejectedBody>,
}

/// A point that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectedBody {
    /// Its place in the list.
    index: usize,
    /// Why.
    reason: String,
}

/// Keeps metric points: one object or a list.
#[utoipa::path(post, path = "/api/performance/metrics", tag = "metrics",
    request_body(content = serde_json::Value, description = "one object or a list of {name, value, \
        type?, timestamp?, unit?, description?, service?, source?, tags?}"),
    responses((status = 200, body = AcceptedBody), (status = 207, body = AcceptedBody),
        (status = 400, body = AcceptedBody), (status = 413, body = Problem),
        (status = 415, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn post(
    State(app): State<SharedApp>,
    peer: Peer,
    headers: HeaderMap,
    body: Whole,
) -> Response {
    let answer = match body::packing(&headers) {
        Ok(packing) => take(&app, peer, packing, body).await.into_response(),
        Err(problem) => problem.into_response(),
    };
    app.intake
        .answered(Protocol::Json, answer.status().as_u16());
    answer
}

async fn take(app: &SharedApp, peer: Peer, packing: Packing, body: Whole) -> Answer<Response> {
    let outcome = app
        .blocking(move |app| {
            let mut buffer = Vec::new();
            let limit = app.settings.server.body_bytes_max;
            let body = body::unpacked(packing, &body, limit, &mut buffer)?;
            let points = tacho_wire::json::parse_points(body)
                .map_err(|error| Problem::bad_request(error.to_string()))?;
            let source = peer.to_string();
            let door = app.door(Origin::new(Protocol::Json, &source));
            let malformed = points.iter().filter(|point| point.is_err()).count();
            let kept = app
                .ingest
                .append(app.store.as_ref(), &door, points, Timestamp::now());
            door.refuse(Signal::Samples, "malformed", malformed);
            kept.map_err(|error| match error {
                IngestError::Append(error) => error.into(),
                IngestError::Query(error) => error.into(),
            })
        })
        .await?;
    let status = match (outcome.accepted, outcome.rejected.len()) {
        (_, 0) => StatusCode::OK,
        (0, _) => StatusCode::BAD_REQUEST,
        _ => StatusCode::MULTI_STATUS,
    };
    let rejected = outcome.rejected.into_iter();
    let body = AcceptedBody {
        schema: SCHEMA,
        accepted: outcome.accepted,
        rejected: rejected
            .map(|(index, reason)| RejectedBody { index, reason })
            .collect(),
    };
    Ok((status, Json(body)).into_response())
}
