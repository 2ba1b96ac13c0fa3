//! How wrong the model was this many steps ahead, beside how wrong it says it is.
//!
//! A model chosen for its one-step errors can misjudge the far ones: smoothing takes an
//! autoregression for a walk. The errors it made over each horizon inside the series show that.
//! They overlap, so that few are independent; each horizon's factor is therefore the posterior mean
//! of a scaled inverse χ² with the model as prior, worth [`PRIOR_DF_MAX`] errors, less where
//! the horizon is a large part of the series.
//!
//! Invariant: every factor is finite and above zero, and tends to one as the horizon leaves fewer
//! errors to learn from.
//! Sources: Gelman et al., "Bayesian data analysis" (2013), 2.6, for the posterior; Priestley
//! (1981), 5.3, for how many independent errors a dependent series of them is worth.

use super::ets::Ets;
use crate::rng::Rng;

/// How many independent errors the model's own word is worth at most.
const PRIOR_DF_MAX: f64 = 10.0;
/// And at least, however far ahead.
const PRIOR_DF_MIN: f64 = 4.0;
/// In between, so many for each time that the horizon fits into the series: a model that has hardly
/// lived through one such stretch is a guess.
const PRIOR_DF_PER_STRETCH: f64 = 2.0;

/// The overlap changes slowly: it is found anew at each of the first so many horizons, then at each
/// that is longer by one part in so many, which keeps far horizons from costing their square.
const OVERLAP_STEPS: usize = 64;

/// The variance over one horizon, as a multiple of the model's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    /// Posterior mean of the multiple.
    pub(super) factor: f64,
    /// Its degrees of freedom.
    pub(super) df: f64,
}

/// One for each step ahead.
pub(super) fn spreads(fit: &Ets, x: &[f64], horizon: usize) -> Vec<Spread> {
    let rates = fit.rates();
    let weights = fit.shape.weights(&rates, horizon);
    let squares = squared_errors(fit, x, horizon);
    let variance = fit.error_variance();
    let lost = fit.shape.len() as f64;
    let mut growth = 0.0;
    let mut factor = 1.0;
    let mut learned = 0.0;
    let (mut shared, mut due) = (1.0, 0);
    (0..horizon)
        .map(|h| {
            growth += weights[h] * weights[h];
            let (sum, count) = squares[h];
            let stretches = fit.errors.len() as f64 / (h + 1) as f64;
            let prior = (PRIOR_DF_PER_STRETCH * stretches).clamp(PRIOR_DF_MIN, PRIOR_DF_MAX);
            // Parameters were fitted to the same errors, and far ones are few.
            if h == due {
                shared = overlap(&weights[..=h], growth);
                due = h + 1 + h / OVERLAP_STEPS;
            }
            let worth = count / shared;
            let independent = (worth - lost).max(0.0);
            let ratio = sum / count * (worth / independent) / (variance * growth);
            if ratio.is_finite() {
                factor = (prior + independent * ratio) / (prior + independent);
                learned = independent;
            }
            Spread {
                factor,
                df: prior + learned,
            }
        })
        .collect()
}

/// 1 + 2 Σ ρⱼ² of errors over a horizon, which are moving averages of one-step errors.
fn overlap(weights: &[f64], growth: f64) -> f64 {
    const LAGS_MAX: usize = 400;
    let stride = weights.len().div_ceil(LAGS_MAX);
    let mut total = 1.0;
    for lag in (1..weights.len()).step_by(stride) {
        let product: f64 = weights
            .iter()
            .zip(&weights[lag..])
            .map(|(a, b)| a * b)
            .sum();
        total += 2.0 * stride as f64 * (product / growth).powi(2);
    }
    total
}

/// Sum of squared errors and their number, for each number of steps ahead.
fn squared_errors(fit: &Ets, x: &[f64], horizon: usize) -> Vec<(f64, f64)> {
    let y = fit.units.into_fit(x);
    let rates = fit.rates();
    let mut state = fit.shape.initial(&fit.theta);
    let mut sums = vec![(0.0, 0.0); horizon];
    // Enough origins; all of them where that is cheap.
    let stride = (y.len() * horizon / 400_000).max(1);
    let each = stride as f64;
    for (t, value) in y.iter().enumerate() {
        if t % stride == 0 {
            let reach = horizon.min(y.len() - t);
            let ahead = state.ahead(fit.shape, &rates, reach);
            for ((sum, later), forecast) in sums.iter_mut().zip(&y[t..]).zip(ahead) {
                let unit = if fit.shape.is_relative() {
                    forecast
                } else {
                    1.0
                };
                sum.0 += each * ((later - forecast) / unit).powi(2);
                sum.1 += each;
            }
        }
        let (carried, forecast) = state.expect(fit.shape, &rates);
        state.take(fit.shape, &rates, carried, value - forecast);
    }
    sums
}

/// Random multiples of the standard deviation, one a horizon, all from one normal number `z`, so
/// that a path that strays early strays late; by Wilson's and Hilferty's cube root.
pub(super) fn stretches<'a>(
    spreads: &'a [Spread],
    rng: &mut Rng,
) -> impl Iterator<Item = f64> + use<'a> {
    let z = rng.standard_normal();
    spreads.iter().map(move |spread| {
        let step = 2.0 / (9.0 * spread.df);
        let cube_root = (1.0 - step + z * step.sqrt()).max(0.1);
        (spread.factor / cube_root.powi(3)).sqrt()
    })
}
