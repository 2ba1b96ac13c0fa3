//! Adding and subtracting histograms whose layouts may differ.
//!
//! Invariant: no observation is lost by bringing two layouts together; only resolution is. The
//! coarser schema of the two is taken, the wider zero bucket, and of custom bounds those that both
//! have. Exponential and custom buckets have nothing in common and are refused.
//! Source: Prometheus native histogram specification, "Compatibility between histograms" and
//! "Zero bucket".

use std::borrow::Cow;
use std::sync::Arc;

use tacho_model::histogram::{Bucket, SCHEMA_RANGE, custom};

use super::{CounterResetHint, FloatHistogram, is_custom, upper_bound};

/// Why two histograms do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("exponential and custom buckets do not go together")]
pub struct Incompatible;

/// What users may want to know of an addition or a subtraction that worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notes {
    /// One counter was reset and the other was not.
    pub counter_reset_collision: bool,
    /// Custom bounds differed, and those that both have are left.
    pub bounds_reconciled: bool,
}

impl Notes {
    /// What either says.
    pub fn and(self, other: Self) -> Self {
        Self {
            counter_reset_collision: self.counter_reset_collision || other.counter_reset_collision,
            bounds_reconciled: self.bounds_reconciled || other.bounds_reconciled,
        }
    }
}

#[derive(Clone, Copy)]
enum Sign {
    Plus,
    Minus,
}

impl Sign {
    fn apply(self, to: f64, by: f64) -> f64 {
        match self {
            Self::Plus => to + by,
            Self::Minus => to - by,
        }
    }
}

impl FloatHistogram {
    /// Adds all observations of `other`. Two counters make a counter, anything else a gauge.
    pub fn add(&mut self, other: &Self) -> Result<Notes, Incompatible> {
        let notes = self.combine(other, Sign::Plus)?;
        self.hint = match (self.hint, other.hint) {
            (own, others) if own == others => own,
            (CounterResetHint::Gauge, _) | (_, CounterResetHint::Gauge) => CounterResetHint::Gauge,
            _ => CounterResetHint::Unknown,
        };
        Ok(notes)
    }

    /// Takes all observations of `other` away; what is left is a gauge.
    pub fn sub(&mut self, other: &Self) -> Result<Notes, Incompatible> {
        let notes = self.combine(other, Sign::Minus)?;
        self.hint = CounterResetHint::Gauge;
        Ok(notes)
    }

    fn combine(&mut self, other: &Self, sign: Sign) -> Result<Notes, Incompatible> {
        let mut notes = Notes::default();
        let other = self.reconcile(other, &mut notes)?;
        notes.counter_reset_collision = matches!(
            (self.hint, other.hint),
            (CounterResetHint::Reset, CounterResetHint::NotReset)
                | (CounterResetHint::NotReset, CounterResetHint::Reset)
        );
        self.count = sign.apply(self.count, other.count);
        self.sum = sign.apply(self.sum, other.sum);
        self.zero_count = sign.apply(self.zero_count, other.zero_count);
        combine_sides(&mut self.positive, &other.positive, sign);
        combine_sides(&mut self.negative, &other.negative, sign);
        Ok(notes)
    }

    /// Gives `self` the layout that both can have, and returns `other` with it.
    pub(super) fn reconcile<'a>(
        &mut self,
        other: &'a Self,
        notes: &mut Notes,
    ) -> Result<Cow<'a, Self>, Incompatible> {
        let mut other = Cow::Borrowed(other);
        match (&self.bounds, &other.bounds) {
            (None, None) => {}
            (Some(own), Some(others)) if Arc::ptr_eq(own, others) || own == others => {
                return Ok(other);
            }
            (Some(own), Some(others)) => {
                let kept = custom::shared(own, others);
                notes.bounds_reconciled = true;
                self.keep_bounds(&kept);
                other.to_mut().keep_bounds(&kept);
                return Ok(other);
            }
            _ => return Err(Incompatible),
        }
        let schema = self.schema.min(other.schema);
        self.reduce_to(schema);
        if other.schema > schema {
            other.to_mut().reduce_to(schema);
        }
        // Each may have to go a little further for the other to follow, so they take turns.
        while self.zero_threshold != other.zero_threshold {
            if self.zero_threshold < other.zero_threshold {
                self.widen_zero(other.zero_threshold);
            } else {
                let threshold = self.zero_threshold;
                other.to_mut().widen_zero(threshold);
            }
        }
        Ok(other)
    }

    /// Makes the buckets wider until the schema is `schema`; custom buckets stay as they are.
    pub fn reduce_to(&mut self, schema: i8) {
        let schema = schema.max(*SCHEMA_RANGE.start());
        if is_custom(self.schema) || schema >= self.schema {
            return;
        }
        let shift = self.schema - schema;
        self.schema = schema;
        for side in [&mut self.positive, &mut self.negative] {
            *side = coarser(side, shift);
        }
        self.compact();
    }

    /// Makes the zero bucket at least as wide as `threshold`: wider when that is inside a
    /// populated bucket, which then goes into it as a whole.
    pub(super) fn widen_zero(&mut self, threshold: f64) {
        if is_custom(self.schema) || threshold <= self.zero_threshold {
            return;
        }
        let schema = self.schema;
        let low = |b: &Bucket| upper_bound(b.index.saturating_sub(1), schema);
        let mut threshold = threshold;
        loop {
            let sides = self.positive.iter().chain(&self.negative);
            let inside = sides.filter(|b| low(b) < threshold);
            let highest = inside
                .map(|b| upper_bound(b.index, schema))
                .fold(threshold, f64::max);
            if highest == threshold {
                break;
            }
            threshold = highest;
        }
        for side in [&mut self.positive, &mut self.negative] {
            let inside = side.partition_point(|b| low(b) < threshold);
            self.zero_count += side.drain(..inside).map(|b| b.count).sum::<f64>();
        }
        self.zero_threshold = threshold;
    }

    /// Keeps only some of its custom bounds.
    pub(super) fn keep_bounds(&mut self, kept: &Arc<[f64]>) {
        if let Some(bounds) = &self.bounds {
            self.positive = custom::widened(&self.positive, bounds, kept);
            self.bounds = Some(kept.clone());
            self.compact();
        }
    }
}

