//! The files of spans that wait for their trace to be decided: what was acknowledged is here.
//!
//! A folder of segments, `N.spans` with rising numbers. A segment is [`MAGIC`] and frames back to
//! back: bytes of the body (4), its CRC-32C (4), then the body: when it came in nanoseconds (8), and
//! the span (`span_bytes`). A segment is done when nothing in it can still wait, and deleted then;
//! one that was cut short by a crash is read up to its first broken frame. What waits is at most a
//! few minutes old, so the files are written and never synced: they survive the process, not the
//! power.
//!
//! Invariant: a frame is written by one call before its span is acknowledged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tacho_model::Timestamp;

/// What every segment begins with.
const MAGIC: [u8; 8] = *b"TACHOSW1";
/// A segment is followed by the next at this size.
const SEGMENT_BYTES: u64 = 16 << 20;
/// A span that takes more is not read back.
const SPAN_BYTES_MAX: usize = 64 << 20;

/// The files of spans that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    dir: PathBuf,
    /// How long a span waits at most.
    wait: Duration,
    open: Segment,
    file: File,
    bytes: u64,
    /// Segments that are complete, the oldest first.
    done: Vec<Segment>,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    number: u64,
    /// When the first and the last of its spans came.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Waiting {
    /// Reads what waited, oldest first, and goes on in a segment of its own.
    pub(super) fn open(
        dir: &Path,
        wait: Duration,
        each: &mut dyn FnMut(Timestamp, &[u8]),
    ) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let mut numbers: Vec<u64> = fs::read_dir(dir)?
            .filter_map(|entry| number_of(&entry.ok()?.path()))
            .collect();
        numbers.sort_unstable();
        let mut done = Vec::new();
        for number in &numbers {
            let bytes = fs::read(path(dir, *number))?;
            let mut segment = Segment::new(*number);
            read(&bytes, &mut |came, span| {
                segment.note(came);
                each(came, span);
            });
            done.push(segment);
        }
        let open = Segment::new(numbers.last().map_or(0, |last| last + 1));
        Ok(Self {
            file: create(dir, open.number)?,
            dir: dir.to_owned(),
            wait,
            open,
            bytes: MAGIC.len() as u64,
            done,
            buffer: Vec::new(),
        })
    }

    /// Writes spans that came now, by one call.
    pub(super) fn append<'a>(
        &mut self,
        now: Timestamp,
        spans: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<()> {
        let is_old = self.open.first.is_some_and(|at| now.since(at) >= self.wait);
        if is_old || self.bytes >= SEGMENT_BYTES {
            self.next(now)?;
        }
        self.buffer.clear();
        for span in spans {
            let came = now.as_nanos().to_le_bytes();
            let crc = crc32c::crc32c_append(crc32c::crc32c(&came), span);
            let length = (came.len() + span.len()) as u32;
            self.buffer.extend(length.to_le_bytes());
            self.buffer.extend(crc.to_le_bytes());
            self.buffer.extend(came);
            self.buffer.extend(span);
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.buffer);
        if written.is_err() {
            // What is half there must not hide what follows.
            self.file.set_len(self.bytes)?;
        }
        written?;
        self.bytes += self.buffer.len() as u64;
        self.open.note(now);
        Ok(())
    }

    /// Opens the next segment, and deletes those in which nothing waits any more.
    fn next(&mut self, now: Timestamp) -> io::Result<()> {
        let number = self.open.number + 1;
        self.file = create(&self.dir, number)?;
        self.done
            .push(std::mem::replace(&mut self.open, Segment::new(number)));
        self.bytes = MAGIC.len() as u64;
        let (dir, wait) = (&self.dir, self.wait);
        let mut failed = Ok(());
        self.done.retain(|segment| {
            // A clock that was set back keeps a file for longer, never for less.
            let waits = segment.last.is_some_and(|last| now.since(last) < wait);
            if !waits {
                failed = fs::remove_file(path(dir, segment.number));
            }
            waits
        });
        failed
    }
}

impl Segment {
    const fn new(number: u64) -> Self {
        Self {
            number,
            first: None,
            last: None,
        }
    }

