//! How fast series change: `rate`, `increase`, `delta`, and the two that look at the last two
//! samples only.
//!
//! What is seen between the first and the last sample is extended to the ends of the window, but
//! no further than half a usual interval where the next sample is not near, and never to before
//! the point where a counter would have been zero. Source: Prometheus documentation, "Query
//! functions", `rate()`; extrapolation as Prometheus 3 computes it.

use tacho_model::Timestamp;

use super::{Notes, Point, Window};
use crate::eval::notes::Note;
use crate::eval::window::Source;
use crate::histogram::{CounterResetHint, FloatHistogram};

/// What a function makes of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A counter's, a second.
    Rate,
    /// A counter's.
    Increase,
    /// A gauge's.
    Delta,
}

pub(super) fn rate(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    extrapolated(window, Sort::Rate, notes)
}

pub(super) fn increase(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    extrapolated(window, Sort::Increase, notes)
}

pub(super) fn delta(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    extrapolated(window, Sort::Delta, notes)
}

fn extrapolated(window: &Window<'_>, sort: Sort, notes: &mut Notes) -> Option<Point> {
    if sort != Sort::Delta && !window.values.is_empty() {
        note_counter(window, notes);
    }
    if window.is_mixed() {
        window.note_mixed(notes);
        return None;
    }
    if window.len() < 2 {
        return None;
    }
    if window.histograms.is_empty() {
        let (first, last) = (window.values[0], window.values[window.values.len() - 1]);
        let mut change = last - first;
        if sort != Sort::Delta {
            for (_, before) in window.prepared.resets_in(&window.span) {
                change += before;
            }
        }
        let times = [window.times[0], window.times[window.times.len() - 1]];
        let times = times.map(Timestamp::as_nanos);
        return Some(Point::Float(
            change * factor(window, times, sort, [first, change]),
        ));
    }
    let mut change = histogram_change(window, sort, notes)?;
    let times = window.histogram_times;
    let times = [times[0], times[times.len() - 1]].map(Timestamp::as_nanos);
    let counts = [window.histograms[0].count, change.count];
    change.mul(factor(window, times, sort, counts));
    Some(Point::Histogram(Box::new(change)))
}

/// By what a change between two times is multiplied. `counter` is the first value and the change:
/// they tell how long before the first sample a counter was zero.
fn factor(
    window: &Window<'_>,
    times: [i64; 2],
    sort: Sort,
    [first_value, change]: [f64; 2],
) -> f64 {
    // Nanoseconds all of them, since only their ratios matter.
    let sampled = (times[1] - times[0]) as f64;
    let intervals = (window.len() - 1) as f64;
    // A tenth more than usual, since samples do not come exactly on time.
    let is_far = |gap: f64| gap * intervals >= sampled * 1.1;
    let reach = |gap: f64| {
        if is_far(gap) {
            sampled / intervals / 2.0
        } else {
            gap
        }
    };
    let mut to_start = reach((times[0] - window.start) as f64);
    let to_end = reach((window.end - times[1]) as f64);
    if sort != Sort::Delta && change > 0.0 && first_value >= 0.0 {
        // Zero lies `sampled * first_value / change` back; seldom nearer, so seldom divided.
        let is_nearer = sampled * first_value < to_start * change;
        if is_nearer {
            to_start = sampled * (first_value / change);
        }
    }
    let extended = sampled + to_start + to_end;
    match sort {
        Sort::Rate => extended / (sampled * ((window.end - window.start) as f64 / 1e9)),
        Sort::Increase | Sort::Delta => extended / sampled,
    }
}

/// Notes when the name is not that of a counter.
fn note_counter(window: &Window<'_>, notes: &mut Notes) {
    let is_counter = ["_total", "_sum", "_count", "_bucket"];
    let name = window.metric;
    if !name.is_empty() && !is_counter.iter().any(|ending| name.ends_with(ending)) {
        notes.add(Note::PossiblyNoCounter(name.to_owned()), window.at);
    }
}

