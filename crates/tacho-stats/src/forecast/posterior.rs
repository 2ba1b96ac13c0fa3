//! What a fit leaves open: models and parameters that the series supports about as well.
//!
//! Invariant: every draw is a candidate of the automatic choice with parameters inside its region.
//! Models come by Akaike's weights; parameters by Metropolis' and Hastings' independence sampler,
//! whose proposals are those of the likelihood's quadratic approximation with t tails, reflected at
//! the bounds of the region.
//! Sources: Burnham & Anderson (2002), chapter 4, for averaging over models; Tierney, "Markov chains
//! for exploring posterior distributions", Annals of Statistics 22 (1994), 2.3.3, for the sampler.

use super::auto::AutoEts;
use super::descent::{cholesky, solve_upper};
use super::ets::Ets;
use super::filter::run;
use super::region::{bounds, is_admissible};
use super::state::State;
use crate::rng::Rng;

/// Degrees of freedom of the proposals.
const PROPOSAL_DF: u32 = 8;
/// Proposals between two draws that are kept.
const THINNING: usize = 3;

/// One model with its parameters, and the state they lead to at the end of the series.
#[derive(Debug, Clone)]
pub(super) struct Draw<'a> {
    pub(super) fit: &'a Ets,
    /// Its place among the candidates.
    pub(super) rank: usize,
    pub(super) theta: Vec<f64>,
    pub(super) state: State,
}

/// `count` draws; `y` are the observations that were fitted, in the caller's units.
pub(super) fn draws<'a>(
    choice: &'a AutoEts,
    x: &[f64],
    count: usize,
    rng: &mut Rng,
) -> Vec<Draw<'a>> {
    let mut all = Vec::with_capacity(count);
    let mut cumulated = 0.0;
    // Systematic sampling: as many draws of each model as its weight says, to one.
    let offset = rng.uniform();
    for (rank, weight) in choice.weights().into_iter().enumerate() {
        let before = (cumulated * count as f64 - offset).ceil().max(0.0);
        cumulated += weight;
        let after = (cumulated * count as f64 - offset).ceil().max(0.0);
        let share = (after - before) as usize;
        if share > 0 {
            all.extend(of_model(choice, rank, x, share, rng));
        }
    }
    all
}

fn of_model<'a>(
    choice: &'a AutoEts,
    rank: usize,
    x: &[f64],
    count: usize,
    rng: &mut Rng,
) -> Vec<Draw<'a>> {
    let fit = &choice.candidates()[rank];
    let y = fit.units.into_fit(x);
    let k = fit.theta.len();
    let mut factor = fit.information.clone();
    for i in 0..k {
        // A parameter of which the series says nothing still gets a finite proposal.
        factor[i * k + i] = factor[i * k + i] * (1.0 + 1e-9) + 1e-12;
    }
    let best = Draw {
        fit,
        rank,
        theta: fit.theta.clone(),
        state: fit.state.clone(),
    };
    if fit.error_variance() <= f64::EPSILON * f64::EPSILON || !cholesky(&mut factor, k) {
        return vec![best; count];
    }
    let sampler = Sampler {
        fit,
        y,
        factor,
        bounds: bounds(fit.shape),
    };
    let mut errors = Vec::with_capacity(sampler.y.len());
    let (mut now, mut weight) = (best, 0.0);
    (0..count)
        .map(|_| {
            for _ in 0..THINNING {
                let (theta, proposed_log) = sampler.propose(rng);
                if !is_admissible(fit.shape, &theta) {
                    continue;
                }
                let (cost, state) = run(fit.shape, &theta, &sampler.y, &mut errors);
                let log_weight = -0.5 * (cost - fit.cost) - proposed_log;
                if log_weight >= weight || rng.uniform() < (log_weight - weight).exp() {
                    now = Draw {
                        fit,
                        rank,
                        theta,
                        state,
                    };
                    weight = log_weight;
                }
            }
            now.clone()
        })
        .collect()
}

struct Sampler<'a> {
    fit: &'a Ets,
    y: Vec<f64>,
    factor: Vec<f64>,
    bounds: Vec<(f64, f64)>,
}

impl Sampler<'_> {
    /// Parameters, and the logarithm of the density they were proposed with against that at the
    /// optimum.
    fn propose(&self, rng: &mut Rng) -> (Vec<f64>, f64) {
        let k = self.fit.theta.len();
        let df = f64::from(PROPOSAL_DF);
        let chi: f64 = (0..PROPOSAL_DF)
            .map(|_| rng.standard_normal().powi(2))
            .sum();
        let stretch = (df / chi).sqrt();
        let mut step: Vec<f64> = (0..k).map(|_| stretch * rng.standard_normal()).collect();
        let square: f64 = step.iter().map(|z| z * z).sum();
        solve_upper(&self.factor, &mut step);
        let sigma = self.fit.error_variance().sqrt();
        let theta = self
            .fit
            .theta
            .iter()
            .zip(step)
            .zip(&self.bounds)
            .map(|((value, step), bounds)| reflect(value + step * sigma, *bounds))
            .collect();
        (theta, -0.5 * (df + k as f64) * (square / df).ln_1p())
    }
}

/// Folds a value at the bounds until it lies between them.
fn reflect(value: f64, (low, high): (f64, f64)) -> f64 {
    if low.is_infinite() || (low..=high).contains(&value) {
        return value;
    }
    let span = high - low;
    let place = (value - low).rem_euclid(2.0 * span);
    (low + if place > span {
        2.0 * span - place
    } else {
        place
    })
    .clamp(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_folded_into_their_bounds() {
        for (value, want) in [(0.3, 0.3), (-0.3, 0.3), (1.2, 0.8), (2.3, 0.3), (-1.4, 0.6)] {
            assert!((reflect(value, (0.0, 1.0)) - want).abs() < 1e-12, "{value}");
        }
        assert_eq!(reflect(-7.0, (f64::NEG_INFINITY, f64::INFINITY)), -7.0);
    }
}
