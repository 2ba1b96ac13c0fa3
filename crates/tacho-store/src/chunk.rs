//! Sealed samples: encoded once in memory, copied into a block as they are.

use std::collections::VecDeque;
use std::sync::Arc;

use tacho_model::{Histogram, TimeRange, Timestamp};

use crate::codec::bytes::Reader;
use crate::codec::{histograms, times, values};
use crate::error::CodecError;
use crate::samples::Gather;

/// What a chunk costs beside its encoded bytes.
const CHUNK_BYTES: usize = 112;
/// Timestamps remembered for sharing between series.
const SHARED_TIMES: usize = 64;

/// Samples of one series that were sealed: encoded, never changed again.
#[derive(Clone)]
pub(crate) struct Chunk {
    range: TimeRange,
    count: u32,
    histograms: bool,
    times: Arc<[u8]>,
    values: Arc<[u8]>,
}

/// Seals samples. Series that are scraped together have all their times in common: those are
/// encoded once and shared.
#[derive(Default)]
pub(crate) struct Sealer {
    recent: VecDeque<(Vec<Timestamp>, Arc<[u8]>)>,
    spare: Vec<Timestamp>,
    buffer: Vec<u8>,
}

impl Sealer {
    /// An empty vector, to be filled and given to [`Self::floats`].
    pub(crate) fn times(&mut self) -> Vec<Timestamp> {
        let mut times = std::mem::take(&mut self.spare);
        times.clear();
        times
    }

    /// Seals numbers; at least one.
    pub(crate) fn floats(
        &mut self,
        times: Vec<Timestamp>,
        numbers: &[f64],
    ) -> Result<Chunk, CodecError> {
        self.buffer.clear();
        values::encode_small(numbers, &mut self.buffer);
        let values = Arc::from(&self.buffer[..]);
        let chunk = self.chunk(&times, false, values);
        self.spare = times;
        chunk
    }

    /// Seals histograms; at least one.
    pub(crate) fn histograms(
        &mut self,
        times: &[Timestamp],
        held: &[Histogram],
    ) -> Result<Chunk, CodecError> {
        self.buffer.clear();
        for histogram in held {
            histograms::encode(histogram, &mut self.buffer);
        }
        let values = Arc::from(&self.buffer[..]);
        self.chunk(times, true, values)
    }

    fn chunk(
        &mut self,
        times: &[Timestamp],
        histograms: bool,
        values: Arc<[u8]>,
    ) -> Result<Chunk, CodecError> {
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            return Err(CodecError::Short);
        };
        Ok(Chunk {
            range: TimeRange::new(*first, *last),
            count: times.len() as u32,
            histograms,
            times: self.share(times),
            values,
        })
    }

    fn share(&mut self, times: &[Timestamp]) -> Arc<[u8]> {
        if let Some((_, same)) = self.recent.iter().find(|(known, _)| known == times) {
            return Arc::clone(same);
        }
        let mut encoded = Vec::new();
        times::encode(times, &mut encoded);
        let encoded: Arc<[u8]> = encoded.into();
        let mut known = match self.recent.len() {
            SHARED_TIMES => self.recent.pop_front().unwrap_or_default().0,
            _ => Vec::new(),
        };
        known.clear();
        known.extend_from_slice(times);
        self.recent.push_back((known, Arc::clone(&encoded)));
        encoded
    }
}

impl Chunk {
    /// From the oldest to the newest sample.
    pub(crate) fn range(&self) -> TimeRange {
        self.range
    }

    /// Number of samples.
    pub(crate) fn count(&self) -> u64 {
        u64::from(self.count)
    }

    /// An estimate of the memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        CHUNK_BYTES + self.values.len() + self.times.len() / 8
    }

    /// Decodes the samples.
    pub(crate) fn read(&self, into: &mut Gather<'_>) -> Result<(), CodecError> {
        let count = self.count as usize;
        if self.histograms {
            into.histograms(|timestamps, held| {
                times::decode(&self.times, count, timestamps)?;
                let mut reader = Reader::new(&self.values);
                for _ in 0..count {
                    held.push(histograms::decode(&mut reader)?);
                }
                Ok(())
            })
        } else {
            into.floats(|timestamps, values| {
                times::decode(&self.times, count, timestamps)?;
                values::decode(&self.values, count, values)
            })
        }
    }
}
