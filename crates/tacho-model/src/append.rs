//! How samples get in: a [`Batch`] is filled and handed to an [`Appender`].
//!
//! A batch is three flat columns, so that filling one from wire bytes costs no allocation a
//! sample: encoded label sets end to end in one buffer, rows that point at them, and the few
//! values that are histograms. The buffer may be a request's body, with the label sets where they
//! are in it: such a set is *unchecked* until the appender meets it for the first time.

use std::ops::Range;

use crate::label::{LabelError, Labels, LabelsRef, encode};
use crate::{Histogram, Metadata, Timestamp};

/// The bit pattern that Prometheus writes when a series ends ("stale").
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Whether this value is the staleness marker. Other NaNs are ordinary values.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// One sample's value, borrowed from its batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A number.
    Float(f64),
    /// A distribution.
    Histogram(&'a Histogram),
}

/// A series within one [`Batch`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeriesIndex(u32);

impl SeriesIndex {
    /// The series at a position among those of its batch.
    pub const fn at(position: usize) -> Self {
        Self(position as u32)
    }

    /// Its position among [`Batch::series`].
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// One observation that stands for many, and the trace it was part of (OpenMetrics 1.0,
/// "Exemplars").
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// When it was observed.
    pub timestamp: Timestamp,
    /// What was observed.
    pub value: f64,
    /// The trace, or 0.
    pub trace_id: u128,
    /// The span, or 0.
    pub span_id: u64,
    /// What else is said of it.
    pub labels: Labels,
}

/// Samples on their way in.
///
/// ```
/// use tacho_model::{Batch, Timestamp};
/// let mut batch = Batch::new();
/// let up = batch.series([("__name__", "up"), ("job", "api")]).unwrap();
/// batch.push(up, Timestamp::from_secs(1), 1.0);
/// assert_eq!(batch.len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    labels: Vec<u8>,
    series: Vec<Span>,
    rows: Vec<Row>,
    histograms: Vec<Histogram>,
    metadata: Vec<(String, Metadata)>,
    exemplars: Vec<(SeriesIndex, Exemplar)>,
}

/// Where a label set lies in the buffer.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
    checked: bool,
}

