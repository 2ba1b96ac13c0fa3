//! The newest samples, in memory.
//!
//! Invariants:
//! 1. a series' open buffer holds its newest writes, sorted, each time once; its chunks are in
//!    the order they were sealed, so that of two samples of one time the later part wins;
//! 2. both sorts of samples of a series are sealed together, so that 1. holds across sorts;
//! 3. a series keeps its number for the life of the head.
//!
//! A head is written to until it is frozen; a frozen one becomes a block and is dropped whole, so
//! that series that ended leave nothing behind.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use tacho_model::{Columns, Histogram, Labels, LabelsRef, TimeRange, Timestamp, Value};

use crate::codec::bytes::Reader;
use crate::codec::{histograms, times, values};
use crate::error::CodecError;
use crate::samples::Gather;

/// Numbers in an open buffer before they are sealed. 128 keep 700 series under 1.5 MiB.
const OPEN_MAX: usize = 128;
/// Histograms in an open buffer before they are sealed: each may be some KiB.
const OPEN_HISTOGRAMS_MAX: usize = 16;
/// What a series costs beside its labels and samples.
const SERIES_BYTES: u64 = 320;
/// What a chunk costs beside its encoded bytes.
const CHUNK_BYTES: u64 = 96;
/// Encoded timestamps remembered for sharing between series.
const SHARED_TIMES: usize = 8;

/// Samples that were sealed: encoded, never changed again.
#[derive(Clone)]
pub(crate) struct Chunk {
    range: TimeRange,
    count: u32,
    histograms: bool,
    times: Arc<[u8]>,
    values: Arc<[u8]>,
}

/// One series.
pub(crate) struct Series {
    labels: Labels,
    /// The log segment that last defined it.
    pub(crate) defined_in: u64,
    open: Columns,
    chunks: Vec<Chunk>,
    range: TimeRange,
}

/// The newest samples of all series.
pub(crate) struct Head {
    /// Its number in the order of writing; the block made of it carries the same.
    pub(crate) generation: u64,
    /// The lowest generation whose samples it holds: lower than its own after a restart.
    pub(crate) generation_min: u64,
    /// When its first sample came, by the clock.
    pub(crate) created: Option<Timestamp>,
    series: Vec<Series>,
    by_labels: HashTable<u32>,
    hasher: DefaultHashBuilder,
    shared_times: Vec<Arc<[u8]>>,
    samples: u64,
    bytes: u64,
    range: TimeRange,
}

/// No instant at all.
const NEVER: TimeRange = TimeRange::new(Timestamp::MAX, Timestamp::MIN);

fn widen(range: &mut TimeRange, time: Timestamp) {
    range.start = range.start.min(time);
    range.end = range.end.max(time);
}

impl Head {
    pub(crate) fn new(generation: u64) -> Self {
        Self {
            generation,
            generation_min: generation,
            created: None,
            series: Vec::new(),
            by_labels: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            shared_times: Vec::new(),
            samples: 0,
            bytes: 0,
            range: NEVER,
        }
    }

    /// Samples held, before duplicates are resolved.
    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    /// An estimate of the memory taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// From the oldest to the newest sample; empty when there is none.
    pub(crate) fn range(&self) -> TimeRange {
        self.range
    }

    pub(crate) fn series(&self) -> &[Series] {
        &self.series
    }

    pub(crate) fn series_mut(&mut self, id: u32) -> &mut Series {
        &mut self.series[id as usize]
    }

    /// The number of a series.
    pub(crate) fn find(&self, labels: LabelsRef<'_>) -> Option<u32> {
        let hash = self.hasher.hash_one(labels.as_bytes());
        let same = |id: &u32| self.series[*id as usize].labels.as_ref() == labels;
        self.by_labels.find(hash, same).copied()
    }

    /// Adds a series that [`Self::find`] does not find.
    pub(crate) fn insert(&mut self, labels: LabelsRef<'_>) -> u32 {
        debug_assert!(self.find(labels).is_none(), "a series is added once");
        let id = self.series.len() as u32;
        self.bytes += SERIES_BYTES + labels.as_bytes().len() as u64;
        self.series.push(Series {
            labels: labels.to_owned(),
            defined_in: 0,
            open: Columns::new(),
            chunks: Vec::new(),
            range: NEVER,
        });
        let Self {
            series,
            by_labels,
            hasher,
            ..
        } = self;
        let rehash = |id: &u32| hasher.hash_one(series[*id as usize].labels.as_ref().as_bytes());
        by_labels.insert_unique(hasher.hash_one(labels.as_bytes()), id, rehash);
        id
    }

    /// Keeps one sample.
    pub(crate) fn append(&mut self, id: u32, time: Timestamp, value: Value<'_>) {
        let series = &mut self.series[id as usize];
        self.samples += 1;
        widen(&mut self.range, time);
        widen(&mut series.range, time);
        match value {
            Value::Float(value) => {
                self.bytes += 16;
                push_float(&mut series.open, time, value);
            }
            Value::Histogram(histogram) => {
                self.bytes += histogram_bytes(histogram);
                push_histogram(&mut series.open, time, histogram);
            }
        }
        let open = &series.open;
        if open.values.len() >= OPEN_MAX || open.histograms.len() >= OPEN_HISTOGRAMS_MAX {
            self.seal(id);
        }
    }

