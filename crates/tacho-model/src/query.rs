//! How samples come out: a [`Querier`] selects series, and each is read as columns.
//!
//! Selecting is apart from reading: labels are known first, so that a caller can group, limit or
//! give up before a single sample is decoded, and different series can be read on different
//! threads into buffers that are used again.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::time::format_duration;
use crate::{Histogram, Labels, LabelsRef, Matcher, Metadata, TimeRange, Timestamp};

/// Something that can be asked for samples: the store, or a cluster behind remote read.
pub trait Querier: Send + Sync {
    /// The series that satisfy all matchers and may have samples inside `range`, sorted by their
    /// labels. The selection is a consistent view: what is written later does not appear in it.
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Box<dyn Selection + '_>, QueryError>;

    /// Reads the samples inside `range` of the series that has exactly these labels into `into`,
    /// which is cleared first; whether there is such a series.
    ///
    /// Matchers cannot say "and no other label". A store that knows its series by their labels
    /// answers this without looking at others.
    fn read_series(
        &self,
        labels: LabelsRef<'_>,
        range: TimeRange,
        into: &mut Columns,
    ) -> Result<bool, QueryError> {
        into.clear();
        let matchers: Vec<Matcher> = labels.iter().map(|(n, v)| Matcher::equal(n, v)).collect();
        let selection = self.select(&matchers, range)?;
        let is_meant = |at: &usize| selection.labels(*at).as_ref() == labels;
        match (0..selection.len()).find(is_meant) {
            Some(at) => selection.read(at, into).map(|()| true),
            None => Ok(false),
        }
    }

    /// The sorted, distinct values of a label among the series that satisfy all matchers.
    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError>;

    /// The sorted, distinct label names among the series that satisfy all matchers.
    fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError>;

    /// What is known of a metric name.
    fn metadata(&self, name: &str) -> Option<Metadata>;
}

/// Selected series, ready to be read.
pub trait Selection: Send + Sync {
    /// Number of series.
    fn len(&self) -> usize;

    /// Whether nothing was selected.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of series `index`.
    fn labels(&self, index: usize) -> &Labels;

    /// Reads the samples of series `index` inside the selected range, in order of time, into
    /// `into`, which is cleared first.
    fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError>;

    /// As [`Self::read`], for a reader who wants to know when there were samples only: of a number
    /// it is told whether it is a staleness marker, and no more. Of long pages that saves decoding.
    fn read_times(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        self.read(index, into)
    }
}

/// Reads all series of a selection on `threads` threads, each with columns of its own, in no
/// particular order; `each` gets a series' index and samples. The first error ends it.
///
/// Series are handed out one by one, so that threads end together though series differ in length.
pub fn read_all(
    selection: &dyn Selection,
    threads: NonZero<usize>,
    each: impl Fn(usize, &Columns) + Sync,
) -> Result<(), QueryError> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let work = || {
        let mut columns = Columns::new();
        loop {
            let index = next.fetch_add(1, Relaxed);
            if index >= selection.len() {
                return;
            }
            if let Err(error) = selection.read(index, &mut columns) {
                // Nobody takes another series; those under way end by themselves.
                next.store(selection.len(), Relaxed);
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert(error);
                return;
            }
            each(index, &columns);
        }
    };
    let helpers = threads.get().min(selection.len()).saturating_sub(1);
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(work);
        }
        work();
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(()), Err)
}

/// The samples of one series: numbers and histograms apart, each in strictly increasing order of
/// time. A series nearly always has one of the two.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    /// Times of `values`.
    pub timestamps: Vec<Timestamp>,
    /// Numbers, staleness markers among them.
    pub values: Vec<f64>,
    /// Times of `histograms`.
    pub histogram_timestamps: Vec<Timestamp>,
    /// Distributions.
    pub histograms: Vec<Histogram>,
}

impl Columns {
    /// Empty columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the samples but keeps the memory.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.values.clear();
        self.histogram_timestamps.clear();
        self.histograms.clear();
    }

    /// Number of samples of both sorts.
    pub fn len(&self) -> usize {
        self.timestamps.len() + self.histogram_timestamps.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The newest number that is not a staleness marker, with its time.
    pub fn last(&self) -> Option<(Timestamp, f64)> {
        let mut samples = self.timestamps.iter().zip(&self.values).rev();
        samples
            .find(|(_, v)| !crate::append::is_stale(**v))
            .map(|(t, v)| (*t, *v))
    }
}

/// Why a query could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It would touch more than the configured limit.
    #[error("the query touches {what} beyond the limit of {limit}; narrow its range or selector")]
    TooMuch {
        /// Of what: `series` or `samples`.
        what: &'static str,
        /// The configured limit.
        limit: u64,
    },
    /// It takes longer than it may.
    #[error(
        "the query takes longer than its limit of {}; narrow its range or selector",
        format_duration(*limit)
    )]
    TimedOut {
        /// How long it may take.
        limit: Duration,
    },
    /// Whoever asked has gone.
    #[error("the query was cancelled")]
    Cancelled,
    /// Stored data could not be read.
    #[error("stored data could not be read")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    /// Series `i` has `i % 5` samples; reading number `broken` fails.
    struct Fake {
        labels: Vec<Labels>,
        broken: Option<usize>,
    }

    impl Selection for Fake {
        fn len(&self) -> usize {
            self.labels.len()
        }

        fn labels(&self, index: usize) -> &Labels {
            &self.labels[index]
        }

        fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
            into.clear();
            if self.broken == Some(index) {
                return Err(QueryError::Cancelled);
            }
            for second in 0..index as i64 % 5 {
                into.timestamps.push(Timestamp::from_secs(second));
                into.values.push(index as f64);
            }
            Ok(())
        }
    }

    fn check(series: usize, threads: usize, broken: Option<usize>) {
        let labels = vec![Labels::metric("up").unwrap(); series];
        let selection = Fake { labels, broken };
        let seen: Vec<AtomicUsize> = (0..series).map(|_| AtomicUsize::new(0)).collect();
        let threads = NonZero::new(threads).unwrap();
        let read = read_all(&selection, threads, |index, columns| {
            assert_eq!(columns.len(), index % 5);
            seen[index].fetch_add(1, Relaxed);
        });
        assert_eq!(read.is_err(), broken.is_some());
        let once = seen.iter().filter(|count| count.load(Relaxed) == 1).count();
        if broken.is_none() {
            assert_eq!(once, series, "each series once");
        }
    }

    #[test]
    fn every_series_is_read_once_on_any_number_of_threads() {
        for threads in [1, 2, 7] {
            check(0, threads, None);
            check(1, threads, None);
            check(100, threads, None);
            check(100, threads, Some(40));
        }
    }
}
