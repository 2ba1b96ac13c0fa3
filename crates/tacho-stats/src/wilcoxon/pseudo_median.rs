//! The pseudo-median: the median of all Walsh averages (xᵢ + xⱼ)/2, i ≤ j.
//!
//! Invariant: exact order statistics of the n(n + 1)/2 averages, which are never formed
//! ([`pairwise`]). The centre, where the distribution is symmetrical; else a robust location of its own.
//! Sources: Hodges & Lehmann, Annals of Mathematical Statistics 34 (1963); Tukey's interval, in
//! Hollander & Wolfe, "Nonparametric statistical methods", as in R's `wilcox.test`.

use super::{AUTO_EXACT_MAX, Ranks, Zeros, null_distribution};
use crate::distribution::Normal;
use crate::error::{self, Result, in_range};
use crate::hypothesis::Interval;
use crate::pairwise::{self, Pairs};
use crate::quantile::SortedSample;

/// A robust location with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PseudoMedian {
    /// Median of the Walsh averages.
    pub estimate: f64,
    /// Its interval; the level is the one attained, which in small samples can differ from the one
    /// asked for.
    pub interval: Interval,
}

/// The pseudo-median of one or more observations, in O(n log n).
///
/// ```
/// let centre = tacho_stats::wilcoxon::pseudo_median(&[1.0, 2.0, 4.0, 9.0], 0.9)?;
/// // Averages: 1, 1.5, 2, 2.5, 3, 4, 5, 5.5, 6.5, 9.
/// assert_eq!(centre.estimate, 3.5);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn pseudo_median(x: &[f64], level: f64) -> Result<PseudoMedian> {
    error::level(level)?;
    let sorted = SortedSample::new(x)?;
    let sums = WalshSums::new(sorted.as_slice())?;
    let (low, high) = sums.middle();
    let (rank, attained) = interval_rank(x, sums.count(), level)?;
    Ok(PseudoMedian {
        estimate: 0.25 * low + 0.25 * high,
        interval: Interval {
            low: 0.5 * sums.select(rank),
            high: 0.5 * sums.select(sums.count() + 1 - rank),
            level: attained,
        },
    })
}

fn interval_rank(x: &[f64], count: u64, level: f64) -> Result<(u64, f64)> {
    let tail = 0.5 * (1.0 - level);
    let ranks = Ranks::new(x, Zeros::Wilcoxon);
    if x.len() <= AUTO_EXACT_MAX && ranks.n == x.len() && !ranks.tied {
        let whole: Vec<usize> = (1..=x.len()).collect();
        let (rank, outside) = pairwise::exact_rank(&null_distribution(&whole), tail);
        return Ok((rank, 1.0 - 2.0 * outside));
    }
    let z = Normal::STANDARD.inverse_sf(tail)?;
    let sd = ranks.square_sum.sqrt() / 2.0;
    Ok((pairwise::normal_rank(count, z * sd), level))
}

/// All sums x[i] + x[j], i ≤ j, of an ascending slice.
struct WalshSums<'a> {
    x: &'a [f64],
}

impl<'a> WalshSums<'a> {
    fn new(x: &'a [f64]) -> Result<Self> {
        in_range("twice an observation", 2.0 * x[0])?;
        in_range("twice an observation", 2.0 * x[x.len() - 1])?;
        Ok(Self { x })
    }
}

impl Pairs for WalshSums<'_> {
    fn count(&self) -> u64 {
        let n = self.x.len() as u64;
        n * (n + 1) / 2
    }

    fn range(&self) -> (f64, f64) {
        (2.0 * self.x[0], 2.0 * self.x[self.x.len() - 1])
    }

    fn few(&self) -> u64 {
        8 * self.x.len() as u64 + 64
    }

    fn at_most(&self, threshold: f64) -> u64 {
        let (mut end, mut total) = (self.x.len(), 0);
        for (i, value) in self.x.iter().enumerate() {
            while end > i && value + self.x[end - 1] > threshold {
                end -= 1;
            }
            if end <= i {
                break;
            }
            total += (end - i) as u64;
        }
        total
    }

    fn between(&self, low: f64, high: f64) -> Vec<f64> {
        let mut found = Vec::new();
        let mut end = self.x.len();
        for (i, value) in self.x.iter().enumerate() {
            while end > i && value + self.x[end - 1] > high {
                end -= 1;
            }
            if end <= i {
                break;
            }
            let sums = self.x[i..end].iter().rev().map(|other| value + other);
            found.extend(sums.take_while(|sum| *sum > low));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn agrees_with_all_averages() {
        let mut rng = Rng::new(9);
        for n in [1, 2, 3, 10, 33, 90] {
            let x: Vec<f64> = (0..n)
                .map(|_| (8.0 * rng.standard_normal()).round() / 4.0)
                .collect();
            let sorted = SortedSample::new(&x).unwrap();
            let sums = WalshSums::new(sorted.as_slice()).unwrap();
            let mut all: Vec<f64> = (0..n)
                .flat_map(|i| (i..n).map(move |j| (i, j)))
                .map(|(i, j)| x[i] + x[j])
                .collect();
            all.sort_by(f64::total_cmp);
            for (index, want) in all.iter().enumerate() {
                assert_eq!(sums.select(index as u64 + 1), *want, "{n} {index}");
            }
        }
    }

    #[test]
    fn edges() {
        assert!(pseudo_median(&[], 0.95).is_err());
        assert!(pseudo_median(&[1.0], 1.0).is_err());
        assert!(pseudo_median(&[1e308], 0.95).is_err());
        let one = pseudo_median(&[3.0], 0.95).unwrap();
        assert_eq!((one.estimate, one.interval.level), (3.0, 0.0));
        let zero = pseudo_median(&[0.0; 5], 0.95).unwrap();
        assert_eq!((zero.estimate, zero.interval.low), (0.0, 0.0));
    }
}
