//! Range selectors: each series' samples of a time that ends at the step.
//!
//! Windows are left-open: a sample exactly as old as the window is long lies outside (as from
//! Prometheus 3.0 on). They only ever move forward, so each sample enters once and leaves once;
//! what a function needs to know of a whole series is prepared once for it ([`Prepared`]).

use std::ops::Range;

use tacho_model::append::is_stale;
use tacho_model::{Columns, Labels, Timestamp};

use super::column::Column;
use super::fold::{Fold, Folded, Folds};
use super::notes::{Note, Notes};
use super::read::{Reads, each_series};
use super::{Error, Evaluator, Output};
use crate::functions::WindowRun;
use crate::histogram::FloatHistogram;
use crate::options::Steps;
use crate::syntax::ast::{Edges, Expr, Kind, Selector, When};

/// The samples that a function sees at a step: at least one.
pub(crate) struct Window<'a> {
    pub(crate) times: &'a [Timestamp],
    pub(crate) values: &'a [f64],
    pub(crate) histogram_times: &'a [Timestamp],
    pub(crate) histograms: &'a [FloatHistogram],
    /// It reaches from after here, in nanoseconds,
    pub(crate) start: i64,
    /// to here.
    pub(crate) end: i64,
    /// The time of the step, which `end` is not where there is an offset.
    pub(crate) step: i64,
    /// Which numbers of the series these are.
    pub(crate) span: Range<usize>,
    pub(crate) prepared: &'a Prepared,
    /// What the numbers come to, where the function wants to know.
    pub(crate) folded: Option<Folded>,
    /// The scalars that the function was given, at this step.
    pub(crate) scalars: &'a [f64],
    pub(crate) metric: &'a str,
    /// Where the range vector stands in the query.
    pub(crate) at: &'a Range<usize>,
    /// Where scalars stand.
    pub(crate) scalars_at: &'a [Range<usize>],
    pub(crate) source: Source,
}

/// Where samples come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Stored,
    /// What histograms say of resets means nothing there.
    Subquery,
}

/// What is found out about a series' numbers once.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// Which numbers are less than the one before, and that one.
    pub(crate) resets: Vec<(usize, f64)>,
    /// How many of the numbers up to each differ from the one before.
    pub(crate) changes: Vec<u32>,
}

/// What a function wants to know of a whole series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prepare {
    Nothing,
    /// Not even the numbers, only when they were.
    Times,
    Resets,
    Changes,
    /// What the numbers of each window come to.
    Folded(Fold),
}

impl Prepared {
    pub(super) fn of(values: &[f64], prepare: Prepare) -> Self {
        let mut prepared = Self::default();
        match prepare {
            Prepare::Nothing | Prepare::Times | Prepare::Folded(_) => {}
            Prepare::Resets => {
                for (index, pair) in values.windows(2).enumerate() {
                    if pair[1] < pair[0] {
                        prepared.resets.push((index + 1, pair[0]));
                    }
                }
            }
            Prepare::Changes => {
                let mut count = 0;
                prepared.changes.extend(values.first().map(|_| 0));
                for pair in values.windows(2) {
                    let same = pair[0] == pair[1] || (pair[0].is_nan() && pair[1].is_nan());
                    count += u32::from(!same);
                    prepared.changes.push(count);
                }
            }
        }
        prepared
    }

    /// The resets between the numbers of a span.
    pub(crate) fn resets_in(&self, span: &Range<usize>) -> &[(usize, f64)] {
        let from = self.resets.partition_point(|(at, _)| *at <= span.start);
        let to = self.resets.partition_point(|(at, _)| *at < span.end);
        &self.resets[from..to.max(from)]
    }
}

impl Window<'_> {
    /// Numbers and distributions together.
    pub(crate) fn len(&self) -> usize {
        self.values.len() + self.histograms.len()
    }

    /// Whether it holds both numbers and distributions.
    pub(crate) fn is_mixed(&self) -> bool {
        !self.values.is_empty() && !self.histograms.is_empty()
    }

    pub(crate) fn note_mixed(&self, notes: &mut Notes) {
        notes.add(Note::MixedFloatsHistograms(self.metric.to_owned()), self.at);
    }
}

/// One series' samples, without staleness markers.
pub(super) struct Samples<'a> {
    pub(super) times: &'a [Timestamp],
    pub(super) values: &'a [f64],
    pub(super) histogram_times: &'a [Timestamp],
    pub(super) histograms: Vec<FloatHistogram>,
}

