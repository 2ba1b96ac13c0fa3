//! What the columns of a table are.

use super::columns::Records;
use crate::codec::bytes::{Reader, put_bytes, put_varint};
use crate::error::CodecError;

/// Most columns of a table.
const COLUMNS_MAX: usize = 64;
/// Longest name of a table or a column, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Most columns of what several versions of a table hold together; of more, those that the newest
/// version does not have are dropped, the last first.
const UNION_COLUMNS_MAX: usize = 1024;
/// Most key columns of a table.
pub(crate) const KEYS_MAX: usize = 2;

const KEY: u8 = 1;
const INDEXED: u8 = 2;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Whole numbers; times are nanoseconds since the epoch.
    Integer,
    /// Numbers.
    Float,
    /// Identifiers of up to 128 bits.
    Id,
    /// Text.
    Text,
    /// Any number of names with a value each.
    Attributes,
}

impl ColumnKind {
    const ALL: [Self; 5] = [
        Self::Integer,
        Self::Float,
        Self::Id,
        Self::Text,
        Self::Attributes,
    ];
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    name: String,
    kind: ColumnKind,
    flags: u8,
}

impl Column {
    /// A column of that name and kind.
    pub fn new(name: &str, kind: ColumnKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            flags: 0,
        }
    }

    /// Makes it part of what identifies a record, beside its time. For [`ColumnKind::Id`].
    #[must_use]
    pub fn key(mut self) -> Self {
        self.flags |= KEY;
        self
    }

    /// Makes finding records by an exact value of it quick. For [`ColumnKind::Id`] and
    /// [`ColumnKind::Text`].
    #[must_use]
    pub fn indexed(mut self) -> Self {
        self.flags |= INDEXED;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    pub(crate) fn is_key(&self) -> bool {
        self.flags & KEY != 0
    }

    pub(crate) fn is_indexed(&self) -> bool {
        self.flags & INDEXED != 0
    }

    /// Whether it is the same column, though perhaps of another version of the table.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name
    }
}

/// What is wrong with a table, or with rows for one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// A name that is empty, too long, taken, or not of lower-case letters, digits, `_`, `.`.
    #[error("`{name}` cannot be the name of a table or column here")]
    Name {
        /// The name.
        name: String,
    },
    /// A column of a kind that it cannot be of.
    #[error("column `{name}` cannot be {what}")]
    Kind {
        /// The column.
        name: String,
        /// What it was to be.
        what: &'static str,
    },
    /// A table of too many columns, or too many keys.
    #[error("a table has at most {COLUMNS_MAX} columns, {KEYS_MAX} of them keys")]
    Columns,
    /// No table of that name is open.
    #[error("there is no table `{name}`")]
    NoTable {
        /// The name.
        name: String,
    },
    /// A row that has other columns than its table.
    #[error("the cells of a row are not those of its table, from cell {cell} on")]
    Row {
        /// The first cell that differs.
        cell: usize,
    },
    /// More rows than one append may have.
    #[error("one append has at most {limit} rows")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// A row, or the rows of one append, that take too much memory.
    #[error("{what} may take {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
}

/// The columns of a table. The first is the time of each record, as whole nanoseconds.
///
/// Columns may be added from version to version: what was written before has zero, or nothing, in
/// them. One that changes its kind is a new column.
///
/// ```
/// use tacho_store::records::{Cell, Column, ColumnKind, Records, Schema};
///
/// let schema = Schema::new("visits", vec![
///     Column::new("start", ColumnKind::Integer),
///     Column::new("visitor", ColumnKind::Id).key().indexed(),
///     Column::new("page", ColumnKind::Text).indexed(),
/// ])?;
/// let mut visits = Records::new(&schema);
/// visits.push(&[Cell::Integer(1_000), Cell::Id(7), Cell::Text("/")])?;
/// assert_eq!(visits.len(), 1);
/// # Ok::<(), tacho_store::records::RecordsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    name: String,
    columns: Vec<Column>,
}

