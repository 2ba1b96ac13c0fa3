//! What the receiver counts of itself, and how it becomes series.

use std::sync::atomic::{AtomicU64, Ordering};

use tacho_model::{Batch, Kind, METRIC_NAME, Metadata, Timestamp, Unit};

const SAMPLES: &str = "tacho_remote_write_samples_total";
const REQUESTS: &str = "tacho_remote_write_requests_total";

/// Reasons that are counted.
const REASONS: [&str; 9] = [
    "out_of_range",
    "custom_buckets",
    "invalid_histogram",
    "invalid_labels",
    "too_old",
    "too_new",
    "series_limit",
    "series_rate",
    "no_name",
];
/// Status codes that are counted; the last one stands for all others.
const CODES: [u16; 8] = [204, 400, 408, 413, 415, 429, 503, 500];

/// Totals since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    accepted: AtomicU64,
    refused: [AtomicU64; REASONS.len()],
    requests: [AtomicU64; CODES.len()],
}

impl Counts {
    pub(super) fn accepted(&self, samples: usize) {
        self.accepted.fetch_add(samples as u64, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, reason: &str, samples: usize) {
        let known = REASONS.iter().zip(&self.refused);
        for (_, count) in known.filter(|(name, _)| **name == reason) {
            count.fetch_add(samples as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn answered(&self, status: u16) {
        let known = CODES.iter().position(|code| *code == status);
        let counts = self.requests.get(known.unwrap_or(CODES.len() - 1));
        counts.inspect(|count| {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Adds what is not zero. A counter that once was stays, as long as the process lives.
    pub(super) fn observe(&self, now: Timestamp, host: &str, batch: &mut Batch) {
        let before = batch.len();
        let mut push = |name, label: &[(&str, &str)], count: &AtomicU64| {
            let count = count.load(Ordering::Relaxed);
            let labels = [(METRIC_NAME, name), ("instance", host), ("job", "tacho")];
            if count > 0
                && let Ok(series) = batch.series(labels.iter().chain(label).copied())
            {
                batch.push(series, now, count as f64);
            }
        };
        push(SAMPLES, &[("outcome", "accepted")], &self.accepted);
        for (reason, count) in REASONS.iter().zip(&self.refused) {
            push(
                SAMPLES,
                &[("outcome", "refused"), ("reason", reason)],
                count,
            );
        }
        for (code, count) in CODES.iter().zip(&self.requests) {
            push(REQUESTS, &[("code", &code.to_string())], count);
        }
        if batch.len() == before {
            return;
        }
        for (name, help) in [
            (
                SAMPLES,
                "Samples received by remote write, by what became of them.",
            ),
            (
                REQUESTS,
                "Remote-write requests, by the status they were answered with.",
            ),
        ] {
            let metadata = Metadata {
                kind: Kind::Counter,
                unit: Unit::NONE,
                help: help.to_owned(),
            };
            batch.describe(name, metadata);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_becomes_series_and_what_did_not_does_not() {
        let counts = Counts::default();
        let mut batch = Batch::new();
        counts.observe(Timestamp::from_secs(1), "h", &mut batch);
        assert!(batch.is_empty());
        counts.accepted(7);
        counts.refused("too_old", 2);
        counts.answered(204);
        counts.answered(599);
        counts.observe(Timestamp::from_secs(1), "h", &mut batch);
        let all = batch.rows().map(|(series, _, value)| {
            let labels = batch.labels(series).unwrap();
            format!("{labels} {value:?}")
        });
        assert_eq!(
            all.collect::<Vec<_>>(),
            [
                r#"tacho_remote_write_samples_total{instance="h",job="tacho",outcome="accepted"} Float(7.0)"#,
                r#"tacho_remote_write_samples_total{instance="h",job="tacho",outcome="refused",reason="too_old"} Float(2.0)"#,
                r#"tacho_remote_write_requests_total{code="204",instance="h",job="tacho"} Float(1.0)"#,
                r#"tacho_remote_write_requests_total{code="500",instance="h",job="tacho"} Float(1.0)"#,
            ]
        );
        assert_eq!(batch.metadata().count(), 2);
    }

    #[test]
    fn every_reason_has_its_place() {
        use super::super::Why;
        use tacho_model::Refusal;
        use tacho_wire::remote_write::Reason;
        let all = [
            Why::Decoder(Reason::OutOfRange),
            Why::Decoder(Reason::CustomBuckets),
            Why::Decoder(Reason::Spans),
            Why::Decoder(Reason::InvalidLabels),
            Why::Store(Refusal::TooOld),
            Why::Store(Refusal::TooNew),
            Why::Store(Refusal::SeriesLimit),
            Why::Store(Refusal::SeriesRate),
            Why::Store(Refusal::NoName),
            Why::Store(Refusal::InvalidLabels),
            Why::Store(Refusal::InvalidHistogram),
        ];
        for why in all {
            assert!(REASONS.contains(&why.name()), "{why:?}");
        }
    }
}
