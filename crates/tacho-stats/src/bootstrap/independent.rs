//! Resamples of independent observations.
//!
//! Invariant: every resample is a multinomial one, exactly. Means add up deviations from the mean at
//! random places, several of which come from one random word. A quantile of a resample is drawn from
//! its own distribution: its place in the sorted sample is that of an order statistic of uniform
//! numbers, so that a resample costs the same at any size.
//! Sources: Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979),
//! with §3 on the distribution of a resample's median.

use super::resamples::{Bootstrap, Jackknife};
use super::{check_resamples, finite};
use crate::draw::{fill_below, resampled_ranks};
use crate::error::{Result, StatsError, in_range, observations, probability};
use crate::quantile::{QuantileType, SortedSample, interpolate};
use crate::rng::Rng;
use crate::sum::mean_parts;

/// How many resamples to draw, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    /// Number of resamples; 10 000 for 95 % intervals that hardly move with the seed.
    pub resamples: usize,
    /// Seed of the generator.
    pub seed: u64,
}

/// Bootstraps the mean of two or more observations.
///
/// ```
/// use tacho_stats::bootstrap::{Resampling, bootstrap_mean};
///
/// let x = [3.1, 2.8, 3.3, 2.9, 3.0, 3.2, 2.7, 3.4, 3.1, 2.8, 9.5, 3.0];
/// let plan = Resampling { resamples: 2_000, seed: 1 };
/// let interval = bootstrap_mean(&x, plan)?.bca(0.95)?;
/// // The outlier makes the upper arm the longer one.
/// assert!(interval.high - 3.57 > 3.57 - interval.low);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn bootstrap_mean(x: &[f64], plan: Resampling) -> Result<Bootstrap> {
    check_resamples(plan.resamples)?;
    let mut mean = ResampledMean::new(x)?;
    let estimate = mean.centre;
    let mut rng = Rng::new(plan.seed);
    let replicates = (0..plan.resamples).map(|_| estimate + mean.draw(&mut rng));
    let replicates: Vec<f64> = replicates.collect();
    Bootstrap::new(estimate, &replicates, &[mean.jackknife()])
}

/// Bootstraps the mean of `a` less the mean of `b`; two or more observations each.
pub fn bootstrap_mean_difference(a: &[f64], b: &[f64], plan: Resampling) -> Result<Bootstrap> {
    check_resamples(plan.resamples)?;
    let (mut first, mut second) = (ResampledMean::new(a)?, ResampledMean::new(b)?);
    let estimate = crate::describe::mean_difference(a, b)?;
    let mut rng = Rng::new(plan.seed);
    let mut one = || estimate + (first.draw(&mut rng) - second.draw(&mut rng));
    let replicates: Vec<f64> = (0..plan.resamples).map(|_| one()).collect();
    Bootstrap::new(
        estimate,
        &replicates,
        &[first.jackknife(), second.jackknife().negated()],
    )
}

/// Bootstraps the quantile (type 7) at `p` of two or more observations.
pub fn bootstrap_quantile(x: &[f64], p: f64, plan: Resampling) -> Result<Bootstrap> {
    check_resamples(plan.resamples)?;
    let quantile = ResampledQuantile::new(x, p)?;
    let mut rng = Rng::new(plan.seed);
    let replicates = (0..plan.resamples).map(|_| quantile.draw(&mut rng));
    let replicates: Vec<f64> = replicates.collect();
    Bootstrap::new(quantile.estimate(), &replicates, &[quantile.jackknife()])
}

/// Bootstraps the quantile (type 7) at `p` of `a` less that of `b`; two or more observations each.
pub fn bootstrap_quantile_difference(
    a: &[f64],
    b: &[f64],
    p: f64,
    plan: Resampling,
) -> Result<Bootstrap> {
    check_resamples(plan.resamples)?;
    let (first, second) = (ResampledQuantile::new(a, p)?, ResampledQuantile::new(b, p)?);
    let estimate = in_range("the difference", first.estimate() - second.estimate())?;
    let mut rng = Rng::new(plan.seed);
    let replicates = (0..plan.resamples)
        .map(|_| in_range("a difference", first.draw(&mut rng) - second.draw(&mut rng)));
    let replicates: Result<Vec<f64>> = replicates.collect();
    Bootstrap::new(
        estimate,
        &replicates?,
        &[first.jackknife(), second.jackknife().negated()],
    )
}

/// Bootstraps any statistic of two or more observations.
///
/// `statistic` gets the sample, resamples of the same size, and for the jackknife the sample without
/// each observation in turn; it must return a finite number each time.
pub fn bootstrap(
    x: &[f64],
    plan: Resampling,
    mut statistic: impl FnMut(&[f64]) -> f64,
) -> Result<Bootstrap> {
    check_resamples(plan.resamples)?;
    observations(x, 2)?;
    let estimate = finite(statistic(x))?;
    let jackknife = leave_one_out(x, &mut statistic)?;
    let mut rng = Rng::new(plan.seed);
    let mut places = vec![0; x.len()];
    let mut resample = Vec::with_capacity(x.len());
    let replicates = (0..plan.resamples).map(|_| {
        draw_values(&mut rng, x, &mut places, &mut resample);
        finite(statistic(&resample))
    });
    let replicates: Result<Vec<f64>> = replicates.collect();
    Bootstrap::new(estimate, &replicates?, &[jackknife])
}

