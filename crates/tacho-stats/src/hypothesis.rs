//! What every two-sample method shares: the alternative, the interval, and merged ranks.
//!
//! Invariant: an [`Interval`] has `low <= high` and says its level. Not a test by itself.

use crate::error::{Result, in_range, observations, same_length};

/// What the alternative hypothesis claims about the first sample against the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Alternative {
    /// The two differ.
    #[default]
    TwoSided,
    /// The first is smaller.
    Less,
    /// The first is larger.
    Greater,
}

impl Alternative {
    /// The p-value against this alternative where the distribution is symmetric: from the two-sided
    /// one, and an estimate that is positive where [`Alternative::Greater`] looks right.
    pub(crate) fn sided(self, two_sided: f64, estimate: f64) -> f64 {
        let favoured = match self {
            Self::TwoSided => return two_sided,
            Self::Greater => estimate > 0.0,
            Self::Less => estimate < 0.0,
        };
        if favoured {
            0.5 * two_sided
        } else {
            1.0 - 0.5 * two_sided
        }
    }
}

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Confidence level, between 0 and 1.
    pub level: f64,
}

impl Interval {
    /// Whether `value` lies inside or on the ends.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Half the distance between the ends.
    pub fn half_width(&self) -> f64 {
        0.5 * self.high - 0.5 * self.low
    }

    /// `estimate` ± `margin`.
    pub(crate) fn around(estimate: f64, margin: f64, level: f64) -> Result<Self> {
        let low = in_range("the interval", estimate - margin)?;
        let high = in_range("the interval", estimate + margin)?;
        Ok(Self { low, high, level })
    }
}

/// `a[i] − b[i]` of samples that belong together by their place, `need` pairs or more.
pub(crate) fn paired_differences(a: &[f64], b: &[f64], need: usize) -> Result<Vec<f64>> {
    same_length(a.len(), b.len())?;
    observations(a, need)?;
    observations(b, need)?;
    let differences = a
        .iter()
        .zip(b)
        .map(|(x, y)| in_range("a difference", x - y));
    differences.collect()
}

/// How two sorted samples lie against each other, over all pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dominance {
    /// Pairs in which the first sample's observation is larger.
    pub(crate) greater: u64,
    /// Pairs of equal observations.
    pub(crate) equal: u64,
    /// All pairs.
    pub(crate) pairs: u64,
    /// Σ t³ − t over groups of t equal observations in the pooled sample.
    pub(crate) tie_term: f64,
}

/// Counts over all pairs in one merge of two ascending slices.
pub(crate) fn dominance(a: &[f64], b: &[f64]) -> Dominance {
    let untied = |x: &[f64]| x.windows(2).all(|w| w[0] != w[1]);
    let greater = if untied(a) && untied(b) {
        greater_untied(a, b)
    } else {
        None
    };
    match greater {
        Some(greater) => Dominance {
            greater,
            equal: 0,
            pairs: a.len() as u64 * b.len() as u64,
            tie_term: 0.0,
        },
        None => dominance_with_ties(a, b),
    }
}

/// Pairs in which the first is larger, by a merge without a branch to mispredict; none where a
/// value of one sample equals one of the other.
fn greater_untied(a: &[f64], b: &[f64]) -> Option<u64> {
    let (mut i, mut j, mut greater, mut tied) = (0, 0, 0, false);
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        let second = usize::from(y < x);
        tied |= x == y;
        greater += (1 - second) * j;
        j += second;
        i += 1 - second;
    }
    let rest = (a.len() - i) as u64 * b.len() as u64;
    (!tied).then_some(greater as u64 + rest)
}

fn dominance_with_ties(a: &[f64], b: &[f64]) -> Dominance {
    let (mut i, mut j) = (0, 0);
    let (mut greater, mut equal, mut tie_term) = (0u64, 0u64, 0.0);
    while i < a.len() || j < b.len() {
        let value = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) => *x,
            (None, Some(y)) => *y,
            (None, None) => break,
        };
        let in_a = run_length(&a[i..], value);
        let in_b = run_length(&b[j..], value);
        greater += in_a * j as u64;
        equal += in_a * in_b;
        let tied = (in_a + in_b) as f64;
        tie_term += tied * tied * tied - tied;
        i += in_a as usize;
        j += in_b as usize;
    }
    Dominance {
        greater,
        equal,
        pairs: a.len() as u64 * b.len() as u64,
        tie_term,
    }
}

/// For each of the ascending `a`, how many of the ascending `b` are smaller, equal ones as halves.
pub(crate) fn placements(a: &[f64], b: &[f64]) -> Vec<f64> {
    let (mut below, mut through) = (0, 0);
    let place = |x: &f64| {
        while b.get(below).is_some_and(|y| y < x) {
            below += 1;
        }
        through = through.max(below);
        while b.get(through).is_some_and(|y| y <= x) {
            through += 1;
        }
        0.5 * (below + through) as f64
    };
    a.iter().map(place).collect()
}

fn run_length(x: &[f64], value: f64) -> u64 {
    x.iter().take_while(|v| **v == value).count() as u64
}
