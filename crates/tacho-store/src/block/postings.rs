//! Postings: for each value of a label, which series have it.
//!
//! A page holds some of one label's values (as numbers of symbols, so in order of their texts),
//! how many series have each, and for each a list of ordinals: a run as its first ordinal, else
//! the first and the differences. Lists only make finding quicker: what is found is checked
//! against the series' labels, and where a page is damaged the labels alone decide.

use crate::codec::bytes::{Reader, put_varint};
use crate::codec::{Effort, ints};
use crate::error::CodecError;

/// Values on one page at the most.
const VALUES_MAX: usize = 512;
/// Bytes of lists after which a page ends.
const PAGE_BYTES: usize = 16 << 10;

const RUN: u8 = 0;
const LIST: u8 = 1;

/// A set of series of one block, by their ordinals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ordinals {
    words: Vec<u64>,
    series: u64,
}

impl Ordinals {
    /// The empty set among `series` series.
    pub(crate) fn none(series: u64) -> Self {
        Self {
            words: vec![0; series.div_ceil(64) as usize],
            series,
        }
    }

    /// All of `series` series.
    pub(crate) fn all(series: u64) -> Self {
        let mut all = Self::none(series);
        all.insert_run(0, series);
        all
    }

    /// Adds one; one that does not exist is left out.
    fn insert(&mut self, ordinal: u64) {
        if ordinal < self.series {
            self.words[(ordinal / 64) as usize] |= 1 << (ordinal % 64);
        }
    }

    fn insert_run(&mut self, start: u64, end: u64) {
        let end = end.min(self.series);
        let mut at = start;
        while at < end {
            let (word, bit) = ((at / 64) as usize, at % 64);
            let count = (64 - bit).min(end - at);
            self.words[word] |= (u64::MAX >> (64 - count)) << bit;
            at += count;
        }
    }

    /// Keeps what `other` has too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Removes what `other` has.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// In rising order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        self.words.iter().enumerate().flat_map(|(place, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                Some(place as u64 * 64 + u64::from(bit))
            })
        })
    }
}

/// A page under construction.
#[derive(Default)]
pub(crate) struct PostingsBuilder {
    values: Vec<u32>,
    counts: Vec<u32>,
    lengths: Vec<u32>,
    lists: Vec<u8>,
}

impl PostingsBuilder {
    /// Adds a value with the ordinals of its series, rising and at least one.
    pub(crate) fn push(&mut self, value: u32, ordinals: &[u32], effort: Effort) {
        let (Some(first), Some(last)) = (ordinals.first(), ordinals.last()) else {
            return;
        };
        let before = self.lists.len();
        let run = (last - first) as usize + 1 == ordinals.len();
        self.lists.push(if run { RUN } else { LIST });
        put_varint(&mut self.lists, u64::from(*first));
        if !run {
            let gaps = ordinals
                .windows(2)
                .map(|pair| u64::from(pair[1] - pair[0] - 1));
            ints::encode(&gaps.collect::<Vec<_>>(), effort, &mut self.lists);
        }
        self.values.push(value);
        self.counts.push(ordinals.len() as u32);
        self.lengths.push((self.lists.len() - before) as u32);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.values.len() >= VALUES_MAX || self.lists.len() >= PAGE_BYTES
    }

    /// The first value, if there is one.
    pub(crate) fn first(&self) -> Option<u32> {
        self.values.first().copied()
    }

    /// The page, encoded; the builder is empty again.
    pub(crate) fn finish(&mut self, effort: Effort) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.lists.len() + self.values.len() * 4);
        put_varint(&mut bytes, self.values.len() as u64);
        for column in [&self.values, &self.counts, &self.lengths] {
            ints::put_column(column, effort, &mut bytes);
        }
        bytes.extend_from_slice(&self.lists);
        *self = Self::default();
        bytes
    }
}

/// A page whose lists are not decoded yet.
#[derive(Debug)]
pub(crate) struct PostingsPage {
    /// In rising order.
    pub(crate) values: Vec<u32>,
    /// How many series have each value.
    pub(crate) counts: Vec<u32>,
    /// Where each list ends.
    ends: Vec<usize>,
    lists: Vec<u8>,
}

