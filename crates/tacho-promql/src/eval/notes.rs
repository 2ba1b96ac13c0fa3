//! What an answer is to be read with: warnings and infos, in Prometheus' words.
//!
//! Each is told once, however many steps and series it holds for; texts carry the place in the
//! query they are about, as `(line:column)`.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::error::Position;

/// Most notes of one answer; a query over hostile data shall not tell a million.
const NOTES_MAX: usize = 100;

/// Warnings and infos.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    found: BTreeSet<(Note, usize)>,
}

/// One sort of note. Names are those of the metrics it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Note {
    InvalidQuantile(String),
    InvalidRatio {
        given: String,
        used: String,
    },
    BadBucketLabel {
        value: String,
        metric: String,
    },
    MixedFloatsHistograms(String),
    MixedFloatsHistogramsAggregation,
    MixedClassicNative(String),
    NotCounterHistogram(String),
    NotGaugeHistogram(String),
    MixedExponentialCustom(String),
    MismatchedCustomBounds(&'static str),
    CounterResetCollision(&'static str),
    PossiblyNoCounter(String),
    ForcedMonotonicity(String),
    IncompatibleTypes {
        op: &'static str,
        left: &'static str,
        right: &'static str,
    },
    HistogramIgnored(&'static str),
    HistogramIgnoredInRange(String),
    QuantileOfNans(String),
    QuantileBesideNans(String),
    FractionBesideNans(String),
}

impl Notes {
    /// Notes something about the part of the query that stands at `at`.
    pub(crate) fn add(&mut self, note: Note, at: &Range<usize>) {
        if self.found.len() < NOTES_MAX {
            self.found.insert((note, at.start));
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for note in other.found {
            if self.found.len() < NOTES_MAX {
                self.found.insert(note);
            }
        }
    }

    /// Warnings, then infos, as they are told.
    pub(crate) fn texts(&self, query: &str) -> (Vec<String>, Vec<String>) {
        let (mut warnings, mut infos) = (Vec::new(), Vec::new());
        for (note, at) in &self.found {
            let text = format!("{note} ({})", Position::of(query, *at));
            if note.is_info() {
                infos.push(format!("PromQL info: {text}"));
            } else {
                warnings.push(format!("PromQL warning: {text}"));
            }
        }
        (warnings, infos)
    }
}

impl Note {
    fn is_info(&self) -> bool {
        matches!(
            self,
            Self::PossiblyNoCounter(_)
                | Self::ForcedMonotonicity(_)
                | Self::IncompatibleTypes { .. }
                | Self::HistogramIgnored(_)
                | Self::HistogramIgnoredInRange(_)
                | Self::QuantileOfNans(_)
                | Self::QuantileBesideNans(_)
                | Self::FractionBesideNans(_)
                | Self::MismatchedCustomBounds(_)
        )
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of_metric = |metric: &str| match metric {
            "" => String::new(),
            metric => format!(" for metric name {metric:?}"),
        };
        match self {
            Self::InvalidQuantile(given) => {
                write!(f, "quantile value should be between 0 and 1, got {given}")
            }
            Self::InvalidRatio { given, used } => write!(
                f,
                "ratio value should be between -1 and 1, got {given}, capping to {used}"
            ),
            Self::BadBucketLabel { value, metric } => write!(
                f,
                "bucket label \"le\" is missing or has a malformed value of {value:?}{}",
                of_metric(metric)
            ),
            Self::MixedFloatsHistograms(metric) => write!(
                f,
                "encountered a mix of histograms and floats{}",
                of_metric(metric)
            ),
            Self::MixedFloatsHistogramsAggregation => {
                write!(
                    f,
                    "encountered a mix of histograms and floats for aggregation"
                )
            }
            Self::MixedClassicNative(metric) => write!(
                f,
                "vector contains a mix of classic and native histograms{}",
                of_metric(metric)
            ),
            Self::NotCounterHistogram(metric) => {
                write!(
                    f,
                    "this native histogram metric is not a counter: {metric:?}"
                )
            }
            Self::NotGaugeHistogram(metric) => {
                write!(f, "this native histogram metric is not a gauge: {metric:?}")
            }
            Self::MixedExponentialCustom(metric) => write!(
                f,
                "vector contains a mix of histograms with exponential and custom buckets schemas{}",
                of_metric(metric)
            ),
            Self::MismatchedCustomBounds(operation) => {
                write!(
                    f,
                    "mismatched custom buckets were reconciled during {operation}"
                )
            }
            Self::CounterResetCollision(operation) => {
                write!(f, "conflicting counter resets during histogram {operation}")
            }
            Self::PossiblyNoCounter(metric) => write!(
                f,
                "metric might not be a counter, name does not end in \
                 _total/_sum/_count/_bucket: {metric:?}"
            ),
            Self::ForcedMonotonicity(metric) => write!(
                f,
                "input to histogram_quantile needed to be fixed for monotonicity (see \
                 https://prometheus.io/docs/prometheus/latest/querying/functions/\
                 #histogram_quantile){}",
                of_metric(metric)
            ),
            Self::IncompatibleTypes { op, left, right } => write!(
                f,
                "incompatible sample types encountered for binary operator {op:?}: \
                 {left} {op} {right}"
            ),
            Self::HistogramIgnored(aggregation) => {
                write!(f, "ignored histogram in {aggregation} aggregation")
            }
            Self::HistogramIgnoredInRange(metric) => write!(
                f,
                "ignored histograms in a range containing both floats and histograms{}",
                of_metric(metric)
            ),
            Self::QuantileOfNans(metric) => write!(
                f,
                "input to histogram_quantile has NaN observations, result is NaN{}",
                of_metric(metric)
            ),
            Self::QuantileBesideNans(metric) => write!(
                f,
                "input to histogram_quantile has NaN observations, result is skewed higher{}",
                of_metric(metric)
            ),
            Self::FractionBesideNans(metric) => write!(
                f,
                "input to histogram_fraction has NaN observations, which are excluded from all \
                 fractions{}",
                of_metric(metric)
            ),
        }
    }
}
