//! Rows in columns, as they come, lie in memory and are handed out.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;

use tacho_model::Timestamp;

use super::schema::{ColumnKind, RecordsError, Schema};
use super::{APPEND_BYTES_MAX, APPEND_ROWS_MAX, ROW_BYTES_MAX};
use crate::interner::Interner;

/// So many bytes of rows may come before it is counted again how much there is.
const UNCOUNTED_MAX: usize = 64 << 10;

/// One value of a row, on its way in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// For [`ColumnKind::Integer`].
    Integer(i64),
    /// For [`ColumnKind::Float`].
    Float(f64),
    /// For [`ColumnKind::Id`].
    Id(u128),
    /// For [`ColumnKind::Text`].
    Text(&'a str),
    /// For [`ColumnKind::Attributes`]; kept in their order.
    Attributes(&'a [(&'a str, Scalar<'a>)]),
}

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Boolean(bool),
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(integer) => integer.fmt(f),
            Self::Float(float) => float.fmt(f),
            Self::Boolean(boolean) => boolean.fmt(f),
        }
    }
}

/// Texts, each distinct one held once.
#[derive(Default, Clone)]
pub struct TextColumn {
    pub(crate) distinct: Interner,
    pub(crate) rows: Vec<u32>,
}

impl TextColumn {
    /// The text of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.rows.get(row).map(|number| self.distinct.get(*number))
    }

    /// The texts of all rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rows.iter().map(|number| self.distinct.get(*number))
    }

    pub(crate) fn push(&mut self, text: &str) {
        let number = self.distinct.number(text);
        self.rows.push(number);
    }

    pub(super) fn push_from(&mut self, from: &Self, row: usize, known: &mut Known) {
        let number = known.number(from.rows[row], &from.distinct, &mut self.distinct);
        self.rows.push(number);
    }

    fn bytes(&self) -> usize {
        self.distinct.bytes() + self.rows.len() * 4
    }
}

/// What the texts of one column are called in another, which is filled from it: each is looked up
/// once.
#[derive(Default)]
pub(super) struct Known(Vec<Option<NonZeroU32>>);

impl Known {
    fn number(&mut self, number: u32, from: &Interner, into: &mut Interner) -> u32 {
        if self.0.is_empty() {
            self.0.resize(from.len(), None);
        }
        // One more than the number, so that an unknown one takes no room of its own.
        if let Some(known) = self.0[number as usize] {
            return known.get() - 1;
        }
        let new = into.number(from.get(number));
        self.0[number as usize] = NonZeroU32::new(new + 1);
        new
    }
}

/// What the texts of one set of rows are called in another one, which is filled from it row by row.
#[derive(Default)]
pub(crate) struct Translation(Vec<KnownColumn>);

/// The part of one column.
#[derive(Default)]
pub(super) struct KnownColumn {
    /// Texts, or the names of attributes.
    pub(super) names: Known,
    /// The texts of attributes.
    texts: Known,
}

/// How a value of [`AttributeColumn`] is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    /// The number of a text.
    Text,
    Integer,
    /// The bits of one.
    Float,
    False,
    True,
}

/// Lists of attributes, one a row.
#[derive(Default, Clone)]
pub struct AttributeColumn {
    /// Where the attributes of each row end.
    pub(crate) ends: Vec<u32>,
    pub(crate) names: TextColumn,
    pub(crate) kinds: Vec<ScalarKind>,
    pub(crate) values: Vec<u64>,
    pub(crate) texts: Interner,
}

