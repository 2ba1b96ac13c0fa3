//! Finding series in a block, and walking over all of them.
//!
//! Each matcher is turned into the values of its label that it means, from those into ordinals by
//! the postings. The smallest set comes first, and a list that would cost more to read than the
//! remaining candidates cost to look at is left out: every candidate's labels are checked in any
//! case, so postings decide nothing. For the same reason a damaged page of postings costs time
//! only. A damaged page of series or symbols costs the series that need it.

use std::ops::Range;
use std::sync::Arc;

use tacho_model::{Labels, LabelsRef, TimeRange, label};

use super::format::{LabelAt, PageAt, RowsAt, SERIES_PER_PAGE, SYMBOLS_PER_PAGE};
use super::postings::{Ordinals, PostingsPage};
use super::read::{Block, SeriesRows};
use super::series::SeriesPage;
use super::symbols::SymbolPage;
use crate::cache::Part;
use crate::error::StoreError;
use crate::matching::{Condition, Filter, Shape};

/// Ordinals that are decoded in the time that one candidate's labels are looked at.
const LIST_PER_CANDIDATE: u64 = 40;
/// Pages of symbols held at a time, beside the cache.
const PAGES_HELD: usize = 1024;

/// A series of a block.
pub(crate) struct Labelled<'a> {
    pub(crate) labels: LabelsRef<'a>,
    pub(crate) rows: SeriesRows,
}

/// The symbols of a block, with the pages that were needed so far at hand.
pub(super) struct Symbols<'a> {
    block: &'a Block,
    pages: Vec<Option<Arc<SymbolPage>>>,
    held: usize,
}

impl<'a> Symbols<'a> {
    pub(super) fn new(block: &'a Block) -> Self {
        Self {
            block,
            pages: vec![None; block.directory.symbols.len()],
            held: 0,
        }
    }

    /// A page; `None` when it is damaged or does not exist.
    pub(super) fn page(&mut self, number: usize) -> Result<Option<&SymbolPage>, StoreError> {
        if self.pages.get(number).is_some_and(Option::is_none) {
            if self.held == PAGES_HELD {
                self.pages.fill(None);
                self.held = 0;
            }
            let kept = |part| match part {
                Part::Symbols(page) => Some(page),
                _ => None,
            };
            let at = self.block.directory.symbols[number].at;
            let page = self
                .block
                .part(at, kept, SymbolPage::decode, Part::Symbols)?;
            self.held += usize::from(page.is_some());
            self.pages[number] = page;
        }
        Ok(self.pages.get(number).and_then(Option::as_deref))
    }

    /// The text of a symbol; `None` when it cannot be read.
    fn text(&mut self, symbol: u32) -> Result<Option<&str>, StoreError> {
        let (page, place) = (
            symbol as usize / SYMBOLS_PER_PAGE,
            symbol as usize % SYMBOLS_PER_PAGE,
        );
        Ok(self.page(page)?.and_then(|page| page.get(place)))
    }

    /// The text of a symbol, if its page is held.
    fn at_hand(&self, symbol: u32) -> Option<&str> {
        let page = self.pages.get(symbol as usize / SYMBOLS_PER_PAGE)?;
        page.as_ref()?.get(symbol as usize % SYMBOLS_PER_PAGE)
    }

    /// How many symbols are below `text`; `None` when that cannot be read.
    fn below(&mut self, text: &str) -> Result<Option<u32>, StoreError> {
        let symbols = &self.block.directory.symbols;
        let page = symbols.partition_point(|page| page.first.as_str() <= text);
        let Some(page) = page.checked_sub(1) else {
            return Ok(Some(0));
        };
        let before = page * SYMBOLS_PER_PAGE;
        let place = self.page(page)?.map(|page| page.below(text));
        Ok(place.map(|place| (before + place) as u32))
    }

    /// The symbols that are this text: one or none; `None` when that cannot be read.
    fn exactly(&mut self, text: &str) -> Result<Option<Range<u32>>, StoreError> {
        let Some(number) = self.below(text)? else {
            return Ok(None);
        };
        let found = self.text(number)? == Some(text);
        Ok(Some(number..number + u32::from(found)))
    }
}

/// The end of the texts that begin with `prefix`, in their order; `None` when nothing follows them.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // The order of texts is that of their characters.
        if let Some(next) = ((last as u32 + 1)..=char::MAX as u32).find_map(char::from_u32) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

/// What the postings say of one matcher.
struct Plan {
    /// The lists that matter: page and place.
    lists: Vec<(PageAt, Arc<PostingsPage>, usize)>,
    /// What it costs to read them.
    cost: u64,
    /// Whether their series are those that do not match.
    excluded: bool,
}

