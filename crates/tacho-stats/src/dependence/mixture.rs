//! The distribution of a difference of means when the noise's memory is not known.
//!
//! Invariant: weights add up to one; each component is a t distribution whose variance and degrees
//! of freedom come from one model for both series, or from one each.
//! Source: Hoeting et al., "Bayesian model averaging", Statistical Science 14 (1999).

use super::slow_noise::{Model, SlowNoise};
use crate::distribution::StudentT;

/// Prior probability that both series follow one noise model.
const SHARED_PRIOR: f64 = 0.5;
/// Models whose long-run variances differ by less are taken together; the mean is kept, and the
/// spread lost (a tenth either way) moves a tail by its square, less than 1 %.
const MERGE_RATIO: f64 = 1.2;
/// Components lighter than this are dropped.
const WEIGHT_MIN: f64 = 1e-5;

/// One t distribution of the mixture: weight, and each mean's squared standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Component {
    pub(super) weight: f64,
    pub(super) before: f64,
    pub(super) after: f64,
    pub(super) df_before: f64,
    pub(super) df_after: f64,
}

impl Component {
    pub(super) fn beyond(&self, distance: f64, ratio: f64) -> f64 {
        let before = self.before * ratio * ratio;
        let variance = before + self.after;
        let share = before / variance;
        let df = 1.0 / (share.powi(2) / self.df_before + (1.0 - share).powi(2) / self.df_after);
        two_sided(distance / variance.sqrt(), df)
    }
}

/// Two-sided tail; zero where a zero standard error made `t` infinite or its square root NaN.
pub(super) fn two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() {
        return 1.0;
    }
    StudentT::new(df).map_or(0.0, |distribution| distribution.two_sided(t))
}

/// The components before scaling, with what they say about effective sizes.
pub(super) struct Mixture {
    pub(super) components: Vec<Component>,
    pub(super) effective_n: [f64; 2],
}

impl Mixture {
    pub(super) fn new(first: &SlowNoise, second: &SlowNoise) -> Self {
        let evidence = Evidence::new(first, second);
        let component = |weight: f64, a: f64, b: f64| Component {
            weight,
            before: a / first.n,
            after: b / second.n,
            df_before: first.df,
            df_after: second.df,
        };
        let both = first
            .models
            .iter()
            .zip(&second.models)
            .zip(&evidence.shared);
        let shared = both
            .map(|((a, b), weight)| component(*weight, a.long_run_variance, b.long_run_variance));
        let mut components = merge_components(shared.collect());
        let merged_second = merge(&second.models, &evidence.own[1]);
        for (weight_a, a) in merge(&first.models, &evidence.own[0]) {
            for (weight_b, b) in &merged_second {
                components.push(component(evidence.apart * weight_a * weight_b, a, *b));
            }
        }
        let effective_n = [
            first.effective_n(&evidence.weights(0)),
            second.effective_n(&evidence.weights(1)),
        ];
        Self {
            components: pruned(components),
            effective_n,
        }
    }
}

/// The distribution of one series' mean, and its effective number of observations.
pub(super) fn single(noise: &SlowNoise) -> (Vec<Component>, f64) {
    let mut weights: Vec<f64> = noise
        .models
        .iter()
        .map(|m| m.prior * m.likelihood)
        .collect();
    let total: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= total;
    }
    let components = merge(&noise.models, &weights)
        .into_iter()
        .map(|(weight, long_run_variance)| Component {
            weight,
            before: long_run_variance / noise.n,
            after: 0.0,
            df_before: noise.df,
            df_after: noise.df,
        })
        .collect();
    (pruned(components), noise.effective_n(&weights))
}

/// Posterior weights of one model for both series, and of one each.
struct Evidence {
    /// Weight of each model that both can tell apart, shared; with `apart` these add up to one.
    shared: Vec<f64>,
    /// Weight of the two having their own.
    apart: f64,
    /// Weights of each series' models where it has its own; each adds up to one.
    own: [Vec<f64>; 2],
}