impl AttributeColumn {
    /// The attributes of a row, in their order.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (&str, Scalar<'_>)> {
        let end = self.ends.get(row).map_or(0, |end| *end as usize);
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = start.map_or(0, |start| *start as usize).min(end);
        (start..end).map(|place| {
            let name = self.names.distinct.get(self.names.rows[place]);
            (name, self.value(place))
        })
    }

    fn value(&self, place: usize) -> Scalar<'_> {
        let value = self.values[place];
        match self.kinds[place] {
            ScalarKind::Text => Scalar::Text(self.texts.get(value as u32)),
            ScalarKind::Integer => Scalar::Integer(value as i64),
            ScalarKind::Float => Scalar::Float(f64::from_bits(value)),
            ScalarKind::False => Scalar::Boolean(false),
            ScalarKind::True => Scalar::Boolean(true),
        }
    }

    fn push<'a>(&mut self, attributes: impl Iterator<Item = (&'a str, Scalar<'a>)>) {
        // What is at this place in the row before is tried first: the attributes of a process are
        // the same in all its rows, and names come in the same order.
        for (before, (name, value)) in (self.start_of_last()..).zip(attributes) {
            let hint = self.names.rows.get(before).copied();
            let name = self.names.distinct.number_after(hint, name);
            self.names.rows.push(name);
            let (kind, value) = match value {
                Scalar::Text(text) => {
                    let is_text = self.kinds.get(before) == Some(&ScalarKind::Text);
                    let hint = is_text.then(|| self.values[before] as u32);
                    let number = self.texts.number_after(hint, text);
                    (ScalarKind::Text, u64::from(number))
                }
                Scalar::Integer(integer) => (ScalarKind::Integer, integer as u64),
                Scalar::Float(float) => (ScalarKind::Float, float.to_bits()),
                Scalar::Boolean(false) => (ScalarKind::False, 0),
                Scalar::Boolean(true) => (ScalarKind::True, 0),
            };
            self.kinds.push(kind);
            self.values.push(value);
        }
        self.ends.push(self.kinds.len() as u32);
    }

    /// Where the attributes of the last row begin.
    fn start_of_last(&self) -> usize {
        let before = self.ends.len().checked_sub(2).map(|row| self.ends[row]);
        before.unwrap_or(0) as usize
    }

    pub(super) fn push_from(&mut self, from: &Self, row: usize, known: &mut KnownColumn) {
        let start = row.checked_sub(1).map_or(0, |before| from.ends[before]);
        for place in start as usize..from.ends[row] as usize {
            let (name, kind) = (from.names.rows[place], from.kinds[place]);
            let distinct = &mut self.names.distinct;
            let name = known.names.number(name, &from.names.distinct, distinct);
            let value = match kind {
                ScalarKind::Text => {
                    let text = from.values[place] as u32;
                    u64::from(known.texts.number(text, &from.texts, &mut self.texts))
                }
                _ => from.values[place],
            };
            self.names.rows.push(name);
            self.kinds.push(kind);
            self.values.push(value);
        }
        self.ends.push(self.kinds.len() as u32);
    }

    fn bytes(&self) -> usize {
        self.ends.len() * 4 + self.names.bytes() + self.texts.bytes() + self.kinds.len() * 9
    }
}

/// The values of one column.
#[derive(Clone)]
pub enum ColumnData {
    /// Of [`ColumnKind::Integer`].
    Integers(Vec<i64>),
    /// Of [`ColumnKind::Float`].
    Floats(Vec<f64>),
    /// Of [`ColumnKind::Id`].
    Ids(Vec<u128>),
    /// Of [`ColumnKind::Text`].
    Texts(TextColumn),
    /// Of [`ColumnKind::Attributes`].
    Attributes(AttributeColumn),
}

