//! Histograms as text, and their buckets as the HTTP API shows them.
//!
//! Sources: Prometheus documentation, "HTTP API", native histograms; the text is what a template
//! or `count_values` makes of a histogram.

use std::fmt;

use super::{FloatHistogram, Side};

/// Which limits of a bucket belong to it; the number is the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Boundaries {
    /// The upper one.
    OpenLeft = 0,
    /// The lower one.
    OpenRight = 1,
    /// Neither.
    OpenBoth = 2,
    /// Both.
    ClosedBoth = 3,
}

impl FloatHistogram {
    /// All populated buckets from the lowest to the highest: which limits belong to it, the lower,
    /// the upper, the count.
    pub fn rows(&self) -> impl Iterator<Item = (Boundaries, f64, f64, f64)> {
        self.ranges().map(|range| {
            let boundaries = match range.side {
                Side::Negative => Boundaries::OpenRight,
                Side::Zero => Boundaries::ClosedBoth,
                Side::Custom if range.low == f64::NEG_INFINITY => Boundaries::ClosedBoth,
                Side::Positive | Side::Custom => Boundaries::OpenLeft,
            };
            (boundaries, range.low, range.high, range.count)
        })
    }
}

impl fmt::Display for FloatHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", Float(self.count), Float(self.sum))?;
        for (boundaries, low, high, count) in self.rows() {
            let (left, right) = match boundaries {
                Boundaries::OpenLeft => ('(', ']'),
                Boundaries::OpenRight => ('[', ')'),
                Boundaries::OpenBoth => ('(', ')'),
                Boundaries::ClosedBoth => ('[', ']'),
            };
            let (low, high, count) = (Float(low), Float(high), Float(count));
            write!(f, ", {left}{low},{high}{right}:{count}")?;
        }
        f.write_str("}")
    }
}

/// A number in the shortest form that reads back as itself, with an exponent when it is very small
/// or very large: what Go's `%v` writes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Float(pub f64);

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        }
        let scientific = format!("{value:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if (-4..21).contains(&exponent) {
            write!(f, "{value}")
        } else {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(f, "{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
    }
}
