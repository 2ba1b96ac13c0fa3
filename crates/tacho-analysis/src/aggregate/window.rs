//! Which windows a series is cut into: one, or steps aligned to the epoch.

use std::time::Duration;

use tacho_model::{TimeRange, Timestamp};

/// How far before a window its starting sample may lie, as Prometheus' lookback delta; with
/// longer steps, one step.
pub const LOOKBACK: Duration = Duration::from_mins(5);

/// Windows to aggregate over. Each is open on the left, closed on the right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Windows {
    range: TimeRange,
    step: Option<Duration>,
}

impl Windows {
    /// The single window `(range.start, range.end]`.
    pub const fn one(range: TimeRange) -> Self {
        Self { range, step: None }
    }

    /// All complete steps `(k·step, (k+1)·step]` whose end lies inside `range`.
    pub const fn steps(range: TimeRange, step: Duration) -> Self {
        Self {
            range,
            step: Some(step),
        }
    }

    /// What to read so that the first window is whole and its rate has a start: from its
    /// beginning less [`LOOKBACK`], or one step if that is longer.
    pub fn read_range(self) -> TimeRange {
        let start = match self.step {
            None => self.range.start,
            Some(step) => self.range.start.align_down(step) - step,
        };
        TimeRange::new(start - self.lookback(), self.range.end)
    }

    /// How old a starting sample may be at the window's beginning.
    pub(super) fn lookback(self) -> Duration {
        self.step.map_or(LOOKBACK, |step| step.max(LOOKBACK))
    }

    /// The window that holds `t`, as `(start, end)`; `None` outside all of them.
    pub(super) fn of(self, t: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let (start, end) = match self.step {
            None => (self.range.start, self.range.end),
            Some(step) if step.is_zero() => return None,
            Some(step) => {
                // One nanosecond back, so that a boundary ends its window.
                let start = (t - Duration::from_nanos(1)).align_down(step);
                let end = start + step;
                if !self.range.contains(end) {
                    return None;
                }
                (start, end)
            }
        };
        (start < t && t <= end).then_some((start, end))
    }
}
