//! What is known of one window of one series, in a form that adds up over series.
//!
//! Invariant: `merge` is associative and commutative up to rounding, so that grouping gives the
//! same answer in any order of series.

use std::time::Duration;

use tacho_model::{Columns, Histogram, Shape, Timestamp};

use super::{Function, Windows};

/// Part of an answer.
#[derive(Clone, Debug)]
pub(super) enum Partial {
    /// For `avg min max sum count stddev`.
    Moments(Moments),
    /// For `last`.
    Last(f64),
    /// For `rate`.
    Rate(f64),
    /// For percentiles of numbers.
    Values(Vec<f64>),
    /// For percentiles of histograms.
    Distribution(Histogram),
}

/// Count, mean, squared deviations, extremes and sum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Moments {
    fn of(sample: Sample<'_>) -> Option<Self> {
        match sample {
            Sample::Histogram(histogram) => Self::of_histogram(histogram),
            Sample::Number(value) => Some(Self {
                n: 1.0,
                mean: value,
                squares: 0.0,
                sum: value,
                min: value,
                max: value,
            }),
        }
    }

    /// Extremes and spread are those of the buckets' middles, within the histogram's error.
    fn of_histogram(histogram: &Histogram) -> Option<Self> {
        let mean = histogram.mean().filter(|m| m.is_finite())?;
        let around: f64 = histogram
            .buckets()
            .map(|(low, high, count)| count * (f64::midpoint(low, high) - mean).powi(2))
            .sum();
        Some(Self {
            n: histogram.count(),
            mean,
            squares: around,
            sum: histogram.sum(),
            min: histogram.quantile(0.0)?,
            max: histogram.quantile(1.0)?,
        })
    }

    /// The pairwise update of Chan, Golub and `LeVeque` (1983).
    fn merge(&mut self, other: &Self) {
        let n = self.n + other.n;
        let delta = other.mean - self.mean;
        self.squares += other.squares + delta * delta * self.n * other.n / n;
        self.mean += delta * other.n / n;
        self.n = n;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

impl Partial {
    /// Begins a window of `seconds`; `None` when the sample says nothing (an empty histogram).
    fn first(function: Function, sample: Sample<'_>, seconds: f64) -> Option<Self> {
        let percentile = function.quantile().is_some();
        Some(match (function, sample) {
            (Function::Rate, Sample::Histogram(h)) => Self::Rate(h.count() / seconds),
            (Function::Last, _) => Self::Last(sample.mean()?),
            (_, Sample::Number(value)) if percentile => Self::Values(vec![value]),
            (_, Sample::Histogram(h)) if percentile => Self::Distribution(h.clone()),
            _ => Self::Moments(Moments::of(sample)?),
        })
    }

    /// Adds the window's next sample.
    fn add(&mut self, sample: Sample<'_>, seconds: f64) {
        match (self, sample) {
            (Self::Rate(sum), Sample::Histogram(h)) => *sum += h.count() / seconds,
            (Self::Last(last), _) => *last = sample.mean().unwrap_or(*last),
            (Self::Values(values), Sample::Number(value)) => values.push(value),
            (Self::Distribution(sum), Sample::Histogram(h)) => sum.merge(h),
            (Self::Moments(sum), _) => {
                if let Some(one) = Moments::of(sample) {
                    sum.merge(&one);
                }
            }
            (this, _) => unreachable!("a series is read as one shape: {this:?}"),
        }
    }

    /// Adds what another series knows of the same window.
    pub(super) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Moments(a), Self::Moments(b)) => a.merge(&b),
            (Self::Last(a), Self::Last(b)) | (Self::Rate(a), Self::Rate(b)) => *a += b,
            (Self::Values(a), Self::Values(b)) => a.extend(b),
            (Self::Distribution(a), Self::Distribution(b)) => a.merge(&b),
            // A group of both shapes: numbers become observations.
            (Self::Distribution(a), Self::Values(b)) => {
                for value in b {
                    a.observe(value);
                }
            }
            (this @ Self::Values(_), Self::Distribution(mut b)) => {
                if let Self::Values(a) = &*this {
                    for value in a {
                        b.observe(*value);
                    }
                }
                *this = Self::Distribution(b);
            }
            (this, other) => unreachable!("one function makes one form: {this:?} and {other:?}"),
        }
    }

    /// The number asked for.
    pub(super) fn value(self, function: Function) -> Option<f64> {
        match self {
            Self::Moments(m) => Some(match function {
                Function::Min => m.min,
                Function::Max => m.max,
                Function::Sum => m.sum,
                Function::Count => m.n,
                Function::Stddev => (m.squares / m.n).max(0.0).sqrt(),
                _ => m.mean,
            }),
            Self::Last(total) | Self::Rate(total) => Some(total),
            Self::Values(values) => quantile(values, function.quantile()?),
            Self::Distribution(histogram) => histogram.quantile(function.quantile()?),
        }
    }
}

/// Type 7 by selection; infinities are ordered like any other number.
fn quantile(mut values: Vec<f64>, q: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let rank = q * last as f64;
    let (below, fraction) = (rank.floor() as usize, rank.fract());
    let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    if fraction == 0.0 {
        return Some(low);
    }
    let high = above.iter().copied().min_by(f64::total_cmp)?;
    Some(if low == high {
        low
    } else {
        low + fraction * (high - low)
    })
}

/// One stored sample.
#[derive(Clone, Copy)]
enum Sample<'a> {
    Number(f64),
    Histogram(&'a Histogram),
}

impl Sample<'_> {
    /// The value, or the mean observation.
    fn mean(self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(value),
            Self::Histogram(histogram) => histogram.mean(),
        }
    }
}

