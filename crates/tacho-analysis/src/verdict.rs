//! Did it change? Two windows of one metric compared, with one of four answers.
//!
//! The margin of practical equivalence decides, not a bare p-value:
//! - **regressed**: the 95 % interval of the change lies beyond the margin on the worse side;
//! - **improved**: the same on the better side;
//! - **stable**: the 90 % interval lies inside ± the margin (two one-sided tests at 5 %);
//! - **inconclusive**: none of these, or fewer than [`EFFECTIVE_MIN`] effective values on a side;
//!   with where it leans and how much longer to measure.
//!
//! Invariants:
//! 1. an answer other than *inconclusive* needs [`EFFECTIVE_MIN`] effective values on each side,
//!    but for *stable* where every single value of both sides lies within the margin (memory that
//!    creeps has few effective values, and has plainly not changed);
//! 2. without any change, the chance of *regressed* or *improved* is at most 5 % even at margin 0
//!    (measured in `examples/aa.rs`), the looks at the mean and three quantiles of a latency
//!    together: Simes' test, which holds for statistics that move together as these do;
//! 3. the severity grades a regression and never makes one.
//!
//! Sources: Schuirmann (1987) for two one-sided tests; Fieller (1954) for ratios; Simes (1986),
//! and Sarkar (1998) for its validity under positive dependence; Benjamini and Yekutieli (2001);
//! Künsch (1989) for the moving-block bootstrap.

use std::time::Duration;

use tacho_model::{Labels, TimeRange, Timestamp, Unit};
use tacho_stats::Interval;
use tacho_stats::effect::EffectClass;

use crate::Severity;
use crate::baseline::MetricBaseline;
use crate::error::{AnalysisError, Result};
use crate::measurement::{Measurement, Summary};
use crate::metric::{Margin, MetricKind, MetricSpec};

mod adjust;
mod align;
mod decide;
mod effect;
mod latency;
mod means;
mod plan;
#[cfg(test)]
mod tests;

pub use adjust::adjust;
pub use decide::Shift;

/// Fewest effective values (or intervals) on each side for an answer.
pub const EFFECTIVE_MIN: f64 = tacho_stats::dependence::MIN_EFFECTIVE_N;
/// The level of the intervals that are reported.
pub const LEVEL: f64 = 0.95;

/// What came out of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// Worse, beyond the margin.
    Regressed,
    /// Better, beyond the margin.
    Improved,
    /// Within the margin.
    Stable,
    /// Not known yet.
    Inconclusive,
}

impl Answer {
    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Stable => "stable",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// The answer of that name.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::Regressed,
            Self::Improved,
            Self::Stable,
            Self::Inconclusive,
        ];
        all.into_iter().find(|a| a.as_str() == text)
    }
}

/// Of what a shift is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Statistic {
    /// The mean.
    Mean,
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
}

impl Statistic {
    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }

    /// The fraction of a percentile.
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::Mean => None,
            Self::P50 => Some(0.5),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
        }
    }
}

/// How large the effect is, apart from how sure it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Effect {
    /// Which measure.
    pub name: &'static str,
    /// Positive when the window is larger.
    pub value: f64,
    /// In a word.
    pub class: EffectClass,
}

/// One side of the evidence: compact, for drawing both distributions.
#[derive(Clone, PartialEq, Debug)]
pub struct SideEvidence {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// `(fraction, value)`.
    pub percentiles: Vec<(f64, f64)>,
    /// The course over time.
    pub trend: Vec<(Timestamp, f64)>,
}

/// What a verdict rests on, for the plot and for checking by hand.
#[derive(Clone, PartialEq, Debug)]
pub struct Evidence {
    /// The baseline.
    pub before: SideEvidence,
    /// The window.
    pub after: SideEvidence,
    /// Two-sided p-value of the Mann-Whitney test on the values (or interval means). Described,
    /// not decided by: it knows nothing of dependence.
    pub mann_whitney_p: Option<f64>,
    /// Two-sided p-value of a change beyond the margin, on the side where it lies: what the
    /// answer and [`adjust`] rest on.
    pub p_beyond: f64,
}