impl ColumnData {
    pub(crate) fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Integer => Self::Integers(Vec::new()),
            ColumnKind::Float => Self::Floats(Vec::new()),
            ColumnKind::Id => Self::Ids(Vec::new()),
            ColumnKind::Text => Self::Texts(TextColumn::default()),
            ColumnKind::Attributes => Self::Attributes(AttributeColumn::default()),
        }
    }

    /// So many rows of nothing: what a column has in rows that were written before it was added.
    pub(crate) fn absent(kind: ColumnKind, rows: usize) -> Self {
        match kind {
            ColumnKind::Integer => Self::Integers(vec![0; rows]),
            ColumnKind::Float => Self::Floats(vec![0.0; rows]),
            ColumnKind::Id => Self::Ids(vec![0; rows]),
            ColumnKind::Text => {
                let mut texts = TextColumn::default();
                (0..rows).for_each(|_| texts.push(""));
                Self::Texts(texts)
            }
            ColumnKind::Attributes => {
                let mut lists = AttributeColumn::default();
                (0..rows).for_each(|_| lists.push(std::iter::empty()));
                Self::Attributes(lists)
            }
        }
    }

    /// What it holds.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Self::Integers(_) => ColumnKind::Integer,
            Self::Floats(_) => ColumnKind::Float,
            Self::Ids(_) => ColumnKind::Id,
            Self::Texts(_) => ColumnKind::Text,
            Self::Attributes(_) => ColumnKind::Attributes,
        }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers(held) => held.len(),
            Self::Floats(held) => held.len(),
            Self::Ids(held) => held.len(),
            Self::Texts(held) => held.rows.len(),
            Self::Attributes(held) => held.ends.len(),
        }
    }

    fn push(&mut self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Integers(held), Cell::Integer(value)) => held.push(value),
            (Self::Floats(held), Cell::Float(value)) => held.push(value),
            (Self::Ids(held), Cell::Id(value)) => held.push(value),
            (Self::Texts(held), Cell::Text(value)) => held.push(value),
            (Self::Attributes(held), Cell::Attributes(value)) => held.push(value.iter().copied()),
            _ => return false,
        }
        true
    }

    /// Appends rows of another column of the same kind.
    fn extend(&mut self, from: &Self, rows: impl Iterator<Item = usize>, known: &mut KnownColumn) {
        match (self, from) {
            (Self::Integers(held), Self::Integers(from)) => held.extend(rows.map(|row| from[row])),
            (Self::Floats(held), Self::Floats(from)) => held.extend(rows.map(|row| from[row])),
            (Self::Ids(held), Self::Ids(from)) => held.extend(rows.map(|row| from[row])),
            (Self::Texts(held), Self::Texts(from)) => {
                rows.for_each(|row| held.push_from(from, row, &mut known.names));
            }
            (Self::Attributes(held), Self::Attributes(from)) => {
                rows.for_each(|row| held.push_from(from, row, known));
            }
            _ => debug_assert!(false, "columns of one table are of one kind"),
        }
    }

    /// Some rows, in that order.
    pub(crate) fn gather(&self, rows: impl Iterator<Item = usize>) -> Self {
        let mut gathered = Self::new(self.kind());
        gathered.extend(self, rows, &mut KnownColumn::default());
        gathered
    }

    pub(crate) fn integers(&self) -> &[i64] {
        match self {
            Self::Integers(held) => held,
            _ => &[],
        }
    }

    pub(crate) fn floats(&self) -> &[f64] {
        match self {
            Self::Floats(held) => held,
            _ => &[],
        }
    }

    pub(crate) fn ids(&self) -> &[u128] {
        match self {
            Self::Ids(held) => held,
            _ => &[],
        }
    }

    /// An estimate of the memory taken.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Integers(held) => held.len() * 8,
            Self::Floats(held) => held.len() * 8,
            Self::Ids(held) => held.len() * 16,
            Self::Texts(held) => held.bytes(),
            Self::Attributes(held) => held.bytes(),
        }
    }
}

/// Rows of a table, or of some of its columns.
#[derive(Clone)]
pub struct Records {
    pub(crate) columns: Vec<ColumnData>,
    rows: usize,
    /// Bytes that rows had since it was last counted how much there is.
    uncounted: usize,
}

impl Records {
    /// No rows of a table.
    pub fn new(schema: &Schema) -> Self {
        let columns = schema.columns().iter();
        Self {
            columns: columns
                .map(|column| ColumnData::new(column.kind()))
                .collect(),
            rows: 0,
            uncounted: 0,
        }
    }

