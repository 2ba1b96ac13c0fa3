//! Windows of time, the one asked for first, and which stretches of the store they need.

use std::time::Duration;

use tacho_model::{TimeRange, Timestamp};

/// How far before a window the sample may lie that a counter's increase starts from.
pub const LOOKBACK: Duration = Duration::from_mins(5);
/// Entries of a list unless asked otherwise.
pub const LIMIT_DEFAULT: usize = 100;
/// Most entries of a list; how many there are beyond it is told.
pub const LIMIT_MAX: usize = 10_000;

/// What is asked for: a window, perhaps one to compare with, and how long lists may be.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// The window.
    pub range: TimeRange,
    /// The window that it is compared with.
    pub previous: Option<TimeRange>,
    /// Most entries of each list.
    pub limit: usize,
}

/// What is kept of the observations in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// How many, their sum and how they are distributed.
    Distribution,
    /// How many, and their sum.
    Mean,
}

/// One window, open on the left.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// From when, not inside, to when, inside.
    pub range: TimeRange,
    /// What is kept of it.
    pub depth: Depth,
}

impl Window {
    /// A window of which everything is kept.
    pub fn whole(range: TimeRange) -> Self {
        let depth = Depth::Distribution;
        Self { range, depth }
    }

    /// A window of which counts and sums are kept.
    pub fn mean(range: TimeRange) -> Self {
        let depth = Depth::Mean;
        Self { range, depth }
    }

    /// Whether a sample of this time belongs to it.
    pub fn holds(&self, time: Timestamp) -> bool {
        self.range.start < time && time <= self.range.end
    }
}

impl Scope {
    /// The last `length` until `end`, compared with nothing.
    pub fn last(length: Duration, end: Timestamp) -> Self {
        Self {
            range: TimeRange::last(length, end),
            previous: None,
            limit: LIMIT_DEFAULT,
        }
    }

    /// The window, then the one that it is compared with.
    pub fn windows(&self) -> Vec<Window> {
        let all = std::iter::once(self.range).chain(self.previous);
        all.map(Window::whole).collect()
    }

    /// Seconds of the window at `place` of [`Self::windows`].
    pub fn seconds(&self, place: usize) -> f64 {
        let range = match place {
            0 => self.range,
            _ => self.previous.unwrap_or(self.range),
        };
        range.duration().as_secs_f64()
    }
}

/// The stretches of time to read so that each window is whole and its increases have a start,
/// with the windows of each. None overlaps another.
pub fn stretches(windows: &[Window]) -> Vec<(TimeRange, Vec<usize>)> {
    let mut order: Vec<usize> = (0..windows.len()).collect();
    order.sort_by_key(|place| windows[*place].range.start);
    let mut all: Vec<(TimeRange, Vec<usize>)> = Vec::new();
    for place in order {
        let range = windows[place].range;
        let reach = TimeRange::new(range.start - LOOKBACK, range.end);
        match all.last_mut() {
            Some((last, places)) if reach.start <= last.end => {
                last.end = last.end.max(reach.end);
                places.push(place);
            }
            _ => all.push((reach, vec![place])),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: i64, end: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_secs(start), Timestamp::from_secs(end))
    }

    #[test]
    fn windows_that_touch_are_read_at_once_and_others_apart() {
        let windows = [(100_000, 103_600), (96_400, 100_000), (0, 10)];
        let windows = windows.map(|(start, end)| Window::whole(range(start, end)));
        let all = stretches(&windows);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0], (range(-300, 10), vec![2]));
        assert_eq!(all[1], (range(96_100, 103_600), vec![1, 0]));
    }

    #[test]
    fn a_boundary_ends_its_window() {
        let window = Window::whole(range(10, 20));
        let holds = |secs| window.holds(Timestamp::from_secs(secs));
        assert_eq!(
            [holds(10), holds(11), holds(20), holds(21)],
            [false, true, true, false]
        );
    }
}
