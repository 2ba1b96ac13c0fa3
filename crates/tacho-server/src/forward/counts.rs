//! What is counted of a destination, and how it becomes series.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tacho_model::{Batch, Kind as MetricKind, METRIC_NAME, Metadata, Timestamp, Unit};

use super::queue::{Items, Kind, Pending};

/// Something that was said of a destination, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When it began, or when it was.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// Totals since the start, and how it goes now.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: [AtomicU64; 3],
    dropped: Mutex<BTreeMap<(Kind3, &'static str), u64>>,
    retries: AtomicU64,
    requests: AtomicU64,
    trouble: Mutex<Option<Said>>,
    refusal: Mutex<Option<Said>>,
}

/// The place of a kind among all.
type Kind3 = usize;

/// Series, their kind, unit and help.
const DESCRIBED: [(&str, MetricKind, &str, &str); 7] = [
    (
        "tacho_forward_pending_bytes",
        MetricKind::Gauge,
        "By",
        "What waits on disk to be forwarded.",
    ),
    (
        "tacho_forward_pending_items",
        MetricKind::Gauge,
        "",
        "Samples, spans and log records that wait to be forwarded.",
    ),
    (
        "tacho_forward_delay_seconds",
        MetricKind::Gauge,
        "s",
        "How long the oldest of what waits has waited.",
    ),
    (
        "tacho_forward_sent_items_total",
        MetricKind::Counter,
        "",
        "What the destination took.",
    ),
    (
        "tacho_forward_dropped_items_total",
        MetricKind::Counter,
        "",
        "What will not arrive, by reason.",
    ),
    (
        "tacho_forward_retries_total",
        MetricKind::Counter,
        "",
        "Requests that were to be sent again.",
    ),
    (
        "tacho_forward_requests_total",
        MetricKind::Counter,
        "",
        "Requests sent.",
    ),
];

impl Counts {
    pub(super) fn sent(&self, kind: Kind, items: u64) {
        self.sent[kind as usize].fetch_add(items, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, kind: Kind, reason: &'static str, items: u64) {
        if items > 0 {
            *self
                .dropped
                .lock()
                .entry((kind as usize, reason))
                .or_default() += items;
        }
    }

    pub(super) fn dropped_all(&self, reason: &'static str, items: Items) {
        for (kind, items) in Kind::ALL.into_iter().zip(items) {
            self.dropped(kind, reason, items);
        }
    }

    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn requested(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes why nothing arrives now. It began when that was first said, or, where the clock was
    /// put back since, no later than now.
    pub(super) fn waits(&self, text: &str) {
        let mut trouble = self.trouble.lock();
        let now = Timestamp::now();
        let at = trouble.as_ref().map_or(now, |said| said.at.min(now));
        let text = text.to_owned();
        *trouble = Some(Said { at, text });
    }

    /// Notes that something arrived, or could have.
    pub(super) fn works(&self) {
        *self.trouble.lock() = None;
    }

    /// Counts what was refused for good.
    pub(super) fn refused(&self, kind: Kind, items: u64, text: &str) {
        self.dropped(kind, "refused", items);
        if items > 0 {
            let (at, text) = (Timestamp::now(), text.to_owned());
            *self.refusal.lock() = Some(Said { at, text });
        }
    }

    /// Since when nothing arrives, and why.
    pub(super) fn trouble(&self) -> Option<Said> {
        self.trouble.lock().clone()
    }

    /// What was refused for good last.
    pub(super) fn refusal(&self) -> Option<Said> {
        self.refusal.lock().clone()
    }

    /// All that the destination took.
    pub(super) fn sent_total(&self) -> u64 {
        let sent = self.sent.iter();
        sent.map(|items| items.load(Ordering::Relaxed)).sum()
    }

    /// What will not arrive, by reason.
    pub(super) fn dropped_by_reason(&self) -> BTreeMap<&'static str, u64> {
        let mut by_reason = BTreeMap::new();
        for ((_, reason), items) in self.dropped.lock().iter() {
            *by_reason.entry(*reason).or_default() += items;
        }
        by_reason
    }

    /// Adds the series of a destination.
    pub(super) fn observe(
        &self,
        name: &str,
        pending: Pending,
        now: Timestamp,
        host: &str,
        batch: &mut Batch,
    ) {
        let mut push = |metric: &str, labels: &[(&str, &str)], value: f64| {
            let own = [
                (METRIC_NAME, metric),
                ("instance", host),
                ("job", "tacho"),
                ("destination", name),
            ];
            if let Ok(series) = batch.series(own.iter().chain(labels).copied()) {
                batch.push(series, now, value);
            }
        };
        let [bytes, items, delay, sent, dropped, retries, requests] = DESCRIBED.map(|row| row.0);
        push(bytes, &[], pending.bytes as f64);
        let waited = pending.oldest.map_or(0.0, |millis| {
            (now.as_nanos() / 1_000_000)
                .saturating_sub(millis as i64)
                .max(0) as f64
                / 1e3
        });
        push(delay, &[], waited);
        for (kind, count) in Kind::ALL.into_iter().zip(pending.items) {
            let sum = self.sent[kind as usize].load(Ordering::Relaxed);
            if kind == Kind::Samples || count + sum > 0 {
                push(items, &[("signal", kind.as_str())], count as f64);
                push(sent, &[("signal", kind.as_str())], sum as f64);
            }
        }
        for ((kind, reason), count) in self.dropped.lock().iter() {
            let kind = Kind::ALL[*kind].as_str();
            push(
                dropped,
                &[("signal", kind), ("reason", reason)],
                *count as f64,
            );
        }
        push(retries, &[], self.retries.load(Ordering::Relaxed) as f64);
        push(requests, &[], self.requests.load(Ordering::Relaxed) as f64);
    }

    /// Says what the series mean.
    pub(super) fn describe(batch: &mut Batch) {
        for (name, kind, unit, help) in DESCRIBED {
            let metadata = Metadata {
                kind,
                unit: Unit::of(unit),
                help: help.to_owned(),
            };
            batch.describe(name, metadata);
        }
    }
}
