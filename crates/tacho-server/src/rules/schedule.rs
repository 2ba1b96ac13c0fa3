//! When a group is evaluated: its slots, and which of them is next.
//!
//! Slots are `interval` apart, on the clock's marks moved by an offset that is the group's own, so
//! that groups of one interval spread over it and stay where they are over restarts. Slots are
//! taken in order, each once; those that were missed are made good from the oldest on, as far back
//! as `catch_up` reaches. Pure: the clock is an argument.
//! Source: Prometheus, `rules/group.go`, `EvalTimestamp`.

use std::time::Duration;

use tacho_model::Timestamp;

/// The slots of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    interval: Duration,
    offset: Duration,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing before this.
    At(Timestamp),
    /// A slot, and how many before it are given up: they are too long ago.
    Slot {
        /// The slot.
        slot: Timestamp,
        /// Those given up.
        missed: u64,
    },
}

impl Schedule {
    /// Slots of this length, placed by a hash of the group.
    pub fn new(interval: Duration, hash: u64) -> Self {
        let nanos = interval.as_nanos().max(1);
        let offset = u64::try_from(u128::from(hash) % nanos).unwrap_or(0);
        let offset = Duration::from_nanos(offset);
        // As samples are shown: a slot that no millisecond names could not be asked for again.
        let offset = Duration::from_millis(u64::try_from(offset.as_millis()).unwrap_or(0));
        Self { interval, offset }
    }

    /// The newest slot that is not after `now`.
    pub fn at_or_before(&self, now: Timestamp) -> Timestamp {
        (now - self.offset).align_down(self.interval) + self.offset
    }

    /// The slot to go on from `now`, where `last` was evaluated last: that one, unless the clock was
    /// set back by more than a slot. Waiting for the old time might take for ever.
    pub fn settled(&self, last: Timestamp, now: Timestamp) -> Timestamp {
        if last.since(now) > self.interval {
            return self.at_or_before(now);
        }
        last
    }

    /// What is to be done `now`, where `last` was evaluated last and is [settled](Self::settled).
    pub fn due(&self, last: Timestamp, now: Timestamp, catch_up: Duration) -> Due {
        let next = self.at_or_before(last) + self.interval;
        if next > now {
            return Due::At(next);
        }
        let newest = self.at_or_before(now);
        let horizon = now - catch_up;
        let mut oldest = self.at_or_before(horizon);
        if oldest < horizon {
            oldest = oldest + self.interval;
        }
        let slot = next.max(oldest.min(newest));
        let missed = slot.since(next).as_nanos() / self.interval.as_nanos().max(1);
        Due::Slot {
            slot,
            missed: u64::try_from(missed).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    /// Slots at 7 s past each minute; what is due at `now` where `last` was the last slot.
    #[track_caller]
    fn check(last: i64, now: i64, catch_up: Duration, expected: Due) {
        let schedule = Schedule::new(MINUTE, 7_000_000_000);
        assert_eq!(schedule.due(at(last), at(now), catch_up), expected);
    }

    fn slot(seconds: i64, missed: u64) -> Due {
        let slot = at(seconds);
        Due::Slot { slot, missed }
    }

    #[test]
    fn slots_lie_on_the_clocks_marks_moved_by_the_groups_own_offset() {
        let schedule = Schedule::new(MINUTE, 7_000_000_000);
        assert_eq!(schedule.at_or_before(at(120)), at(67));
        assert_eq!(schedule.at_or_before(at(127)), at(127));
        assert_eq!(schedule.at_or_before(at(-1)), at(-53));
        let odd = Schedule::new(MINUTE, u64::MAX);
        assert_eq!(odd.offset.subsec_nanos() % 1_000_000, 0);
        assert!(odd.offset < MINUTE);
    }

    #[test]
    fn slots_come_one_after_the_other() {
        check(67, 126, HOUR, Due::At(at(127)));
        check(67, 127, HOUR, slot(127, 0));
        check(127, 127, HOUR, Due::At(at(187)));
    }

    #[test]
    fn missed_slots_are_made_good_from_the_oldest_on() {
        let mut last = at(67);
        let schedule = Schedule::new(MINUTE, 7_000_000_000);
        let mut taken = Vec::new();
        while let Due::Slot { slot, missed } = schedule.due(last, at(400), HOUR) {
            assert_eq!(missed, 0);
            taken.push(slot);
            last = slot;
        }
        assert_eq!(taken, [127, 187, 247, 307, 367].map(at));
    }

    #[test]
    fn what_is_too_long_ago_is_given_up_and_counted() {
        check(67, 7 * 3600, HOUR, slot(6 * 3600 + 7, 358));
        // Nothing is made good: only the newest slot is taken.
        check(67, 300, Duration::ZERO, slot(247, 2));
        check(67, 127, Duration::ZERO, slot(127, 0));
        // As far back as time goes.
        check(67, 300, Duration::MAX, slot(127, 0));
    }

    #[test]
    fn a_clock_that_is_set_back_neither_stops_a_group_nor_makes_it_spin() {
        let schedule = Schedule::new(MINUTE, 7_000_000_000);
        // By less than a slot: the next one is waited for.
        assert_eq!(schedule.settled(at(127), at(100)), at(127));
        check(127, 100, HOUR, Due::At(at(187)));
        // By a day: it goes on from the new time, one slot after the other.
        let last = schedule.settled(at(86_407), at(100));
        assert_eq!(last, at(67));
        assert_eq!(schedule.due(last, at(100), HOUR), Due::At(at(127)));
        assert_eq!(schedule.due(last, at(127), HOUR), slot(127, 0));
    }

    #[test]
    fn a_changed_interval_goes_on_with_its_own_slots() {
        // 90 is no slot of these.
        check(90, 130, HOUR, slot(127, 0));
    }
}
