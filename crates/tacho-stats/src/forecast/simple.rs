//! Forecasts that need no fit: mean, last value, last season, drift.
//!
//! Invariant: intervals widen with the horizon as each method's own assumptions say, with t
//! quantiles for the estimated spread. They are what is left when a series is too short for a model,
//! and what any model must beat.
//! Source: Hyndman & Athanasopoulos, "Forecasting: principles and practice" (3rd edition, 2021), 5.2
//! and 5.5.

use crate::distribution::StudentT;
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::Interval;
use crate::sum::{mean_parts, sum};

/// A method without a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SimpleMethod {
    /// The mean, for series without memory. Two or more observations.
    Mean,
    /// The last value, for random walks. Three or more observations.
    Naive,
    /// The last season again, for a season (its period given) on a random walk of years. Two
    /// periods and one observation.
    SeasonalNaive(usize),
    /// The last value and the mean change, for random walks that go somewhere. Three or more
    /// observations.
    Drift,
}

/// Forecasts of a simple method.
#[derive(Debug, Clone, PartialEq)]
pub struct SimpleForecast {
    /// Which method.
    pub method: SimpleMethod,
    /// One value a step ahead.
    pub mean: Vec<f64>,
    /// Standard errors of the forecasts.
    pub standard_errors: Vec<f64>,
    /// Degrees of freedom of the standard errors.
    pub df: f64,
}

/// Forecasts `horizon` steps beyond a series in order of time.
///
/// ```
/// use tacho_stats::forecast::{SimpleMethod, simple_forecast};
///
/// let forecast = simple_forecast(&[3.0, 5.0, 4.0, 6.0], SimpleMethod::Drift, 2)?;
/// assert_eq!(forecast.mean, [7.0, 8.0]);
/// let interval = forecast.intervals(0.95)?[1];
/// assert!(interval.low < 8.0 && interval.high > 8.0);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn simple_forecast(x: &[f64], method: SimpleMethod, horizon: usize) -> Result<SimpleForecast> {
    let (lag, need) = match method {
        SimpleMethod::Mean => (0, 2),
        SimpleMethod::Naive | SimpleMethod::Drift => (1, 3),
        SimpleMethod::SeasonalNaive(0) => {
            return Err(StatsError::Invalid {
                name: "period",
                why: "it must be above zero",
            });
        }
        SimpleMethod::SeasonalNaive(period) => (period, period.saturating_mul(2).saturating_add(1)),
    };
    observations(x, need)?;
    let last = x[x.len() - 1];
    let n = x.len() as f64;
    let centre = match method {
        SimpleMethod::Mean => mean_parts(x).0,
        SimpleMethod::Drift => last / (n - 1.0) - x[0] / (n - 1.0),
        _ => 0.0,
    };
    let errors: Vec<f64> = match lag {
        0 => x.iter().map(|v| v - centre).collect(),
        _ => x
            .iter()
            .zip(&x[lag..])
            .map(|(a, b)| (b - a) - centre)
            .collect(),
    };
    let lost = f64::from(matches!(method, SimpleMethod::Mean | SimpleMethod::Drift));
    let df = errors.len() as f64 - lost;
    let sigma = root_mean_square(&errors, df)?;
    let ahead = |h: usize| {
        let steps = h as f64;
        let (value, growth) = match method {
            SimpleMethod::Mean => (centre, 1.0 + 1.0 / n),
            SimpleMethod::Naive => (last, steps),
            SimpleMethod::SeasonalNaive(period) => {
                let season = (h - 1) % period;
                (x[x.len() - period + season], ((h - 1) / period + 1) as f64)
            }
            SimpleMethod::Drift => (last + steps * centre, steps * (1.0 + steps / (n - 1.0))),
        };
        (value, sigma * growth.sqrt())
    };
    let mut forecast = SimpleForecast {
        method,
        mean: Vec::with_capacity(horizon),
        standard_errors: Vec::with_capacity(horizon),
        df,
    };
    for (value, standard_error) in (1..=horizon).map(ahead) {
        forecast.mean.push(in_range("a forecast", value)?);
        forecast
            .standard_errors
            .push(in_range("a standard error", standard_error)?);
    }
    Ok(forecast)
}

impl SimpleForecast {
    /// Prediction intervals, one a step ahead.
    pub fn intervals(&self, level: f64) -> Result<Vec<Interval>> {
        error::level(level)?;
        let critical = StudentT::new(self.df)?.inverse_sf(0.5 * (1.0 - level))?;
        self.mean
            .iter()
            .zip(&self.standard_errors)
            .map(|(mean, error)| Interval::around(*mean, critical * error, level))
            .collect()
    }
}

/// √(Σ e² / df), without overflow on the way.
fn root_mean_square(errors: &[f64], df: f64) -> Result<f64> {
    let largest = errors.iter().fold(0.0f64, |m, e| m.max(e.abs()));
    if largest == 0.0 {
        return Ok(0.0);
    }
    in_range("an error", largest)?;
    let squares = sum(errors.iter().map(|e| (e / largest).powi(2)));
    in_range("the standard error", largest * (squares / df).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecasts_and_errors_are_the_books() {
        let x = [3.0, 5.0, 4.0, 6.0, 2.0];
        let mean = simple_forecast(&x, SimpleMethod::Mean, 2).unwrap();
        assert_eq!((mean.mean[1], mean.df), (4.0, 4.0));
        // s = √2.5, times √(1 + 1/5).
        assert!((mean.standard_errors[0] - 3f64.sqrt()).abs() < 1e-14);
        let naive = simple_forecast(&x, SimpleMethod::Naive, 4).unwrap();
        assert_eq!(naive.mean, [2.0; 4]);
        assert!((naive.standard_errors[3] - 2.0 * (25.0f64 / 4.0).sqrt()).abs() < 1e-14);
        let season = simple_forecast(&x, SimpleMethod::SeasonalNaive(2), 3).unwrap();
        assert_eq!(season.mean, [6.0, 2.0, 6.0]);
        assert!(season.standard_errors[2] > season.standard_errors[1]);
    }

    #[test]
    fn bad_input_is_refused() {
        use SimpleMethod::{Drift, Mean, Naive, SeasonalNaive};
        for method in [Mean, Naive, SeasonalNaive(3), Drift] {
            assert!(simple_forecast(&[1.0], method, 3).is_err());
            assert!(simple_forecast(&[1.0, f64::NAN, 2.0], method, 3).is_err());
            let same = simple_forecast(&[2.0; 9], method, 3).unwrap();
            assert_eq!(same.intervals(0.9).unwrap()[2].half_width(), 0.0);
        }
        assert!(simple_forecast(&[1.0; 9], SeasonalNaive(0), 1).is_err());
        assert!(simple_forecast(&[1.0; 9], SeasonalNaive(usize::MAX), 1).is_err());
        let huge = [1e308, -1e308, 1e308, -1.7e308];
        assert!(simple_forecast(&huge, Drift, 2).is_err());
    }
}
