//! Distributions while they are computed with: what Prometheus calls a native histogram of floats.
//!
//! It is made of a stored [`Histogram`], may become anything that arithmetic makes of one (counts
//! below zero, not whole, infinite, NaN) and is what a query answers. Buckets are exponential
//! (schema -4 to 8) or have bounds of their own (schema -53, "custom buckets").
//!
//! Invariants:
//! 1. buckets of each sign are sorted by their index, each index once;
//! 2. no bucket has the count 0: what is not there is empty;
//! 3. custom bounds are finite and ascending, buckets lie within them, and there is neither a zero
//!    bucket nor a negative side.
//!
//! Not for storing and not for observing: that is [`Histogram`]. Sources: Prometheus native
//! histogram specification; Prometheus documentation, "Operators" and "Query functions".

mod arithmetic;
mod combine;
mod estimate;
mod fraction;
mod quantile;
mod reset;
mod text;
mod trim;

use std::sync::Arc;

use tacho_model::Histogram;
use tacho_model::histogram::{
    Bucket, CUSTOM_SCHEMA, HistogramError, HistogramParts, ResetHint, Temporality, custom,
};

pub use combine::{Incompatible, Notes, Running};
pub use fraction::Fraction;
pub use quantile::{NanEffect, Quantile};
pub use text::{Boundaries, Float};

/// Whether it counts since a reset, and what is known of one between the sample before and this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum CounterResetHint {
    /// A counter; nothing is known.
    #[default]
    Unknown,
    /// A counter that was reset before this sample.
    Reset,
    /// A counter that was not.
    NotReset,
    /// No counter at all.
    Gauge,
}

/// A distribution while a query is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatHistogram {
    /// What sort of thing it counts.
    pub hint: CounterResetHint,
    /// All observations, those without a bucket (NaN) among them.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    zero_threshold: f64,
    schema: i8,
    bounds: Option<Arc<[f64]>>,
    positive: Vec<Bucket>,
    negative: Vec<Bucket>,
}

/// One bucket with its limits. Which of them belong to it: [`FloatHistogram::rows`].
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    low: f64,
    high: f64,
    count: f64,
    side: Side,
}

/// Where a bucket lies; how values are thought to lie in it follows from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Negative,
    Zero,
    Positive,
    Custom,
}

impl Range {
    fn new((low, high): (f64, f64), count: f64, side: Side) -> Self {
        Self {
            low,
            high,
            count,
            side,
        }
    }
}

impl FloatHistogram {
    /// One without observations, at `schema` (-4 to 8), whose zero bucket holds nothing but zero.
    pub fn empty(schema: i8) -> Self {
        Self {
            hint: CounterResetHint::Unknown,
            count: 0.0,
            sum: 0.0,
            zero_count: 0.0,
            zero_threshold: 0.0,
            schema,
            bounds: None,
            positive: Vec::new(),
            negative: Vec::new(),
        }
    }

    /// Takes parts as they are, buckets in any order; counts may be any number. Refused are a
    /// schema that there is not, the same bucket twice, and what does not fit custom bounds.
    pub fn from_parts(
        parts: HistogramParts,
        bounds: Option<Arc<[f64]>>,
    ) -> Result<Self, HistogramError> {
        let mut buckets = [parts.positive, parts.negative];
        for side in &mut buckets {
            side.sort_by_key(|bucket| bucket.index);
            if side.windows(2).any(|pair| pair[0].index == pair[1].index) {
                return Err(HistogramError::Order);
            }
        }
        // The layout is checked by the model; counts are not, since arithmetic makes any.
        let [positive, negative] = buckets;
        let emptied = |side: &[Bucket]| side.iter().map(|b| Bucket { count: 0.0, ..*b }).collect();
        let layout = HistogramParts {
            temporality: Temporality::Cumulative,
            schema: parts.schema,
            zero_threshold: parts.zero_threshold,
            zero_count: if parts.zero_count == 0.0 { 0.0 } else { 1.0 },
            count: 0.0,
            sum: 0.0,
            positive: emptied(&positive),
            negative: emptied(&negative),
        };
        match &bounds {
            Some(bounds) => Histogram::from_custom(bounds.clone(), layout)?,
            None => Histogram::from_float_parts(layout)?,
        };
        let mut histogram = Self {
            hint: match parts.temporality {
                Temporality::Delta => CounterResetHint::Gauge,
                Temporality::Cumulative => CounterResetHint::Unknown,
            },
            count: parts.count,
            sum: parts.sum,
            zero_count: parts.zero_count,
            zero_threshold: parts.zero_threshold,
            schema: parts.schema,
            bounds,
            positive,
            negative,
        };
        histogram.compact();
        Ok(histogram)
    }

    /// The same observations with what is known of resets.
    pub fn hinted(mut self, hint: CounterResetHint) -> Self {
        self.hint = hint;
        self
    }

    /// Its resolution, or [`CUSTOM_SCHEMA`].
    pub fn schema(&self) -> i8 {
        self.schema
    }

    /// Magnitudes up to this are in the zero bucket.
    pub fn zero_threshold(&self) -> f64 {
        self.zero_threshold
    }

    /// The custom bounds; `None` where buckets are exponential.
    pub fn custom_bounds(&self) -> Option<&[f64]> {
        self.bounds.as_deref()
    }

