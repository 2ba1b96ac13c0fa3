//! Baselines at work: measured from the store, kept in the state database, compared with.
//!
//! A baseline of the host covers the key metrics (the table in `tacho_analysis::key_metrics`) and
//! every latency histogram there is, a service each; with selectors, exactly what they select.
//! Measuring reads history, so a window of the past is measured at once.

use std::collections::BTreeMap;
use std::time::Duration;

use tacho_analysis::AnalysisError;
use tacho_analysis::aggregate::{Function, Grouping, Windows};
use tacho_analysis::baseline::{Baseline, Conditions, MetricBaseline, Policy};
use tacho_analysis::key_metrics;
use tacho_analysis::measurement::Measurement;
use tacho_analysis::metric::{MetricKind, MetricSpec};
use tacho_analysis::verdict::{self, Verdict};
use tacho_model::{
    Columns, Histogram, Labels, METRIC_NAME, Matcher, Querier, QueryError, Selection, Shape,
    TimeRange, Timestamp, Unit,
};
use tacho_store::StoreError;

use crate::app::App;
use crate::query::QueryCtx;
use crate::reading::{SeriesAt, group, map_in_order};
use crate::series::{self, SeriesError, step_at_least};

mod record;

/// The baseline that is made and compared with when no other is named.
pub const DEFAULT: &str = "default";
/// Most values a metric is measured by: beyond it, the step widens.
const VALUES_MAX: u128 = 20_000;
/// The width of an interval of requests.
const INTERVAL: Duration = Duration::from_secs(15);
/// Most intervals of requests: beyond it, they widen up to a minute and more.
const INTERVALS_MAX: u128 = 20_000;
/// Most metrics a baseline may cover.
pub const METRICS_MAX: usize = 2_000;
/// Longest name.
const NAME_BYTES_MAX: usize = 128;

/// A baseline with what the database knows of it.
#[derive(Debug, Clone)]
pub struct StoredBaseline {
    /// The baseline.
    pub baseline: Baseline,
    /// Whether comparisons may use it.
    pub valid: bool,
    /// Why not.
    pub invalid_reason: Option<String>,
}

