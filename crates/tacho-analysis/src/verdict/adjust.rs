//! One comparison looks at many series: the false-discovery rate over all of its verdicts.
//!
//! A *regressed* or *improved* whose p-value does not survive the step-up procedure becomes
//! *inconclusive*, leaning where it was. Not for watching without end, where a false-discovery
//! rate means nothing.
//!
//! Source: Benjamini and Yekutieli (2001), because metrics of one host move together in either
//! direction.

use tacho_stats::multiple::{self, Correction};

use super::{Answer, LEVEL, Verdict};

/// Keeps the false-discovery rate at 5 % under any dependence between the series.
///
/// Should a p-value not be a probability, no claim survives.
pub fn adjust(verdicts: &mut [Verdict]) {
    let ps: Vec<f64> = verdicts.iter().map(|v| v.evidence.p_beyond).collect();
    let adjusted = multiple::adjust(&ps, Correction::BenjaminiYekutieli)
        .unwrap_or_else(|_| vec![1.0; ps.len()]);
    let count = verdicts.len();
    for (verdict, p) in verdicts.iter_mut().zip(adjusted) {
        let claims = matches!(verdict.answer, Answer::Regressed | Answer::Improved);
        if claims && p > 1.0 - LEVEL {
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
