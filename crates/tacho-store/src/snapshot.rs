//! A copy of a running store: blocks, log and state records, complete or not there at all.
//!
//! Invariants:
//! 1. the copy holds everything that was acknowledged before it was asked for, and opens like any
//!    data folder;
//! 2. it is made under another name and renamed when all of it is on disk;
//! 3. appending never waits for it; making and removing blocks waits only while files get their
//!    second names, not while bytes are copied.
//!
//! Blocks, files of records, snapshots of values, the log's closed segments and the list of
//! deletions never change, only their names come and go; so they are linked. Where that fails, they
//! and always the segment that still grows are copied. The log is copied rather than flushed: a
//! flush would compress everything in memory and leave one more small block behind each backup, for
//! a segment of some MiB. A linked copy shares its bytes with the original: against a failing disk,
//! take it elsewhere.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, read_all, write_all};
use crate::engine::{Engine, records, rollup, value_snapshots};
use crate::error::StoreError;
use crate::folder;
use crate::rollup::Resolution;
use crate::state::State;
use crate::tombstones;

/// Bytes copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// What a snapshot consists of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Block files.
    pub blocks: usize,
    /// Segments of the write-ahead log.
    pub segments: usize,
    /// Files of records.
    pub record_files: usize,
    /// Bytes of all.
    pub bytes: u64,
    /// How many of them were copied; the others are shared with the original.
    pub bytes_copied: u64,
}

/// See [`crate::Store::snapshot`].
pub(crate) fn take(engine: &Engine, state: &State, to: &Path) -> Result<Snapshot, StoreError> {
    let partial = partial(to);
    for path in [to, &partial] {
        if path.symlink_metadata().is_ok() {
            let path = path.to_owned();
            return Err(StoreError::Occupied { path });
        }
    }
    let created = fs::create_dir(&partial);
    created.map_err(|source| StoreError::io("create", &partial, source))?;
    let taken = write(engine, &partial, to, |dir| {
        state.copy_to(&dir.join(crate::state::STATE_FILE))
    });
    if taken.is_err()
        && let Err(error) = fs::remove_dir_all(&partial)
    {
        tracing::warn!(path = %partial.display(), %error, "could not remove half a snapshot");
    }
    taken
}

/// Where a snapshot is made until it is complete.
fn partial(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    to.with_file_name(name)
}

/// A file whose bytes are still to be made safe.
struct Held {
    file: Arc<dyn DiskFile>,
    from: PathBuf,
    /// Where to, and how much of it; `None` when it is linked.
    copy: Option<(PathBuf, u64)>,
}

