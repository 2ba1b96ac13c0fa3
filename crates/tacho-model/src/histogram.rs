//! The native histogram: exponential buckets, sparse, mergeable.
//!
//! The bucket layout is that of Prometheus native histograms and OpenTelemetry exponential
//! histograms: with `base = 2^(2^-schema)`, bucket `i` holds values in `(base^(i-1), base^i]`, and
//! negative values mirror that. At [`SCHEMA`] 6 the base is 1.0109, so a value read back as the
//! geometric middle of its bucket is off by at most 0.54 %.
//!
//! Invariants:
//! 1. bucket indices of each sign are strictly increasing, and every count is above zero;
//! 2. `count` is the zero bucket plus all buckets plus the NaNs observed (which have no bucket);
//! 3. merging is associative and commutative: counts to the same bits, sums up to rounding.
//!
//! A histogram may have bounds of its own instead ([`CUSTOM_SCHEMA`]); [`custom`] says how those
//! go together.
//!
//! Counts are `f64`, exact up to 2^53, because rates and averages of histograms are histograms
//! too. Sources: OpenTelemetry metrics data model, "Exponential Histogram"; Prometheus native
//! histogram specification; `DDSketch` (Masson, Rim, Lee, VLDB 2019) for the error bound.

pub mod custom;

use std::sync::Arc;

pub use custom::{BOUNDS_MAX, CUSTOM_SCHEMA};

/// The resolution of histograms made here: relative error at most 0.54 %.
pub const SCHEMA: i8 = 6;
/// The finest and coarsest schema that Prometheus defines for exponential buckets.
pub const SCHEMA_RANGE: std::ops::RangeInclusive<i8> = -4..=8;
/// Values of smaller magnitude go to the zero bucket (Prometheus' default, 2^-128).
pub const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;
/// Most buckets of one sign; beyond it the resolution is halved. 1600 at schema 6 span 25 powers
/// of two, from 100 ns to 3 s without loss.
pub const BUCKETS_MAX: usize = 1600;

/// What a histogram counts (OpenTelemetry metrics data model, "Temporality"). Two of the first
/// sort add up, of two of the second the later one says it all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Temporality {
    /// Observations since the sample before; a *gauge histogram* in Prometheus' words.
    #[default]
    Delta,
    /// Observations since the counter was reset; what Prometheus' native histograms are.
    Cumulative,
}

/// What the source of a cumulative histogram knows of a reset between the sample before and this.
/// The store does not keep it: what is read is `Unknown`, which is always right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ResetHint {
    /// Nothing; who needs to know compares the two.
    #[default]
    Unknown,
    /// The counter was reset.
    Reset,
    /// It was not.
    NotReset,
}

/// A distribution of observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    temporality: Temporality,
    hint: ResetHint,
    /// The upper bounds of all buckets but the last, when they are not exponential.
    bounds: Option<Arc<[f64]>>,
    schema: i8,
    zero_threshold: f64,
    zero_count: f64,
    count: f64,
    sum: f64,
    positive: Vec<Bucket>,
    negative: Vec<Bucket>,
}

/// One bucket of an exponential histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its index `i`: it holds magnitudes in `(base^(i-1), base^i]`.
    pub index: i32,
    /// How many observations it holds.
    pub count: f64,
}

/// Why the parts do not make a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HistogramError {
    /// A schema outside [`SCHEMA_RANGE`].
    #[error("schema {0} is outside -4 to 8")]
    Schema(i8),
    /// Bucket indices not strictly increasing.
    #[error("bucket indices are not strictly increasing")]
    Order,
    /// A count that is negative, NaN or infinite.
    #[error("a count is negative or not finite")]
    Count,
    /// The total is less than the buckets hold.
    #[error("the count is less than what the buckets hold")]
    Total,
    /// Custom bounds that do not ascend, are not finite or are too many.
    #[error("custom bounds are not finite and ascending, or more than {BOUNDS_MAX}")]
    Bounds,
    /// A bucket beyond the custom bounds, a negative or a zero bucket among them.
    #[error("a bucket is outside the custom bounds")]
    Outside,
}

