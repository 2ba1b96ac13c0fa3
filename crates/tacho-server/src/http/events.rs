//! Events: what log records and programs say happened.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use tacho_model::span::Severity;
use tacho_model::{Matcher, Timestamp};
use utoipa::ToSchema;

use super::SCHEMA;
use super::params::Params;
use super::problem::Answer;
use super::spans::{limit, object, trace_id};
use crate::app::SharedApp;
use crate::events::{self, EventFilter, FoundEvent};

/// How far back is looked when nothing is said.
const WINDOW: Duration = Duration::from_hours(1);
/// Events of an answer when nothing is said.
const LIMIT: usize = 100;

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventBody {
    /// When it happened, RFC 3339.
    time: String,
    service: String,
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `unspecified`.
    severity: &'static str,
    /// What sort of event it is; empty for a log line.
    name: String,
    /// What is said, its first kilobyte.
    body: String,
    trace_id: Option<String>,
    span_id: Option<String>,
    /// What it says beside the body, by name.
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
}

/// Events, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventsBody {
    schema: u32,
    events: Vec<EventBody>,
}

impl From<FoundEvent> for EventBody {
    fn from(event: FoundEvent) -> Self {
        Self {
            time: event.time.to_rfc3339(),
            service: event.service,
            severity: event.severity.as_str(),
            name: event.name,
            body: event.body,
            trace_id: (event.trace_id != 0).then(|| format!("{:032x}", event.trace_id)),
            span_id: (event.span_id != 0).then(|| format!("{:016x}", event.span_id)),
            attributes: object(event.attributes),
        }
    }
}

/// Events in a range of time, the newest first.
#[utoipa::path(get, path = "/api/performance/events", tag = "events",
    params(("service" = Option<String>, Query, description = "the service, exactly"),
        ("name" = Option<String>, Query, description = "the sort of event, exactly"),
        ("trace" = Option<String>, Query, description = "the trace's id"),
        ("severity" = Option<String>, Query, description = "the least one"),
        ("from" = Option<String>, Query, description = "RFC 3339 or unix seconds"),
        ("to" = Option<String>, Query, description = "RFC 3339 or unix seconds"),
        ("window" = Option<String>, Query, description = "1h by default"),
        ("limit" = Option<usize>, Query, description = "100 by default, at most 10000")),
    responses((status = 200, body = EventsBody)))]
pub(crate) async fn get(
    State(app): State<SharedApp>,
    mut params: Params,
) -> Answer<Json<EventsBody>> {
    let text =
        |name: &'static str, value: Option<String>| value.map(|value| Matcher::equal(name, &value));
    let texts = [
        text("service", params.one("service")),
        text("name", params.one("name")),
    ];
    let filter = EventFilter {
        range: params.range(WINDOW, Timestamp::now())?,
        texts: texts.into_iter().flatten().collect(),
        trace: params.parsed("trace", trace_id)?,
        severity: params.parsed("severity", severity)?.unwrap_or_default(),
        limit: limit(&mut params, LIMIT)?,
    };
    params.finish()?;
    let found = app
        .blocking(move |ctx| {
            ctx.check()?;
            Ok(events::find(&ctx.store, &filter)?)
        })
        .await?;
    Ok(Json(EventsBody {
        schema: SCHEMA,
        events: found.into_iter().map(EventBody::from).collect(),
    }))
}

fn severity(text: &str) -> Result<Severity, &'static str> {
    let known = Severity::ALL.into_iter();
    let mut same = known.filter(|severity| severity.as_str() == text);
    same.next()
        .ok_or("use trace, debug, info, warn, error or fatal")
}
