//! Confidence intervals of effect sizes.
//!
//! Invariant: an interval contains its estimate and keeps its level in small samples, not only in
//! large ones; it is not symmetric where the estimate's distribution is not. Independent
//! observations.
//! Sources: Steiger & Fouladi, "Noncentrality interval estimation" (1997), d by inverting the
//! non-central t, exact for normal populations of equal variance; Cliff, "Ordinal methods for
//! behavioral data analysis" (1996), and Feng & Cliff, Journal of Modern Applied Statistical Methods
//! 3 (2004), the asymmetric interval of delta.

use super::{cliffs_delta, cohen_d};
use crate::distribution::{NoncentralT, StudentT};
use crate::error::{self, Result, StatsError};
use crate::hypothesis::Interval;
use crate::quantile::SortedSample;
use crate::sum::sum;

/// Interval of Cohen's d.
///
/// ```
/// use tacho_stats::effect::cohen_d_interval;
///
/// let interval = cohen_d_interval(&[5.1, 6.0, 5.7, 6.6, 5.9], &[4.4, 5.0, 4.8, 5.3, 4.1], 0.95)?;
/// assert!(interval.low > 0.3 && interval.high < 5.0);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn cohen_d_interval(a: &[f64], b: &[f64], level: f64) -> Result<Interval> {
    error::level(level)?;
    let d = cohen_d(a, b)?.value;
    let (na, nb) = (a.len() as f64, b.len() as f64);
    // t = d √(n m / (n + m)).
    let scale = (1.0 / na + 1.0 / nb).sqrt();
    let (low, high) = noncentralities(d / scale, na + nb - 2.0, 0.5 * (1.0 - level))?;
    Ok(Interval {
        low: low * scale,
        high: high * scale,
        level,
    })
}

/// Interval of Hedges' g: that of d, corrected as g is.
pub fn hedges_g_interval(a: &[f64], b: &[f64], level: f64) -> Result<Interval> {
    let d = cohen_d_interval(a, b, level)?;
    let correction = 1.0 - 3.0 / (4.0 * ((a.len() + b.len()) as f64 - 2.0) - 1.0);
    Ok(Interval {
        low: d.low * correction,
        high: d.high * correction,
        level,
    })
}

/// Interval of Cliff's delta, of two or more observations each.
pub fn cliffs_delta_interval(a: &[f64], b: &[f64], level: f64) -> Result<Interval> {
    error::level(level)?;
    error::observations(a, 2)?;
    error::observations(b, 2)?;
    let delta = cliffs_delta(a, b)?.value;
    let (sa, sb) = (SortedSample::new(a)?, SortedSample::new(b)?);
    let (na, nb) = (a.len() as f64, b.len() as f64);
    // Variance of each observation's dominance over the other sample.
    let spread = |x: &[f64], other: &[f64], centre: f64| {
        sum(dominances(x, other).map(|d| (d - centre).powi(2)))
    };
    let rows = spread(sa.as_slice(), sb.as_slice(), delta) / (na - 1.0);
    let columns = spread(sb.as_slice(), sa.as_slice(), -delta) / (nb - 1.0);
    // Σᵢⱼ (dᵢⱼ − d)² / (n m): the signs' mean square is the part of pairs that are not tied.
    let untied = untied_part(sa.as_slice(), sb.as_slice());
    let cells = (untied - delta * delta) / ((na - 1.0) * (nb - 1.0));
    let unbiased = nb / (nb - 1.0) * rows / na + na / (na - 1.0) * columns / nb - cells;
    // Cliff's bound: below it the estimate is no longer a variance.
    let least = (1.0 - delta * delta) / (na * nb - 1.0);
    let variance = unbiased.max(least).max(0.0);
    let z = StudentT::new(na + nb - 2.0)?.inverse_sf(0.5 * (1.0 - level))?;
    let square = z * z * variance;
    let root = z * (variance * ((1.0 - delta * delta).powi(2) + square)).sqrt();
    let below = 1.0 - delta * delta + square;
    if delta.abs() == 1.0 || below == 0.0 {
        return Ok(complete(delta, na.min(nb), z, level));
    }
    let top = delta - delta.powi(3);
    Ok(Interval {
        low: ((top - root) / below).clamp(-1.0, delta),
        high: ((top + root) / below).clamp(delta, 1.0),
        level,
    })
}

