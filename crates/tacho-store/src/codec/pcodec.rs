//! pcodec (`pco` 1.x) in its wrapped form: one header, one chunk, one page.
//!
//! The standalone form spends a dozen bytes on what a page's surroundings say anyway. Decoding
//! takes the count from outside, refuses lookback windows no encoder makes, and leaves a thread's
//! scratch memory in place for its next page. Source: <https://pcodec.org>.

use std::cell::RefCell;

use pco::data_types::Number;
use pco::metadata::DeltaEncoding;
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DecompressorScratch, DeltaSpec, PagingSpec};

use super::Effort;
use crate::error::CodecError;

/// Larger windows are never written (the encoder's limit is 2^15), and cost memory to read.
const WINDOW_LOG_MAX: u32 = 16;

thread_local! {
    static SCRATCH: RefCell<DecompressorScratch> = RefCell::default();
}

/// Appends `values`, of which there is at least one; false, and nothing is added, when pcodec
/// refuses them.
pub(crate) fn compress<T: Number>(values: &[T], effort: Effort, into: &mut Vec<u8>) -> bool {
    let config = match effort {
        Effort::Least | Effort::Quick => ChunkConfig::default()
            .with_compression_level(3)
            .with_delta_spec(DeltaSpec::TryConsecutive(1)),
        Effort::Final => ChunkConfig::default(),
    };
    let config = config.with_paging_spec(PagingSpec::Exact(vec![values.len()]));
    let start = into.len();
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

/// Fills `into` from `bytes`, which must hold exactly that many numbers.
pub(crate) fn decompress<T: Number>(bytes: &[u8], into: &mut [T]) -> Result<(), CodecError> {
    let refused = |_| CodecError::Corrupt("pcodec refuses the numbers");
    let (file, rest) = FileDecompressor::new(bytes).map_err(refused)?;
    let (chunk, rest) = file.chunk_decompressor::<T, _>(rest).map_err(refused)?;
    if let DeltaEncoding::Lookback { config, .. } = &chunk.meta().delta_encoding
        && config.window_n_log > WINDOW_LOG_MAX
    {
        return Err(CodecError::Corrupt("a lookback window is too large"));
    }
    SCRATCH.with_borrow_mut(|scratch| {
        let page = chunk.page_decompressor_with_scratch(rest, into.len(), scratch);
        let mut page = page.map_err(refused)?;
        let progress = page.read(into).map_err(refused)?;
        if progress.n_processed != into.len() || !progress.finished || !page.into_src().is_empty() {
            return Err(CodecError::Corrupt("a page holds another number of values"));
        }
        Ok(())
    })
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
