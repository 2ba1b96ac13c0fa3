//! The write-ahead log: what was acknowledged is here before it is acknowledged.
//!
//! A folder of segments, each with its room allocated ahead, so that a full disk shows when a
//! segment begins and never in a sync. Invariants:
//! 1. a record is written whole before its batch is applied or acknowledged;
//! 2. the segments of a generation define every series that its records name, each definition
//!    twice;
//! 3. only the newest segment is written to; older ones are cut to their length.
//!
//! The bytes are described in `docs/format.md`. In reading order: [`record`] (what is in a
//! record), [`segment`] (how records lie in a file and are found again), [`sync`] (when they are
//! forced to disk).

pub(crate) mod record;
pub(crate) mod segment;
pub(crate) mod sync;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tacho_model::Timestamp;

use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use segment::{HEADER_BYTES, Header};
use sync::{Syncer, Ticket};

/// The log, open for writing.
pub(crate) struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment_bytes: u64,
    pub(crate) generation: u64,
    next_number: u64,
    current: Option<Open>,
    closed: Vec<Closed>,
    seed: u64,
    syncer: Arc<Syncer>,
}

/// The segment that is written to.
struct Open {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    length: u64,
    allocated: u64,
}

/// A segment that only waits to be removed.
pub(crate) struct Closed {
    pub(crate) path: PathBuf,
    pub(crate) generation: u64,
    pub(crate) bytes: u64,
}

/// A segment, as whoever copies the log needs it.
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    /// How much of it counts, where it still grows; the others never change again.
    pub(crate) length: Option<u64>,
}

impl Wal {
    /// A log that goes on after the segments in `closed`, the newest of which is `last_number`.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        segment_bytes: u64,
        (generation, seed): (u64, u64),
        last_number: u64,
        closed: Vec<Closed>,
        syncer: Arc<Syncer>,
    ) -> Self {
        Self {
            disk,
            dir,
            segment_bytes,
            generation,
            next_number: last_number + 1,
            current: None,
            closed,
            seed,
            syncer,
        }
    }

    /// Makes room for `bytes` more in the current segment, beginning one where needed.
    pub(crate) fn reserve(&mut self, bytes: u64, now: Timestamp) -> Result<(), StoreError> {
        if let Some(open) = &self.current
            && open.length + bytes <= open.allocated
        {
            return Ok(());
        }
        self.close();
        let number = self.next_number;
        let path = self.dir.join(segment::file_name(number));
        // The number is not used again even when this fails: a leftover may bear it.
        self.next_number += 1;
        let allocated = self.segment_bytes.max(bytes + HEADER_BYTES);
        let begun = self.begin(&path, allocated, now);
        if begun.is_err() {
            // What could not begin is worth nothing; if it cannot go either, opening ignores it.
            let _ = self.disk.remove(&path);
        }
        self.current = Some(Open {
            file: begun?,
            path,
            length: HEADER_BYTES,
            allocated,
        });
        Ok(())
    }

    fn begin(
        &self,
        path: &Path,
        allocated: u64,
        now: Timestamp,
    ) -> Result<Arc<dyn DiskFile>, StoreError> {
        let io = |verb| move |source| StoreError::io(verb, path, source);
        let file = self.disk.create(path).map_err(io("create"))?;
        file.allocate(allocated).map_err(io("allocate"))?;
        let header = Header {
            generation: self.generation,
            created: now,
            seed: self.seed,
        };
        file.write_at(0, &header.encode()).map_err(io("write"))?;
        self.disk.sync_dir(&self.dir).map_err(io("sync"))?;
        Ok(file)
    }

    /// Writes records into room that [`Self::reserve`] made; whoever needs them safe waits for the
    /// ticket.
    pub(crate) fn append(&mut self, records: &[u8]) -> Result<Ticket, StoreError> {
        let Some(open) = &mut self.current else {
            let reason = "no log segment is open".to_owned();
            return Err(StoreError::ReadOnly { reason });
        };
        if let Err(source) = open.file.write_at(open.length, records) {
            let error = StoreError::io("write", &open.path, source);
            // Part of a record may be there: it must not come back to life.
            if open.file.truncate(open.length).is_err() {
                self.syncer.refuse(&format!("cannot undo: {error}"));
            }
            let path = open.path.clone();
            self.set_aside(path);
            return Err(error);
        }
        open.length += records.len() as u64;
        Ok(self.syncer.written(&open.file))
    }

    /// Stops writing to a segment after a failed write.
    fn set_aside(&mut self, path: PathBuf) {
        if let Some(open) = self.current.take() {
            self.closed.push(Closed {
                path,
                generation: self.generation,
                bytes: open.length,
            });
        }
    }

    /// Ends the current segment and cuts it to its length. What is not synced yet is synced as
    /// the policy says: a block of it, or closing the store, does not rely on this.
    pub(crate) fn close(&mut self) {
        let Some(open) = self.current.take() else {
            return;
        };
        let cut = open.file.truncate(open.length);
        let bytes = if cut.is_ok() {
            open.length
        } else {
            open.allocated
        };
        self.closed.push(Closed {
            path: open.path,
            generation: self.generation,
            bytes,
        });
    }

    /// Removes the segments of a generation, and of those before, that has become a block.
    pub(crate) fn remove_through(&mut self, generation: u64) -> Result<usize, StoreError> {
        let mut removed = 0;
        let mut failed = None;
        self.closed.retain(|closed| {
            if closed.generation > generation {
                return true;
            }
            match self.disk.remove(&closed.path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    failed = Some(StoreError::io("remove", &closed.path, source));
                    true
                }
                _ => {
                    removed += 1;
                    false
                }
            }
        });
        failed.map_or(Ok(removed), Err)
    }

    /// The segments that hold all that was appended so far.
    pub(crate) fn files(&self) -> Vec<LogFile> {
        let closed = self.closed.iter().map(|closed| LogFile {
            path: closed.path.clone(),
            length: None,
        });
        let open = self.current.iter().map(|open| LogFile {
            path: open.path.clone(),
            length: Some(open.length),
        });
        closed.chain(open).collect()
    }

    /// Bytes on disk, allocated ones included.
    pub(crate) fn bytes(&self) -> u64 {
        let open = self.current.as_ref().map_or(0, |open| open.allocated);
        open + self.closed.iter().map(|closed| closed.bytes).sum::<u64>()
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        self.close();
        if let Err(error) = self.syncer.sync() {
            tracing::error!(%error, "could not sync the log when closing the store");
        }
    }
}
