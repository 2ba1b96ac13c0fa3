//! How roll-ups lie in blocks: one block a day, one series each, its aggregates one after another.
//!
//! A roll-up block is a block like any other, but for its times. The numbers of one aggregate of a
//! series follow each other, so that each has pages of its own, and a series has one entry in the
//! index rather than eight. To keep times strictly increasing, they are stored as a place: the
//! aggregate's number times 2^47 ns, plus the time since the day began, which is above 0 and at
//! most a day, less than 2^47 ns.
//!
//! Where a day's minimum always is the first value, the maximum the last, or the increase the
//! difference of the two, as they are of a counter without reset, one row at offset 0 says so
//! instead of them. It is said, not left out, so that a damaged page is not taken for it.

use tacho_model::{Columns, TimeRange, Timestamp};

use super::{Aggregate, Resolution, Window, Windows};

const DAY: i128 = 86_400_000_000_000;
/// Bits of the time within the day.
const OFFSET_BITS: u32 = 47;

/// A day in UTC, open at its start and closed at its end, as windows are; counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(i64);

fn saturated(nanos: i128) -> Timestamp {
    let nearest = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Timestamp::from_nanos(nearest as i64)
}

impl Day {
    /// The day that holds a time.
    pub(crate) fn of(time: Timestamp) -> Self {
        Self((i128::from(time.as_nanos()) - 1).div_euclid(DAY) as i64)
    }

    /// The last day that has ended by `time`.
    pub(crate) fn ended_by(time: Timestamp) -> Self {
        Self(i128::from(time.as_nanos()).div_euclid(DAY) as i64 - 1)
    }

    /// The day after.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// All days from one to another.
    pub(crate) fn all(from: Self, to: Self) -> impl Iterator<Item = Self> {
        (from.0..=to.0).map(Self)
    }

    fn start(self) -> i128 {
        i128::from(self.0) * DAY
    }

    /// The times of its samples.
    pub(crate) fn range(self) -> TimeRange {
        TimeRange::new(saturated(self.start() + 1), saturated(self.start() + DAY))
    }

    /// Its date, such as `2026-11-21`.
    pub(crate) fn name(self) -> String {
        // Its noon is a time even on the first and the last day that have times.
        let noon = saturated(self.start() + DAY / 2).to_rfc3339();
        noon.chars().take(10).collect()
    }

    /// The day of that date.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let noon = Timestamp::parse(&format!("{name}T12:00:00Z")).ok()?;
        let day = Self::of(noon);
        (day.name() == name).then_some(day)
    }

    fn place(self, aggregate: Aggregate, time: Timestamp) -> Timestamp {
        let offset = i128::from(time.as_nanos()) - self.start();
        debug_assert!(0 < offset && offset <= DAY, "a sample is in its day");
        let first = places(aggregate).start.as_nanos();
        Timestamp::from_nanos(first + offset as i64)
    }

    /// Where the rows of an aggregate are whose times are inside `times`, which overlaps the day.
    pub(crate) fn places(self, aggregate: Aggregate, times: TimeRange) -> TimeRange {
        let day = self.range();
        TimeRange::new(
            self.place(aggregate, times.start.max(day.start)),
            self.place(aggregate, times.end.min(day.end)),
        )
    }

    /// The time that a place stands for; `None` when it is no time.
    pub(crate) fn time(self, place: Timestamp) -> Option<Timestamp> {
        let offset = place.as_nanos() & ((1 << OFFSET_BITS) - 1);
        (offset > 0).then(|| saturated(self.start() + i128::from(offset)))
    }
}

/// Where the rows of an aggregate are.
pub(crate) fn places(aggregate: Aggregate) -> TimeRange {
    let start = (aggregate as i64) << OFFSET_BITS;
    let end = start + ((1 << OFFSET_BITS) - 1);
    TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end))
}

/// The windows that share a time with `times`, as a range of times: all of those windows' times
/// and no other.
pub(crate) fn whole_windows(times: TimeRange, resolution: Resolution) -> TimeRange {
    let step = resolution.step().as_nanos() as i128;
    let up = |time: Timestamp| -(-i128::from(time.as_nanos())).div_euclid(step) * step;
    TimeRange::new(
        saturated(up(times.start) - step + 1),
        saturated(up(times.end)),
    )
}

