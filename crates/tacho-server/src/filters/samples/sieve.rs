//! A batch on its way through the filters of samples: row by row into the batch that is stored.
//!
//! What is to become of each series is known here; what became of each row is kept, by its place in
//! the batch that came in. Not for deciding: that is the module above.

use std::time::Duration;

use tacho_model::append::{SeriesIndex, is_stale};
use tacho_model::{AppendOutcome, Batch, Refusal, Rejected, Timestamp, Value};

use super::super::aggregate::{Membership, Moment, OpenGroups, end_of};
use super::super::rule::SampleAction;
use super::{Decision, SampleFilters, Then};

/// What filters made of a batch.
pub struct Sifted<'a> {
    pub(super) batch: Batch,
    /// The original row of each row but those that stand for groups, which come last.
    rows: Vec<u32>,
    original: usize,
    /// Rows that are not stored.
    dropped: usize,
    /// Rows of `batch` that take the place of an earlier one of their interval.
    replacing: Vec<u32>,
    pub(super) rejected: Vec<Rejected>,
    /// Held until the batch is stored, so that an older value of a group cannot follow a newer.
    groups: Option<OpenGroups<'a>>,
}

/// Passes the rows of a batch whose series have these decisions.
pub(super) fn sift<'f>(
    filters: &'f SampleFilters,
    batch: &Batch,
    decisions: &[Decision],
    moment: Moment<'_>,
) -> Sifted<'f> {
    let mut sieve = Sieve {
        filters,
        from: batch,
        decisions,
        targets: vec![None; batch.series_count()],
        to_merge: Vec::new(),
        to_throttle: Vec::new(),
        sifted: Sifted::empty(batch),
    };
    sieve.rows(moment);
    sieve.throttle();
    sieve.merge(moment);
    sieve.exemplars();
    sieve.sifted
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
        self.sifted.groups = Some(groups);
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
            groups: None,
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
