//! What is normal for a real series: season, dependence on its past, and any distribution.
//!
//! Invariants, in the order in which a value passes:
//! 1. the profile of each period is taken out;
//! 2. what the past predicts (an autoregression) is taken out: the rest is nearly independent;
//! 3. the rest is ranked among all earlier ones, so that heavy tails and skewness do not matter.
//!
//! Together: the numbers handed on are nearly independent and standard normal while nothing changes.
//! Every stage learns from every value with a weight of one over their number, so errors of the
//! training fade rather than last; a residual of more than [`REACH`] quartile ranges teaches as if
//! it were there, so that a spike does not spoil what is known.
//! Not for a series whose normal state changes: train anew once a change is believed. A lasting
//! shift shows in full in its first value and then, less what the past predicts of it, in the rest.
//! Sources: Alwan & Roberts, "Time-series modeling for statistical process control", JBES 6 (1988),
//! for charts on residuals; see also each stage.

use super::autoregression::Autoregression;
use super::baseline::{Baseline, Frame};
use super::detector::finite;
use super::season::Season;
use super::sequential_scores::{Place, START_MIN, SequentialScores};
use crate::error::{Result, StatsError};
use crate::quantile::{QuantileType, quantiles};

/// The longest past that predicts.
const ORDER_MAX: usize = 20;
/// Residuals beyond this many quartile ranges are learnt from as if they were there.
const REACH: f64 = 20.0;
/// The fewest values to train on.
const TRAINING_MIN: usize = START_MIN + 20;

/// The learnt normal state of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesBaseline {
    frame: Frame,
    seasons: Vec<Season>,
    past: Autoregression,
    scores: SequentialScores,
    reach: f64,
}

/// How a [`SeriesBaseline`] is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Training<'a> {
    /// Periods of seasons, in observations, the shortest first; none by default.
    pub periods: &'a [usize],
    /// How many earlier values may predict the next: 20 by default, 0 for independent observations.
    pub order_max: usize,
}

impl Default for Training<'_> {
    fn default() -> Self {
        Self {
            periods: &[],
            order_max: ORDER_MAX,
        }
    }
}

impl SeriesBaseline {
    /// From a quiet stretch without a season: 50 values or more, better 500; not all equal.
    pub fn train(x: &[f64]) -> Result<Self> {
        Self::train_with(x, Training::default())
    }

    /// From a quiet stretch of at least two of the longest period.
    ///
    /// ```
    /// use tacho_stats::detect::{Baseline, SeriesBaseline, Training};
    ///
    /// let daily: Vec<f64> = (0..240).map(|hour| f64::from(hour % 24) + 0.1 * f64::from(hour % 7)).collect();
    /// let training = Training { periods: &[24], ..Training::default() };
    /// let mut baseline = SeriesBaseline::train_with(&daily, training)?;
    /// assert!(baseline.standardise(40.0)? > 3.0);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn train_with(x: &[f64], training: Training<'_>) -> Result<Self> {
        if training.periods.iter().any(|period| *period < 2) {
            return Err(StatsError::Invalid {
                name: "a period",
                why: "it must be at least two observations",
            });
        }
        let longest = training.periods.iter().copied().max().unwrap_or(0);
        let frame = Frame::of(x, TRAINING_MIN.max(longest.saturating_mul(2)))?;
        let mut values: Vec<f64> = x.iter().map(|value| frame.apply(*value)).collect();
        let mut rest = values.clone();
        hold(&mut rest)?;
        for (value, held) in values.iter_mut().zip(&rest) {
            *value -= held;
        }
        let seasons: Vec<Season> = training
            .periods
            .iter()
            .map(|period| Season::train(&mut rest, *period))
            .collect();
        for (value, held) in values.iter_mut().zip(&rest) {
            *value += held;
        }
        let reach = hold(&mut rest)?;
        if rest.iter().all(|v| v.abs() < 1e-12 * reach.max(1e-3)) {
            return Err(StatsError::ZeroVariance);
        }
        let past = Autoregression::train(&rest, training.order_max.min(ORDER_MAX));
        // Residuals of the training are smaller than those of prediction will be.
        let n = rest.len() as f64;
        let parameters = past.order() as f64 + 1.0;
        let seasonal: f64 = seasons
            .iter()
            .map(|s| 1.0 / s.cycles())
            .sum::<f64>()
            .min(0.5);
        let widen =
            ((n + parameters) / (n - parameters) * (1.0 + seasonal) / (1.0 - seasonal)).sqrt();
        let residuals: Vec<f64> = past
            .residuals(&values, &rest)
            .iter()
            .map(|e| e * widen)
            .collect();
        Ok(Self {
            frame,
            seasons,
            past,
            scores: SequentialScores::new(&residuals)?,
            reach,
        })
    }

    /// Where the value lies among those expected; then learns from it.
    pub(super) fn place(&mut self, value: f64) -> Result<Place> {
        let seasonal: f64 = self.seasons.iter().map(Season::predict).sum();
        let deviation = self.frame.apply(finite(value)?) - seasonal;
        let predicted = self.past.predict();
        let error = deviation - predicted;
        let place = self.scores.place(error);
        self.scores.learn(error);
        let held = error.clamp(-self.reach, self.reach);
        let value = predicted + held;
        for season in &mut self.seasons {
            season.learn(value);
        }
        self.past.learn(value, held);
        Ok(place)
    }
}