/// Bootstraps any statistic of two samples of two or more observations, each resampled by itself.
pub fn bootstrap_two_samples(
    a: &[f64],
    b: &[f64],
    plan: Resampling,
    mut statistic: impl FnMut(&[f64], &[f64]) -> f64,
) -> Result<Bootstrap> {
    check_resamples(plan.resamples)?;
    observations(a, 2)?;
    observations(b, 2)?;
    let estimate = finite(statistic(a, b))?;
    let first = leave_one_out(a, |part| statistic(part, b))?;
    let second = leave_one_out(b, |part| statistic(a, part))?;
    let mut rng = Rng::new(plan.seed);
    let mut places = [vec![0; a.len()], vec![0; b.len()]];
    let mut values = [Vec::with_capacity(a.len()), Vec::with_capacity(b.len())];
    let replicates = (0..plan.resamples).map(|_| {
        draw_values(&mut rng, a, &mut places[0], &mut values[0]);
        draw_values(&mut rng, b, &mut places[1], &mut values[1]);
        finite(statistic(&values[0], &values[1]))
    });
    let replicates: Result<Vec<f64>> = replicates.collect();
    Bootstrap::new(estimate, &replicates?, &[first, second])
}

fn draw_values(rng: &mut Rng, x: &[f64], places: &mut [usize], values: &mut Vec<f64>) {
    fill_below(rng, x.len(), places);
    values.clear();
    values.extend(places.iter().map(|i| x[*i]));
}

fn leave_one_out(x: &[f64], mut statistic: impl FnMut(&[f64]) -> f64) -> Result<Jackknife> {
    let mut rest = x[1..].to_vec();
    let mut without = Vec::with_capacity(x.len());
    for (index, value) in x.iter().enumerate() {
        without.push((finite(statistic(&rest))?, 1.0));
        if let Some(slot) = rest.get_mut(index) {
            *slot = *value;
        }
    }
    Ok(Jackknife::new(&without))
}

/// The mean of a resample, as its distance from the sample's.
pub(super) struct ResampledMean {
    pub(super) centre: f64,
    pub(super) deviations: Vec<f64>,
    places: Vec<usize>,
}

impl ResampledMean {
    pub(super) fn new(x: &[f64]) -> Result<Self> {
        observations(x, 2)?;
        let (high, low) = mean_parts(x);
        let deviations: Vec<f64> = x.iter().map(|v| (v - high) - low).collect();
        if deviations
            .iter()
            .any(|d| d.abs() > f64::MAX / 4.0 / x.len() as f64)
        {
            return Err(StatsError::Overflow {
                what: "a sum of deviations",
            });
        }
        Ok(Self {
            centre: in_range("the mean", high + low)?,
            places: vec![0; deviations.len()],
            deviations,
        })
    }

    /// A resample's sum of deviations, and of their squares.
    pub(super) fn draw_with_squares(&mut self, rng: &mut Rng) -> (f64, f64) {
        fill_below(rng, self.deviations.len(), &mut self.places);
        self.places
            .iter()
            .fold((0.0, 0.0), |(sum, squares), place| {
                let deviation = self.deviations[*place];
                (sum + deviation, squares + deviation * deviation)
            })
    }

    fn draw(&mut self, rng: &mut Rng) -> f64 {
        fill_below(rng, self.deviations.len(), &mut self.places);
        let (chunks, rest) = self.places.as_chunks::<4>();
        let mut lanes = [0.0; 4];
        for chunk in chunks {
            for (lane, place) in lanes.iter_mut().zip(chunk) {
                *lane += self.deviations[*place];
            }
        }
        let rest: f64 = rest.iter().map(|place| self.deviations[*place]).sum();
        (lanes.iter().sum::<f64>() + rest) / self.deviations.len() as f64
    }

    fn jackknife(&self) -> Jackknife {
        let others = self.deviations.len() as f64 - 1.0;
        let without: Vec<(f64, f64)> = self.deviations.iter().map(|d| (-d / others, 1.0)).collect();
        Jackknife::new(&without)
    }
}

/// A quantile of a resample, by the place of its order statistics.
struct ResampledQuantile {
    sample: SortedSample,
    p: f64,
    rank: usize,
    weight: f64,
}

impl ResampledQuantile {
    fn new(x: &[f64], p: f64) -> Result<Self> {
        observations(x, 2)?;
        probability("p", p)?;
        let (rank, _, weight) = QuantileType::Linear7.position(x.len(), p);
        Ok(Self {
            sample: SortedSample::new(x)?,
            p,
            rank,
            weight,
        })
    }

    fn estimate(&self) -> f64 {
        let x = self.sample.as_slice();
        let above = (self.rank + 1).min(x.len() - 1);
        interpolate(x[self.rank], x[above], self.weight)
    }

    fn draw(&self, rng: &mut Rng) -> f64 {
        let x = self.sample.as_slice();
        let (low, high) = resampled_ranks(rng, x.len(), self.rank);
        interpolate(x[low], x[high], self.weight)
    }

    /// Without one observation the quantile takes one of a few values, by whether that observation
    /// lay below, at, or above the places it is read from.
    fn jackknife(&self) -> Jackknife {
        let x = self.sample.as_slice();
        let n = x.len();
        let (low, _, weight) = QuantileType::Linear7.position(n - 1, self.p);
        let value = |gone: usize| {
            let at = |rank: usize| x[rank + usize::from(rank >= gone)];
            interpolate(at(low), at((low + 1).min(n - 2)), weight)
        };
        // What is gone counts only by its place against `low` and `low` + 1.
        let mut without = vec![(value(n - 1), n.saturating_sub(low + 2) as f64)];
        without.push((value(0), low as f64));
        without.push((value(low), 1.0));
        if low + 1 < n {
            without.push((value(low + 1), 1.0));
        }
        without.retain(|(_, count)| *count > 0.0);
        Jackknife::new(&without)
    }
}

#[cfg(test)]
mod tests;
