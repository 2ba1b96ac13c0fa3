//! Gathering what a report tells: the host's figures over a window, the alerts in it, its
//! comparison with the default baseline, and charts.

use std::time::Duration;

use tacho_analysis::aggregate::Function;
use tacho_analysis::measurement::{Measurement, Summary};
use tacho_model::{Matcher, Querier, TimeRange, Timestamp};
use tacho_promql::parse_selector;
use tacho_report::{AlertFact, Chart, ChartSeries, Comparison, HostFacts, Report, Statistic};

use crate::alerting::Alert;
use crate::app::App;
use crate::baselines::{self, DEFAULT};
use crate::figures::{CPU, DISK_BUSY, DISK_READ, DISK_WRITTEN, MEMORY, NETWORK_IN, NETWORK_OUT};
use crate::query::QueryCtx;
use crate::series::{self, SeriesError, SeriesQuery, step_at_least};

/// Points a chart has at most.
const CHART_POINTS: u32 = 600;
/// Values a statistic is made of at most.
const STATISTIC_POINTS: u32 = 10_000;
/// Most alerts a report lists.
const ALERTS_MAX: usize = 500;

/// A figure whose statistics a report states.
struct Figure {
    title: &'static str,
    selector: &'static str,
    function: Function,
    unit: &'static str,
    scale: f64,
}

#[rustfmt::skip]
const FIGURES: [Figure; 8] = [
    figure("CPU",          CPU,          Function::Avg,  "%", 1.0),
    figure("Memory",       MEMORY,       Function::Avg,  "%", 1.0),
    figure("Load",         "node_load1", Function::Avg,  "", 1.0),
    figure("Disk busy",    DISK_BUSY,    Function::Rate, "%", 100.0),
    figure("Disk read",    DISK_READ,    Function::Rate, "By/s", 1.0),
    figure("Disk written", DISK_WRITTEN, Function::Rate, "By/s", 1.0),
    figure("Network in",   NETWORK_IN,   Function::Rate, "By/s", 1.0),
    figure("Network out",  NETWORK_OUT,  Function::Rate, "By/s", 1.0),
];

const fn figure(
    title: &'static str,
    selector: &'static str,
    function: Function,
    unit: &'static str,
    scale: f64,
) -> Figure {
    Figure {
        title,
        selector,
        function,
        unit,
        scale,
    }
}

/// One chart of a report: a title, a unit and the selectors whose series it draws.
struct Drawing {
    title: &'static str,
    unit: &'static str,
    /// The name of a line, or empty to name lines by the label in `by`.
    lines: &'static [(&'static str, &'static str)],
    function: Function,
    by: &'static str,
    scale: f64,
    /// Whether the lines are parts of a whole: then the largest comes first, at the bottom, and a
    /// core's worth is shown as its share of the machine.
    stacked: bool,
    /// The baseline's metric whose band is drawn.
    band: Option<&'static str>,
}

#[rustfmt::skip]
const DRAWINGS: [Drawing; 6] = [
    Drawing { title: "CPU by mode", unit: "%", lines: &[("", "node_cpu_seconds_total{mode!=\"idle\"}")], function: Function::Rate, by: "mode", scale: 100.0, stacked: true, band: None },
    Drawing { title: "CPU", unit: "%", lines: &[("CPU", CPU)], function: Function::Avg, by: "", scale: 1.0, stacked: false, band: Some("cpu_usage_percent") },
    Drawing { title: "Memory", unit: "%", lines: &[("Memory", MEMORY)], function: Function::Avg, by: "", scale: 1.0, stacked: false, band: Some("memory_usage_percent") },
    Drawing { title: "Load", unit: "", lines: &[("1 min", "node_load1"), ("5 min", "node_load5"), ("15 min", "node_load15")], function: Function::Avg, by: "", scale: 1.0, stacked: false, band: None },
    Drawing { title: "Disk", unit: "By/s", lines: &[("read", DISK_READ), ("written", DISK_WRITTEN)], function: Function::Rate, by: "", scale: 1.0, stacked: false, band: None },
    Drawing { title: "Network", unit: "By/s", lines: &[("in", NETWORK_IN), ("out", NETWORK_OUT)], function: Function::Rate, by: "", scale: 1.0, stacked: false, band: None },
];

