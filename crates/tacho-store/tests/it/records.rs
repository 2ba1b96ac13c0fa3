//! Tables of records through the public interface, on a real folder.

use std::path::Path;
use std::sync::Arc;

use tacho_model::{Matcher, TimeRange, Timestamp};
use tacho_store::records::{
    Cell, Column, ColumnKind, Condition, Order, RecordQuery, Records, Schema, Test,
};
use tacho_store::{Retention, Store, StoreOptions, Table, check, repair};

use crate::support::{at, options, put, read};

/// A record as it goes in and comes out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Visit {
    pub(crate) time: Timestamp,
    pub(crate) visitor: u128,
    pub(crate) page: String,
    pub(crate) took: i64,
}

/// The table of these tests: a visitor is on one page at a time.
pub(crate) fn table() -> Table {
    let columns = vec![
        Column::new("start", ColumnKind::Integer),
        Column::new("visitor", ColumnKind::Id).key().indexed(),
        Column::new("page", ColumnKind::Text).indexed(),
        Column::new("took", ColumnKind::Integer),
    ];
    Table {
        schema: Arc::new(Schema::new("visits", columns).unwrap()),
        retention: Retention::days(30),
    }
}

pub(crate) fn columns(visits: &[Visit]) -> Records {
    let mut records = Records::new(&table().schema);
    for visit in visits {
        let row = [
            Cell::Integer(visit.time.as_nanos()),
            Cell::Id(visit.visitor),
            Cell::Text(&visit.page),
            Cell::Integer(visit.took),
        ];
        records.push(&row).unwrap();
    }
    records
}

fn found(records: &Records) -> Vec<Visit> {
    let visit = |row| Visit {
        time: Timestamp::from_nanos(records.integers(0)[row]),
        visitor: records.ids(1)[row],
        page: records.text(2, row).unwrap().to_owned(),
        took: records.integers(3)[row],
    };
    (0..records.len()).map(visit).collect()
}

fn select(store: &Store, conditions: &[Condition<'_>]) -> Vec<Visit> {
    let query = RecordQuery {
        range: TimeRange::ALL,
        conditions,
        columns: &[0, 1, 2, 3],
        order: Order::OldestFirst,
        limit: 1 << 20,
    };
    found(&store.select_records("visits", &query).unwrap())
}

/// All of them, from the oldest to the newest.
pub(crate) fn visits(store: &Store) -> Vec<Visit> {
    select(store, &[])
}

fn with_table() -> StoreOptions {
    StoreOptions {
        tables: vec![table()],
        future: std::time::Duration::MAX,
        ..options()
    }
}

fn some(from: i64, count: i64) -> Vec<Visit> {
    let visit = |number| Visit {
        time: at(number),
        visitor: number as u128 % 9,
        page: format!("/{}", number % 4),
        took: number * number % 101,
    };
    (from..from + count).map(visit).collect()
}

/// A folder with two files of records, one more generation in the log, and samples.
fn written(dir: &Path) -> Vec<Visit> {
    let store = Store::open(dir, with_table()).unwrap();
    for round in 0..3 {
        let visits = some(round * 300, 300);
        let outcome = store.append_records("visits", &columns(&visits)).unwrap();
        assert_eq!((outcome.accepted, outcome.rejected), (300, vec![]));
        put(&store, "m", at(round), 1.0);
        if round < 2 {
            store.write_out(at(10_000)).unwrap();
        }
    }
    some(0, 900)
}

#[test]
fn records_survive_reopening_and_copying_and_are_found_by_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let all = written(&data);
    let store = Store::open(&data, with_table()).unwrap();
    assert_eq!(visits(&store), all);
    let table = store.stats().tables.remove(0);
    assert_eq!(table.name, "visits");
    assert_eq!(
        (table.files, table.records_in_files, table.records_in_memory),
        (2, 600, 300)
    );
    assert_eq!((table.oldest, table.newest), (Some(at(0)), Some(at(599))));

    let page = Matcher::equal("", "/3");
    let condition = |column, test| Condition { column, test };
    let conditions = [
        condition(2, Test::Text(&page)),
        condition(3, Test::Integer(20..=80)),
    ];
    let is = |visit: &&Visit| visit.page == "/3" && (20..=80).contains(&visit.took);
    let expected: Vec<Visit> = all.iter().filter(is).cloned().collect();
    assert!(!expected.is_empty() && expected.len() < 200);
    assert_eq!(select(&store, &conditions), expected);

    let copy = dir.path().join("copy");
    let taken = store.snapshot(&copy).unwrap();
    assert_eq!(taken.record_files, 2);
    store.flush().unwrap();
    assert_eq!(visits(&store), all);
    assert_eq!(store.stats().tables[0].files, 1, "one, in its final form");
    let copied = Store::open_read_only(&copy, with_table()).unwrap();
    assert_eq!(visits(&copied), all);
    assert_eq!(read(&copied, "m").len(), 3);
}

#[test]
fn a_flipped_bit_anywhere_in_a_file_of_records_is_found_and_repaired() {
    let probe = tempfile::tempdir().unwrap();
    let all = written(probe.path());
    let file = |dir: &Path| {
        let files = std::fs::read_dir(dir.join("records")).unwrap();
        files.map(|entry| entry.unwrap().path()).min().unwrap()
    };
    let length = std::fs::read(file(probe.path())).unwrap().len();
    let sound = check(probe.path(), |_| ()).unwrap();
    assert_eq!(
        (sound.damaged, sound.record_files, sound.records),
        (vec![], 2, 600)
    );
    for offset in (0..length).step_by(11) {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        written(dir);
        let path = file(dir);
        let mut bytes = std::fs::read(&path).unwrap();
        let place = offset % bytes.len();
        bytes[place] ^= 4;
        std::fs::write(&path, bytes).unwrap();
        let found = check(dir, |_| ()).unwrap();
        assert_eq!(found.damaged.len(), 1, "at {offset}: {found:?}");
        assert!(found.damaged[0].file.starts_with("records/"));
        let repaired = repair(dir, |_| ()).unwrap();
        assert!(!repaired.lost.is_empty());
        assert_eq!(check(dir, |_| ()).unwrap().damaged, [], "at {offset}");
        let store = Store::open(dir, with_table()).unwrap();
        let left = visits(&store);
        assert!(left.len() >= 600 && left.iter().all(|visit| all.contains(visit)));
        // What was lost can be written again.
        store.append_records("visits", &columns(&all)).unwrap();
        store.flush().unwrap();
        assert_eq!(visits(&store), all);
    }
}