/// The rows of a series' windows of one day, an aggregate after the other.
pub(crate) fn lay_out(windows: &Windows, day: Day, counter: bool) -> Vec<Columns> {
    let mut all = Vec::new();
    let counts = windows.counts();
    if counts.is_empty() {
        return all;
    }
    let counts = counts.iter().map(|(end, count)| (*end, *count as f64));
    all.push(rows(day, Aggregate::Count, counts));
    let numbers = &windows.numbers;
    if !numbers.is_empty() {
        let mut add = |aggregate, of: &dyn Fn(&Window) -> (Timestamp, f64)| {
            all.push(rows(day, aggregate, numbers.iter().map(of)));
        };
        add(Aggregate::First, &|window| window.first);
        add(Aggregate::Last, &|window| window.last);
        add(Aggregate::Sum, &|window| (window.end, window.sum()));
        all.push(unless(
            numbers,
            day,
            Aggregate::Min,
            |w| w.min,
            |w| w.first.1,
        ));
        all.push(unless(
            numbers,
            day,
            Aggregate::Max,
            |w| w.max,
            |w| w.last.1,
        ));
        if counter {
            let difference = |window: &Window| increase(window.first.1, window.last.1);
            let increase = Aggregate::Increase;
            all.push(unless(numbers, day, increase, Window::increase, difference));
        }
    }
    if !windows.histograms.is_empty() {
        let mut merged = Columns::new();
        for (end, _, histogram) in &windows.histograms {
            let place = day.place(Aggregate::Histogram, *end);
            merged.histogram_timestamps.push(place);
            merged.histograms.push(histogram.clone());
        }
        all.push(merged);
    }
    all
}

/// The increase of a window without a reset.
pub(crate) fn increase(first: f64, last: f64) -> f64 {
    last - first
}

fn rows(day: Day, aggregate: Aggregate, of: impl Iterator<Item = (Timestamp, f64)>) -> Columns {
    let mut columns = Columns::new();
    for (time, value) in of {
        columns.timestamps.push(day.place(aggregate, time));
        columns.values.push(value);
    }
    columns
}

/// The rows of an aggregate, or the one that says that they always are what `same` says.
fn unless(
    windows: &[Window],
    day: Day,
    aggregate: Aggregate,
    of: impl Fn(&Window) -> f64,
    same: impl Fn(&Window) -> f64,
) -> Columns {
    let differs = |window: &Window| of(window).to_bits() != same(window).to_bits();
    if windows.iter().any(differs) {
        return rows(day, aggregate, windows.iter().map(|w| (w.end, of(w))));
    }
    let mut columns = Columns::new();
    columns.timestamps.push(places(aggregate).start);
    columns.values.push(0.0);
    columns
}

/// Takes the rows of a series apart again by their aggregates, without those of the windows that
/// `hidden` holds; nothing when no window is left.
pub(crate) fn without(columns: &Columns, day: Day, hidden: &[TimeRange]) -> Vec<Columns> {
    let is_kept = |place: Timestamp| {
        let time = day.time(place);
        time.is_none_or(|time| !hidden.iter().any(|hidden| hidden.contains(time)))
    };
    let mut all = Vec::new();
    for aggregate in Aggregate::ALL {
        let places = places(aggregate);
        let mut kept = Columns::new();
        for (place, value) in columns.timestamps.iter().zip(&columns.values) {
            if places.contains(*place) && is_kept(*place) {
                kept.timestamps.push(*place);
                kept.values.push(*value);
            }
        }
        let times = columns.histogram_timestamps.iter();
        for (place, histogram) in times.zip(&columns.histograms) {
            if places.contains(*place) && is_kept(*place) {
                kept.histogram_timestamps.push(*place);
                kept.histograms.push(histogram.clone());
            }
        }
        if aggregate == Aggregate::Count && kept.is_empty() {
            return Vec::new();
        }
        all.push(kept);
    }
    all
}
