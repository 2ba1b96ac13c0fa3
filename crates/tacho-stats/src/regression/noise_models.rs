//! A straight line in noise of unknown memory: its slope under each of a grid of noise models.
//!
//! Invariant: models are white noise, and white noise plus a first-order autoregression with
//! coefficient φ and share w of the variance, on a fixed grid. Each model's slope is its generalised
//! least-squares estimate, and its weight the exact likelihood with level, slope and variance
//! integrated out, so that noise that a line can imitate is not mistaken for the absence of noise.
//! Not for more than about a thousand observations; longer series are averaged down first.
//!
//! Sources: Harville, "Bayesian inference for variance components using only error contrasts",
//! Biometrika 61 (1974), the restricted likelihood; Durbin & Koopman, "Time series analysis by
//! state space methods" (2012), 4.3 and 6.2, regression by the Kalman filter.

/// Coefficients of the autoregression; its correlation time is 1/(1 − φ).
const PHI: [f64; 9] = [0.3, 0.5, 0.65, 0.77, 0.85, 0.9, 0.935, 0.96, 0.98];
/// Shares of the autoregression in the variance.
const SHARE: [f64; 8] = [0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0];
/// A correlation time longer than this part of the series cannot be told from a trend.
const RESOLUTION: f64 = 8.0;
/// Prior probability of white noise; the other models share the rest equally. Less than where means
/// are compared, because a line takes with it most of what a short series shows of slow noise.
const WHITE_PRIOR: f64 = 1.0 / 3.0;
/// Models filtered together: those with the same φ.
const LANES: usize = SHARE.len();
/// Innovation variances are multiplied this often before a logarithm is taken: each is above
/// 1 − φ² > 0.03.
const LOG_EVERY: usize = 64;

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
/// line nearly taken out already, for the sake of digits.
pub(super) fn lines(y: &[f64]) -> Vec<Line> {
    let n = y.len();
    let longest = (n as f64 / RESOLUTION).max(1.45);
    let white = Filter::run(y, 0.0, [1.0; LANES]).lines(n)[0];
    let others: Vec<(f64, Line)> = PHI
        .iter()
        .filter(|phi| 1.0 / (1.0 - **phi) <= longest)
        .flat_map(|phi| Filter::run(y, *phi, SHARE).lines(n))
        .collect();
    let prior = (1.0 - WHITE_PRIOR) / others.len().max(1) as f64;
    let priors = std::iter::once(WHITE_PRIOR).chain(std::iter::repeat(prior));
    let fits: Vec<(f64, Line)> = std::iter::once(white).chain(others).collect();
    let best = fits
        .iter()
        .fold(f64::NEG_INFINITY, |m, (log, _)| m.max(*log));
    let mut lines: Vec<Line> = fits
        .into_iter()
        .zip(priors)
        .map(|((log, line), prior)| Line {
            weight: prior * (log - best).exp(),
            ..line
        })
        .collect();
    let total: f64 = lines.iter().map(|line| line.weight).sum();
    for line in &mut lines {
        line.weight /= total;
    }
    lines
}

/// Sums of products of innovations, over their variances: of y, of the level and of time.
#[derive(Debug)]
struct Filter {
    phi: f64,
    share: [f64; LANES],
    log_determinant: [f64; LANES],
    /// yy, y1, yt, 11, 1t, tt.
    products: [[f64; LANES]; 6],
}

