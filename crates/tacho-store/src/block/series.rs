//! Pages of series: what labels each has and how many rows of each sort, in columns.
//!
//! Series of a page that have the same label names share a schema, which has one column of value
//! symbols for each name. A series' rows begin where those of the series before end, so their
//! place needs no more than counts; the directory knows how many rows lie before the page.

use std::ops::Range;

use super::format::SERIES_PER_PAGE;
use crate::codec::bytes::{Reader, put_varint};
use crate::codec::{Effort, ints};
use crate::error::CodecError;

/// Some label names, in order, and the values that series have for them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) names: Vec<u32>,
    /// For each name the symbols of its values, series by series.
    pub(crate) values: Vec<Vec<u32>>,
}

/// A page of series, decoded or under construction.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct SeriesPage {
    pub(crate) schemas: Vec<Schema>,
    /// For each series which schema it has, and its place in that schema's columns.
    places: Vec<(u32, u32)>,
    /// For each series where its rows end, by sort, counted from the page's first row.
    ends: [Vec<u64>; 2],
}

impl SeriesPage {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Adds a series; `values` in the order of `names`.
    pub(crate) fn push(&mut self, names: &[u32], values: &[u32], rows: [u32; 2]) {
        let known = self.places.last().map(|(schema, _)| *schema as usize);
        let same = |number: &usize| self.schemas[*number].names == names;
        let known = known
            .filter(same)
            .or_else(|| (0..self.schemas.len()).find(same));
        let number = known.unwrap_or_else(|| {
            self.schemas.push(Schema {
                names: names.to_vec(),
                values: vec![Vec::new(); names.len()],
            });
            self.schemas.len() - 1
        });
        let members = self.places.iter().filter(|(s, _)| *s as usize == number);
        let place = match self.schemas[number].values.first() {
            Some(column) => column.len(),
            None => members.count(),
        };
        for (column, value) in self.schemas[number].values.iter_mut().zip(values) {
            column.push(*value);
        }
        self.places.push((number as u32, place as u32));
        for (ends, rows) in self.ends.iter_mut().zip(rows) {
            let before = ends.last().copied().unwrap_or(0);
            ends.push(before + u64::from(rows));
        }
    }

    /// The rows of series `number` of a sort, counted from the page's first.
    pub(crate) fn rows(&self, number: usize, sort: usize) -> Range<u64> {
        let ends = &self.ends[sort];
        let start = match number.checked_sub(1) {
            Some(before) => ends[before],
            None => 0,
        };
        start..ends[number]
    }

    /// All rows of the page, by sort.
    pub(crate) fn all_rows(&self) -> [u64; 2] {
        [0, 1].map(|sort| self.ends[sort].last().copied().unwrap_or(0))
    }

    /// The symbols of names and values of series `number`, in order of names.
    pub(crate) fn labels(&self, number: usize) -> impl Iterator<Item = (u32, u32)> {
        let (schema, place) = self.places[number];
        let schema = &self.schemas[schema as usize];
        let values = schema
            .values
            .iter()
            .map(move |column| column[place as usize]);
        schema.names.iter().copied().zip(values)
    }

    /// Replaces every symbol's number.
    pub(crate) fn renumber(&mut self, numbers: &[u32]) {
        for schema in &mut self.schemas {
            let columns = schema.values.iter_mut().flatten();
            for symbol in schema.names.iter_mut().chain(columns) {
                *symbol = numbers[*symbol as usize];
            }
        }
    }