impl Block {
    /// Hands the series that match and may have samples inside `range` to `each`, in order of
    /// labels, until that says stop.
    pub(crate) fn matching(
        &self,
        filter: &Filter<'_>,
        range: TimeRange,
        mut each: impl FnMut(Labelled<'_>) -> bool,
    ) -> Result<(), StoreError> {
        let mut symbols = Symbols::new(self);
        let candidates = self.candidates(filter, &mut symbols)?;
        let held = self.footer.range;
        let all_inside = range.start <= held.start && held.end <= range.end;
        let mut walk = Walk::new(self, symbols);
        for ordinal in candidates.iter() {
            let Some(series) = walk.series(ordinal)? else {
                continue;
            };
            if !filter.is_empty() && !filter.matches(series.labels) {
                continue;
            }
            let mut inside = all_inside;
            if !inside {
                self.pages(&series.rows, range, |_| {
                    inside = true;
                    false
                })?;
            }
            if inside && !each(series) {
                break;
            }
        }
        Ok(())
    }

    /// The values of a label, in order; `None` when damage is in the way.
    pub(crate) fn values_of(
        &self,
        name: &str,
        mut each: impl FnMut(&str),
    ) -> Result<Option<()>, StoreError> {
        let Some(label) = self.label(name) else {
            return Ok(Some(()));
        };
        let mut symbols = Symbols::new(self);
        for at in &label.pages {
            let Some(page) = self.postings(at.at)? else {
                return Ok(None);
            };
            for value in &page.values {
                let Some(text) = symbols.text(*value)? else {
                    return Ok(None);
                };
                each(text);
            }
        }
        Ok(Some(()))
    }

    fn label(&self, name: &str) -> Option<&LabelAt> {
        let labels = &self.directory.labels;
        let found = labels.binary_search_by(|label| label.name.as_str().cmp(name));
        found.ok().map(|number| &labels[number])
    }

    pub(super) fn postings(&self, at: PageAt) -> Result<Option<Arc<PostingsPage>>, StoreError> {
        let kept = |part| match part {
            Part::Postings(page) => Some(page),
            _ => None,
        };
        self.part(at, kept, PostingsPage::decode, Part::Postings)
    }

    /// Series among which all that match are.
    fn candidates(
        &self,
        filter: &Filter<'_>,
        symbols: &mut Symbols<'_>,
    ) -> Result<Ordinals, StoreError> {
        let series = self.footer.series;
        let mut candidates = Ordinals::all(series);
        let mut plans = Vec::new();
        for condition in &filter.conditions {
            plans.extend(self.plan(condition, symbols)?);
        }
        plans.sort_by_key(|plan| (plan.excluded, plan.cost));
        for plan in plans {
            if plan.cost > candidates.count().saturating_mul(LIST_PER_CANDIDATE) {
                continue;
            }
            let mut found = Ordinals::none(series);
            let mut whole = true;
            for (at, page, place) in &plan.lists {
                if let Err(error) = page.add(*place, &mut found) {
                    self.report(*at, &error.to_string());
                    whole = false;
                }
            }
            match (plan.excluded, whole) {
                // What a broken list says may be wrong.
                (_, false) => {}
                (true, true) => candidates.subtract(&found),
                (false, true) => candidates.intersect(&found),
            }
        }
        Ok(candidates)
    }

    /// Which lists a matcher needs; `None` when the postings cannot tell.
    fn plan(
        &self,
        condition: &Condition<'_>,
        symbols: &mut Symbols<'_>,
    ) -> Result<Option<Plan>, StoreError> {
        // A matcher that is true of the absent label excludes the series with other values.
        let excluded = condition.matches("");
        let mut plan = Plan {
            lists: Vec::new(),
            cost: 0,
            excluded,
        };
        let Some(label) = self.label(condition.name()) else {
            return Ok(Some(plan));
        };
        // Whether lists of values that the shape does not mean are wanted.
        let inverted = condition.negated != excluded;
        let Some(ranges) = meant(condition, symbols)? else {
            return Ok(None);
        };
        let within = |value: u32| {
            let next = ranges.partition_point(|range| range.start <= value);
            next.checked_sub(1)
                .is_some_and(|i| ranges[i].contains(&value))
        };
        for (number, at) in label.pages.iter().enumerate() {
            let end = label
                .pages
                .get(number + 1)
                .map_or(u32::MAX, |next| next.first);
            let touches = |range: &Range<u32>| range.start < end && at.first < range.end;
            let general = condition.shape == Shape::General;
            if !inverted && !general && !ranges.iter().any(touches) {
                continue;
            }
            let Some(page) = self.postings(at.at)? else {
                return Ok(None);
            };
            for (place, value) in page.values.iter().enumerate() {
                let means = match condition.shape {
                    Shape::General => {
                        let Some(text) = symbols.text(*value)? else {
                            return Ok(None);
                        };
                        condition.means(text)
                    }
                    _ => within(*value),
                };
                if means != inverted {
                    plan.cost += page.cost(place);
                    plan.lists.push((at.at, page.clone(), place));
                }
            }
        }
        Ok(Some(plan))
    }
}

/// The symbols that a shape means, as sorted ranges; not to be asked of a general one. `None` when
/// they cannot be read.
fn meant(
    condition: &Condition<'_>,
    symbols: &mut Symbols<'_>,
) -> Result<Option<Vec<Range<u32>>>, StoreError> {
    match &condition.shape {
        Shape::General => Ok(Some(Vec::new())),
        Shape::Literals(texts) => {
            let mut ranges = Vec::with_capacity(texts.len());
            for text in texts {
                match symbols.exactly(text)? {
                    Some(range) if range.is_empty() => {}
                    Some(range) => ranges.push(range),
                    None => return Ok(None),
                }
            }
            Ok(Some(ranges))
        }
        Shape::Prefix { prefix, longer } => {
            let Some(start) = symbols.below(prefix)? else {
                return Ok(None);
            };
            let end = match after_prefix(prefix) {
                Some(after) => symbols.below(&after)?,
                None => Some(u32::MAX),
            };
            let exact = if *longer {
                symbols.exactly(prefix)?.map(|range| range.len() as u32)
            } else {
                Some(0)
            };
            let range = end.zip(exact).map(|(end, exact)| start + exact..end);
            Ok(range.map(|range| Vec::from([range])))
        }
    }
}

/// Walks over series in rising order of their ordinals, with one page of them in memory.
struct Walk<'a> {
    block: &'a Block,
    symbols: Symbols<'a>,
    /// The number of the page, and the page unless it cannot be read.
    page: (usize, Option<(Arc<SeriesPage>, RowsAt)>),
    scratch: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn new(block: &'a Block, symbols: Symbols<'a>) -> Self {
        Self {
            block,
            symbols,
            page: (usize::MAX, None),
            scratch: Vec::new(),
        }
    }

