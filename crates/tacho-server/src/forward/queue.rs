//! What waits to be sent to one destination: a queue on disk, bounded, in order.
//!
//! Invariants:
//! 1. what [`Queue::push`] took has reached the operating system, so a killed process loses none
//!    of it; a power cut loses at most the last second ([`Queue::sync`]);
//! 2. records leave in the order they came, and each is given out again until it is acknowledged;
//! 3. the files together never take more than the limit: the oldest goes first, and what was in it
//!    is counted as lost;
//! 4. damage costs the records it touches, and they are counted.
//!
//! Files are `0000000001.fwd` and on, and `cursor`, which says up to where everything is
//! acknowledged. A process always begins a new file, so that what a dying one wrote last is never
//! written after. Not for knowing what records mean.

mod segment;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use self::segment::{FRAME_BYTES, Found, HEADER, frame};
pub(crate) use self::segment::{Items, Kind, PAYLOAD_BYTES_MAX};

/// Most bytes of one file.
const SEGMENT_BYTES_MAX: u64 = 16 << 20;
/// Fewest files that a full queue has, so that what overflows costs a small part of it.
const SEGMENTS: u64 = 16;
/// Bytes read at a time: more than the largest record.
const READ_BYTES: usize = 2 * (PAYLOAD_BYTES_MAX + FRAME_BYTES);
/// The smallest limit.
pub const QUEUE_BYTES_MIN: u64 = 1 << 20;
/// The file that says up to where everything is acknowledged.
const CURSOR: &str = "cursor";

/// Why the queue cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}: {source}", path.display())]
pub struct QueueError {
    verb: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> QueueError {
    move |source| QueueError {
        verb,
        path: path.to_owned(),
        source,
    }
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Position {
    segment: u64,
    offset: u64,
}

/// A file.
#[derive(Debug)]
struct Segment {
    number: u64,
    /// Bytes that are whole records, header included.
    bytes: u64,
    items: Items,
    /// When its first record came, milliseconds since the epoch.
    first: Option<u64>,
}

#[derive(Debug)]
struct Inner {
    /// From the oldest to the newest; the last one is written to once `file` is there.
    segments: VecDeque<Segment>,
    file: Option<File>,
    cursor: Position,
    /// Items of the first segment that lie before the cursor.
    consumed: Items,
    /// When the record after the cursor came, once it was read.
    oldest: Option<u64>,
    is_dirty: bool,
}

/// A record's payload and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) items: u32,
    pub(crate) payload: Vec<u8>,
}

/// Records that come next.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) records: Vec<Record>,
    /// Items that were found to be damaged, by their kind where that is known.
    pub(crate) damaged: Items,
    /// Bytes that are no records.
    pub(crate) damaged_bytes: u64,
    /// Where the chunk begins and ends.
    start: Position,
    end: Position,
    consumed: Items,
}

impl Chunk {
    /// Whether there is nothing to send and nothing to pass over.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Items in its records.
    pub(crate) fn items(&self) -> u64 {
        self.records
            .iter()
            .map(|record| u64::from(record.items))
            .sum()
    }
}

/// What waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) bytes: u64,
    pub(crate) items: Items,
    /// When the oldest of it came, milliseconds since the epoch.
    pub(crate) oldest: Option<u64>,
}

/// A queue on disk.
#[derive(Debug)]
pub(crate) struct Queue {
    dir: PathBuf,
    bytes_max: u64,
    segment_bytes: u64,
    inner: Mutex<Inner>,
}

