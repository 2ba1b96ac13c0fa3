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

mod sieve;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tacho_model::append::SeriesIndex;
use tacho_model::label::canonicalize;
use tacho_model::{Batch, Labels, LabelsRef, METRIC_NAME, Metadata, Timestamp, relabel};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use super::aggregate::{Groups, Moment};
use super::generations::Generations;
use super::rule::{Grouping, SampleAction, SampleRule};
use crate::intake::Origin;

pub use self::sieve::Sifted;
use self::sieve::sift;

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

/// How a series is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAs {
    /// Its labels in the store.
    pub labels: Labels,
    /// Whether its samples are stored at the ends of intervals, later than they are.
    pub is_throttled: bool,
}

#[derive(Debug)]
enum Then {
    Store,
    Throttle { rule: u16, interval: Duration },
    Aggregate { rule: u16, group: u128 },
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
        let mut sifted = sift(self, batch, &decisions, moment);
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

    /// Under which labels a series is stored; `None` where it is not, or only as part of another.
    pub fn stored_as(&self, labels: LabelsRef<'_>, origin: Origin<'_>) -> Option<StoredAs> {
        let stored = |labels: Labels, is_throttled| {
            Some(StoredAs {
                labels,
                is_throttled,
            })
        };
        match self.decide(labels.as_bytes(), origin) {
            Decision::Pass => stored(labels.to_owned(), false),
            Decision::Drop(_) | Decision::Invalid => None,
            Decision::Change(change) => match change.then {
                Then::Store => stored(change.labels.clone(), false),
                Then::Throttle { .. } => stored(change.labels.clone(), true),
                Then::Aggregate { .. } => None,
            },
        }
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

#[cfg(test)]
mod tests;
