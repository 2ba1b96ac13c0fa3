//! `anchored` and `smoothed`: what a selector takes at the ends of its time where no sample lies
//! there (experimental).
//!
//! A window is given a value at its very start and one at its very end, after which functions have
//! nothing left to extrapolate. Numbers only. Source: Prometheus documentation, "Feature flags",
//! extended range selectors.

use std::ops::Range;

use tacho_model::append::is_stale;
use tacho_model::{Columns, Labels, Timestamp};

use super::column::Column;
use super::notes::Notes;
use super::window::{Prepared, Samples, Window, Windows, move_to};
use super::{Error, Evaluator};
use crate::syntax::ast::Edges;

/// What a value between two samples is where the later one is less.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Falls {
    /// On the line, as of any gauge.
    Gauge,
    /// A counter was reset: it began at 0 again.
    CounterAtStart,
    /// A counter was reset, and functions will add what it was before.
    CounterAtEnd,
}

impl Evaluator<'_> {
    /// The times to read samples of, for windows from after `oldest` to `last`.
    pub(super) fn reach(&self, edges: Edges, oldest: i64, last: i64) -> (i64, i64) {
        let lookback = i64::try_from(self.options.lookback_delta.as_nanos()).unwrap_or(i64::MAX);
        match edges {
            Edges::Samples => (oldest, last),
            Edges::Anchored => (oldest.saturating_sub(lookback), last),
            Edges::Smoothed => (
                oldest.saturating_sub(lookback),
                last.saturating_add(lookback),
            ),
        }
    }

    /// As `slide`, with values at the ends of each window.
    pub(super) fn slide_edges(
        &self,
        windows: &Windows<'_>,
        labels: &Labels,
        (samples, edges): (&Samples<'_>, Edges),
        notes: &mut Notes,
    ) -> Result<Option<Column>, Error> {
        let steps = windows.steps;
        let lookback = i64::try_from(self.options.lookback_delta.as_nanos()).unwrap_or(i64::MAX);
        let mut column = Column::new(labels.clone(), steps.count());
        let mut span = 0..0;
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let is_counter = windows.run.prepare == super::window::Prepare::Resets;
        for step in 0..steps.count() {
            let at = steps.nanos(step);
            let end = self.looks_at(windows.when, at);
            let start = end.saturating_sub(windows.range);
            move_to(&mut span, samples.times, start, end);
            let line = Line {
                samples,
                span: &span,
                lookback,
            };
            let ends = match edges {
                Edges::Smoothed => line.smoothed(start, end, is_counter),
                _ => line.anchored(start),
            };
            let Some([first, last]) = ends else {
                continue;
            };
            times.clear();
            values.clear();
            times.push(Timestamp::from_nanos(start));
            values.push(first);
            times.extend_from_slice(&samples.times[span.clone()]);
            values.extend_from_slice(&samples.values[span.clone()]);
            if times.last().is_none_or(|time| time.as_nanos() < end) {
                times.push(Timestamp::from_nanos(end));
                values.push(last);
            }
            self.watch.check()?;
            let prepared = Prepared::of(&values, windows.run.prepare);
            let window = Window {
                times: &times,
                values: &values,
                histogram_times: &[],
                histograms: &[],
                start,
                end,
                step: at,
                span: 0..values.len(),
                prepared: &prepared,
                folded: None,
                scalars: &[],
                metric: labels.name(),
                at: windows.at,
                scalars_at: windows.scalars_at,
                source: windows.source,
            };
            if let Some(point) = (windows.run.of)(&window, notes) {
                column.put(step, point);
            }
        }
        Ok((!column.is_empty()).then_some(column))
    }
}

/// A window among the samples of a series.
struct Line<'a> {
    samples: &'a Samples<'a>,
    /// The samples inside.
    span: &'a Range<usize>,
    lookback: i64,
}

impl Line<'_> {
    fn sample(&self, index: usize) -> (i64, f64) {
        (
            self.samples.times[index].as_nanos(),
            self.samples.values[index],
        )
    }

    /// The sample before the window, unless it is too old.
    fn before(&self, start: i64) -> Option<(i64, f64)> {
        let sample = self.sample(self.span.start.checked_sub(1)?);
        (start.saturating_sub(sample.0) < self.lookback).then_some(sample)
    }

    /// The sample after the window, unless it is too far.
    fn after(&self, end: i64) -> Option<(i64, f64)> {
        let is_there = self.span.end < self.samples.times.len();
        let sample = is_there.then(|| self.sample(self.span.end))?;
        (sample.0.saturating_sub(end) < self.lookback).then_some(sample)
    }

    fn anchored(&self, start: i64) -> Option<[f64; 2]> {
        if self.span.is_empty() {
            return None;
        }
        let last = self.sample(self.span.end - 1).1;
        let first = self
            .before(start)
            .unwrap_or_else(|| self.sample(self.span.start));
        Some([first.1, last])
    }

    fn smoothed(&self, start: i64, end: i64, is_counter: bool) -> Option<[f64; 2]> {
        let (before, after) = (self.before(start), self.after(end));
        let inside = (!self.span.is_empty())
            .then(|| (self.sample(self.span.start), self.sample(self.span.end - 1)));
        let falls = |of_counter| if is_counter { of_counter } else { Falls::Gauge };
        let first_next = inside.map(|(first, _)| first).or(after);
        let first = match (before, first_next) {
            (Some(before), Some(next)) => {
                between(before, next, start, falls(Falls::CounterAtStart))
            }
            (only, next) => only.or(next)?.1,
        };
        let last_before = inside.map(|(_, last)| last).or(before);
        let last = match (last_before, after) {
            (Some(before), Some(after)) => between(before, after, end, falls(Falls::CounterAtEnd)),
            (before, only) => before.or(only)?.1,
        };
        Some([first, last])
    }
}

/// The value at a time on the line between two samples.
fn between(before: (i64, f64), after: (i64, f64), at: i64, falls: Falls) -> f64 {
    if at <= before.0 {
        return before.1;
    }
    let (mut from, mut to) = (before.1, after.1);
    if to < from {
        match falls {
            Falls::Gauge => {}
            Falls::CounterAtStart => from = 0.0,
            Falls::CounterAtEnd => to += from,
        }
    }
    let share = (at - before.0) as f64 / (after.0 - before.0) as f64;
    from + (to - from) * share
}

/// A column, yet without labels, of values between the samples before and after each step; where
/// there is none after, of the one before.
pub(super) fn smoothed(
    samples: &Columns,
    steps: usize,
    lookback: i64,
    looks_at: impl Fn(usize) -> i64,
) -> Option<Column> {
    let mut column = Column::new(Labels::default(), steps);
    let sample = |index: usize| (samples.timestamps[index].as_nanos(), samples.values[index]);
    for step in 0..steps {
        let at = looks_at(step);
        let next = samples
            .timestamps
            .partition_point(|time| time.as_nanos() <= at);
        let before = next.checked_sub(1).map(sample);
        let before = before.filter(|(time, value)| at - time < lookback && !is_stale(*value));
        let after = (next < samples.timestamps.len()).then(|| sample(next));
        let after = after.filter(|(time, value)| time - at < lookback && !is_stale(*value));
        column.floats[step] = match (before, after) {
            (Some(before), Some(after)) => between(before, after, at, Falls::Gauge),
            (Some(before), None) => before.1,
            (None, _) => continue,
        };
    }
    (!column.is_empty()).then_some(column)
}
