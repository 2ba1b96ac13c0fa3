//! The one place where a verdict becomes the body that the API, reports and `compare` give.
//!
//! Invariants:
//! 1. A number that is not finite is `null`, never a string and never left out.
//! 2. What does not apply to a verdict (`leaning`, `needs_more`, `reason`, `annotation`) is absent.
//!
//! Not for deciding: what a verdict says was settled in `tacho-analysis`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tacho_analysis::verdict::{Answer, Evidence, Shift, SideEvidence, Verdict};
use tacho_model::time::format_duration;
use tacho_model::{METRIC_NAME, TimeRange};

use crate::number;
use crate::words::clean;

/// One answer with all that it rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerdictBody {
    /// The same inputs give the same id.
    pub id: String,
    /// Whose metric: a host, a service, an agent.
    pub target: String,
    /// The metric's name.
    pub metric: String,
    /// What people call it; its name where nobody calls it otherwise.
    pub title: String,
    /// Labels of the series, without its name.
    pub labels: BTreeMap<String, String>,
    /// `cpu`, `memory`, `latency`, `error_rate`, `throughput` or `other`.
    pub kind: &'static str,
    /// `regressed`, `improved`, `stable` or `inconclusive`.
    pub answer: &'static str,
    /// Of an inconclusive answer: the one that the estimate alone would give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaning: Option<&'static str>,
    /// Of a regression: `info`, `warning` or `critical`.
    pub severity: Option<&'static str>,
    /// In percent of the baseline; null where that is zero or not known to differ from it.
    pub change_percent: Option<f64>,
    /// In the metric's unit.
    pub change: Option<f64>,
    /// UCUM code.
    pub unit: String,
    /// Low and high of the change in percent; null as `change_percent`.
    pub interval: Option<(Option<f64>, Option<f64>)>,
    /// Level of the intervals: 0.95.
    pub level: f64,
    /// For latencies `p50`, `p95` and `p99`; empty for others.
    pub quantiles: BTreeMap<&'static str, ShiftBody>,
    /// How it was found, in words.
    pub method: String,
    /// Two-sided, of no change at all.
    pub p_value: Option<f64>,
    /// How large the difference is, apart from how sure it is.
    pub effect: Option<EffectBody>,
    /// Values (or intervals) in the baseline and in the window.
    pub n: (usize, usize),
    /// How many independent ones they are worth.
    pub effective_n: (Option<f64>, Option<f64>),
    /// What does not count, in percent of the baseline.
    pub margin_percent: Option<f64>,
    /// Of an inconclusive answer: how much longer to measure, such as `12m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_more: Option<String>,
    /// Why the answer is what it is, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Baseline and window.
    pub windows: (WindowBody, WindowBody),
    /// The nearest deployment, version or optimisation step, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation: Option<String>,
    /// What it rests on, for the plot and for checking by hand.
    pub evidence: EvidenceBody,
}

/// The change of one quantile.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShiftBody {
    /// In the baseline, in the metric's unit.
    pub before: Option<f64>,
    /// In the window.
    pub after: Option<f64>,
    /// In the metric's unit.
    pub change: Option<f64>,
    /// In percent of `before`.
    pub change_percent: Option<f64>,
    /// Low and high of the change in percent.
    pub interval: Option<(Option<f64>, Option<f64>)>,
    /// Two-sided, of no change.
    pub p_value: Option<f64>,
}

/// The size of an effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EffectBody {
    /// Which measure: `cliffs_delta`.
    pub name: &'static str,
    /// Positive when the window is larger.
    pub value: Option<f64>,
    /// `negligible`, `small`, `medium` or `large`.
    pub class: &'static str,
}

/// A span of time, both ends inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WindowBody {
    /// RFC 3339.
    pub from: String,
    /// RFC 3339.
    pub to: String,
}

/// What a verdict rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EvidenceBody {
    /// What `change` is a change of: `mean`, `p50`, `p95` or `p99`.
    pub statistic: &'static str,
    /// Low and high of the change in the metric's unit.
    pub change_interval: (Option<f64>, Option<f64>),
    /// Two-sided p-value of a change beyond the margin, on the side where it lies.
    pub p_beyond: Option<f64>,
    /// Of the Mann-Whitney test on the values; described, not decided by.
    pub mann_whitney_p: Option<f64>,
    /// The margin: a change counts only beyond both parts.
    pub margin: MarginBody,
    /// The baseline.
    pub before: SideBody,
    /// The window.
    pub after: SideBody,
}

