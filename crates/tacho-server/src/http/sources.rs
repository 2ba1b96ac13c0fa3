//! `GET /api/performance/sources`: what came in, from where, and what became of it; how scraping
//! and forwarding go.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tacho_model::Timestamp;
use utoipa::ToSchema;

use super::SCHEMA;
use super::params::Params;
use super::problem::Answer;
use crate::app::SharedApp;
use crate::forward::status::{DestinationStatus, Said};
use crate::intake::SourceCounts;
use crate::scrape::{self, JobStatus};

/// What came in since the start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourcesBody {
    schema: u32,
    /// RFC 3339.
    since: String,
    /// By protocol, signal and source.
    sources: Vec<SourceBody>,
    /// Answers to requests that brought something.
    requests: Vec<RequestsBody>,
    /// What is scraped, by job.
    scraping: Vec<JobBody>,
    /// Where what was kept is sent on to.
    forwarding: Vec<DestinationBody>,
    /// What could not be made of spans.
    spans: SpansBody,
}

/// What could not be made of spans: they are kept all the same.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpansBody {
    /// Spans of agents and models since the start in dialects that are not understood, by dialect.
    unknown_dialects: BTreeMap<&'static str, u64>,
    /// Services whose spans have more names and labels than they may in an hour: what is beyond is
    /// counted together, as `otel_metric_overflow`.
    beyond_limit: Vec<String>,
}

/// What came from one source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceBody {
    /// `otlp`, `remote_write`, `scrape`, `pushgateway`, `statsd`, `influx`, `json` or `host`.
    protocol: &'static str,
    /// `samples`, `exemplars`, `spans` or `logs`.
    signal: &'static str,
    /// A service, a job or an address; whatever the protocol knows.
    source: String,
    /// All that came.
    received: u64,
    /// What was kept.
    accepted: u64,
    /// What a filter dropped.
    filtered: u64,
    /// What was refused, by reason.
    refused: BTreeMap<&'static str, u64>,
    /// What was older than a minute when it came.
    delayed: u64,
    /// Items a second, lately.
    rate: f64,
    /// When the last of it came, RFC 3339.
    last: String,
    /// How far behind its arrival the newest item was, in seconds.
    delay_seconds: Option<f64>,
}

impl From<SourceCounts> for SourceBody {
    fn from(counts: SourceCounts) -> Self {
        let tally = counts.tally;
        let behind = |newest| counts.last.since(newest).as_secs_f64();
        Self {
            protocol: counts.protocol.as_str(),
            signal: counts.signal.as_str(),
            source: counts.source.to_string(),
            received: tally.received(),
            accepted: tally.accepted,
            filtered: tally.filtered,
            delayed: tally.delayed,
            rate: counts.rate,
            last: counts.last.to_rfc3339(),
            delay_seconds: tally.newest.map(behind),
            refused: tally.refused,
        }
    }
}

/// How often requests of a protocol were answered with a status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestsBody {
    protocol: &'static str,
    status: u16,
    count: u64,
}

/// How a job of scraping goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobBody {
    job: String,
    /// How many targets it has.
    targets: usize,
    /// Of these, those whose last scrape went well.
    up: usize,
    /// Of these, those whose last scrape failed.
    down: usize,
    /// What is wrong, at most 20: with the job, then with targets that are down, then with others.
    problems: Vec<ProblemBody>,
    /// How many more problems there are.
    problems_more: usize,
}

/// What is wrong with a job or with one of its targets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemBody {
    /// The target's label `instance`; null where it is the job itself.
    instance: Option<String>,
    /// `up`, `down` or `unknown`.
    health: &'static str,
    error: String,
    /// When it was scraped, RFC 3339.
    last: Option<String>,
}

impl From<JobStatus> for JobBody {
    fn from(status: JobStatus) -> Self {
        let problems = status.problems.into_iter();
        Self {
            job: status.job,
            targets: status.targets,
            up: status.up,
            down: status.down,
            problems: problems
                .map(|problem| ProblemBody {
                    instance: problem.instance,
                    health: problem.health.as_str(),
                    error: problem.error,
                    last: problem.at.map(Timestamp::to_rfc3339),
                })
                .collect(),
            problems_more: status.problems_more,
        }
    }
}

/// Where what was kept is sent on to, and how that goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DestinationBody {
    name: String,
    /// Its address, without a query.
    url: String,
    /// `healthy`, `retrying`, `stuck` (nothing could be sent for 5 s) or `refusing` (something was
    /// refused for good in the last 5 minutes).
    state: &'static str,
    /// Items that it took since the start.
    sent: u64,
    /// Items that wait.
    waiting: u64,
    /// What they take on disk.
    waiting_bytes: u64,
    /// How long the oldest of them has waited.
    delay_seconds: f64,
    /// Items that will not arrive, by reason, since the start.
    dropped: BTreeMap<&'static str, u64>,
    /// Why nothing arrives, and since when; null while it does.
    error: Option<SaidBody>,
    /// What was refused for good last, and when.
    refusal: Option<SaidBody>,
}

/// What was said of a destination.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SaidBody {
    /// RFC 3339.
    at: String,
    detail: String,
}

impl From<Said> for SaidBody {
    fn from(said: Said) -> Self {
        Self {
            at: said.at.to_rfc3339(),
            detail: said.text,
        }
    }
}

impl From<DestinationStatus> for DestinationBody {
    fn from(status: DestinationStatus) -> Self {
        Self {
            name: status.name,
            url: status.address,
            state: status.state.as_str(),
            sent: status.sent,
            waiting: status.waiting,
            waiting_bytes: status.waiting_bytes,
            delay_seconds: status.delay.as_secs_f64(),
            dropped: status.dropped,
            error: status.trouble.map(Into::into),
            refusal: status.refusal.map(Into::into),
        }
    }
}

/// What came in since the start, by protocol, signal and source, and what became of it; what is
/// scraped, and what is sent on.
#[utoipa::path(get, path = "/api/performance/sources", tag = "health",
    responses((status = 200, body = SourcesBody)))]
pub(crate) async fn get(State(app): State<SharedApp>, params: Params) -> Answer<Json<SourcesBody>> {
    params.finish()?;
    let requests = app.intake.requests().into_iter();
    let destinations = app.forward.status(Timestamp::now()).into_iter();
    let jobs = scrape::jobs(&app).unwrap_or_default();
    Ok(Json(SourcesBody {
        schema: SCHEMA,
        since: since(&app),
        sources: app.intake.sources().into_iter().map(Into::into).collect(),
        requests: requests
            .map(|(protocol, status, count)| RequestsBody {
                protocol: protocol.as_str(),
                status,
                count,
            })
            .collect(),
        scraping: jobs.into_iter().map(Into::into).collect(),
        forwarding: destinations.map(Into::into).collect(),
        spans: SpansBody {
            unknown_dialects: app.span_metrics.unknown_dialects(),
            beyond_limit: app
                .span_metrics
                .beyond_limit()
                .iter()
                .map(ToString::to_string)
                .collect(),
        },
    }))
}

/// When counting began.
fn since(app: &SharedApp) -> String {
    let started: Timestamp = app.started;
    started.to_rfc3339()
}
