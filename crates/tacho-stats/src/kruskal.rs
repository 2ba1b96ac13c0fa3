//! The Kruskal-Wallis test: whether observations of some groups tend to be larger.
//!
//! Invariant: uses ranks only (ties share the middle one), so that any rising transformation leaves
//! it as it is. The p-value is the χ² approximation, corrected for ties; groups below five make it
//! conservative. A textbook test of independent observations.
//! Sources: Kruskal & Wallis, JASA 47 (1952); Tomczak & Tomczak, Trends in Sport Sciences 21 (2014),
//! ε². Agrees with `scipy.stats.kruskal`.

use crate::anova::pool;
use crate::distribution::ChiSquared;
use crate::effect::{Effect, EffectClass};
use crate::error::{Result, StatsError};
use crate::sum::sum;

/// The result of a Kruskal-Wallis test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KruskalWallis {
    /// The statistic, corrected for ties.
    pub h: f64,
    /// Degrees of freedom: groups less one.
    pub df: f64,
    /// Observations in all.
    pub n: usize,
}

/// Compares two or more groups of at least one observation.
///
/// ```
/// use tacho_stats::kruskal::kruskal_wallis;
///
/// let test = kruskal_wallis(&[&[1.0, 2.0, 3.0], &[11.0, 12.0, 13.0], &[21.0, 22.0, 23.0]])?;
/// assert!((test.h - 7.2).abs() < 1e-12 && test.p() < 0.03);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn kruskal_wallis(groups: &[&[f64]]) -> Result<KruskalWallis> {
    pool(groups, 1)?;
    let mut all: Vec<(f64, usize)> = groups
        .iter()
        .enumerate()
        .flat_map(|(index, group)| group.iter().map(move |v| (*v, index)))
        .collect();
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut rank_sums = vec![0.0; groups.len()];
    let n = all.len() as f64;
    let (mut tie_term, mut start) = (0.0, 0);
    while start < all.len() {
        let value = all[start].0;
        let tied = all[start..].iter().take_while(|(v, _)| *v == value).count();
        // Deviation of the shared rank from the mean rank, which keeps sums small.
        let rank = start as f64 + 0.5 * (tied as f64 + 1.0) - 0.5 * (n + 1.0);
        for (_, group) in &all[start..start + tied] {
            rank_sums[*group] += rank;
        }
        let tied = tied as f64;
        tie_term += tied * (tied * tied - 1.0);
        start += tied as usize;
    }
    let correction = 1.0 - tie_term / (n * (n * n - 1.0));
    if correction <= 0.0 || correction.is_nan() {
        return Err(StatsError::ZeroVariance);
    }
    let squares = rank_sums
        .iter()
        .zip(groups)
        .map(|(r, g)| r * r / g.len() as f64);
    Ok(KruskalWallis {
        h: 12.0 / (n * (n + 1.0)) * sum(squares) / correction,
        df: groups.len() as f64 - 1.0,
        n: all.len(),
    })
}

impl KruskalWallis {
    /// The p-value of all groups coming from one population.
    pub fn p(&self) -> f64 {
        ChiSquared::new(self.df).map_or(1.0, |chi| chi.sf(self.h))
    }

    /// ε²: H / (n − 1), the part of the ranks' variance that the groups explain.
    pub fn epsilon_squared(&self) -> Effect {
        let value = self.h / (self.n as f64 - 1.0);
        Effect {
            value,
            class: EffectClass::of_variance_explained(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.kruskal`, with ties.
    #[test]
    fn agrees_with_scipy() {
        let test = kruskal_wallis(&[
            &[2.1, 3.4, 1.9, 5.0, 4.4],
            &[3.4, 6.1, 5.0, 7.2],
            &[8.8, 1.9, 9.1, 6.1, 7.7, 5.0],
        ]);
        let test = test.unwrap();
        assert!(
            (test.h / 4.694_514_767_932_493_4 - 1.0).abs() < 1e-13,
            "{}",
            test.h
        );
        assert!(
            (test.p() / 0.095_631_082_217_787_54 - 1.0).abs() < 1e-12,
            "{}",
            test.p()
        );
        assert!((test.epsilon_squared().value - test.h / 14.0).abs() < 1e-15);
    }

    #[test]
    fn edges() {
        let far = kruskal_wallis(&[&[-1e307, 1.0], &[1e307, 5e-324]]).unwrap();
        assert!(far.h.is_finite());
        let zeros = kruskal_wallis(&[&[0.0, 1.0], &[-0.0, 2.0]]).unwrap();
        let plain = kruskal_wallis(&[&[0.0, 1.0], &[0.0, 2.0]]).unwrap();
        assert_eq!(zeros, plain);
        assert_eq!(
            kruskal_wallis(&[&[1.0; 3], &[1.0]]),
            Err(StatsError::ZeroVariance)
        );
        let nan = kruskal_wallis(&[&[1.0], &[2.0, f64::INFINITY]]);
        assert_eq!(nan, Err(StatsError::NotFinite { index: 1 }));
        assert!(kruskal_wallis(&[&[1.0]]).is_err() && kruskal_wallis(&[&[1.0], &[]]).is_err());
        let pair = kruskal_wallis(&[&[1.0], &[2.0]]).unwrap();
        assert!((pair.h - 1.0).abs() < 1e-15);
    }
}
