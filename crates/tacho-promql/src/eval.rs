//! The evaluator: a tree and a querier become an answer.
//!
//! Every part of an expression is evaluated once over all steps, in columns; one instant is one
//! step. Parts that are the same at every step are evaluated at the first and repeated.
//!
//! - [`column`]: a series over the steps
//! - [`read`]: the series of a selection, on several threads; [`fold`]: what a window comes to
//! - [`select`]: instant selectors; [`window`]: range selectors; [`subquery`]: sub-queries
//! - [`aggregate`], [`binary`]: operators; functions are the rows of [`crate::functions`]
//! - [`edges`]: `anchored` and `smoothed`
//! - [`notes`]: warnings and infos; [`finish`]: columns to answer
//!
//! Limits: samples are counted before they are looked at, bytes of columns as they are made, and
//! the watch is asked between series.

pub(crate) mod aggregate;
pub(crate) mod binary;
pub(crate) mod column;
mod edges;
pub(crate) mod finish;
pub(crate) mod fold;
pub(crate) mod notes;
mod read;
pub(crate) mod select;
mod subquery;
pub(crate) mod window;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tacho_model::{Labels, Querier, QueryError};

use crate::answer::{Answer, Stats, ValueType};
use crate::error::Error;
use crate::functions::Run;
use crate::options::{MetricLabels, NameRemoval, Options, Steps, Watch};
use crate::syntax::ast::{Anchor, Expr, Kind, When};
use column::Column;
use notes::Notes;

/// What a part of an expression is over the steps.
#[derive(Debug, Clone)]
pub(crate) enum Output {
    /// A number a step.
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vec<Column>),
}

/// One evaluation of one query.
pub(crate) struct Evaluator<'a> {
    querier: &'a dyn Querier,
    pub(crate) options: &'a Options,
    watch: &'a dyn Watch,
    /// The steps of the query itself; those of a sub-query differ.
    whole: Steps,
    asked: Asked,
    notes: Mutex<Notes>,
    series: AtomicU64,
    samples: AtomicU64,
    bytes: AtomicU64,
    bytes_peak: AtomicU64,
}

/// What is asked of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Instant,
    Range,
}

/// The deepest tree that is evaluated on the caller's own stack.
const DEPTH_ON_STACK: usize = 40;
/// Enough for a tree of the greatest depth; only what is used of it takes memory.
const STACK_BYTES: usize = 512 << 20;

