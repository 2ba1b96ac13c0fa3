//! Aggregations that take a group's elements one after the other.
//!
//! Numbers and distributions at the same step do not add up: such a step has no value, and a
//! warning says so. Aggregations that know numbers only leave distributions out, and an info says
//! so.

use std::ops::Range;

use super::Group;
use crate::answer::Point;
use crate::eval::column::{Cell, Column, is_absent};
use crate::eval::notes::{Note, Notes};
use crate::eval::{Evaluator, Steps};
use crate::functions::Sum;
use crate::histogram::Running;
use crate::syntax::ast::AggregateOp;

pub(super) fn fold(
    evaluator: &Evaluator<'_>,
    (op, at): (AggregateOp, &Range<usize>),
    columns: &[Column],
    groups: &[Group],
    steps: Steps,
) -> Vec<Column> {
    let mut notes = Notes::default();
    let mut results = Vec::with_capacity(groups.len());
    for group in groups {
        let members: Vec<&Column> = group.members.iter().map(|index| &columns[*index]).collect();
        let mut result = group.column(steps.count());
        result.floats = match op {
            AggregateOp::Sum => sums(&members, steps.count()),
            AggregateOp::Avg => averages(&members, steps.count()),
            AggregateOp::Min => extremes(&members, steps.count(), |value, least| value < least),
            AggregateOp::Max => extremes(&members, steps.count(), |value, most| value > most),
            AggregateOp::Stddev => variances(&members, steps.count())
                .into_iter()
                .map(absent_or_root)
                .collect(),
            AggregateOp::Stdvar => variances(&members, steps.count()),
            _ => counts(&members, steps.count()),
        };
        if op == AggregateOp::Group {
            result.map(|_, _| 1.0);
        }
        if members.iter().any(|column| !column.histograms.is_empty()) {
            match op {
                AggregateOp::Sum | AggregateOp::Avg => {
                    histograms(&mut result, &members, (op, at), &mut notes);
                }
                AggregateOp::Count | AggregateOp::Group => {}
                _ => note_ignored(&members, (op, at), &mut notes),
            }
        }
        if !result.is_empty() {
            results.push(result);
        }
    }
    evaluator.note(notes);
    results
}

fn absent_or_root(value: f64) -> f64 {
    if is_absent(value) {
        value
    } else {
        value.sqrt()
    }
}

/// A value for each step of what `state` is after all of the step's numbers.
fn folded<S: Clone>(
    members: &[&Column],
    steps: usize,
    empty: S,
    add: impl Fn(&mut S, f64),
    value: impl Fn(S) -> f64,
) -> Vec<f64> {
    let mut states = vec![(empty, false); steps];
    for column in members {
        for (state, number) in states.iter_mut().zip(&column.floats) {
            if !is_absent(*number) {
                add(&mut state.0, *number);
                state.1 = true;
            }
        }
    }
    let value = |(state, any)| {
        if any {
            value(state)
        } else {
            crate::eval::column::ABSENT
        }
    };
    states.into_iter().map(value).collect()
}

fn sums(members: &[&Column], steps: usize) -> Vec<f64> {
    folded(members, steps, Sum::default(), Sum::add, Sum::value)
}

fn averages(members: &[&Column], steps: usize) -> Vec<f64> {
    let empty = (Sum::default(), 0.0);
    let add = |state: &mut (Sum, f64), number| {
        state.0.add(number);
        state.1 += 1.0;
    };
    let mut means = folded(members, steps, empty, add, |(sum, count)| {
        sum.value() / count
    });
    for (step, mean) in means.iter_mut().enumerate() {
        if mean.is_infinite() {
            // The sum may have been too large for a number.
            let numbers = members.iter().map(|column| column.floats[step]);
            let numbers = numbers.filter(|number| !is_absent(*number));
            *mean = crate::functions::mean(numbers.clone(), numbers.count() as f64);
        }
    }
    means
}

fn extremes(members: &[&Column], steps: usize, beats: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    let add = |best: &mut Option<f64>, number: f64| match best {
        Some(found) if !(beats(number, *found) || found.is_nan()) => {}
        _ => *best = Some(number),
    };
    folded(members, steps, None, add, |best| best.unwrap_or(f64::NAN))
}

/// Variance of the population (Welford's way).
fn variances(members: &[&Column], steps: usize) -> Vec<f64> {
    let add = |(count, mean, squares): &mut (f64, f64, f64), number: f64| {
        *count += 1.0;
        let delta = number - *mean;
        *mean += delta / *count;
        *squares += delta * (number - *mean);
    };
    folded(
        members,
        steps,
        (0.0, 0.0, 0.0),
        add,
        |(count, _, squares)| squares / count,
    )
}

/// Numbers and distributions alike.
fn counts(members: &[&Column], steps: usize) -> Vec<f64> {
    let mut counts = vec![crate::eval::column::ABSENT; steps];
    for column in members {
        for (step, count) in counts.iter_mut().enumerate() {
            if column.has(step) {
                *count = if is_absent(*count) { 1.0 } else { *count + 1.0 };
            }
        }
    }
    counts
}

/// Adds up the distributions of each step, and takes steps away that have numbers too.
fn histograms(
    result: &mut Column,
    members: &[&Column],
    (op, at): (AggregateOp, &Range<usize>),
    notes: &mut Notes,
) {
    for step in 0..result.steps() {
        let mut sum: Option<Running> = None;
        let mut count = 0.0;
        let mut mixes_schemas = false;
        for column in members {
            let Cell::Histogram(histogram) = column.cell(step) else {
                continue;
            };
            count += 1.0;
            let Some(sum) = &mut sum else {
                sum = Some(Running::new(histogram.clone()));
                continue;
            };
            match sum.add(histogram) {
                Ok(told) => {
                    if told.counter_reset_collision {
                        notes.add(Note::CounterResetCollision("aggregation"), at);
                    }
                    if told.bounds_reconciled {
                        notes.add(Note::MismatchedCustomBounds("aggregation"), at);
                    }
                }
                Err(_) => mixes_schemas = true,
            }
        }
        let Some(sum) = sum else {
            continue;
        };
        if !is_absent(result.floats[step]) {
            notes.add(Note::MixedFloatsHistogramsAggregation, at);
            result.clear(step);
            continue;
        }
        if mixes_schemas {
            let metric = members.first().map_or("", |column| column.labels.name());
            notes.add(Note::MixedExponentialCustom(metric.to_owned()), at);
            continue;
        }
        let mut sum = sum.finish();
        if op == AggregateOp::Avg {
            sum.div(count);
        }
        result.put(step, Point::Histogram(Box::new(sum)));
    }
}

fn note_ignored(members: &[&Column], (op, at): (AggregateOp, &Range<usize>), notes: &mut Notes) {
    if members
        .iter()
        .any(|column| column.histograms.iter().any(Option::is_some))
    {
        notes.add(Note::HistogramIgnored(op.name()), at);
    }
}
