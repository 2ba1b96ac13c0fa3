//! The log on its way back into a head.
//!
//! Segments are replayed in order of their numbers, the shards of each beside each other. What is
//! damaged is set aside; what a block holds already is removed.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tacho_model::{Metadata, Timestamp};

use super::METADATA_MAX;
use super::worker::{Failure, Worker};
use crate::disk::{Disk, read_all};
use crate::error::{CodecError, StoreError};
use crate::head::Head;
use crate::quarantine::Quarantine;
use crate::records::head::{Added, RecordHead};
use crate::records::logged;
use crate::wal::Closed;
use crate::wal::record::RECORDS;
use crate::wal::segment::{self, HEADER_BYTES, Header};

/// Most threads that replay beside each other.
const WORKERS_MAX: usize = 8;
/// A segment with less than this is not worth more than one thread.
const PARALLEL_BYTES: usize = 256 << 10;

/// A log segment as it was found.
struct Segment {
    path: PathBuf,
    number: u64,
    /// `None` when it is damaged.
    header: Option<Header>,
    generation: u64,
}

/// What the log holds, before it is read.
pub(crate) struct Log<'a> {
    disk: &'a dyn Disk,
    quarantine: &'a Quarantine,
    segments: Vec<Segment>,
}

/// What is in files already: the newest generation of each.
pub(crate) struct Covered {
    /// In blocks.
    pub(crate) samples: Option<u64>,
    /// In files of records, by table.
    pub(crate) records: BTreeMap<String, u64>,
}

impl Covered {
    /// Whether the rows of this payload, logged in that generation, are in no file yet.
    fn lacks(&self, payload: &[u8], generation: u64) -> bool {
        let table = logged::table(payload).unwrap_or_default();
        self.records
            .get(table)
            .is_none_or(|covered| *covered < generation)
    }
}

/// What became of the log.
pub(crate) struct Replayed {
    pub(crate) head: Head,
    pub(crate) records: RecordHead,
    /// Segments that are still needed.
    pub(crate) closed: Vec<Closed>,
    pub(crate) last_number: u64,
}