/// Evaluates `expr` over `steps`.
pub(crate) fn evaluate(
    (expr, text): (&Expr, &str),
    querier: &dyn Querier,
    (steps, asked): (Steps, Asked),
    options: &Options,
    watch: &dyn Watch,
    finish: impl FnOnce(&Evaluator<'_>) -> Result<crate::answer::Value, Error> + Send,
) -> Result<Answer, Error> {
    let points_max = options.limits.points_max;
    if steps.count() as u64 - 1 > points_max {
        return Err(crate::options::StepsError::TooMany { max: points_max }.into());
    }
    let evaluator = Evaluator {
        querier,
        options,
        watch,
        whole: steps,
        asked,
        notes: Mutex::default(),
        series: AtomicU64::new(0),
        samples: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        bytes_peak: AtomicU64::new(0),
    };
    let value = if expr.depth <= DEPTH_ON_STACK {
        finish(&evaluator)?
    } else {
        on_deep_stack(|| finish(&evaluator))?
    };
    let notes = evaluator
        .notes
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let (warnings, infos) = notes.texts(text);
    let stats = Stats {
        series: evaluator.series.load(Relaxed),
        samples: evaluator.samples.load(Relaxed),
        peak_bytes: evaluator.bytes_peak.load(Relaxed),
    };
    Ok(Answer {
        value,
        warnings,
        infos,
        stats,
    })
}

fn on_deep_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let failed = |error| Error::Query(QueryError::Failed(Box::new(error)));
        let handle = thread.spawn_scoped(scope, work).map_err(failed)?;
        match handle.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

impl Evaluator<'_> {
    /// What `expr` is at each of `steps`.
    pub(crate) fn eval(&self, expr: &Expr, steps: Steps) -> Result<Output, Error> {
        self.watch.check()?;
        if expr.is_constant && steps.count() > 1 {
            let first = self.eval(expr, Steps::at(steps.start()))?;
            return self.repeated(first, steps.count());
        }
        let before = self.bytes.load(Relaxed);
        let output = match &expr.kind {
            Kind::Number(number) => Output::Scalar(vec![*number; steps.count()]),
            Kind::Text(text) => Output::Text(text.clone()),
            Kind::Selector(selector) => Output::Vector(self.select(selector, steps)?),
            Kind::Call {
                function,
                arguments,
            } => match &function.run {
                Run::Window(run) => self.over_windows(run, arguments, steps)?,
                Run::Each(run) => self.each_element(*run, arguments, steps)?,
                Run::Whole(run) => run(self, expr, arguments, steps)?,
            },
            Kind::Aggregate(aggregate) => {
                Output::Vector(aggregate::aggregate(self, aggregate, steps)?)
            }
            Kind::Binary(binary) => binary::binary(self, binary, &expr.at, steps)?,
            Kind::Negate(inner) => self.negated(inner, steps)?,
            Kind::Paren(inner) => self.eval(inner, steps)?,
            // Functions take their range vectors apart themselves, and nothing else holds one.
            Kind::Range { .. } | Kind::Subquery(_) => {
                let message = "a range vector has no value at a step".to_owned();
                return Err(Error::Execution(message));
            }
        };
        // What this was made of is gone by now.
        self.bytes.store(before, Relaxed);
        self.charge(output.bytes())?;
        Ok(output)
    }

    /// The steps of the query itself; an instant has none, so its step is nothing.
    pub(crate) fn query_steps(&self) -> (Steps, Duration) {
        match self.asked {
            Asked::Instant => (self.whole, Duration::ZERO),
            Asked::Range => (self.whole, self.whole.step()),
        }
    }

    /// The series of an instant vector.
    pub(crate) fn vector(&self, expr: &Expr, steps: Steps) -> Result<Vec<Column>, Error> {
        match self.eval(expr, steps)? {
            Output::Vector(columns) => Ok(columns),
            _ => Err(Error::Execution("expected an instant vector".to_owned())),
        }
    }

    /// The numbers of a scalar.
    pub(crate) fn scalar(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, Error> {
        match self.eval(expr, steps)? {
            Output::Scalar(values) => Ok(values),
            _ => Err(Error::Execution("expected a scalar".to_owned())),
        }
    }

    /// Counts bytes of columns that have been made.
    pub(crate) fn charge(&self, bytes: u64) -> Result<(), Error> {
        let limit = self.options.limits.memory_bytes_max;
        let held = self.bytes.fetch_add(bytes, Relaxed).saturating_add(bytes);
        self.bytes_peak.fetch_max(held, Relaxed);
        if held > limit {
            let what = "bytes of intermediate results";
            return Err(QueryError::TooMuch { what, limit }.into());
        }
        self.watch.check()?;
        Ok(())
    }

    /// Counts bytes for as long as what this returns is held.
    pub(crate) fn hold(&self, bytes: u64) -> Result<Held<'_>, Error> {
        let held = Held {
            bytes: &self.bytes,
            held: bytes,
        };
        self.charge(bytes).map(|()| held)
    }

    /// Counts samples that have been read.
    fn count_samples(&self, samples: usize) -> Result<(), Error> {
        let limit = self.options.limits.samples_max;
        let samples = samples as u64;
        let read = self
            .samples
            .fetch_add(samples, Relaxed)
            .saturating_add(samples);
        if read > limit {
            return Err(QueryError::TooMuch {
                what: "samples",
                limit,
            }
            .into());
        }
        self.watch.check()?;
        Ok(())
    }

    pub(crate) fn note(&self, notes: Notes) {
        let mut all = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        all.merge(notes);
    }

    /// Takes the metric name off series that are no longer that metric.
    pub(crate) fn unnamed(&self, mut columns: Vec<Column>) -> Result<Vec<Column>, Error> {
        if self.options.name_removal == NameRemoval::Delayed {
            for column in &mut columns {
                column.loses_name = true;
            }
            return Ok(columns);
        }
        let metric = self.options.metric_labels;
        let are_distinct = column::share_one_metric(&columns, metric);
        for column in &mut columns {
            column.labels = without_metric(&column.labels, metric);
        }
        if are_distinct {
            Ok(columns)
        } else {
            column::distinct(columns)
        }
    }

    /// As of when a selector at a step looks, in nanoseconds.
    fn looks_at(&self, when: When, step: i64) -> i64 {
        let at = match when.anchor {
            None => step,
            Some(Anchor::At(time)) => time,
            Some(Anchor::Start) => self.whole.start().as_nanos(),
            Some(Anchor::End) => self.whole.end().as_nanos(),
        };
        at.saturating_sub(when.offset.unwrap_or(0))
    }

    fn negated(&self, inner: &Expr, steps: Steps) -> Result<Output, Error> {
        match self.eval(inner, steps)? {
            Output::Scalar(values) => Ok(Output::Scalar(values.into_iter().map(|v| -v).collect())),
            Output::Vector(mut columns) => {
                for column in &mut columns {
                    let histograms = std::mem::take(&mut column.histograms);
                    column.map(|_, value| -value);
                    column.histograms = histograms;
                    column.histograms.iter_mut().flatten().for_each(|h| h.neg());
                }
                Ok(Output::Vector(self.unnamed(columns)?))
            }
            text @ Output::Text(_) => Ok(text),
        }
    }

    /// A function of each number of a vector and of scalars.
    fn each_element(
        &self,
        run: fn(f64, &[f64]) -> f64,
        arguments: &[Expr],
        steps: Steps,
    ) -> Result<Output, Error> {
        let Some((vector, scalars)) = arguments.split_first() else {
            return Err(Error::Execution("expected an instant vector".to_owned()));
        };
        let mut columns = self.vector(vector, steps)?;
        let scalars = self.scalars(scalars, steps)?;
        for column in &mut columns {
            let mut given = vec![0.0; scalars.len()];
            column.map(|step, value| {
                given
                    .iter_mut()
                    .zip(&scalars)
                    .for_each(|(given, all)| *given = all[step]);
                run(value, &given)
            });
        }
        columns.retain(|column| !column.is_empty());
        Ok(Output::Vector(self.unnamed(columns)?))
    }

    pub(crate) fn scalars(&self, of: &[Expr], steps: Steps) -> Result<Vec<Vec<f64>>, Error> {
        of.iter().map(|expr| self.scalar(expr, steps)).collect()
    }

    /// The value of one step at every step.
    fn repeated(&self, output: Output, steps: usize) -> Result<Output, Error> {
        let repeated = match output {
            Output::Scalar(values) => {
                self.charge(steps as u64 * 8)?;
                Output::Scalar(vec![values[0]; steps])
            }
            Output::Text(text) => Output::Text(text),
            Output::Vector(columns) => {
                let a_step = |column: &Column| {
                    let histogram = column.histograms.iter().flatten().next();
                    8 + histogram.map_or(0, |histogram| histogram.size_bytes() as u64 + 8)
                };
                for column in &columns {
                    let cells = a_step(column).saturating_mul(steps as u64);
                    self.charge(column.bytes().saturating_add(cells))?;
                }
                let repeat = |column: Column| Column {
                    floats: vec![column.floats[0]; steps],
                    histograms: match column.histograms.into_iter().next() {
                        Some(histogram) => vec![histogram; steps],
                        None => Vec::new(),
                    },
                    ..column
                };
                Output::Vector(columns.into_iter().map(repeat).collect())
            }
        };
        Ok(repeated)
    }
}

