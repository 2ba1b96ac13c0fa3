//! Sums, averages and counts of what a window holds.
//!
//! Sums lose nothing to rounding by their length (Kahan's sum, in Neumaier's variant); an average
//! whose sum overflows is taken of parts. Source: Neumaier, "Rundungsfehleranalyse einiger
//! Verfahren zur Summation endlicher Summen", ZAMM 54 (1974).

#![expect(
    clippy::unnecessary_wraps,
    reason = "the table of functions says what they return"
)]

use super::{Notes, Point, Window};
use crate::eval::fold::Folded;
use crate::eval::notes::Note;
use crate::histogram::{FloatHistogram, Running};

/// A sum of numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let total = self.total + value;
        self.lost += if total.is_infinite() {
            0.0
        } else if self.total.abs() >= value.abs() {
            (self.total - total) + value
        } else {
            (value - total) + self.total
        };
        self.total = total;
    }

    pub(crate) fn value(self) -> f64 {
        if self.total.is_infinite() {
            self.total
        } else {
            self.total + self.lost
        }
    }

    /// The sum of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.add(other.total);
        self.lost += other.lost;
        self
    }

    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = Self::default();
        values.into_iter().for_each(|value| sum.add(value));
        sum
    }
}

/// The mean, right even where the sum is too large for a number.
pub(crate) fn mean(values: impl Iterator<Item = f64> + Clone, count: f64) -> f64 {
    let sum = Sum::of(values.clone());
    if sum.total.is_finite() || values.clone().any(|value| !value.is_finite()) {
        return sum.total / count + sum.lost / count;
    }
    Sum::of(values.map(|value| value / count)).value()
}

pub(super) fn sum_over_time(w: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    if w.is_mixed() {
        w.note_mixed(notes);
        return None;
    }
    if let (true, Some(Folded::Sum(sum))) = (w.histograms.is_empty(), w.folded) {
        return Some(Point::Float(sum.value()));
    }
    histogram_sum(w, notes).map(|sum| Point::Histogram(Box::new(sum)))
}

pub(super) fn avg_over_time(w: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    if w.is_mixed() {
        w.note_mixed(notes);
        return None;
    }
    if let (true, Some(Folded::Sum(sum))) = (w.histograms.is_empty(), w.folded) {
        let count = w.values.len() as f64;
        let mean = if sum.total.is_finite() {
            sum.total / count + sum.lost / count
        } else {
            // The sum may have been too large for a number.
            mean(w.values.iter().copied(), count)
        };
        return Some(Point::Float(mean));
    }
    histogram_sum(w, notes).map(|mut sum| {
        sum.div(w.histograms.len() as f64);
        Point::Histogram(Box::new(sum))
    })
}

fn histogram_sum(window: &Window<'_>, notes: &mut Notes) -> Option<FloatHistogram> {
    let (first, rest) = window.histograms.split_first()?;
    let mut sum = Running::new(first.clone());
    for histogram in rest {
        let Ok(told) = sum.add(histogram) else {
            notes.add(
                Note::MixedExponentialCustom(window.metric.to_owned()),
                window.at,
            );
            return None;
        };
        if told.counter_reset_collision {
            notes.add(Note::CounterResetCollision("aggregation"), window.at);
        }
        if told.bounds_reconciled {
            notes.add(Note::MismatchedCustomBounds("aggregation"), window.at);
        }
    }
    Some(sum.finish())
}

pub(super) fn count_over_time(w: &Window<'_>, _: &mut Notes) -> Option<Point> {
    Some(Point::Float(w.len() as f64))
}

pub(super) fn present_over_time(_: &Window<'_>, _: &mut Notes) -> Option<Point> {
    Some(Point::Float(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_what_rounding_would_lose() {
        let check = |values: &[f64], expected: f64| {
            assert_eq!(
                Sum::of(values.iter().copied()).value(),
                expected,
                "{values:?}"
            );
        };
        check(&[1e100, 1.0, -1e100], 1.0);
        check(&[0.1; 10], 1.0);
        check(&[f64::INFINITY, 1.0], f64::INFINITY);
        assert!(Sum::of([f64::INFINITY, f64::NEG_INFINITY]).value().is_nan());
    }

    #[test]
    fn means_do_not_overflow() {
        let values = [f64::MAX, f64::MAX, f64::MAX, f64::MAX];
        let found = mean(values.iter().copied(), 4.0);
        assert!((found / f64::MAX - 1.0).abs() < 1e-15, "{found}");
        assert_eq!(mean([1.0, 2.0].into_iter(), 2.0), 1.5);
    }
}
