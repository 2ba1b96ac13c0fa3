//! Reading a block: positioned reads of single pages, each checked.
//!
//! A page that fails its check is reported once and then treated as holding nothing. An error of
//! the disk itself is an error.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tacho_model::{Metadata, TimeRange};

use super::format::{
    CRC_BYTES, Directory, Entry, FOOTER_BYTES, Footer, HEADER_BYTES, PageAt, PageRef, entry, header,
};
use crate::codec::bytes::Reader;
use crate::codec::{histograms, times, values};
use crate::disk::{Disk, DiskFile};
use crate::error::{CodecError, StoreError};
use crate::quarantine::{Quarantined, Reports};
use crate::samples::Gather;
use crate::wal::record::decode_metadata;

/// An open block.
pub(crate) struct Block {
    file: Arc<dyn DiskFile>,
    pub(crate) path: PathBuf,
    name: String,
    pub(crate) footer: Footer,
    pub(crate) bytes: u64,
    directory: Directory,
    reports: Arc<Reports>,
}

impl Block {
    /// Opens a block, checking header, footer and directory.
    pub(crate) fn open(
        disk: &dyn Disk,
        path: &Path,
        reports: Arc<Reports>,
    ) -> Result<Self, StoreError> {
        let io = |source| StoreError::io("open", path, source);
        let damaged = |offset: u64, error: CodecError| match error {
            CodecError::Unsupported(found) => StoreError::NewerFormat {
                path: path.to_owned(),
                found: u64::from(found),
                supported: u64::from(super::format::VERSION),
            },
            _ => StoreError::Damaged {
                path: path.to_owned(),
                offset,
                reason: error.to_string(),
            },
        };
        let file = disk.open(path).map_err(io)?;
        let bytes = file.len().map_err(io)?;
        let footer_at = bytes.checked_sub(FOOTER_BYTES as u64);
        let footer_at = footer_at.ok_or_else(|| damaged(0, CodecError::Short))?;
        let mut footer = vec![0; FOOTER_BYTES];
        file.read_at(footer_at, &mut footer).map_err(io)?;
        let footer = Footer::decode(&footer).map_err(|error| damaged(footer_at, error))?;
        let directory = read_page(&*file, footer.directory, footer_at)
            .map_err(io)?
            .and_then(|page| Directory::decode(&page))
            .map_err(|error| damaged(footer.directory.offset, error))?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let block = Self {
            file,
            path: path.to_owned(),
            name: format!("blocks/{}", name.to_string_lossy()),
            footer,
            bytes,
            directory,
            reports,
        };
        let mut first = vec![0; HEADER_BYTES];
        block.file.read_at(0, &mut first).map_err(io)?;
        if first != header() {
            // The footer says all that is needed, so this costs nothing but must be known.
            let at = PageAt {
                offset: 0,
                bytes: HEADER_BYTES as u32,
            };
            block.report(at, "the header is damaged");
        }
        Ok(block)
    }

    fn report(&self, at: PageAt, reason: &str) {
        self.reports.add(Quarantined {
            file: self.name.clone(),
            offset: at.offset,
            bytes: u64::from(at.bytes),
            reason: reason.to_owned(),
        });
    }

    /// Whether anything in it was found damaged.
    pub(crate) fn is_damaged(&self) -> bool {
        self.reports
            .list()
            .iter()
            .any(|entry| entry.file == self.name)
    }

    /// A page; `None` when it is damaged, which is reported.
    fn page(&self, at: PageAt) -> Result<Option<Vec<u8>>, StoreError> {
        match read_page(&*self.file, at, self.bytes) {
            Err(source) => Err(StoreError::io("read", &self.path, source)),
            Ok(Ok(page)) => Ok(Some(page)),
            Ok(Err(error)) => {
                self.report(at, &error.to_string());
                Ok(None)
            }
        }
    }

    /// Number of index pages.
    pub(crate) fn index_pages(&self) -> usize {
        self.directory.index.len()
    }

    /// An index page; `None` when it is damaged.
    pub(crate) fn index_page(&self, number: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.page(self.directory.index[number].at)
    }

