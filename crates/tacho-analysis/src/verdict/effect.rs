//! How large the difference is, in words too, and a rank test beside it.

use tacho_stats::Alternative;
use tacho_stats::effect::cliffs_delta;
use tacho_stats::mannwhitney::{MannWhitneyMethod, mann_whitney};

use super::{Effect, align};
use crate::measurement::Summary;

/// Cliff's delta of the values (interval means, for latencies): the chance that a value of the
/// window is larger than one of the baseline, less the chance that it is smaller.
pub(super) fn effect(before: &Summary, after: &Summary) -> Option<Effect> {
    let (a, b) = align::values(&before.sample, &after.sample).ok()?;
    let delta = cliffs_delta(&b, &a).ok()?;
    Some(Effect {
        name: "cliffs_delta",
        value: delta.value,
        class: delta.class,
    })
}

/// Two-sided p-value; `None` where all values are equal.
pub(super) fn mann_whitney_p(before: &Summary, after: &Summary) -> Option<f64> {
    let (a, b) = align::values(&before.sample, &after.sample).ok()?;
    let test = mann_whitney(&b, &a, MannWhitneyMethod::Asymptotic).ok()?;
    Some(test.p(Alternative::TwoSided)).filter(|p| p.is_finite())
}
