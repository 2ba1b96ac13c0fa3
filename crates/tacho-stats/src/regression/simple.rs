//! A line through points, quickly: simple regression in doubles around both means.
//!
//! Invariant: a [`SimpleFit`] is good to about a part in 1e13 (of itself, or of the coefficient's
//! standard error where that is larger). Where doubles could not promise that, there is none, and
//! the caller works in twice the precision: a nearly exact fit, whose residuals would be rounding, and
//! a predictor whose mean is far from zero beside its spread, which costs the intercept its digits.
//! Not for several predictors.
//! Source: Higham, "Accuracy and stability of numerical algorithms" (2002), 1.9, for centring first.

use super::double_double::DoubleDouble;
use super::orthogonal::Triangle;
use crate::sum::{mean_parts, sum_over, sum_pairs};

/// The unexplained part of the variance is at least this: residuals then keep 13 digits.
const UNEXPLAINED_MIN: f64 = 1e-6;
/// The predictor's squared mean is at most this many times its variance.
const DISTANCE_MAX: f64 = 100.0;

/// What a fit is made of; see [`LeastSquares`](super::LeastSquares).
#[derive(Debug)]
pub(super) struct SimpleFit {
    pub(super) coefficients: [DoubleDouble; 2],
    pub(super) residuals: Vec<f64>,
    pub(super) unexplained: f64,
    pub(super) r_squared: f64,
    pub(super) q: Vec<Vec<f64>>,
    pub(super) triangle: Triangle,
}

/// The line through the points (x, y): finite, as many of either, three or more. Results are of
/// both multiplied by `scales` (of y and x; powers of two), which should bring them near one.
pub(super) fn simple(y: &[f64], x: &[f64], scales: [f64; 2]) -> Option<SimpleFit> {
    let n = x.len() as f64;
    let (y_mean, dy) = centred(y, scales[0]);
    let (x_mean, mut dx) = centred(x, scales[1]);
    let sxx = sum_over(&dx, |v| v * v);
    if n * x_mean.value().powi(2) > DISTANCE_MAX * sxx {
        return None;
    }
    let syy = sum_over(&dy, |v| v * v);
    let first = sum_pairs(&dx, &dy, |a, b| a * b) / sxx;
    let mut residuals = dy;
    for (rest, x) in residuals.iter_mut().zip(&dx) {
        *rest -= first * x;
    }
    let unexplained = sum_over(&residuals, |r| r * r);
    // Not "less": a NaN must not pass.
    if !(unexplained > UNEXPLAINED_MIN * syy && sxx > 0.0) {
        return None;
    }
    // What rounding left of the slope in the residuals.
    let rest = sum_pairs(&dx, &residuals, |a, b| a * b) / sxx;
    let slope = DoubleDouble::from(first) + DoubleDouble::from(rest);
    let explained = slope.value().powi(2) * sxx;
    let (root_n, root) = (DoubleDouble::from(n).sqrt(), sxx.sqrt());
    let inverse = 1.0 / root;
    for value in &mut dx {
        *value *= inverse;
    }
    Some(SimpleFit {
        coefficients: [y_mean - slope * x_mean, slope],
        residuals,
        unexplained,
        r_squared: explained / (explained + unexplained),
        q: vec![vec![1.0 / root_n.value(); x.len()], dx],
        triangle: Triangle::new(vec![
            vec![root_n],
            vec![root_n * x_mean, DoubleDouble::from(root)],
        ]),
    })
}

/// The mean, and deviations from it, scaled.
fn centred(x: &[f64], scale: f64) -> (DoubleDouble, Vec<f64>) {
    let (high, low) = mean_parts(x);
    let deviations = x.iter().map(|v| ((v - high) - low) * scale).collect();
    let mean = DoubleDouble::from(high * scale) + DoubleDouble::from(low * scale);
    (mean, deviations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::{Intercept, LeastSquares, least_squares};
    use crate::rng::Rng;

    fn points(n: usize, level: f64, noise: f64) -> (Vec<f64>, Vec<f64>) {
        let mut rng = Rng::new(n as u64);
        let x: Vec<f64> = (0..n).map(|_| level + rng.standard_normal()).collect();
        let line = |x: &f64| 0.3 - 0.7 * (x - level);
        let y = x
            .iter()
            .map(line)
            .map(|v| v + noise * rng.standard_normal())
            .collect();
        (y, x)
    }

    /// Twice the precision says the same: a second predictor of no use, taken out exactly, forces it.
    #[test]
    fn doubles_agree_with_twice_the_precision() {
        for (n, level, noise) in [
            (3, 0.0, 1.0),
            (20, 0.5, 0.3),
            (500, 9.0, 0.002),
            (500, 0.1, 1e4),
        ] {
            let (y, x) = points(n, level, noise);
            let fast = simple(&y, &x, [1.0; 2]).unwrap();
            let exact = LeastSquares::in_twice_the_precision(&y, &[&x], Intercept::Fitted).unwrap();
            let want = exact.coefficients().unwrap();
            for (got, want) in fast.coefficients.iter().zip(&want) {
                let unit = want.estimate.abs().max(want.standard_error);
                assert!((got.value() - want.estimate).abs() < 1e-13 * unit);
            }
            let sd = (fast.unexplained / (n as f64 - 2.0)).sqrt();
            assert!((sd / exact.residual_sd - 1.0).abs() < 1e-13);
            assert!((fast.r_squared - exact.r_squared).abs() < 1e-13);
            let quick = least_squares(&y, &[&x], Intercept::Fitted).unwrap();
            for (got, want) in quick.coefficients().unwrap().iter().zip(&want) {
                assert!((got.standard_error / want.standard_error - 1.0).abs() < 1e-13);
            }
            for (got, want) in quick.leverages().iter().zip(exact.leverages()) {
                assert!((got - want).abs() < 1e-13);
            }
            assert!((quick.condition_number() / exact.condition_number() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn what_doubles_cannot_do_is_left() {
        let (y, x) = points(50, 0.0, 1e-4);
        assert!(simple(&y, &x, [1.0; 2]).is_none());
        let (y, x) = points(50, 1e3, 1.0);
        assert!(simple(&y, &x, [1.0; 2]).is_none());
        assert!(simple(&[1.0, 2.0, 4.0], &[0.5; 3], [1.0; 2]).is_none());
        assert!(simple(&[1.0; 3], &[0.0; 3], [1.0; 2]).is_none());
        assert!(simple(&[1.0; 3], &[1.0, 2.0, 3.0], [1.0; 2]).is_none());
    }
}