impl Baseline for SeriesBaseline {
    fn standardise(&mut self, value: f64) -> Result<f64> {
        self.place(value).map(Place::normal_score)
    }

    fn skip(&mut self) {
        self.past.skip();
        for season in &mut self.seasons {
            season.step();
        }
    }
}

/// Holds what lies more than [`REACH`] quartile ranges from the median there; returns that distance.
fn hold(x: &mut [f64]) -> Result<f64> {
    let quartiles = quantiles(x, &[0.25, 0.5, 0.75], QuantileType::Linear7)?;
    let range = quartiles[2] - quartiles[0];
    if range == 0.0 {
        // More than half of the values are equal: the others are all there is of spread.
        return Ok(x
            .iter()
            .fold(0.0, |m: f64, v| m.max((v - quartiles[1]).abs())));
    }
    let reach = REACH * range;
    for value in x.iter_mut() {
        *value = value.clamp(quartiles[1] - reach, quartiles[1] + reach);
    }
    Ok(reach)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Mean, variance and autocorrelation of what a series of season and dependence becomes.
    #[test]
    fn what_is_handed_on_is_standard_normal_and_independent() {
        let mut rng = Rng::new(34);
        let mut state = 0.0;
        let mut next = |i: usize| {
            state = 0.6 * state + rng.standard_normal();
            1e6 + 5.0 * state + 40.0 * (std::f64::consts::TAU * i as f64 / 48.0).sin()
        };
        let start: Vec<f64> = (0..960).map(&mut next).collect();
        let training = Training {
            periods: &[48],
            ..Training::default()
        };
        let mut baseline = SeriesBaseline::train_with(&start, training).unwrap();
        let z: Vec<f64> = (960..40_960)
            .map(|i| baseline.standardise(next(i)).unwrap())
            .collect();
        let n = z.len() as f64;
        let mean = z.iter().sum::<f64>() / n;
        let variance = z.iter().map(|v| v * v).sum::<f64>() / n;
        let product = z.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / n;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
        assert!(product.abs() < 0.03, "{product}");
    }

    #[test]
    fn a_gap_keeps_the_phase() {
        let start: Vec<f64> = (0..240).map(|i| f64::from(10 * (i % 24) + i % 5)).collect();
        let training = Training {
            periods: &[24],
            order_max: 0,
        };
        let mut baseline = SeriesBaseline::train_with(&start, training).unwrap();
        for _ in 0..24 * 2 + 12 {
            baseline.skip();
        }
        assert!(baseline.standardise(122.0).unwrap().abs() < 1.0);
        assert!(baseline.standardise(12.0).unwrap() < -2.5);
    }

    #[test]
    fn training_that_teaches_nothing_is_refused() {
        assert_eq!(
            SeriesBaseline::train(&[1.0; 20]),
            Err(StatsError::TooFew { need: 50, got: 20 })
        );
        assert_eq!(
            SeriesBaseline::train(&[1.0; 200]),
            Err(StatsError::ZeroVariance)
        );
        let wave: Vec<f64> = (0..200).map(|i| f64::from(i % 2)).collect();
        let training = |periods| Training {
            periods,
            ..Training::default()
        };
        assert_eq!(
            SeriesBaseline::train_with(&wave, training(&[2])),
            Err(StatsError::ZeroVariance)
        );
        assert!(SeriesBaseline::train_with(&wave, training(&[1])).is_err());
        assert!(SeriesBaseline::train_with(&wave, training(&[usize::MAX])).is_err());
    }
}
