//! What the deltas of one series add up to.
//!
//! 1. An interval is added at most once ([`Counted`]), whenever it comes.
//! 2. The total is written at the newest time that the series had, so that a late interval rewrites
//!    the newest sample, and a sample never lacks what samples before it had.
//! 3. What cannot be added leaves the total as it was.

use tacho_model::histogram::Temporality;
use tacho_model::{Histogram, Timestamp};

use super::counted::{Counted, Seen};

/// A sum of deltas.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sum {
    /// Of numbers.
    Number(f64),
    /// Of distributions.
    Histogram(Box<Histogram>),
}

/// What is added.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gain<'a> {
    /// A number.
    Number(f64),
    /// A distribution.
    Histogram(&'a Histogram),
}

/// What became of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// It was added.
    Yes,
    /// It had been added before.
    Duplicate,
    /// It may have been added before.
    Uncertain,
    /// The total would be infinite.
    Overflow,
}

/// The total of one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Total {
    sum: Option<Sum>,
    newest: Option<Timestamp>,
    counted: Counted,
}

impl Total {
    /// Nothing yet.
    pub(super) const EMPTY: Self = Self {
        sum: None,
        newest: None,
        counted: Counted::since(None),
    };

    /// Goes on from the newest sample that is stored. Whatever had ended by then may be in it.
    pub(super) fn stored(newest: Timestamp, sum: Option<Sum>) -> Self {
        Self {
            sum,
            newest: Some(newest),
            counted: Counted::since(Some(newest)),
        }
    }

    /// Takes what had ended by then as counted, and nothing later.
    pub(super) fn count_from(&mut self, floor: Timestamp) {
        self.counted = Counted::since(Some(floor));
    }

    /// Adds what was gained from `start` to `end`.
    pub(super) fn add(&mut self, start: Timestamp, end: Timestamp, gain: Gain<'_>) -> Added {
        match self.counted.look(start, end) {
            Seen::New => {}
            Seen::Duplicate => return Added::Duplicate,
            Seen::Uncertain => return Added::Uncertain,
        }
        let sum = match (self.sum.take(), gain) {
            (Some(Sum::Number(before)), Gain::Number(gain)) => {
                let after = before + gain;
                if !after.is_finite() {
                    self.sum = Some(Sum::Number(before));
                    return Added::Overflow;
                }
                Sum::Number(after)
            }
            (Some(Sum::Histogram(mut before)), Gain::Histogram(gain)) => {
                before.merge(gain);
                Sum::Histogram(before)
            }
            // The first, or a metric that became another sort.
            (_, Gain::Number(gain)) => Sum::Number(gain),
            (_, Gain::Histogram(gain)) => Sum::Histogram(Box::new(cumulative(gain))),
        };
        self.sum = Some(sum);
        self.newest = self.newest.max(Some(end));
        self.counted.add(start, end);
        Added::Yes
    }

    /// The sample to write: its time and value.
    pub(super) fn sample(&self) -> Option<(Timestamp, &Sum)> {
        Some((self.newest?, self.sum.as_ref()?))
    }

    /// What it takes of the room that totals have, in units of about 300 bytes.
    pub(super) fn weight(&self) -> usize {
        match &self.sum {
            Some(Sum::Histogram(histogram)) => {
                let parts = histogram.buckets().count();
                1 + parts / 16
            }
            _ => 1,
        }
    }
}

