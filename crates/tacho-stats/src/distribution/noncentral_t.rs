//! The non-central t distribution: what a t statistic follows where there is an effect.
//!
//! Invariant: relative error at most 1e-12 in both tails for non-centralities up to 1e3 (beyond, the
//! rounding of t S − δ itself grows like 1e-15 δ), the tail away from the effect included,
//! where the usual series of incomplete beta functions (Benton & Krishnamoorthy, Computational
//! Statistics & Data Analysis 43, 2003) cancel. With T = (Z + δ) / S and S² = χ²(ν)/ν,
//! P(T > t) is the mean of Φ̄(t S − δ): an integral of positive terms, smooth and with one peak in
//! u = ln S. The trapezoidal rule on the whole line converges geometrically there (Trefethen &
//! Weideman, SIAM Review 56, 2014), and halving the step tells how far it has come.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::error::{Result, StatsError, positive, probability};
use crate::special::{Tail, Tails, erfc_scaled, invert, log1pmx, sqrt_two_pi, stirling_remainder};

/// Student's t distribution shifted by a non-centrality.
///
/// ```
/// use tacho_stats::distribution::NoncentralT;
///
/// // The power of a two-sample t test at 5 % with 64 a group and d = 0.5, upper side.
/// let t = NoncentralT::new(126.0, 0.5 * 32f64.sqrt())?;
/// assert!((t.sf(1.978_970_602) - 0.801_459_6).abs() < 1e-6);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoncentralT {
    df: f64,
    noncentrality: f64,
}

impl NoncentralT {
    /// With the given degrees of freedom (above zero) and non-centrality (up to 1e100 in
    /// magnitude).
    pub fn new(df: f64, noncentrality: f64) -> Result<Self> {
        positive("df", df)?;
        if !(-NONCENTRALITY_MAX..=NONCENTRALITY_MAX).contains(&noncentrality) {
            return Err(StatsError::Invalid {
                name: "noncentrality",
                why: "it must lie within 1e100 of zero",
            });
        }
        Ok(Self { df, noncentrality })
    }

    /// Probability of a value at or below `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        self.mass(Tail::Lower, x).0
    }

    /// Probability of a value above `x`.
    pub fn sf(&self, x: f64) -> f64 {
        self.mass(Tail::Upper, x).0
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

    /// The given tail at `x`, and the density.
    fn mass(self, tail: Tail, x: f64) -> (f64, f64) {
        if x.is_nan() {
            return (x, x);
        }
        if x.is_infinite() {
            let upper = if x > 0.0 { 0.0 } else { 1.0 };
            return match tail {
                Tail::Upper => (upper, 0.0),
                Tail::Lower => (1.0 - upper, 0.0),
            };
        }
        // T with −δ is −T with δ.
        let (tail, delta) = match (tail, x < 0.0) {
            (tail, false) => (tail, self.noncentrality),
            (Tail::Upper, true) => (Tail::Lower, -self.noncentrality),
            (Tail::Lower, true) => (Tail::Upper, -self.noncentrality),
        };
        let integrand = Integrand {
            df: self.df,
            delta,
            t: x.abs(),
            tail,
        };
        integrand.integrate()
    }

    fn point(self, tail: Tail, p: f64) -> f64 {
        let (tail, p) = match tail.nearer(p, (f64::NEG_INFINITY, f64::INFINITY)) {
            Ok(nearer) => nearer,
            Err(end) => return end,
        };
        // Tails fall like a power of t, so their logarithm is nearly straight in arsinh t.
        let tails = |c: f64| {
            let t = c.sinh();
            let (mass, density) = self.mass(tail, t);
            Tails {
                lower: mass,
                upper: mass,
                density: density * c.cosh(),
            }
        };
        invert(tails, tail, p, self.noncentrality.asinh()).sinh()
    }
}

/// The density of u = ln S times Φ̄(t S − δ), or times Φ(t S − δ), for t ≥ 0.
struct Integrand {
    df: f64,
    delta: f64,
    t: f64,
    tail: Tail,
}

