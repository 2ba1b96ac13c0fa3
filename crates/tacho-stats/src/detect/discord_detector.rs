//! The left matrix profile as a detector: an alarm for a pattern unlike all that were kept.
//!
//! Invariant: distances are judged by [`Episodes`], and only once the whole history is there to be
//! compared with: the nearest of few stretches is farther than the nearest of many. What is refused
//! changes nothing.
//! Not for changes of level or amplitude, which a shape does not see; a single spike is one.
//! Sources: those of [`LeftMatrixProfile`] and [`Episodes`].

use super::baseline::Frame;
use super::detector::{Detector, RunLength, Score, finite};
use super::episodes::Episodes;
use super::left_matrix_profile::LeftMatrixProfile;
use crate::error::{Result, StatsError};

/// A detector of stretches whose shape has not been seen before.
#[derive(Debug, Clone)]
pub struct DiscordDetector {
    frame: Frame,
    profile: LeftMatrixProfile,
    episodes: Episodes,
}

impl DiscordDetector {
    /// Compares the newest `window` values with those that began up to `history` values ago; from
    /// a quiet stretch of `history` + `window` values and 30 episodes, about 65 times `window`.
    ///
    /// ```
    /// use tacho_stats::detect::{Detector, DiscordDetector, RunLength};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(1);
    /// let mut next = |i: u32| (f64::from(i) * 0.5).sin() + 0.1 * rng.standard_normal();
    /// let quiet: Vec<f64> = (0..1_500).map(&mut next).collect();
    /// let mut discord = DiscordDetector::train(&quiet, 12, 200, RunLength::new(10_000.0)?)?;
    /// // The wave stands still.
    /// assert!((0..12).any(|_| discord.update(next(1_500)).unwrap().alarms()));
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn train(x: &[f64], window: usize, history: usize, run_length: RunLength) -> Result<Self> {
        let mut profile = LeftMatrixProfile::new(window, history)?;
        let growing = history + window;
        let frame = Frame::of(x, growing + 30)?;
        let mut distances = Vec::new();
        for value in x {
            if let Some(found) = profile.update(frame.apply(*value))? {
                distances.push(found.distance);
            }
        }
        let grown = distances.len() - (x.len() - growing).min(distances.len());
        let episodes = Episodes::train(&distances[grown..], window, run_length);
        Ok(Self {
            frame,
            profile,
            episodes: episodes.map_err(|error| match error {
                StatsError::TooFew { need, .. } => StatsError::TooFew {
                    need: need.saturating_add(growing),
                    got: x.len(),
                },
                other => other,
            })?,
        })
    }
}

impl Detector for DiscordDetector {
    fn update(&mut self, value: f64) -> Result<Score> {
        let Some(found) = self.profile.update(self.frame.apply(finite(value)?))? else {
            // No stretch reaches over a gap.
            self.episodes.skip();
            return Ok(self.episodes.silence());
        };
        self.episodes.update(found.distance)
    }

    fn skip(&mut self) {
        self.profile.skip();
        self.episodes.skip();
    }

    fn reset(&mut self) {
        self.episodes.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn nominal() -> RunLength {
        RunLength::new(200.0).unwrap()
    }

    fn noise(seed: u64, n: usize) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        (0..n).map(|_| rng.standard_normal()).collect()
    }

    #[test]
    fn run_length_is_met() {
        let mut alarms = 0;
        for seed in 0..15 {
            let x = noise(70 + seed, 4_000);
            let (start, rest) = x.split_at(1_000);
            let mut discord = DiscordDetector::train(start, 6, 60, nominal()).unwrap();
            let found = rest
                .iter()
                .filter(|v| discord.update(**v).unwrap().alarms());
            alarms += found.count();
        }
        // 225 expected.
        assert!((175..275).contains(&alarms), "{alarms}");
    }

    /// The past before a gap is still there after it; what reaches over the gap is not judged.
    #[test]
    fn a_gap_costs_a_window_and_no_false_alarm() {
        let mut rng = Rng::new(8);
        let mut wave = |i: usize| (i as f64 * 0.7).sin() + 0.1 * rng.standard_normal();
        let start: Vec<f64> = (0..900).map(&mut wave).collect();
        let nominal = RunLength::new(5_000.0).unwrap();
        let mut discord = DiscordDetector::train(&start, 8, 100, nominal).unwrap();
        discord.skip();
        let said: Vec<Score> = (901..960)
            .map(|i| discord.update(wave(i)).unwrap())
            .collect();
        assert!(said[..7].iter().all(|score| score.statistic == 0.0));
        assert!(said[7..].iter().all(|score| !score.alarms()));
        assert!(said[7..].iter().any(|score| score.statistic > 0.0));
    }

    #[test]
    fn mistakes_are_refused_and_change_nothing() {
        let x = noise(9, 900);
        for (n, window, history) in [(0, 6, 60), (70, 6, 60), (150, 6, 60), (900, 2, 60)] {
            assert!(DiscordDetector::train(&x[..n], window, history, nominal()).is_err());
        }
        assert!(DiscordDetector::train(&x, 6, usize::MAX, nominal()).is_err());
        assert!(DiscordDetector::train(&[1.0; 900], 6, 60, nominal()).is_err());
        let mut discord = DiscordDetector::train(&x, 6, 60, nominal()).unwrap();
        let mut twin = discord.clone();
        assert!(discord.update(f64::INFINITY).is_err());
        for value in [1.0, 1e308, -1e308, 5e-324, 0.0, 2.0, 3.0, 1.0] {
            assert_eq!(discord.update(value), twin.update(value));
        }
    }
}
