//! Solves rising functions for a target.
//!
//! Invariant: the result reproduces the target to 1e-12 or is as exact as its own spacing. Method:
//! doubling until the target is bracketed, then the Illinois variant of regula falsi.
//! Not for functions with steps.

use crate::error::Result;

const STEPS_MAX: usize = 200;

/// The x in `low..=high` at which `f` reaches `target`; `low` where it is above from the start, none
/// where it stays below.
pub(super) fn rising_root(
    f: impl Fn(f64) -> Result<f64>,
    target: f64,
    low: f64,
    high: f64,
) -> Result<Option<f64>> {
    let excess = |x: f64| f(x).map(|value| value - target);
    let (mut a, mut below) = (low, excess(low)?);
    if below >= 0.0 {
        return Ok(Some(low));
    }
    let mut b = (2.0 * low + 0.1).min(high);
    let mut above = excess(b)?;
    while above < 0.0 {
        if b >= high {
            return Ok(None);
        }
        (a, below) = (b, above);
        b = (2.0 * b).min(high);
        above = excess(b)?;
    }
    let mut last = 0;
    for _ in 0..STEPS_MAX {
        if b - a <= 4.0 * f64::EPSILON * b {
            break;
        }
        let secant = (a * above - b * below) / (above - below);
        let x = if secant > a && secant < b {
            secant
        } else {
            0.5 * (a + b)
        };
        let value = excess(x)?;
        if value.abs() < 1e-15 {
            return Ok(Some(x));
        }
        // An end kept twice in a row counts half, so that both sides close in.
        if value < 0.0 {
            (a, below) = (x, value);
            if last < 0 {
                above *= 0.5;
            }
            last = -1;
        } else {
            (b, above) = (x, value);
            if last > 0 {
                below *= 0.5;
            }
            last = 1;
        }
    }
    Ok(Some(b))
}
