//! How records lie in a log segment, and how they are found again in a damaged one.
//!
//! A segment is a header and records back to back; what was allocated ahead reads as zeros and
//! ends it. Each record's header checks itself, so that after damage the next whole record is
//! found by looking for one at every byte. Nothing here does I/O.

use std::ops::Range;

use tacho_model::Timestamp;

use super::record::GROUP;
use crate::codec::bytes::Reader;
use crate::error::CodecError;

/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: u64 = 40;
/// Bytes before a record's payload.
pub(crate) const FRAME_BYTES: usize = 12;
/// Bytes before the payload of a member of a group.
const MEMBER_BYTES: usize = 5;
/// First bytes of a segment.
const MAGIC: [u8; 8] = *b"TACHOWAL";
/// First byte of a record.
const MARK: u8 = 0xa7;
/// The version this program writes, and the newest it reads.
pub(crate) const VERSION: u16 = 3;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The head that its samples went to.
    pub(crate) generation: u64,
    /// When it was begun.
    pub(crate) created: Timestamp,
    /// What label sets were hashed with, to find their shard.
    pub(crate) seed: u64,
}

/// The name of segment `number`.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:010}.wal")
}

/// The number in a segment's name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(".wal")?.parse().ok()
}

impl Header {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES as usize);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&self.created.as_nanos().to_le_bytes());
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let checked = Reader::new(bytes).take(HEADER_BYTES as usize - 4)?;
        let magic: [u8; 8] = reader.array()?;
        let (version, _) = (reader.u16()?, reader.u16()?);
        let (generation, created, seed) = (reader.u64()?, reader.u64()? as i64, reader.u64()?);
        if magic != MAGIC || reader.u32()? != crc32c::crc32c(checked) {
            return Err(CodecError::Corrupt("the segment's header is damaged"));
        }
        if version > VERSION {
            return Err(CodecError::Unsupported(version.to_le_bytes()[0]));
        }
        let created = Timestamp::from_nanos(created);
        Ok(Self {
            generation,
            created,
            seed,
        })
    }
}

/// Appends a framed record.
pub(crate) fn put_record(kind: u8, payload: &[u8], into: &mut Vec<u8>) {
    let start = into.len();
    into.extend_from_slice(&[MARK, kind]);
    into.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    into.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let check = crc32c::crc32c(&into[start..]) as u16;
    into.extend_from_slice(&check.to_le_bytes());
    into.extend_from_slice(payload);
}

/// Appends a member to the payload of a group. It has no frame of its own: where a group is cut
/// short, nothing of it is taken for a record.
pub(crate) fn put_member(kind: u8, payload: &[u8], group: &mut Vec<u8>) {
    group.push(kind);
    group.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    group.extend_from_slice(payload);
}

/// A whole record inside a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: u8,
    pub(crate) offset: usize,
    pub(crate) payload: Range<usize>,
}

/// What a segment holds.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) records: Vec<Found>,
    /// Stretches that belong to no whole record.
    pub(crate) damaged: Vec<Range<usize>>,
    /// Where the last whole record ends.
    pub(crate) end: usize,
}

impl Scan {
    /// Adds the members of a group.
    fn members(&mut self, bytes: &[u8], group: &Found) {
        let mut at = group.payload.start;
        let within = &bytes[..group.payload.end];
        while let Some(found) = member_at(within, at) {
            at = found.payload.end;
            self.records.push(found);
        }
        if at < group.payload.end {
            self.damaged.push(at..group.payload.end);
        }
    }
}

fn member_at(bytes: &[u8], at: usize) -> Option<Found> {
    let mut reader = Reader::new(bytes.get(at..)?);
    let (kind, length) = (reader.u8().ok()?, reader.u32().ok()?);
    let payload = reader.take(length as usize).ok()?;
    let start = at + MEMBER_BYTES;
    Some(Found {
        kind,
        offset: at,
        payload: start..start + payload.len(),
    })
}

