//! `histogram_fraction` of one histogram.
//!
//! Source: Prometheus documentation, "Query functions", `histogram_fraction()`.

use super::{FloatHistogram, Range, Side};

/// A fraction and whether NaN observations make it smaller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fraction {
    /// The estimate.
    pub value: f64,
    /// Whether there are observations of NaN, which belong to no fraction.
    pub has_nan: bool,
}

impl FloatHistogram {
    /// The fraction of observations between two values.
    pub fn fraction(&self, lower: f64, upper: f64) -> Fraction {
        let has_nan = self.has_nan();
        let value = if self.count == 0.0 || [self.count, lower, upper].iter().any(|v| v.is_nan()) {
            f64::NAN
        } else if lower >= upper {
            0.0
        } else {
            (self.rank(upper) - self.rank(lower)) / self.count
        };
        Fraction { value, has_nan }
    }

    /// How many observations lie below a value.
    fn rank(&self, value: f64) -> f64 {
        let mut below = 0.0;
        for range in self.ranges() {
            let range = self.settled(range);
            if range.high <= value {
                below += range.count;
            } else if range.low < value {
                below += range.count * range.fraction_below(value);
            }
        }
        below
    }

    /// A bucket with the limits between which its values are thought to lie.
    fn settled(&self, range: Range) -> Range {
        match range.side {
            Side::Zero => {
                let (low, high) = self.zero_range();
                Range { low, high, ..range }
            }
            // As in classic histograms: from zero, or all at the upper limit.
            Side::Custom if range.low == f64::NEG_INFINITY && range.high > 0.0 => {
                Range { low: 0.0, ..range }
            }
            Side::Custom if range.low == f64::NEG_INFINITY => Range {
                low: range.high,
                ..range
            },
            _ => range,
        }
    }
}
