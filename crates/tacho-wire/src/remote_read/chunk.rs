//! Numbers as Prometheus' XOR chunks: times as differences of differences, values as what
//! distinguishes them from the one before.
//!
//! Source: Prometheus `tsdb/docs/format/chunks.md`, "XOR chunk data".

use tacho_model::Timestamp;

use super::bits::{Bits, Xor};

/// Most samples of a chunk, which is what Prometheus cuts its own at.
pub const SAMPLES_MAX: usize = 120;
/// How wide a difference of differences may be.
const TIME_WIDTHS: [u32; 3] = [14, 17, 20];

/// A part of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The time of its first sample, in milliseconds.
    pub first: i64,
    /// That of its last.
    pub last: i64,
    /// What it holds.
    pub encoding: Encoding,
    /// How.
    pub data: Vec<u8>,
}

/// What a chunk holds, by its number in `Chunk.Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Numbers.
    Xor = 1,
    /// Histograms whose counts are floating-point numbers.
    FloatHistogram = 3,
}

/// A chunk of up to [`SAMPLES_MAX`] samples in order of time, no two of one millisecond; `None`
/// without any.
pub fn encode(samples: &[(Timestamp, f64)]) -> Option<Chunk> {
    debug_assert!(samples.len() <= SAMPLES_MAX);
    let [(first, value), rest @ ..] = samples else {
        return None;
    };
    let count = samples.len() as u16;
    let mut bits = Bits::behind(count.to_be_bytes().to_vec());
    bits.put_varint(first.as_millis());
    bits.put(value.to_bits(), 64);
    let (mut time, mut step) = (first.as_millis(), 0);
    let mut xor = Xor::after(*value);
    for (place, (at, value)) in rest.iter().enumerate() {
        let next = at.as_millis();
        let difference = next - time;
        if place == 0 {
            bits.put_uvarint(difference as u64);
        } else {
            bits.put_signed(difference - step, &TIME_WIDTHS);
        }
        xor.put(*value, &mut bits);
        (time, step) = (next, difference);
    }
    Some(Chunk {
        first: first.as_millis(),
        last: time,
        encoding: Encoding::Xor,
        data: bits.into_bytes(),
    })
}
