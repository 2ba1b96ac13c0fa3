//! The long-run variance of a series: n times the variance of its mean.
//!
//! Invariant: never negative. Kernel estimates are consistent but come out low in short, strongly
//! dependent series, so that a t test on them raises false alarms (the table in
//! [`dependence`](super)); verdicts use [`compare_means`](super::compare_means).
//! Sources: Newey & West, Econometrica 55 (1987); Andrews, Econometrica 59 (1991), automatic
//! bandwidth; Lazarus, Lewis, Stock & Watson, "HAR inference: recommendations for practice",
//! Journal of Business & Economic Statistics 36 (2018), the cosine estimator.

use super::autocorrelation::{deviations, product_sum};
use super::spectrum::cosine_energies;
use crate::describe::power_of_two_scale;
use crate::error::{Result, StatsError, in_range};

/// Bartlett-kernel estimate (Newey-West) with Andrews' automatic bandwidth.
pub fn long_run_variance(x: &[f64]) -> Result<f64> {
    let y = deviations(x)?;
    let n = y.len() as f64;
    let rho = (product_sum(&y, 1) / product_sum(&y, 0)).clamp(-0.97, 0.97);
    let alpha = 4.0 * rho * rho / ((1.0 - rho).powi(2) * (1.0 + rho).powi(2));
    let bandwidth = (1.1447 * (alpha * n).cbrt()).min(n - 1.0);
    let mut total = product_sum(&y, 0);
    let mut lag = 1;
    while (lag as f64) < bandwidth {
        total += 2.0 * (1.0 - lag as f64 / bandwidth) * product_sum(&y, lag);
        lag += 1;
    }
    unscaled(total.max(0.0) / n, x)
}

/// Equal-weighted cosine estimate: the mean energy of the `terms` slowest cosines.
///
/// In large samples `terms` · estimate / truth follows a chi-squared distribution with `terms`
/// degrees of freedom, which makes t critical values right. Lazarus et al. recommend
/// 0.4 n^(2/3) terms ([`cosine_terms`]).
pub fn cosine_long_run_variance(x: &[f64], terms: usize) -> Result<f64> {
    let y = deviations(x)?;
    if terms == 0 || terms >= x.len() {
        return Err(StatsError::Invalid {
            name: "terms",
            why: "it must lie in 1..n",
        });
    }
    unscaled(
        cosine_energies(&y, terms).iter().sum::<f64>() / terms as f64,
        x,
    )
}

/// The number of cosines recommended by Lazarus et al. for `n` observations.
pub fn cosine_terms(n: usize) -> usize {
    ((0.4 * (n as f64).powf(2.0 / 3.0)) as usize).max(1)
}

fn unscaled(value: f64, x: &[f64]) -> Result<f64> {
    let scale = power_of_two_scale(x);
    in_range("the long-run variance", value / scale / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn estimates_agree_with_a_known_process() {
        let mut rng = Rng::new(5);
        let mut state = 0.0;
        let x: Vec<f64> = (0..50_000)
            .map(|_| {
                state = 0.5 * state + rng.standard_normal();
                1e6 + 1e-3 * state
            })
            .collect();
        // 1 / (1 − φ)² = 4, in units of 1e-6.
        let bartlett = long_run_variance(&x).unwrap() * 1e6;
        let cosine = cosine_long_run_variance(&x, cosine_terms(x.len())).unwrap() * 1e6;
        assert!((bartlett - 4.0).abs() < 0.4, "{bartlett}");
        assert!((cosine - 4.0).abs() < 0.8, "{cosine}");
    }

    #[test]
    fn all_cosines_give_the_sample_variance() {
        let x = [2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0];
        let want = crate::describe::variance(&x).unwrap();
        let got = cosine_long_run_variance(&x, 6).unwrap();
        assert!((got - want).abs() < 1e-12, "{got} {want}");
        assert!(cosine_long_run_variance(&x, 7).is_err());
        assert_eq!(long_run_variance(&[1.0; 4]), Err(StatsError::ZeroVariance));
    }
}
