//! Conformal p-values: how often a quiet row scores at least as high, from scores of quiet rows.
//!
//! Invariant: where calibration scores and a new quiet row's score are exchangeable, and the scores
//! were made by a model that saw none of them, P(p ≤ α) ≤ α for every α, whatever the distribution
//! and the model; [`randomised_p`](ConformalCalibration::randomised_p) makes that an equality.
//! The promise is on average over calibration sets: one set may by chance be too lenient for all its
//! rows at once. [`conditional_p`](ConformalCalibration::conditional_p) bounds that chance.
//! P-values that share a calibration set depend on each other, in the positive way under which
//! Benjamini and Hochberg's procedure still keeps its false discovery rate (Bates et al., theorem 2);
//! it may be fed with [`p`](ConformalCalibration::p), not with conditional ones of other δ.
//! Not for series whose neighbours resemble each other: those are not exchangeable.
//! Sources: Vovk, Gammerman & Shafer, "Algorithmic learning in a random world" (2005); Bates,
//! Candès, Lei, Romano & Sesia, "Testing for outliers with conformal p-values", Annals of
//! Statistics 51 (2023).

use super::rows::Rows;
use crate::error::{Result, StatsError, level, observations, probability};
use crate::rng::Rng;
use crate::special::ln_gamma;

/// Scores of rows that are known to be quiet, in ascending order. A high score is unusual.
#[derive(Debug, Clone, PartialEq)]
pub struct ConformalCalibration {
    scores: Vec<f64>,
}

impl ConformalCalibration {
    /// From at least one score.
    ///
    /// ```
    /// use tacho_stats::detect::{ConformalCalibration, IsolationForest, Rows, split_rows};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(1);
    /// let quiet: Vec<f64> = (0..2000).map(|_| rng.standard_normal()).collect();
    /// let (train, calibrate) = split_rows(&Rows::new(&quiet, 2)?, 0.5, 7)?;
    /// let forest = IsolationForest::fit(&Rows::new(&train, 2)?, Default::default())?;
    /// let scores = forest.scores(&Rows::new(&calibrate, 2)?)?;
    /// let calibration = ConformalCalibration::new(&scores)?;
    /// assert!(calibration.p(forest.score(&[5.0, 5.0])?)? < 0.005);
    /// assert!(calibration.p(forest.score(&[0.0, 0.0])?)? > 0.1);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn new(scores: &[f64]) -> Result<Self> {
        observations(scores, 1)?;
        let mut scores = scores.to_vec();
        scores.sort_unstable_by(f64::total_cmp);
        Ok(Self { scores })
    }

    /// The conformal p-value of a score: (1 + number of calibration scores at least as high) /
    /// (n + 1). Never below 1/(n + 1).
    pub fn p(&self, score: f64) -> Result<f64> {
        let (_, above_or_tied) = self.counts(score)?;
        Ok((1 + above_or_tied) as f64 / (self.scores.len() + 1) as f64)
    }

    /// As [`p`](Self::p) with ties broken at random, which makes it uniform on `0..1` for a quiet
    /// row. Needed where many scores are equal; otherwise a verdict that chance decides is not worth
    /// the last 1/(n + 1).
    pub fn randomised_p(&self, score: f64, rng: &mut Rng) -> Result<f64> {
        let (above, above_or_tied) = self.counts(score)?;
        let tied = (above_or_tied - above + 1) as f64;
        Ok((above as f64 + rng.uniform() * tied) / (self.scores.len() + 1) as f64)
    }

    /// A p-value that holds for this very calibration set: with probability at least 1 − `delta`
    /// over calibration sets, P(p ≤ α | set) ≤ α for all α at once (Bates et al., section 3, with
    /// the generalised Simes bound over half of the scores). Larger than [`p`](Self::p): with a
    /// thousand scores and `delta` = 0.1, 1.5 times at p = 0.05, 1.7 at 0.01, and 4.6 at the least.
    pub fn conditional_p(&self, score: f64, delta: f64) -> Result<f64> {
        level(delta)?;
        let (_, above_or_tied) = self.counts(score)?;
        let (n, rank) = (self.scores.len(), above_or_tied + 1);
        if rank > n {
            return Ok(1.0);
        }
        Ok(simes_bound(n, rank, delta))
    }

    /// The score from which on [`p`](Self::p) is at most `alpha`: an alarm at or above it is false
    /// with probability at most `alpha`.
    ///
    /// Fails with [`StatsError::TooFew`] where even the highest score is not that unusual:
    /// 1/alpha − 1 scores are needed.
    pub fn threshold(&self, alpha: f64) -> Result<f64> {
        level(alpha)?;
        let n = self.scores.len();
        // A product that is whole but for rounding counts as whole.
        let rank = ((n + 1) as f64 * alpha * (1.0 + 4.0 * f64::EPSILON)).floor() as usize;
        if rank == 0 {
            let need = (1.0 / alpha).ceil() as usize - 1;
            return Err(StatsError::TooFew { need, got: n });
        }
        // Fewer than `rank` scores may be as high, so the next float above the rank-th.
        Ok(self.scores[n - rank].next_up())
    }

    /// Number of calibration scores.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there is no score: never.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// How many calibration scores are above `score`, and how many are above or equal.
    fn counts(&self, score: f64) -> Result<(usize, usize)> {
        observations(&[score], 1)?;
        let n = self.scores.len();
        let above = n - self.scores.partition_point(|s| *s <= score);
        let above_or_tied = n - self.scores.partition_point(|s| *s < score);
        Ok((above, above_or_tied))
    }
}

