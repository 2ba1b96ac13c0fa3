//! Reading all of a block, so that whatever is damaged is found.

use super::find::Symbols;
use super::format::Sort;
use super::postings::Ordinals;
use super::read::{Block, PagePart};
use crate::error::StoreError;
use crate::samples::Gather;
use tacho_model::{Columns, TimeRange};

impl Block {
    /// Reads and decodes every page; what is damaged is reported, as when it is met by chance.
    pub(crate) fn verify(&self) -> Result<(), StoreError> {
        self.metadata()?;
        let mut symbols = Symbols::new(self);
        for page in 0..self.directory.symbols.len() {
            symbols.page(page)?;
        }
        for page in 0..self.directory.series.len() {
            self.series_page(page)?;
        }
        for label in &self.directory.labels {
            for at in &label.pages {
                let Some(page) = self.postings(at.at)? else {
                    continue;
                };
                for place in 0..page.values.len() {
                    let mut found = Ordinals::none(self.footer.series);
                    if let Err(error) = page.add(place, &mut found) {
                        self.report(at.at, &error.to_string());
                    }
                }
            }
        }
        for at in &self.directory.times {
            let Some(table) = self.table_page(*at)? else {
                continue;
            };
            for entry in table.entries() {
                self.decoded_times(entry)?;
            }
        }
        for sort in [Sort::Floats, Sort::Histograms] {
            for at in &self.directory.tables[sort as usize] {
                let Some(table) = self.table_page(at.at)? else {
                    continue;
                };
                for entry in table.entries() {
                    // Not all rows, as if the page were shared: then times may start again.
                    let part = PagePart {
                        sort,
                        entry: *entry,
                        rows: 0..0,
                    };
                    let mut nothing = Columns::new();
                    self.read(&part, &mut Gather::new(&mut nothing, TimeRange::ALL))?;
                }
            }
        }
        Ok(())
    }
}
