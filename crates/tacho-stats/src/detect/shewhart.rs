//! Shewhart's chart and the z-score: is this one value too far from the mean?
//!
//! Invariant: with [`NormalBaseline`] the run length is exact for independent normal observations
//! after any training of three or more, because the value is compared with a prediction (Student's
//! t), not with estimates taken for the truth.
//! Not for heavy tails: there the normal assumption alarms many times as often as asked; use
//! [`PeaksOverThreshold`](super::PeaksOverThreshold).
//! Source: Shewhart, "Economic Control of Quality of Manufactured Product" (1931); Quesenberry,
//! Journal of Quality Technology 23 (1991).

use super::baseline::{Monitor, NormalBaseline};
use super::detector::{Detector, Direction, RunLength, Score, finite};
use crate::distribution::Normal;
use crate::error::Result;

/// The z-score of each value against all earlier ones.
///
/// ```
/// use tacho_stats::detect::{Detector, NormalBaseline, RunLength, Shewhart, ZScore};
///
/// let quiet = [9.8, 10.1, 10.4, 9.9, 10.0, 10.2, 9.7, 10.1];
/// let chart = Shewhart::new(RunLength::new(1_000.0)?)?;
/// let mut z = ZScore::new(NormalBaseline::train(&quiet)?, chart);
/// assert!(!z.update(10.6)?.alarms());
/// assert!(z.update(14.0)?.alarms());
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub type ZScore = Monitor<NormalBaseline, Shewhart>;

/// A chart of single standardised values, two-sided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shewhart {
    threshold: f64,
}

impl Shewhart {
    /// Alarms beyond the normal quantile of the run length: 3 standard deviations for 370.
    pub fn new(run_length: RunLength) -> Result<Self> {
        Ok(Self {
            threshold: Normal::STANDARD.inverse_sf(0.5 * run_length.rate())?,
        })
    }
}

impl Detector for Shewhart {
    fn update(&mut self, value: f64) -> Result<Score> {
        let z = finite(value)?;
        Ok(Score::new(z.abs(), self.threshold, Direction::of(z)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Even ten observations of training do not spoil the rate, though they are far from the truth.
    #[test]
    fn run_length_is_exact_after_a_short_training() {
        let mut rng = Rng::new(36);
        let chart = Shewhart::new(RunLength::new(100.0).unwrap()).unwrap();
        let mut alarms = 0;
        for _ in 0..2_000 {
            let start: Vec<f64> = (0..10).map(|_| 5.0 + rng.standard_normal()).collect();
            let mut z = ZScore::new(NormalBaseline::train(&start).unwrap(), chart);
            for _ in 0..50 {
                alarms += u32::from(z.update(5.0 + rng.standard_normal()).unwrap().alarms());
            }
        }
        // 1 000 expected, with a standard error of 32.
        assert!((880..1_120).contains(&alarms), "{alarms}");
    }
}
