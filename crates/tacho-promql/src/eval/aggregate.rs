//! Aggregations: the elements of a vector told into groups, and each group made one element, or a
//! few of its own.
//!
//! - [`fold`]: sum, average, least, greatest, count, deviation: a pass over each column
//! - [`rank`]: `topk`, `bottomk`, `quantile`: all of a group side by side at each step
//! - [`pick`]: `limitk`, `limit_ratio`; and `count_values`
//!
//! Source: Prometheus documentation, "Operators", aggregation operators.

mod best;
mod fold;
mod pick;
mod rank;

use std::collections::HashMap;

use tacho_model::Labels;

use super::column::{Column, distinct};
use super::{Error, Evaluator, Steps};
use crate::options::{NameRemoval, Options};
use crate::syntax::ast::{Aggregate, AggregateOp, Grouping};

/// Elements that belong together.
struct Group {
    labels: Labels,
    loses_name: bool,
    /// Which columns.
    members: Vec<usize>,
}

/// Evaluates an aggregation.
pub(super) fn aggregate(
    evaluator: &Evaluator<'_>,
    aggregate: &Aggregate,
    steps: Steps,
) -> Result<Vec<Column>, Error> {
    let op = aggregate.op;
    let parameter = aggregate.parameter.as_ref();
    let columns = match op {
        AggregateOp::Count | AggregateOp::Group => evaluator.presence(&aggregate.expr, steps)?,
        _ => evaluator.vector(&aggregate.expr, steps)?,
    };
    if op == AggregateOp::CountValues {
        return distinct(pick::count_values(evaluator, aggregate, &columns, steps)?);
    }
    let groups = grouped(&columns, &aggregate.grouping, evaluator.options);
    let number = || match parameter {
        Some(parameter) => evaluator.scalar(parameter, steps),
        None => Ok(Vec::new()),
    };
    let at = &aggregate.expr.at;
    let results = match op {
        AggregateOp::Topk | AggregateOp::Bottomk => {
            return rank::best(evaluator, (op, at), columns, &groups, &number()?);
        }
        AggregateOp::Limitk => return pick::limitk(columns, &groups, &number()?),
        AggregateOp::LimitRatio => {
            let ratio_at = parameter.map_or(at, |parameter| &parameter.at);
            return Ok(pick::limit_ratio(evaluator, ratio_at, columns, &number()?));
        }
        AggregateOp::Quantile => {
            let q_at = parameter.map_or(at, |parameter| &parameter.at);
            rank::quantiles(evaluator, (at, q_at), &columns, &groups, &number()?)
        }
        _ => fold::fold(evaluator, (op, at), &columns, &groups, steps),
    };
    distinct(results)
}

/// Tells columns into groups, in order of their first members.
fn grouped(columns: &[Column], grouping: &Grouping, options: &Options) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    for (index, column) in columns.iter().enumerate() {
        let labels = match grouping {
            Grouping::By(names) => column.labels.only(names),
            Grouping::Without(names) => {
                let of_metric = options.metric_labels.names();
                let is_kept =
                    |name: &str| !of_metric.contains(&name) && !names.iter().any(|n| n == name);
                let kept = column.labels.iter().filter(|(name, _)| is_kept(name));
                // A part of a valid set is valid.
                Labels::new(kept).unwrap_or_default()
            }
        };
        let next = groups.len();
        let place = *places.entry(labels.clone()).or_insert(next);
        if place == next {
            groups.push(Group {
                labels,
                loses_name: false,
                members: Vec::new(),
            });
        }
        // One that lost its name takes it from all.
        groups[place].loses_name |=
            options.name_removal == NameRemoval::Delayed && column.loses_name;
        groups[place].members.push(index);
    }
    groups
}

impl Group {
    /// A column of this group, yet without values.
    fn column(&self, steps: usize) -> Column {
        let mut column = Column::new(self.labels.clone(), steps);
        column.loses_name = self.loses_name;
        column
    }
}
