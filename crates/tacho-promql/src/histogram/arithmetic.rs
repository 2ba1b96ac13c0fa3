//! Histograms times numbers.
//!
//! Invariant: where a sign is turned the result is no counter any more. Source: Prometheus
//! documentation, "Operators", arithmetic with histograms.

use super::{CounterResetHint, FloatHistogram};

impl FloatHistogram {
    /// Every count and the sum times `factor`.
    pub fn mul(&mut self, factor: f64) {
        self.each_count(|count| count * factor);
        self.note_sign(factor);
    }

    /// Every count and the sum divided. What is divided by zero keeps no buckets: the count, the
    /// sum and the zero bucket are infinite or NaN, as numbers divided by zero are.
    pub fn div(&mut self, divisor: f64) {
        if divisor == 0.0 {
            self.positive.clear();
            self.negative.clear();
        }
        self.each_count(|count| count / divisor);
        self.note_sign(divisor);
    }

    /// The unary minus.
    pub fn neg(&mut self) {
        self.each_count(|count| -count);
        self.hint = CounterResetHint::Gauge;
    }

    fn each_count(&mut self, apply: impl Fn(f64) -> f64) {
        self.count = apply(self.count);
        self.sum = apply(self.sum);
        // Custom buckets have none, and 0 / 0 would make one.
        if self.bounds.is_none() {
            self.zero_count = apply(self.zero_count);
        }
        for bucket in self.positive.iter_mut().chain(&mut self.negative) {
            bucket.count = apply(bucket.count);
        }
        self.compact();
    }

    fn note_sign(&mut self, factor: f64) {
        if factor < 0.0 {
            self.hint = CounterResetHint::Gauge;
        }
    }
}
