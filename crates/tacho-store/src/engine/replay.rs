//! The log on its way back into a head.
//!
//! Segments are replayed in order of their numbers. What is damaged is set aside; what a block
//! holds already is removed.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use tacho_model::{LabelsRef, Metadata, Timestamp, Value};

use super::METADATA_MAX;
use crate::disk::{Disk, read_all};
use crate::error::{CodecError, StoreError};
use crate::head::Head;
use crate::quarantine::Quarantine;
use crate::wal::Closed;
use crate::wal::record::{self, Row, SERIES};
use crate::wal::segment::{self, HEADER_BYTES, Header};

/// A log segment as it was found.
struct Segment {
    path: PathBuf,
    /// `None` when it is damaged.
    header: Option<Header>,
}

/// Replays the log.
pub(crate) struct Replay<'a> {
    disk: &'a dyn Disk,
    quarantine: &'a Quarantine,
    /// Generations up to this are in blocks.
    covered: Option<u64>,
    pub(crate) head: Head,
    pub(crate) metadata: BTreeMap<String, Metadata>,
    /// What the log's references mean, by generation.
    series: HashMap<(u64, u32), u32>,
    /// Segments that are still needed.
    pub(crate) closed: Vec<Closed>,
    pub(crate) newest_generation: Option<u64>,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(
        disk: &'a dyn Disk,
        quarantine: &'a Quarantine,
        covered: Option<u64>,
    ) -> Self {
        Self {
            disk,
            quarantine,
            covered,
            head: Head::new(0),
            metadata: BTreeMap::new(),
            series: HashMap::new(),
            closed: Vec::new(),
            newest_generation: None,
        }
    }

    /// Replays all segments in order; the highest number among them.
    pub(crate) fn run(&mut self, dir: &Path) -> Result<u64, StoreError> {
        let names = match self.disk.list(dir) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(StoreError::io("list", dir, source)),
        };
        let mut numbers: Vec<u64> = names.iter().filter_map(|n| segment::number_of(n)).collect();
        numbers.sort_unstable();
        let mut segments = Vec::new();
        for number in &numbers {
            segments.push(self.inspect(dir.join(segment::file_name(*number)))?);
        }
        let mut before = None;
        for (i, found) in segments.iter().enumerate() {
            // A segment whose header is damaged belongs to its neighbours' generation.
            let generation = |found: &Segment| found.header.map(|header| header.generation);
            let after = || segments[i..].iter().find_map(generation);
            let generation = generation(found).or(before).or_else(after).unwrap_or(1);
            before = Some(generation);
            self.newest_generation = self.newest_generation.max(before);
            self.replay(found, generation)?;
        }
        Ok(numbers.last().copied().unwrap_or(0))
    }

    fn inspect(&self, path: PathBuf) -> Result<Segment, StoreError> {
        let io = |source| StoreError::io("read", &path, source);
        let file = self.disk.open(&path).map_err(io)?;
        let mut bytes = vec![0; file.len().map_err(io)?.min(HEADER_BYTES) as usize];
        file.read_at(0, &mut bytes).map_err(io)?;
        match Header::decode(&bytes) {
            Err(CodecError::Unsupported(found)) => Err(StoreError::NewerFormat {
                path,
                found: u64::from(found),
                supported: u64::from(segment::VERSION),
            }),
            header => Ok(Segment {
                path,
                header: header.ok(),
            }),
        }
    }

    fn replay(&mut self, found: &Segment, generation: u64) -> Result<(), StoreError> {
        let path = &found.path;
        if self.covered.is_some_and(|covered| generation <= covered) {
            // A crash came between making a block and removing the log it was made from.
            return self.remove(path);
        }
        let bytes = read_all(self.disk, path);
        let bytes = bytes.map_err(|source| StoreError::io("read", path, source))?;
        let scan = segment::scan(&bytes);
        self.set_aside(found, &bytes, &scan);
        if scan.records.is_empty() {
            return self.remove(path);
        }
        let created: Option<Timestamp> = found.header.map(|header| header.created);
        self.head.created = self.head.created.or(created);
        // Definitions first: of their two copies the first may be damaged.
        for definitions in [true, false] {
            let sort = |record: &&segment::Found| (record.kind == SERIES) == definitions;
            for record in scan.records.iter().filter(sort) {
                let payload = &bytes[record.payload.clone()];
                if let Err(reason) = self.apply(generation, record.kind, payload) {
                    let offset = record.offset as u64;
                    self.quarantine.copy(path, offset, payload, &reason);
                }
            }
        }
        self.closed.push(Closed {
            path: path.clone(),
            generation,
            bytes: bytes.len() as u64,
        });
        Ok(())
    }

    fn set_aside(&self, found: &Segment, bytes: &[u8], scan: &segment::Scan) {
        let path = &found.path;
        let header = &bytes[..(HEADER_BYTES as usize).min(bytes.len())];
        // A header of nothing but zeros was never written.
        if found.header.is_none() && header.iter().any(|byte| *byte != 0) {
            let reason = "the segment's header is damaged";
            self.quarantine.copy(path, 0, header, reason);
        }
        for damaged in &scan.damaged {
            let (offset, stretch) = (damaged.start as u64, &bytes[damaged.clone()]);
            let reason = "no whole log record";
            self.quarantine.copy(path, offset, stretch, reason);
        }
    }

    fn remove(&self, path: &Path) -> Result<(), StoreError> {
        if self.quarantine.read_only {
            return Ok(());
        }
        let removed = self.disk.remove(path);
        removed.map_err(|source| StoreError::io("remove", path, source))
    }

    fn apply(&mut self, generation: u64, kind: u8, payload: &[u8]) -> Result<(), String> {
        let (head, series) = (&mut self.head, &mut self.series);
        if kind == SERIES {
            return record::decode_series(payload, |id, labels| {
                // Bytes that are no label set define nothing; their samples are reported below.
                if let Ok(labels) = LabelsRef::from_encoded(labels) {
                    let known = head.find(labels).unwrap_or_else(|| head.insert(labels));
                    series.insert((generation, id), known);
                }
            })
            .map_err(|error| error.to_string());
        }
        if kind != record::BATCH {
            return Err(format!("a log record of unknown kind {kind}"));
        }
        let mut orphans = 0;
        let metadata = &mut self.metadata;
        let mut sample = |id, time, value: Value<'_>| match series.get(&(generation, id)) {
            Some(id) => head.append(*id, time, value),
            None => orphans += 1,
        };
        record::decode_batch(payload, |row| match row {
            Row::Float(id, time, value) => sample(id, time, Value::Float(value)),
            Row::Histogram(id, time, value) => sample(id, time, Value::Histogram(&value)),
            Row::Metadata(name, value) => {
                if metadata.len() < METADATA_MAX || metadata.contains_key(name) {
                    metadata.insert(name.to_owned(), value);
                }
            }
        })
        .map_err(|error| error.to_string())?;
        if orphans > 0 {
            return Err(format!("{orphans} samples of series that nothing defines"));
        }
        Ok(())
    }
}