/// The same observations, counted since the beginning.
fn cumulative(histogram: &Histogram) -> Histogram {
    let mut parts = histogram.to_parts();
    parts.temporality = Temporality::Cumulative;
    // The parts of a histogram make one.
    Histogram::from_parts(parts).unwrap_or_else(|_| histogram.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn number(total: &Total) -> (Timestamp, f64) {
        match total.sample() {
            Some((time, Sum::Number(value))) => (time, *value),
            other => panic!("a number: {other:?}"),
        }
    }

    #[test]
    fn late_intervals_rewrite_the_newest_sample() {
        let mut total = Total::EMPTY;
        assert_eq!(total.sample(), None);
        assert_eq!(total.add(at(0), at(1), Gain::Number(1.0)), Added::Yes);
        assert_eq!(total.add(at(2), at(3), Gain::Number(4.0)), Added::Yes);
        assert_eq!(total.add(at(1), at(2), Gain::Number(2.0)), Added::Yes);
        assert_eq!(number(&total), (at(3), 7.0));
        assert_eq!(total.add(at(1), at(2), Gain::Number(2.0)), Added::Duplicate);
        assert_eq!(number(&total), (at(3), 7.0));
    }

    #[test]
    fn what_would_be_infinite_changes_nothing() {
        let mut total = Total::EMPTY;
        total.add(at(0), at(1), Gain::Number(f64::MAX));
        assert_eq!(
            total.add(at(1), at(2), Gain::Number(f64::MAX)),
            Added::Overflow
        );
        assert_eq!(number(&total), (at(1), f64::MAX));
    }

    #[test]
    fn a_stored_total_goes_on() {
        let mut total = Total::stored(at(10), Some(Sum::Number(5.0)));
        // Sent again after a crash: it was stored.
        assert_eq!(
            total.add(at(9), at(10), Gain::Number(1.0)),
            Added::Uncertain
        );
        assert_eq!(total.add(at(10), at(11), Gain::Number(2.0)), Added::Yes);
        assert_eq!(number(&total), (at(11), 7.0));
    }

    #[test]
    fn histograms_add_up_and_count_since_the_beginning() {
        let mut gain = Histogram::new();
        gain.observe_many(0.5, 3.0);
        let mut total = Total::EMPTY;
        total.add(at(0), at(1), Gain::Histogram(&gain));
        total.add(at(1), at(2), Gain::Histogram(&gain));
        let Some((time, Sum::Histogram(sum))) = total.sample() else {
            panic!("a histogram");
        };
        assert_eq!((time, sum.count(), sum.sum()), (at(2), 6.0, 3.0));
        assert_eq!(sum.temporality(), Temporality::Cumulative);
    }

    proptest! {
        /// As many as are remembered one by one or as spans: any order, any repetition.
        #[test]
        fn any_order_adds_up(
            order in prop::collection::vec(0..7usize, 1..40),
            gains in prop::collection::vec(0..1000u32, 7),
        ) {
            let mut total = Total::EMPTY;
            let mut expected = 0.0;
            let mut seen = [false; 7];
            for i in order {
                let (start, gain) = (i as i64 * 10, f64::from(gains[i]));
                let added = total.add(at(start), at(start + 10), Gain::Number(gain));
                let is_first = !std::mem::replace(&mut seen[i], true);
                prop_assert_eq!(added, if is_first { Added::Yes } else { Added::Duplicate });
                expected += if is_first { gain } else { 0.0 };
            }
            prop_assert_eq!(number(&total).1, expected);
        }

        /// Any number, with gaps and repetitions in any order: nothing is counted twice, and what
        /// is not counted is said to be so.
        #[test]
        fn nothing_is_counted_twice(
            order in prop::collection::vec((0..60i64, 1..4i64), 1..200),
        ) {
            let mut total = Total::EMPTY;
            let mut counted = std::collections::HashSet::new();
            let mut refused = std::collections::HashSet::new();
            for (start, length) in order {
                let added = total.add(at(start), at(start + length), Gain::Number(1.0));
                match added {
                    Added::Yes => prop_assert!(counted.insert((start, length))),
                    Added::Uncertain => { refused.insert((start, length)); }
                    _ => {}
                }
            }
            prop_assert_eq!(number(&total).1, counted.len() as f64);
        }

        /// A regular sender whose requests overtake each other, each sent twice.
        #[test]
        fn requests_may_overtake_each_other(
            delays in prop::collection::vec(0..4i64, 1..200),
        ) {
            let mut arrivals: Vec<(i64, i64)> = delays
                .iter()
                .enumerate()
                .flat_map(|(i, delay)| [(i as i64 + delay, i as i64), (i as i64 + 5, i as i64)])
                .collect();
            arrivals.sort_unstable();
            let mut total = Total::EMPTY;
            for (_, i) in arrivals {
                let added = total.add(at(i), at(i + 1), Gain::Number(1.0));
                prop_assert!(matches!(added, Added::Yes | Added::Duplicate));
            }
            prop_assert_eq!(number(&total).1, delays.len() as f64);
        }
    }
}