/// Where every observation of one sample beats all of the other, by the smaller sample's size.
fn complete(delta: f64, smaller: f64, z: f64, level: f64) -> Interval {
    let bound = ((smaller - z * z) / (smaller + z * z)).max(-1.0);
    let (low, high) = if delta > 0.0 {
        (bound, 1.0)
    } else {
        (-1.0, -bound)
    };
    Interval { low, high, level }
}

/// For each x, the part of `other` below it less the part above it; both ascending.
fn dominances<'a>(x: &'a [f64], other: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    let (mut below, mut through) = (0, 0);
    let n = other.len() as f64;
    x.iter().map(move |v| {
        while below < other.len() && other[below] < *v {
            below += 1;
        }
        while through < other.len() && other[through] <= *v {
            through += 1;
        }
        (below as f64 - (other.len() - through) as f64) / n
    })
}

/// The part of pairs that are not tied: the mean of the squared signs.
fn untied_part(a: &[f64], b: &[f64]) -> f64 {
    let counts = crate::hypothesis::dominance(a, b);
    1.0 - counts.equal as f64 / counts.pairs as f64
}

/// The non-centralities under which a statistic at or above, at or below `t` has probability `tail`.
fn noncentralities(t: f64, df: f64, tail: f64) -> Result<(f64, f64)> {
    // P(T > t) rises with the non-centrality, and P(T ≤ t) falls.
    let low = solve(t, |delta| {
        NoncentralT::new(df, delta).map(|d| d.sf(t).ln() - tail.ln())
    })?;
    let high = solve(t, |delta| {
        NoncentralT::new(df, delta).map(|d| tail.ln() - d.cdf(t).ln())
    })?;
    Ok((low, high))
}

/// The zero of a rising function, bracketed from `start` outwards and halved.
fn solve(start: f64, f: impl Fn(f64) -> Result<f64>) -> Result<f64> {
    let mut width = 4.0 + 0.5 * start.abs();
    let (mut low, mut high) = (start - width, start + width);
    while f(low)? > 0.0 {
        width *= 2.0;
        low = start - width;
    }
    width = 4.0 + 0.5 * start.abs();
    while f(high)? < 0.0 {
        width *= 2.0;
        high = start + width;
    }
    if !low.is_finite() || !high.is_finite() {
        return Err(StatsError::Overflow {
            what: "the interval",
        });
    }
    illinois(f, low, high)
}