/// Hands `emit` each window that has something to say, in order of time, with its end.
pub(super) fn each(
    function: Function,
    columns: &Columns,
    shape: Shape,
    windows: Windows,
    mut emit: impl FnMut(Timestamp, Partial),
) {
    let has_histograms = !columns.histograms.is_empty();
    if has_histograms && (shape == Shape::Histogram || columns.values.is_empty()) {
        let samples = columns.histogram_timestamps.iter().zip(&columns.histograms);
        let samples = samples.map(|(t, h)| (*t, Sample::Histogram(h)));
        fold(function, samples, windows, &mut emit);
    } else if function == Function::Rate {
        rates(columns, shape, windows, &mut emit);
    } else if function == Function::Last {
        lasts(columns, windows, &mut emit);
    } else {
        let samples = numbers(columns).map(|(t, v)| (t, Sample::Number(v)));
        fold(function, samples, windows, &mut emit);
    }
}

/// The newest sample of each window, unless it says that the series has ended.
fn lasts(columns: &Columns, windows: Windows, emit: &mut impl FnMut(Timestamp, Partial)) {
    let mut newest: Option<(Timestamp, Option<f64>)> = None;
    let mut close = |newest: Option<(Timestamp, Option<f64>)>| {
        let Some((end, Some(value))) = newest else {
            return;
        };
        if let Some(partial) = Partial::first(Function::Last, Sample::Number(value), 0.0) {
            emit(end, partial);
        }
    };
    for (t, value) in columns.timestamps.iter().zip(&columns.values) {
        let Some((_, end)) = windows.of(*t) else {
            continue;
        };
        if newest.is_some_and(|(open, _)| open != end) {
            close(newest.take());
        }
        if tacho_model::append::is_stale(*value) {
            newest = Some((end, None));
        } else if !value.is_nan() {
            newest = Some((end, Some(*value)));
        }
    }
    close(newest);
}

/// Samples that hold a value: staleness markers are NaNs too.
fn numbers(columns: &Columns) -> impl Iterator<Item = (Timestamp, f64)> {
    let samples = columns.timestamps.iter().zip(&columns.values);
    samples.filter(|(_, v)| !v.is_nan()).map(|(t, v)| (*t, *v))
}

/// Gathers the samples of each window.
fn fold<'a>(
    function: Function,
    samples: impl Iterator<Item = (Timestamp, Sample<'a>)>,
    windows: Windows,
    emit: &mut impl FnMut(Timestamp, Partial),
) {
    let mut open: Option<(Timestamp, Partial)> = None;
    let mut seconds = 0.0;
    for (t, sample) in samples {
        // Samples ascend, so one that is not past the open window belongs to it.
        if let Some((_, partial)) = open.as_mut().filter(|(end, _)| t <= *end) {
            partial.add(sample, seconds);
            continue;
        }
        let Some((start, end)) = windows.of(t) else {
            continue;
        };
        seconds = end.since(start).as_secs_f64();
        let Some(first) = Partial::first(function, sample, seconds) else {
            continue;
        };
        if let Some((at, done)) = open.replace((end, first)) {
            emit(at, done);
        }
    }
    if let Some((at, done)) = open {
        emit(at, done);
    }
}

/// Change per second in each window, from the last sample before it if that is recent.
fn rates(
    columns: &Columns,
    shape: Shape,
    windows: Windows,
    emit: &mut impl FnMut(Timestamp, Partial),
) {
    let mut before: Option<(Timestamp, f64)> = None;
    let mut open: Option<(Timestamp, Slope)> = None;
    let mut close = |end: Timestamp, slope: &Slope| {
        if let Some(rate) = slope.per_second(shape) {
            emit(end, Partial::Rate(rate));
        }
    };
    for (t, value) in numbers(columns) {
        if let Some((_, slope)) = open.as_mut().filter(|(end, _)| t <= *end) {
            slope.push(t, value);
        } else if let Some((start, end)) = windows.of(t) {
            let recent = |at: Timestamp| start.since(at) <= windows.lookback();
            let mut slope = Slope::new(before.filter(|(at, _)| recent(*at)), t, value);
            slope.push(t, value);
            if let Some((at, done)) = open.replace((end, slope)) {
                close(at, &done);
            }
        }
        before = Some((t, value));
    }
    if let Some((at, done)) = open {
        close(at, &done);
    }
}

/// Sums for the increase and for the least-squares line, around the first sample so that
/// timestamps of 2e18 ns lose nothing.
struct Slope {
    origin: (Timestamp, f64),
    last: (Timestamp, f64),
    increase: f64,
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Slope {
    fn new(before: Option<(Timestamp, f64)>, t: Timestamp, value: f64) -> Self {
        let origin = before.unwrap_or((t, value));
        Self {
            origin,
            last: origin,
            increase: 0.0,
            // The starting sample counts as the point (0, 0); without one, `push` adds it.
            n: f64::from(u8::from(before.is_some())),
            x: 0.0,
            y: 0.0,
            xx: 0.0,
            xy: 0.0,
        }
    }

    fn push(&mut self, t: Timestamp, value: f64) {
        let fell = value < self.last.1;
        self.increase += if fell { value } else { value - self.last.1 };
        let (x, y) = (t.since(self.origin.0).as_secs_f64(), value - self.origin.1);
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
        self.last = (t, value);
    }

    fn per_second(&self, shape: Shape) -> Option<f64> {
        let elapsed = self.last.0.since(self.origin.0);
        if elapsed == Duration::ZERO {
            return None;
        }
        if shape == Shape::Counter {
            return Some(self.increase / elapsed.as_secs_f64());
        }
        let spread = self.xx - self.x * self.x / self.n;
        (spread > 0.0).then(|| (self.xy - self.x * self.y / self.n) / spread)
    }
}
