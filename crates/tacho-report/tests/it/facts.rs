//! Verdicts and alerts with fixed figures.

use std::time::Duration;

use tacho_analysis::Severity;
use tacho_analysis::metric::{Margin, MetricKind};
use tacho_analysis::verdict::{Answer, Effect, Evidence, Shift, SideEvidence, Statistic, Verdict};
use tacho_model::{Labels, TimeRange, Unit};
use tacho_report::{AlertFact, Comparison, Report};
use tacho_stats::Interval;
use tacho_stats::effect::EffectClass;

use crate::sample::{at, empty, labels, range};

/// +18 % (12 to 24) on latency: regressed, info.
pub(crate) fn slower() -> Verdict {
    let shift = |statistic, before: f64, percent: f64, low: f64, high: f64| Shift {
        statistic,
        before,
        after: before * (1.0 + percent / 100.0),
        change: before * percent / 100.0,
        change_interval: interval(before * low / 100.0, before * high / 100.0),
        change_percent: Some(percent),
        interval: Some(interval(low, high)),
        standard_error: 0.003,
        p_value: 0.0004,
        p_above: 0.002,
        p_below: 1.0,
        inside: false,
    };
    let decided = shift(Statistic::P95, 0.310, 18.0, 12.0, 24.0);
    let side = |mean: f64| SideEvidence {
        mean,
        sd: 0.05,
        percentiles: vec![(0.05, 0.1), (0.5, 0.14), (0.95, 0.31)],
        trend: vec![(at(60), 0.2), (at(0), 0.21)],
    };
    Verdict {
        id: "00f1e2d3c4b5a697".to_owned(),
        target: "checkout".to_owned(),
        metric: "http_server_request_duration_seconds".to_owned(),
        labels: Labels::new([
            ("__name__", "http_server_request_duration_seconds"),
            ("http_route", "/checkout"),
        ])
        .unwrap_or_else(|e| panic!("{e}")),
        kind: MetricKind::Latency,
        answer: Answer::Regressed,
        leaning: None,
        severity: Some(Severity::Info),
        statistic: Statistic::P95,
        change_percent: decided.change_percent,
        change: decided.change,
        unit: Unit::SECONDS,
        interval: decided.interval,
        change_interval: decided.change_interval,
        level: 0.95,
        quantiles: vec![
            shift(Statistic::P50, 0.142, 1.0, -1.0, 3.0),
            decided,
            shift(Statistic::P99, 0.51, 20.0, 9.0, 31.0),
        ],
        method: "moving-block bootstrap over intervals".to_owned(),
        p_value: 0.0004,
        effect: Some(Effect {
            name: "cliffs_delta",
            value: 0.41,
            class: EffectClass::Medium,
        }),
        n: [240, 240],
        effective_n: [88.0, 91.5],
        margin: Margin {
            relative: 0.05,
            absolute: 0.0,
        },
        margin_percent: Some(5.0),
        needs_more: None,
        reason: None,
        windows: [TimeRange::new(at(90_000), at(86_400)), range()],
        evidence: Evidence {
            before: side(0.15),
            after: side(0.16),
            mann_whitney_p: Some(0.001),
            p_beyond: 0.006,
        },
    }
}

/// Not known yet, and leaning towards worse.
pub(crate) fn unsure() -> Verdict {
    Verdict {
        answer: Answer::Inconclusive,
        leaning: Some(Answer::Regressed),
        severity: None,
        metric: "node_load1".to_owned(),
        labels: labels("node_load1"),
        statistic: Statistic::Mean,
        quantiles: Vec::new(),
        unit: Unit::NONE,
        change: 0.4,
        change_percent: Some(7.0),
        interval: Some(interval(-2.0, 16.0)),
        change_interval: interval(-0.1, 0.9),
        needs_more: Some(Duration::from_mins(12)),
        reason: Some("the window is worth 8.0 independent values; 12 are needed".to_owned()),
        ..slower()
    }
}

/// The same as before.
pub(crate) fn stable() -> Verdict {
    Verdict {
        answer: Answer::Stable,
        leaning: None,
        needs_more: None,
        reason: None,
        ..unsure()
    }
}

/// Percent of nothing: the baseline is zero.
pub(crate) fn without_percent() -> Verdict {
    Verdict {
        change_percent: None,
        interval: None,
        margin_percent: None,
        change_interval: interval(f64::NEG_INFINITY, f64::INFINITY),
        p_value: f64::NAN,
        effective_n: [f64::INFINITY, 12.0],
        ..unsure()
    }
}

pub(crate) fn interval(low: f64, high: f64) -> Interval {
    Interval {
        low,
        high,
        level: 0.95,
    }
}

/// A report with these verdicts and nothing else to say.
pub(crate) fn compared(verdicts: Vec<Verdict>) -> Report {
    let comparison = Comparison {
        baseline: "default".to_owned(),
        version: 3,
        range: TimeRange::new(at(90_000), at(86_400)),
        verdicts,
    };
    Report {
        comparison: Some(comparison),
        ..empty()
    }
}

/// An alert that fires, or ended after five minutes.
pub(crate) fn alert(rule: &str, severity: Severity, message: &str, fires: bool) -> AlertFact {
    AlertFact {
        rule: rule.to_owned(),
        severity,
        message: message.to_owned(),
        started_at: at(600),
        ended_at: (!fires).then(|| at(300)),
        value: Some(96.2),
        threshold: 90.0,
        unit: "%".to_owned(),
    }
}
