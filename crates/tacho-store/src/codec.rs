//! Bytes and columns of numbers: what the log and the blocks are made of.
//!
//! In reading order: [`bytes`] (integers and strings), [`bits`] (packed groups), [`times`],
//! [`values`], [`histograms`]. Everything here is pure; decoding never trusts a length, and an
//! encoder's output decodes to the same bits.

pub(crate) mod bits;
pub(crate) mod bytes;
pub(crate) mod histograms;
pub(crate) mod times;
pub(crate) mod values;

/// Most samples in one page or chunk; a decoder refuses more before it allocates.
pub(crate) const PAGE_SAMPLES_MAX: usize = 8192;
