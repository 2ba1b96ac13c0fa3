//! Building a block's index: symbols, series and postings, in one pass over sorted series.
//!
//! While series come, their labels are numbered in the order they are first seen and kept in
//! packed pages, a few bytes a series. Only at the end are all symbols known; then they are
//! sorted, the pages renumbered, and the postings made label by label, so that no more than one
//! label's ordinals are in memory at a time.

use tacho_model::LabelsRef;

use super::format::{
    Directory, LabelAt, PostingsAt, RowsAt, SERIES_PER_PAGE, SYMBOLS_PER_PAGE, SymbolsAt,
};
use super::output::Output;
use super::postings::PostingsBuilder;
use super::series::{SeriesPage, values_of};
use super::symbols;
use crate::codec::Effort;
use crate::error::{CodecError, StoreError};
use crate::interner::Interner;

/// The index of a block under construction.
#[derive(Default)]
pub(crate) struct IndexBuilder {
    symbols: Interner,
    page: SeriesPage,
    /// Full pages, with numbers in the order of first sight, and their rows.
    pages: Vec<(Vec<u8>, [u64; 2])>,
    /// The names and values of the series before: most of them come again.
    names: Vec<u32>,
    values: Vec<u32>,
    series: u64,
}

impl IndexBuilder {
    /// Adds a series that has so many rows of each sort.
    pub(crate) fn add(&mut self, labels: LabelsRef<'_>, rows: [u32; 2]) {
        let mut count = 0;
        for (place, (name, value)) in labels.iter().enumerate() {
            for (known, text) in [(&mut self.names, name), (&mut self.values, value)] {
                match known.get(place) {
                    Some(number) if self.symbols.get(*number) == text => {}
                    Some(_) => known[place] = self.symbols.number(text),
                    None => known.push(self.symbols.number(text)),
                }
            }
            count += 1;
        }
        self.names.truncate(count);
        self.values.truncate(count);
        self.page.push(&self.names, &self.values, rows);
        self.series += 1;
        if self.page.len() == SERIES_PER_PAGE {
            self.end_page();
        }
    }

    pub(crate) fn series(&self) -> u64 {
        self.series
    }

    fn end_page(&mut self) {
        let page = std::mem::take(&mut self.page);
        let mut bytes = Vec::new();
        page.encode(Effort::Least, &mut bytes);
        self.pages.push((bytes, page.all_rows()));
    }

    /// Writes everything and notes in `directory` where it is.
    pub(crate) fn finish(
        &mut self,
        output: &mut Output,
        effort: Effort,
        directory: &mut Directory,
    ) -> Result<(), StoreError> {
        if self.page.len() > 0 {
            self.end_page();
        }
        let symbols = std::mem::take(&mut self.symbols);
        let mut sorted: Vec<u32> = (0..symbols.len() as u32).collect();
        sorted.sort_unstable_by_key(|number| symbols.get(*number));
        let mut numbers = vec![0; sorted.len()];
        for (number, old) in sorted.iter().enumerate() {
            numbers[*old as usize] = number as u32;
        }
        for page in sorted.chunks(SYMBOLS_PER_PAGE) {
            let mut bytes = Vec::new();
            symbols::encode(page.iter().map(|number| symbols.get(*number)), &mut bytes);
            let at = output.put(&bytes)?;
            let first = symbols.get(page[0]).to_owned();
            directory.symbols.push(SymbolsAt { at, first });
        }
        let mut is_name = vec![false; sorted.len()];
        for (page, rows) in &mut self.pages {
            let mut decoded = SeriesPage::decode(page).map_err(own_bytes)?;
            decoded.renumber(&numbers);
            for schema in &decoded.schemas {
                schema
                    .names
                    .iter()
                    .for_each(|n| is_name[*n as usize] = true);
            }
            page.clear();
            decoded.encode(effort, page);
            let at = output.put(page)?;
            let before = directory.rows;
            directory.series.push(RowsAt { at, before });
            directory.rows = [before[0] + rows[0], before[1] + rows[1]];
        }
        for (number, old) in sorted.iter().enumerate() {
            if is_name[number] {
                let pages = self.put_postings(number as u32, output, effort)?;
                let name = symbols.get(*old).to_owned();
                directory.labels.push(LabelAt { name, pages });
            }
        }
        Ok(())
    }

    /// Writes the postings of one label.
    fn put_postings(
        &self,
        name: u32,
        output: &mut Output,
        effort: Effort,
    ) -> Result<Vec<PostingsAt>, StoreError> {
        // Value and ordinal in one number, which sorts fastest.
        let mut found: Vec<u64> = Vec::new();
        for (number, (page, _)) in self.pages.iter().enumerate() {
            let first = (number * SERIES_PER_PAGE) as u64;
            let each = |place: usize, value: u32| {
                found.push(u64::from(value) << 32 | (first + place as u64));
            };
            values_of(page, name, each).map_err(own_bytes)?;
        }
        found.sort_unstable();
        let mut pages = Vec::new();
        let mut builder = PostingsBuilder::default();
        let mut ordinals = Vec::new();
        for series in found.chunk_by(|a, b| a >> 32 == b >> 32) {
            ordinals.clear();
            ordinals.extend(series.iter().map(|both| *both as u32));
            builder.push((series[0] >> 32) as u32, &ordinals, effort);
            if builder.is_full() {
                put_page(&mut builder, &mut pages, output, effort)?;
            }
        }
        put_page(&mut builder, &mut pages, output, effort)?;
        Ok(pages)
    }
}

fn put_page(
    builder: &mut PostingsBuilder,
    pages: &mut Vec<PostingsAt>,
    output: &mut Output,
    effort: Effort,
) -> Result<(), StoreError> {
    if let Some(first) = builder.first() {
        let at = output.put(&builder.finish(effort))?;
        pages.push(PostingsAt { at, first });
    }
    Ok(())
}

/// Bytes that this builder itself encoded could not be read: memory is damaged.
fn own_bytes(error: CodecError) -> StoreError {
    StoreError::Damaged {
        path: "memory".into(),
        offset: 0,
        reason: error.to_string(),
    }
}
