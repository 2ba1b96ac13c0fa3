//! Snapshots of all current values: take, list, read, remove.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tacho_model::time::parse_duration;
use tacho_model::{METRIC_NAME, MatchOp, Matcher, TimeRange, Timestamp};
use tacho_store::{SNAPSHOT_LOOKBACK, SnapshotInfo};
use utoipa::ToSchema;

use super::SCHEMA;
use super::body::{Whole, json};
use super::metrics::{SeriesBody, parse_function};
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::series::{self, PAGE_DEFAULT, SeriesQuery};

/// How a snapshot is to be taken.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TakeBody {
    /// What to call it; one with a name stays until it is deleted.
    name: Option<String>,
    /// How old a value may be; 5m without.
    lookback: Option<String>,
}

/// One snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SnapshotBody {
    id: String,
    name: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// How many series had a value.
    series: u64,
    /// Bytes on disk.
    bytes: u64,
    /// Time of its oldest value, RFC 3339.
    oldest: Option<String>,
    /// Time of its newest value, RFC 3339.
    newest: Option<String>,
}

/// A snapshot that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TakenBody {
    schema: u32,
    snapshot: SnapshotBody,
}

/// All snapshots.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SnapshotsBody {
    schema: u32,
    /// The newest first.
    snapshots: Vec<SnapshotBody>,
}

/// The values of a snapshot, a page of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValuesBody {
    schema: u32,
    snapshot: SnapshotBody,
    /// The series, sorted by labels, each with one point.
    series: Vec<SeriesBody>,
    /// The cursor of the next page.
    next: Option<String>,
}

impl From<&SnapshotInfo> for SnapshotBody {
    fn from(info: &SnapshotInfo) -> Self {
        Self {
            id: info.id.clone(),
            name: info.name.clone(),
            created_at: info.created.to_rfc3339(),
            series: info.series,
            bytes: info.bytes,
            oldest: info.range.map(|range| range.start.to_rfc3339()),
            newest: info.range.map(|range| range.end.to_rfc3339()),
        }
    }
}

/// All snapshots, the newest first.
#[utoipa::path(get, path = "/api/performance/snapshots", tag = "store",
    responses((status = 200, body = SnapshotsBody)))]
pub(crate) async fn list(
    State(app): State<SharedApp>,
    params: Params,
) -> Answer<Json<SnapshotsBody>> {
    params.finish()?;
    let held = app.blocking(|app| Ok(app.store.value_snapshots())).await?;
    let snapshots = held.iter().rev().map(SnapshotBody::from).collect();
    Ok(Json(SnapshotsBody {
        schema: SCHEMA,
        snapshots,
    }))
}

/// Keeps the newest value of every series that has not ended.
#[utoipa::path(post, path = "/api/performance/snapshots", tag = "store",
    request_body = TakeBody,
    responses((status = 201, body = TakenBody), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn create(
    State(app): State<SharedApp>,
    params: Params,
    body: Whole,
) -> Answer<(StatusCode, Json<TakenBody>)> {
    params.finish()?;
    let body: TakeBody = json(&body)?;
    let lookback = match &body.lookback {
        None => SNAPSHOT_LOOKBACK,
        Some(text) => parse_duration(text)
            .map_err(|error| Problem::bad_request(format!("lookback: {error}")))?,
    };
    let taken = app
        .blocking(move |app| {
            let name = body.name.as_deref();
            Ok(app
                .store
                .snapshot_values(name, Timestamp::now(), lookback)?)
        })
        .await?;
    let body = TakenBody {
        schema: SCHEMA,
        snapshot: SnapshotBody::from(&taken),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// The values of a snapshot.
#[utoipa::path(get, path = "/api/performance/snapshots/{id}", tag = "store",
    params(
        ("id" = String, Path, description = "its id, its name, or `latest`"),
        ("match[]" = Option<Vec<String>>, Query, description = "PromQL selectors; all without"),
        ("agg" = Option<String>, Query, description = "of histograms: avg, count, p50, p95 ..."),
        ("limit" = Option<usize>, Query, description = "series a page; 1000 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, body = ValuesBody), (status = 400, body = Problem),
        (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(app): State<SharedApp>,
    Path(id): Path<String>,
    mut params: Params,
) -> Answer<Json<ValuesBody>> {
    let matches = params.all("match[]");
    let selectors = if matches.is_empty() {
        let all = Matcher::new(METRIC_NAME, MatchOp::NotEqual, "");
        vec![vec![all.map_err(|error| Problem::internal(&error))?]]
    } else {
        series::selectors(&matches, &[])?
    };
    let mut query = SeriesQuery::new(selectors, TimeRange::ALL);
    query.function = params.parsed("agg", parse_function)?;
    query.limit = params.number("limit")?.unwrap_or(PAGE_DEFAULT).max(1);
    query.offset = params.number("cursor")?.unwrap_or(0);
    params.finish()?;
    let body = app
        .blocking(move |app| {
            let found = app.store.value_snapshot(&id)?;
            let snapshot = found.ok_or_else(|| missing(&id))?;
            // The window that a function looks at; its beginning is not part of it.
            if let Some(held) = snapshot.info().range {
                query.range = TimeRange::new(held.start - super::INSTANT, held.end);
            }
            let page = series::read(&app.bound(&snapshot), &query)?;
            Ok(ValuesBody {
                schema: SCHEMA,
                snapshot: SnapshotBody::from(snapshot.info()),
                series: page.series.into_iter().map(SeriesBody::from).collect(),
                next: page.next.map(|next| next.to_string()),
            })
        })
        .await?;
    Ok(Json(body))
}

/// Removes a snapshot.
#[utoipa::path(delete, path = "/api/performance/snapshots/{id}", tag = "store",
    params(("id" = String, Path, description = "its id, its name, or `latest`")),
    responses((status = 200, body = TakenBody), (status = 404, body = Problem)))]
pub(crate) async fn delete(
    State(app): State<SharedApp>,
    Path(id): Path<String>,
    params: Params,
) -> Answer<Json<TakenBody>> {
    params.finish()?;
    let removed = app
        .blocking(move |app| {
            let removed = app.store.remove_value_snapshot(&id)?;
            removed.ok_or_else(|| missing(&id))
        })
        .await?;
    Ok(Json(TakenBody {
        schema: SCHEMA,
        snapshot: SnapshotBody::from(&removed),
    }))
}

fn missing(id: &str) -> Problem {
    let id: String = id.chars().take(100).collect();
    Problem::not_found(format!("there is no snapshot `{id}`"))
}
