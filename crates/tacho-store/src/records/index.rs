//! Which groups of a file have rows with some value: sorted fingerprints of the values, each with
//! the groups it is in.
//!
//! A fingerprint is 32 bits of a hash, so a group may be named that has no such row: whoever looks
//! there finds none. A value that is there is always found.

use crate::block::format::PageAt;
use crate::block::output::Output;
use crate::codec::bytes::{Reader, put_varint};
use crate::codec::{Effort, ints};
use crate::error::{CodecError, StoreError};

use super::columns::ColumnData;

/// Entries on one page.
const ENTRIES_PER_PAGE: usize = 4096;

/// What stands for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fingerprint(pub(crate) u32);

impl Fingerprint {
    fn of(bytes: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(bytes) as u32)
    }

    pub(crate) fn of_id(id: u128) -> Self {
        Self::of(&id.to_le_bytes())
    }

    pub(crate) fn of_text(text: &str) -> Self {
        Self::of(text.as_bytes())
    }
}

/// A page of the index: where, and the first fingerprint on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexAt {
    pub(crate) at: PageAt,
    pub(crate) first: Fingerprint,
}

/// The index of one column under construction.
#[derive(Default)]
pub(crate) struct IndexBuilder {
    entries: Vec<(Fingerprint, u32)>,
}

impl IndexBuilder {
    /// Adds the values of a group.
    pub(crate) fn add(&mut self, column: &ColumnData, group: u32) {
        let start = self.entries.len();
        match column {
            ColumnData::Ids(ids) => {
                let all = ids.iter().map(|id| (Fingerprint::of_id(*id), group));
                self.entries.extend(all);
            }
            ColumnData::Texts(texts) => {
                let distinct = (0..texts.distinct.len() as u32).map(|n| texts.distinct.get(n));
                let all = distinct.map(|text| (Fingerprint::of_text(text), group));
                self.entries.extend(all);
            }
            _ => {}
        }
        let mut added = self.entries.split_off(start);
        added.sort_unstable();
        added.dedup();
        self.entries.append(&mut added);
    }

    /// Writes its pages.
    pub(crate) fn finish(
        mut self,
        output: &mut Output,
        effort: Effort,
    ) -> Result<Vec<IndexAt>, StoreError> {
        self.entries.sort_unstable();
        let mut pages = Vec::new();
        for entries in self.entries.chunks(ENTRIES_PER_PAGE) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, entries.len() as u64);
            let fingerprints = entries.iter().map(|(print, _)| u64::from(print.0));
            ints::encode(&fingerprints.collect::<Vec<_>>(), effort, &mut bytes);
            let groups = entries.iter().map(|(_, group)| u64::from(*group));
            ints::encode(&groups.collect::<Vec<_>>(), effort, &mut bytes);
            pages.push(IndexAt {
                at: output.put(&bytes)?,
                first: entries[0].0,
            });
        }
        Ok(pages)
    }
}

/// A decoded page.
#[derive(Debug)]
pub(crate) struct IndexPage {
    fingerprints: Vec<u64>,
    groups: Vec<u64>,
}

impl IndexPage {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let reader = &mut Reader::new(bytes);
        let count = reader.varint()?;
        if count > ENTRIES_PER_PAGE as u64 {
            return Err(CodecError::Corrupt("an index page has too many entries"));
        }
        let page = Self {
            fingerprints: ints::decode(reader, count as usize)?,
            groups: ints::decode(reader, count as usize)?,
        };
        if !reader.is_empty() || !page.fingerprints.is_sorted() {
            return Err(CodecError::Corrupt("an index page is damaged"));
        }
        Ok(page)
    }

    /// The groups of a fingerprint on this page, rising.
    pub(crate) fn groups(&self, wanted: Fingerprint) -> impl Iterator<Item = u64> {
        let wanted = u64::from(wanted.0);
        let first = self.fingerprints.partition_point(|print| *print < wanted);
        let all = self.fingerprints[first..].iter().zip(&self.groups[first..]);
        all.take_while(move |(print, _)| **print == wanted)
            .map(|(_, group)| *group)
    }

    /// Memory taken.
    pub(crate) fn bytes(&self) -> u64 {
        (self.fingerprints.len() * 16) as u64
    }
}
