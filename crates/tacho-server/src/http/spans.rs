//! Spans as they were received.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json_, json};
use tacho_model::time::parse_duration;
use tacho_model::{Matcher, Timestamp};
use utoipa::ToSchema;

use super::SCHEMA;
use super::params::Params;
use super::problem::{Answer, Problem};
use crate::app::SharedApp;
use crate::spans::filter::SpanFilter;
use crate::spans::find::{self, FoundSpan, SPANS_MAX, Value};

use std::time::Duration;

/// How far back is looked when nothing is said.
const WINDOW: Duration = Duration::from_hours(1);
/// Spans of an answer when nothing is said.
const LIMIT: usize = 100;
/// Most attributes that one search may name.
const ATTRIBUTES_MAX: usize = 16;

/// A span.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpanBody {
    /// 32 hexadecimal digits.
    trace_id: String,
    /// 16 hexadecimal digits.
    span_id: String,
    /// The span that caused it; null for the first of a trace.
    parent_id: Option<String>,
    /// Whether it has only been announced: it has not ended, or its end has not come yet.
    pending: bool,
    name: String,
    /// What the same is called wherever it is done: `GET /users/{id}`, `SELECT users`, `chat gpt-4o`.
    operation: String,
    service: String,
    /// `server`, `client`, `producer`, `consumer`, `internal` or `unspecified`.
    kind: &'static str,
    /// When it began, RFC 3339.
    start: String,
    /// Seconds; null while it is pending.
    duration: Option<f64>,
    /// `unset`, `ok` or `error`.
    status: &'static str,
    /// Why it failed.
    status_message: String,
    /// The instrumentation that made it.
    scope: String,
    /// What it says of itself, by name.
    #[schema(value_type = Object)]
    attributes: Map<String, Json_>,
    /// What its process says of itself, by name.
    #[schema(value_type = Object)]
    resource: Map<String, Json_>,
    /// What happened in it: a list of `{time, name, attributes}`.
    #[schema(value_type = Vec<Object>)]
    events: Box<RawValue>,
    /// Spans of other traces: a list of `{trace_id, span_id, attributes}`.
    #[schema(value_type = Vec<Object>)]
    links: Box<RawValue>,
}

/// Spans, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpansBody {
    schema: u32,
    spans: Vec<SpanBody>,
}

impl From<FoundSpan> for SpanBody {
    fn from(span: FoundSpan) -> Self {
        Self {
            trace_id: format!("{:032x}", span.trace_id),
            span_id: format!("{:016x}", span.span_id),
            parent_id: (span.parent_id != 0).then(|| format!("{:016x}", span.parent_id)),
            pending: span.pending,
            name: span.name,
            operation: span.operation,
            service: span.service,
            kind: span.kind.as_str(),
            start: span.start.to_rfc3339(),
            duration: (!span.pending).then_some(span.duration.as_secs_f64()),
            status: span.status.as_str(),
            status_message: span.status_message,
            scope: span.scope,
            attributes: object(span.attributes),
            resource: object(span.resource),
            events: list(span.events),
            links: list(span.links),
        }
    }
}

/// Attributes as a JSON object; of one name the last one counts.
pub(crate) fn object(attributes: Vec<(String, Value)>) -> Map<String, Json_> {
    let value = |value| match value {
        Value::Text(text) => Json_::String(text),
        Value::Integer(value) => json!(value),
        // What JSON has no number for is text.
        Value::Float(value) if !value.is_finite() => json!(value.to_string()),
        Value::Float(value) => json!(value),
        Value::Boolean(value) => json!(value),
    };
    let pairs = attributes.into_iter();
    pairs.map(|(name, held)| (name, value(held))).collect()
}

/// A list that is JSON already.
fn list(json: String) -> Box<RawValue> {
    let empty = || RawValue::from_string("[]".to_owned());
    let list = match json.as_str() {
        "" => empty(),
        _ => RawValue::from_string(json).or_else(|_| empty()),
    };
    list.unwrap_or_default()
}

