//! What is counted of everything that comes in, and how it becomes series.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tacho_model::{Batch, Kind, METRIC_NAME, Metadata, Timestamp, Unit};

use super::Origin;

/// Sources that are counted apart; those beyond it are counted together as [`OTHERS`].
const SOURCES_MAX: usize = 500;
/// Longest name of a source, in bytes; longer ones are cut.
const SOURCE_BYTES_MAX: usize = 100;
/// The source that stands for all beyond [`SOURCES_MAX`].
const OTHERS: &str = "others";
/// How long items are counted for a rate.
const RATE_WINDOW: Duration = Duration::from_secs(10);
/// What is older than this when it arrives is delayed.
const DELAYED: Duration = Duration::from_mins(1);

const ITEMS: &str = "tacho_receiver_items_total";
const DELAYS: &str = "tacho_receiver_delayed_items_total";
const REQUESTS: &str = "tacho_receiver_requests_total";

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// This host's own collectors.
    Host,
    /// OTLP over HTTP or gRPC.
    Otlp,
    /// Prometheus remote write, 1.0 or 2.0.
    RemoteWrite,
    /// Scraped targets.
    Scrape,
    /// Pushgateway's paths.
    Pushgateway,
    /// `StatsD` and `DogStatsD`.
    Statsd,
    /// Influx line protocol.
    Influx,
    /// `POST /api/performance/metrics`.
    Json,
    /// Samples that a filter makes of others.
    Filter,
    /// Samples that recording rules make of others.
    Rule,
}

impl Protocol {
    /// Those that something comes by.
    pub const ALL: [Self; 9] = [
        Self::Host,
        Self::Otlp,
        Self::RemoteWrite,
        Self::Scrape,
        Self::Pushgateway,
        Self::Statsd,
        Self::Influx,
        Self::Json,
        Self::Rule,
    ];

    /// The way in of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// Whether this program makes it itself: it is not bounded as what others send.
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Host | Self::Rule)
    }

    /// Its name in labels and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Otlp => "otlp",
            Self::RemoteWrite => "remote_write",
            Self::Scrape => "scrape",
            Self::Pushgateway => "pushgateway",
            Self::Statsd => "statsd",
            Self::Influx => "influx",
            Self::Json => "json",
            Self::Filter => "filter",
            Self::Rule => "rule",
        }
    }
}

/// What comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Samples of series.
    Samples,
    /// Exemplars of series.
    Exemplars,
    /// Spans.
    Spans,
    /// Log records and events.
    Logs,
}

impl Signal {
    /// Its name in labels and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Exemplars => "exemplars",
            Self::Spans => "spans",
            Self::Logs => "logs",
        }
    }
}

/// What became of some items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Kept.
    pub accepted: u64,
    /// Dropped because a filter says so.
    pub filtered: u64,
    /// Refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Of all, those that were older than a minute when they came.
    pub delayed: u64,
    /// The newest time that one of them carries.
    pub newest: Option<Timestamp>,
}

impl Tally {
    /// Items that were kept.
    pub fn accepted(items: usize) -> Self {
        Self {
            accepted: items as u64,
            ..Self::default()
        }
    }

    /// Items that were refused for one reason.
    pub fn refused(reason: &'static str, items: usize) -> Self {
        let mut tally = Self::default();
        tally.refuse(reason, items);
        tally
    }

    /// Adds items that were refused.
    pub fn refuse(&mut self, reason: &'static str, items: usize) {
        if items > 0 {
            *self.refused.entry(reason).or_default() += items as u64;
        }
    }

    /// Notes the times of all rows of a batch.
    pub fn note_times(&mut self, batch: &Batch, now: Timestamp) {
        let late = now - DELAYED;
        for (_, time, _) in batch.rows() {
            self.delayed += u64::from(time < late);
            self.newest = self.newest.max(Some(time));
        }
    }

    /// Notes the time of one item.
    pub fn note_time(&mut self, time: Timestamp, now: Timestamp) {
        self.delayed += u64::from(time < now - DELAYED);
        self.newest = self.newest.max(Some(time));
    }

    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.filtered += other.filtered;
        self.delayed += other.delayed;
        self.newest = self.newest.max(other.newest);
        for (reason, count) in &other.refused {
            *self.refused.entry(reason).or_default() += count;
        }
    }

    /// All of them.
    pub fn received(&self) -> u64 {
        self.accepted + self.filtered + self.refused.values().sum::<u64>()
    }
}

/// How much came lately: the items of the last whole [`RATE_WINDOW`], or of the present one while it
/// is the first.
#[derive(Debug, Clone, Copy)]
struct Rate {
    since: Timestamp,
    items: u64,
    before: Option<f64>,
}