    /// Whether it is no counter.
    pub fn is_gauge(&self) -> bool {
        self.hint == CounterResetHint::Gauge
    }

    /// Bytes it takes, for limits on memory. Bounds are shared, so they count nowhere.
    pub fn size_bytes(&self) -> usize {
        let buckets = self.positive.capacity() + self.negative.capacity();
        size_of::<Self>() + buckets * size_of::<Bucket>()
    }

    /// Whether both say the same: layout, buckets, count and sum, NaN being equal to NaN. What is
    /// known of resets does not matter.
    pub fn equals(&self, other: &Self) -> bool {
        let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
        let same_side = |a: &[Bucket], b: &[Bucket]| {
            let mut pairs = a.iter().zip(b);
            a.len() == b.len() && pairs.all(|(a, b)| a.index == b.index && same(a.count, b.count))
        };
        self.schema == other.schema
            && self.bounds == other.bounds
            && same(self.zero_threshold, other.zero_threshold)
            && same(self.zero_count, other.zero_count)
            && same(self.count, other.count)
            && same(self.sum, other.sum)
            && same_side(&self.positive, &other.positive)
            && same_side(&self.negative, &other.negative)
    }

    /// For the store or the wire; fails when a count is negative or not finite.
    pub fn to_model(&self) -> Result<Histogram, HistogramError> {
        let hint = match self.hint {
            CounterResetHint::Unknown | CounterResetHint::Gauge => ResetHint::Unknown,
            CounterResetHint::Reset => ResetHint::Reset,
            CounterResetHint::NotReset => ResetHint::NotReset,
        };
        let parts = HistogramParts {
            temporality: match self.hint {
                CounterResetHint::Gauge => Temporality::Delta,
                _ => Temporality::Cumulative,
            },
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: self.positive.clone(),
            negative: self.negative.clone(),
        };
        let made = match &self.bounds {
            Some(bounds) => Histogram::from_custom(bounds.clone(), parts)?,
            None => Histogram::from_float_parts(parts)?,
        };
        Ok(made.hinted(hint))
    }

    /// Drops empty buckets.
    fn compact(&mut self) {
        self.positive.retain(|bucket| bucket.count != 0.0);
        self.negative.retain(|bucket| bucket.count != 0.0);
    }

    /// All populated buckets from the lowest to the highest. Where the zero bucket reaches into
    /// another, that one begins at its end.
    fn ranges(&self) -> impl DoubleEndedIterator<Item = Range> {
        let (schema, width) = (self.schema, self.zero_threshold);
        let magnitudes = move |bucket: &Bucket| {
            let near = upper_bound(bucket.index.saturating_sub(1), schema);
            let far = upper_bound(bucket.index, schema);
            (if far > width { near.max(width) } else { near }, far)
        };
        let negative = self.negative.iter().rev().map(move |bucket| {
            let (near, far) = magnitudes(bucket);
            Range::new((-far, -near), bucket.count, Side::Negative)
        });
        let zero = Range::new((-width, width), self.zero_count, Side::Zero);
        let zero = (self.zero_count != 0.0).then_some(zero);
        let bounds = self.bounds.as_deref();
        let positive = self.positive.iter().map(move |bucket| match bounds {
            Some(bounds) => {
                let limits = custom::limits(bounds, bucket.index);
                Range::new(limits, bucket.count, Side::Custom)
            }
            None => Range::new(magnitudes(bucket), bucket.count, Side::Positive),
        });
        negative.chain(zero).chain(positive)
    }

    /// Where the values of the zero bucket are thought to lie: where all others are positive, so
    /// are they, and the other way round.
    fn zero_range(&self) -> (f64, f64) {
        let width = self.zero_threshold;
        match (self.negative.is_empty(), self.positive.is_empty()) {
            (true, false) => (0.0, width),
            (false, true) => (-width, 0.0),
            _ => (-width, width),
        }
    }
}

impl From<&Histogram> for FloatHistogram {
    fn from(stored: &Histogram) -> Self {
        let parts = stored.to_parts();
        let hint = match (parts.temporality, stored.reset_hint()) {
            (Temporality::Delta, _) => CounterResetHint::Gauge,
            (Temporality::Cumulative, ResetHint::Unknown) => CounterResetHint::Unknown,
            (Temporality::Cumulative, ResetHint::Reset) => CounterResetHint::Reset,
            (Temporality::Cumulative, ResetHint::NotReset) => CounterResetHint::NotReset,
        };
        Self {
            hint,
            count: parts.count,
            sum: parts.sum,
            zero_count: parts.zero_count,
            zero_threshold: parts.zero_threshold,
            schema: parts.schema,
            bounds: stored.custom_bounds().cloned(),
            positive: parts.positive,
            negative: parts.negative,
        }
    }
}

/// The upper bound of an exponential bucket. The one that holds the largest number ends there, the
/// one after it at infinity.
fn upper_bound(index: i32, schema: i8) -> f64 {
    let exponent = f64::from(index) * (-f64::from(schema)).exp2();
    if exponent == 1024.0 {
        f64::MAX
    } else {
        exponent.exp2()
    }
}

/// Whether it has bounds of its own.
fn is_custom(schema: i8) -> bool {
    schema == CUSTOM_SCHEMA
}

#[cfg(test)]
mod tests;
