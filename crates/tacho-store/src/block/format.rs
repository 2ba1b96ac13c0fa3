//! The fixed parts of a block file: header, footer, directory and index entries.

use tacho_model::{LabelsRef, TimeRange, Timestamp};

use crate::codec::PAGE_SAMPLES_MAX;
use crate::codec::bytes::{Reader, put_bytes, put_signed, put_varint};
use crate::error::CodecError;

const HEADER_MAGIC: [u8; 8] = *b"TACHOBLK";
const FOOTER_MAGIC: [u8; 8] = *b"TACHOEND";
/// The version this program writes, and the newest it reads.
pub(crate) const VERSION: u32 = 1;
/// Bytes of the header.
pub(crate) const HEADER_BYTES: usize = 16;
/// Bytes of the footer.
pub(crate) const FOOTER_BYTES: usize = 88;
/// Bytes of a page's checksum, which follows it.
pub(crate) const CRC_BYTES: usize = 4;

/// Where a page lies; its checksum follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PageAt {
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
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
}

/// What the directory says of one page of index entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexPage {
    pub(crate) at: PageAt,
    pub(crate) range: TimeRange,
}

/// Where the parts of a block are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Directory {
    pub(crate) index: Vec<IndexPage>,
    pub(crate) metadata: PageAt,
}

/// One page of samples of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageRef {
    pub(crate) at: PageAt,
    pub(crate) histograms: bool,
    pub(crate) count: u32,
    pub(crate) range: TimeRange,
    /// The page of timestamps, where it is shared with other series.
    pub(crate) times: Option<PageAt>,
}

/// The first bytes of a block.
pub(crate) fn header() -> Vec<u8> {
    let mut bytes = HEADER_MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
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
            0,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.extend_from_slice(&FOOTER_MAGIC);
        debug_assert_eq!(bytes.len(), FOOTER_BYTES, "the footer has a fixed length");
        bytes
    }

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
        let (series, samples, _) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let (version, crc) = (reader.u32()?, reader.u32()?);
        if reader.array()? != FOOTER_MAGIC || crc != crc32c::crc32c(checked) {
            return Err(CodecError::Corrupt("the footer is damaged"));
        }
        if version > VERSION {
            return Err(CodecError::Unsupported(version as u8));
        }
        Ok(Self {
            directory,
            sequence,
            range,
            series,
            samples,
            level,
        })
    }
}

fn put_page(into: &mut Vec<u8>, at: PageAt) {
    put_varint(into, at.offset);
    put_varint(into, u64::from(at.bytes));
}

fn page(reader: &mut Reader<'_>) -> Result<PageAt, CodecError> {
    let offset = reader.varint()?;
    let bytes = u32::try_from(reader.varint()?);
    let bytes = bytes.map_err(|_| CodecError::Corrupt("a page is too large"))?;
    Ok(PageAt { offset, bytes })
}

fn put_range(into: &mut Vec<u8>, range: TimeRange) {
    let (start, end) = (range.start.as_nanos(), range.end.as_nanos());
    put_signed(into, start);
    put_varint(into, end.wrapping_sub(start) as u64);
}

fn range(reader: &mut Reader<'_>) -> Result<TimeRange, CodecError> {
    let start = reader.signed()?;
    let end = start.wrapping_add(reader.varint()? as i64);
    let (start, end) = (Timestamp::from_nanos(start), Timestamp::from_nanos(end));
    Ok(TimeRange::new(start, end))
}

impl Directory {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, self.index.len() as u64);
        for index in &self.index {
            put_page(&mut bytes, index.at);
            put_range(&mut bytes, index.range);
        }
        put_page(&mut bytes, self.metadata);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let mut index = Vec::new();
        for _ in 0..reader.count(4)? {
            index.push(IndexPage {
                at: page(&mut reader)?,
                range: range(&mut reader)?,
            });
        }
        let metadata = page(&mut reader)?;
        Ok(Self { index, metadata })
    }
}

/// Appends an index entry: a series and its pages, after the entry's length.
pub(crate) fn put_entry(labels: LabelsRef<'_>, pages: &[PageRef], into: &mut Vec<u8>) {
    let mut entry = Vec::new();
    put_bytes(&mut entry, labels.as_bytes());
    put_varint(&mut entry, pages.len() as u64);
    for page in pages {
        let flags = u8::from(page.histograms) | u8::from(page.times.is_some()) << 1;
        entry.push(flags);
        put_varint(&mut entry, u64::from(page.count));
        put_range(&mut entry, page.range);
        put_page(&mut entry, page.at);
        if let Some(times) = page.times {
            put_page(&mut entry, times);
        }
    }
    put_bytes(into, &entry);
}

/// An index entry whose pages are not decoded yet.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) labels: LabelsRef<'a>,
    pages: Reader<'a>,
}

/// Reads the next index entry.
pub(crate) fn entry<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>, CodecError> {
    let mut pages = Reader::new(reader.bytes()?);
    let labels = LabelsRef::from_encoded(pages.bytes()?)
        .map_err(|_| CodecError::Corrupt("an index entry's labels are damaged"))?;
    Ok(Entry { labels, pages })
}

impl Entry<'_> {
    /// The pages that overlap `range`, in order.
    pub(crate) fn pages(mut self, within: TimeRange) -> Result<Vec<PageRef>, CodecError> {
        let reader = &mut self.pages;
        let mut pages = Vec::new();
        for _ in 0..reader.count(5)? {
            let flags = reader.u8()?;
            if flags > 3 {
                return Err(CodecError::Unsupported(flags));
            }
            let count = reader.varint()?;
            if count == 0 || count > PAGE_SAMPLES_MAX as u64 {
                return Err(CodecError::Corrupt("a page has too many samples"));
            }
            let range = range(reader)?;
            let at = page(reader)?;
            let times = if flags & 2 == 0 {
                None
            } else {
                Some(page(reader)?)
            };
            if range.overlaps(within) {
                pages.push(PageRef {
                    at,
                    histograms: flags & 1 == 1,
                    count: count as u32,
                    range,
                    times,
                });
            }
        }
        Ok(pages)
    }
}
