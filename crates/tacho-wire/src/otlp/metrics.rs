//! `ExportMetricsServiceRequest`: metric points to samples.
//!
//! Cumulative points and gauges go straight into a [`Batch`]. Deltas cannot: what they add up to
//! is known only to who remembers what was before, so they come as a list beside the batch, whose
//! series they name. Explicit-bucket histograms become the classic series `_bucket`, `_count` and
//! `_sum`, exponential ones native histograms, summaries a series a quantile.
//!
//! 1. A body is either walked to its end or refused whole; no input makes it panic.
//! 2. A point that is refused by rule costs itself alone, is counted in [`Decoded::refused`] and
//!    leaves no row behind.
//! 3. Memory is bounded: by counts of points, buckets, bytes of labels and descriptions, whatever
//!    lengths and repetitions the body claims.
//! 4. A point whose labels were seen before costs no text: what they became is remembered under a
//!    hash of the bytes they came as.
//!
//! Not for judging times against what is stored, nor for adding deltas up: those are the store's
//! and the server's. Sources: `opentelemetry/proto/metrics/v1`; OpenTelemetry specification,
//! "Metrics Data Model" and "Prometheus and OpenMetrics Compatibility".

pub(in crate::otlp) mod as_is;
mod describe;
mod exemplar;
mod explicit;
mod exponential;
mod known;
mod labels;
pub(in crate::otlp) mod names;
mod number;
mod point;
mod summary;
mod walk;

#[cfg(test)]
pub(in crate::otlp) mod tests;

use tacho_model::append::SeriesIndex;
use tacho_model::histogram::HistogramError;
use tacho_model::{Batch, Histogram, Timestamp};

use self::known::Known;
pub(in crate::otlp) use self::point::bound_text;
use self::walk::Walk;
use crate::protobuf::ProtobufError;

/// Refused points that are told one by one.
const EXAMPLES_MAX: usize = 3;
/// Longest name in such an example, in characters.
const EXAMPLE_CHARS_MAX: usize = 100;

/// What one request may hold, and what may be remembered between requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Points of all metrics.
    pub points_max: usize,
    /// Bytes of all label sets that the points become.
    pub label_bytes_max: usize,
    /// Bytes of label sets that are remembered between requests.
    pub known_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            points_max: 2_000_000,
            label_bytes_max: 256 << 20,
            known_bytes_max: 128 << 20,
        }
    }
}

/// Why a whole request was refused. Offsets count bytes of the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// The body is no such message.
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
    /// More of something than allowed.
    #[error("more than {limit} {what} in one request; send smaller requests")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// What is allowed.
        limit: usize,
    },
}

impl MetricsError {
    /// Whether a smaller request would be taken.
    pub fn is_size(&self) -> bool {
        matches!(self, Self::TooMany { .. })
    }
}

/// What was found besides the samples in the batch.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Points in the request, refused ones among them.
    pub points: usize,
    /// The `service.name` that sent it; empty where several did, or it says none.
    pub service: String,
    /// For each row of the batch: the point it is of, or [`NO_POINT`].
    pub rows: Vec<u32>,
    /// What is to be added to totals, in the order it came.
    pub deltas: Vec<Delta>,
    /// The distributions that [`Amount::Histogram`] points at.
    pub histograms: Vec<Histogram>,
    /// Points that left no row and no delta.
    pub refused: Refusals,
}

/// Stands for the point of a row that is of none, such as `target_info`.
pub const NO_POINT: u32 = u32::MAX;

/// What a series gained in an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delta {
    /// The series, in the batch.
    pub series: SeriesIndex,
    /// The point it is of.
    pub point: u32,
    /// The beginning of the interval; its end where the sender did not say.
    pub start: Timestamp,
    /// The end of the interval.
    pub time: Timestamp,
    /// What was gained.
    pub amount: Amount,
}

/// What a series gained: always finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// A number.
    Number(f64),
    /// Observations: a position in [`Decoded::histograms`].
    Histogram(u32),
}

/// Refused points: how many for which reason, and the first of them in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Counts by reason, in order of first appearance.
    pub counts: Vec<(Reason, usize)>,
    /// Metric and reason, at most a few.
    pub examples: Vec<String>,
}

