//! Functions of one number that are more than one operation.

/// The scalars are the least and the greatest value.
pub(super) fn clamp(value: f64, scalars: &[f64]) -> f64 {
    match scalars {
        // Of an empty interval nothing is left: see `Evaluator::each_element`.
        [min, max] if min > max => crate::eval::column::ABSENT,
        [min, max] => go_max(*min, go_min(*max, value)),
        _ => value,
    }
}

pub(super) fn clamp_max(value: f64, scalars: &[f64]) -> f64 {
    go_min(scalars[0], value)
}

pub(super) fn clamp_min(value: f64, scalars: &[f64]) -> f64 {
    go_max(scalars[0], value)
}

/// The lesser of two; NaN if either is, unless the other is as small as can be (as in Go).
pub(super) fn go_min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

/// The greater of two, likewise.
pub(super) fn go_max(a: f64, b: f64) -> f64 {
    -go_min(-a, -b)
}

/// To the nearest multiple, ties upwards.
pub(super) fn round(value: f64, scalars: &[f64]) -> f64 {
    // By the inverse, as Prometheus does: 0.1 has no exact multiples, 10 has.
    let inverse = 1.0 / scalars.first().copied().unwrap_or(1.0);
    (value * inverse + 0.5).floor() / inverse
}

pub(super) fn sgn(value: f64, _: &[f64]) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

/// Rust's own overflows where the square of the value does.
pub(super) fn asinh(value: f64) -> f64 {
    if value.abs() > 1e154 {
        return (value.abs().ln() + std::f64::consts::LN_2).copysign(value);
    }
    value.asinh()
}
