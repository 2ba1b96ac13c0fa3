//! A pattern that repeats with a fixed period, taken out before regimes are looked for.
//!
//! Invariant: a season is taken out only where it explains more of the steps from one observation
//! to the next than its own parameters cost (Bayesian information criterion), over at least
//! [`CYCLES_MIN`] cycles; the pattern removed adds up to zero over a period. Steps and not levels
//! are explained, so that neither trends nor regimes look like seasons.
//! Not for patterns whose period drifts.
//! Sources: Cleveland et al., "STL", Journal of Official Statistics 6 (1990), for the pattern
//! around a moving average of one period; Schwarz, Annals of Statistics 6 (1978), for the
//! criterion.

use super::prepare::{clipped, median};

/// Fewer repetitions are not evidence of a season.
const CYCLES_MIN: usize = 4;
/// The longest period tried: a day of five-minute values fits.
const PERIOD_MAX: usize = 366;

/// The period of the season that explains most, if any pays.
pub(super) fn period(y: &[f64]) -> Option<usize> {
    let steps: Vec<f64> = y.windows(2).map(|w| w[1] - w[0]).collect();
    let steps = whitened(&bounded(&steps));
    let n = steps.len() as f64;
    let total: f64 = steps.iter().map(|v| v * v).sum();
    let longest = (y.len() / CYCLES_MIN).min(PERIOD_MAX);
    let gain = |period: usize| {
        let left = total - explained(&steps, period);
        n * (total / left.max(1e-12 * total)).ln() - (period - 1) as f64 * n.ln()
    };
    let gains = (2..=longest).map(|period| (period, gain(period)));
    let best = gains.filter(|(_, gain)| *gain > 0.0);
    best.max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(period, _)| period)
}

/// `y` less its pattern of that period.
pub(super) fn without(y: &[f64], period: usize) -> Vec<f64> {
    let around = clipped(y);
    let centre = moving_average(&around, period);
    let mut phases: Vec<Vec<f64>> = vec![Vec::new(); period];
    let half = period / 2;
    for t in half..y.len() - half {
        phases[t % period].push(y[t] - centre[t]);
    }
    let mut pattern: Vec<f64> = phases
        .iter_mut()
        .map(|v| if v.is_empty() { 0.0 } else { median(v) })
        .collect();
    let mean = pattern.iter().sum::<f64>() / period as f64;
    for value in &mut pattern {
        *value -= mean;
    }
    y.iter()
        .enumerate()
        .map(|(t, v)| v - pattern[t % period])
        .collect()
}

/// Large steps made smaller, so that a few jumps do not look like a pattern.
fn bounded(steps: &[f64]) -> Vec<f64> {
    const BOUND: f64 = 4.0;
    let mut sizes: Vec<f64> = steps.iter().map(|v| v.abs()).collect();
    let reach = BOUND * 1.482_602_218_505_602 * median(&mut sizes);
    let mean = steps.iter().sum::<f64>() / steps.len() as f64;
    if reach == 0.0 {
        return steps.iter().map(|v| v - mean).collect();
    }
    let bounded: Vec<f64> = steps
        .iter()
        .map(|v| (v - mean).clamp(-reach, reach))
        .collect();
    let mean = bounded.iter().sum::<f64>() / bounded.len() as f64;
    bounded.into_iter().map(|v| v - mean).collect()
}

/// What the neighbour before does not predict.
fn whitened(steps: &[f64]) -> Vec<f64> {
    let squares: f64 = steps.iter().map(|v| v * v).sum();
    if squares == 0.0 {
        return steps.to_vec();
    }
    let products: f64 = steps.windows(2).map(|w| w[0] * w[1]).sum();
    let coefficient = products / squares;
    steps
        .windows(2)
        .map(|w| w[1] - coefficient * w[0])
        .collect()
}

/// Σ of squares that the means of the phases explain.
fn explained(steps: &[f64], period: usize) -> f64 {
    let mut sums = vec![(0.0, 0u32); period];
    for (t, step) in steps.iter().enumerate() {
        let (sum, count) = &mut sums[t % period];
        *sum += step;
        *count += 1;
    }
    sums.into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(sum, count)| sum * sum / f64::from(count))
        .sum()
}

/// The centred average over one period; an even one has half weights at both ends. Values within
/// half a period of either end are not used by the caller.
fn moving_average(y: &[f64], period: usize) -> Vec<f64> {
    let half = period / 2;
    let mut sums = Vec::with_capacity(y.len() + 1);
    sums.push(0.0);
    for value in y {
        sums.push(sums[sums.len() - 1] + value);
    }
    (0..y.len())
        .map(|t| {
            if t < half || t + half >= y.len() {
                return y[t];
            }
            let whole = sums[t + half + 1] - sums[t - half];
            let ends = if period.is_multiple_of(2) {
                0.5 * (y[t - half] + y[t + half])
            } else {
                0.0
            };
            (whole - ends) / period as f64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn a_season_is_found_beside_a_trend_and_a_step() {
        let mut rng = Rng::new(4);
        let y: Vec<f64> = (0..120)
            .map(|t| {
                let season = 2.0 * f64::sin(f64::from(t % 12) * std::f64::consts::TAU / 12.0);
                let step = if t < 70 { 0.0 } else { 8.0 };
                season + step + 0.05 * f64::from(t) + 0.5 * rng.standard_normal()
            })
            .collect();
        assert_eq!(period(&y), Some(12));
        assert_eq!(period(&without(&y, 12)), None);
    }

    #[test]
    fn noise_has_no_season() {
        for seed in 0..100 {
            let mut rng = Rng::new(seed);
            let mut state = 0.0;
            let phi = [0.0, 0.5, 0.9][seed as usize % 3];
            let y: Vec<f64> = (0..200)
                .map(|_| {
                    state = phi * state + rng.standard_normal();
                    state
                })
                .collect();
            assert_eq!(period(&y), None, "seed {seed}");
        }
    }
}
