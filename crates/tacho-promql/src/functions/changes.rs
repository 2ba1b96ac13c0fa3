//! How often a series changed, and how often a counter was reset.

use super::rate::is_reset;
use super::{Error, Notes, Point, Window};
use crate::histogram::FloatHistogram;

/// One sample of either sort.
#[derive(Clone, Copy)]
enum Either<'a> {
    Float(f64),
    Histogram(&'a FloatHistogram),
}

pub(super) fn changes(window: &Window<'_>, _: &mut Notes) -> Result<Option<Point>, Error> {
    if window.histograms.is_empty() {
        let counted = &window.prepared.changes;
        let changes = counted[window.span.end - 1] - counted[window.span.start];
        return Ok(Some(Point::Float(f64::from(changes))));
    }
    Ok(Some(Point::Float(count(window, |before, after| {
        match (before, after) {
            (Either::Float(a), Either::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
            (Either::Histogram(a), Either::Histogram(b)) => !a.equals(b),
            _ => true,
        }
    }))))
}

pub(super) fn resets(window: &Window<'_>, _: &mut Notes) -> Result<Option<Point>, Error> {
    if window.histograms.is_empty() {
        let resets = window.prepared.resets_in(&window.span).len();
        return Ok(Some(Point::Float(resets as f64)));
    }
    Ok(Some(Point::Float(count(window, |before, after| {
        match (before, after) {
            (Either::Float(a), Either::Float(b)) => b < a,
            (Either::Histogram(a), Either::Histogram(b)) => is_reset(a, b, window.source),
            _ => true,
        }
    }))))
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
