//! Baselines: list, make, show, invalidate, delete, compare.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tacho_analysis::AnalysisError;
use tacho_analysis::baseline::MetricBaseline;
use tacho_model::time::parse_duration;
use tacho_model::{METRIC_NAME, TimeRange, Timestamp};
pub(crate) use tacho_report::verdict::VerdictBody;
use utoipa::ToSchema;

use super::SCHEMA;
use super::body::{Whole, json};
use super::params::{Params, range_of};
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::baselines::{self, BaselineError, StoredBaseline};
use crate::series;

const WINDOW_DEFAULT: Duration = Duration::from_mins(5);

/// A list of baselines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BaselinesBody {
    schema: u32,
    /// The newest version of each.
    baselines: Vec<BaselineBody>,
}

/// One baseline.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BaselineBody {
    schema: u32,
    name: String,
    version: u32,
    /// Whose it is.
    target: String,
    /// RFC 3339.
    created_at: String,
    /// Whether comparisons may use it.
    valid: bool,
    /// Why not.
    invalid_reason: Option<String>,
    /// RFC 3339.
    from: String,
    /// RFC 3339.
    to: String,
    metrics: Vec<BaselineMetricBody>,
}

/// What is known of one metric.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BaselineMetricBody {
    metric: String,
    labels: BTreeMap<String, String>,
    unit: String,
    /// `cpu`, `memory`, `latency`, `error_rate`, `throughput` or `other`.
    kind: &'static str,
    /// How samples became values.
    agg: &'static str,
    n: usize,
    effective_n: Option<f64>,
    mean: Option<f64>,
    stddev: Option<f64>,
    median: Option<f64>,
    p5: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    /// What speaks against relying on it.
    findings: Vec<String>,
}

/// Verdicts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComparisonBody {
    schema: u32,
    /// With what was compared.
    baseline: BaselineBody,
    /// One a metric.
    verdicts: Vec<VerdictBody>,
}

impl From<&StoredBaseline> for BaselineBody {
    fn from(stored: &StoredBaseline) -> Self {
        let baseline = &stored.baseline;
        Self {
            schema: SCHEMA,
            name: baseline.name.clone(),
            version: baseline.version,
            target: baseline.target.clone(),
            created_at: baseline.created_at.to_rfc3339(),
            valid: stored.valid,
            invalid_reason: stored.invalid_reason.clone(),
            from: baseline.range.start.to_rfc3339(),
            to: baseline.range.end.to_rfc3339(),
            metrics: baseline
                .metrics
                .iter()
                .map(BaselineMetricBody::from)
                .collect(),
        }
    }
}

impl From<&MetricBaseline> for BaselineMetricBody {
    fn from(metric: &MetricBaseline) -> Self {
        let summary = &metric.summary;
        let finite = |value: f64| value.is_finite().then_some(value);
        let percentile = |p: f64| {
            let found = summary.percentiles.iter().find(|(at, _)| *at == p)?;
            finite(found.1)
        };
        let labels = metric
            .spec
            .labels
            .iter()
            .filter(|(name, _)| *name != METRIC_NAME);
        Self {
            metric: metric.spec.metric.clone(),
            labels: labels.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            unit: metric.spec.unit.as_str().to_owned(),
            kind: metric.spec.kind.as_str(),
            agg: metric.spec.function.as_str(),
            n: summary.n,
            effective_n: finite(summary.estimate.effective_n),
            mean: finite(summary.estimate.mean),
            stddev: finite(summary.sd),
            median: percentile(0.5),
            p5: percentile(0.05),
            p95: percentile(0.95),
            p99: percentile(0.99),
            min: finite(summary.min),
            max: finite(summary.max),
            findings: metric.findings.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What to measure.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateBody {
    name: String,
    /// RFC 3339 or unix seconds.
    from: Option<String>,
    /// RFC 3339 or unix seconds; now without.
    to: Option<String>,
    /// Length of the window; 5m without.
    window: Option<String>,
    /// Selectors; the host's key metrics and every latency without.
    #[serde(rename = "match", alias = "match[]", default)]
    selectors: Vec<String>,
}

/// What to compare.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CompareBody {
    /// RFC 3339 or unix seconds.
    from: Option<String>,
    /// RFC 3339 or unix seconds; now without.
    to: Option<String>,
    /// Length of the window; 5m without.
    window: Option<String>,
}

/// Why it is no longer to be used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvalidateBody {
    reason: String,
}

/// The newest version of every baseline.
#[utoipa::path(get, path = "/api/performance/baselines", tag = "baselines",
    responses((status = 200, body = BaselinesBody)))]
pub(crate) async fn list(State(app): State<SharedApp>) -> Answer<Json<BaselinesBody>> {
    let stored = app
        .blocking(|app| baselines::all(app).map_err(problem))
        .await?;
    let baselines = stored.iter().map(BaselineBody::from).collect();
    Ok(Json(BaselinesBody {
        schema: SCHEMA,
        baselines,
    }))
}

/// Measures a window of history and keeps it.
#[utoipa::path(post, path = "/api/performance/baselines", tag = "baselines",
    request_body = CreateBody,
    responses((status = 201, body = BaselineBody), (status = 400, body = Problem),
        (status = 422, body = Problem)))]
