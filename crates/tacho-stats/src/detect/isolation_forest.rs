//! Isolation forest: rows that few random cuts separate from the others are unusual.
//!
//! Invariant: a score lies in `0..=1`, has the definition that scikit-learn uses (it reports the
//! negative), and does not change when a variable is moved or multiplied by a positive number,
//! except for rounding. The same seed gives the same forest on every machine.
//! A score is not a probability: hold it against scores of quiet rows
//! ([`ConformalCalibration`](super::ConformalCalibration)) before raising an alarm. Not for anomalies
//! that only a combination of ordinary values betrays; those are for
//! [`RobustCovariance`](super::RobustCovariance).
//! Sources: Liu, Ting & Zhou, "Isolation forest", ICDM (2008), and "Isolation-based anomaly
//! detection", ACM TKDD 6 (2012); sampling by Floyd, Communications of the ACM 30 (1987).

use std::collections::HashSet;

use super::rows::{Rows, one_row};
use crate::error::{Result, StatsError, same_length};
use crate::rng::Rng;

/// How a forest is grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IsolationForestOptions {
    /// Number of trees, at least one.
    pub trees: usize,
    /// Rows a tree is grown from, at least two; all rows where there are fewer.
    pub sample: usize,
    /// Seed of samples and cuts.
    pub seed: u64,
}

impl Default for IsolationForestOptions {
    /// 100 trees of 256 rows, as the authors propose.
    fn default() -> Self {
        Self {
            trees: 100,
            sample: 256,
            seed: 0,
        }
    }
}

/// A forest of random trees.
///
/// 1. Children of a node are neighbours: `left` and `left + 1`, both farther on in `nodes`.
/// 2. A leaf's threshold is infinite and `left` is the leaf itself.
/// 3. No path from a root to a leaf is longer than `depth`.
///
/// Together: after `depth` steps every row is in its leaf, without asking whether it has arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct IsolationForest {
    nodes: Vec<Node>,
    /// For each leaf, the expected number of cuts until a row that ends there stands alone.
    lengths: Vec<f64>,
    roots: Vec<u32>,
    depth: u32,
    width: usize,
    /// Expected path length in a tree of this sample, over all trees.
    normal_length: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    threshold: f64,
    feature: u32,
    left: u32,
}

/// Walks that are interleaved, so that the wait for one's memory is spent on the others.
const LANES: usize = 8;
/// Rows that pass through one tree before the next: both stay in the first cache.
const BLOCK_VALUES: usize = 2048;

