//! Where smoothing parameters may lie.
//!
//! Invariant: inside the region every observation's weight in the forecast dies away, so that a
//! fitted model forgets its first state. Without season the traditional region (0 < α < 1,
//! 0 < β < α, 0 < γ < 1 − α, 0.8 ≤ φ ≤ 0.98) ensures that; with a season it does not quite, and the
//! roots of the characteristic equation are checked.
//! Source: Hyndman et al. (2008), chapter 10; the check of roots is Schur's and Cohn's recursion
//! (Jury 1964).

use super::state::Shape;

const MARGIN: f64 = 1e-4;
/// Below, a damped trend is hardly a trend.
const PHI_MIN: f64 = 0.8;
/// Above, it can hardly be told from one that is not damped.
const PHI_MAX: f64 = 0.98;

/// Lower and upper bounds of each parameter; the states are free.
pub(super) fn bounds(shape: Shape) -> Vec<(f64, f64)> {
    let mut bounds = vec![(f64::NEG_INFINITY, f64::INFINITY); shape.len()];
    for bound in &mut bounds[..shape.smoothing()] {
        *bound = (MARGIN, 1.0 - MARGIN);
    }
    if let Some(at) = shape.phi_at() {
        bounds[at] = (PHI_MIN, PHI_MAX);
    }
    bounds
}

/// Whether the errors of long ago die away.
pub(super) fn is_admissible(shape: Shape, theta: &[f64]) -> bool {
    !shape.has_season() || roots_are_inside(characteristic(shape, theta))
}

/// The characteristic polynomial, lowest power first, without the root at one that a season without
/// trend always has.
fn characteristic(shape: Shape, theta: &[f64]) -> Vec<f64> {
    let rates = shape.rates(theta);
    let (alpha, beta, gamma, phi) = (rates.alpha, rates.beta, rates.gamma, rates.phi);
    let m = shape.period;
    if !shape.has_trend() {
        let mut polynomial = vec![alpha; m + 1];
        polynomial[0] = alpha + gamma - 1.0;
        polynomial[m] = 1.0;
        return polynomial;
    }
    let middle = alpha + beta - alpha * phi;
    let mut polynomial = vec![middle; m + 2];
    polynomial[0] = phi * (1.0 - alpha - gamma);
    polynomial[1] = middle + gamma - 1.0;
    polynomial[m] = alpha + beta - phi;
    polynomial[m + 1] = 1.0;
    polynomial
}

/// Whether all roots of a polynomial (lowest power first) lie inside the unit circle.
fn roots_are_inside(mut polynomial: Vec<f64>) -> bool {
    while polynomial.len() > 1 {
        let degree = polynomial.len() - 1;
        let ratio = polynomial[0] / polynomial[degree];
        if ratio.is_nan() || ratio.abs() >= 1.0 {
            return false;
        }
        let reduced = (1..=degree)
            .map(|i| polynomial[i] - ratio * polynomial[degree - i])
            .collect();
        polynomial = reduced;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::model::{ErrorKind, EtsModel, SeasonKind, TrendKind};
    use super::*;

    #[test]
    fn roots_are_told_by_the_recursion() {
        // (z − a)(z − b) = z² − (a + b) z + ab.
        let product = |a: f64, b: f64| vec![a * b, -(a + b), 1.0];
        assert!(roots_are_inside(product(0.9, -0.95)));
        assert!(!roots_are_inside(product(0.9, -1.05)));
        assert!(!roots_are_inside(product(1.2, 1.1)));
    }

    /// The region without trend: an error's effect on the state must shrink by the recursion too.
    #[test]
    fn errors_die_away_where_the_polynomial_says_so() {
        for trend in [TrendKind::None, TrendKind::Additive, TrendKind::Damped] {
            let model = EtsModel::new(ErrorKind::Additive, trend, SeasonKind::Additive).unwrap();
            let shape = Shape::new(model, 4);
            for (alpha, beta, gamma) in [
                (0.1, 0.1, 0.1),
                (0.9, 0.99, 0.99),
                (0.6, 0.98, 0.2),
                (0.99, 0.5, 0.5),
            ] {
                let mut theta = vec![0.0; shape.len()];
                theta[0] = alpha;
                if shape.has_trend() {
                    theta[1] = beta;
                }
                theta[shape.gamma_at().unwrap()] = gamma;
                if let Some(at) = shape.phi_at() {
                    theta[at] = 0.95;
                }
                let rates = shape.rates(&theta);
                let mut state = shape.initial(&theta);
                state.level = 1.0;
                state.slope = if shape.has_trend() { 0.5 } else { 0.0 };
                state.season[1] += 1.0;
                let mut forecast = 0.0f64;
                for t in 0..8000 {
                    let (carried, f) = state.expect(shape, &rates);
                    state.take(shape, &rates, carried, -f);
                    if t >= 7990 {
                        forecast = forecast.max(f.abs());
                    }
                }
                let dies = forecast < 1e-3;
                assert_eq!(
                    is_admissible(shape, &theta),
                    dies,
                    "{model} {alpha} {beta} {gamma}"
                );
            }
        }
    }
}
