//! Answering questions: which series match, and their samples.
//!
//! A selection is a consistent view: it holds its blocks open, shares sealed chunks, and copies
//! the few samples that are not sealed yet. Nothing is decoded before it is read. Blocks and heads
//! each give a sorted list of series, so the selection is a merge of sorted lists.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tacho_model::{Columns, Labels, LabelsRef, QueryError, Selection, TimeRange};

use crate::block::{Block, SeriesRows};
use crate::chunk::Chunk;
use crate::codec::values::Wanted;
use crate::error::StoreError;
use crate::head::Head;
use crate::matching::Filter;
use crate::samples::Gather;
use crate::tombstones::{Pending, Tombstone, covers};

/// Some of the samples of one series.
enum Source {
    /// In a block, but for the times that were deleted.
    Rows(Arc<Block>, SeriesRows, Vec<TimeRange>),
    /// In a head: sealed, and a copy of what is not.
    Memory(Vec<Chunk>, Option<Columns>),
}

/// What no longer changes: blocks and the frozen head, from the oldest writes to the newest. It is
/// read without any lock.
pub(crate) struct Older {
    pub(crate) blocks: Vec<Arc<Block>>,
    pub(crate) frozen: Option<Arc<Head>>,
    pub(crate) tombstones: Arc<[Tombstone]>,
}

/// The labels of the series of a head that match and may have samples inside `range`.
pub(crate) fn labels_in(head: &Head, filter: &Filter<'_>, range: TimeRange) -> Vec<Labels> {
    let mut all = Vec::new();
    head.for_each(filter, range, |labels, _| {
        all.push(labels.to_owned());
        true
    });
    all
}

impl Older {
    /// The blocks that may have samples inside `range`.
    pub(crate) fn blocks(&self, range: TimeRange) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks
            .iter()
            .filter(move |block| block.footer.range.overlaps(range))
    }

    /// Hands the labels of every matching series of the frozen head to `each`.
    pub(crate) fn for_each_frozen(
        &self,
        filter: &Filter<'_>,
        range: TimeRange,
        mut each: impl FnMut(LabelsRef<'_>),
    ) {
        let heads = self.frozen.iter();
        for labels in heads.flat_map(|head| labels_in(head, filter, range)) {
            each(labels.as_ref());
        }
    }

    /// The matching series, ready to be read, with what was found in the `newest` head.
    pub(crate) fn select(
        &self,
        newest: Found,
        filter: &Filter<'_>,
        range: TimeRange,
        samples_max: u64,
    ) -> Result<Selected, QueryError> {
        let limit = newest.limit;
        let mut lists = Vec::new();
        for block in self.blocks(range) {
            let mut found = Found::new(limit);
            let pending = Pending::of(&self.tombstones, &block.footer);
            let each = block.matching(filter, range, |series| {
                if filter.exact().is_some_and(|exact| exact != series.labels) {
                    return true;
                }
                let hidden = pending.hidden(series.labels);
                if !covers(&hidden, range) {
                    let source = Source::Rows(block.clone(), series.rows, hidden);
                    found.add(series.labels.to_owned(), source);
                }
                !found.exceeds()
            });
            each.map_err(failed)?;
            lists.push(found);
        }
        if let Some(head) = &self.frozen {
            let mut found = Found::new(limit);
            found.add_head(head, filter, range);
            lists.push(found);
        }
        lists.push(newest);
        Selected::new(lists, limit, range, samples_max)
    }
}

/// Series found in one block or head, each once.
pub(crate) struct Found {
    series: Vec<(Labels, Source)>,
    limit: u64,
    sorted: bool,
}

impl Found {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            series: Vec::new(),
            limit,
            sorted: true,
        }
    }

    /// Adds what a head holds: chunks shared, what is not sealed copied.
    pub(crate) fn add_head(&mut self, head: &Head, filter: &Filter<'_>, range: TimeRange) {
        head.for_each(filter, range, |labels, series| {
            let inside = series.chunks().iter().filter(|c| c.range().overlaps(range));
            let chunks: Vec<Chunk> = inside.cloned().collect();
            let open = series.open(range);
            if !chunks.is_empty() || open.is_some() {
                self.add(labels.to_owned(), Source::Memory(chunks, open));
            }
            !self.exceeds()
        });
    }

    fn add(&mut self, labels: Labels, source: Source) {
        let before = self.series.last();
        self.sorted &= before.is_none_or(|(before, _)| *before < labels);
        self.series.push((labels, source));
    }

    fn exceeds(&self) -> bool {
        self.series.len() as u64 > self.limit
    }
}

