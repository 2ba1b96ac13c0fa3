//! Wilcoxon's signed-rank test of paired differences, and the pseudo-median with its interval.
//!
//! Invariant: the exact distribution is the conditional one, given the ties and zeros found: every
//! difference keeps its size and takes either sign with equal chance; the approximation has the same
//! mean and variance. Assumes independent pairs and, where it speaks of a median, symmetry.
//! Sources: Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945);
//! Pratt, "Remarks on zeros and ties in the Wilcoxon signed rank procedures", JASA 54 (1959);
//! Streitberg & Röhmel, "Exact distributions for permutation and rank tests", Statistical Software
//! Newsletter 12 (1986), the exact distribution with ties.

mod pseudo_median;

pub use pseudo_median::{PseudoMedian, pseudo_median};

use crate::distribution::Normal;
use crate::error::{Result, StatsError, observations};
use crate::hypothesis::{Alternative, dominance, paired_differences};
use crate::sort;

/// What becomes of differences that are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Zeros {
    /// Dropped before ranking, as Wilcoxon did.
    #[default]
    Wilcoxon,
    /// Ranked with the others, then dropped, as Pratt advised.
    Pratt,
}

/// How the p-value is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum SignedRankMethod {
    /// Exact up to 50 differences other than zero, ties or not; asymptotic beyond.
    #[default]
    Auto,
    /// The exact distribution; refused beyond 500 differences.
    Exact,
    /// The normal approximation, with corrections for ties, zeros and continuity.
    Asymptotic,
}

const AUTO_EXACT_MAX: usize = 50;
const EXACT_MAX: usize = 500;

/// The result of a signed-rank test.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedRank {
    /// Sum of the ranks of positive differences.
    pub r_plus: f64,
    /// Sum of the ranks of negative differences.
    pub r_minus: f64,
    /// Number of differences other than zero.
    pub n: usize,
    null: Null,
}

#[derive(Debug, Clone, PartialEq)]
enum Null {
    /// P(R⁺ ≥ r) for 2r = 0, 1, …
    Exact(Vec<f64>),
    /// Standard deviation of R⁺.
    Normal(f64),
}

/// Tests whether differences lie around zero; fails with [`StatsError::ZeroVariance`] where all are
/// zero.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::wilcoxon::{SignedRankMethod, Zeros, signed_rank};
///
/// let differences = [6.0, 8.0, 14.0, 16.0, 23.0, 24.0, 28.0, 29.0, 41.0, -48.0, 49.0, 56.0, 60.0, -67.0, 75.0];
/// let test = signed_rank(&differences, Zeros::Wilcoxon, SignedRankMethod::Auto)?;
/// assert_eq!((test.r_plus, test.r_minus), (96.0, 24.0));
/// assert!((test.p(Alternative::TwoSided) - 0.041_259_765_625).abs() < 1e-12);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn signed_rank(
    differences: &[f64],
    zeros: Zeros,
    method: SignedRankMethod,
) -> Result<SignedRank> {
    observations(differences, 1)?;
    let ranks = Ranks::new(differences, zeros);
    let n = ranks.n;
    if n == 0 {
        return Err(StatsError::ZeroVariance);
    }
    let exact = match method {
        SignedRankMethod::Auto => n <= AUTO_EXACT_MAX,
        SignedRankMethod::Asymptotic => false,
        SignedRankMethod::Exact if n > EXACT_MAX => {
            return Err(StatsError::Invalid {
                name: "method",
                why: "the exact distribution is for at most 500 differences",
            });
        }
        SignedRankMethod::Exact => true,
    };
    let null = if exact {
        let mut tail = null_distribution(&doubled_ranks(differences, ranks.offset));
        for at in (1..tail.len()).rev() {
            tail[at - 1] += tail[at];
        }
        Null::Exact(tail)
    } else {
        Null::Normal(ranks.square_sum.sqrt() / 2.0)
    };
    Ok(SignedRank {
        r_plus: ranks.r_plus,
        r_minus: ranks.r_minus,
        n,
        null,
    })
}