/// Why a baseline could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// A name that cannot be used.
    #[error("a baseline's name has 1 to {NAME_BYTES_MAX} bytes: letters, digits and -_.: only")]
    Name,
    /// There is none of that name.
    #[error("there is no baseline `{0}`; make one with: tacho baseline create {0} --duration 300")]
    NotFound(String),
    /// Nothing was measured in the window.
    #[error("nothing was measured between {} and {}; choose a window with data", .0.start, .0.end)]
    NoData(TimeRange),
    /// The selectors match too much.
    #[error(
        "{0} metrics are more than the {METRICS_MAX} a baseline may cover; narrow the selector"
    )]
    TooMany(usize),
    /// A stored baseline cannot be read.
    #[error("the stored baseline `{name}` cannot be read: {reason}")]
    Unreadable {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The analysis declined.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// A selector is wrong.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The store could not answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The state database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Measures `range` and keeps it as the next version of `name`.
pub fn create(
    app: &QueryCtx<'_>,
    name: &str,
    range: TimeRange,
    selectors: &[Vec<Matcher>],
    now: Timestamp,
) -> Result<StoredBaseline, BaselineError> {
    let plain = |c: char| c.is_alphanumeric() || "-_.: ".contains(c);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(plain) {
        return Err(BaselineError::Name);
    }
    let target = app.host_name();
    let incidents = incidents(app, range)?;
    let policy = Policy::default();
    let mut metrics = Vec::new();
    for spec in specs(app, &target, range, selectors)? {
        let Some(measured) = measure(app, &spec, range, None)? else {
            continue;
        };
        match MetricBaseline::new(spec, &measured, &policy, &incidents) {
            // Sums of the largest numbers overflow; what is infinite cannot be compared with.
            Ok(metric) if metric.summary.histogram.sum().is_finite() => metrics.push(metric),
            Ok(_) | Err(AnalysisError::NoData { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if metrics.is_empty() {
        return Err(BaselineError::NoData(range));
    }
    let mut baseline = Baseline {
        name: name.to_owned(),
        version: 0,
        target,
        created_at: now,
        range,
        conditions: conditions(app),
        expires_after: policy.expires_after,
        invalidated: None,
        metrics,
    };
    let body = record::write(&baseline);
    baseline.version = app.store.state().put_baseline(name, now, range, &body)?;
    app.summary.baselines_changed();
    Ok(StoredBaseline {
        baseline,
        valid: true,
        invalid_reason: None,
    })
}

/// The newest version of a baseline.
pub fn latest(app: &App, name: &str) -> Result<Option<StoredBaseline>, BaselineError> {
    get(app, name, None)
}

/// A version of a baseline; the newest when none is named.
pub fn get(
    app: &App,
    name: &str,
    version: Option<u32>,
) -> Result<Option<StoredBaseline>, BaselineError> {
    app.store
        .state()
        .baseline(name, version)?
        .map(read)
        .transpose()
}

/// The newest version of every baseline; what cannot be read is left out and logged.
pub fn all(app: &App) -> Result<Vec<StoredBaseline>, BaselineError> {
    let stored = app.store.state().baselines()?;
    let readable = stored.into_iter().filter_map(|row| {
        read(row)
            .inspect_err(|error| tracing::error!("{error}"))
            .ok()
    });
    Ok(readable.collect())
}

fn read(row: tacho_store::state::Baseline) -> Result<StoredBaseline, BaselineError> {
    let mut baseline = record::read(&row.body).map_err(|reason| BaselineError::Unreadable {
        name: row.name.clone(),
        reason,
    })?;
    baseline.name = row.name;
    baseline.version = row.version;
    baseline.created_at = row.created_at;
    if !row.valid {
        let reason = row
            .invalid_reason
            .as_deref()
            .unwrap_or("no reason was given");
        baseline.invalidate(row.created_at, reason);
    }
    Ok(StoredBaseline {
        baseline,
        valid: row.valid,
        invalid_reason: row.invalid_reason,
    })
}

/// Compares what was measured in `range` with a baseline: one verdict a metric, in its order, with
/// the rate of false discoveries kept over all of them.
pub fn compare(
    app: &QueryCtx<'_>,
    baseline: &Baseline,
    range: TimeRange,
    now: Timestamp,
) -> Result<Vec<Verdict>, BaselineError> {
    baseline.usable(&app.host_name(), now)?;
    let settings = verdict::Settings::default();
    let mut verdicts = Vec::new();
    for metric in &baseline.metrics {
        // Both sides at one step, or their spreads would differ by it alone.
        let step = metric
            .summary
            .intervals
            .is_none()
            .then_some(metric.summary.step);
        let Some(measured) = measure(app, &metric.spec, range, step)? else {
            continue;
        };
        match verdict::compare(metric, &measured, &settings) {
            Ok(verdict) => verdicts.push(verdict),
            Err(AnalysisError::NoData { .. } | AnalysisError::Incomparable { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if verdicts.is_empty() {
        return Err(BaselineError::NoData(range));
    }
    verdict::adjust(&mut verdicts);
    Ok(verdicts)
}

/// What to measure: the selected series, or the host's key metrics and every latency.
fn specs(
    app: &QueryCtx<'_>,
    target: &str,
    range: TimeRange,
    selectors: &[Vec<Matcher>],
) -> Result<Vec<MetricSpec>, BaselineError> {
    let querier = &app.querier();
    let mut specs = Vec::new();
    if selectors.is_empty() {
        for row in key_metrics::HOST {
            let named = std::iter::once((METRIC_NAME, row.metric));
            let labels = Labels::new(named.chain(row.labels.iter().copied()));
            specs.extend(labels.ok().map(|labels| row.spec(target, labels)));
        }
        specs.extend(latencies(querier, target, range)?);
    }
    for matchers in selectors {
        let selection = querier.select(matchers, range)?;
        for index in 0..selection.len() {
            specs.push(spec_of(querier, target, selection.labels(index).clone()));
        }
    }
    if specs.len() > METRICS_MAX {
        return Err(BaselineError::TooMany(specs.len()));
    }
    Ok(specs)
}

/// How long spans took.
const SPAN_DURATIONS: &str = "traces_span_metrics_duration_seconds";

/// Which labels tell apart what is measured of a histogram by itself, beside its name; `None`
/// where it is not.
fn told_apart(labels: &Labels) -> Option<&'static [&'static str]> {
    let name = labels.name();
    if name == SPAN_DURATIONS {
        let is = |label, value| labels.get(label) == Some(value);
        // Requests that were answered, and runs of agents. What lies within those is their cause.
        return if is("span_kind", "SPAN_KIND_SERVER") {
            Some(&[METRIC_NAME, "service", "span_kind"])
        } else if is("gen_ai_operation_name", "invoke_agent") {
            Some(&[
                METRIC_NAME,
                "service",
                "gen_ai_agent_name",
                "gen_ai_operation_name",
            ])
        } else {
            None
        };
    }
    let is_of_spans = name.starts_with("traces_") || name.starts_with("websocket_server_");
    (!is_of_spans).then_some(&[METRIC_NAME, "service"])
}

/// One latency a metric and service.
fn latencies(
    querier: &dyn Querier,
    target: &str,
    range: TimeRange,
) -> Result<Vec<MetricSpec>, QueryError> {
    let mut specs: Vec<MetricSpec> = Vec::new();
    for name in querier.label_values(METRIC_NAME, &[], range)? {
        let metadata = querier.metadata(&name);
        if metadata.is_none_or(|metadata| metadata.kind.shape() != Shape::Histogram) {
            continue;
        }
        let selection = querier.select(&[Matcher::metric(&name)], range)?;
        for index in 0..selection.len() {
            let labels = selection.labels(index);
            let Some(told_apart) = told_apart(labels) else {
                continue;
            };
            let labels = labels.only(told_apart);
            if specs.iter().all(|known| known.labels != labels) {
                specs.push(spec_of(querier, target, labels));
            }
        }
    }
    Ok(specs)
}

/// How a series that no table knows is judged: by its kind and unit.
fn spec_of(querier: &dyn Querier, target: &str, labels: Labels) -> MetricSpec {
    let (kind, unit) = series::described(querier, labels.name());
    let name = labels.name();
    let judged = match kind {
        tacho_model::Kind::Timing | tacho_model::Kind::Histogram => MetricKind::Latency,
        tacho_model::Kind::Throughput => MetricKind::Throughput,
        _ if name.starts_with("cpu_") => MetricKind::Cpu,
        _ if name.contains("memory") => MetricKind::Memory,
        _ if name.contains("error_rate") => MetricKind::ErrorRate,
        _ => MetricKind::Other,
    };
    let function = Function::default_for(kind.shape());
    let unit = if function == Function::Rate {
        Unit::new(&format!("{}/s", unit.as_str()))
    } else {
        unit
    };
    MetricSpec::new(target, labels, function, unit, judged)
}

/// The values of one metric in a window; `None` when there are none.
fn measure(
    app: &QueryCtx<'_>,
    spec: &MetricSpec,
    range: TimeRange,
    step: Option<Duration>,
) -> Result<Option<Measurement>, BaselineError> {
    let querier = &app.querier();
    if spec.kind == MetricKind::Latency {
        return Ok(intervals(querier, spec, range)?);
    }
    let widest = range.duration().as_nanos().div_ceil(VALUES_MAX);
    let widest = Duration::from_nanos(u64::try_from(widest).unwrap_or(u64::MAX));
    let step = step.unwrap_or_else(|| step_at_least(app.settings.collect.interval, widest));
    // At a step that is given, what is measured is the newest part of a range that is too long.
    let longest = step.saturating_mul(VALUES_MAX as u32);
    let range = TimeRange::new(range.start.max(range.end - longest), range.end);
    let windows = Windows::steps(range, step);
    let selection = querier.select(&matchers_of(spec), windows.read_range())?;
    let grouping = || Grouping::new(spec.function, windows, Some(&[]));
    let shape = series::described(querier, &spec.metric).0.shape();
    let wanted = meant(selection.as_ref(), spec);
    let grouping = group(&wanted, windows, grouping, |_| shape)?;
    let points = grouping
        .finish()
        .into_iter()
        .next()
        .map(|(_, points)| points);
    let points = points.filter(|points| !points.is_empty());
    Ok(points.map(|points| Measurement::Values { step, points }))
}

/// The labels of a metric as matchers. A latency without a service is not that of every service.
fn matchers_of(spec: &MetricSpec) -> Vec<Matcher> {
    let labels = spec.labels.iter().map(|(n, v)| Matcher::equal(n, v));
    let nobodys = spec.kind == MetricKind::Latency && spec.labels.get("service").is_none();
    // A connection that stays open is no request.
    let is_of_spans = spec.metric == SPAN_DURATIONS && spec.labels.get("websocket_event").is_none();
    labels
        .chain(is_of_spans.then(|| Matcher::equal("websocket_event", "")))
        .chain(nobodys.then(|| Matcher::equal("service", "")))
        .collect()
}

/// The series that are meant: the one of exactly these labels where there is one, because matchers
/// cannot say "and no other label"; else all that have them.
fn meant<'a>(selection: &'a dyn Selection, spec: &MetricSpec) -> Vec<SeriesAt<'a>> {
    let all = SeriesAt::all(selection);
    let exact = all.iter().find(|series| *series.labels() == spec.labels);
    exact.map(|series| vec![*series]).unwrap_or(all)
}

/// One histogram an interval, over all series of the selection.
fn intervals(
    querier: &dyn Querier,
    spec: &MetricSpec,
    range: TimeRange,
) -> Result<Option<Measurement>, QueryError> {
    let widest = range.duration().as_nanos().div_ceil(INTERVALS_MAX);
    let widest = Duration::from_nanos(u64::try_from(widest).unwrap_or(u64::MAX));
    let width = step_at_least(INTERVAL, widest);
    let selection = querier.select(&matchers_of(spec), range)?;
    let mut parts: BTreeMap<Timestamp, Histogram> = BTreeMap::new();
    let wanted = meant(selection.as_ref(), spec);
    let histograms = |_: usize, columns: &Columns| {
        let times = columns.histogram_timestamps.iter().copied();
        let histograms = times.zip(columns.histograms.iter().cloned());
        histograms.collect::<Vec<_>>()
    };
    map_in_order(&wanted, range, histograms, |_, histograms| {
        for (t, histogram) in &histograms {
            // As in every window here, a boundary ends its interval.
            let end = (*t - Duration::from_nanos(1)).align_down(width) + width;
            // A part that is cut by the range's ends would look quieter than it was.
            if end - width >= range.start && end <= range.end {
                parts.entry(end).or_default().merge(histogram);
            }
        }
        Ok::<(), QueryError>(())
    })?;
    let parts: Vec<_> = parts.into_iter().collect();
    Ok((!parts.is_empty()).then_some(Measurement::Intervals { width, parts }))
}

/// When alerts fired inside the window: what a baseline should not be made of.
fn incidents(app: &App, range: TimeRange) -> Result<Vec<TimeRange>, StoreError> {
    let events = app.store.state().alert_events(range, 1_000)?;
    let of = |event: tacho_store::state::AlertEvent| {
        TimeRange::new(event.started_at, event.ended_at.unwrap_or(range.end))
    };
    Ok(events.into_iter().map(of).collect())
}

fn conditions(app: &App) -> Conditions {
    let host = app.host.read();
    Conditions {
        host: host.hostname.clone().unwrap_or_default(),
        cores: host.cpu_cores.and_then(|cores| u32::try_from(cores).ok()),
        kernel: host.kernel.clone().unwrap_or_default(),
        version: None,
    }
}
