//! Sealed samples: encoded once in memory, copied into a block as they are.

use std::collections::VecDeque;
use std::sync::Arc;

use tacho_model::{Histogram, TimeRange, Timestamp};

use crate::codec::{Effort, distributions, times, values};
use crate::error::{CodecError, StoreError};
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
        values::encode(numbers, Effort::Quick, &mut self.buffer);
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
        distributions::encode(held, Effort::Quick, &mut self.buffer);
        let values = Arc::from(&self.buffer[..]);
        self.chunk(times, true, values)
    }

    fn chunk(
        &mut self,
        times: &[Timestamp],
        histograms: bool,
        values: Arc<[u8]>,
    ) -> Result<Chunk, CodecError> {
        let encoded = self.share(times);
        Chunk::new(times, histograms, encoded, values).ok_or(CodecError::Short)
    }

    fn share(&mut self, times: &[Timestamp]) -> Arc<[u8]> {
        if let Some((_, same)) = self.recent.iter().find(|(known, _)| known == times) {
            return Arc::clone(same);
        }
        let mut encoded = Vec::new();
        times::encode(times, Effort::Quick, &mut encoded);
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

/// Reads chunks of one series, from the oldest writes to the newest.
pub(crate) fn read_all(chunks: &[Chunk], into: &mut Gather<'_>) -> Result<(), StoreError> {
    for chunk in chunks {
        chunk.read(into).map_err(|error| StoreError::Damaged {
            path: "memory".into(),
            offset: 0,
            reason: error.to_string(),
        })?;
    }
    Ok(())
}

impl Chunk {
    /// Seals numbers, at most a page of them, whose encoded timestamps are known; `None` when
    /// there are none.
    pub(crate) fn floats(
        times: &[Timestamp],
        numbers: &[f64],
        encoded_times: Arc<[u8]>,
        effort: Effort,
    ) -> Option<Self> {
        let mut encoded = Vec::new();
        values::encode(numbers, effort, &mut encoded);
        Self::new(times, false, encoded_times, encoded.into())
    }

    fn new(
        times: &[Timestamp],
        histograms: bool,
        encoded_times: Arc<[u8]>,
        values: Arc<[u8]>,
    ) -> Option<Self> {
        Some(Self {
            range: TimeRange::new(*times.first()?, *times.last()?),
            count: times.len() as u32,
            histograms,
            times: encoded_times,
            values,
        })
    }

    /// Whether it holds histograms, else numbers.
    pub(crate) fn holds_histograms(&self) -> bool {
        self.histograms
    }

    /// The encoded timestamps.
    pub(crate) fn times(&self) -> &Arc<[u8]> {
        &self.times
    }

    /// The encoded numbers or histograms.
    pub(crate) fn values(&self) -> &[u8] {
        &self.values
    }

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
                times::decode_increasing(&self.times, count, timestamps)?;
                distributions::decode(&self.values, count, held)
            })
        } else {
            into.floats(|timestamps, numbers| {
                times::decode_increasing(&self.times, count, timestamps)?;
                values::decode(&self.values, count, numbers)
            })
        }
    }
}