impl Schema {
    /// A table of that name and these columns.
    ///
    /// # Errors
    /// [`RecordsError::Name`], [`RecordsError::Kind`], [`RecordsError::Columns`].
    pub fn new(name: &str, columns: Vec<Column>) -> Result<Self, RecordsError> {
        let name_error = |name: &str| RecordsError::Name {
            name: name.to_owned(),
        };
        if !is_name(name) || name.starts_with('.') {
            return Err(name_error(name));
        }
        let keys = columns.iter().filter(|column| column.is_key());
        if columns.len() > COLUMNS_MAX || keys.count() > KEYS_MAX {
            return Err(RecordsError::Columns);
        }
        for (place, column) in columns.iter().enumerate() {
            if !is_name(&column.name) || columns[..place].iter().any(|c| c.name == column.name) {
                return Err(name_error(&column.name));
            }
            let wrong = |what| RecordsError::Kind {
                name: column.name.clone(),
                what,
            };
            if column.is_key() && column.kind != ColumnKind::Id {
                return Err(wrong("a key: it is no identifier"));
            }
            if column.is_indexed() && !matches!(column.kind, ColumnKind::Id | ColumnKind::Text) {
                return Err(wrong("indexed: it is neither an identifier nor text"));
            }
        }
        match columns.first() {
            Some(first) if first.kind == ColumnKind::Integer => {}
            first => {
                return Err(RecordsError::Kind {
                    name: first.map_or_else(String::new, |first| first.name.clone()),
                    what: "the first: that is the time, in whole nanoseconds",
                });
            }
        }
        Ok(Self {
            name: name.to_owned(),
            columns,
        })
    }

    /// A table that nobody knows anything of.
    pub(crate) fn nothing(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            columns: vec![Column::new("time", ColumnKind::Integer)],
        }
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its columns; the first is the time.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The place of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The places of the key columns.
    pub(crate) fn keys(&self) -> Keys {
        let keys = self.columns.iter().enumerate();
        let keys = keys.filter(|(_, column)| column.is_key());
        Keys(keys.map(|(place, _)| place).collect())
    }

    /// Where each of its columns is in another version of the table.
    pub(crate) fn places_in(&self, other: &Self) -> Vec<Option<usize>> {
        let places = 0..self.columns.len();
        places.map(|place| self.place_in(place, other)).collect()
    }

    /// Where one of its columns is in another version of the table. The first is the time in every
    /// version, whatever it is called.
    pub(crate) fn place_in(&self, place: usize, other: &Self) -> Option<usize> {
        let wanted = self.columns.get(place)?;
        let mut held = other.columns.iter();
        match place {
            0 => Some(0),
            _ => held
                .position(|held| held.is(wanted))
                .filter(|place| *place > 0),
        }
    }

    /// With the columns of another version that it does not have, so that nothing is lost.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        for column in other.columns.iter().skip(1) {
            if union.columns.len() < UNION_COLUMNS_MAX
                && !union.columns.iter().any(|held| held.is(column))
            {
                union.columns.push(Column {
                    flags: 0,
                    ..column.clone()
                });
            }
        }
        union
    }

    /// Whether these rows have its columns.
    pub(crate) fn fits(&self, records: &Records) -> bool {
        let kinds = self.columns.iter().map(|column| column.kind);
        kinds.eq(records.columns.iter().map(super::ColumnData::kind))
    }

    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        put_bytes(into, self.name.as_bytes());
        put_varint(into, self.columns.len() as u64);
        for column in &self.columns {
            put_bytes(into, column.name.as_bytes());
            into.extend([column.kind as u8, column.flags]);
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let name = reader.text()?.to_owned();
        let count = reader.count(3)?;
        if count > UNION_COLUMNS_MAX {
            return Err(CodecError::Corrupt("a table has too many columns"));
        }
        let mut columns = Vec::new();
        for _ in 0..count {
            let name = reader.text()?.to_owned();
            let [kind, flags] = reader.array()?;
            let known = ColumnKind::ALL.get(usize::from(kind));
            let kind = *known.ok_or(CodecError::Unsupported(kind))?;
            columns.push(Column { name, kind, flags });
        }
        // A union of versions may have one name twice, of two kinds.
        let repeats = |(place, column): (usize, &Column)| {
            columns[..place].iter().any(|before| before.is(column))
        };
        let first = columns.first().map(|column| column.kind);
        let keys = || columns.iter().filter(|column| column.is_key());
        let sound = is_name(&name)
            && first == Some(ColumnKind::Integer)
            && keys().count() <= KEYS_MAX
            && keys().all(|key| key.kind == ColumnKind::Id)
            && !columns.iter().enumerate().any(repeats);
        if !sound {
            return Err(CodecError::Corrupt("a table's columns are damaged"));
        }
        Ok(Self { name, columns })
    }
}

