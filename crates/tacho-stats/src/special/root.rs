//! Inverts a cumulative distribution.
//!
//! Invariant: the returned coordinate reproduces the tail asked for to a few units in the last
//! place, or to the width of one step of the coordinate; at most [`MAX_STEPS`] evaluations.
//! Method: Newton's on the logarithm of the smaller tail, bracketed, halving where a step leaves the
//! bracket. The logarithm of the tails of log-concave families is concave in the coordinates used,
//! so Newton's method converges from afar.

/// Both tails of a distribution at a point, and the density with respect to the coordinate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tails {
    /// Probability at or below the point.
    pub(crate) lower: f64,
    /// Probability above it.
    pub(crate) upper: f64,
    /// Derivative of `lower` by the coordinate.
    pub(crate) density: f64,
}

/// Which tail is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    Lower,
    Upper,
}

impl Tail {
    /// What is left to solve where this tail is `p`: the tail that is at most one half, which says
    /// the same with more digits (1 − p is exact above one half), and its probability. At 0 and 1
    /// the answer itself, an end of the `support`.
    pub(crate) fn nearer(self, p: f64, (low, high): (f64, f64)) -> Result<(Self, f64), f64> {
        let (at_zero, at_one, other) = match self {
            Self::Lower => (low, high, Self::Upper),
            Self::Upper => (high, low, Self::Lower),
        };
        if p == 0.0 {
            Err(at_zero)
        } else if p == 1.0 {
            Err(at_one)
        } else if p > 0.5 {
            Ok((other, 1.0 - p))
        } else {
            Ok((self, p))
        }
    }
}

const MAX_STEPS: usize = 400;

/// The coordinate at which the given `tail` equals `p` (0 < p < 1), searched from `start`.
pub(crate) fn invert(tails: impl Fn(f64) -> Tails, tail: Tail, p: f64, start: f64) -> f64 {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    let mut u = start;
    for _ in 0..MAX_STEPS {
        let at = tails(u);
        // `excess` rises with `u` for the lower tail, falls for the upper.
        let (value, sign) = match tail {
            Tail::Lower => (at.lower, 1.0),
            Tail::Upper => (at.upper, -1.0),
        };
        let excess = if value > 0.0 {
            (value / p).ln()
        } else {
            f64::NEG_INFINITY
        };
        if excess == 0.0 {
            return u;
        }
        if excess * sign > 0.0 {
            high = u;
        } else {
            low = u;
        }
        let newton = u - sign * excess * value / at.density;
        let next = if newton.is_finite() && newton > low && newton < high {
            newton
        } else {
            halve(low, high, u)
        };
        if next == u || (next - u).abs() <= 2.0 * f64::EPSILON * u.abs() {
            return next;
        }
        u = next;
    }
    u
}

/// The middle of the bracket, or a growing step outward where one side is open.
fn halve(low: f64, high: f64, u: f64) -> f64 {
    match (low.is_finite(), high.is_finite()) {
        (true, true) => low + 0.5 * (high - low),
        (true, false) => u + u.abs().max(1.0),
        (false, _) => u - u.abs().max(1.0),
    }
}

/// The d > 0 at which `f`, falling from above `target` at zero, equals `target` (> 0).
///
/// `scale` is a first guess. None where `f` has not fallen below within 1e200 scales. Method: the
/// Illinois variant of regula falsi on ln f, which is nearly a parabola in d for the tails here.
pub(crate) fn falling_root(f: impl Fn(f64) -> f64, target: f64, scale: f64) -> Option<f64> {
    // A step of zero would never leave zero.
    if !(scale.is_finite() && scale > 0.0) {
        return None;
    }
    let excess = |d: f64| (f(d).max(f64::MIN_POSITIVE) / target).ln();
    let (mut low, mut above) = (0.0, excess(0.0));
    let (mut high, mut below) = (scale, excess(scale));
    while below > 0.0 {
        (low, above) = (high, below);
        high *= 2.0;
        if high.is_nan() || high > 1e200 * scale || high.is_infinite() {
            return None;
        }
        below = excess(high);
    }
    if above <= 0.0 {
        return Some(low);
    }
    let mut kept = Side::Neither;
    for _ in 0..MAX_STEPS {
        if below == 0.0 || high - low <= 4.0 * f64::EPSILON * high {
            break;
        }
        let secant = (low * below - high * above) / (below - above);
        let d = if secant > low && secant < high {
            secant
        } else {
            0.5 * (low + high)
        };
        let value = excess(d);
        if value.abs() < 1e-13 {
            return Some(d);
        }
        // An end kept twice in a row counts half, so that the bracket closes from both sides.
        if value > 0.0 {
            (low, above) = (d, value);
            if kept == Side::High {
                below *= 0.5;
            }
            kept = Side::High;
        } else {
            (high, below) = (d, value);
            if kept == Side::Low {
                above *= 0.5;
            }
            kept = Side::Low;
        }
    }
    Some(high)
}

/// The end of a bracket that the last step left in place.
#[derive(PartialEq)]
enum Side {
    Neither,
    Low,
    High,
}
