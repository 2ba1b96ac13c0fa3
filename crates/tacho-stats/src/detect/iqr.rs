//! Tukey's fences: how many quartile ranges beyond the nearer quartile?
//!
//! Invariant: the fences stand where independent normal observations leave them once in the run
//! length asked for, the error of the quartiles in a window of this length included. 1.5 quartile
//! ranges, the book's value, alarm once in 140 observations.
//! Not for heavy tails, as [`RobustZ`](super::RobustZ); but each side has its own quartile, so that
//! skewness of the body moves the fences with it.
//! Source: Tukey, "Exploratory Data Analysis" (1977); variances of quantiles by Mosteller (1946).

use super::baseline::Frame;
use super::detector::{Detector, Direction, RunLength, Score, finite};
use super::robust_z::{SPREAD_VARIANCE, framed_window, need, ratio};
use super::window::Window;
use crate::distribution::Normal;
use crate::error::Result;

/// The third quartile of a standard normal number.
const QUARTILE: f64 = 0.674_489_750_196_081_7;
/// n times the variance of the third quartile: 3/16 over the squared density there.
const QUARTILE_VARIANCE: f64 = 1.856_6;
/// n times its covariance with the quartile range.
const COVARIANCE: f64 = 1.237_7;

/// Fences around the quartiles of a sliding window.
#[derive(Debug, Clone, PartialEq)]
pub struct TukeyFences {
    frame: Frame,
    window: Window,
    threshold: f64,
}

impl TukeyFences {
    /// The window is as long as `x` (20 to 1 024 values, of which the last are taken), and starts
    /// with it. A run length too long for the window is refused with the length it needs.
    ///
    /// ```
    /// use tacho_stats::detect::{Detector, Direction, RunLength, TukeyFences};
    ///
    /// let quiet: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 101)).collect();
    /// let mut fences = TukeyFences::train(&quiet, RunLength::new(1_000.0)?)?;
    /// assert_eq!(fences.update(-300.0)?.direction, Some(Direction::Down));
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn train(x: &[f64], run_length: RunLength) -> Result<Self> {
        let (frame, window) = framed_window(x)?;
        let z = Normal::STANDARD.inverse_sf(0.5 * run_length.rate())?;
        Ok(Self {
            frame,
            threshold: multiple(z, window.len() as f64)?,
            window,
        })
    }

    /// How many quartile ranges the fences stand from the quartiles.
    pub fn multiple(&self) -> f64 {
        self.threshold
    }
}

/// The k at which (q + 2qk) / √(1 + var) is `z`, var being that of the fence's place.
fn multiple(z: f64, n: f64) -> Result<f64> {
    need(z, n, SPREAD_VARIANCE * z * z)?;
    let range_variance = (2.0 * QUARTILE).powi(2) * SPREAD_VARIANCE;
    let mut k = z / (2.0 * QUARTILE) - 0.5;
    for _ in 0..100 {
        let variance = (QUARTILE_VARIANCE + 2.0 * k * COVARIANCE + k * k * range_variance) / n;
        k = ((z * (1.0 + variance).sqrt() - QUARTILE) / (2.0 * QUARTILE)).max(1e-6);
    }
    Ok(k)
}

impl Detector for TukeyFences {
    fn update(&mut self, value: f64) -> Result<Score> {
        let y = self.frame.apply(finite(value)?);
        let (low, high) = (self.window.quantile(0.25), self.window.quantile(0.75));
        self.window.push(y);
        let (distance, direction) = if y > high {
            (y - high, Some(Direction::Up))
        } else if y < low {
            (low - y, Some(Direction::Down))
        } else {
            (0.0, None)
        };
        let statistic = ratio(distance, high - low);
        Ok(Score::new(statistic, self.threshold, direction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn run_length_is_met_in_a_short_window() {
        let mut rng = Rng::new(39);
        let start: Vec<f64> = (0..100).map(|_| rng.standard_normal()).collect();
        let mut fences = TukeyFences::train(&start, RunLength::new(200.0).unwrap()).unwrap();
        let alarms = (0..400_000)
            .filter(|_| fences.update(rng.standard_normal()).unwrap().alarms())
            .count();
        assert!((1_700..2_300).contains(&alarms), "{alarms}");
    }

    /// 0.698 % of normal observations lie beyond 1.5 quartile ranges.
    #[test]
    fn the_books_fences_have_the_books_run_length() {
        let k = multiple(
            Normal::STANDARD.inverse_sf(0.5 * 0.006_976_6).unwrap(),
            1e12,
        )
        .unwrap();
        assert!((k - 1.5).abs() < 1e-4, "{k}");
    }
}
