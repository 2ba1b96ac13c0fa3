//! Which metrics expressions read.

use std::collections::BTreeSet;

use tacho_model::{METRIC_NAME, MatchOp};
use tacho_promql::{Features, parse};

/// Variables of dashboards, and what stands for them where there is no reader to choose.
const CHOSEN: [(&str, &str); 5] = [
    ("$__rate_interval", "1m"),
    ("$__range", "1h"),
    ("$instance", ".+"),
    ("$service", ".+"),
    ("$agent", ".+"),
];

/// An expression with what a reader might have chosen.
pub fn chosen(expression: &str) -> String {
    CHOSEN
        .iter()
        .fold(expression.to_owned(), |text, (variable, value)| {
            text.replace(variable, value)
        })
}

/// The names of the metrics that an expression reads.
///
/// # Errors
/// What is wrong with the expression, for people.
pub fn read_by(expression: &str) -> Result<BTreeSet<String>, tacho_promql::Error> {
    let query = parse(&chosen(expression), Features::Stable)?;
    let matchers = query.selectors().into_iter().flatten();
    let names = matchers.filter(|m| m.name() == METRIC_NAME && m.op() == MatchOp::Equal);
    Ok(names.map(|m| m.value().to_owned()).collect())
}
