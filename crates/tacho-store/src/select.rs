//! Answering questions: which series match, and their samples.
//!
//! A selection is a consistent view: it holds its blocks open, shares sealed chunks, and copies
//! the few samples that are not sealed yet. Nothing is decoded before it is read.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tacho_model::{Columns, Labels, LabelsRef, MatchOp, Matcher, QueryError, Selection, TimeRange};

use crate::block::Block;
use crate::block::format::PageRef;
use crate::error::StoreError;
use crate::head::{Chunk, Head};
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

fn is_regex(matcher: &Matcher) -> bool {
    matches!(matcher.op(), MatchOp::Regex | MatchOp::NotRegex)
}

/// Some of the samples of one series.
enum Source {
    Pages(Arc<Block>, Vec<PageRef>),
    Chunk(Chunk),
    Open(Columns),
}

/// What a query may touch.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) series: u64,
    pub(crate) samples: u64,
}

/// Everything there is to select from, from the oldest writes to the newest.
pub(crate) struct View<'a> {
    pub(crate) blocks: &'a [Arc<Block>],
    pub(crate) frozen: Option<&'a Head>,
    pub(crate) head: &'a Head,
}

impl<'a> View<'a> {
    fn heads(&self) -> impl Iterator<Item = &'a Head> {
        self.frozen.into_iter().chain(Some(self.head))
    }

    /// Hands the labels of every matching series to `each`; one may come more than once.
    fn for_each_labels(
        &self,
        filter: &Filter<'_>,
        range: TimeRange,
        mut each: impl FnMut(LabelsRef<'_>),
    ) -> Result<(), StoreError> {
        for block in self
            .blocks
            .iter()
            .filter(|b| b.footer.range.overlaps(range))
        {
            block.for_each(range, |entry| {
                if filter.matches(entry.labels) && !block.pages(entry, range).is_empty() {
                    each(entry.labels);
                }
            })?;
        }
        for series in self.heads().flat_map(Head::series) {
            if series.range().overlaps(range) && filter.matches(series.labels().as_ref()) {
                each(series.labels().as_ref());
            }
        }
        Ok(())
    }

    /// The sorted, distinct values of a label.
    pub(crate) fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, StoreError> {
        let mut values = BTreeSet::new();
        self.for_each_labels(&Filter::new(matchers), range, |labels| {
            if let Some(value) = labels.get(name)
                && !values.contains(value)
            {
                values.insert(value.to_owned());
            }
        })?;
        Ok(values.into_iter().collect())
    }

    /// The sorted, distinct label names.
    pub(crate) fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, StoreError> {
        let mut names = BTreeSet::new();
        self.for_each_labels(&Filter::new(matchers), range, |labels| {
            for (name, _) in labels {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        })?;
        Ok(names.into_iter().collect())
    }

    /// The matching series, ready to be read.
    pub(crate) fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: Limits,
    ) -> Result<Selected, QueryError> {
        let filter = Filter::new(matchers);
        let mut found = Found {
            series: HashMap::new(),
            limit: limits.series,
            exceeded: false,
        };
        for block in self
            .blocks
            .iter()
            .filter(|b| b.footer.range.overlaps(range))
        {
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
        for series in self.heads().flat_map(Head::series) {
            let labels = series.labels().as_ref();
            if !series.range().overlaps(range) || !filter.matches(labels) {
                continue;
            }
            for chunk in series.chunks(range) {
                found.add(labels, Source::Chunk(chunk.clone()));
            }
            if let Some(open) = series.open(range) {
                found.add(labels, Source::Open(open));
            }
        }
        found.check()?;
        let mut series: Vec<_> = found.series.into_iter().collect();
        series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(Selected {
            series,
            range,
            samples_max: limits.samples,
            samples: AtomicU64::new(0),
        })
    }
}

/// Series collected so far, up to the limit.
struct Found {
    series: HashMap<Labels, Vec<Source>>,
    limit: u64,
    exceeded: bool,
}

impl Found {
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
