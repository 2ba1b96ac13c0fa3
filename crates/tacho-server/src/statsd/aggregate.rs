//! Lines summed up by series.
//!
//! A line finds its series by its own text (name, type and tags as they were sent), so that the
//! usual line is parsed, hashed and added without an allocation. Only a text that was not seen
//! before is made into labels.
//!
//! 1. Every line is counted once, as accepted or refused with a reason.
//! 2. A name has one form: what is a counter is no gauge, here and in the store.
//! 3. Memory is bounded: by the number of series, the bytes of their labels and texts, and what
//!    may be observed before a flush.
//!
//! No clock, no socket, no store: time and what is known of a name are told.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher as _;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use tacho_model::append::Culprit;
use tacho_model::{Batch, Labels, Metadata, Timestamp, Unit};
use tacho_wire::name;
use tacho_wire::statsd::{Event, Line, Metric, MetricType, ServiceCheck, lines, tags};

use super::series::{Form, Series};
use super::settings::StatsdSettings;

/// Most bytes of texts that lines are found by; beyond it they are learnt anew.
const TEXT_BYTES_MAX: usize = 64 << 20;
/// Most bytes of all series' labels; beyond it new series are refused.
const LABEL_BYTES_MAX: usize = 256 << 20;
/// Observations before a flush is due at once: each may take 16 bytes until then.
pub(super) const OBSERVATIONS_MAX: usize = 16 << 20;
/// Most samples with a time of their own between two flushes.
const TIMED_MAX: usize = 100_000;

/// What is known of a metric's name outside.
pub(super) type Known<'a> = &'a dyn Fn(&str) -> Option<Metadata>;

/// Sums, by series.
#[derive(Debug)]
pub(super) struct Aggregator {
    settings: StatsdSettings,
    hasher: DefaultHashBuilder,
    texts: HashTable<Text>,
    text_bytes: usize,
    by_labels: HashMap<Labels, u32>,
    series: Vec<Option<Series>>,
    free: Vec<u32>,
    label_bytes: usize,
    names: HashMap<String, Name>,
    /// Gauges with a time of their own.
    timed: Vec<(u32, Timestamp, f64)>,
    describe: Vec<(String, Metadata)>,
    observed: usize,
    /// By source.
    counts: Vec<Counts>,
    /// When the last flush was.
    now: Timestamp,
}

/// What was seen of a line before: where its series is.
#[derive(Debug)]
struct Text {
    hash: u64,
    kind: MetricType,
    head_bytes: usize,
    sent: Box<str>,
    series: u32,
}

impl Text {
    fn is_of(&self, metric: &Metric<'_>) -> bool {
        self.kind == metric.kind
            && self.head_bytes == metric.head.len()
            && self.sent.len() == metric.head.len() + metric.tags.len()
            && self.sent.starts_with(metric.head)
            && self.sent.ends_with(metric.tags)
    }
}

/// A metric's name in use.
#[derive(Debug)]
struct Name {
    form: Form,
    series: usize,
}

/// What became of lines since the last flush.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) accepted: u64,
    pub(super) refused: BTreeMap<&'static str, u64>,
}

/// What a flush takes out.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) batch: Batch,
    /// By source.
    pub(super) counts: Vec<Counts>,
    /// When new series were refused: the metric that has the most.
    pub(super) culprit: Option<Culprit>,
}

fn empty(sources: usize) -> Vec<Counts> {
    let counts = std::iter::repeat_with(Counts::default);
    counts.take(sources).collect()
}

impl Aggregator {
    /// Nothing yet, from so many sources.
    pub(super) fn new(settings: StatsdSettings, sources: usize, now: Timestamp) -> Self {
        Self {
            settings,
            hasher: DefaultHashBuilder::default(),
            texts: HashTable::new(),
            text_bytes: 0,
            by_labels: HashMap::new(),
            series: Vec::new(),
            free: Vec::new(),
            label_bytes: 0,
            names: HashMap::new(),
            timed: Vec::new(),
            describe: Vec::new(),
            observed: 0,
            counts: empty(sources),
            now,
        }
    }

