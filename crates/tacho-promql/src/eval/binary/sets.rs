//! Set operators: elements of one vector by whether another has their like.

use std::collections::HashMap;

use tacho_model::Labels;

use super::matching::signature;
use crate::error::Error;
use crate::eval::Steps;
use crate::eval::column::{Column, distinct};
use crate::options::MetricLabels;
use crate::syntax::ast::{Binary, BinaryOp};

/// At which steps there is an element of a signature.
type Present = HashMap<Labels, Vec<bool>>;

pub(super) fn set(
    (binary, metric): (&Binary, MetricLabels),
    mut left: Vec<Column>,
    mut right: Vec<Column>,
    steps: Steps,
) -> Result<Vec<Column>, Error> {
    let matched = &binary.matching.labels;
    let present = |columns: &[Column]| {
        let mut present = Present::new();
        for column in columns {
            let there = present.entry(signature(&column.labels, matched, metric));
            let there = there.or_insert_with(|| vec![false; steps.count()]);
            for (step, there) in there.iter_mut().enumerate() {
                *there |= column.has(step);
            }
        }
        present
    };
    let filter = |columns: &mut Vec<Column>, present: &Present, wanted: bool| {
        for column in &mut *columns {
            let there = present.get(&signature(&column.labels, matched, metric));
            for step in 0..steps.count() {
                if there.is_some_and(|there| there[step]) != wanted {
                    column.clear(step);
                }
            }
        }
        columns.retain(|column| !column.is_empty());
    };
    match binary.op {
        BinaryOp::And => filter(&mut left, &present(&right), true),
        BinaryOp::Unless => filter(&mut left, &present(&right), false),
        _ => {
            filter(&mut right, &present(&left), false);
            left.append(&mut right);
        }
    }
    distinct(left)
}
