//! The Hodges-Lehmann shift: the median of all differences between two samples.
//!
//! Invariant: exact order statistics of the n·m differences, never formed: their count below a
//! threshold takes one merge, and a few dozen thresholds find each order statistic, so that the cost
//! is that of sorting.
//! Sources: Hodges & Lehmann, Annals of Mathematical Statistics 34 (1963); the interval is Moses',
//! in Hollander & Wolfe, "Nonparametric statistical methods", as in R's `wilcox.test`.

use super::EffectClass;
use crate::distribution::Normal;
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::{Interval, dominance};
use crate::mannwhitney::{null_distribution, null_sd};
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
    let low_middle = differences.select(pairs.div_ceil(2));
    let high_middle = if pairs % 2 == 1 {
        low_middle
    } else {
        differences.select(pairs / 2 + 1)
    };
    let shift = 0.5 * low_middle + 0.5 * high_middle;
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
    let pairs = counts.pairs as f64;
    if counts.tie_term == 0.0 && a.len().max(b.len()) < EXACT_BELOW {
        let pmf = null_distribution(a.len(), b.len());
        let (mut below, mut rank) = (0.0, 0);
        for p in pmf {
            // A tail equal to `tail` but for rounding counts as reaching it.
            if below + p >= tail * (1.0 - 1e-12) {
                break;
            }
            below += p;
            rank += 1;
        }
        let rank = rank.max(1);
        let outside = if below == 0.0 {
            null_distribution(a.len(), b.len())[0]
        } else {
            below
        };
        return Ok((rank, 1.0 - 2.0 * outside.min(0.5)));
    }
    let sd = null_sd(a.len() as f64, b.len() as f64, counts.tie_term);
    let z = Normal::STANDARD.inverse_sf(tail)?;
    let rank = (0.5 * pairs - z * sd - 0.5)
        .ceil()
        .clamp(1.0, (0.5 * pairs).ceil().max(1.0));
    Ok((rank as u64, level))
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
struct Differences<'a> {
    a: &'a [f64],
    b: &'a [f64],
}

impl<'a> Differences<'a> {
    fn new(a: &'a [f64], b: &'a [f64]) -> Result<Self> {
        in_range("a difference", a[a.len() - 1] - b[0])?;
        in_range("a difference", a[0] - b[b.len() - 1])?;
        Ok(Self { a, b })
    }

    fn count(&self) -> u64 {
        self.a.len() as u64 * self.b.len() as u64
    }

    /// The difference of the given rank, from 1.
    ///
    /// Brackets the value between thresholds with known counts, by interpolation in turn with
    /// bisection over the bits, until few enough differences remain to be looked at one by one.
    fn select(&self, rank: u64) -> f64 {
        let few = 4 * (self.a.len() + self.b.len()) as u64 + 64;
        // Counts at or below: fewer than `rank` at `low`, at least `rank` at `high`.
        let mut low = to_ordered(self.a[0] - self.b[self.b.len() - 1]) - 1;
        let mut high = to_ordered(self.a[self.a.len() - 1] - self.b[0]);
        let (mut below, mut reached) = (0, self.count());
        let mut step = 0;
        while reached - below > few && high - low > 1 {
            let (from, to) = (from_ordered(low), from_ordered(high));
            let share = (rank - below) as f64 / (reached - below) as f64;
            let interpolated = to_ordered(from + (to - from) * share);
            step += 1;
            let bisect = step % 3 == 0 || !(low + 1..high).contains(&interpolated);
            let middle = if bisect {
                low + ((high - low) >> 1)
            } else {
                interpolated
            };
            let count = self.at_most(from_ordered(middle));
            if count >= rank {
                (high, reached) = (middle, count);
            } else {
                (low, below) = (middle, count);
            }
        }
        // Adding zero turns −0 into 0.
        if high - low == 1 {
            return from_ordered(high) + 0.0;
        }
        let mut rest = self.between(from_ordered(low), from_ordered(high));
        let index = (rank - below - 1) as usize;
        let (_, value, _) = rest.select_nth_unstable_by(index, f64::total_cmp);
        *value + 0.0
    }

    /// The differences above `low` and at most `high`.
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

    /// How many differences are at most `threshold`; rounding of a − b is monotone, so one merge
    /// counts the rounded differences exactly.
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
}

/// Doubles as integers in the same order; the two zeros, which compare equal, share one.
fn to_ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 {
        !bits + 1
    } else {
        bits | (1 << 63)
    }
}

fn from_ordered(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 {
        key & !(1 << 63)
    } else {
        !(key - 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_the_order_and_skip_nothing() {
        let values = [-1e308, -1.0, -5e-324, 0.0, 5e-324, 1.0, 1e308];
        let keys = values.map(to_ordered);
        assert!(keys.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(keys.map(from_ordered), values);
        assert_eq!(to_ordered(0.0) - 1, to_ordered(-5e-324));
        assert_eq!(to_ordered(-0.0), to_ordered(0.0));
    }

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