/// Spans that began in a range of time, the newest first.
#[utoipa::path(get, path = "/api/performance/spans", tag = "spans",
    params(("service" = Option<String>, Query, description = "the service, exactly"),
        ("operation" = Option<String>, Query, description = "the operation, exactly"),
        ("name" = Option<String>, Query, description = "the span's name, exactly"),
        ("trace" = Option<String>, Query, description = "the trace's id"),
        ("min_duration" = Option<String>, Query, description = "`250ms`, or seconds"),
        ("max_duration" = Option<String>, Query, description = "`2s`, or seconds"),
        ("errors" = Option<bool>, Query, description = "only those that failed"),
        ("attr" = Option<Vec<String>>, Query,
            description = "`key=value`, of the span or its resource; may be repeated"),
        ("from" = Option<String>, Query, description = "RFC 3339 or unix seconds"),
        ("to" = Option<String>, Query, description = "RFC 3339 or unix seconds"),
        ("window" = Option<String>, Query, description = "1h by default"),
        ("limit" = Option<usize>, Query, description = "100 by default, at most 10000")),
    responses((status = 200, body = SpansBody)))]
pub(crate) async fn get(
    State(app): State<SharedApp>,
    mut params: Params,
) -> Answer<Json<SpansBody>> {
    let limit = limit(&mut params, LIMIT)?;
    let filter = filter(&mut params, limit)?;
    params.finish()?;
    let spans = app
        .blocking(move |ctx| Ok(find::find(&ctx.store, &filter, || ctx.check())?))
        .await?;
    Ok(Json(SpansBody {
        schema: SCHEMA,
        spans: spans.into_iter().map(SpanBody::from).collect(),
    }))
}

/// The parameters that say which spans.
pub(crate) fn filter(params: &mut Params, limit: usize) -> Answer<SpanFilter> {
    let range = params.range(WINDOW, Timestamp::now())?;
    let text =
        |name: &'static str, value: Option<String>| value.map(|value| Matcher::equal(name, &value));
    let texts = [
        text("service", params.one("service")),
        text("operation", params.one("operation")),
        text("name", params.one("name")),
    ];
    let attributes = params.all("attr").into_iter().map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Problem::bad_request(format!("attr: `{pair}` is not written like key=value"))
        })?;
        Ok(Matcher::equal(name, value))
    });
    let attributes: Vec<Matcher> = attributes.collect::<Answer<_>>()?;
    if attributes.len() > ATTRIBUTES_MAX {
        let detail = format!("attr may be given {ATTRIBUTES_MAX} times");
        return Err(Problem::bad_request(detail));
    }
    let least = params.parsed("min_duration", parse_duration)?;
    let most = params.parsed("max_duration", parse_duration)?;
    let errors = params.parsed("errors", |text| match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("use true or false"),
    })?;
    Ok(SpanFilter {
        range,
        texts: texts.into_iter().flatten().collect(),
        attributes,
        trace: params.parsed("trace", trace_id)?,
        duration: least.unwrap_or(Duration::ZERO)..=most.unwrap_or(Duration::MAX),
        errors: errors.unwrap_or(false),
        limit,
    })
}

/// The parameter `limit`, of spans or events.
pub(crate) fn limit(params: &mut Params, default: usize) -> Answer<usize> {
    limit_of(params, default, SPANS_MAX)
}

/// The parameter `limit`, at most so many.
pub(crate) fn limit_of(params: &mut Params, default: usize, most: usize) -> Answer<usize> {
    let limit = params.number::<usize>("limit")?.unwrap_or(default);
    if !(1..=most).contains(&limit) {
        let detail = format!("limit must lie between 1 and {most}");
        return Err(Problem::bad_request(detail));
    }
    Ok(limit)
}

/// A trace's identifier.
pub(crate) fn trace_id(text: &str) -> Result<u128, &'static str> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u128::from_str_radix(text, 16).ok().filter(|_| is_hex);
    id.filter(|id| *id != 0)
        .ok_or("a trace's id is up to 32 hexadecimal digits, not all of them zero")
}
