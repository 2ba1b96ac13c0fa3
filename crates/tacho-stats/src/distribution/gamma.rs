//! The gamma distribution, by shape and scale.
//!
//! Source: DLMF 8.2: P(X ≤ x) is the regularised incomplete gamma function at x / scale.

use crate::error::{Result, positive, probability};
use crate::special::{Tail, Tails, gamma_tails, solve_gamma};

/// The gamma distribution, by shape and scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gamma {
    shape: f64,
    scale: f64,
}

impl Gamma {
    /// With the given shape and scale (both above zero).
    pub fn new(shape: f64, scale: f64) -> Result<Self> {
        positive("shape", shape)?;
        positive("scale", scale)?;
        Ok(Self { shape, scale })
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
        (!x.is_nan()).then(|| gamma_tails(self.shape, x.max(0.0) / self.scale))
    }

    fn point(&self, tail: Tail, p: f64) -> f64 {
        self.scale * solve_gamma(self.shape, tail, p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_the_case_of_shape_one() {
        let e = Gamma::new(1.0, 3.0).unwrap();
        for x in [1e-12f64, 0.1, 1.0, 20.0, 900.0] {
            assert!((e.cdf(x) / -(-x / 3.0).exp_m1() - 1.0).abs() < 1e-14, "{x}");
            assert!((e.sf(x) / (-x / 3.0).exp() - 1.0).abs() < 1e-13, "{x}");
        }
        assert!((e.quantile(1e-9).unwrap() / 3.000_000_001_5e-9 - 1.0).abs() < 1e-13);
        assert!(
            (Gamma::new(0.1, 1.0).unwrap().quantile(1e-20).unwrap() / 6.073_4e-201 - 1.0).abs()
                < 1e-3
        );
    }
}