impl Rate {
    fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            items: 0,
            before: None,
        }
    }

    fn add(&mut self, items: u64, now: Timestamp) {
        // A clock that stepped back begins a new window.
        if now < self.since || now.since(self.since) >= RATE_WINDOW {
            *self = Self {
                before: Some(self.per_second(now)),
                ..Self::new(now)
            };
        }
        self.items += items;
    }

    /// Items a second. A window that is long over says how long ago that was, too.
    fn per_second(&self, now: Timestamp) -> f64 {
        let elapsed = now.since(self.since);
        match self.before {
            Some(before) if elapsed < RATE_WINDOW => before,
            _ => self.items as f64 / elapsed.max(Duration::from_secs(1)).as_secs_f64(),
        }
    }
}

/// What is held of one source.
#[derive(Debug)]
struct Held {
    tally: Tally,
    rate: Rate,
    last: Timestamp,
}

/// What came from one source.
#[derive(Debug, Clone)]
pub struct SourceCounts {
    /// How it came.
    pub protocol: Protocol,
    /// What it is.
    pub signal: Signal,
    /// Who sent it.
    pub source: Arc<str>,
    /// What became of it since the start.
    pub tally: Tally,
    /// Items a second, lately.
    pub rate: f64,
    /// When the last of it came.
    pub last: Timestamp,
}

type Key = (Protocol, Signal, Arc<str>);

/// Totals since the start, of everything that came in.
#[derive(Debug, Default)]
pub struct Intake {
    sources: Mutex<BTreeMap<Key, Held>>,
    requests: Mutex<BTreeMap<(Protocol, u16), u64>>,
}

impl Intake {
    /// Counts what became of items.
    pub fn count(&self, origin: Origin<'_>, signal: Signal, tally: &Tally) {
        if tally.received() == 0 {
            return;
        }
        let end = origin.source.floor_char_boundary(SOURCE_BYTES_MAX);
        let mut key = (origin.protocol, signal, Arc::from(&origin.source[..end]));
        let mut sources = self.sources.lock();
        if sources.len() >= SOURCES_MAX && !sources.contains_key(&key) {
            key.2 = Arc::from(OTHERS);
        }
        let now = Timestamp::now();
        let held = sources.entry(key).or_insert_with(|| Held {
            tally: Tally::default(),
            rate: Rate::new(now),
            last: now,
        });
        held.tally.add(tally);
        held.rate.add(tally.received(), now);
        held.last = now;
    }

    /// Counts an answer.
    pub fn answered(&self, protocol: Protocol, status: u16) {
        *self.requests.lock().entry((protocol, status)).or_default() += 1;
    }

    /// What came, by protocol, signal and source.
    pub fn sources(&self) -> Vec<SourceCounts> {
        let sources = self.sources.lock();
        let now = Timestamp::now();
        let sources = sources.iter();
        let counts = sources.map(|((protocol, signal, source), held)| SourceCounts {
            protocol: *protocol,
            signal: *signal,
            source: source.clone(),
            tally: held.tally.clone(),
            rate: held.rate.per_second(now),
            last: held.last,
        });
        counts.collect()
    }

    /// How many requests of each protocol were answered with which status.
    pub fn requests(&self) -> Vec<(Protocol, u16, u64)> {
        let requests = self.requests.lock();
        let requests = requests.iter();
        requests
            .map(|((protocol, code), count)| (*protocol, *code, *count))
            .collect()
    }

    /// Adds what is not zero as counters. One that once was stays, as long as the process lives.
    pub fn observe(&self, now: Timestamp, host: &str, batch: &mut Batch) {
        let before = batch.len();
        let mut push = |name, labels: &[(&str, &str)], count: u64| {
            let own = [(METRIC_NAME, name), ("instance", host), ("job", "tacho")];
            if count > 0
                && let Ok(series) = batch.series(own.iter().chain(labels).copied())
            {
                batch.push(series, now, count as f64);
            }
        };
        for counts in self.sources() {
            // What this host collects and makes of itself is no news.
            if counts.protocol.is_own() && counts.tally.refused.is_empty() {
                continue;
            }
            let of = [
                ("protocol", counts.protocol.as_str()),
                ("signal", counts.signal.as_str()),
                ("source", &*counts.source),
            ];
            let with = |more: &[(&'static str, &'static str)]| [&of[..], more].concat();
            let tally = &counts.tally;
            push(ITEMS, &with(&[("outcome", "accepted")]), tally.accepted);
            push(ITEMS, &with(&[("outcome", "filtered")]), tally.filtered);
            for (reason, count) in &tally.refused {
                push(
                    ITEMS,
                    &with(&[("outcome", "refused"), ("reason", reason)]),
                    *count,
                );
            }
            push(DELAYS, &of, tally.delayed);
        }
        for (protocol, code, count) in self.requests() {
            let labels = [
                ("code", &*code.to_string()),
                ("protocol", protocol.as_str()),
            ];
            push(REQUESTS, &labels, count);
        }
        if batch.len() > before {
            describe(batch);
        }
    }
}

