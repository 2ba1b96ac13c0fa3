//! The report for programs: schema 1, verdicts exactly as the API gives them.
//!
//! Invariant: everything is here in full; only the other formats leave something out. Numbers that
//! are not finite are `null`, times are RFC 3339, points are unix seconds and value.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tacho_model::Timestamp;

use crate::report::{AlertFact, Chart, Comparison, Report, Statistic};
use crate::summary::summary_sentence;
use crate::verdict::{VerdictBody, WindowBody, finite, plain_labels};

/// Version of the body's shape.
pub const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct ReportBody<'a> {
    schema: u32,
    created_at: String,
    version: &'a str,
    host: HostBody<'a>,
    from: String,
    to: String,
    summary: String,
    statistics: Vec<StatisticBody<'a>>,
    alerts: Vec<AlertBody<'a>>,
    comparison: Option<ComparisonBody<'a>>,
    charts: Vec<ChartBody<'a>>,
}

#[derive(Serialize)]
struct HostBody<'a> {
    name: &'a str,
    cores: Option<usize>,
    kernel: Option<&'a str>,
    memory_bytes: Option<u64>,
}

#[derive(Serialize)]
struct StatisticBody<'a> {
    title: &'a str,
    metric: &'a str,
    labels: BTreeMap<String, String>,
    unit: &'a str,
    n: usize,
    mean: Option<f64>,
    stddev: Option<f64>,
    min: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    max: Option<f64>,
    last: Option<f64>,
}

#[derive(Serialize)]
struct AlertBody<'a> {
    rule: &'a str,
    /// `firing` or `resolved`.
    state: &'static str,
    severity: &'static str,
    message: &'a str,
    started_at: String,
    ended_at: Option<String>,
    value: Option<f64>,
    threshold: Option<f64>,
    unit: &'a str,
}

#[derive(Serialize)]
struct ComparisonBody<'a> {
    baseline: &'a str,
    version: u32,
    /// When the baseline was measured.
    window: WindowBody,
    verdicts: Vec<VerdictBody>,
}

#[derive(Serialize)]
struct ChartBody<'a> {
    title: &'a str,
    unit: &'a str,
    stacked: bool,
    band: Option<(Option<f64>, Option<f64>)>,
    series: Vec<SeriesBody<'a>>,
    marks: Vec<MarkBody<'a>>,
}

#[derive(Serialize)]
struct SeriesBody<'a> {
    name: &'a str,
    points: Vec<(f64, Option<f64>)>,
}

#[derive(Serialize)]
struct MarkBody<'a> {
    time: String,
    name: &'a str,
}

/// The report as one object.
pub fn to_json(report: &Report) -> Value {
    value(&ReportBody {
        schema: SCHEMA,
        created_at: report.created_at.to_rfc3339(),
        version: &report.version,
        host: HostBody {
            name: &report.host.name,
            cores: report.host.cores,
            kernel: report.host.kernel.as_deref(),
            memory_bytes: report.host.memory_bytes,
        },
        from: report.range.start.to_rfc3339(),
        to: report.range.end.to_rfc3339(),
        summary: summary_sentence(report),
        statistics: report.statistics.iter().map(StatisticBody::from).collect(),
        alerts: report.alerts.iter().map(AlertBody::from).collect(),
        comparison: report.comparison.as_ref().map(ComparisonBody::from),
        charts: report.charts.iter().map(ChartBody::from).collect(),
    })
}

/// Our own bodies have string keys and finite numbers only, so they always fit.
pub(crate) fn value(body: &impl Serialize) -> Value {
    let value = serde_json::to_value(body);
    debug_assert!(value.is_ok(), "a body fits JSON: {value:?}");
    value.unwrap_or(Value::Null)
}

impl<'a> From<&'a Statistic> for StatisticBody<'a> {
    fn from(s: &'a Statistic) -> Self {
        Self {
            title: &s.title,
            metric: &s.metric,
            labels: plain_labels(&s.labels),
            unit: &s.unit,
            n: s.n,
            mean: finite(s.mean),
            stddev: finite(s.stddev),
            min: finite(s.min),
            p50: finite(s.median),
            p90: finite(s.p90),
            p95: finite(s.p95),
            p99: finite(s.p99),
            p999: finite(s.p999),
            max: finite(s.max),
            last: s.last.and_then(finite),
        }
    }
}

impl<'a> From<&'a AlertFact> for AlertBody<'a> {
    fn from(alert: &'a AlertFact) -> Self {
        let ended = alert.ended_at;
        Self {
            rule: &alert.rule,
            state: if ended.is_none() {
                "firing"
            } else {
                "resolved"
            },
            severity: alert.severity.as_str(),
            message: &alert.message,
            started_at: alert.started_at.to_rfc3339(),
            ended_at: ended.map(Timestamp::to_rfc3339),
            value: alert.value.and_then(finite),
            threshold: finite(alert.threshold),
            unit: &alert.unit,
        }
    }
}

impl<'a> From<&'a Comparison> for ComparisonBody<'a> {
    fn from(comparison: &'a Comparison) -> Self {
        Self {
            baseline: &comparison.baseline,
            version: comparison.version,
            window: WindowBody::from(comparison.range),
            verdicts: comparison.verdicts.iter().map(VerdictBody::from).collect(),
        }
    }
}

impl<'a> From<&'a Chart> for ChartBody<'a> {
    fn from(chart: &'a Chart) -> Self {
        let point = |(t, value): &(Timestamp, f64)| (t.as_secs_f64(), finite(*value));
        let series = chart.series.iter().map(|series| SeriesBody {
            name: &series.name,
            points: series.points.iter().map(point).collect(),
        });
        let marks = chart.marks.iter().map(|(time, name)| MarkBody {
            time: time.to_rfc3339(),
            name,
        });
        Self {
            title: &chart.title,
            unit: &chart.unit,
            stacked: chart.stacked,
            band: chart.band.map(|(low, high)| (finite(low), finite(high))),
            series: series.collect(),
            marks: marks.collect(),
        }
    }
}
