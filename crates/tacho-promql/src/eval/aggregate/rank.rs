//! Aggregations that compare a group's elements with each other: `topk`, `bottomk`, `quantile`.

use std::cmp::Ordering;
use std::ops::Range;

use super::Group;
use super::best::{Best, Ranked};
use crate::error::Error;
use crate::eval::Evaluator;
use crate::eval::column::{Cell, Column, is_absent};
use crate::eval::notes::{Note, Notes};
use crate::functions::{order, quantile};
use crate::histogram::Float;
use crate::syntax::ast::AggregateOp;

/// The elements of each group that have the greatest or the least values. At one instant they are
/// sorted, the best first.
pub(super) fn best(
    evaluator: &Evaluator<'_>,
    (op, at): (AggregateOp, &Range<usize>),
    columns: Vec<Column>,
    groups: &[Group],
    limits: &[f64],
) -> Result<Vec<Column>, Error> {
    let mut notes = Notes::default();
    let steps = limits.len();
    let limits = counts(limits)?;
    // NaN is worse than any number either way.
    let worse_last = |a: f64, b: f64| match (a.is_nan(), b.is_nan()) {
        (false, false) if op == AggregateOp::Topk => order(b, a),
        (false, false) => order(a, b),
        (a, b) => a.cmp(&b),
    };
    let mut kept: Vec<Vec<bool>> = columns.iter().map(|_| vec![false; steps]).collect();
    let mut sequence = Vec::new();
    let mut ranked: Vec<Ranked> = Vec::new();
    let mut best = Best::new(op);
    for group in groups {
        for (step, limit) in limits.iter().enumerate() {
            best.restart(*limit);
            for index in &group.members {
                match columns[*index].cell(step) {
                    Cell::Float(value) => best.offer((value, *index)),
                    Cell::Histogram(_) => notes.add(Note::HistogramIgnored(op.name()), at),
                    Cell::Absent => {}
                }
            }
            for (_, index) in best.kept() {
                kept[*index][step] = true;
            }
            if steps == 1 {
                let compare = |a: &Ranked, b: &Ranked| -> Ordering {
                    worse_last(a.0, b.0).then(a.1.cmp(&b.1))
                };
                ranked.clear();
                ranked.extend_from_slice(best.kept());
                ranked.sort_unstable_by(compare);
                sequence.extend(ranked.iter().map(|(_, index)| *index));
            }
        }
    }
    evaluator.note(notes);
    if steps != 1 {
        sequence = groups
            .iter()
            .flat_map(|group| &group.members)
            .copied()
            .collect();
    }
    Ok(filtered(columns, &kept, &sequence))
}

/// How many elements to keep at each step.
pub(super) fn counts(limits: &[f64]) -> Result<Vec<usize>, Error> {
    let count = |limit: &f64| {
        if limit.is_nan() || limit.abs() >= i64::MAX as f64 {
            let limit = Float(*limit);
            let message = format!("Scalar value {limit} overflows int64");
            return Err(Error::Execution(message));
        }
        Ok(limit.max(0.0) as usize)
    };
    limits.iter().map(count).collect()
}

/// Columns in the order of `sequence`, with the steps that are kept of them.
pub(super) fn filtered(
    columns: Vec<Column>,
    kept: &[Vec<bool>],
    sequence: &[usize],
) -> Vec<Column> {
    let mut columns: Vec<Option<Column>> = columns.into_iter().map(Some).collect();
    let mut results = Vec::new();
    for index in sequence {
        let Some(mut column) = columns[*index].take() else {
            continue;
        };
        for (step, is_kept) in kept[*index].iter().enumerate() {
            if !is_kept {
                column.clear(step);
            }
        }
        if !column.is_empty() {
            results.push(column);
        }
    }
    results
}

/// The quantile of each group.
pub(super) fn quantiles(
    evaluator: &Evaluator<'_>,
    (at, q_at): (&Range<usize>, &Range<usize>),
    columns: &[Column],
    groups: &[Group],
    fractions: &[f64],
) -> Vec<Column> {
    let mut notes = Notes::default();
    for q in fractions {
        if !(0.0..=1.0).contains(q) {
            notes.add(Note::InvalidQuantile(Float(*q).to_string()), q_at);
        }
    }
    let mut values = Vec::new();
    let mut results = Vec::new();
    for group in groups {
        let mut result = group.column(fractions.len());
        for (step, q) in fractions.iter().enumerate() {
            values.clear();
            for index in &group.members {
                let column = &columns[*index];
                if !is_absent(column.floats[step]) {
                    values.push(column.floats[step]);
                } else if column.has(step) {
                    notes.add(Note::HistogramIgnored("quantile"), at);
                }
            }
            if !values.is_empty() {
                result.floats[step] = quantile(*q, &mut values);
            }
        }
        if !result.is_empty() {
            results.push(result);
        }
    }
    evaluator.note(notes);
    results
}