/// The fields of a histogram, for formats to take apart and put together.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramParts {
    /// What it counts.
    pub temporality: Temporality,
    /// Resolution.
    pub schema: i8,
    /// Magnitudes up to this are in the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Buckets of positive values.
    pub positive: Vec<Bucket>,
    /// Buckets of negative values, by the index of their magnitude.
    pub negative: Vec<Bucket>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram at [`SCHEMA`].
    pub fn new() -> Self {
        Self {
            temporality: Temporality::Delta,
            hint: ResetHint::Unknown,
            bounds: None,
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive: Vec::new(),
            negative: Vec::new(),
        }
    }

    /// Checks parts that came from outside; empty buckets are dropped.
    pub fn from_parts(parts: HistogramParts) -> Result<Self, HistogramError> {
        let total = check_total(&parts);
        let histogram = Self::from_float_parts(parts)?;
        total.map(|()| histogram)
    }

    /// [`Self::from_parts`] of a float histogram, whose total may be less than its buckets hold:
    /// Prometheus takes those as they come, and some that were calculated are.
    pub fn from_float_parts(parts: HistogramParts) -> Result<Self, HistogramError> {
        if !SCHEMA_RANGE.contains(&parts.schema) {
            return Err(HistogramError::Schema(parts.schema));
        }
        Self::checked(parts)
    }

    fn checked(mut parts: HistogramParts) -> Result<Self, HistogramError> {
        for side in [&parts.positive, &parts.negative] {
            if side.windows(2).any(|pair| pair[0].index >= pair[1].index) {
                return Err(HistogramError::Order);
            }
            if side
                .iter()
                .any(|b| !(b.count.is_finite() && b.count >= 0.0))
            {
                return Err(HistogramError::Count);
            }
        }
        let counts = [parts.zero_count, parts.count, parts.zero_threshold];
        if counts.iter().any(|c| !(c.is_finite() && *c >= 0.0)) {
            return Err(HistogramError::Count);
        }
        parts.positive.retain(|b| b.count > 0.0);
        parts.negative.retain(|b| b.count > 0.0);
        let HistogramParts {
            temporality,
            schema,
            zero_threshold,
            zero_count,
            count,
            sum,
            ..
        } = parts;
        let (positive, negative) = (parts.positive, parts.negative);
        Ok(Self {
            temporality,
            hint: ResetHint::Unknown,
            bounds: None,
            schema,
            zero_threshold,
            zero_count,
            count,
            sum,
            positive,
            negative,
        })
    }

    /// What it counts.
    pub fn temporality(&self) -> Temporality {
        self.temporality
    }

    /// The same observations, counted so.
    pub fn counted(mut self, temporality: Temporality) -> Self {
        self.temporality = temporality;
        self
    }

    /// What is known of a reset before it.
    pub fn reset_hint(&self) -> ResetHint {
        self.hint
    }

    /// The same observations, with what is known of a reset before them.
    pub fn hinted(mut self, hint: ResetHint) -> Self {
        self.hint = hint;
        self
    }

    /// Adds one observation. A NaN counts and makes the sum NaN; infinities go to the outermost
    /// bucket of their sign.
    pub fn observe(&mut self, value: f64) {
        self.observe_many(value, 1.0);
    }

    /// Adds `count` observations of the same value.
    pub fn observe_many(&mut self, value: f64, count: f64) {
        if !(count.is_finite() && count > 0.0) {
            return;
        }
        self.count += count;
        self.sum += value * count;
        if value.is_nan() {
            return;
        }
        let magnitude = value.abs();
        let (index, is_positive) = match &self.bounds {
            Some(bounds) => (custom::bucket_of(bounds, value), true),
            None if magnitude <= self.zero_threshold => {
                self.zero_count += count;
                return;
            }
            None => {
                let index = bucket_index(magnitude.min(f64::MAX), self.schema);
                (index, value > 0.0)
            }
        };
        let side = if is_positive {
            &mut self.positive
        } else {
            &mut self.negative
        };
        match side.binary_search_by_key(&index, |b| b.index) {
            Ok(at) => side[at].count += count,
            Err(at) => side.insert(at, Bucket { index, count }),
        }
        self.limit_buckets();
    }

    /// Adds all observations of `other`, at the coarser resolution of the two. What is counted
    /// stays as it is for `self`: merging across series, not across time, is right for either.
    ///
    /// Custom bounds are reconciled: what is left are the bounds that both have.
    pub fn merge(&mut self, other: &Self) {
        self.hint = ResetHint::Unknown;
        if self.bounds.is_some() || other.bounds.is_some() {
            return self.merge_custom(other);
        }
        let schema = self.schema.min(other.schema);
        self.reduce_to(schema);
        let shift = other.schema - schema;
        self.widen_zero(other.zero_threshold);
        self.count += other.count;
        self.sum += other.sum;
        self.zero_count += other.zero_count;
        for (own, more) in [
            (&mut self.positive, &other.positive),
            (&mut self.negative, &other.negative),
        ] {
            match shift {
                0 => add(own, more),
                shift => add(own, &coarser(more, shift)),
            }
        }
        // `other` may hold buckets below our zero threshold.
        self.widen_zero(self.zero_threshold);
        self.limit_buckets();
    }

    /// The observations that `self` has beyond `earlier`, at the coarser resolution of the two;
    /// `None` when `earlier` holds some that `self` does not, or has other custom bounds: the
    /// counter was reset in between.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        if self.bounds != earlier.bounds {
            return None;
        }
        let (mut later, mut earlier) = (self.clone(), earlier.clone());
        let schema = later.schema.min(earlier.schema);
        let threshold = later.zero_threshold.max(earlier.zero_threshold);
        for side in [&mut later, &mut earlier] {
            side.reduce_to(schema);
            side.widen_zero(threshold);
        }
        let is_reset = later.count < earlier.count || later.zero_count < earlier.zero_count;
        if is_reset {
            return None;
        }
        later.temporality = Temporality::Delta;
        later.hint = ResetHint::Unknown;
        later.count -= earlier.count;
        later.sum -= earlier.sum;
        later.zero_count -= earlier.zero_count;
        later.positive = subtracted(&later.positive, &earlier.positive)?;
        later.negative = subtracted(&later.negative, &earlier.negative)?;
        Some(later)
    }

    /// Halves the resolution until the schema is `schema`; does nothing when it is coarser.
    pub fn reduce_to(&mut self, schema: i8) {
        let schema = schema.max(*SCHEMA_RANGE.start());
        if schema < self.schema {
            let shift = self.schema - schema;
            self.positive = coarser(&self.positive, shift);
            self.negative = coarser(&self.negative, shift);
            self.schema = schema;
        }
    }

    fn limit_buckets(&mut self) {
        while self.positive.len().max(self.negative.len()) > BUCKETS_MAX
            && self.schema > *SCHEMA_RANGE.start()
        {
            self.reduce_to(self.schema - 1);
        }
    }

    fn widen_zero(&mut self, threshold: f64) {
        if self.bounds.is_some() {
            return;
        }
        self.zero_threshold = self.zero_threshold.max(threshold);
        let (schema, limit) = (self.schema, self.zero_threshold);
        let mut moved = 0.0;
        for side in [&mut self.positive, &mut self.negative] {
            // They ascend, so where the first is outside all are: bounds cost two powers each.
            let is_inside = |b: &Bucket| upper_bound(b.index, schema) <= limit;
            if !side.first().is_some_and(is_inside) {
                continue;
            }
            side.retain(|b| {
                let inside = upper_bound(b.index, schema) <= limit;
                moved += if inside { b.count } else { 0.0 };
                !inside
            });
        }
        self.zero_count += moved;
    }

    /// Number of observations.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Sum of the observations.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Mean of the observations; `None` when there are none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// Resolution: `base = 2^(2^-schema)`.
    pub fn schema(&self) -> i8 {
        self.schema
    }

    /// The largest relative error of a quantile: `(base - 1) / (base + 1)`. Custom bounds promise
    /// nothing, so theirs is 1.
    pub fn relative_error(&self) -> f64 {
        if self.bounds.is_some() {
            return 1.0;
        }
        let base = base(self.schema);
        (base - 1.0) / (base + 1.0)
    }

    /// The value below which a fraction `q` of the observations lies, within
    /// [`Self::relative_error`]; `None` when empty or `q` is outside 0 to 1.
    ///
    /// The answer is the point of its bucket that errs least for either end, the harmonic-like
    /// middle `2·upper / (1 + base)` of `DDSketch`; of custom buckets their middle.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let held = self.held();
        if !(0.0..=1.0).contains(&q) || held <= 0.0 {
            return None;
        }
        let rank = q * (held - 1.0).max(0.0);
        let mut seen = 0.0;
        let mut answer = None;
        for (low, high, count) in self.buckets() {
            seen += count;
            answer = Some(match &self.bounds {
                Some(_) => custom::middle(low, high),
                None => middle(low, high, base(self.schema)),
            });
            if seen > rank {
                break;
            }
        }
        answer
    }

    /// Observations that have a bucket: all but NaNs.
    fn held(&self) -> f64 {
        let sides = self.positive.iter().chain(&self.negative);
        self.zero_count + sides.map(|b| b.count).sum::<f64>()
    }

    /// All non-empty buckets from the lowest value to the highest: `(low, high, count)`.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let schema = self.schema;
        let custom = self.bounds.as_deref();
        let bounds = move |b: &Bucket| match custom {
            Some(bounds) => custom::limits(bounds, b.index),
            None => (
                upper_bound(b.index.saturating_sub(1), schema),
                upper_bound(b.index, schema),
            ),
        };
        let negative = self.negative.iter().rev().map(move |b| {
            let (low, high) = bounds(b);
            (-high, -low, b.count)
        });
        let zero = (self.zero_count > 0.0).then_some((
            -self.zero_threshold,
            self.zero_threshold,
            self.zero_count,
        ));
        let positive = self.positive.iter().map(move |b| {
            let (low, high) = bounds(b);
            (low, high, b.count)
        });
        negative.chain(zero).chain(positive)
    }

    /// The fields, for a format to write; of custom buckets without [`Self::custom_bounds`].
    pub fn to_parts(&self) -> HistogramParts {
        HistogramParts {
            temporality: self.temporality,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive: self.positive.clone(),
            negative: self.negative.clone(),
        }
    }
}

