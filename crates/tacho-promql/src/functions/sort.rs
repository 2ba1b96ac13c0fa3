//! The order of an instant vector's elements. Over a range it changes nothing, for series are
//! sorted by their labels there.

use std::cmp::Ordering;

use super::{Error, Evaluator, Expr, Output, Steps};
use crate::eval::column::{Column, is_absent};
use crate::eval::text_of;

pub(super) fn ascending(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    by_value(evaluator, arguments, steps, |a, b| a.partial_cmp(&b))
}

pub(super) fn descending(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    by_value(evaluator, arguments, steps, |a, b| b.partial_cmp(&a))
}

/// Sorts by numbers, NaN last either way; distributions have no order and go.
fn by_value(
    evaluator: &Evaluator<'_>,
    arguments: &[Expr],
    steps: Steps,
    order: impl Fn(f64, f64) -> Option<Ordering>,
) -> Result<Output, Error> {
    let mut columns = evaluator.vector(&arguments[0], steps)?;
    for column in &mut columns {
        column.histograms = Vec::new();
    }
    columns.retain(|column| column.floats.iter().any(|value| !is_absent(*value)));
    if steps.count() == 1 {
        columns.sort_by(|a, b| {
            let (a, b) = (a.floats[0], b.floats[0]);
            order(a, b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        });
    }
    Ok(Output::Vector(columns))
}

pub(super) fn by_label(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    sorted_by_labels(evaluator, arguments, steps, |order| order)
}

pub(super) fn by_label_desc(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    sorted_by_labels(evaluator, arguments, steps, Ordering::reverse)
}

/// By the values of some labels in natural order, then by all labels.
fn sorted_by_labels(
    evaluator: &Evaluator<'_>,
    arguments: &[Expr],
    steps: Steps,
    turned: impl Fn(Ordering) -> Ordering,
) -> Result<Output, Error> {
    let mut columns = evaluator.vector(&arguments[0], steps)?;
    let names = arguments[1..].iter().map(text_of);
    let names: Vec<&str> = names.collect::<Result<_, _>>()?;
    let value = |column: &Column, name: &str| column.labels.get(name).unwrap_or("").to_owned();
    columns.sort_by(|a, b| {
        let orders = names
            .iter()
            .map(|name| natural(&value(a, name), &value(b, name)));
        let order = orders.fold(Ordering::Equal, Ordering::then);
        turned(order.then_with(|| a.labels.cmp(&b.labels)))
    });
    Ok(Output::Vector(columns))
}

/// Runs of digits by their number, all else by its characters.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (x, rest_a) = digits(a);
            let (y, rest_b) = digits(b);
            (a, b) = (rest_a, rest_b);
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
            x.cmp(&y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// The number that a text begins with, without leading zeros, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order_counts() {
        let check = |a, b, expected| assert_eq!(natural(a, b), expected, "{a} {b}");
        check("a2", "a10", Ordering::Less);
        check("a02", "a2", Ordering::Equal);
        check("a", "b", Ordering::Less);
        check("4xx", "5xx", Ordering::Less);
        check("a1b2", "a1b10", Ordering::Less);
        check("", "a", Ordering::Less);
    }
}
