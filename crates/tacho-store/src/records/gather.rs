//! Rows of several sets, sorted into one.
//!
//! The columns of the result are filled one after the other, so that a row is copied once however
//! many sets there are.

use super::columns::{ColumnData, KnownColumn, Records};
use super::schema::{Keys, RowKey};

/// A row: the set that it is in, and its place there.
type Row = (u32, u32);

/// The rows of all sets, which have the same columns, by time and key; of rows that are the same
/// record the last one. `None` when that is what the only set is.
pub(crate) fn sorted(sets: &[&Records], keys: &Keys) -> Option<Records> {
    let mut rows: Vec<(RowKey, Row)> = Vec::with_capacity(sets.iter().map(|set| set.len()).sum());
    for (number, set) in sets.iter().enumerate() {
        let of_set = (0..set.len()).map(|row| (keys.of(set, row), (number as u32, row as u32)));
        rows.extend(of_set);
    }
    let is_same = |a: &(RowKey, Row), b: &(RowKey, Row)| keys.any() && a.0 == b.0;
    if sets.len() == 1 && rows.is_sorted_by(|a, b| a < b && !is_same(a, b)) {
        return None;
    }
    rows.sort_unstable();
    let count = rows.len();
    let is_last = |place: usize| place + 1 == count || !is_same(&rows[place], &rows[place + 1]);
    let kept = (0..count).filter(|place| is_last(*place));
    let kept: Vec<Row> = kept.map(|place| rows[place].1).collect();
    let columns = sets.first().map_or(0, |set| set.columns.len());
    let columns = (0..columns).map(|column| {
        let sets: Vec<&ColumnData> = sets.iter().map(|set| &set.columns[column]).collect();
        gathered(&sets, &kept)
    });
    Some(Records::of(columns.collect(), kept.len()))
}

/// Some rows of a column of several sets, in that order.
fn gathered(sets: &[&ColumnData], rows: &[Row]) -> ColumnData {
    let mut gathered = ColumnData::new(sets[0].kind());
    let mut known: Vec<KnownColumn> = Vec::new();
    known.resize_with(sets.len(), KnownColumn::default);
    let rows = rows.iter().map(|(set, row)| (*set as usize, *row as usize));
    match &mut gathered {
        ColumnData::Integers(held) => {
            let sets: Vec<&[i64]> = sets.iter().map(|set| set.integers()).collect();
            held.extend(rows.map(|(set, row)| sets[set][row]));
        }
        ColumnData::Floats(held) => {
            let sets: Vec<&[f64]> = sets.iter().map(|set| set.floats()).collect();
            held.extend(rows.map(|(set, row)| sets[set][row]));
        }
        ColumnData::Ids(held) => {
            let sets: Vec<&[u128]> = sets.iter().map(|set| set.ids()).collect();
            held.extend(rows.map(|(set, row)| sets[set][row]));
        }
        ColumnData::Texts(held) => {
            for (set, row) in rows {
                if let ColumnData::Texts(from) = sets[set] {
                    held.push_from(from, row, &mut known[set].names);
                }
            }
        }
        ColumnData::Attributes(held) => {
            for (set, row) in rows {
                if let ColumnData::Attributes(from) = sets[set] {
                    held.push_from(from, row, &mut known[set]);
                }
            }
        }
    }
    gathered
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::records::{Cell, Column, ColumnKind, Scalar, Schema};

    fn schema(id: Column) -> Schema {
        let columns = [
            Column::new("time", ColumnKind::Integer),
            id,
            Column::new("share", ColumnKind::Float),
            Column::new("name", ColumnKind::Text),
            Column::new("told", ColumnKind::Attributes),
        ];
        Schema::new("rows", columns.into()).unwrap()
    }

    fn id() -> Column {
        Column::new("id", ColumnKind::Id)
    }

    type Row = (i64, u128, String);

    fn records(schema: &Schema, rows: &[Row]) -> Records {
        let mut records = Records::new(schema);
        for (time, id, name) in rows {
            let told = [
                ("name", Scalar::Text(name)),
                ("time", Scalar::Integer(*time)),
            ];
            let row = [
                Cell::Integer(*time),
                Cell::Id(*id),
                Cell::Float(*time as f64 / 2.0),
                Cell::Text(name),
                Cell::Attributes(&told[..(*id % 3) as usize]),
            ];
            records.push(&row).unwrap();
        }
        records
    }

    /// All that a row holds.
    fn shown(records: &Records, row: usize) -> (i64, u128, f64, String, String) {
        (
            records.integers(0)[row],
            records.ids(1)[row],
            records.floats(2)[row],
            records.text(3, row).unwrap().to_owned(),
            format!("{:?}", records.attributes(4, row)),
        )
    }

    fn rows() -> impl Strategy<Value = Vec<Vec<Row>>> {
        let row = (0..6i64, 0..4u128, "[a-d]{0,2}");
        prop::collection::vec(prop::collection::vec(row, 0..12), 1..5)
    }

    proptest! {
        #[test]
        fn of_each_record_the_last_one_stays_in_order(sets in rows()) {
            let schema = schema(id().key());
            let sets: Vec<Records> = sets.iter().map(|rows| records(&schema, rows)).collect();
            let held: Vec<&Records> = sets.iter().collect();
            let mut expected = BTreeMap::new();
            for set in &sets {
                for row in 0..set.len() {
                    let shown = shown(set, row);
                    expected.insert((shown.0, shown.1), shown);
                }
            }
            let sorted = sorted(&held, &schema.keys());
            let found = sorted.as_ref().unwrap_or(&sets[0]);
            let found: Vec<_> = (0..found.len()).map(|row| shown(found, row)).collect();
            prop_assert_eq!(found, expected.into_values().collect::<Vec<_>>());
        }

        #[test]
        fn without_keys_all_stay_in_the_order_of_their_coming(sets in rows()) {
            let schema = schema(id());
            let sets: Vec<Records> = sets.iter().map(|rows| records(&schema, rows)).collect();
            let held: Vec<&Records> = sets.iter().collect();
            let all = sets.iter().flat_map(|set| (0..set.len()).map(|row| shown(set, row)));
            let mut expected: Vec<_> = all.collect();
            expected.sort_by_key(|row| row.0);
            let sorted = sorted(&held, &schema.keys());
            let found = sorted.as_ref().unwrap_or(&sets[0]);
            let found: Vec<_> = (0..found.len()).map(|row| shown(found, row)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