impl Queue {
    /// Opens the queue in a folder, which is made if it is not there.
    pub(crate) fn open(dir: &Path, bytes_max: u64) -> Result<Self, QueueError> {
        fs::create_dir_all(dir).map_err(error("make", dir))?;
        let bytes_max = bytes_max.max(QUEUE_BYTES_MIN);
        let cursor = read_cursor(dir);
        let mut numbers = Vec::new();
        for entry in fs::read_dir(dir).map_err(error("read", dir))? {
            let name = entry.map_err(error("read", dir))?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".fwd"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        let mut inner = Inner {
            segments: VecDeque::new(),
            file: None,
            cursor,
            consumed: Items::default(),
            oldest: None,
            is_dirty: false,
        };
        for number in numbers {
            let path = dir.join(file_name(number));
            if number < cursor.segment {
                fs::remove_file(&path).map_err(error("remove", &path))?;
                continue;
            }
            let bytes = fs::read(&path).map_err(error("read", &path))?;
            let mut segment = Segment {
                number,
                bytes: bytes.len() as u64,
                items: Items::default(),
                first: None,
            };
            let records = bytes.get(HEADER.len()..).unwrap_or(&[]);
            for (at, head) in segment::heads(records) {
                let kind = head.kind as usize;
                segment.items[kind] += u64::from(head.items);
                segment.first = segment.first.or(Some(head.millis));
                let at = (at + HEADER.len()) as u64;
                if number == cursor.segment && at < cursor.offset {
                    inner.consumed[kind] += u64::from(head.items);
                }
            }
            inner.segments.push_back(segment);
        }
        let first = inner.segments.front();
        if first.is_none_or(|first| first.number != cursor.segment) {
            // The cursor is lost, or the file it is in: what is there is sent again from its start.
            let segment = first.map_or(cursor.segment, |first| first.number);
            inner.cursor = Position { segment, offset: 0 };
            inner.consumed = Items::default();
        }
        let segment_bytes = (bytes_max / SEGMENTS).min(SEGMENT_BYTES_MAX);
        Ok(Self {
            dir: dir.to_owned(),
            bytes_max,
            segment_bytes,
            inner: Mutex::new(inner),
        })
    }

    /// Appends a record; the items that had to go for it.
    pub(crate) fn push(
        &self,
        kind: Kind,
        items: u32,
        millis: u64,
        payload: &[u8],
    ) -> Result<Items, QueueError> {
        let record = frame(kind, items, millis, payload);
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let lost = self.make_room(inner, record.len() as u64)?;
        let current = inner.segments.back();
        let full = current.is_none_or(|segment| {
            let held = segment.bytes > HEADER.len() as u64;
            held && segment.bytes + record.len() as u64 > self.segment_bytes
        });
        if inner.file.is_none() || full {
            self.begin(inner)?;
        }
        if let (Some(file), Some(segment)) = (&inner.file, inner.segments.back_mut()) {
            // What fails half-way is written over by the next one.
            let path = self.dir.join(file_name(segment.number));
            let written = file.write_all_at(&record, segment.bytes);
            written.map_err(error("write to", &path))?;
            segment.bytes += record.len() as u64;
            segment.items[kind as usize] += u64::from(items);
            segment.first = segment.first.or(Some(millis));
            inner.is_dirty = true;
        }
        Ok(lost)
    }

    /// Begins a new file.
    fn begin(&self, inner: &mut Inner) -> Result<(), QueueError> {
        let number = inner
            .segments
            .back()
            .map_or(inner.cursor.segment, |last| last.number)
            + 1;
        let path = self.dir.join(file_name(number));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path);
        let file = file.map_err(error("make", &path))?;
        file.write_all_at(&HEADER, 0)
            .map_err(error("write to", &path))?;
        if inner.segments.is_empty() {
            inner.cursor = Position {
                segment: number,
                offset: 0,
            };
            inner.consumed = Items::default();
        }
        inner.file = Some(file);
        inner.segments.push_back(Segment {
            number,
            bytes: HEADER.len() as u64,
            items: Items::default(),
            first: None,
        });
        Ok(())
    }

    /// Drops the oldest files until a record fits; the items lost.
    fn make_room(&self, inner: &mut Inner, record: u64) -> Result<Items, QueueError> {
        let mut lost = Items::default();
        let room = record + HEADER.len() as u64;
        while inner.bytes() + room > self.bytes_max && !inner.segments.is_empty() {
            if inner.segments.len() == 1 {
                self.begin(inner)?;
            }
            let Some(oldest) = inner.segments.pop_front() else {
                break;
            };
            for (kind, lost) in lost.iter_mut().enumerate() {
                *lost += oldest.items[kind].saturating_sub(inner.consumed[kind]);
            }
            self.remove(oldest.number);
            inner.reset_cursor();
            if inner.segments.len() == 1 && inner.file.is_some() {
                break;
            }
        }
        Ok(lost)
    }

