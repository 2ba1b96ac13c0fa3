//! What a table refuses, as a whole or by row, and what just fits.

use std::sync::Arc;
use std::time::Duration;

use tacho_model::{AppendError, Refusal, TimeRange};

use super::super::{at, open_with, options};
use super::{Row, column, everything, of, query, table};
use crate::disk::fake::FakeDisk;
use crate::engine::Engine;
use crate::options::{Retention, StoreOptions, Table};
use crate::records::{
    Cell, ColumnKind, Condition, RecordQuery, Records, RecordsError, Scalar, Schema, Test,
};

fn other_schema() -> Schema {
    let columns = vec![
        column("t", ColumnKind::Integer),
        column("text", ColumnKind::Text),
    ];
    Schema::new("visits", columns).unwrap()
}

#[test]
fn what_a_table_cannot_take_is_refused_as_a_whole_or_by_row() {
    let disk = FakeDisk::default();
    let options = StoreOptions {
        tables: vec![table(Duration::from_secs(100))],
        future: Duration::from_secs(10),
        query_samples_max: 30,
        clock: || at(1000),
        ..options()
    };
    let engine = open_with(&disk, options).unwrap();
    let failed = |result: Result<_, AppendError>| match result {
        Err(AppendError::Failed(error)) => error.downcast::<RecordsError>().unwrap(),
        other => panic!("{other:?}"),
    };
    let none = Records::new(&table(Duration::MAX).schema);
    let name = "nothing".to_owned();
    let no_table = failed(engine.append_records("nothing", &none));
    assert_eq!(*no_table, RecordsError::NoTable { name });
    let row = failed(engine.append_records("visits", &Records::new(&other_schema())));
    assert_eq!(*row, RecordsError::Row { cell: 0 });
    let rows: Vec<Row> = [899, 900, 1010, 1011]
        .map(|time| Row {
            time: at(time).as_nanos(),
            ..Row::default()
        })
        .into();
    let outcome = engine.append_records("visits", &of(&rows)).unwrap();
    let reasons = outcome
        .rejected
        .iter()
        .map(|rejected| (rejected.row, rejected.reason));
    assert!(reasons.eq([(0, Refusal::TooOld), (3, Refusal::TooNew)]));
    assert_eq!(everything(&engine), rows[1..3]);
    // Nor is there more in one append than can be held at once.
    let mut many = Records::new(&Schema::new("t", vec![column("t", ColumnKind::Integer)]).unwrap());
    let full = (0..).find_map(|time| many.push(&[Cell::Integer(time)]).err());
    assert_eq!(full, Some(RecordsError::TooMany { limit: 1 << 16 }));
    let text = "x".repeat(1 << 20);
    let mut large = Records::new(&other_schema());
    let too_large = large.push(&[Cell::Integer(0), Cell::Text(&format!("{text}x"))]);
    assert!(matches!(too_large, Err(RecordsError::TooLarge { .. })));
    let wrong = large.push(&[Cell::Integer(0), Cell::Float(0.0)]);
    assert_eq!(wrong, Err(RecordsError::Row { cell: 1 }));
    assert!(large.is_empty());
    // A query says what is wrong with it.
    let conditions = [Condition {
        column: 3,
        test: Test::Id(1),
    }];
    assert!(
        engine
            .select_records("visits", &query(TimeRange::ALL, &conditions))
            .is_err()
    );
    let late: Vec<Row> = (0..31)
        .map(|span| Row {
            time: at(1000).as_nanos(),
            span,
            ..Row::default()
        })
        .collect();
    engine.append_records("visits", &of(&late)).unwrap();
    let all = engine.select_records("visits", &query(TimeRange::ALL, &[]));
    let Err(error) = all else {
        panic!("more rows than a query may touch")
    };
    assert!(error.to_string().contains("records"), "{error}");
}

#[test]
fn as_many_attributes_as_an_append_takes_are_read_back() {
    let disk = FakeDisk::default();
    let columns = vec![
        column("t", ColumnKind::Integer),
        column("a", ColumnKind::Attributes),
    ];
    let schema = Arc::new(Schema::new("wide", columns).unwrap());
    let options = StoreOptions {
        tables: vec![Table {
            schema: schema.clone(),
            retention: Retention::days(1),
        }],
        segment_bytes: 8 << 20,
        ..options()
    };
    let attributes = vec![("", Scalar::Boolean(true)); 65_000];
    let mut records = Records::new(&schema);
    let full = (0..).find_map(|time| {
        let row = [Cell::Integer(time), Cell::Attributes(&attributes)];
        records.push(&row).err()
    });
    assert!(matches!(full, Some(RecordsError::TooLarge { .. })));
    let rows = records.len();
    let count = |engine: &Engine| {
        let mut held = 0;
        let query = RecordQuery {
            columns: &[1],
            ..query(TimeRange::ALL, &[])
        };
        let scan = engine.scan_records("wide", &query, |records| {
            held += (0..records.len())
                .map(|row| records.attributes(0, row).len())
                .sum::<usize>();
            true
        });
        scan.unwrap();
        held
    };
    let engine = open_with(&disk, options.clone()).unwrap();
    engine.append_records("wide", &records).unwrap();
    drop(engine);
    let engine = open_with(&disk, options).unwrap();
    assert_eq!(count(&engine), rows * attributes.len());
    engine.flush().unwrap();
    assert_eq!(count(&engine), rows * attributes.len());
    assert_eq!(engine.stats().quarantined, []);
}
