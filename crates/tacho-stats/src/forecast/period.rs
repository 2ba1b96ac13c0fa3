//! Finds a season and its length, or says that there is none.
//!
//! A season is a line in the spectrum and repeats; noise that wanders is neither. The series is
//! first whitened by a fitted autoregression, so that a steep spectrum shows no peaks; each
//! frequency's energy is then held against the level of its neighbours, with a correction for having
//! looked at all of them. The length is the lag, among those that the significant lines allow, at
//! which the series resembles itself most.
//! Invariant: in a series without season a period is reported with probability at most about
//! `alpha`. Seasons must be seen three times; one whose harmonics fill the spectrum, like a short
//! spike, about five times. Not for several seasons at once: the strongest is
//! reported.
//! Sources: Brockwell & Davis, "Time series: theory and methods" (1991), 10.2, for tests on the
//! periodogram; Percival & Walden, "Spectral analysis for physical applications" (1993), 6.5, for
//! prewhitening.

use crate::describe::power_of_two_scale;
use crate::error::observations;
use crate::error::{Result, probability};
use crate::sum::mean_parts;

/// The newest observations that are looked at; three times the longest period that can be found.
const USED_MAX: usize = 4_608;
const MIN_N: usize = 12;
/// Cycles that must have been seen.
const CYCLES: usize = 3;
/// Neighbours on either side that give the level.
const REACH: usize = 12;
/// Order of the whitening autoregression.
const ORDER: usize = 2;
/// The shortest lag that resembles nearly as well as the best is the period.
const NEARLY: f64 = 0.85;

/// A season that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Period {
    /// Observations in a season.
    pub length: usize,
    /// The p-value of its strongest line, corrected for all frequencies looked at.
    pub p: f64,
    /// Autocorrelation of the series, without its line, at this lag.
    pub autocorrelation: f64,
}

/// The season of a series in order of time (twelve or more observations), where there is one at
/// significance `alpha`.
///
/// ```
/// use tacho_stats::forecast::detect_period;
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(1);
/// let day = |t: u32| if t % 24 < 8 { 0.0 } else { 3.0 };
/// let busy: Vec<f64> = (0..240).map(|t| day(t) + rng.standard_normal()).collect();
/// assert_eq!(detect_period(&busy, 0.01)?.map(|p| p.length), Some(24));
/// let quiet: Vec<f64> = (0..240).map(|_| rng.standard_normal()).collect();
/// assert_eq!(detect_period(&quiet, 0.01)?, None);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn detect_period(x: &[f64], alpha: f64) -> Result<Option<Period>> {
    probability("alpha", alpha)?;
    observations(x, MIN_N)?;
    let x = &x[x.len().saturating_sub(USED_MAX)..];
    let Some(y) = detrended(x) else {
        return Ok(None);
    };
    let energies = energies(&whitened(&y));
    let looked_at = energies.len() as f64;
    let lines: Vec<(usize, f64)> = (CYCLES..=energies.len())
        .map(|j| (j, looked_at * tail(&energies, j - 1)))
        .filter(|(_, p)| *p < alpha)
        .collect();
    let Some(strongest) = lines.iter().map(|line| line.1).min_by(f64::total_cmp) else {
        return Ok(None);
    };
    let lags = lags(y.len(), &lines);
    let correlations: Vec<f64> = lags.iter().map(|lag| correlation(&y, *lag)).collect();
    let best = correlations.iter().copied().fold(0.0, f64::max);
    let found = lags
        .iter()
        .zip(&correlations)
        .position(|(_, r)| best > 0.0 && *r >= NEARLY * best)
        .map(|first| peak(&lags, &correlations, first));
    Ok(found.map(|at| Period {
        length: lags[at],
        p: strongest.min(1.0),
        autocorrelation: correlations[at],
    }))
}

/// Deviations from the least-squares line, scaled; none where nothing is left.
fn detrended(x: &[f64]) -> Option<Vec<f64>> {
    let scale = power_of_two_scale(x);
    let centre = mean_parts(x).0 * scale;
    let half = 0.5 * (x.len() as f64 - 1.0);
    let (mut xy, mut xx) = (0.0, 0.0);
    for (t, value) in x.iter().enumerate() {
        let time = t as f64 - half;
        xy += time * (value * scale - centre);
        xx += time * time;
    }
    let slope = xy / xx;
    let residual = |(t, v): (usize, &f64)| v * scale - centre - slope * (t as f64 - half);
    let y: Vec<f64> = x.iter().enumerate().map(residual).collect();
    let largest = y.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    (largest > 1e-12 && largest.is_finite()).then_some(y)
}

/// What an autoregression of order two cannot foresee (Yule & Walker).
fn whitened(y: &[f64]) -> Vec<f64> {
    let r: Vec<f64> = (1..=ORDER).map(|lag| correlation(y, lag)).collect();
    let rest = 1.0 - r[0] * r[0];
    let second = if rest > 1e-9 {
        (r[1] - r[0] * r[0]) / rest
    } else {
        0.0
    };
    let first = r[0] * (1.0 - second);
    y.windows(ORDER + 1)
        .map(|w| w[2] - first * w[1] - second * w[0])
        .collect()
}