    /// A series; `None` when it cannot be read.
    fn series(&mut self, ordinal: u64) -> Result<Option<Labelled<'_>>, StoreError> {
        let number = (ordinal / SERIES_PER_PAGE as u64) as usize;
        if self.page.0 != number {
            self.page = (number, self.block.series_page(number)?);
        }
        let Some((page, at)) = &self.page.1 else {
            return Ok(None);
        };
        let place = (ordinal % SERIES_PER_PAGE as u64) as usize;
        self.scratch.clear();
        for (name, value) in page.labels(place) {
            self.symbols.text(name)?;
            self.symbols.text(value)?;
            // Both at once, unless loading the one let go of the other.
            let texts = (self.symbols.at_hand(name), self.symbols.at_hand(value));
            if let (Some(name), Some(value)) = texts {
                label::put(&mut self.scratch, name, value);
                continue;
            }
            let Some(name) = self.symbols.text(name)?.map(str::to_owned) else {
                return Ok(None);
            };
            let Some(value) = self.symbols.text(value)? else {
                return Ok(None);
            };
            label::put(&mut self.scratch, &name, value);
        }
        let rows = SeriesRows([0, 1].map(|sort| {
            let rows = page.rows(place, sort);
            at.before[sort] + rows.start..at.before[sort] + rows.end
        }));
        match LabelsRef::from_encoded(&self.scratch) {
            Ok(labels) => Ok(Some(Labelled { labels, rows })),
            Err(error) => {
                self.block.report(at.at, &error.to_string());
                Ok(None)
            }
        }
    }
}

/// Walks over all series of a block in order, for merging.
pub(crate) struct Cursor<'a> {
    walk: Walk<'a>,
    next: u64,
    current: Option<(Labels, SeriesRows)>,
}

impl<'a> Cursor<'a> {
    /// At the first series.
    pub(crate) fn new(block: &'a Block) -> Result<Self, StoreError> {
        let mut cursor = Self {
            walk: Walk::new(block, Symbols::new(block)),
            next: 0,
            current: None,
        };
        cursor.advance()?;
        Ok(cursor)
    }

    pub(crate) fn block(&self) -> &'a Block {
        self.walk.block
    }

    /// The series it stands at; `None` beyond the last.
    pub(crate) fn current(&self) -> Option<&(Labels, SeriesRows)> {
        self.current.as_ref()
    }

    /// Goes to the next series that can be read.
    pub(crate) fn advance(&mut self) -> Result<(), StoreError> {
        self.current = None;
        while self.current.is_none() && self.next < self.walk.block.footer.series {
            let series = self.walk.series(self.next)?;
            self.current = series.map(|series| (series.labels.to_owned(), series.rows));
            self.next += 1;
        }
        Ok(())
    }
}
