//! Autocorrelation, and how many independent observations a dependent series is worth.
//!
//! Invariant: autocorrelations use the full sample's mean and variance at every lag (divisor n), so
//! that they form a valid correlation function; the effective size lies in `1..=n`.
//! Sources: Priestley, "Spectral analysis and time series" (1981), 5.3; Geyer, "Practical Markov
//! chain Monte Carlo", Statistical Science 7 (1992), initial monotone positive sequence.

use crate::describe::power_of_two_scale;
use crate::error::{Result, StatsError, observations};
use crate::sum::{mean_parts, sum};

/// The autocorrelations at lags `0..=max_lag` (the first is 1).
pub fn autocorrelation(x: &[f64], max_lag: usize) -> Result<Vec<f64>> {
    let y = deviations(x)?;
    if max_lag >= x.len() {
        return Err(StatsError::Invalid {
            name: "max_lag",
            why: "it must be below the length",
        });
    }
    let total = product_sum(&y, 0);
    Ok((0..=max_lag)
        .map(|lag| product_sum(&y, lag) / total)
        .collect())
}

/// τ = 1 + 2 Σ ρ(k), at least 1/n, by Geyer's initial monotone positive sequence.
///
/// The sum of neighbouring pairs of autocorrelations is cut where it first turns negative and not
/// allowed to rise, which bounds the noise of far lags. In short series it comes out low;
/// [`compare_means`](super::compare_means) accounts for that.
pub fn integrated_autocorrelation_time(x: &[f64]) -> Result<f64> {
    let y = deviations(x)?;
    let total = product_sum(&y, 0);
    let (mut tau, mut last) = (-1.0, f64::INFINITY);
    for lag in (0..y.len() - 1).step_by(2) {
        let pair = (product_sum(&y, lag) + product_sum(&y, lag + 1)) / total;
        let pair = pair.min(last);
        if pair <= 0.0 {
            break;
        }
        tau += 2.0 * pair;
        last = pair;
    }
    Ok(tau.max(1.0 / y.len() as f64))
}

/// n / τ, at most n: the number of independent observations whose mean varies as much.
pub fn effective_sample_size(x: &[f64]) -> Result<f64> {
    let n = x.len() as f64;
    Ok((n / integrated_autocorrelation_time(x)?).clamp(1.0, n))
}

/// Deviations from the mean, scaled by a power of two so that squares stay in range.
pub(super) fn deviations(x: &[f64]) -> Result<Vec<f64>> {
    observations(x, 3)?;
    let (high, low) = mean_parts(x);
    let scale = power_of_two_scale(x);
    let y: Vec<f64> = x.iter().map(|v| ((v - high) - low) * scale).collect();
    if y.iter().all(|v| *v == 0.0) {
        return Err(StatsError::ZeroVariance);
    }
    Ok(y)
}

/// Σ yₜ yₜ₊ₖ.
pub(super) fn product_sum(y: &[f64], lag: usize) -> f64 {
    sum(y[..y.len() - lag].iter().zip(&y[lag..]).map(|(a, b)| a * b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn lag_one_is_nists() {
        let x = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
        let r = autocorrelation(&x, 3).unwrap();
        assert_eq!(r[0], 1.0);
        let want = crate::describe::lag1_autocorrelation(&x).unwrap();
        assert!((r[1] - want).abs() < 1e-15);
        assert!(autocorrelation(&x, 8).is_err());
    }

    #[test]
    fn a_first_order_process_has_the_known_time() {
        let mut rng = Rng::new(3);
        let mut state = 0.0;
        let x: Vec<f64> = (0..200_000)
            .map(|_| {
                state = 0.8 * state + rng.standard_normal();
                state
            })
            .collect();
        // τ = (1 + φ) / (1 − φ) = 9.
        let tau = integrated_autocorrelation_time(&x).unwrap();
        assert!((tau - 9.0).abs() < 0.6, "{tau}");
        assert!((effective_sample_size(&x).unwrap() - 200_000.0 / tau).abs() < 1e-6);
    }

    #[test]
    fn bad_input_is_refused() {
        assert_eq!(
            effective_sample_size(&[1.0; 9]),
            Err(StatsError::ZeroVariance)
        );
        assert_eq!(
            autocorrelation(&[1.0], 0),
            Err(StatsError::TooFew { need: 3, got: 1 })
        );
        assert!(autocorrelation(&[1e308, -1e308, 1e308, 0.0], 2).is_ok());
    }
}
