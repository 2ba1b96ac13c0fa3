//! The file of a block under construction: pages, each followed by its checksum.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{HEADER_BYTES, PageAt, header};
use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// A file that grows by pages under a temporary name.
pub(crate) struct Output {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    temporary: PathBuf,
    file: Arc<dyn DiskFile>,
    buffer: Vec<u8>,
    written: u64,
}

impl Output {
    /// Begins a file that will be found at `path` once it is finished.
    pub(crate) fn create(
        disk: Arc<dyn Disk>,
        path: &Path,
        magic: [u8; 8],
    ) -> Result<Self, StoreError> {
        let temporary = path.with_extension("tmp");
        let file = disk.create(&temporary);
        let file = file.map_err(|source| StoreError::io("create", &temporary, source))?;
        Ok(Self {
            disk,
            path: path.to_owned(),
            temporary,
            file,
            buffer: header(magic),
            written: 0,
        })
    }

    /// Appends a page and its checksum.
    pub(crate) fn put(&mut self, payload: &[u8]) -> Result<PageAt, StoreError> {
        self.put_parts(&[payload])
    }

    /// Appends a page that is made of several stretches of bytes.
    pub(crate) fn put_parts(&mut self, parts: &[&[u8]]) -> Result<PageAt, StoreError> {
        let offset = self.written + self.buffer.len() as u64;
        debug_assert!(offset >= HEADER_BYTES as u64, "pages follow the header");
        let mut crc = 0;
        let mut bytes = 0;
        for part in parts {
            self.buffer.extend_from_slice(part);
            crc = crc32c::crc32c_append(crc, part);
            bytes += part.len() as u32;
        }
        self.buffer.extend_from_slice(&crc.to_le_bytes());
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_out()?;
        }
        Ok(PageAt { offset, bytes })
    }

    fn write_out(&mut self) -> Result<(), StoreError> {
        self.file
            .write_at(self.written, &self.buffer)
            .map_err(|source| StoreError::io("write", &self.temporary, source))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Removes what was written.
    pub(crate) fn abandon(self) {
        if let Err(error) = self.disk.remove(&self.temporary) {
            // Opening the store removes it otherwise.
            tracing::debug!(path = %self.temporary.display(), %error, "could not remove a file");
        }
    }

    /// Writes the footer and gives the file its name.
    pub(crate) fn finish(&mut self, footer: &[u8]) -> Result<(), StoreError> {
        self.buffer.extend_from_slice(footer);
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
