//! Aggregations that pick elements whatever their values are, and the one that counts values.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use tacho_model::Labels;

use super::rank::{counts, filtered};
use super::{Group, grouped};
use crate::error::Error;
use crate::eval::column::{Cell, Column};
use crate::eval::notes::{Note, Notes};
use crate::eval::{Evaluator, Steps, text_of};
use crate::histogram::Float;
use crate::options::Options;
use crate::syntax::ast::{Aggregate, Grouping};

/// The first elements of each group.
pub(super) fn limitk(
    columns: Vec<Column>,
    groups: &[Group],
    limits: &[f64],
) -> Result<Vec<Column>, Error> {
    let limits = counts(limits)?;
    let mut kept: Vec<Vec<bool>> = columns.iter().map(|_| vec![false; limits.len()]).collect();
    for group in groups {
        for (step, limit) in limits.iter().enumerate() {
            let present = group
                .members
                .iter()
                .filter(|index| columns[**index].has(step));
            present
                .take(*limit)
                .for_each(|index| kept[*index][step] = true);
        }
    }
    let sequence: Vec<usize> = groups
        .iter()
        .flat_map(|group| &group.members)
        .copied()
        .collect();
    Ok(filtered(columns, &kept, &sequence))
}

/// About this part of all elements, the same ones each time; a negative ratio picks those that
/// its complement leaves.
pub(super) fn limit_ratio(
    evaluator: &Evaluator<'_>,
    at: &Range<usize>,
    columns: Vec<Column>,
    ratios: &[f64],
) -> Vec<Column> {
    let mut notes = Notes::default();
    let ratios: Vec<f64> = ratios
        .iter()
        .map(|ratio| {
            let used = ratio.clamp(-1.0, 1.0);
            if used != *ratio {
                let [given, used] = [*ratio, used].map(|ratio| Float(ratio).to_string());
                notes.add(Note::InvalidRatio { given, used }, at);
            }
            used
        })
        .collect();
    evaluator.note(notes);
    let is_picked = |labels: &Labels, ratio: f64| {
        let mut hasher = DefaultHasher::new();
        labels.as_ref().as_bytes().hash(&mut hasher);
        let place = hasher.finish() as f64 / u64::MAX as f64;
        if ratio >= 0.0 {
            place < ratio
        } else {
            place >= 1.0 + ratio
        }
    };
    let kept: Vec<Vec<bool>> = columns
        .iter()
        .map(|column| {
            ratios
                .iter()
                .map(|ratio| is_picked(&column.labels, *ratio))
                .collect()
        })
        .collect();
    let sequence: Vec<usize> = (0..columns.len()).collect();
    filtered(columns, &kept, &sequence)
}

/// How often each value occurs in each group; the value becomes a label.
///
/// It is one before there are groups: what the label was is in no group's name, and `without` may
/// take it away again.
pub(super) fn count_values(
    evaluator: &Evaluator<'_>,
    aggregate: &Aggregate,
    columns: &[Column],
    steps: Steps,
) -> Result<Vec<Column>, Error> {
    let label = aggregate.parameter.as_ref().map_or(Ok(""), text_of)?;
    if label.is_empty() {
        let message = format!("invalid label name {label:?}");
        return Err(Error::Execution(message));
    }
    let (grouping, is_shown) = grouping_beside(label, &aggregate.grouping, evaluator.options);
    let mut results = Vec::new();
    for group in grouped(columns, &grouping, evaluator.options) {
        let mut places: HashMap<Option<String>, usize> = HashMap::new();
        for step in 0..steps.count() {
            for index in &group.members {
                let value = match columns[*index].cell(step) {
                    Cell::Absent => continue,
                    _ if !is_shown => None,
                    Cell::Float(value) => Some(plain(value)),
                    Cell::Histogram(histogram) => Some(histogram.to_string()),
                };
                let next = results.len();
                let place = *places.entry(value.clone()).or_insert(next);
                if place == next {
                    let mut column = group.column(steps.count());
                    if let Some(value) = value {
                        let labels = group.labels.with(label, &value);
                        column.labels =
                            labels.map_err(|error| Error::Execution(error.to_string()))?;
                    }
                    // As many series may come of this as there are different values.
                    evaluator.charge(column.bytes())?;
                    results.push(column);
                }
                let column: &mut Column = &mut results[place];
                let count = if column.has(step) {
                    column.floats[step]
                } else {
                    0.0
                };
                column.floats[step] = count + 1.0;
            }
        }
    }
    Ok(results)
}

/// The grouping by all labels but this one, and whether this one is left then.
fn grouping_beside(label: &str, grouping: &Grouping, options: &Options) -> (Grouping, bool) {
    match grouping {
        Grouping::By(names) => {
            let others = names.iter().filter(|name| *name != label);
            (Grouping::By(others.cloned().collect()), true)
        }
        Grouping::Without(names) => {
            let is_of_metric = options.metric_labels.names().contains(&label);
            let is_shown = !is_of_metric && !names.iter().any(|name| name == label);
            let all = names.iter().cloned().chain([label.to_owned()]);
            (Grouping::Without(all.collect()), is_shown)
        }
    }
}

/// A number without an exponent.
fn plain(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}
