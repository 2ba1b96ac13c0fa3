//! Exemplars of series, as a table of records: single observations and the traces they belong to.
//!
//! An exemplar is what its time, its series and its content are, so that one that is sent twice is
//! kept once. They are found by metric, by series and by trace. Not for judging whether their
//! series is kept: an exemplar may come before its sample.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tacho_model::append::Exemplar;
use tacho_model::label::canonicalize;
use tacho_model::{
    AppendError, Batch, Labels, LabelsRef, METRIC_NAME, Matcher, QueryError, TimeRange, Timestamp,
};
use tacho_store::records::{
    Cell, Column, ColumnKind, Condition, Order, RecordQuery, Records, RecordsError, Scalar, Schema,
    Test,
};
use tacho_store::{Retention, Store, Table};
use xxhash_rust::xxh3::xxh3_128;

/// The table's name.
const TABLE: &str = "exemplars";
/// How much is kept: a week, of at most a gibibyte.
pub const RETENTION: Retention = Retention {
    age: Duration::from_hours(7 * 24),
    bytes: 1 << 30,
    samples: u64::MAX,
};

const TIME: usize = 0;
const METRIC: usize = 3;
const VALUE: usize = 4;
const TRACE: usize = 5;
const SPAN: usize = 6;
const SERIES_LABELS: usize = 7;
const LABELS: usize = 8;

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let columns = vec![
        Column::new("time", ColumnKind::Integer),
        Column::new("series", ColumnKind::Id).key(),
        Column::new("exemplar", ColumnKind::Id).key(),
        Column::new("metric", ColumnKind::Text).indexed(),
        Column::new("value", ColumnKind::Float),
        Column::new("trace_id", ColumnKind::Id).indexed(),
        Column::new("span_id", ColumnKind::Id),
        Column::new("series_labels", ColumnKind::Attributes),
        Column::new("labels", ColumnKind::Attributes),
    ];
    #[expect(
        clippy::expect_used,
        reason = "a constant, built by every test of this module"
    )]
    Arc::new(Schema::new(TABLE, columns).expect("the columns of exemplars make a table"))
});

/// The table, for the store's options.
pub fn table(retention: Retention) -> Table {
    Table {
        schema: SCHEMA.clone(),
        retention,
    }
}

/// Keeps the exemplars of a batch; how many. Those of label sets that are none are left out.
pub fn append(store: &Store, batch: &Batch) -> Result<usize, AppendError> {
    let failed = |error: RecordsError| AppendError::Failed(error.into());
    let mut kept = 0;
    let mut records = Records::new(&SCHEMA);
    let mut canonical = Vec::new();
    for (series, exemplar) in batch.exemplars() {
        canonical.clear();
        let labels = match batch.labels(*series) {
            Some(labels) => labels,
            None if canonicalize(batch.label_bytes(*series), &mut canonical).is_ok() => {
                let Ok(labels) = LabelsRef::from_encoded(&canonical) else {
                    continue;
                };
                labels
            }
            None => continue,
        };
        match push(&mut records, labels, exemplar) {
            Err(RecordsError::TooMany { .. }) => {
                kept += store.append_records(TABLE, &records)?.accepted;
                records = Records::new(&SCHEMA);
                push(&mut records, labels, exemplar).map_err(failed)?;
            }
            pushed => pushed.map_err(failed)?,
        }
    }
    if !records.is_empty() {
        kept += store.append_records(TABLE, &records)?.accepted;
    }
    Ok(kept)
}

fn push(
    records: &mut Records,
    series: LabelsRef<'_>,
    exemplar: &Exemplar,
) -> Result<(), RecordsError> {
    let mut content = exemplar.value.to_bits().to_le_bytes().to_vec();
    content.extend_from_slice(&exemplar.trace_id.to_le_bytes());
    content.extend_from_slice(&exemplar.span_id.to_le_bytes());
    content.extend_from_slice(exemplar.labels.as_ref().as_bytes());
    let others = series.iter().filter(|(name, _)| *name != METRIC_NAME);
    let series_labels: Vec<_> = others.map(|(n, v)| (n, Scalar::Text(v))).collect();
    let labels: Vec<_> = exemplar
        .labels
        .iter()
        .map(|(n, v)| (n, Scalar::Text(v)))
        .collect();
    records.push(&[
        Cell::Integer(exemplar.timestamp.as_nanos()),
        Cell::Id(xxh3_128(series.as_bytes())),
        Cell::Id(xxh3_128(&content)),
        Cell::Text(series.get(METRIC_NAME).unwrap_or("")),
        Cell::Float(exemplar.value),
        Cell::Id(exemplar.trace_id),
        Cell::Id(u128::from(exemplar.span_id)),
        Cell::Attributes(&series_labels),
        Cell::Attributes(&labels),
    ])
}

