//! Average run lengths of charts on independent standard normal numbers, and their thresholds.
//!
//! Invariant: run lengths are solutions of the chart's integral equation at Gauss-Legendre nodes,
//! exact to about 1e-6; nothing here is simulated.
//! Not for observations as they come: those are made standard normal by a baseline first.
//! Sources: Page, "Continuous inspection schemes", Biometrika 41 (1954); Crowder, "A simple method
//! for studying run-length distributions of EWMA charts", Technometrics 29 (1987); Siegmund,
//! "Sequential Analysis" (1985), section 10.2.

use std::f64::consts::PI;

use crate::distribution::Normal;
use crate::error::{Result, StatsError};

/// A chart's threshold is searched for up to this many times; large shifts at short run lengths need
/// dozens, others three or four.
const SEARCH_STEPS: usize = 100;
/// A chart this high is long past the point where each unit adds the same factor.
const CUSUM_LIMIT_MAX: f64 = 24.0;

/// Average run length of a one-sided CUSUM from zero, with `reference` value and decision `limit`.
pub(super) fn cusum(reference: f64, limit: f64) -> Result<f64> {
    let (nodes, weights) = legendre(24 + (6.0 * limit) as usize, 0.0, limit);
    // Unknown: the run length from zero, then from each node.
    let starts: Vec<f64> = std::iter::once(0.0).chain(nodes.iter().copied()).collect();
    let size = starts.len();
    let normal = Normal::STANDARD;
    let mut matrix = vec![0.0; size * size];
    for (row, u) in starts.iter().enumerate() {
        let line = &mut matrix[row * size..(row + 1) * size];
        line[0] = -normal.cdf(reference - u);
        for (slot, (y, w)) in line[1..].iter_mut().zip(nodes.iter().zip(&weights)) {
            *slot = -w * normal.pdf(y + reference - u);
        }
        line[row] += 1.0;
    }
    solve(matrix, vec![1.0; size]).map(|lengths| lengths[0])
}

/// The decision limit at which a two-sided CUSUM has the average run length `arl`.
///
/// Siegmund's formula with the excess over the boundary measured by the integral equation rather
/// than taken as 1.166; the excess does not depend on the limit once that is a few units.
pub(super) fn cusum_limit(reference: f64, arl: f64) -> Result<f64> {
    let one_sided = 2.0 * arl;
    // With a limit of zero every value above the reference alarms.
    if Normal::STANDARD.sf(reference) * one_sided < 1.0 {
        return Err(StatsError::Invalid {
            name: "the average run length",
            why: "it is shorter than that of any CUSUM for so large a shift",
        });
    }
    let raised = inverse_siegmund(reference, one_sided);
    let mut excess: f64 = 1.166;
    for _ in 0..SEARCH_STEPS {
        let limit = (raised - excess).max(1e-3);
        let at = limit.min(CUSUM_LIMIT_MAX);
        let measured = inverse_siegmund(reference, cusum(reference, at)?) - at;
        let settled = (measured - excess).abs() < 1e-9;
        excess = measured;
        if settled || limit > CUSUM_LIMIT_MAX {
            break;
        }
    }
    Ok((raised - excess).max(1e-3))
}

/// The b with (exp(2kb) − 2kb − 1) / 2k² = `arl`.
fn inverse_siegmund(k: f64, arl: f64) -> f64 {
    let target = 2.0 * k * k * arl;
    // Newton's method from above on exp(x) − x − 1, which is convex.
    let mut x = (target + 1.0 + (2.0 * target).sqrt()).ln().max(1e-9) + 1.0;
    for _ in 0..100 {
        let step = (x.exp_m1() - x - target) / x.exp_m1();
        x -= step;
        if step.abs() < 1e-14 * x {
            break;
        }
    }
    x / (2.0 * k)
}

/// Average run length of a two-sided EWMA chart from zero, alarming at `width` of its own standard
/// deviations in the long run.
pub(super) fn ewma(weight: f64, width: f64) -> Result<f64> {
    let limit = width * (weight / (2.0 - weight)).sqrt();
    // The run length is the same from −u as from u, so half the range is enough.
    let (nodes, weights) = legendre(24 + (4.0 * limit / weight) as usize, 0.0, limit);
    let size = nodes.len() + 1;
    let starts: Vec<f64> = std::iter::once(0.0).chain(nodes.iter().copied()).collect();
    let normal = Normal::STANDARD;
    let mut matrix = vec![0.0; size * size];
    for (row, u) in starts.iter().enumerate() {
        let line = &mut matrix[row * size..(row + 1) * size];
        let kept = (1.0 - weight) * u;
        for (slot, (y, w)) in line[1..].iter_mut().zip(nodes.iter().zip(&weights)) {
            let density = normal.pdf((y - kept) / weight) + normal.pdf((y + kept) / weight);
            *slot = -w * density / weight;
        }
        line[row] += 1.0;
    }
    solve(matrix, vec![1.0; size]).map(|lengths| lengths[0])
}

