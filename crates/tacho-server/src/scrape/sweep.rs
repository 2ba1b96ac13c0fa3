//! One scrape's body into a batch: labels, rules, limits, times, and the marks of what ended.
//!
//! 1. A scrape is taken whole or not at all: a line that breaks the grammar or a limit that is met
//!    leaves nothing in the batch but the ends of what was exposed before.
//! 2. A series whose label set cannot be kept costs itself alone, and is counted.
//!
//! Source: Prometheus "Jobs and instances", and its `honor_labels`, `honor_timestamps` and limits
//! in "Configuration".

use tacho_model::append::STALE_NAN_BITS;
use tacho_model::relabel::{self, Draft, Verdict};
use tacho_model::{Batch, Exemplar, Labels, METRIC_NAME, Timestamp};
use tacho_wire::exposition::{
    Exposed, ExpositionError, Family, Form, Sample, Sink, Stop, blank_labels, read_series, walk,
};

use super::cache::{Cache, Fate};
use super::settings::{Job, LabelsOf, ScrapeLimits, TimesOf};

/// What labels that clash with the target's are renamed to.
const EXPORTED: &str = "exported_";
/// Most bytes of label sets in one scrape.
const BATCH_BYTES_MAX: usize = 512 << 20;

/// What a body brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Samples exposed.
    pub scraped: usize,
    /// Samples after relabelling.
    pub kept: usize,
    /// Series that were not there before.
    pub added: usize,
    /// Samples whose label sets cannot be kept.
    pub refused: usize,
}

/// Whose series are swept.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// The target's job.
    pub job: &'a Job,
    /// The target's labels.
    pub target: &'a Labels,
    /// The time of the scrape.
    pub time: Timestamp,
}

impl Of<'_> {
    /// Fills an empty batch from a body. After an error the batch holds the ends of what the
    /// target exposed before.
    pub fn sweep(
        self,
        form: Form,
        body: &[u8],
        cache: &mut Cache,
        batch: &mut Batch,
    ) -> Result<Swept, ExpositionError> {
        cache.begin();
        let mut sweep = Sweep {
            of: self,
            cache: &mut *cache,
            batch: &mut *batch,
            swept: Swept::default(),
        };
        let walked = walk(form, self.job.buckets, body, &mut sweep);
        let swept = sweep.swept;
        match walked {
            Ok(()) => {
                cache.end(|labels| stale(batch, labels, self.time));
                Ok(swept)
            }
            Err(error) => {
                self.end_all(cache, batch);
                Err(error)
            }
        }
    }

    /// Fills a batch with the ends of all series of a target.
    pub fn end_all(self, cache: &mut Cache, batch: &mut Batch) {
        batch.clear();
        cache.fail(|labels| stale(batch, labels, self.time));
    }
}

/// Marks the end of a series.
pub fn stale(batch: &mut Batch, labels: tacho_model::LabelsRef<'_>, time: Timestamp) {
    let series = batch.series_encoded(labels);
    batch.push(series, time, f64::from_bits(STALE_NAN_BITS));
}

/// Takes the samples of one body.
struct Sweep<'a> {
    of: Of<'a>,
    cache: &'a mut Cache,
    batch: &'a mut Batch,
    swept: Swept,
}

impl Sink for Sweep<'_> {
    #[inline]
    fn expected(&self) -> &str {
        self.cache.expected()
    }

    fn sample(&mut self, sample: Sample<'_>) -> Result<(), Stop> {
        self.swept.scraped += 1;
        let place = match self.cache.find(sample.series) {
            Some(place) => place,
            None => self.meet(sample.series)?,
        };
        match self.cache.fate(place) {
            Fate::Kept => {}
            Fate::Dropped => return Ok(()),
            Fate::Refused => {
                self.swept.refused += 1;
                return Ok(());
            }
        }
        self.swept.kept += 1;
        let limit = self.of.job.limits.samples;
        if limit > 0 && self.swept.kept > limit {
            return Err(Stop::Refused(format!(
                "sample_limit exceeded: more than {limit} samples after relabelling"
            )));
        }
        if self.batch.buffer().len() > BATCH_BYTES_MAX {
            return Err(too_large());
        }
        let (time, tracked) = match (self.of.job.times, sample.timestamp) {
            (TimesOf::Scrape, _) | (_, None) => (self.of.time, true),
            (TimesOf::Samples, Some(time)) => (time, false),
            (TimesOf::SamplesTracked, Some(time)) => (time, true),
        };
        let series = self.batch.series_encoded(self.cache.labels(place));
        if tracked && self.cache.mark_live(place) {
            self.swept.added += 1;
        }
        for exemplar in sample.exemplars {
            let timestamp = match exemplar.timestamp {
                Timestamp::MIN => time,
                given => given,
            };
            let exemplar = exemplar.clone();
            self.batch.push_exemplar(
                series,
                Exemplar {
                    timestamp,
                    ..exemplar
                },
            );
        }
        match sample.value {
            Exposed::Float(value) => self.batch.push(series, time, value),
            Exposed::Histogram(value) => self.batch.push_histogram(series, time, *value),
        }
        Ok(())
    }

    fn family(&mut self, family: &Family<'_>) {
        if self.cache.is_news(family) {
            family.describe(self.batch);
        }
    }
}

