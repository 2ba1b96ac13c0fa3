//! One comparison looks at many series: the false-discovery rate over all of its verdicts.
//!
//! A *regressed* or *improved* whose p-value does not survive the step-up procedure becomes
//! *inconclusive*, leaning where it was. Not for watching without end, where a false-discovery
//! rate means nothing.
//!
//! Sources: Benjamini and Hochberg (1995); Benjamini and Yekutieli (2001).

use super::{Answer, LEVEL, Verdict};

/// Under which dependence between the series the rate is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Control {
    /// Independent or positively dependent series.
    BenjaminiHochberg,
    /// Any dependence: metrics of one host move together in either direction.
    BenjaminiYekutieli,
}

/// Keeps the false-discovery rate at 5 % under any dependence.
pub fn adjust(verdicts: &mut [Verdict]) {
    adjust_with(verdicts, Control::BenjaminiYekutieli);
}

/// Keeps the false-discovery rate at 5 %.
pub fn adjust_with(verdicts: &mut [Verdict], control: Control) {
    let Some(limit) = limit(verdicts, control) else {
        return;
    };
    let count = verdicts.len();
    for verdict in verdicts {
        let claims = matches!(verdict.answer, Answer::Regressed | Answer::Improved);
        if claims && verdict.evidence.p_beyond > limit {
            verdict.leaning = Some(verdict.answer);
            verdict.answer = Answer::Inconclusive;
            verdict.severity = None;
            verdict.reason = Some(format!(
                "one of {count} comparisons: p = {:.4} does not survive the control of false \
                 discoveries",
                verdict.evidence.p_beyond
            ));
        }
    }
}

/// The largest p-value that survives; `None` without verdicts.
fn limit(verdicts: &[Verdict], control: Control) -> Option<f64> {
    let mut ps: Vec<f64> = verdicts.iter().map(|v| v.evidence.p_beyond).collect();
    ps.sort_by(f64::total_cmp);
    let m = ps.len() as f64;
    let penalty = match control {
        Control::BenjaminiHochberg => 1.0,
        Control::BenjaminiYekutieli => (1..=ps.len()).map(|i| 1.0 / i as f64).sum(),
    };
    let threshold = |i: usize| (1.0 - LEVEL) * (i + 1) as f64 / (m * penalty);
    let survives = |&(i, p): &(usize, f64)| p <= threshold(i);
    let last = ps.iter().copied().enumerate().rev().find(survives);
    (!ps.is_empty()).then(|| last.map_or(-1.0, |(_, p)| p))
}
