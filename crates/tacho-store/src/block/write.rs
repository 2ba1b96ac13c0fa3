//! Writing a block: series by series in order of their labels, in one pass, with bounded memory.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tacho_model::{Columns, LabelsRef, Metadata, TimeRange, Timestamp};

use super::format::{
    Directory, Footer, HEADER_BYTES, IndexPage, PageAt, PageRef, header, put_entry,
};
use crate::codec::bytes::{put_bytes, put_varint};
use crate::codec::{PAGE_SAMPLES_MAX, histograms, times, values};
use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use crate::wal::record::encode_metadata;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;
/// Bytes of index entries on one page.
const INDEX_PAGE_BYTES: usize = 64 << 10;
/// Timestamps that take more bytes than this are shared between series where they are the same.
/// Shorter ones stay with the values, so that no page is needed by many.
const SHARED_TIMES_MIN: usize = 32;
/// Shared timestamp pages remembered.
const SHARED_TIMES: usize = 16;
/// Histograms on one page: each may be some KiB.
const PAGE_HISTOGRAMS_MAX: usize = 256;

/// A block under construction.
pub(crate) struct BlockWriter {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    temporary: PathBuf,
    file: Arc<dyn DiskFile>,
    buffer: Vec<u8>,
    written: u64,
    entries: Vec<u8>,
    entries_range: Option<TimeRange>,
    directory: Directory,
    shared_times: VecDeque<(Vec<u8>, PageAt)>,
    series: u64,
    samples: u64,
    range: Option<TimeRange>,
}

fn union(a: Option<TimeRange>, b: TimeRange) -> TimeRange {
    a.map_or(b, |a| {
        TimeRange::new(a.start.min(b.start), a.end.max(b.end))
    })
}

impl BlockWriter {
    /// Begins a block that will be found at `path` once it is finished.
    pub(crate) fn create(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, StoreError> {
        let temporary = path.with_extension("tmp");
        let file = disk.create(&temporary);
        let file = file.map_err(|source| StoreError::io("create", &temporary, source))?;
        Ok(Self {
            disk,
            path: path.to_owned(),
            temporary,
            file,
            buffer: header(),
            written: 0,
            entries: Vec::new(),
            entries_range: None,
            directory: Directory::default(),
            shared_times: VecDeque::new(),
            series: 0,
            samples: 0,
            range: None,
        })
    }

    /// Adds a series; labels must come in order, each once. One without samples is left out.
    pub(crate) fn add(
        &mut self,
        labels: LabelsRef<'_>,
        columns: &Columns,
    ) -> Result<(), StoreError> {
        let mut pages = Vec::new();
        let floats = columns.timestamps.chunks(PAGE_SAMPLES_MAX);
        for (timestamps, numbers) in floats.zip(columns.values.chunks(PAGE_SAMPLES_MAX)) {
            let mut encoded = Vec::new();
            values::encode_small(numbers, &mut encoded);
            pages.push(self.page(false, timestamps, &encoded)?);
        }
        let distributions = columns.histogram_timestamps.chunks(PAGE_HISTOGRAMS_MAX);
        for (timestamps, held) in distributions.zip(columns.histograms.chunks(PAGE_HISTOGRAMS_MAX))
        {
            let mut encoded = Vec::new();
            for histogram in held {
                histograms::encode(histogram, &mut encoded);
            }
            pages.push(self.page(true, timestamps, &encoded)?);
        }
        let Some(range) = pages
            .iter()
            .map(|page| page.range)
            .reduce(|a, b| union(Some(a), b))
        else {
            return Ok(());
        };
        put_entry(labels, &pages, &mut self.entries);
        self.entries_range = Some(union(self.entries_range, range));
        self.range = Some(union(self.range, range));
        self.series += 1;
        self.samples += columns.len() as u64;
        if self.entries.len() >= INDEX_PAGE_BYTES {
            self.end_index_page()?;
        }
        Ok(())
    }

    fn page(
        &mut self,
        histograms: bool,
        timestamps: &[Timestamp],
        encoded: &[u8],
    ) -> Result<PageRef, StoreError> {
        let mut encoded_times = Vec::new();
        times::encode(timestamps, &mut encoded_times);
        let times = if encoded_times.len() > SHARED_TIMES_MIN {
            Some(self.shared(encoded_times.clone())?)
        } else {
            None
        };
        let mut payload = Vec::with_capacity(encoded.len() + SHARED_TIMES_MIN + 1);
        if times.is_none() {
            put_bytes(&mut payload, &encoded_times);
        }
        payload.extend_from_slice(encoded);
        let at = self.put(&payload)?;
        let (first, last) = (timestamps[0], timestamps[timestamps.len() - 1]);
        Ok(PageRef {
            at,
            histograms,
            count: timestamps.len() as u32,
            range: TimeRange::new(first, last),
            times,
        })
    }

    fn shared(&mut self, encoded: Vec<u8>) -> Result<PageAt, StoreError> {
        if let Some((_, at)) = self
            .shared_times
            .iter()
            .find(|(bytes, _)| *bytes == encoded)
        {
            return Ok(*at);
        }
        let at = self.put(&encoded)?;
        if self.shared_times.len() == SHARED_TIMES {
            self.shared_times.pop_front();
        }
        self.shared_times.push_back((encoded, at));
        Ok(at)
    }

    /// Appends a page and its checksum.
    fn put(&mut self, payload: &[u8]) -> Result<PageAt, StoreError> {
        let at = PageAt {
            offset: self.written + self.buffer.len() as u64,
            bytes: payload.len() as u32,
        };
        debug_assert!(at.offset >= HEADER_BYTES as u64, "pages follow the header");
        self.buffer.extend_from_slice(payload);
        self.buffer
            .extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_out()?;
        }
        Ok(at)
    }

