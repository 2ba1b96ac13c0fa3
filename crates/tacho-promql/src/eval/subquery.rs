//! Sub-queries: an expression evaluated over a time that ends at the step.
//!
//! Their instants are whole multiples of their own step since the epoch, whatever the query's
//! steps are, and lie in a left-open window like samples do. The expression is evaluated once
//! over all instants that any step needs.

use std::time::Duration;

use tacho_model::{QueryError, Timestamp};

use super::column::{Column, is_absent};
use super::notes::Notes;
use super::window::{Samples, Windows};
use super::{Error, Evaluator};
use crate::answer::Series;
use crate::options::{Steps, StepsError};
use crate::syntax::ast::Subquery;

/// Samples of one series of a sub-query.
#[derive(Default)]
struct Found {
    times: Vec<Timestamp>,
    values: Vec<f64>,
    histogram_times: Vec<Timestamp>,
    histograms: Vec<crate::FloatHistogram>,
}

impl Evaluator<'_> {
    /// A function of each series of a sub-query.
    pub(super) fn subquery_windows(
        &self,
        windows: &Windows<'_>,
        subquery: &Subquery,
    ) -> Result<Vec<Column>, Error> {
        let first = self.looks_at(windows.when, windows.steps.start().as_nanos());
        let last = self.looks_at(windows.when, windows.steps.end().as_nanos());
        let Some(inner) = self.instants(subquery, first, last)? else {
            return Ok(Vec::new());
        };
        let mut results = Vec::new();
        let mut notes = Notes::default();
        for column in self.vector(&subquery.expr, inner)? {
            // Times and numbers.
            let held = self.hold(column.bytes().saturating_add(inner.count() as u64 * 8))?;
            let found = Found::of(&column, inner);
            let samples = Samples {
                times: &found.times,
                values: &found.values,
                histogram_times: &found.histogram_times,
                histograms: found.histograms,
            };
            if let Some(mut result) = self.slide(windows, &column.labels, &samples, &mut notes)? {
                result.loses_name = column.loses_name;
                self.charge(result.bytes())?;
                results.push(result);
            }
            drop(held);
        }
        self.note(notes);
        Ok(results)
    }

    /// The series of a sub-query at one instant, as they are.
    pub(super) fn subquery_series(
        &self,
        subquery: &Subquery,
        at: Steps,
    ) -> Result<Vec<Series>, Error> {
        let end = self.looks_at(subquery.when, at.start().as_nanos());
        let Some(inner) = self.instants(subquery, end, end)? else {
            return Ok(Vec::new());
        };
        let columns = self.vector(&subquery.expr, inner)?;
        super::finish::series(self, columns, inner)
    }

    /// The instants that windows ending between two times need; `None` when there are none.
    fn instants(&self, subquery: &Subquery, first: i64, last: i64) -> Result<Option<Steps>, Error> {
        let length = subquery.step.unwrap_or(self.options.subquery_step);
        let step = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX).max(1);
        let range = i64::try_from(subquery.range.as_nanos()).unwrap_or(i64::MAX);
        let after = first.saturating_sub(range);
        // The first multiple after the open end.
        let start = after
            .div_euclid(step)
            .saturating_add(1)
            .saturating_mul(step);
        if start > last {
            return Ok(None);
        }
        let length = Duration::from_nanos(step.unsigned_abs());
        let (start, last) = (Timestamp::from_nanos(start), Timestamp::from_nanos(last));
        // Each instant of each series is a sample.
        let limit = self.options.limits.samples_max;
        let too_many = QueryError::TooMuch {
            what: "samples",
            limit,
        };
        match Steps::new(start, last, length) {
            Ok(steps) if steps.count() as u64 <= limit => Ok(Some(steps)),
            Ok(_) | Err(StepsError::TooMany { .. }) => Err(too_many.into()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Found {
    fn of(column: &Column, steps: Steps) -> Self {
        let there = column.floats.iter().filter(|value| !is_absent(**value));
        let there = there.count();
        let mut found = Self {
            times: Vec::with_capacity(there),
            values: Vec::with_capacity(there),
            ..Self::default()
        };
        for (step, value) in column.floats.iter().enumerate() {
            let time = Timestamp::from_nanos(steps.nanos(step));
            if !is_absent(*value) {
                found.times.push(time);
                found.values.push(*value);
            } else if let Some(Some(histogram)) = column.histograms.get(step) {
                found.histogram_times.push(time);
                found.histograms.push(histogram.as_ref().clone());
            }
        }
        found
    }
}
