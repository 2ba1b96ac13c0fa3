//! What is not there: 1 where a vector is empty.

use tacho_model::{Labels, METRIC_NAME, MatchOp};

use super::{Error, Evaluator, Expr, Output, Steps, sums};
use crate::eval::column::{ABSENT, Column};
use crate::eval::window::Prepare;
use crate::functions::{Name, WindowRun};
use crate::syntax::ast::Kind;

pub(super) fn absent(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let columns = evaluator.presence(&arguments[0], steps)?;
    missing(&arguments[0], &columns, steps)
}

pub(super) fn absent_over_time(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let run = WindowRun {
        of: sums::present_over_time,
        check: None,
        prepare: Prepare::Times,
        // Kept, so that no two series collide.
        name: Name::Kept,
    };
    match evaluator.over_windows(&run, arguments, steps)? {
        Output::Vector(columns) => missing(&arguments[0], &columns, steps),
        other => Ok(other),
    }
}

fn missing(argument: &Expr, columns: &[Column], steps: Steps) -> Result<Output, Error> {
    let is_missing = |step| !columns.iter().any(|column| column.has(step));
    let value = |step| if is_missing(step) { 1.0 } else { ABSENT };
    let values: Vec<f64> = (0..steps.count()).map(value).collect();
    let column = Column::of(labels_of(argument)?, values);
    Ok(Output::Vector(if column.is_empty() {
        Vec::new()
    } else {
        vec![column]
    }))
}

/// The labels that a missing series would have had: those that the selector asks to be equal,
/// each once.
fn labels_of(argument: &Expr) -> Result<Labels, Error> {
    let (Kind::Selector(selector) | Kind::Range { selector, .. }) = &argument.bare().kind else {
        return Ok(Labels::default());
    };
    let all = || {
        selector
            .matchers
            .iter()
            .filter(|matcher| matcher.name() != METRIC_NAME)
    };
    let is_only = |name: &str| all().filter(|matcher| matcher.name() == name).count() == 1;
    let known = all().filter(|m| m.op() == MatchOp::Equal && is_only(m.name()));
    Labels::new(known.map(|matcher| (matcher.name(), matcher.value())))
        .map_err(|error| Error::Execution(error.to_string()))
}