    /// Takes a datagram's lines in; what happened is handed on.
    pub(super) fn datagram(
        &mut self,
        source: usize,
        bytes: &[u8],
        known: Known<'_>,
        happened: &mut dyn FnMut(&Event<'_>) -> Result<(), &'static str>,
    ) {
        for line in lines(bytes) {
            let taken = match line {
                Ok(Line::Metric(metric)) => self.metric(&metric, known),
                Ok(Line::Check(check)) => self.check(&check, known),
                Ok(Line::Event(event)) => happened(&event),
                Err(reason) => Err(reason.as_str()),
            };
            match taken {
                Ok(()) => self.counts[source].accepted += 1,
                Err(reason) => self.refuse(source, reason, 1),
            }
        }
    }

    /// Counts what was refused.
    pub(super) fn refuse(&mut self, source: usize, reason: &'static str, lines: u64) {
        *self.counts[source].refused.entry(reason).or_default() += lines;
    }

    /// Whether so much came that a flush should not wait.
    pub(super) fn is_full(&self) -> bool {
        self.observed >= OBSERVATIONS_MAX
    }

    #[inline]
    fn metric(&mut self, metric: &Metric<'_>, known: Known<'_>) -> Result<(), &'static str> {
        let weight = match metric.kind {
            // How often a gauge or a set was sent says nothing of its value.
            MetricType::Gauge | MetricType::Set => 1.0,
            _ => 1.0 / metric.rate,
        };
        if !weight.is_finite() {
            return Err("bad_rate");
        }
        let at = self.find(metric, known)?;
        let Some(series) = &mut self.series[at as usize] else {
            return Err("failed");
        };
        if let Some(secs) = metric.timestamp
            && metric.kind == MetricType::Gauge
        {
            return self.timed(at, Timestamp::from_secs(secs), metric);
        }
        series.check(metric.samples(), weight)?;
        let signed = self.settings.signed_gauges;
        for sample in metric.samples() {
            series.add(sample, weight, signed, |text| self.hasher.hash_one(text));
            self.observed += 1;
        }
        Ok(())
    }

    /// Gauges that say when they were are written at that time and not repeated.
    fn timed(&mut self, at: u32, time: Timestamp, metric: &Metric<'_>) -> Result<(), &'static str> {
        use tacho_wire::statsd::Sample;
        for sample in metric.samples() {
            let (Sample::Number(value) | Sample::Signed(value)) = sample else {
                continue;
            };
            self.push_timed(at, time, value)?;
        }
        Ok(())
    }

    fn push_timed(&mut self, at: u32, time: Timestamp, value: f64) -> Result<(), &'static str> {
        if self.timed.len() >= TIMED_MAX {
            return Err("overloaded");
        }
        self.timed.push((at, time, value));
        Ok(())
    }

