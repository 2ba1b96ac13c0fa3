//! Predicts the next value of a series from those before it, and keeps learning how.
//!
//! Invariants: the order is fixed when training ends; each later value moves the coefficients by
//! Newton's step with the information matrix of the training, weighted by one over the number of
//! values, so that the error of the coefficients falls as fast as that of least squares and the step
//! cannot blow up. The cost is the square of the order.
//! Sources: Levinson-Durbin recursion; Schwarz, "Estimating the dimension of a model", Annals of
//! Statistics 6 (1978); Ljung & Söderström, "Theory and Practice of Recursive Identification" (1983).

/// A streaming autoregression with an intercept.
///
/// Without any dependence the intercept stays as it is: a value's rank among others does not need
/// it, and while it is still being learnt it would move them all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Autoregression {
    coefficients: Vec<f64>,
    intercept: f64,
    /// The last values, newest first.
    lags: Vec<f64>,
    /// Inverse autocovariance matrix of the training, in rows.
    information: Vec<f64>,
    /// Values learnt from.
    n: f64,
}

impl Autoregression {
    /// From a series of mean about zero, with an order of at most `order_max`.
    pub(super) fn train(x: &[f64], order_max: usize) -> Self {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let order_max = order_max.min(x.len() / 15);
        let covariance: Vec<f64> = (0..=order_max)
            .map(|lag| {
                let pairs = x.iter().zip(&x[lag..]);
                pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / n
            })
            .collect();
        let coefficients = levinson(&covariance, n);
        let order = coefficients.len();
        let kept = 1.0 - coefficients.iter().sum::<f64>();
        Self {
            intercept: mean * kept,
            lags: x.iter().rev().take(order).copied().collect(),
            information: inverse_toeplitz(&covariance[..order]),
            coefficients,
            n,
        }
    }

    pub(super) fn order(&self) -> usize {
        self.coefficients.len()
    }

    /// What each of `x` (after the first `order`) missed its prediction from `earlier` values by.
    pub(super) fn residuals(&self, x: &[f64], earlier: &[f64]) -> Vec<f64> {
        let order = self.order();
        x[order..]
            .iter()
            .enumerate()
            .map(|(start, value)| {
                let lags = earlier[start..start + order].iter().rev();
                value - self.weighted(lags)
            })
            .collect()
    }

    pub(super) fn predict(&self) -> f64 {
        self.weighted(self.lags.iter())
    }

    fn weighted<'a>(&self, lags: impl Iterator<Item = &'a f64>) -> f64 {
        let terms = self.coefficients.iter().zip(lags);
        self.intercept + terms.map(|(c, v)| c * v).sum::<f64>()
    }

    /// Takes the value that missed its prediction by `error`.
    pub(super) fn learn(&mut self, value: f64, error: f64) {
        let order = self.order();
        if order == 0 {
            return;
        }
        let dot = |a: &[f64]| a.iter().zip(&self.lags).map(|(a, b)| a * b).sum::<f64>();
        let step: Vec<f64> = self.information.chunks_exact(order).map(dot).collect();
        let gain = error / (self.n + 1.0 + dot(&step));
        for (coefficient, step) in self.coefficients.iter_mut().zip(&step) {
            *coefficient += gain * step;
        }
        self.intercept += gain;
        self.n += 1.0;
        self.push(value);
    }

    /// Takes what is expected in place of a value that is missing.
    pub(super) fn skip(&mut self) {
        self.push(self.predict());
    }

    fn push(&mut self, value: f64) {
        if !self.lags.is_empty() {
            self.lags.rotate_right(1);
            self.lags[0] = value;
        }
    }
}

/// An autoregression of three times the order that has the lowest BIC, where `covariance` allows.
///
/// Three times, because what more coefficients cost in noise fades as more values are learnt, while
/// dependence left out for want of data in the training would stay.
fn levinson(covariance: &[f64], n: f64) -> Vec<f64> {
    let criterion = |error: f64, order: usize| n * error.ln() + order as f64 * n.ln();
    let mut error = covariance[0];
    let mut orders = vec![Vec::<f64>::new()];
    let (mut best, mut lowest) = (0, criterion(error, 0));
    for order in 1..covariance.len() {
        let mut next = orders[order - 1].clone();
        let known: f64 = (0..order - 1)
            .map(|j| next[j] * covariance[order - 1 - j])
            .sum();
        let reflection = (covariance[order] - known) / error;
        let shrink = 1.0 - reflection * reflection;
        // A series that is perfectly predictable has nothing left to learn.
        if !(shrink > 1e-9 && error > 0.0) {
            break;
        }
        for (value, mirror) in next.iter_mut().zip(orders[order - 1].iter().rev()) {
            *value -= reflection * mirror;
        }
        next.push(reflection);
        orders.push(next);
        error *= shrink;
        let at = criterion(error, order);
        if at < lowest {
            (best, lowest) = (order, at);
        }
    }
    orders.swap_remove((3 * best).min(orders.len() - 1))
}

/// The inverse of the symmetric Toeplitz matrix with this first row, by Gauss-Jordan elimination,
/// which needs no pivots where the matrix is positive definite.
fn inverse_toeplitz(row: &[f64]) -> Vec<f64> {
    let n = row.len();
    let mut matrix: Vec<f64> = (0..n * n).map(|i| row[(i / n).abs_diff(i % n)]).collect();
    for k in 0..n {
        let pivot = matrix[k * n + k];
        matrix[k * n + k] = 1.0;
        for j in 0..n {
            matrix[k * n + j] /= pivot;
        }
        for i in (0..n).filter(|i| *i != k) {
            let factor = matrix[i * n + k];
            matrix[i * n + k] = 0.0;
            for j in 0..n {
                matrix[i * n + j] -= factor * matrix[k * n + j];
            }
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn an_autoregression_is_learnt_ever_better() {
        let mut rng = Rng::new(33);
        let (mut before, mut last) = (0.0, 0.0);
        let mut next = |_| {
            let value = 0.3 * last - 0.4 * before + rng.standard_normal() + 1.0;
            (before, last) = (last, value);
            value
        };
        let start: Vec<f64> = (0..200).map(&mut next).collect();
        let mut model = Autoregression::train(&start, 10);
        assert!(model.order() >= 2);
        let mut squares = 0.0;
        for i in 0..40_000 {
            let value = next(i);
            let error = value - model.predict();
            squares += error * error;
            model.learn(value, error);
        }
        assert!((squares / 40_000.0 - 1.0).abs() < 0.03, "{squares}");
        assert!((model.coefficients[0] - 0.3).abs() < 0.03);
        assert!((model.coefficients[1] + 0.4).abs() < 0.03);
    }

    #[test]
    fn matrices_are_inverted() {
        let row = [2.0, 0.9, 0.1];
        let inverse = inverse_toeplitz(&row);
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3usize)
                    .map(|k| row[k.abs_diff(i)] * inverse[k * 3 + j])
                    .sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }
}
