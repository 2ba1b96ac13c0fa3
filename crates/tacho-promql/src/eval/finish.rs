//! Columns to answer: names taken off, series sorted.

use tacho_model::Timestamp;

use super::column::{Cell, Column, distinct};
use super::{Error, Evaluator, Output, has_range, without_metric};
use crate::answer::{Sample, Series, Value, ValueType};
use crate::options::{MetricLabels, Steps};
use crate::syntax::ast::{Expr, Kind};

/// The value of an expression at one instant.
pub(crate) fn instant(evaluator: &Evaluator<'_>, expr: &Expr, at: Steps) -> Result<Value, Error> {
    if expr.value_type() == ValueType::Matrix {
        let mut series = evaluator.matrix(expr, at)?;
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        return Ok(Value::Matrix(series));
    }
    let time = at.start();
    Ok(match evaluator.eval(expr, at)? {
        Output::Scalar(values) => Value::Scalar {
            time,
            value: values[0],
        },
        Output::Text(value) => Value::String { time, value },
        Output::Vector(columns) => {
            let columns = named(columns, evaluator.options.metric_labels)?;
            let sample = |column: Column| {
                let value = column.cell(0).to_point()?;
                Some(Sample {
                    labels: column.labels,
                    time,
                    value,
                })
            };
            Value::Vector(columns.into_iter().filter_map(sample).collect())
        }
    })
}

/// The values of an expression over a range.
pub(crate) fn range(evaluator: &Evaluator<'_>, expr: &Expr, steps: Steps) -> Result<Value, Error> {
    let found = expr.value_type();
    if !has_range(found) {
        let found = crate::syntax::ast::documented(found);
        return Err(Error::NoRange { found });
    }
    let columns = match evaluator.eval(expr, steps)? {
        Output::Scalar(values) => vec![Column::of(tacho_model::Labels::default(), values)],
        Output::Vector(columns) => columns,
        Output::Text(_) => Vec::new(),
    };
    Ok(Value::Matrix(series(evaluator, columns, steps)?))
}

/// Series with the points of their columns, sorted by their labels.
pub(super) fn series(
    evaluator: &Evaluator<'_>,
    columns: Vec<Column>,
    steps: Steps,
) -> Result<Vec<Series>, Error> {
    let mut all = Vec::new();
    for column in named(columns, evaluator.options.metric_labels)? {
        let mut series = Series {
            labels: column.labels.clone(),
            floats: Vec::new(),
            histograms: Vec::new(),
        };
        for step in 0..column.steps() {
            let time = Timestamp::from_nanos(steps.nanos(step));
            match column.cell(step) {
                Cell::Absent => {}
                Cell::Float(value) => series.floats.push((time, value)),
                Cell::Histogram(histogram) => series.histograms.push((time, histogram.clone())),
            }
        }
        let points = series.floats.len() + series.histograms.len();
        evaluator.charge(points as u64 * 16)?;
        if points > 0 {
            all.push(series);
        }
    }
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(all)
}

/// Columns whose metric names are gone where they had to go.
fn named(mut columns: Vec<Column>, metric: MetricLabels) -> Result<Vec<Column>, Error> {
    for column in &mut columns {
        if std::mem::take(&mut column.loses_name) {
            column.labels = without_metric(&column.labels, metric);
        }
    }
    distinct(columns)
}

/// Whether an expression orders its own answer.
pub(crate) fn is_ordered(expr: &Expr) -> bool {
    match &expr.bare().kind {
        Kind::Call { function, .. } => function.name.starts_with("sort"),
        _ => false,
    }
}
