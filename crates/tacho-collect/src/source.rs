//! A text file of procfs or sysfs, read again and again.
//!
//! The file stays open and is read from its start each time, into one buffer: opening costs more
//! than reading. A file that fails is opened anew the next time. Not for files that are replaced
//! by renaming: the kernel's never are.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{CollectError, ParseError};
use crate::sys;

/// Most bytes of one file that are read. The largest real one, `/proc/stat` of a host with
/// thousands of interrupts and a thousand cores, is about 200 KiB.
pub const FILE_BYTES_MAX: usize = 4 << 20;

/// A file that is read on every tick.
#[derive(Debug)]
pub struct TextFile {
    path: PathBuf,
    file: Option<File>,
    buffer: Vec<u8>,
    length: usize,
}

impl TextFile {
    /// The file at `path`, opened when it is first read.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            buffer: Vec::new(),
            length: 0,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes now.
    pub fn read(&mut self) -> Result<&[u8], CollectError> {
        match self.fill() {
            Ok(length) => {
                self.length = length;
                Ok(self.buffer.get(..length).unwrap_or_default())
            }
            Err(error) => {
                self.file = None;
                self.buffer = Vec::new();
                Err(error)
            }
        }
    }

    /// Its bytes now, through a parser.
    pub fn parse<'a, T>(
        &'a mut self,
        parser: impl FnOnce(&'a [u8]) -> Result<T, ParseError>,
    ) -> Result<T, CollectError> {
        self.read()?;
        let bytes = self.buffer.get(..self.length).unwrap_or_default();
        parser(bytes).map_err(|source| CollectError::Malformed {
            path: self.path.clone(),
            source,
        })
    }

    fn fill(&mut self) -> Result<usize, CollectError> {
        let failed = |source| CollectError::Read {
            path: self.path.clone(),
            source,
        };
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path).map_err(failed)?,
        };
        if self.buffer.is_empty() {
            self.buffer.resize(4096, 0);
        }
        let mut length = 0;
        loop {
            let free = self.buffer.get_mut(length..).unwrap_or_default();
            let read = sys::read_at(&file, free, length as u64).map_err(failed)?;
            length += read;
            if read == 0 {
                break;
            }
            if length > FILE_BYTES_MAX {
                return Err(CollectError::TooLarge {
                    path: self.path.clone(),
                    limit: FILE_BYTES_MAX,
                });
            }
            if length == self.buffer.len() {
                self.buffer.resize(length * 2, 0);
            }
        }
        self.file = Some(file);
        Ok(length)
    }
}

/// The trimmed content of a small file that is read once, such as the host's name.
pub fn read_line(path: &Path) -> Option<String> {
    let bytes = TextFile::new(path.to_owned()).read().ok()?.to_owned();
    let line = crate::text::lines(&bytes).next()?;
    let text = String::from_utf8_lossy(line).trim().to_owned();
    (!text.is_empty() && text.len() <= 1024).then_some(text)
}
