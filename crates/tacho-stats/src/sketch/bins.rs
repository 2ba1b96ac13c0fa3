//! Counts by bin, at most so many bins: the lowest are thrown together when there are more.
//!
//! Invariant: what the bins hold hangs only on the multiset of what was added, never on the order:
//! everything at or below the highest bin less the limit is in the one lowest bin, whenever that
//! became known.

/// Counts by index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bins {
    /// Index of the first of `counts`.
    first: i32,
    /// No zero at either end.
    counts: Vec<u64>,
    /// Whether the lowest bin holds what belongs further down.
    collapsed: bool,
    limit: usize,
}

impl Bins {
    /// Of at most `limit` bins.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, index: i32, count: u64) {
        if count == 0 {
            return;
        }
        let (index, moved) = self.make_room(index);
        self.collapsed |= moved;
        let at = (index - self.first) as usize;
        self.counts[at] = self.counts[at].saturating_add(count);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let Some(last) = other.last() else { return };
        // The highest first: it decides where the lowest bin is.
        self.add(last, other.counts[other.counts.len() - 1]);
        for (index, count) in other.iter().filter(|(index, _)| *index != last) {
            self.add(index, count);
        }
        self.collapsed |= other.collapsed;
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().fold(0, |sum, c| sum.saturating_add(*c))
    }

    /// `(index, count)` from the lowest to the highest.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> {
        let first = self.first;
        let bins = self.counts.iter().enumerate();
        let bin = move |(at, count): (usize, &u64)| (first + at as i32, *count);
        bins.filter(|(_, count)| **count > 0).map(bin)
    }

    /// The bin whose observations may belong further down, if there is one.
    pub(super) fn uncertain(&self) -> Option<i32> {
        self.collapsed.then_some(self.first)
    }

    fn last(&self) -> Option<i32> {
        (!self.counts.is_empty()).then(|| self.first + self.counts.len() as i32 - 1)
    }

    /// Makes the bin of `index` exist; gives the bin that takes its place when it is too low, and
    /// whether anything was thrown together.
    fn make_room(&mut self, index: i32) -> (i32, bool) {
        let Some(last) = self.last() else {
            self.first = index;
            self.counts.push(0);
            return (index, false);
        };
        let reach = self.limit as i32 - 1;
        if index > last {
            let lowest = index - reach;
            let collapsed = self.collapse_below(lowest);
            self.counts.resize((index - self.first) as usize + 1, 0);
            return (index, collapsed);
        }
        let lowest = last - reach;
        let target = index.max(lowest);
        if target < self.first {
            let more = (self.first - target) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, more));
            self.first = target;
        }
        (target, index < lowest)
    }

    /// Throws everything below `lowest` into it.
    fn collapse_below(&mut self, lowest: i32) -> bool {
        if lowest <= self.first {
            return false;
        }
        let gone = ((lowest - self.first) as usize).min(self.counts.len());
        let sum = self.counts.drain(..gone).fold(0, u64::saturating_add);
        self.first = lowest;
        match self.counts.first_mut() {
            Some(first) => *first = first.saturating_add(sum),
            None => self.counts.push(sum),
        }
        sum > 0
    }
}
