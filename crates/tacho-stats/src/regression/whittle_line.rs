//! A straight line in noise of unknown memory: its slope under each of a grid of noise models.
//!
//! Invariant: models are those of [`noise_models`](crate::dependence::noise_models). Each model's
//! slope is its generalised least-squares estimate over the frequencies, and its weight the
//! likelihood with level, slope and variance integrated out, so that noise that a line can imitate
//! is not mistaken for the absence of noise. Not for more than about a thousand observations;
//! longer series are averaged down first.
//!
//! Sources: Harville, "Bayesian inference for variance components using only error contrasts",
//! Biometrika 61 (1974), the restricted likelihood; Hannan, "Multiple time series" (1970), VII,
//! regression in the frequency domain.

use std::f64::consts::PI;

use crate::dependence::noise_models::{Weighed, weigh};
use crate::dependence::spectrum::{cosine_amplitudes, flatten_peaks};

/// One noise model's line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Posterior weight; all add up to one.
    pub(super) weight: f64,
    /// The slope an observation.
    pub(super) slope: f64,
    /// Its standard error.
    pub(super) standard_error: f64,
    /// Observations over effective observations, for a mean.
    pub(super) tau: f64,
}

/// Fits a line under each model that a series of this length can tell apart; `y` should have its
/// line nearly taken out already, for the sake of digits, and hold more than noise of rounding.
pub(super) fn lines(y: &[f64]) -> Vec<Line> {
    let n = y.len();
    let df = n as f64 - 2.0;
    let models = weigh(&products(y));
    let mut fits: Vec<(f64, Line)> = models.iter().map(|m| line(m, n, df)).collect();
    let best = fits
        .iter()
        .fold(f64::NEG_INFINITY, |m, (log, _)| m.max(*log));
    for ((log, line), model) in fits.iter_mut().zip(&models) {
        line.weight = model.prior * (*log - best).exp();
    }
    let total: f64 = fits.iter().map(|(_, line)| line.weight).sum();
    fits.into_iter()
        .map(|(_, line)| Line {
            weight: line.weight / total,
            ..line
        })
        .collect()
}

/// yy, yt and tt at each frequency, t being time in series lengths.
fn products(y: &[f64]) -> Vec<[f64; 3]> {
    let n = y.len();
    let amplitudes = cosine_amplitudes(y, n - 1);
    let mut energies: Vec<f64> = amplitudes.iter().map(|a| a * a).collect();
    flatten_peaks(&mut energies);
    let each = amplitudes.iter().zip(energies).enumerate();
    each.map(|(index, (amplitude, energy))| {
        let time = time_amplitude(index + 1, n);
        let flat = energy.sqrt().copysign(*amplitude);
        [energy, flat * time, time * time]
    })
    .collect()
}

/// √(2/n) Σ ((t − ½)/n) cos(πj(t − ½)/n), summed in closed form: nothing at even j, where time is
/// odd around the middle and the cosine is not.
fn time_amplitude(j: usize, n: usize) -> f64 {
    if j.is_multiple_of(2) {
        return 0.0;
    }
    let (sine, cosine) = (0.5 * PI * j as f64 / n as f64).sin_cos();
    -(2.0 / n as f64).sqrt() * cosine / (2.0 * sine * sine) / n as f64
}

/// Log-likelihood (up to a constant) and line of a model.
fn line(model: &Weighed<3>, n: usize, df: f64) -> (f64, Line) {
    let [yy, yt, tt] = model.sums;
    let slope = yt / tt;
    let rest = (yy - slope * yt).max(0.0);
    let log = -0.5 * (model.log_determinant + tt.ln() + df * rest.ln());
    let line = Line {
        weight: 0.0,
        slope: slope / n as f64,
        standard_error: (rest / df / tt).sqrt() / n as f64,
        tau: model.tau,
    };
    (log, line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::{Intercept, least_squares};
    use crate::rng::Rng;

    #[test]
    fn white_noise_is_ordinary_least_squares() {
        for n in [8, 9, 47] {
            let mut rng = Rng::new(3);
            let y: Vec<f64> = (0..n)
                .map(|t| 0.1 * f64::from(t) + rng.standard_normal())
                .collect();
            let t: Vec<f64> = (0..n).map(f64::from).collect();
            let fit = least_squares(&y, &[&t], Intercept::Fitted).unwrap();
            let want = fit.coefficient(1).unwrap();
            let got = lines(&y)[0];
            assert!((got.slope / want.estimate - 1.0).abs() < 1e-11);
            assert!((got.standard_error / want.standard_error - 1.0).abs() < 1e-11);
        }
    }

    #[test]
    fn time_has_a_closed_form() {
        for n in [5usize, 8, 31] {
            let time: Vec<f64> = (0..n).map(|t| (t as f64 + 0.5) / n as f64 - 0.5).collect();
            for (index, want) in cosine_amplitudes(&time, n - 1).into_iter().enumerate() {
                assert!((time_amplitude(index + 1, n) - want).abs() < 1e-12);
            }
        }
    }

    /// Of a long autoregression, the best model's line is nearly the one that whitening by hand
    /// (Prais & Winsten) gives.
    #[test]
    fn autoregression_is_whitened() {
        let mut rng = Rng::new(4);
        let (phi, n) = (0.5, 1_000);
        let mut state = 0.0;
        let y: Vec<f64> = (0..n)
            .map(|_| {
                state = phi * state + rng.standard_normal();
                state
            })
            .collect();
        let whiten = |x: &[f64]| -> Vec<f64> {
            let first = x[0] * (1.0f64 - phi * phi).sqrt();
            let rest = x.windows(2).map(|w| w[1] - phi * w[0]);
            std::iter::once(first).chain(rest).collect()
        };
        let t: Vec<f64> = (0..n).map(f64::from).collect();
        let (one, time) = (whiten(&vec![1.0; n as usize]), whiten(&t));
        let fit = least_squares(&whiten(&y), &[&one, &time], Intercept::Zero).unwrap();
        let want = fit.coefficient(1).unwrap();
        let pure = (1.0 + phi) / (1.0 - phi);
        let lines = lines(&y);
        let got = lines.iter().find(|l| (l.tau - pure).abs() < 1e-9).unwrap();
        assert!((got.slope - want.estimate).abs() < 0.2 * want.standard_error);
        assert!((got.standard_error / want.standard_error - 1.0).abs() < 0.03);
    }
}