    fn write_out(&mut self) -> Result<(), StoreError> {
        self.file
            .write_at(self.written, &self.buffer)
            .map_err(|source| StoreError::io("write", &self.temporary, source))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn end_index_page(&mut self) -> Result<(), StoreError> {
        if let Some(range) = self.entries_range.take() {
            let entries = std::mem::take(&mut self.entries);
            let at = self.put(&entries)?;
            self.directory.index.push(IndexPage { at, range });
        }
        Ok(())
    }

    /// Removes what was written.
    pub(crate) fn abandon(self) {
        if let Err(error) = self.disk.remove(&self.temporary) {
            // Opening the store removes it otherwise.
            tracing::debug!(path = %self.temporary.display(), %error, "could not remove a file");
        }
    }

    /// Writes index and footer, and gives the block its name. `sequence` says which heads it holds.
    pub(crate) fn finish<'a>(
        &mut self,
        metadata: impl ExactSizeIterator<Item = (&'a str, &'a Metadata)>,
        sequence: (u64, u64),
        level: u32,
    ) -> Result<(), StoreError> {
        self.end_index_page()?;
        let mut encoded = Vec::new();
        put_varint(&mut encoded, metadata.len() as u64);
        for (name, metadata) in metadata {
            encode_metadata(name, metadata, &mut encoded);
        }
        self.directory.metadata = self.put(&encoded)?;
        let directory = self.directory.encode();
        let footer = Footer {
            directory: self.put(&directory)?,
            sequence,
            range: self
                .range
                .unwrap_or(TimeRange::new(Timestamp::MAX, Timestamp::MIN)),
            series: self.series,
            samples: self.samples,
            level,
        };
        self.buffer.extend_from_slice(&footer.encode());
        self.write_out()?;
        let path = self.path.as_path();
        let io = |verb| move |source| StoreError::io(verb, path, source);
        self.file.sync().map_err(io("sync"))?;
        self.disk
            .rename(&self.temporary, &self.path)
            .map_err(io("rename"))?;
        let dir = self.path.parent().unwrap_or(Path::new("."));
        self.disk.sync_dir(dir).map_err(io("sync the folder of"))
    }
}
