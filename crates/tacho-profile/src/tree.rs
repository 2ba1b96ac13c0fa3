//! The spans of one trace as a tree.
//!
//! 1. Every span that is given is in the tree once, whatever identifiers and parents say: a span
//!    whose parent is not there, or that is its own ancestor, is a root, and is said to be odd.
//! 2. A parent comes before its children in [`Tree::order`], and the spans below one follow it
//!    without a gap.
//! 3. Times stay as they were told. A child outside its parent's time (clocks of two hosts, or work
//!    that nobody waits for) counts for its parent only as far as the two overlap, and is said to be
//!    odd.
//!
//! Nothing here recurses: a trace may be as deep as it is large. Not for what spans mean.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use tacho_model::Timestamp;
use tacho_model::span::SpanKind;

/// A span with what its place and its time tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LightSpan {
    /// Its identifier.
    pub id: u64,
    /// The span that caused it, or 0.
    pub parent_id: u64,
    /// When it began.
    pub start: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// What it did: the caller's number for its operation.
    pub name: u32,
    /// Who did it: the caller's number for its service.
    pub service: u32,
    /// Whether it failed.
    pub failed: bool,
    /// On which side of a call it was.
    pub kind: SpanKind,
}

impl LightSpan {
    pub(crate) fn from(&self) -> i64 {
        self.start.as_nanos()
    }

    pub(crate) fn until(&self) -> i64 {
        let nanos = i64::try_from(self.duration.as_nanos()).unwrap_or(i64::MAX);
        self.from().saturating_add(nanos)
    }
}

/// What is odd about a span's place in its trace; of several, the first of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// It is its own ancestor; the chain was cut here.
    Cycle,
    /// An earlier one has the same identifier.
    Duplicate,
    /// It names a parent that is not there.
    Orphan,
    /// It began so long before its parent did: two clocks disagree.
    BeginsBeforeParent(Duration),
    /// It ended so long after its parent did: nobody waited for it, or two clocks disagree.
    OutlivesParent(Duration),
}

/// How many spans of a trace are odd.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Oddities {
    /// See [`Oddity::Cycle`].
    pub cycles: usize,
    /// See [`Oddity::Duplicate`].
    pub duplicates: usize,
    /// See [`Oddity::Orphan`].
    pub orphans: usize,
    /// See [`Oddity::BeginsBeforeParent`].
    pub begin_before_parent: usize,
    /// The longest of them: at least so far two clocks are apart.
    pub skew: Duration,
    /// See [`Oddity::OutlivesParent`].
    pub outlive_parent: usize,
}

impl Oddities {
    /// Counts those of another trace too.
    pub fn add(&mut self, other: &Self) {
        self.cycles += other.cycles;
        self.duplicates += other.duplicates;
        self.orphans += other.orphans;
        self.begin_before_parent += other.begin_before_parent;
        self.skew = self.skew.max(other.skew);
        self.outlive_parent += other.outlive_parent;
    }

    fn note(&mut self, oddity: Oddity) {
        match oddity {
            Oddity::Cycle => self.cycles += 1,
            Oddity::Duplicate => self.duplicates += 1,
            Oddity::Orphan => self.orphans += 1,
            Oddity::BeginsBeforeParent(by) => {
                self.begin_before_parent += 1;
                self.skew = self.skew.max(by);
            }
            Oddity::OutlivesParent(_) => self.outlive_parent += 1,
        }
    }
}

/// The spans of one trace as a tree. Spans are named by their places in what it was made of.
#[derive(Debug)]
pub struct Tree<'s> {
    spans: &'s [LightSpan],
    parents: Vec<Option<u32>>,
    /// The children of span `n` are `children[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    children: Vec<u32>,
    roots: Vec<u32>,
    order: Vec<u32>,
    /// Where each span is in `order`.
    places: Vec<u32>,
    /// How many spans there are from each one down, itself among them; in the order of `order`.
    sizes: Vec<u32>,
    depths: Vec<u32>,
    oddities: Vec<Option<Oddity>>,
}

impl<'s> Tree<'s> {
    /// The tree of these spans. Of more than four thousand million, the rest is left out.
    pub fn of(spans: &'s [LightSpan]) -> Self {
        let spans = &spans[..spans.len().min(u32::MAX as usize - 1)];
        let mut tree = Tree {
            parents: vec![None; spans.len()],
            starts: vec![0; spans.len() + 1],
            children: Vec::new(),
            roots: Vec::new(),
            order: Vec::with_capacity(spans.len()),
            places: vec![0; spans.len()],
            sizes: vec![1; spans.len()],
            depths: vec![0; spans.len()],
            oddities: vec![None; spans.len()],
            spans,
        };
        let by_start = tree.by_start();
        tree.link(&by_start);
        tree.cut_cycles();
        tree.adopt(&by_start);
        tree.walk();
        tree.compare_times();
        tree
    }

    fn by_start(&self) -> Vec<u32> {
        let mut by_start: Vec<u32> = (0..self.spans.len() as u32).collect();
        by_start.sort_by_key(|span| self.spans[*span as usize].start);
        by_start
    }

    /// Finds parents. Of spans with one identifier the first to begin is the parent of others.
    fn link(&mut self, by_start: &[u32]) {
        let mut known = HashMap::with_capacity(self.spans.len());
        for span in by_start {
            let first = *known.entry(self.spans[*span as usize].id).or_insert(*span);
            if first != *span {
                self.oddities[*span as usize] = Some(Oddity::Duplicate);
            }
        }
        for (place, span) in self.spans.iter().enumerate() {
            if span.parent_id == 0 {
                continue;
            }
            self.parents[place] = known.get(&span.parent_id).copied();
            if self.parents[place].is_none() {
                self.oddities[place].get_or_insert(Oddity::Orphan);
            }
        }
    }

