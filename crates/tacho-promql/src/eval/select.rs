//! Instant selectors: each series' newest sample that is not too old.
//!
//! A sample counts from its time until the look-back has passed, the far end not included
//! (left-open, as from Prometheus 3.0 on); a staleness marker ends it at once.

use tacho_model::append::is_stale;
use tacho_model::{Columns, TimeRange, Timestamp};

use super::column::Column;
use super::read::{Reads, each_series};
use super::{Error, Evaluator};
use crate::answer::Point;
use crate::histogram::FloatHistogram;
use crate::options::Steps;
use crate::syntax::ast::{Edges, Expr, Kind, Selector};

/// What an instant selector gives of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// Its value.
    Value,
    /// Its time, in seconds.
    Time,
    /// That it is there: some number.
    Presence,
}

impl Evaluator<'_> {
    /// The newest value of each selected series at each step.
    pub(super) fn select(&self, selector: &Selector, steps: Steps) -> Result<Vec<Column>, Error> {
        self.select_as(selector, steps, Take::Value)
    }

    /// The elements of a vector for one who counts them: their values may be any.
    pub(crate) fn presence(&self, expr: &Expr, steps: Steps) -> Result<Vec<Column>, Error> {
        match &expr.bare().kind {
            Kind::Selector(selector) if selector.edges == Edges::Samples => {
                self.select_as(selector, steps, Take::Presence)
            }
            _ => self.vector(expr, steps),
        }
    }

    /// What is asked for of the newest sample of each selected series at each step.
    pub(crate) fn select_as(
        &self,
        selector: &Selector,
        steps: Steps,
        take: Take,
    ) -> Result<Vec<Column>, Error> {
        let lookback = i64::try_from(self.options.lookback_delta.as_nanos()).unwrap_or(i64::MAX);
        let when = selector.when;
        let first = self.looks_at(when, steps.start().as_nanos());
        let last = self.looks_at(when, steps.end().as_nanos());
        // Left-open: a sample exactly one look-back old is too old.
        let oldest = first.saturating_sub(lookback).saturating_add(1);
        let (oldest, last) = match selector.edges {
            Edges::Smoothed => (oldest, last.saturating_add(lookback)),
            _ => (oldest, last),
        };
        let selection = self.open(&selector.matchers, oldest.min(first), last)?;
        let reads = match (take, selector.edges) {
            (Take::Time | Take::Presence, Edges::Samples) => Reads::Times,
            _ => Reads::Samples,
        };
        let how = (self.options.threads, reads);
        let (columns, _) = each_series(&*selection, how, |_, labels, samples| {
            self.count_samples(samples.len())?;
            let looks_at = |step| self.looks_at(when, steps.nanos(step));
            let found = match selector.edges {
                Edges::Smoothed => {
                    super::edges::smoothed(samples, steps.count(), lookback, looks_at)
                }
                _ => newest(samples, steps.count(), lookback, looks_at, take),
            };
            let Some(column) = found else {
                return Ok(None);
            };
            let column = Column {
                labels: labels.clone(),
                ..column
            };
            self.charge(column.bytes())?;
            Ok(Some(column))
        })?;
        Ok(columns)
    }

    /// Selects series with samples between two times, both included.
    pub(super) fn open(
        &self,
        matchers: &[tacho_model::Matcher],
        first: i64,
        last: i64,
    ) -> Result<Box<dyn tacho_model::Selection + '_>, Error> {
        let range = TimeRange::new(Timestamp::from_nanos(first), Timestamp::from_nanos(last));
        let selection = self.querier.select(matchers, range)?;
        let series = selection.len() as u64;
        self.series
            .fetch_add(series, std::sync::atomic::Ordering::Relaxed);
        Ok(selection)
    }
}

/// A column, yet without labels, of the newest samples; `None` when there are none.
fn newest(
    samples: &Columns,
    steps: usize,
    lookback: i64,
    looks_at: impl Fn(usize) -> i64,
    take: Take,
) -> Option<Column> {
    let mut column = Column::new(tacho_model::Labels::default(), steps);
    let (mut floats, mut histograms) = (0, 0);
    let mut found = false;
    for step in 0..steps {
        let at = Timestamp::from_nanos(looks_at(step));
        floats += samples.timestamps[floats..]
            .iter()
            .take_while(|time| **time <= at)
            .count();
        let rest = samples.histogram_timestamps[histograms..].iter();
        histograms += rest.take_while(|time| **time <= at).count();
        let float_time = floats.checked_sub(1).map(|index| samples.timestamps[index]);
        let histogram_time = histograms
            .checked_sub(1)
            .map(|index| samples.histogram_timestamps[index]);
        let Some(time) = float_time.max(histogram_time) else {
            continue;
        };
        // `None` is less than any time, so a tie is one between two samples: the number wins.
        let is_float = float_time >= histogram_time;
        let age = at.as_nanos().saturating_sub(time.as_nanos());
        if age >= lookback || (is_float && is_stale(samples.values[floats - 1])) {
            continue;
        }
        found = true;
        let point = match take {
            Take::Time => Point::Float(seconds(time.as_nanos())),
            Take::Presence => Point::Float(1.0),
            Take::Value if is_float => Point::Float(samples.values[floats - 1]),
            Take::Value => {
                let histogram = FloatHistogram::from(&samples.histograms[histograms - 1]);
                Point::Histogram(Box::new(histogram))
            }
        };
        column.put(step, point);
    }
    found.then_some(column)
}

/// Nanoseconds as PromQL's seconds, which are whole milliseconds.
pub(crate) fn seconds(nanos: i64) -> f64 {
    nanos.div_euclid(1_000_000) as f64 / 1e3
}