    /// A service check is a gauge of its status, under its own name.
    fn check(&mut self, check: &ServiceCheck<'_>, known: Known<'_>) -> Result<(), &'static str> {
        let host = [("host", check.host)];
        let host = host.into_iter().filter(|(_, host)| !host.is_empty());
        let labels = name::series(check.name, host.chain(tags(check.tags)));
        let labels = labels.map_err(|_| "invalid_labels")?;
        let at = self.place(labels, Form::Gauge, known)?;
        let status = f64::from(check.status);
        if let Some(secs) = check.timestamp {
            return self.push_timed(at, Timestamp::from_secs(secs), status);
        }
        if let Some(series) = &mut self.series[at as usize] {
            let sample = tacho_wire::statsd::Sample::Number(status);
            series.add(sample, 1.0, self.settings.signed_gauges, |_| 0);
        }
        Ok(())
    }

    /// The series that a line's text stands for.
    #[inline]
    fn find(&mut self, metric: &Metric<'_>, known: Known<'_>) -> Result<u32, &'static str> {
        let of = (metric.kind, metric.head, metric.tags);
        let hash = self.hasher.hash_one(of);
        match self.texts.find(hash, |text| text.is_of(metric)) {
            Some(text) => Ok(text.series),
            None => self.learn(metric, hash, known),
        }
    }

    #[cold]
    fn learn(
        &mut self,
        metric: &Metric<'_>,
        hash: u64,
        known: Known<'_>,
    ) -> Result<u32, &'static str> {
        let labels = name::series(metric.name(), metric.all_tags());
        let labels = labels.map_err(|_| "invalid_labels")?;
        let series = self.place(labels, Form::of(metric.kind), known)?;
        let sent = [metric.head, metric.tags].concat().into_boxed_str();
        let is_full = self.texts.len() >= 2 * self.settings.series_max;
        if is_full || self.text_bytes + sent.len() > TEXT_BYTES_MAX {
            self.texts.clear();
            self.text_bytes = 0;
        }
        self.text_bytes += sent.len();
        let text = Text {
            hash,
            kind: metric.kind,
            head_bytes: metric.head.len(),
            sent,
            series,
        };
        self.texts.insert_unique(hash, text, |text| text.hash);
        Ok(series)
    }

    /// The series of these labels, made if there is room.
    fn place(&mut self, labels: Labels, form: Form, known: Known<'_>) -> Result<u32, &'static str> {
        let metric = labels.name();
        match self.names.get(metric) {
            Some(name) if name.form != form => return Err("conflict"),
            Some(_) => {}
            None => self.name(metric, form, known)?,
        }
        if let Some(at) = self.by_labels.get(&labels) {
            return Ok(*at);
        }
        let bytes = labels.as_ref().as_bytes().len();
        let is_full = self.by_labels.len() >= self.settings.series_max;
        if is_full || self.label_bytes + bytes > LABEL_BYTES_MAX {
            self.forget_name(labels.name());
            return Err("series_limit");
        }
        self.label_bytes += bytes;
        if let Some(name) = self.names.get_mut(labels.name()) {
            name.series += 1;
        }
        let series = Some(Series::new(labels.clone(), form, self.now));
        let at = if let Some(at) = self.free.pop() {
            self.series[at as usize] = series;
            at
        } else {
            self.series.push(series);
            self.series.len() as u32 - 1
        };
        self.by_labels.insert(labels, at);
        Ok(at)
    }

    /// Notes a name, unless the store knows it as something else.
    fn name(&mut self, metric: &str, form: Form, known: Known<'_>) -> Result<(), &'static str> {
        let ours = form.metadata();
        match known(metric) {
            None => self.describe.push((metric.to_owned(), ours)),
            Some(theirs) => {
                let is_other_unit = theirs.unit != Unit::NONE && theirs.unit != ours.unit;
                if theirs.kind.shape() != ours.kind.shape() || is_other_unit {
                    return Err("conflict");
                }
            }
        }
        self.names
            .insert(metric.to_owned(), Name { form, series: 0 });
        Ok(())
    }

    /// Forgets a name that has no series.
    fn forget_name(&mut self, metric: &str) {
        if self.names.get(metric).is_some_and(|name| name.series == 0) {
            self.names.remove(metric);
            self.describe.retain(|(name, _)| name != metric);
        }
    }

    /// The series whose stored values are needed before they can be written.
    pub(super) fn unread(&self) -> Vec<(u32, Labels)> {
        let series = self.series.iter().enumerate();
        let unread = series.filter_map(|(at, series)| Some((at as u32, series.as_ref()?)));
        unread
            .filter(|(_, series)| series.is_unread())
            .map(|(at, series)| (at, series.labels.clone()))
            .collect()
    }

    /// Says what the store held of a series of [`Self::unread`].
    pub(super) fn set_base(&mut self, at: u32, stored: Option<f64>) {
        if let Some(Some(series)) = self.series.get_mut(at as usize) {
            series.set_base(stored);
        }
    }

    /// Takes out what is to be written of the interval that ends at `at`.
    pub(super) fn take(&mut self, at: Timestamp) -> Taken {
        let mut batch = Batch::new();
        let interval = self.settings.flush_interval;
        for (series, time, value) in self.timed.drain(..) {
            if let Some(series) = &self.series[series as usize] {
                let index = batch.series_encoded(series.labels.as_ref());
                batch.push(index, time, value);
            }
        }
        for series in self.series.iter_mut().flatten() {
            series.write(at, interval, &mut batch);
        }
        for (name, metadata) in self.describe.drain(..) {
            batch.describe(&name, metadata);
        }
        let sources = self.counts.len();
        let counts = std::mem::replace(&mut self.counts, empty(sources));
        let is_limited = |counts: &Counts| counts.refused.contains_key("series_limit");
        let is_limited = counts.iter().any(is_limited);
        let culprit = if is_limited { self.culprit() } else { None };
        self.observed = 0;
        self.now = at;
        self.forget(self.settings.idle_timeout);
        Taken {
            batch,
            counts,
            culprit,
        }
    }

    fn culprit(&self) -> Option<Culprit> {
        let largest = self.names.iter().max_by_key(|(_, name)| name.series);
        largest.map(|(metric, name)| Culprit {
            metric: metric.clone(),
            series: name.series,
        })
    }

    /// Forgets series that nothing came for.
    fn forget(&mut self, timeout: Duration) {
        let before = self.free.len();
        for at in 0..self.series.len() {
            let idle = self.series[at].take_if(|series| series.is_idle(self.now, timeout));
            let Some(series) = idle else {
                continue;
            };
            self.by_labels.remove(&series.labels);
            self.label_bytes -= series.labels.as_ref().as_bytes().len();
            let metric = series.labels.name();
            if let Some(name) = self.names.get_mut(metric) {
                name.series -= 1;
            }
            self.forget_name(metric);
            self.free.push(at as u32);
        }
        if self.free.len() > before {
            let series = &self.series;
            self.texts
                .retain(|text| series[text.series as usize].is_some());
            self.text_bytes = self.texts.iter().map(|text| text.sent.len()).sum();
        }
    }
}
