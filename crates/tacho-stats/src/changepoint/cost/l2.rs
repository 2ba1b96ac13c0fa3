//! Σ (x − mean)²: changes of the mean, at constant variance.
//!
//! Invariant: never negative. Sums run over deviations from the series' mean, so that a large
//! common level loses no digits.
//! Source: Killick, Fearnhead & Eckley, JASA 107 (2012), section 2.

use super::Cost;
use crate::error::{Result, in_range, observations};
use crate::sum::mean_parts;

/// The L2 cost of one series, in its unit squared.
#[derive(Debug, Clone)]
pub struct L2Cost {
    /// Σ of deviations before each index.
    sums: Vec<f64>,
    /// Σ of their squares.
    squares: Vec<f64>,
}

impl L2Cost {
    /// Prepares at least one observation.
    pub fn new(x: &[f64]) -> Result<Self> {
        observations(x, 1)?;
        let (high, low) = mean_parts(x);
        let mut cost = Self {
            sums: Vec::with_capacity(x.len() + 1),
            squares: Vec::with_capacity(x.len() + 1),
        };
        let (mut sum, mut square) = (0.0, 0.0);
        cost.sums.push(sum);
        cost.squares.push(square);
        for value in x {
            let deviation = (value - high) - low;
            sum += deviation;
            square += deviation * deviation;
            cost.sums.push(sum);
            cost.squares.push(square);
        }
        in_range("the sum of squares", square)?;
        in_range("the square of a sum", sum * sum)?;
        Ok(cost)
    }

    /// Σ of deviations from the series' mean before each index.
    pub(in crate::changepoint) fn sums(&self) -> &[f64] {
        &self.sums
    }
}

impl Cost for L2Cost {
    fn len(&self) -> usize {
        self.sums.len() - 1
    }

    fn cost(&self, start: usize, end: usize) -> f64 {
        let sum = self.sums[end] - self.sums[start];
        let squares = self.squares[end] - self.squares[start];
        (squares - sum * sum / (end - start) as f64).max(0.0)
    }
}