impl PostingsPage {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let count = reader.varint()?;
        if count > VALUES_MAX as u64 {
            return Err(CodecError::Corrupt("a page has too many values"));
        }
        let mut column = || ints::column(&mut reader, count as usize);
        let (values, counts, lengths) = (column()?, column()?, column()?);
        let mut end = 0;
        let add = |length: &u32| {
            end += *length as usize;
            end
        };
        let ends: Vec<usize> = lengths.iter().map(add).collect();
        if reader.remaining() != end || !values.is_sorted_by(|a, b| a < b) {
            return Err(CodecError::Corrupt("a page of postings contradicts itself"));
        }
        Ok(Self {
            values,
            counts,
            ends,
            lists: reader.take(end)?.to_vec(),
        })
    }

    /// Adds the series of the value at `place` to `into`.
    pub(crate) fn add(&self, place: usize, into: &mut Ordinals) -> Result<(), CodecError> {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        let list = self.lists.get(start..self.ends[place]);
        let mut reader = Reader::new(list.ok_or(CodecError::Short)?);
        let count = u64::from(self.counts[place]);
        // Bounds what is allocated: the series are as many as the directory has pages for.
        if count > into.series || count == 0 {
            return Err(CodecError::Corrupt(
                "a list is longer than there are series",
            ));
        }
        let kind = reader.u8()?;
        let first = reader.varint()?.min(into.series);
        match kind {
            RUN => into.insert_run(first, first + count),
            LIST => {
                into.insert(first);
                let mut ordinal = first;
                for gap in ints::decode(&mut reader, count as usize - 1)? {
                    ordinal = ordinal.saturating_add(gap).saturating_add(1);
                    into.insert(ordinal);
                }
            }
            other => return Err(CodecError::Unsupported(other)),
        }
        if !reader.is_empty() {
            return Err(CodecError::Corrupt("a list is longer than it says"));
        }
        Ok(())
    }

    /// What [`Self::add`] costs: about the ordinals that it decodes.
    pub(crate) fn cost(&self, place: usize) -> u64 {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        match self.lists.get(start) {
            Some(&RUN) => 1 + u64::from(self.counts[place]) / 64,
            _ => u64::from(self.counts[place]),
        }
    }

    /// Memory taken.
    pub(crate) fn bytes(&self) -> u64 {
        (self.values.len() * 16 + self.lists.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(ordinals: &BTreeSet<u32>, series: u64) -> Ordinals {
        let mut set = Ordinals::none(series);
        for ordinal in ordinals {
            set.insert(u64::from(*ordinal));
        }
        set
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_lists_round_trip(lists in prop::collection::vec(
            prop::collection::btree_set(0u32..2000, 1..200), 0..9,
        ), runs in prop::collection::vec((0u32..1800, 1u32..200), 0..4)) {
            let runs = runs.into_iter().map(|(start, count)| (start..start + count).collect());
            let lists: Vec<BTreeSet<u32>> = lists.into_iter().chain(runs).collect();
            let mut builder = PostingsBuilder::default();
            for (i, list) in lists.iter().enumerate() {
                let list: Vec<u32> = list.iter().copied().collect();
                builder.push(i as u32 * 3, &list, Effort::Final);
            }
            let bytes = builder.finish(Effort::Final);
            let page = PostingsPage::decode(&bytes).unwrap();
            for (place, list) in lists.iter().enumerate() {
                let mut found = Ordinals::none(2000);
                page.add(place, &mut found).unwrap();
                assert_eq!(found, set(list, 2000));
                assert_eq!(found.count(), list.len() as u64);
                assert!(found.iter().eq(list.iter().map(|o| u64::from(*o))));
            }
            for end in 0..bytes.len() {
                assert!(PostingsPage::decode(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn sets_behave_like_sets(
            a in prop::collection::btree_set(0u32..300, 0..99),
            b in prop::collection::btree_set(0u32..300, 0..99),
        ) {
            let (mut both, mut rest) = (set(&a, 300), set(&a, 300));
            both.intersect(&set(&b, 300));
            rest.subtract(&set(&b, 300));
            assert_eq!(both, set(&a.intersection(&b).copied().collect(), 300));
            assert_eq!(rest, set(&a.difference(&b).copied().collect(), 300));
            assert_eq!(Ordinals::all(300).count(), 300);
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            if let Ok(page) = PostingsPage::decode(&bytes) {
                for place in 0..page.values.len() {
                    let _ = page.add(place, &mut Ordinals::none(300));
                }
            }
        }
    }
}
