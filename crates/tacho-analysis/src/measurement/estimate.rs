//! A mean of dependent values, and how well it is known.
//!
//! Neighbouring values of a monitored series resemble each other, so n of them are worth fewer.
//! The series is taken as a first-order autoregression, whose coefficient φ is corrected for its
//! small-sample bias: the mean then has variance `s² τ / n` with `τ = (1 + φ) / (1 − φ)`, and
//! `n / τ` is the effective number of values. The estimate of `s² τ` itself is uncertain, mostly
//! through φ: its relative variance is `4 / n_eff + 2 / n` by the delta method, so it behaves like
//! a χ² with `1 / (2 / n_eff + 1 / n)` degrees of freedom, which is what a t interval should use.
//!
//! A summary to keep and to plan with. What a verdict rests on is widened further where
//! [`tacho_stats::dependence`] finds slower variation than one coefficient can show.
//!
//! Sources: Bartlett (1946) for the variance of a mean under autocorrelation; Marriott and Pope
//! (1954) and Kendall (1954) for the bias; Welch and Satterthwaite for the degrees of freedom.

use crate::error::{AnalysisError, Result};

/// Correlation that strong over the whole sample cannot be told from a trend.
const PHI_MAX: f64 = 0.99;

/// A mean with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error; infinite for a single value, zero for a constant series.
    pub standard_error: f64,
    /// Degrees of freedom of the standard error.
    pub df: f64,
    /// Number of values or intervals.
    pub n: usize,
    /// How many independent ones they are worth, between 1 and `n`.
    pub effective_n: f64,
    /// Autocorrelation at lag 1 as observed; 0 where there is none to observe.
    pub autocorrelation: f64,
}

impl Estimate {
    /// Of values in order of time, all finite.
    ///
    /// # Errors
    /// [`AnalysisError::NoData`] without values, [`AnalysisError::Statistics`] when a figure
    /// leaves the range of numbers.
    pub fn of(values: &[f64]) -> Result<Self> {
        let failed = |source| AnalysisError::Statistics {
            what: "the mean",
            source,
        };
        if values.is_empty() {
            return Err(AnalysisError::NoData { what: "the series" });
        }
        let mean = tacho_stats::describe::mean(values).map_err(failed)?;
        if values.len() < 3 {
            return Ok(Self::barely_known(mean, values.len()));
        }
        let variance = tacho_stats::describe::variance(values).map_err(failed)?;
        // A constant series: its mean is known, and there is nothing to correlate.
        let rho = tacho_stats::describe::lag1_autocorrelation(values).unwrap_or(0.0);
        Ok(Self::known(mean, variance, rho, values.len()))
    }

    /// Of a ratio of sums, such as all seconds over all requests, from the sums of each interval.
    /// By linearisation: the variance is that of the mean of `(sumᵢ − R · countᵢ) / mean count`.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn of_ratio(sums: &[f64], counts: &[f64]) -> Result<Self> {
        let total: f64 = counts.iter().sum();
        if sums.is_empty() || total <= 0.0 {
            return Err(AnalysisError::NoData {
                what: "the intervals",
            });
        }
        let ratio = sums.iter().sum::<f64>() / total;
        let per_interval = total / counts.len() as f64;
        let influence = sums.iter().zip(counts);
        let influence: Vec<f64> = influence
            .map(|(s, c)| (s - ratio * c) / per_interval)
            .collect();
        Ok(Self {
            mean: ratio,
            ..Self::of(&influence)?
        })
    }

    fn barely_known(mean: f64, n: usize) -> Self {
        Self {
            mean,
            standard_error: f64::INFINITY,
            df: 1.0,
            n,
            effective_n: 1.0,
            autocorrelation: 0.0,
        }
    }

    fn known(mean: f64, variance: f64, rho: f64, n: usize) -> Self {
        let count = n as f64;
        let phi = (rho + (1.0 + 3.0 * rho) / count).clamp(0.0, PHI_MAX);
        // Negative correlation is not trusted: it would claim more than n values.
        let phi = if rho <= 0.0 { 0.0 } else { phi };
        let tau = (1.0 + phi) / (1.0 - phi);
        let effective_n = (count / tau).clamp(1.0, count);
        Self {
            mean,
            standard_error: (variance / effective_n).sqrt(),
            df: (1.0 / (2.0 / effective_n + 1.0 / count)).max(1.0),
            n,
            effective_n,
            autocorrelation: rho,
        }
    }

    /// The effective number that `n` values of this series would have.
    pub fn effective_of(&self, n: f64) -> f64 {
        self.effective_n * n / self.n as f64
    }
}
