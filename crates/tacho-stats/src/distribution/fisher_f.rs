//! Fisher's F distribution.
//!
//! Source: with x = d₁ f / (d₁ f + d₂), P(F ≤ f) = Iₓ(d₁/2, d₂/2); DLMF 8.17.

use crate::error::{Result, positive, probability};
use crate::special::{Ratio, Tail, Tails, beta_tails, solve_beta};

/// Fisher's F distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FisherF {
    d1: f64,
    d2: f64,
}

impl FisherF {
    /// With the given degrees of freedom of numerator and denominator (both above zero).
    pub fn new(d1: f64, d2: f64) -> Result<Self> {
        positive("d1", d1)?;
        positive("d2", d2)?;
        Ok(Self { d1, d2 })
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
        let (a, b) = (0.5 * self.d1, 0.5 * self.d2);
        (!x.is_nan()).then(|| beta_tails(a, b, &Ratio::from_scaled_odds(a, b, x.max(0.0))))
    }

    fn point(&self, tail: Tail, p: f64) -> f64 {
        solve_beta(0.5 * self.d1, 0.5 * self.d2, tail, p) * (self.d2 / self.d1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // d₁ = 2: P(F > f) = (1 + 2f/d₂)^(−d₂/2).
        let f = FisherF::new(2.0, 10.0).unwrap();
        for x in [0.01f64, 1.0, 30.0, 1e6] {
            assert!(
                (f.sf(x) / (1.0 + 0.2 * x).powi(-5) - 1.0).abs() < 1e-13,
                "{x}"
            );
        }
        assert!((f.inverse_sf(0.05).unwrap() / 4.102_821_015_130_401 - 1.0).abs() < 1e-12);
        assert_eq!(
            (f.cdf(0.0), f.sf(f64::INFINITY), f.cdf(-3.0)),
            (0.0, 0.0, 0.0)
        );
        assert!(FisherF::new(1.0, f64::INFINITY).is_err());
    }
}
