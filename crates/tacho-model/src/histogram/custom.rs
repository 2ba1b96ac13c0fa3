//! Histograms with bounds of their own, as classic ones have (schema -53 in Prometheus' words).
//!
//! Bucket `i` holds values in `(bounds[i-1], bounds[i]]`, the first from -∞, the last, with the
//! index `bounds.len()`, up to +∞. There is no zero bucket and no negative side: all buckets are
//! among the positive ones.
//!
//! Invariants:
//! 1. bounds are finite, strictly ascending and at most [`BOUNDS_MAX`];
//! 2. every bucket's index is at most `bounds.len()`;
//! 3. merging keeps the bounds that both have, so that counts stay exact. With exponential buckets
//!    no bound is shared: what is left is the count and the sum.
//!
//! Source: Prometheus native histogram specification, "Custom values".

use std::sync::Arc;

use super::{Bucket, Histogram, HistogramError, HistogramParts};

/// The schema that stands for custom bounds.
pub const CUSTOM_SCHEMA: i8 = -53;
/// Most custom bounds of one histogram.
pub const BOUNDS_MAX: usize = 10_000;

impl Histogram {
    /// Checks custom bounds and the buckets between them; the schema must be [`CUSTOM_SCHEMA`].
    /// The total may be less than the buckets hold, as in [`Self::from_float_parts`].
    pub fn from_custom(bounds: Arc<[f64]>, parts: HistogramParts) -> Result<Self, HistogramError> {
        if parts.schema != CUSTOM_SCHEMA {
            return Err(HistogramError::Schema(parts.schema));
        }
        let ascends = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if bounds.len() > BOUNDS_MAX || !ascends || bounds.iter().any(|b| !b.is_finite()) {
            return Err(HistogramError::Bounds);
        }
        let is_inside = |b: &Bucket| usize::try_from(b.index).is_ok_and(|i| i <= bounds.len());
        let is_outside = !parts.negative.is_empty() || parts.zero_count != 0.0;
        if is_outside || !parts.positive.iter().all(is_inside) {
            return Err(HistogramError::Outside);
        }
        let mut histogram = Self::checked(parts)?;
        histogram.zero_threshold = 0.0;
        histogram.bounds = Some(bounds);
        Ok(histogram)
    }

    /// The custom bounds; `None` where buckets are exponential.
    pub fn custom_bounds(&self) -> Option<&Arc<[f64]>> {
        self.bounds.as_ref()
    }

    pub(super) fn merge_custom(&mut self, other: &Self) {
        let kept: Arc<[f64]> = match (&self.bounds, &other.bounds) {
            (Some(own), Some(others)) if own == others => own.clone(),
            (Some(own), Some(others)) => shared(own, others),
            _ => Arc::new([]),
        };
        let mut buckets = self.within(&kept);
        super::add(&mut buckets, &other.within(&kept));
        self.schema = CUSTOM_SCHEMA;
        self.positive = buckets;
        self.negative.clear();
        (self.zero_count, self.zero_threshold) = (0.0, 0.0);
        self.count += other.count;
        self.sum += other.sum;
        self.bounds = Some(kept);
    }

    /// The buckets between bounds all of which are bounds of this one too.
    fn within(&self, kept: &[f64]) -> Vec<Bucket> {
        match &self.bounds {
            Some(bounds) => widened(&self.positive, bounds, kept),
            None => match self.held() {
                0.0 => Vec::new(),
                count => vec![Bucket { index: 0, count }],
            },
        }
    }
}

/// The bounds that two ascending lists share.
pub fn shared(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    let mut others = b.iter().peekable();
    let is_shared = |bound: &&f64| {
        while others.next_if(|other| *other < *bound).is_some() {}
        others.next_if(|other| *other == *bound).is_some()
    };
    a.iter().filter(is_shared).copied().collect()
}

/// Buckets between `bounds` as buckets between `kept`, which are some of them.
pub fn widened(buckets: &[Bucket], bounds: &[f64], kept: &[f64]) -> Vec<Bucket> {
    if bounds.len() == kept.len() {
        return buckets.to_vec();
    }
    let mut wide: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let index = bucket_of(kept, limits(bounds, bucket.index).1);
        match wide.last_mut() {
            Some(last) if last.index == index => last.count += bucket.count,
            _ => wide.push(Bucket {
                index,
                count: bucket.count,
            }),
        }
    }
    wide
}

/// The index of the bucket that holds a value.
pub fn bucket_of(bounds: &[f64], value: f64) -> i32 {
    bounds.partition_point(|bound| *bound < value) as i32
}