/// Everything a report over `range` tells.
pub fn gather(app: &QueryCtx<'_>, range: TimeRange, now: Timestamp) -> Result<Report, SeriesError> {
    let querier = &app.querier();
    let comparison = comparison(app, range, now);
    let mut statistics = Vec::new();
    for figure in &FIGURES {
        statistics.extend(statistic(
            querier,
            figure,
            range,
            app.settings.collect.interval,
        )?);
    }
    let alerts = alerts(app, range);
    let mut charts = Vec::new();
    for drawing in &DRAWINGS {
        let chart = chart(app, drawing, range, comparison.as_ref(), &alerts)?;
        if chart.series.iter().any(|series| !series.points.is_empty()) {
            charts.push(chart);
        }
    }
    // The comparison is left out where it cannot be made, but not for want of time.
    app.check()?;
    let name = app.host_name();
    let host = app.host.read();
    Ok(Report {
        host: HostFacts {
            name,
            cores: host.cpu_cores,
            kernel: host.kernel.clone(),
            memory_bytes: host.memory_total_bytes,
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: now,
        range,
        statistics,
        alerts,
        comparison,
        charts,
    })
}

fn query(
    querier: &dyn Querier,
    selector: &str,
    range: TimeRange,
    step: Duration,
    function: Function,
    by: &str,
) -> Result<Vec<series::SeriesPoints>, SeriesError> {
    let matchers: Vec<Matcher> = parse_selector(selector)?;
    let mut query = SeriesQuery::new(vec![matchers], range);
    query.step = Some(step);
    query.function = Some(function);
    query.by = Some(
        by.split(',')
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect(),
    );
    Ok(series::read(querier, &query)?.series)
}

fn statistic(
    querier: &dyn Querier,
    figure: &Figure,
    range: TimeRange,
    interval: Duration,
) -> Result<Option<Statistic>, SeriesError> {
    let step = step_at_least(interval, range.duration() / STATISTIC_POINTS);
    let series = query(querier, figure.selector, range, step, figure.function, "")?;
    let Some(series) = series.into_iter().next() else {
        return Ok(None);
    };
    let points = series
        .points
        .iter()
        .map(|(t, value)| (*t, value * figure.scale))
        .collect();
    let last = series.points.last().map(|(_, value)| value * figure.scale);
    // An error means that nothing finite was measured: there is nothing to state.
    let Ok(summary) = Summary::of(&Measurement::Values { step, points }) else {
        return Ok(None);
    };
    let percentile = |p: f64| {
        let found = summary.percentiles.iter().find(|(at, _)| *at == p);
        found.map_or(f64::NAN, |(_, value)| *value)
    };
    Ok(Some(Statistic {
        title: figure.title.to_owned(),
        metric: series.labels.name().to_owned(),
        labels: series.labels,
        unit: figure.unit.to_owned(),
        n: summary.n,
        mean: summary.estimate.mean,
        stddev: summary.sd,
        min: summary.min,
        median: percentile(0.5),
        p90: percentile(0.9),
        p95: percentile(0.95),
        p99: percentile(0.99),
        p999: percentile(0.999),
        max: summary.max,
        last,
    }))
}

fn chart(
    app: &QueryCtx<'_>,
    drawing: &Drawing,
    range: TimeRange,
    comparison: Option<&Comparison>,
    alerts: &[AlertFact],
) -> Result<Chart, SeriesError> {
    let step = step_at_least(
        app.settings.collect.interval,
        range.duration() / CHART_POINTS,
    );
    let cores = app.host.read().cpu_cores.unwrap_or(1).max(1) as f64;
    let scale = if drawing.stacked {
        drawing.scale / cores
    } else {
        drawing.scale
    };
    let mut lines = Vec::new();
    for (name, selector) in drawing.lines {
        let querier = &app.querier();
        for one in query(querier, selector, range, step, drawing.function, drawing.by)? {
            let named = if name.is_empty() {
                one.labels.get(drawing.by).unwrap_or("")
            } else {
                name
            };
            let points = one
                .points
                .into_iter()
                .map(|(t, v)| (t, v * scale))
                .collect();
            lines.push(ChartSeries {
                name: named.to_owned(),
                points,
            });
        }
    }
    if drawing.stacked {
        let total = |line: &ChartSeries| line.points.iter().map(|(_, v)| v).sum::<f64>();
        lines.sort_by(|a, b| total(b).total_cmp(&total(a)));
    }
    let band = drawing.band.and_then(|metric| {
        let verdict = comparison?
            .verdicts
            .iter()
            .find(|verdict| verdict.metric == metric)?;
        let percentile = |p: f64| {
            let percentiles = &verdict.evidence.before.percentiles;
            percentiles
                .iter()
                .find(|(at, _)| *at == p)
                .map(|(_, value)| *value)
        };
        Some((percentile(0.05)?, percentile(0.95)?))
    });
    let marks = alerts
        .iter()
        .map(|alert| (alert.started_at, alert.rule.clone()))
        .collect();
    Ok(Chart {
        title: drawing.title.to_owned(),
        unit: drawing.unit.to_owned(),
        series: lines,
        band,
        stacked: drawing.stacked,
        marks,
    })
}

fn alerts(app: &App, range: TimeRange) -> Vec<AlertFact> {
    let events = app
        .store
        .state()
        .alert_events(range, ALERTS_MAX)
        .unwrap_or_default();
    let facts = events
        .iter()
        .filter_map(Alert::from_event)
        .map(|alert| AlertFact {
            rule: alert.rule,
            severity: alert.severity,
            message: alert.message,
            started_at: alert.started_at,
            ended_at: alert.ended_at,
            value: alert.value,
            threshold: alert.threshold,
            unit: alert.unit,
        });
    facts.collect()
}

/// The window against the default baseline, where there is a usable one.
fn comparison(app: &QueryCtx<'_>, range: TimeRange, now: Timestamp) -> Option<Comparison> {
    let stored = baselines::latest(app, DEFAULT).ok()??;
    let verdicts = baselines::compare(app, &stored.baseline, range, now).ok()?;
    Some(Comparison {
        baseline: stored.baseline.name.clone(),
        version: stored.baseline.version,
        range: stored.baseline.range,
        verdicts,
    })
}
