//! Whether a counter was reset between two histograms.
//!
//! Source: Prometheus native histogram specification, "Counter reset considerations".

use std::borrow::Cow;

use tacho_model::histogram::{Bucket, custom};

use super::{CounterResetHint, FloatHistogram, is_custom, upper_bound};

impl FloatHistogram {
    /// Whether the counter was reset after `previous`, going by the hint where there is one. The
    /// hints of what a sub-query gives mean nothing: use [`Self::has_lost`] there.
    pub fn detect_reset(&self, previous: &Self) -> bool {
        match self.hint {
            CounterResetHint::Reset => true,
            CounterResetHint::NotReset => false,
            CounterResetHint::Unknown if previous.is_gauge() => true,
            CounterResetHint::Unknown | CounterResetHint::Gauge => self.has_lost(previous),
        }
    }

    /// Whether `previous` holds observations that are gone, or a layout that a counter cannot
    /// have turned into this one without a reset. A smaller sum is none: values may be negative.
    pub fn has_lost(&self, previous: &Self) -> bool {
        if self.count < previous.count || is_custom(self.schema) != is_custom(previous.schema) {
            return true;
        }
        let mut previous = Cow::Borrowed(previous);
        if let (Some(own), Some(others)) = (&self.bounds, &previous.bounds) {
            if own == others {
                return lost_some(&self.positive, &previous.positive);
            }
            let kept = custom::shared(own, others);
            let mut now = self.clone();
            now.keep_bounds(&kept);
            previous.to_mut().keep_bounds(&kept);
            return lost_some(&now.positive, &previous.positive);
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        if self.schema < previous.schema {
            previous.to_mut().reduce_to(self.schema);
        }
        if self.zero_threshold > previous.zero_threshold {
            if previous.overlaps_zero(self.zero_threshold) {
                return true;
            }
            previous.to_mut().widen_zero(self.zero_threshold);
        }
        self.zero_count < previous.zero_count
            || lost_some(&self.positive, &previous.positive)
            || lost_some(&self.negative, &previous.negative)
    }

    /// Whether a zero bucket of this width would hold a part of a populated bucket.
    fn overlaps_zero(&self, threshold: f64) -> bool {
        let mut sides = self.positive.iter().chain(&self.negative);
        sides.any(|b| {
            let low = upper_bound(b.index.saturating_sub(1), self.schema);
            low < threshold && threshold < upper_bound(b.index, self.schema)
        })
    }
}

fn lost_some(now: &[Bucket], before: &[Bucket]) -> bool {
    let mut now = now.iter().peekable();
    before.iter().any(|earlier| {
        while now.next_if(|b| b.index < earlier.index).is_some() {}
        let later = now.next_if(|b| b.index == earlier.index);
        later.map_or(0.0, |b| b.count) < earlier.count
    })
}
