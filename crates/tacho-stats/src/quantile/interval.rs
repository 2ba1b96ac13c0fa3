//! Confidence intervals of quantiles that assume nothing of the distribution.
//!
//! Invariant: on independent observations of a continuous distribution the interval covers the true
//! quantile at least as often as its level says; with ties more often. Not for dependent series:
//! those resample intervals ([`intervals`](crate::intervals)).
//! Source: Hahn & Meeker, "Statistical intervals" (1991), 5.2; David & Nagaraja, "Order
//! statistics" (2003), 7.1.

use super::SortedSample;
use crate::distribution::Binomial;
use crate::error::{self, Result, StatsError};
use crate::hypothesis::Interval;

impl SortedSample {
    /// The interval between two order statistics that covers the quantile at `p` with at least
    /// `level`, each tail at most half of what is left.
    ///
    /// Fails with [`StatsError::TooFew`] where the sample is too small for any such interval: p99
    /// at 95 % needs 368 observations.
    ///
    /// ```
    /// use tacho_stats::quantile::SortedSample;
    ///
    /// let x: Vec<f64> = (1..=100).map(f64::from).collect();
    /// let interval = SortedSample::new(&x)?.quantile_interval(0.5, 0.95)?;
    /// assert_eq!((interval.low, interval.high), (40.0, 61.0));
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn quantile_interval(&self, p: f64, level: f64) -> Result<Interval> {
        error::level(level)?;
        if !(p > 0.0 && p < 1.0) {
            return Err(StatsError::Invalid {
                name: "p",
                why: "it must lie strictly between 0 and 1",
            });
        }
        let x = self.as_slice();
        let n = x.len() as u64;
        let tail = 0.5 * (1.0 - level);
        let below = Binomial::new(n, p)?;
        // The number of observations below the quantile is binomial. One-based order statistics:
        // the largest l with P(B < l) ≤ tail, the smallest u with P(B ≥ u) ≤ tail.
        let at_least = below.quantile(tail)?;
        let l = at_least + u64::from(below.cdf(at_least) <= tail);
        let u = below.inverse_sf(tail)? + 1;
        if l == 0 || u > n {
            return Err(StatsError::TooFew {
                need: least(p, tail),
                got: x.len(),
            });
        }
        Ok(Interval {
            low: x[l as usize - 1],
            high: x[u as usize - 1],
            level,
        })
    }
}

/// The fewest observations with an interval: all on one side of the quantile must be unlikely.
fn least(p: f64, tail: f64) -> usize {
    (tail.ln() / p.ln()).max(tail.ln() / (-p).ln_1p()).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn covers_as_often_as_it_says() {
        let mut rng = Rng::new(1);
        for (n, p) in [(20, 0.5), (60, 0.9), (400, 0.99), (10, 0.5)] {
            let runs = 4000;
            let covered = (0..runs).filter(|_| {
                let x: Vec<f64> = (0..n).map(|_| rng.uniform()).collect();
                let sample = SortedSample::new(&x).unwrap();
                sample.quantile_interval(p, 0.9).unwrap().contains(p)
            });
            let rate = covered.count() as f64 / f64::from(runs);
            let slack = 4.0 * (0.9 * 0.1 / f64::from(runs)).sqrt();
            assert!(rate > 0.9 - slack, "{n} {p}: {rate}");
        }
    }

    #[test]
    fn the_least_number_is_the_least() {
        for (p, level) in [(0.5, 0.95), (0.99, 0.95), (0.01, 0.9)] {
            let interval = |n: usize| {
                let x: Vec<f64> = (0..n).map(|i| i as f64).collect();
                SortedSample::new(&x).unwrap().quantile_interval(p, level)
            };
            let Err(StatsError::TooFew { need, got: 1 }) = interval(1) else {
                panic!("one observation has no interval");
            };
            assert!(interval(need).is_ok(), "{p} {level} {need}");
            assert!(interval(need - 1).is_err(), "{p} {level} {need}");
        }
    }

    #[test]
    fn bad_parameters_are_refused() {
        let sample = SortedSample::new(&[1.0; 50]).unwrap();
        for (p, level) in [(0.0, 0.9), (1.0, 0.9), (f64::NAN, 0.9), (0.5, 1.0)] {
            assert!(sample.quantile_interval(p, level).is_err());
        }
        let tied = sample.quantile_interval(0.5, 0.95).unwrap();
        assert_eq!((tied.low, tied.high), (1.0, 1.0));
    }
}
