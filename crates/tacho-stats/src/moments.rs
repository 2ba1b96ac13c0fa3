//! A mergeable accumulator of count, mean and the second to fourth central moments.
//!
//! Invariant: merging the accumulators of parts gives that of the whole, to rounding, in any order.
//! Not for a whole slice at hand where the last digit counts and no merge follows;
//! [`describe`](crate::describe) takes two passes there (as does [`Moments::from_slice`]).
//! Source: Pébay, "Formulas for robust, one-pass parallel computation of covariances and
//! arbitrary-order statistical moments", Sandia report SAND2008-6212 (2008).

use crate::error::{Result, StatsError, in_range, observations};
use crate::sum::{mean_parts, sum};

/// Count, mean and central moment sums of a stream of observations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    n: u64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    /// The accumulator of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The accumulator of a slice, by two passes.
    pub fn from_slice(x: &[f64]) -> Result<Self> {
        observations(x, 1)?;
        let (high, low) = mean_parts(x);
        let power = |k: i32| sum(x.iter().map(|v| ((v - high) - low).powi(k)));
        let n = x.len() as u64;
        Ok(Self {
            n,
            mean: in_range("the mean", high + low)?,
            m2: in_range("the second moment", power(2))?,
            m3: in_range("the third moment", power(3))?,
            m4: in_range("the fourth moment", power(4))?,
        })
    }

    /// Adds one observation, which must be finite.
    pub fn push(&mut self, value: f64) -> Result<()> {
        if !value.is_finite() {
            return Err(StatsError::NotFinite {
                index: usize::try_from(self.n).unwrap_or(usize::MAX),
            });
        }
        self.merge(&Self::of_one(value));
        Ok(())
    }

    pub(crate) fn of_one(value: f64) -> Self {
        Self {
            n: 1,
            mean: value,
            ..Self::default()
        }
    }

    /// Adds all observations of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *other;
            return;
        }
        let (na, nb) = (self.n as f64, other.n as f64);
        let n = na + nb;
        let delta = other.mean - self.mean;
        let step = delta / n;
        self.m4 += other.m4
            + delta * step.powi(3) * na * nb * (na * na - na * nb + nb * nb)
            + 6.0 * step * step * (na * na * other.m2 + nb * nb * self.m2)
            + 4.0 * step * (na * other.m3 - nb * self.m3);
        self.m3 += other.m3
            + delta * step * step * na * nb * (na - nb)
            + 3.0 * step * (na * other.m2 - nb * self.m2);
        self.m2 += other.m2 + delta * step * na * nb;
        self.mean += step * nb;
        self.n += other.n;
    }

    /// Number of observations.
    pub fn count(&self) -> u64 {
        self.n
    }

    /// Mean of at least one observation.
    pub fn mean(&self) -> Result<f64> {
        self.at_least(1)?;
        in_range("the mean", self.mean)
    }

    /// Variance with denominator n − 1, of at least two observations.
    pub fn variance(&self) -> Result<f64> {
        self.at_least(2)?;
        in_range("the variance", self.m2 / (self.n as f64 - 1.0))
    }

    /// Standard deviation with denominator n − 1, of at least two observations.
    pub fn sd(&self) -> Result<f64> {
        Ok(self.variance()?.sqrt())
    }

    /// Skewness G1, corrected for bias, of at least three observations that are not all equal.
    pub fn skewness(&self) -> Result<f64> {
        self.at_least(3)?;
        self.spread()?;
        let n = self.n as f64;
        let g1 = (self.m3 / n) / (self.m2 / n).powf(1.5);
        in_range("the skewness", g1 * (n * (n - 1.0)).sqrt() / (n - 2.0))
    }

    /// Excess kurtosis G2, corrected for bias, of at least four observations not all equal.
    pub fn kurtosis(&self) -> Result<f64> {
        self.at_least(4)?;
        self.spread()?;
        let n = self.n as f64;
        let g2 = n * self.m4 / (self.m2 * self.m2) - 3.0;
        in_range(
            "the kurtosis",
            (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * g2 + 6.0),
        )
    }

    fn at_least(&self, need: u64) -> Result<()> {
        if self.n >= need {
            return Ok(());
        }
        Err(StatsError::TooFew {
            need: need as usize,
            got: self.n as usize,
        })
    }

    fn spread(&self) -> Result<()> {
        if self.m2 > 0.0 {
            Ok(())
        } else {
            Err(StatsError::ZeroVariance)
        }
    }
}
