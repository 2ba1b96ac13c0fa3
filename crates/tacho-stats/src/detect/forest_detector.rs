//! Streaming forests as detectors: one alarm an episode of unusual shingles or rows, as often as
//! asked.
//!
//! Invariant: a row or value is scored by a forest of earlier ones, and scores are judged by
//! [`Episodes`]; the first two samples' worth of training grows the forest and is not judged. What
//! is refused changes nothing.
//! Not for shifts that last: the forest takes the new state for normal; those are for a chart.
//! Sources: those of [`StreamingForest`] and [`Episodes`].

use super::detector::{Detector, RunLength, Score};
use super::episodes::Episodes;
use super::rows::Rows;
use super::streaming_forest::{ShingledForest, StreamingForest, StreamingForestOptions};
use crate::error::{Result, StatsError};

/// A detector of unusual stretches of a series, by a [`ShingledForest`].
#[derive(Debug, Clone)]
pub struct ForestDetector {
    forest: ShingledForest,
    episodes: Episodes,
}

impl ForestDetector {
    /// Looks at `length` values together; from a quiet stretch of two samples to grow the forest and
    /// 30 episodes, about 65 times `length`, to know its scores: better 1 000 values and more.
    ///
    /// ```
    /// use tacho_stats::detect::{Detector, ForestDetector, RunLength, StreamingForestOptions};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(1);
    /// let mut next = |i: u32| (f64::from(i) * 0.3).sin() + 0.1 * rng.standard_normal();
    /// let quiet: Vec<f64> = (0..1_000).map(&mut next).collect();
    /// let options = StreamingForestOptions::default();
    /// let mut detector = ForestDetector::train(&quiet, 4, &options, RunLength::new(10_000.0)?)?;
    /// assert!(!detector.update(next(1_000))?.alarms());
    /// assert!(detector.update(next(1_001) + 3.0)?.alarms());
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn train(
        x: &[f64],
        length: usize,
        options: &StreamingForestOptions,
        run_length: RunLength,
    ) -> Result<Self> {
        let mut forest = ShingledForest::new(length, options)?;
        let scores: Vec<f64> = x
            .iter()
            .filter_map(|value| forest.update(*value).transpose())
            .collect::<Result<_>>()?;
        let episodes = judge(&scores, length, options, run_length)?;
        Ok(Self { forest, episodes })
    }
}

impl Detector for ForestDetector {
    fn update(&mut self, value: f64) -> Result<Score> {
        let Some(score) = self.forest.update(value)? else {
            // A shingle does not reach over a gap.
            self.episodes.skip();
            return Ok(self.episodes.silence());
        };
        self.episodes.update(score)
    }

    fn skip(&mut self) {
        self.forest.skip();
        self.episodes.skip();
    }

    fn reset(&mut self) {
        self.episodes.reset();
    }
}

/// A detector of unusual rows of several values, by a [`StreamingForest`].
#[derive(Debug, Clone)]
pub struct RowDetector {
    forest: StreamingForest,
    episodes: Episodes,
}

impl RowDetector {
    /// From quiet rows: two samples of the forest and 30 episodes. An episode lasts until `quiet`
    /// rows in a row were no more unusual than its worst; 0 where each row counts by itself.
    ///
    /// ```
    /// use tacho_stats::detect::{RowDetector, Rows, RunLength, StreamingForestOptions};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(1);
    /// let quiet: Vec<f64> = (0..2_000).map(|_| rng.standard_normal()).collect();
    /// let rows = Rows::new(&quiet, 2)?;
    /// let options = StreamingForestOptions::default();
    /// let mut detector = RowDetector::train(&rows, 5, &options, RunLength::new(10_000.0)?)?;
    /// assert!(!detector.update(&[0.1, -0.3])?.alarms());
    /// assert!(detector.update(&[9.0, -9.0])?.alarms());
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn train(
        rows: &Rows,
        quiet: usize,
        options: &StreamingForestOptions,
        run_length: RunLength,
    ) -> Result<Self> {
        let mut forest = StreamingForest::new(rows.width(), options)?;
        let scores: Vec<f64> = rows
            .iter()
            .map(|row| forest.update(row))
            .collect::<Result<_>>()?;
        let episodes = judge(&scores, quiet, options, run_length)?;
        Ok(Self { forest, episodes })
    }

