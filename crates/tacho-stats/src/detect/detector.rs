//! What every detector of one series shares: the trait, its score, and the promise it is given.
//!
//! Invariants: a [`Score`] is never NaN, its threshold is finite and above zero, and it alarms
//! exactly when the statistic reaches the threshold. A value that is not finite is refused and
//! leaves the detector as it was.
//! Not for several series at once: a detector watches one.

use crate::error::{Result, StatsError, positive};

/// A streaming detector of one series, in constant memory.
///
/// After an alarm the evidence starts anew at the next value, while what was learnt about the
/// series is kept. The number of alarms is therefore what an average run length speaks about: over
/// N observations of an unchanged series, N over the run length are expected.
pub trait Detector {
    /// Takes the next value and says how unusual the series is now.
    ///
    /// NaN and infinities are refused with [`StatsError::NotFinite`] (its index is always 0), and
    /// the detector is as before.
    fn update(&mut self, value: f64) -> Result<Score>;

    /// The next observation is missing: time passes, and nothing is learnt.
    fn skip(&mut self) {}

    /// Forgets the evidence gathered since the last alarm; what was learnt is kept.
    fn reset(&mut self) {}
}

/// How unusual a series is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The detector's statistic, zero or above; the larger, the more unusual.
    pub statistic: f64,
    /// The value of the statistic that raises an alarm.
    pub threshold: f64,
    /// Where the series went, for detectors that can tell.
    pub direction: Option<Direction>,
}

/// Which way a series moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To larger values.
    Up,
    /// To smaller values.
    Down,
}

impl Direction {
    /// Where a deviation points; none for zero.
    pub(crate) fn of(deviation: f64) -> Option<Self> {
        if deviation > 0.0 {
            Some(Self::Up)
        } else if deviation < 0.0 {
            Some(Self::Down)
        } else {
            None
        }
    }
}

impl Score {
    /// A score whose statistic is brought into `0..=f64::MAX`; the threshold must be above zero.
    pub(crate) fn new(statistic: f64, threshold: f64, direction: Option<Direction>) -> Self {
        debug_assert!(threshold > 0.0 && threshold.is_finite(), "{threshold}");
        debug_assert!(!statistic.is_nan(), "a statistic that is not a number");
        Self {
            statistic: statistic.clamp(0.0, f64::MAX),
            threshold,
            direction,
        }
    }

    /// Whether this is an alarm.
    pub fn alarms(&self) -> bool {
        self.statistic >= self.threshold
    }

    /// Statistic over threshold: one and above is an alarm. Comparable among detectors.
    pub fn relative(&self) -> f64 {
        (self.statistic / self.threshold).min(f64::MAX)
    }
}

/// The average number of observations between false alarms.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct RunLength(f64);

impl RunLength {
    /// The shortest that can be asked for, in observations.
    pub const MIN: f64 = 10.0;
    /// The longest that can be asked for, in observations.
    pub const MAX: f64 = 1e12;

    /// One false alarm in `observations`, from [`Self::MIN`] to [`Self::MAX`].
    pub fn new(observations: f64) -> Result<Self> {
        if (Self::MIN..=Self::MAX).contains(&observations) {
            Ok(Self(observations))
        } else {
            Err(StatsError::Invalid {
                name: "the average run length",
                why: "it must lie between 10 and 1e12 observations",
            })
        }
    }

    /// `alarms` false alarms expected in `observations`, over one series or many together.
    ///
    /// ```
    /// use tacho_stats::detect::RunLength;
    ///
    /// // One a week on each of 1 000 series, observed every 10 s.
    /// let weekly = RunLength::expecting(1_000.0, 1_000.0 * 60_480.0)?;
    /// assert_eq!(weekly.observations(), 60_480.0);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn expecting(alarms: f64, observations: f64) -> Result<Self> {
        positive("alarms", alarms)?;
        Self::new(observations / alarms)
    }

    /// In observations.
    pub fn observations(self) -> f64 {
        self.0
    }

    /// The probability of a false alarm at any one observation.
    pub fn rate(self) -> f64 {
        1.0 / self.0
    }
}

/// The scores of a whole series: what `detector` says to each of `values` in turn.
pub fn scores<D: Detector + ?Sized>(detector: &mut D, values: &[f64]) -> Result<Vec<Score>> {
    crate::error::observations(values, 0)?;
    values.iter().map(|value| detector.update(*value)).collect()
}

/// Refuses a value that is not finite.
pub(crate) fn finite(value: f64) -> Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(StatsError::NotFinite { index: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_alarms_at_its_threshold() {
        let score = |statistic| Score::new(statistic, 4.0, Some(Direction::Up));
        assert!(score(4.0).alarms() && !score(3.999).alarms());
        assert_eq!(score(f64::INFINITY).statistic, f64::MAX);
        assert_eq!(score(-1.0).statistic, 0.0);
        assert!(Score::new(f64::MAX, 1e-3, None).relative().is_finite());
    }

    #[test]
    fn run_lengths_that_cannot_be_kept_are_refused() {
        for bad in [0.0, 9.0, -1.0, 1e13, f64::NAN, f64::INFINITY] {
            assert!(RunLength::new(bad).is_err(), "{bad}");
        }
        for (alarms, observations) in [(0.0, 100.0), (-1.0, -100.0), (f64::NAN, 100.0)] {
            assert!(
                RunLength::expecting(alarms, observations).is_err(),
                "{alarms}"
            );
        }
        assert_eq!(RunLength::expecting(2.0, 100.0).unwrap().rate(), 0.02);
    }
}