impl Filter {
    /// Filters y, a constant and centred time (in series lengths) through one model a lane.
    fn run(y: &[f64], phi: f64, share: [f64; LANES]) -> Self {
        let mut filter = Self {
            phi,
            share,
            log_determinant: [0.0; LANES],
            products: [[0.0; LANES]; 6],
        };
        let n = y.len() as f64;
        let mut state = [[0.0; LANES]; 3];
        // Variance of the autoregression as predicted; stationary at first.
        let mut predicted = share;
        let mut determinant = [1.0; LANES];
        for (t, value) in y.iter().enumerate() {
            let seen = [*value, 1.0, (t as f64 + 0.5) / n - 0.5];
            for lane in 0..LANES {
                let variance = predicted[lane] + (1.0 - share[lane]);
                let precision = 1.0 / variance;
                let gain = predicted[lane] * precision;
                determinant[lane] *= variance;
                let left: [f64; 3] = std::array::from_fn(|k| seen[k] - state[k][lane]);
                for (k, left) in left.iter().enumerate() {
                    state[k][lane] = phi * (state[k][lane] + gain * left);
                }
                let [a, b, c] = left;
                let terms = [a * a, a * b, a * c, b * b, b * c, c * c];
                for (product, term) in filter.products.iter_mut().zip(terms) {
                    product[lane] += term * precision;
                }
                let kept = predicted[lane] * (1.0 - gain);
                predicted[lane] = phi * phi * kept + (1.0 - phi * phi) * share[lane];
            }
            if t % LOG_EVERY == LOG_EVERY - 1 {
                filter.take_logarithms(&mut determinant);
            }
        }
        filter.take_logarithms(&mut determinant);
        filter
    }

    fn take_logarithms(&mut self, determinant: &mut [f64; LANES]) {
        for (total, value) in self.log_determinant.iter_mut().zip(determinant) {
            *total += value.ln();
            *value = 1.0;
        }
    }

    /// Log-likelihood (up to a constant) and line of each lane.
    fn lines(&self, n: usize) -> [(f64, Line); LANES] {
        let count = n as f64;
        let df = count - 2.0;
        std::array::from_fn(|lane| {
            let [yy, y1, yt, one, mixed, tt] = self.products.map(|product| product[lane]);
            let determinant = one * tt - mixed * mixed;
            let slope = (one * yt - mixed * y1) / determinant;
            let level = (tt * y1 - mixed * yt) / determinant;
            let rest = (yy - slope * yt - level * y1).max(0.0);
            let log = -0.5 * (self.log_determinant[lane] + determinant.ln() + df * rest.ln());
            let memory = (1.0 + self.phi) / (1.0 - self.phi);
            let line = Line {
                weight: 0.0,
                slope: slope / count,
                standard_error: (rest / df * one / determinant).sqrt() / count,
                tau: 1.0 - self.share[lane] + self.share[lane] * memory,
            };
            (log, line)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::{Intercept, least_squares};
    use crate::rng::Rng;

    #[test]
    fn white_noise_is_ordinary_least_squares() {
        let mut rng = Rng::new(3);
        let y: Vec<f64> = (0..50)
            .map(|t| 0.1 * f64::from(t) + rng.standard_normal())
            .collect();
        let t: Vec<f64> = (0..50).map(f64::from).collect();
        let want = least_squares(&y, &[&t], Intercept::Fitted)
            .unwrap()
            .coefficient(1)
            .unwrap();
        let (_, got) = Filter::run(&y, 0.0, [1.0; LANES]).lines(50)[0];
        assert!((got.slope / want.estimate - 1.0).abs() < 1e-12);
        assert!((got.standard_error / want.standard_error - 1.0).abs() < 1e-12);
    }

    /// Of a pure autoregression, whitening by hand (Prais & Winsten) is the same.
    #[test]
    fn autoregression_is_whitened() {
        let mut rng = Rng::new(4);
        let y: Vec<f64> = (0..40).map(|_| rng.standard_normal()).collect();
        let phi = 0.5;
        let whiten = |x: &[f64]| -> Vec<f64> {
            let first = x[0] * (1.0f64 - phi * phi).sqrt();
            let rest = x.windows(2).map(|w| w[1] - phi * w[0]);
            std::iter::once(first).chain(rest).collect()
        };
        let t: Vec<f64> = (0..40).map(f64::from).collect();
        let (one, time) = (whiten(&[1.0; 40]), whiten(&t));
        let fit = least_squares(&whiten(&y), &[&one, &time], Intercept::Zero).unwrap();
        let want = fit.coefficient(1).unwrap();
        let (_, got) = Filter::run(&y, phi, SHARE).lines(40)[LANES - 1];
        assert!((got.slope / want.estimate - 1.0).abs() < 1e-11);
        assert!((got.standard_error / want.standard_error - 1.0).abs() < 1e-11);
    }
}
