//! Series as a stream of frames: each a length, a checksum, and a `ChunkedReadResponse`.
//!
//! A frame holds a part of one series, as large as Prometheus makes them, so that neither side
//! needs memory for more. Source: Prometheus documentation "Remote Read API", "Streamed Chunks".

use tacho_model::{Columns, Labels, Timestamp};

use super::chunk::{self, Chunk, SAMPLES_MAX};
use super::{histogram_chunk, last_of_each};
use crate::protobuf::write::{force_bytes, put_bytes, put_varint, raw_varint};

/// Bytes of chunks after which a frame ends (Prometheus' `--storage.remote.read-max-bytes-in-frame`).
const FRAME_BYTES_MAX: usize = 1 << 20;

/// Hands over the frames of a series that answers query number `query`, until one is not taken.
/// A series without samples has none.
pub fn encode<E>(
    query: usize,
    labels: &Labels,
    columns: &Columns,
    mut take: impl FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut series = labels.as_ref().as_bytes().to_vec();
    let empty = series.len();
    each_chunk(columns, &mut |chunk| {
        put_chunk(&chunk, &mut series);
        if series.len() < FRAME_BYTES_MAX {
            return Ok(());
        }
        let full = frame(query, &series);
        series.truncate(empty);
        take(full)
    })?;
    if series.len() > empty {
        take(frame(query, &series))?;
    }
    Ok(())
}

/// Numbers first, then histograms: a series nearly always has one of the two.
fn each_chunk<E>(
    columns: &Columns,
    take: &mut impl FnMut(Chunk) -> Result<(), E>,
) -> Result<(), E> {
    let samples = last_of_each(&columns.timestamps, &columns.values);
    let samples: Vec<(Timestamp, f64)> = samples.map(|(time, value)| (time, *value)).collect();
    for part in samples.chunks(SAMPLES_MAX) {
        chunk::encode(part).map_or(Ok(()), &mut *take)?;
    }
    let samples: Vec<_> =
        last_of_each(&columns.histogram_timestamps, &columns.histograms).collect();
    let mut left = &samples[..];
    while let Some((chunk, taken)) = histogram_chunk::encode(left) {
        take(chunk)?;
        left = &left[taken..];
    }
    Ok(())
}

/// `Chunk`, as a field of `ChunkedSeries`.
fn put_chunk(chunk: &Chunk, into: &mut Vec<u8>) {
    let mut message = Vec::with_capacity(chunk.data.len() + 32);
    put_varint(1, chunk.first as u64, &mut message);
    put_varint(2, chunk.last as u64, &mut message);
    put_varint(3, chunk.encoding as u64, &mut message);
    put_bytes(4, &chunk.data, &mut message);
    force_bytes(2, &message, into);
}

fn frame(query: usize, series: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(series.len() + 16);
    force_bytes(1, series, &mut message);
    put_varint(2, query as u64, &mut message);
    let mut out = Vec::with_capacity(message.len() + 9);
    raw_varint(message.len() as u64, &mut out);
    out.extend_from_slice(&crc32c::crc32c(&message).to_be_bytes());
    out.append(&mut message);
    out
}