    /// Makes the first to begin of every circle of parents a root.
    fn cut_cycles(&mut self) {
        // In which walk each span was met; 0 for none.
        let mut met = vec![0_u32; self.spans.len()];
        for begin in 0..self.spans.len() {
            let walk = begin as u32 + 1;
            let mut at = Some(begin as u32);
            while let Some(span) = at.filter(|span| met[*span as usize] == 0) {
                met[span as usize] = walk;
                at = self.parents[span as usize];
            }
            let Some(again) = at.filter(|span| met[*span as usize] == walk) else {
                continue;
            };
            let mut first = again;
            let mut span = again;
            while let Some(parent) = self.parents[span as usize].filter(|parent| *parent != again) {
                span = parent;
                if self.spans[span as usize].start < self.spans[first as usize].start {
                    first = span;
                }
            }
            self.parents[first as usize] = None;
            self.oddities[first as usize] = Some(Oddity::Cycle);
        }
    }

    /// Lists the children of each span in the order they began.
    fn adopt(&mut self, by_start: &[u32]) {
        for parent in self.parents.iter().flatten() {
            self.starts[*parent as usize + 1] += 1;
        }
        for place in 1..self.starts.len() {
            self.starts[place] += self.starts[place - 1];
        }
        self.children = vec![0; self.starts.last().copied().unwrap_or(0) as usize];
        let mut next = self.starts.clone();
        for span in by_start {
            match self.parents[*span as usize] {
                None => self.roots.push(*span),
                Some(parent) => {
                    let place = &mut next[parent as usize];
                    self.children[*place as usize] = *span;
                    *place += 1;
                }
            }
        }
    }

    fn walk(&mut self) {
        let mut waiting: Vec<u32> = self.roots.iter().rev().copied().collect();
        while let Some(span) = waiting.pop() {
            self.places[span as usize] = self.order.len() as u32;
            self.order.push(span);
            if let Some(parent) = self.parents[span as usize] {
                self.depths[span as usize] = self.depths[parent as usize] + 1;
            }
            let children = self.starts[span as usize]..self.starts[span as usize + 1];
            waiting.extend(children.rev().map(|child| self.children[child as usize]));
        }
        for place in (0..self.order.len()).rev() {
            if let Some(parent) = self.parents[self.order[place] as usize] {
                self.sizes[self.places[parent as usize] as usize] += self.sizes[place];
            }
        }
    }

    fn compare_times(&mut self) {
        for (place, span) in self.spans.iter().enumerate() {
            let Some(parent) = self.parents[place] else {
                continue;
            };
            let parent = &self.spans[parent as usize];
            let oddity = if span.start < parent.start {
                Oddity::BeginsBeforeParent(nanos(span.from(), parent.from()))
            } else if span.until() > parent.until() {
                Oddity::OutlivesParent(nanos(parent.until(), span.until()))
            } else {
                continue;
            };
            self.oddities[place].get_or_insert(oddity);
        }
    }

    /// What it was made of.
    pub fn spans(&self) -> &'s [LightSpan] {
        self.spans
    }

    /// Spans without a parent, in the order they began.
    pub fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// All spans, each before those below it.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// A span and all below it, in the same order.
    pub fn below(&self, span: u32) -> &[u32] {
        let place = self.places[span as usize] as usize;
        &self.order[place..place + self.sizes[place] as usize]
    }

    /// The span that caused one.
    pub fn parent(&self, span: u32) -> Option<u32> {
        self.parents[span as usize]
    }

    /// The spans that one caused, in the order they began.
    pub fn children(&self, span: u32) -> &[u32] {
        let range: Range<u32> = self.starts[span as usize]..self.starts[span as usize + 1];
        &self.children[range.start as usize..range.end as usize]
    }

    /// How many spans are above one.
    pub fn depth(&self, span: u32) -> u32 {
        self.depths[span as usize]
    }

    /// What is odd about one.
    pub fn oddity(&self, span: u32) -> Option<Oddity> {
        self.oddities[span as usize]
    }

    /// How many are odd.
    pub fn oddities(&self) -> Oddities {
        let mut all = Oddities::default();
        let odd = self.oddities.iter().flatten();
        odd.for_each(|oddity| all.note(*oddity));
        all
    }

    /// A span's own time: its duration without the time in which at least one of its children ran.
    pub fn self_time(&self, span: u32) -> Duration {
        let own = &self.spans[span as usize];
        own.duration
            .saturating_sub(self.covered(own, self.children(span)))
    }

    /// How much of a span's time some spans cover, which are in the order they began.
    pub(crate) fn covered(&self, of: &LightSpan, by: &[u32]) -> Duration {
        let (mut at, end) = (of.from(), of.until());
        let mut covered = Duration::ZERO;
        for child in by {
            let child = &self.spans[*child as usize];
            let (from, until) = (child.from().max(at), child.until().min(end));
            if from < until {
                covered += nanos(from, until);
                at = until;
            }
        }
        covered
    }
}

/// The time between two moments, of which the first is not after the second.
pub(crate) fn nanos(from: i64, until: i64) -> Duration {
    Duration::from_nanos(until.abs_diff(from))
}

#[cfg(test)]
pub(crate) mod tests;