/// An exemplar that was found, and its series.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The labels of the series, its name among them.
    pub series: Labels,
    /// What was observed.
    pub exemplar: Exemplar,
}

/// The newest exemplars in `range` of series that match, the oldest of them first; at most
/// `limit`.
pub fn select(
    store: &Store,
    matchers: &[Matcher],
    range: TimeRange,
    limit: usize,
) -> Result<Vec<Found>, QueryError> {
    let conditions: Vec<Condition<'_>> = matchers
        .iter()
        .map(|matcher| match matcher.name() {
            METRIC_NAME => Condition {
                column: METRIC,
                test: Test::Text(matcher),
            },
            _ => Condition {
                column: SERIES_LABELS,
                test: Test::Attribute(matcher),
            },
        })
        .collect();
    let query = RecordQuery {
        range,
        conditions: &conditions,
        columns: &[TIME, METRIC, VALUE, TRACE, SPAN, SERIES_LABELS, LABELS],
        order: Order::NewestFirst,
        limit,
    };
    let rows = store.select_records(TABLE, &query)?;
    // The columns that were asked for, in that order.
    let found = |row| -> Option<Found> {
        let text = |place| {
            let all = rows.attributes(place, row).into_iter();
            all.map(|(name, value)| (name.to_owned(), value.to_string()))
                .collect::<Vec<_>>()
        };
        let name = (METRIC_NAME.to_owned(), rows.text(1, row)?.to_owned());
        Some(Found {
            series: Labels::new(text(5).into_iter().chain([name])).ok()?,
            exemplar: Exemplar {
                timestamp: Timestamp::from_nanos(*rows.integers(0).get(row)?),
                value: *rows.floats(2).get(row)?,
                trace_id: *rows.ids(3).get(row)?,
                span_id: *rows.ids(4).get(row)? as u64,
                labels: Labels::new(text(6)).ok()?,
            },
        })
    };
    Ok((0..rows.len()).rev().filter_map(found).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacho_store::StoreOptions;

    #[test]
    fn what_is_sent_twice_is_kept_once_and_found_by_its_series() {
        let dir = tempfile::tempdir().unwrap();
        let table = table(RETENTION);
        let options = StoreOptions {
            tables: vec![table],
            ..StoreOptions::default()
        };
        let store = Store::open(dir.path(), options).unwrap();
        let now = Timestamp::now();
        let mut batch = Batch::new();
        let api = batch.series([("__name__", "t"), ("job", "api")]).unwrap();
        let web = batch.series([("__name__", "t"), ("job", "web")]).unwrap();
        let exemplar = |trace_id, value| Exemplar {
            timestamp: now,
            value,
            trace_id,
            span_id: 9,
            labels: Labels::new([("user", "ü")]).unwrap(),
        };
        batch.push_exemplar(api, exemplar(1, 0.25));
        batch.push_exemplar(api, exemplar(2, 0.25));
        batch.push_exemplar(web, exemplar(3, 0.5));
        // Out of order, as some senders have them: the same series.
        let twisted = [("job", "api"), ("__name__", "t")]
            .map(|pair| Labels::new([pair]).unwrap().as_ref().as_bytes().to_vec());
        let twisted = batch.series_with(|into| into.extend_from_slice(&twisted.concat()));
        batch.push_exemplar(twisted, exemplar(1, 0.25));
        let broken = batch.series_with(|into| into.extend_from_slice(b"\x0a\x7f"));
        batch.push_exemplar(broken, exemplar(1, 0.25));
        for _ in 0..2 {
            assert_eq!(append(&store, &batch).unwrap(), 4);
        }
        let range = TimeRange::last(Duration::from_mins(1), now);
        let select = |job: &str| {
            let matchers = [Matcher::metric("t"), Matcher::equal("job", job)];
            select(&store, &matchers, range, 100).unwrap()
        };
        let found = select("api");
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].series.to_string(), "t{job=\"api\"}");
        let mut traces: Vec<_> = found.iter().map(|found| found.exemplar.trace_id).collect();
        traces.sort_unstable();
        assert_eq!(traces, [1, 2]);
        assert_eq!(select("web")[0].exemplar, exemplar(3, 0.5));
        assert!(select("none").is_empty());
    }
}
