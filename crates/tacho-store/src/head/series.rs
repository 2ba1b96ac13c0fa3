//! The samples of one series in memory: an open buffer, and the chunks sealed from it.
//!
//! Invariants:
//! 1. the open buffer holds the newest writes, sorted, each time once; chunks are in the order
//!    they were sealed, so that of two samples of one time the later part wins;
//! 2. numbers and histograms of a series are sealed together, so that 1. holds across both;
//! 3. `times` is absent as long as the open numbers are regular: the one at position `i` has the
//!    time `last - step * (len - 1 - i)`.
//!
//! Regular numbers cost eight bytes each until they are sealed, and adding one touches nothing but
//! the struct and the end of its buffer.

use tacho_model::{Columns, Histogram, TimeRange, Timestamp, Value};

use crate::chunk::{Chunk, Sealer};
use crate::error::CodecError;
use crate::samples::Gather;

/// Numbers in an open buffer before they are sealed. Of 512 values pcodec makes 1.03 bytes a
/// sample, of 128 it makes 1.36 at twice the time; at 512, ten thousand series hold 40 MiB open.
pub(crate) const OPEN_MAX: usize = 512;
/// Histograms in an open buffer before they are sealed: each may be some KiB.
pub(crate) const OPEN_HISTOGRAMS_MAX: usize = 16;

/// The samples of one series.
#[derive(Default)]
pub(crate) struct Series {
    values: Vec<f64>,
    /// Time of the newest open number.
    last: i64,
    step: i64,
    /// Time of the newest sample ever added; 0 when there is none.
    newest: i64,
    times: Option<Box<Times>>,
    histograms: Option<Box<Histograms>>,
    sealed: Option<Box<Sealed>>,
    /// Whether the log defines it in the head's generation.
    pub(crate) defined: bool,
    /// Whether there ever was a sample.
    used: bool,
}

/// The times of open numbers that are not regular.
#[derive(Default)]
struct Times(Vec<i64>);

/// Open histograms.
#[derive(Default)]
struct Histograms {
    times: Vec<Timestamp>,
    values: Vec<Histogram>,
}

struct Sealed {
    range: TimeRange,
    chunks: Vec<Chunk>,
}

/// An estimate of the memory that a histogram takes.
fn histogram_bytes(histogram: &Histogram) -> usize {
    128 + 16 * histogram.buckets().count()
}

