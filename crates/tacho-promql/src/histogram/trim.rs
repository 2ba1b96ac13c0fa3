//! The trim operators `</` and `>/`: a histogram without its observations above or below a value.
//!
//! Invariants: the layout stays; what both operators leave adds up to the count; a value outside
//! all buckets changes nothing, not even the sum. Otherwise the sum is an estimate from the middles
//! of what is left of each bucket. Values in a bucket without end are taken to lie at the infinite
//! end, but for a first custom bucket that ends above zero, which is taken to begin there.
//! Source: Prometheus documentation, "Histogram trim operators".

use super::{FloatHistogram, Range, Side};

#[derive(Clone, Copy)]
enum Keep {
    Below,
    Above,
}

impl FloatHistogram {
    /// `histogram </ limit`: without the observations above it.
    pub fn trim_above(&mut self, limit: f64) {
        self.trim(limit, Keep::Below);
    }

    /// `histogram >/ limit`: without the observations below it.
    pub fn trim_below(&mut self, limit: f64) {
        self.trim(limit, Keep::Above);
    }

    fn trim(&mut self, limit: f64, keep: Keep) {
        let zero = self.zero_range();
        let parts: Vec<(Range, Range)> = self
            .ranges()
            .map(|range| match range.side {
                Side::Zero => Range {
                    low: zero.0,
                    high: zero.1,
                    ..range
                },
                _ => range,
            })
            .map(|range| (range, range.kept(limit, keep)))
            .collect();
        if parts.iter().all(|(range, kept)| range.count == kept.count) {
            return;
        }
        // An empty sum is -0 in Rust.
        self.count = 0.0 + parts.iter().map(|(_, kept)| kept.count).sum::<f64>();
        let filled = parts.iter().filter(|(_, kept)| kept.count != 0.0);
        self.sum = 0.0
            + filled
                .map(|(_, kept)| kept.count * kept.middle())
                .sum::<f64>();
        let mut counts = parts.iter().map(|(_, kept)| kept.count);
        // The order of `ranges`: negative from the far end, zero, positive.
        for bucket in self.negative.iter_mut().rev() {
            bucket.count = counts.next().unwrap_or(0.0);
        }
        if self.zero_count != 0.0 {
            self.zero_count = counts.next().unwrap_or(0.0);
        }
        for bucket in &mut self.positive {
            bucket.count = counts.next().unwrap_or(0.0);
        }
        self.compact();
    }
}

impl Range {
    /// What is left of a bucket.
    fn kept(self, limit: f64, keep: Keep) -> Self {
        let empty = Self { count: 0.0, ..self };
        match keep {
            Keep::Below if self.high <= limit => self,
            Keep::Above if self.low >= limit => self,
            Keep::Below if limit > self.low => Self {
                count: self.count * self.below(limit),
                high: limit,
                ..self
            },
            Keep::Above if limit < self.high => Self {
                count: self.count * self.above(limit),
                low: limit,
                ..self
            },
            _ => empty,
        }
    }

    fn below(self, limit: f64) -> f64 {
        match (self.low == f64::NEG_INFINITY, self.high == f64::INFINITY) {
            (false, false) => self.fraction_below(limit),
            (true, false) if self.high <= 0.0 => 1.0,
            (true, false) if limit > 0.0 => limit / self.high,
            _ => 0.0,
        }
    }

    fn above(self, limit: f64) -> f64 {
        // Of a bucket without either end nothing is known, so nothing is kept.
        if self.low == f64::NEG_INFINITY && self.high == f64::INFINITY {
            return 0.0;
        }
        1.0 - self.below(limit)
    }

    fn middle(self) -> f64 {
        let (low, high) = (self.low, self.high);
        match (low == f64::NEG_INFINITY, high == f64::INFINITY) {
            (true, true) => 0.0,
            (true, false) if high > 0.0 => high / 2.0,
            (true, false) => high,
            (false, true) => low,
            (false, false) => match self.side {
                Side::Zero | Side::Custom => low.midpoint(high),
                Side::Positive => (low * high).abs().sqrt(),
                Side::Negative => -(low * high).abs().sqrt(),
            },
        }
    }
}