/// Fills the existing folder `partial` and renames it; `add` adds what the engine knows not of.
pub(crate) fn write(
    engine: &Engine,
    partial: &Path,
    to: &Path,
    add: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<Snapshot, StoreError> {
    let disk = &**engine.disk();
    let (blocks_dir, wal_dir) = (partial.join("blocks"), partial.join("wal"));
    let records_dir = records::folder(partial);
    let rollups_dirs = Resolution::ALL.map(|resolution| rollup::folder(partial, resolution));
    let dirs = [&blocks_dir, &wal_dir, &records_dir].into_iter();
    for dir in dirs.chain(&rollups_dirs) {
        let created = disk.create_dir(dir);
        created.map_err(|source| StoreError::io("create", dir, source))?;
    }
    let values_dir = value_snapshots::folder(partial);
    let values = engine.snapshot_paths();
    if !values.is_empty() {
        let created = disk.create_dir(&values_dir);
        created.map_err(|source| StoreError::io("create", &values_dir, source))?;
    }
    let mut snapshot = Snapshot::default();
    let held = engine.with_files(|blocks, log| {
        snapshot.blocks = blocks.len();
        snapshot.segments = log.len();
        let mut held = Vec::new();
        for block in blocks {
            let block = hold(disk, &block.path, None, &blocks_dir)?;
            held.push((block, true));
        }
        for file in engine.record_files() {
            snapshot.record_files += 1;
            held.push((hold(disk, &file.path, None, &records_dir)?, true));
        }
        for (resolution, block) in engine.rollups() {
            let folder = &rollups_dirs[resolution as usize];
            held.push((hold(disk, &block.path, None, folder)?, true));
        }
        for file in log {
            held.push((hold(disk, &file.path, file.length, &wal_dir)?, false));
        }
        // The list of deletions is replaced as a whole with each, which waits for us, too; a
        // snapshot of values does not wait to be removed.
        let lists = [(tombstones::path(engine.dir()), partial)];
        let values = values
            .iter()
            .map(|path| (path.clone(), values_dir.as_path()));
        for (path, dir) in lists.into_iter().chain(values) {
            match hold(disk, &path, None, dir) {
                Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                file => held.push((file?, true)),
            }
        }
        Ok(held)
    })?;
    for (file, is_synced) in held {
        file.finish(disk, is_synced, &mut snapshot)?;
    }
    write_format(engine, partial)?;
    // Whoever reads a data folder locks this.
    let lock = partial.join("LOCK");
    let created = disk.create(&lock).and_then(|file| file.sync());
    created.map_err(|source| StoreError::io("create", &lock, source))?;
    add(partial)?;
    let values_dir = (!values.is_empty()).then_some(&values_dir);
    let rollups = partial.join("rollups");
    let dirs = [&blocks_dir, &wal_dir, &records_dir, &rollups].into_iter();
    let dirs = dirs.chain(&rollups_dirs).chain(values_dir);
    for dir in dirs.map(PathBuf::as_path).chain([partial]) {
        let synced = disk.sync_dir(dir);
        synced.map_err(|source| StoreError::io("sync", dir, source))?;
    }
    let renamed = disk.rename(partial, to);
    renamed.map_err(|source| StoreError::io("rename", partial, source))?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let synced = disk.sync_dir(parent);
    synced.map_err(|source| StoreError::io("sync", parent, source))?;
    Ok(snapshot)
}

/// Gives a file its name in the copy, or holds it open until it is copied.
fn hold(disk: &dyn Disk, from: &Path, length: Option<u64>, dir: &Path) -> Result<Held, StoreError> {
    let io = |verb| move |source| StoreError::io(verb, from, source);
    let to = dir.join(from.file_name().unwrap_or(from.as_os_str()));
    let linked = length.is_none() && disk.link(from, &to).is_ok();
    let file = disk.open(from).map_err(io("open"))?;
    let copy = match (linked, length) {
        (true, _) => None,
        (false, Some(length)) => Some((to, length)),
        (false, None) => Some((to, file.len().map_err(io("read"))?)),
    };
    Ok(Held {
        file,
        from: from.to_owned(),
        copy,
    })
}

impl Held {
    fn finish(
        self,
        disk: &dyn Disk,
        is_synced: bool,
        snapshot: &mut Snapshot,
    ) -> Result<(), StoreError> {
        let io = |verb, path| move |source| StoreError::io(verb, path, source);
        let Some((to, length)) = &self.copy else {
            snapshot.bytes += self.file.len().map_err(io("read", &self.from))?;
            // A segment that was closed just now may wait for its sync.
            if !is_synced {
                self.file.sync().map_err(io("sync", &self.from))?;
            }
            return Ok(());
        };
        snapshot.bytes += length;
        snapshot.bytes_copied += length;
        let copy = disk.create(to).map_err(io("create", to))?;
        let mut buffer = vec![0; COPY_BYTES];
        let mut at = 0;
        while at < *length {
            let some = (*length - at).min(COPY_BYTES as u64) as usize;
            let buffer = &mut buffer[..some];
            self.file
                .read_at(at, buffer)
                .map_err(io("read", &self.from))?;
            copy.write_at(at, buffer).map_err(io("write", to))?;
            at += some as u64;
        }
        copy.sync().map_err(io("sync", to))
    }
}

/// The version of the layout that the original has.
fn write_format(engine: &Engine, partial: &Path) -> Result<(), StoreError> {
    let disk = &**engine.disk();
    let from = folder::format_path(engine.dir());
    match read_all(disk, &from) {
        Ok(bytes) => {
            let path = folder::format_path(partial);
            let written = write_all(disk, &path, &bytes);
            written.map_err(|source| StoreError::io("write", &path, source))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => folder::write_format(disk, partial),
        Err(source) => Err(StoreError::io("read", &from, source)),
    }
}
