//! Writing a block: series by series in order of their labels, in one pass, with bounded memory.

use std::path::Path;
use std::sync::Arc;

use tacho_model::{Columns, Histogram, LabelsRef, Metadata, TimeRange, Timestamp};

use super::format::{BLOCK_MAGIC, Directory, Footer, Sort};
use super::index::IndexBuilder;
use super::output::Output;
use super::rows::{RowsBuilder, SharedTimes, Sink, TimesPool, table_of};
use crate::chunk::{self, Chunk};
use crate::codec::bytes::put_varint;
use crate::codec::{Effort, PAGE_SAMPLES_MAX};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::samples::Gather;
use crate::wal::record::encode_metadata;

/// Chunks with fewer numbers are put on a page with others.
pub(crate) const COPIED_FLOATS_MIN: u64 = 128;
/// Chunks with fewer histograms are put on a page with others.
const COPIED_HISTOGRAMS_MIN: u64 = 16;

/// Some samples of a series. Parts come in order of time and do not overlap.
pub(crate) enum Part<'a> {
    /// Already encoded; copied as a page unless it is small.
    Chunk(&'a Chunk),
    /// To be encoded.
    Columns(&'a Columns),
}

/// A block under construction.
pub(crate) struct BlockWriter {
    sink: Sink,
    floats: RowsBuilder<f64>,
    histograms: RowsBuilder<Histogram>,
    index: IndexBuilder,
    samples: u64,
    range: Option<TimeRange>,
}

fn union(a: Option<TimeRange>, b: TimeRange) -> TimeRange {
    a.map_or(b, |a| {
        TimeRange::new(a.start.min(b.start), a.end.max(b.end))
    })
}

fn span(times: &[Timestamp]) -> Option<TimeRange> {
    Some(TimeRange::new(*times.first()?, *times.last()?))
}

impl BlockWriter {
    /// Begins a block that will be found at `path` once it is finished.
    pub(crate) fn create(
        disk: Arc<dyn Disk>,
        path: &Path,
        effort: Effort,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            sink: Sink {
                output: Output::create(disk, path, BLOCK_MAGIC)?,
                times: SharedTimes::default(),
                pool: TimesPool::default(),
                effort,
            },
            floats: RowsBuilder::default(),
            histograms: RowsBuilder::default(),
            index: IndexBuilder::default(),
            samples: 0,
            range: None,
        })
    }

    /// Adds a series; labels must come in order, each once. One without samples is left out.
    pub(crate) fn add(
        &mut self,
        labels: LabelsRef<'_>,
        parts: &[Part<'_>],
    ) -> Result<(), StoreError> {
        let mut rows = [0u64; 2];
        for part in parts {
            let (added, range) = match part {
                Part::Chunk(chunk) => self.add_chunk(chunk)?,
                Part::Columns(columns) => self.add_columns(columns)?,
            };
            rows = [rows[0] + added[0], rows[1] + added[1]];
            if let Some(range) = range {
                self.range = Some(union(self.range, range));
            }
        }
        if rows == [0; 2] {
            return Ok(());
        }
        let narrow = rows.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        debug_assert_eq!(
            narrow.map(u64::from),
            rows,
            "a head bounds a series' samples"
        );
        self.index.add(labels, narrow);
        self.samples += rows[0] + rows[1];
        Ok(())
    }

    /// Adds a chunk; its rows by sort.
    fn add_chunk(&mut self, chunk: &Chunk) -> Result<([u64; 2], Option<TimeRange>), StoreError> {
        let copied_min = if chunk.holds_histograms() {
            COPIED_HISTOGRAMS_MIN
        } else {
            COPIED_FLOATS_MIN
        };
        if !(copied_min..=PAGE_SAMPLES_MAX as u64).contains(&chunk.count()) {
            let mut columns = Columns::new();
            let mut gather = Gather::new(&mut columns, TimeRange::ALL);
            chunk::read_all(std::slice::from_ref(chunk), &mut gather)?;
            gather.finish();
            return self.add_columns(&columns);
        }
        let sink = &mut self.sink;
        let rows = (chunk.count() as u32, chunk.range());
        if chunk.holds_histograms() {
            self.histograms
                .copy(rows, chunk.times(), chunk.values(), sink)?;
            Ok(([0, chunk.count()], Some(chunk.range())))
        } else {
            self.floats
                .copy(rows, chunk.times(), chunk.values(), sink)?;
            Ok(([chunk.count(), 0], Some(chunk.range())))
        }
    }

    /// Adds decoded samples; their number by sort.
    fn add_columns(
        &mut self,
        columns: &Columns,
    ) -> Result<([u64; 2], Option<TimeRange>), StoreError> {
        let sink = &mut self.sink;
        self.floats
            .add(&columns.timestamps, &columns.values, sink)?;
        self.histograms
            .add(&columns.histogram_timestamps, &columns.histograms, sink)?;
        let ranges = [&columns.timestamps, &columns.histogram_timestamps].map(|t| span(t));
        let range = ranges
            .into_iter()
            .flatten()
            .reduce(|a, b| union(Some(a), b));
        let rows = [columns.values.len() as u64, columns.histograms.len() as u64];
        Ok((rows, range))
    }

    /// Removes what was written.
    pub(crate) fn abandon(self) {
        self.sink.output.abandon();
    }

    /// Writes index and footer, and gives the block its name. `sequence` says which heads it holds,
    /// `tombstones` up to which deletion it was cleaned.
    pub(crate) fn finish<'a>(
        &mut self,
        metadata: impl ExactSizeIterator<Item = (&'a str, &'a Metadata)>,
        sequence: (u64, u64),
        level: u32,
        tombstones: u64,
    ) -> Result<(), StoreError> {
        self.floats.flush(&mut self.sink)?;
        self.histograms.flush(&mut self.sink)?;
        let effort = self.sink.effort;
        let output = &mut self.sink.output;
        let mut directory = Directory::default();
        let floats = self.floats.table.finish(output, effort)?;
        let histograms = self.histograms.table.finish(output, effort)?;
        directory.tables = [
            table_of(floats, Sort::Floats),
            table_of(histograms, Sort::Histograms),
        ];
        let times = self.sink.times.table.finish(output, effort)?;
        directory.times = times.into_iter().map(|(at, _)| at).collect();
        self.index.finish(output, effort, &mut directory)?;
        let mut encoded = Vec::new();
        put_varint(&mut encoded, metadata.len() as u64);
        for (name, metadata) in metadata {
            encode_metadata(name, metadata, &mut encoded);
        }
        directory.metadata = output.put(&encoded)?;
        let none = TimeRange::new(Timestamp::MAX, Timestamp::MIN);
        let footer = Footer {
            directory: output.put(&directory.encode())?,
            sequence,
            range: self.range.unwrap_or(none),
            series: self.index.series(),
            samples: self.samples,
            level,
            tombstones,
        };
        output.finish(&footer.encode())
    }
}
