//! Call trees: where traces spent their time, and calls that could be one.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use tacho_profile::tree::Oddities;
use tacho_profile::{CallNode, Label, Repeat};
use utoipa::ToSchema;

use super::SCHEMA;
use super::params::Params;
use super::problem::{Answer, Problem};
use super::spans::{filter, limit_of, trace_id};
use super::traces::unknown;
use crate::app::SharedApp;
use crate::spans::calls::{self, CALLS_TRACES_MAX, Calls};

/// Traces that are read when nothing is said.
const LIMIT: usize = 100;
/// What is no longer told apart.
const OTHER: &str = "other";

/// Where traces spent their time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallsBody {
    schema: u32,
    /// How many traces were read.
    traces: u64,
    /// How many times what the tree begins with was run in them.
    runs: u64,
    /// How many spans those traces have.
    spans: u64,
    /// Whether there were more traces, or spans, than are read for one answer.
    cut: bool,
    /// Spans merged by the path of services and operations, the longest total first.
    tree: Vec<CallBody>,
    /// What could be quicker, the most time first.
    findings: Vec<FindingBody>,
    /// What is odd about those traces.
    oddities: OdditiesBody,
}

/// All spans that were reached by one path.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallBody {
    /// The operation; `other` of no service for what is no longer told apart.
    name: String,
    service: String,
    /// `server`, `client`, `producer`, `consumer`, `internal` or `unspecified`.
    kind: &'static str,
    /// How many spans.
    count: u64,
    /// The same, for each of the traces.
    per_trace: f64,
    /// Their durations together.
    total_seconds: f64,
    /// The same without the time in which spans right below them ran.
    self_seconds: f64,
    /// The stretches of their runs that they are responsible for.
    critical_seconds: f64,
    /// The median of their durations in seconds.
    p50: Option<f64>,
    /// The 99th percentile.
    p99: Option<f64>,
    /// How far the percentiles may be off: 0.01 is 1 %; 0 where they are exact.
    relative_error: f64,
    /// How many of them failed.
    errors: u64,
    #[schema(no_recursion)]
    children: Vec<CallBody>,
}

/// What could be quicker.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingBody {
    /// `n_plus_one`: calls made one after the other that could be one.
    kind: &'static str,
    /// The operation that calls.
    parent: OperationBody,
    /// The operation that is called.
    child: OperationBody,
    /// How often each span of the one calls the other: the median.
    calls: f64,
    /// How often in one trace, of those where it is called: the median.
    calls_per_trace: f64,
    /// How many traces those are.
    traces: u64,
    /// The share of the calls that waited for the one before, 0 to 1.
    in_turn: f64,
    /// The share of the calling spans' time in which such calls ran, 0 to 1.
    share: f64,
    /// That time in seconds, over all traces.
    seconds: f64,
    /// What to do about it.
    suggestion: String,
}

/// An operation of a service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OperationBody {
    service: String,
    name: String,
}

/// How many spans are odd.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OdditiesBody {
    /// They are their own ancestors; the chain was cut there.
    cycles: usize,
    /// They have the identifier of another one.
    duplicates: usize,
    /// Their parents are not there.
    orphans: usize,
    /// They begin before their parents: clocks disagree. Their times stay as they were told.
    begin_before_parent: usize,
    /// By how many seconds at the most.
    skew_seconds: f64,
    /// They end after their parents: nobody waited for them, or clocks disagree.
    outlive_parent: usize,
}

impl From<Oddities> for OdditiesBody {
    fn from(oddities: Oddities) -> Self {
        Self {
            cycles: oddities.cycles,
            duplicates: oddities.duplicates,
            orphans: oddities.orphans,
            begin_before_parent: oddities.begin_before_parent,
            skew_seconds: oddities.skew.as_secs_f64(),
            outlive_parent: oddities.outlive_parent,
        }
    }
}

impl From<Calls> for CallsBody {
    fn from(calls: Calls) -> Self {
        let repeats = calls.repeats.iter();
        Self {
            schema: SCHEMA,
            traces: calls.tree.traces(),
            runs: calls.tree.runs(),
            spans: calls.spans,
            cut: calls.is_cut,
            tree: tree(&calls),
            findings: repeats.map(|repeat| finding(repeat, &calls)).collect(),
            oddities: calls.oddities.into(),
        }
    }
}

/// The nodes from the last to the first, so that those below one are there when it is made.
fn tree(calls: &Calls) -> Vec<CallBody> {
    let nodes = calls.tree.nodes();
    let mut made: Vec<Option<CallBody>> = nodes.iter().map(|_| None).collect();
    for (place, node) in nodes.iter().enumerate().rev() {
        let below = node.children.iter();
        let children = below.filter_map(|child| made[*child as usize].take());
        made[place] = Some(body(node, children.collect(), calls));
    }
    let roots = calls.tree.roots().iter();
    roots
        .filter_map(|root| made[*root as usize].take())
        .collect()
}

