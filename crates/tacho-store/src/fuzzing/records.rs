//! Decoders of records: rows in the log, columns, directories and index pages of files.

use super::ROWS_MAX;
use crate::codec::Effort;
use crate::records::directory::Directory;
use crate::records::index::{Fingerprint, IndexPage};
use crate::records::{Cell, Column, ColumnKind, Records, Scalar, Schema, encode, gather, logged};

/// Rows of a log record, a column of a file, its directory, or a page of its index.
pub fn records(bytes: &[u8]) {
    let Some((sort, page)) = bytes.split_first() else {
        return;
    };
    match sort % 8 {
        0 => {
            if let Ok((schema, rows)) = logged::decode(page) {
                use_rows(&schema, &rows);
            }
        }
        1 => {
            let _ = Directory::decode(page, 1 << 20).map(|directory| directory.rows());
        }
        2 => {
            if let Ok(page) = IndexPage::decode(page) {
                page.groups(Fingerprint(7)).for_each(drop);
            }
        }
        kind => {
            let kinds = [
                ColumnKind::Integer,
                ColumnKind::Float,
                ColumnKind::Id,
                ColumnKind::Text,
                ColumnKind::Attributes,
            ];
            let Some((head, column)) = page.split_at_checked(2) else {
                return;
            };
            let rows = usize::from(u16::from_le_bytes([head[0], head[1]])) % ROWS_MAX;
            let kind = kinds[usize::from(kind) - 3];
            if let Ok(column) = encode::decode(kind, column, rows) {
                drop(column.gather((0..rows).rev()));
            }
        }
    }
}

/// What was decoded can be sorted, read and written again.
fn use_rows(schema: &Schema, rows: &Records) {
    let sorted = gather::sorted(&[rows], &schema.keys());
    let sorted = sorted.as_ref().unwrap_or(rows);
    for row in 0..sorted.len().min(ROWS_MAX) {
        for place in 0..schema.columns().len() {
            let _ = (sorted.text(place, row), sorted.attributes(place, row));
        }
    }
    let again = logged::encode(schema, sorted);
    assert!(logged::decode(&again).is_ok(), "what is encoded decodes");
}

/// What a fuzzer of records may begin with.
pub fn records_seeds() -> Vec<Vec<u8>> {
    let columns = vec![
        Column::new("start", ColumnKind::Integer),
        Column::new("trace", ColumnKind::Id).key().indexed(),
        Column::new("cost", ColumnKind::Float),
        Column::new("name", ColumnKind::Text).indexed(),
        Column::new("attributes", ColumnKind::Attributes),
    ];
    let Ok(schema) = Schema::new("spans", columns) else {
        return Vec::new();
    };
    let mut records = Records::new(&schema);
    for number in 0..70u8 {
        let name = format!("GET /{}", number % 9);
        let attributes = [
            ("route", Scalar::Text(&name)),
            ("size", Scalar::Integer(i64::from(number) * 100)),
            ("share", Scalar::Float(f64::from(number) / 7.0)),
            ("hit", Scalar::Boolean(number % 2 == 0)),
        ];
        let row = [
            Cell::Integer(1_000_000_007 * i64::from(number)),
            Cell::Id(u128::from(number / 5) << 77),
            Cell::Float(f64::from(number) * 0.1),
            Cell::Text(&name),
            Cell::Attributes(&attributes[..usize::from(number % 5)]),
        ];
        if records.push(&row).is_err() {
            return Vec::new();
        }
    }
    let mut seeds = vec![[&[0], logged::encode(&schema, &records).as_slice()].concat()];
    for (column, sort) in records.columns.iter().zip([3, 5, 4, 6, 7]) {
        let mut page = vec![sort, 70, 0];
        encode::encode(column, Effort::Quick, &mut page);
        seeds.push(page);
    }
    seeds
}
