//! Streaming forest: an isolation forest that learns as it goes, in bounded memory.
//!
//! Robust random cut trees rather than half-space trees: those need the range of each variable
//! beforehand and learn in windows, while these follow the data's own range, insert and forget single
//! rows without changing the law of the tree, and are not led astray by variables that say nothing.
//!
//! Invariant: each tree has the law of a random cut tree grown from exactly the rows it holds (Guha et
//! al., theorems 3 and 4); it holds at most `sample` rows, older ones with falling probability. A
//! score is made before the row is learnt, changes nothing, and is an expectation over where a cut
//! would put the row: well inside the data it is a few times 1/sample, far outside it tends to 1.
//! A score is not a probability: hold it against scores of the past before raising an alarm, as
//! [`ConformalCalibration`](super::ConformalCalibration) does for a batch of independent rows and an
//! extreme-value tail for a stream. Variables in different units need
//! [`scales`](StreamingForestOptions): cuts fall on what varies most.
//! Sources: Guha, Mishra, Roy & Schrijvers, "Robust random cut forest based anomaly detection on
//! streams", ICML (2016); Efraimidis & Spirakis, "Weighted random sampling with a reservoir",
//! Information Processing Letters 97 (2006), for forgetting.

use super::rows::one_row;
use crate::error::{Result, StatsError, in_range, positive, same_length};
use crate::rng::Rng;

mod tree;

use tree::CutTree;

/// How a streaming forest learns.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamingForestOptions {
    /// Number of trees, from one to 4096.
    pub trees: usize,
    /// Rows that a tree holds, at least two.
    pub sample: usize,
    /// How many samples long the memory is: a row this many times `sample` ago is held with 1/e of
    /// the probability of the newest. At least one row: 1/`sample`.
    pub memory: f64,
    /// What each variable is multiplied with; empty for variables of one unit.
    pub scales: Vec<f64>,
    /// Seed of samples and cuts.
    pub seed: u64,
}

impl Default for StreamingForestOptions {
    /// 40 trees of 128 rows that remember some 1 280 rows.
    fn default() -> Self {
        Self {
            trees: 40,
            sample: 128,
            memory: 10.0,
            scales: Vec::new(),
            seed: 0,
        }
    }
}

/// The most values of a row: their ranges are added up, and must not overflow.
pub const WIDTH_MAX: usize = 4096;

/// The most trees; each takes room before its first row.
const TREES_MAX: usize = 4096;

/// Values are halved this often: sums of up to [`WIDTH_MAX`] ranges stay in range.
const HEADROOM: f64 = 1.0 / 65_536.0;

/// A forest over the recent rows of a stream.
///
/// Memory: about `trees · sample · (24 · width + 70)` bytes, all of it allocated by the first
/// `sample` rows.
#[derive(Debug, Clone)]
pub struct StreamingForest {
    trees: Vec<Reservoir>,
    factors: Vec<f64>,
    /// Rows seen, times the rate of forgetting.
    age: f64,
    forgetting: f64,
    sample: usize,
    row: Vec<f64>,
    rng: Rng,
}

/// A tree, and the keys by which its rows are kept: the largest goes first.
#[derive(Debug, Clone)]
struct Reservoir {
    tree: CutTree,
    keys: Vec<f64>,
}

impl StreamingForest {
    /// An empty forest for rows of `width` values.
    pub fn new(width: usize, options: &StreamingForestOptions) -> Result<Self> {
        let StreamingForestOptions { trees, sample, .. } = *options;
        if !(1..=WIDTH_MAX).contains(&width) {
            return Err(StatsError::Invalid {
                name: "width",
                why: "a row has from one to 4096 values",
            });
        }
        if !(1..=TREES_MAX).contains(&trees) || sample < 2 || sample > (u32::MAX / 4) as usize {
            return Err(StatsError::Invalid {
                name: "options",
                why: "a forest has from one to 4096 trees, and a tree at least two rows",
            });
        }
        positive("memory", options.memory)?;
        // Times the rate of forgetting must stay apart, however long the stream.
        if options.memory * (sample as f64) < 1.0 {
            return Err(StatsError::Invalid {
                name: "memory",
                why: "it must be at least one row long",
            });
        }
        if !options.scales.is_empty() {
            same_length(options.scales.len(), width)?;
        }
        for scale in &options.scales {
            positive("scales", *scale)?;
        }
        let empty = Reservoir {
            tree: CutTree::new(width),
            keys: Vec::new(),
        };
        Ok(Self {
            trees: vec![empty; trees],
            factors: (0..width)
                .map(|j| HEADROOM * options.scales.get(j).copied().unwrap_or(1.0))
                .collect(),
            age: 0.0,
            forgetting: 1.0 / (options.memory * sample as f64),
            sample,
            row: vec![0.0; width],
            rng: Rng::new(options.seed),
        })
    }

