//! Blocks: immutable files, each with the samples of some stretch of writing.
//!
//! Invariants:
//! 1. a block's sequence range says which heads it was made of; a block of a later range holds
//!    later writes, so that of two samples of one time the one from the later range wins;
//! 2. the footer is written last and the file is synced before it gets its name: half a file is
//!    never a block;
//! 3. every byte is covered by a checksum; a damaged page costs that page.
//!
//! The bytes are described in `docs/format.md`. In reading order: [`format`] (header, footer,
//! directory, index entries), [`write`], [`read`].

pub(crate) mod format;
pub(crate) mod read;
pub(crate) mod write;

pub(crate) use read::Block;
pub(crate) use write::BlockWriter;
