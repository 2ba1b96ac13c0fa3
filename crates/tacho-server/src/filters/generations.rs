//! A bounded memory of what was seen lately: two maps, of which the older goes when the younger is
//! full.
//!
//! What is looked up is not moved, so that readers share it; whoever finds something among the
//! older says so by inserting it again. At most as many entries and bytes as it was made for.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Values by keys that are hashes already.
#[derive(Debug)]
pub(crate) struct Generations<V> {
    young: HashMap<u128, V, BuildHasherDefault<Hashed>>,
    old: HashMap<u128, V, BuildHasherDefault<Hashed>>,
    /// Bytes that the values among the young stand for.
    bytes: usize,
    entries_max: usize,
    bytes_max: usize,
}

/// A value, and whether it is among those that go next.
pub(crate) struct Seen<'a, V> {
    pub(crate) value: &'a V,
    pub(crate) is_old: bool,
}

impl<V> Generations<V> {
    /// One of at most so many entries, whose values stand for at most so many bytes.
    pub(crate) fn new(entries_max: usize, bytes_max: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            bytes: 0,
            entries_max: entries_max / 2,
            bytes_max: bytes_max / 2,
        }
    }

    /// What is known of a key.
    pub(crate) fn get(&self, key: u128) -> Option<Seen<'_, V>> {
        if let Some(value) = self.young.get(&key) {
            let is_old = false;
            return Some(Seen { value, is_old });
        }
        let value = self.old.get(&key)?;
        let is_old = true;
        Some(Seen { value, is_old })
    }

    /// Remembers a value that stands for so many bytes.
    pub(crate) fn insert(&mut self, key: u128, value: V, bytes: usize) {
        if self.young.len() >= self.entries_max || self.bytes + bytes > self.bytes_max {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.bytes = 0;
        }
        self.old.remove(&key);
        if self.young.insert(key, value).is_none() {
            self.bytes += bytes;
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// Takes the lower half of a key that is a hash already.
#[derive(Default, Clone, Debug)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut seen = Generations::new(8, usize::MAX);
        for key in 0..1000u128 {
            if seen.get(7).is_some_and(|found| found.is_old) {
                seen.insert(7, 7, 1);
            }
            seen.insert(key, key, 1);
            assert!(seen.len() <= 8);
            assert_eq!(seen.get(7).is_some(), key >= 7);
        }
        assert!(seen.get(999).is_some());
        assert!(seen.get(8).is_none());
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut seen = Generations::new(1_000_000, 100);
        for key in 0..1000u128 {
            seen.insert(key, (), 10);
            assert!(seen.len() <= 10);
        }
    }
}