    /// Scores the next row, then learns it: its score before, between 0 and 1. Zero for the first.
    ///
    /// A row that is refused changes nothing.
    ///
    /// ```
    /// use tacho_stats::detect::{StreamingForest, StreamingForestOptions};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(1);
    /// let mut forest = StreamingForest::new(2, &StreamingForestOptions::default())?;
    /// for _ in 0..1000 {
    ///     forest.update(&[rng.standard_normal(), rng.standard_normal()])?;
    /// }
    /// assert!(forest.score(&[0.0, 0.0])? < 0.1);
    /// assert!(forest.update(&[8.0, -8.0])? > 0.5);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn update(&mut self, row: &[f64]) -> Result<f64> {
        let score = self.score(row)?;
        for ((out, value), factor) in self.row.iter_mut().zip(row).zip(&self.factors) {
            *out = value * factor;
        }
        self.age += self.forgetting;
        for reservoir in &mut self.trees {
            // ln(−ln u) − λt: the order of u^(1/w) for weights w that grow as e^(λt), in a range
            // that does not end.
            let u = self.rng.uniform().max(f64::MIN_POSITIVE);
            let key = (-u.ln()).ln() - self.age;
            reservoir.offer(&self.row, key, self.sample, &mut self.rng);
        }
        Ok(score)
    }

    /// The score of a row, which is not learnt: the expected part of the sample that stands against
    /// the row and what is like it when a cut first divides them (collusive displacement), over
    /// cuts and trees. Zero before the first row is learnt.
    pub fn score(&self, row: &[f64]) -> Result<f64> {
        one_row(row, self.factors.len())?;
        for (value, factor) in row.iter().zip(&self.factors) {
            in_range("a scaled value", value * factor * (1.0 / HEADROOM))?;
        }
        let value = |j: usize| row[j] * self.factors[j];
        let total: f64 = self.trees.iter().map(|t| t.tree.displacement(&value)).sum();
        Ok(total / self.trees.len() as f64)
    }

    /// Rows that a tree holds now.
    pub fn held(&self) -> usize {
        self.trees.first().map_or(0, |t| t.keys.len())
    }
}

impl Reservoir {
    /// Learns a row where its key is small enough; the tree then forgets the one with the largest.
    fn offer(&mut self, row: &[f64], key: f64, sample: usize, rng: &mut Rng) {
        if self.keys.len() < sample {
            let slot = self.keys.len();
            self.keys.push(key);
            self.tree.insert(slot, row, rng);
            return;
        }
        let oldest = (0..sample).max_by(|a, b| self.keys[*a].total_cmp(&self.keys[*b]));
        if let Some(slot) = oldest
            && key < self.keys[slot]
        {
            self.tree.remove(slot);
            self.keys[slot] = key;
            self.tree.insert(slot, row, rng);
        }
    }
}

/// A streaming forest over the last values of one series together.
///
/// Shingles of several values see patterns: a value that is ordinary by itself but not after those
/// before it.
#[derive(Debug, Clone)]
pub struct ShingledForest {
    forest: StreamingForest,
    shingle: Vec<f64>,
    filled: usize,
}

impl ShingledForest {
    /// A forest over shingles of `length` values; `options.scales` stays empty.
    pub fn new(length: usize, options: &StreamingForestOptions) -> Result<Self> {
        Ok(Self {
            forest: StreamingForest::new(length, options)?,
            shingle: vec![0.0; length],
            filled: 0,
        })
    }

    /// Scores the newest `length` values together, then learns them. None until there are as many.
    ///
    /// A value that is refused changes nothing.
    pub fn update(&mut self, value: f64) -> Result<Option<f64>> {
        crate::error::observations(&[value], 1)?;
        self.shingle.rotate_left(1);
        if let Some(newest) = self.shingle.last_mut() {
            *newest = value;
        }
        self.filled = (self.filled + 1).min(self.shingle.len());
        if self.filled < self.shingle.len() {
            return Ok(None);
        }
        self.forest.update(&self.shingle).map(Some)
    }

    /// The next observation is missing: a shingle must not reach over the gap.
    pub fn skip(&mut self) {
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests;
