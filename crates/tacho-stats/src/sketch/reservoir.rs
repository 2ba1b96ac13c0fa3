//! A fair random sample of a stream, mergeable.
//!
//! Each value draws a key; the values with the smallest keys are the sample. So every subset of the
//! stream of that size is equally likely, and the sample of two streams together is found from
//! their two samples.
//!
//! Invariants: at most `capacity` values are kept; the sample hangs on seeds and values, never on
//! how often samples were merged. Two reservoirs that are merged need different seeds.
//!
//! Sources: Vitter, "Random sampling with a reservoir", ACM TOMS 11 (1985), for the task; Cohen &
//! Kaplan, "Summarizing data using bottom-k sketches", PODC (2007), for keys and merging.

use std::collections::BinaryHeap;

use crate::error::{Result, StatsError};
use crate::rng::Rng;

/// A sample of fixed size.
///
/// ```
/// use tacho_stats::sketch::Reservoir;
///
/// let mut sample = Reservoir::new(100, 1)?;
/// for ms in 0..10_000 {
///     sample.add(f64::from(ms))?;
/// }
/// assert_eq!((sample.seen(), sample.values().count()), (10_000, 100));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reservoir {
    capacity: usize,
    seen: u64,
    rng: Rng,
    /// The largest key on top.
    kept: BinaryHeap<Kept>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    key: u64,
    /// The bits of the value.
    value: u64,
}

impl Reservoir {
    /// An empty sample of at most `capacity` values (at least one).
    pub fn new(capacity: usize, seed: u64) -> Result<Self> {
        if capacity == 0 {
            return Err(StatsError::Invalid {
                name: "capacity",
                why: "a sample holds at least one value",
            });
        }
        Ok(Self {
            capacity,
            seen: 0,
            rng: Rng::new(seed),
            kept: BinaryHeap::new(),
        })
    }

    /// Shows a finite value to the sample.
    pub fn add(&mut self, value: f64) -> Result<()> {
        if !value.is_finite() {
            let index = usize::try_from(self.seen).unwrap_or(usize::MAX);
            return Err(StatsError::NotFinite { index });
        }
        self.seen += 1;
        let key = self.rng.next_u64();
        self.keep(Kept {
            key,
            value: value.to_bits(),
        });
        Ok(())
    }

    /// The sample of both streams together, as large as the smaller capacity.
    pub fn merge(&mut self, other: &Self) {
        self.seen += other.seen;
        self.capacity = self.capacity.min(other.capacity);
        while self.kept.len() > self.capacity {
            self.kept.pop();
        }
        for kept in &other.kept {
            self.keep(*kept);
        }
    }

    /// How many values were shown.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The sample, in no particular order.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.kept.iter().map(|kept| f64::from_bits(kept.value))
    }

    fn keep(&mut self, kept: Kept) {
        if self.kept.len() < self.capacity {
            self.kept.push(kept);
        } else if let Some(mut largest) = self.kept.peek_mut()
            && kept.key < largest.key
        {
            *largest = kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of 20 values is kept by 5 of 20, over many seeds, merged or not.
    #[test]
    fn every_value_is_as_likely() {
        let runs = 20_000;
        let mut counts = [[0u32; 20]; 2];
        for seed in 0..runs {
            let mut whole = Reservoir::new(5, seed).unwrap();
            let mut parts =
                [2 * seed + 1, 2 * seed + 2].map(|s| Reservoir::new(5, s + runs).unwrap());
            for value in 0..20 {
                whole.add(f64::from(value)).unwrap();
                parts[usize::from(value >= 3)]
                    .add(f64::from(value))
                    .unwrap();
            }
            let [mut merged, other] = parts;
            merged.merge(&other);
            assert_eq!(merged.seen(), 20);
            for (counts, sample) in counts.iter_mut().zip([&whole, &merged]) {
                assert_eq!(sample.values().count(), 5);
                for value in sample.values() {
                    counts[value as usize] += 1;
                }
            }
        }
        let expected = runs as f64 / 4.0;
        let spread = (expected * 0.75).sqrt();
        for count in counts.iter().flatten() {
            assert!(
                (f64::from(*count) - expected).abs() < 5.0 * spread,
                "{counts:?}"
            );
        }
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        assert!(Reservoir::new(0, 1).is_err());
        let mut sample = Reservoir::new(3, 1).unwrap();
        assert!(sample.add(f64::NAN).is_err());
        assert_eq!((sample.seen(), sample.values().count()), (0, 0));
        sample.add(1.0).unwrap();
        sample.merge(&Reservoir::new(2, 2).unwrap());
        assert_eq!(sample.values().collect::<Vec<f64>>(), [1.0]);
    }
}
