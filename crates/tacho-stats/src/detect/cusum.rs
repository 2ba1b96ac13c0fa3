//! CUSUM: adds up what exceeds a reference value, and so finds small shifts that last.
//!
//! Invariant: on independent standard normal values the average run length is the one asked for,
//! by the integral equation of Page (1954), not by simulation.
//! Not for raw observations: they are made standard normal by a [`Baseline`](super::Baseline).
//! Source: Page, "Continuous inspection schemes", Biometrika 41 (1954).

use super::detector::{Detector, Direction, RunLength, Score, finite};
use super::run_length;
use crate::error::{Result, StatsError};

/// Standardised values are held within this range, so that sums stay exact.
pub(super) const STANDARDISED_MAX: f64 = 1e6;

/// A two-sided CUSUM of standardised values.
#[derive(Debug, Clone, PartialEq)]
pub struct Cusum {
    reference: f64,
    limit: f64,
    up: f64,
    down: f64,
}

impl Cusum {
    /// The fastest chart for a lasting shift of `shift` standard deviations (0.1 to 6).
    ///
    /// ```
    /// use tacho_stats::detect::{Cusum, Direction, RunLength, scores};
    ///
    /// let mut chart = Cusum::new(1.0, RunLength::new(1_000.0)?)?;
    /// let scores = scores(&mut chart, &[0.1, -0.4, 2.5, 2.0, 2.8])?;
    /// assert!(!scores[2].alarms() && scores[4].alarms());
    /// assert_eq!(scores[4].direction, Some(Direction::Up));
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn new(shift: f64, run_length: RunLength) -> Result<Self> {
        shift_size(shift)?;
        let reference = 0.5 * shift;
        Ok(Self {
            reference,
            limit: run_length::cusum_limit(reference, run_length.observations())?,
            up: 0.0,
            down: 0.0,
        })
    }

    /// The decision limit, in standard deviations.
    pub fn limit(&self) -> f64 {
        self.limit
    }
}

impl Detector for Cusum {
    fn update(&mut self, value: f64) -> Result<Score> {
        let z = finite(value)?.clamp(-STANDARDISED_MAX, STANDARDISED_MAX);
        self.up = (self.up + z - self.reference).max(0.0);
        self.down = (self.down - z - self.reference).max(0.0);
        let (statistic, direction) = if self.up > self.down {
            (self.up, Some(Direction::Up))
        } else if self.down > 0.0 {
            (self.down, Some(Direction::Down))
        } else {
            (0.0, None)
        };
        let score = Score::new(statistic, self.limit, direction);
        if score.alarms() {
            self.reset();
        }
        Ok(score)
    }

    fn reset(&mut self) {
        (self.up, self.down) = (0.0, 0.0);
    }
}

/// Refuses a shift that no chart is made for.
pub(super) fn shift_size(shift: f64) -> Result<()> {
    if (0.1..=6.0).contains(&shift) {
        Ok(())
    } else {
        Err(StatsError::Invalid {
            name: "the shift to detect",
            why: "it must lie between 0.1 and 6 standard deviations",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn run_length_is_the_one_asked_for() {
        let mut rng = Rng::new(21);
        let mut chart = Cusum::new(1.0, RunLength::new(200.0).unwrap()).unwrap();
        let alarms = (0..400_000)
            .filter(|_| chart.update(rng.standard_normal()).unwrap().alarms())
            .count();
        // 2 000 expected; more than four standard errors off would be 9 %.
        assert!((1_820..2_180).contains(&alarms), "{alarms}");
    }

    #[test]
    fn shifts_are_found_in_their_direction() {
        let mut chart = Cusum::new(1.0, RunLength::new(10_000.0).unwrap()).unwrap();
        let found = (0..100).find_map(|_| {
            let score = chart.update(-1.5).unwrap();
            score.alarms().then_some(score.direction)
        });
        assert_eq!(found, Some(Some(Direction::Down)));
        assert!(Cusum::new(0.0, RunLength::new(100.0).unwrap()).is_err());
        assert!(Cusum::new(f64::NAN, RunLength::new(100.0).unwrap()).is_err());
    }
}
