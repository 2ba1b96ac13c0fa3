//! Deletions: what was written before one, of some series and between two times, is not there any
//! more.
//!
//! A deletion is a small record, in force as soon as it is on disk. Blocks are left as they are
//! until maintenance writes them again without what was deleted; until then readers leave it out.
//! Invariants:
//! 1. a tombstone concerns blocks up to its generation only: what is written later is there, at
//!    the same times too;
//! 2. a block's footer says up to which tombstone it was cleaned; higher ones are still to be
//!    applied to it;
//! 3. a tombstone is dropped when no block is left that it would change.
//!
//! The bytes are described in `docs/format.md`.

use std::io;
use std::path::{Path, PathBuf};

use tacho_model::{LabelsRef, MatchOp, Matcher, TimeRange, Timestamp};

use crate::block::Block;
use crate::block::format::Footer;
use crate::codec::bytes::{Reader, put_bytes, put_signed, put_varint};
use crate::disk::{Disk, read_all, write_all};
use crate::error::{CodecError, StoreError};
use crate::matching::Filter;
use crate::quarantine::Quarantine;

const MAGIC: [u8; 8] = *b"TACHODEL";
const VERSION: u8 = 1;
/// Most deletions that wait to be applied.
pub(crate) const TOMBSTONES_MAX: usize = 1000;

/// One deletion.
#[derive(Debug, Clone)]
pub(crate) struct Tombstone {
    /// Counted from 1.
    pub(crate) id: u64,
    /// Blocks of later generations are not concerned.
    pub(crate) generation: u64,
    pub(crate) range: TimeRange,
    pub(crate) matchers: Vec<Matcher>,
}

impl Tombstone {
    /// Whether a block may still hold what it deletes.
    pub(crate) fn concerns(&self, footer: &Footer) -> bool {
        self.id > footer.tombstones
            && self.generation >= footer.sequence.1
            && self.range.overlaps(footer.range)
    }
}

/// The tombstones that concern one block, ready to be asked.
pub(crate) struct Pending<'a>(Vec<(&'a Tombstone, Filter<'a>)>);

impl<'a> Pending<'a> {
    pub(crate) fn of(all: &'a [Tombstone], footer: &Footer) -> Self {
        let pending = all.iter().filter(|tombstone| tombstone.concerns(footer));
        Self(pending.map(|t| (t, Filter::new(&t.matchers))).collect())
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the block holds a series that they delete from.
    pub(crate) fn changes(&self, block: &Block) -> Result<bool, StoreError> {
        let mut changes = false;
        for (tombstone, filter) in &self.0 {
            block.matching(filter, tombstone.range, |_| {
                changes = true;
                false
            })?;
        }
        Ok(changes)
    }

    /// The times of a series that are deleted.
    pub(crate) fn hidden(&self, labels: LabelsRef<'_>) -> Vec<TimeRange> {
        let hides = self.0.iter().filter(|(_, filter)| filter.matches(labels));
        hides.map(|(tombstone, _)| tombstone.range).collect()
    }
}

/// Whether one of `hidden` covers all of `range`.
pub(crate) fn covers(hidden: &[TimeRange], range: TimeRange) -> bool {
    hidden
        .iter()
        .any(|hidden| hidden.start <= range.start && range.end <= hidden.end)
}

/// Where the tombstones of a folder are.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("tombstones")
}

/// Reads the tombstones of a folder; damage is set aside.
pub(crate) fn load(
    disk: &dyn Disk,
    dir: &Path,
    quarantine: &Quarantine,
) -> Result<Vec<Tombstone>, StoreError> {
    let path = path(dir);
    let bytes = match read_all(disk, &path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(StoreError::io("read", &path, source)),
    };
    match decode(&bytes) {
        Ok(tombstones) => Ok(tombstones),
        Err(CodecError::Unsupported(found)) => Err(StoreError::other_format(
            &path,
            u64::from(found),
            u64::from(VERSION),
        )),
        Err(error) => {
            quarantine.take(&path, bytes.len() as u64, &error.to_string());
            Ok(Vec::new())
        }
    }
}

