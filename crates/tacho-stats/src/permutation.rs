//! Permutation tests: the p-value among all ways to label the pooled observations.
//!
//! Invariant: every labelling is enumerated where there are no more than asked for, and the p-value
//! is exact; otherwise labellings are drawn, the observed one counts as one of them, and the p-value
//! is never zero and never too small on average. Not for dependent observations: labels of a series
//! are not exchangeable.
//! Sources: Pitman, "Significance tests which may be applied to samples from any populations", JRSS
//! Supplement 4 (1937); Phipson & Smyth, "Permutation p-values should never be zero", Statistical
//! Applications in Genetics and Molecular Biology 9 (2010); Clopper & Pearson (1934), the interval.

use crate::describe::mean_difference;
use crate::distribution::Beta;
use crate::draw::choose_front;
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::{Alternative, Interval};
use crate::rng::Rng;
use crate::sum::mean_parts;

/// The most permutations in one call.
pub const PERMUTATIONS_MAX: u64 = 100_000_000;

/// How many labellings to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermutationPlan {
    /// Labellings to draw; all are enumerated where there are no more. 1 to 100 000 000.
    pub permutations: u64,
    /// Seed of the generator.
    pub seed: u64,
}

/// The result of a permutation test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PermutationTest {
    /// The statistic as observed.
    pub statistic: f64,
    /// Labellings looked at, without the observed one where they were drawn.
    pub permutations: u64,
    /// Whether these were all labellings, and the p-value is exact.
    pub is_exact: bool,
    as_large: u64,
    as_small: u64,
}

/// The difference of means, of one or more observations each.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::permutation::{PermutationPlan, permute_means};
///
/// let plan = PermutationPlan { permutations: 10_000, seed: 1 };
/// let test = permute_means(&[5.1, 4.8, 6.0, 5.5], &[4.1, 4.4, 3.9, 4.2], plan)?;
/// // One of 70 labellings is as extreme, on either side.
/// assert!(test.is_exact && (test.p(Alternative::TwoSided) - 2.0 / 70.0).abs() < 1e-12);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn permute_means(a: &[f64], b: &[f64], plan: PermutationPlan) -> Result<PermutationTest> {
    let difference = mean_difference(a, b)?;
    // The difference moves with the sum of the smaller sample; deviations keep that sum's digits.
    let (small, sign) = if a.len() <= b.len() {
        (a, 1.0)
    } else {
        (b, -1.0)
    };
    let (high, low) = mean_parts(&[a, b].concat());
    let scale = a
        .iter()
        .chain(b)
        .fold(0.0f64, |m, v| m.max((v - high).abs()));
    let scale = if scale > 0.0 {
        in_range("a deviation", scale)?
    } else {
        1.0
    };
    let large = if a.len() <= b.len() { b } else { a };
    let deviation = |v: &f64| sign * (((v - high) - low) / scale);
    let mut pooled: Vec<f64> = small.iter().chain(large).map(deviation).collect();
    let observed: f64 = quick_sum(&pooled[..small.len()]);
    let tolerance = 1e-13 * pooled.iter().map(|v| v.abs()).sum::<f64>();
    let mut tally = Tally::new(observed, tolerance);
    let run = run(pooled.len(), small.len(), plan)?;
    match run {
        Run::All => each_subset(pooled.len(), small.len(), |subset| {
            tally.add(subset.iter().map(|i| pooled[*i]).sum());
        }),
        Run::Drawn => {
            let mut rng = Rng::new(plan.seed);
            for _ in 0..plan.permutations {
                choose_front(&mut rng, &mut pooled, small.len());
                tally.add(quick_sum(&pooled[..small.len()]));
            }
        }
    }
    Ok(tally.finish(difference, run))
}

