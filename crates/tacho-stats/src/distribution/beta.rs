//! The beta distribution.
//!
//! Source: DLMF 8.17: P(X ≤ x) is the regularised incomplete beta function.

use crate::error::{Result, positive, probability};
use crate::special::{Ratio, Tail, Tails, beta_tails, solve_beta};

/// The beta distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beta {
    a: f64,
    b: f64,
}

impl Beta {
    /// With the given shape parameters (both above zero).
    pub fn new(a: f64, b: f64) -> Result<Self> {
        positive("a", a)?;
        positive("b", b)?;
        Ok(Self { a, b })
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
    fn tails(&self, x: f64) -> Option<Tails> {
        let at = || Ratio::from_x(self.a, self.b, x.clamp(0.0, 1.0));
        (!x.is_nan()).then(|| beta_tails(self.a, self.b, &at()))
    }

    fn point(&self, tail: Tail, p: f64) -> f64 {
        let odds = solve_beta(self.a, self.b, tail, p);
        if odds.is_infinite() {
            1.0
        } else {
            odds / (1.0 + odds)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let power = Beta::new(3.0, 1.0).unwrap();
        assert!((power.cdf(0.1) / 1e-3 - 1.0).abs() < 1e-14);
        assert!((power.quantile(1e-300).unwrap() / 1e-100 - 1.0).abs() < 1e-13);
        // Where statrs 0.19 gives −1.147.
        let narrow = Beta::new(1e8, 1e8).unwrap();
        assert!((narrow.cdf(0.5) - 0.5).abs() < 1e-12, "{}", narrow.cdf(0.5));
        assert!((narrow.quantile(0.5).unwrap() - 0.5).abs() < 1e-12);
        let arcsine = Beta::new(0.5, 0.5).unwrap();
        assert!((arcsine.cdf(0.25) - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!((arcsine.cdf(-1.0), arcsine.cdf(2.0)), (0.0, 1.0));
    }
}
