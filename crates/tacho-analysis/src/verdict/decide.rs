//! From shifts to one answer.

use std::time::Duration;

use tacho_stats::Interval;

use super::{
    Answer, EFFECTIVE_MIN, Evidence, LEVEL, SideEvidence, Statistic, Verdict, effect, plan,
};
use crate::measurement::Summary;
use crate::metric::{Direction, MetricSpec};

/// The change of one statistic.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Shift {
    /// Of what.
    pub statistic: Statistic,
    /// In the baseline.
    pub before: f64,
    /// In the window.
    pub after: f64,
    /// After less before, in the metric's unit.
    pub change: f64,
    /// Of the change, at 95 %.
    pub change_interval: Interval,
    /// In percent of `before`; `None` where that is not above zero.
    pub change_percent: Option<f64>,
    /// Of the change in percent, at 95 %.
    pub interval: Option<Interval>,
    /// Of the change.
    pub standard_error: f64,
    /// Two-sided, of no change.
    pub p_value: f64,
    /// Two-sided, of a change above the margin.
    pub p_above: f64,
    /// Two-sided, of a change below the margin.
    pub p_below: f64,
    /// Whether the 90 % interval lies inside the margin.
    pub inside: bool,
}

/// What a method found.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// The mean first, then quantiles.
    pub(super) shifts: Vec<Shift>,
    pub(super) effective_n: [f64; 2],
    /// Whether each side is worth enough independent values.
    pub(super) decidable: bool,
    /// Whether every single value of both sides lies within the margin of the baseline's mean.
    pub(super) contained: bool,
    pub(super) method: String,
}

impl Comparison {
    /// Whether every statistic is known to be inside the margin.
    fn inside(&self) -> bool {
        self.decidable && self.shifts.iter().all(|s| s.inside)
    }
}

impl Shift {
    fn p_worse(&self, direction: Direction) -> f64 {
        match direction {
            Direction::LowerIsBetter => self.p_above,
            Direction::HigherIsBetter => self.p_below,
        }
    }

    fn p_better(&self, direction: Direction) -> f64 {
        match direction {
            Direction::LowerIsBetter => self.p_below,
            Direction::HigherIsBetter => self.p_above,
        }
    }

    /// What the estimate alone would say.
    fn leaning(&self, spec: &MetricSpec) -> Answer {
        let worse = match spec.direction {
            Direction::LowerIsBetter => self.change,
            Direction::HigherIsBetter => -self.change,
        };
        let margin = spec.margin.around(self.before);
        if worse > margin {
            Answer::Regressed
        } else if -worse > margin {
            Answer::Improved
        } else {
            Answer::Stable
        }
    }
}

/// Simes' p-value of "none of these statistics is beyond the margin", and which of them to show:
/// the mean where it is beyond by itself, else the strongest. A shift of everything, with all
/// p-values alike, costs nothing; a shift of one of four has to be four times as sure.
fn strongest(shifts: &[Shift], p: impl Fn(&Shift) -> f64) -> (f64, &Shift) {
    let mut ordered: Vec<(f64, &Shift)> = shifts.iter().map(|s| (p(s), s)).collect();
    ordered.sort_by(|a, b| a.0.total_cmp(&b.0));
    let looks = ordered.len() as f64;
    let stepped = ordered
        .iter()
        .enumerate()
        .map(|(i, (p, _))| p * looks / (i + 1) as f64);
    let simes = stepped.fold(1.0, f64::min);
    let mean_alone = p(&shifts[0]) <= 1.0 - LEVEL;
    let shown = if mean_alone { &shifts[0] } else { ordered[0].1 };
    (simes, shown)
}

