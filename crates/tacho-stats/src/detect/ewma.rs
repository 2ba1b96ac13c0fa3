//! EWMA chart: a moving average with a threshold of known run length.
//!
//! Invariant: on independent standard normal values the average run length is the one asked for,
//! by Crowder's integral equation.
//! Not for raw observations: they are made standard normal by a [`Baseline`](super::Baseline).
//! Sources: Roberts, "Control chart tests based on geometric moving averages", Technometrics 1
//! (1959); Crowder, Technometrics 29 (1987).

use super::cusum::STANDARDISED_MAX;
use super::detector::{Detector, Direction, RunLength, Score, finite};
use super::run_length;
use crate::error::{Result, StatsError};

/// An exponentially weighted moving average of standardised values, two-sided.
#[derive(Debug, Clone, PartialEq)]
pub struct Ewma {
    weight: f64,
    width: f64,
    average: f64,
}

impl Ewma {
    /// A chart that gives the newest value `weight` (0.02 to 1): 0.05 to 0.1 for small shifts, 0.2
    /// to 0.4 for large ones, 1 for Shewhart's chart of single values.
    ///
    /// ```
    /// use tacho_stats::detect::{Ewma, RunLength};
    ///
    /// // Crowder's table: weight 0.1 and run length 500 ask for 2.814 standard deviations.
    /// let chart = Ewma::new(0.1, RunLength::new(500.0)?)?;
    /// assert!((chart.width() - 2.814).abs() < 1e-3);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn new(weight: f64, run_length: RunLength) -> Result<Self> {
        if !(0.02..=1.0).contains(&weight) {
            return Err(StatsError::Invalid {
                name: "the weight of the newest value",
                why: "it must lie between 0.02 and 1",
            });
        }
        Ok(Self {
            weight,
            width: run_length::ewma_width(weight, run_length.observations())?,
            average: 0.0,
        })
    }

    /// The threshold, in standard deviations of the moving average.
    pub fn width(&self) -> f64 {
        self.width
    }
}

impl Detector for Ewma {
    fn update(&mut self, value: f64) -> Result<Score> {
        let z = finite(value)?.clamp(-STANDARDISED_MAX, STANDARDISED_MAX);
        self.average += self.weight * (z - self.average);
        let sd = (self.weight / (2.0 - self.weight)).sqrt();
        let direction = Direction::of(self.average);
        let score = Score::new(self.average.abs() / sd, self.width, direction);
        if score.alarms() {
            self.reset();
        }
        Ok(score)
    }

    fn reset(&mut self) {
        self.average = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn run_length_is_the_one_asked_for() {
        let mut rng = Rng::new(22);
        let mut chart = Ewma::new(0.15, RunLength::new(200.0).unwrap()).unwrap();
        let alarms = (0..400_000)
            .filter(|_| chart.update(rng.standard_normal()).unwrap().alarms())
            .count();
        assert!((1_820..2_180).contains(&alarms), "{alarms}");
    }

    #[test]
    fn weights_outside_the_tables_are_refused() {
        for weight in [0.0, 0.01, 1.1, f64::NAN] {
            assert!(Ewma::new(weight, RunLength::new(100.0).unwrap()).is_err());
        }
    }
}
