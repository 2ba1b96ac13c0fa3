//! Symbols: every label name and value of a block once, sorted, so that their numbers sort like
//! their texts.
//!
//! A page holds [`SYMBOLS_PER_PAGE`] of them in groups of [`GROUP`]: the first of a group in full,
//! each other as what it shares with its predecessor and what follows. The directory holds the
//! first of every page, so that a text is found with one page.

use super::format::SYMBOLS_PER_PAGE;
use crate::codec::bytes::{Reader, put_bytes, put_varint};
use crate::error::CodecError;

/// Symbols that are written as differences from their predecessors, the first excepted.
const GROUP: usize = 16;
/// Most bytes of one page decoded: front coding could otherwise grow a few bytes without bound.
const TEXT_MAX: usize = SYMBOLS_PER_PAGE * tacho_model::label::LABEL_BYTES_MAX;

/// A decoded page.
#[derive(Debug)]
pub(crate) struct SymbolPage {
    text: String,
    ends: Vec<u32>,
}

/// Appends a page of sorted symbols, at most [`SYMBOLS_PER_PAGE`].
pub(crate) fn encode<'a>(symbols: impl ExactSizeIterator<Item = &'a str>, into: &mut Vec<u8>) {
    put_varint(into, symbols.len() as u64);
    let mut last = "";
    for (number, symbol) in symbols.enumerate() {
        let same = |(a, b): &(u8, u8)| a == b;
        let shared = if number % GROUP == 0 {
            0
        } else {
            last.bytes().zip(symbol.bytes()).take_while(same).count()
        };
        if number % GROUP != 0 {
            put_varint(into, shared as u64);
        }
        put_bytes(into, &symbol.as_bytes()[shared..]);
        last = symbol;
    }
}

impl SymbolPage {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let count = reader.count(1)?;
        if count > SYMBOLS_PER_PAGE {
            return Err(CodecError::Corrupt("a page has too many symbols"));
        }
        let mut text = Vec::with_capacity(bytes.len() * 2);
        let mut ends = Vec::with_capacity(count);
        let mut last = 0..0;
        for number in 0..count {
            let start = text.len();
            if number % GROUP != 0 {
                let shared = reader.varint()?;
                if shared > last.len() as u64 {
                    return Err(CodecError::Corrupt("a symbol shares more than there is"));
                }
                text.extend_from_within(last.start..last.start + shared as usize);
            }
            text.extend_from_slice(reader.bytes()?);
            if text.len() > TEXT_MAX {
                return Err(CodecError::Corrupt("symbols are too long"));
            }
            if number > 0 && text[last.clone()] >= text[start..] {
                return Err(CodecError::Corrupt("symbols are not sorted"));
            }
            last = start..text.len();
            ends.push(text.len() as u32);
        }
        let utf8 = |_| CodecError::Corrupt("a symbol is not UTF-8");
        let text = String::from_utf8(text).map_err(utf8)?;
        let page = Self { text, ends };
        let whole = page
            .ends
            .iter()
            .all(|end| page.text.is_char_boundary(*end as usize));
        if !whole || !reader.is_empty() {
            return Err(CodecError::Corrupt("symbols end in the wrong place"));
        }
        Ok(page)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A symbol by its place on the page.
    pub(crate) fn get(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)? as usize;
        let start = match place.checked_sub(1) {
            Some(before) => self.ends[before] as usize,
            None => 0,
        };
        self.text.get(start..end)
    }

    /// How many symbols of the page are below `text`.
    pub(crate) fn below(&self, text: &str) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle).is_some_and(|symbol| symbol < text) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Memory taken.
    pub(crate) fn bytes(&self) -> u64 {
        (self.text.capacity() + self.ends.len() * 4) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn check(symbols: &BTreeSet<String>) {
        let mut bytes = Vec::new();
        encode(symbols.iter().map(String::as_str), &mut bytes);
        let page = SymbolPage::decode(&bytes).unwrap();
        assert_eq!(page.len(), symbols.len());
        for (place, symbol) in symbols.iter().enumerate() {
            assert_eq!(page.get(place), Some(symbol.as_str()));
            assert_eq!(page.below(symbol), place);
        }
        assert_eq!(page.get(symbols.len()), None);
        for end in 0..bytes.len() {
            assert!(SymbolPage::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn hosts_cost_what_differs() {
        let hosts: BTreeSet<String> = (0..256).map(|i| format!("host-{i:05}:9100")).collect();
        let mut bytes = Vec::new();
        encode(hosts.iter().map(String::as_str), &mut bytes);
        assert!(bytes.len() < 256 * 9, "{}", bytes.len());
        check(&hosts);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_symbols_round_trip(symbols in prop::collection::btree_set("[a-cé]{1,9}", 0..99)) {
            check(&symbols);
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = SymbolPage::decode(&bytes);
        }
    }
}