    /// The next records after `after`, or after what is acknowledged: all of one kind, at most
    /// about so many items and bytes of payload, and at least one if there is one.
    pub(crate) fn read(&self, items_max: u64, bytes_max: usize) -> Result<Chunk, QueueError> {
        let mut chunk = Chunk::default();
        let mut payload_bytes = 0;
        let mut place = self.inner.lock().cursor;
        chunk.start = place;
        chunk.end = place;
        while let Some(end) = self.end_of(&mut place) {
            chunk.end = place;
            let buffer = self.read_at(place, end)?;
            let mut used = 0;
            let is_last = place.offset + buffer.len() as u64 >= end;
            while used < buffer.len() {
                match segment::at(&buffer[used..]) {
                    Found::Record(head, payload) => {
                        let other = chunk.records.first().is_some_and(|r| r.kind != head.kind);
                        let full = chunk.items() + u64::from(head.items) > items_max
                            || payload_bytes + payload.len() > bytes_max;
                        if other || (full && !chunk.records.is_empty()) {
                            chunk.advance(place, used);
                            self.note_oldest(&chunk, head.millis);
                            return Ok(chunk);
                        }
                        if chunk.records.is_empty() {
                            self.note_oldest(&chunk, head.millis);
                        }
                        payload_bytes += payload.len();
                        chunk.take(head.kind, head.items, payload);
                        used += head.record_bytes();
                    }
                    Found::Damage(bytes, head) => {
                        if let Some(head) = head {
                            let kind = head.kind as usize;
                            chunk.damaged[kind] += u64::from(head.items);
                            chunk.consumed[kind] += u64::from(head.items);
                        }
                        chunk.damaged_bytes += bytes as u64;
                        used += bytes;
                    }
                    Found::End if is_last => {
                        chunk.damaged_bytes += (buffer.len() - used) as u64;
                        used = buffer.len();
                    }
                    Found::End if used > 0 => break,
                    // No record fits into half of what is read, so one would be found in the next.
                    Found::End => {
                        used = buffer.len() / 2;
                        chunk.damaged_bytes += used as u64;
                        break;
                    }
                }
            }
            chunk.advance(place, used);
            place = chunk.end;
            if chunk.items() >= items_max || payload_bytes >= bytes_max {
                break;
            }
        }
        Ok(chunk)
    }

    /// Moves a place at a file's end to the next file, and past a file's header; where its file
    /// ends. `None` when nothing comes after it.
    fn end_of(&self, place: &mut Position) -> Option<u64> {
        let inner = self.inner.lock();
        for segment in &inner.segments {
            if segment.number < place.segment {
                continue;
            }
            if segment.number > place.segment {
                *place = Position {
                    segment: segment.number,
                    offset: 0,
                };
            }
            place.offset = place.offset.max(HEADER.len() as u64);
            if place.offset < segment.bytes {
                return Some(segment.bytes);
            }
        }
        None
    }

    fn read_at(&self, place: Position, end: u64) -> Result<Vec<u8>, QueueError> {
        let path = self.dir.join(file_name(place.segment));
        let wanted = (end - place.offset).min(READ_BYTES as u64) as usize;
        let mut buffer = vec![0; wanted];
        let file = File::open(&path).map_err(error("open", &path))?;
        file.read_exact_at(&mut buffer, place.offset)
            .map_err(error("read", &path))?;
        Ok(buffer)
    }

    fn note_oldest(&self, chunk: &Chunk, millis: u64) {
        let mut inner = self.inner.lock();
        if chunk.records.is_empty() && inner.cursor == chunk.start {
            inner.oldest = Some(millis);
        }
    }

    /// Forgets a chunk that was read, for good: after this it is not given out again.
    pub(crate) fn acknowledge(&self, chunk: &Chunk) -> Result<(), QueueError> {
        let mut inner = self.inner.lock();
        // What overflowed meanwhile is forgotten already.
        if inner.cursor == chunk.start {
            for (consumed, more) in inner.consumed.iter_mut().zip(chunk.consumed) {
                *consumed += more;
            }
        }
        inner.cursor = inner.cursor.max(chunk.end);
        inner.oldest = None;
        while inner.segments.len() > 1
            && inner.segments.front().is_some_and(|first| {
                let passed = first.number < inner.cursor.segment;
                passed
                    || (first.number == inner.cursor.segment && first.bytes <= inner.cursor.offset)
            })
        {
            let Some(done) = inner.segments.pop_front() else {
                break;
            };
            self.remove(done.number);
            let within = done.number < inner.cursor.segment;
            for (kind, consumed) in inner.consumed.iter_mut().enumerate() {
                *consumed = if within {
                    consumed.saturating_sub(done.items[kind])
                } else {
                    0
                };
            }
            if !within {
                inner.reset_cursor();
            }
        }
        let cursor = inner.cursor;
        drop(inner);
        write_cursor(&self.dir, cursor)
    }