/// One sample. `histogram` is the position of a distribution plus one, 0 for a number.
#[derive(Clone, Copy, Debug)]
struct Row {
    timestamp: Timestamp,
    value: f64,
    series: SeriesIndex,
    histogram: u32,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a label set for rows to point at. Pairs may come in any order; empty values mean
    /// absent. The same set may be added more than once.
    pub fn series<N, V>(
        &mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<SeriesIndex, LabelError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let pairs: Vec<(N, V)> = pairs.into_iter().collect();
        let mut sorted: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(n, v)| (n.as_ref(), v.as_ref()))
            .collect();
        let start = self.labels.len();
        encode(&mut sorted, &mut self.labels)?;
        Ok(self.index_from(start))
    }

    /// Adds a label set that is already encoded.
    pub fn series_encoded(&mut self, labels: LabelsRef<'_>) -> SeriesIndex {
        let start = self.labels.len();
        self.labels.extend_from_slice(labels.as_bytes());
        self.index_from(start)
    }

    /// Adds a label set by its bytes, unchecked as by [`Self::series_at`].
    pub fn series_unchecked(&mut self, labels: &[u8]) -> SeriesIndex {
        let start = self.labels.len();
        self.labels.extend_from_slice(labels);
        self.index(start..self.labels.len(), false)
    }

    fn index_from(&mut self, start: usize) -> SeriesIndex {
        self.index(start..self.labels.len(), true)
    }

    fn index(&mut self, at: Range<usize>, checked: bool) -> SeriesIndex {
        assert!(
            u32::try_from(self.labels.len()).is_ok(),
            "a batch holds at most 4 GiB of labels"
        );
        self.series.push(Span {
            start: at.start as u32,
            end: at.end as u32,
            checked,
        });
        SeriesIndex(self.series.len() as u32 - 1)
    }

    /// Empties the batch and lends this many bytes of its buffer, for a request's body that
    /// [`Self::series_at`] then points into. Whatever is in them: not clearing what is overwritten
    /// saves a pass over every request.
    pub fn refill_bytes(&mut self, bytes: usize) -> &mut [u8] {
        let mut buffer = std::mem::take(&mut self.labels);
        self.clear();
        buffer.resize(bytes, 0);
        self.labels = buffer;
        &mut self.labels
    }

    /// Adds a label set by where it lies in the buffer, unchecked: protobuf's encoding of
    /// repeated labels as it came from outside. One that turns out to be no label set is refused
    /// with its rows when the batch is appended.
    ///
    /// Panics when the range lies outside the buffer.
    pub fn series_at(&mut self, at: Range<usize>) -> SeriesIndex {
        assert!(at.start <= at.end && at.end <= self.labels.len());
        self.index(at, false)
    }

    /// Adds a label set that `write` appends to the buffer, unchecked as by [`Self::series_at`].
    #[inline]
    pub fn series_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> SeriesIndex {
        let start = self.labels.len();
        write(&mut self.labels);
        self.series_at(start..self.labels.len())
    }

    /// Everything in the buffer.
    pub fn buffer(&self) -> &[u8] {
        &self.labels
    }

    /// Adds a number.
    pub fn push(&mut self, series: SeriesIndex, timestamp: Timestamp, value: f64) {
        self.rows.push(Row {
            timestamp,
            value,
            series,
            histogram: 0,
        });
    }

    /// Adds a histogram.
    pub fn push_histogram(&mut self, series: SeriesIndex, timestamp: Timestamp, value: Histogram) {
        self.histograms.push(value);
        self.rows.push(Row {
            timestamp,
            value: 0.0,
            series,
            histogram: self.histograms.len() as u32,
        });
    }

    /// Adds an exemplar of a series.
    pub fn push_exemplar(&mut self, series: SeriesIndex, exemplar: Exemplar) {
        self.exemplars.push((series, exemplar));
    }

    /// Says what a metric name means; the last word on a name wins.
    pub fn describe(&mut self, name: &str, metadata: Metadata) {
        self.metadata.push((name.to_owned(), metadata));
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Number of samples that are distributions.
    pub fn histogram_count(&self) -> usize {
        self.histograms.len()
    }

    /// Whether there is no sample, no metadata and no exemplar.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.metadata.is_empty() && self.exemplars.is_empty()
    }

    /// Forgets everything but keeps the memory for the next filling.
    pub fn clear(&mut self) {
        self.labels.clear();
        self.series.clear();
        self.rows.clear();
        self.histograms.clear();
        self.metadata.clear();
        self.exemplars.clear();
    }

    /// Number of label sets.
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// The labels of a series of this batch; `None` when it was added unchecked and is no
    /// canonical label set.
    pub fn labels(&self, series: SeriesIndex) -> Option<LabelsRef<'_>> {
        let bytes = self.label_bytes(series);
        if self.series[series.as_usize()].checked {
            // Only `encode` and an existing `LabelsRef` write into the buffer.
            return Some(LabelsRef::trusted(bytes));
        }
        LabelsRef::from_encoded(bytes).ok()
    }

    /// The label set of a series as it was added: canonical unless it was added unchecked.
    pub fn label_bytes(&self, series: SeriesIndex) -> &[u8] {
        let span = self.series[series.as_usize()];
        &self.labels[span.start as usize..span.end as usize]
    }

    /// Where the label set of a series lies in [`Self::buffer`].
    pub fn label_range(&self, series: SeriesIndex) -> Range<usize> {
        let span = self.series[series.as_usize()];
        span.start as usize..span.end as usize
    }

    /// All label sets as they were added, in the order of [`SeriesIndex::as_usize`].
    pub fn all_label_bytes(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let bytes = |span: &Span| &self.labels[span.start as usize..span.end as usize];
        self.series.iter().map(bytes)
    }

    /// All samples, in the order they were added.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (SeriesIndex, Timestamp, Value<'_>)> {
        self.rows.iter().map(|row| self.unpack(row))
    }

    /// The sample at `position` among [`Self::rows`].
    pub fn row(&self, position: usize) -> (SeriesIndex, Timestamp, Value<'_>) {
        self.unpack(&self.rows[position])
    }

    fn unpack(&self, row: &Row) -> (SeriesIndex, Timestamp, Value<'_>) {
        let value = match row.histogram.checked_sub(1) {
            None => Value::Float(row.value),
            Some(i) => Value::Histogram(&self.histograms[i as usize]),
        };
        (row.series, row.timestamp, value)
    }

    /// All exemplars, in the order they were added.
    pub fn exemplars(&self) -> &[(SeriesIndex, Exemplar)] {
        &self.exemplars
    }

    /// All metadata, in the order it was added.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &Metadata)> {
        self.metadata
            .iter()
            .map(|(name, metadata)| (name.as_str(), metadata))
    }
}