/// The answer, the shift to show with it, and the p-value beyond the margin.
fn answer<'a>(spec: &MetricSpec, comparison: &'a Comparison) -> (Answer, &'a Shift, f64) {
    let shifts = &comparison.shifts;
    let alpha = 1.0 - LEVEL;
    let (p_worse, worst) = strongest(shifts, |s| s.p_worse(spec.direction));
    let (p_better, best) = strongest(shifts, |s| s.p_better(spec.direction));
    let decidable = comparison.decidable;
    // What was declined must not count as evidence when many verdicts are adjusted together.
    let p = if decidable {
        p_worse.min(p_better)
    } else {
        1.0
    };
    if decidable && p_worse <= alpha {
        (Answer::Regressed, worst, p_worse)
    } else if decidable && p_better <= alpha {
        (Answer::Improved, best, p_better)
    } else if comparison.inside() || comparison.contained {
        (Answer::Stable, &shifts[0], p)
    } else if p < 0.5 {
        let leaning = if p_worse <= p_better { worst } else { best };
        (Answer::Inconclusive, leaning, p)
    } else {
        (Answer::Inconclusive, &shifts[0], p)
    }
}

pub(super) fn verdict(
    spec: &MetricSpec,
    before: &Summary,
    after: &Summary,
    comparison: Comparison,
) -> Verdict {
    let (answer, shift, p_beyond) = answer(spec, &comparison);
    let inconclusive = answer == Answer::Inconclusive;
    let (needs_more, reason) = match answer {
        Answer::Inconclusive => {
            let measured = after.range.duration();
            plan::more(spec, measured, shift, &comparison, before, after)
        }
        Answer::Stable if !comparison.inside() => (None, Some(contained_reason())),
        _ => (None, None),
    };
    let worse_by = spec.worse_by(shift.change, shift.before);
    let severity = spec.kind.severity(worse_by, spec.severity_threshold);
    let margin = spec.margin.around(shift.before);
    Verdict {
        id: id(spec, before, after),
        target: spec.target.clone(),
        metric: spec.metric.clone(),
        labels: spec.labels.clone(),
        kind: spec.kind,
        answer,
        leaning: inconclusive.then(|| shift.leaning(spec)),
        severity: (answer == Answer::Regressed).then_some(severity),
        statistic: shift.statistic,
        change_percent: shift.change_percent,
        change: shift.change,
        unit: spec.unit.clone(),
        interval: shift.interval,
        change_interval: shift.change_interval,
        level: LEVEL,
        method: comparison.method.clone(),
        p_value: shift.p_value,
        effect: effect::effect(before, after),
        n: [before.n, after.n],
        effective_n: comparison.effective_n,
        margin: spec.margin,
        margin_percent: (shift.before != 0.0).then(|| 100.0 * margin / shift.before.abs()),
        needs_more,
        reason,
        windows: [before.range, after.range],
        evidence: Evidence {
            before: side(before),
            after: side(after),
            mann_whitney_p: effect::mann_whitney_p(before, after),
            p_beyond,
        },
        quantiles: comparison.shifts.into_iter().skip(1).collect(),
    }
}

fn contained_reason() -> String {
    "too slow for an interval, but every single value lies within the margin of the baseline's \
     mean"
        .to_owned()
}

fn side(summary: &Summary) -> SideEvidence {
    SideEvidence {
        mean: summary.estimate.mean,
        sd: summary.sd,
        percentiles: summary.percentiles.clone(),
        trend: summary.trend.clone(),
    }
}

/// FNV-1a over what is compared: the same inputs, the same id.
fn id(spec: &MetricSpec, before: &Summary, after: &Summary) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    eat(spec.target.as_bytes());
    eat(spec.labels.as_ref().as_bytes());
    eat(spec.function.as_str().as_bytes());
    for range in [before.range, after.range] {
        eat(&range.start.as_nanos().to_le_bytes());
        eat(&range.end.as_nanos().to_le_bytes());
    }
    format!("{hash:016x}")
}

/// Whether enough is known on both sides, in words when not.
pub(super) fn shortage(effective_n: [f64; 2]) -> Option<String> {
    let names = ["baseline", "window"];
    let short = names
        .iter()
        .zip(effective_n)
        .find(|(_, n)| *n < EFFECTIVE_MIN)?;
    Some(format!(
        "the {} is worth {:.1} independent values; {EFFECTIVE_MIN} are needed",
        short.0, short.1
    ))
}

/// Longest time that is worth announcing.
pub(super) const MORE_MAX: Duration = Duration::from_hours(24 * 30);