impl<'a> Log<'a> {
    /// Lists the segments of a folder and reads their headers; `covered` is the newest generation
    /// that is in any file.
    pub(crate) fn list(
        disk: &'a dyn Disk,
        quarantine: &'a Quarantine,
        dir: &Path,
        covered: Option<u64>,
    ) -> Result<Self, StoreError> {
        let names = match disk.list(dir) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(StoreError::io("list", dir, source)),
        };
        let mut numbers: Vec<u64> = names.iter().filter_map(|n| segment::number_of(n)).collect();
        numbers.sort_unstable();
        let mut segments = Vec::new();
        for number in numbers {
            let path = dir.join(segment::file_name(number));
            let header = inspect(disk, &path)?;
            segments.push(Segment {
                path,
                number,
                header,
                generation: 0,
            });
        }
        // A segment whose header is damaged belongs to its neighbours' generation. Without any that
        // can tell, it is one that no block has: it must not be taken for superfluous.
        let known = |segment: &Segment| segment.header.map(|header| header.generation);
        let before = segments.iter().find_map(known);
        let mut before = before.unwrap_or(covered.map_or(1, |covered| covered + 1));
        for segment in &mut segments {
            before = known(segment).unwrap_or(before);
            segment.generation = before;
        }
        Ok(Self {
            disk,
            quarantine,
            segments,
        })
    }

    /// The newest generation that has a segment.
    pub(crate) fn generation(&self) -> Option<u64> {
        self.segments.iter().map(|segment| segment.generation).max()
    }

    /// What label sets were hashed with last; something new when there is no log.
    fn seed(&self) -> u64 {
        let seeds = self.segments.iter().rev().filter_map(|s| s.header);
        let last = seeds.map(|header| header.seed).next();
        last.unwrap_or_else(|| RandomState::new().hash_one(0))
    }

    /// Replays all that no block covers into a head of that generation.
    pub(crate) fn replay(
        self,
        generation: u64,
        covered: &Covered,
        metadata: &mut BTreeMap<String, Metadata>,
    ) -> Result<Replayed, StoreError> {
        let mut replayed = Replayed {
            head: Head::new(generation, self.seed()),
            records: RecordHead::new(generation),
            closed: Vec::new(),
            last_number: self.segments.last().map_or(0, |segment| segment.number),
        };
        replayed.head.generation_min = covered.samples.map_or(1, |covered| covered + 1);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut workers: Vec<Worker> = Vec::new();
        let mut of_generation = None;
        for segment in &self.segments {
            if of_generation != Some(segment.generation) {
                // References mean something within a generation only.
                workers.clear();
                workers.resize_with(threads.min(WORKERS_MAX), Worker::default);
                of_generation = Some(segment.generation);
            }
            self.replay_segment(segment, covered, &mut workers, &mut replayed, metadata)?;
        }
        Ok(replayed)
    }

    fn replay_segment(
        &self,
        found: &Segment,
        covered: &Covered,
        workers: &mut [Worker],
        replayed: &mut Replayed,
        metadata: &mut BTreeMap<String, Metadata>,
    ) -> Result<(), StoreError> {
        let path = &found.path;
        let bytes = read_all(self.disk, path);
        let bytes = bytes.map_err(|source| StoreError::io("read", path, source))?;
        let scan = segment::scan(&bytes);
        let in_blocks = covered.samples >= Some(found.generation);
        let rows = |record: &segment::Found| {
            let payload = &bytes[record.payload.clone()];
            record.kind == RECORDS && covered.lacks(payload, found.generation)
        };
        if in_blocks && !scan.records.iter().any(rows) {
            // A crash came between making a block and removing the log it was made from.
            return self.remove(path);
        }
        self.set_aside(found, &bytes, &scan);
        if scan.records.is_empty() {
            return self.remove(path);
        }
        let begun: Option<Timestamp> = found.header.map(|header| header.created);
        if !in_blocks {
            if let Some(begun) = begun {
                replayed.head.created_by(begun);
            }
            self.replay_samples(
                path,
                &bytes,
                &scan.records,
                (workers, &replayed.head),
                metadata,
            );
        }
        // When nobody knows, they are old enough to become a file at once.
        let came = begun.unwrap_or_default();
        for record in scan.records.iter().filter(|record| rows(record)) {
            let payload = &bytes[record.payload.clone()];
            match logged::decode(payload) {
                Ok((schema, rows)) => replayed
                    .records
                    .add(Added::new(Arc::new(schema), Arc::new(rows)), came),
                Err(error) => {
                    let offset = record.offset as u64;
                    self.quarantine
                        .copy(path, offset, payload, &error.to_string());
                }
            }
        }
        replayed.closed.push(Closed {
            path: path.clone(),
            generation: found.generation,
            bytes: bytes.len() as u64,
        });
        Ok(())
    }

    /// Replays definitions, samples and metadata into a head.
    fn replay_samples(
        &self,
        path: &Path,
        bytes: &[u8],
        records: &[segment::Found],
        (workers, head): (&mut [Worker], &Head),
        metadata: &mut BTreeMap<String, Metadata>,
    ) {
        let payload = |at: usize| (records[at].kind, &bytes[records[at].payload.clone()]);
        let count = records.len();
        let shares = workers.len();
        // A worker needs the definitions of its shards only, so none waits for another.
        let failures: Vec<Failure> = if bytes.len() < PARALLEL_BYTES {
            let each = workers.iter_mut().enumerate();
            each.flat_map(|(share, worker)| worker.run(head, (share, shares), count, payload))
                .collect()
        } else {
            std::thread::scope(|scope| {
                let each = workers.iter_mut().enumerate();
                let running: Vec<_> = each
                    .map(|(share, worker)| {
                        scope.spawn(move || worker.run(head, (share, shares), count, payload))
                    })
                    .collect();
                let join = |handle: std::thread::ScopedJoinHandle<'_, Vec<Failure>>| {
                    handle
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                running.into_iter().flat_map(join).collect()
            })
        };
        for worker in workers {
            for (name, value) in worker.take_metadata() {
                if metadata.len() < METADATA_MAX || metadata.contains_key(&name) {
                    metadata.insert(name, value);
                }
            }
        }
        for (record, reason) in summary(failures) {
            let (_, payload) = payload(record);
            let offset = records[record].offset as u64;
            self.quarantine.copy(path, offset, payload, &reason);
        }
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
}

fn inspect(disk: &dyn Disk, path: &Path) -> Result<Option<Header>, StoreError> {
    let io = |source| StoreError::io("read", path, source);
    let file = disk.open(path).map_err(io)?;
    let mut bytes = vec![0; file.len().map_err(io)?.min(HEADER_BYTES) as usize];
    file.read_at(0, &mut bytes).map_err(io)?;
    match Header::decode(&bytes) {
        Err(CodecError::Unsupported(found)) => Err(StoreError::NewerFormat {
            path: path.to_owned(),
            found: u64::from(found),
            supported: u64::from(segment::VERSION),
        }),
        header => Ok(header.ok()),
    }
}

/// One reason for each record that failed: what is wrong with it, or else how many of its samples
/// have no series.
fn summary(failures: Vec<Failure>) -> BTreeMap<usize, String> {
    let mut orphans: BTreeMap<usize, u64> = BTreeMap::new();
    let mut reasons = BTreeMap::new();
    for failure in failures {
        match failure {
            Failure::Orphans { record, count } => *orphans.entry(record).or_default() += count,
            Failure::Damaged { record, reason } => {
                reasons.entry(record).or_insert(reason);
            }
        }
    }
    for (record, count) in orphans {
        let reason = || format!("{count} samples of series that nothing defines");
        reasons.entry(record).or_insert_with(reason);
    }
    reasons
}
