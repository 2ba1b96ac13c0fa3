//! How the numbers of a window lie: quantiles, deviations.
//!
//! Source: Welford, "Note on a method for calculating corrected sums of squares and products",
//! Technometrics 4 (1962).

use super::{Notes, Point, Sum, Window, quantile};
use crate::eval::notes::Note;
use crate::histogram::Float;

pub(super) fn quantile_over_time(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    let q = window.scalars[0];
    if !(0.0..=1.0).contains(&q) {
        let note = Note::InvalidQuantile(Float(q).to_string());
        notes.add(note, &window.scalars_at[0]);
    }
    let values = floats(window, notes)?;
    Some(Point::Float(quantile(q, &mut values.to_vec())))
}

pub(super) fn mad_over_time(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    let values = floats(window, notes)?;
    let mut values = values.to_vec();
    let median = quantile(0.5, &mut values);
    for value in &mut values {
        *value = (*value - median).abs();
    }
    Some(Point::Float(quantile(0.5, &mut values)))
}

pub(super) fn stddev_over_time(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    floats(window, notes).map(|values| Point::Float(variance(values).sqrt()))
}

pub(super) fn stdvar_over_time(window: &Window<'_>, notes: &mut Notes) -> Option<Point> {
    floats(window, notes).map(|values| Point::Float(variance(values)))
}

/// The window's numbers, unless there are none.
fn floats<'a>(window: &Window<'a>, notes: &mut Notes) -> Option<&'a [f64]> {
    if window.is_mixed() {
        let note = Note::HistogramIgnoredInRange(window.metric.to_owned());
        notes.add(note, window.at);
    }
    (!window.values.is_empty()).then_some(window.values)
}

/// The population's variance.
fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    for (index, value) in values.iter().enumerate() {
        let delta = value - mean.value();
        mean.add(delta / (index + 1) as f64);
        squares.add(delta * (value - mean.value()));
    }
    squares.value() / values.len() as f64
}
