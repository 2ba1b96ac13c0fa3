//! Which intervals of a delta series were counted.
//!
//! The newest intervals are remembered one by one, so that only the very same interval counts as a
//! duplicate: several senders of one series may overlap. Older ones that follow each other are put
//! together to spans, and whatever lies within a span was counted. What does not fit moves the
//! *floor*: of what ends at or before it, nobody knows any more whether it was counted.
//!
//! Invariant: an interval is told new at most once, whatever comes between.

use tacho_model::Timestamp;

/// Intervals that are remembered one by one.
const RECENT_MAX: usize = 4;
/// Spans of older ones.
const SPANS_MAX: usize = 3;

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Interval {
    start: Timestamp,
    end: Timestamp,
}

/// A few intervals, without an allocation.
#[derive(Debug, Clone, PartialEq)]
struct Few<const N: usize> {
    list: [Option<Interval>; N],
}

impl<const N: usize> Few<N> {
    const EMPTY: Self = Self { list: [None; N] };

    fn iter(&self) -> impl Iterator<Item = Interval> {
        self.list.iter().filter_map(|place| *place)
    }

    /// Adds one; where there is no room, the one that ends first goes, which may be this one.
    fn add(&mut self, new: Interval) -> Option<Interval> {
        if let Some(free) = self.list.iter_mut().find(|place| place.is_none()) {
            *free = Some(new);
            return None;
        }
        let oldest = self
            .list
            .iter_mut()
            .flatten()
            .min_by_key(|i| (i.end, i.start));
        match oldest {
            Some(oldest) if oldest.end <= new.end => Some(std::mem::replace(oldest, new)),
            _ => Some(new),
        }
    }

    /// Takes out one for which that holds.
    fn take(&mut self, is_meant: impl Fn(Interval) -> bool) -> Option<Interval> {
        let place = self
            .list
            .iter_mut()
            .find(|place| place.is_some_and(&is_meant));
        place.and_then(Option::take)
    }
}

/// Whether an interval was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was not.
    New,
    /// It was.
    Duplicate,
    /// It ends so early that nobody knows.
    Uncertain,
}

/// The intervals of one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    recent: Few<RECENT_MAX>,
    spans: Few<SPANS_MAX>,
    floor: Option<Timestamp>,
}

impl Counted {
    /// Nothing was counted; of what ends at or before `floor`, nobody knows.
    pub(super) const fn since(floor: Option<Timestamp>) -> Self {
        Self {
            recent: Few::EMPTY,
            spans: Few::EMPTY,
            floor,
        }
    }

    /// Whether the interval from `start` to `end` was counted.
    pub(super) fn look(&self, start: Timestamp, end: Timestamp) -> Seen {
        let new = Interval { start, end };
        let is_within = |span: Interval| span.start <= start && end <= span.end;
        if self.recent.iter().any(|known| known == new) || self.spans.iter().any(is_within) {
            Seen::Duplicate
        } else if self.floor.is_some_and(|floor| end <= floor) {
            Seen::Uncertain
        } else {
            Seen::New
        }
    }

    /// Notes that it was counted.
    pub(super) fn add(&mut self, start: Timestamp, end: Timestamp) {
        let Some(old) = self.recent.add(Interval { start, end }) else {
            return;
        };
        let mut span = old;
        while let Some(next) = self
            .spans
            .take(|s| s.end == span.start || s.start == span.end)
        {
            span.start = span.start.min(next.start);
            span.end = span.end.max(next.end);
        }
        if let Some(gone) = self.spans.add(span) {
            self.floor = self.floor.max(Some(gone.end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn look(counted: &Counted, start: i64, end: i64) -> Seen {
        counted.look(at(start), at(end))
    }

    #[test]
    fn a_long_regular_series_is_remembered_whole() {
        let mut counted = Counted::since(None);
        for i in 0..1000 {
            assert_eq!(look(&counted, i, i + 1), Seen::New);
            counted.add(at(i), at(i + 1));
            assert_eq!(look(&counted, i, i + 1), Seen::Duplicate);
        }
        for i in 0..1000 {
            assert_eq!(look(&counted, i, i + 1), Seen::Duplicate, "{i}");
        }
        assert_eq!(counted.floor, None);
    }

    #[test]
    fn a_gap_is_filled_long_after() {
        let mut counted = Counted::since(None);
        for i in (0..100).filter(|i| *i != 3) {
            counted.add(at(i), at(i + 1));
        }
        assert_eq!(look(&counted, 3, 4), Seen::New);
        counted.add(at(3), at(4));
        assert_eq!(look(&counted, 3, 4), Seen::Duplicate);
    }

    #[test]
    fn senders_of_one_series_may_overlap() {
        let mut counted = Counted::since(None);
        counted.add(at(0), at(10));
        assert_eq!(look(&counted, 3, 8), Seen::New);
        counted.add(at(3), at(13));
        assert_eq!(look(&counted, 10, 20), Seen::New);
    }

    #[test]
    fn what_is_forgotten_is_uncertain() {
        let mut counted = Counted::since(Some(at(5)));
        assert_eq!(look(&counted, 4, 5), Seen::Uncertain);
        assert_eq!(look(&counted, 4, 6), Seen::New);
        // Never next to each other.
        for i in 5..50 {
            counted.add(at(i * 10), at(i * 10 + 1));
        }
        assert_eq!(look(&counted, 60, 61), Seen::Uncertain);
        assert_eq!(look(&counted, 490, 491), Seen::Duplicate);
    }
}