/// The bound b with which all order statistics U(1) < … < U(n) of uniform numbers satisfy
/// U(i) ≤ b(i) at once, with probability at least 1 − δ:
/// 1 − b(n+1−i) = 1 − δ^(1/k) · (i (i−1) ⋯ (i−k+1) / (n (n−1) ⋯ (n−k+1)))^(1/k), k = n/2.
fn simes_bound(n: usize, rank: usize, delta: f64) -> f64 {
    let k = (n / 2).max(1);
    let i = n + 1 - rank;
    if i < k {
        return 1.0;
    }
    let falling = |m: usize| ln_gamma((m + 1) as f64) - ln_gamma((m - k + 1) as f64);
    let ln_part = (delta.ln() + falling(i) - falling(n)) / k as f64;
    (-ln_part.exp_m1()).clamp(0.0, 1.0)
}

/// Divides rows at random: the first part to train on, the second, `calibration_share` of the rows,
/// to calibrate with. Both have at least one row.
pub fn split_rows(rows: &Rows, calibration_share: f64, seed: u64) -> Result<(Vec<f64>, Vec<f64>)> {
    probability("calibration_share", calibration_share)?;
    rows.at_least(2)?;
    let n = rows.len();
    let calibrating = ((calibration_share * n as f64).round() as usize).clamp(1, n - 1);
    let mut rng = Rng::new(seed);
    let (mut train, mut calibrate) = (
        Vec::with_capacity((n - calibrating) * rows.width()),
        Vec::with_capacity(calibrating * rows.width()),
    );
    // Selection sampling (Knuth, volume 2, algorithm 3.4.2S): every subset is equally likely.
    let mut wanted = calibrating;
    for (index, row) in rows.iter().enumerate() {
        if rng.below(n - index) < wanted {
            wanted -= 1;
            calibrate.extend_from_slice(row);
        } else {
            train.extend_from_slice(row);
        }
    }
    Ok((train, calibrate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(scores: &[f64]) -> ConformalCalibration {
        ConformalCalibration::new(scores).unwrap()
    }

    #[test]
    fn counts_by_hand() {
        let c = calibration(&[3.0, 1.0, 2.0, 2.0]);
        assert_eq!(c.p(9.0), Ok(0.2));
        assert_eq!(c.p(3.0), Ok(0.4));
        assert_eq!(c.p(2.0), Ok(0.8));
        assert_eq!(c.p(0.0), Ok(1.0));
        let mut rng = Rng::new(1);
        for _ in 0..100 {
            assert!((0.2..0.8).contains(&c.randomised_p(2.0, &mut rng).unwrap()));
            assert!((0.0..0.2).contains(&c.randomised_p(9.0, &mut rng).unwrap()));
        }
        assert_eq!((c.len(), c.is_empty()), (4, false));
    }

    #[test]
    fn a_threshold_is_where_p_reaches_alpha() {
        let scores: Vec<f64> = (0..99).map(|i| f64::from(i % 60)).collect();
        let c = calibration(&scores);
        for alpha in [0.01, 0.02, 0.05, 0.3, 0.999] {
            let threshold = c.threshold(alpha).unwrap();
            assert!(c.p(threshold).unwrap() <= alpha * (1.0 + 1e-12), "{alpha}");
            assert!(c.p(threshold.next_down()).unwrap() > alpha, "{alpha}");
        }
        assert_eq!(
            c.threshold(0.005),
            Err(StatsError::TooFew { need: 199, got: 99 })
        );
    }

    /// By simulation: all order statistics of uniform numbers stay below their bounds at once.
    #[test]
    fn the_conditional_bound_holds_for_all_ranks_at_once() {
        let (n, delta, runs) = (40, 0.2, 2000);
        let bounds: Vec<f64> = (1..=n).map(|r| simes_bound(n, r, delta)).collect();
        assert!(bounds.is_sorted() && bounds[0] > 1.0 / 41.0);
        let mut rng = Rng::new(3);
        let mut broken = 0;
        for _ in 0..runs {
            let mut u: Vec<f64> = (0..n).map(|_| rng.uniform()).collect();
            u.sort_by(f64::total_cmp);
            broken += u32::from(u.iter().zip(&bounds).any(|(u, b)| u > b));
        }
        // 400 expected at most, and near it, with a standard deviation of 18.
        assert!((300..460).contains(&broken), "{broken}");
        let c = calibration(&(0..n).map(|i| i as f64).collect::<Vec<_>>());
        for score in [-1.0, 0.0, 20.5, 39.0, 40.0] {
            assert!(c.conditional_p(score, 0.1).unwrap() >= c.p(score).unwrap());
        }
    }

    #[test]
    fn splits_use_every_row_once() {
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        let rows = Rows::new(&values, 2).unwrap();
        for (share, expected) in [(0.0, 1), (0.3, 3), (0.5, 5), (1.0, 9)] {
            let (train, calibrate) = split_rows(&rows, share, 9).unwrap();
            assert_eq!(calibrate.len(), 2 * expected);
            let mut all = [train, calibrate].concat();
            all.sort_by(f64::total_cmp);
            assert_eq!(all, values);
        }
        assert!(split_rows(&rows, f64::NAN, 0).is_err());
        assert!(split_rows(&Rows::new(&[1.0], 1).unwrap(), 0.5, 0).is_err());
    }

    #[test]
    fn mistakes() {
        assert!(ConformalCalibration::new(&[]).is_err());
        assert!(ConformalCalibration::new(&[1.0, f64::NAN]).is_err());
        let c = calibration(&[1e308, -1e308, 5e-324]);
        assert!(c.p(f64::NAN).is_err() && c.conditional_p(0.0, 0.0).is_err());
        assert!(c.threshold(1.0).is_err() && c.threshold(0.0).is_err());
        assert_eq!(c.p(1e308), Ok(0.5));
        assert_eq!(calibration(&[1.0]).conditional_p(2.0, 0.5), Ok(0.5));
    }
}