/// The places of a table's key columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys(Vec<usize>);

/// What identifies a record, and what records are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RowKey {
    pub(crate) time: i64,
    keys: [u128; KEYS_MAX],
}

impl Keys {
    /// Whether two rows can be the same record.
    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Their places.
    pub(crate) fn places(&self) -> &[usize] {
        &self.0
    }

    /// The key of a row of the whole table.
    pub(crate) fn of(&self, records: &Records, row: usize) -> RowKey {
        let columns = self.0.iter().map(|place| records.ids(*place));
        RowKey::new(records.integers(0), columns, row)
    }
}

impl RowKey {
    /// The key of a row, given the columns of times and of keys.
    pub(crate) fn new<'a>(
        times: &[i64],
        columns: impl Iterator<Item = &'a [u128]>,
        row: usize,
    ) -> Self {
        let mut keys = [0; KEYS_MAX];
        for (key, column) in keys.iter_mut().zip(columns) {
            *key = column[row];
        }
        let time = times[row];
        Self { time, keys }
    }
}

/// Names are also names of folders.
fn is_name(name: &str) -> bool {
    let fine =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(columns: Vec<Column>) -> Result<Schema, RecordsError> {
        let schema = Schema::new("spans", columns)?;
        let mut bytes = Vec::new();
        schema.encode(&mut bytes);
        assert_eq!(Schema::decode(&mut Reader::new(&bytes)).unwrap(), schema);
        for end in 0..bytes.len() {
            assert!(Schema::decode(&mut Reader::new(&bytes[..end])).is_err());
        }
        Ok(schema)
    }

    fn time() -> Column {
        Column::new("start", ColumnKind::Integer)
    }

    #[test]
    fn a_table_has_a_time_and_columns_that_can_be_what_they_are() {
        let id = || Column::new("trace_id", ColumnKind::Id);
        let schema = check(vec![time(), id().key().indexed()]).unwrap();
        assert_eq!(schema.keys().places(), [1]);
        assert_eq!(schema.position("trace_id"), Some(1));
        assert!(check(vec![]).is_err());
        assert!(check(vec![id()]).is_err());
        assert!(check(vec![time(), time()]).is_err());
        assert!(check(vec![time(), Column::new("Ä", ColumnKind::Text)]).is_err());
        assert!(check(vec![time(), Column::new("n", ColumnKind::Text).key()]).is_err());
        assert!(check(vec![time(), Column::new("n", ColumnKind::Float).indexed()]).is_err());
        let many = (0..99).map(|i| Column::new(&format!("c{i}"), ColumnKind::Integer));
        assert_eq!(check(many.collect()), Err(RecordsError::Columns));
        for name in ["", "..", "a/b", "Spans"] {
            assert!(Schema::new(name, vec![time()]).is_err());
        }
    }

    #[test]
    fn versions_of_a_table_keep_each_others_columns() {
        let old = check(vec![time(), Column::new("a", ColumnKind::Text).indexed()]).unwrap();
        let new = check(vec![
            time(),
            Column::new("b", ColumnKind::Id),
            Column::new("a", ColumnKind::Integer),
        ]);
        let union = new.unwrap().union(&old);
        let names = union.columns().iter().map(|c| (c.name(), c.kind()));
        let expected = [
            ("start", ColumnKind::Integer),
            ("b", ColumnKind::Id),
            ("a", ColumnKind::Integer),
            ("a", ColumnKind::Text),
        ];
        assert!(names.eq(expected));
        assert_eq!(union.places_in(&old), [Some(0), None, None, Some(1)]);
    }
}