impl Series {
    /// Time of the newest sample that was added.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.used.then_some(Timestamp::from_nanos(self.newest))
    }

    /// Keeps one sample; how many bytes of memory that costs.
    pub(crate) fn push(&mut self, time: Timestamp, value: Value<'_>) -> usize {
        if !self.used || time.as_nanos() > self.newest {
            (self.used, self.newest) = (true, time.as_nanos());
        }
        match value {
            Value::Float(value) => self.push_float(time, value),
            Value::Histogram(histogram) => self.push_histogram(time, histogram),
        }
    }

    /// Whether [`Self::seal`] is due.
    pub(crate) fn is_full(&self) -> bool {
        // With its time a number takes twice the memory: sealed at half as many, ten thousand
        // series that jitter hold no more open than regular ones.
        let numbers_max = match self.times {
            Some(_) => OPEN_MAX / 2,
            None => OPEN_MAX,
        };
        self.values.len() >= numbers_max
            || matches!(&self.histograms, Some(h) if h.values.len() >= OPEN_HISTOGRAMS_MAX)
    }

    fn push_float(&mut self, time: Timestamp, value: f64) -> usize {
        let nanos = time.as_nanos();
        if self.times.is_none() && self.histograms.is_none() {
            let regular = match self.values.len() {
                0 => true,
                1 => self.set_step(nanos),
                // A positive step that takes `last` to `nanos` did not wrap.
                _ => nanos > self.last && nanos.wrapping_sub(self.last) == self.step,
            };
            if regular {
                self.last = nanos;
                self.values.push(value);
                return 8;
            }
        }
        self.push_irregular(time, value)
    }

    fn set_step(&mut self, nanos: i64) -> bool {
        match nanos.checked_sub(self.last) {
            Some(step) if step > 0 => {
                self.step = step;
                true
            }
            _ => false,
        }
    }

    fn push_irregular(&mut self, time: Timestamp, value: f64) -> usize {
        if let Some(histograms) = &mut self.histograms
            && let Ok(at) = histograms.times.binary_search(&time)
        {
            histograms.times.remove(at);
            histograms.values.remove(at);
        }
        let mut added = 16;
        if self.times.is_none() {
            let times = Times(self.regular_times().collect());
            added += 8 * times.0.len();
            self.times = Some(Box::new(times));
        }
        let times = &mut self.times.get_or_insert_default().0;
        let nanos = time.as_nanos();
        if times.last().is_none_or(|last| *last < nanos) {
            times.push(nanos);
            self.values.push(value);
            self.last = nanos;
            return added;
        }
        match times.binary_search(&nanos) {
            Ok(at) => self.values[at] = value,
            Err(at) => {
                times.insert(at, nanos);
                self.values.insert(at, value);
            }
        }
        added
    }

    fn push_histogram(&mut self, time: Timestamp, value: &Histogram) -> usize {
        if let Some(at) = self.position(time.as_nanos()) {
            let regular: Vec<i64> = self.regular_times().collect();
            let times = &mut self.times.get_or_insert_with(|| Box::new(Times(regular))).0;
            times.remove(at);
            self.values.remove(at);
        }
        let open = self.histograms.get_or_insert_default();
        match open.times.binary_search(&time) {
            Ok(at) => {
                // What grows is written again and again: only its growth is new. One that shrinks
                // gives nothing back before it is sealed.
                let before = histogram_bytes(&open.values[at]);
                open.values[at] = value.clone();
                histogram_bytes(value).saturating_sub(before)
            }
            Err(at) => {
                open.times.insert(at, time);
                open.values.insert(at, value.clone());
                histogram_bytes(value)
            }
        }
    }

    /// Where the open number of a time is.
    fn position(&self, nanos: i64) -> Option<usize> {
        match &self.times {
            Some(times) => times.0.binary_search(&nanos).ok(),
            None => self.regular_times().position(|time| time == nanos),
        }
    }

    fn regular_times(&self) -> impl Iterator<Item = i64> + use<> {
        let (last, step, count) = (self.last, self.step, self.values.len() as i64);
        (0..count).map(move |i| last - step * (count - 1 - i))
    }

    /// Appends the times of the open numbers.
    fn open_times(&self, into: &mut Vec<Timestamp>) {
        match &self.times {
            Some(times) => into.extend(times.0.iter().map(|t| Timestamp::from_nanos(*t))),
            None => into.extend(self.regular_times().map(Timestamp::from_nanos)),
        }
    }

    fn open_bytes(&self) -> usize {
        let each = if self.times.is_some() { 16 } else { 8 };
        let histograms = self.histograms.as_ref();
        let held = histograms.map_or(0, |h| h.values.iter().map(histogram_bytes).sum());
        self.values.len() * each + held
    }

    /// Encodes what is open; by how many bytes the memory taken changes.
    pub(crate) fn seal(&mut self, sealer: &mut Sealer) -> Result<isize, CodecError> {
        let freed = self.open_bytes();
        let mut chunks = Vec::new();
        if !self.values.is_empty() {
            let mut times = sealer.times();
            self.open_times(&mut times);
            chunks.push(sealer.floats(times, &self.values)?);
        }
        if let Some(open) = self.histograms.take().filter(|open| !open.times.is_empty()) {
            chunks.push(sealer.histograms(&open.times, &open.values)?);
        }
        self.values.clear();
        (self.times, self.step) = (None, 0);
        let mut made = 0;
        for chunk in chunks {
            made += chunk.memory_bytes();
            let range = chunk.range();
            let sealed = self.sealed.get_or_insert_with(|| {
                let chunks = Vec::new();
                Box::new(Sealed { range, chunks })
            });
            sealed.range.start = sealed.range.start.min(range.start);
            sealed.range.end = sealed.range.end.max(range.end);
            sealed.chunks.push(chunk);
        }
        Ok(made as isize - freed as isize)
    }

    /// From the oldest to the newest sample; `None` when there is none.
    pub(crate) fn range(&self) -> Option<TimeRange> {
        let floats = (!self.values.is_empty()).then(|| {
            let first = match &self.times {
                Some(times) => times.0.first().copied().unwrap_or(self.last),
                None => self.last - self.step * (self.values.len() as i64 - 1),
            };
            TimeRange::new(
                Timestamp::from_nanos(first),
                Timestamp::from_nanos(self.last),
            )
        });
        let histograms = self.histograms.as_ref().and_then(|open| {
            let (first, last) = (open.times.first()?, open.times.last()?);
            Some(TimeRange::new(*first, *last))
        });
        let sealed = self.sealed.as_ref().map(|sealed| sealed.range);
        let parts = [sealed, floats, histograms].into_iter().flatten();
        parts.reduce(|a, b| TimeRange::new(a.start.min(b.start), a.end.max(b.end)))
    }

    /// Whether any of its samples is a histogram.
    pub(crate) fn has_histograms(&self) -> bool {
        self.histograms.is_some() || self.chunks().iter().any(Chunk::holds_histograms)
    }

    /// All chunks, in the order they were sealed.
    pub(crate) fn chunks(&self) -> &[Chunk] {
        self.sealed.as_ref().map_or(&[], |sealed| &sealed.chunks)
    }

    /// A copy of what is not sealed, as far as it is inside `range`; `None` when nothing is.
    pub(crate) fn open(&self, range: TimeRange) -> Option<Columns> {
        if self.values.is_empty() && self.histograms.is_none() {
            return None;
        }
        let mut open = Columns::new();
        self.open_times(&mut open.timestamps);
        open.values.extend_from_slice(&self.values);
        if let Some(histograms) = &self.histograms {
            open.histogram_timestamps.clone_from(&histograms.times);
            open.histograms.clone_from(&histograms.values);
        }
        if self
            .range()
            .is_some_and(|held| range.start <= held.start && held.end <= range.end)
        {
            return Some(open);
        }
        let mut copy = Columns::new();
        let mut gather = Gather::new(&mut copy, range);
        gather.columns(&open);
        gather.finish();
        (!copy.is_empty()).then_some(copy)
    }
}

#[cfg(test)]
mod tests;