fn describe(batch: &mut Batch) {
    let described = [
        (
            ITEMS,
            "What was received, by protocol, source and what became of it.",
        ),
        (DELAYS, "What was older than a minute when it was received."),
        (
            REQUESTS,
            "Requests that brought something, by the status they were answered with.",
        ),
    ];
    for (name, help) in described {
        let metadata = Metadata {
            kind: Kind::Counter,
            unit: Unit::NONE,
            help: help.to_owned(),
        };
        batch.describe(name, metadata);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(intake: &Intake) -> Vec<String> {
        let mut batch = Batch::new();
        intake.observe(Timestamp::from_secs(1), "h", &mut batch);
        let all = batch.rows().map(|(series, _, value)| {
            let labels = batch.labels(series).unwrap();
            format!("{labels} {value:?}")
        });
        all.collect()
    }

    #[test]
    fn what_happened_becomes_series_and_what_did_not_does_not() {
        let intake = Intake::default();
        assert!(series(&intake).is_empty());
        let origin = Origin::new(Protocol::RemoteWrite, "10.0.0.1");
        let mut tally = Tally::accepted(7);
        tally.refuse("too_old", 2);
        tally.refuse("too_new", 0);
        intake.count(origin, Signal::Samples, &tally);
        intake.count(origin, Signal::Samples, &Tally::accepted(1));
        intake.answered(Protocol::RemoteWrite, 204);
        let of = r#"job="tacho",outcome"#;
        let from = r#"protocol="remote_write""#;
        assert_eq!(
            series(&intake),
            [
                format!(
                    r#"{ITEMS}{{instance="h",{of}="accepted",{from},signal="samples",source="10.0.0.1"}} Float(8.0)"#
                ),
                format!(
                    r#"{ITEMS}{{instance="h",{of}="refused",{from},reason="too_old",signal="samples",source="10.0.0.1"}} Float(2.0)"#
                ),
                format!(r#"{REQUESTS}{{code="204",instance="h",job="tacho",{from}}} Float(1.0)"#),
            ]
        );
    }

    #[test]
    fn sources_beyond_the_limit_are_counted_together() {
        let intake = Intake::default();
        for source in 0..SOURCES_MAX + 10 {
            let name = format!("{source}{}", "é".repeat(100));
            intake.count(
                Origin::new(Protocol::Influx, &name),
                Signal::Samples,
                &Tally::accepted(1),
            );
        }
        let sources = intake.sources();
        assert_eq!(sources.len(), SOURCES_MAX + 1);
        let total: u64 = sources.iter().map(|counts| counts.tally.accepted).sum();
        assert_eq!(total, SOURCES_MAX as u64 + 10);
        let others = sources.iter().find(|counts| &*counts.source == OTHERS);
        assert_eq!(others.unwrap().tally.accepted, 10);
        assert!(
            sources
                .iter()
                .all(|counts| counts.source.len() <= SOURCE_BYTES_MAX)
        );
    }

    #[test]
    fn rates_are_of_the_last_whole_window_and_fade() {
        let at = Timestamp::from_secs;
        let mut rate = Rate::new(at(100));
        rate.add(50, at(100));
        rate.add(50, at(105));
        assert_eq!(rate.per_second(at(105)), 20.0);
        rate.add(1_000, at(110));
        assert_eq!(rate.per_second(at(111)), 10.0);
        assert_eq!(rate.per_second(at(210)), 10.0);
        assert_eq!(rate.per_second(at(1_110)), 1.0);
        rate.add(7, at(50));
        assert_eq!(rate.items, 7);
    }

    #[test]
    fn what_is_late_is_counted_as_delayed() {
        let now = Timestamp::from_secs(1_000);
        let mut batch = Batch::new();
        let one = batch.series([("__name__", "x")]).unwrap();
        for secs in [100, 941, 1_000] {
            batch.push(one, Timestamp::from_secs(secs), 0.0);
        }
        let mut tally = Tally::default();
        tally.note_times(&batch, now);
        assert_eq!((tally.delayed, tally.newest), (1, Some(now)));
        tally.note_time(Timestamp::from_secs(1), now);
        assert_eq!((tally.delayed, tally.newest), (2, Some(now)));
    }
}
