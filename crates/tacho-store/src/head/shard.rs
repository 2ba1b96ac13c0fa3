//! One of the head's shards: the series whose hash falls to it.
//!
//! Invariants:
//! 1. a label set occurs once, and its number never changes;
//! 2. the bytes of a label set are canonical: they were checked before they were inserted.
//!
//! A series is found by the hash of its label bytes and one comparison of bytes. What that touches
//! (table entry, place of the text, text) is kept apart from what an append touches, so that both
//! stay small. Label bytes lie end to end in large pieces: a million series must not cost a
//! million allocations.

use hashbrown::HashTable;
use tacho_model::{LabelsRef, METRIC_NAME};

use super::series::Series;

/// Bytes that a series costs beside its labels and samples: the struct, the place of its text,
/// table entry at three quarters load, its place under its name.
pub(crate) const SERIES_BYTES: usize = size_of::<Series>() + size_of::<Span>() + 12 + 5;
/// Label bytes that are allocated together.
const PIECE_BYTES: usize = 256 << 10;
/// Series that are allocated together.
const PAGE: usize = 256;

/// A piece of text within the shard.
#[derive(Clone, Copy)]
struct Span {
    piece: u32,
    start: u32,
    bytes: u32,
}

/// What the table keeps of a series.
#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    id: u32,
}

/// The series of one metric name.
struct Name {
    text: Span,
    ids: Vec<u32>,
}

/// A vector that grows without moving what it holds.
struct Paged<T>(Vec<Vec<T>>);

impl<T> Paged<T> {
    fn len(&self) -> usize {
        let full = self.0.len().saturating_sub(1) * PAGE;
        full + self.0.last().map_or(0, Vec::len)
    }

    fn push(&mut self, item: T) {
        match self.0.last_mut() {
            Some(page) if page.len() < PAGE => page.push(item),
            _ => {
                let mut page = Vec::with_capacity(PAGE);
                page.push(item);
                self.0.push(page);
            }
        }
    }

    fn get(&self, id: u32) -> &T {
        &self.0[id as usize / PAGE][id as usize % PAGE]
    }

    fn get_mut(&mut self, id: u32) -> &mut T {
        &mut self.0[id as usize / PAGE][id as usize % PAGE]
    }
}

/// Series by their labels.
pub(crate) struct Shard {
    table: HashTable<Entry>,
    names: HashTable<Name>,
    pieces: Vec<Vec<u8>>,
    texts: Paged<Span>,
    series: Paged<Series>,
    /// Whether some set has a label that sorts before the metric's name.
    before_the_name: bool,
}

/// The table's hash of an entry's 32 bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn name_hash(name: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(name)
}

impl Shard {
    pub(crate) fn new() -> Self {
        Self {
            table: HashTable::new(),
            names: HashTable::new(),
            pieces: Vec::new(),
            texts: Paged(Vec::new()),
            series: Paged(Vec::new()),
            before_the_name: false,
        }
    }

