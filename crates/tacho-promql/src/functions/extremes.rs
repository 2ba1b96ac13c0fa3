//! One sample of a window: the least, the greatest, the first, the last; or its time.

use tacho_model::Timestamp;

use super::{Notes, Point, Window};
use crate::eval::fold::Folded;
use crate::eval::notes::Note;
use crate::eval::select::seconds;

/// The least or the greatest number, whichever is kept up ([`Fold`]).
///
/// [`Fold`]: crate::eval::fold::Fold
pub(super) fn extreme_over_time(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    note_ignored(window, notes);
    match window.folded {
        Some(Folded::Extreme(value)) => Some(Point::Float(value)),
        _ => None,
    }
}

pub(super) fn ts_of_min(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    extreme(window, notes, |value, least| value <= least).map(time)
}

pub(super) fn ts_of_max(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    extreme(window, notes, |value, most| value >= most).map(time)
}

pub(super) fn first_over_time(window: &Window<'_>, _: &mut Notes) -> Option<Point> {
    let earliest = |a: Option<&Timestamp>, b: Option<&Timestamp>| match (a, b) {
        (Some(a), Some(b)) => a <= b,
        (a, _) => a.is_some(),
    };
    if earliest(window.times.first(), window.histogram_times.first()) {
        return window.values.first().map(|value| Point::Float(*value));
    }
    window
        .histograms
        .first()
        .map(|h| Point::Histogram(Box::new(h.clone())))
}

pub(super) fn last_over_time(window: &Window<'_>, _: &mut Notes) -> Option<Point> {
    if window.times.last() >= window.histogram_times.last() {
        return window.values.last().map(|value| Point::Float(*value));
    }
    window
        .histograms
        .last()
        .map(|h| Point::Histogram(Box::new(h.clone())))
}

pub(super) fn ts_of_first(window: &Window<'_>, _: &mut Notes) -> Option<Point> {
    let times = window
        .times
        .first()
        .into_iter()
        .chain(window.histogram_times.first());
    times.min().map(|at| time(*at))
}

pub(super) fn ts_of_last(window: &Window<'_>, _: &mut Notes) -> Option<Point> {
    let last = window.times.last().max(window.histogram_times.last());
    last.map(|at| time(*at))
}

fn time(at: Timestamp) -> Point {
    Point::Float(seconds(at.as_nanos()))
}

/// The time of the last number that no other beats; NaN only where there is nothing else.
fn extreme(
    window: &Window<'_>,
    notes: &mut Notes,
    beats: impl Fn(f64, f64) -> bool,
) -> Option<Timestamp> {
    note_ignored(window, notes);
    let mut samples = window.times.iter().zip(window.values);
    let mut best = samples.next()?;
    for sample in samples {
        if beats(*sample.1, *best.1) || (best.1.is_nan() && !sample.1.is_nan()) {
            best = sample;
        }
    }
    Some(*best.0)
}

fn note_ignored(window: &Window<'_>, notes: &mut Notes) {
    if window.is_mixed() {
        let note = Note::HistogramIgnoredInRange(window.metric.to_owned());
        notes.add(note, window.at);
    }
}
