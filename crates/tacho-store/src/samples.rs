//! Bringing the samples of one series together from several places.
//!
//! Sources are added from the oldest write to the newest. When they follow each other in time,
//! which is nearly always, this is plain concatenation; otherwise samples are sorted, and of two
//! at the same time the one added later wins, numbers and histograms alike.

use tacho_model::{Columns, TimeRange, Timestamp};

use crate::codec::values::Wanted;

/// Collects samples into columns; [`Gather::finish`] puts them in order.
pub(crate) struct Gather<'a> {
    into: &'a mut Columns,
    range: TimeRange,
    /// Left out of what is added.
    hidden: Vec<TimeRange>,
    runs: Vec<Run>,
    newest: Option<Timestamp>,
    ordered: bool,
    wanted: Wanted,
}

/// Samples of one sort that were added together.
struct Run {
    histograms: bool,
    count: usize,
}

impl<'a> Gather<'a> {
    /// Empties `into`; samples outside `range` are left out.
    pub(crate) fn new(into: &'a mut Columns, range: TimeRange) -> Self {
        into.clear();
        Self {
            into,
            range,
            hidden: Vec::new(),
            runs: Vec::new(),
            newest: None,
            ordered: true,
            wanted: Wanted::Values,
        }
    }

    /// As [`Self::new`], of numbers only what is `wanted`.
    pub(crate) fn of(into: &'a mut Columns, range: TimeRange, wanted: Wanted) -> Self {
        let gather = Self::new(into, range);
        Self { wanted, ..gather }
    }

    /// What is taken of what is added.
    pub(crate) const fn range(&self) -> TimeRange {
        self.range
    }

    /// What is wanted of numbers.
    pub(crate) const fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Leaves these times out of what is added from here on.
    pub(crate) fn hide(&mut self, times: &[TimeRange]) {
        self.hidden.clear();
        self.hidden.extend_from_slice(times);
    }