impl Evidence {
    fn new(first: &SlowNoise, second: &SlowNoise) -> Self {
        // Models are ordered, so those of the shorter series are the ones that both can tell apart.
        let common = if first.models.len() <= second.models.len() {
            first
        } else {
            second
        };
        let prior = |noise: &SlowNoise| noise.models.iter().map(|m| m.prior).sum::<f64>();
        let pairs = first.models.iter().zip(&second.models);
        let mut shared: Vec<f64> = pairs
            .zip(&common.models)
            .map(|((a, b), m)| SHARED_PRIOR * m.prior / prior(common) * a.likelihood * b.likelihood)
            .collect();
        let own = [first, second].map(|noise| {
            let weight = |m: &Model| m.prior / prior(noise) * m.likelihood;
            noise.models.iter().map(weight).collect::<Vec<f64>>()
        });
        let [sum_first, sum_second] = [0, 1].map(|side| own[side].iter().sum::<f64>());
        let apart = (1.0 - SHARED_PRIOR) * sum_first * sum_second;
        let total = shared.iter().sum::<f64>() + apart;
        for weight in &mut shared {
            *weight /= total;
        }
        let own = own.map(|weights| {
            let sum = weights.iter().sum::<f64>();
            weights.into_iter().map(|weight| weight / sum).collect()
        });
        Self {
            shared,
            apart: apart / total,
            own,
        }
    }

    /// Marginal weights of one series' models.
    fn weights(&self, side: usize) -> Vec<f64> {
        let shared = self.shared.iter().copied().chain(std::iter::repeat(0.0));
        self.own[side]
            .iter()
            .zip(shared)
            .map(|(own, both)| self.apart * own + both)
            .collect()
    }
}

/// Models whose long-run variances differ by less than [`MERGE_RATIO`], as (weight, mean).
fn merge(models: &[Model], weights: &[f64]) -> Vec<(f64, f64)> {
    let mut pairs: Vec<(f64, f64)> = models
        .iter()
        .zip(weights)
        .map(|(m, w)| (*w, m.long_run_variance))
        .collect();
    pairs.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
    let mut merged: Vec<(f64, f64)> = Vec::new();
    let mut start = f64::NEG_INFINITY;
    for (weight, value) in pairs {
        match merged.last_mut() {
            Some(last) if value <= start * MERGE_RATIO => {
                let total = last.0 + weight;
                if total > 0.0 {
                    last.1 = (last.0 * last.1 + weight * value) / total;
                }
                last.0 = total;
            }
            _ => {
                merged.push((weight, value));
                start = value;
            }
        }
    }
    merged
}

/// Components of one model for both series, taken together where both variances are alike; which
/// series is called the first makes no difference.
fn merge_components(mut components: Vec<Component>) -> Vec<Component> {
    let size = |c: &Component| c.before * c.after;
    components.sort_unstable_by(|a, b| size(a).total_cmp(&size(b)));
    let alike = |x: f64, y: f64| x <= y * MERGE_RATIO && y <= x * MERGE_RATIO;
    let mut merged: Vec<Component> = Vec::with_capacity(components.len());
    let mut start = (f64::NAN, f64::NAN);
    for next in components {
        match merged.last_mut() {
            Some(last) if alike(next.before, start.0) && alike(next.after, start.1) => {
                let total = last.weight + next.weight;
                if total > 0.0 {
                    let mix = |x: f64, y: f64| (last.weight * x + next.weight * y) / total;
                    let (before, after) =
                        (mix(last.before, next.before), mix(last.after, next.after));
                    (last.before, last.after, last.weight) = (before, after, total);
                }
            }
            _ => {
                start = (next.before, next.after);
                merged.push(next);
            }
        }
    }
    merged
}

/// Without the components that hardly weigh; the rest add up to one.
fn pruned(mut components: Vec<Component>) -> Vec<Component> {
    components.retain(|c| c.weight > WEIGHT_MIN);
    let total: f64 = components.iter().map(|c| c.weight).sum();
    for component in &mut components {
        component.weight /= total;
    }
    components
}