fn histogram_change(window: &Window<'_>, sort: Sort, notes: &mut Notes) -> Option<FloatHistogram> {
    let histograms = window.histograms;
    let (first, last) = (&histograms[0], &histograms[histograms.len() - 1]);
    let metric = || window.metric.to_owned();
    let is_custom = |h: &FloatHistogram| h.custom_bounds().is_some();
    if histograms.iter().any(|h| is_custom(h) != is_custom(first)) {
        notes.add(Note::MixedExponentialCustom(metric()), window.at);
        return None;
    }
    match sort {
        Sort::Delta if !(first.is_gauge() && last.is_gauge()) => {
            notes.add(Note::NotGaugeHistogram(metric()), window.at);
        }
        Sort::Rate | Sort::Increase if histograms.iter().any(FloatHistogram::is_gauge) => {
            notes.add(Note::NotCounterHistogram(metric()), window.at);
        }
        _ => {}
    }
    let mut reconciled = false;
    let mut change = last.clone();
    // The coarsest layout of all first, so that resets in between can be added.
    reconciled |= change.sub(first).ok()?.bounds_reconciled;
    if sort != Sort::Delta {
        for pair in histograms.windows(2) {
            if is_reset(&pair[0], &pair[1], window.source) {
                reconciled |= change.add(&pair[0]).ok()?.bounds_reconciled;
            }
        }
    }
    if reconciled {
        notes.add(Note::MismatchedCustomBounds("subtraction"), window.at);
    }
    Some(change.hinted(CounterResetHint::Gauge))
}

/// Whether a counter was reset between two samples.
pub(super) fn is_reset(before: &FloatHistogram, after: &FloatHistogram, source: Source) -> bool {
    match source {
        Source::Stored => after.detect_reset(before),
        Source::Subquery => after.has_lost(before),
    }
}

pub(super) fn irate(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    instant(window, Sort::Rate, notes)
}

pub(super) fn idelta(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    instant(window, Sort::Delta, notes)
}

/// The change between the last two samples.
fn instant(window: &Window<'_>, sort: Sort, notes: &mut Notes) -> Option<Point> {
    let floats = window.times.iter().map(|time| (time.as_nanos(), true));
    let histograms = window
        .histogram_times
        .iter()
        .map(|time| (time.as_nanos(), false));
    let mut last: Vec<(i64, bool)> = floats
        .rev()
        .take(2)
        .chain(histograms.rev().take(2))
        .collect();
    last.sort_unstable();
    let [.., (before, before_is_float), (now, now_is_float)] = last[..] else {
        return None;
    };
    if sort == Sort::Rate && (before_is_float || now_is_float) {
        note_counter(window, notes);
    }
    if before_is_float != now_is_float {
        window.note_mixed(notes);
        return None;
    }
    let seconds = (now - before) as f64 / 1e9;
    if seconds == 0.0 {
        return None;
    }
    if now_is_float {
        let [.., earlier, later] = window.values[..] else {
            return None;
        };
        let is_reset = sort == Sort::Rate && later < earlier;
        let change = if is_reset { later } else { later - earlier };
        return Some(Point::Float(if sort == Sort::Rate {
            change / seconds
        } else {
            change
        }));
    }
    let [.., earlier, later] = window.histograms else {
        return None;
    };
    instant_histogram(window, [earlier, later], (sort, seconds), notes)
}

fn instant_histogram(
    window: &Window<'_>,
    [earlier, later]: [&FloatHistogram; 2],
    (sort, seconds): (Sort, f64),
    notes: &mut Notes,
) -> Option<Point> {
    let metric = window.metric.to_owned();
    let are_gauges = [earlier, later].map(FloatHistogram::is_gauge);
    let mut change = later.clone();
    match sort {
        Sort::Rate if are_gauges.contains(&true) => {
            notes.add(Note::NotCounterHistogram(metric.clone()), window.at);
        }
        Sort::Delta if are_gauges.contains(&false) => {
            notes.add(Note::NotGaugeHistogram(metric.clone()), window.at);
        }
        _ => {}
    }
    if sort == Sort::Delta || !is_reset(earlier, later, window.source) {
        match change.sub(earlier) {
            Ok(told) if told.bounds_reconciled => {
                notes.add(Note::MismatchedCustomBounds("subtraction"), window.at);
            }
            Ok(_) => {}
            Err(_) => {
                notes.add(Note::MixedExponentialCustom(metric), window.at);
                return None;
            }
        }
    }
    if sort == Sort::Rate {
        change.div(seconds);
    }
    Some(Point::Histogram(Box::new(
        change.hinted(CounterResetHint::Gauge),
    )))
}
