//! By what series grow, of one request: nothing is locked and nothing is stored here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;
use std::time::Duration;

use tacho_model::append::Exemplar;
use tacho_model::{Histogram, Labels, METRIC_NAME, Timestamp};
use tacho_semconv::labels::Label;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::families::Family;
use crate::filters::generations::Hashed;

/// Observations of this much time share a histogram.
pub(super) const FOLD: Duration = Duration::from_secs(1);
/// Keys of families lie so far apart: an odd number near 2^128 divided by the golden ratio.
const APART: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// The end of the second that a time belongs to; a boundary ends its second.
pub(super) fn end_of_fold(time: Timestamp) -> Timestamp {
    (time - Duration::from_nanos(1)).align_down(FOLD) + FOLD
}

/// The key of a label set, and with a family that of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LabelKey(u128);

impl LabelKey {
    /// Of labels; `scratch` is memory to use again.
    pub(super) fn new<'l>(
        labels: impl IntoIterator<Item = &'l Label<'l>>,
        seed: u64,
        scratch: &mut Vec<u8>,
    ) -> Self {
        scratch.clear();
        for (name, value) in labels {
            scratch.extend_from_slice(name.as_bytes());
            scratch.push(0);
            scratch.extend_from_slice(&(value.len() as u32).to_le_bytes());
            scratch.extend_from_slice(value.as_bytes());
        }
        Self(xxh3_128_with_seed(scratch, seed))
    }

    /// Of a series.
    pub(super) fn of(self, family: Family) -> u128 {
        let number = family as u128 + 1;
        self.0.wrapping_add(number.wrapping_mul(APART))
    }

    /// The key as a number.
    pub(super) fn as_u128(self) -> u128 {
        self.0
    }
}

/// By what series grow.
#[derive(Default)]
pub(super) struct Growth {
    pub(super) series: HashMap<u128, Grown, BuildHasherDefault<Hashed>>,
}

/// By what a series grows.
pub(super) struct Grown {
    pub(super) family: Family,
    pub(super) labels: Labels,
    pub(super) by: By,
    /// Observations that stand for many.
    pub(super) exemplars: Vec<Exemplar>,
}

/// By what.
pub(super) enum By {
    /// A total, by so much, at the latest then.
    Total(f64, Timestamp),
    /// A value that is now this.
    Value(f64),
    /// Distributions, by these observations, each of one second, by its end.
    Observed(Vec<(Timestamp, Histogram)>),
}

impl Growth {
    /// A total grows, by something that was over at `at`.
    pub(super) fn add(
        &mut self,
        key: LabelKey,
        family: Family,
        labels: &[Label<'_>],
        (at, by): (Timestamp, f64),
    ) {
        let new = || By::Total(0.0, at);
        if let Some(Grown {
            by: By::Total(total, last),
            ..
        }) = self.grown(key, family, labels, new)
        {
            *total += by;
            *last = at.max(*last);
        }
    }

    /// A value changes.
    pub(super) fn set(&mut self, key: LabelKey, family: Family, labels: &[Label<'_>], to: f64) {
        let new = || By::Value(0.0);
        if let Some(Grown {
            by: By::Value(value),
            ..
        }) = self.grown(key, family, labels, new)
        {
            *value = to;
        }
    }

    /// Something was observed.
    pub(super) fn observe(
        &mut self,
        key: LabelKey,
        family: Family,
        labels: &[Label<'_>],
        (at, value): (Timestamp, f64),
    ) -> Option<&mut Vec<Exemplar>> {
        let new = || By::Observed(Vec::new());
        let grown = self.grown(key, family, labels, new)?;
        let By::Observed(seconds) = &mut grown.by else {
            return None;
        };
        let end = end_of_fold(at);
        // Spans of a request lie close together.
        let known = seconds.iter().rposition(|(known, _)| *known == end);
        let place = known.unwrap_or_else(|| {
            seconds.push((end, Histogram::new()));
            seconds.len() - 1
        });
        seconds[place].1.observe(value);
        Some(&mut grown.exemplars)
    }

    fn grown(
        &mut self,
        key: LabelKey,
        family: Family,
        labels: &[Label<'_>],
        new: impl FnOnce() -> By,
    ) -> Option<&mut Grown> {
        match self.series.entry(key.of(family)) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(vacant) => {
                let name = (METRIC_NAME, Cow::Borrowed(family.name()));
                let kept = labels.iter().filter(|(name, _)| family.has(name));
                let mut pairs = Vec::with_capacity(labels.len() + 1);
                pairs.extend(kept.chain([&name]).map(|(n, v)| (*n, &**v)));
                let labels = Labels::new(pairs).ok()?;
                Some(vacant.insert(Grown {
                    family,
                    labels,
                    by: new(),
                    exemplars: Vec::new(),
                }))
            }
        }
    }
}
