//! Texts, each kept once and known by a number.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts, each once, numbered as they came.
#[derive(Default, Clone)]
pub(crate) struct Interner {
    text: String,
    ends: Vec<usize>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    /// The text of a number.
    pub(crate) fn get(&self, number: u32) -> &str {
        let end = self.ends[number as usize];
        let start = match number.checked_sub(1) {
            Some(before) => self.ends[before as usize],
            None => 0,
        };
        &self.text[start..end]
    }

    /// The number of a text, a new one for a new text.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        let same = |number: &u32| self.get(*number) == text;
        if let Some(known) = self.table.find(hash, same) {
            return *known;
        }
        let number = self.ends.len() as u32;
        self.text.push_str(text);
        self.ends.push(self.text.len());
        // Taken apart so that rehashing can read the texts while the table grows.
        let mut table = std::mem::take(&mut self.table);
        table.insert_unique(hash, number, |n| self.hasher.hash_one(self.get(*n)));
        self.table = table;
        number
    }

    /// The number of a text that may well be the one of number `hint`, which is tried first.
    pub(crate) fn number_after(&mut self, hint: Option<u32>, text: &str) -> u32 {
        match hint {
            Some(hint) if self.get(hint) == text => hint,
            _ => self.number(text),
        }
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// An estimate of the memory taken.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>() + self.table.capacity() * 5
    }

    /// All texts one after another.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where each text ends in [`Self::text`].
    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// Takes the texts up again; `None` when they do not end where texts can.
    pub(crate) fn from_parts(text: String, ends: Vec<usize>) -> Option<Self> {
        let whole = ends.iter().all(|end| text.is_char_boundary(*end));
        let all = ends.is_sorted() && ends.last().is_none_or(|last| *last == text.len());
        // Without its table it still answers; a text that comes again is held again.
        (whole && all).then(|| Self {
            text,
            ends,
            ..Self::default()
        })
    }
}
