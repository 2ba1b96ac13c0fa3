//! What a series says about its own slow variation: a posterior over noise models.
//!
//! Invariant: model 0 is white noise; every other is white noise plus a first-order autoregression
//! with coefficient φ and share w of the variance, on a fixed grid ordered by φ, so that the models
//! of a shorter series are a prefix of those of a longer one. Weights are those of Whittle's
//! likelihood with the variance integrated out.
//! Not a spectrum estimator for other ends: peaks are flattened first.
//! Sources: Whittle (1953); Müller, "HAC corrections for strongly autocorrelated time series",
//! Journal of Business & Economic Statistics 32 (2014), for averaging over such models; Hoeting et
//! al., "Bayesian model averaging", Statistical Science 14 (1999).

use std::f64::consts::PI;

use super::spectrum::{cosine_energies, flatten_peaks};

/// Coefficients of the autoregression; its correlation time is 1/(1 − φ).
const PHI: [f64; 12] = [
    0.3, 0.5, 0.65, 0.75, 0.82, 0.87, 0.9, 0.925, 0.945, 0.96, 0.97, 0.98,
];
/// Shares of the autoregression in the variance.
const SHARE: [f64; 12] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// A correlation time longer than this part of the series cannot be told from a trend.
const RESOLUTION: f64 = 8.0;
/// Prior probability of white noise; the other models that the series can tell apart share the
/// rest equally.
const WHITE_PRIOR: f64 = 0.5;
/// Longer series are averaged down to this length first, which leaves slow variation alone.
const LENGTH_MAX: usize = 1024;

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
        let bins = bins(&energies);
        let df = (length - 1) as f64;
        let variance = energies.iter().sum::<f64>() / df;
        let raw_variance = y.iter().map(|v| v * v).sum::<f64>() / (y.len() - 1) as f64;
        // Averaging hides fast variation: of white noise, a batch mean keeps one part in `batch`.
        let hidden = if variance > 0.0 && batch > 1 {
            batch as f64 * variance / raw_variance
        } else {
            1.0
        };
        let white_odds = WHITE_PRIOR / (1.0 - WHITE_PRIOR);
        let others = grid(length).skip(1).count() as f64;
        let mut models: Vec<Model> = grid(length)
            .map(|(phi, share)| {
                let fit = whittle(&bins, length, df, phi, share);
                Model {
                    likelihood: fit.0,
                    prior: if phi == 0.0 { white_odds } else { 1.0 / others },
                    long_run_variance: fit.1 * batch as f64,
                    tau: spectrum(phi, share, 0.0) * hidden,
                }
            })
            .collect();
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
        let mut order: Vec<(f64, f64)> = self
            .models
            .iter()
            .zip(weights)
            .map(|(m, w)| (m.tau, *w))
            .collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let half = 0.5 * order.iter().map(|o| o.1).sum::<f64>();
        let mut below = 0.0;
        for (tau, weight) in order {
            below += weight;
            if below >= half {
                return (self.n / tau).clamp(1.0, self.n);
            }
        }
        self.n
    }
}

/// The models that a series of this length can tell apart.
fn grid(length: usize) -> impl Iterator<Item = (f64, f64)> {
    let longest = (length as f64 / RESOLUTION).max(1.45);
    let white = std::iter::once((0.0, 0.0));
    let visible = PHI
        .into_iter()
        .filter(move |phi| 1.0 / (1.0 - phi) <= longest);
    white.chain(visible.flat_map(|phi| SHARE.into_iter().map(move |share| (phi, share))))
}

/// Spectrum of unit variance at an angular frequency.
fn spectrum(phi: f64, share: f64, frequency: f64) -> f64 {
    let regression = (1.0 - phi * phi) / (1.0 - 2.0 * phi * frequency.cos() + phi * phi);
    1.0 - share + share * regression
}

/// Neighbouring frequencies, whose spectrum hardly differs, taken together.
struct Bin {
    /// Middle, in units of π / length.
    centre: f64,
    count: f64,
    energy: f64,
}

/// Single frequencies up to the eighth, then bins an eighth of their frequency wide.
fn bins(energies: &[f64]) -> Vec<Bin> {
    let mut bins = Vec::with_capacity(64);
    let mut first = 1;
    while first <= energies.len() {
        let end = (first + (first / 8).max(1)).min(energies.len() + 1);
        bins.push(Bin {
            centre: 0.5 * (first + end - 1) as f64,
            count: (end - first) as f64,
            energy: energies[first - 1..end - 1].iter().sum(),
        });
        first = end;
    }
    bins
}

/// Log-likelihood (up to a constant) and long-run variance of one model.
fn whittle(bins: &[Bin], length: usize, df: f64, phi: f64, share: f64) -> (f64, f64) {
    let (mut log_determinant, mut scaled) = (0.0, 0.0);
    for bin in bins {
        let level = spectrum(phi, share, PI * bin.centre / length as f64);
        log_determinant += bin.count * level.ln();
        scaled += bin.energy / level;
    }
    let likelihood = -0.5 * log_determinant - 0.5 * df * scaled.ln();
    (likelihood, scaled / df * spectrum(phi, share, 0.0))
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
