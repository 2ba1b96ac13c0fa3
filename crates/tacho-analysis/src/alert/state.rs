//! The state machine of one rule on one series.
//!
//! ```text
//! inactive ──condition──▶ pending ──held for `for`──▶ firing ──cleared──▶ resolved
//!     ▲                      │                          ▲                    │
//!     └──condition gone──────┘                          └─────condition──────┘ (through pending)
//! ```
//!
//! Invariants:
//! 1. a resolved notice follows exactly one fired notice, and none is given without one;
//! 2. two fired notices are at least `cooldown` apart, unless the later one is more severe than
//!    anything told since; a rise in severity speaks at once;
//! 3. between the clear value and the threshold nothing changes but a pending alert, which goes
//!    back to inactive;
//! 4. severity does not fall while firing.
//!
//! What fires inside the cooldown is shown as firing and told when the cooldown ends, if it is
//! still there: a notice delayed, never lost while it matters.

use std::time::Duration;

use tacho_model::{Timestamp, Unit};

use super::condition::Operator;
use super::rule::NoData;
use crate::Severity;

/// A firing series that has had no sample for this long, under [`NoData::Keep`], is gone (its
/// process has ended, its label changed) and is resolved.
pub const KEEP_MAX: Duration = Duration::from_hours(24);

/// A rule's numbers in the unit of its metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Limits {
    /// The comparison.
    pub operator: Operator,
    /// With what.
    pub threshold: f64,
    /// When it is over; `None`: when the condition no longer holds.
    pub clear: Option<(Operator, f64)>,
    /// From here on it is one step more severe; `None`: never.
    pub far: Option<f64>,
    /// How long the condition must hold (`for`).
    pub hold: Duration,
    /// Least time between two fired notices.
    pub cooldown: Duration,
    /// What silence means.
    pub no_data: NoData,
    /// Severity at the threshold.
    pub severity: Severity,
    /// The unit of the numbers.
    pub unit: Unit,
}

/// Where a threshold is far behind: for something bounded by `whole` (100 of a percentage, 1 of a
/// ratio) half of the room that the threshold leaves, on its side; for anything else twice the
/// threshold, or half of it where lower is worse. `None` for `==`, `!=`, and thresholds that
/// cannot be doubled (zero and below).
pub(super) fn far(operator: Operator, threshold: f64, whole: Option<f64>) -> Option<f64> {
    let upwards = operator.upwards()?;
    if threshold <= 0.0 {
        return None;
    }
    Some(match (upwards, whole) {
        (true, Some(whole)) if threshold < whole => f64::midpoint(threshold, whole),
        (true, _) => 2.0 * threshold,
        (false, _) => threshold / 2.0,
    })
}

impl Limits {
    /// How bad `value` is, given that the condition holds: one step more from `far` on.
    ///
    /// CPU > 80 % at severity warning is critical beyond 90 %; p95 > 1 s is critical from 2 s.
    pub fn severity(&self, value: f64) -> Severity {
        let past = self.far.is_some_and(|far| match self.operator.upwards() {
            Some(true) => value >= far,
            _ => value <= far,
        });
        if past {
            self.severity.raised()
        } else {
            self.severity
        }
    }

    fn cleared(&self, value: f64) -> bool {
        match self.clear {
            Some((operator, threshold)) => operator.holds(value, threshold),
            None => !self.operator.holds(value, self.threshold),
        }
    }
}

/// Where a series stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// All is well.
    Inactive,
    /// The condition holds, not long enough yet.
    Pending,
    /// The alert fires.
    Firing,
    /// It fired and is over.
    Resolved,
}

impl Phase {
    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// What became different.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// It fires.
    Fired,
    /// It fires, and is worse than was told.
    Escalated,
    /// It is over.
    Resolved,
}

impl Change {
    /// Its name in log records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Escalated => "escalated",
            Self::Resolved => "resolved",
        }
    }
}

/// A notice: something to tell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Transition {
    /// What became different.
    pub change: Change,
    /// How bad it is now; of a resolved one, how bad it was.
    pub severity: Severity,
    /// The value that decided; `None` when there were no samples.
    pub value: Option<f64>,
    /// The threshold, in the metric's unit.
    pub threshold: f64,
    /// When the condition began to hold.
    pub since: Timestamp,
    /// When this was decided.
    pub at: Timestamp,
    /// From `since` to `at`.
    pub duration: Duration,
}

/// A firing episode.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Episode {
    since: Timestamp,
    severity: Severity,
    /// What the fired notice said; `None` while the cooldown keeps it back.
    told: Option<Severity>,
    last_seen: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Debug, Default)]
enum Inner {
    #[default]
    Inactive,
    Pending(Timestamp),
    Firing(Episode),
    Resolved,
}

/// One rule on one series.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct AlertState {
    inner: Inner,
    /// Time and severity of the last fired or escalated notice.
    notice: Option<(Timestamp, Severity)>,
}