fn body(node: &CallNode, children: Vec<CallBody>, calls: &Calls) -> CallBody {
    let (service, name) = match node.label {
        Some(label) => words(label, calls),
        None => (String::new(), OTHER.to_owned()),
    };
    CallBody {
        name,
        service,
        kind: node.kind.as_str(),
        count: node.count,
        per_trace: node.count as f64 / calls.tree.traces().max(1) as f64,
        total_seconds: node.total.as_secs_f64(),
        self_seconds: node.self_time.as_secs_f64(),
        critical_seconds: node.critical.as_secs_f64(),
        p50: node.durations.quantile(0.5),
        p99: node.durations.quantile(0.99),
        relative_error: node.durations.relative_error(),
        errors: node.errors,
        children,
    }
}

fn words(label: Label, calls: &Calls) -> (String, String) {
    let word = |number| calls.names.text(number).to_owned();
    (word(label.service), word(label.name))
}

fn finding(repeat: &Repeat, calls: &Calls) -> FindingBody {
    let operation = |label| {
        let (service, name) = words(label, calls);
        OperationBody { service, name }
    };
    let (parent, child) = (operation(repeat.parent), operation(repeat.child));
    FindingBody {
        kind: "n_plus_one",
        calls: repeat.calls,
        calls_per_trace: repeat.calls_per_trace,
        traces: repeat.traces,
        in_turn: repeat.in_turn,
        share: repeat.share,
        seconds: repeat.time.as_secs_f64(),
        suggestion: suggestion(&parent.name, &child.name, repeat),
        parent,
        child,
    }
}

fn suggestion(parent: &str, child: &str, repeat: &Repeat) -> String {
    let (calls, share) = (repeat.calls.round(), 100.0 * repeat.share);
    // Each answer of a model may need the one before.
    let advice = if child.starts_with("chat ") || child.starts_with("invoke_agent ") {
        "Where they do not need each other's answers, make them at the same time, or ask for all in \
         one."
    } else {
        "Ask for all of it in one call (a join, `IN (…)`, a batch, an endpoint for many), or keep \
         what does not change."
    };
    format!(
        "Each `{parent}` calls `{child}` {calls} times, one after the other: {share:.0} % of its \
         time. {advice}"
    )
}

/// Where one trace spent its time.
#[utoipa::path(get, path = "/api/performance/traces/{id}/calls", tag = "spans",
    params(("id" = String, Path, description = "32 hexadecimal digits")),
    responses((status = 200, body = CallsBody), (status = 404, description = "no such trace")))]
pub(crate) async fn of_trace(
    State(app): State<SharedApp>,
    Path(id): Path<String>,
    params: Params,
) -> Answer<Json<CallsBody>> {
    let trace = trace_id(&id).map_err(Problem::bad_request)?;
    params.finish()?;
    let body = app
        .blocking(move |ctx| {
            let calls = calls::of_trace(&ctx.store, trace, &|| ctx.check())?;
            Ok(CallsBody::from(calls.ok_or_else(|| unknown(trace))?))
        })
        .await?;
    Ok(Json(body))
}

/// Where the newest traces spent their time, from the spans that are such down.
#[utoipa::path(get, path = "/api/performance/calls", tag = "spans",
    params(("service" = Option<String>, Query, description = "the span's service, exactly"),
        ("operation" = Option<String>, Query, description = "its operation, exactly"),
        ("agent" = Option<String>, Query,
            description = "an agent's name: the operation `invoke_agent NAME`"),
        ("name" = Option<String>, Query, description = "its name, exactly"),
        ("min_duration" = Option<String>, Query, description = "`250ms`, or seconds"),
        ("max_duration" = Option<String>, Query, description = "`2s`, or seconds"),
        ("errors" = Option<bool>, Query, description = "only spans that failed"),
        ("attr" = Option<Vec<String>>, Query,
            description = "`key=value`, of the span or its resource; may be repeated"),
        ("from" = Option<String>, Query, description = "RFC 3339 or unix seconds"),
        ("to" = Option<String>, Query, description = "RFC 3339 or unix seconds"),
        ("window" = Option<String>, Query, description = "1h by default"),
        ("limit" = Option<usize>, Query, description = "traces: 100 by default, at most 1000")),
    responses((status = 200, body = CallsBody)))]
pub(crate) async fn get(
    State(app): State<SharedApp>,
    mut params: Params,
) -> Answer<Json<CallsBody>> {
    let limit = limit_of(&mut params, LIMIT, CALLS_TRACES_MAX)?;
    let agent = params.one("agent");
    let mut filter = filter(&mut params, limit)?;
    params.finish()?;
    if let Some(agent) = agent {
        filter.run_of_agent(&agent);
    }
    let body = app
        .blocking(move |ctx| {
            let calls = calls::of_matching(&ctx.store, &filter, &|| ctx.check())?;
            Ok(CallsBody::from(calls))
        })
        .await?;
    Ok(Json(body))
}