    /// The entries of an index page, up to the first that is damaged.
    pub(crate) fn entries<'a>(
        &'a self,
        number: usize,
        page: &'a [u8],
    ) -> impl Iterator<Item = Entry<'a>> {
        let mut reader = Reader::new(page);
        std::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            let next = entry(&mut reader);
            if let Err(error) = &next {
                self.report(self.directory.index[number].at, &error.to_string());
            }
            next.ok()
        })
    }

    /// Hands every series that may have samples inside `range` to `each`.
    pub(crate) fn for_each(
        &self,
        range: TimeRange,
        mut each: impl FnMut(Entry<'_>),
    ) -> Result<(), StoreError> {
        for (number, index) in self.directory.index.iter().enumerate() {
            if !index.range.overlaps(range) {
                continue;
            }
            if let Some(page) = self.index_page(number)? {
                self.entries(number, &page).for_each(&mut each);
            }
        }
        Ok(())
    }

    /// The pages of an index entry; none when it is damaged, which is reported.
    pub(crate) fn pages(&self, entry: Entry<'_>, range: TimeRange) -> Vec<PageRef> {
        entry.pages(range).unwrap_or_else(|error| {
            self.report(PageAt::default(), &error.to_string());
            Vec::new()
        })
    }

    /// Decodes a page of samples; a damaged one adds nothing.
    pub(crate) fn read(&self, page: &PageRef, into: &mut Gather<'_>) -> Result<(), StoreError> {
        let Some(payload) = self.page(page.at)? else {
            return Ok(());
        };
        let shared = match page.times {
            Some(at) => match self.page(at)? {
                Some(times) => Some(times),
                None => return Ok(()),
            },
            None => None,
        };
        if let Err(error) = decode(page, &payload, shared.as_deref(), into) {
            self.report(page.at, &error.to_string());
        }
        Ok(())
    }

    /// What was known of metric names when the block was written; `None` when damaged.
    pub(crate) fn metadata(&self) -> Result<Option<Vec<(String, Metadata)>>, StoreError> {
        let Some(page) = self.page(self.directory.metadata)? else {
            return Ok(None);
        };
        let mut reader = Reader::new(&page);
        let mut read = || {
            let mut all = Vec::new();
            for _ in 0..reader.count(4)? {
                let (name, metadata) = decode_metadata(&mut reader)?;
                all.push((name.to_owned(), metadata));
            }
            Ok(all)
        };
        Ok(read()
            .map_err(|error: CodecError| {
                self.report(self.directory.metadata, &error.to_string());
            })
            .ok())
    }
}

fn decode(
    page: &PageRef,
    payload: &[u8],
    shared: Option<&[u8]>,
    into: &mut Gather<'_>,
) -> Result<(), CodecError> {
    let mut reader = Reader::new(payload);
    let encoded_times = match shared {
        Some(times) => times,
        None => reader.bytes()?,
    };
    let count = page.count as usize;
    if page.histograms {
        return into.histograms(|timestamps, held| {
            times::decode(encoded_times, count, timestamps)?;
            for _ in 0..count {
                held.push(histograms::decode(&mut reader)?);
            }
            Ok(())
        });
    }
    let rest = reader.take(reader.remaining())?;
    into.floats(|timestamps, numbers| {
        times::decode(encoded_times, count, timestamps)?;
        values::decode(rest, count, numbers)
    })
}

/// Reads a page and checks it; the outer error is the disk's.
fn read_page(
    file: &dyn DiskFile,
    at: PageAt,
    file_bytes: u64,
) -> io::Result<Result<Vec<u8>, CodecError>> {
    let whole = u64::from(at.bytes) + CRC_BYTES as u64;
    let end = at.offset.checked_add(whole);
    if end.is_none_or(|end| end > file_bytes) {
        return Ok(Err(CodecError::Corrupt("a page lies outside the file")));
    }
    let mut bytes = vec![0; whole as usize];
    file.read_at(at.offset, &mut bytes)?;
    let crc = bytes.split_off(at.bytes as usize);
    if crc != crc32c::crc32c(&bytes).to_le_bytes() {
        return Ok(Err(CodecError::Corrupt(
            "a page does not match its checksum",
        )));
    }
    Ok(Ok(bytes))
}
