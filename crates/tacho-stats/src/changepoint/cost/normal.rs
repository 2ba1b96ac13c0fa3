//! n ln σ̂²: changes of mean, variance or both, under normal noise.
//!
//! Invariant: the variance of a segment is at least a thousandth of a millionth of the series', so
//! that a run of equal values has a finite cost.
//! Source: Killick, Fearnhead & Eckley, JASA 107 (2012), section 4.

use super::Cost;
use crate::describe::power_of_two_scale;
use crate::error::{Result, StatsError, observations};
use crate::sum::mean_parts;

/// Part of the series' variance below which a segment's does not fall.
const VARIANCE_MIN: f64 = 1e-9;

/// The normal cost of one series: minus twice the log-likelihood, up to a constant.
#[derive(Debug, Clone)]
pub struct NormalCost {
    sums: Vec<[f64; 2]>,
    least: f64,
}

impl NormalCost {
    /// Prepares at least two observations that are not all equal.
    pub fn new(x: &[f64]) -> Result<Self> {
        observations(x, 2)?;
        let (high, low) = mean_parts(x);
        let scale = power_of_two_scale(x);
        let mut total = [0.0; 2];
        let mut sums = Vec::with_capacity(x.len() + 1);
        sums.push(total);
        for value in x {
            let deviation = ((value - high) - low) * scale;
            total[0] += deviation;
            total[1] += deviation * deviation;
            sums.push(total);
        }
        if !total[1].is_finite() {
            return Err(StatsError::Overflow {
                what: "the sum of squares",
            });
        }
        if total[1] == 0.0 {
            return Err(StatsError::ZeroVariance);
        }
        let least = VARIANCE_MIN * total[1] / x.len() as f64;
        Ok(Self { sums, least })
    }
}

impl Cost for NormalCost {
    fn len(&self) -> usize {
        self.sums.len() - 1
    }

    fn cost(&self, start: usize, end: usize) -> f64 {
        let n = (end - start) as f64;
        let sum = self.sums[end][0] - self.sums[start][0];
        let squares = self.sums[end][1] - self.sums[start][1];
        let variance = ((squares - sum * sum / n) / n).max(self.least);
        n * variance.ln()
    }

    fn shortest(&self) -> usize {
        2
    }
}
