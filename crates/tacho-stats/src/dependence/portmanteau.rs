//! Whether a series is correlated at all: Ljung-Box and Box-Pierce.
//!
//! Invariant: the statistic is a weighted sum of squared autocorrelations over lags 1 to `lags`; its
//! p-value is the upper tail of χ² with `lags` less `fitted` degrees of freedom.
//! Not for choosing a test of means: a series may be too short for its dependence to show here, and
//! [`compare_means`](super::compare_means) needs no such permission.
//! Sources: Ljung & Box, "On a measure of lack of fit in time series models", Biometrika 65 (1978);
//! Box & Pierce, Journal of the American Statistical Association 65 (1970).

use super::autocorrelation::autocorrelation;
use crate::distribution::ChiSquared;
use crate::error::{Result, StatsError};

/// A portmanteau test of no correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Portmanteau {
    /// Q.
    pub statistic: f64,
    /// Degrees of freedom of χ².
    pub df: f64,
    /// Probability of a statistic as large without any correlation.
    pub p: f64,
}

/// Ljung & Box's test over lags 1 to `lags`; for residuals, `fitted` is the number of coefficients
/// of the model that they are left from.
///
/// ```
/// use tacho_stats::dependence::ljung_box;
/// use tacho_stats::rng::Rng;
/// let mut rng = Rng::new(1);
/// let mut state = 0.0;
/// let x: Vec<f64> = (0..100)
///     .map(|_| {
///         state = 0.5 * state + rng.standard_normal();
///         state
///     })
///     .collect();
/// assert!(ljung_box(&x, 10, 0)?.p < 0.001);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn ljung_box(x: &[f64], lags: usize, fitted: usize) -> Result<Portmanteau> {
    let n = x.len() as f64;
    portmanteau(x, lags, fitted, |lag| n * (n + 2.0) / (n - lag as f64))
}

/// Box & Pierce's test, whose χ² fits only long series.
pub fn box_pierce(x: &[f64], lags: usize, fitted: usize) -> Result<Portmanteau> {
    let n = x.len() as f64;
    portmanteau(x, lags, fitted, |_| n)
}

fn portmanteau(
    x: &[f64],
    lags: usize,
    fitted: usize,
    weight: impl Fn(usize) -> f64,
) -> Result<Portmanteau> {
    if lags <= fitted {
        return Err(StatsError::Invalid {
            name: "lags",
            why: "there must be more than coefficients were fitted",
        });
    }
    let correlations = autocorrelation(x, lags)?;
    let terms = correlations.iter().enumerate().skip(1);
    let statistic: f64 = terms.map(|(lag, r)| weight(lag) * r * r).sum();
    let df = (lags - fitted) as f64;
    Ok(Portmanteau {
        statistic,
        df,
        p: ChiSquared::new(df)?.sf(statistic),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: r₁ = −1/4 · …, n = 4.
    #[test]
    fn one_lag_by_hand() {
        // Deviations −1.5, −0.5, 0.5, 1.5: Σ² = 5, neighbours 0.75 − 0.25 + 0.75 = 1.25, r₁ = ¼.
        let x = [1.0, 2.0, 3.0, 4.0];
        let test = ljung_box(&x, 1, 0).unwrap();
        assert!((test.statistic - 4.0 * 6.0 / 3.0 / 16.0).abs() < 1e-14);
        assert!((box_pierce(&x, 1, 0).unwrap().statistic - 0.25).abs() < 1e-14);
        assert!(
            (test.p - 0.479_500_122_186_953_4).abs() < 1e-12,
            "{}",
            test.p
        );
    }

    #[test]
    fn bad_input_is_refused() {
        assert_eq!(ljung_box(&[1.0; 9], 2, 0), Err(StatsError::ZeroVariance));
        assert!(ljung_box(&[1.0, 2.0], 1, 0).is_err());
        assert!(ljung_box(&[1.0, 2.0, 3.0, 5.0], 4, 0).is_err());
        assert!(ljung_box(&[1.0, 2.0, 3.0, 5.0], 2, 2).is_err());
        assert!(box_pierce(&[1.0, f64::NAN, 3.0], 1, 0).is_err());
        assert!(ljung_box(&[1e308, -1e308, 1e308, 0.0], 2, 0).is_ok());
    }
}