/// The margin of practical equivalence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MarginBody {
    /// In percent of the baseline.
    pub relative_percent: Option<f64>,
    /// In the metric's unit.
    pub absolute: Option<f64>,
}

/// One side of the evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SideBody {
    /// Mean.
    pub mean: Option<f64>,
    /// Standard deviation.
    pub stddev: Option<f64>,
    /// Fraction (0.5 is the median) and value.
    pub percentiles: Vec<(f64, Option<f64>)>,
    /// Unix seconds and value.
    pub trend: Vec<(f64, Option<f64>)>,
}

/// The body of a verdict.
///
/// `Value::Null` cannot come out: the body holds nothing that JSON cannot.
pub fn verdict_json(verdict: &Verdict) -> Value {
    crate::json::value(&VerdictBody::from(verdict))
}

/// The verdict in one line: `cpu_usage_percent of web-1: regressed (info), +18 % (12 to 24)`.
///
/// ```text
/// node_load1 of web-1: inconclusive, leaning regressed, +7 % (−2 to 16); measure 12 min longer
/// ```
pub fn sentence(verdict: &Verdict) -> String {
    let mut line = clean(&verdict.metric);
    if let Some(quantile) = quantile_name(verdict) {
        line += " ";
        line += quantile;
    }
    if !verdict.target.is_empty() {
        line += &format!(" of {}", clean(&verdict.target));
    }
    line += &format!(": {}", answer_words(verdict));
    if let Some(severity) = verdict.severity {
        line += &format!(" ({severity})");
    }
    line += &format!(", {}", change_words(verdict));
    if let Some(hint) = hint(verdict) {
        line += &format!("; {hint}");
    }
    line
}

/// The answer in words, with where an inconclusive one leans.
pub(crate) fn answer_words(verdict: &Verdict) -> String {
    match verdict
        .leaning
        .filter(|leaning| *leaning != Answer::Inconclusive)
    {
        Some(leaning) => format!("{}, leaning {}", verdict.answer.as_str(), leaning.as_str()),
        None => verdict.answer.as_str().to_owned(),
    }
}

/// `+18 % (12 to 24)`, or the same in the metric's unit where percent mean nothing.
pub(crate) fn change_words(verdict: &Verdict) -> String {
    let interval = verdict.interval.map(|i| (i.low, i.high));
    match verdict.change_percent.filter(|percent| percent.is_finite()) {
        Some(percent) => number::change_percent(percent, interval),
        None => absolute_words(verdict),
    }
}

/// The change in the metric's unit, with its interval where one is known.
pub(crate) fn absolute_words(verdict: &Verdict) -> String {
    let unit = verdict.unit.as_str();
    let change = number::signed_text(verdict.change, unit);
    let interval = verdict.change_interval;
    if interval.low.is_finite() && interval.high.is_finite() {
        let (low, high) = (
            number::text(interval.low, unit),
            number::text(interval.high, unit),
        );
        format!("{change} ({low} to {high})")
    } else {
        change
    }
}

/// What an unsure reader can do, or why the answer is what it is.
pub(crate) fn hint(verdict: &Verdict) -> Option<String> {
    let more = verdict
        .needs_more
        .map(|more| format!("measure {} longer", number::duration(rounded_up(more))));
    match (verdict.reason.as_deref().map(clean), more) {
        (Some(reason), Some(more)) => Some(format!("{reason}; {more}")),
        (reason, more) => reason.or(more),
    }
}

/// To whole minutes beyond two, whole hours beyond ten: nobody plans by the rest.
fn rounded_up(more: Duration) -> Duration {
    let unit = match more.as_secs() {
        0..=120 => 1,
        121..=36_000 => 60,
        _ => 3_600,
    };
    Duration::from_secs(more.as_secs().div_ceil(unit).saturating_mul(unit))
}

/// The quantile that decided, if it was not the mean.
pub(crate) fn quantile_name(verdict: &Verdict) -> Option<&'static str> {
    verdict
        .statistic
        .quantile()
        .map(|_| verdict.statistic.as_str())
}