    fn seal(&mut self, id: u32) {
        let series = &mut self.series[id as usize];
        let open = &mut series.open;
        let freed = open.values.len() as u64 * 16
            + open.histograms.iter().map(histogram_bytes).sum::<u64>();
        let mut made = 0;
        for histograms in [false, true] {
            let times = if histograms {
                &open.histogram_timestamps
            } else {
                &open.timestamps
            };
            let (Some(first), Some(last)) = (times.first(), times.last()) else {
                continue;
            };
            let mut encoded = Vec::new();
            if histograms {
                open.histograms
                    .iter()
                    .for_each(|h| histograms::encode(h, &mut encoded));
            } else {
                values::encode(&open.values, &mut encoded);
            }
            let (shared, fresh) = share(&mut self.shared_times, times);
            made += CHUNK_BYTES + encoded.len() as u64 + fresh;
            series.chunks.push(Chunk {
                range: TimeRange::new(*first, *last),
                count: times.len() as u32,
                histograms,
                times: shared,
                values: encoded.into(),
            });
        }
        open.clear();
        // Duplicates replaced in the open buffer were counted when they came.
        self.bytes = (self.bytes + made).saturating_sub(freed);
    }
}

/// The encoded timestamps, shared with a series that was sealed with the same ones; and how many
/// bytes that cost. Series collected together have all their timestamps in common.
fn share(recent: &mut Vec<Arc<[u8]>>, timestamps: &[Timestamp]) -> (Arc<[u8]>, u64) {
    let mut encoded = Vec::new();
    times::encode(timestamps, &mut encoded);
    if let Some(same) = recent.iter().find(|bytes| bytes[..] == encoded[..]) {
        return (same.clone(), 0);
    }
    let fresh: Arc<[u8]> = encoded.into();
    if recent.len() == SHARED_TIMES {
        recent.remove(0);
    }
    recent.push(fresh.clone());
    let bytes = fresh.len() as u64;
    (fresh, bytes)
}

fn histogram_bytes(histogram: &Histogram) -> u64 {
    128 + 16 * histogram.buckets().count() as u64
}

fn push_float(open: &mut Columns, time: Timestamp, value: f64) {
    let after = |times: &[Timestamp]| times.last().is_none_or(|last| *last < time);
    if !after(&open.histogram_timestamps)
        && let Ok(at) = open.histogram_timestamps.binary_search(&time)
    {
        open.histogram_timestamps.remove(at);
        open.histograms.remove(at);
    }
    if after(&open.timestamps) {
        open.timestamps.push(time);
        open.values.push(value);
        return;
    }
    match open.timestamps.binary_search(&time) {
        Ok(at) => open.values[at] = value,
        Err(at) => {
            open.timestamps.insert(at, time);
            open.values.insert(at, value);
        }
    }
}

fn push_histogram(open: &mut Columns, time: Timestamp, histogram: &Histogram) {
    if let Ok(at) = open.timestamps.binary_search(&time) {
        open.timestamps.remove(at);
        open.values.remove(at);
    }
    match open.histogram_timestamps.binary_search(&time) {
        Ok(at) => open.histograms[at] = histogram.clone(),
        Err(at) => {
            open.histogram_timestamps.insert(at, time);
            open.histograms.insert(at, histogram.clone());
        }
    }
}

impl Series {
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    pub(crate) fn range(&self) -> TimeRange {
        self.range
    }

    /// Chunks that overlap `range`, in the order they were sealed.
    pub(crate) fn chunks(&self, range: TimeRange) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter().filter(move |c| c.range.overlaps(range))
    }

    /// A copy of what is not sealed yet; `None` when nothing of it is inside `range`.
    pub(crate) fn open(&self, range: TimeRange) -> Option<Columns> {
        let mut copy = Columns::new();
        let mut gather = Gather::new(&mut copy, range);
        gather.columns(&self.open);
        gather.finish();
        (!copy.is_empty()).then_some(copy)
    }

    /// All samples, in order.
    pub(crate) fn read(&self, into: &mut Columns) -> Result<(), CodecError> {
        let mut gather = Gather::new(into, TimeRange::ALL);
        for chunk in &self.chunks {
            chunk.read(&mut gather)?;
        }
        gather.columns(&self.open);
        gather.finish();
        Ok(())
    }
}

impl Chunk {
    /// Number of samples.
    pub(crate) fn count(&self) -> u64 {
        u64::from(self.count)
    }

    /// Decodes the samples.
    pub(crate) fn read(&self, into: &mut Gather<'_>) -> Result<(), CodecError> {
        let count = self.count as usize;
        if self.histograms {
            into.histograms(|timestamps, histograms| {
                times::decode(&self.times, count, timestamps)?;
                let mut reader = Reader::new(&self.values);
                for _ in 0..count {
                    histograms.push(histograms::decode(&mut reader)?);
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
