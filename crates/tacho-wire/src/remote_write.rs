//! Prometheus remote write: a snappy block of protobuf to a [`Batch`], and back.
//!
//! Here is version 1.0, in [`v2`] the other. The block is decompressed into the batch's own buffer,
//! and the label sets stay where they are in it: the wire form of labels is the canonical encoding,
//! so nothing is copied, checked or hashed here. The protobuf is walked by hand; no sample costs an
//! allocation.
//!
//! 1. A body is either walked to its end or refused whole; no input makes it panic.
//! 2. What is refused by rule (a time that nanoseconds cannot hold, a histogram of another kind)
//!    costs that sample alone and is named in [`Decoded::refused`].
//! 3. Memory is bounded before it is taken: by the size that the block's header states, and by
//!    counts of samples, series, buckets and descriptions.
//!
//! Not for judging label sets and times against what is stored: that is the appender's. Sources:
//! the remote write 1.0 specification; `prompb/types.proto` and `prompb/remote.proto` of Prometheus;
//! snappy's `format_description.txt`.

pub mod encode;
mod exemplar;
pub(crate) mod histogram;
mod labels;
pub(crate) mod metadata;
mod series;
mod tally;
pub mod v2;

#[cfg(test)]
mod tests;

use std::ops::Range;

use tacho_model::Batch;
use tacho_model::histogram::HistogramError;

pub use self::labels::describe_labels;
use self::series::Walk;
pub use self::v2::{Scratch, decode_v2};
use crate::protobuf::{ProtobufError, Reader};

/// Most metric descriptions in one request.
const METADATA_MAX: usize = 100_000;

/// What one request may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Decompressed bytes.
    pub bytes_max: usize,
    /// Samples.
    pub samples_max: usize,
    /// Series; one that is named twice counts twice.
    pub series_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            samples_max: 2_000_000,
            series_max: 1_000_000,
        }
    }
}

/// Why a whole request was refused. Offsets count decompressed bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteWriteError {
    /// The body is not a snappy block.
    #[error("the body is no snappy block: {0}")]
    Snappy(#[from] snap::Error),
    /// More decompressed bytes than allowed.
    #[error("{bytes} decompressed bytes are more than the {limit} allowed; send smaller requests")]
    TooLarge {
        /// What the block's header states.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// More of something than allowed.
    #[error("more than {limit} {what} in one request; send smaller requests")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// What is allowed.
        limit: usize,
    },
    /// What was compressed is no such message.
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
}

impl RemoteWriteError {
    /// Whether a smaller request would be taken.
    pub fn is_size(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooMany { .. })
    }
}

/// What was found besides the samples in the batch.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Samples that are not in the batch, in order.
    pub refused: Vec<Refused>,
}

/// A sample that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where in the batch's buffer its labels lie; the first run of them if they are scattered.
    pub labels: Range<usize>,
    /// Why.
    pub reason: Reason,
}

/// Why a sample was refused before anybody tried to store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The time in milliseconds does not fit into nanoseconds.
    #[error("its time is outside the years 1677 to 2262")]
    OutOfRange,
    /// The label set breaks a rule.
    #[error("the label set is not valid")]
    InvalidLabels,
    /// Buckets with bounds of their own (schema -53).
    #[error("histograms with custom bucket bounds are not supported")]
    CustomBuckets,
    /// The fields make no histogram.
    #[error("it is no valid histogram: {0}")]
    Histogram(#[from] HistogramError),
    /// Spans and counts of buckets do not match.
    #[error("it is no valid histogram: spans and buckets do not match")]
    Spans,
    /// Labels refer to texts that the request does not have, or one is missing.
    #[error("its labels refer to symbols that the request does not have, or are not pairs")]
    Symbols,
    /// The labels of an exemplar are no label set.
    #[error("the labels of its exemplar are not valid")]
    Exemplar,
}

/// `WriteRequest.timeseries`.
const TIMESERIES: u32 = 1;
/// `WriteRequest.metadata`.
const METADATA: u32 = 3;

/// Fills `batch`, whatever it held before, from a request's body. After an error the batch holds
/// an arbitrary part of the request and is not to be appended.
///
/// ```
/// use tacho_model::Batch;
/// use tacho_wire::remote_write::{Limits, decode};
/// let request = b"\x0a\x1b\x0a\x0e\x0a\x08__name__\x12\x02up\x12\x09\x09\0\0\0\0\0\0\xf0\x3f";
/// let body = snap::raw::Encoder::new().compress_vec(request).unwrap();
/// let mut batch = Batch::new();
/// decode(&body, Limits::default(), &mut batch).unwrap();
/// assert_eq!(batch.len(), 1);
/// ```
pub fn decode(body: &[u8], limits: Limits, batch: &mut Batch) -> Result<Decoded, RemoteWriteError> {
    decompress(body, limits.bytes_max, batch)?;
    walk(limits, batch)
}

/// Fills `batch`, whatever it held before, from a request that is not compressed.
pub fn decode_plain(
    request: &[u8],
    limits: Limits,
    batch: &mut Batch,
) -> Result<Decoded, RemoteWriteError> {
    batch.refill_bytes(request.len()).copy_from_slice(request);
    walk(limits, batch)
}

/// Decompresses a snappy block into the batch's buffer.
fn decompress(body: &[u8], bytes_max: usize, batch: &mut Batch) -> Result<(), RemoteWriteError> {
    let bytes = snap::raw::decompress_len(body)?;
    if bytes > bytes_max {
        let limit = bytes_max;
        return Err(RemoteWriteError::TooLarge { bytes, limit });
    }
    snap::raw::Decoder::new().decompress(body, batch.refill_bytes(bytes))?;
    Ok(())
}

/// Adds the samples of the request that lies in the batch's buffer.
fn walk(limits: Limits, batch: &mut Batch) -> Result<Decoded, RemoteWriteError> {
    // Label sets that had to be put together are appended to the buffer; the request ends here.
    let end = batch.buffer().len();
    let mut walk = Walk::new(limits, batch, end);
    let mut described = 0;
    let mut at = 0;
    while at < end {
        if let Some(inside) = series::quick(walk.bytes(), at) {
            at = inside.end;
            walk.series(inside)?;
            continue;
        }
        let mut reader = Reader::new(walk.bytes(), at..end);
        let key = reader.key()?;
        match key.number {
            TIMESERIES => {
                let inside = reader.nested(key)?;
                at = inside.end;
                walk.series(inside)?;
            }
            METADATA => {
                described += 1;
                if described > METADATA_MAX {
                    let limit = METADATA_MAX;
                    return Err(RemoteWriteError::TooMany {
                        what: "metric descriptions",
                        limit,
                    });
                }
                let inside = reader.nested(key)?;
                at = inside.end;
                let described = metadata::read(Reader::new(walk.bytes(), inside))?;
                metadata::describe(described, walk.batch());
            }
            _ => {
                reader.skip(key)?;
                at = reader.at();
            }
        }
    }
    Ok(walk.finish())
}