/// Float histograms are results of arithmetic, so their total is allowed rounding.
fn check_total(parts: &HistogramParts) -> Result<(), HistogramError> {
    let sides = parts.positive.iter().chain(&parts.negative);
    let held = parts.zero_count + sides.map(|b| b.count).sum::<f64>();
    let is_less = parts.count < held * (1.0 - 1e-9);
    if is_less {
        Err(HistogramError::Total)
    } else {
        Ok(())
    }
}

fn base(schema: i8) -> f64 {
    (-f64::from(schema)).exp2().exp2()
}

/// The upper bound of bucket `index`: `2^(index · 2^-schema)`.
pub fn upper_bound(index: i32, schema: i8) -> f64 {
    (f64::from(index) * (-f64::from(schema)).exp2()).exp2()
}

/// The bucket of a positive, finite magnitude.
fn bucket_index(magnitude: f64, schema: i8) -> i32 {
    let guess = (magnitude.log2() * f64::from(schema).exp2()).ceil() as i32;
    // The logarithm rounds; the bounds decide. One step either way is all it can be off.
    if magnitude <= upper_bound(guess - 1, schema) {
        guess - 1
    } else if magnitude > upper_bound(guess, schema) {
        guess + 1
    } else {
        guess
    }
}

fn middle(low: f64, high: f64, base: f64) -> f64 {
    if low < 0.0 && high > 0.0 {
        0.0
    } else if low >= 0.0 {
        2.0 * high / (1.0 + base)
    } else {
        2.0 * low / (1.0 + base)
    }
}