    /// Columns of `rows` rows each.
    pub(crate) fn of(columns: Vec<ColumnData>, rows: usize) -> Self {
        Self {
            columns,
            rows,
            uncounted: 0,
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`RecordsError::Row`], [`RecordsError::TooMany`], [`RecordsError::TooLarge`]; nothing is
    /// added then.
    pub fn push(&mut self, row: &[Cell<'_>]) -> Result<(), RecordsError> {
        let kinds = self.columns.iter().map(ColumnData::kind);
        let same = kinds
            .zip(row)
            .take_while(|(kind, cell)| *kind == cell.kind());
        let same = same.count();
        if same < row.len().max(self.columns.len()) {
            return Err(RecordsError::Row { cell: same });
        }
        if self.rows >= APPEND_ROWS_MAX {
            let limit = APPEND_ROWS_MAX;
            return Err(RecordsError::TooMany { limit });
        }
        let bytes = row.iter().map(Cell::bytes).sum::<usize>();
        if bytes > ROW_BYTES_MAX {
            return Err(RecordsError::TooLarge {
                what: "a row",
                limit: ROW_BYTES_MAX,
            });
        }
        self.make_sure_of_room(bytes)?;
        for (column, cell) in self.columns.iter_mut().zip(row) {
            let fits = column.push(*cell);
            debug_assert!(fits, "kinds were compared");
        }
        self.rows += 1;
        Ok(())
    }

    /// Counts now and then how much there is, because that looks at every column.
    fn make_sure_of_room(&mut self, bytes: usize) -> Result<(), RecordsError> {
        self.uncounted += bytes;
        if self.uncounted < UNCOUNTED_MAX {
            return Ok(());
        }
        if self.bytes() > APPEND_BYTES_MAX {
            return Err(RecordsError::TooLarge {
                what: "the rows of one append",
                limit: APPEND_BYTES_MAX,
            });
        }
        self.uncounted = 0;
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// A column by its place.
    pub fn column(&self, place: usize) -> Option<&ColumnData> {
        self.columns.get(place)
    }

    /// The column at that place, if it is of [`ColumnKind::Integer`]; else nothing.
    pub fn integers(&self, place: usize) -> &[i64] {
        self.column(place).map_or(&[], ColumnData::integers)
    }

    /// The column at that place, if it is of [`ColumnKind::Float`]; else nothing.
    pub fn floats(&self, place: usize) -> &[f64] {
        self.column(place).map_or(&[], ColumnData::floats)
    }

    /// The column at that place, if it is of [`ColumnKind::Id`]; else nothing.
    pub fn ids(&self, place: usize) -> &[u128] {
        self.column(place).map_or(&[], ColumnData::ids)
    }

    /// The text of a row in the column at that place, if it is of [`ColumnKind::Text`].
    pub fn text(&self, place: usize, row: usize) -> Option<&str> {
        match self.column(place) {
            Some(ColumnData::Texts(held)) => held.get(row),
            _ => None,
        }
    }

    /// The attributes of a row in the column at that place, if it is of
    /// [`ColumnKind::Attributes`].
    pub fn attributes(&self, place: usize, row: usize) -> Vec<(&str, Scalar<'_>)> {
        match self.column(place) {
            Some(ColumnData::Attributes(held)) => held.row(row).collect(),
            _ => Vec::new(),
        }
    }

    /// The time of a row of a whole table.
    pub(crate) fn time(&self, row: usize) -> Timestamp {
        Timestamp::from_nanos(self.integers(0)[row])
    }

    /// Appends rows of another set of the same columns. `translation` is one for the two sets: an
    /// empty one at first, and the same again for more rows.
    pub(crate) fn extend(
        &mut self,
        from: &Self,
        rows: Range<usize>,
        translation: &mut Translation,
    ) {
        let known = &mut translation.0;
        known.resize_with(self.columns.len(), KnownColumn::default);
        let columns = self.columns.iter_mut().zip(&from.columns);
        for ((column, from), known) in columns.zip(known) {
            column.extend(from, rows.clone(), known);
        }
        self.rows += rows.len();
    }

    /// Some rows, in that order.
    pub(crate) fn gather(&self, rows: &[u32]) -> Self {
        let columns = self.columns.iter();
        let gathered = columns.map(|column| column.gather(rows.iter().map(|row| *row as usize)));
        Self::of(gathered.collect(), rows.len())
    }

    /// An estimate of the memory taken.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(ColumnData::bytes).sum()
    }
}

impl Cell<'_> {
    fn kind(&self) -> ColumnKind {
        match self {
            Self::Integer(_) => ColumnKind::Integer,
            Self::Float(_) => ColumnKind::Float,
            Self::Id(_) => ColumnKind::Id,
            Self::Text(_) => ColumnKind::Text,
            Self::Attributes(_) => ColumnKind::Attributes,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Attributes(attributes) => {
                let text = |value: &Scalar<'_>| match value {
                    Scalar::Text(text) => text.len(),
                    _ => 0,
                };
                let each = attributes
                    .iter()
                    .map(|(name, value)| 16 + name.len() + text(value));
                each.sum()
            }
            _ => 16,
        }
    }
}