    fn note(&mut self, came: Timestamp) {
        self.first = Some(self.first.map_or(came, |first| first.min(came)));
        self.last = self.last.max(Some(came));
    }
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.spans"))
}

fn number_of(path: &Path) -> Option<u64> {
    let is_segment = path.extension().is_some_and(|ending| ending == "spans");
    path.file_stem()
        .filter(|_| is_segment)?
        .to_str()?
        .parse()
        .ok()
}

fn create(dir: &Path, number: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options
        .append(true)
        .create_new(true)
        .open(path(dir, number))?;
    if let Err(error) = file.write_all(&MAGIC) {
        // On a full disk; what is half there would stand in the way of the next try.
        fs::remove_file(path(dir, number))?;
        return Err(error);
    }
    Ok(file)
}

/// Hands over the spans of a segment, up to the first frame that is broken.
fn read(bytes: &[u8], each: &mut dyn FnMut(Timestamp, &[u8])) {
    let Some(mut rest) = bytes.strip_prefix(&MAGIC) else {
        return;
    };
    while let Some((came, span, next)) = frame(rest) {
        each(came, span);
        rest = next;
    }
}

fn frame(bytes: &[u8]) -> Option<(Timestamp, &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (crc, rest) = rest.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (body, rest) = rest.split_at_checked(length)?;
    let is_whole = length <= SPAN_BYTES_MAX && crc32c::crc32c(body) == u32::from_le_bytes(*crc);
    let (came, span) = body.split_first_chunk().filter(|_| is_whole)?;
    Some((Timestamp::from_nanos(i64::from_le_bytes(*came)), span, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1000 + secs)
    }

    fn opened(dir: &Path) -> (Waiting, Vec<(i64, String)>) {
        let mut read = Vec::new();
        let waiting = Waiting::open(dir, Duration::from_secs(10), &mut |came, span| {
            let text = String::from_utf8(span.to_vec()).unwrap();
            read.push((came.since(at(0)).as_secs() as i64, text));
        });
        (waiting.unwrap(), read)
    }

    fn segments(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn r1_what_was_written_is_there_after_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let (mut waiting, read) = opened(dir.path());
        assert!(read.is_empty());
        waiting
            .append(at(1), [&b"a"[..], b"b"].into_iter())
            .unwrap();
        waiting.append(at(2), [&b"c"[..]].into_iter()).unwrap();
        drop(waiting);
        let pair = |secs, text: &str| (secs, text.to_owned());
        let (waiting, read) = opened(dir.path());
        assert_eq!(read, [pair(1, "a"), pair(1, "b"), pair(2, "c")]);
        drop(waiting);
        // Cut at every byte: what is whole is read, and nothing else.
        let first = path(dir.path(), 0);
        let whole = fs::read(&first).unwrap();
        for end in 0..whole.len() {
            fs::write(&first, &whole[..end]).unwrap();
            let (_, read) = opened(dir.path());
            assert_eq!(read.len(), end.saturating_sub(MAGIC.len()) / 17, "{end}");
            let newest = fs::read_dir(dir.path()).unwrap().count() as u64 - 1;
            assert!(fs::metadata(path(dir.path(), newest)).is_ok());
        }
        let mut broken = whole.clone();
        broken[MAGIC.len() + 20] ^= 1;
        fs::write(&first, &broken).unwrap();
        assert_eq!(opened(dir.path()).1, [pair(1, "a")]);
    }

    #[test]
    fn files_in_which_nothing_waits_go() {
        let dir = tempfile::tempdir().unwrap();
        let (mut waiting, _) = opened(dir.path());
        for secs in 0..200 {
            waiting.append(at(secs), [&b"x"[..]].into_iter()).unwrap();
            assert!(segments(dir.path()) <= 3, "{secs}");
        }
        drop(waiting);
        let (mut waiting, read) = opened(dir.path());
        assert!(read.len() >= 10 && read.last().unwrap().0 == 199);
        waiting.append(at(300), [&b"x"[..]].into_iter()).unwrap();
        waiting.append(at(320), [&b"x"[..]].into_iter()).unwrap();
        assert!(segments(dir.path()) <= 2);
    }
}