pub(crate) async fn create(
    State(app): State<SharedApp>,
    body: Whole,
) -> Answer<(StatusCode, Json<BaselineBody>)> {
    let body: CreateBody = json(&body)?;
    let now = Timestamp::now().align_down(super::INSTANT);
    let range = range(
        body.from.as_deref(),
        body.to.as_deref(),
        body.window.as_deref(),
        now,
    )?;
    let selectors = if body.selectors.is_empty() {
        Vec::new()
    } else {
        series::selectors(&body.selectors, &[])?
    };
    let made = app
        .blocking(move |app| {
            baselines::create(app, &body.name, range, &selectors, now).map_err(problem)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(BaselineBody::from(&made))))
}

/// A baseline.
#[utoipa::path(get, path = "/api/performance/baselines/{name}", tag = "baselines",
    params(("name" = String, Path), ("version" = Option<u32>, Query, description = "the newest without")),
    responses((status = 200, body = BaselineBody), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    mut params: Params,
) -> Answer<Json<BaselineBody>> {
    let version = params.number("version")?;
    params.finish()?;
    let stored = app.blocking(move |app| find(app, &name, version)).await?;
    Ok(Json(BaselineBody::from(&stored)))
}

/// Removes a baseline with its history.
#[utoipa::path(delete, path = "/api/performance/baselines/{name}", tag = "baselines",
    params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub(crate) async fn delete(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    params: Params,
) -> Answer<StatusCode> {
    params.finish()?;
    app.blocking(move |app| {
        find(app, &name, None)?;
        app.store.state().delete_baseline(&name)?;
        app.summary.baselines_changed();
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Says that a baseline is no longer to be used.
#[utoipa::path(post, path = "/api/performance/baselines/{name}/invalidate", tag = "baselines",
    params(("name" = String, Path)), request_body = InvalidateBody,
    responses((status = 200, body = BaselineBody), (status = 404, body = Problem)))]
pub(crate) async fn invalidate(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    params: Params,
    body: Whole,
) -> Answer<Json<BaselineBody>> {
    params.finish()?;
    let body: InvalidateBody = json(&body)?;
    let stored = app
        .blocking(move |app| {
            find(app, &name, None)?;
            app.store.state().invalidate_baseline(&name, &body.reason)?;
            app.summary.baselines_changed();
            find(app, &name, None)
        })
        .await?;
    Ok(Json(BaselineBody::from(&stored)))
}

/// Compares a window with a baseline.
#[utoipa::path(post, path = "/api/performance/baselines/{name}/compare", tag = "baselines",
    params(("name" = String, Path)), request_body = CompareBody,
    responses((status = 200, body = ComparisonBody), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn compare(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    params: Params,
    body: Whole,
) -> Answer<Json<ComparisonBody>> {
    params.finish()?;
    let body: CompareBody = json(&body)?;
    let now = Timestamp::now().align_down(super::INSTANT);
    let range = range(
        body.from.as_deref(),
        body.to.as_deref(),
        body.window.as_deref(),
        now,
    )?;
    let comparison = app
        .blocking(move |app| {
            let stored = find(app, &name, None)?;
            let verdicts =
                baselines::compare(app, &stored.baseline, range, now).map_err(problem)?;
            Ok(ComparisonBody {
                schema: SCHEMA,
                baseline: BaselineBody::from(&stored),
                verdicts: verdicts.iter().map(VerdictBody::from).collect(),
            })
        })
        .await?;
    Ok(Json(comparison))
}

fn find(app: &crate::app::App, name: &str, version: Option<u32>) -> Answer<StoredBaseline> {
    let found = baselines::get(app, name, version).map_err(problem)?;
    found.ok_or_else(|| problem(BaselineError::NotFound(name.to_owned())))
}

fn range(
    from: Option<&str>,
    to: Option<&str>,
    window: Option<&str>,
    now: Timestamp,
) -> Answer<TimeRange> {
    let bad = |error: tacho_model::time::TimeError| Problem::bad_request(error.to_string());
    let from = from.map(Timestamp::parse).transpose().map_err(bad)?;
    let to = to.map(Timestamp::parse).transpose().map_err(bad)?;
    let window = window.map(parse_duration).transpose().map_err(bad)?;
    range_of(from, to, window, WINDOW_DEFAULT, now)
}

/// The status of each way a baseline can fail.
pub(crate) fn problem(error: BaselineError) -> Problem {
    match error {
        BaselineError::Name | BaselineError::TooMany(_) => Problem::bad_request(error.to_string()),
        BaselineError::NotFound(_) => Problem::not_found(error.to_string()),
        BaselineError::Analysis(
            AnalysisError::Incomparable { .. } | AnalysisError::Expired { .. },
        ) => Problem::new(StatusCode::CONFLICT, error.to_string()),
        BaselineError::NoData(_) | BaselineError::Analysis(_) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
        }
        BaselineError::Series(error) => error.into(),
        BaselineError::Query(error) => error.into(),
        BaselineError::Store(error) => error.into(),
        BaselineError::Unreadable { .. } => Problem::internal(&error),
    }
}