/// The lower, exclusive, and the upper, inclusive, limit of a bucket.
pub fn limits(bounds: &[f64], index: i32) -> (f64, f64) {
    let at = usize::try_from(index).unwrap_or(0);
    let low = at.checked_sub(1).and_then(|below| bounds.get(below));
    (
        low.copied().unwrap_or(f64::NEG_INFINITY),
        bounds.get(at).copied().unwrap_or(f64::INFINITY),
    )
}

/// A value for all that a bucket holds: its middle, or the finite one of its limits. A first
/// bucket that ends above zero begins there, as Prometheus takes it.
pub(super) fn middle(low: f64, high: f64) -> f64 {
    match (low.is_finite(), high.is_finite()) {
        (true, true) => low.midpoint(high),
        (true, false) => low,
        (false, true) if high > 0.0 => high / 2.0,
        (false, true) => high,
        (false, false) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bounds: &[f64], values: &[f64]) -> Histogram {
        let parts = HistogramParts {
            schema: CUSTOM_SCHEMA,
            ..Histogram::new().to_parts()
        };
        let mut histogram = Histogram::from_custom(bounds.into(), parts).unwrap();
        for value in values {
            histogram.observe(*value);
        }
        histogram
    }

    fn check(histogram: &Histogram, expected: &[(f64, f64, f64)]) {
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn upper_bounds_belong_to_their_bucket() {
        let inf = f64::INFINITY;
        let histogram = of(&[0.0, 1.0, 5.0], &[-7.0, 0.5, 1.0, 1.1, 9.0, inf]);
        check(
            &histogram,
            &[
                (-inf, 0.0, 1.0),
                (0.0, 1.0, 2.0),
                (1.0, 5.0, 1.0),
                (5.0, inf, 2.0),
            ],
        );
        assert_eq!(histogram.quantile(0.3), Some(0.5));
        assert_eq!(histogram.relative_error(), 1.0);
    }

    #[test]
    fn merging_keeps_the_bounds_that_both_have() {
        let inf = f64::INFINITY;
        let mut histogram = of(&[0.0, 1.0, 2.0, 5.0], &[0.5, 1.5, 3.0, 9.0]);
        histogram.merge(&of(&[1.0, 3.0, 5.0], &[0.5, 2.0, 4.0]));
        assert_eq!(
            histogram.custom_bounds().map(|b| &b[..]),
            Some(&[1.0, 5.0][..])
        );
        check(
            &histogram,
            &[(-inf, 1.0, 2.0), (1.0, 5.0, 4.0), (5.0, inf, 1.0)],
        );
        let mut exponential = Histogram::new();
        exponential.observe(3.0);
        histogram.merge(&exponential);
        check(&histogram, &[(-inf, inf, 8.0)]);
        assert_eq!((histogram.count(), histogram.sum()), (8.0, 23.5));
    }

    #[test]
    fn other_bounds_are_a_reset() {
        let histogram = of(&[1.0, 5.0], &[0.5, 2.0]);
        assert_eq!(
            histogram.since(&of(&[1.0, 5.0], &[0.5])).unwrap().count(),
            1.0
        );
        assert!(histogram.since(&of(&[1.0], &[0.5])).is_none());
        assert!(histogram.since(&Histogram::new()).is_none());
    }

    #[test]
    fn parts_from_outside_are_checked() {
        let parts = || HistogramParts {
            schema: CUSTOM_SCHEMA,
            ..Histogram::new().to_parts()
        };
        let refused =
            |bounds: &[f64], parts| Histogram::from_custom(bounds.into(), parts).unwrap_err();
        assert_eq!(refused(&[2.0, 1.0], parts()), HistogramError::Bounds);
        assert_eq!(refused(&[1.0, 1.0], parts()), HistogramError::Bounds);
        assert_eq!(refused(&[f64::INFINITY], parts()), HistogramError::Bounds);
        assert_eq!(refused(&[f64::NAN], parts()), HistogramError::Bounds);
        for index in [-1, 2, i32::MAX] {
            let mut outside = parts();
            outside.positive = vec![Bucket { index, count: 1.0 }];
            outside.count = 1.0;
            assert_eq!(refused(&[1.0], outside), HistogramError::Outside);
        }
        let exponential = Histogram::new().to_parts();
        assert_eq!(refused(&[1.0], exponential), HistogramError::Schema(6));
        assert_eq!(
            Histogram::from_parts(parts()),
            Err(HistogramError::Schema(-53))
        );
    }
}
