//! E-divisive: any change of distribution, by energy distance, with a permutation test of the
//! split.
//!
//! Invariant: the p-value is a permutation p-value of the largest statistic over all splits, so
//! that under exchangeability a quiet series yields a change with probability `alpha` at most; the
//! search over places is inside it. Same seed, same answer. All splits of a stretch together take
//! O(n log n) time and linear memory.
//! Blocks of neighbours are permuted where observations resemble their neighbours; in short,
//! strongly dependent series few blocks remain and the test is approximate (the table in
//! [`changepoint`](super)); [`changes`](super::changes()) is made for those.
//!
//! Source: Matteson & James, "A nonparametric approach for multiple change point analysis of
//! multivariate data", JASA 109 (2014), with exponent 1 and the split against all of the rest;
//! Besag & Clifford, "Sequential Monte Carlo p-values", Biometrika 78 (1991), for stopping early;
//! Chakar et al., Bernoulli 23 (2017), for the autocorrelation that changes do not move; Politis &
//! White (2004) for the block length; Fenwick, Software: Practice and Experience 24 (1994), for the
//! running sums by rank.

use crate::error::{Result, StatsError, in_range, observations};
use crate::rng::Rng;

/// How to search and test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EDivisive {
    /// Splits with a p-value above this end the search in their stretch.
    pub alpha: f64,
    /// Permutations of one test, at least 1/alpha for a change to be found at all.
    pub permutations: u32,
    /// The shortest stretch (at least 2).
    pub shortest: usize,
    /// What is permuted.
    pub exchange: Exchange,
    /// Seed of the permutations.
    pub seed: u64,
}

impl Default for EDivisive {
    /// 5 %, 199 permutations of automatic blocks, stretches of 5 or more.
    fn default() -> Self {
        Self {
            alpha: 0.05,
            permutations: 199,
            shortest: 5,
            exchange: Exchange::Blocks,
            seed: 1,
        }
    }
}

/// What a quiet series could have been in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exchange {
    /// Single observations: for independent ones.
    Observations,
    /// Blocks of neighbours, as long as their resemblance asks for.
    #[default]
    Blocks,
}

/// A split with its statistic and permutation p-value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnergyChange {
    /// First observation after the change.
    pub index: usize,
    /// Scaled energy distance of the two stretches, in the unit of the series.
    pub statistic: f64,
    /// Permutation p-value, never below 1/(permutations + 1).
    pub p: f64,
}

/// The changes of `x`, in order of time.
///
/// ```
/// use tacho_stats::changepoint::{EDivisive, e_divisive};
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(1);
/// let x: Vec<f64> = (0..100)
///     .map(|i| rng.standard_normal() + if i < 60 { 0.0 } else { 3.0 })
///     .collect();
/// let found = e_divisive(&x, &EDivisive::default())?;
/// assert!(found.len() == 1 && found[0].index.abs_diff(60) <= 1);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn e_divisive(x: &[f64], settings: &EDivisive) -> Result<Vec<EnergyChange>> {
    checked(x, settings)?;
    let mut rng = Rng::new(settings.seed);
    let mut open = vec![(0, x.len())];
    let mut found = Vec::new();
    while let Some((start, end)) = open.pop() {
        if end - start < 2 * settings.shortest {
            continue;
        }
        let part = &x[start..end];
        let mut energy = Energy::new(part);
        let (split, statistic) = energy.best_of_order(settings.shortest);
        if statistic <= 0.0 {
            continue;
        }
        let p = p_value(&mut energy, part, statistic, settings, &mut rng);
        if p > settings.alpha {
            continue;
        }
        found.push(EnergyChange {
            index: start + split,
            statistic,
            p,
        });
        open.extend([(start, start + split), (start + split, end)]);
    }
    found.sort_unstable_by_key(|change| change.index);
    Ok(found)
}

