//! What matters most comes first.

use std::cmp::{Ordering, Reverse};

use tacho_analysis::verdict::{Answer, Verdict};

use crate::report::{AlertFact, Report};

/// Verdicts: regressions by severity and size, then what is unsure, improved and stable.
pub(crate) fn verdicts(report: &Report) -> Vec<&Verdict> {
    let mut sorted: Vec<&Verdict> = report
        .comparison
        .iter()
        .flat_map(|comparison| &comparison.verdicts)
        .collect();
    sorted.sort_by(|a, b| {
        let by_answer = (rank(a), Reverse(a.severity)).cmp(&(rank(b), Reverse(b.severity)));
        by_answer.then_with(|| larger_first(a, b))
    });
    sorted
}

fn rank(verdict: &Verdict) -> u8 {
    match (verdict.answer, verdict.leaning) {
        (Answer::Regressed, _) => 0,
        (Answer::Inconclusive, Some(Answer::Regressed)) => 1,
        (Answer::Inconclusive, _) => 2,
        (Answer::Improved, _) => 3,
        (Answer::Stable, _) => 4,
    }
}

fn larger_first(a: &Verdict, b: &Verdict) -> Ordering {
    let size = |v: &Verdict| v.change_percent.map_or(0.0, f64::abs);
    size(b).total_cmp(&size(a))
}

/// Alerts: those that still fire, worst first, then the newest.
pub(crate) fn alerts(report: &Report) -> Vec<&AlertFact> {
    let mut sorted: Vec<&AlertFact> = report.alerts.iter().collect();
    sorted.sort_by_key(|alert| {
        let worst = alert.ended_at.is_none().then_some(alert.severity);
        (Reverse(worst), Reverse(alert.started_at))
    });
    sorted
}
