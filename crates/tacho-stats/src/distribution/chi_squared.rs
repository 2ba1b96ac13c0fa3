//! The chi-squared distribution.
//!
//! Source: a gamma distribution with shape k/2 and scale 2; DLMF 8.2.

use crate::error::{Result, positive, probability};
use crate::special::{Tail, Tails, gamma_tails, solve_gamma};

/// The chi-squared distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquared {
    df: f64,
}

impl ChiSquared {
    /// With the given degrees of freedom (above zero).
    pub fn new(df: f64) -> Result<Self> {
        positive("df", df)?;
        Ok(Self { df })
    }

    /// Probability of a value at or below `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        self.tails(x).map_or(x, |t| t.lower)
    }

    /// Probability of a value above `x`.
    pub fn sf(&self, x: f64) -> f64 {
        self.tails(x).map_or(x, |t| t.upper)
    }

    /// The value that is not exceeded with probability `p`.
    pub fn quantile(&self, p: f64) -> Result<f64> {
        probability("p", p)?;
        Ok(self.point(Tail::Lower, p))
    }

    /// The value that is exceeded with probability `q`.
    pub fn inverse_sf(&self, q: f64) -> Result<f64> {
        probability("q", q)?;
        Ok(self.point(Tail::Upper, q))
    }

    /// Both tails at `x`; none for NaN.
    fn tails(self, x: f64) -> Option<Tails> {
        (!x.is_nan()).then(|| gamma_tails(0.5 * self.df, 0.5 * x.max(0.0)))
    }

    fn point(self, tail: Tail, p: f64) -> f64 {
        2.0 * solve_gamma(0.5 * self.df, tail, p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let one = ChiSquared::new(1.0).unwrap();
        assert!((one.quantile(0.95).unwrap() / 3.841_458_820_694_124 - 1.0).abs() < 1e-13);
        assert!((one.sf(3.841_458_820_694_124) / 0.05 - 1.0).abs() < 1e-13);
        let two = ChiSquared::new(2.0).unwrap();
        assert!((two.inverse_sf(1e-200).unwrap() / 921.034_037_197_618_3 - 1.0).abs() < 1e-13);
        assert_eq!((two.cdf(-1.0), two.cdf(f64::INFINITY)), (0.0, 1.0));
        assert!(two.cdf(f64::NAN).is_nan() && ChiSquared::new(-1.0).is_err());
    }
}
