//! Moments, and where values lie within a bucket.
//!
//! The model of a bucket: in exponential ones values lie so that buckets of a finer schema would
//! hold equally many; in custom ones and the zero bucket they lie evenly. Source: Prometheus native
//! histogram specification, "Interpolation within a bucket"; documentation of `histogram_stddev`.

use super::{FloatHistogram, Range, Side};

impl FloatHistogram {
    /// The mean of the observations.
    pub fn avg(&self) -> f64 {
        self.sum / self.count
    }

    /// The standard deviation of the observations, each taken for the mean of its bucket's limits:
    /// the geometric one in exponential buckets.
    pub fn stddev(&self) -> f64 {
        self.stdvar().sqrt()
    }

    /// The square of [`Self::stddev`].
    pub fn stdvar(&self) -> f64 {
        let mean = self.avg();
        let (mut sum, mut lost) = (0.0_f64, 0.0);
        for range in self.ranges() {
            let off = range.mean() - mean;
            let term = range.count * off * off;
            let next = sum + term;
            if next.is_finite() {
                lost += if sum.abs() >= term.abs() {
                    (sum - next) + term
                } else {
                    (term - next) + sum
                };
            }
            sum = next;
        }
        (sum + lost) / self.count
    }
}

impl Range {
    /// The mean of the limits.
    fn mean(self) -> f64 {
        match self.side {
            Side::Zero => 0.0,
            Side::Custom => self.low.midpoint(self.high),
            Side::Positive => (self.low * self.high).sqrt(),
            Side::Negative => -(self.low * self.high).sqrt(),
        }
    }

    /// The value below which `fraction` of the bucket lies.
    pub(super) fn value_at(self, fraction: f64) -> f64 {
        let (low, high) = (self.low, self.high);
        match self.side {
            Side::Zero | Side::Custom => low + (high - low) * fraction,
            Side::Positive => (low.log2() + (high.log2() - low.log2()) * fraction).exp2(),
            Side::Negative => {
                let (near, far) = (high.abs().log2(), low.abs().log2());
                -(near + (far - near) * (1.0 - fraction)).exp2()
            }
        }
    }

    /// The fraction of the bucket that lies below `value`, which is strictly inside its limits.
    pub(super) fn fraction_below(self, value: f64) -> f64 {
        let (low, high) = (self.low, self.high);
        match self.side {
            Side::Zero | Side::Custom => (value - low) / (high - low),
            Side::Positive => (value.log2() - low.log2()) / (high.log2() - low.log2()),
            Side::Negative => {
                let (near, far) = (high.abs().log2(), low.abs().log2());
                1.0 - (value.abs().log2() - near) / (far - near)
            }
        }
    }
}
