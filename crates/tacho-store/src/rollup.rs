//! Roll-ups: what the samples of a series came to in each window of five minutes, and of an hour.
//!
//! A window is open at its start and closed at its end, `(k · step, (k + 1) · step]` since the
//! epoch in UTC, as `PromQL` 3's range selectors are. Staleness markers are not samples. What is
//! computed is, to the bit, what `PromQL` computes of the window's samples: the sum with
//! Neumaier's compensation, minimum and maximum without NaN unless there is nothing else, the
//! increase as last less first plus the value before each drop. Histograms are those of an
//! interval, and are merged. Pure: making and keeping roll-ups is `engine::rollup`, the times
//! they are stored under are [`layout`]. Source: Prometheus 3, `promql/functions.go`
//! (`kahanSumInc`, `funcMinOverTime`, `extrapolatedRate`).

pub(crate) mod layout;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tacho_model::append::is_stale;
use tacho_model::histogram::Temporality;
use tacho_model::{Columns, Histogram, Metadata, Shape, Timestamp};

/// How long the windows of a roll-up are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Five minutes.
    FiveMinutes,
    /// One hour.
    Hour,
}

impl Resolution {
    /// Both, the finer one first.
    pub const ALL: [Self; 2] = [Self::FiveMinutes, Self::Hour];

    /// The length of a window.
    pub const fn step(self) -> Duration {
        match self {
            Self::FiveMinutes => Duration::from_mins(5),
            Self::Hour => Duration::from_hours(1),
        }
    }

    /// Its name in paths: `5m` or `1h`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
        }
    }

    /// The end of the window that holds `time`; the last window there is ends with time itself.
    pub fn window_end(self, time: Timestamp) -> Timestamp {
        let step = self.step().as_nanos() as i64;
        match time.as_nanos().rem_euclid(step) {
            0 => time,
            past => time + Duration::from_nanos((step - past) as u64),
        }
    }
}

/// What is known of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The number of samples, histograms included.
    Count,
    /// The first number, at its own time.
    First,
    /// The last number, at its own time.
    Last,
    /// The sum of the numbers.
    Sum,
    /// The smallest number.
    Min,
    /// The largest number.
    Max,
    /// By how much a counter grew from the first to the last number, resets corrected; only of
    /// counters.
    Increase,
    /// All histograms, merged; the last of cumulative ones.
    Histogram,
}

impl Aggregate {
    /// All of them, in the order in which they are stored.
    pub const ALL: [Self; 8] = [
        Self::Count,
        Self::First,
        Self::Last,
        Self::Sum,
        Self::Min,
        Self::Max,
        Self::Increase,
        Self::Histogram,
    ];
}

/// The numbers of one window.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) end: Timestamp,
    pub(crate) first: (Timestamp, f64),
    pub(crate) last: (Timestamp, f64),
    pub(crate) count: u64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    sum: f64,
    compensation: f64,
    /// The value before each drop.
    drops: Vec<f64>,
}

impl Window {
    fn new(end: Timestamp, time: Timestamp, value: f64) -> Self {
        let mut window = Self {
            end,
            first: (time, value),
            last: (time, value),
            count: 0,
            min: value,
            max: value,
            sum: 0.0,
            compensation: 0.0,
            drops: Vec::new(),
        };
        window.add(time, value);
        window
    }

    fn add(&mut self, time: Timestamp, value: f64) {
        if value < self.last.1 {
            self.drops.push(self.last.1);
        }
        self.last = (time, value);
        self.count += 1;
        if value < self.min || self.min.is_nan() {
            self.min = value;
        }
        if value > self.max || self.max.is_nan() {
            self.max = value;
        }
        let sum = self.sum + value;
        if sum.is_infinite() {
            self.compensation = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.compensation += (self.sum - sum) + value;
        } else {
            self.compensation += (value - sum) + self.sum;
        }
        self.sum = sum;
    }

    pub(crate) fn sum(&self) -> f64 {
        if self.sum.is_infinite() {
            self.sum
        } else {
            self.sum + self.compensation
        }
    }

    pub(crate) fn increase(&self) -> f64 {
        let grown = self.last.1 - self.first.1;
        self.drops.iter().fold(grown, |grown, drop| grown + drop)
    }
}

/// The windows of one series that have samples, in order.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(crate) numbers: Vec<Window>,
    /// With the number of histograms that were merged.
    pub(crate) histograms: Vec<(Timestamp, u64, Histogram)>,
}

impl Windows {
    /// Computes the windows of a series, whose samples are in order of time.
    pub(crate) fn fill(&mut self, columns: &Columns, resolution: Resolution) {
        self.numbers.clear();
        self.histograms.clear();
        for (time, value) in columns.timestamps.iter().zip(&columns.values) {
            if is_stale(*value) {
                continue;
            }
            match self.numbers.last_mut() {
                Some(window) if *time <= window.end => window.add(*time, *value),
                _ => {
                    let end = resolution.window_end(*time);
                    self.numbers.push(Window::new(end, *time, *value));
                }
            }
        }
        let times = columns.histogram_timestamps.iter();
        for (time, histogram) in times.zip(&columns.histograms) {
            if is_stale(histogram.sum()) {
                continue;
            }
            match self.histograms.last_mut() {
                Some((end, count, merged)) if *time <= *end => {
                    // Cumulative ones hold what came before them: the last says it all.
                    match histogram.temporality() {
                        Temporality::Delta => merged.merge(histogram),
                        Temporality::Cumulative => merged.clone_from(histogram),
                    }
                    *count += 1;
                }
                _ => {
                    let end = resolution.window_end(*time);
                    self.histograms.push((end, 1, histogram.clone()));
                }
            }
        }
    }

    /// How many samples there are in each window, whatever their sort.
    pub(crate) fn counts(&self) -> Vec<(Timestamp, u64)> {
        let numbers = self.numbers.iter().map(|window| (window.end, window.count));
        let histograms = self.histograms.iter().map(|(end, count, _)| (*end, *count));
        let mut counts: Vec<_> = numbers.chain(histograms).collect();
        if !self.histograms.is_empty() && !self.numbers.is_empty() {
            counts.sort_by_key(|(end, _)| *end);
            counts.dedup_by(|again, before| {
                let same = again.0 == before.0;
                before.1 += if same { again.1 } else { 0 };
                same
            });
        }
        counts
    }
}

/// Whether a metric's numbers only grow, but for resets: by what it was said to be, or by the
/// endings that Prometheus' naming gives to counters alone.
pub(crate) fn is_counter(name: &str, metadata: Option<&Metadata>) -> bool {
    let endings = ["_total", "_count", "_sum", "_bucket"];
    metadata.is_some_and(|known| known.kind.shape() == Shape::Counter)
        || endings.iter().any(|ending| name.ends_with(ending))
}
