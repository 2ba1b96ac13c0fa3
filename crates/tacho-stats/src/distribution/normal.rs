//! The normal distribution.
//!
//! Source: the tail is exp(−z²/2) · erfcx(z/√2) / 2; its inverse starts from Abramowitz & Stegun
//! 26.2.23 and is refined by Halley's method on the logarithm of the tail.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::error::{Result, StatsError, positive, probability};
use crate::special::{erf, erfc_scaled};

/// A normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    mean: f64,
    sd: f64,
}

impl Normal {
    /// Mean 0, standard deviation 1.
    pub const STANDARD: Self = Self { mean: 0.0, sd: 1.0 };

    /// With the given mean and standard deviation (above zero).
    pub fn new(mean: f64, sd: f64) -> Result<Self> {
        positive("sd", sd)?;
        if !mean.is_finite() {
            return Err(StatsError::Invalid {
                name: "mean",
                why: "it must be finite",
            });
        }
        Ok(Self { mean, sd })
    }

    /// Density at `x`.
    pub fn pdf(&self, x: f64) -> f64 {
        let z = (x - self.mean) / self.sd;
        half_square_exp(z) / ((2.0 * PI).sqrt() * self.sd)
    }

    /// Probability of a value at or below `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        upper_tail(-(x - self.mean) / self.sd)
    }

    /// Probability of a value above `x`.
    pub fn sf(&self, x: f64) -> f64 {
        upper_tail((x - self.mean) / self.sd)
    }

    /// The value that is not exceeded with probability `p`.
    pub fn quantile(&self, p: f64) -> Result<f64> {
        probability("p", p)?;
        Ok(self.sd.mul_add(-standard_inverse_sf(p), self.mean))
    }

    /// The value that is exceeded with probability `q`.
    pub fn inverse_sf(&self, q: f64) -> Result<f64> {
        probability("q", q)?;
        Ok(self.sd.mul_add(standard_inverse_sf(q), self.mean))
    }
}

/// exp(−z²/2), with the rounding error of z² put back.
fn half_square_exp(z: f64) -> f64 {
    if z.abs() > 40.0 {
        return 0.0;
    }
    let square = z * z;
    let lost = z.mul_add(z, -square);
    (-0.5 * square).exp() * (1.0 - 0.5 * lost)
}

fn upper_tail(z: f64) -> f64 {
    if z.abs() < 0.5 {
        return 0.5 - 0.5 * erf(z * FRAC_1_SQRT_2);
    }
    if z < 0.0 {
        return 1.0 - upper_tail(-z);
    }
    if z.is_infinite() {
        return 0.0;
    }
    0.5 * half_square_exp(z) * erfc_scaled(z * FRAC_1_SQRT_2)
}

/// The z with upper tail `q`, for q in `0..=1`.
pub(crate) fn standard_inverse_sf(q: f64) -> f64 {
    if q == 0.0 {
        return f64::INFINITY;
    }
    if q > 0.5 {
        // 1 − q is exact here.
        return -standard_inverse_sf(1.0 - q);
    }
    if q > 0.4 {
        return central(q);
    }
    let t = (-2.0 * q.ln()).sqrt();
    let mut z = t
        - (0.010_328f64.mul_add(t, 0.802_853).mul_add(t, 2.515_517))
            / (0.001_308f64
                .mul_add(t, 0.189_269)
                .mul_add(t, 1.432_788)
                .mul_add(t, 1.0));
    for _ in 0..4 {
        let tail = upper_tail(z);
        // Newton's step on ln(tail) and its curvature h' = z − h with h the hazard.
        let hazard = half_square_exp(z) / (2.0 * PI).sqrt() / tail;
        let step = (tail / q).ln() / hazard;
        let next = z + step / (1.0 - 0.5 * step * (hazard - z));
        if (next - z).abs() <= f64::EPSILON * z.abs() {
            return next;
        }
        z = next;
    }
    z
}

/// Newton's method on Φ(z) − 1/2 = 1/2 − q, which keeps its digits near the centre.
fn central(q: f64) -> f64 {
    let target = 0.5 - q;
    let mut z = target * (2.0 * PI).sqrt();
    for _ in 0..6 {
        let error = 0.5 * erf(z * FRAC_1_SQRT_2) - target;
        z -= error * (2.0 * PI).sqrt() / half_square_exp(z);
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let n = Normal::STANDARD;
        assert!((n.quantile(0.975).unwrap() - 1.959_963_984_540_054_2).abs() < 1e-15 * 4.0);
        assert!((n.inverse_sf(0.45).unwrap() - 0.125_661_346_855_074_02).abs() < 1e-16 * 4.0);
        assert!((n.inverse_sf(1e-300).unwrap() - 37.047_096_299_361_2).abs() < 1e-13);
        assert_eq!(
            (n.cdf(f64::INFINITY), n.sf(f64::INFINITY), n.cdf(0.0)),
            (1.0, 0.0, 0.5)
        );
        assert_eq!(n.quantile(0.0), Ok(f64::NEG_INFINITY));
        assert_eq!(n.quantile(0.5), Ok(0.0));
        assert!(n.quantile(-0.1).is_err() && Normal::new(0.0, 0.0).is_err());
    }
}