impl Integrand {
    /// w such that the tail of the normal beyond w is what S contributes.
    fn threshold(&self, s: f64) -> f64 {
        let z = self.t.mul_add(s, -self.delta);
        match self.tail {
            Tail::Upper => z,
            Tail::Lower => -z,
        }
    }

    /// Logarithm of the density of u, but for a constant.
    fn log_density(&self, u: f64) -> f64 {
        let excess = (2.0 * u).exp_m1();
        let log = if u.abs() < 0.25 {
            log1pmx(excess)
        } else {
            2.0 * u - excess
        };
        0.5 * self.df * log
    }

    /// Derivative of the integrand's logarithm, and minus the second derivative.
    fn slope(&self, u: f64) -> (f64, f64) {
        let s = u.exp();
        let w = self.threshold(s);
        let hazard = hazard(w);
        let moved = match self.tail {
            Tail::Upper => self.t * s,
            Tail::Lower => -self.t * s,
        };
        let pull = if hazard == 0.0 { 0.0 } else { moved * hazard };
        let bend = if hazard == 0.0 {
            0.0
        } else {
            moved * moved * (hazard * (hazard - w)).clamp(0.0, 1.0)
        };
        let slope = -self.df * (2.0 * u).exp_m1() - pull;
        (slope, 2.0 * self.df * s * s + pull + bend)
    }

