//! Functions that write labels.

use tacho_model::label::{LABEL_BYTES_MAX, LABELS_MAX};
use tacho_model::{Labels, METRIC_NAME, matcher};

use super::{Error, Evaluator, Expr, Output, Steps};
use crate::eval::column::{Column, distinct};
use crate::eval::text_of;

pub(super) fn replace(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let texts = texts_behind_the_vector(arguments)?;
    let [target, replacement, source, pattern] = texts[..] else {
        return Err(Error::Execution(
            "label_replace() takes four texts".to_owned(),
        ));
    };
    let regex = matcher::compile(pattern).map_err(|_| {
        let message = format!("invalid regular expression in label_replace(): {pattern}");
        Error::Execution(message)
    })?;
    check_target(target, "label_replace")?;
    if replacement.len() > LABEL_BYTES_MAX {
        let message =
            format!("replacement in label_replace() is longer than {LABEL_BYTES_MAX} bytes");
        return Err(Error::Execution(message));
    }
    let columns = evaluator.vector(&arguments[0], steps)?;
    written(columns, target, |labels| {
        let captures = regex.captures(labels.get(source).unwrap_or(""))?;
        let mut value = String::new();
        captures.expand(replacement, &mut value);
        Some(value)
    })
}

pub(super) fn join(
    evaluator: &Evaluator<'_>,
    _: &Expr,
    arguments: &[Expr],
    steps: Steps,
) -> Result<Output, Error> {
    let texts = texts_behind_the_vector(arguments)?;
    let [target, separator, sources @ ..] = &texts[..] else {
        return Err(Error::Execution(
            "label_join() takes a label and a separator".to_owned(),
        ));
    };
    check_target(target, "label_join")?;
    if separator.len() > LABEL_BYTES_MAX {
        let message = format!("separator in label_join() is longer than {LABEL_BYTES_MAX} bytes");
        return Err(Error::Execution(message));
    }
    if sources.len() > LABELS_MAX {
        let message = format!(
            "label_join() joins at most {LABELS_MAX} labels, got {}",
            sources.len()
        );
        return Err(Error::Execution(message));
    }
    if sources.iter().any(|source| source.is_empty()) {
        let message = "invalid source label name in label_join(): ";
        return Err(Error::Execution(message.to_owned()));
    }
    let columns = evaluator.vector(&arguments[0], steps)?;
    written(columns, target, |labels| {
        let values: Vec<&str> = sources
            .iter()
            .map(|s| labels.get(s).unwrap_or(""))
            .collect();
        Some(values.join(separator))
    })
}

fn texts_behind_the_vector(arguments: &[Expr]) -> Result<Vec<&str>, Error> {
    arguments.iter().skip(1).map(text_of).collect()
}

fn check_target(target: &str, function: &str) -> Result<(), Error> {
    // Bytes that are no UTF-8 were replaced when the text was read.
    if target.is_empty() || target.contains(char::REPLACEMENT_CHARACTER) {
        let message = format!("invalid destination label name in {function}(): {target}");
        return Err(Error::Execution(message));
    }
    Ok(())
}

/// Writes a label of every series, unless there is nothing to write.
fn written(
    mut columns: Vec<Column>,
    target: &str,
    value: impl Fn(&Labels) -> Option<String>,
) -> Result<Output, Error> {
    for column in &mut columns {
        let Some(value) = value(&column.labels) else {
            continue;
        };
        let labels = column.labels.with(target, &value);
        column.labels = labels.map_err(|error| Error::Execution(error.to_string()))?;
        if target == METRIC_NAME {
            column.loses_name = false;
        }
    }
    Ok(Output::Vector(distinct(columns)?))
}