    /// Number of series.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    fn text(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        &self.pieces[span.piece as usize][start..start + span.bytes as usize]
    }

    /// The number of the series with these label bytes.
    pub(crate) fn find(&self, hash: u32, labels: &[u8]) -> Option<u32> {
        let same = |e: &Entry| e.hash == hash && self.text(*self.texts.get(e.id)) == labels;
        self.table.find(spread(hash), same).map(|entry| entry.id)
    }

    /// Adds a series that [`Self::find`] does not find.
    pub(crate) fn insert(&mut self, hash: u32, labels: LabelsRef<'_>) -> u32 {
        debug_assert!(
            self.find(hash, labels.as_bytes()).is_none(),
            "a series is added once"
        );
        let id = self.series.len() as u32;
        let span = self.keep(labels.as_bytes());
        self.texts.push(span);
        self.series.push(Series::default());
        let rehash = |entry: &Entry| spread(entry.hash);
        let entry = Entry { hash, id };
        self.table.insert_unique(spread(hash), entry, rehash);
        self.add_to_name(id, labels);
        id
    }

    fn keep(&mut self, text: &[u8]) -> Span {
        let room = |piece: &Vec<u8>| piece.capacity() - piece.len() >= text.len();
        if !self.pieces.last().is_some_and(room) {
            let bytes = PIECE_BYTES.max(text.len());
            self.pieces.push(Vec::with_capacity(bytes));
        }
        let number = self.pieces.len() - 1;
        let piece = &mut self.pieces[number];
        let start = piece.len();
        piece.extend_from_slice(text);
        Span {
            piece: number as u32,
            start: start as u32,
            bytes: text.len() as u32,
        }
    }

    fn add_to_name(&mut self, id: u32, labels: LabelsRef<'_>) {
        let first = labels.iter().next().map_or("", |(name, _)| name);
        self.before_the_name |= first != METRIC_NAME;
        let name = labels.get(METRIC_NAME).unwrap_or("").as_bytes();
        let hash = name_hash(name);
        let pieces = &self.pieces;
        let text = |span: Span| {
            let start = span.start as usize;
            &pieces[span.piece as usize][start..start + span.bytes as usize]
        };
        if let Some(known) = self.names.find_mut(hash, |n| text(n.text) == name) {
            known.ids.push(id);
            return;
        }
        let text = self.keep(name);
        let pieces = &self.pieces;
        let rehash = |n: &Name| {
            let start = n.text.start as usize;
            let end = start + n.text.bytes as usize;
            name_hash(&pieces[n.text.piece as usize][start..end])
        };
        let ids = vec![id];
        self.names.insert_unique(hash, Name { text, ids }, rehash);
    }

    /// The labels of a series.
    pub(crate) fn labels(&self, id: u32) -> LabelsRef<'_> {
        LabelsRef::trusted(self.text(*self.texts.get(id)))
    }

    /// A series.
    pub(crate) fn series(&self, id: u32) -> &Series {
        self.series.get(id)
    }

    /// A series, to be changed.
    pub(crate) fn series_mut(&mut self, id: u32) -> &mut Series {
        self.series.get_mut(id)
    }

    /// Each metric name with its number of series.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.names.iter().map(|name| {
            let text = std::str::from_utf8(self.text(name.text));
            (text.unwrap_or_default(), name.ids.len())
        })
    }

    /// The numbers of the series of one metric.
    pub(crate) fn of_name(&self, name: &str) -> impl Iterator<Item = u32> {
        let same = |known: &Name| self.text(known.text) == name.as_bytes();
        let found = self.names.find(name_hash(name.as_bytes()), same);
        found.into_iter().flat_map(|name| name.ids.iter().copied())
    }

    /// Whether some label set has a label that sorts before the metric's name.
    pub(crate) fn has_labels_before_the_name(&self) -> bool {
        self.before_the_name
    }

    /// The numbers of the series whose metric name satisfies `wanted`.
    pub(crate) fn named(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = u32> {
        let names = self.names.iter().filter(move |name| {
            let text = std::str::from_utf8(self.text(name.text));
            text.is_ok_and(&wanted)
        });
        names.flat_map(|name| name.ids.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_model::Labels;

    #[test]
    fn every_series_is_found_again_also_when_hashes_collide() {
        let mut shard = Shard::new();
        let sets: Vec<Labels> = (0..2000)
            .map(|i| {
                let name = format!("m{}", i % 7);
                Labels::new([("__name__", name), ("i", i.to_string())]).unwrap()
            })
            .collect();
        let hash = |i: usize| (i % 3) as u32;
        for (i, set) in sets.iter().enumerate() {
            assert_eq!(shard.find(hash(i), set.as_ref().as_bytes()), None);
            assert_eq!(shard.insert(hash(i), set.as_ref()), i as u32);
        }
        for (i, set) in sets.iter().enumerate() {
            let found = shard.find(hash(i), set.as_ref().as_bytes());
            assert_eq!(found, Some(i as u32));
            assert_eq!(shard.labels(i as u32), set.as_ref());
        }
        let mut named: Vec<u32> = shard.named(|name| name == "m3").collect();
        named.sort_unstable();
        assert_eq!(named, (0..2000).filter(|i| i % 7 == 3).collect::<Vec<_>>());
    }

    #[test]
    fn a_text_larger_than_a_piece_is_kept() {
        let mut shard = Shard::new();
        let pairs = (0..100).map(|i| (format!("l{i}"), "x".repeat(4096)));
        let large = Labels::new(pairs.chain([("__name__".into(), "m".into())])).unwrap();
        assert!(large.as_ref().as_bytes().len() > PIECE_BYTES);
        let id = shard.insert(1, large.as_ref());
        assert_eq!(shard.labels(id), large.as_ref());
    }
}
