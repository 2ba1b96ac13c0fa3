//! `histogram_quantile` of one histogram.
//!
//! Invariant: the answer lies within the limits of the bucket that the rank falls into. Source:
//! Prometheus documentation, "Query functions", `histogram_quantile()` and its special cases.

use super::{FloatHistogram, Range, Side};

/// A quantile and what NaN observations did to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// The estimate.
    pub value: f64,
    /// `None` unless the histogram is exponential and has observations of NaN.
    pub nan: Option<NanEffect>,
}

/// What NaN observations, which have no bucket and count as the largest, do to a quantile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NanEffect {
    /// It is higher than without them.
    Skewed,
    /// It falls among them and is NaN.
    Beyond,
}

impl FloatHistogram {
    /// The value below which a fraction `q` of the observations lies.
    pub fn quantile(&self, q: f64) -> Quantile {
        let plain = |value| Quantile { value, nan: None };
        if q < 0.0 {
            return plain(f64::NEG_INFINITY);
        }
        if q > 1.0 {
            return plain(f64::INFINITY);
        }
        if q.is_nan() || self.count.is_nan() || self.count == 0.0 {
            return plain(f64::NAN);
        }
        let has_nan = self.has_nan();
        // From the nearer end, so that rounding errors of the far end do not matter.
        let from_below = has_nan || q < 0.5;
        let rank = if from_below { q } else { 1.0 - q } * self.count;
        let found = if from_below {
            find(self.ranges(), rank)
        } else {
            find(self.ranges().rev(), rank)
        };
        let beyond = Quantile {
            value: f64::NAN,
            nan: has_nan.then_some(NanEffect::Beyond),
        };
        let Some((range, seen)) = found else {
            return beyond;
        };
        let seen = seen.min(self.count);
        if seen < rank && has_nan {
            return beyond;
        }
        let fraction = if from_below {
            (rank - (seen - range.count)) / range.count
        } else {
            (seen - rank) / range.count
        };
        let value = self.within(range, fraction.clamp(0.0, 1.0));
        let nan = has_nan.then_some(NanEffect::Skewed);
        Quantile { value, nan }
    }

    fn within(&self, range: Range, fraction: f64) -> f64 {
        let range = match range.side {
            Side::Zero => {
                let (low, high) = self.zero_range();
                Range { low, high, ..range }
            }
            Side::Custom if range.low == f64::NEG_INFINITY && range.high <= 0.0 => {
                return range.high;
            }
            Side::Custom if range.high == f64::INFINITY && range.low.is_finite() => {
                return range.low;
            }
            Side::Custom if range.low == f64::NEG_INFINITY => Range { low: 0.0, ..range },
            _ => range,
        };
        range.value_at(fraction)
    }

    /// Whether there are observations of NaN, which the buckets do not show.
    pub(super) fn has_nan(&self) -> bool {
        if self.bounds.is_some() || !self.sum.is_nan() {
            return false;
        }
        let held: f64 = self.ranges().map(|range| range.count).sum();
        held < self.count * (1.0 - 1e-12)
    }
}

/// The first bucket with which at least `rank` observations are seen, and how many are then; the
/// last bucket if they never are.
fn find(ranges: impl Iterator<Item = Range>, rank: f64) -> Option<(Range, f64)> {
    let mut seen = 0.0;
    let mut last = None;
    for range in ranges {
        seen += range.count;
        last = Some((range, seen));
        if seen >= rank {
            break;
        }
    }
    last
}
