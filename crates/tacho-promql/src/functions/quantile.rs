//! The quantile of some numbers: between two of them in a straight line.

use std::cmp::Ordering;

/// The order that quantiles go by: NaN is the least.
pub(crate) fn order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// The `q`-quantile; NaN of nothing, infinite where `q` is no fraction. Sorts what it is given.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| order(*a, *b));
    let rank = q * (values.len() - 1) as f64;
    let below = rank.floor() as usize;
    let above = (below + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[below] * (1.0 - weight) + values[above] * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let check = |q: f64, values: &[f64], expected: f64| {
            let found = quantile(q, &mut values.to_vec());
            let same = found == expected || (found.is_nan() && expected.is_nan());
            assert!(same, "{q} of {values:?} is {found}, not {expected}");
        };
        check(0.5, &[3.0, 1.0, 2.0], 2.0);
        check(0.25, &[1.0, 2.0], 1.25);
        check(0.0, &[2.0, f64::NAN, 1.0], f64::NAN);
        check(1.0, &[2.0, f64::NAN, 1.0], 2.0);
        check(-0.1, &[1.0], f64::NEG_INFINITY);
        check(1.1, &[1.0], f64::INFINITY);
        check(f64::NAN, &[1.0], f64::NAN);
        check(0.5, &[], f64::NAN);
    }
}
