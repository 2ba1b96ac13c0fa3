//! What one source may send: so many series, so many samples a second.
//!
//! Invariants:
//! 1. a source has at most its limit of series that are *active*: seen in this hour or the one
//!    before; one more is refused, those it has go on;
//! 2. a source that sends faster than it may is told to come again, and nothing of that request is
//!    kept; over time it gets what it may have;
//! 3. a series costs 10 to 21 bytes of memory (a hash, and the slack of its table), and nothing is
//!    done or remembered where no limit is configured.
//!
//! A source is what a protocol calls one. What this host collects of itself has no limit. Time is an
//! argument. Not for the limits on the whole store: those are the store's.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;
use parking_lot::Mutex;
use tacho_model::append::{Culprit, SeriesIndex};
use tacho_model::{AppendError, Batch, METRIC_NAME, Timestamp};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Origin, Protocol};

/// Sources that have limits of their own; those beyond it share one.
const SOURCES_MAX: usize = 10_000;
/// Metrics of one source whose series are counted; the series of others count towards the limit.
const METRICS_MAX: usize = 10_000;
/// A series that was not seen for one to two of these makes room for another.
const PERIOD: Duration = Duration::from_hours(1);

/// What may come from one source.
#[derive(Debug, Clone, Default)]
pub struct QuotaSettings {
    /// From any that is not listed.
    pub any: Quota,
    /// From those that are listed.
    pub sources: Vec<SourceQuota>,
}

/// Limits; none where absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// Most active series.
    pub series_max: Option<usize>,
    /// Most samples a second.
    pub samples_per_second_max: Option<u64>,
}

/// Limits of one source.
#[derive(Debug, Clone)]
pub struct SourceQuota {
    /// How it comes; any way where absent.
    pub protocol: Option<Protocol>,
    /// Its name.
    pub source: String,
    /// Its limits; what is absent is as for any.
    pub quota: Quota,
}

/// What is held of the sources of one protocol, by their names.
type Sources = HashMap<Box<str>, Arc<Source>>;

/// Keeps sources within their limits.
#[derive(Debug)]
pub struct Quotas {
    settings: QuotaSettings,
    seed: u64,
    sources: Mutex<HashMap<Protocol, Sources>>,
    others: Arc<Source>,
}

/// Series that are more than their source may have.
#[derive(Debug)]
pub struct Over {
    /// Whether it is one, by the position among the series of the batch.
    pub series: Vec<bool>,
    /// The metric of that source that has the most series.
    pub culprit: Option<Culprit>,
}

#[derive(Debug)]
struct Source {
    quota: Quota,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    series: ActiveSeries,
    metrics: HashMap<Box<str>, Count>,
    /// When this period began.
    since: Option<Timestamp>,
    /// Samples that it may send now; below zero it has to wait.
    tokens: f64,
    refilled: Option<Timestamp>,
}

/// How many series of a metric were seen in this period and in the one before.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    now: u32,
    before: u32,
}

impl Quotas {
    /// Limits as they are configured; `None` when there is none.
    pub fn new(settings: QuotaSettings) -> Option<Self> {
        if settings.any == Quota::default() && settings.sources.is_empty() {
            return None;
        }
        Some(Self {
            others: Arc::new(Source::new(settings.any)),
            settings,
            seed: RandomState::new().hash_one(0u64),
            sources: Mutex::default(),
        })
    }

    /// Takes samples from what the source may send.
    pub fn take_samples(
        &self,
        origin: Origin<'_>,
        samples: usize,
        now: Timestamp,
    ) -> Result<(), AppendError> {
        let Some(source) = self.source(origin) else {
            return Ok(());
        };
        match source.quota.samples_per_second_max {
            Some(per_second) if !source.state.lock().take(samples, per_second, now) => {
                Err(AppendError::RateLimit { per_second })
            }
            _ => Ok(()),
        }
    }

    /// The series of a batch that are more than the source may have; `None` when none is.
    pub fn over(&self, origin: Origin<'_>, batch: &Batch, now: Timestamp) -> Option<Over> {
        let source = self.source(origin)?;
        let series_max = source.quota.series_max?;
        let mut state = source.state.lock();
        state.age(now);
        let mut over = Vec::new();
        for (at, bytes) in batch.all_label_bytes().enumerate() {
            let hash = xxh3_64_with_seed(bytes, self.seed);
            let is_room = state.series.len() < series_max;
            match state.series.see(hash) {
                Seen::Again => continue,
                Seen::SincePeriodBegan => {}
                Seen::Never => {
                    // What is no label set yet is looked at when it is: it comes again, in order.
                    let Some(labels) = batch.labels(SeriesIndex::at(at)) else {
                        continue;
                    };
                    if labels.get(METRIC_NAME).is_none() {
                        continue;
                    }
                    if !is_room {
                        over.resize(batch.series_count(), false);
                        over[at] = true;
                        continue;
                    }
                    state.series.add(hash);
                }
            }
            let labels = batch.labels(SeriesIndex::at(at));
            if let Some(name) = labels.and_then(|labels| labels.get(METRIC_NAME)) {
                state.count(name);
            }
        }
        let culprit = || state.culprit();
        (!over.is_empty()).then(|| Over {
            culprit: culprit(),
            series: over,
        })
    }

