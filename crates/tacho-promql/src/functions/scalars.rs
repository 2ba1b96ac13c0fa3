//! Between scalars and vectors, and the time.

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
