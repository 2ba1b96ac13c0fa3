//! How samples get in: a [`Batch`] is filled and handed to an [`Appender`].
//!
//! A batch is three flat columns, so that filling one from wire bytes costs no allocation a
//! sample: encoded label sets end to end in one buffer, rows that point at them, and the few
//! values that are histograms. Labels are encoded once per series, not per sample.

use std::ops::Range;

use crate::label::{LabelError, LabelsRef, encode};
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
    /// Its position among [`Batch::series`].
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
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
    series: Vec<Range<u32>>,
    rows: Vec<Row>,
    histograms: Vec<Histogram>,
    metadata: Vec<(String, Metadata)>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    series: SeriesIndex,
    timestamp: Timestamp,
    value: Cell,
}

#[derive(Clone, Copy, Debug)]
enum Cell {
    Float(f64),
    Histogram(u32),
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

    fn index_from(&mut self, start: usize) -> SeriesIndex {
        assert!(
            u32::try_from(self.labels.len()).is_ok(),
            "a batch holds at most 4 GiB of labels"
        );
        self.series.push(start as u32..self.labels.len() as u32);
        SeriesIndex(self.series.len() as u32 - 1)
    }

    /// Adds a number.
    pub fn push(&mut self, series: SeriesIndex, timestamp: Timestamp, value: f64) {
        self.rows.push(Row {
            series,
            timestamp,
            value: Cell::Float(value),
        });
    }

    /// Adds a histogram.
    pub fn push_histogram(&mut self, series: SeriesIndex, timestamp: Timestamp, value: Histogram) {
        let value = {
            self.histograms.push(value);
            Cell::Histogram(self.histograms.len() as u32 - 1)
        };
        self.rows.push(Row {
            series,
            timestamp,
            value,
        });
    }

    /// Says what a metric name means; the last word on a name wins.
    pub fn describe(&mut self, name: &str, metadata: Metadata) {
        self.metadata.push((name.to_owned(), metadata));
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is neither a sample nor metadata.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.metadata.is_empty()
    }

    /// Forgets everything but keeps the memory for the next filling.
    pub fn clear(&mut self) {
        self.labels.clear();
        self.series.clear();
        self.rows.clear();
        self.histograms.clear();
        self.metadata.clear();
    }

    /// Number of label sets.
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// The labels of a series of this batch.
    pub fn labels(&self, series: SeriesIndex) -> LabelsRef<'_> {
        let range = &self.series[series.as_usize()];
        // Only `encode` and an existing `LabelsRef` write into the buffer.
        LabelsRef::trusted(&self.labels[range.start as usize..range.end as usize])
    }

    /// All samples, in the order they were added.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (SeriesIndex, Timestamp, Value<'_>)> {
        self.rows.iter().map(|row| {
            let value = match row.value {
                Cell::Float(value) => Value::Float(value),
                Cell::Histogram(i) => Value::Histogram(&self.histograms[i as usize]),
            };
            (row.series, row.timestamp, value)
        })
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
    /// Rows kept.
    pub accepted: usize,
    /// Rows refused, in order of row.
    pub rejected: Vec<Rejected>,
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
    /// Further behind the newest sample than the out-of-order window allows.
    #[error("older than the out-of-order window allows")]
    TooOld,
    /// Further ahead of the clock than allowed.
    #[error("too far in the future")]
    TooNew,
    /// The series would be one more than the limit.
    #[error("the limit on the number of series is reached")]
    SeriesLimit,
    /// The series has no metric name.
    #[error("the series has no metric name")]
    NoName,
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
        assert_eq!(batch.labels(b).to_string(), r#"b{x="1"}"#);
        batch.clear();
        assert!(batch.is_empty());
    }

    #[test]
    fn a_refused_label_set_leaves_the_batch_as_it_was() {
        let mut batch = Batch::new();
        assert!(batch.series([("a", "1"), ("a", "2")]).is_err());
        let ok = batch.series([("a", "1")]).unwrap();
        assert_eq!(batch.labels(ok).to_string(), r#"{a="1"}"#);
    }
}