fn checked(x: &[f64], settings: &EDivisive) -> Result<()> {
    let invalid = |name, why| Err(StatsError::Invalid { name, why });
    if settings.shortest < 2 {
        return invalid("shortest", "a stretch has two observations or more");
    }
    if !(settings.alpha > 0.0 && settings.alpha < 1.0) {
        return invalid("alpha", "it must lie strictly between 0 and 1");
    }
    observations(x, 2 * settings.shortest)?;
    let largest = x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    in_range(
        "the sum of distances",
        4.0 * largest * x.len() as f64 * x.len() as f64,
    )?;
    Ok(())
}

/// The part of permutations whose best split is at least as clear; stops where it cannot fall to
/// alpha any more.
fn p_value(
    energy: &mut Energy,
    x: &[f64],
    statistic: f64,
    settings: &EDivisive,
    rng: &mut Rng,
) -> f64 {
    let block = match settings.exchange {
        Exchange::Observations => 1,
        Exchange::Blocks => resemblance_block(x),
    };
    let whole = f64::from(settings.permutations) + 1.0;
    let original = energy.order.clone();
    let mut blocks: Vec<usize> = (0..x.len().div_ceil(block)).collect();
    let mut clearer = 1u32;
    for done in 1..=settings.permutations {
        for i in (1..blocks.len()).rev() {
            blocks.swap(i, rng.below(i + 1));
        }
        energy.order.clear();
        for b in &blocks {
            let end = ((b + 1) * block).min(x.len());
            energy.order.extend_from_slice(&original[b * block..end]);
        }
        // Equal up to rounding counts as clearer, which errs towards no change.
        let permuted = energy.best_of_order(settings.shortest).1;
        clearer += u32::from(permuted >= statistic * (1.0 - 1e-9));
        if f64::from(clearer) > settings.alpha * whole {
            return f64::from(clearer) / f64::from(done + 1);
        }
    }
    f64::from(clearer) / whole
}

/// The block length at which the variance of a mean is most precise, for the first-order
/// autoregression that steps of one and of two observations point to: medians of steps do not see
/// the changes that are looked for, which would pass for resemblance of neighbours.
fn resemblance_block(x: &[f64]) -> usize {
    let median_step = |lag: usize| {
        let mut steps: Vec<f64> = x.windows(lag + 1).map(|w| (w[lag] - w[0]).abs()).collect();
        let middle = steps.len() / 2;
        let (_, median, _) = steps.select_nth_unstable_by(middle, f64::total_cmp);
        *median
    };
    let (one, two) = (median_step(1), median_step(2));
    if one == 0.0 {
        // Mostly repeated values: steps say nothing about noise.
        return 1;
    }
    let phi = ((two / one).powi(2) - 1.0).clamp(0.0, 0.98);
    let n = x.len() as f64;
    let spread = 2.0 * phi / (1.0 - phi * phi);
    let length = (1.5 * spread * spread * n).cbrt().min(n / 4.0).round();
    (length as usize).max(1)
}

/// One stretch by rank: what does not depend on the order of its observations, and the order.
struct Energy {
    /// Values by rank, around the median so that sums keep their digits.
    sorted: Vec<f64>,
    /// For each rank, the sum of distances to all others.
    distances: Vec<f64>,
    /// Sum of distances over all pairs.
    total: f64,
    /// Ranks in order of time.
    order: Vec<u32>,
    /// Running counts and sums by rank.
    tree: Vec<[f64; 2]>,
}

impl Energy {
    fn new(x: &[f64]) -> Self {
        let n = x.len();
        let mut by_value: Vec<u32> = (0..n as u32).collect();
        by_value.sort_unstable_by(|a, b| x[*a as usize].total_cmp(&x[*b as usize]));
        let middle = x[by_value[n / 2] as usize];
        let sorted: Vec<f64> = by_value.iter().map(|i| x[*i as usize] - middle).collect();
        let mut order = vec![0; n];
        for (rank, index) in by_value.iter().enumerate() {
            order[*index as usize] = rank as u32;
        }
        let all: f64 = sorted.iter().sum();
        let mut below = 0.0;
        let mut distances = Vec::with_capacity(n);
        for (rank, value) in sorted.iter().enumerate() {
            let (smaller, larger) = (rank as f64, (n - rank) as f64);
            distances.push(value * smaller - below + (all - below) - value * larger);
            below += value;
        }
        let total = 0.5 * distances.iter().sum::<f64>();
        Self {
            sorted,
            distances,
            total,
            order,
            tree: vec![[0.0; 2]; n + 1],
        }
    }

