//! A file of pages, each followed by its checksum, that ends in a footer: what blocks and files of
//! records have in common.
//!
//! Opening reads footer and directory; all else is read when it is needed. A page that fails its
//! check is reported once and then treated as holding nothing. An error of the disk itself is an
//! error.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::format::{CRC_BYTES, FOOTER_BYTES, Footer, HEADER_BYTES, PageAt, VERSION, is_header};
use crate::cache::{Cache, Part};
use crate::disk::{Disk, DiskFile};
use crate::error::{CodecError, StoreError};
use crate::quarantine::{Quarantined, Reports};

/// An open file of pages.
pub(crate) struct PagedFile {
    file: Arc<dyn DiskFile>,
    pub(crate) path: PathBuf,
    name: String,
    pub(crate) footer: Footer,
    pub(crate) bytes: u64,
    reports: Arc<Reports>,
    /// The list of reports is bounded; this is not.
    damaged: AtomicBool,
    pub(super) cache: Arc<Cache>,
    /// Its number in the cache.
    pub(super) id: u64,
}

/// A file relative to the data folder: `blocks/NAME`, or `rollups/STEP/NAME`.
fn name_of(path: &Path) -> String {
    let names = path.iter().map(|name| name.to_string_lossy());
    let names: Vec<_> = names.collect();
    let folders = ["blocks", "rollups", "snapshots", "records"];
    let folder = names.iter().rposition(|name| folders.contains(&&**name));
    names[folder.unwrap_or(names.len().saturating_sub(1))..].join("/")
}

impl PagedFile {
    /// Opens a file that begins with `magic`, checking header and footer; with its directory's
    /// page.
    pub(crate) fn open(
        disk: &dyn Disk,
        path: &Path,
        magic: [u8; 8],
        reports: Arc<Reports>,
        cache: Arc<Cache>,
    ) -> Result<(Self, Vec<u8>), StoreError> {
        let io = |source| StoreError::io("open", path, source);
        let damaged = |offset: u64, error: CodecError| StoreError::Damaged {
            path: path.to_owned(),
            offset,
            reason: error.to_string(),
        };
        let file = disk.open(path).map_err(io)?;
        let bytes = file.len().map_err(io)?;
        let footer_at = bytes.checked_sub(FOOTER_BYTES as u64);
        let footer_at = footer_at.ok_or_else(|| damaged(0, CodecError::Short))?;
        let mut footer = vec![0; FOOTER_BYTES];
        file.read_at(footer_at, &mut footer).map_err(io)?;
        let footer = Footer::decode(&footer).map_err(|error| match error {
            CodecError::Unsupported(found) => {
                StoreError::other_format(path, u64::from(found), u64::from(VERSION))
            }
            _ => damaged(footer_at, error),
        })?;
        let directory = read_page(&*file, footer.directory, bytes)
            .map_err(io)?
            .map_err(|error| damaged(footer.directory.offset, error))?;
        let paged = Self {
            file,
            path: path.to_owned(),
            name: name_of(path),
            footer,
            bytes,
            reports,
            damaged: AtomicBool::new(false),
            id: cache.block(),
            cache,
        };
        let mut first = vec![0; HEADER_BYTES];
        paged.file.read_at(0, &mut first).map_err(io)?;
        if !is_header(&first, magic) {
            // The footer says all that is needed, so this costs nothing but must be known.
            let at = PageAt {
                offset: 0,
                bytes: HEADER_BYTES as u32,
            };
            paged.report(at, "the header is damaged");
        }
        Ok((paged, directory))
    }

    /// The error for a directory that does not decode.
    pub(crate) fn damaged(&self, error: CodecError) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            offset: self.footer.directory.offset,
            reason: error.to_string(),
        }
    }

    pub(crate) fn report(&self, at: PageAt, reason: &str) {
        self.damaged.store(true, Relaxed);
        self.reports.add(Quarantined {
            file: self.name.clone(),
            offset: at.offset,
            bytes: u64::from(at.bytes),
            reason: reason.to_owned(),
        });
    }

    /// Whether anything in it was found damaged.
    pub(crate) fn is_damaged(&self) -> bool {
        let named = |entry: &Quarantined| entry.file == self.name;
        self.damaged.load(Relaxed) || self.reports.list().iter().any(named)
    }

    /// A page; `None` when it is damaged, which is reported.
    pub(crate) fn page(&self, at: PageAt) -> Result<Option<Vec<u8>>, StoreError> {
        match read_page(&*self.file, at, self.bytes) {
            Err(source) => Err(StoreError::io("read", &self.path, source)),
            Ok(Ok(page)) => Ok(Some(page)),
            Ok(Err(error)) => {
                self.report(at, &error.to_string());
                Ok(None)
            }
        }
    }

    /// A part that the cache keeps; `None` when its page is damaged, which is reported.
    pub(crate) fn part<T>(
        &self,
        at: PageAt,
        kept: impl FnOnce(Part) -> Option<Arc<T>>,
        decode: impl FnOnce(&[u8]) -> Result<T, CodecError>,
        keep: impl FnOnce(Arc<T>) -> Part,
    ) -> Result<Option<Arc<T>>, StoreError> {
        if let Some(part) = self.cache.get(self.id, at.offset).and_then(kept) {
            return Ok(Some(part));
        }
        let Some(page) = self.page(at)? else {
            return Ok(None);
        };
        match decode(&page) {
            Ok(part) => {
                let part = Arc::new(part);
                self.cache.insert(self.id, at.offset, keep(part.clone()));
                Ok(Some(part))
            }
            Err(error) => {
                self.report(at, &error.to_string());
                Ok(None)
            }
        }
    }
}

/// Reads a page and checks it; the outer error is the disk's.
fn read_page(
    file: &dyn DiskFile,
    at: PageAt,
    file_bytes: u64,
) -> io::Result<Result<Vec<u8>, CodecError>> {
    if at.end() > file_bytes {
        return Ok(Err(CodecError::Corrupt("a page lies outside the file")));
    }
    let mut bytes = vec![0; at.bytes as usize + CRC_BYTES];
    file.read_at(at.offset, &mut bytes)?;
    let payload = at.bytes as usize;
    let crc = crc32c::crc32c(&bytes[..payload]).to_le_bytes();
    if bytes[payload..] != crc {
        return Ok(Err(CodecError::Corrupt(
            "a page does not match its checksum",
        )));
    }
    bytes.truncate(payload);
    Ok(Ok(bytes))
}
