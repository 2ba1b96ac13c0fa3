//! What a series says about its own slow variation: a posterior over noise models.
//!
//! Invariant: models are those of [`noise_models`](super::noise_models), in its order. Weights are
//! those of Whittle's likelihood with the variance integrated out.
//! Not for a series with a trend: a line is taken for slow noise.
//! Sources: [`noise_models`](super::noise_models); Hoeting et al., "Bayesian model averaging",
//! Statistical Science 14 (1999).

use super::noise_models::{LENGTH_MAX, Weighed, effective_n, weigh};
use super::spectrum::{cosine_energies, flatten_peaks};

/// The evidence of one series.
#[derive(Debug, Clone)]
pub(super) struct SlowNoise {
    /// Number of observations.
    pub(super) n: f64,
    /// Degrees of freedom of each long-run variance.
    pub(super) df: f64,
    /// One entry a model: ln likelihood less the largest, and long-run variance.
    pub(super) models: Vec<Model>,
}

/// One model's fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    /// Likelihood relative to the best model's.
    pub(super) likelihood: f64,
    /// Prior weight, not normalised.
    pub(super) prior: f64,
    /// n times the variance of the mean.
    pub(super) long_run_variance: f64,
    /// Observations over effective observations.
    pub(super) tau: f64,
}

impl SlowNoise {
    /// Fits all models to deviations from the mean.
    pub(super) fn fit(y: &[f64]) -> Self {
        let batch = y.len().div_ceil(LENGTH_MAX);
        let batched = batch_means(y, batch);
        let length = batched.len();
        let mut energies = cosine_energies(&batched, length - 1);
        flatten_peaks(&mut energies);
        let df = (length - 1) as f64;
        let variance = energies.iter().sum::<f64>() / df;
        let raw_variance = y.iter().map(|v| v * v).sum::<f64>() / (y.len() - 1) as f64;
        // Averaging hides fast variation: of white noise, a batch mean keeps one part in `batch`.
        let hidden = if variance > 0.0 && batch > 1 {
            batch as f64 * variance / raw_variance
        } else {
            1.0
        };
        let products: Vec<[f64; 1]> = energies.iter().map(|energy| [*energy]).collect();
        let fit = |weighed: Weighed<1>| {
            let [scaled] = weighed.sums;
            Model {
                likelihood: -0.5 * (weighed.log_determinant + df * scaled.ln()),
                prior: weighed.prior,
                long_run_variance: scaled / df * weighed.tau * batch as f64,
                tau: weighed.tau * hidden,
            }
        };
        let mut models: Vec<Model> = weigh(&products).into_iter().map(fit).collect();
        let best = models
            .iter()
            .fold(f64::NEG_INFINITY, |m, model| m.max(model.likelihood));
        for model in &mut models {
            model.likelihood = if best.is_finite() {
                (model.likelihood - best).exp()
            } else {
                1.0
            };
        }
        Self {
            n: y.len() as f64,
            df,
            models,
        }
    }

    /// The effective number of observations at the median of τ under `weights`.
    pub(super) fn effective_n(&self, weights: &[f64]) -> f64 {
        let models = self.models.iter().zip(weights);
        effective_n(self.n, models.map(|(m, w)| (m.tau, *w)))
    }
}

/// Means of `batch` neighbours; an incomplete last batch is dropped.
fn batch_means(y: &[f64], batch: usize) -> Vec<f64> {
    if batch == 1 {
        return y.to_vec();
    }
    let means: Vec<f64> = y
        .chunks_exact(batch)
        .map(|c| c.iter().sum::<f64>() / batch as f64)
        .collect();
    let centre = means.iter().sum::<f64>() / means.len() as f64;
    means.iter().map(|m| m - centre).collect()
}