impl<'a> Samples<'a> {
    pub(super) fn of(columns: &'a Columns, filtered: &'a mut Columns) -> Self {
        let histograms = columns
            .histograms
            .iter()
            .map(FloatHistogram::from)
            .collect();
        let histogram_times = &columns.histogram_timestamps;
        if !columns.values.iter().any(|value| is_stale(*value)) {
            let (times, values) = (&columns.timestamps, &columns.values);
            return Self {
                times,
                values,
                histogram_times,
                histograms,
            };
        }
        filtered.clear();
        for (time, value) in columns.timestamps.iter().zip(&columns.values) {
            if !is_stale(*value) {
                filtered.timestamps.push(*time);
                filtered.values.push(*value);
            }
        }
        let (times, values) = (&filtered.timestamps, &filtered.values);
        Self {
            times,
            values,
            histogram_times,
            histograms,
        }
    }
}

/// A call of a window function, series apart.
pub(super) struct Windows<'a> {
    pub(super) run: &'a WindowRun,
    pub(super) steps: Steps,
    pub(super) range: i64,
    pub(super) when: When,
    pub(super) scalars: &'a [Vec<f64>],
    pub(super) at: &'a Range<usize>,
    pub(super) scalars_at: &'a [Range<usize>],
    pub(super) source: Source,
}

