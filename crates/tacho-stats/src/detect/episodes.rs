//! Alarms from scores that depend on each other: one an episode, as often as asked.
//!
//! Invariants:
//! 1. An episode ends once `quiet` scores in a row have not exceeded its largest one, its peak (runs
//!    declustering); every score belongs to one episode.
//! 2. An episode alarms at most once, at the first score as high as the threshold, so it alarms
//!    exactly if its peak is that high.
//! 3. Peaks are ranked among all earlier peaks, beyond the largest by an extreme-value tail, and the
//!    probability that a new one is as high is asked for per episode: run length over the mean length
//!    of an episode.
//!
//! Together: alarms are observations over run length, however much scores within `quiet` of each
//! other depend. Constant memory. Not for scores whose law drifts: a detector that still learns its
//! first lesson scores higher than later on, so those scores are left out of the training.
//! Sources: Coles, "An Introduction to Statistical Modeling of Extreme Values" (2001), section 5.3,
//! for runs declustering and the rate of clusters; Siffer et al., KDD 2017, for tails of streams.

use super::baseline::Frame;
use super::detector::{Detector, RunLength, Score, finite};
use super::sequential_scores::{START_MIN, SequentialScores};
use crate::error::{Result, StatsError};

/// A run length is at least this many episodes, so that it is peaks in the tail that alarm.
const SPACING_MIN: f64 = 4.0;

/// A detector of scores that are high where something is unusual.
///
/// Its statistic is the power of ten of the return period: an episode with a score this high comes
/// once in 10^statistic observations. Zero for the rest of an episode that has alarmed.
#[derive(Debug, Clone, PartialEq)]
pub struct Episodes {
    frame: Frame,
    quiet: usize,
    /// Peaks of the episodes that ended.
    peaks: SequentialScores,
    ended: f64,
    /// Scores in them.
    observations: f64,
    threshold: f64,
    open: Option<Episode>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Episode {
    peak: f64,
    /// Scores since the peak, and in all.
    since: usize,
    length: f64,
    alarmed: bool,
}

impl Episodes {
    /// From past scores of a quiet stretch, in order, in which at least 30 episodes end; episodes
    /// last until `quiet` scores in a row were no higher than the highest: as many as share an
    /// observation, or none where scores are independent.
    ///
    /// The mean episode lasts about twice `quiet` scores; a run length of less than four episodes is
    /// refused.
    ///
    /// ```
    /// use tacho_stats::detect::{Detector, Episodes, RunLength};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(1);
    /// let noise: Vec<f64> = (0..1_003).map(|_| rng.standard_normal()).collect();
    /// // Each mean has three values in common with the one before.
    /// let scores: Vec<f64> = noise.windows(4).map(|w| w.iter().sum::<f64>() / 4.0).collect();
    /// let mut episodes = Episodes::train(&scores, 4, RunLength::new(10_000.0)?)?;
    /// let alarms = [0.2, 3.5, 4.0, 3.9, 0.1].map(|score| episodes.update(score).unwrap().alarms());
    /// assert_eq!(alarms, [false, true, false, false, false]);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn train(scores: &[f64], quiet: usize, run_length: RunLength) -> Result<Self> {
        let frame = Frame::of(scores, START_MIN)?;
        let (mut peaks, mut observations) = (Vec::new(), 0.0);
        let mut open = None;
        for score in scores {
            let episode = Episode::with(open, frame.apply(*score));
            open = Some(episode);
            if episode.since >= quiet {
                peaks.push(episode.peak);
                observations += episode.length;
                open = None;
            }
        }
        if peaks.len() < START_MIN {
            // As the episodes seen so far suggest; none at all suggest one the whole long.
            let mean = scores.len() as f64 / peaks.len().max(1) as f64;
            let need = (START_MIN as f64 * mean).ceil() as usize;
            let got = scores.len();
            return Err(StatsError::TooFew { need, got });
        }
        let ended = peaks.len() as f64;
        if run_length.observations() < SPACING_MIN * observations / ended {
            return Err(StatsError::Invalid {
                name: "the average run length",
                why: "it is shorter than four episodes of these scores",
            });
        }
        Ok(Self {
            frame,
            quiet,
            peaks: SequentialScores::new(&peaks)?,
            ended,
            observations,
            threshold: run_length.observations().log10(),
            open,
        })
    }

    /// The mean number of scores in an episode.
    pub fn mean_length(&self) -> f64 {
        self.observations / self.ended
    }

    /// What is said of a score of an episode that has alarmed, or of no score at all.
    pub(super) fn silence(&self) -> Score {
        Score::new(0.0, self.threshold, None)
    }

    fn end(&mut self, episode: Episode) {
        self.peaks.learn(episode.peak);
        self.ended += 1.0;
        self.observations += episode.length;
    }
}

impl Episode {
    /// The episode that `score` belongs to, after `before`.
    fn with(before: Option<Self>, score: f64) -> Self {
        let Some(before) = before else {
            return Self {
                peak: score,
                since: 0,
                length: 1.0,
                alarmed: false,
            };
        };
        let higher = score > before.peak;
        Self {
            peak: if higher { score } else { before.peak },
            since: if higher { 0 } else { before.since + 1 },
            length: before.length + 1.0,
            ..before
        }
    }
}

