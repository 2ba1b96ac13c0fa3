//! Filters of samples: a batch in, the batch that is stored out.
//!
//! Invariants:
//! 1. a batch that no filter concerns is handed on as it is, without a copy or an allocation;
//! 2. what became of each row is told by its place in the batch that came in;
//! 3. what is remembered is bounded: [`KNOWN_MAX`], [`KNOWN_BYTES_MAX`], [`THROTTLED_MAX`], and the
//!    limits of [`super::aggregate`].
//!
//! What the filters say of a series is found once and then remembered by a keyed 128-bit hash of
//! its label set's bytes, so that a known series costs that hash and one look-up: among a million
//! series two share a hash once in 10^26. Time is an argument, and there is no I/O but through
//! [`Stored`](super::aggregate::Stored).

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tacho_model::append::{SeriesIndex, is_stale};
use tacho_model::label::canonicalize;
use tacho_model::{
    AppendOutcome, Batch, Labels, LabelsRef, METRIC_NAME, Metadata, Refusal, Rejected, Timestamp,
    Value, relabel,
};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use super::aggregate::{Groups, Membership, Moment, OpenGroups, end_of};
use super::generations::Generations;
use super::rule::{Grouping, SampleAction, SampleRule};
use crate::intake::Origin;

/// Series of which is remembered what the filters say; at it, those not seen lately go.
const KNOWN_MAX: usize = 2_000_000;
/// Bytes of new label sets among them.
const KNOWN_BYTES_MAX: usize = 128 << 20;
/// Series whose last throttled sample is remembered; one that is forgotten starts anew.
const THROTTLED_MAX: usize = 2_000_000;

/// Filters of samples and what they remember.
#[derive(Debug)]
pub struct SampleFilters {
    rules: Vec<SampleRule>,
    /// Rows that each of them dropped, replaced or merged.
    counts: Vec<AtomicU64>,
    /// Whether one changes names.
    is_renaming: bool,
    seed: u64,
    known: RwLock<Generations<Decision>>,
    /// Time and interval's end of the last sample that stayed.
    throttled: Mutex<Generations<(Timestamp, Timestamp)>>,
    groups: Groups,
}

/// What the filters say of a series.
#[derive(Debug, Clone)]
enum Decision {
    /// They change nothing.
    Pass,
    /// The filter of this number drops it.
    Drop(u16),
    /// What a filter makes of its labels is no label set.
    Invalid,
    /// It is another series now, or not all of its samples stay.
    Change(Arc<Change>),
}

#[derive(Debug)]
struct Change {
    labels: Labels,
    /// Its name before, where that was another.
    old_name: Option<Box<str>>,
    /// A hash of its labels before.
    series: u64,
    then: Then,
}

#[derive(Debug)]
enum Then {
    Store,
    Throttle { rule: u16, interval: Duration },
    Aggregate { rule: u16, group: u128 },
}

/// What filters made of a batch.
pub struct Sifted<'a> {
    batch: Batch,
    /// The original row of each row but those that stand for groups, which come last.
    rows: Vec<u32>,
    original: usize,
    /// Rows that are not stored.
    dropped: usize,
    /// Rows of `batch` that take the place of an earlier one of their interval.
    replacing: Vec<u32>,
    rejected: Vec<Rejected>,
    /// Held until the batch is stored, so that an older value of a group cannot follow a newer.
    _groups: Option<OpenGroups<'a>>,
}

impl SampleFilters {
    /// Filters in the order they apply; `None` when there is none. Which series share a hash
    /// depends on `seed`.
    pub fn new(rules: Vec<SampleRule>, seed: u64) -> Option<Self> {
        if rules.is_empty() {
            return None;
        }
        let renames = |rule: &SampleRule| {
            matches!(
                rule.action,
                SampleAction::Rename(_) | SampleAction::Relabel(_)
            )
        };
        Some(Self {
            counts: rules.iter().map(|_| AtomicU64::new(0)).collect(),
            is_renaming: rules.iter().any(renames),
            rules,
            seed,
            known: RwLock::new(Generations::new(KNOWN_MAX, KNOWN_BYTES_MAX)),
            throttled: Mutex::new(Generations::new(THROTTLED_MAX, usize::MAX)),
            groups: Groups::default(),
        })
    }

