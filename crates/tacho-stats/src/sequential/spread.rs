//! Count, mean and variance of a stream, in a few operations an observation.
//!
//! Invariant: an observation that is not finite, or that would take the mean or the variance out of
//! range, is refused and changes nothing.
//! Not for higher moments; those are [`Moments`](crate::moments::Moments)'.
//! Source: Chan, Golub & `LeVeque`, The American Statistician 37 (1983).

use crate::error::{Result, StatsError};

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Spread {
    pub(super) n: u64,
    /// Zero without observations.
    pub(super) mean: f64,
    m2: f64,
}

impl Spread {
    pub(super) fn push(&mut self, value: f64) -> Result<()> {
        if !value.is_finite() {
            return Err(StatsError::NotFinite {
                index: usize::try_from(self.n).unwrap_or(usize::MAX),
            });
        }
        let delta = value - self.mean;
        let n = self.n + 1;
        let mean = self.mean + delta / n as f64;
        self.replace(n, mean, self.m2 + delta * (value - mean))
    }

    pub(super) fn merge(&mut self, other: &Self) -> Result<()> {
        if other.n == 0 {
            return Ok(());
        }
        let (n, delta) = (self.n + other.n, other.mean - self.mean);
        let part = other.n as f64 / n as f64;
        let between = delta * delta * part * self.n as f64;
        self.replace(n, self.mean + delta * part, self.m2 + other.m2 + between)
    }

    /// Variance with denominator n − 1; none below two observations.
    pub(super) fn variance(&self) -> Option<f64> {
        (self.n > 1).then(|| self.m2 / (self.n - 1) as f64)
    }

    fn replace(&mut self, n: u64, mean: f64, m2: f64) -> Result<()> {
        if !(mean.is_finite() && m2.is_finite()) {
            return Err(StatsError::Overflow {
                what: "the variance",
            });
        }
        (self.n, self.mean, self.m2) = (n, mean, m2);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushing_and_merging_give_the_variance() {
        let x = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
        let mut whole = Spread::default();
        let mut parts = [Spread::default(); 2];
        for (i, value) in x.into_iter().enumerate() {
            whole.push(value).unwrap();
            parts[i / 3].push(value).unwrap();
        }
        let [mut first, second] = parts;
        first.merge(&second).unwrap();
        for spread in [whole, first] {
            assert_eq!(spread.n, 4);
            assert!((spread.mean - 1e9 - 10.0).abs() < 1e-6);
            assert!((spread.variance().unwrap() - 30.0).abs() < 1e-6);
        }
    }

    #[test]
    fn what_leaves_the_range_is_refused() {
        let mut spread = Spread::default();
        spread.push(1e308).unwrap();
        let before = spread;
        for bad in [-1e308, f64::NAN, f64::INFINITY, 0.0] {
            assert!(spread.push(bad).is_err());
            assert_eq!(spread, before);
        }
        let mut far = Spread::default();
        far.push(-1e308).unwrap();
        assert!(spread.merge(&far).is_err());
        assert_eq!(spread, before);
    }
}