impl IsolationForest {
    /// Grows a forest from at least two rows.
    ///
    /// ```
    /// use tacho_stats::detect::{IsolationForest, IsolationForestOptions, Rows};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(1);
    /// let quiet: Vec<f64> = (0..1000).map(|_| rng.standard_normal()).collect();
    /// let rows = Rows::new(&quiet, 2)?;
    /// let forest = IsolationForest::fit(&rows, IsolationForestOptions::default())?;
    /// assert!(forest.score(&[6.0, -6.0])? > 0.7);
    /// assert!(forest.score(&[0.0, 0.0])? < 0.5);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn fit(rows: &Rows, options: IsolationForestOptions) -> Result<Self> {
        rows.at_least(2)?;
        let IsolationForestOptions { trees, sample, .. } = options;
        let size = sample.min(rows.len());
        let nodes_max = trees.saturating_mul(2 * size);
        if trees == 0 || sample < 2 || nodes_max > u32::MAX as usize {
            return Err(StatsError::Invalid {
                name: "options",
                why: "a forest has a tree, a tree two rows, and all nodes are counted in 32 bits",
            });
        }
        let mut forest = Self {
            nodes: Vec::with_capacity(nodes_max),
            lengths: Vec::with_capacity(nodes_max),
            roots: Vec::with_capacity(trees),
            depth: size.next_power_of_two().trailing_zeros(),
            width: rows.width(),
            normal_length: trees as f64 * average_path_length(size),
        };
        let mut rng = Rng::new(options.seed);
        let mut sample = Sample::new(rows.width());
        for _ in 0..trees {
            sample.draw(rows, size, &mut rng);
            forest.grow(&mut sample, &mut rng);
        }
        Ok(forest)
    }

    /// The score of one row: near 1 is unusual, 0.5 and below ordinary. Allocates nothing.
    pub fn score(&self, row: &[f64]) -> Result<f64> {
        one_row(row, self.width)?;
        let mut total = 0.0;
        let (groups, rest) = self.roots.as_chunks::<LANES>();
        for roots in groups {
            let leaves = self.leaves(*roots, |_, feature| row[feature]);
            total += leaves
                .iter()
                .map(|l| self.lengths[*l as usize])
                .sum::<f64>();
        }
        for root in rest {
            let [leaf] = self.leaves([*root], |_, feature| row[feature]);
            total += self.lengths[leaf as usize];
        }
        Ok(self.score_of(total))
    }

    /// The score of every row.
    pub fn scores(&self, rows: &Rows) -> Result<Vec<f64>> {
        let mut out = vec![0.0; rows.len()];
        self.scores_into(rows, &mut out)?;
        Ok(out)
    }

    /// As [`scores`](Self::scores), into `out` (one value a row). Allocates nothing.
    pub fn scores_into(&self, rows: &Rows, out: &mut [f64]) -> Result<()> {
        rows.of_width(self.width)?;
        same_length(rows.len(), out.len())?;
        let block = (BLOCK_VALUES / self.width).max(1).next_multiple_of(LANES);
        let blocks = rows.values().chunks(block * self.width);
        for (values, out) in blocks.zip(out.chunks_mut(block)) {
            out.fill(0.0);
            for root in &self.roots {
                self.add_lengths(*root, values, out);
            }
            for value in out {
                *value = self.score_of(*value);
            }
        }
        Ok(())
    }

    /// Adds the path lengths in one tree of the rows in `values`.
    fn add_lengths(&self, root: u32, values: &[f64], totals: &mut [f64]) {
        let width = self.width;
        let groups = values.chunks(LANES * width).zip(totals.chunks_mut(LANES));
        for (values, totals) in groups {
            if totals.len() == LANES {
                let leaves = self.leaves([root; LANES], |lane, f| values[lane * width + f]);
                for (total, leaf) in totals.iter_mut().zip(leaves) {
                    *total += self.lengths[leaf as usize];
                }
            } else {
                for (total, row) in totals.iter_mut().zip(values.chunks_exact(width)) {
                    let [leaf] = self.leaves([root], |_, f| row[f]);
                    *total += self.lengths[leaf as usize];
                }
            }
        }
    }

    /// The leaves that `N` walks from `at` end in.
    #[inline]
    fn leaves<const N: usize>(
        &self,
        mut at: [u32; N],
        value: impl Fn(usize, usize) -> f64,
    ) -> [u32; N] {
        for _ in 0..self.depth {
            for (lane, at) in at.iter_mut().enumerate() {
                let node = self.nodes[*at as usize];
                *at = node.left + u32::from(value(lane, node.feature as usize) > node.threshold);
            }
        }
        at
    }

    fn score_of(&self, total_length: f64) -> f64 {
        (-total_length / self.normal_length).exp2()
    }

    /// Adds one tree.
    fn grow(&mut self, sample: &mut Sample, rng: &mut Rng) {
        self.roots.push(self.nodes.len() as u32);
        self.push_leaf();
        let mut open = vec![(self.nodes.len() - 1, 0, sample.order.len(), 0)];
        while let Some((at, start, end, depth)) = open.pop() {
            let cut = (depth < self.depth && end - start > 1)
                .then(|| sample.cut(start, end, rng))
                .flatten();
            let Some((feature, threshold)) = cut else {
                self.lengths[at] = f64::from(depth) + average_path_length(end - start);
                continue;
            };
            let middle = sample.part(start, end, feature, threshold);
            let left = self.nodes.len();
            self.nodes[at] = Node {
                threshold,
                feature: feature as u32,
                left: left as u32,
            };
            self.push_leaf();
            self.push_leaf();
            open.push((left, start, middle, depth + 1));
            open.push((left + 1, middle, end, depth + 1));
        }
    }

    fn push_leaf(&mut self) {
        self.nodes.push(Node {
            threshold: f64::INFINITY,
            feature: 0,
            left: self.nodes.len() as u32,
        });
        self.lengths.push(0.0);
    }
}

