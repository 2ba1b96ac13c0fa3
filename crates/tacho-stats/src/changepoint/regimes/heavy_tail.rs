//! The same regimes where innovations have heavy tails: what one large step is worth.
//!
//! A process whose innovations now and then are large jumps, and then decays, looks like many
//! regimes to a normal likelihood, and like one to Student's. Changes found under the normal model
//! are kept only where they also pay under this one.
//! Invariant: costs are on the scale of [`autoregression`](super::autoregression) plus
//! n (1 + ln 2π), for every model alike, so that partitions compare; degrees of freedom are shared
//! by all regimes, and infinite ones give the normal likelihood.
//! Not a search: it judges a partition that is given.
//! Sources: Lange, Little & Taylor, "Robust statistical modeling using the t distribution", JASA 84
//! (1989), for the reweighting; Fearnhead & Rigaill, "Changepoint detection in the presence of
//! outliers", JASA 114 (2019), for why a bounded loss.

use std::f64::consts::PI;

use super::autoregression::{Model, PRIOR, Shape, innovation_variance, time};
use crate::special::ln_gamma;

/// Degrees of freedom tried.
pub(super) const DF: [f64; 6] = [1.0, 2.0, 3.0, 5.0, 10.0, f64::INFINITY];
/// Reweighting steps; the likelihood rises at each, fast at first.
const STEPS: usize = 25;
/// A relative change of the variance at which reweighting has converged.
const CONVERGED: f64 = 1e-6;

/// One model with the tails of its innovations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct HeavyTail {
    pub(super) model: Model,
    pub(super) df: f64,
    prior_variance: f64,
}

/// A whitened observation: value, level and time.
type Row = [f64; 3];

impl HeavyTail {
    pub(super) fn new(y: &[f64], model: Model, df: f64) -> Self {
        let prior_variance = innovation_variance(y, model.phi);
        Self {
            model,
            df,
            prior_variance,
        }
    }

    /// Minus twice the log-likelihood of `start..end` as one regime.
    pub(super) fn cost(&self, y: &[f64], start: usize, end: usize) -> f64 {
        let rows = whitened(y, self.model.phi, start, end);
        let mut weights = vec![1.0; rows.len()];
        let mut residuals = vec![0.0; rows.len()];
        let mut variance = 0.0;
        for _ in 0..STEPS {
            let fit = fit(&rows, &weights, self.model.shape);
            for (residual, row) in residuals.iter_mut().zip(&rows) {
                *residual = row[0] - fit[0] * row[1] - fit[1] * row[2];
            }
            let squares: f64 = residuals.iter().zip(&weights).map(|(r, w)| w * r * r).sum();
            let next = (squares + PRIOR * self.prior_variance) / (rows.len() as f64 + PRIOR);
            let settled = (next - variance).abs() <= CONVERGED * next;
            variance = next;
            if settled || self.df.is_infinite() {
                break;
            }
            for (weight, residual) in weights.iter_mut().zip(&residuals) {
                *weight = (self.df + 1.0) / (self.df + residual * residual / variance);
            }
        }
        self.minus_twice_ln_likelihood(&residuals, variance)
    }

    fn minus_twice_ln_likelihood(&self, residuals: &[f64], variance: f64) -> f64 {
        let n = residuals.len() as f64;
        let df = self.df;
        let tails: f64 = if df.is_infinite() {
            residuals.iter().map(|r| r * r).sum::<f64>() / variance + n * (2.0 * PI).ln()
        } else {
            let constant = ln_gamma(0.5 * (df + 1.0)) - ln_gamma(0.5 * df) - 0.5 * (df * PI).ln();
            let logs = |r: &f64| (r * r / (df * variance)).ln_1p();
            (df + 1.0) * residuals.iter().map(logs).sum::<f64>() - 2.0 * n * constant
        };
        let ratio = self.prior_variance / variance;
        let prior = PRIOR * (ratio - 1.0 - ratio.ln());
        n * variance.ln() + tails + prior + self.model.start_cost()
    }
}

fn whitened(y: &[f64], phi: f64, start: usize, end: usize) -> Vec<Row> {
    let fresh = (1.0 - phi * phi).sqrt();
    let now = |t: usize| time(t, y.len());
    std::iter::once([fresh * y[start], fresh, fresh * now(start)])
        .chain(
            (start + 1..end).map(|t| [y[t] - phi * y[t - 1], 1.0 - phi, now(t) - phi * now(t - 1)]),
        )
        .collect()
}

/// Weighted least squares: level at time zero, and slope.
fn fit(rows: &[Row], weights: &[f64], shape: Shape) -> [f64; 2] {
    let mut sums = [0.0; 3];
    for ([value, level, time], weight) in rows.iter().zip(weights) {
        sums[0] += weight * level * level;
        sums[1] += weight * level * time;
        sums[2] += weight * level * value;
    }
    let (time_on_level, value_on_level) = (sums[1] / sums[0], sums[2] / sums[0]);
    if shape == Shape::Level {
        return [value_on_level, 0.0];
    }
    let (mut squares, mut products) = (0.0, 0.0);
    for ([value, level, time], weight) in rows.iter().zip(weights) {
        let time = time - time_on_level * level;
        squares += weight * time * time;
        products += weight * time * (value - value_on_level * level);
    }
    if squares <= 0.0 {
        return [value_on_level, 0.0];
    }
    let slope = products / squares;
    [value_on_level - slope * time_on_level, slope]
}
