//! Normal scores of ranks among all that came before, in constant memory.
//!
//! Invariants: the score of a value is the normal quantile of its rank among the earlier values, so
//! that scores of independent observations are standard normal and independent *whatever their
//! distribution*: what was learnt too high or too low is not a bias that lasts, because every value
//! is learnt from in turn. Ranks inside a bin are interpolated; beyond the bins the
//! [`Tail`]s speak.
//! Not for dependent observations: whiten them first.
//! Source: Conover, Tercero-Gómez & Cordero-Franco, "The sequential normal scores transformation",
//! Sequential Analysis 36 (2017); Hawkins, "Self-starting CUSUM charts for location and scale", The
//! Statistician 36 (1987).

use super::tail::Tail;
use crate::distribution::standard_inverse_sf;
use crate::error::{Result, StatsError, observations};

/// The fewest values to start from.
pub(super) const START_MIN: usize = 30;
/// Bins lie this far apart, in standard deviations.
const BIN_WIDTH: f64 = 0.1;
/// Bins reach from minus to plus this.
const BINS_REACH: f64 = 3.2;

/// The distribution of a stream of independent values, learnt from every one of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SequentialScores {
    /// Values seen.
    n: u64,
    /// Bounds of the bins, ascending, all different.
    bounds: Vec<f64>,
    /// Values equal to each bound.
    at: Vec<u64>,
    /// Values in the gap before each bound; the last gap is after all bounds.
    between: Vec<u64>,
    upper: Tail,
    /// Of the values with their signs changed.
    lower: Tail,
}

/// Where a value lies: the probabilities at or below it, and above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) below: f64,
    pub(super) above: f64,
}

impl Place {
    /// As a standard normal number.
    pub(super) fn normal_score(self) -> f64 {
        if self.below < self.above {
            -standard_inverse_sf(self.below)
        } else {
            standard_inverse_sf(self.above)
        }
    }
}

impl SequentialScores {
    /// From a first sample of independent values, 30 or more and not all equal.
    pub(super) fn new(x: &[f64]) -> Result<Self> {
        observations(x, START_MIN)?;
        let mut ascending = x.to_vec();
        ascending.sort_unstable_by(f64::total_cmp);
        if ascending[0] == ascending[x.len() - 1] {
            return Err(StatsError::ZeroVariance);
        }
        let bounds = bounds(&ascending);
        let mut scores = Self {
            n: 0,
            at: vec![0; bounds.len()],
            between: vec![0; bounds.len() + 1],
            bounds,
            upper: Tail::new(&ascending),
            lower: Tail::new(&ascending.iter().rev().map(|v| -v).collect::<Vec<f64>>()),
        };
        for value in &ascending {
            scores.count(*value);
        }
        Ok(scores)
    }

    /// Where `x` lies among the values so far.
    pub(super) fn place(&self, x: f64) -> Place {
        if x > self.upper.base() {
            let above = self.upper.exceedance(x, self.n);
            return Place {
                below: 1.0 - above,
                above,
            };
        }
        if -x > self.lower.base() {
            let below = self.lower.exceedance(-x, self.n);
            return Place {
                below,
                above: 1.0 - below,
            };
        }
        let all = self.n as f64 + 1.0;
        let below = self.rank(x).clamp(0.5, all - 0.5) / all;
        Place {
            below,
            above: 1.0 - below,
        }
    }

    /// Takes a value.
    pub(super) fn learn(&mut self, x: f64) {
        self.count(x);
        self.upper.learn(x, self.n);
        self.lower.learn(-x, self.n);
    }

    fn count(&mut self, x: f64) {
        self.n += 1;
        let bin = self.bounds.partition_point(|b| *b < x);
        if self.bounds.get(bin) == Some(&x) {
            self.at[bin] += 1;
        } else {
            self.between[bin] += 1;
        }
    }