/// Any statistic of two samples, which must be finite for every labelling.
pub fn permute(
    a: &[f64],
    b: &[f64],
    plan: PermutationPlan,
    mut statistic: impl FnMut(&[f64], &[f64]) -> f64,
) -> Result<PermutationTest> {
    observations(a, 1)?;
    observations(b, 1)?;
    let observed = checked(statistic(a, b))?;
    let mut tally = Tally::new(observed, 1e-13 * observed.abs());
    let mut pooled = [a, b].concat();
    let run = run(pooled.len(), a.len(), plan)?;
    let mut worst = Ok(());
    match run {
        Run::All => {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            each_subset(pooled.len(), a.len(), |subset| {
                first.clear();
                second.clear();
                let mut chosen = subset.iter().peekable();
                for (index, value) in pooled.iter().enumerate() {
                    if chosen.next_if_eq(&&index).is_some() {
                        first.push(*value);
                    } else {
                        second.push(*value);
                    }
                }
                let value = statistic(&first, &second);
                worst = worst.and(checked(value).map(|_| ()));
                tally.add(value);
            });
        }
        Run::Drawn => {
            let mut rng = Rng::new(plan.seed);
            for _ in 0..plan.permutations {
                choose_front(&mut rng, &mut pooled, a.len());
                let (first, second) = pooled.split_at(a.len());
                tally.add(checked(statistic(first, second))?);
            }
        }
    }
    worst?;
    Ok(tally.finish(observed, run))
}

impl PermutationTest {
    /// The p-value against `alternative`; `Greater` claims that the statistic is large. Twice the
    /// smaller tail for both sides.
    pub fn p(&self, alternative: Alternative) -> f64 {
        let tail = |hits: u64| {
            if self.is_exact {
                hits as f64 / self.permutations as f64
            } else {
                (hits + 1) as f64 / (self.permutations + 1) as f64
            }
        };
        let (hits, sides) = self.hits(alternative);
        (sides * tail(hits)).min(1.0)
    }

    /// Where the p-value over all labellings lies, given those drawn; a point where it is exact.
    pub fn p_interval(&self, alternative: Alternative, level: f64) -> Result<Interval> {
        error::level(level)?;
        let (hits, sides) = self.hits(alternative);
        if self.is_exact {
            let p = self.p(alternative);
            return Ok(Interval {
                low: p,
                high: p,
                level,
            });
        }
        let (hits, misses) = (hits as f64, (self.permutations - hits) as f64);
        let outside = 0.5 * (1.0 - level);
        let low = if hits == 0.0 {
            0.0
        } else {
            Beta::new(hits, misses + 1.0)?.quantile(outside)?
        };
        let high = if misses == 0.0 {
            1.0
        } else {
            Beta::new(hits + 1.0, misses)?.inverse_sf(outside)?
        };
        Ok(Interval {
            low: (sides * low).min(1.0),
            high: (sides * high).min(1.0),
            level,
        })
    }

    /// Labellings at least as extreme, and the number of sides.
    fn hits(&self, alternative: Alternative) -> (u64, f64) {
        match alternative {
            Alternative::TwoSided => (self.as_large.min(self.as_small), 2.0),
            Alternative::Greater => (self.as_large, 1.0),
            Alternative::Less => (self.as_small, 1.0),
        }
    }
}

/// Labellings counted against the observed statistic.
struct Tally {
    large_from: f64,
    small_to: f64,
    as_large: u64,
    as_small: u64,
    looked_at: u64,
}

impl Tally {
    /// Values equal but for rounding count as equal.
    fn new(observed: f64, tolerance: f64) -> Self {
        Self {
            large_from: observed - tolerance,
            small_to: observed + tolerance,
            as_large: 0,
            as_small: 0,
            looked_at: 0,
        }
    }

    fn add(&mut self, value: f64) {
        self.as_large += u64::from(value >= self.large_from);
        self.as_small += u64::from(value <= self.small_to);
        self.looked_at += 1;
    }

