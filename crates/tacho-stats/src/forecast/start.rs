//! First guesses of a model's parameters.
//!
//! Invariant: guesses are inside the region and finite; they need not be good, because the fit
//! improves the states too. Not for forecasts.
//! Source: Hyndman et al. (2008), section 2.6.1: season by a centred moving average, level and slope
//! by a line through what is left at the start.

use super::model::SeasonKind;
use super::state::Shape;

/// The guesses that a fit starts from: quick, middling and slow to learn.
const ALPHAS: [f64; 4] = [0.02, 0.1, 0.5, 0.95];
const BETA_PART: f64 = 0.1;
const GAMMA_PART: f64 = 0.05;
const PHI: f64 = 0.95;
/// Periods from which the first season is guessed.
const PERIODS: usize = 6;
/// A season that multiplies stays above this.
const SEASON_MIN: f64 = 0.05;

/// One parameter vector for each of a few rates of learning.
pub(super) fn guesses(shape: Shape, y: &[f64]) -> Vec<Vec<f64>> {
    let season = season(shape, y);
    let near = y.len().min(10.max(2 * shape.period));
    let adjusted: Vec<f64> = (0..near)
        .map(|t| match shape.model.season() {
            SeasonKind::None => y[t],
            SeasonKind::Additive => y[t] - season[t % shape.period],
            SeasonKind::Multiplicative => y[t] / season[t % shape.period],
        })
        .collect();
    let (level, slope) = if shape.has_trend() {
        line(&adjusted)
    } else {
        (adjusted.iter().sum::<f64>() / near as f64, 0.0)
    };
    let with = |alpha: f64| {
        let mut theta = vec![alpha];
        if shape.has_trend() {
            theta.push(BETA_PART);
        }
        if shape.has_season() {
            theta.push(GAMMA_PART);
        }
        if shape.is_damped() {
            theta.push(PHI);
        }
        theta.push(level);
        if shape.has_trend() {
            theta.push(slope);
        }
        theta.extend(&season[..shape.period - 1]);
        theta
    };
    ALPHAS.into_iter().map(with).collect()
}

/// Value at step −1 and slope of the least-squares line.
fn line(y: &[f64]) -> (f64, f64) {
    let n = y.len() as f64;
    let centre = 0.5 * (n - 1.0);
    let mean = y.iter().sum::<f64>() / n;
    let (mut xy, mut xx) = (0.0, 0.0);
    for (t, value) in y.iter().enumerate() {
        let x = t as f64 - centre;
        xy += x * (value - mean);
        xx += x * x;
    }
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    (mean - slope * (centre + 1.0), slope)
}

/// One value a phase, adding up to the season's total; a single zero without season.
fn season(shape: Shape, y: &[f64]) -> Vec<f64> {
    let m = shape.period;
    if !shape.has_season() {
        return vec![0.0];
    }
    let multiplies = shape.model.season() == SeasonKind::Multiplicative;
    let near = &y[..y.len().min(PERIODS * m)];
    let (mut sums, mut counts) = (vec![0.0; m], vec![0.0; m]);
    for t in m / 2..near.len().saturating_sub(m / 2) {
        let average = centred_average(near, t, m);
        sums[t % m] += if multiplies {
            near[t] / average
        } else {
            near[t] - average
        };
        counts[t % m] += 1.0;
    }
    let mut season: Vec<f64> = sums
        .iter()
        .zip(&counts)
        .map(
            |(sum, count): (&f64, &f64)| match (*count > 0.0, multiplies) {
                (true, true) => (sum / count).max(SEASON_MIN),
                (true, false) => sum / count,
                (false, true) => 1.0,
                (false, false) => 0.0,
            },
        )
        .collect();
    let total: f64 = season.iter().sum();
    for value in &mut season {
        if multiplies {
            *value *= m as f64 / total;
        } else {
            *value -= total / m as f64;
        }
    }
    season
}

/// The mean of one period around `t`; with an even period both ends count half.
fn centred_average(y: &[f64], t: usize, m: usize) -> f64 {
    let half = m / 2;
    if m % 2 == 1 {
        return y[t - half..=t + half].iter().sum::<f64>() / m as f64;
    }
    let inner: f64 = y[t - half + 1..t + half].iter().sum();
    (inner + 0.5 * (y[t - half] + y[(t + half).min(y.len() - 1)])) / m as f64
}
