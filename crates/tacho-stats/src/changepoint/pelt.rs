//! Exact optimal partitions: PELT.
//!
//! Invariant: the result minimises Σ cost + penalty · changes over all partitions, for every
//! [`Cost`] whose sum splitting never raises. Among starts that cost the same the earliest wins.
//! Not a test: the penalty decides how many changes there are, and white noise is assumed by most
//! rules for it; see [`changes`](super::changes()).
//! Source: Killick, Fearnhead & Eckley, "Optimal detection of changepoints with a linear
//! computational cost", JASA 107 (2012).

use super::cost::{Cost, L2Cost};
use crate::error::{Result, StatsError, positive};

/// The changes (first observation of each later segment) of the cheapest partition, each change at
/// `penalty`, segments of at least `shortest` observations.
///
/// Time is linear where changes are frequent and quadratic where there are none.
///
/// ```
/// use tacho_stats::changepoint::{L2Cost, pelt};
///
/// let x = [1.0, 1.1, 0.9, 1.0, 5.0, 5.1, 4.9, 5.0];
/// assert_eq!(pelt(&L2Cost::new(&x)?, 1.0, 2)?, [4]);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn pelt(cost: &impl Cost, penalty: f64, shortest: usize) -> Result<Vec<usize>> {
    positive("penalty", penalty)?;
    let shortest = checked_length(cost, shortest)?;
    let n = cost.len();
    let mut best = vec![f64::INFINITY; n + 1];
    best[0] = -penalty;
    let mut last_start = vec![0; n + 1];
    let (mut starts, mut costs) = (Vec::new(), Vec::new());
    let mut useless_from: Vec<usize> = Vec::new();
    for end in shortest..=n {
        let newest = end - shortest;
        if newest == 0 || newest >= shortest {
            starts.push(newest);
            useless_from.push(usize::MAX);
        }
        cost.costs_until(end, &starts, &mut costs);
        let (mut least, mut from) = (f64::INFINITY, 0);
        for (total, start) in costs.iter_mut().zip(&starts) {
            *total += best[*start];
            if *total < least {
                (least, from) = (*total, *start);
            }
        }
        best[end] = least + penalty;
        last_start[end] = from;
        mark(&mut useless_from, &costs, least + penalty, end + shortest);
        keep(&mut starts, &useless_from, end);
        keep_useful(&mut useless_from, end);
    }
    Ok(backwards(&last_start))
}

/// PELT for the L2 cost, several times faster: running sums lie side by side and the loop over
/// starts vectorises.
pub fn pelt_l2(x: &[f64], penalty: f64, shortest: usize) -> Result<Vec<usize>> {
    positive("penalty", penalty)?;
    let cost = L2Cost::new(x)?;
    let shortest = checked_length(&cost, shortest)?;
    let sums = cost.sums();
    let n = x.len();
    // The best cost less Σ of squares so far, which every partition shares.
    let mut offset = vec![f64::INFINITY; n + 1];
    offset[0] = -penalty;
    let mut last_start = vec![0; n + 1];
    let mut live = Live::default();
    let mut totals: Vec<f64> = Vec::new();
    for end in shortest..=n {
        let newest = end - shortest;
        if newest == 0 || newest >= shortest {
            live.push(newest, sums[newest], offset[newest]);
        }
        let (sum, end_place) = (sums[end], end as f64);
        totals.clear();
        totals.resize(live.starts.len(), 0.0);
        let parts = live.sums.iter().zip(&live.starts).zip(&live.offsets);
        for (total, ((s, start), offset)) in totals.iter_mut().zip(parts) {
            let difference = sum - s;
            *total = offset - difference * difference / (end_place - start);
        }
        let least = totals
            .iter()
            .copied()
            .fold(f64::INFINITY, |a, b| if b < a { b } else { a });
        let from = totals.iter().position(|t| *t == least).unwrap_or(0);
        last_start[end] = live.starts[from] as usize;
        offset[end] = least + penalty;
        mark(
            &mut live.useless_from,
            &totals,
            least + penalty,
            end + shortest,
        );
        live.retain(end);
    }
    Ok(backwards(&last_start))
}

/// Starts that may still begin the last segment, as columns.
#[derive(Debug, Default)]
struct Live {
    starts: Vec<f64>,
    sums: Vec<f64>,
    offsets: Vec<f64>,
    useless_from: Vec<usize>,
}

impl Live {
    fn push(&mut self, start: usize, sum: f64, offset: f64) {
        self.starts.push(start as f64);
        self.sums.push(sum);
        self.offsets.push(offset);
        self.useless_from.push(usize::MAX);
    }

    fn retain(&mut self, end: usize) {
        if self.useless_from.iter().all(|from| *from > end + 1) {
            return;
        }
        for column in [&mut self.starts, &mut self.sums, &mut self.offsets] {
            keep(column, &self.useless_from, end);
        }
        keep_useful(&mut self.useless_from, end);
    }
}

