//! What a reader should keep in mind with a report.
//!
//! Invariant: a warning names a measured fact and says what to do. Not for errors: data that a test
//! cannot take are refused.

use std::fmt;

use super::Test;
use crate::dependence::{MIN_EFFECTIVE_N, compare_means, effective_sample_size};
use crate::hypothesis::dominance;
use crate::quantile::SortedSample;

/// Something that changes how a report is to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// In the order given, neighbours resemble each other: p is too small.
    Dependent {
        /// Which sample, from 0; for a paired test 0 stands for the differences.
        sample: usize,
        /// Its number of observations.
        n: usize,
        /// How many independent ones they are worth, at a low estimate.
        effective_n: f64,
    },
    /// In the order given, the observations are worth too few independent ones for an answer.
    Undecided {
        /// How many independent ones the smaller sample is worth.
        effective_n: f64,
    },
    /// So few observations that only a very large effect could be found.
    Few {
        /// Observations in the smaller sample.
        n: usize,
    },
    /// Many pairs are tied, which costs rank tests power.
    Tied {
        /// The part of pairs that are equal.
        part: f64,
    },
    /// Variances differ so much that Student's test is off; Welch's is not.
    UnequalVariances {
        /// The larger standard deviation over the smaller.
        sd_ratio: f64,
    },
    /// No difference was found, which is no proof that there is none.
    NotEquivalence,
}

/// Below this part of n the effective size is told; chance alone rarely goes there.
const EFFECTIVE_PART: f64 = 0.6;
/// A shorter series says nothing about its dependence.
const DEPENDENCE_MIN_N: usize = 20;
const FEW: usize = 6;
const TIED_PART: f64 = 0.1;
const SD_RATIO: f64 = 2.0;

pub(super) fn warnings(test: Test, a: &[f64], b: &[f64], p: f64, alpha: f64) -> Vec<Warning> {
    let mut found = Vec::new();
    if test.allows_dependence() {
        if let Some(undecided) = undecided(a, b) {
            return vec![undecided];
        }
    } else if test.is_paired() {
        let differences: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
        found.extend(dependent(0, &differences));
    } else {
        found.extend(dependent(0, a));
        found.extend(dependent(1, b));
    }
    let n = a.len().min(b.len());
    if n < FEW {
        found.push(Warning::Few { n });
    }
    if test == Test::MannWhitney {
        found.extend(tied(a, b));
    }
    if test == Test::Student {
        found.extend(unequal(a, b));
    }
    if test != Test::Tost && p > alpha {
        found.push(Warning::NotEquivalence);
    }
    found
}

fn undecided(a: &[f64], b: &[f64]) -> Option<Warning> {
    let [first, second] = compare_means(a, b).ok()?.effective_n;
    let effective_n = first.min(second);
    (effective_n < MIN_EFFECTIVE_N).then_some(Warning::Undecided { effective_n })
}

fn dependent(sample: usize, x: &[f64]) -> Option<Warning> {
    if x.len() < DEPENDENCE_MIN_N {
        return None;
    }
    let effective_n = effective_sample_size(x).ok()?;
    (effective_n < EFFECTIVE_PART * x.len() as f64).then_some(Warning::Dependent {
        sample,
        n: x.len(),
        effective_n,
    })
}

fn tied(a: &[f64], b: &[f64]) -> Option<Warning> {
    let (a, b) = (SortedSample::new(a).ok()?, SortedSample::new(b).ok()?);
    let counts = dominance(a.as_slice(), b.as_slice());
    let part = counts.equal as f64 / counts.pairs as f64;
    (part > TIED_PART).then_some(Warning::Tied { part })
}

fn unequal(a: &[f64], b: &[f64]) -> Option<Warning> {
    let (sa, sb) = (crate::describe::sd(a).ok()?, crate::describe::sd(b).ok()?);
    let sd_ratio = sa.max(sb) / sa.min(sb);
    (sd_ratio.is_finite() && sd_ratio > SD_RATIO).then_some(Warning::UnequalVariances { sd_ratio })
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dependent {
                sample,
                n,
                effective_n,
            } => {
                let which = if *sample == 0 { "first" } else { "second" };
                write!(
                    f,
                    "the {n} observations of the {which} sample resemble their neighbours and are \
                     worth about {effective_n:.0} independent ones: p is too small; use the test \
                     dependent-means"
                )
            }
            Self::Undecided { effective_n } => write!(
                f,
                "the order of the numbers leaves them worth only {effective_n:.1} independent \
                 ones where {MIN_EFFECTIVE_N} are needed; measure longer"
            ),
            Self::Few { n } => write!(
                f,
                "with {n} observations only a very large effect can be found; measure more"
            ),
            Self::Tied { part } => write!(
                f,
                "{:.0} % of pairs are tied; measure with a finer resolution",
                100.0 * part
            ),
            Self::UnequalVariances { sd_ratio } => write!(
                f,
                "one standard deviation is {sd_ratio:.1} times the other; use Welch's test"
            ),
            Self::NotEquivalence => f.write_str(
                "no difference found is no proof of none; test for equivalence with a margin",
            ),
        }
    }
}