impl Detector for Episodes {
    fn update(&mut self, value: f64) -> Result<Score> {
        let y = self.frame.apply(finite(value)?);
        let mut episode = Episode::with(self.open, y);
        let score = if episode.alarmed {
            self.silence()
        } else {
            let above = self.peaks.place(y).above;
            let period = self.mean_length().log10() - above.log10();
            Score::new(period, self.threshold, None)
        };
        episode.alarmed |= score.alarms();
        self.open = Some(episode);
        if episode.since >= self.quiet {
            self.open = None;
            self.end(episode);
        }
        Ok(score)
    }

    /// Time passes for the episode, but no score is counted.
    fn skip(&mut self) {
        if let Some(episode) = &mut self.open {
            episode.since += 1;
            if episode.since >= self.quiet {
                let ended = *episode;
                self.open = None;
                self.end(ended);
            }
        }
    }

    fn reset(&mut self) {
        self.open = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Moving sums of exponential numbers: what overlapping stretches make of scores.
    fn sums(rng: &mut Rng, width: usize, n: usize) -> Vec<f64> {
        let x: Vec<f64> = (0..n + width - 1)
            .map(|_| -rng.uniform().max(1e-300).ln())
            .collect();
        x.windows(width).map(|w| w.iter().sum()).collect()
    }

    #[test]
    fn run_length_is_met_though_scores_overlap() {
        for (width, quiet) in [(1, 0), (1, 5), (8, 8), (8, 16)] {
            let mut alarms = 0;
            let nominal = RunLength::new(400.0).unwrap();
            for seed in 0..30 {
                let mut rng = Rng::new(50 + seed);
                let scores = sums(&mut rng, width, 6_500);
                let (start, rest) = scores.split_at(1_500);
                let mut episodes = Episodes::train(start, quiet, nominal).unwrap();
                let found = rest
                    .iter()
                    .filter(|s| episodes.update(**s).unwrap().alarms());
                alarms += found.count();
            }
            // 375 expected; 19 is a standard error, and more where training is short.
            assert!((300..450).contains(&alarms), "{width} {quiet}: {alarms}");
        }
    }

    #[test]
    fn an_episode_alarms_once_and_ends_after_the_quiet() {
        let start: Vec<f64> = (0..400).map(|i| f64::from(i * 37 % 101)).collect();
        let mut episodes = Episodes::train(&start, 2, RunLength::new(1_000.0).unwrap()).unwrap();
        let mut alarms = |scores: &[f64]| -> Vec<usize> {
            let said = scores.iter().map(|s| episodes.update(*s).unwrap().alarms());
            said.enumerate()
                .filter(|(_, a)| *a)
                .map(|(i, _)| i)
                .collect()
        };
        alarms(&[0.0; 3]);
        // Rising, falling once and rising again is one episode.
        assert_eq!(alarms(&[1e4, 2e4, 1e4, 3e4, 1.0, 1.0]), [0]);
        assert_eq!(alarms(&[1e6, 0.0, 0.0, 1e7, 0.0, 0.0]), [0, 3]);
    }

    #[test]
    fn a_gap_ends_an_episode_and_teaches_nothing() {
        let start: Vec<f64> = (0..400).map(|i| f64::from(i * 37 % 101)).collect();
        let mut episodes = Episodes::train(&start, 3, RunLength::new(1_000.0).unwrap()).unwrap();
        episodes.reset();
        assert!(episodes.update(1e9).unwrap().alarms());
        let (ended, seen) = (episodes.ended, episodes.observations);
        for _ in 0..50 {
            episodes.skip();
        }
        assert_eq!(
            (episodes.ended, episodes.observations),
            (ended + 1.0, seen + 1.0)
        );
        assert_eq!(episodes.open, None);
    }

    #[test]
    fn what_cannot_be_learnt_is_refused() {
        let nominal = RunLength::new(1_000.0).unwrap();
        let rising: Vec<f64> = (0..500).map(f64::from).collect();
        for (scores, quiet) in [(&rising[..], 3), (&rising[..40], usize::MAX), (&[][..], 0)] {
            let refused = Episodes::train(scores, quiet, nominal);
            assert!(
                matches!(refused, Err(StatsError::TooFew { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(
            Episodes::train(&[1.0; 99], 1, nominal),
            Err(StatsError::ZeroVariance)
        );
        let short = RunLength::new(10.0).unwrap();
        let mut rng = Rng::new(1);
        assert!(Episodes::train(&sums(&mut rng, 1, 900), 9, short).is_err());
        let hostile: Vec<f64> = (0..90)
            .map(|i| [1e308, -1e308, 5e-324][i * i % 7 % 3])
            .collect();
        let mut episodes = Episodes::train(&hostile, 0, nominal).unwrap();
        let before = episodes.clone();
        assert!(episodes.update(f64::NAN).is_err());
        assert_eq!(episodes, before);
        for value in hostile {
            assert!(episodes.update(value).unwrap().relative() >= 0.0);
        }
    }
}
