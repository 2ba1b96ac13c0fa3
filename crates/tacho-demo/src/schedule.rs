//! Which release of `orders` is out, and when that changes.
//!
//! A function of time alone, so that the past and the present agree on it: one incident in the
//! middle of the history, and one every [`EVERY`] from the start on, [`Incident::after`] into it.

use std::time::Duration;

use tacho_model::Timestamp;

/// An incident comes back after this.
pub const EVERY: Duration = Duration::from_mins(10);

/// When incidents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident {
    /// So long after the start the bad release is out, and again every [`EVERY`].
    pub after: Duration,
    /// So long until it is rolled back; less than [`EVERY`].
    pub lasts: Duration,
}

/// A release of the service `orders`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 1.3.9: one query for all items.
    Good,
    /// 1.4.0: a query for each order, under a lock.
    Bad,
}

impl Release {
    /// Its number.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Good => "1.3.9",
            Self::Bad => "1.4.0",
        }
    }
}

/// Releases over time.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    begin: Timestamp,
    live: Timestamp,
    incident: Incident,
}

impl Schedule {
    /// Of a demo that is live from `live` on, and has a history from `begin` on.
    pub fn new(begin: Timestamp, live: Timestamp, incident: Incident) -> Self {
        Self {
            begin,
            live,
            incident,
        }
    }

    /// What is out then.
    pub fn release(&self, at: Timestamp) -> Release {
        let is_bad = if at < self.live {
            let (from, lasts) = self.of_history();
            at >= from && at.since(from) < lasts
        } else {
            at >= self.live + self.incident.after
                && rest(at.since(self.live + self.incident.after)) < self.incident.lasts
        };
        if is_bad { Release::Bad } else { Release::Good }
    }

    /// The next change after that time, and what is out then; `None` where there never is one.
    pub fn next(&self, after: Timestamp) -> Option<(Timestamp, Release)> {
        if self.incident.lasts.is_zero() {
            return None;
        }
        let first = self.live + self.incident.after;
        if after < first {
            return Some((first, Release::Bad));
        }
        let into = rest(after.since(first));
        Some(if into < self.incident.lasts {
            (
                after + self.incident.lasts.saturating_sub(into),
                Release::Good,
            )
        } else {
            (after + EVERY.saturating_sub(into), Release::Bad)
        })
    }

    /// When the incident of the history began, and how long it was.
    pub fn of_history(&self) -> (Timestamp, Duration) {
        let history = self.live.since(self.begin);
        (
            self.begin + history / 2,
            self.incident.lasts.min(history / 4),
        )
    }
}

/// How far into its period a time is.
fn rest(since_first: Duration) -> Duration {
    Duration::from_nanos((since_first.as_nanos() % EVERY.as_nanos()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_secs(60 * minutes)
    }

    /// History from minute 0, live from 50 on, bad from 52 to 54 and every ten minutes.
    fn schedule() -> Schedule {
        let incident = Incident {
            after: 2 * MINUTE,
            lasts: 2 * MINUTE,
        };
        Schedule::new(at(0), at(50), incident)
    }

    #[test]
    fn the_bad_release_is_out_in_the_incidents() {
        let bad: Vec<i64> = (0..80)
            .filter(|minute| schedule().release(at(*minute)) == Release::Bad)
            .collect();
        assert_eq!(bad, [25, 26, 52, 53, 62, 63, 72, 73]);
    }

    #[test]
    fn changes_are_told_one_after_the_other() {
        let mut now = at(50);
        let mut changes = Vec::new();
        for _ in 0..4 {
            let (then, release) = schedule().next(now).unwrap();
            assert_eq!(schedule().release(then), release);
            changes.push(then.as_nanos() / 60_000_000_000);
            now = then;
        }
        assert_eq!(changes, [52, 54, 62, 64]);
    }

    #[test]
    fn without_incident_nothing_changes() {
        let incident = Incident {
            after: MINUTE,
            lasts: Duration::ZERO,
        };
        let schedule = Schedule::new(at(0), at(50), incident);
        assert_eq!(schedule.next(at(50)), None);
        let is_good = |minute| schedule.release(at(minute)) == Release::Good;
        assert!((0..100).all(is_good));
    }
}