/// Writes the tombstones of a folder, replacing those before.
pub(crate) fn store(
    disk: &dyn Disk,
    dir: &Path,
    tombstones: &[Tombstone],
) -> Result<(), StoreError> {
    let path = path(dir);
    let written = write_all(disk, &path, &encode(tombstones));
    written.map_err(|source| StoreError::io("write", &path, source))
}

fn encode(tombstones: &[Tombstone]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(VERSION);
    put_varint(&mut bytes, tombstones.len() as u64);
    for tombstone in tombstones {
        put_varint(&mut bytes, tombstone.id);
        put_varint(&mut bytes, tombstone.generation);
        put_signed(&mut bytes, tombstone.range.start.as_nanos());
        put_signed(&mut bytes, tombstone.range.end.as_nanos());
        put_varint(&mut bytes, tombstone.matchers.len() as u64);
        for matcher in &tombstone.matchers {
            bytes.push(match matcher.op() {
                MatchOp::Equal => 0,
                MatchOp::NotEqual => 1,
                MatchOp::Regex => 2,
                MatchOp::NotRegex => 3,
            });
            put_bytes(&mut bytes, matcher.name().as_bytes());
            put_bytes(&mut bytes, matcher.value().as_bytes());
        }
    }
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Result<Vec<Tombstone>, CodecError> {
    let damaged = CodecError::Corrupt("the list of deletions is damaged");
    let (checked, crc) = bytes.split_last_chunk().ok_or(CodecError::Short)?;
    let mut reader = Reader::new(checked);
    if reader.array()? != MAGIC || crc32c::crc32c(checked) != u32::from_le_bytes(*crc) {
        return Err(damaged);
    }
    let version = reader.u8()?;
    if version != VERSION {
        return Err(CodecError::Unsupported(version));
    }
    let mut tombstones = Vec::new();
    for _ in 0..reader.count(5)? {
        let (id, generation) = (reader.varint()?, reader.varint()?);
        let start = Timestamp::from_nanos(reader.signed()?);
        let end = Timestamp::from_nanos(reader.signed()?);
        let mut matchers = Vec::new();
        for _ in 0..reader.count(3)? {
            let op = match reader.u8()? {
                0 => MatchOp::Equal,
                1 => MatchOp::NotEqual,
                2 => MatchOp::Regex,
                3 => MatchOp::NotRegex,
                other => return Err(CodecError::Unsupported(other)),
            };
            let (name, value) = (reader.text()?, reader.text()?);
            let matcher = Matcher::new(name, op, value).map_err(|_| damaged)?;
            matchers.push(matcher);
        }
        tombstones.push(Tombstone {
            id,
            generation,
            range: TimeRange::new(start, end),
            matchers,
        });
    }
    Ok(tombstones)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Tombstone> {
        let matcher = |op, value| Matcher::new("job", op, value).unwrap();
        let tombstone = |id, matchers| Tombstone {
            id,
            generation: id * 7,
            range: TimeRange::new(Timestamp::MIN, Timestamp::from_secs(id as i64)),
            matchers,
        };
        vec![
            tombstone(1, vec![matcher(MatchOp::Equal, "a")]),
            tombstone(
                2,
                vec![
                    matcher(MatchOp::NotRegex, "b|c.*"),
                    matcher(MatchOp::NotEqual, ""),
                ],
            ),
            tombstone(u64::MAX / 8, Vec::new()),
        ]
    }

    #[test]
    fn tombstones_round_trip_and_every_flip_is_found() {
        let bytes = encode(&some());
        let text = |tombstones: &[Tombstone]| format!("{tombstones:?}");
        assert_eq!(text(&decode(&bytes).unwrap()), text(&some()));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            assert!(decode(&flipped).is_err(), "at {at}");
            assert!(decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
}