/// The statistic that decided, in the baseline and in the window: the two numbers whose change
/// the verdict states. A mean is told from the change itself, because long series are compared
/// on a sample of them, whose mean is not quite that of the evidence.
pub(crate) fn before_after(verdict: &Verdict) -> (f64, f64) {
    let quantiles = &verdict.quantiles;
    if let Some(shift) = quantiles.iter().find(|s| s.statistic == verdict.statistic) {
        return (shift.before, shift.after);
    }
    let percent = verdict.change_percent.filter(|percent| *percent != 0.0);
    let compared = percent.map(|percent| 100.0 * verdict.change / percent);
    let before = compared.filter(|before| before.is_finite());
    let before = before.unwrap_or(verdict.evidence.before.mean);
    (before, before + verdict.change)
}

/// A number that JSON can hold.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Fewer pairs of a label set: all but the metric's name.
pub(crate) fn plain_labels(labels: &tacho_model::Labels) -> BTreeMap<String, String> {
    let pairs = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl From<&Verdict> for VerdictBody {
    fn from(verdict: &Verdict) -> Self {
        let [before_n, after_n] = verdict.n;
        let [before_worth, after_worth] = verdict.effective_n.map(finite);
        let [baseline, window] = verdict.windows.map(WindowBody::from);
        let quantiles = verdict.quantiles.iter();
        Self {
            id: verdict.id.clone(),
            target: verdict.target.clone(),
            metric: verdict.metric.clone(),
            title: tacho_analysis::key_metrics::title(&verdict.metric).to_owned(),
            labels: plain_labels(&verdict.labels),
            kind: verdict.kind.as_str(),
            answer: verdict.answer.as_str(),
            leaning: verdict.leaning.map(Answer::as_str),
            severity: verdict.severity.map(tacho_analysis::Severity::as_str),
            change_percent: verdict.change_percent.and_then(finite),
            change: finite(verdict.change),
            unit: verdict.unit.as_str().to_owned(),
            interval: verdict.interval.map(|i| (finite(i.low), finite(i.high))),
            level: verdict.level,
            quantiles: quantiles
                .map(|s| (s.statistic.as_str(), ShiftBody::from(s)))
                .collect(),
            method: verdict.method.clone(),
            p_value: finite(verdict.p_value),
            effect: verdict.effect.map(|effect| EffectBody {
                name: effect.name,
                value: finite(effect.value),
                class: effect.class.as_str(),
            }),
            n: (before_n, after_n),
            effective_n: (before_worth, after_worth),
            margin_percent: verdict.margin_percent.and_then(finite),
            needs_more: verdict.needs_more.map(rounded_up).map(format_duration),
            reason: verdict.reason.clone(),
            windows: (baseline, window),
            annotation: None,
            evidence: EvidenceBody::of(verdict),
        }
    }
}

impl From<&Shift> for ShiftBody {
    fn from(shift: &Shift) -> Self {
        Self {
            before: finite(shift.before),
            after: finite(shift.after),
            change: finite(shift.change),
            change_percent: shift.change_percent.and_then(finite),
            interval: shift.interval.map(|i| (finite(i.low), finite(i.high))),
            p_value: finite(shift.p_value),
        }
    }
}

impl From<TimeRange> for WindowBody {
    fn from(range: TimeRange) -> Self {
        Self {
            from: range.start.to_rfc3339(),
            to: range.end.to_rfc3339(),
        }
    }
}

impl EvidenceBody {
    fn of(verdict: &Verdict) -> Self {
        let Evidence {
            before,
            after,
            mann_whitney_p,
            p_beyond,
        } = &verdict.evidence;
        let interval = verdict.change_interval;
        Self {
            statistic: verdict.statistic.as_str(),
            change_interval: (finite(interval.low), finite(interval.high)),
            p_beyond: finite(*p_beyond),
            mann_whitney_p: mann_whitney_p.and_then(finite),
            margin: MarginBody {
                relative_percent: finite(100.0 * verdict.margin.relative),
                absolute: finite(verdict.margin.absolute),
            },
            before: SideBody::from(before),
            after: SideBody::from(after),
        }
    }
}

impl From<&SideEvidence> for SideBody {
    fn from(side: &SideEvidence) -> Self {
        let trend = side.trend.iter();
        let percentiles = side.percentiles.iter();
        Self {
            mean: finite(side.mean),
            stddev: finite(side.sd),
            percentiles: percentiles.map(|(p, value)| (*p, finite(*value))).collect(),
            trend: trend
                .map(|(t, value)| (t.as_secs_f64(), finite(*value)))
                .collect(),
        }
    }
}
