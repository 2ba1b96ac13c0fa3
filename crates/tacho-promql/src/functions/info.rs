//! `info`: labels from info series, such as `target_info`, put on the series they describe.
//!
//! Info series belong to series with the same `job` and `instance`; of several with one metric
//! name, the one sampled last counts. Labels that a series has already are not overwritten.
//! Source: Prometheus documentation, "Query functions", `info()` (experimental there).

use std::collections::{BTreeMap, HashMap};

use tacho_model::{Labels, METRIC_NAME, MatchOp, Matcher};

use super::{Error, Evaluator, Expr, Output, Steps};
use crate::eval::column::{Column, is_absent};
use crate::eval::select::Take;
use crate::syntax::ast::{Edges, Kind, Selector, When};

/// The labels by which info series belong to others.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// What the second argument asks for.
struct Asked {
    /// Which info metrics.
    names: Vec<Matcher>,
    /// Which of their labels; all when empty.
    data: Vec<Matcher>,
}

pub(super) fn info(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let asked = Asked::of(arguments.get(1))?;
    let base = evaluator.vector(&arguments[0], steps)?;
    // A matcher of the empty value is also satisfied by series without the label.
    let matchers = asked.names.iter().chain(&asked.data).cloned().collect();
    let (when, edges) = (When::default(), Edges::Samples);
    let selector = Selector {
        matchers,
        when,
        edges,
    };
    let infos = evaluator.select_as(&selector, steps, Take::Time)?;
    let mut by_identity: HashMap<Labels, Vec<&Column>> = HashMap::new();
    for column in &infos {
        by_identity
            .entry(column.labels.only(&IDENTIFYING))
            .or_default()
            .push(column);
    }
    let is_needed = asked.data.iter().any(|matcher| !matcher.matches(""));
    let mut results: Vec<Column> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    for column in base {
        if asked.is_info(&column.labels) {
            results.push(column);
            continue;
        }
        let found = by_identity.get(&column.labels.only(&IDENTIFYING));
        for step in 0..column.steps() {
            let Some(point) = column.cell(step).to_point() else {
                continue;
            };
            let known = found.map(|infos| newest(infos, step)).unwrap_or_default();
            if known.is_empty() && is_needed {
                continue;
            }
            let labels = asked.enriched(&column.labels, &known)?;
            let next = results.len();
            let place = *places.entry(labels.clone()).or_insert(next);
            if place == next {
                let mut result = Column::new(labels, steps.count());
                result.loses_name = column.loses_name;
                evaluator.charge(result.bytes())?;
                results.push(result);
            }
            if results[place].has(step) {
                let message = "vector cannot contain metrics with the same labelset";
                return Err(Error::Execution(message.to_owned()));
            }
            results[place].put(step, point);
        }
    }
    Ok(Output::Vector(results))
}

/// Of each info metric, the labels of the series that was sampled last.
fn newest<'a>(infos: &[&'a Column], step: usize) -> Vec<&'a Labels> {
    let mut newest: BTreeMap<&str, (&Labels, f64)> = BTreeMap::new();
    for column in infos {
        let time = column.floats[step];
        if is_absent(time) {
            continue;
        }
        let kept = newest
            .entry(column.labels.name())
            .or_insert((&column.labels, time));
        if time > kept.1 {
            *kept = (&column.labels, time);
        }
    }
    newest.into_values().map(|(labels, _)| labels).collect()
}

impl Asked {
    fn of(argument: Option<&Expr>) -> Result<Self, Error> {
        let matchers = match argument.map(|argument| &argument.bare().kind) {
            None => Vec::new(),
            Some(Kind::Selector(selector)) if selector.when == When::default() => {
                selector.matchers.clone()
            }
            Some(_) => {
                let message = "the second argument of info() must be label matchers in braces";
                return Err(Error::Execution(message.to_owned()));
            }
        };
        let is_name = |matcher: &Matcher| matcher.name() == METRIC_NAME;
        let (mut names, data): (Vec<Matcher>, Vec<Matcher>) =
            matchers.into_iter().partition(is_name);
        let is_positive = |m: &Matcher| matches!(m.op(), MatchOp::Equal | MatchOp::Regex);
        if names.is_empty() {
            names.push(Matcher::metric("target_info"));
        } else if !names.iter().any(is_positive) {
            let any = Matcher::new(METRIC_NAME, MatchOp::Regex, ".+_info");
            names.push(any.map_err(|error| Error::Execution(error.to_string()))?);
        }
        Ok(Self { names, data })
    }

    /// Whether a series is an info series itself.
    fn is_info(&self, labels: &Labels) -> bool {
        self.names
            .iter()
            .all(|matcher| matcher.matches(labels.name()))
    }

    /// A series' labels with those of its info series.
    fn enriched(&self, labels: &Labels, infos: &[&Labels]) -> Result<Labels, Error> {
        let mut added: BTreeMap<&str, &str> = BTreeMap::new();
        for info in infos {
            for (name, value) in *info {
                let is_own = labels.get(name).is_some() || name == METRIC_NAME;
                let is_asked = self.data.is_empty() || self.data.iter().any(|m| m.name() == name);
                if is_own || !is_asked {
                    continue;
                }
                if added
                    .insert(name, value)
                    .is_some_and(|other| other != value)
                {
                    let message = format!("conflicting label: {name}");
                    return Err(Error::Execution(message));
                }
            }
        }
        Labels::new(labels.iter().chain(added)).map_err(|error| Error::Execution(error.to_string()))
    }
}