/// [`signed_rank`] of the differences `a[i] − b[i]`.
pub fn signed_rank_paired(
    a: &[f64],
    b: &[f64],
    zeros: Zeros,
    method: SignedRankMethod,
) -> Result<SignedRank> {
    let differences = paired_differences(a, b, 1)?;
    signed_rank(&differences, zeros, method)
}

impl SignedRank {
    /// The p-value against `alternative`; `Greater` claims that differences are above zero.
    pub fn p(&self, alternative: Alternative) -> f64 {
        let (rank_sum, sides) = match alternative {
            Alternative::TwoSided => (self.r_plus.max(self.r_minus), 2.0),
            Alternative::Greater => (self.r_plus, 1.0),
            Alternative::Less => (self.r_minus, 1.0),
        };
        let tail = match &self.null {
            Null::Exact(upper) => upper[(2.0 * rank_sum) as usize],
            Null::Normal(sd) => {
                let mean = 0.5 * (self.r_plus + self.r_minus);
                Normal::STANDARD.sf((rank_sum - mean - 0.5) / sd)
            }
        };
        (sides * tail).min(1.0)
    }

    /// Whether the p-value comes from the exact distribution.
    pub fn is_exact(&self) -> bool {
        matches!(self.null, Null::Exact(_))
    }

    /// The matched-pairs rank-biserial correlation: (R⁺ − R⁻) / (R⁺ + R⁻), from −1 to 1.
    pub fn rank_biserial(&self) -> f64 {
        (self.r_plus - self.r_minus) / (self.r_plus + self.r_minus)
    }
}

/// Rank sums, without the ranks.
struct Ranks {
    r_plus: f64,
    r_minus: f64,
    n: usize,
    /// Zeros that take the ranks below all others.
    offset: usize,
    /// Σ r² over differences other than zero.
    square_sum: f64,
    /// Whether absolute differences tie.
    tied: bool,
}

impl Ranks {
    fn new(differences: &[f64], zeros: Zeros) -> Self {
        let sizes = |sign: f64| {
            let kept = differences.iter().map(|d| sign * d).filter(|d| *d > 0.0);
            sort::sorted(&kept.collect::<Vec<f64>>())
        };
        let (plus, minus) = (sizes(1.0), sizes(-1.0));
        let n = plus.len() + minus.len();
        let offset = match zeros {
            Zeros::Wilcoxon => 0,
            Zeros::Pratt => differences.len() - n,
        };
        let counts = dominance(&plus, &minus);
        let (n_plus, z) = (plus.len() as f64, offset as f64);
        let u = counts.greater as f64 + 0.5 * counts.equal as f64;
        let r_plus = u + 0.5 * n_plus * (n_plus + 1.0) + z * n_plus;
        let top = n as f64 + z;
        let squares = |k: f64| k * (k + 1.0) * (2.0 * k + 1.0) / 6.0;
        Self {
            r_plus,
            r_minus: 0.5 * (top * (top + 1.0) - z * (z + 1.0)) - r_plus,
            n,
            offset,
            square_sum: squares(top) - squares(z) - counts.tie_term / 12.0,
            tied: counts.tie_term > 0.0,
        }
    }
}

/// Twice the rank of every difference other than zero: whole numbers, ties or not.
fn doubled_ranks(differences: &[f64], offset: usize) -> Vec<usize> {
    let mut sizes: Vec<f64> = differences
        .iter()
        .map(|d| d.abs())
        .filter(|d| *d > 0.0)
        .collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let mut ranks = Vec::with_capacity(sizes.len());
    for group in sizes.chunk_by(|x, y| x == y) {
        let first = offset + ranks.len() + 1;
        let doubled = 2 * first + group.len() - 1;
        ranks.extend(group.iter().map(|_| doubled));
    }
    ranks
}

