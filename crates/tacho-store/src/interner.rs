//! Texts, each kept once and known by a number.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts, each once, numbered as they came.
#[derive(Default)]
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

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}
