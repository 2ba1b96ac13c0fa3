//! Series in memory that answer as a store would.
//!
//! Invariant: the points of a series are in order of time, each time once; a later point of the
//! same time takes the place of the earlier. Not for measuring: a selection copies what it reads.

use std::collections::{BTreeMap, BTreeSet};

use tacho_model::histogram::{HistogramError, ResetHint, Temporality};
use tacho_model::{
    Columns, Histogram, Labels, Matcher, Metadata, Querier, QueryError, Selection, TimeRange,
    Timestamp,
};

use super::points::{HintSaid, Item};
use crate::FloatHistogram;

/// Series in memory.
#[derive(Debug, Default)]
pub struct Memory {
    series: BTreeMap<Labels, BTreeMap<Timestamp, Stored>>,
}

#[derive(Debug, Clone)]
enum Stored {
    Float(f64),
    Histogram(Box<Histogram>, HintSaid),
}

impl Memory {
    /// Adds a number.
    pub fn push(&mut self, labels: &Labels, time: Timestamp, value: f64) {
        let points = self.series.entry(labels.clone()).or_default();
        points.insert(time, Stored::Float(value));
    }

    /// Adds the points of a series; histograms that say nothing of resets are told whether they
    /// continue the one before, as a store that has seen both can.
    pub(super) fn load(
        &mut self,
        labels: &Labels,
        loaded: &[(Timestamp, Item)],
    ) -> Result<(), HistogramError> {
        let points = self.series.entry(labels.clone()).or_default();
        for (time, item) in loaded {
            let stored = match item {
                Item::Missing => continue,
                Item::Float(value) => Stored::Float(*value),
                Item::Histogram(value, said) => {
                    Stored::Histogram(Box::new(value.to_model()?), *said)
                }
            };
            points.insert(*time, stored);
        }
        let mut before: Option<FloatHistogram> = None;
        for stored in points.values_mut() {
            let Stored::Histogram(value, said) = stored else {
                before = None;
                continue;
            };
            let now = FloatHistogram::from(&**value);
            if *said == HintSaid::No && value.temporality() == Temporality::Cumulative {
                let continues = before
                    .as_ref()
                    .is_some_and(|before| !before.is_gauge() && !now.has_lost(before));
                let hint = if continues {
                    ResetHint::NotReset
                } else {
                    ResetHint::Unknown
                };
                **value = value.as_ref().clone().hinted(hint);
            }
            before = Some(now);
        }
        Ok(())
    }

    fn matching(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Found<'_>> {
        let is_meant = |labels: &Labels| matchers.iter().all(|m| m.matches_set(labels.as_ref()));
        let found = self.series.iter().filter(|(labels, _)| is_meant(labels));
        let found = found.map(|(labels, points)| Found { labels, points });
        found
            .filter(|found| found.within(range).next().is_some())
            .collect()
    }
}

#[derive(Clone, Copy)]
struct Found<'a> {
    labels: &'a Labels,
    points: &'a BTreeMap<Timestamp, Stored>,
}

impl<'a> Found<'a> {
    fn within(self, range: TimeRange) -> impl Iterator<Item = (&'a Timestamp, &'a Stored)> {
        let is_some = range.start <= range.end;
        let points = is_some.then(|| self.points.range(range.start..=range.end));
        points.into_iter().flatten()
    }
}

struct Selected<'a> {
    found: Vec<Found<'a>>,
    range: TimeRange,
}

impl Selection for Selected<'_> {
    fn len(&self) -> usize {
        self.found.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        self.found[index].labels
    }

    fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        into.clear();
        for (time, stored) in self.found[index].within(self.range) {
            match stored {
                Stored::Float(value) => {
                    into.timestamps.push(*time);
                    into.values.push(*value);
                }
                Stored::Histogram(value, _) => {
                    into.histogram_timestamps.push(*time);
                    into.histograms.push((**value).clone());
                }
            }
        }
        Ok(())
    }
}

impl Querier for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Box<dyn Selection + '_>, QueryError> {
        let found = self.matching(matchers, range);
        Ok(Box::new(Selected { found, range }))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        let found = self.matching(matchers, range);
        let values: BTreeSet<&str> = found.iter().filter_map(|f| f.labels.get(name)).collect();
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        let found = self.matching(matchers, range);
        let names: BTreeSet<&str> = found
            .iter()
            .flat_map(|f| f.labels.iter().map(|(name, _)| name))
            .collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn metadata(&self, _: &str) -> Option<Metadata> {
        None
    }
}
