//! The Hodges-Lehmann shift: the median of all differences between two samples.
//!
//! Invariant: exact order statistics of the n·m differences, never formed ([`pairwise`]): the cost
//! is that of sorting, and memory is linear.
//! Sources: Hodges & Lehmann, Annals of Mathematical Statistics 34 (1963); the interval is Moses',
//! in Hollander & Wolfe, "Nonparametric statistical methods", as in R's `wilcox.test`.

use super::EffectClass;
use crate::distribution::Normal;
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::{Interval, dominance};
use crate::mannwhitney::{null_distribution, null_sd};
use crate::pairwise::{self, Pairs};
use crate::quantile::{QuantileType, SortedSample, quantile};

/// Below this size of both samples, and without ties, the interval is exact.
const EXACT_BELOW: usize = 50;
/// The median absolute deviation of a normal distribution, as a multiple of its sd, inverted.
const MAD_TO_SD: f64 = 1.482_602_218_505_602;

/// A location shift with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HodgesLehmann {
    /// Median of all differences a − b.
    pub shift: f64,
    /// Interval of the shift; its level is the one attained, which in small samples can differ
    /// from the one asked for.
    pub interval: Interval,
    /// The shift in units of a robust standard deviation (1.4826 times the median absolute
    /// deviation about the two medians); none where that is zero.
    pub standardised: Option<f64>,
    /// Class of `standardised` by Cohen's thresholds.
    pub class: Option<EffectClass>,
}

/// The shift of `a` against `b` with an interval at `level`.
pub fn hodges_lehmann(a: &[f64], b: &[f64], level: f64) -> Result<HodgesLehmann> {
    error::level(level)?;
    observations(a, 1)?;
    observations(b, 1)?;
    let (sa, sb) = (SortedSample::new(a)?, SortedSample::new(b)?);
    let differences = Differences::new(sa.as_slice(), sb.as_slice())?;
    let pairs = differences.count();
    let shift = differences.median();
    let (rank, attained) = interval_rank(sa.as_slice(), sb.as_slice(), level)?;
    let interval = Interval {
        low: differences.select(rank),
        high: differences.select(pairs + 1 - rank),
        level: attained,
    };
    let scale = robust_sd(&sa, &sb)?;
    let standardised = (scale > 0.0)
        .then(|| shift / scale)
        .filter(|d| d.is_finite());
    let class = standardised.map(EffectClass::of_standardised);
    Ok(HodgesLehmann {
        shift,
        interval,
        standardised,
        class,
    })
}

/// The rank of the difference at the lower end, from 1, and the level that it attains.
fn interval_rank(a: &[f64], b: &[f64], level: f64) -> Result<(u64, f64)> {
    let tail = 0.5 * (1.0 - level);
    let counts = dominance(a, b);
    if counts.tie_term == 0.0 && a.len().max(b.len()) < EXACT_BELOW {
        let pmf = null_distribution(a.len(), b.len());
        let (rank, outside) = pairwise::exact_rank(&pmf, tail);
        return Ok((rank, 1.0 - 2.0 * outside));
    }
    let sd = null_sd(a.len() as f64, b.len() as f64, counts.tie_term);
    let z = Normal::STANDARD.inverse_sf(tail)?;
    Ok((pairwise::normal_rank(counts.pairs, z * sd), level))
}

fn robust_sd(a: &SortedSample, b: &SortedSample) -> Result<f64> {
    let mut residuals = Vec::with_capacity(a.as_slice().len() + b.as_slice().len());
    for sample in [a, b] {
        let centre = sample.quantile(0.5, QuantileType::Linear7)?;
        residuals.extend(sample.as_slice().iter().map(|v| (v - centre).abs()));
    }
    if residuals.iter().any(|r| r.is_infinite()) {
        return Err(StatsError::Overflow {
            what: "a deviation from the median",
        });
    }
    Ok(MAD_TO_SD * quantile(&residuals, 0.5, QuantileType::Linear7)?)
}

/// All differences a[i] − b[j] of two ascending slices, as an implicit sorted matrix.
pub(crate) struct Differences<'a> {
    a: &'a [f64],
    b: &'a [f64],
}

impl<'a> Differences<'a> {
    /// Refuses samples whose differences leave the range of `f64`; neither may be empty.
    pub(crate) fn new(a: &'a [f64], b: &'a [f64]) -> Result<Self> {
        in_range("a difference", a[a.len() - 1] - b[0])?;
        in_range("a difference", a[0] - b[b.len() - 1])?;
        Ok(Self { a, b })
    }

    pub(crate) fn median(&self) -> f64 {
        let (low, high) = self.middle();
        0.5 * low + 0.5 * high
    }
}

impl Pairs for Differences<'_> {
    fn count(&self) -> u64 {
        self.a.len() as u64 * self.b.len() as u64
    }

    fn range(&self) -> (f64, f64) {
        let (a, b) = (self.a, self.b);
        (a[0] - b[b.len() - 1], a[a.len() - 1] - b[0])
    }

    fn few(&self) -> u64 {
        4 * (self.a.len() + self.b.len()) as u64 + 64
    }

    /// Rounding of a − b is monotone, so one merge counts the rounded differences exactly.
    fn at_most(&self, threshold: f64) -> u64 {
        let (mut j, mut total) = (0, 0);
        for x in self.a {
            while j < self.b.len() && x - self.b[j] > threshold {
                j += 1;
            }
            total += (self.b.len() - j) as u64;
        }
        total
    }

    fn between(&self, low: f64, high: f64) -> Vec<f64> {
        let mut found = Vec::new();
        let mut from = 0;
        for x in self.a {
            while from < self.b.len() && x - self.b[from] > high {
                from += 1;
            }
            let differences = self.b[from..].iter().map(|y| x - y);
            found.extend(differences.take_while(|d| *d > low));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_all_pairs() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            ((state >> 33) % 40) as f64 / 8.0 - 2.0
        };
        for (n, m) in [(1, 1), (1, 4), (3, 5), (20, 31), (64, 64), (90, 101)] {
            let a: Vec<f64> = (0..n).map(|_| next()).collect();
            let b: Vec<f64> = (0..m).map(|_| next()).collect();
            let mut all: Vec<f64> = a
                .iter()
                .flat_map(|x| b.iter().map(move |y| x - y))
                .collect();
            all.sort_by(f64::total_cmp);
            let (sa, sb) = (
                SortedSample::new(&a).unwrap(),
                SortedSample::new(&b).unwrap(),
            );
            let implicit = Differences::new(sa.as_slice(), sb.as_slice()).unwrap();
            for (index, want) in all.iter().enumerate() {
                assert_eq!(implicit.select(index as u64 + 1), *want);
            }
        }
    }

    /// By hand: the exact distribution has P(U ≤ 0) = 1/35 > 0.025, so that the interval is the
    /// whole range, from 1.1 − 5.5 to 4.4 − 0.5.
    #[test]
    fn small_samples_say_the_level_they_attain() {
        let hl = hodges_lehmann(&[1.1, 2.2, 3.3, 4.4], &[0.5, 0.7, 5.5], 0.95).unwrap();
        assert!((hl.interval.low - -4.4).abs() < 1e-15 && (hl.interval.high - 3.9).abs() < 1e-15);
        assert!((hl.interval.level - (1.0 - 2.0 / 35.0)).abs() < 1e-12);
        assert!(hodges_lehmann(&[1e308], &[-1e308], 0.95).is_err());
        assert_eq!(
            hodges_lehmann(&[1.0; 3], &[1.0; 3], 0.95)
                .unwrap()
                .standardised,
            None
        );
    }
}
