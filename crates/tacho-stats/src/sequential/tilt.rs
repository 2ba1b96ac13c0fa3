//! The sub-Bernoulli mixture: exact evidence about probabilities, without a normal approximation.
//!
//! Invariant: for observations in 0..=1 of mean p, exp(θy)/(1 − p + p e^θ) has an expectation of at
//! most 1 (exactly 1 for zeros and ones), so that a product of such factors, averaged over fixed
//! weights of θ, is a supermartingale from 1 whatever the weights are. As a function of p its
//! logarithm is convex, and sums of such functions are too.
//! Not for observations outside 0..=1.
//! Sources: Robbins (1970) for the mixture; Howard, Ramdas, `McAuliffe` & Sekhon, Annals of Statistics
//! 49 (2021), sub-Bernoulli processes; Waudby-Smith & Ramdas, "Estimating means of bounded random
//! variables by betting", Journal of the Royal Statistical Society B 86 (2024).

use super::normal_mixture::NormalMixture;
use crate::error::Result;

/// Neighbouring θ differ by this factor: at |z| = 4 a tilt off by half of that loses 0.05 in ln E.
const RATIO: f64 = 1.17;
/// The largest θ in standard deviations of the prior; 1e-7 of it lies beyond.
const REACH: f64 = 5.5;
/// The smallest θ is this part of the largest: it serves up to 1e5 times the variance expected.
const SPAN: f64 = 1e-3;

/// Weights of a normal prior on a grid of log-odds θ that thins out towards zero.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TiltMixture {
    /// Positive θ and ln of the weight of each sign; the weights add up to one half.
    tilts: Vec<(f64, f64)>,
}

impl TiltMixture {
    /// The mixture tuned for a sum of variance `variance`.
    pub(super) fn tightest_at(variance: f64, alpha: f64) -> Result<Self> {
        let sd = NormalMixture::tightest_at(variance, alpha)?
            .rho()
            .recip()
            .sqrt();
        // e^θ must stay in range with room for the counts it is multiplied by.
        let largest = (REACH * sd).min(20.0);
        let mut theta = largest * SPAN;
        let mut tilts = Vec::new();
        while theta <= largest {
            let z = theta / sd;
            tilts.push((theta, -0.5 * z * z + z.ln()));
            theta *= RATIO;
        }
        let total: f64 = 2.0 * tilts.iter().map(|t| t.1.exp()).sum::<f64>();
        for tilt in &mut tilts {
            tilt.1 -= total.ln();
        }
        Ok(Self { tilts })
    }

    /// ln of the mixture of exp(`exponent`(θ)) over both signs of θ.
    pub(super) fn ln_e(&self, exponent: impl Fn(f64) -> f64) -> f64 {
        // A running maximum keeps the sum in range.
        let (mut top, mut sum) = (f64::NEG_INFINITY, 0.0);
        for (theta, ln_weight) in &self.tilts {
            for signed in [*theta, -theta] {
                let term = ln_weight + exponent(signed);
                if term > top {
                    sum = sum * (top - term).exp() + 1.0;
                    top = term;
                } else {
                    sum += (term - top).exp();
                }
            }
        }
        top + sum.ln()
    }
}

/// ln(1 − p + p e^θ), from whichever of p and 1 − p is the smaller, so that no digits are lost.
pub(super) fn cumulant(p: f64, theta: f64) -> f64 {
    if p <= 0.5 {
        (p * theta.exp_m1()).ln_1p()
    } else {
        theta + ((1.0 - p) * (-theta).exp_m1()).ln_1p()
    }
}

/// ln(eᵃ · share + eᵇ · (1 − share)).
pub(super) fn ln_blend(a: f64, b: f64, share: f64) -> f64 {
    let (a, b) = (a + share.ln(), b + (-share).ln_1p());
    let (top, other) = if a > b { (a, b) } else { (b, a) };
    if top == f64::NEG_INFINITY {
        return top;
    }
    top + (other - top).exp().ln_1p()
}

/// The place and value of the minimum of a convex function on `low..=high`, begun at `start`.
///
/// Stops early where the function falls to `enough` or below. Golden sections (Kiefer 1953).
pub(super) fn convex_minimum(
    f: impl Fn(f64) -> f64,
    (low, high): (f64, f64),
    enough: f64,
) -> (f64, f64) {
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    let (mut low, mut high) = (low, high);
    let mut left = high - GOLDEN * (high - low);
    let mut right = low + GOLDEN * (high - low);
    let (mut at_left, mut at_right) = (f(left), f(right));
    for _ in 0..60 {
        let (place, value) = if at_left < at_right {
            (left, at_left)
        } else {
            (right, at_right)
        };
        if value <= enough || (high - low) <= 1e-7 * high.abs().max(1e-9) {
            return (place, value);
        }
        if at_left < at_right {
            high = right;
            (right, at_right) = (left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = f(left);
        } else {
            low = left;
            (left, at_left) = (right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = f(right);
        }
    }
    if at_left < at_right {
        (left, at_left)
    } else {
        (right, at_right)
    }
}

/// Where a function that rises through `level` between `inside` (below it) and `outside` does so,
/// from the outside; `outside` itself where it stays below.
pub(super) fn edge(f: impl Fn(f64) -> f64, inside: f64, outside: f64, level: f64) -> f64 {
    if f(outside) < level {
        return outside;
    }
    let (mut inside, mut outside) = (inside, outside);
    for _ in 0..40 {
        let middle = 0.5 * (inside + outside);
        if f(middle) < level {
            inside = middle;
        } else {
            outside = middle;
        }
        if (outside - inside).abs() <= 1e-10 {
            break;
        }
    }
    outside
}
