//! Compares two dependent series by ranks: which tends to be larger, and by how much.
//!
//! Invariant: p-value and interval of the probability of superiority come from one distribution; a
//! verdict stands only where [`RankComparison::is_decidable`]. Heavy tails and outliers count for no
//! more than their rank. Not for trends, and not where a change of spread alone must not count as
//! one of location (nothing is claimed about medians then).
//!
//! Method: P(before < after) is estimated by Mann & Whitney's statistic, a mean of placements: the
//! part of the other series below each observation. Their long-run variances, over the noise models
//! of [`compare_means`], give its distribution. Placements stop varying as the series draw apart,
//! which would make a few overlapping observations decide; so the same comparison is made of ranks
//! in the pooled series, and the wider of the two distributions counts.
//! The shift is Hodges & Lehmann's, its interval Moses' with the margin found after aligning.
//! Sources: Dehling & Fried, "Asymptotic distribution of two-sample empirical U-quantiles with
//! applications to robust tests for shifts", Journal of Multivariate Analysis 105 (2012), the rank
//! statistic under dependence; Brunner & Munzel (2000), placements.

use super::compare::{MIN_EFFECTIVE_N, MIN_N, MeanComparison, compare_means};
use crate::effect::Differences;
use crate::error::{self, Result, StatsError, observations};
use crate::hypothesis::{Alternative, Interval};
use crate::pairwise::{self, Pairs};
use crate::sort;

/// The comparison of two series by ranks; p-values and intervals are read from it.
#[derive(Debug, Clone, PartialEq)]
pub struct RankComparison {
    /// Estimate of P(before < after) + ½ P(before = after): ½ where neither tends to be larger.
    pub superiority: f64,
    /// Median of all differences after − before.
    pub shift: f64,
    /// Numbers of observations.
    pub n: [usize; 2],
    /// Numbers of independent observations that would say as much.
    pub effective_n: [f64; 2],
    /// The distributions of the estimate, by placements (where they vary) and by pooled ranks.
    placements: Option<MeanComparison>,
    ranks: MeanComparison,
    /// The same after the shift is taken out.
    aligned: Box<[MeanComparison]>,
    /// Both series, ascending.
    sorted: [Vec<f64>; 2],
}

/// Compares two series, each in order of time and of at least [`MIN_N`] observations.
///
/// Fails with [`StatsError::ZeroVariance`] where both are constant and equal.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::dependence::compare_ranks;
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(1);
/// let mut series = |centre: f64| -> Vec<f64> {
///     (0..80).map(|_| centre + rng.standard_normal() / rng.uniform()).collect()
/// };
/// let (before, after) = (series(100.0), series(104.0));
/// let comparison = compare_ranks(&before, &after)?;
/// assert!(comparison.is_decidable());
/// assert!(comparison.p(Alternative::Greater) < 1e-4);
/// assert!(comparison.shift_interval(0.95)?.contains(4.0));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn compare_ranks(before: &[f64], after: &[f64]) -> Result<RankComparison> {
    observations(before, MIN_N)?;
    observations(after, MIN_N)?;
    let sorted = [sort::sorted(before), sort::sorted(after)];
    let differences = Differences::new(&sorted[1], &sorted[0])?;
    let shift = differences.median();
    let of_after = placements(after, &sorted[0]);
    let superiority = of_after.iter().sum::<f64>() / after.len() as f64;
    let ranks = pooled_ranks(before, after)?;
    let aligned = align(before, after, shift)?;
    Ok(RankComparison {
        superiority,
        shift,
        n: [before.len(), after.len()],
        // Ranks of a change show the change; aligned ones show the noise.
        effective_n: aligned.last().map_or(ranks.effective_n, |a| a.effective_n),
        placements: varying(compare_means(&placements(before, &sorted[1]), &of_after))?,
        ranks,
        aligned,
        sorted,
    })
}

impl RankComparison {
    /// Whether both series hold enough independent information for a verdict.
    pub fn is_decidable(&self) -> bool {
        self.effective_n.iter().all(|n| *n >= MIN_EFFECTIVE_N)
    }

    /// The p-value of neither being larger; [`Alternative::Greater`] claims that the second series
    /// tends to be.
    pub fn p(&self, alternative: Alternative) -> f64 {
        let excess = self.superiority - 0.5;
        alternative.sided(self.tail(excess.abs()), excess)
    }

    /// The confidence interval of [`superiority`](Self::superiority), cut at 0 and 1.
    pub fn superiority_interval(&self, level: f64) -> Result<Interval> {
        let comparisons = self.placements.iter().chain([&self.ranks]);
        let margin = widest(comparisons, level)?;
        Ok(Interval {
            low: (self.superiority - margin).max(0.0),
            high: (self.superiority + margin).min(1.0),
            level,
        })
    }

    /// The confidence interval of the shift, in the unit of the series.
    pub fn shift_interval(&self, level: f64) -> Result<Interval> {
        let differences = Differences::new(&self.sorted[1], &self.sorted[0])?;
        let pairs = differences.count();
        let margin = widest(self.aligned.iter(), level)?;
        let rank = pairwise::normal_rank(pairs, margin * pairs as f64);
        Ok(Interval {
            low: differences.select(rank),
            high: differences.select(pairs + 1 - rank),
            level,
        })
    }

    fn tail(&self, distance: f64) -> f64 {
        let comparisons = self.placements.iter().chain([&self.ranks]);
        comparisons.map(|c| c.tail(distance)).fold(0.0, f64::max)
    }
}