/// P(Σ of a random subset = s) for s = 0, 1, …, each of `ranks` taken with probability one half.
fn null_distribution(ranks: &[usize]) -> Vec<f64> {
    let mut pmf = vec![0.0; ranks.iter().sum::<usize>() + 1];
    pmf[0] = 1.0;
    let mut top = 0;
    for rank in ranks {
        top += rank;
        for s in (0..=top).rev() {
            let taken = if s >= *rank { pmf[s - rank] } else { 0.0 };
            pmf[s] = 0.5 * (pmf[s] + taken);
        }
    }
    pmf
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over all signs of the same sizes.
    #[test]
    fn exact_p_values_are_those_of_all_signs() {
        let cases: [&[f64]; 3] = [
            &[1.0, -2.0, 3.0, 4.5, -0.5, 6.0],
            &[1.0, -1.0, 2.0, 2.0, 2.0, -3.0, 1.0],
            &[0.0, 1.0, -1.0, 2.0, 0.0, 5.0, 4.0],
        ];
        for (x, zeros) in cases
            .into_iter()
            .flat_map(|x| [(x, Zeros::Wilcoxon), (x, Zeros::Pratt)])
        {
            let test = signed_rank(x, zeros, SignedRankMethod::Exact).unwrap();
            let (mut hits, total) = (0, 1u32 << x.len());
            for mask in 0..total {
                let sign = |i: usize| if mask >> i & 1 == 1 { 1.0 } else { -1.0 };
                let other: Vec<f64> = x
                    .iter()
                    .enumerate()
                    .map(|(i, d)| sign(i) * d.abs())
                    .collect();
                hits += u32::from(Ranks::new(&other, zeros).r_plus >= test.r_plus);
            }
            let (want, got) = (
                f64::from(hits) / f64::from(total),
                test.p(Alternative::Greater),
            );
            assert!(
                (got - want).abs() < 1e-12,
                "{x:?} {zeros:?}: {got}, not {want}"
            );
        }
    }

    #[test]
    fn rank_sums_with_zeros_and_ties() {
        let x = [0.0, -1.0, 1.0, 2.0, 3.0, -0.0, 3.0];
        let test = |zeros| signed_rank(&x, zeros, SignedRankMethod::Asymptotic).unwrap();
        let dropped = test(Zeros::Wilcoxon);
        assert_eq!((dropped.r_plus, dropped.r_minus, dropped.n), (13.5, 1.5, 5));
        let ranked = test(Zeros::Pratt);
        assert_eq!((ranked.r_plus, ranked.r_minus), (21.5, 3.5));
        assert!((dropped.rank_biserial() - 0.8).abs() < 1e-15);
        let doubled: usize = doubled_ranks(&x, 2).iter().sum();
        assert_eq!(doubled, 50);
        let ranks = Ranks::new(&x, Zeros::Pratt);
        let squares: f64 = doubled_ranks(&x, 2)
            .iter()
            .map(|r| (*r as f64 / 2.0).powi(2))
            .sum();
        assert_eq!(ranks.square_sum, squares);
    }

    #[test]
    fn edges() {
        let auto = |x: &[f64]| signed_rank(x, Zeros::Wilcoxon, SignedRankMethod::Auto);
        assert_eq!(auto(&[0.0; 3]), Err(StatsError::ZeroVariance));
        assert_eq!(auto(&[]), Err(StatsError::TooFew { need: 1, got: 0 }));
        assert_eq!(auto(&[1.0]).unwrap().p(Alternative::TwoSided), 1.0);
        assert!(auto(&[1e308, -1e308, 5e-324]).unwrap().is_exact());
        let long = vec![1.0; 501];
        assert!(signed_rank(&long, Zeros::Pratt, SignedRankMethod::Exact).is_err());
        assert!(
            signed_rank_paired(&[1e308], &[-1e308], Zeros::Pratt, SignedRankMethod::Auto).is_err()
        );
    }
}