    /// The u at which the integrand is largest: the only zero of a falling slope.
    fn peak(&self) -> f64 {
        let (mut low, mut high) = match self.tail {
            Tail::Upper => (-800.0, 0.0),
            Tail::Lower => (0.0, 350.0),
        };
        for _ in 0..64 {
            let middle = 0.5 * (low + high);
            if self.slope(middle).0 > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }

    /// Logarithm of the integrand's exponential part, and the factor left.
    fn parts(&self, u: f64) -> (f64, f64) {
        let w = self.threshold(u.exp());
        let half_tail = 0.5 * erfc_scaled(w.abs() * FRAC_1_SQRT_2);
        if w >= 0.0 {
            (self.log_density(u) - 0.5 * w * w, half_tail)
        } else {
            let factor = 1.0 - half_tail * (-0.5 * w * w).exp();
            (self.log_density(u), factor)
        }
    }

    /// The integral, and that of S φ(t S − δ), which is the density of T.
    fn integrate(&self) -> (f64, f64) {
        let peak = self.peak();
        let offset = self.parts(peak).0;
        if offset < -800.0 {
            return (0.0, 0.0);
        }
        let bend = self.slope(peak).1.max(f64::MIN_POSITIVE);
        let mut step = (0.9 / bend.sqrt()).min(0.5);
        let mut sum = self.sum(peak, step, 0.0, offset);
        for _ in 0..HALVINGS_MAX {
            let between = self.sum(peak, step, 0.5, offset);
            let difference = (between.0 - sum.0).abs();
            sum = (sum.0 + between.0, sum.1 + between.1);
            step *= 0.5;
            // Halving the step squares the relative error.
            if difference <= 1e-8 * sum.0 {
                break;
            }
        }
        let a = 0.5 * self.df;
        let constant = 2.0 * a.sqrt() / sqrt_two_pi() * (offset - stirling_remainder(a)).exp();
        ((constant * step * sum.0).min(1.0), constant * step * sum.1)
    }

    /// Sums the integrands over the grid of `step` through `peak`, moved by `shift` steps.
    fn sum(&self, peak: f64, step: f64, shift: f64, offset: f64) -> (f64, f64) {
        let (mut mass, mut density) = (0.0, 0.0);
        let mut add = |u: f64| {
            let (log, factor) = self.parts(u);
            let s = u.exp();
            let w = self.threshold(s);
            let value = (log - offset).exp() * factor;
            let normal = (self.log_density(u) - 0.5 * w * w - offset).exp() / sqrt_two_pi();
            mass += value;
            density += s * normal;
            (value, mass, s)
        };
        let mut k = shift;
        while k < TERMS_MAX {
            let (value, total, _) = add(peak + k * step);
            if value <= TERM_MIN * total {
                break;
            }
            k += 1.0;
        }
        let ratio = (self.df * step).exp_m1();
        let reach = 1.0 + self.delta.abs();
        let mut k = shift - 1.0;
        let rest = loop {
            if k < -TERMS_MAX {
                break 0.0;
            }
            let (value, total, s) = add(peak + k * step);
            if value <= TERM_MIN * total * ratio.min(1.0) {
                break 0.0;
            }
            // All that is left is the density's exponential fall: a geometric series.
            if reach * self.t * s < 1e-17 && (self.df + 1.0) * s * s < 1e-17 {
                break value / ratio;
            }
            k -= 1.0;
        };
        (mass + rest, density)
    }
}

/// Beyond, not even the logarithm of a tail is a double.
const NONCENTRALITY_MAX: f64 = 1e100;
const HALVINGS_MAX: usize = 8;
/// More terms than any convergent sum here has; a guard against values that are not numbers.
const TERMS_MAX: f64 = 1e5;
/// A term below this part of the sum changes nothing.
const TERM_MIN: f64 = 1e-18;

/// φ(w) / Φ̄(w).
fn hazard(w: f64) -> f64 {
    let half_tail = 0.5 * erfc_scaled(w.abs() * FRAC_1_SQRT_2);
    if w >= 0.0 {
        return 1.0 / (sqrt_two_pi() * half_tail);
    }
    let bell = (-0.5 * w * w).exp();
    bell / (sqrt_two_pi() * (1.0 - half_tail * bell))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::{Normal, StudentT};

    #[test]
    fn without_an_effect_it_is_student_s() {
        for df in [0.3, 1.0, 7.0, 1e4, 1e9] {
            let (central, plain) = (
                NoncentralT::new(df, 0.0).unwrap(),
                StudentT::new(df).unwrap(),
            );
            for x in [-30.0, -1.0, 0.0, 0.1, 2.5, 35.0] {
                let off = central.sf(x) / plain.sf(x) - 1.0;
                assert!(off.abs() < 1e-12, "df {df} x {x}: {off:e}");
            }
        }
    }

    #[test]
    fn at_zero_it_is_the_normal_s() {
        for delta in [-30.0, -2.0, 0.5, 8.0, 36.0] {
            let t = NoncentralT::new(3.0, delta).unwrap();
            assert!(
                (t.cdf(0.0) / Normal::STANDARD.sf(delta) - 1.0).abs() < 1e-13,
                "{delta}"
            );
            assert!(
                (t.sf(0.0) / Normal::STANDARD.cdf(delta) - 1.0).abs() < 1e-13,
                "{delta}"
            );
        }
    }

    #[test]
    fn edges() {
        assert!(NoncentralT::new(0.0, 1.0).is_err() && NoncentralT::new(1.0, f64::NAN).is_err());
        let t = NoncentralT::new(2.0, 1.0).unwrap();
        assert!(t.cdf(f64::NAN).is_nan() && t.quantile(1.5).is_err());
        assert_eq!((t.cdf(f64::INFINITY), t.sf(f64::INFINITY)), (1.0, 0.0));
        assert_eq!(
            (t.quantile(0.0), t.quantile(1.0)),
            (Ok(f64::NEG_INFINITY), Ok(f64::INFINITY))
        );
        for (df, delta) in [
            (1e-6, 3.0),
            (1e15, 3.0),
            (5.0, 1e8),
            (5.0, -1e99),
            (1e-300, 0.0),
        ] {
            let t = NoncentralT::new(df, delta).unwrap();
            for x in [-1e300, -3.0, 0.0, 1e-300, 2.0, 1e200] {
                let (below, above) = (t.cdf(x), t.sf(x));
                assert!(
                    (below + above - 1.0).abs() < 1e-9,
                    "{df} {delta} {x}: {below} {above}"
                );
            }
        }
    }
}