/// The average number of comparisons of an unsuccessful search in a binary tree of `n` rows: what
/// a leaf that still holds `n` rows adds to the path (Liu et al. 2008, equation 1).
fn average_path_length(n: usize) -> f64 {
    const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER_GAMMA) - 2.0 * (n - 1.0) / n
        }
    }
}

/// The rows one tree is grown from, copied together, and an order that cuts rearrange.
struct Sample {
    values: Vec<f64>,
    width: usize,
    order: Vec<u32>,
    /// Every variable; those that a cut may not use are moved to the end while it is sought.
    features: Vec<usize>,
    taken: HashSet<usize>,
}

impl Sample {
    fn new(width: usize) -> Self {
        Self {
            values: Vec::new(),
            width,
            order: Vec::new(),
            features: (0..width).collect(),
            taken: HashSet::new(),
        }
    }

    /// `size` rows without replacement, in time and memory of the sample only.
    fn draw(&mut self, rows: &Rows, size: usize, rng: &mut Rng) {
        self.values.clear();
        self.taken.clear();
        for last in rows.len() - size..rows.len() {
            let candidate = rng.below(last + 1);
            let index = if self.taken.insert(candidate) {
                candidate
            } else {
                self.taken.insert(last);
                last
            };
            self.values.extend_from_slice(rows.row(index));
        }
        self.order.clear();
        self.order.extend(0..size as u32);
    }

    /// A variable that is not constant in `start..end`, and a threshold inside its range.
    fn cut(&mut self, start: usize, end: usize, rng: &mut Rng) -> Option<(usize, f64)> {
        for left in (1..=self.width).rev() {
            let pick = rng.below(left);
            let feature = self.features[pick];
            let (low, high) = self.range(start, end, feature);
            if low < high {
                let u = rng.uniform();
                let threshold = low * (1.0 - u) + high * u;
                // Both sides keep a row, whatever rounding did.
                let inside = threshold >= low && threshold < high;
                return Some((feature, if inside { threshold } else { low }));
            }
            self.features.swap(pick, left - 1);
        }
        None
    }

    fn range(&self, start: usize, end: usize, feature: usize) -> (f64, f64) {
        let mut range = (f64::INFINITY, f64::NEG_INFINITY);
        for row in &self.order[start..end] {
            let value = self.values[*row as usize * self.width + feature];
            range = (range.0.min(value), range.1.max(value));
        }
        range
    }

    /// Moves rows up to the threshold ahead of the others; returns where the others begin.
    fn part(&mut self, start: usize, end: usize, feature: usize, threshold: f64) -> usize {
        let mut middle = start;
        for place in start..end {
            let row = self.order[place] as usize;
            if self.values[row * self.width + feature] <= threshold {
                self.order.swap(place, middle);
                middle += 1;
            }
        }
        middle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal_rows(n: usize, width: usize, seed: u64) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        (0..n * width).map(|_| rng.standard_normal()).collect()
    }

    fn fit(values: &[f64], width: usize) -> IsolationForest {
        let rows = Rows::new(values, width).unwrap();
        IsolationForest::fit(&rows, IsolationForestOptions::default()).unwrap()
    }

    #[test]
    fn average_path_lengths_are_the_books() {
        // Liu et al.: c(256) is about 10.24; three rows by hand: 2(ln 2 + γ) − 4/3.
        assert!((average_path_length(256) - 10.244_770_920_119).abs() < 1e-9);
        assert!((average_path_length(3) - 1.207_392_357_589_623).abs() < 1e-12);
        assert_eq!([0, 1, 2].map(average_path_length), [0.0, 0.0, 1.0]);
    }