impl Evaluator<'_> {
    /// A function of each series' samples in a window.
    pub(crate) fn over_windows(
        &self,
        run: &WindowRun,
        arguments: &[Expr],
        steps: Steps,
    ) -> Result<Output, Error> {
        let is_range =
            |expr: &&Expr| matches!(expr.bare().kind, Kind::Range { .. } | Kind::Subquery(_));
        let Some(ranged) = arguments.iter().find(is_range) else {
            return Err(Error::Execution("expected a range vector".to_owned()));
        };
        let others: Vec<Expr> = arguments.iter().filter(|e| !is_range(e)).cloned().collect();
        let scalars = self.scalars(&others, steps)?;
        let scalars_at: Vec<Range<usize>> = others.iter().map(|expr| expr.at.clone()).collect();
        let windows = |range: std::time::Duration, when, source| Windows {
            run,
            steps,
            range: i64::try_from(range.as_nanos()).unwrap_or(i64::MAX),
            when,
            scalars: &scalars,
            at: &ranged.at,
            scalars_at: &scalars_at,
            source,
        };
        let columns = match &ranged.bare().kind {
            Kind::Range { selector, range } => {
                let windows = windows(*range, selector.when, Source::Stored);
                self.stored_windows(&windows, selector)?
            }
            Kind::Subquery(subquery) => {
                let windows = windows(subquery.range, subquery.when, Source::Subquery);
                self.subquery_windows(&windows, subquery)?
            }
            _ => Vec::new(),
        };
        match run.name {
            crate::functions::Name::Kept => Ok(Output::Vector(columns)),
            crate::functions::Name::Lost => Ok(Output::Vector(self.unnamed(columns)?)),
        }
    }

    fn stored_windows(
        &self,
        windows: &Windows<'_>,
        selector: &Selector,
    ) -> Result<Vec<Column>, Error> {
        let first = self.looks_at(windows.when, windows.steps.start().as_nanos());
        let last = self.looks_at(windows.when, windows.steps.end().as_nanos());
        let oldest = first.saturating_sub(windows.range).saturating_add(1);
        let (oldest, last) = self.reach(selector.edges, oldest, last);
        let selection = self.open(&selector.matchers, oldest, last)?;
        let reads = match (windows.run.prepare, selector.edges) {
            (Prepare::Times, Edges::Samples) => Reads::Times,
            _ => Reads::Samples,
        };
        let how = (self.options.threads, reads);
        let (columns, notes) = each_series(&*selection, how, |scratch, labels, columns| {
            self.count_samples(columns.len())?;
            let samples = Samples::of(columns, &mut scratch.filtered);
            let held = self.hold(samples.bytes())?;
            let notes = &mut scratch.notes;
            let column = match selector.edges {
                Edges::Samples => self.slide(windows, labels, &samples, notes)?,
                edges => self.slide_edges(windows, labels, (&samples, edges), notes)?,
            };
            drop(held);
            if let Some(column) = &column {
                self.charge(column.bytes())?;
            }
            Ok(column)
        })?;
        self.note(notes);
        Ok(columns)
    }

    /// Slides the window over a series' samples; `None` when no step has a value.
    pub(super) fn slide(
        &self,
        windows: &Windows<'_>,
        labels: &Labels,
        samples: &Samples<'_>,
        notes: &mut Notes,
    ) -> Result<Option<Column>, Error> {
        let steps = windows.steps;
        let prepared = Prepared::of(samples.values, windows.run.prepare);
        let mut column = Column::new(labels.clone(), steps.count());
        let mut given = vec![0.0; windows.scalars.len()];
        let mut folds = match windows.run.prepare {
            Prepare::Folded(fold) => Some(Folds::new(fold)),
            _ => None,
        };
        let (mut floats, mut histograms) = (0..0, 0..0);
        let metric = labels.name();
        let mut found = false;
        let mut touched = 0;
        for step in 0..steps.count() {
            let at = steps.nanos(step);
            let end = self.looks_at(windows.when, at);
            let start = end.saturating_sub(windows.range);
            move_to(&mut floats, samples.times, start, end);
            move_to(&mut histograms, samples.histogram_times, start, end);
            if floats.is_empty() && histograms.is_empty() {
                continue;
            }
            touched += floats.len() + histograms.len() * 16 + 1;
            if touched > 1 << 20 {
                touched = 0;
                self.watch.check()?;
            }
            given
                .iter_mut()
                .zip(windows.scalars)
                .for_each(|(given, all)| *given = all[step]);
            if let Some(check) = windows.run.check {
                check(&given)?;
            }
            let window = Window {
                times: &samples.times[floats.clone()],
                values: &samples.values[floats.clone()],
                histogram_times: &samples.histogram_times[histograms.clone()],
                histograms: &samples.histograms[histograms.clone()],
                start,
                end,
                step: at,
                span: floats.clone(),
                prepared: &prepared,
                folded: folds
                    .as_mut()
                    .and_then(|folds| folds.of(samples.values, &floats)),
                scalars: &given,
                metric,
                at: windows.at,
                scalars_at: windows.scalars_at,
                source: windows.source,
            };
            if let Some(point) = (windows.run.of)(&window, notes) {
                found = true;
                column.put(step, point);
            }
        }
        Ok(found.then_some(column))
    }

    /// The series of a range vector at one instant, as they are: what `metric[5m]` answers.
    pub(crate) fn matrix(&self, expr: &Expr, at: Steps) -> Result<Vec<crate::Series>, Error> {
        match &expr.bare().kind {
            Kind::Range { selector, range } => {
                let end = self.looks_at(selector.when, at.start().as_nanos());
                let range = i64::try_from(range.as_nanos()).unwrap_or(i64::MAX);
                let oldest = end.saturating_sub(range).saturating_add(1);
                let selection = self.open(&selector.matchers, oldest, end)?;
                let how = (self.options.threads, Reads::Samples);
                let (series, _) = each_series(&*selection, how, |scratch, labels, columns| {
                    self.count_samples(columns.len())?;
                    let samples = Samples::of(columns, &mut scratch.filtered);
                    self.charge(samples.bytes())?;
                    Ok(samples.into_series(labels.clone()))
                })?;
                Ok(series)
            }
            Kind::Subquery(subquery) => self.subquery_series(subquery, at),
            _ => Err(Error::Execution("expected a range vector".to_owned())),
        }
    }
}

impl Samples<'_> {
    /// What they take in memory beside what is read into again and again.
    pub(super) fn bytes(&self) -> u64 {
        let histograms: usize = self.histograms.iter().map(FloatHistogram::size_bytes).sum();
        (self.values.len() * 16 + histograms) as u64
    }

    pub(super) fn into_series(self, labels: Labels) -> Option<crate::Series> {
        let floats: Vec<_> = self
            .times
            .iter()
            .copied()
            .zip(self.values.iter().copied())
            .collect();
        let histograms: Vec<_> = self
            .histogram_times
            .iter()
            .copied()
            .zip(self.histograms)
            .collect();
        let is_empty = floats.is_empty() && histograms.is_empty();
        (!is_empty).then_some(crate::Series {
            labels,
            floats,
            histograms,
        })
    }
}

/// Moves a span of samples forward to those after `start` and up to `end`.
pub(super) fn move_to(span: &mut Range<usize>, times: &[Timestamp], start: i64, end: i64) {
    let after = |from: usize, limit: i64| {
        let rest = times[from..].iter();
        from + rest.take_while(|time| time.as_nanos() <= limit).count()
    };
    span.start = after(span.start, start);
    span.end = after(span.end.max(span.start), end);
}