    /// What waits.
    pub(crate) fn pending(&self) -> Pending {
        let inner = self.inner.lock();
        let mut items = Items::default();
        for segment in &inner.segments {
            for (sum, more) in items.iter_mut().zip(segment.items) {
                *sum += more;
            }
        }
        for (sum, consumed) in items.iter_mut().zip(inner.consumed) {
            *sum = sum.saturating_sub(consumed);
        }
        let is_empty = items.iter().all(|count| *count == 0);
        let first = inner.segments.front().and_then(|segment| segment.first);
        let passed = match inner.segments.front() {
            Some(segment) if segment.number == inner.cursor.segment => inner.cursor.offset,
            _ => 0,
        };
        Pending {
            bytes: inner.bytes().saturating_sub(passed),
            items,
            oldest: inner.oldest.or(first).filter(|_| !is_empty),
        }
    }

    /// Forces what was pushed to the disk, if anything was.
    pub(crate) fn sync(&self) -> Result<(), QueueError> {
        let (file, number) = {
            let mut inner = self.inner.lock();
            if !std::mem::take(&mut inner.is_dirty) {
                return Ok(());
            }
            let file = inner.file.as_ref().and_then(|file| file.try_clone().ok());
            (
                file,
                inner.segments.back().map_or(0, |segment| segment.number),
            )
        };
        let path = self.dir.join(file_name(number));
        file.map_or(Ok(()), |file| file.sync_data())
            .map_err(error("sync", &path))
    }

    /// Removes a file; one that stays is removed at the next start.
    fn remove(&self, number: u64) {
        let path = self.dir.join(file_name(number));
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!("{} is not removed: {error}", path.display());
        }
    }
}

impl Inner {
    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Puts the cursor to the beginning of what is left, when that is further on.
    fn reset_cursor(&mut self) {
        let segment = self.segments.front().map_or(0, |first| first.number);
        if self.cursor.segment < segment {
            self.cursor = Position { segment, offset: 0 };
            self.consumed = Items::default();
            self.oldest = None;
        }
    }
}

impl Chunk {
    fn take(&mut self, kind: Kind, items: u32, payload: &[u8]) {
        self.consumed[kind as usize] += u64::from(items);
        self.records.push(Record {
            kind,
            items,
            payload: payload.to_owned(),
        });
    }

    fn advance(&mut self, place: Position, used: usize) {
        self.end = Position {
            segment: place.segment,
            offset: place.offset + used as u64,
        };
    }
}

fn file_name(number: u64) -> String {
    format!("{number:010}.fwd")
}

/// The start where there is no cursor, or a damaged one: what was sent is sent again then, which
/// does no harm.
fn read_cursor(dir: &Path) -> Position {
    let bytes = fs::read(dir.join(CURSOR)).unwrap_or_default();
    let parsed = bytes.as_array::<20>().and_then(|bytes| {
        let (numbers, check) = bytes.split_last_chunk::<4>()?;
        let (segment, offset) = numbers.split_first_chunk::<8>()?;
        let position = Position {
            segment: u64::from_le_bytes(*segment),
            offset: u64::from_le_bytes(*offset.first_chunk()?),
        };
        (crc32c::crc32c(numbers) == u32::from_le_bytes(*check)).then_some(position)
    });
    parsed.unwrap_or_default()
}

fn write_cursor(dir: &Path, cursor: Position) -> Result<(), QueueError> {
    let mut bytes = Vec::with_capacity(20);
    bytes.extend_from_slice(&cursor.segment.to_le_bytes());
    bytes.extend_from_slice(&cursor.offset.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let (path, new) = (dir.join(CURSOR), dir.join("cursor.new"));
    fs::write(&new, &bytes).map_err(error("write", &new))?;
    fs::rename(&new, &path).map_err(error("write", &path))
}
