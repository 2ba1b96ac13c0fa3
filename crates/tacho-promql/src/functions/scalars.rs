//! Between scalars and vectors, and the time.

#![expect(
    clippy::unnecessary_wraps,
    reason = "the table of functions says what they return"
)]

use super::math::{go_max, go_min};
use super::{Error, Evaluator, Expr, Output, Steps};
use crate::eval::column::{Cell, Column};
use crate::eval::select::{Take, seconds};
use crate::syntax::ast::Kind;

pub(super) fn pi(_: &Evaluator<'_>, _: &Expr, _: &[Expr], steps: Steps) -> Result<Output, Error> {
    Ok(Output::Scalar(vec![std::f64::consts::PI; steps.count()]))
}

pub(super) fn time(_: &Evaluator<'_>, _: &Expr, _: &[Expr], steps: Steps) -> Result<Output, Error> {
    Ok(Output::Scalar(times(steps)))
}

/// The time of the query's first step.
pub(super) fn start(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    _: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let at = seconds(evaluator.query_steps().0.start().as_nanos());
    Ok(Output::Scalar(vec![at; steps.count()]))
}

/// The time of the query's last step.
pub(super) fn end(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    _: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let at = seconds(evaluator.query_steps().0.end().as_nanos());
    Ok(Output::Scalar(vec![at; steps.count()]))
}

/// From one of the query's steps to the next.
pub(super) fn step(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    _: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let length = evaluator.query_steps().1.as_secs_f64();
    Ok(Output::Scalar(vec![length; steps.count()]))
}

/// From the query's first step to its last.
pub(super) fn range(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    _: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let whole = evaluator.query_steps().0;
    let length = whole.end().since(whole.start()).as_secs_f64();
    Ok(Output::Scalar(vec![length; steps.count()]))
}

pub(super) fn max_of(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    of_two(evaluator, arguments, steps, go_max)
}

pub(super) fn min_of(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    of_two(evaluator, arguments, steps, go_min)
}

fn of_two(
    evaluator: &Evaluator<'_>,
    arguments: &[Expr],
    steps: Steps,
    of: fn(f64, f64) -> f64,
) -> Result<Output, Error> {
    let a = evaluator.scalar(&arguments[0], steps)?;
    let b = evaluator.scalar(&arguments[1], steps)?;
    Ok(Output::Scalar(
        a.iter().zip(&b).map(|(a, b)| of(*a, *b)).collect(),
    ))
}

/// The time of each step in seconds.
pub(super) fn times(steps: Steps) -> Vec<f64> {
    (0..steps.count())
        .map(|step| seconds(steps.nanos(step)))
        .collect()
}

/// The number of a vector that has one element.
pub(super) fn scalar(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let columns = evaluator.vector(&arguments[0], steps)?;
    let mut values = vec![f64::NAN; steps.count()];
    for (step, value) in values.iter_mut().enumerate() {
        let mut floats = columns.iter().filter_map(|column| match column.cell(step) {
            Cell::Float(value) => Some(value),
            _ => None,
        });
        if let (Some(only), None) = (floats.next(), floats.next()) {
            *value = only;
        }
    }
    Ok(Output::Scalar(values))
}

pub(super) fn vector(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let values = evaluator.scalar(&arguments[0], steps)?;
    Ok(Output::Vector(vec![Column::of(
        tacho_model::Labels::default(),
        values,
    )]))
}

/// When each element was sampled; of what is computed, the time of the step.
pub(super) fn timestamp(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let columns = if let Kind::Selector(selector) = &arguments[0].bare().kind {
        evaluator.select_as(selector, steps, Take::Time)?
    } else {
        let times = times(steps);
        let mut columns = evaluator.vector(&arguments[0], steps)?;
        for column in &mut columns {
            for (step, time) in times.iter().enumerate() {
                if column.has(step) {
                    column.put(step, crate::Point::Float(*time));
                }
            }
        }
        columns
    };
    Ok(Output::Vector(evaluator.unnamed(columns)?))
}