/// The width, in the chart's own standard deviations, at which an EWMA chart has the run length.
pub(super) fn ewma_width(weight: f64, arl: f64) -> Result<f64> {
    // ln(run length) is nearly a line in width²; a Shewhart chart of the same run length starts.
    let shewhart = Normal::STANDARD.inverse_sf(0.5 / arl)?;
    let target = arl.ln();
    let at = |square: f64| ewma(weight, square.sqrt()).map(f64::ln);
    let (mut x0, mut x1) = (0.8 * shewhart * shewhart, shewhart * shewhart);
    let (mut y0, mut y1) = (at(x0)?, at(x1)?);
    for _ in 0..SEARCH_STEPS {
        if (y1 - target).abs() < 1e-9 || y1 == y0 {
            break;
        }
        let next = (x1 + (target - y1) * (x1 - x0) / (y1 - y0)).max(0.05 * x1);
        (x0, y0) = (x1, y1);
        (x1, y1) = (next, at(next)?);
    }
    Ok(x1.sqrt())
}

/// Nodes and weights of Gauss-Legendre quadrature on `low..high`.
fn legendre(n: usize, low: f64, high: f64) -> (Vec<f64>, Vec<f64>) {
    let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
    let count = n as f64;
    (0..n)
        .map(|i| {
            let mut x = -(PI * (i as f64 + 0.75) / (count + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..10 {
                let (mut before, mut value) = (1.0, x);
                for j in 2..=n {
                    let j = j as f64;
                    let next = ((2.0 * j - 1.0) * x * value - (j - 1.0) * before) / j;
                    before = value;
                    value = next;
                }
                slope = count * (x * value - before) / (x * x - 1.0);
                let step = value / slope;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            (
                middle + half * x,
                2.0 * half / ((1.0 - x * x) * slope * slope),
            )
        })
        .unzip()
}

/// Gaussian elimination with partial pivoting of a square matrix in rows.
fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Result<Vec<f64>> {
    let n = right.len();
    for column in 0..n {
        let pivot = (column..n)
            .max_by(|a, b| {
                let size = |row: &usize| matrix[row * n + column].abs();
                size(a).total_cmp(&size(b))
            })
            .unwrap_or(column);
        if pivot != column {
            for j in 0..n {
                matrix.swap(column * n + j, pivot * n + j);
            }
            right.swap(column, pivot);
        }
        let (above, below) = matrix.split_at_mut((column + 1) * n);
        let head = &above[column * n..];
        for (offset, line) in below.chunks_exact_mut(n).enumerate() {
            let factor = line[column] / head[column];
            if factor != 0.0 {
                for (value, top) in line[column..].iter_mut().zip(&head[column..]) {
                    *value -= factor * top;
                }
                right[column + 1 + offset] -= factor * right[column];
            }
        }
    }
    for row in (0..n).rev() {
        let line = &matrix[row * n..(row + 1) * n];
        let known: f64 = (row + 1..n).map(|j| line[j] * right[j]).sum();
        right[row] = (right[row] - known) / line[row];
    }
    // A run length beyond 1e14 drowns in the rounding of a matrix that is nearly singular.
    if right[0].is_finite() && right[0] > 0.0 && right[0] < 1e14 {
        Ok(right)
    } else {
        Err(StatsError::Overflow {
            what: "an average run length",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(got: Result<f64>, want: f64, digits: f64) {
        let got = got.unwrap();
        assert!((got / want - 1.0).abs() < digits, "{got}, not {want}");
    }

    /// Montgomery, "Introduction to Statistical Quality Control", tables of chapter 9; Crowder
    /// (1987), table 1; Hawkins & Olwell, "Cumulative Sum Charts" (1998).
    #[test]
    fn published_run_lengths() {
        check(cusum(0.5, 4.0), 2.0 * 168.0, 0.003);
        check(cusum(0.5, 5.0), 2.0 * 465.4, 0.001);
        check(cusum(0.25, 8.01), 2.0 * 370.0, 0.005);
        check(cusum(1.0, 2.52), 2.0 * 370.0, 0.01);
        check(ewma(0.1, 2.814), 500.0, 0.005);
        check(ewma(0.2, 2.962), 500.0, 0.005);
        check(ewma(0.05, 2.615), 500.0, 0.005);
        check(ewma(1.0, 3.0), 370.398, 1e-5);
    }

    #[test]
    fn thresholds_invert_run_lengths() {
        for arl in [10.0, 500.0, 1e4, 1e7] {
            for k in [0.05, 0.25, 0.5, 1.0, 2.0, 3.0] {
                match cusum_limit(k, arl) {
                    Ok(limit) if limit < CUSUM_LIMIT_MAX => {
                        check(cusum(k, limit), 2.0 * arl, 1e-6);
                    }
                    // Here the excess is taken over from a lower limit.
                    Ok(limit) if limit < 80.0 => check(cusum(k, limit), 2.0 * arl, 1e-3),
                    Ok(_) => assert!(k < 0.1 && arl > 1e6),
                    Err(_) => assert!(arl < 1e3 && k > 1.0),
                }
            }
            for weight in [0.05, 0.2, 1.0] {
                check(ewma(weight, ewma_width(weight, arl).unwrap()), arl, 1e-6);
            }
        }
        assert!(cusum_limit(0.05, 1e12).unwrap() > 100.0);
        assert!(ewma_width(0.02, 1e12).unwrap() > 6.0);
    }
}