/// Selected series.
pub(crate) struct Selected {
    labels: Vec<Labels>,
    /// The sources of all series, from the oldest writes of each to its newest.
    sources: Vec<Source>,
    /// For each series where its sources end.
    ends: Vec<usize>,
    range: TimeRange,
    samples_max: u64,
    samples: AtomicU64,
}

impl Selected {
    /// Merges lists that come from the oldest writes to the newest.
    fn new(
        lists: Vec<Found>,
        limit: u64,
        range: TimeRange,
        samples_max: u64,
    ) -> Result<Self, QueryError> {
        let mut selected = Self {
            labels: Vec::new(),
            sources: Vec::new(),
            ends: Vec::new(),
            range,
            samples_max,
            samples: AtomicU64::new(0),
        };
        let mut lists: Vec<_> = lists
            .into_iter()
            .map(|mut found| {
                if !found.sorted {
                    found.series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                }
                found.series.into_iter().peekable()
            })
            .collect();
        lists.retain_mut(|list| list.peek().is_some());
        while let Some(labels) = first(&mut lists) {
            for list in &mut lists {
                let source = list.next_if(|(other, _)| *other == labels);
                selected.sources.extend(source.map(|(_, source)| source));
            }
            selected.labels.push(labels);
            selected.ends.push(selected.sources.len());
            if selected.labels.len() as u64 > limit {
                return Err(QueryError::TooMuch {
                    what: "series",
                    limit,
                });
            }
        }
        Ok(selected)
    }

    fn count(&self, samples: u64) -> Result<(), QueryError> {
        let before = self.samples.fetch_add(samples, Ordering::Relaxed);
        if before.saturating_add(samples) > self.samples_max {
            let limit = self.samples_max;
            return Err(QueryError::TooMuch {
                what: "samples",
                limit,
            });
        }
        Ok(())
    }

    fn read_rows(
        &self,
        block: &Block,
        rows: &SeriesRows,
        gather: &mut Gather<'_>,
    ) -> Result<(), QueryError> {
        let mut outcome = Ok(());
        let pages = block.pages(rows, self.range, |part| {
            outcome = self
                .count(part.count())
                .and_then(|()| block.read(&part, gather).map_err(failed));
            outcome.is_ok()
        });
        pages.map_err(failed).and(outcome)
    }
}

/// The lowest labels at the head of any list.
fn first(
    lists: &mut [std::iter::Peekable<std::vec::IntoIter<(Labels, Source)>>],
) -> Option<Labels> {
    let mut first: Option<&Labels> = None;
    for list in lists {
        if let Some((labels, _)) = list.peek() {
            // Lists mostly hold the same series, and telling that they are is quick.
            let lower = first.is_none_or(|first| first != labels && labels < first);
            if lower {
                first = Some(labels);
            }
        }
    }
    first.cloned()
}

impl Selection for Selected {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        &self.labels[index]
    }

    fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        self.gather(index, Gather::new(into, self.range))
    }

    fn read_times(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        self.gather(index, Gather::of(into, self.range, Wanted::Markers))
    }
}

impl Selected {
    /// Reads the samples of a series.
    fn gather(&self, index: usize, mut gather: Gather<'_>) -> Result<(), QueryError> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        for source in &self.sources[start..self.ends[index]] {
            match source {
                Source::Rows(block, rows, hidden) => {
                    gather.hide(hidden);
                    self.read_rows(block, rows, &mut gather)?;
                    gather.hide(&[]);
                }
                Source::Memory(chunks, open) => {
                    for chunk in chunks {
                        self.count(chunk.count())?;
                        let read = chunk.read(&mut gather);
                        read.map_err(|error| QueryError::Failed(Box::new(error)))?;
                    }
                    if let Some(columns) = open {
                        self.count(columns.len() as u64)?;
                        gather.columns(columns);
                    }
                }
            }
        }
        gather.finish();
        Ok(())
    }
}

/// An error of the store as a query's.
pub(crate) fn failed(error: StoreError) -> QueryError {
    QueryError::Failed(Box::new(error))
}
