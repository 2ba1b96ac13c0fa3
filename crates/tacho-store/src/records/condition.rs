//! What must hold for a row: a test of one of its columns, or of two of which one is enough.
//!
//! A test says what an index may be asked for, and is then made of the column itself: an index only
//! leaves groups out (see [`super::index`]). Not for how groups are chosen and read; see
//! [`super::select`].

use std::ops::RangeInclusive;

use tacho_model::{MatchOp, Matcher};

use super::columns::{AttributeColumn, ColumnData, Scalar};
use super::index::Fingerprint;
use super::schema::ColumnKind;

/// What must hold for a column.
#[derive(Debug, Clone)]
pub struct Condition<'a> {
    /// The column's place.
    pub column: usize,
    /// What holds.
    pub test: Test<'a>,
}

/// A test of a value.
#[derive(Debug, Clone)]
pub enum Test<'a> {
    /// An identifier is this one.
    Id(u128),
    /// An identifier is one of these, which are in rising order.
    Ids(&'a [u128]),
    /// A whole number is one of these.
    Integer(RangeInclusive<i64>),
    /// A number is between these; not a number never is.
    Float(RangeInclusive<f64>),
    /// A text matches; the matcher's name says nothing.
    Text(&'a Matcher),
    /// A text matches, or, in rows where it is empty, the one in that other column does.
    TextOr(&'a Matcher, usize),
    /// The attribute of the matcher's name matches, as text; one that is not there is empty.
    Attribute(&'a Matcher),
    /// The attribute of the matcher's name matches, or the one in that other column does.
    AttributeOr(&'a Matcher, usize),
}

impl Condition<'_> {
    /// The columns that it is about.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.column).chain(self.test.other())
    }
}

impl Test<'_> {
    pub(crate) fn kind(&self) -> ColumnKind {
        match self {
            Self::Id(_) | Self::Ids(_) => ColumnKind::Id,
            Self::Integer(_) => ColumnKind::Integer,
            Self::Float(_) => ColumnKind::Float,
            Self::Text(_) | Self::TextOr(..) => ColumnKind::Text,
            Self::Attribute(_) | Self::AttributeOr(..) => ColumnKind::Attributes,
        }
    }

    /// The other column that is enough.
    pub(crate) fn other(&self) -> Option<usize> {
        match self {
            Self::TextOr(_, other) | Self::AttributeOr(_, other) => Some(*other),
            _ => None,
        }
    }

    /// A rank by how long the column takes to be read.
    pub(crate) fn cost(&self) -> u8 {
        match self.kind() {
            ColumnKind::Integer | ColumnKind::Float => 0,
            ColumnKind::Id => 1,
            ColumnKind::Text => 2,
            ColumnKind::Attributes => 3,
        }
    }

    /// What an index is asked for; nothing when it cannot help.
    pub(crate) fn fingerprints(&self) -> Vec<Fingerprint> {
        match self {
            Self::Id(id) if *id != 0 => vec![Fingerprint::of_id(*id)],
            Self::Ids(ids) if ids.first() != Some(&0) => {
                ids.iter().map(|id| Fingerprint::of_id(*id)).collect()
            }
            Self::Text(matcher) | Self::TextOr(matcher, _)
                if matcher.op() == MatchOp::Equal && matcher.value() != "" =>
            {
                vec![Fingerprint::of_text(matcher.value())]
            }
            _ => Vec::new(),
        }
    }

    /// Keeps those rows for which it holds; those of the others for which the other column is to be
    /// looked at.
    pub(crate) fn retain(&self, column: &ColumnData, rows: &mut Vec<u32>) -> Vec<u32> {
        let mut open = Vec::new();
        match (self, column) {
            (Self::Id(id), ColumnData::Ids(held)) => rows.retain(|row| held[*row as usize] == *id),
            (Self::Ids(ids), ColumnData::Ids(held)) => {
                rows.retain(|row| ids.binary_search(&held[*row as usize]).is_ok());
            }
            (Self::Integer(range), ColumnData::Integers(held)) => {
                rows.retain(|row| range.contains(&held[*row as usize]));
            }
            (Self::Float(range), ColumnData::Floats(held)) => {
                rows.retain(|row| range.contains(&held[*row as usize]));
            }
            (Self::Text(matcher) | Self::TextOr(matcher, _), ColumnData::Texts(held)) => {
                let mut known = vec![None; held.distinct.len()];
                let goes_on = self.other().is_some();
                rows.retain(|row| {
                    let number = held.rows[*row as usize];
                    if goes_on && held.distinct.get(number).is_empty() {
                        open.push(*row);
                        return false;
                    }
                    *known[number as usize]
                        .get_or_insert_with(|| matcher.matches(held.distinct.get(number)))
                });
            }
            (
                Self::Attribute(matcher) | Self::AttributeOr(matcher, _),
                ColumnData::Attributes(held),
            ) => {
                let goes_on = self.other().is_some();
                rows.retain(|row| {
                    let holds = has(held, *row, matcher);
                    if goes_on && !holds {
                        open.push(*row);
                    }
                    holds
                });
            }
            _ => rows.clear(),
        }
        open
    }

    /// Adds those of the open rows for which it holds in the other column.
    pub(crate) fn add(&self, other: &ColumnData, mut open: Vec<u32>, rows: &mut Vec<u32>) {
        let alone = match self {
            Self::TextOr(matcher, _) => Test::Text(matcher),
            Self::AttributeOr(matcher, _) => Test::Attribute(matcher),
            _ => return,
        };
        alone.retain(other, &mut open);
        rows.append(&mut open);
        rows.sort_unstable();
    }
}

/// Whether the attribute of the matcher's name matches.
fn has(held: &AttributeColumn, row: u32, matcher: &Matcher) -> bool {
    let mut attributes = held.row(row as usize);
    match attributes.find(|(name, _)| *name == matcher.name()) {
        Some((_, Scalar::Text(text))) => matcher.matches(text),
        Some((_, other)) => matcher.matches(&other.to_string()),
        None => matcher.matches(""),
    }
}
