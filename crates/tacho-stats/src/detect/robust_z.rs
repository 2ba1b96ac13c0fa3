//! Robust z-score: distance from the median of a sliding window, in median absolute deviations.
//!
//! Invariant: up to half of the window may be spoilt without moving the answer far. The threshold is
//! a normal quantile widened by the error of median and MAD in a window of this length, so that on
//! independent normal observations the run length asked for is met, not approached.
//! Not for heavy tails (use [`PeaksOverThreshold`](super::PeaksOverThreshold)): what is robust here
//! is the estimate, not the false-alarm rate.
//! Sources: Iglewicz & Hoaglin, "How to Detect and Handle Outliers" (1993); Serfling & Mazumder,
//! Statistics & Probability Letters 79 (2009), for the variance of the MAD.

use super::baseline::Frame;
use super::detector::{Detector, Direction, RunLength, Score, finite};
use super::window::Window;
use crate::distribution::Normal;
use crate::error::{Result, StatsError};

/// MADs to standard deviations, for normal observations: 1 / Φ⁻¹(3/4).
const SD_PER_MAD: f64 = 1.482_602_218_505_602;
/// The same for the mean distance: √(π/2).
const SD_PER_MEAN_DISTANCE: f64 = 1.253_314_137_315_500_3;
/// n times the variance of the median, for normal observations of variance one.
const MEDIAN_VARIANCE: f64 = std::f64::consts::FRAC_PI_2;
/// n times the variance of a standard deviation estimated by MAD or quartile range.
pub(super) const SPREAD_VARIANCE: f64 = 1.360_5;
/// The shortest window.
pub(super) const WINDOW_MIN: usize = 20;

/// A robust z-score against a sliding window.
#[derive(Debug, Clone, PartialEq)]
pub struct RobustZ {
    frame: Frame,
    window: Window,
    threshold: f64,
}

impl RobustZ {
    /// The window is as long as `x` (20 to 1 024 values, of which the last are taken), and starts
    /// with it. A run length too long for the window is refused with the length it needs.
    ///
    /// ```
    /// use tacho_stats::detect::{Detector, RobustZ, RunLength};
    ///
    /// let quiet: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 101)).collect();
    /// let mut robust = RobustZ::train(&quiet, RunLength::new(1_000.0)?)?;
    /// assert!(!robust.update(130.0)?.alarms());
    /// assert!(robust.update(500.0)?.alarms());
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn train(x: &[f64], run_length: RunLength) -> Result<Self> {
        let (frame, window) = framed_window(x)?;
        let z = Normal::STANDARD.inverse_sf(0.5 * run_length.rate())?;
        let n = window.len() as f64;
        // P(X > m + c s) = Φ(−c / √(1 + var m + c² var s)) for normal X and nearly normal m, s.
        let room = need(z, n, SPREAD_VARIANCE * z * z)?;
        let threshold = z * ((1.0 + MEDIAN_VARIANCE / n) / room).sqrt();
        Ok(Self {
            frame,
            window,
            threshold,
        })
    }
}

impl Detector for RobustZ {
    fn update(&mut self, value: f64) -> Result<Score> {
        let y = self.frame.apply(finite(value)?);
        let (median, mad) = self.window.median_and_mad();
        let sd = if mad > 0.0 {
            SD_PER_MAD * mad
        } else {
            // More than half of the window is equal.
            SD_PER_MEAN_DISTANCE * self.window.mean_distance(median)
        };
        self.window.push(y);
        let deviation = y - median;
        let statistic = ratio(deviation.abs(), sd);
        Ok(Score::new(
            statistic,
            self.threshold,
            Direction::of(deviation),
        ))
    }
}

/// Zero over zero is nothing unusual; anything else over zero is as unusual as can be.
pub(super) fn ratio(distance: f64, spread: f64) -> f64 {
    if distance <= 0.0 {
        0.0
    } else {
        distance / spread
    }
}

/// The frame and window of a training sample that is not all equal.
pub(super) fn framed_window(x: &[f64]) -> Result<(Frame, Window)> {
    let frame = Frame::of(x, WINDOW_MIN)?;
    let framed: Vec<f64> = x.iter().map(|value| frame.apply(*value)).collect();
    let window = Window::new(&framed);
    if window.quantile(0.0) == window.quantile(1.0) {
        return Err(StatsError::ZeroVariance);
    }
    Ok((frame, window))
}

/// 1 − `variance`/n, or how many values would leave half.
pub(super) fn need(z: f64, n: f64, variance: f64) -> Result<f64> {
    debug_assert!(z > 0.0);
    let room = 1.0 - variance / n;
    if room >= 0.5 {
        Ok(room)
    } else {
        Err(StatsError::TooFew {
            need: (2.0 * variance).ceil() as usize,
            got: n as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn run_length_is_met_in_a_short_window() {
        let mut rng = Rng::new(38);
        let start: Vec<f64> = (0..100).map(|_| rng.standard_normal()).collect();
        let mut robust = RobustZ::train(&start, RunLength::new(200.0).unwrap()).unwrap();
        let alarms = (0..400_000)
            .filter(|_| robust.update(rng.standard_normal()).unwrap().alarms())
            .count();
        // 2 000 expected; without the widening they are 2 900.
        assert!((1_700..2_300).contains(&alarms), "{alarms}");
    }

    #[test]
    fn windows_too_short_for_the_run_length_are_refused() {
        let x: Vec<f64> = (0..30).map(f64::from).collect();
        let long = RunLength::new(1e9).unwrap();
        assert!(
            matches!(RobustZ::train(&x, long), Err(StatsError::TooFew { need, .. }) if need > 60)
        );
        assert_eq!(
            RobustZ::train(&[3.0; 30], long),
            Err(StatsError::ZeroVariance)
        );
    }

    #[test]
    fn a_window_that_became_constant_still_answers() {
        let x: Vec<f64> = (0..30).map(f64::from).collect();
        let mut robust = RobustZ::train(&x, RunLength::new(100.0).unwrap()).unwrap();
        for _ in 0..40 {
            robust.update(7.0).unwrap();
        }
        assert_eq!(robust.update(7.0).unwrap().statistic, 0.0);
        assert!(robust.update(8.0).unwrap().alarms());
    }
}