    /// Takes the next row and says how unusual the stream is now.
    ///
    /// Rows of another width, or with a value that is not finite, are refused, and the detector is
    /// as before.
    pub fn update(&mut self, row: &[f64]) -> Result<Score> {
        let score = self.forest.update(row)?;
        self.episodes.update(score)
    }

    /// The next row is missing.
    pub fn skip(&mut self) {
        self.episodes.skip();
    }
}

/// The law of the scores of a grown forest.
fn judge(
    scores: &[f64],
    quiet: usize,
    options: &StreamingForestOptions,
    run_length: RunLength,
) -> Result<Episodes> {
    let growing = 2 * options.sample;
    let too_few = |need: usize| StatsError::TooFew {
        need: need.saturating_add(growing),
        got: scores.len(),
    };
    let grown = scores.get(growing..).ok_or_else(|| too_few(30))?;
    Episodes::train(grown, quiet, run_length).map_err(|error| match error {
        StatsError::TooFew { need, .. } => too_few(need),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn small(seed: u64) -> StreamingForestOptions {
        StreamingForestOptions {
            trees: 10,
            sample: 32,
            seed,
            ..StreamingForestOptions::default()
        }
    }

    #[test]
    fn run_lengths_are_met_by_series_and_rows() {
        let nominal = RunLength::new(100.0).unwrap();
        let (mut series, mut rows) = (0, 0);
        for seed in 0..8 {
            let mut rng = Rng::new(60 + seed);
            let x: Vec<f64> = (0..3_000).map(|_| rng.standard_normal()).collect();
            let (start, rest) = x.split_at(1_000);
            let mut forest = ForestDetector::train(start, 4, &small(seed), nominal).unwrap();
            let alarms = rest.iter().filter(|v| forest.update(**v).unwrap().alarms());
            series += alarms.count();
            let start = Rows::new(start, 2).unwrap();
            let mut forest = RowDetector::train(&start, 0, &small(seed), nominal).unwrap();
            let alarms = rest
                .chunks(2)
                .filter(|r| forest.update(r).unwrap().alarms());
            rows += alarms.count();
        }
        // 160 and 80 expected.
        assert!((110..215).contains(&series), "{series}");
        assert!((48..115).contains(&rows), "{rows}");
    }

    #[test]
    fn nothing_is_said_across_a_gap() {
        let mut rng = Rng::new(3);
        let x: Vec<f64> = (0..900).map(|_| rng.standard_normal()).collect();
        let nominal = RunLength::new(200.0).unwrap();
        let mut forest = ForestDetector::train(&x, 3, &small(1), nominal).unwrap();
        forest.skip();
        let said = [1e9, 1e9, 1e9].map(|v| forest.update(v).unwrap().statistic);
        assert_eq!(said[..2], [0.0, 0.0]);
        assert!(said[2] > 0.0);
    }

    #[test]
    fn mistakes_are_refused_and_change_nothing() {
        let nominal = RunLength::new(200.0).unwrap();
        let x: Vec<f64> = (0..900).map(|i| f64::from(i * i % 71)).collect();
        for (n, length) in [
            (0, 3),
            (50, 3),
            (80, 3),
            (900, 0),
            (900, 300),
            (900, usize::MAX),
        ] {
            let refused = ForestDetector::train(&x[..n], length, &small(1), nominal);
            assert!(refused.is_err(), "{n} {length}");
        }
        let rows = Rows::new(&x, 3).unwrap();
        let mut forest = RowDetector::train(&rows, 0, &small(1), nominal).unwrap();
        let mut twin = forest.clone();
        assert!(forest.update(&[1.0, f64::NAN, 0.0]).is_err());
        assert!(forest.update(&[1.0]).is_err());
        for row in [[1.0, 2.0, 3.0], [1e308, -1e308, 5e-324], [3.0, 9.0, 2.0]] {
            assert_eq!(forest.update(&row), twin.update(&row));
        }
    }
}
