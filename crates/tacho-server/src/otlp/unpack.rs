//! Bodies as they were before they were compressed, bounded.
//!
//! What comes out is counted while it comes, so that a small body that stands for a large one costs
//! no more than the limit. Sources: RFC 9110, "Content-Encoding"; RFC 1952; RFC 8878.

use std::io::{self, Read};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Packing {
    /// Not at all.
    #[default]
    Identity,
    /// gzip.
    Gzip,
    /// zlib's format, which HTTP calls deflate.
    Deflate,
    /// Zstandard.
    Zstd,
}

/// Memory that a Zstandard body may ask for, as a power of two; what needs more is refused.
const ZSTD_WINDOW_LOG_MAX: u32 = 24;

/// Why a body could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is not what it says it is.
    #[error("the body is no valid {packing}: {source}")]
    Corrupt {
        /// What it should be.
        packing: &'static str,
        /// What is wrong.
        source: io::Error,
    },
    /// More bytes than allowed.
    #[error("the body holds more than {limit} bytes when decompressed; send smaller requests")]
    TooLarge {
        /// What is allowed.
        limit: usize,
    },
}

impl Packing {
    /// What a `Content-Encoding`, or a `grpc-encoding`, means; `None` when it is not taken.
    pub fn of_name(name: &str) -> Option<Self> {
        let known = [
            ("", Self::Identity),
            ("identity", Self::Identity),
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("deflate", Self::Deflate),
            ("zstd", Self::Zstd),
        ];
        let same = |(known, _): &&(&str, Self)| name.trim().eq_ignore_ascii_case(known);
        known.iter().find(same).map(|(_, packing)| *packing)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Identity => "body",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate (zlib)",
            Self::Zstd => "zstd",
        }
    }
}

/// A body unpacked, of at most `bytes_max` bytes, into `buffer` where it was packed.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack<'b>(
    packing: Packing,
    body: &'b [u8],
    bytes_max: usize,
    buffer: &'b mut Vec<u8>,
) -> Result<&'b [u8], UnpackError> {
    let read = match packing {
        Packing::Identity if body.len() <= bytes_max => return Ok(body),
        Packing::Identity => return Err(UnpackError::TooLarge { limit: bytes_max }),
        Packing::Gzip => fill(
            flate2::bufread::MultiGzDecoder::new(body),
            bytes_max,
            buffer,
        ),
        Packing::Deflate => fill(flate2::bufread::ZlibDecoder::new(body), bytes_max, buffer),
        Packing::Zstd => zstd::stream::read::Decoder::with_buffer(body).and_then(|mut decoder| {
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            fill(decoder, bytes_max, buffer)
        }),
    };
    let packing = packing.name();
    read.map_err(|source| UnpackError::Corrupt { packing, source })?;
    if buffer.len() > bytes_max {
        return Err(UnpackError::TooLarge { limit: bytes_max });
    }
    Ok(buffer)
}

/// Reads to the end, but not more than one byte beyond the limit.
fn fill(reader: impl Read, bytes_max: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
    let most = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    reader.take(most).read_to_end(buffer)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed(packing: Packing, bytes: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::fast();
        match packing {
            Packing::Identity => bytes.to_vec(),
            Packing::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zstd => zstd::encode_all(bytes, 3).unwrap(),
        }
    }

    const ALL: [Packing; 4] = [
        Packing::Identity,
        Packing::Gzip,
        Packing::Deflate,
        Packing::Zstd,
    ];

    #[test]
    fn what_was_packed_comes_out_unless_it_is_too_large() {
        let bytes = vec![7; 100_000];
        for packing in ALL {
            let body = packed(packing, &bytes);
            let mut buffer = Vec::new();
            assert_eq!(unpack(packing, &body, 100_000, &mut buffer).unwrap(), bytes);
            let mut buffer = Vec::new();
            let refused = unpack(packing, &body, 99_999, &mut buffer);
            assert!(matches!(
                refused,
                Err(UnpackError::TooLarge { limit: 99_999 })
            ));
            assert!(buffer.len() <= 100_000, "{packing:?}");
        }
    }

    #[test]
    fn damage_is_told() {
        for packing in [Packing::Gzip, Packing::Deflate, Packing::Zstd] {
            let body = packed(packing, &[7; 1000]);
            for damaged in [&b"no"[..], b"", &body[..body.len() - 3]] {
                let mut buffer = Vec::new();
                let refused = unpack(packing, damaged, 99, &mut buffer);
                assert!(refused.is_err(), "{packing:?} {damaged:?}");
            }
        }
    }

    #[test]
    fn names_know_no_case() {
        assert_eq!(Packing::of_name("GZIP"), Some(Packing::Gzip));
        assert_eq!(Packing::of_name(" zstd "), Some(Packing::Zstd));
        assert_eq!(Packing::of_name(""), Some(Packing::Identity));
        assert_eq!(Packing::of_name("br"), None);
    }
}
