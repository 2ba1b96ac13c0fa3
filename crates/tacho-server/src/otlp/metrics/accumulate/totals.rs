//! The totals of all series, and what a request changes about them.
//!
//! 1. A total is in one of two generations, of which the older goes when the younger is full, between
//!    two requests; so an older state never comes back when the newer one is forgotten.
//! 2. A request changes totals where they are, which costs a series one look-up; the first time it
//!    touches one it notes what that was, so that all of it can be taken back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;

use super::super::total::Total;
use crate::filters::generations::Hashed;

/// A keyed hash of a series' label bytes: among a million series two share one once in 10^26.
pub(super) type Key = u128;

/// Room of one of the two generations, in units of about 300 bytes: together at most 300 MB, for a
/// million series of numbers, and what the last request brought.
pub(super) const GENERATION_MAX: usize = 500_000;

/// A total in its place.
#[derive(Debug)]
pub(super) struct Known {
    total: Total,
    /// The room that it was said to take.
    weight: usize,
    /// The request that touched it last.
    request: u64,
}

#[derive(Debug, Default)]
struct Generation {
    known: HashMap<Key, Known, BuildHasherDefault<Hashed>>,
    weight: usize,
}

/// All totals.
#[derive(Debug, Default)]
pub(super) struct Totals {
    young: Generation,
    old: Generation,
    requests: u64,
}

impl Totals {
    /// Begins to change totals for one more request.
    pub(super) fn change(&mut self) -> Change<'_> {
        // Once a request: what one has touched must not be forgotten before it is done.
        if self.young.weight >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.requests += 1;
        Change {
            request: self.requests,
            totals: self,
            before: Vec::new(),
        }
    }

    /// A total, read where it is not known.
    fn find<E>(
        &mut self,
        key: Key,
        read: impl FnOnce() -> Result<Total, E>,
    ) -> Result<&mut Known, E> {
        Ok(match self.young.known.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let known = match self.old.known.remove(&key) {
                    Some(known) => known,
                    None => Known::new(read()?),
                };
                self.young.weight += known.weight;
                place.insert(known)
            }
        })
    }

    /// Weighs a total that was touched, and so is among the young.
    fn weigh(&mut self, key: Key) {
        if let Some(known) = self.young.known.get_mut(&key) {
            let weight = known.total.weight();
            self.young.weight = self.young.weight - known.weight + weight;
            known.weight = weight;
        }
    }

    /// Sets a total that is known.
    fn set(&mut self, key: Key, total: Total) {
        let Self { young, old, .. } = self;
        let known = young.known.get_mut(&key);
        if let Some(known) = known.or_else(|| old.known.get_mut(&key)) {
            known.total = total;
        }
    }

    /// How many totals are in each generation.
    #[cfg(test)]
    pub(super) fn counts(&self) -> [usize; 2] {
        [self.young.known.len(), self.old.known.len()]
    }
}

impl Known {
    fn new(total: Total) -> Self {
        Self {
            weight: total.weight(),
            total,
            request: 0,
        }
    }
}

/// What one request does to totals.
#[derive(Debug)]
pub(super) struct Change<'t> {
    totals: &'t mut Totals,
    request: u64,
    /// What was touched, as it was.
    before: Vec<(Key, Total)>,
}

impl Change<'_> {
    /// A total, to be added to; read where it is not known.
    pub(super) fn total<E>(
        &mut self,
        key: Key,
        read: impl FnOnce() -> Result<Total, E>,
    ) -> Result<&mut Total, E> {
        let known = self.totals.find(key, read)?;
        if known.request != self.request {
            known.request = self.request;
            self.before.push((key, known.total.clone()));
        }
        Ok(&mut known.total)
    }

    /// Weighs a total anew that may have grown: numbers do not.
    pub(super) fn weigh(&mut self, key: Key) {
        self.totals.weigh(key);
    }

    /// Takes everything back.
    pub(super) fn take_back(self) {
        for (key, total) in self.before {
            self.totals.set(key, total);
        }
    }

    /// Takes back what was done to the series for which `again` holds, which does again what of it
    /// stands.
    pub(super) fn redo(self, again: impl Fn(Key, &mut Total) -> bool) {
        for (key, mut total) in self.before {
            if again(key, &mut total) {
                self.totals.set(key, total);
            }
        }
    }
}
