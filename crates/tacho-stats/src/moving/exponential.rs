//! The exponential moving average, by step or by time.
//!
//! Invariant: the average is a weighted mean of all values so far whose weights fade by the same
//! factor for the same age, and add up to one from the first value on: it starts at the first value
//! without a warm-up bias towards zero. Source: Brown, "Smoothing, forecasting and prediction of
//! discrete time series" (1963); the correction for the start as in Kingma & Ba, "Adam" (2015), 3.

use crate::error::{Result, StatsError, positive};

/// The average, with a half-life.
///
/// ```
/// use tacho_stats::moving::ExponentialAverage;
///
/// let mut average = ExponentialAverage::with_half_life(10.0)?;
/// average.push(100.0, 1.0)?;
/// average.push(0.0, 10.0)?; // ten units of time later: the first value counts half
/// let mean = average.mean().expect("two values were pushed");
/// assert!((mean - 100.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialAverage {
    half_life: f64,
    mean: f64,
    /// Σ of the weights, when the youngest value weighs one.
    weight: f64,
}

impl ExponentialAverage {
    /// Values of age `half_life` count half as much as new ones; the unit is that of the elapsed
    /// times given to [`Self::push`], steps or seconds.
    pub fn with_half_life(half_life: f64) -> Result<Self> {
        positive("half_life", half_life)?;
        Ok(Self {
            half_life,
            mean: 0.0,
            weight: 0.0,
        })
    }

    /// The smoothing factor α in `0..1` of evenly spaced values: each new value has weight α in the
    /// long run. Push with an elapsed time of one.
    pub fn with_alpha(alpha: f64) -> Result<Self> {
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(StatsError::Invalid {
                name: "alpha",
                why: "it must lie strictly between 0 and 1",
            });
        }
        Self::with_half_life(-1.0 / (-alpha).ln_1p() * std::f64::consts::LN_2)
    }

    /// Adds a finite value, `elapsed` after the one before (ignored for the first).
    pub fn push(&mut self, value: f64, elapsed: f64) -> Result<f64> {
        if !value.is_finite() {
            return Err(StatsError::NotFinite { index: 0 });
        }
        if !(elapsed.is_finite() && elapsed >= 0.0) {
            return Err(StatsError::Invalid {
                name: "elapsed",
                why: "it must be finite and not negative",
            });
        }
        self.weight = 1.0 + self.weight * (-elapsed / self.half_life).exp2();
        let share = 1.0 / self.weight;
        self.mean = self.mean * (1.0 - share) + value * share;
        Ok(self.mean)
    }

    /// The average; none before the first value.
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then_some(self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_the_geometric_ones() {
        let alpha = 0.3;
        let mut average = ExponentialAverage::with_alpha(alpha).unwrap();
        let x = [3.0, 1.0, 4.0, 1.0, 5.0];
        for value in x {
            average.push(value, 1.0).unwrap();
        }
        let weights: Vec<f64> = (0..x.len())
            .rev()
            .map(|age| (1.0 - alpha).powi(age as i32))
            .collect();
        let total: f64 = weights.iter().sum();
        let want = x.iter().zip(&weights).map(|(v, w)| v * w).sum::<f64>() / total;
        assert!((average.mean().unwrap() - want).abs() < 1e-14);
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        assert!(ExponentialAverage::with_half_life(0.0).is_err());
        assert!(ExponentialAverage::with_alpha(1.0).is_err());
        assert!(ExponentialAverage::with_alpha(f64::NAN).is_err());
        let mut average = ExponentialAverage::with_half_life(1.0).unwrap();
        assert_eq!(average.mean(), None);
        average.push(7.0, 0.0).unwrap();
        let before = average;
        assert!(average.push(f64::NAN, 1.0).is_err());
        assert!(average.push(1.0, -1.0).is_err() && average.push(1.0, f64::INFINITY).is_err());
        assert_eq!(average, before);
        average.push(f64::MAX, 0.0).unwrap();
        assert!(average.push(f64::MAX, 1e300).unwrap().is_finite());
    }
}