    /// Adds numbers: `fill` appends to both columns, in strictly increasing order of time.
    pub(crate) fn floats<E>(
        &mut self,
        fill: impl FnOnce(&mut Vec<Timestamp>, &mut Vec<f64>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Columns {
            timestamps, values, ..
        } = &mut *self.into;
        let added = add(timestamps, values, (self.range, &self.hidden), fill);
        let span = self.into.timestamps.len() - added.1;
        self.note(
            false,
            self.into.timestamps[span..].first().copied(),
            added.1,
        );
        added.0
    }

    /// Adds histograms, as [`Self::floats`] adds numbers.
    pub(crate) fn histograms<E>(
        &mut self,
        fill: impl FnOnce(&mut Vec<Timestamp>, &mut Vec<tacho_model::Histogram>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Columns {
            histogram_timestamps,
            histograms,
            ..
        } = &mut *self.into;
        let added = add(
            histogram_timestamps,
            histograms,
            (self.range, &self.hidden),
            fill,
        );
        let span = self.into.histogram_timestamps.len() - added.1;
        let first = self.into.histogram_timestamps[span..].first().copied();
        self.note(true, first, added.1);
        added.0
    }

    /// Adds columns that are in order, as newer than all before.
    pub(crate) fn columns(&mut self, columns: &Columns) {
        let _: Result<(), ()> = self.floats(|timestamps, values| {
            timestamps.extend_from_slice(&columns.timestamps);
            values.extend_from_slice(&columns.values);
            Ok(())
        });
        let _: Result<(), ()> = self.histograms(|timestamps, histograms| {
            timestamps.extend_from_slice(&columns.histogram_timestamps);
            histograms.extend_from_slice(&columns.histograms);
            Ok(())
        });
    }

    fn note(&mut self, histograms: bool, first: Option<Timestamp>, count: usize) {
        let Some(first) = first else {
            return;
        };
        let times = if histograms {
            &self.into.histogram_timestamps
        } else {
            &self.into.timestamps
        };
        let last = times.last().copied();
        self.ordered &= self.newest.is_none_or(|newest| newest < first);
        self.newest = self.newest.max(last);
        self.runs.push(Run { histograms, count });
    }

    /// Sorts and removes duplicates where sources overlapped.
    pub(crate) fn finish(self) {
        if !self.ordered {
            resolve(&self.runs, self.into);
        }
        debug_assert!(
            self.into.timestamps.is_sorted_by(|a, b| a < b)
                && self.into.histogram_timestamps.is_sorted_by(|a, b| a < b),
            "times strictly increase"
        );
    }
}

/// Lets `fill` append, cuts what it added to `range` without what is hidden, and says how much is
/// left of it.
fn add<T, E>(
    timestamps: &mut Vec<Timestamp>,
    values: &mut Vec<T>,
    (range, hidden): (TimeRange, &[TimeRange]),
    fill: impl FnOnce(&mut Vec<Timestamp>, &mut Vec<T>) -> Result<(), E>,
) -> (Result<(), E>, usize) {
    let before = timestamps.len();
    let outcome = fill(timestamps, values);
    if outcome.is_err() || timestamps.len() != values.len() {
        timestamps.truncate(before);
        values.truncate(before);
        return (outcome, 0);
    }
    let added = &timestamps[before..];
    let start = before + added.partition_point(|t| *t < range.start);
    let end = before + added.partition_point(|t| *t <= range.end);
    let end = end.max(start);
    timestamps.truncate(end);
    values.truncate(end);
    timestamps.drain(before..start);
    values.drain(before..start);
    for hidden in hidden {
        let added = &timestamps[before..];
        let start = before + added.partition_point(|t| *t < hidden.start);
        let end = before + added.partition_point(|t| *t <= hidden.end);
        timestamps.drain(start..end.max(start));
        values.drain(start..end.max(start));
    }
    (outcome, timestamps.len() - before)
}

/// Where a sample stands in unordered columns, in the order they were added.
#[derive(Clone, Copy)]
struct Place {
    time: Timestamp,
    histograms: bool,
    index: usize,
}

fn resolve(runs: &[Run], columns: &mut Columns) {
    let mut places = Vec::with_capacity(columns.len());
    let (mut floats, mut histograms) = (0, 0);
    for run in runs {
        let (next, times) = if run.histograms {
            (&mut histograms, &columns.histogram_timestamps)
        } else {
            (&mut floats, &columns.timestamps)
        };
        let added = times.iter().enumerate().skip(*next).take(run.count);
        places.extend(added.map(|(index, time)| Place {
            time: *time,
            histograms: run.histograms,
            index,
        }));
        *next += run.count;
    }
    // The sort is stable, so that the last of equal times is the one added last.
    places.sort_by_key(|place| place.time);
    let mut old = std::mem::take(columns);
    for (i, place) in places.iter().enumerate() {
        if places
            .get(i + 1)
            .is_some_and(|next| next.time == place.time)
        {
            continue;
        }
        if place.histograms {
            columns.histogram_timestamps.push(place.time);
            let histogram = std::mem::take(&mut old.histograms[place.index]);
            columns.histograms.push(histogram);
        } else {
            columns.timestamps.push(place.time);
            columns.values.push(old.values[place.index]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_model::Histogram;

    fn floats(samples: &[(i64, f64)]) -> Columns {
        let mut columns = Columns::new();
        for (time, value) in samples {
            columns.timestamps.push(Timestamp::from_secs(*time));
            columns.values.push(*value);
        }
        columns
    }

    fn check(sources: &[Columns], range: (i64, i64), expected: &[(i64, f64)]) {
        let mut into = floats(&[(99, 99.0)]);
        let range = TimeRange::new(Timestamp::from_secs(range.0), Timestamp::from_secs(range.1));
        let mut gather = Gather::new(&mut into, range);
        for source in sources {
            gather.columns(source);
        }
        gather.finish();
        assert_eq!(into, floats(expected));
    }

    #[test]
    fn later_sources_win_wherever_they_overlap() {
        let old = floats(&[(1, 1.0), (2, 1.0), (5, 1.0)]);
        let new = floats(&[(2, 2.0), (3, 2.0)]);
        let both = [(1, 1.0), (2, 2.0), (3, 2.0), (5, 1.0)];
        check(&[old.clone(), new.clone()], (0, 9), &both);
        check(&[old.clone(), new.clone()], (2, 3), &both[1..3]);
        check(&[old, new], (9, 0), &[]);
    }

    #[test]
    fn a_histogram_replaces_a_number_of_the_same_time() {
        let mut histogram = Columns::new();
        histogram.histogram_timestamps.push(Timestamp::from_secs(2));
        histogram.histograms.push(Histogram::new());
        let number = floats(&[(2, 7.0), (4, 8.0)]);
        check(
            &[histogram.clone(), number.clone()],
            (0, 9),
            &[(2, 7.0), (4, 8.0)],
        );
        let mut into = Columns::new();
        let mut gather = Gather::new(&mut into, TimeRange::ALL);
        gather.columns(&number);
        gather.columns(&histogram);
        gather.finish();
        assert_eq!((into.timestamps.len(), into.histograms.len()), (1, 1));
    }
}
