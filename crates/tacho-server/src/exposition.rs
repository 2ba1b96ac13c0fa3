//! Current values as the text that Prometheus scrapes.
//!
//! A value is current when it is not older than [`FRESH`] (Prometheus' own lookback) and its
//! series has not ended; observations of that time are merged into one summary.

use std::collections::HashSet;
use std::time::Duration;

use tacho_model::{
    Batch, Columns, Histogram, Labels, METRIC_NAME, MatchOp, Matcher, Querier, QueryError,
    TimeRange, Timestamp, Value,
};
use tacho_wire::openmetrics::{Current, Exposition, finish, write_family};

use crate::reading::{SeriesAt, map_in_order};

/// How old a value may be.
pub const FRESH: Duration = Duration::from_mins(5);

/// Writes every current value in the store, and the program's `own`, which stand for those of
/// their names in the store.
pub fn write(
    querier: &dyn Querier,
    own: &Batch,
    how: Exposition,
    now: Timestamp,
) -> Result<String, QueryError> {
    let mut out = String::new();
    let mut written = HashSet::new();
    write_own(own, how, &mut written, &mut out);
    let any = Matcher::new(METRIC_NAME, MatchOp::NotEqual, "")
        .map_err(|error| QueryError::Failed(error.into()))?;
    let selection = querier.select(&[any], TimeRange::last(FRESH, now))?;
    let mut family: Vec<(Labels, Current)> = Vec::new();
    // The selection is sorted by all labels, of which the name need not be the first.
    let mut wanted = SeriesAt::all(selection.as_ref());
    wanted.sort_by_key(|series| series.labels().name());
    let over = TimeRange::last(FRESH, now);
    let newest = |_: usize, columns: &Columns| current(columns);
    map_in_order(&wanted, over, newest, |index, value| {
        let labels = wanted[index].labels();
        if family
            .first()
            .is_some_and(|(first, _)| first.name() != labels.name())
        {
            flush(querier, how, &mut family, &mut written, &mut out);
        }
        family.extend(value.map(|value| (labels.clone(), value)));
        Ok::<(), QueryError>(())
    })?;
    flush(querier, how, &mut family, &mut written, &mut out);
    finish(how.format, &mut out);
    Ok(out)
}

/// Writes the families of a batch, whose rows are numbers.
fn write_own(own: &Batch, how: Exposition, written: &mut HashSet<String>, out: &mut String) {
    for (name, metadata) in own.metadata() {
        let mut family = Vec::new();
        for (series, _, value) in own.rows() {
            if let (Some(labels), Value::Float(value)) = (own.labels(series), value)
                && labels.get(METRIC_NAME) == Some(name)
            {
                family.push((labels.to_owned(), Current::Float(value)));
            }
        }
        written.insert(how.name(name).into_owned());
        write_family(how, name, Some(metadata), &family, out);
    }
}

fn flush(
    querier: &dyn Querier,
    how: Exposition,
    family: &mut Vec<(Labels, Current)>,
    written: &mut HashSet<String>,
    out: &mut String,
) {
    if let Some((first, _)) = family.first() {
        // Two names may be one for a reader of the classic set; it refuses a family twice.
        if written.insert(how.name(first.name()).into_owned()) {
            let metadata = querier.metadata(first.name());
            write_family(how, first.name(), metadata.as_ref(), family, out);
        }
    }
    family.clear();
}

fn current(columns: &Columns) -> Option<Current> {
    if !columns.histograms.is_empty() {
        let mut merged = Histogram::new();
        columns
            .histograms
            .iter()
            .for_each(|histogram| merged.merge(histogram));
        return Some(Current::Histogram(merged));
    }
    // A series whose newest sample is the staleness marker has ended.
    let newest = *columns.values.last()?;
    (!tacho_model::append::is_stale(newest)).then_some(Current::Float(newest))
}
