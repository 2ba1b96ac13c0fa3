//! What is remembered of a target's series between two scrapes.
//!
//! 1. A series' text is taken apart and relabelled once, as long as the target goes on exposing
//!    it; after that it is found by its bytes, and mostly not even searched for: each series
//!    remembers which came after it.
//! 2. A series that was exposed and no longer is, is known, so that its end can be marked.
//! 3. Texts and label sets lie end to end in two buffers; what is not exposed any more is removed
//!    once it is more than what is.
//!
//! Not for values: those go straight into the batch.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use tacho_model::LabelsRef;

/// So many series that are gone are kept in any case.
const GONE_MIN: usize = 1_000;
/// Most bytes of texts, and of label sets.
const BYTES_MAX: usize = 256 << 20;
/// No series.
const NONE: u32 = u32::MAX;

/// What became of a series when it was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is kept.
    Kept,
    /// The rules dropped it.
    Dropped,
    /// Its label set cannot be kept.
    Refused,
}

/// A place in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u32);

#[derive(Debug, Clone, Copy)]
struct Entry {
    text: (u32, u32),
    labels: (u32, u32),
    /// The scrape that it was last part of.
    seen: u32,
    /// Which came after it.
    after: u32,
    fate: Fate,
    /// Whether its end is to be marked when it vanishes.
    live: bool,
    /// Whether it was live in the scrape before.
    was_live: bool,
}

/// What is remembered of a target's series.
#[derive(Debug, Default)]
pub struct Cache {
    texts: String,
    labels: Vec<u8>,
    entries: Vec<Entry>,
    table: HashTable<u32>,
    hasher: RandomState,
    round: u32,
    /// The entry that came last.
    last: u32,
    /// Families as they were described, by hash.
    described: HashTable<u64>,
    /// Entries whose end was handed over since the scrape began.
    ended: Vec<u32>,
}

impl Cache {
    /// Begins a scrape.
    pub fn begin(&mut self) {
        self.ended.clear();
        self.compact_if_worth_it();
        self.round = self.round.wrapping_add(1);
        self.last = NONE;
    }

    /// The text of the series that is likely to come next.
    #[inline]
    pub fn expected(&self) -> &str {
        let next = self.next();
        next.map_or("", |(_, entry)| self.text(entry))
    }

    #[inline]
    fn next(&self) -> Option<(u32, &Entry)> {
        let next = match self.entries.get(self.last as usize) {
            Some(last) => last.after,
            None => 0,
        };
        Some((next, self.entries.get(next as usize)?))
    }

    fn text(&self, entry: &Entry) -> &str {
        let (start, end) = entry.text;
        self.texts.get(start as usize..end as usize).unwrap_or("")
    }

    /// Finds a series by its text.
    #[inline]
    pub fn find(&mut self, text: &str) -> Option<Place> {
        let at = match self.next() {
            Some((at, entry)) if self.text(entry) == text => at,
            _ => self.search(text)?,
        };
        self.came(at);
        Some(Place(at))
    }

    fn search(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        let is_it = |at: &u32| {
            let entry = self.entries.get(*at as usize);
            entry.is_some_and(|entry| self.text(entry) == text)
        };
        self.table.find(hash, is_it).copied()
    }