impl AlertState {
    /// A state machine that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A machine that was firing before a restart and has told so at `told_at`.
    pub fn restored(since: Timestamp, severity: Severity, told_at: Timestamp) -> Self {
        Self {
            inner: Inner::Firing(Episode {
                since,
                severity,
                told: Some(severity),
                last_seen: told_at,
            }),
            notice: Some((told_at, severity)),
        }
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        match self.inner {
            Inner::Inactive => Phase::Inactive,
            Inner::Pending(_) => Phase::Pending,
            Inner::Firing(_) => Phase::Firing,
            Inner::Resolved => Phase::Resolved,
        }
    }

    /// When the condition began to hold; `None` when it does not.
    pub fn since(&self) -> Option<Timestamp> {
        match self.inner {
            Inner::Pending(since) => Some(since),
            Inner::Firing(episode) => Some(episode.since),
            Inner::Inactive | Inner::Resolved => None,
        }
    }

    /// How bad it is while it fires.
    pub fn severity(&self) -> Option<Severity> {
        match self.inner {
            Inner::Firing(episode) => Some(episode.severity),
            _ => None,
        }
    }

    /// Takes the value of the window that ends `now`; `None` (or NaN) when it had no samples.
    /// Times should not go backwards; if they do, no time is taken to have passed.
    pub fn step(
        &mut self,
        limits: &Limits,
        now: Timestamp,
        value: Option<f64>,
    ) -> Option<Transition> {
        let value = value.filter(|v| !v.is_nan());
        let bad = match (value, limits.no_data) {
            (Some(value), _) => limits.operator.holds(value, limits.threshold),
            (None, NoData::Alert) => true,
            (None, NoData::Ok) => false,
            (None, NoData::Keep) => return self.keep(limits, now),
        };
        if let Inner::Firing(episode) = self.inner {
            let over = !bad && value.is_none_or(|v| limits.cleared(v));
            return if over {
                self.resolve(episode, limits, now, value)
            } else {
                self.stay(episode, limits, now, value, bad)
            };
        }
        if !bad {
            // A resolved alert is told as such until the next thing happens.
            if matches!(self.inner, Inner::Pending(_)) {
                self.inner = Inner::Inactive;
            }
            return None;
        }
        let since = self.since().unwrap_or(now);
        if now.since(since) < limits.hold {
            self.inner = Inner::Pending(since);
            return None;
        }
        let severity = value.map_or(limits.severity, |v| limits.severity(v));
        let episode = Episode {
            since,
            severity,
            told: None,
            last_seen: now,
        };
        self.tell(episode, limits, now, value)
    }

    /// Nothing is known: nothing changes, until the series must be taken as gone.
    fn keep(&mut self, limits: &Limits, now: Timestamp) -> Option<Transition> {
        match self.inner {
            Inner::Firing(episode) if now.since(episode.last_seen) >= KEEP_MAX => {
                self.resolve(episode, limits, now, None)
            }
            _ => None,
        }
    }

    fn stay(
        &mut self,
        mut episode: Episode,
        limits: &Limits,
        now: Timestamp,
        value: Option<f64>,
        bad: bool,
    ) -> Option<Transition> {
        episode.last_seen = now;
        if bad && let Some(value) = value {
            episode.severity = episode.severity.max(limits.severity(value));
        }
        self.tell(episode, limits, now, value)
    }

    /// Stores the episode and says what has to be said of it.
    fn tell(
        &mut self,
        mut episode: Episode,
        limits: &Limits,
        now: Timestamp,
        value: Option<f64>,
    ) -> Option<Transition> {
        let change = match episode.told {
            Some(told) if episode.severity > told => Some(Change::Escalated),
            Some(_) => None,
            None => self
                .may_fire(episode.severity, limits, now)
                .then_some(Change::Fired),
        };
        if change.is_some() {
            episode.told = Some(episode.severity);
            self.notice = Some((now, episode.severity));
        }
        self.inner = Inner::Firing(episode);
        Some(transition(change?, episode, limits, now, value))
    }

    fn may_fire(&self, severity: Severity, limits: &Limits, now: Timestamp) -> bool {
        self.notice
            .is_none_or(|(at, told)| severity > told || now.since(at) >= limits.cooldown)
    }

    fn resolve(
        &mut self,
        episode: Episode,
        limits: &Limits,
        now: Timestamp,
        value: Option<f64>,
    ) -> Option<Transition> {
        self.inner = match episode.told {
            Some(_) => Inner::Resolved,
            None => Inner::Inactive,
        };
        episode.told?;
        Some(transition(Change::Resolved, episode, limits, now, value))
    }

    /// Whether forgetting it loses nothing: it is calm and its cooldown is over.
    pub fn is_idle(&self, cooldown: Duration, now: Timestamp) -> bool {
        let calm = matches!(self.inner, Inner::Inactive | Inner::Resolved);
        calm && self.notice.is_none_or(|(at, _)| now.since(at) >= cooldown)
    }
}

fn transition(
    change: Change,
    episode: Episode,
    limits: &Limits,
    now: Timestamp,
    value: Option<f64>,
) -> Transition {
    Transition {
        change,
        severity: episode.severity,
        value,
        threshold: limits.threshold,
        since: episode.since,
        at: now,
        duration: now.since(episode.since),
    }
}

#[cfg(test)]
mod tests;
