//! Weights that take outliers out of a local regression, and the kernel of its neighbourhoods.
//!
//! Invariant: weights lie in `0..=1`; a residual of zero weighs 1.
//! Sources: Cleveland, "Robust locally weighted regression and smoothing scatterplots", JASA 74
//! (1979); the thresholds at 0.001 and 0.999 are those of the authors' published program.

/// Below this part of the scale a weight is 1.
const NEAR: f64 = 0.001;
/// Beyond this part of the scale a weight is 0.
const FAR: f64 = 0.999;
/// Of data scaled to about one, residuals much smaller than this are rounding.
const SCALE_MIN: f64 = 1e-12;

/// The bisquare of each residual against six times the median absolute residual.
///
/// Where most points are met exactly, the scale is what rounding may leave: without this floor, a
/// perfect fit would lose points by the accidents of their last bits.
pub(super) fn bisquare_weights(residuals: impl Iterator<Item = f64>, weights: &mut [f64]) {
    for (weight, residual) in weights.iter_mut().zip(residuals) {
        *weight = residual.abs();
    }
    let scale = (6.0 * median(&mut weights.to_vec())).max(SCALE_MIN);
    for weight in weights {
        *weight = if *weight <= NEAR * scale {
            1.0
        } else if *weight <= FAR * scale {
            let ratio = *weight / scale;
            (1.0 - ratio * ratio).powi(2)
        } else {
            0.0
        };
    }
}

/// The tricube of a distance against the half width of the neighbourhood.
pub(super) fn tricube(distance: f64, half_width: f64) -> f64 {
    if distance <= NEAR * half_width {
        1.0
    } else if distance <= FAR * half_width {
        let ratio = distance / half_width;
        (1.0 - ratio * ratio * ratio).powi(3)
    } else {
        0.0
    }
}

/// The median of finite numbers; zero for none.
fn median(x: &mut [f64]) -> f64 {
    let n = x.len();
    if n == 0 {
        return 0.0;
    }
    let (below, upper, _) = x.select_nth_unstable_by(n / 2, f64::total_cmp);
    let upper = *upper;
    if n % 2 == 1 {
        return upper;
    }
    let lower = below.iter().fold(f64::NEG_INFINITY, |m, v| m.max(*v));
    0.5 * (lower + upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fall_from_one_to_zero() {
        let mut weights = [0.0; 5];
        bisquare_weights([0.0, -1.0, 1.0, 3.0, -6.0].into_iter(), &mut weights);
        let want = |ratio: f64| (1.0 - ratio * ratio).powi(2);
        assert_eq!(
            weights,
            [1.0, want(1.0 / 6.0), want(1.0 / 6.0), want(0.5), 0.0]
        );
        bisquare_weights([0.0, 0.0, 0.0, 9.0, 9.0].into_iter(), &mut weights);
        assert_eq!(weights, [1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(tricube(0.0, 3.0), 1.0);
        assert_eq!(tricube(3.0, 3.0), 0.0);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&mut []), 0.0);
    }
}
