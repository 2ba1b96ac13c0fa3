//! How often a series changed, and how often a counter was reset.

#![expect(
    clippy::unnecessary_wraps,
    reason = "the table of functions says what they return"
)]

use super::rate::is_reset;
use super::{Notes, Point, Window};
use crate::histogram::FloatHistogram;

/// One sample of either sort.
#[derive(Clone, Copy)]
enum Either<'a> {
    Float(f64),
    Histogram(&'a FloatHistogram),
}

pub(super) fn changes(window: &Window<'_>, _: &mut Notes) -> Option<Point> {
    if window.histograms.is_empty() {
        let counted = &window.prepared.changes;
        let changes = counted[window.span.end - 1] - counted[window.span.start];
        return Some(Point::Float(f64::from(changes)));
    }
    Some(Point::Float(count(window, |before, after| {
        match (before, after) {
            (Either::Float(a), Either::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
            (Either::Histogram(a), Either::Histogram(b)) => !a.equals(b),
            _ => true,
        }
    })))
}

pub(super) fn resets(window: &Window<'_>, _: &mut Notes) -> Option<Point> {
    if window.histograms.is_empty() {
        let resets = window.prepared.resets_in(&window.span).len();
        return Some(Point::Float(resets as f64));
    }
    Some(Point::Float(count(window, |before, after| {
        match (before, after) {
            (Either::Float(a), Either::Float(b)) => b < a,
            (Either::Histogram(a), Either::Histogram(b)) => {
                a.is_gauge() != b.is_gauge() || is_reset(a, b, window.source)
            }
            _ => true,
        }
    })))
}

/// How many neighbours in time satisfy a condition.
fn count<'a>(window: &Window<'a>, condition: impl Fn(Either<'a>, Either<'a>) -> bool) -> f64 {
    let floats = window.times.iter().zip(window.values);
    let floats = floats.map(|(time, value)| (*time, Either::Float(*value)));
    let histograms = window.histogram_times.iter().zip(window.histograms);
    let histograms = histograms.map(|(time, h)| (*time, Either::Histogram(h)));
    let mut all: Vec<_> = floats.chain(histograms).collect();
    all.sort_by_key(|(time, _)| *time);
    all.windows(2)
        .filter(|pair| condition(pair[0].1, pair[1].1))
        .count() as f64
}