/// Bytes that are counted until this is dropped.
pub(crate) struct Held<'a> {
    bytes: &'a AtomicU64,
    held: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.bytes.fetch_sub(self.held, Relaxed);
    }
}

impl Output {
    fn bytes(&self) -> u64 {
        match self {
            Self::Scalar(values) => values.len() as u64 * 8,
            Self::Text(text) => text.len() as u64,
            Self::Vector(columns) => columns.iter().map(Column::bytes).sum(),
        }
    }
}

/// The text of a string.
pub(crate) fn text_of(expr: &Expr) -> Result<&str, Error> {
    match &expr.bare().kind {
        Kind::Text(text) => Ok(text),
        _ => Err(Error::Execution("expected a string".to_owned())),
    }
}

/// The labels without those that say what is measured.
pub(crate) fn without_metric(labels: &Labels, metric: MetricLabels) -> Labels {
    let names = metric.names();
    if names.iter().all(|name| labels.get(name).is_none()) {
        return labels.clone();
    }
    // A part of a valid set is valid.
    Labels::new(labels.iter().filter(|(name, _)| !names.contains(name))).unwrap_or_default()
}

/// The type that an answer over a range has: scalars become series.
pub(crate) fn has_range(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Scalar | ValueType::Vector)
}

#[cfg(test)]
mod tests;
