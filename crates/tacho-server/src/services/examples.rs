//! Single observations that lead to traces: for each operation the slowest and the newest.

use std::collections::HashMap;

use tacho_model::{Labels, Matcher, QueryError, TimeRange, Timestamp};
use tacho_store::Store;

use super::operation::{Kind, Operation};
use super::source::{self, SPAN_DURATION};
use crate::exemplars;

/// Exemplars of a window that are looked at, the newest; slower ones before them are not found.
const EXEMPLARS_MAX: usize = 10_000;
/// How many of the slowest an operation shows, beside the newest.
const SLOWEST: usize = 2;

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Example {
    /// Its trace.
    pub trace_id: u128,
    /// Seconds.
    pub value: f64,
    /// When.
    pub time: Timestamp,
    /// Whether it failed.
    pub is_error: bool,
}

/// Examples by what they are of.
pub type Examples = HashMap<(Kind, String), Vec<Example>>;

/// The examples of a service's operations in a window.
///
/// # Errors
/// [`QueryError`] of the store.
pub fn of_service(store: &Store, service: &str, range: TimeRange) -> Result<Examples, QueryError> {
    let spans = source::span_matchers(SPAN_DURATION, Some(service));
    let mut all: Examples = HashMap::new();
    for found in newest(store, &spans, range)? {
        let operation = Operation::of_span(&found.0);
        add(&mut all, &operation, found.1, 1.0);
    }
    if all.is_empty() {
        for job in source::jobs(store, service, range)? {
            let matchers = [source::any_library_metric()?, Matcher::equal("job", &job)];
            for (labels, example) in newest(store, &matchers, range)? {
                let Some((kind, side, scale)) = source::library_metric(labels.name()) else {
                    continue;
                };
                let operation = Operation::of_metric(&labels, kind, side);
                add(&mut all, &operation, example, scale);
            }
        }
    }
    for examples in all.values_mut() {
        *examples = chosen(examples);
    }
    Ok(all)
}

fn add(all: &mut Examples, operation: &Operation<'_>, example: Example, scale: f64) {
    let key = (operation.kind, operation.name());
    all.entry(key).or_default().push(Example {
        value: example.value * scale,
        is_error: operation.is_error(),
        ..example
    });
}

/// The newest exemplars of series that match, which lead to a trace, the oldest of them first.
pub(super) fn newest(
    store: &Store,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<Vec<(Labels, Example)>, QueryError> {
    let found = exemplars::select(store, matchers, range, EXEMPLARS_MAX)?;
    let each = found.into_iter().filter_map(|found| {
        let exemplar = found.exemplar;
        let is_told = exemplar.trace_id != 0 && exemplar.timestamp > range.start;
        let example = Example {
            trace_id: exemplar.trace_id,
            value: exemplar.value,
            time: exemplar.timestamp,
            is_error: false,
        };
        (is_told && exemplar.value.is_finite()).then_some((found.series, example))
    });
    Ok(each.collect())
}

/// The slowest and the newest, each trace once, the slowest first.
fn chosen(examples: &[Example]) -> Vec<Example> {
    let mut slowest = examples.to_vec();
    slowest.sort_by(|a, b| {
        b.value
            .total_cmp(&a.value)
            .then_with(|| b.time.cmp(&a.time))
    });
    let newest = examples.iter().max_by_key(|example| example.time);
    let mut chosen: Vec<Example> = Vec::with_capacity(SLOWEST + 1);
    let others = slowest.iter();
    for example in slowest.iter().take(SLOWEST).chain(newest).chain(others) {
        let is_new = chosen.iter().all(|one| one.trace_id != example.trace_id);
        if chosen.len() <= SLOWEST && is_new {
            chosen.push(*example);
        }
    }
    chosen.sort_by(|a, b| b.value.total_cmp(&a.value));
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_two_and_the_newest() {
        let example = |trace_id: u128, value: f64, secs: i64| Example {
            trace_id,
            value,
            time: Timestamp::from_secs(secs),
            is_error: false,
        };
        let traces = |all: &[Example]| -> Vec<u128> {
            let chosen = chosen(all);
            chosen.iter().map(|one| one.trace_id).collect()
        };
        let (a, b, c, d) = (
            example(1, 0.5, 10),
            example(2, 0.9, 20),
            example(3, 0.1, 40),
            example(4, 0.7, 30),
        );
        assert_eq!(traces(&[a, b, c, d]), [2, 4, 3]);
        assert_eq!(traces(&[a, a, b]), [2, 1]);
        assert_eq!(traces(&[]), [] as [u128; 0]);
    }
}