    #[inline]
    fn came(&mut self, at: u32) {
        if let Some(last) = self.entries.get_mut(self.last as usize) {
            last.after = at;
        }
        self.last = at;
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.seen = self.round;
        }
    }

    /// Adds a series; `write` puts its labels behind those that are there and says what became of
    /// it.
    pub fn add<E>(
        &mut self,
        text: &str,
        write: impl FnOnce(&mut Vec<u8>) -> Result<Fate, E>,
    ) -> Result<Place, E> {
        let labels_start = self.labels.len() as u32;
        let fate = write(&mut self.labels)?;
        let text_start = self.texts.len() as u32;
        self.texts.push_str(text);
        let at = self.entries.len() as u32;
        self.entries.push(Entry {
            text: (text_start, self.texts.len() as u32),
            labels: (labels_start, self.labels.len() as u32),
            seen: self.round,
            after: at + 1,
            fate,
            live: false,
            was_live: false,
        });
        self.index(at, text);
        self.came(at);
        Ok(Place(at))
    }

    fn index(&mut self, at: u32, text: &str) {
        let hash = self.hasher.hash_one(text);
        let Self {
            table,
            entries,
            texts,
            hasher,
            ..
        } = self;
        let rehash = |at: &u32| {
            let entry = entries.get(*at as usize);
            let range = entry.map_or(0..0, |e| e.text.0 as usize..e.text.1 as usize);
            hasher.hash_one(texts.get(range).unwrap_or(""))
        };
        table.insert_unique(hash, at, rehash);
    }

    /// What became of a series.
    #[inline]
    pub fn fate(&self, place: Place) -> Fate {
        self.entries[place.0 as usize].fate
    }

    /// The labels of a series that is kept.
    #[inline]
    pub fn labels(&self, place: Place) -> LabelsRef<'_> {
        self.labels_of(&self.entries[place.0 as usize])
    }

    fn labels_of(&self, entry: &Entry) -> LabelsRef<'_> {
        let (start, end) = entry.labels;
        LabelsRef::trusted(&self.labels[start as usize..end as usize])
    }

    /// Notes that the end of a series is to be marked when it vanishes; whether it is new.
    #[inline]
    pub fn mark_live(&mut self, place: Place) -> bool {
        let entry = &mut self.entries[place.0 as usize];
        let is_new = !entry.live;
        entry.live = true;
        is_new
    }

    /// Ends a scrape that went well: hands over the labels of series that vanished.
    pub fn end(&mut self, mut vanished: impl FnMut(LabelsRef<'_>)) {
        for at in 0..self.entries.len() {
            let entry = self.entries[at];
            if entry.seen != self.round && entry.live {
                vanished(self.labels_of(&entry));
                self.ended.push(at as u32);
                self.entries[at].live = false;
            }
            self.entries[at].was_live = self.entries[at].live;
        }
    }

    /// Ends a scrape that failed: hands over the labels of all series that were exposed before.
    pub fn fail(&mut self, mut vanished: impl FnMut(LabelsRef<'_>)) {
        for at in 0..self.entries.len() {
            let entry = self.entries[at];
            if entry.was_live {
                vanished(self.labels_of(&entry));
                self.ended.push(at as u32);
            }
            self.entries[at].live = false;
            self.entries[at].was_live = false;
        }
    }

    /// Takes back that series were handed over as ended: that could not be kept, and is to be said
    /// again with the next scrape.
    pub fn revive(&mut self) {
        for at in std::mem::take(&mut self.ended) {
            if let Some(entry) = self.entries.get_mut(at as usize) {
                (entry.live, entry.was_live) = (true, true);
            }
        }
    }

    fn compact_if_worth_it(&mut self) {
        let held = self.entries.iter().filter(|entry| self.is_held(entry));
        let held = held.count();
        if self.entries.len() - held > GONE_MIN.max(held) {
            self.compact();
        }
    }

    /// Whether an entry was part of the last scrape, or its end is still to be marked.
    const fn is_held(&self, entry: &Entry) -> bool {
        entry.seen == self.round || entry.live
    }

    /// Forgets what was not part of the last scrape.
    fn compact(&mut self) {
        let mut kept = Self {
            round: self.round,
            described: std::mem::take(&mut self.described),
            hasher: self.hasher.clone(),
            last: NONE,
            ..Self::default()
        };
        for entry in self.entries.iter().filter(|entry| self.is_held(entry)) {
            let labels = self.labels_of(entry);
            let added = kept.add(self.text(entry), |into| {
                into.extend_from_slice(labels.as_bytes());
                Ok::<_, std::convert::Infallible>(entry.fate)
            });
            let Ok(place) = added;
            let copy = &mut kept.entries[place.0 as usize];
            (copy.live, copy.was_live) = (entry.live, entry.was_live);
        }
        *self = kept;
    }

    /// Whether a family is described so for the first time.
    pub fn is_news(&mut self, family: &impl std::hash::Hash) -> bool {
        /// Families beyond it are described anew now and then.
        const DESCRIBED_MAX: usize = 10_000;
        let hash = self.hasher.hash_one(family);
        if self.described.find(hash, |known| *known == hash).is_some() {
            return false;
        }
        if self.described.len() >= DESCRIBED_MAX {
            self.described.clear();
        }
        self.described.insert_unique(hash, hash, |known| *known);
        true
    }

    /// Forgets which families were described.
    pub fn describe_again(&mut self) {
        self.described.clear();
    }

    /// Whether no more series should be added: the buffers would grow beyond what is reasonable.
    pub fn is_full(&self) -> bool {
        self.texts.len().max(self.labels.len()) > BYTES_MAX
    }

    /// How many series are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
