//! Bytes and columns of numbers: what the log and the blocks are made of.
//!
//! In reading order: [`bytes`] (integers and strings), [`bits`] (packed groups), [`pcodec`],
//! [`ints`], [`times`], [`values`], [`histograms`] (one at a time, for the log),
//! [`distributions`] (columns of them). Everything here is pure; decoding never trusts a length,
//! and an encoder's output decodes to the same bits.

pub(crate) mod bits;
pub(crate) mod bytes;
pub(crate) mod distributions;
pub(crate) mod histograms;
pub(crate) mod ints;
pub(crate) mod pcodec;
pub(crate) mod times;
pub(crate) mod values;

/// Most samples in one page or chunk; a decoder refuses more before it allocates.
pub(crate) const PAGE_SAMPLES_MAX: usize = 8192;

/// How much work an encoder puts into its output. Any decoder reads either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For what is only kept for a moment: packed groups, no pcodec where there is a choice.
    Least,
    /// For memory and for blocks that are soon merged: some 30 ns a number.
    Quick,
    /// For what is kept: some 60 ns a number, a tenth smaller.
    Final,
}
