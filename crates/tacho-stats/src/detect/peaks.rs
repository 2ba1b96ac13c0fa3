//! Peaks over threshold: is this one value too extreme? The detector of spikes.
//!
//! Invariant: the statistic is −log10 of the probability of a value at least as extreme on its side,
//! from ranks and an extreme-value tail, so that a known number of values per million alarm whatever
//! the distribution. With a [`SeriesBaseline`] that knows seasons or the past, it is the residual
//! that is judged (the drifting form, DSPOT).
//! Not for small shifts that last: those take a chart that adds up.
//! Source: Siffer, Fouque, Termier & Largouet, KDD 2017; the tail is that of `tail`.

use super::baseline::Baseline;
use super::detector::{Detector, Direction, RunLength, Score};
use super::series_baseline::SeriesBaseline;
use crate::error::Result;

/// A detector of single extreme values, two-sided.
#[derive(Debug, Clone, PartialEq)]
pub struct PeaksOverThreshold {
    baseline: SeriesBaseline,
    threshold: f64,
}

impl PeaksOverThreshold {
    /// For a series without a season; judges what the past leaves of each value.
    ///
    /// ```
    /// use tacho_stats::detect::{Detector, PeaksOverThreshold, RunLength};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(1);
    /// let latencies: Vec<f64> = (0..1_000).map(|_| rng.standard_normal().exp()).collect();
    /// let mut spikes = PeaksOverThreshold::train(&latencies, RunLength::new(100_000.0)?)?;
    /// assert!(!spikes.update(5.0)?.alarms());
    /// assert!(spikes.update(5_000.0)?.alarms());
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn train(x: &[f64], run_length: RunLength) -> Result<Self> {
        Ok(Self::new(SeriesBaseline::train(x)?, run_length))
    }

    /// Judges what a baseline leaves of each value; one of order 0 judges the values themselves.
    pub fn new(baseline: SeriesBaseline, run_length: RunLength) -> Self {
        Self {
            baseline,
            // Half of the false alarms on either side.
            threshold: (2.0 * run_length.observations()).log10(),
        }
    }
}

impl Detector for PeaksOverThreshold {
    fn update(&mut self, value: f64) -> Result<Score> {
        let place = self.baseline.place(value)?;
        let (p, direction) = if place.above < place.below {
            (place.above, Direction::Up)
        } else {
            (place.below, Direction::Down)
        };
        Ok(Score::new(-p.log10(), self.threshold, Some(direction)))
    }

    fn skip(&mut self) {
        self.baseline.skip();
    }
}