/// Buckets at `shift` steps coarser: bucket `i` goes to `ceil(i / 2^shift)`.
fn coarser(buckets: &[Bucket], shift: i8) -> Vec<Bucket> {
    let mut out: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        // What comes from outside may have the lowest index that there is.
        let index = (((i64::from(bucket.index) - 1) >> shift) + 1) as i32;
        match out.last_mut() {
            Some(last) if last.index == index => last.count += bucket.count,
            _ => out.push(Bucket {
                index,
                count: bucket.count,
            }),
        }
    }
    out
}

/// Adds buckets to others in place. Histograms that are summed up over a window soon have every
/// bucket that the next one has, and then nothing is moved and nothing allocated.
fn add(into: &mut Vec<Bucket>, more: &[Bucket]) {
    let mut missing = Vec::new();
    let mut from = 0;
    for bucket in more {
        let rest = into.get(from..).unwrap_or_default();
        match rest.binary_search_by_key(&bucket.index, |known| known.index) {
            Ok(at) => {
                into[from + at].count += bucket.count;
                from += at + 1;
            }
            Err(at) => {
                missing.push(*bucket);
                from += at;
            }
        }
    }
    if !missing.is_empty() {
        *into = merged(into, &missing);
    }
}

fn merged(a: &[Bucket], b: &[Bucket]) -> Vec<Bucket> {
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        let index = x.index.min(y.index);
        let from_a = a.next_if(|x| x.index == index).map_or(0.0, |x| x.count);
        let from_b = b.next_if(|y| y.index == index).map_or(0.0, |y| y.count);
        out.push(Bucket {
            index,
            count: from_a + from_b,
        });
    }
    out.extend(a.chain(b));
    out
}

/// What `a` holds beyond `b`; `None` when it holds less somewhere.
fn subtracted(a: &[Bucket], b: &[Bucket]) -> Option<Vec<Bucket>> {
    let mut out = Vec::with_capacity(a.len());
    let mut b = b.iter().peekable();
    for bucket in a {
        let less = b.next_if(|b| b.index == bucket.index);
        let count = bucket.count - less.map_or(0.0, |b| b.count);
        if count < 0.0 || b.peek().is_some_and(|b| b.index <= bucket.index) {
            return None;
        }
        if count > 0.0 {
            out.push(Bucket { count, ..*bucket });
        }
    }
    b.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests;