    /// Rows in blocks, in lanes and one at a time take the same walks.
    #[test]
    fn scoring_together_is_scoring_alone() {
        for width in [1, 3, 7] {
            let values = normal_rows(1003, width, 2);
            let rows = Rows::new(&values, width).unwrap();
            let forest = fit(&values, width);
            let together = forest.scores(&rows).unwrap();
            for (row, score) in rows.iter().zip(together) {
                assert!((forest.score(row).unwrap() - score).abs() < 1e-12);
                assert!((0.0..=1.0).contains(&score));
            }
        }
    }

    #[test]
    fn every_walk_ends_in_a_leaf() {
        let values = normal_rows(500, 2, 3);
        let forest = fit(&values, 2);
        for row in values.chunks_exact(2) {
            for root in &forest.roots {
                let [leaf] = forest.leaves([*root], |_, f| row[f]);
                assert_eq!(forest.nodes[leaf as usize].left, leaf);
                assert!(forest.lengths[leaf as usize] >= 1.0);
            }
        }
    }

    #[test]
    fn an_outlier_scores_highest() {
        let mut values = normal_rows(2000, 4, 4);
        values.extend([5.0; 4]);
        let rows = Rows::new(&values, 4).unwrap();
        let scores = fit(&values, 4).scores(&rows).unwrap();
        let (last, rest) = scores.split_last().unwrap();
        assert!(rest.iter().all(|s| s < last));
    }

    #[test]
    fn what_cannot_be_cut_scores_one_half() {
        // All rows equal: the root is a leaf, wherever one asks.
        let forest = fit(&[3.0; 40], 2);
        for row in [[3.0, 3.0], [1e308, -1e308]] {
            assert!((forest.score(&row).unwrap() - 0.5).abs() < 1e-12);
        }
        // A constant variable is never cut; the other one still is.
        let values: Vec<f64> = (0..100).flat_map(|i| [7.0, f64::from(i)]).collect();
        let forest = fit(&values, 2);
        assert!(forest.score(&[7.0, 0.0]).unwrap() > forest.score(&[7.0, 50.0]).unwrap());
        assert_eq!(forest.score(&[7.0, 50.0]), forest.score(&[-1e9, 50.0]));
    }

    #[test]
    fn extremes_and_mistakes() {
        let values = [1e308, -1e308, 5e-324, 0.0, 1.0, -0.0, 1e300, 2.0];
        let forest = fit(&values, 1);
        for value in values {
            assert!((0.0..=1.0).contains(&forest.score(&[value]).unwrap()));
        }
        assert_eq!(
            forest.score(&[f64::NAN]),
            Err(StatsError::NotFinite { index: 0 })
        );
        assert!(forest.score(&[]).is_err() && forest.score(&[1.0, 2.0]).is_err());
        let one = Rows::new(&[1.0], 1).unwrap();
        let options = IsolationForestOptions::default();
        assert_eq!(
            IsolationForest::fit(&one, options),
            Err(StatsError::TooFew { need: 2, got: 1 })
        );
        let rows = Rows::new(&values, 1).unwrap();
        for (trees, sample) in [(0, 256), (100, 1), (usize::MAX, 256)] {
            let options = IsolationForestOptions {
                trees,
                sample,
                seed: 0,
            };
            assert!(IsolationForest::fit(&rows, options).is_err());
        }
        assert!(forest.scores_into(&rows, &mut [0.0; 3]).is_err());
    }

    #[test]
    fn samples_are_drawn_without_replacement() {
        let values: Vec<f64> = (0..50).map(f64::from).collect();
        let rows = Rows::new(&values, 1).unwrap();
        let (mut sample, mut rng) = (Sample::new(1), Rng::new(5));
        let mut counts = [0u32; 50];
        for _ in 0..5000 {
            sample.draw(&rows, 10, &mut rng);
            let mut drawn = sample.values.clone();
            drawn.sort_by(f64::total_cmp);
            drawn.dedup();
            assert_eq!(drawn.len(), 10);
            for value in drawn {
                counts[value as usize] += 1;
            }
        }
        // 1 000 each, with a standard deviation of 28.
        assert!(counts.iter().all(|c| (860..1140).contains(c)), "{counts:?}");
    }
}