/// The answer for one metric, with all that it rests on.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// The same inputs give the same id.
    pub id: String,
    /// Whose metric.
    pub target: String,
    /// The metric's name.
    pub metric: String,
    /// Labels of the series.
    pub labels: Labels,
    /// What it measures.
    pub kind: MetricKind,
    /// The answer.
    pub answer: Answer,
    /// Of an inconclusive answer: the one that the estimate alone would give.
    pub leaning: Option<Answer>,
    /// Of a regression.
    pub severity: Option<Severity>,
    /// What `change` is a change of: the mean, or the quantile that decided.
    pub statistic: Statistic,
    /// In percent of the baseline; `None` where that is zero or not known to differ from it.
    pub change_percent: Option<f64>,
    /// In [`Self::unit`].
    pub change: f64,
    /// The metric's unit.
    pub unit: Unit,
    /// Of the change in percent, at [`Self::level`]; `None` as `change_percent`.
    pub interval: Option<Interval>,
    /// Of the change in [`Self::unit`]; infinite where nothing is known.
    pub change_interval: Interval,
    /// 0.95.
    pub level: f64,
    /// For latencies, p50, p95 and p99, each with its own interval.
    pub quantiles: Vec<Shift>,
    /// How it was found, in words.
    pub method: String,
    /// Two-sided, of no change at all.
    pub p_value: f64,
    /// How large.
    pub effect: Option<Effect>,
    /// Values (or intervals) in the baseline and in the window.
    pub n: [usize; 2],
    /// How many independent ones they are worth.
    pub effective_n: [f64; 2],
    /// What does not count.
    pub margin: Margin,
    /// The margin in percent of the baseline, the absolute part included; `None` at a zero.
    pub margin_percent: Option<f64>,
    /// Of an inconclusive answer: how much longer to measure; `None` where that would not help.
    pub needs_more: Option<Duration>,
    /// Why the answer is what it is, where that is not plain: a sentence.
    pub reason: Option<String>,
    /// Baseline and window.
    pub windows: [TimeRange; 2],
    /// What it rests on.
    pub evidence: Evidence,
}

/// How to compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Resamples of the bootstrap.
    pub resamples: usize,
    /// Seed of the bootstrap: the same data, settings and seed give the same answer.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resamples: 1_000,
            seed: 1,
        }
    }
}

/// Compares what was measured in a window with a baseline.
///
/// # Errors
/// [`AnalysisError::NoData`] when the window is empty, [`AnalysisError::Incomparable`] when the two
/// are of different sorts or of steps that do not fit, [`AnalysisError::Setting`] for a margin or
/// number of resamples out of range.
pub fn compare(
    baseline: &MetricBaseline,
    window: &Measurement,
    settings: &Settings,
) -> Result<Verdict> {
    compare_summaries(
        &baseline.spec,
        &baseline.summary,
        &Summary::of(window)?,
        settings,
    )
}

/// Compares two summaries of one metric: window and baseline, before and after, one version and
/// the next.
///
/// # Errors
/// As [`compare`].
pub fn compare_summaries(
    spec: &MetricSpec,
    before: &Summary,
    after: &Summary,
    settings: &Settings,
) -> Result<Verdict> {
    spec.margin.validate()?;
    if !(100..=100_000).contains(&settings.resamples) {
        return Err(AnalysisError::Setting {
            name: "resamples",
            value: settings.resamples as f64,
            range: "between 100 and 100000",
        });
    }
    let comparison = match (&before.intervals, &after.intervals) {
        (None, None) => means::compare(spec, before, after)?,
        (Some(a), Some(b)) => latency::compare(spec, (before, a), (after, b), settings)?,
        _ => {
            let problem = "one has values, the other distributions".to_owned();
            return Err(AnalysisError::Incomparable { problem });
        }
    };
    Ok(decide::verdict(spec, before, after, comparison))
}
