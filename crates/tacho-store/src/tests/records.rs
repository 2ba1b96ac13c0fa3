//! Rows of a table: random writes, late and twice, and queries, against a map; [`damage`]: of files and log.
//! [`limits`]: what is refused, and what just fits.
//! [`either`]: tests of two columns.
//!
//! `TACHO_RECORDS_SEEDS=100000` runs more seeds than a normal test does.

mod damage;
mod either;
mod limits;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tacho_model::{AppendError, MatchOp, Matcher, TimeRange, Timestamp};

use super::{at, open_with, options, seeds};
use crate::disk::fake::{Crash, FakeDisk, Random};
use crate::engine::Engine;
use crate::options::{Retention, StoreOptions, Table};
use crate::records::{
    Cell, Column, ColumnKind, Condition, Order, RecordQuery, Records, Scalar, Schema, Test,
};

/// A row as it goes in and comes out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    pub(super) time: i64,
    pub(super) trace: u128,
    pub(super) span: u128,
    pub(super) service: String,
    pub(super) took: i64,
    pub(super) cost: f64,
    pub(super) attributes: Vec<(String, String)>,
}

impl Row {
    /// What identifies it, its time excepted.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.trace, self.span)
    }

    fn key(&self) -> (i64, u128, u128) {
        (self.time, self.trace, self.span)
    }

    fn attribute(&self, name: &str) -> &str {
        let mut named = self.attributes.iter().filter(|(held, _)| held == name);
        named.next().map_or("", |(_, value)| value.as_str())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

const ALL: [usize; 7] = [0, 1, 2, 3, 4, 5, 6];

/// The table of these tests.
pub(super) fn table(age: Duration) -> Table {
    let columns = vec![
        Column::new("start", ColumnKind::Integer),
        Column::new("trace", ColumnKind::Id).key().indexed(),
        Column::new("span", ColumnKind::Id).key(),
        Column::new("service", ColumnKind::Text).indexed(),
        Column::new("took", ColumnKind::Integer),
        Column::new("cost", ColumnKind::Float),
        Column::new("attributes", ColumnKind::Attributes),
    ];
    Table {
        schema: Arc::new(Schema::new("visits", columns).unwrap()),
        retention: Retention {
            age,
            ..Retention::days(1)
        },
    }
}

/// Rows in columns.
pub(super) fn of(rows: &[Row]) -> Records {
    let mut records = Records::new(&table(Duration::MAX).schema);
    for row in rows {
        let attributes: Vec<(&str, Scalar<'_>)> = row
            .attributes
            .iter()
            .map(|(name, value)| match value.parse() {
                Ok(number) => (name.as_str(), Scalar::Integer(number)),
                Err(_) => (name.as_str(), Scalar::Text(value)),
            })
            .collect();
        let cells = [
            Cell::Integer(row.time),
            Cell::Id(row.trace),
            Cell::Id(row.span),
            Cell::Text(&row.service),
            Cell::Integer(row.took),
            Cell::Float(row.cost),
            Cell::Attributes(&attributes),
        ];
        records.push(&cells).unwrap();
    }
    records
}

fn rows_of(records: &Records) -> Vec<Row> {
    let attributes = |row| {
        let all = records.attributes(6, row).into_iter();
        all.map(|(name, value)| (name.to_owned(), value.to_string()))
            .collect()
    };
    let row = |row| Row {
        time: records.integers(0)[row],
        trace: records.ids(1)[row],
        span: records.ids(2)[row],
        service: records.text(3, row).unwrap().to_owned(),
        took: records.integers(4)[row],
        cost: records.floats(5)[row],
        attributes: attributes(row),
    };
    (0..records.len()).map(row).collect()
}

fn query<'a>(range: TimeRange, conditions: &'a [Condition<'a>]) -> RecordQuery<'a> {
    RecordQuery {
        range,
        conditions,
        columns: &ALL,
        order: Order::OldestFirst,
        limit: 1 << 20,
    }
}

fn select(engine: &Engine, query: &RecordQuery<'_>) -> Vec<Row> {
    rows_of(&engine.select_records("visits", query).unwrap())
}

/// All rows, their order and uniqueness checked.
pub(super) fn everything(engine: &Engine) -> Vec<Row> {
    let rows = select(engine, &query(TimeRange::ALL, &[]));
    assert!(
        rows.is_sorted_by(|a, b| a.key() < b.key()),
        "in order, each once"
    );
    rows
}

struct Model {
    disk: FakeDisk,
    engine: Option<Engine>,
    options: StoreOptions,
    held: BTreeMap<(i64, u128, u128), Row>,
    /// Records older than this may be gone, but if they are there they are right.
    kept_from: i64,
    now: i64,
    random: Random,
}

const RETENTION: Duration = Duration::from_hours(2);

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        Self {
            disk: FakeDisk::default(),
            engine: None,
            options: StoreOptions {
                block_duration: Duration::from_secs(100 + random.below(600)),
                merge_duration: Duration::from_hours(1),
                segment_bytes: 1 << (10 + random.below(6)),
                head_bytes_max: 1 << (14 + random.below(6)),
                clock: || at(0),
                tables: vec![table(RETENTION)],
                ..options()
            },
            held: BTreeMap::new(),
            kept_from: i64::MIN,
            now: 1_000_000,
            random,
        }
    }

    fn engine(&mut self) -> &Engine {
        let (disk, options) = (&self.disk, &self.options);
        self.engine
            .get_or_insert_with(|| open_with(disk, options.clone()).unwrap())
    }

    fn row(&mut self) -> Row {
        let late = match self.random.below(10) {
            0..2 => self.random.below(300),
            _ => 0,
        };
        if self.random.chance(10) && !self.held.is_empty() {
            // One that was written before, with something else in it.
            let place = self.random.below(self.held.len() as u64) as usize;
            let mut again = self.held.values().nth(place).unwrap().clone();
            again.took += 1;
            return again;
        }
        let attribute = |number: u64| (format!("a{}", number % 3), format!("{}", number % 7));
        let attributes = (0..self.random.below(4)).map(|_| self.random.below(99));
        let attributes: Vec<u64> = attributes.collect();
        Row {
            time: at(self.now - late as i64).as_nanos() + self.random.below(5) as i64,
            trace: u128::from(self.random.below(40)) << self.random.below(100),
            span: u128::from(self.random.below(1000)),
            service: ["", "api", "db", "web"][self.random.below(4) as usize].to_owned(),
            took: self.random.below(1000) as i64 - 3,
            cost: self.random.below(100) as f64 / 7.0,
            attributes: attributes.into_iter().map(attribute).collect(),
        }
    }

    fn append(&mut self) {
        let count = match self.random.below(60) {
            0 => 1500,
            _ => 1 + self.random.below(30),
        };
        let rows: Vec<Row> = (0..count).map(|_| self.row()).collect();
        match self.engine().append_records("visits", &of(&rows)) {
            Err(AppendError::Overloaded) => self.maintain(),
            outcome => {
                assert_eq!(outcome.unwrap().accepted, rows.len());
                self.held
                    .extend(rows.into_iter().map(|row| (row.key(), row)));
            }
        }
    }

    fn maintain(&mut self) {
        let now = Timestamp::from_secs(self.now);
        self.engine().maintain(now).unwrap();
        self.kept_from = self.kept_from.max((now - RETENTION).as_nanos());
    }

    /// Compares what a query gives with what it should.
    fn compare(
        &mut self,
        range: TimeRange,
        conditions: &[Condition<'_>],
        is: impl Fn(&Row) -> bool,
    ) {
        let (limit, order) = match self.random.below(3) {
            0 => (1 + self.random.below(20) as usize, Order::NewestFirst),
            1 => (1 + self.random.below(20) as usize, Order::OldestFirst),
            _ => (1 << 20, Order::OldestFirst),
        };
        let kept_from = self.kept_from;
        let range = TimeRange::new(range.start.max(Timestamp::from_nanos(kept_from)), range.end);
        let query = RecordQuery {
            order,
            limit,
            ..query(range, conditions)
        };
        let mut expected: Vec<&Row> = self
            .held
            .values()
            .filter(|row| range.contains(Timestamp::from_nanos(row.time)) && is(row))
            .collect();
        if order == Order::NewestFirst {
            expected.reverse();
        }
        expected.truncate(limit);
        let expected: Vec<Row> = expected.into_iter().cloned().collect();
        let engine = self.engine();
        assert_eq!(select(engine, &query), expected, "{query:?}");
        if limit == 1 << 20 {
            let mut scanned = Vec::new();
            let scan = engine.scan_records("visits", &query, |records| {
                scanned.extend(rows_of(records));
                true
            });
            scan.unwrap();
            scanned.sort_by_key(Row::key);
            assert_eq!(scanned, expected);
        }
    }

    fn ask(&mut self) {
        let recent = at(self.now - self.random.below(4000) as i64);
        let range = TimeRange::new(recent, at(self.now - self.random.below(100) as i64));
        let condition = |column, test| Condition { column, test };
        match self.random.below(6) {
            0 => self.compare(TimeRange::ALL, &[], |_| true),
            1 => {
                let place = self.random.below(self.held.len().max(1) as u64) as usize;
                let trace = self.held.values().nth(place).map_or(7, |row| row.trace);
                let conditions = [condition(1, Test::Id(trace))];
                self.compare(TimeRange::ALL, &conditions, |row| row.trace == trace);
                let two = [trace, trace | 1 << 9];
                let conditions = [condition(1, Test::Ids(&two))];
                self.compare(range, &conditions, |row| two.contains(&row.trace));
                self.compare(range, &[condition(1, Test::Ids(&[]))], |_| false);
            }
            2 => {
                let service =
                    Matcher::equal("", ["api", "no such", ""][self.random.below(3) as usize]);
                let took = self.random.below(900) as i64;
                let conditions = [
                    condition(3, Test::Text(&service)),
                    condition(4, Test::Integer(took..=took + 100)),
                ];
                let is = |row: &Row| {
                    row.service == service.value() && (took..=took + 100).contains(&row.took)
                };
                self.compare(range, &conditions, is);
            }
            3 => {
                let matcher = Matcher::new("a1", MatchOp::Regex, "[2-5]?").unwrap();
                let conditions = [condition(6, Test::Attribute(&matcher))];
                self.compare(range, &conditions, |row| {
                    matcher.matches(row.attribute("a1"))
                });
            }
            4 => {
                let conditions = [condition(5, Test::Float(3.0..=9.5))];
                self.compare(range, &conditions, |row| (3.0..=9.5).contains(&row.cost));
            }
            _ => self.compare(range, &[], |_| true),
        }
    }

    fn step(&mut self) {
        self.now += self.random.below(40) as i64;
        match self.random.below(100) {
            0..60 => self.append(),
            60..80 => self.ask(),
            80..86 => self.maintain(),
            86..90 => drop(self.engine().flush().unwrap()),
            90..92 => drop(self.engine().compact().unwrap()),
            92..96 => self.engine = None,
            _ => {
                self.engine = None;
                let crash = match self.random.below(3) {
                    0 => Crash::Killed,
                    1 => Crash::PowerCut,
                    _ => Crash::Torn(self.random.next()),
                };
                self.disk = self.disk.after(crash);
            }
        }
    }
}

#[test]
fn records_are_what_a_map_holds() {
    for seed in 0..seeds("TACHO_RECORDS_SEEDS", 60) {
        let mut model = Model::new(seed);
        for _ in 0..80 {
            model.step();
        }
        model.compare(TimeRange::ALL, &[], |_| true);
        let engine = model.engine.take().unwrap();
        assert_eq!(engine.stats().quarantined, []);
    }
}

fn some_rows(count: i64) -> Vec<Row> {
    let row = |number: i64| Row {
        time: at(number / 4).as_nanos(),
        trace: 1 + number as u128 / 10,
        span: number as u128,
        service: format!("service {}", number % 3),
        took: number * 7 % 13,
        cost: number as f64 / 3.0,
        attributes: vec![("route".to_owned(), format!("/{}", number % 5))],
    };
    (0..count).map(row).collect()
}

/// A closed store with these rows and a sample; in a file, or only in the log.
fn written(rows: &[Row], flushed: bool) -> (FakeDisk, StoreOptions) {
    let disk = FakeDisk::default();
    let options = StoreOptions {
        tables: vec![table(Duration::MAX)],
        ..options()
    };
    let engine = open_with(&disk, options.clone()).unwrap();
    for rows in rows.chunks(50) {
        engine.append_records("visits", &of(rows)).unwrap();
    }
    if flushed {
        engine.flush().unwrap();
    }
    assert_eq!(everything(&engine), rows);
    (disk, options)
}

fn column(name: &str, kind: ColumnKind) -> Column {
    Column::new(name, kind)
}

/// Two tables without keys, where a row that is read twice shows.
fn logs() -> [Table; 2] {
    ["first", "second"].map(|name| {
        let columns = vec![column("t", ColumnKind::Integer)];
        Table {
            schema: Arc::new(Schema::new(name, columns).unwrap()),
            retention: Retention::days(1),
        }
    })
}

#[test]
fn a_row_is_read_once_when_the_files_of_one_generation_are_made_in_part() {
    let seen = |engine: &Engine| {
        ["first", "second"].map(|name| {
            let query = RecordQuery {
                columns: &[0],
                ..query(TimeRange::ALL, &[])
            };
            engine.select_records(name, &query).unwrap().len()
        })
    };
    let mut in_part = 0;
    for operation in 1.. {
        let disk = FakeDisk::default();
        let options = StoreOptions {
            tables: logs().into(),
            ..options()
        };
        let engine = open_with(&disk, options.clone()).unwrap();
        for table in logs() {
            let mut records = Records::new(&table.schema);
            for _ in 0..5 {
                records.push(&[Cell::Integer(7)]).unwrap();
            }
            engine
                .append_records(table.schema.name(), &records)
                .unwrap();
        }
        let failing = disk.operations() + operation;
        disk.fail_at(failing);
        // Some failures are got over.
        let _ = engine.flush();
        let all_done = disk.operations() < failing;
        assert_eq!(seen(&engine), [5, 5], "operation {operation} failed");
        let tables = engine.stats().tables;
        in_part += usize::from(tables[0].files == 1 && tables[1].files == 0);
        let held = tables
            .iter()
            .map(|t| t.records_in_memory + t.records_in_files);
        assert!(held.eq([5, 5]), "{tables:?}");
        engine.flush().unwrap();
        assert_eq!(seen(&engine), [5, 5], "after operation {operation} failed");
        drop(engine);
        assert_eq!(seen(&open_with(&disk, options).unwrap()), [5, 5]);
        if all_done {
            break;
        }
    }
    assert!(in_part > 0, "never between the two");
}

#[test]
fn a_table_that_changed_keeps_what_it_had() {
    let rows = some_rows(60);
    let (disk, options) = written(&rows, true);
    let changed = Schema::new(
        "visits",
        vec![
            column("start", ColumnKind::Integer),
            column("trace", ColumnKind::Id).key().indexed(),
            column("span", ColumnKind::Id).key(),
            column("status", ColumnKind::Text).indexed(),
        ],
    );
    let mut newer = options.clone();
    newer.tables[0].schema = Arc::new(changed.unwrap());
    let engine = open_with(&disk, newer.clone()).unwrap();
    let mut records = Records::new(&newer.tables[0].schema);
    let time = at(99).as_nanos();
    let cells = [
        Cell::Integer(time),
        Cell::Id(1),
        Cell::Id(2),
        Cell::Text("new"),
    ];
    records.push(&cells).unwrap();
    engine.append_records("visits", &records).unwrap();
    let empty = Matcher::equal("", "");
    let conditions = [Condition {
        column: 3,
        test: Test::Text(&empty),
    }];
    for step in 0..3 {
        let old = RecordQuery {
            columns: &[2, 3],
            ..query(TimeRange::ALL, &conditions)
        };
        let found = engine.select_records("visits", &old).unwrap();
        assert_eq!((found.len(), found.text(1, 0)), (60, Some("")), "{step}");
        let found = engine.select_records(
            "visits",
            &RecordQuery {
                conditions: &[],
                ..old
            },
        );
        assert_eq!(found.unwrap().len(), 61);
        engine.flush().unwrap();
        engine.compact().unwrap();
    }
    drop(engine);
    // Merging kept the columns that the newer version does not know.
    let engine = open_with(&disk, options).unwrap();
    let found = everything(&engine);
    assert_eq!((found.len(), &found[..60]), (61, &rows[..]));
}
