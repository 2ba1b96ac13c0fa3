//! `GET /api/performance/dashboard`: everything the page's first look needs.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tacho_model::span::Severity;
use tacho_model::{QueryError, TimeRange, Timestamp};
use utoipa::ToSchema;

use super::SCHEMA;
use super::alerts::AlertBody;
use super::baselines::VerdictBody;
use super::params::Params;
use super::problem::Answer;
use super::system::TopBody;
use crate::app::SharedApp;
use crate::events::{self, EventFilter, FoundEvent};
use crate::query::QueryCtx;
use crate::summary::Tile;

const WINDOW_DEFAULT: Duration = Duration::from_mins(5);
/// How far back events are marked, at least.
const ANNOTATIONS_WINDOW: Duration = Duration::from_hours(1);
/// Most events that are marked: more are a picture of nothing.
const ANNOTATIONS_MAX: usize = 20;
/// Longest name of a mark.
const NAME_CHARS_MAX: usize = 60;

/// The page's summary.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DashboardBody {
    schema: u32,
    /// RFC 3339.
    time: String,
    host: HostBody,
    state: StateBody,
    tiles: Vec<TileBody>,
    /// What fires.
    alerts: Vec<AlertBody>,
    /// Verdicts that are not stable.
    findings: Vec<VerdictBody>,
    /// What happened lately: events, and log records that are worth a mark.
    annotations: Vec<AnnotationBody>,
    top: TopBody,
    /// What Tachograph itself costs.
    #[serde(rename = "self")]
    own: OwnBody,
}

/// The machine.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostBody {
    name: String,
    cores: Option<usize>,
    kernel: Option<String>,
    memory_bytes: Option<u64>,
    boot_time: Option<String>,
}

/// How things are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StateBody {
    /// `ok`, `info`, `warning` or `critical`.
    level: &'static str,
    sentence: String,
    detail: String,
}

/// One figure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TileBody {
    id: &'static str,
    title: &'static str,
    metric: &'static str,
    value: Option<f64>,
    unit: &'static str,
    avg_1h: Option<f64>,
    avg_24h: Option<f64>,
    baseline: Option<NormalBody>,
    verdict: Option<TileVerdictBody>,
    /// Unix seconds and value.
    trend: Vec<(f64, Option<f64>)>,
}

/// What is normal for a figure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NormalBody {
    name: String,
    version: u32,
    /// 5th percentile.
    low: f64,
    /// 95th percentile.
    high: f64,
    median: f64,
}

/// How the last minutes compare with the baseline.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TileVerdictBody {
    answer: &'static str,
    severity: Option<&'static str>,
    leaning: Option<&'static str>,
    change_percent: Option<f64>,
    interval: Option<(f64, f64)>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnnotationBody {
    time: String,
    name: String,
}

impl From<FoundEvent> for AnnotationBody {
    fn from(event: FoundEvent) -> Self {
        let what = if event.name.is_empty() {
            event.body
        } else {
            event.name
        };
        let mut name: String = what.chars().take(NAME_CHARS_MAX).collect();
        if name.len() < what.len() {
            name.push('…');
        }
        if !event.service.is_empty() {
            name = format!("{}: {name}", event.service);
        }
        Self {
            time: event.time.to_rfc3339(),
            name,
        }
    }
}

/// What Tachograph itself costs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnBody {
    version: &'static str,
    series: u64,
    samples_per_second: f64,
    resident_bytes: Option<u64>,
    /// 100 is one core.
    cpu_percent: Option<f64>,
    disk_bytes: u64,
    uptime_seconds: f64,
    /// Time of the oldest sample, RFC 3339.
    oldest: Option<String>,
}

/// Everything the page's first look needs.
#[utoipa::path(get, path = "/api/performance/dashboard", tag = "host",
    params(("window" = Option<String>, Query, description = "of the tiles' courses; 5m by default")),
    responses((status = 200, body = DashboardBody)))]