    /// The rules, and how many rows each dropped, replaced or merged.
    pub fn counts(&self) -> impl Iterator<Item = (&SampleRule, u64)> {
        let counts = self.counts.iter().map(|c| c.load(Ordering::Relaxed));
        self.rules.iter().zip(counts)
    }

    /// What the filters make of a batch; `None` when they leave it as it is.
    pub fn apply(
        &self,
        batch: &Batch,
        origin: Origin<'_>,
        moment: Moment<'_>,
    ) -> Option<Sifted<'_>> {
        let seed = self.seed_of(origin)?;
        let decisions = self.decisions(batch, origin, seed);
        let metadata = self.renamed_metadata(batch, origin, &decisions);
        if decisions.is_empty() && metadata.is_empty() {
            return None;
        }
        let mut sieve = Sieve {
            filters: self,
            from: batch,
            decisions: &decisions,
            targets: vec![None; batch.series_count()],
            to_merge: Vec::new(),
            to_throttle: Vec::new(),
            sifted: Sifted::empty(batch),
        };
        sieve.rows(moment);
        sieve.throttle();
        sieve.merge(moment);
        sieve.exemplars();
        let mut sifted = sieve.sifted;
        for (name, known) in batch.metadata() {
            sifted.batch.describe(name, known.clone());
        }
        for (name, known) in metadata {
            sifted.batch.describe(&name, known);
        }
        sifted.rejected.sort_by_key(|rejected| rejected.row);
        Some(sifted)
    }

    /// What keys are made with: it differs where other filters apply. `None` when none applies.
    fn seed_of(&self, origin: Origin<'_>) -> Option<u64> {
        let mut seed = self.seed;
        let mut any = false;
        for (number, rule) in self.rules.iter().enumerate() {
            if rule.scope.includes(origin) {
                any = true;
            } else {
                seed = xxh3_64_with_seed(&(number as u64).to_le_bytes(), seed);
            }
        }
        any.then_some(seed)
    }

    /// What is said of each series; empty when nothing is said of any.
    fn decisions(&self, batch: &Batch, origin: Origin<'_>, seed: u64) -> Vec<Decision> {
        let mut decisions = Vec::new();
        let mut note = |at: usize, decision: Decision| {
            if decisions.is_empty() {
                if matches!(decision, Decision::Pass) {
                    return;
                }
                decisions.resize(batch.series_count(), Decision::Pass);
            }
            decisions[at] = decision;
        };
        let (mut unknown, mut fading) = (Vec::new(), Vec::new());
        {
            let known = self.known.read();
            for (at, bytes) in batch.all_label_bytes().enumerate() {
                let key = xxh3_128_with_seed(bytes, seed);
                match known.get(key) {
                    Some(seen) => {
                        if seen.is_old {
                            fading.push((key, seen.value.clone()));
                        }
                        note(at, seen.value.clone());
                    }
                    None => unknown.push((at, key)),
                }
            }
        }
        for (at, key) in unknown {
            let decision = self.decide(batch.label_bytes(SeriesIndex::at(at)), origin);
            note(at, decision.clone());
            fading.push((key, decision));
        }
        if !fading.is_empty() {
            let mut known = self.known.write();
            for (key, decision) in fading {
                let bytes = decision.bytes();
                known.insert(key, decision, bytes);
            }
        }
        decisions
    }

    /// What the filters say of a label set in any form; of what is none, the store says it.
    fn decide(&self, bytes: &[u8], origin: Origin<'_>) -> Decision {
        let mut canonical = Vec::new();
        if canonicalize(bytes, &mut canonical).is_err() {
            return Decision::Pass;
        }
        let Ok(original) = LabelsRef::from_encoded(&canonical) else {
            return Decision::Pass;
        };
        let mut labels = original.to_owned();
        let mut throttle = None;
        for (number, rule) in self.rules.iter().enumerate() {
            if !rule.scope.includes(origin) {
                continue;
            }
            let selected = rule
                .selectors
                .hold(|name| labels.get(name).map(Cow::Borrowed));
            let number = number as u16;
            match &rule.action {
                SampleAction::Keep if !selected => return Decision::Drop(number),
                _ if !selected => {}
                SampleAction::Keep => {}
                SampleAction::Drop => return Decision::Drop(number),
                SampleAction::Rename(to) => match labels.with(METRIC_NAME, to) {
                    Ok(renamed) => labels = renamed,
                    Err(_) => return Decision::Invalid,
                },
                SampleAction::Relabel(rules) => {
                    let relabelled = relabel::apply_to(rules, labels.as_ref());
                    match relabelled.map(|draft| draft.to_labels()) {
                        None => return Decision::Drop(number),
                        Some(Err(_)) => return Decision::Invalid,
                        Some(Ok(relabelled)) => labels = relabelled,
                    }
                }
                SampleAction::Throttle(interval) => {
                    let (rule, interval) = (number, *interval);
                    throttle.get_or_insert(Then::Throttle { rule, interval });
                }
                SampleAction::Aggregate(aggregation) => {
                    labels = grouped(&labels, &aggregation.grouping);
                    let seed = xxh3_64_with_seed(&number.to_le_bytes(), self.seed);
                    let group = xxh3_128_with_seed(labels.as_ref().as_bytes(), seed);
                    let rule = number;
                    throttle = Some(Then::Aggregate { rule, group });
                    break;
                }
            }
        }
        if throttle.is_none() && labels.as_ref() == original {
            return Decision::Pass;
        }
        let old_name = original.get(METRIC_NAME).unwrap_or("");
        Decision::Change(Arc::new(Change {
            old_name: (old_name != labels.name()).then(|| old_name.into()),
            series: xxh3_64_with_seed(original.as_bytes(), self.seed),
            then: throttle.unwrap_or(Then::Store),
            labels,
        }))
    }

    /// What is known of names that filters changed, under the new ones.
    fn renamed_metadata(
        &self,
        batch: &Batch,
        origin: Origin<'_>,
        decisions: &[Decision],
    ) -> Vec<(String, Metadata)> {
        if !self.is_renaming {
            return Vec::new();
        }
        let mut renamed = Vec::new();
        for (name, metadata) in batch.metadata() {
            let mut add = |new: &str| {
                let is_new = !renamed.iter().any(|(known, _)| known == new);
                if is_new && new != name {
                    renamed.push((new.to_owned(), metadata.clone()));
                }
            };
            // Some senders tell it apart from the samples.
            if let Ok(alone) = Labels::metric(name)
                && let Decision::Change(change) = self.decide(alone.as_ref().as_bytes(), origin)
            {
                add(change.labels.name());
            }
            for decision in decisions {
                if let Decision::Change(change) = decision
                    && change.old_name.as_deref() == Some(name)
                {
                    add(change.labels.name());
                }
            }
        }
        renamed
    }

    fn count(&self, rule: u16) {
        if let Some(count) = self.counts.get(usize::from(rule)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Decision {
    fn bytes(&self) -> usize {
        match self {
            Self::Change(change) => size_of::<Change>() + change.labels.as_ref().as_bytes().len(),
            _ => 0,
        }
    }
}

/// The labels of a group.
fn grouped(labels: &Labels, grouping: &Grouping) -> Labels {
    match grouping {
        Grouping::By(names) => {
            let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
            names.push(METRIC_NAME);
            labels.only(&names)
        }
        Grouping::Without(names) => {
            let is_left = |name: &str| name == METRIC_NAME || !names.iter().any(|n| n == name);
            let left: Vec<&str> = labels
                .iter()
                .map(|(name, _)| name)
                .filter(|name| is_left(name))
                .collect();
            labels.only(&left)
        }
    }
}

/// A batch on its way through.
struct Sieve<'a, 'f> {
    filters: &'f SampleFilters,
    from: &'a Batch,
    decisions: &'a [Decision],
    /// Where a series of `from` is in the new batch.
    targets: Vec<Option<SeriesIndex>>,
    /// Rows that go into groups.
    to_merge: Vec<(Timestamp, usize)>,
    /// Rows of which the last of an interval stays: series and filter, time, row, and the
    /// interval's end.
    to_throttle: Vec<(u128, Timestamp, usize, Timestamp)>,
    sifted: Sifted<'f>,
}

impl Sieve<'_, '_> {
    fn rows(&mut self, moment: Moment<'_>) {
        for row in 0..self.from.len() {
            let (series, time, value) = self.from.row(row);
            match self.decisions.get(series.as_usize()) {
                None | Some(Decision::Pass) => self.push(row, time, value),
                Some(Decision::Drop(rule)) => self.drop(*rule),
                Some(Decision::Invalid) => {
                    let reason = Refusal::InvalidLabels;
                    self.sifted.rejected.push(Rejected { row, reason });
                }
                Some(Decision::Change(change)) => match change.then {
                    Then::Store => self.push(row, time, value),
                    Then::Aggregate { .. } => self.to_merge.push((time, row)),
                    // The store refuses it; it must not stand for the samples before it.
                    Then::Throttle { .. } if time > moment.now + moment.window.ahead => {
                        self.push(row, time, value);
                    }
                    Then::Throttle { rule, interval } => {
                        let key = u128::from(change.series) << 16 | u128::from(rule);
                        let end = end_of(time, interval);
                        self.to_throttle.push((key, time, row, end));
                    }
                },
            }
        }
    }

    /// Stores rows at the end of their interval, where each takes the place of those before it.
    fn throttle(&mut self) {
        if self.to_throttle.is_empty() {
            return;
        }
        let filters = self.filters;
        let mut rows = std::mem::take(&mut self.to_throttle);
        rows.sort_unstable();
        let mut throttled = filters.throttled.lock();
        let is_end = |row| matches!(self.from.row(row).2, Value::Float(value) if is_stale(value));
        let is_end: Vec<bool> = rows.iter().map(|(_, _, row, _)| is_end(*row)).collect();
        for (at, (key, time, row, end)) in rows.iter().copied().enumerate() {
            let (rule, value) = (key as u16, self.from.row(row).2);
            if is_end[at] {
                // Behind the sample that it ends.
                self.push(row, end + Duration::from_millis(1), value);
                continue;
            }
            let is_followed = rows
                .get(at + 1)
                .is_some_and(|next| (next.0, next.3) == (key, end) && !is_end[at + 1]);
            let last = throttled.get(key).map(|seen| *seen.value);
            if is_followed || last.is_some_and(|(last, _)| time < last) {
                self.drop(rule);
                continue;
            }
            if last.is_some_and(|(_, last_end)| last_end == end) {
                self.sifted.replacing.push(self.sifted.rows.len() as u32);
                filters.count(rule);
            }
            throttled.insert(key, (time, end), 0);
            self.push(row, end, value);
        }
    }

    fn drop(&mut self, rule: u16) {
        self.sifted.dropped += 1;
        self.filters.count(rule);
    }

    fn push(&mut self, row: usize, time: Timestamp, value: Value<'_>) {
        let (series, _, _) = self.from.row(row);
        let target = self.target(series);
        self.sifted.push(row, target, time, value);
    }

    fn target(&mut self, series: SeriesIndex) -> SeriesIndex {
        let at = series.as_usize();
        if let Some(known) = self.targets[at] {
            return known;
        }
        let batch = &mut self.sifted.batch;
        let target = match self.decisions.get(at) {
            Some(Decision::Change(change)) => batch.series_encoded(change.labels.as_ref()),
            _ => batch.series_unchecked(self.from.label_bytes(series)),
        };
        self.targets[at] = Some(target);
        target
    }

    /// Adds rows to their groups in order of time, and the groups' samples to the batch.
    fn merge(&mut self, moment: Moment<'_>) {
        if self.to_merge.is_empty() {
            return;
        }
        let filters = self.filters;
        let mut groups = filters.groups.open();
        let mut rows = std::mem::take(&mut self.to_merge);
        rows.sort_by_key(|(time, _)| *time);
        for (time, row) in rows {
            let (series, _, value) = self.from.row(row);
            let Some(Decision::Change(change)) = self.decisions.get(series.as_usize()) else {
                continue;
            };
            let Then::Aggregate { rule, group } = change.then else {
                continue;
            };
            let SampleAction::Aggregate(aggregation) = &filters.rules[usize::from(rule)].action
            else {
                continue;
            };
            let to = Membership {
                group,
                labels: &change.labels,
                aggregation,
                member: change.series,
            };
            match groups.add(to, (time, value), moment, &mut self.sifted.batch) {
                Ok(()) => self.drop(rule),
                Err(reason) => self.sifted.rejected.push(Rejected { row, reason }),
            }
        }
        groups.write(&mut self.sifted.batch);
        self.sifted._groups = Some(groups);
    }

    /// Takes the exemplars of series that are stored along.
    fn exemplars(&mut self) {
        for (series, exemplar) in self.from.exemplars() {
            if let Some(target) = self.targets[series.as_usize()] {
                self.sifted.batch.push_exemplar(target, exemplar.clone());
            }
        }
    }
}

impl Sifted<'static> {
    /// A batch without some of its series, whose rows are refused.
    pub fn without(batch: &Batch, series: &[bool], reason: Refusal) -> Self {
        let mut sifted = Self::empty(batch);
        let mut targets = vec![None; batch.series_count()];
        let mut target = |sifted: &mut Self, series: SeriesIndex| {
            let bytes = batch.label_bytes(series);
            *targets[series.as_usize()].get_or_insert_with(|| sifted.batch.series_unchecked(bytes))
        };
        for (row, (index, time, value)) in batch.rows().enumerate() {
            if series[index.as_usize()] {
                sifted.rejected.push(Rejected { row, reason });
                continue;
            }
            let target = target(&mut sifted, index);
            sifted.push(row, target, time, value);
        }
        for (index, exemplar) in batch.exemplars() {
            if !series[index.as_usize()] {
                let target = target(&mut sifted, *index);
                sifted.batch.push_exemplar(target, exemplar.clone());
            }
        }
        for (name, known) in batch.metadata() {
            sifted.batch.describe(name, known.clone());
        }
        sifted
    }
}

impl Sifted<'_> {
    /// Nothing yet of a batch.
    fn empty(of: &Batch) -> Self {
        Self {
            batch: Batch::new(),
            rows: Vec::with_capacity(of.len()),
            original: of.len(),
            dropped: 0,
            replacing: Vec::new(),
            rejected: Vec::new(),
            _groups: None,
        }
    }

    fn push(&mut self, row: usize, series: SeriesIndex, time: Timestamp, value: Value<'_>) {
        match value {
            Value::Float(value) => self.batch.push(series, time, value),
            Value::Histogram(histogram) => {
                self.batch.push_histogram(series, time, histogram.clone());
            }
        }
        self.rows.push(row as u32);
    }

    /// What is to be stored.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// What became of the rows that came in, by what became of those that were to be stored; and
    /// why samples of groups were refused, which no sender can help.
    pub fn outcome(self, stored: &AppendOutcome) -> (AppendOutcome, Vec<Refusal>) {
        let mut rejected = self.rejected;
        let mut lost = Vec::new();
        let mut replaced = self.replacing.len();
        for refused in &stored.rejected {
            match self.rows.get(refused.row) {
                Some(row) => {
                    let (row, reason) = (*row as usize, refused.reason);
                    rejected.push(Rejected { row, reason });
                }
                None => lost.push(refused.reason),
            }
            let row = refused.row as u32;
            replaced -= usize::from(self.replacing.binary_search(&row).is_ok());
        }
        rejected.sort_by_key(|rejected| rejected.row);
        let outcome = AppendOutcome {
            accepted: self.original - rejected.len(),
            filtered: self.dropped + replaced + stored.filtered,
            rejected,
            culprit: stored.culprit.clone(),
        };
        (outcome, lost)
    }
}

#[cfg(test)]
mod tests;
