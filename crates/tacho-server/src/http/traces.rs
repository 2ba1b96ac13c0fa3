//! Traces: found by what is in them, and read in pages.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use tacho_model::Timestamp;
use tacho_profile::Oddity;
use utoipa::ToSchema;

use super::SCHEMA;
use super::calls::OdditiesBody;
use super::params::Params;
use super::problem::{Answer, Problem};
use super::spans::{SpanBody, filter, limit, limit_of, trace_id};
use crate::app::SharedApp;
use crate::spans::find::{self, FoundSpan, TracePlace};
use crate::spans::search::{self, FoundTrace, TRACES_MAX};
use crate::spans::trees::{IsFirst, Places};

/// Traces of an answer when nothing is said.
const LIMIT: usize = 20;
/// Spans of a page of a trace when nothing is said.
const PAGE_LIMIT: usize = 5000;

/// Traces, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TracesBody {
    schema: u32,
    traces: Vec<FoundTraceBody>,
}

/// What there is to say of a trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FoundTraceBody {
    /// 32 hexadecimal digits.
    trace_id: String,
    /// Its first span; null while none has come that has no parent.
    root: Option<RootBody>,
    /// When its first span began, RFC 3339.
    start: String,
    /// Seconds from there to the end of its last span.
    duration: f64,
    /// How many spans it has.
    spans: u64,
    /// How many of them failed.
    errors: u64,
    /// Who took part, at most 64.
    services: Vec<String>,
    /// How many of its spans are such as were asked for.
    matched: u64,
}

/// The first span of a trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RootBody {
    service: String,
    name: String,
    /// What the same is called wherever it is done.
    operation: String,
}

impl From<FoundTrace> for FoundTraceBody {
    fn from(trace: FoundTrace) -> Self {
        Self {
            trace_id: format!("{:032x}", trace.trace_id),
            root: trace.root.map(|root| RootBody {
                service: root.service,
                name: root.name,
                operation: root.operation,
            }),
            start: trace.start.to_rfc3339(),
            duration: trace.duration.as_secs_f64(),
            spans: trace.spans,
            errors: trace.errors,
            services: trace.services.into_iter().collect(),
            matched: trace.matched,
        }
    }
}

/// The spans of a trace, in the order they began.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceBody {
    schema: u32,
    trace_id: String,
    spans: Vec<TraceSpanBody>,
    /// What is odd about the whole trace.
    oddities: OdditiesBody,
    /// The cursor of the next page.
    next: Option<String>,
}

/// A span and its place in its trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceSpanBody {
    #[serde(flatten)]
    span: SpanBody,
    /// How many spans are above it.
    depth: Option<u32>,
    /// Its duration without the time in which at least one span right below it ran; null while it is
    /// pending.
    self_seconds: Option<f64>,
    /// Whether it is responsible for a stretch of the trace's time.
    on_critical_path: Option<bool>,
    /// `cycle`, `duplicate`, `orphan`, `begins_before_parent`, `outlives_parent`; null for most.
    oddity: Option<&'static str>,
    /// Seconds by which it begins before, or ends after, its parent.
    oddity_seconds: Option<f64>,
}

impl TraceSpanBody {
    fn of(span: FoundSpan, places: &Places) -> Self {
        let place = places.get(&span);
        let oddity = place.and_then(|place| place.oddity);
        let (oddity, by) = match oddity {
            None => (None, None),
            Some(Oddity::Cycle) => (Some("cycle"), None),
            Some(Oddity::Duplicate) => (Some("duplicate"), None),
            Some(Oddity::Orphan) => (Some("orphan"), None),
            Some(Oddity::BeginsBeforeParent(by)) => (Some("begins_before_parent"), Some(by)),
            Some(Oddity::OutlivesParent(by)) => (Some("outlives_parent"), Some(by)),
        };
        let own = place.and_then(|place| place.self_time);
        Self {
            depth: place.map(|place| place.depth),
            self_seconds: own.map(|own| own.as_secs_f64()),
            on_critical_path: place.map(|place| place.is_critical),
            oddity,
            oddity_seconds: by.map(|by| by.as_secs_f64()),
            span: span.into(),
        }
    }
}

