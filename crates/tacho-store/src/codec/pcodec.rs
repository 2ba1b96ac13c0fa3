//! pcodec (`pco` 1.x) in its wrapped form: one header, one chunk, and either one page or several
//! that can be read each without the others.
//!
//! The standalone form spends a dozen bytes on what a page's surroundings say anyway. Decoding
//! takes the count from outside, refuses lookback windows no encoder makes, and leaves a thread's
//! scratch memory in place for its next page. Source: <https://pcodec.org>.

use std::cell::RefCell;
use std::ops::Range;

use pco::data_types::Number;
use pco::metadata::DeltaEncoding;
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DecompressorScratch, DeltaSpec, PagingSpec};

use super::Effort;
use super::bytes::{Reader, put_bytes};
use crate::error::CodecError;

/// Larger windows are never written (the encoder's limit is 2^15), and cost memory to read.
const WINDOW_LOG_MAX: u32 = 16;

thread_local! {
    static SCRATCH: RefCell<DecompressorScratch> = RefCell::default();
}

/// Appends `values`, of which there is at least one; false, and nothing is added, when pcodec
/// refuses them.
pub(crate) fn compress<T: Number>(values: &[T], effort: Effort, into: &mut Vec<u8>) -> bool {
    let start = into.len();
    let config = config(effort).with_paging_spec(PagingSpec::Exact(vec![values.len()]));
    let file = FileCompressor::default();
    let mut write = || {
        file.write_header(&mut *into)?;
        let mut chunk = file.chunk_compressor(values, &config)?;
        chunk.write_meta(&mut *into)?;
        chunk.write_page(0, &mut *into).map(|_| ())
    };
    let written = write().is_ok();
    if !written {
        into.truncate(start);
    }
    written
}

/// As [`compress`], `rows` values a page and the rest on the last: first what all pages need, then
/// each page, all of them after their lengths.
pub(crate) fn compress_pages<T: Number>(
    values: &[T],
    rows: usize,
    effort: Effort,
    into: &mut Vec<u8>,
) -> bool {
    let start = into.len();
    let pages: Vec<usize> = values.chunks(rows).map(<[T]>::len).collect();
    let count = pages.len();
    let config = config(effort).with_paging_spec(PagingSpec::Exact(pages));
    let file = FileCompressor::default();
    let mut part = Vec::new();
    let mut write = || {
        file.write_header(&mut part)?;
        let mut chunk = file.chunk_compressor(values, &config)?;
        chunk.write_meta(&mut part)?;
        put_bytes(into, &part);
        for page in 0..count {
            part.clear();
            chunk.write_page(page, &mut part)?;
            put_bytes(into, &part);
        }
        Ok::<_, pco::errors::PcoError>(())
    };
    let written = write().is_ok();
    if !written {
        into.truncate(start);
    }
    written
}

fn config(effort: Effort) -> ChunkConfig {
    match effort {
        Effort::Least | Effort::Quick => ChunkConfig::default()
            .with_compression_level(3)
            .with_delta_spec(DeltaSpec::TryConsecutive(1)),
        Effort::Final => ChunkConfig::default(),
    }
}

/// Fills `into` from `bytes`, which must hold exactly that many numbers.
pub(crate) fn decompress<T: Number>(bytes: &[u8], into: &mut [T]) -> Result<(), CodecError> {
    let (chunk, rest) = chunk::<T>(bytes)?;
    read_page(&chunk, rest, into)
}

/// Appends those of `count` numbers in pages of `rows` that are among the `wanted`; pages of
/// others are not looked at.
pub(crate) fn decompress_pages<T: Number + Default>(
    reader: &mut Reader<'_>,
    (rows, count): (usize, usize),
    wanted: &Range<usize>,
    into: &mut Vec<T>,
) -> Result<(), CodecError> {
    if rows == 0 {
        return Err(CodecError::Corrupt("pages of no numbers"));
    }
    let (chunk, rest) = chunk::<T>(reader.bytes()?)?;
    if !rest.is_empty() {
        return Err(CodecError::Corrupt("more than what all pages need"));
    }
    let before = into.len();
    let mut skipped = 0;
    for start in (0..count).step_by(rows) {
        let page = start..count.min(start + rows);
        let bytes = reader.bytes()?;
        if page.end <= wanted.start || wanted.end <= page.start {
            skipped += if page.end <= wanted.start {
                page.len()
            } else {
                0
            };
            continue;
        }
        let end = into.len();
        into.resize(end + page.len(), T::default());
        read_page(&chunk, bytes, &mut into[end..])?;
    }
    into.truncate(before + wanted.end.saturating_sub(skipped));
    into.drain(before..before + wanted.start.saturating_sub(skipped));
    Ok(())
}

type Chunk<T> = pco::wrapped::ChunkDecompressor<T>;

/// What all pages need, and the bytes that follow it.
fn chunk<T: Number>(bytes: &[u8]) -> Result<(Chunk<T>, &[u8]), CodecError> {
    let (file, rest) = FileDecompressor::new(bytes).map_err(refused)?;
    let (chunk, rest) = file.chunk_decompressor::<T, _>(rest).map_err(refused)?;
    if let DeltaEncoding::Lookback { config, .. } = &chunk.meta().delta_encoding
        && config.window_n_log > WINDOW_LOG_MAX
    {
        return Err(CodecError::Corrupt("a lookback window is too large"));
    }
    Ok((chunk, rest))
}

fn read_page<T: Number>(chunk: &Chunk<T>, bytes: &[u8], into: &mut [T]) -> Result<(), CodecError> {
    SCRATCH.with_borrow_mut(|scratch| {
        let page = chunk.page_decompressor_with_scratch(bytes, into.len(), scratch);
        let mut page = page.map_err(refused)?;
        let progress = page.read(into).map_err(refused)?;
        if progress.n_processed != into.len() || !progress.finished || !page.into_src().is_empty() {
            return Err(CodecError::Corrupt("a page holds another number of values"));
        }
        Ok(())
    })
}

fn refused(_: pco::errors::PcoError) -> CodecError {
    CodecError::Corrupt("pcodec refuses the numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_count_is_read_back() {
        let values: Vec<f64> = (0..700).map(|i| f64::from(i * 7919 % 1009) / 8.0).collect();
        for effort in [Effort::Quick, Effort::Final] {
            let mut bytes = Vec::new();
            assert!(compress(&values, effort, &mut bytes));
            let mut back = vec![0.0; values.len()];
            decompress(&bytes, &mut back).unwrap();
            assert_eq!(back, values);
            for end in 0..bytes.len() {
                assert!(decompress(&bytes[..end], &mut back).is_err());
            }
            assert!(decompress(&bytes, &mut vec![0.0; values.len() - 300]).is_err());
            bytes.push(0);
            assert!(decompress(&bytes, &mut back).is_err());
        }
    }

    #[test]
    fn flipped_bits_never_panic() {
        let floats: Vec<f64> = (0..600).map(|i| f64::from(i * 7919 % 1009) / 8.0).collect();
        let periodic: Vec<u64> = (0..3000).map(|i| i % 21 * 1_000_003 % 977).collect();
        for effort in [Effort::Quick, Effort::Final] {
            check_flips(&floats, effort);
            check_flips(&periodic, effort);
        }
    }

    fn check_flips<T: Number + Default>(values: &[T], effort: Effort) {
        let mut bytes = Vec::new();
        assert!(compress(values, effort, &mut bytes));
        let mut into = vec![T::default(); values.len()];
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = decompress(&flipped, &mut into);
        }
    }
}
