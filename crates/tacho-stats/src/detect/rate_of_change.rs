//! Rate of change: did the series move too fast?
//!
//! Invariant: the statistic is −log10 of the probability of a difference at least as extreme on its
//! side, over a fixed number of steps, from ranks and an extreme-value tail. Differences of a quiet
//! series depend on each other, which makes alarms come in groups but leaves their number as asked.
//! Not for slow drifts: a difference sees no farther than its lag.
//! Source: as [`PeaksOverThreshold`](super::PeaksOverThreshold), on differences.

use std::collections::VecDeque;

use super::baseline::Frame;
use super::detector::{Detector, Direction, RunLength, Score, finite};
use super::sequential_scores::{START_MIN, SequentialScores};
use crate::error::{Result, StatsError};

/// The most steps a difference may span.
const LAG_MAX: usize = 1_024;

/// A detector of steep rises and falls.
#[derive(Debug, Clone, PartialEq)]
pub struct RateOfChange {
    frame: Frame,
    /// The last `lag` values, oldest first; none where one is missing.
    recent: VecDeque<Option<f64>>,
    scores: SequentialScores,
    threshold: f64,
}

impl RateOfChange {
    /// Judges the difference over `lag` steps (1 to 1 024), from a quiet stretch of 30 + `lag` values
    /// or more.
    ///
    /// ```
    /// use tacho_stats::detect::{Detector, Direction, RateOfChange, RunLength};
    ///
    /// let slow: Vec<f64> = (0..500).map(|i| 50.0 + 20.0 * (f64::from(i) / 40.0).sin()).collect();
    /// let mut rate = RateOfChange::train(&slow, 1, RunLength::new(10_000.0)?)?;
    /// let score = rate.update(slow[499] - 15.0)?;
    /// assert!(score.alarms() && score.direction == Some(Direction::Down));
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn train(x: &[f64], lag: usize, run_length: RunLength) -> Result<Self> {
        if !(1..=LAG_MAX).contains(&lag) {
            return Err(StatsError::Invalid {
                name: "the lag",
                why: "it must lie between 1 and 1 024 steps",
            });
        }
        let frame = Frame::of(x, START_MIN + lag)?;
        let framed: Vec<f64> = x.iter().map(|value| frame.apply(*value)).collect();
        let differences: Vec<f64> = framed
            .iter()
            .zip(&framed[lag..])
            .map(|(a, b)| b - a)
            .collect();
        Ok(Self {
            frame,
            recent: framed[x.len() - lag..].iter().copied().map(Some).collect(),
            scores: SequentialScores::new(&differences)?,
            threshold: (2.0 * run_length.observations()).log10(),
        })
    }
}

impl Detector for RateOfChange {
    fn update(&mut self, value: f64) -> Result<Score> {
        let y = self.frame.apply(finite(value)?);
        let earlier = self.recent.pop_front().flatten();
        self.recent.push_back(Some(y));
        let Some(earlier) = earlier else {
            return Ok(Score::new(0.0, self.threshold, None));
        };
        let difference = y - earlier;
        let place = self.scores.place(difference);
        self.scores.learn(difference);
        let p = place.above.min(place.below);
        let direction = if place.above < place.below {
            Direction::Up
        } else {
            Direction::Down
        };
        Ok(Score::new(-p.log10(), self.threshold, Some(direction)))
    }

    fn skip(&mut self) {
        self.recent.pop_front();
        self.recent.push_back(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn run_length_is_met_though_differences_depend() {
        let mut rng = Rng::new(40);
        let start: Vec<f64> = (0..1_000).map(|_| rng.standard_normal()).collect();
        let mut rate = RateOfChange::train(&start, 1, RunLength::new(200.0).unwrap()).unwrap();
        let alarms = (0..200_000)
            .filter(|_| rate.update(rng.standard_normal()).unwrap().alarms())
            .count();
        assert!((850..1_150).contains(&alarms), "{alarms}");
    }

    #[test]
    fn nothing_is_said_across_a_gap() {
        let start: Vec<f64> = (0..100).map(|i| f64::from(i % 7)).collect();
        let mut rate = RateOfChange::train(&start, 2, RunLength::new(100.0).unwrap()).unwrap();
        rate.skip();
        assert!(rate.update(3.0).unwrap().direction.is_some());
        assert_eq!(rate.update(1e9).unwrap().statistic, 0.0);
        assert!(RateOfChange::train(&start, 0, RunLength::new(100.0).unwrap()).is_err());
        assert!(RateOfChange::train(&[1.0; 99], 1, RunLength::new(100.0).unwrap()).is_err());
    }
}
