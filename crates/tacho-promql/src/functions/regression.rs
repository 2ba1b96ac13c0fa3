//! Straight lines through a window's numbers, and smoothing with a trend.
//!
//! Sources: simple linear regression by least squares; Holt's linear method (double exponential
//! smoothing), NIST/SEMATECH e-Handbook of Statistical Methods, 6.4.3.3.

use super::{Error, Notes, Point, Sum, Window};
use crate::eval::notes::Note;

pub(super) fn deriv(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    let origin = times_of_line(window, notes)?;
    Some(Point::Float(line(window, origin).0))
}

pub(super) fn predict_linear(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    times_of_line(window, notes)?;
    let (slope, at_step) = line(window, window.step);
    Some(Point::Float(slope * window.scalars[0] + at_step))
}

/// The time of the first number, where there are two and more.
fn times_of_line(window: &Window<'_>, notes: &mut Notes) -> Option<i64> {
    if window.is_mixed() {
        let note = Note::HistogramIgnoredInRange(window.metric.to_owned());
        notes.add(note, window.at);
    }
    match window.times {
        [first, _, ..] => Some(first.as_nanos()),
        _ => None,
    }
}

/// The slope a second, and the value at `origin`.
fn line(window: &Window<'_>, origin: i64) -> (f64, f64) {
    let first = window.values[0];
    if window.values.iter().all(|value| *value == first) {
        return if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        };
    }
    let count = window.values.len() as f64;
    let [mut sum_x, mut sum_y, mut sum_xy, mut sum_xx] = [Sum::default(); 4];
    for (time, y) in window.times.iter().zip(window.values) {
        let x = time.as_nanos().saturating_sub(origin) as f64 / 1e9;
        sum_x.add(x);
        sum_y.add(*y);
        sum_xy.add(x * y);
        sum_xx.add(x * x);
    }
    let [x, y, xy, xx] = [sum_x, sum_y, sum_xy, sum_xx].map(Sum::value);
    let slope = (xy - x * y / count) / (xx - x * x / count);
    (slope, y / count - slope * x / count)
}

/// That both factors of smoothing are fractions.
pub(super) fn check_factors(scalars: &[f64]) -> Result<(), Error> {
    for (factor, which) in scalars.iter().zip(["smoothing", "trend"]) {
        if !(*factor > 0.0 && *factor < 1.0) {
            let message = format!(
                "invalid {which} factor. Expected: 0 < {}f < 1, got: {factor:.6}",
                &which[..1]
            );
            return Err(Error::Execution(message));
        }
    }
    Ok(())
}

pub(super) fn smoothed(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    times_of_line(window, notes)?;
    let [smoothing, trend_smoothing] = [window.scalars[0], window.scalars[1]];
    let values = window.values;
    let (mut before, mut level) = (0.0, values[0]);
    let mut trend = values[1] - values[0];
    for (index, value) in values.iter().enumerate().skip(1) {
        if index > 1 {
            trend = trend_smoothing * (level - before) + (1.0 - trend_smoothing) * trend;
        }
        before = level;
        level = smoothing * value + (1.0 - smoothing) * (level + trend);
    }
    Some(Point::Float(level))
}