    fn source(&self, origin: Origin<'_>) -> Option<Arc<Source>> {
        if origin.protocol.is_own() {
            return None;
        }
        let mut sources = self.sources.lock();
        let known = sources
            .get(&origin.protocol)
            .and_then(|sources| sources.get(origin.source));
        if let Some(known) = known {
            return Some(Arc::clone(known));
        }
        if sources.values().map(HashMap::len).sum::<usize>() >= SOURCES_MAX {
            return Some(Arc::clone(&self.others));
        }
        let source = Arc::new(Source::new(self.settings.of(origin)));
        let of_protocol = sources.entry(origin.protocol).or_default();
        of_protocol.insert(origin.source.into(), Arc::clone(&source));
        Some(source)
    }
}

impl QuotaSettings {
    /// The limits of a source: the first that is listed for it, else those for any.
    fn of(&self, origin: Origin<'_>) -> Quota {
        let is_meant = |listed: &&SourceQuota| {
            listed.source == origin.source && listed.protocol.is_none_or(|p| p == origin.protocol)
        };
        let own = self.sources.iter().find(is_meant);
        let own = own.map_or_else(Quota::default, |listed| listed.quota);
        Quota {
            series_max: own.series_max.or(self.any.series_max),
            samples_per_second_max: own
                .samples_per_second_max
                .or(self.any.samples_per_second_max),
        }
    }
}

impl Source {
    fn new(quota: Quota) -> Self {
        Self {
            quota,
            state: Mutex::default(),
        }
    }
}

impl State {
    /// A bucket of a second's worth that a request may overdraw, so that one of any size passes and
    /// the next waits the longer.
    fn take(&mut self, samples: usize, per_second: u64, now: Timestamp) -> bool {
        let per_second = per_second as f64;
        let gained = self.refilled.map_or(1.0, |at| now.since(at).as_secs_f64());
        self.refilled = Some(now);
        self.tokens = (self.tokens + gained * per_second).min(per_second);
        if self.tokens <= 0.0 {
            return false;
        }
        self.tokens -= samples as f64;
        true
    }

    /// Begins the next period when this one is over.
    fn age(&mut self, now: Timestamp) {
        let since = *self.since.get_or_insert(now);
        // A clock that was set back must not stretch the period.
        if now.since(since) < PERIOD && since.since(now) < PERIOD {
            return;
        }
        self.since = Some(now);
        self.series.forget_unseen();
        self.metrics.retain(|_, count| {
            *count = Count {
                now: 0,
                before: count.now,
            };
            count.before > 0
        });
    }

    fn count(&mut self, name: &str) {
        if let Some(count) = self.metrics.get_mut(name) {
            count.now += 1;
        } else if self.metrics.len() < METRICS_MAX {
            let first = Count { now: 1, before: 0 };
            self.metrics.insert(name.into(), first);
        }
    }

    /// The metric with the most series.
    fn culprit(&self) -> Option<Culprit> {
        let series = |count: &Count| count.now.max(count.before);
        let most = self
            .metrics
            .iter()
            .max_by(|(a, x), (b, y)| series(x).cmp(&series(y)).then(b.cmp(a)));
        most.map(|(metric, count)| Culprit {
            metric: metric.to_string(),
            series: series(count) as usize,
        })
    }
}

/// Hashes of series, of which the lowest bit says whether it was seen in this period.
#[derive(Debug, Default)]
struct ActiveSeries(HashTable<u64>);

enum Seen {
    /// In this period before.
    Again,
    /// In the period before, and now for the first time in this.
    SincePeriodBegan,
    /// In neither.
    Never,
}

impl ActiveSeries {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn see(&mut self, hash: u64) -> Seen {
        let key = hash & !1;
        match self.0.find_mut(key, |held| held & !1 == key) {
            None => Seen::Never,
            Some(held) if *held & 1 == 1 => Seen::Again,
            Some(held) => {
                *held |= 1;
                Seen::SincePeriodBegan
            }
        }
    }

    fn add(&mut self, hash: u64) {
        self.0.insert_unique(hash & !1, hash | 1, |held| held & !1);
    }

    fn forget_unseen(&mut self) {
        self.0
            .retain(|held| std::mem::replace(held, *held & !1) & 1 == 1);
        self.0.shrink_to_fit(|held| held & !1);
    }
}

#[cfg(test)]
mod tests;