fn too_large() -> Stop {
    Stop::Refused("the label sets of this target take too much memory".to_owned())
}

impl Sweep<'_> {
    /// Takes apart a series that is new.
    #[cold]
    fn meet(&mut self, text: &str) -> Result<super::cache::Place, Stop> {
        if self.cache.is_full() {
            return Err(too_large());
        }
        let of = self.of;
        self.cache.add(text, |into| {
            let mut draft = read_series(text)?;
            merge(of.job.labels, of.target, text, &mut draft);
            if relabel::apply(&of.job.metric_relabel, &mut draft) == Verdict::Drop {
                return Ok(Fate::Dropped);
            }
            if draft.get(METRIC_NAME).is_empty() {
                let reason = "metric_relabel_configs took the name away";
                return Err(Stop::Refused(format!("`{}`: {reason}", shown(text))));
            }
            check_limits(&of.job.limits, &draft)
                .map_err(|reason| Stop::Refused(format!("`{}`: {reason}", shown(text))))?;
            Ok(match draft.encode(into) {
                Ok(()) => Fate::Kept,
                Err(_) => Fate::Refused,
            })
        })
    }
}

/// Adds the target's labels to those of a series. Where the series' own labels are honoured, an
/// empty one keeps the target's away: so does a Pushgateway for jobs of no instance.
fn merge<'a>(whose: LabelsOf, target: &'a Labels, text: &str, draft: &mut Draft<'a>) {
    let blank = match whose {
        LabelsOf::Series => blank_labels(text),
        LabelsOf::Target => Vec::new(),
    };
    let exposed: Vec<String> = match whose {
        LabelsOf::Series => Vec::new(),
        LabelsOf::Target => {
            let clashing = target
                .iter()
                .filter(|(name, _)| !draft.get(name).is_empty());
            clashing.map(|(name, _)| name.to_owned()).collect()
        }
    };
    let mut renamed = Vec::with_capacity(exposed.len());
    for name in exposed {
        renamed.push((name.clone(), draft.get(&name).to_owned()));
        draft.set(name, "");
    }
    for (name, value) in target {
        if draft.get(name).is_empty() && !blank.iter().any(|blank| blank == name) {
            draft.set(name, value);
        }
    }
    for (name, value) in renamed {
        let mut name = format!("{EXPORTED}{name}");
        while !draft.get(&name).is_empty() {
            name.insert_str(0, EXPORTED);
        }
        draft.set(name, value);
    }
}

fn check_limits(limits: &ScrapeLimits, draft: &Draft<'_>) -> Result<(), String> {
    let exceeds = |limit: usize, count: usize| limit > 0 && count > limit;
    if exceeds(limits.labels, draft.len()) {
        let count = draft.len();
        return Err(format!(
            "label_limit exceeded: {count} labels of {}",
            limits.labels
        ));
    }
    for (name, value) in draft.iter() {
        if exceeds(limits.name_bytes, name.len()) {
            return Err(format!(
                "label_name_length_limit exceeded by `{}`",
                shown(name)
            ));
        }
        if exceeds(limits.value_bytes, value.len()) {
            return Err(format!(
                "label_value_length_limit exceeded by `{}`",
                shown(name)
            ));
        }
    }
    Ok(())
}

fn shown(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests;
