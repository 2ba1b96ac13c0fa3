//! `GET /api/performance/health`, `/healthz`, `/readyz` and `POST /-/flush`.

mod exchange;

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tacho_model::Timestamp;
use utoipa::ToSchema;

use super::SCHEMA;
use super::alerts::AlertBody;
use super::params::Params;
use super::problem::{Answer, Problem};
use super::store::StoreBody;
use crate::allocator;
use crate::app::{App, SharedApp};
use crate::query::QueryCtx;

/// Collection is late when the newest tick is older than this many intervals.
const LATE_INTERVALS: u32 = 5;

/// How the program and what it watches are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthBody {
    schema: u32,
    /// `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    /// When, RFC 3339.
    timestamp: String,
    version: &'static str,
    uptime_seconds: f64,
    /// The program's parts.
    components: Vec<ComponentBody>,
    /// What the machine is doing, in a few numbers.
    performance: PerformanceBody,
    /// Alerts that fire now.
    alerts: Vec<AlertBody>,
    /// The store in numbers; with `verbose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<StoreBody>,
}

/// One part of the program.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ComponentBody {
    name: &'static str,
    /// `healthy`, `degraded` or `unhealthy`.
    status: &'static str,
    /// What is wrong, or with `verbose`, how it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What is wrong in particular, the first few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

impl ComponentBody {
    fn new(name: &'static str, status: &'static str, detail: Option<String>) -> Self {
        Self {
            name,
            status,
            detail,
            problems: Vec::new(),
        }
    }
}

/// A summary of performance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PerformanceBody {
    cpu_percent: Option<f64>,
    memory_percent: Option<f64>,
    load1: Option<f64>,
    series: u64,
    samples_accepted: u64,
    process_memory_mb: Option<f64>,
    process_cpu_percent: Option<f64>,
}

/// How the program and what it watches are; 503 when unhealthy.
#[utoipa::path(get, path = "/api/performance/health", tag = "health",
    params(("verbose" = Option<bool>, Query, description = "say how each part is")),
    responses((status = 200, body = HealthBody), (status = 503, body = HealthBody)))]
pub(crate) async fn get(State(app): State<SharedApp>, mut params: Params) -> Answer<Response> {
    let verbose = params.parsed("verbose", |text| match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("use true or false"),
    })?;
    params.finish()?;
    let verbose = verbose.unwrap_or(false);
    let body = app
        .blocking(move |app| Ok(body(app, Timestamp::now(), verbose)))
        .await?;
    let status = if body.status == "unhealthy" {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    Ok((status, Json(body)).into_response())
}

fn body(app: &App, now: Timestamp, verbose: bool) -> HealthBody {
    let mut components = vec![store(app, verbose), collection(app, now, verbose)];
    components.extend(verbose.then(|| otlp(app)));
    components.extend(exchange::scraping(app, verbose));
    components.extend(exchange::forwarding(app, now, verbose));
    let alerts = app.alerting.active();
    let worst = |status| {
        components
            .iter()
            .any(|component| component.status == status)
    };
    let critical = alerts
        .iter()
        .any(|alert| alert.severity == tacho_analysis::Severity::Critical);
    let status = if worst("unhealthy") {
        "unhealthy"
    } else if worst("degraded") || critical {
        "degraded"
    } else {
        "healthy"
    };
    let host = app.host.read();
    HealthBody {
        schema: SCHEMA,
        status,
        timestamp: now.to_rfc3339(),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.uptime().as_secs_f64(),
        components,
        performance: PerformanceBody {
            cpu_percent: host.cpu_percent,
            memory_percent: host.memory_percent,
            load1: host.load.map(|load| load[0]),
            series: app.store.stats().series,
            samples_accepted: app.samples_accepted(),
            process_memory_mb: host
                .own_resident_bytes
                .map(|bytes| bytes as f64 / 1_048_576.0),
            process_cpu_percent: host.own_cpu_percent,
        },
        alerts: alerts.iter().map(AlertBody::from).collect(),
        store: verbose.then(|| StoreBody::of(app)),
    }
}

fn store(app: &App, verbose: bool) -> ComponentBody {
    let stats = app.store.stats();
    let (status, detail) = match (app.refusing(), stats.quarantined.len()) {
        (Some(reason), _) => ("unhealthy", Some(reason)),
        (None, 0) => ("healthy", None),
        (None, parts) => (
            "degraded",
            Some(format!("{parts} damaged parts of files were set aside")),
        ),
    };
    let described = || {
        format!(
            "{} series, {} blocks, {} bytes",
            stats.series, stats.blocks, stats.disk_bytes
        )
    };
    let detail = detail.or_else(|| verbose.then(described));
    ComponentBody::new("store", status, detail)
}

fn collection(app: &App, now: Timestamp, verbose: bool) -> ComponentBody {
    let name = "collection";
    if !app.settings.collect.host {
        let detail = verbose.then(|| "switched off (collect.host: false)".to_owned());
        return ComponentBody::new(name, "healthy", detail);
    }
    if let Some(reason) = app.collection_refusal() {
        let detail = Some(format!("samples are not kept: {reason}"));
        return ComponentBody::new(name, "degraded", detail);
    }
    let age = now.since(app.last_tick());
    let limit = app.settings.collect.interval * LATE_INTERVALS + Duration::from_secs(1);
    if age > limit {
        let detail = Some(format!(
            "the newest sample is {:.1} s old",
            age.as_secs_f64()
        ));
        return ComponentBody::new(name, "degraded", detail);
    }
    let every = app.settings.collect.interval;
    let detail = verbose.then(|| format!("every {:.1} s", every.as_secs_f64()));
    ComponentBody::new(name, "healthy", detail)
}

/// Where OTLP is taken beside the main port.
fn otlp(app: &App) -> ComponentBody {
    let listening = &app.listening;
    let own = listening.sentence();
    let own = own.unwrap_or_else(|| "on the main port only".to_owned());
    let parts: Vec<String> = std::iter::once(own)
        .chain(listening.taken.clone())
        .collect();
    // The main port takes the same, so nothing is lost by one that is not there.
    ComponentBody::new("otlp", "healthy", Some(parts.join("; ")))
}

/// `/healthz`: the process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: data can be read and written.
pub(crate) async fn ready(State(app): State<SharedApp>) -> Result<&'static str, Problem> {
    match app.refusing() {
        None => Ok("ready\n"),
        Some(reason) => Err(Problem::unavailable(reason)),
    }
}

/// What a flush did.
#[derive(Debug, Serialize)]
pub(crate) struct FlushBody {
    schema: u32,
    /// Samples moved from memory into blocks.
    samples_flushed: u64,
    /// Blocks made of them.
    blocks_written: usize,
    /// How long it took.
    seconds: f64,
}

/// `POST /-/flush`: everything held in memory goes into its final form on disk.
pub(crate) async fn flush(State(app): State<SharedApp>) -> Answer<Json<FlushBody>> {
    let began = Instant::now();
    let flush = |app: &QueryCtx<'_>| {
        let done = app.store.flush()?;
        allocator::release();
        Ok(done)
    };
    let done = app.blocking(flush).await?;
    Ok(Json(FlushBody {
        schema: SCHEMA,
        samples_flushed: done.samples_flushed,
        blocks_written: done.blocks_written,
        seconds: began.elapsed().as_secs_f64(),
    }))
}

/// A path that is there, but not for this method.
pub(crate) async fn wrong_method(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let detail = format!("{} takes no {method} requests", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
