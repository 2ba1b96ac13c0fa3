//! `GET /api/performance/sources`: what came in, from where, and what became of it.

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
use crate::intake::SourceCounts;

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

/// What came in since the start, by protocol, signal and source, and what became of it.
#[utoipa::path(get, path = "/api/performance/sources", tag = "health",
    responses((status = 200, body = SourcesBody)))]
pub(crate) async fn get(State(app): State<SharedApp>, params: Params) -> Answer<Json<SourcesBody>> {
    params.finish()?;
    let requests = app.intake.requests().into_iter();
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
    }))
}

/// When counting began.
fn since(app: &SharedApp) -> String {
    let started: Timestamp = app.started;
    started.to_rfc3339()
}