    /// The rank of `x` among `n + 1` gaps, between the bases of the tails.
    fn rank(&self, x: f64) -> f64 {
        let bin = self.bounds.partition_point(|b| *b < x);
        let before: u64 = self.at[..bin].iter().chain(&self.between[..bin]).sum();
        let inside = self.between[bin];
        if self.bounds.get(bin) == Some(&x) {
            // Among equal values the middle of their ranks.
            return (before + inside) as f64 + 0.5 * (self.at[bin] + 1) as f64;
        }
        let low = if bin > 0 {
            self.bounds[bin - 1]
        } else {
            -self.lower.base()
        };
        let high = self.bounds.get(bin).copied().unwrap_or(self.upper.base());
        // Beyond the last bound only the part up to the base of the tail counts.
        let (before, inside) = if bin == 0 {
            let tail = self.lower.above().min(inside);
            (before + tail, inside - tail)
        } else if bin == self.bounds.len() {
            (before, inside.saturating_sub(self.upper.above()))
        } else {
            (before, inside)
        };
        let width = high - low;
        let part = if width > 0.0 {
            ((x - low) / width).clamp(0.0, 1.0)
        } else {
            0.5
        };
        before as f64 + part * (inside + 1) as f64
    }
}

/// Order statistics at evenly spaced normal scores, without the outermost.
fn bounds(ascending: &[f64]) -> Vec<f64> {
    let count = ascending.len() + 1;
    let steps = (BINS_REACH / BIN_WIDTH) as i32;
    let normal = crate::distribution::Normal::STANDARD;
    // The upper half mirrors the lower, so that a series turned over has the scores turned over.
    let mut ranks: Vec<usize> = (0..=steps)
        .map(|i| (count as f64 * normal.sf(BIN_WIDTH * f64::from(i))).floor() as usize)
        .filter(|rank| *rank >= 3)
        .flat_map(|rank| [rank, count - rank])
        .collect();
    ranks.sort_unstable();
    ranks.dedup();
    let mut bounds: Vec<f64> = ranks.iter().map(|rank| ascending[rank - 1]).collect();
    bounds.dedup();
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Mean, variance, lag-one product and tail of scores, whatever the distribution.
    #[test]
    fn scores_are_standard_normal_and_independent() {
        let shapes: [fn(f64) -> f64; 3] = [|z| z, f64::exp, |z| z * z * z];
        for (number, shape) in shapes.into_iter().enumerate() {
            let mut rng = Rng::new(32 + number as u64);
            let (mut sum, mut square, mut product, mut far) = (0.0, 0.0, 0.0, 0);
            let (series, each) = (60, 3_000);
            for _ in 0..series {
                let start: Vec<f64> = (0..1_000).map(|_| shape(rng.standard_normal())).collect();
                let mut scores = SequentialScores::new(&start).unwrap();
                let mut last = 0.0;
                for _ in 0..each {
                    let x = shape(rng.standard_normal());
                    let z = scores.place(x).normal_score();
                    scores.learn(x);
                    sum += z;
                    square += z * z;
                    product += z * last;
                    far += u32::from(z.abs() > 3.0);
                    last = z;
                }
            }
            let n = f64::from(series * each);
            assert!((sum / n).abs() < 4.0 / n.sqrt(), "{}", sum / n);
            assert!((square / n - 1.0).abs() < 0.015, "{}", square / n);
            assert!((product / n).abs() < 4.0 / n.sqrt(), "{}", product / n);
            let expected = 0.0027 * n;
            assert!(
                (f64::from(far) / expected - 1.0).abs() < 0.2,
                "{far} of {expected}"
            );
        }
    }

    #[test]
    fn ties_count_half() {
        let x: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let scores = SequentialScores::new(&x).unwrap();
        let (low, high) = (scores.place(0.0), scores.place(1.0));
        assert!((low.below - 0.25).abs() < 0.02, "{low:?}");
        assert!((high.below - 0.75).abs() < 0.02, "{high:?}");
        assert_eq!(
            SequentialScores::new(&[2.0; 50]),
            Err(StatsError::ZeroVariance)
        );
    }
}
