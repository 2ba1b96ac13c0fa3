//! Blocks: immutable files, each with the samples of some stretch of writing.
//!
//! A block is one table of rows sorted by series (in order of labels) and time, or rather two, one
//! for each sort of samples, cut into data pages. A row's place follows from counts: a series has
//! so many rows, a page holds so many.
//!
//! Invariants:
//! 1. a block's sequence range says which heads it was made of; a block of a later range holds
//!    later writes, so that of two samples of one time the one from the later range wins;
//! 2. the footer is written last and the file is synced before it gets its name: half a file is
//!    never a block;
//! 3. every byte is covered by a checksum; a damaged page costs what only it says;
//! 4. labels decide what a query finds: postings only make finding it quicker.
//!
//! The bytes are described in `docs/format.md`. In reading order: [`format`] (header, footer,
//! directory), the parts of the index ([`symbols`], [`series`], [`postings`], [`table`]),
//! writing ([`write`] over [`rows`], [`index`] and [`output`]), reading ([`paged`], [`read`],
//! [`find`], [`verify`]).

pub(crate) mod find;
pub(crate) mod format;
pub(crate) mod index;
pub(crate) mod output;
pub(crate) mod paged;
pub(crate) mod postings;
pub(crate) mod read;
pub(crate) mod rows;
pub(crate) mod series;
pub(crate) mod symbols;
pub(crate) mod table;
mod verify;
pub(crate) mod write;

#[cfg(test)]
mod tests;

pub(crate) use read::{Block, SeriesRows};
pub(crate) use write::{BlockWriter, Part};