/// The zero of a rising function inside a bracket.
fn illinois(f: impl Fn(f64) -> Result<f64>, mut low: f64, mut high: f64) -> Result<f64> {
    let (mut below, mut above) = (f(low)?, f(high)?);
    let mut kept = 0;
    for _ in 0..120 {
        if high - low <= 4.0 * f64::EPSILON * high.abs().max(low.abs()) {
            break;
        }
        let secant = (low * above - high * below) / (above - below);
        let x = if secant > low && secant < high {
            secant
        } else {
            0.5 * (low + high)
        };
        let value = f(x)?;
        if value.abs() < 1e-14 {
            return Ok(x);
        }
        // An end kept twice in a row counts half, so that both sides close in.
        if value > 0.0 {
            (high, above) = (x, value);
            if kept == 1 {
                below *= 0.5;
            }
            kept = 1;
        } else {
            (low, below) = (x, value);
            if kept == -1 {
                above *= 0.5;
            }
            kept = -1;
        }
    }
    Ok(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::hedges_g;
    use crate::rng::Rng;

    fn normal(rng: &mut Rng, n: usize, shift: f64) -> Vec<f64> {
        (0..n).map(|_| rng.standard_normal() + shift).collect()
    }

    #[test]
    fn ends_are_the_non_centralities_that_make_the_data_extreme() {
        let mut rng = Rng::new(8);
        for (n, m, shift) in [(5, 9, 0.0), (30, 20, 1.0), (3, 3, -4.0)] {
            let (a, b) = (normal(&mut rng, n, shift), normal(&mut rng, m, 0.0));
            let d = cohen_d(&a, &b).unwrap().value;
            let interval = cohen_d_interval(&a, &b, 0.9).unwrap();
            let scale = (1.0 / n as f64 + 1.0 / m as f64).sqrt();
            let at = |end: f64| NoncentralT::new((n + m - 2) as f64, end / scale).unwrap();
            assert!((at(interval.low).sf(d / scale) - 0.05).abs() < 1e-12);
            assert!((at(interval.high).cdf(d / scale) - 0.05).abs() < 1e-12);
            assert!(interval.contains(d));
            let g = hedges_g_interval(&a, &b, 0.9).unwrap();
            assert!(g.contains(hedges_g(&a, &b).unwrap().value));
            let back = cohen_d_interval(&b, &a, 0.9).unwrap();
            assert!((back.low + interval.high).abs() < 1e-9);
        }
    }

    /// Coverage of d = 0.8 and of the delta that belongs to it, 2 Φ(0.8 / √2) − 1.
    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let mut rng = Rng::new(21);
        let delta = 2.0 * crate::distribution::Normal::STANDARD.cdf(0.8 / 2f64.sqrt()) - 1.0;
        let runs = 400;
        let (mut of_d, mut of_delta) = (0, 0);
        for _ in 0..runs {
            let (a, b) = (normal(&mut rng, 12, 0.8), normal(&mut rng, 18, 0.0));
            of_d += u32::from(cohen_d_interval(&a, &b, 0.9).unwrap().contains(0.8));
            of_delta += u32::from(cliffs_delta_interval(&a, &b, 0.9).unwrap().contains(delta));
        }
        let rate = |covered: u32| f64::from(covered) / f64::from(runs);
        // Three standard errors of 400 runs are 4.5 points.
        assert!((rate(of_d) - 0.9).abs() < 0.045, "{}", rate(of_d));
        assert!((rate(of_delta) - 0.9).abs() < 0.05, "{}", rate(of_delta));
    }

    #[test]
    fn edges() {
        let apart = cliffs_delta_interval(&[5.0, 6.0, 7.0], &[1.0, 2.0], 0.95).unwrap();
        assert!(apart.high == 1.0 && apart.low < 0.9);
        let mirrored = cliffs_delta_interval(&[1.0, 2.0], &[5.0, 6.0, 7.0], 0.95).unwrap();
        assert_eq!((mirrored.low, mirrored.high), (-apart.high, -apart.low));
        let same = cliffs_delta_interval(&[1.0; 4], &[1.0; 5], 0.95).unwrap();
        assert!(same.contains(0.0));
        let one = cliffs_delta_interval(&[1.0], &[1.0, 2.0], 0.95);
        assert_eq!(one, Err(StatsError::TooFew { need: 2, got: 1 }));
        assert_eq!(
            cohen_d_interval(&[1.0; 3], &[2.0; 3], 0.95),
            Err(StatsError::ZeroVariance)
        );
        assert!(cohen_d_interval(&[1.0, 2.0], &[2.0, 4.0], 1.0).is_err());
        assert!(cliffs_delta_interval(&[f64::NAN; 2], &[2.0, 4.0], 0.9).is_err());
        let tight = cohen_d_interval(&[1e9, 1e9 + 1e-6], &[0.0, 1e-6], 0.95).unwrap();
        assert!(tight.low.is_finite() && tight.low < tight.high);
    }
}