    fn finish(self, statistic: f64, run: Run) -> PermutationTest {
        PermutationTest {
            statistic,
            permutations: self.looked_at,
            is_exact: run == Run::All,
            as_large: self.as_large,
            as_small: self.as_small,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// Every labelling once.
    All,
    /// Labellings at random.
    Drawn,
}

fn run(total: usize, chosen: usize, plan: PermutationPlan) -> Result<Run> {
    if !(1..=PERMUTATIONS_MAX).contains(&plan.permutations) {
        return Err(StatsError::Invalid {
            name: "permutations",
            why: "1 to 100 000 000 are accepted",
        });
    }
    let few = subsets(total, chosen).is_some_and(|count| count <= plan.permutations);
    Ok(if few { Run::All } else { Run::Drawn })
}

/// The number of subsets; none beyond [`PERMUTATIONS_MAX`].
fn subsets(total: usize, chosen: usize) -> Option<u64> {
    let mut count = 1u64;
    for k in 0..chosen.min(total - chosen) as u64 {
        count = count.checked_mul(total as u64 - k)? / (k + 1);
        if count > PERMUTATIONS_MAX {
            return None;
        }
    }
    Some(count)
}

/// Calls `visit` with every subset of `chosen` of `0..total`, each ascending, in order.
fn each_subset(total: usize, chosen: usize, mut visit: impl FnMut(&[usize])) {
    let mut subset: Vec<usize> = (0..chosen).collect();
    loop {
        visit(&subset);
        // The last place that can still move up.
        let Some(place) = (0..chosen).rev().find(|k| subset[*k] < total - chosen + k) else {
            return;
        };
        let from = subset[place] + 1;
        for (offset, slot) in subset[place..].iter_mut().enumerate() {
            *slot = from + offset;
        }
    }
}

/// A plain sum in lanes; values are deviations of one scale.
fn quick_sum(x: &[f64]) -> f64 {
    let (chunks, rest) = x.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

fn checked(value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(StatsError::Invalid {
        name: "statistic",
        why: "it must be finite for every labelling",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: PermutationPlan = PermutationPlan {
        permutations: 5_000,
        seed: 3,
    };

    fn difference(a: &[f64], b: &[f64]) -> f64 {
        a.iter().sum::<f64>() / a.len() as f64 - b.iter().sum::<f64>() / b.len() as f64
    }

    #[test]
    fn means_and_any_statistic_agree() {
        let mut rng = Rng::new(8);
        for (n, m) in [(5, 4), (4, 6), (1, 9), (30, 20), (20, 31)] {
            let a: Vec<f64> = (0..n).map(|_| rng.standard_normal() + 0.5).collect();
            let b: Vec<f64> = (0..m).map(|_| rng.standard_normal()).collect();
            let quick = permute_means(&a, &b, PLAN).unwrap();
            let general = permute(&a, &b, PLAN, difference).unwrap();
            assert_eq!(quick.is_exact, general.is_exact);
            assert!((quick.statistic - general.statistic).abs() < 1e-12);
            for side in [
                Alternative::TwoSided,
                Alternative::Less,
                Alternative::Greater,
            ] {
                let (p, q) = (quick.p(side), general.p(side));
                let near = if quick.is_exact { 1e-12 } else { 0.04 };
                assert!((p - q).abs() < near, "{n} {m} {side:?}: {p} {q}");
                assert!(quick.p_interval(side, 0.95).unwrap().low <= p);
            }
        }
    }

    #[test]
    fn drawn_labellings_approach_the_exact_value() {
        let (a, b) = (
            [1.0, 2.5, 3.1, 4.0, 6.0, 7.2],
            [0.5, 1.5, 2.0, 2.2, 3.0, 3.3],
        );
        let exact = permute_means(&a, &b, PLAN).unwrap();
        assert!(exact.is_exact && exact.permutations == 924);
        let few = PermutationPlan {
            permutations: 900,
            ..PLAN
        };
        let drawn = permute_means(&a, &b, few).unwrap();
        let p = exact.p(Alternative::TwoSided);
        let interval = drawn.p_interval(Alternative::TwoSided, 0.999).unwrap();
        assert!(!drawn.is_exact && interval.contains(p), "{interval:?} {p}");
    }

    #[test]
    fn never_zero_and_edges() {
        let far: Vec<f64> = (0..40).map(|i| 1e6 + f64::from(i)).collect();
        let near: Vec<f64> = (0..40).map(f64::from).collect();
        let test = permute_means(&far, &near, PLAN).unwrap();
        assert_eq!(test.p(Alternative::Greater), 1.0 / 5_001.0);
        assert_eq!(test.p(Alternative::Less), 1.0);
        assert_eq!(
            permute_means(&[2.0; 30], &[2.0; 30], PLAN)
                .unwrap()
                .p(Alternative::TwoSided),
            1.0
        );
        assert!(permute_means(&[], &[1.0], PLAN).is_err());
        assert!(permute_means(&[1.0], &[f64::NAN], PLAN).is_err());
        assert!(permute_means(&[1e308], &[-1e308, 0.0], PLAN).is_ok_and(|t| t.is_exact));
        let none = PermutationPlan {
            permutations: 0,
            ..PLAN
        };
        assert!(permute_means(&[1.0], &[2.0], none).is_err());
        assert!(permute(&near, &far, PLAN, |_, _| f64::NAN).is_err());
    }
}