/// Something that keeps samples: the store, or a cluster behind remote write.
pub trait Appender: Send + Sync {
    /// Keeps a batch. When this returns `Ok`, every row that is not listed as rejected is kept
    /// under the appender's durability policy; when it returns `Err`, none is.
    ///
    /// The same series and time twice: the last one wins.
    fn append(&self, batch: &Batch) -> Result<AppendOutcome, AppendError>;
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppendOutcome {
    /// Rows that need not come again: kept, or dropped because a filter says so.
    pub accepted: usize,
    /// Of these, the rows that a filter dropped.
    pub filtered: usize,
    /// Rows refused, in order of row.
    pub rejected: Vec<Rejected>,
    /// When a limit on series was met: the metric that has the most of them.
    pub culprit: Option<Culprit>,
}

/// The metric that takes most of a limit on series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culprit {
    /// Its name.
    pub metric: String,
    /// How many series it has in memory.
    pub series: usize,
}

/// One refused row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// Its position in [`Batch::rows`].
    pub row: usize,
    /// Why.
    pub reason: Refusal,
}

/// Why a single row was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Further behind its series' newest sample than the out-of-order window allows, or older than
    /// the retention.
    #[error("older than the out-of-order window or the retention allows")]
    TooOld,
    /// Further ahead of the clock than allowed.
    #[error("too far in the future")]
    TooNew,
    /// The series would be one more than the limit.
    #[error("the limit on the number of series is reached")]
    SeriesLimit,
    /// More new series came within this second than the limit allows.
    #[error("more new series a second than the limit allows")]
    SeriesRate,
    /// The series has no metric name.
    #[error("the series has no metric name")]
    NoName,
    /// The label set breaks a rule; [`crate::label::canonicalize`] says which.
    #[error("the label set is not valid")]
    InvalidLabels,
    /// The series would be one more than its source may have.
    #[error("the limit on the number of series of one source is reached")]
    SourceSeriesLimit,
    /// The histogram's count overflowed to infinity.
    #[error("the histogram's count is infinite")]
    InvalidHistogram,
    /// The histogram has bounds of its own, for which there is no form on disk.
    #[error("a histogram with custom bounds cannot be stored; send it as a classic histogram")]
    CustomBuckets,
}

/// Why a whole batch was refused.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// No room on the disk; reads go on, and writes resume when there is room.
    #[error("no space left for new samples; free some, writing resumes by itself")]
    NoSpace,
    /// Too much is waiting; try again after a moment.
    #[error("the store is overloaded")]
    Overloaded,
    /// The source sends more than it may; what it sent can come again.
    #[error("this source sends more than {per_second} samples a second; send less or less often")]
    RateLimit {
        /// What it may send.
        per_second: u64,
    },
    /// An earlier failure to write means that nothing can be promised until the store is reopened.
    #[error("the store refuses writes until it is reopened")]
    ReadOnly(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything else that went wrong below.
    #[error("the batch was not kept")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_went_in() {
        let mut batch = Batch::new();
        let a = batch.series([("__name__", "a")]).unwrap();
        let b = batch.series([("x", "1"), ("__name__", "b")]).unwrap();
        let mut histogram = Histogram::new();
        histogram.observe(0.25);
        batch.push(b, Timestamp::from_secs(2), f64::NAN);
        batch.push_histogram(a, Timestamp::from_secs(1), histogram.clone());
        let rows: Vec<_> = batch.rows().collect();
        assert_eq!((rows[0].0, rows[0].1), (b, Timestamp::from_secs(2)));
        assert_eq!(rows[1].2, Value::Histogram(&histogram));
        assert_eq!(batch.labels(b).unwrap().to_string(), r#"b{x="1"}"#);
        batch.clear();
        assert!(batch.is_empty());
    }

    #[test]
    fn label_sets_may_stay_where_they_are_in_a_body() {
        let labels = crate::Labels::new([("__name__", "up"), ("job", "api")]).unwrap();
        let mut batch = Batch::new();
        let body = [b"\x12\x34", labels.as_ref().as_bytes()].concat();
        batch.refill_bytes(body.len()).copy_from_slice(&body);
        let end = body.len();
        let known = batch.series_at(2..end);
        let bad = batch.series_at(0..2);
        batch.push(known, Timestamp::from_secs(1), 1.0);
        assert_eq!(batch.labels(known), Some(labels.as_ref()));
        assert_eq!(batch.labels(bad), None);
        assert_eq!(batch.all_label_bytes().len(), 2);
        assert_eq!(batch.row(0).0, known);
    }

    #[test]
    fn a_refused_label_set_leaves_the_batch_as_it_was() {
        let mut batch = Batch::new();
        assert!(batch.series([("a", "1"), ("a", "2")]).is_err());
        let ok = batch.series([("a", "1")]).unwrap();
        assert_eq!(batch.labels(ok).unwrap().to_string(), r#"{a="1"}"#);
    }
}