    pub(crate) fn encode(&self, effort: Effort, into: &mut Vec<u8>) {
        put_varint(into, self.len() as u64);
        put_varint(into, self.schemas.len() as u64);
        for schema in &self.schemas {
            put_varint(into, schema.names.len() as u64);
            ints::put_column(&schema.names, effort, into);
        }
        let schemas: Vec<u32> = self.places.iter().map(|(schema, _)| *schema).collect();
        ints::put_column(&schemas, effort, into);
        for sort in 0..2 {
            let rows = |number| {
                let rows = self.rows(number, sort);
                (rows.end - rows.start) as u32
            };
            let rows: Vec<u32> = (0..self.len()).map(rows).collect();
            ints::put_column(&rows, effort, into);
        }
        for column in self.schemas.iter().flat_map(|schema| &schema.values) {
            ints::put_column(column, effort, into);
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let (head, mut reader) = Head::decode(bytes)?;
        let mut ends = [Vec::new(), Vec::new()];
        for ends in &mut ends {
            let mut end = 0;
            ends.extend(
                ints::column(&mut reader, head.schemas.len())?
                    .iter()
                    .map(|rows| {
                        end += u64::from(*rows);
                        end
                    }),
            );
        }
        let mut schemas = Vec::with_capacity(head.names.len());
        let mut members = vec![0u32; head.names.len()];
        let place = |schema: &u32| {
            let place = members[*schema as usize];
            members[*schema as usize] += 1;
            (*schema, place)
        };
        let places = head.schemas.iter().map(place).collect();
        for (names, members) in head.names.into_iter().zip(&members) {
            let mut values = Vec::with_capacity(names.len());
            for _ in 0..names.len() {
                values.push(ints::column(&mut reader, *members as usize)?);
            }
            schemas.push(Schema { names, values });
        }
        if !reader.is_empty() {
            return Err(CodecError::Corrupt(
                "a page of series is longer than it says",
            ));
        }
        Ok(Self {
            schemas,
            places,
            ends,
        })
    }

    /// Memory taken.
    pub(crate) fn bytes(&self) -> u64 {
        let columns = |schema: &Schema| {
            let values: usize = schema
                .values
                .iter()
                .map(|column| column.len() * 4 + 24)
                .sum();
            values + schema.names.len() * 4 + 48
        };
        (self.len() * 24 + self.schemas.iter().map(columns).sum::<usize>()) as u64
    }
}

/// What comes first on a page.
struct Head {
    /// The names of each schema.
    names: Vec<Vec<u32>>,
    /// The schema of each series.
    schemas: Vec<u32>,
}

impl Head {
    fn decode(bytes: &[u8]) -> Result<(Self, Reader<'_>), CodecError> {
        let mut reader = Reader::new(bytes);
        let count = reader.varint()?;
        if count > SERIES_PER_PAGE as u64 {
            return Err(CodecError::Corrupt("a page has too many series"));
        }
        let mut names = Vec::new();
        for _ in 0..reader.count(2)? {
            let labels = reader.varint()?;
            if labels > tacho_model::label::LABELS_MAX as u64 {
                return Err(CodecError::Corrupt("a series has too many labels"));
            }
            names.push(ints::column(&mut reader, labels as usize)?);
        }
        let schemas = ints::column(&mut reader, count as usize)?;
        if schemas.iter().any(|schema| *schema as usize >= names.len()) {
            return Err(CodecError::Corrupt("a series has no schema"));
        }
        Ok((Self { names, schemas }, reader))
    }
}

/// Hands the place and value of every series of an encoded page that has label `name` to `each`,
/// without decoding the other columns.
pub(crate) fn values_of(
    bytes: &[u8],
    name: u32,
    mut each: impl FnMut(usize, u32),
) -> Result<(), CodecError> {
    let (head, mut reader) = Head::decode(bytes)?;
    if !head.names.iter().any(|names| names.contains(&name)) {
        return Ok(());
    }
    for _ in 0..2 {
        reader.bytes()?;
    }
    for (schema, names) in head.names.iter().enumerate() {
        for label in names {
            if *label != name {
                reader.bytes()?;
                continue;
            }
            let has = |s: &&u32| **s as usize == schema;
            let members = head.schemas.iter().filter(has).count();
            let column = ints::column(&mut reader, members)?;
            let places = head.schemas.iter().enumerate();
            let places = places.filter(|(_, s)| **s as usize == schema);
            for ((place, _), value) in places.zip(column) {
                each(place, value);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_series_round_trip(series in prop::collection::vec(
            (prop::collection::btree_map(0u32..9, any::<u32>(), 0..4), any::<[u32; 2]>()), 0..99,
        )) {
            let mut page = SeriesPage::default();
            for (labels, rows) in &series {
                let names: Vec<u32> = labels.keys().copied().collect();
                let values: Vec<u32> = labels.values().copied().collect();
                page.push(&names, &values, *rows);
            }
            let mut bytes = Vec::new();
            page.encode(Effort::Final, &mut bytes);
            let back = SeriesPage::decode(&bytes).unwrap();
            assert_eq!(back, page);
            let mut before = [0; 2];
            for (number, (labels, rows)) in series.iter().enumerate() {
                assert!(back.labels(number).eq(labels.iter().map(|(n, v)| (*n, *v))));
                for sort in 0..2 {
                    let end = before[sort] + u64::from(rows[sort]);
                    assert_eq!(back.rows(number, sort), before[sort]..end);
                    before[sort] = end;
                }
            }
            for name in 0..9 {
                let mut found = Vec::new();
                values_of(&bytes, name, |place, value| found.push((place, value))).unwrap();
                found.sort_unstable();
                let has = series.iter().enumerate();
                let has = has.filter_map(|(i, (labels, _))| Some((i, *labels.get(&name)?)));
                assert_eq!(found, has.collect::<Vec<_>>());
            }
            for end in 0..bytes.len() {
                assert!(SeriesPage::decode(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = SeriesPage::decode(&bytes);
            let _ = values_of(&bytes, 1, |_, _| {});
        }
    }
}