fn correlation(y: &[f64], lag: usize) -> f64 {
    let total: f64 = y.iter().map(|v| v * v).sum();
    let product: f64 = y.iter().zip(&y[lag..]).map(|(a, b)| a * b).sum();
    product / total
}

/// Energies at j cycles in the series, j = 1 to below half its length.
fn energies(y: &[f64]) -> Vec<f64> {
    let n = y.len();
    let count = (n - 1) / 2;
    (1..=count)
        .map(|j| {
            // Goertzel's recurrence.
            let twice = 2.0 * (std::f64::consts::TAU * j as f64 / n as f64).cos();
            let (mut now, mut before) = (0.0, 0.0);
            for value in y {
                let next = value + twice * now - before;
                before = now;
                now = next;
            }
            now * now + before * before - twice * now * before
        })
        .collect()
}

/// The chance of so much energy at index `j`, by its neighbours: energies of noise are exponential,
/// and against the mean of K others of them the tail is (1 + ratio / K)^−K. The mean is taken from
/// the median, which other lines do not move, and counts for half as many.
fn tail(energies: &[f64], j: usize) -> f64 {
    let from = j.saturating_sub(REACH);
    let to = (j + REACH + 1).min(energies.len());
    let mut around: Vec<f64> = (from..to)
        .filter(|i| i.abs_diff(j) > 1)
        .map(|i| energies[i])
        .collect();
    if around.len() < 2 {
        return 1.0;
    }
    around.sort_unstable_by(f64::total_cmp);
    let middle = around.len() / 2;
    let median = if around.len() % 2 == 1 {
        around[middle]
    } else {
        0.5 * (around[middle - 1] + around[middle])
    };
    let level = median / std::f64::consts::LN_2;
    let worth = 0.5 * around.len() as f64;
    if level <= 0.0 {
        return f64::from(energies[j] <= 0.0);
    }
    (-worth * (energies[j] / level / worth).ln_1p()).exp()
}

/// The lags that the lines allow, ascending: those whose frequency a line's width covers, and their
/// multiples, because a line may be the harmonic of a longer season.
fn lags(n: usize, lines: &[(usize, f64)]) -> Vec<usize> {
    const MULTIPLES: usize = 8;
    let mut lags = Vec::new();
    for (j, _) in lines {
        let (shortest, longest) = (n as f64 / (*j as f64 + 0.6), n as f64 / (*j as f64 - 0.6));
        for multiple in 1..=MULTIPLES {
            let by = multiple as f64;
            let from = (shortest * by).ceil().max(2.0) as usize;
            let to = ((longest * by).floor() as usize).min(n / CYCLES);
            // A wide range of lags is no longer the multiple of a known one.
            if to >= from && (multiple == 1 || to - from <= 3 + from / 4) {
                lags.extend(from..=to);
            }
        }
    }
    lags.sort_unstable();
    lags.dedup();
    lags
}

/// The highest of the lags that follow `first` without a gap and are nearly as short.
fn peak(lags: &[usize], correlations: &[f64], first: usize) -> usize {
    let mut best = first;
    for at in first + 1..lags.len() {
        if lags[at] != lags[at - 1] + 1 || lags[at] > lags[first] + lags[first] / 4 + 1 {
            break;
        }
        if correlations[at] > correlations[best] {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn found(length: usize, n: usize, noise: f64, shape: impl Fn(f64) -> f64) -> Option<usize> {
        let mut rng = Rng::new(length as u64);
        let x: Vec<f64> = (0..n)
            .map(|t| shape((t % length) as f64 / length as f64) + noise * rng.standard_normal())
            .collect();
        detect_period(&x, 0.01).unwrap().map(|p| p.length)
    }

    #[test]
    fn seasons_are_found_whatever_their_shape() {
        let sine = |phase: f64| (std::f64::consts::TAU * phase).sin();
        let spike = |phase: f64| if phase < 0.1 { 4.0 } else { 0.0 };
        let two_humps = |phase: f64| (2.0 * std::f64::consts::TAU * phase).sin() + 1.5 * phase;
        for (length, n) in [(7, 100), (12, 144), (24, 240), (24, 250), (144, 1_000)] {
            assert_eq!(
                found(length, n, 0.3, sine),
                Some(length),
                "sine of {length}"
            );
            assert_eq!(
                found(length, n, 0.3, two_humps),
                Some(length),
                "two humps of {length}"
            );
        }
        for (length, n) in [(12, 144), (60, 600), (288, 2_016)] {
            assert_eq!(
                found(length, n, 0.3, spike),
                Some(length),
                "spike of {length}"
            );
        }
        assert_eq!(found(24, 240, 0.0, sine), Some(24));
        let day = found(1_440, 4_608, 0.3, sine).unwrap();
        assert!(day.abs_diff(1_440) < 40, "{day}");
    }

    #[test]
    fn bad_input_is_refused_and_nothing_is_found_in_nothing() {
        assert!(detect_period(&[1.0; 5], 0.05).is_err());
        assert!(detect_period(&[1.0; 50], 2.0).is_err());
        assert!(detect_period(&[f64::NAN; 50], 0.05).is_err());
        assert_eq!(detect_period(&[1e308; 50], 0.05), Ok(None));
        let line: Vec<f64> = (0..60).map(f64::from).collect();
        assert_eq!(detect_period(&line, 0.05), Ok(None));
    }
}
