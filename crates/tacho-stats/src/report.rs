//! One question, one answer: any two-sample test with its effect sizes, in one report.
//!
//! Invariant: a report never leaves out what would change its reading: the statistic and p come with
//! n, an interval where the test has one, effect sizes with their class, and a warning where the
//! observations look dependent, few or tied. This is the front for people's own numbers; a verdict
//! on two windows of a series is [`compare_means`](crate::dependence::compare_means).
//! Sources: those of the tests; Wasserstein & Lazar, The American Statistician 70 (2016), why a
//! p-value never comes alone.

mod kind;
mod outcome;
mod warning;

pub use kind::Test;
pub use warning::Warning;

use crate::describe::{mean, median, sd};
use crate::effect::{
    Effect, cliffs_delta, cliffs_delta_interval, cohen_d, cohen_d_interval, common_language,
    hedges_g, hedges_g_interval,
};
use crate::equivalence::Margin;
use crate::error::{self, Result, StatsError, observations};
use crate::hypothesis::{Alternative, Interval};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// The test.
    pub test: Test,
    /// What the alternative claims of the first sample. Not used by `tost`.
    pub alternative: Alternative,
    /// Rate of false alarms, strictly between 0 and 1 (below ½ for `tost`); intervals have the level
    /// 1 − alpha (1 − 2 alpha for `tost`).
    pub alpha: f64,
    /// The differences that do not matter; `tost` needs it.
    pub margin: Option<Margin>,
    /// Seed for tests that resample.
    pub seed: u64,
}

impl Question {
    /// A two-sided test at 5 %.
    pub fn new(test: Test) -> Self {
        Self {
            test,
            alternative: Alternative::TwoSided,
            alpha: 0.05,
            margin: None,
            seed: 1,
        }
    }
}

/// What a test statistic is called, and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistic {
    /// Its letter in the books: t, U, W, D.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// Degrees of freedom, where its distribution has them.
    pub df: Option<f64>,
}

/// An estimate of the difference in the unit of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// What is estimated.
    pub name: &'static str,
    /// First sample less second.
    pub value: f64,
    /// Its two-sided confidence interval.
    pub interval: Interval,
}

/// An effect size by name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NamedEffect {
    /// What it is called.
    pub name: &'static str,
    /// Its size and class.
    pub effect: Effect,
    /// Its confidence interval, where there is one.
    pub interval: Option<Interval>,
}

/// One sample in a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Number of observations.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation; zero for one observation.
    pub sd: f64,
    /// Median.
    pub median: f64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The test.
    pub test: Test,
    /// The alternative.
    pub alternative: Alternative,
    /// Rate of false alarms asked for.
    pub alpha: f64,
    /// The statistic.
    pub statistic: Statistic,
    /// The p-value.
    pub p: f64,
    /// The difference in the unit of the data, where the test has one.
    pub difference: Option<Difference>,
    /// Effect sizes; those that the data leave undefined are missing.
    pub effects: Vec<NamedEffect>,
    /// The two samples.
    pub samples: [Summary; 2],
    /// What to keep in mind.
    pub warnings: Vec<Warning>,
}

impl Report {
    /// Whether the observations are worth enough independent ones for an answer.
    pub fn is_decidable(&self) -> bool {
        let undecided = |w: &Warning| matches!(w, Warning::Undecided { .. });
        !self.warnings.iter().any(undecided)
    }

    /// Whether the test rejects at alpha: for `tost`, whether the samples are equivalent.
    pub fn is_significant(&self) -> bool {
        self.p <= self.alpha && self.is_decidable()
    }
}

/// Answers `question` for two samples.
///
/// ```
/// use tacho_stats::report::{Question, Test, hypothesis_test};
///
/// let (before, after) = ([12.1, 11.9, 12.4, 12.0, 12.2], [12.9, 13.1, 12.7, 13.0, 13.3]);
/// let report = hypothesis_test(&Question::new("welch".parse::<Test>()?), &before, &after)?;
/// assert!(report.is_significant());
/// assert!(report.difference.is_some_and(|d| d.interval.high < 0.0));
/// assert_eq!(report.effects[0].effect.class.as_str(), "large");
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn hypothesis_test(question: &Question, a: &[f64], b: &[f64]) -> Result<Report> {
    error::level(question.alpha).map_err(|_| StatsError::Invalid {
        name: "alpha",
        why: "it must lie strictly between 0 and 1",
    })?;
    observations(a, 1)?;
    observations(b, 1)?;
    let outcome = outcome::of(question, a, b)?;
    let samples = [summary(a)?, summary(b)?];
    Ok(Report {
        test: question.test,
        alternative: question.alternative,
        alpha: question.alpha,
        statistic: outcome.statistic,
        p: outcome.p,
        difference: outcome.difference,
        effects: effects(a, b, 1.0 - question.alpha),
        samples,
        warnings: warning::warnings(question.test, a, b, outcome.p, question.alpha),
    })
}

/// Every effect size that the data define, with its interval where that exists.
fn effects(a: &[f64], b: &[f64], level: f64) -> Vec<NamedEffect> {
    let of = |name, effect: Result<Effect>, interval: Result<Interval>| {
        let effect = effect.ok()?;
        Some(NamedEffect {
            name,
            effect,
            interval: interval.ok(),
        })
    };
    let delta = cliffs_delta_interval(a, b, level);
    let superiority = delta.map(|delta| Interval {
        low: 0.5 + 0.5 * delta.low,
        high: 0.5 + 0.5 * delta.high,
        level,
    });
    [
        of("Cohen's d", cohen_d(a, b), cohen_d_interval(a, b, level)),
        of("Hedges' g", hedges_g(a, b), hedges_g_interval(a, b, level)),
        of("Cliff's delta", cliffs_delta(a, b), delta),
        of("common language", common_language(a, b), superiority),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn summary(x: &[f64]) -> Result<Summary> {
    Ok(Summary {
        n: x.len(),
        mean: mean(x)?,
        sd: if x.len() > 1 { sd(x)? } else { 0.0 },
        median: median(x)?,
    })
}

#[cfg(test)]
mod tests;
