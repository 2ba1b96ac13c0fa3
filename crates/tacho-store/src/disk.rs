//! The few things the engine asks of a disk, behind a trait, so that tests can crash it.
//!
//! Invariants that the engine keeps on top of it:
//! 1. a file is synced before it is renamed to the name that makes it count;
//! 2. a folder is synced after a file in it was created, renamed or removed, before anything
//!    relies on that;
//! 3. nothing is written to a file after it counts, but for appending to the newest log segment.
//!
//! Not for the state database: `SQLite` does its own I/O.

#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "tests crash it, a fuzzer only reads")
)]
pub(crate) mod fake;
mod real;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub(crate) use real::RealDisk;

/// A folder tree that files live in.
pub(crate) trait Disk: Send + Sync + 'static {
    /// Creates an empty file for writing and reading; an existing one is emptied.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for reading.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, replacing what had it; or a folder one that nothing has.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name, which nothing has; fails where the two names are on different
    /// file systems.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names of the files in a folder, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Creates a folder and its parents where missing.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a folder survive a power cut.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file.
pub(crate) trait DiskFile: Send + Sync {
    /// Reads exactly `into.len()` bytes from `offset`.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Reserves room up to `length` bytes, which read as zeros; fails when there is none.
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Cuts the file to `length` bytes.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Makes all that was written survive a power cut.
    fn sync(&self) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
}

/// Reads a whole file.
pub(crate) fn read_all(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let mut bytes = vec![0; file.len()? as usize];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// Writes a whole file under a temporary name, syncs it, and gives it its name.
pub(crate) fn write_all(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let file = disk.create(&temporary)?;
    file.write_at(0, bytes)?;
    file.sync()?;
    disk.rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
}