    /// The split with the largest scaled energy distance.
    fn best_of_order(&mut self, shortest: usize) -> (usize, f64) {
        let n = self.order.len();
        self.tree.fill([0.0; 2]);
        let (mut within, mut touching, mut sum) = (0.0, 0.0, 0.0);
        let mut best = (shortest, f64::NEG_INFINITY);
        for t in 0..=n - shortest {
            if t >= shortest {
                let between = touching - 2.0 * within;
                let after = self.total - within - between;
                let (m, k) = (t as f64, (n - t) as f64);
                let statistic = 2.0 * between / (m + k)
                    - 2.0 * k * within / ((m + k) * (m - 1.0))
                    - 2.0 * m * after / ((m + k) * (k - 1.0));
                if statistic > best.1 {
                    best = (t, statistic);
                }
            }
            let rank = self.order[t] as usize;
            let value = self.sorted[rank];
            let [count, below] = self.add(rank, value);
            within += value * count - below + (sum - below) - value * (t as f64 - count);
            touching += self.distances[rank];
            sum += value;
        }
        best
    }

    /// Enters a value; returns how many of lower rank there are, and their sum.
    fn add(&mut self, rank: usize, value: f64) -> [f64; 2] {
        let mut found = [0.0; 2];
        let mut node = rank;
        while node > 0 {
            let [count, sum] = self.tree[node];
            found = [found[0] + count, found[1] + sum];
            node &= node - 1;
        }
        let mut node = rank + 1;
        while node < self.tree.len() {
            self.tree[node][0] += 1.0;
            self.tree[node][1] += value;
            node += node & node.wrapping_neg();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the definition, over all pairs.
    #[test]
    fn the_statistic_is_the_definitions() {
        let mut rng = Rng::new(2);
        let x: Vec<f64> = (0..30)
            .map(|t| (rng.standard_normal() * 4.0).round() + if t < 11 { 0.0 } else { 3.0 })
            .collect();
        let pairs = |a: &[f64], b: &[f64]| -> f64 {
            a.iter()
                .flat_map(|u| b.iter().map(move |v| (u - v).abs()))
                .sum()
        };
        let mut want = (0, f64::NEG_INFINITY);
        for t in 3..=27 {
            let (a, b) = x.split_at(t);
            let (m, k) = (a.len() as f64, b.len() as f64);
            let energy = 2.0 * pairs(a, b) / (m * k)
                - pairs(a, a) / (m * (m - 1.0))
                - pairs(b, b) / (k * (k - 1.0));
            let statistic = m * k / (m + k) * energy;
            if statistic > want.1 {
                want = (t, statistic);
            }
        }
        let got = Energy::new(&x).best_of_order(3);
        assert_eq!(got.0, want.0);
        assert!((got.1 - want.1).abs() < 1e-9, "{got:?} {want:?}");
    }

    #[test]
    fn a_quiet_series_is_left_whole_as_often_as_asked() {
        let mut alarms = 0;
        for seed in 0..100 {
            let mut rng = Rng::new(seed);
            let x: Vec<f64> = (0..60).map(|_| rng.standard_normal()).collect();
            let settings = EDivisive {
                permutations: 59,
                exchange: Exchange::Observations,
                seed,
                ..EDivisive::default()
            };
            alarms += u32::from(!e_divisive(&x, &settings).unwrap().is_empty());
        }
        // Binomial(100, 0.05): 13 or more has probability 0.0015.
        assert!(alarms <= 12, "{alarms}");
    }

    #[test]
    fn a_change_of_spread_is_found() {
        let mut rng = Rng::new(5);
        let x: Vec<f64> = (0..200)
            .map(|t| rng.standard_normal() * if t < 120 { 1.0 } else { 6.0 })
            .collect();
        let found = e_divisive(&x, &EDivisive::default()).unwrap();
        assert!(
            found.iter().any(|c| c.index.abs_diff(120) <= 5),
            "{found:?}"
        );
    }
}