/// Buckets `shift` schemas coarser: bucket `i` goes to `ceil(i / 2^shift)`.
fn coarser(buckets: &[Bucket], shift: i8) -> Vec<Bucket> {
    let mut out: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let index = (((i64::from(bucket.index) - 1) >> shift) + 1) as i32;
        match out.last_mut() {
            Some(last) if last.index == index => last.count += bucket.count,
            _ => out.push(Bucket { index, ..*bucket }),
        }
    }
    out
}

/// In place where `into` has every bucket of `more`, as it soon has when many are added up.
fn combine_sides(into: &mut Vec<Bucket>, more: &[Bucket], sign: Sign) {
    let mut missing = Vec::new();
    let mut emptied = false;
    let mut from = 0;
    for bucket in more {
        let rest = into.get_mut(from..).unwrap_or_default();
        match rest.binary_search_by_key(&bucket.index, |known| known.index) {
            Ok(at) => {
                let known = &mut rest[at].count;
                *known = sign.apply(*known, bucket.count);
                emptied |= *known == 0.0;
                from += at + 1;
            }
            Err(at) => {
                let count = sign.apply(0.0, bucket.count);
                missing.push(Bucket { count, ..*bucket });
                from += at;
            }
        }
    }
    if emptied {
        into.retain(|bucket| bucket.count != 0.0);
    }
    if !missing.is_empty() {
        into.extend(missing);
        into.sort_by_key(|bucket| bucket.index);
    }
}

/// A sum of histograms in which rounding errors do not grow with their number (Kahan, in
/// Neumaier's variant, for every count and the sum).
#[derive(Clone, Debug)]
pub struct Running {
    total: FloatHistogram,
    lost: FloatHistogram,
}

impl Running {
    /// Begins with one.
    pub fn new(first: FloatHistogram) -> Self {
        let mut lost = FloatHistogram {
            positive: Vec::new(),
            negative: Vec::new(),
            ..first.clone()
        };
        (lost.count, lost.sum, lost.zero_count) = (0.0, 0.0, 0.0);
        Self { total: first, lost }
    }

    /// Adds another.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Notes, Incompatible> {
        let mut notes = Notes::default();
        // All three get one layout before anything is added, so that buckets stay comparable.
        let other = self.total.reconcile(other, &mut notes)?;
        self.lost = self
            .total
            .reconcile(&self.lost, &mut Notes::default())?
            .into_owned();
        let rest = |total: f64, by: f64| {
            let sum = total + by;
            if !sum.is_finite() {
                0.0
            } else if total.abs() >= by.abs() {
                (total - sum) + by
            } else {
                (by - sum) + total
            }
        };
        self.lost.count += rest(self.total.count, other.count);
        self.lost.sum += rest(self.total.sum, other.sum);
        self.lost.zero_count += rest(self.total.zero_count, other.zero_count);
        for (lost, total, more) in [
            (
                &mut self.lost.positive,
                &self.total.positive,
                &other.positive,
            ),
            (
                &mut self.lost.negative,
                &self.total.negative,
                &other.negative,
            ),
        ] {
            let errors = more.iter().filter_map(|bucket| {
                let at = total
                    .binary_search_by_key(&bucket.index, |b| b.index)
                    .ok()?;
                let count = rest(total[at].count, bucket.count);
                (count != 0.0).then_some(Bucket { count, ..*bucket })
            });
            combine_sides(lost, &errors.collect::<Vec<_>>(), Sign::Plus);
        }
        Ok(notes.and(self.total.add(&other)?))
    }

    /// The sum.
    pub fn finish(self) -> FloatHistogram {
        let Self { mut total, lost } = self;
        let hint = total.hint;
        // They share a layout, so this cannot fail; if it did, only rounding would be lost.
        if total.combine(&lost, Sign::Plus).is_ok() {
            total.hint = hint;
        }
        total
    }
}