/// The widest half-width at `level`; zero where nothing varies.
fn widest<'a>(comparisons: impl Iterator<Item = &'a MeanComparison>, level: f64) -> Result<f64> {
    error::level(level)?;
    let mut margin = 0.0f64;
    for comparison in comparisons {
        margin = margin.max(comparison.interval(level)?.half_width());
    }
    Ok(margin)
}

/// Both comparisons after the second series is moved by `shift`; empty where nothing varies then.
fn align(before: &[f64], after: &[f64], shift: f64) -> Result<Box<[MeanComparison]>> {
    let moved: Vec<f64> = after.iter().map(|v| v - shift).collect();
    observations(&moved, MIN_N).map_err(|_| StatsError::Overflow {
        what: "a shifted observation",
    })?;
    let (first, second) = (sort::sorted(before), sort::sorted(&moved));
    let by_placement = compare_means(&placements(before, &second), &placements(&moved, &first));
    let by_rank = varying(pooled_ranks(before, &moved))?;
    Ok(varying(by_placement)?.into_iter().chain(by_rank).collect())
}

fn varying(comparison: Result<MeanComparison>) -> Result<Option<MeanComparison>> {
    match comparison {
        Err(StatsError::ZeroVariance) => Ok(None),
        other => other.map(Some),
    }
}

/// For each of `x` in its own order, the part of the ascending `other` below it, ties as halves.
fn placements(x: &[f64], other: &[f64]) -> Vec<f64> {
    let place = |v: &f64| {
        let below = other.partition_point(|o| o < v);
        let through = below + other[below..].partition_point(|o| o <= v);
        0.5 * (below + through) as f64 / other.len() as f64
    };
    x.iter().map(place).collect()
}

/// Compares the parts of the pooled series below each observation.
fn pooled_ranks(before: &[f64], after: &[f64]) -> Result<MeanComparison> {
    let pooled = sort::sorted(&[before, after].concat());
    compare_means(&placements(before, &pooled), &placements(after, &pooled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn series(rng: &mut Rng, n: usize, phi: f64, centre: f64) -> Vec<f64> {
        let mut state = rng.standard_normal() / (1.0 - phi * phi).sqrt();
        (0..n)
            .map(|_| {
                state = phi * state + rng.standard_normal();
                centre + state
            })
            .collect()
    }

    #[test]
    fn false_alarms_are_as_asked_for() {
        for (phi, n, power) in [(0.0, 40, 0.6), (0.5, 80, 0.5), (0.9, 300, 0.3)] {
            let mut rng = Rng::new(2);
            let (mut alarms, mut found) = (0, 0);
            let shift = 3.0 / (1.0 - phi) * (2.0 / n as f64).sqrt();
            for _ in 0..300 {
                let a = series(&mut rng, n, phi, 0.0);
                let b = series(&mut rng, n, phi, 0.0);
                let moved: Vec<f64> = b.iter().map(|v| v + shift).collect();
                let alarm = |b: &[f64]| {
                    let c = compare_ranks(&a, b).unwrap();
                    u32::from(c.is_decidable() && c.p(Alternative::TwoSided) < 0.05)
                };
                alarms += alarm(&b);
                found += alarm(&moved);
            }
            assert!(alarms <= 30, "{phi}: {alarms} of 300");
            assert!(f64::from(found) > power * 300.0, "{phi}: {found} of 300");
        }
    }

    #[test]
    fn swapping_mirrors_and_monotone_maps_change_nothing() {
        let mut rng = Rng::new(4);
        let (a, b) = (
            series(&mut rng, 50, 0.3, 0.0),
            series(&mut rng, 70, 0.3, 0.8),
        );
        let (there, back) = (
            compare_ranks(&a, &b).unwrap(),
            compare_ranks(&b, &a).unwrap(),
        );
        assert!((there.superiority + back.superiority - 1.0).abs() < 1e-12);
        assert_eq!(there.shift, -back.shift);
        let (p, q) = (there.p(Alternative::Greater), back.p(Alternative::Less));
        assert!((p / q - 1.0).abs() < 0.02, "{p} {q}");
        let map = |x: &[f64]| x.iter().map(|v| v.exp()).collect::<Vec<f64>>();
        let mapped = compare_ranks(&map(&a), &map(&b)).unwrap();
        assert!((mapped.p(Alternative::TwoSided) - there.p(Alternative::TwoSided)).abs() < 1e-12);
        let interval = there.superiority_interval(0.95).unwrap();
        assert!(interval.contains(there.superiority));
        assert!(there.shift_interval(0.95).unwrap().contains(there.shift));
    }

    #[test]
    fn series_far_apart_are_told_apart() {
        let mut rng = Rng::new(5);
        let (a, b) = (
            series(&mut rng, 60, 0.0, 0.0),
            series(&mut rng, 60, 0.0, 100.0),
        );
        let far = compare_ranks(&a, &b).unwrap();
        assert_eq!(far.superiority, 1.0);
        assert!(far.is_decidable() && far.p(Alternative::TwoSided) < 1e-9);
        let interval = far.shift_interval(0.95).unwrap();
        assert!(interval.low > 99.0 && interval.high < 101.0, "{interval:?}");
    }

    #[test]
    fn edges() {
        assert!(compare_ranks(&[1.0; 8], &[1.0; 8]).is_err());
        assert!(compare_ranks(&[1.0; 3], &[1.0; 8]).is_err());
        assert!(compare_ranks(&[f64::NAN; 8], &[1.0; 8]).is_err());
        assert!(compare_ranks(&[1e308; 8], &[-1e308; 8]).is_err());
        let two = compare_ranks(&[1.0; 8], &[2.0; 8]);
        assert!(two.is_err() || two.is_ok_and(|c| c.p(Alternative::TwoSided).is_finite()));
    }
}
