//! The data folder: who may use it, and which version of the layout it has.
//!
//! `LOCK` is locked (flock, which the system releases when a process ends, however it ends):
//! exclusively by a writer, who leaves its process id inside, and shared by read-only users.
//! `FORMAT` names the version of the layout, with a checksum, so that damage is not taken for a
//! newer version.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk::{Disk, read_all, write_all};
use crate::error::StoreError;
use crate::quarantine::Quarantine;

/// The version of the folder's layout that this program writes and reads.
pub(crate) const VERSION: u64 = 2;
/// How often, and with which pause, a lock is tried: a command that reads the folder is soon done.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The lock on a data folder; released when dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
    exclusive: bool,
}

/// Creates the folder where missing and locks it for writing.
pub(crate) fn lock_for_writing(dir: &Path) -> Result<FolderLock, StoreError> {
    let writable = |error| not_writable(dir, error);
    fs::create_dir_all(dir).map_err(writable)?;
    let path = dir.join("LOCK");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(writable)?;
    wait_for(&file, dir, &path, File::try_lock)?;
    let write_id = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(std::process::id().to_string().as_bytes())
    };
    write_id(&mut file).map_err(|source| StoreError::io("write", &path, source))?;
    Ok(FolderLock {
        file,
        exclusive: true,
    })
}

/// Locks an existing folder for reading.
pub(crate) fn lock_for_reading(dir: &Path) -> Result<FolderLock, StoreError> {
    let path = dir.join("LOCK");
    let file = File::open(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::Missing {
            dir: dir.to_owned(),
        },
        _ => StoreError::io("open", &path, source),
    })?;
    wait_for(&file, dir, &path, File::try_lock_shared)?;
    Ok(FolderLock {
        file,
        exclusive: false,
    })
}

fn wait_for(
    file: &File,
    dir: &Path,
    path: &Path,
    lock: impl Fn(&File) -> Result<(), TryLockError>,
) -> Result<(), StoreError> {
    for attempt in 1..=LOCK_TRIES {
        match lock(file) {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(StoreError::io("lock", path, source)),
            Err(TryLockError::WouldBlock) if attempt < LOCK_TRIES => {
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {}
        }
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
    let pid = read.ok().and_then(|_| text.trim().parse().ok());
    let dir = dir.to_owned();
    Err(StoreError::Locked { dir, pid })
}

fn not_writable(dir: &Path, source: io::Error) -> StoreError {
    use io::ErrorKind::{AlreadyExists, NotADirectory, PermissionDenied, ReadOnlyFilesystem};
    let dir = dir.to_owned();
    match source.kind() {
        PermissionDenied | ReadOnlyFilesystem | NotADirectory | AlreadyExists => {
            StoreError::NotWritable { dir, source }
        }
        _ => StoreError::io("create", &dir, source),
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        if self.exclusive {
            // Only for the message of the next one who is refused.
            let _ = self.file.set_len(0);
        }
    }
}

/// Refuses another layout; writes the version into a new folder.
pub(crate) fn check_format(
    disk: &dyn Disk,
    dir: &Path,
    quarantine: &Quarantine,
) -> Result<(), StoreError> {
    let path = format_path(dir);
    let write = || write_format(disk, dir);
    let bytes = match read_all(disk, &path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return if quarantine.read_only {
                Ok(())
            } else {
                write()
            };
        }
        Err(source) => return Err(StoreError::io("read", &path, source)),
    };
    match parse_format(&bytes) {
        Some(found) if found != VERSION => Err(StoreError::other_format(&path, found, VERSION)),
        Some(_) => Ok(()),
        None => {
            // Every block and every segment of the log names its own version as well.
            quarantine.copy(&path, 0, &bytes, "the format's version is damaged");
            if quarantine.read_only {
                Ok(())
            } else {
                write()
            }
        }
    }
}

/// Refuses another layout, and leaves everything else as it is.
pub(crate) fn refuse_other_format(dir: &Path) -> Result<(), StoreError> {
    let path = format_path(dir);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(StoreError::io("read", &path, source)),
    };
    match parse_format(&bytes) {
        Some(found) if found != VERSION => Err(StoreError::other_format(&path, found, VERSION)),
        _ => Ok(()),
    }
}

/// Writes the version of the layout into a folder.
pub(crate) fn write_format(disk: &dyn Disk, dir: &Path) -> Result<(), StoreError> {
    let path = format_path(dir);
    let written = write_all(disk, &path, format_line(VERSION).as_bytes());
    written.map_err(|source| StoreError::io("write", &path, source))
}

pub(crate) fn format_path(dir: &Path) -> PathBuf {
    dir.join("FORMAT")
}

fn format_line(version: u64) -> String {
    let text = format!("tachograph {version}");
    format!("{text} {:08x}\n", crc32c::crc32c(text.as_bytes()))
}

fn parse_format(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let version = text.split(' ').nth(1)?.parse().ok()?;
    (format_line(version) == text).then_some(version)
}