impl Refusals {
    /// All of them.
    pub fn total(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Counts a point of `metric`; `detail` says more than its reason does.
    pub(crate) fn add(&mut self, metric: &[u8], reason: Reason, detail: Option<&str>) {
        match self.counts.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((reason, 1)),
        }
        if self.examples.len() < EXAMPLES_MAX {
            let name = String::from_utf8_lossy(metric);
            let name: String = name.chars().take(EXAMPLE_CHARS_MAX).collect();
            let why = detail.map_or_else(|| reason.to_string(), str::to_owned);
            self.examples.push(format!("{name}: {why}"));
        }
    }
}

/// Why a point was refused before anybody tried to store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The metric has no name.
    #[error("the metric has no name")]
    NoName,
    /// The labels break a rule.
    #[error("the label set is not valid")]
    InvalidLabels,
    /// The time does not fit into signed nanoseconds.
    #[error("the time is after the year 2262")]
    OutOfRange,
    /// Neither a value nor the flag that says that there is none.
    #[error("the point has no value")]
    NoValue,
    /// Neither delta nor cumulative.
    #[error("the aggregation temporality is neither delta nor cumulative")]
    Temporality,
    /// A delta that is infinite or no number would spoil the total for ever.
    #[error("a delta is not finite")]
    NotFinite,
    /// A counter cannot lose anything.
    #[error("a delta of a monotonic sum is negative")]
    Negative,
    /// Bounds and counts of buckets do not match.
    #[error("the histogram's bounds are not increasing, or do not match its counts")]
    Buckets,
    /// Coarser than what is stored.
    #[error("the exponential histogram's scale is below -4")]
    Scale,
    /// The fields make no histogram.
    #[error("it is no valid histogram: {0}")]
    Histogram(#[from] HistogramError),
}

impl Reason {
    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoName => "no_name",
            Self::InvalidLabels => "invalid_labels",
            Self::OutOfRange => "out_of_range",
            Self::NoValue => "no_value",
            Self::Temporality => "temporality",
            Self::NotFinite => "not_finite",
            Self::Negative => "negative_delta",
            Self::Buckets | Self::Scale | Self::Histogram(_) => "invalid_histogram",
        }
    }
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::otlp) enum Kind {
    Gauge,
    /// A monotonic sum.
    Counter,
    /// A sum that may fall.
    UpDown,
    /// A histogram with explicit bounds.
    Histogram,
    Exponential,
    Summary,
}

/// Reads requests, and remembers the label sets that their points became.
pub struct Translator {
    limits: Limits,
    seed: u128,
    known: Known,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Translator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Translator")
            .field("limits", &self.limits)
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

impl Translator {
    /// A translator that knows nothing. `seed` should be a number that no sender can know.
    pub fn new(limits: Limits, seed: u128) -> Self {
        Self {
            limits,
            seed,
            known: Known::new(limits.known_bytes_max),
            scratch: Vec::new(),
        }
    }

    /// Fills `batch`, whatever it held before, from a request's body; `now` is for points without
    /// a time. After an error the batch holds an arbitrary part of the request and is not to be
    /// appended.
    ///
    /// ```
    /// use tacho_model::{Batch, Timestamp};
    /// use tacho_wire::otlp::metrics::{Limits, Translator};
    /// // A gauge `up` with one point of value 1 and no time.
    /// let body = b"\x0a\x17\x12\x15\x12\x13\x0a\x02up\x2a\x0d\x0a\x0b\x21\0\0\0\0\0\0\xf0\x3f\x40\0";
    /// let mut translator = Translator::new(Limits::default(), 0);
    /// let mut batch = Batch::new();
    /// let decoded = translator.decode(body, Timestamp::from_secs(1), &mut batch).unwrap();
    /// assert_eq!((decoded.points, batch.len()), (1, 1));
    /// ```
    pub fn decode(
        &mut self,
        body: &[u8],
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<Decoded, MetricsError> {
        batch.clear();
        let mut walk = Walk::new(
            body,
            now,
            self.limits,
            &mut self.known,
            &mut self.scratch,
            batch,
        );
        walk.request(self.seed)?;
        Ok(walk.finish())
    }

    /// Forgets what it knows, descriptions among it: for when a batch was not kept, so that they
    /// are in the next one.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}
