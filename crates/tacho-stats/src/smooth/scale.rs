//! Brings a series near zero and one, so that smoothing neither overflows nor drowns in a level.
//!
//! Invariant: the factor is a power of two, so that scaling is exact.

use crate::sum::mean_parts;

/// A factor, and the mean of the series times it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    factor: f64,
    mean: f64,
}

impl Scale {
    /// The largest value comes to lie between 1 and 2.
    pub(super) fn of(y: &[f64]) -> Self {
        let largest = y.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let factor = if largest > 0.0 {
            2f64.powi(-(largest.log2().floor().clamp(-1000.0, 1000.0) as i32))
        } else {
            1.0
        };
        let (high, _) = mean_parts(y);
        Self {
            factor,
            mean: high * factor,
        }
    }

    pub(super) fn apply(&self, y: &[f64]) -> Vec<f64> {
        y.iter().map(|v| v * self.factor - self.mean).collect()
    }

    /// A level in the unit of the series.
    pub(super) fn back(&self, value: f64) -> f64 {
        (value + self.mean) / self.factor
    }

    /// A difference in the unit of the series.
    pub(super) fn size_back(&self, value: f64) -> f64 {
        value / self.factor
    }
}
