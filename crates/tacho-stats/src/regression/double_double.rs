//! Numbers of twice the precision: unevaluated sums of two doubles.
//!
//! Invariant: `high` is the double nearest to the value; arithmetic errs by a few parts in 2¹⁰⁴.
//! Not for values beyond about 1e290, where splitting a factor would overflow: scale first.
//! Sources: Dekker, "A floating-point technique for extending the available precision", Numerische
//! Mathematik 18 (1971); Knuth, "The art of computer programming" 2, 4.2.2, for the sum.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number of about 32 digits. Ordered by value.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub(super) struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    pub(super) const ZERO: Self = Self {
        high: 0.0,
        low: 0.0,
    };

    /// The nearest double.
    pub(super) fn value(self) -> f64 {
        self.high
    }

    /// Two doubles' exact product.
    pub(super) fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        let ((a1, a2), (b1, b2)) = (split(a), split(b));
        let low = a2 * b2 - (((high - a1 * b1) - a2 * b1) - a1 * b2);
        Self { high, low }
    }

    pub(super) fn sqrt(self) -> Self {
        if self.high <= 0.0 {
            return Self::ZERO;
        }
        let root = self.high.sqrt();
        let rest = self - Self::product(root, root);
        fast_sum(root, rest.high / (2.0 * root))
    }
}

impl From<f64> for DoubleDouble {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Add for DoubleDouble {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (high, error) = sum(self.high, other.high);
        let (low, lost) = sum(self.low, other.low);
        let first = fast_sum(high, error + low);
        fast_sum(first.high, first.low + lost)
    }
}

impl Sub for DoubleDouble {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for DoubleDouble {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            high: -self.high,
            low: -self.low,
        }
    }
}

impl Mul for DoubleDouble {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = Self::product(self.high, other.high);
        let cross = self.high * other.low + self.low * other.high;
        fast_sum(product.high, product.low + cross)
    }
}

impl Div for DoubleDouble {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other * Self::from(first);
        let second = rest.high / other.high;
        let rest = rest - other * Self::from(second);
        fast_sum(first, second) + Self::from(rest.high / other.high)
    }
}

impl std::iter::Sum for DoubleDouble {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::ZERO, Add::add)
    }
}

/// Σ aᵢ bᵢ, in four sums that do not wait for each other.
pub(super) fn dot(a: &[DoubleDouble], b: &[DoubleDouble]) -> DoubleDouble {
    let n = a.len().min(b.len());
    let ((a, a_rest), (b, b_rest)) = (a[..n].as_chunks::<4>(), b[..n].as_chunks::<4>());
    let mut sums = [DoubleDouble::ZERO; 4];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..4 {
            sums[lane] = sums[lane] + a[lane] * b[lane];
        }
    }
    let rest: DoubleDouble = a_rest.iter().zip(b_rest).map(|(a, b)| *a * *b).sum();
    sums.into_iter().sum::<DoubleDouble>() + rest
}

/// `y − slope · x`, nearly exact: what a line of that slope leaves of a point.
pub(super) fn residual(y: f64, slope: f64, x: f64) -> DoubleDouble {
    DoubleDouble::from(y) - DoubleDouble::product(slope, x)
}

/// a + b, and what rounding lost.
fn sum(a: f64, b: f64) -> (f64, f64) {
    let total = a + b;
    let part = total - a;
    (total, (a - (total - part)) + (b - part))
}

/// As [`sum`], where |a| ≥ |b|.
fn fast_sum(a: f64, b: f64) -> DoubleDouble {
    let high = a + b;
    DoubleDouble {
        high,
        low: b - (high - a),
    }
}

/// The upper 26 bits and the rest.
fn split(a: f64) -> (f64, f64) {
    let shifted = a * 134_217_729.0;
    let high = shifted - (shifted - a);
    (high, a - high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (1/3) · 3 and √2² miss by less than a part in 2¹⁰⁰.
    #[test]
    fn thirty_digits() {
        let [one, two, three] = [1.0, 2.0, 3.0].map(DoubleDouble::from);
        let tiny = 2f64.powi(-100);
        let third = one / three;
        assert!((third * three - one).value().abs() < tiny);
        let root = two.sqrt();
        assert!((root * root - two).value().abs() < tiny);
        assert_eq!(DoubleDouble::ZERO.sqrt(), DoubleDouble::ZERO);
    }

    #[test]
    fn nothing_is_lost_in_a_residual() {
        let (slope, x) = (1.0 + f64::EPSILON, 1.0 - f64::EPSILON);
        assert_eq!(residual(1.0, slope, x).value(), f64::EPSILON * f64::EPSILON);
        assert!(residual(3.0, 1.0, 1e-30) < DoubleDouble::from(3.0));
    }
}
