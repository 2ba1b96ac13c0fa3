//! What each test itself finds; this is where a further one is wired in.

use super::{Difference, Question, Statistic, Test};
use crate::brunner_munzel::brunner_munzel;
use crate::dependence::{compare_means, compare_ranks};
use crate::effect::hodges_lehmann;
use crate::equivalence;
use crate::error::{Result, StatsError};
use crate::hypothesis::Interval;
use crate::kolmogorov_smirnov::{KolmogorovSmirnovMethod, kolmogorov_smirnov};
use crate::mannwhitney::{MannWhitneyMethod, mann_whitney};
use crate::permutation::{PermutationPlan, permute_means};
use crate::ttest::{self, TTest};
use crate::wilcoxon::{SignedRankMethod, Zeros, pseudo_median, signed_rank_paired};

/// Labellings that a permutation test draws where there are too many for all.
const PERMUTATIONS: u64 = 10_000;

/// A statistic, a p-value, and an estimate where the test has one.
pub(super) struct Outcome {
    pub(super) statistic: Statistic,
    pub(super) p: f64,
    pub(super) difference: Option<Difference>,
}

/// Runs the test of `question`.
pub(super) fn of(question: &Question, a: &[f64], b: &[f64]) -> Result<Outcome> {
    match question.test {
        Test::Student => from_t(question, &ttest::student(a, b)?),
        Test::Welch => from_t(question, &ttest::welch(a, b)?),
        Test::Paired => from_t(question, &ttest::paired(a, b)?),
        Test::MannWhitney => ranks(question, a, b),
        Test::Wilcoxon => signed_ranks(question, a, b),
        Test::BrunnerMunzel => relative_effect(question, a, b),
        Test::KolmogorovSmirnov => {
            let test = kolmogorov_smirnov(a, b, KolmogorovSmirnovMethod::Auto)?;
            let p = test.p(question.alternative);
            Ok(outcome("D", test.d, None, p, None))
        }
        Test::Permutation => {
            let plan = PermutationPlan {
                permutations: PERMUTATIONS,
                seed: question.seed,
            };
            let test = permute_means(a, b, plan)?;
            let p = test.p(question.alternative);
            Ok(outcome(
                "difference of means",
                test.statistic,
                None,
                p,
                None,
            ))
        }
        Test::Tost => equivalent(question, a, b),
        Test::DependentMeans => dependent_means(question, a, b),
        Test::DependentRanks => dependent_ranks(question, a, b),
    }
}

fn outcome(
    name: &'static str,
    value: f64,
    df: Option<f64>,
    p: f64,
    difference: impl Into<Option<Difference>>,
) -> Outcome {
    Outcome {
        statistic: Statistic { name, value, df },
        p,
        difference: difference.into(),
    }
}

fn estimate(name: &'static str, value: f64, interval: Interval) -> Difference {
    Difference {
        name,
        value,
        interval,
    }
}

fn from_t(question: &Question, test: &TTest) -> Result<Outcome> {
    let interval = test.interval(1.0 - question.alpha)?;
    let difference = estimate("difference of means", test.difference, interval);
    let p = test.p(question.alternative);
    Ok(outcome("t", test.t, Some(test.df), p, difference))
}

fn ranks(question: &Question, a: &[f64], b: &[f64]) -> Result<Outcome> {
    let test = mann_whitney(a, b, MannWhitneyMethod::Auto)?;
    let shift = hodges_lehmann(a, b, 1.0 - question.alpha)?;
    let difference = estimate("Hodges-Lehmann shift", shift.shift, shift.interval);
    let p = test.p(question.alternative);
    Ok(outcome("U", test.u1, None, p, difference))
}

fn signed_ranks(question: &Question, a: &[f64], b: &[f64]) -> Result<Outcome> {
    let test = signed_rank_paired(a, b, Zeros::default(), SignedRankMethod::Auto)?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    let centre = pseudo_median(&differences, 1.0 - question.alpha)?;
    let difference = estimate(
        "pseudo-median of differences",
        centre.estimate,
        centre.interval,
    );
    let p = test.p(question.alternative);
    Ok(outcome("W", test.r_plus, None, p, difference))
}

fn relative_effect(question: &Question, a: &[f64], b: &[f64]) -> Result<Outcome> {
    let test = brunner_munzel(a, b)?;
    let interval = test.interval(1.0 - question.alpha)?;
    let difference = estimate("P(a > b)", test.probability_greater, interval);
    let p = test.p(question.alternative);
    Ok(outcome("W", test.statistic, Some(test.df), p, difference))
}

fn equivalent(question: &Question, a: &[f64], b: &[f64]) -> Result<Outcome> {
    let margin = question.margin.ok_or(StatsError::Invalid {
        name: "margin",
        why: "a test of equivalence needs one",
    })?;
    let test = equivalence::welch(a, b, margin, question.alpha)?;
    let difference = estimate("difference of means", test.difference, test.interval);
    Ok(outcome("t", test.statistic, None, test.p(), difference))
}

// The comparisons of series are of a second with a first; the report is of a first with a second.

fn dependent_means(question: &Question, a: &[f64], b: &[f64]) -> Result<Outcome> {
    let found = compare_means(b, a)?;
    let df = Some(found.df()?).filter(|df| df.is_finite());
    let interval = found.interval(1.0 - question.alpha)?;
    let difference = estimate("difference of means", found.difference, interval);
    let t = found.difference / found.standard_error;
    let p = found.p(question.alternative);
    Ok(outcome("t", t, df, p, difference))
}

fn dependent_ranks(question: &Question, a: &[f64], b: &[f64]) -> Result<Outcome> {
    let found = compare_ranks(b, a)?;
    let interval = found.shift_interval(1.0 - question.alpha)?;
    let difference = estimate("Hodges-Lehmann shift", found.shift, interval);
    let p = found.p(question.alternative);
    Ok(outcome("P(a > b)", found.superiority, None, p, difference))
}
