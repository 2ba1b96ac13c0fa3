//! What is remembered of points: the label sets that they became, by a hash of all that made them.
//!
//! 1. A key is 128 bits that every byte went into which the label sets depend on; it starts from
//!    a number the sender cannot know, so that nobody can make two that are the same.
//! 2. Memory is bounded: there are two generations; when the younger one is full, the older one
//!    is forgotten. What is used is moved to the younger one, so that it is never forgotten.
//!
//! Label sets of one entry lie one after the other in one buffer, each behind its length.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The hash of everything so far.
pub(super) type Key = u128;

/// The key of `before` and then `bytes`.
#[inline]
pub(super) fn chain(before: Key, bytes: &[u8]) -> Key {
    let high = before >> 64 << 64;
    xxh3_128_with_seed(bytes, before as u64) ^ high
}

/// Keys are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

/// Where an entry's label sets begin, and how many they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    at: u32,
    pub(super) sets: u32,
}

#[derive(Default)]
struct Generation {
    places: HashMap<Key, Place, BuildHasherDefault<Identity>>,
    bytes: Vec<u8>,
}

impl Generation {
    fn add(&mut self, key: Key, sets: u32, bytes: &[u8]) -> Place {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        let place = Place { at, sets };
        self.places.insert(key, place);
        place
    }

    /// The bytes that the label sets at `place` take, their lengths included.
    fn extent(&self, place: Place) -> &[u8] {
        let rest = self.bytes.get(place.at as usize..).unwrap_or(&[]);
        let mut walk = Sets(rest);
        walk.by_ref().take(place.sets as usize).for_each(drop);
        &rest[..rest.len() - walk.0.len()]
    }

    /// Empties it for the next filling; memory beyond `bytes_max` is given back.
    fn clear(&mut self, bytes_max: usize) {
        self.places.clear();
        self.bytes.clear();
        self.bytes.shrink_to(bytes_max);
    }
}

/// Bytes that an entry takes beside its label sets: a key, a place, and what a table leaves free.
const ENTRY_BYTES: usize = 48;

/// Label sets by key.
pub(super) struct Known {
    young: Generation,
    old: Generation,
    /// Most bytes of a generation.
    bytes_max: usize,
}

impl Known {
    /// Nothing known; `bytes_max` is for both generations together, at most 4 GiB.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            bytes_max: (bytes_max / 2).min(u32::MAX as usize / 2),
        }
    }

    /// What is known of a key.
    #[inline]
    pub(super) fn find(&mut self, key: Key) -> Option<Place> {
        match self.young.places.get(&key) {
            Some(place) => Some(*place),
            None => self.find_old(key),
        }
    }

    #[inline(never)]
    fn find_old(&mut self, key: Key) -> Option<Place> {
        let place = self.old.places.remove(&key)?;
        let extent = self.old.extent(place).to_vec();
        Some(self.insert(key, place.sets, &extent))
    }

    /// Remembers label sets, written by [`put_set`].
    pub(super) fn insert(&mut self, key: Key, sets: u32, bytes: &[u8]) -> Place {
        let taken = self.young.bytes.len() + self.young.places.len() * ENTRY_BYTES;
        if taken + bytes.len() + ENTRY_BYTES > self.bytes_max {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear(self.bytes_max);
        }
        self.young.add(key, sets, bytes)
    }

    /// The label sets at a place that was found or inserted last.
    #[inline]
    pub(super) fn sets(&self, place: Place) -> impl Iterator<Item = &[u8]> {
        let rest = self.young.bytes.get(place.at as usize..).unwrap_or(&[]);
        Sets(rest).take(place.sets as usize)
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.young.places.len() + self.old.places.len()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.young = Generation::default();
        self.old = Generation::default();
    }
}

/// Begins a label set; give what this returns to [`end_set`].
pub(super) fn begin_set(into: &mut Vec<u8>) -> usize {
    let start = into.len();
    into.extend_from_slice(&[0; 4]);
    start
}

/// Ends a label set that lies behind `start`.
pub(super) fn end_set(start: usize, into: &mut [u8]) {
    let length = (into.len() - start - 4) as u32;
    if let Some(place) = into.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

/// Walks label sets.
struct Sets<'a>(&'a [u8]);

impl<'a> Iterator for Sets<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (set, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.0 = rest;
        Some(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(sets: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for set in sets {
            let start = begin_set(&mut out);
            out.extend_from_slice(set.as_bytes());
            end_set(start, &mut out);
        }
        out
    }

    fn found(known: &mut Known, key: Key) -> Option<Vec<Vec<u8>>> {
        let place = known.find(key)?;
        Some(known.sets(place).map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn what_was_inserted_is_found() {
        let mut known = Known::new(1 << 20);
        known.insert(1, 2, &written(&["a", "bc"]));
        known.insert(2, 0, &[]);
        known.insert(3, 1, &written(&[""]));
        assert_eq!(
            found(&mut known, 1),
            Some(vec![b"a".to_vec(), b"bc".to_vec()])
        );
        assert_eq!(found(&mut known, 2), Some(vec![]));
        assert_eq!(found(&mut known, 3), Some(vec![vec![]]));
        assert_eq!(found(&mut known, 4), None);
    }

    #[test]
    fn what_is_used_stays_and_memory_is_bounded() {
        let mut known = Known::new(20_000);
        let set = "x".repeat(52);
        known.insert(0, 1, &written(&[&set]));
        for key in 1..10_000 {
            known.insert(key, 1, &written(&[&set]));
            assert!(known.find(0).is_some(), "{key}");
        }
        // 104 bytes an entry, and two generations of 10 000 bytes.
        assert!(known.len() <= 2 * 96, "{}", known.len());
        assert!(known.find(9_999).is_some() && known.find(1).is_none());
        assert!(known.young.bytes.len() <= 10_000);
        known.clear();
        assert_eq!(known.len(), 0);
    }

    #[test]
    fn keys_depend_on_every_byte_and_on_what_was_before() {
        let key = |seed, parts: &[&str]| parts.iter().fold(seed, |k, p| chain(k, p.as_bytes()));
        let one = key(7, &["ab", "c"]);
        assert_eq!(one, key(7, &["ab", "c"]));
        for other in [
            key(8, &["ab", "c"]),
            key(7 | 1 << 90, &["ab", "c"]),
            key(7, &["a", "bc"]),
            key(7, &["ab", "d"]),
            key(7, &["ab", "c", ""]),
        ] {
            assert_ne!(one, other);
        }
    }
}
