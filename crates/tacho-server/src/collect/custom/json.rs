//! JSON of a custom collector: points as they are posted, or an object whose numbers are gauges.
//!
//! The number at `{"queue": {"depth": 3}}` is `queue_depth`; truth values are 1 and 0; texts and
//! nulls are left out. Single observations of one run are one native histogram a series.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tacho_collect::targets::Outcome;
use tacho_model::histogram::Temporality;
use tacho_model::{Batch, Histogram, Kind, Labels, Metadata, Shape, Timestamp, Unit};
use tacho_wire::json::{Points, parse_points};

use super::{SAMPLES_MAX, is_own, own_names};

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// What was read.
#[derive(Debug, PartialEq)]
pub(super) enum Read {
    /// Points.
    Points(Points),
    /// Numbers by name, as Prometheus' text.
    Numbers(String),
}

/// Reads a body; the error is for people.
pub(super) fn read(body: &[u8]) -> Result<Read, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("failed to understand its output: {error}");
    let value: Value = serde_json::from_slice(body).map_err(|error| wrong(&error))?;
    let is_points = match &value {
        Value::Array(_) => true,
        // One point, as it may be posted alone.
        Value::Object(map) => {
            let has = |key: &str, is: fn(&Value) -> bool| map.get(key).is_some_and(is);
            has("name", Value::is_string) && has("value", Value::is_number)
        }
        _ => return Err(wrong(&"it is neither an object nor a list of points")),
    };
    if is_points {
        return parse_points(body)
            .map(Read::Points)
            .map_err(|error| wrong(&error));
    }
    let mut numbers = BTreeMap::new();
    flatten("", &value, &mut numbers)?;
    if numbers.is_empty() {
        return Err(wrong(&"there is no number in it"));
    }
    let lines = numbers
        .iter()
        .map(|(name, value)| format!("{name} {value}\n"));
    Ok(Read::Numbers(lines.collect()))
}

fn flatten(name: &str, value: &Value, into: &mut BTreeMap<String, f64>) -> Result<(), String> {
    let below = |key: &str| match name {
        "" => metric_name(key),
        name => format!("{name}_{}", metric_name(key).trim_start_matches('_')),
    };
    let number = match value {
        Value::Object(map) => {
            return map
                .iter()
                .try_for_each(|(key, value)| flatten(&below(key), value, into));
        }
        Value::Array(list) => {
            let mut list = list.iter().enumerate();
            return list.try_for_each(|(at, value)| flatten(&format!("{name}_{at}"), value, into));
        }
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Number(number) => match number.as_f64() {
            Some(number) => number,
            None => return Ok(()),
        },
        Value::Null | Value::String(_) => return Ok(()),
    };
    if name.len() > NAME_BYTES_MAX {
        return Err(format!(
            "failed to keep its output: a name has more than {NAME_BYTES_MAX} bytes"
        ));
    }
    into.insert(name.to_owned(), number);
    if into.len() > SAMPLES_MAX {
        return Err(format!(
            "failed to keep its output: it has more than {SAMPLES_MAX} numbers"
        ));
    }
    Ok(())
}

/// A key as a part of a metric's name.
fn metric_name(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = key.chars().map(plain).collect();
    match name.as_bytes().first() {
        Some(digit) if digit.is_ascii_digit() => format!("_{name}"),
        Some(_) => name,
        None => "_".to_owned(),
    }
}

/// Pushes points; those that are none are told.
pub(super) fn push(
    points: Points,
    labels: &Labels,
    now: Timestamp,
    batch: &mut Batch,
) -> Result<Outcome, String> {
    if points.len() > SAMPLES_MAX {
        return Err(format!(
            "failed to keep its output: it has more than {SAMPLES_MAX} points"
        ));
    }
    let mut outcome = Outcome::default();
    let mut folded: HashMap<Labels, Histogram> = HashMap::new();
    let (mut wrong, mut own_count) = (0, 0);
    for point in points {
        let point = match point {
            Ok(point) => point,
            Err(reason) => {
                wrong += 1;
                outcome.missing = vec![format!("keep {wrong} of its points: {reason}")];
                continue;
            }
        };
        if is_own(point.labels.name()) {
            own_count += 1;
            continue;
        }
        let own = point.labels.iter();
        let more = labels
            .iter()
            .filter(|(name, _)| point.labels.get(name).is_none());
        let Ok(all) = Labels::new(own.chain(more)) else {
            continue;
        };
        let kind = point.kind.unwrap_or(Kind::Gauge);
        if point.kind.is_some() || point.unit.is_some() || point.help.is_some() {
            let metadata = Metadata {
                kind,
                unit: point.unit.unwrap_or(Unit::NONE),
                help: point.help.unwrap_or_default(),
            };
            batch.describe(all.name(), metadata);
        }
        outcome.samples += 1;
        if kind.shape() == Shape::Histogram {
            let one = folded.entry(all);
            let one = one.or_insert_with(|| Histogram::new().counted(Temporality::Delta));
            one.observe(point.value);
        } else {
            let series = batch.series_encoded(all.as_ref());
            batch.push(series, point.timestamp.unwrap_or(now), point.value);
        }
    }
    for (labels, histogram) in folded {
        let series = batch.series_encoded(labels.as_ref());
        batch.push_histogram(series, now, histogram);
    }
    if own_count > 0 {
        outcome.missing.push(own_names(own_count));
    }
    if outcome.samples == 0 && wrong > 0 {
        return Err(format!("failed to {}", outcome.missing.join("; ")));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(body: &str) -> Result<String, String> {
        match read(body.as_bytes())? {
            Read::Numbers(text) => Ok(text.trim_end().replace('\n', "; ")),
            Read::Points(points) => Ok(format!("{} points", points.len())),
        }
    }

    #[test]
    fn an_object_is_flattened() {
        let check = |body: &str, expected: &str| assert_eq!(numbers(body).unwrap(), expected);
        check(
            r#"{"queue": {"depth": 3, "full": false}, "name": "x"}"#,
            "queue_depth 3; queue_full 0",
        );
        check(
            r#"{"a-b": [1, {"c": 2.5}], "9": 1}"#,
            "_9 1; a_b_0 1; a_b_1_c 2.5",
        );
        check(r#"{"metrics": 1}"#, "metrics 1");
        check(r#"[{"name": "a", "value": 1}]"#, "1 points");
        check(r#"{"name": "a", "value": 1}"#, "1 points");
        check("[]", "0 points");
        for bad in ["", "1", "\"x\"", "{", "{}", r#"{"a": "b"}"#] {
            let error = numbers(bad).unwrap_err();
            assert!(
                error.starts_with("failed to understand its output"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in r#"[{}\[\]":,a0-9 .e-]{0,80}"#) {
            let _ = read(text.as_bytes());
        }
    }
}
