//! The fixed parts of a block file: header, footer, and the directory of its index. Files of
//! records have the same header and footer.

use tacho_model::{TimeRange, Timestamp};

use crate::codec::bytes::{Reader, put_bytes, put_signed, put_varint};
use crate::error::CodecError;

/// First bytes of a block.
pub(crate) const BLOCK_MAGIC: [u8; 8] = *b"TACHOBLK";
/// First bytes of a file of records.
pub(crate) const RECORDS_MAGIC: [u8; 8] = *b"TACHOREC";
const FOOTER_MAGIC: [u8; 8] = *b"TACHOEND";
/// The version this program writes.
pub(crate) const VERSION: u32 = 3;
/// The oldest that it reads: 2 knew no numbers in pages.
const VERSION_OLDEST: u32 = 2;
/// Bytes of the header.
pub(crate) const HEADER_BYTES: usize = 16;
/// Bytes of the footer.
pub(crate) const FOOTER_BYTES: usize = 88;
/// Bytes of a page's checksum, which follows it.
pub(crate) const CRC_BYTES: usize = 4;
/// Series on one page of them; the last page may have fewer.
pub(crate) const SERIES_PER_PAGE: usize = 256;
/// Symbols on one page of them; the last page may have fewer.
pub(crate) const SYMBOLS_PER_PAGE: usize = 256;
/// Pages that one page of a table describes; the last may describe fewer.
pub(crate) const ENTRIES_PER_PAGE: usize = 256;

/// The two sorts of samples; each has rows and tables of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Floats,
    Histograms,
}

/// Where a page lies; its checksum follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PageAt {
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
}

impl PageAt {
    /// The first byte after the page and its checksum.
    pub(crate) fn end(self) -> u64 {
        self.offset
            .saturating_add(u64::from(self.bytes) + CRC_BYTES as u64)
    }
}

/// The last bytes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) directory: PageAt,
    pub(crate) sequence: (u64, u64),
    pub(crate) range: TimeRange,
    pub(crate) series: u64,
    pub(crate) samples: u64,
    pub(crate) level: u32,
    /// The last tombstone that was applied to it.
    pub(crate) tombstones: u64,
}

/// The header of a file that begins with `magic`.
pub(crate) fn header(magic: [u8; 8]) -> Vec<u8> {
    header_of(magic, VERSION)
}

fn header_of(magic: [u8; 8], version: u32) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// Whether this is the header, in any version that is read, of a file that begins with `magic`.
pub(crate) fn is_header(bytes: &[u8], magic: [u8; 8]) -> bool {
    (VERSION_OLDEST..=VERSION).any(|version| bytes == header_of(magic, version))
}

impl Footer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FOOTER_BYTES);
        bytes.extend_from_slice(&self.directory.offset.to_le_bytes());
        bytes.extend_from_slice(&self.directory.bytes.to_le_bytes());
        bytes.extend_from_slice(&self.level.to_le_bytes());
        for number in [
            self.sequence.0,
            self.sequence.1,
            self.range.start.as_nanos() as u64,
            self.range.end.as_nanos() as u64,
            self.series,
            self.samples,
            self.tombstones,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.extend_from_slice(&FOOTER_MAGIC);
        debug_assert_eq!(bytes.len(), FOOTER_BYTES, "the footer has a fixed length");
        bytes
    }

    /// Reads a footer; one of another version is [`CodecError::Unsupported`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let checked = Reader::new(bytes).take(FOOTER_BYTES - 12)?;
        let mut reader = Reader::new(bytes);
        let directory = PageAt {
            offset: reader.u64()?,
            bytes: reader.u32()?,
        };
        let level = reader.u32()?;
        let sequence = (reader.u64()?, reader.u64()?);
        let mut time = || {
            reader
                .u64()
                .map(|nanos| Timestamp::from_nanos(nanos as i64))
        };
        let range = TimeRange::new(time()?, time()?);
        let (series, samples, tombstones) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let (version, crc) = (reader.u32()?, reader.u32()?);
        if reader.array()? != FOOTER_MAGIC || crc != crc32c::crc32c(checked) {
            return Err(CodecError::Corrupt("the footer is damaged"));
        }
        if !(VERSION_OLDEST..=VERSION).contains(&version) {
            return Err(CodecError::Unsupported(version.min(255) as u8));
        }
        Ok(Self {
            directory,
            sequence,
            range,
            series,
            samples,
            level,
            tombstones,
        })
    }
}

/// A page of symbols: where, and the first one on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SymbolsAt {
    pub(crate) at: PageAt,
    pub(crate) first: String,
}

/// A page of series or of a table: where, and how many rows of each sort lie before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowsAt {
    pub(crate) at: PageAt,
    pub(crate) before: [u64; 2],
}

/// A page of postings: where, and the first value (a symbol's number) on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PostingsAt {
    pub(crate) at: PageAt,
    pub(crate) first: u32,
}