/// Traces that have a span that is such, the newest first.
#[utoipa::path(get, path = "/api/performance/traces", tag = "spans",
    params(("service" = Option<String>, Query, description = "the span's service, exactly"),
        ("operation" = Option<String>, Query, description = "its operation, exactly"),
        ("name" = Option<String>, Query, description = "its name, exactly"),
        ("min_duration" = Option<String>, Query, description = "`250ms`, or seconds"),
        ("max_duration" = Option<String>, Query, description = "`2s`, or seconds"),
        ("errors" = Option<bool>, Query, description = "only spans that failed"),
        ("attr" = Option<Vec<String>>, Query,
            description = "`key=value`, of the span or its resource; may be repeated"),
        ("from" = Option<String>, Query, description = "RFC 3339 or unix seconds"),
        ("to" = Option<String>, Query, description = "RFC 3339 or unix seconds"),
        ("window" = Option<String>, Query, description = "1h by default"),
        ("limit" = Option<usize>, Query, description = "20 by default, at most 1000")),
    responses((status = 200, body = TracesBody)))]
pub(crate) async fn search(
    State(app): State<SharedApp>,
    mut params: Params,
) -> Answer<Json<TracesBody>> {
    let limit = limit_of(&mut params, LIMIT, TRACES_MAX)?;
    let filter = filter(&mut params, limit)?;
    params.finish()?;
    let traces = app
        .blocking(move |ctx| Ok(search::search(&ctx.store, &filter, &|| ctx.check())?))
        .await?;
    Ok(Json(TracesBody {
        schema: SCHEMA,
        traces: traces.into_iter().map(FoundTraceBody::from).collect(),
    }))
}

/// The spans of one trace, in the order they began, each with its place in the trace.
#[utoipa::path(get, path = "/api/performance/traces/{id}", tag = "spans",
    params(("id" = String, Path, description = "32 hexadecimal digits"),
        ("limit" = Option<usize>, Query, description = "5000 by default, at most 10000"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = TraceBody), (status = 404, description = "no such trace")))]
pub(crate) async fn trace(
    State(app): State<SharedApp>,
    Path(id): Path<String>,
    mut params: Params,
) -> Answer<Json<TraceBody>> {
    let trace = trace_id(&id).map_err(Problem::bad_request)?;
    let limit = limit(&mut params, PAGE_LIMIT)?;
    let after = params.parsed("cursor", place)?;
    params.finish()?;
    let body = app
        .blocking(move |ctx| {
            ctx.check()?;
            let found = find::trace(&ctx.store, trace, after, limit)?;
            if found.spans.is_empty() && after.is_none() {
                return Err(unknown(trace));
            }
            let is_first = match after {
                None => IsFirst::Yes,
                Some(_) => IsFirst::No,
            };
            let check = || ctx.check();
            let trees = &ctx.trees;
            let places = trees.get(&ctx.store, trace, &found.spans, is_first, &check)?;
            if found.spans.is_empty() && places.is_empty() {
                return Err(unknown(trace));
            }
            let spans = found.spans.into_iter();
            let next = found.next;
            Ok(TraceBody {
                schema: SCHEMA,
                trace_id: format!("{trace:032x}"),
                spans: spans.map(|s| TraceSpanBody::of(s, &places)).collect(),
                oddities: places.oddities.into(),
                next: next.map(|place| format!("{}-{:x}", place.start.as_nanos(), place.span_id)),
            })
        })
        .await?;
    Ok(Json(body))
}

/// There is no such trace.
pub(crate) fn unknown(trace: u128) -> Problem {
    let detail = format!("there is no trace `{trace:032x}`, or it is older than what is kept");
    Problem::not_found(detail)
}

fn place(text: &str) -> Result<TracePlace, &'static str> {
    let parsed = text.split_once('-').and_then(|(start, id)| {
        Some(TracePlace {
            start: Timestamp::from_nanos(start.parse().ok()?),
            span_id: u64::from_str_radix(id, 16).ok()?,
        })
    });
    parsed.ok_or("take it from `next` of the page before")
}