pub(crate) async fn get(
    State(app): State<SharedApp>,
    mut params: Params,
) -> Answer<Json<DashboardBody>> {
    let window = params.duration("window")?.unwrap_or(WINDOW_DEFAULT);
    // There is one host so far; the parameter is part of the contract.
    let _services = params.all("services");
    params.finish()?;
    let body = app
        .blocking(move |app| Ok(body(app, window, app.last_tick())?))
        .await?;
    Ok(Json(body))
}

/// The newest events, as marks on the timeline.
fn annotations(
    app: &QueryCtx<'_>,
    window: Duration,
    now: Timestamp,
) -> Result<Vec<AnnotationBody>, QueryError> {
    let filter = EventFilter {
        range: TimeRange::last(window, now),
        texts: Vec::new(),
        trace: None,
        severity: Severity::Unspecified,
        limit: ANNOTATIONS_MAX,
    };
    let found = events::find(&app.store, &filter)?.into_iter();
    Ok(found.map(AnnotationBody::from).collect())
}

/// The body at `now`.
pub(crate) fn body(
    app: &QueryCtx<'_>,
    window: Duration,
    now: Timestamp,
) -> Result<DashboardBody, QueryError> {
    let summary = app.summary.summary(app, window, now);
    // What could not be read is absent there; what there was no time for is not.
    app.check()?;
    let name = app.host_name();
    let host = app.host.read();
    let stats = app.store.stats();
    let uptime = app.uptime().as_secs_f64();
    Ok(DashboardBody {
        schema: SCHEMA,
        time: summary.time.to_rfc3339(),
        host: HostBody {
            name,
            cores: host.cpu_cores,
            kernel: host.kernel.clone(),
            memory_bytes: host.memory_total_bytes,
            boot_time: host.boot_time.map(Timestamp::to_rfc3339),
        },
        state: StateBody {
            level: summary.state.level.as_str(),
            sentence: summary.state.sentence,
            detail: summary.state.detail,
        },
        tiles: summary.tiles.into_iter().map(TileBody::from).collect(),
        alerts: summary.alerts.iter().map(AlertBody::from).collect(),
        findings: summary.findings.iter().map(VerdictBody::from).collect(),
        annotations: annotations(app, window.max(ANNOTATIONS_WINDOW), now)?,
        top: TopBody::from(&*host),
        own: OwnBody {
            version: env!("CARGO_PKG_VERSION"),
            series: stats.series,
            samples_per_second: app.samples_accepted() as f64 / uptime.max(1.0),
            resident_bytes: host.own_resident_bytes,
            cpu_percent: host.own_cpu_percent,
            disk_bytes: stats.disk_bytes,
            uptime_seconds: uptime,
            oldest: stats.oldest.map(Timestamp::to_rfc3339),
        },
    })
}

impl From<Tile> for TileBody {
    fn from(tile: Tile) -> Self {
        let verdict = tile.verdict.as_ref();
        let finite = |(t, v): (Timestamp, f64)| (t.as_secs_f64(), v.is_finite().then_some(v));
        Self {
            id: tile.spec.id,
            title: tile.spec.title,
            metric: tile.spec.metric,
            value: tile.value,
            unit: tile.spec.unit,
            avg_1h: tile.averages[0],
            avg_24h: tile.averages[1],
            baseline: tile.baseline.map(|normal| NormalBody {
                name: normal.name,
                version: normal.version,
                low: normal.low,
                high: normal.high,
                median: normal.median,
            }),
            verdict: verdict.map(|verdict| TileVerdictBody {
                answer: verdict.answer.as_str(),
                severity: verdict.severity.map(tacho_analysis::Severity::as_str),
                leaning: verdict.leaning.map(tacho_analysis::verdict::Answer::as_str),
                change_percent: verdict.change_percent,
                interval: verdict
                    .interval
                    .map(|interval| (interval.low, interval.high)),
            }),
            trend: tile.trend.into_iter().map(finite).collect(),
        }
    }
}
