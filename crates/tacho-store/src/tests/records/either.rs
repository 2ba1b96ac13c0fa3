//! Tests of two columns of which one is enough, one of them added later.

use super::*;

/// The table before and after `title` and `origin` were added.
fn tables() -> [Table; 2] {
    let columns = || {
        vec![
            column("t", ColumnKind::Integer),
            column("name", ColumnKind::Text).indexed(),
            column("own", ColumnKind::Attributes),
        ]
    };
    let mut later = columns();
    later.push(column("title", ColumnKind::Text).indexed());
    later.push(column("origin", ColumnKind::Attributes));
    [columns(), later].map(|columns| Table {
        schema: Arc::new(Schema::new("pages", columns).unwrap()),
        retention: Retention::days(1),
    })
}

/// Times of the rows, in seconds, that satisfy a condition.
#[track_caller]
fn check(engine: &Engine, column: usize, test: Test<'_>, expected: &[i64]) {
    let conditions = [Condition { column, test }];
    let query = RecordQuery {
        columns: &[0],
        ..query(TimeRange::ALL, &conditions)
    };
    let found = engine.select_records("pages", &query).unwrap();
    let found: Vec<i64> = found
        .integers(0)
        .iter()
        .map(|t| t / 1_000_000_000)
        .collect();
    let first = at(0).as_nanos() / 1_000_000_000;
    assert_eq!(
        found.iter().map(|t| t - first).collect::<Vec<_>>(),
        expected,
        "{query:?}"
    );
}

fn open(disk: &FakeDisk, table: &Table) -> Engine {
    let options = StoreOptions {
        tables: vec![table.clone()],
        ..options()
    };
    open_with(disk, options).unwrap()
}

fn append(engine: &Engine, schema: &Schema, cells: &[&[Cell<'_>]]) {
    let mut records = Records::new(schema);
    for row in cells {
        records.push(row).unwrap();
    }
    engine.append_records("pages", &records).unwrap();
}

#[test]
fn one_of_two_columns_is_enough_also_where_one_was_added_later() {
    let disk = FakeDisk::default();
    let [before, after] = tables();
    let time = |secs| Cell::Integer(at(secs).as_nanos());
    let nothing = Cell::Attributes(&[]);
    let zone = |zone| [("zone", Scalar::Text(zone))];
    let (a, b) = (zone("a"), zone("b"));
    let engine = open(&disk, &before);
    append(
        &engine,
        &before.schema,
        &[
            &[time(0), Cell::Text("x"), Cell::Attributes(&a)],
            &[time(1), Cell::Text("y"), nothing],
        ],
    );
    engine.flush().unwrap();
    drop(engine);
    let engine = open(&disk, &after);
    append(
        &engine,
        &after.schema,
        &[
            &[
                time(2),
                Cell::Text("x"),
                Cell::Attributes(&b),
                Cell::Text("z"),
                Cell::Attributes(&a),
            ],
            &[
                time(3),
                Cell::Text("y"),
                nothing,
                Cell::Text("x"),
                Cell::Attributes(&b),
            ],
            &[time(4), Cell::Text("x"), nothing, Cell::Text(""), nothing],
        ],
    );
    let (x, z, nothing, in_a) = (
        Matcher::equal("", "x"),
        Matcher::equal("", "z"),
        Matcher::equal("", ""),
        Matcher::equal("zone", "a"),
    );
    let ask = |engine: &Engine| {
        check(engine, 3, Test::TextOr(&x, 1), &[0, 3, 4]);
        check(engine, 3, Test::TextOr(&z, 1), &[2]);
        check(engine, 3, Test::TextOr(&nothing, 1), &[]);
        check(engine, 2, Test::AttributeOr(&in_a, 4), &[0, 2]);
        check(engine, 3, Test::Text(&nothing), &[0, 1, 4]);
    };
    ask(&engine);
    engine.flush().unwrap();
    ask(&engine);
    engine.compact().unwrap();
    ask(&engine);
    let wrong = [Condition {
        column: 3,
        test: Test::TextOr(&x, 2),
    }];
    assert!(
        engine
            .select_records("pages", &query(TimeRange::ALL, &wrong))
            .is_err()
    );
}
