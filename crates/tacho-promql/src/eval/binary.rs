//! Binary operators between scalars and vectors in every combination.
//!
//! - [`arithmetic`]: two cells to one
//! - [`matching`]: which elements of two vectors belong together
//! - [`sets`]: `and`, `or`, `unless`
//!
//! Source: Prometheus documentation, "Operators".

mod arithmetic;
mod matching;
mod sets;

use std::ops::Range;

use super::column::{ABSENT, Cell, Column, is_absent};
use super::notes::Notes;
use super::{Error, Evaluator, Output, Steps};
use crate::syntax::ast::{Binary, BinaryOp, Comparison};
use arithmetic::{Cells, compared, computed};

/// On which side of the operator a scalar stands.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// Evaluates a binary operator that stands at `at`.
pub(super) fn binary(
    evaluator: &Evaluator<'_>,
    binary: &Binary,
    at: &Range<usize>,
    steps: Steps,
) -> Result<Output, Error> {
    let left = evaluator.eval(&binary.left, steps)?;
    let right = evaluator.eval(&binary.right, steps)?;
    let columns = match (left, right) {
        (Output::Scalar(left), Output::Scalar(right)) => {
            let pairs = left.iter().zip(&right);
            return Ok(Output::Scalar(
                pairs.map(|(a, b)| of_scalars(binary.op, *a, *b)).collect(),
            ));
        }
        (Output::Vector(columns), Output::Scalar(scalar)) => {
            with_scalar(evaluator, binary, at, columns, (&scalar, Side::Right))?
        }
        (Output::Scalar(scalar), Output::Vector(columns)) => {
            with_scalar(evaluator, binary, at, columns, (&scalar, Side::Left))?
        }
        (Output::Vector(left), Output::Vector(right)) if binary.op.is_set() => sets::set(
            (binary, evaluator.options.metric_labels),
            left,
            right,
            steps,
        )?,
        (Output::Vector(left), Output::Vector(right)) => {
            matching::matched(evaluator, binary, at, (left, right), steps)?
        }
        _ => {
            return Err(Error::Execution(
                "operators need numbers or vectors".to_owned(),
            ));
        }
    };
    Ok(Output::Vector(columns))
}

fn of_scalars(op: BinaryOp, a: f64, b: f64) -> f64 {
    if op.is_comparison() {
        f64::from(u8::from(compared(op, a, b)))
    } else {
        computed(op, a, b)
    }
}

/// Whether the result is still what the left side measures.
fn keeps_name(binary: &Binary) -> bool {
    let trims = matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
    trims || (binary.op.is_comparison() && binary.comparison == Comparison::Filter)
}

fn with_scalar(
    evaluator: &Evaluator<'_>,
    binary: &Binary,
    at: &Range<usize>,
    mut columns: Vec<Column>,
    (scalar, side): (&[f64], Side),
) -> Result<Vec<Column>, Error> {
    let op = binary.op;
    let mut notes = Notes::default();
    for column in &mut columns {
        let is_trim = matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        if column.histograms.is_empty() && !is_trim {
            of_floats(binary, &mut column.floats, scalar, side);
            continue;
        }
        for (step, number) in scalar.iter().enumerate() {
            let cell = column.cell(step);
            let number = Cell::Float(*number);
            let sides = match side {
                Side::Left => [number, cell],
                Side::Right => [cell, number],
            };
            if matches!(cell, Cell::Absent) {
                continue;
            }
            let cells = Cells {
                op,
                comparison: binary.comparison,
                at,
                kept: cell,
            };
            match cells.combined(sides, &mut notes) {
                Some(point) => column.put(step, point),
                None => column.clear(step),
            }
        }
    }
    columns.retain(|column| !column.is_empty());
    evaluator.note(notes);
    if keeps_name(binary) {
        Ok(columns)
    } else {
        evaluator.unnamed(columns)
    }
}

/// The operator on every number of a column.
fn of_floats(binary: &Binary, floats: &mut [f64], scalar: &[f64], side: Side) {
    let (op, comparison) = (binary.op, binary.comparison);
    for (value, number) in floats.iter_mut().zip(scalar) {
        if is_absent(*value) {
            continue;
        }
        let (a, b) = match side {
            Side::Left => (*number, *value),
            Side::Right => (*value, *number),
        };
        *value = match (op.is_comparison(), comparison) {
            (false, _) => computed(op, a, b),
            (true, Comparison::Number) => f64::from(u8::from(compared(op, a, b))),
            (true, Comparison::Filter) if compared(op, a, b) => *value,
            (true, Comparison::Filter) => ABSENT,
        };
    }
}
