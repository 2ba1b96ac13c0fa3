//! Answering questions: which series match, and their samples.
//!
//! A selection is a consistent view: it holds its blocks open, shares sealed chunks, and copies
//! the few samples that are not sealed yet. Nothing is decoded before it is read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tacho_model::{Columns, Labels, LabelsRef, MatchOp, Matcher, QueryError, Selection, TimeRange};

use crate::block::Block;
use crate::block::format::PageRef;
use crate::chunk::Chunk;
use crate::error::StoreError;
use crate::head::Head;
use crate::samples::Gather;

/// Distinct values of one label whose answer is remembered while series are matched.
const MEMO_MAX: usize = 10_000;

/// Matchers, with each regular expression evaluated once for each distinct value.
pub(crate) struct Filter<'a> {
    conditions: Vec<(&'a Matcher, Memo)>,
}

/// What a regular expression said of the values seen so far.
type Memo = RefCell<HashMap<String, bool>>;

impl<'a> Filter<'a> {
    pub(crate) fn new(matchers: &'a [Matcher]) -> Self {
        let mut conditions: Vec<_> = matchers.iter().map(|m| (m, Memo::default())).collect();
        // Comparisons first: what they exclude never reaches a regular expression.
        conditions.sort_by_key(|(m, _)| is_regex(m));
        Self { conditions }
    }

    pub(crate) fn matches(&self, labels: LabelsRef<'_>) -> bool {
        self.conditions.iter().all(|(matcher, memo)| {
            if !is_regex(matcher) {
                return matcher.matches_set(labels);
            }
            let value = labels.get(matcher.name()).unwrap_or("");
            let mut memo = memo.borrow_mut();
            if let Some(known) = memo.get(value) {
                return *known;
            }
            let answer = matcher.matches(value);
            if memo.len() < MEMO_MAX {
                memo.insert(value.to_owned(), answer);
            }
            answer
        })
    }
}

impl Filter<'_> {
    /// Whether a value satisfies all matchers of one label.
    pub(crate) fn matches_label(&self, name: &str, value: &str) -> bool {
        let of_name = |(matcher, _): &&(&Matcher, Memo)| matcher.name() == name;
        let mut conditions = self.conditions.iter().filter(of_name);
        conditions.all(|(matcher, _)| matcher.matches(value))
    }
}

fn is_regex(matcher: &Matcher) -> bool {
    matches!(matcher.op(), MatchOp::Regex | MatchOp::NotRegex)
}

/// Some of the samples of one series.
enum Source {
    Pages(Arc<Block>, Vec<PageRef>),
    Chunk(Chunk),
    Open(Columns),
}

/// What no longer changes: blocks and the frozen head, from the oldest writes to the newest. It is
/// read without any lock.
pub(crate) struct Older {
    pub(crate) blocks: Vec<Arc<Block>>,
    pub(crate) frozen: Option<Arc<Head>>,
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
    fn blocks(&self, range: TimeRange) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks
            .iter()
            .filter(move |block| block.footer.range.overlaps(range))
    }

    /// Hands the labels of every matching series to `each`; one may come more than once.
    pub(crate) fn for_each_labels(
        &self,
        filter: &Filter<'_>,
        range: TimeRange,
        mut each: impl FnMut(LabelsRef<'_>),
    ) -> Result<(), StoreError> {
        for block in self.blocks(range) {
            block.for_each(range, |entry| {
                if filter.matches(entry.labels) && !block.pages(entry, range).is_empty() {
                    each(entry.labels);
                }
            })?;
        }
        for labels in self
            .frozen
            .iter()
            .flat_map(|head| labels_in(head, filter, range))
        {
            each(labels.as_ref());
        }
        Ok(())
    }

    /// The matching series, ready to be read, with what was found in the `newest` head.
    pub(crate) fn select(
        &self,
        newest: Found,
        filter: &Filter<'_>,
        range: TimeRange,
        samples_max: u64,
    ) -> Result<Selected, QueryError> {
        let mut found = Found::new(newest.limit);
        for block in self.blocks(range) {
            let select = block.for_each(range, |entry| {
                if filter.matches(entry.labels) {
                    let pages = block.pages(entry, range);
                    if !pages.is_empty() {
                        found.add(entry.labels, Source::Pages(block.clone(), pages));
                    }
                }
            });
            select.map_err(failed)?;
        }
        if let Some(head) = &self.frozen {
            found.add_head(head, filter, range);
        }
        found.extend(newest);
        found.check()?;
        let mut series: Vec<_> = found.series.into_iter().collect();
        series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(Selected {
            series,
            range,
            samples_max,
            samples: AtomicU64::new(0),
        })
    }
}

/// Series collected so far, up to the limit.
pub(crate) struct Found {
    series: HashMap<Labels, Vec<Source>>,
    limit: u64,
    exceeded: bool,
}

impl Found {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            series: HashMap::new(),
            limit,
            exceeded: false,
        }
    }

    /// Adds what a head holds: chunks shared, what is not sealed copied.
    pub(crate) fn add_head(&mut self, head: &Head, filter: &Filter<'_>, range: TimeRange) {
        head.for_each(filter, range, |labels, series| {
            for chunk in series.chunks().iter().filter(|c| c.range().overlaps(range)) {
                self.add(labels, Source::Chunk(chunk.clone()));
            }
            if let Some(open) = series.open(range) {
                self.add(labels, Source::Open(open));
            }
            !self.exceeded
        });
    }

    fn add(&mut self, labels: LabelsRef<'_>, source: Source) {
        if self.exceeded {
            return;
        }
        self.series
            .entry(labels.to_owned())
            .or_default()
            .push(source);
        self.exceeded = self.series.len() as u64 > self.limit;
    }

    /// Adds what was written later.
    fn extend(&mut self, newer: Self) {
        for (labels, sources) in newer.series {
            self.series.entry(labels).or_default().extend(sources);
        }
        self.exceeded |= newer.exceeded || self.series.len() as u64 > self.limit;
    }

    fn check(&self) -> Result<(), QueryError> {
        if self.exceeded {
            let limit = self.limit;
            return Err(QueryError::TooMuch {
                what: "series",
                limit,
            });
        }
        Ok(())
    }
}

/// Selected series.
pub(crate) struct Selected {
    series: Vec<(Labels, Vec<Source>)>,
    range: TimeRange,
    samples_max: u64,
    samples: AtomicU64,
}

impl Selected {
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
}

impl Selection for Selected {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        &self.series[index].0
    }

    fn read(&self, index: usize, into: &mut Columns) -> Result<(), QueryError> {
        let mut gather = Gather::new(into, self.range);
        for source in &self.series[index].1 {
            match source {
                Source::Pages(block, pages) => {
                    for page in pages {
                        self.count(u64::from(page.count))?;
                        block.read(page, &mut gather).map_err(failed)?;
                    }
                }
                Source::Chunk(chunk) => {
                    self.count(chunk.count())?;
                    let read = chunk.read(&mut gather);
                    read.map_err(|error| QueryError::Failed(Box::new(error)))?;
                }
                Source::Open(columns) => {
                    self.count(columns.len() as u64)?;
                    gather.columns(columns);
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
