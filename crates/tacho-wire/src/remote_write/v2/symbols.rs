//! The texts of a request, and label sets made of them.
//!
//! A pair of symbols is encoded once, into the label set that needs it first; where the same pair
//! comes again its bytes are copied from there. Which pair lies where is remembered in a small
//! table that forgets what falls on the same place: it makes things quicker, never different.

use super::super::tally::too_many;
use super::super::{Reason, RemoteWriteError};
use crate::protobuf::{ProtobufError, Reader};
use tacho_model::METRIC_NAME;
use tacho_model::label::{LABELS_MAX, put};

/// Most symbols of one request: 24 MiB of them.
const SYMBOLS_MAX: usize = 2 << 20;
/// Most references of one series.
pub(super) const REFS_MAX: usize = 2 * LABELS_MAX;
/// Places in the table of pairs; it takes 32 KiB, so that it stays near.
const PAIRS: usize = 2048;
/// What encoding a pair adds to its texts at most.
const PAIR_BYTES: usize = 16;
/// No symbol.
const NONE: u32 = u32::MAX;

/// Where a text lies in the request.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    start: u32,
    length: u32,
    /// Whether the metric of that name was described.
    described: bool,
}

/// Where a pair lies in the buffer of label sets.
#[derive(Debug, Clone, Copy)]
struct Pair {
    name: u32,
    value: u32,
    start: u32,
    end: u32,
}

const NO_PAIR: Pair = Pair {
    name: NONE,
    value: NONE,
    start: 0,
    end: 0,
};

/// The symbols of a request.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    all: Vec<Symbol>,
    pairs: Vec<Pair>,
    /// The symbol `__name__`.
    metric_name: u32,
    /// Bytes of the longest text.
    longest: usize,
}

impl Symbols {
    /// Finds the symbols of a request, wherever in it they are.
    pub(super) fn read(&mut self, request: &[u8]) -> Result<(), RemoteWriteError> {
        self.all.clear();
        self.pairs.clear();
        self.pairs.resize(PAIRS, NO_PAIR);
        self.metric_name = NONE;
        self.longest = 0;
        let mut reader = Reader::new(request, 0..request.len());
        while !reader.is_done() {
            let key = reader.key()?;
            if key.number != super::SYMBOLS {
                reader.skip(key)?;
                continue;
            }
            let inside = reader.nested(key)?;
            let text = &request[inside.clone()];
            let number = self.all.len() as u32;
            if number == 0 && !text.is_empty() {
                let (offset, reason) = (key.offset, "the first symbol is not empty");
                return Err(ProtobufError::Corrupt { offset, reason }.into());
            }
            if self.all.len() == SYMBOLS_MAX {
                return too_many("symbols", SYMBOLS_MAX);
            }
            if text == METRIC_NAME.as_bytes() && self.metric_name == NONE {
                self.metric_name = number;
            }
            self.longest = self.longest.max(text.len());
            self.all.push(Symbol {
                start: inside.start as u32,
                length: text.len() as u32,
                described: false,
            });
        }
        Ok(())
    }

    /// Checks that references are pairs of symbols, not too many; gives that of the metric's name.
    #[inline]
    pub(super) fn check(&self, refs: &[u32]) -> Result<u32, Reason> {
        if refs.len() > REFS_MAX {
            return Err(Reason::InvalidLabels);
        }
        let (pairs, rest) = refs.as_chunks::<2>();
        let mut metric = NONE;
        let mut highest = 0;
        for [name, value] in pairs {
            highest = highest.max(*name).max(*value);
            if *name == self.metric_name {
                metric = *value;
            }
        }
        if !rest.is_empty() || (highest as usize >= self.all.len() && !refs.is_empty()) {
            return Err(Reason::Symbols);
        }
        Ok(metric)
    }

    /// At most so many bytes are the label set of so many references.
    #[inline]
    pub(super) fn bytes_at_most(&self, refs: usize) -> usize {
        refs * (self.longest + PAIR_BYTES / 2)
    }

    /// At most so many bytes are the label set of references that were checked.
    pub(super) fn bytes_of(&self, refs: &[u32]) -> usize {
        let texts = refs
            .iter()
            .map(|symbol| self.all[*symbol as usize].length as usize);
        texts.sum::<usize>() + refs.len() * (PAIR_BYTES / 2)
    }

    /// Appends the label set of references that were checked, in their order; pairs with an empty
    /// value are left out.
    pub(super) fn write(&mut self, request: &[u8], refs: &[u32], into: &mut Vec<u8>) {
        for [name, value] in refs.as_chunks::<2>().0 {
            // Values are numbered one after the other, so their lowest bits tell them apart.
            let place = (name.wrapping_mul(0x9d) ^ *value) as usize % PAIRS;
            let known = self.pairs[place];
            if (known.name, known.value) == (*name, *value) {
                into.extend_from_within(known.start as usize..known.end as usize);
                continue;
            }
            let start = into.len();
            let (from, to) = (self.all[*name as usize], self.all[*value as usize]);
            if to.length > 0 {
                put_pair(bytes(request, from), bytes(request, to), into);
            }
            self.pairs[place] = Pair {
                name: *name,
                value: *value,
                start: start as u32,
                end: into.len() as u32,
            };
        }
    }

    /// The text of a symbol; `None` when there is none, or it is not UTF-8.
    pub(super) fn text<'a>(&self, request: &'a [u8], symbol: u32) -> Option<&'a str> {
        let symbol = self.all.get(symbol as usize)?;
        std::str::from_utf8(bytes(request, *symbol)).ok()
    }

    /// The labels that references name.
    pub(super) fn pairs<'a>(
        &self,
        request: &'a [u8],
        refs: &[u32],
    ) -> Result<Vec<(&'a str, &'a str)>, Reason> {
        self.check(refs)?;
        let text = |symbol| self.text(request, symbol).ok_or(Reason::Exemplar);
        let pairs = refs.as_chunks::<2>().0.iter();
        pairs
            .map(|[name, value]| Ok((text(*name)?, text(*value)?)))
            .collect()
    }

    /// Whether a metric is described for the first time.
    pub(super) fn is_news(&mut self, metric: u32) -> bool {
        let symbol = self.all.get_mut(metric as usize);
        symbol.is_some_and(|symbol| {
            symbol.length > 0 && !std::mem::replace(&mut symbol.described, true)
        })
    }
}

fn bytes(request: &[u8], symbol: Symbol) -> &[u8] {
    &request[symbol.start as usize..(symbol.start + symbol.length) as usize]
}

/// Appends a pair in the encoding of label sets. What is not UTF-8 keeps its bytes: the appender
/// refuses that set.
fn put_pair(name: &[u8], value: &[u8], into: &mut Vec<u8>) {
    if let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) {
        return put(into, name, value);
    }
    // A label that says nothing but cannot be read.
    into.extend_from_slice(b"\x0a\x03\x0a\x01\xff");
}