/// The postings of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelAt {
    pub(crate) name: String,
    pub(crate) pages: Vec<PostingsAt>,
}

/// Where the parts of a block's index are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Directory {
    pub(crate) metadata: PageAt,
    pub(crate) symbols: Vec<SymbolsAt>,
    pub(crate) series: Vec<RowsAt>,
    /// The tables of data pages, by [`Sort`]; of `before` only that sort's counts.
    pub(crate) tables: [Vec<RowsAt>; 2],
    /// The table of pages of timestamps.
    pub(crate) times: Vec<PageAt>,
    /// In order of their names.
    pub(crate) labels: Vec<LabelAt>,
    /// All rows, by sort.
    pub(crate) rows: [u64; 2],
}

/// Writes places as distances from the one before.
struct Places {
    end: u64,
}

impl Places {
    fn put(&mut self, at: PageAt, into: &mut Vec<u8>) {
        put_signed(into, at.offset.wrapping_sub(self.end) as i64);
        put_varint(into, u64::from(at.bytes));
        self.end = at.end();
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<PageAt, CodecError> {
        let offset = self.end.wrapping_add(reader.signed()? as u64);
        let bytes = u32::try_from(reader.varint()?);
        let bytes = bytes.map_err(|_| CodecError::Corrupt("a page is too large"))?;
        let at = PageAt { offset, bytes };
        self.end = at.end();
        Ok(at)
    }
}

/// How many rows lie between one page and the next, or the end.
fn rows_on(pages: &[RowsAt], number: usize, sort: usize, all: [u64; 2]) -> u64 {
    let next = pages.get(number + 1).map_or(all, |next| next.before);
    next[sort] - pages[number].before[sort]
}

impl Directory {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let bytes = &mut Vec::new();
        let mut places = Places { end: 0 };
        places.put(self.metadata, bytes);
        put_varint(bytes, self.symbols.len() as u64);
        for page in &self.symbols {
            places.put(page.at, bytes);
            put_bytes(bytes, page.first.as_bytes());
        }
        put_varint(bytes, self.series.len() as u64);
        for (number, page) in self.series.iter().enumerate() {
            places.put(page.at, bytes);
            for sort in 0..2 {
                put_varint(bytes, rows_on(&self.series, number, sort, self.rows));
            }
        }
        for (sort, table) in self.tables.iter().enumerate() {
            put_varint(bytes, table.len() as u64);
            for (number, page) in table.iter().enumerate() {
                places.put(page.at, bytes);
                put_varint(bytes, rows_on(table, number, sort, self.rows));
            }
        }
        put_varint(bytes, self.times.len() as u64);
        self.times.iter().for_each(|at| places.put(*at, bytes));
        put_varint(bytes, self.labels.len() as u64);
        for label in &self.labels {
            put_bytes(bytes, label.name.as_bytes());
            put_varint(bytes, label.pages.len() as u64);
            for page in &label.pages {
                places.put(page.at, bytes);
                put_varint(bytes, u64::from(page.first));
            }
        }
        std::mem::take(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let reader = &mut Reader::new(bytes);
        let mut places = Places { end: 0 };
        let mut directory = Self {
            metadata: places.read(reader)?,
            ..Self::default()
        };
        for _ in 0..reader.count(3)? {
            let at = places.read(reader)?;
            let first = reader.text()?.to_owned();
            directory.symbols.push(SymbolsAt { at, first });
        }
        let mut rows = [0; 2];
        for _ in 0..reader.count(4)? {
            let at = places.read(reader)?;
            directory.series.push(RowsAt { at, before: rows });
            for count in &mut rows {
                *count = add(*count, reader.varint()?)?;
            }
        }
        let mut described = [0; 2];
        for sort in 0..2 {
            for _ in 0..reader.count(3)? {
                let at = places.read(reader)?;
                let before = described;
                directory.tables[sort].push(RowsAt { at, before });
                described[sort] = add(described[sort], reader.varint()?)?;
            }
        }
        if described != rows {
            return Err(CodecError::Corrupt(
                "the tables hold other rows than the series",
            ));
        }
        directory.rows = rows;
        for _ in 0..reader.count(2)? {
            directory.times.push(places.read(reader)?);
        }
        for _ in 0..reader.count(2)? {
            let name = reader.text()?.to_owned();
            let mut pages = Vec::new();
            for _ in 0..reader.count(3)? {
                let at = places.read(reader)?;
                let first = reader.varint()?.min(u64::from(u32::MAX)) as u32;
                pages.push(PostingsAt { at, first });
            }
            directory.labels.push(LabelAt { name, pages });
        }
        if !reader.is_empty() {
            return Err(CodecError::Corrupt("the directory is longer than it says"));
        }
        Ok(directory)
    }
}

fn add(a: u64, b: u64) -> Result<u64, CodecError> {
    let sum = a.checked_add(b).filter(|sum| *sum < 1 << 60);
    sum.ok_or(CodecError::Corrupt("a block has too many rows"))
}
