//! Bits flip in files of records and in the log: found, set aside, and in nobody's way.

use std::sync::Arc;
use std::time::Duration;

use tacho_model::{Batch, Columns, Labels, TimeRange};

use super::super::{at, only, open_with, options};
use super::{everything, of, query, select, some_rows, table, written};
use crate::disk::fake::FakeDisk;
use crate::options::StoreOptions;
use crate::records::{Condition, Test};

/// Flips a bit of every byte of the only file of an extension; at most so many rows go missing
/// each time, and it is reported.
fn flip_everywhere(extension: &str, flushed: bool, rows_lost: usize) {
    let rows = some_rows(200);
    let (disk, options) = written(&rows, flushed);
    let path = only(&disk, extension);
    let bytes = disk.bytes(&path);
    let mut most = 0;
    for offset in 0..bytes.len() {
        let copy = disk.copy();
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1 << (offset % 8);
        copy.set_bytes(&path, flipped);
        let engine = open_with(&copy, options.clone()).unwrap();
        // An index is only looked at when it helps.
        for file in engine.record_files() {
            file.verify().unwrap();
        }
        let found = everything(&engine);
        assert!(
            found.iter().all(|row| rows.contains(row)),
            "flipped at {offset}"
        );
        most = most.max(rows.len() - found.len());
        let reported = engine.stats().quarantined;
        assert_eq!(reported.len(), 1, "flipped at {offset}: {reported:?}");
        // What is damaged is in nobody's way.
        engine.append_records("visits", &of(&rows)).unwrap();
        assert_eq!(everything(&engine), rows);
        engine.compact().unwrap();
        assert_eq!(everything(&engine), rows, "flipped at {offset}");
    }
    assert!((1..=rows_lost).contains(&most), "{most}");
}

#[test]
fn a_flipped_bit_in_a_file_of_records_is_found_and_set_aside() {
    flip_everywhere("records", true, 200);
}

#[test]
fn a_flipped_bit_in_the_log_costs_the_rows_of_one_append() {
    flip_everywhere("wal", false, 50);
}

#[test]
fn a_log_whose_header_is_damaged_is_not_taken_for_one_that_files_cover() {
    let rows = some_rows(90);
    let disk = FakeDisk::default();
    let options = StoreOptions {
        tables: vec![table(Duration::MAX)],
        ..options()
    };
    let engine = open_with(&disk, options.clone()).unwrap();
    for rows in rows.chunks(30) {
        engine.append_records("visits", &of(rows)).unwrap();
        if rows[0].span < 60 {
            engine.flush().unwrap();
        }
    }
    drop(engine);
    let path = only(&disk, "wal");
    for offset in 0..40 {
        let copy = disk.copy();
        let mut bytes = disk.bytes(&path);
        bytes[offset] ^= 1;
        copy.set_bytes(&path, bytes);
        let engine = open_with(&copy, options.clone()).unwrap();
        assert_eq!(everything(&engine), rows, "flipped at {offset}");
        engine.flush().unwrap();
        assert_eq!(everything(&engine), rows, "flipped at {offset}");
    }
}

#[test]
fn a_log_cut_anywhere_has_samples_and_rows_that_came_together_or_neither() {
    let rows = some_rows(60);
    let disk = FakeDisk::default();
    let options = StoreOptions {
        tables: vec![table(Duration::MAX)],
        ..options()
    };
    let engine = open_with(&disk, options.clone()).unwrap();
    for (number, rows) in rows.chunks(20).enumerate() {
        let mut batch = Batch::new();
        let series = batch.series([("__name__", "visits_total")]).unwrap();
        batch.push(series, at(1_000 + number as i64), number as f64);
        let rows = engine.prepare("visits", &Arc::new(of(rows))).unwrap();
        let (samples, taken) = engine.append_together(&batch, rows).unwrap();
        assert_eq!((samples.accepted, taken.accepted), (1, 20));
    }
    assert_eq!(everything(&engine), rows);
    drop(engine);
    let path = only(&disk, "wal");
    let bytes = disk.bytes(&path);
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for cut in 40..=end {
        let copy = disk.copy();
        copy.set_bytes(&path, bytes[..cut].to_vec());
        let engine = open_with(&copy, options.clone()).unwrap();
        let series = Labels::metric("visits_total").unwrap();
        let mut columns = Columns::new();
        let read = engine.read_series(series.as_ref(), TimeRange::ALL, &mut columns);
        read.unwrap();
        assert_eq!(
            20 * columns.len(),
            everything(&engine).len(),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_damaged_index_makes_finding_slower_only() {
    let rows = some_rows(200);
    let (disk, options) = written(&rows, true);
    let engine = open_with(&disk, options.clone()).unwrap();
    let file = engine.record_files().remove(0);
    let index = file.directory.indexes[1][0].at;
    drop((engine, file));
    let path = only(&disk, "records");
    let mut bytes = disk.bytes(&path);
    bytes[index.offset as usize] ^= 1;
    disk.set_bytes(&path, bytes);
    let engine = open_with(&disk, options).unwrap();
    let test = Test::Id(3);
    let conditions = [Condition { column: 1, test }];
    assert_eq!(
        select(&engine, &query(TimeRange::ALL, &conditions)),
        rows[20..30]
    );
    assert_eq!(engine.stats().quarantined.len(), 1);
}
