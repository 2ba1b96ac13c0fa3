//! The mean of one dependent series, with an interval that knows its memory.
//!
//! Invariant: as in [`compare_means`](super::compare_means), one mixture of t distributions over noise
//! models gives p-values and intervals alike. Not for trends.
//! Sources: [`slow_noise`](super::slow_noise).

use super::compare::{MIN_EFFECTIVE_N, MIN_N, deviations};
use super::mixture::{Component, single};
use super::slow_noise::SlowNoise;
use crate::describe::{mean, power_of_two_scale};
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::Interval;
use crate::special::falling_root;

/// A mean with its uncertainty; intervals are read from it.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanEstimate {
    /// Mean of the series.
    pub mean: f64,
    /// Root mean square of the standard errors under the models, by their weights.
    pub standard_error: f64,
    /// Number of observations.
    pub n: usize,
    /// Number of independent observations that would say as much (posterior median).
    pub effective_n: f64,
    components: Vec<Component>,
}

/// The mean of a series in order of time, of at least [`MIN_N`] observations.
///
/// Fails with [`StatsError::ZeroVariance`] where it is constant.
///
/// ```
/// let x: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 60)).collect();
/// let estimate = tacho_stats::dependence::estimate_mean(&x)?;
/// assert!(estimate.is_decidable() && estimate.interval(0.95)?.contains(29.5));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn estimate_mean(x: &[f64]) -> Result<MeanEstimate> {
    observations(x, MIN_N)?;
    let scale = power_of_two_scale(x);
    let noise = SlowNoise::fit(&deviations(x, scale));
    let (mut components, effective_n) = single(&noise);
    if components.iter().all(|c| c.before == 0.0) {
        return Err(StatsError::ZeroVariance);
    }
    for component in &mut components {
        component.before = component.before / scale / scale;
    }
    let variance: f64 = components.iter().map(|c| c.weight * c.before).sum();
    Ok(MeanEstimate {
        mean: mean(x)?,
        standard_error: in_range("the standard error", variance.sqrt())?,
        n: x.len(),
        effective_n,
        components,
    })
}

impl MeanEstimate {
    /// Whether the series holds enough independent information for a verdict.
    pub fn is_decidable(&self) -> bool {
        self.effective_n >= MIN_EFFECTIVE_N
    }

    /// Two-sided probability that the mean misses its expectation by at least `distance`.
    pub fn tail(&self, distance: f64) -> f64 {
        let beyond = |c: &Component| c.weight * c.beyond(distance.abs(), 1.0);
        self.components
            .iter()
            .map(beyond)
            .sum::<f64>()
            .clamp(0.0, 1.0)
    }

    /// The confidence interval of the mean.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        let margin = falling_root(|d| self.tail(d), 1.0 - level, self.standard_error);
        let margin = margin.ok_or(StatsError::Overflow {
            what: "the interval",
        })?;
        Interval::around(self.mean, margin, level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let mut rng = Rng::new(1);
        let (mut decided, mut missed) = (0, 0);
        for _ in 0..400 {
            let mut state = rng.standard_normal() / (1.0f64 - 0.36).sqrt();
            let x: Vec<f64> = (0..100)
                .map(|_| {
                    state = 0.6 * state + rng.standard_normal();
                    state
                })
                .collect();
            let estimate = estimate_mean(&x).unwrap();
            decided += u32::from(estimate.is_decidable());
            let outside = !estimate.interval(0.95).unwrap().contains(0.0);
            assert_eq!(outside, estimate.tail(estimate.mean) < 0.05);
            missed += u32::from(estimate.is_decidable() && outside);
        }
        assert!(decided > 350 && missed < 37, "{missed} of {decided}");
    }

    #[test]
    fn edges() {
        assert_eq!(estimate_mean(&[1.0; 9]), Err(StatsError::ZeroVariance));
        assert!(estimate_mean(&[1.0; 3]).is_err());
        let large = [1e308, 9e307, 1e308, 9.5e307, 9e307];
        assert!(matches!(
            estimate_mean(&large),
            Err(StatsError::Overflow { .. })
        ));
    }
}