/// Marks starts that a change at this end beats by a whole penalty: wherever such a change is
/// allowed, `from` on, they are never best.
fn mark(useless_from: &mut [usize], totals: &[f64], limit: f64, from: usize) {
    for (useless, total) in useless_from.iter_mut().zip(totals) {
        *useless = if *total > limit {
            from.min(*useless)
        } else {
            *useless
        };
    }
}

/// Drops what belongs to starts that are useless from the end after this.
fn keep<T>(column: &mut Vec<T>, useless_from: &[usize], end: usize) {
    let mut from = useless_from.iter();
    column.retain(|_| from.next().is_some_and(|from| *from > end + 1));
}

fn keep_useful(useless_from: &mut Vec<usize>, end: usize) {
    useless_from.retain(|from| *from > end + 1);
}

/// The shortest segment that both caller and cost allow, which must fit.
pub(super) fn checked_length(cost: &impl Cost, shortest: usize) -> Result<usize> {
    let shortest = shortest.max(cost.shortest());
    if cost.len() < shortest {
        return Err(StatsError::TooFew {
            need: shortest,
            got: cost.len(),
        });
    }
    Ok(shortest)
}

fn backwards(last_start: &[usize]) -> Vec<usize> {
    let mut changes = Vec::new();
    let mut end = last_start[last_start.len() - 1];
    while end > 0 {
        changes.push(end);
        end = last_start[end];
    }
    changes.reverse();
    changes
}

#[cfg(test)]
mod tests {
    use super::super::cost::{DistributionCost, NormalCost, RankCost};
    use super::*;
    use crate::rng::Rng;

    fn steps(seed: u64, n: usize) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        (0..n)
            .map(|t| rng.standard_normal() + 2.0 * ((t / 17) % 3) as f64)
            .collect()
    }

    /// Every start at every end.
    fn unpruned(cost: &impl Cost, penalty: f64, shortest: usize) -> f64 {
        let n = cost.len();
        let mut best = vec![f64::INFINITY; n + 1];
        best[0] = -penalty;
        for end in shortest..=n {
            let starts = (0..=end - shortest).map(|s| best[s] + cost.cost(s, end) + penalty);
            best[end] = starts.fold(f64::INFINITY, f64::min);
        }
        best[n]
    }

    fn check(cost: &impl Cost, penalty: f64, shortest: usize) {
        let changes = pelt(cost, penalty, shortest).unwrap();
        let edges: Vec<usize> = std::iter::once(0)
            .chain(changes)
            .chain([cost.len()])
            .collect();
        let parts = edges.windows(2).map(|e| {
            assert!(e[1] - e[0] >= shortest);
            cost.cost(e[0], e[1])
        });
        let total = parts.sum::<f64>() + penalty * (edges.len() - 2) as f64;
        let want = unpruned(cost, penalty, shortest);
        assert!(
            (total - want).abs() < 1e-9 * want.abs().max(1.0),
            "{total} {want}"
        );
    }

    #[test]
    fn pruning_loses_nothing() {
        for seed in 0..6 {
            let x = steps(seed, 120);
            for shortest in [1, 2, 7] {
                check(&L2Cost::new(&x).unwrap(), 6.0, shortest);
                check(&RankCost::new(&x).unwrap(), 3.0, shortest);
                check(&NormalCost::new(&x).unwrap(), 15.0, shortest.max(3));
                check(&DistributionCost::new(&x).unwrap(), 15.0, shortest.max(3));
                assert_eq!(
                    pelt_l2(&x, 6.0, shortest),
                    pelt(&L2Cost::new(&x).unwrap(), 6.0, shortest)
                );
            }
        }
    }

    #[test]
    fn a_change_of_spread_needs_a_cost_that_sees_it() {
        let mut rng = Rng::new(8);
        let x: Vec<f64> = (0..200)
            .map(|t| rng.standard_normal() * if t < 100 { 1.0 } else { 5.0 })
            .collect();
        let near = |found: Vec<usize>| found.len() == 1 && found[0].abs_diff(100) <= 5;
        let penalty = 4.0 * 200f64.ln();
        assert!(near(
            pelt(&NormalCost::new(&x).unwrap(), penalty, 5).unwrap()
        ));
        assert!(near(
            pelt(&DistributionCost::new(&x).unwrap(), penalty, 5).unwrap()
        ));
        assert_eq!(pelt(&RankCost::new(&x).unwrap(), penalty, 5), Ok(vec![]));
    }

    #[test]
    fn ranks_do_not_see_the_scale() {
        let x = steps(3, 100);
        let cubed: Vec<f64> = x.iter().map(|v| v.powi(3)).collect();
        let found = |x: &[f64]| pelt(&RankCost::new(x).unwrap(), 12.0, 3);
        assert_eq!(found(&x), found(&cubed));
    }
}
