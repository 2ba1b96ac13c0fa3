//! The empirical distribution's likelihood: any change of the law, of location, spread or shape.
//!
//! Invariant: the likelihood is summed over a fixed number of quantiles, more of them in the tails,
//! each counted as a coin that is tossed once an observation. Any increasing transformation of the
//! series gives the same costs. Memory is the number of quantiles (4 ln n) times n.
//! Source: Haynes, Fearnhead & Eckley, "A computationally efficient nonparametric approach for
//! changepoint detection", Statistics and Computing 27 (2017), equations 2 to 7.

use super::Cost;
use crate::error::{Result, observations};

/// Quantiles a natural logarithm of the length, as the paper advises.
const QUANTILES: f64 = 4.0;

/// The distribution cost of one series: minus twice the approximate log-likelihood.
#[derive(Debug, Clone)]
pub struct DistributionCost {
    /// For each quantile, twice the number of observations below it (and once those equal), before
    /// each index; rows of one index lie together.
    counts: Vec<u32>,
    quantiles: usize,
    weight: f64,
}

impl DistributionCost {
    /// Prepares at least two observations.
    pub fn new(x: &[f64]) -> Result<Self> {
        observations(x, 2)?;
        let n = x.len();
        let quantiles = ((QUANTILES * (n as f64).ln()).ceil() as usize).clamp(1, n);
        let mut sorted = x.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        // Equal steps of the log-odds from 1/(2n − 1) : 1 up to its inverse.
        let constant = (2.0 * n as f64 - 1.0).ln();
        let at = |k: usize| {
            let odds = (2.0 * k as f64 + 1.0) / quantiles as f64 - 1.0;
            let p = 1.0 / (1.0 + (-constant * odds).exp());
            sorted[((n - 1) as f64 * p) as usize]
        };
        let values: Vec<f64> = (0..quantiles).map(at).collect();
        let mut counts = Vec::with_capacity((n + 1) * quantiles);
        counts.resize(quantiles, 0);
        for (t, observation) in x.iter().enumerate() {
            for (k, value) in values.iter().enumerate() {
                let twice = 2 * u32::from(observation < value) + u32::from(observation == value);
                counts.push(counts[t * quantiles + k] + twice);
            }
        }
        Ok(Self {
            counts,
            quantiles,
            weight: 2.0 * constant / quantiles as f64,
        })
    }

    fn row(&self, index: usize) -> &[u32] {
        &self.counts[index * self.quantiles..(index + 1) * self.quantiles]
    }
}

impl Cost for DistributionCost {
    fn len(&self) -> usize {
        self.counts.len() / self.quantiles - 1
    }

    fn cost(&self, start: usize, end: usize) -> f64 {
        let n = (end - start) as f64;
        let entropy = |share: f64| {
            let other = 1.0 - share;
            if share > 0.0 && other > 0.0 {
                -share * share.ln() - other * other.ln()
            } else {
                0.0
            }
        };
        let rows = self.row(start).iter().zip(self.row(end));
        let total: f64 = rows
            .map(|(low, high)| entropy(0.5 * f64::from(high - low) / n))
            .sum();
        self.weight * n * total
    }
}