/// Finds the whole records of a segment, beginning after its header.
pub(crate) fn scan(bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    let mut at = HEADER_BYTES as usize;
    scan.end = at.min(bytes.len());
    while at < bytes.len() {
        if let Some(found) = record_at(bytes, at) {
            at = found.payload.end;
            scan.end = at;
            if found.kind == GROUP {
                scan.members(bytes, &found);
            } else {
                scan.records.push(found);
            }
            continue;
        }
        let next = (at + 1..bytes.len())
            .find(|next| bytes[*next] == MARK && record_at(bytes, *next).is_some());
        let stretch = at..next.unwrap_or(bytes.len());
        // Zeros up to the end are the room that was allocated ahead.
        let held = bytes[stretch.clone()].iter().rposition(|byte| *byte != 0);
        match (held, next) {
            (None, None) => {}
            (Some(last), None) => scan.damaged.push(at..at + last + 1),
            (_, Some(next)) => scan.damaged.push(at..next),
        }
        at = stretch.end;
    }
    scan
}

fn record_at(bytes: &[u8], at: usize) -> Option<Found> {
    let mut reader = Reader::new(bytes.get(at..)?);
    let head = Reader::new(bytes.get(at..)?).take(FRAME_BYTES - 2).ok()?;
    let (mark, kind) = (reader.u8().ok()?, reader.u8().ok()?);
    let (length, crc) = (reader.u32().ok()?, reader.u32().ok()?);
    let check = reader.u16().ok()?;
    if mark != MARK || check != crc32c::crc32c(head) as u16 {
        return None;
    }
    let payload = reader.take(length as usize).ok()?;
    let start = at + FRAME_BYTES;
    (crc32c::crc32c(payload) == crc).then(|| Found {
        kind,
        offset: at,
        payload: start..start + payload.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(payloads: &[&[u8]]) -> Vec<u8> {
        let header = Header {
            generation: 3,
            created: Timestamp::from_secs(5),
            seed: 77,
        };
        let mut bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Ok(header));
        for payload in payloads {
            put_record(2, payload, &mut bytes);
        }
        bytes
    }

    #[test]
    fn a_flip_anywhere_costs_one_record() {
        let payloads: [&[u8]; 3] = [b"first", b"the second one", b"third"];
        let mut whole = segment(&payloads);
        whole.extend_from_slice(&[0; 100]);
        assert_eq!(scan(&whole).records.len(), 3);
        assert!(scan(&whole).damaged.is_empty());
        let end = scan(&whole).end;
        for at in HEADER_BYTES as usize..end {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            let scan = scan(&flipped);
            assert_eq!((scan.records.len(), scan.damaged.len()), (2, 1), "at {at}");
            assert!(scan.damaged[0].contains(&at));
        }
    }

    #[test]
    fn a_group_is_there_whole_or_not_at_all() {
        let mut group = Vec::new();
        put_member(1, b"first", &mut group);
        put_member(2, b"second", &mut group);
        let mut bytes = segment(&[b"before"]);
        let start = bytes.len();
        put_record(GROUP, &group, &mut bytes);
        let whole = scan(&bytes);
        let kinds: Vec<u8> = whole.records.iter().map(|found| found.kind).collect();
        assert_eq!(kinds, [whole.records[0].kind, 1, 2]);
        assert_eq!(&bytes[whole.records[2].payload.clone()], b"second");
        assert_eq!(whole.end, bytes.len());
        for end in start..bytes.len() {
            assert_eq!(scan(&bytes[..end]).records.len(), 1, "cut at {end}");
        }
    }

    #[test]
    fn a_group_of_something_else_is_set_aside() {
        let mut group = Vec::new();
        put_member(1, b"first", &mut group);
        let good = group.len();
        group.extend_from_slice(b"what");
        let mut bytes = segment(&[]);
        put_record(GROUP, &group, &mut bytes);
        let found = scan(&bytes);
        assert_eq!(found.records.len(), 1);
        let start = HEADER_BYTES as usize + FRAME_BYTES + good;
        assert_eq!(found.damaged, vec![start..bytes.len()]);
    }

    #[test]
    fn a_flip_in_the_header_is_found() {
        let whole = segment(&[]);
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(Header::decode(&flipped).is_err(), "at {at}");
        }
    }

    #[test]
    fn any_prefix_gives_the_records_that_are_whole() {
        let whole = segment(&[b"first", b"second", b""]);
        let mut seen = 0;
        for end in 0..=whole.len() {
            let found = scan(&whole[..end]).records.len();
            assert!(found >= seen);
            seen = found;
        }
        assert_eq!(seen, 3);
    }
}
