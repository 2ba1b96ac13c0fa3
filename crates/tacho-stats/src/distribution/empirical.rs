//! The distribution that a sample itself is: its steps, a band around them, and its bars.
//!
//! Sources: Dvoretzky, Kiefer & Wolfowitz (1956) with Massart's constant, Annals of Probability 18
//! (1990), for the band; Freedman & Diaconis, "On the histogram as a density estimator", Zeitschrift
//! für Wahrscheinlichkeitstheorie 57 (1981), for the width of bars.

use crate::error::{self, Result, StatsError, in_range};
use crate::quantile::{QuantileType, SortedSample};

/// The empirical distribution function of a sample.
///
/// ```
/// use tacho_stats::distribution::Empirical;
///
/// let ecdf = Empirical::new(&[3.0, 1.0, 2.0, 2.0])?;
/// assert_eq!((ecdf.cdf(2.0), ecdf.cdf(1.9)), (0.75, 0.25));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Empirical {
    sample: SortedSample,
}

impl Empirical {
    /// Of at least one observation.
    pub fn new(x: &[f64]) -> Result<Self> {
        Ok(Self {
            sample: SortedSample::new(x)?,
        })
    }

    /// The share of observations at or below `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        let values = self.sample.as_slice();
        values.partition_point(|v| *v <= x) as f64 / values.len() as f64
    }

    /// Half the height of the band around [`Self::cdf`] that holds the true distribution function
    /// everywhere at once with at least `level`.
    pub fn band(&self, level: f64) -> Result<f64> {
        error::level(level)?;
        let n = self.sample.as_slice().len() as f64;
        Ok(((2.0 / (1.0 - level)).ln() / (2.0 * n)).sqrt().min(1.0))
    }

    /// `(value, share at or below it)` of each distinct value: where the function steps, and to.
    pub fn steps(&self) -> impl Iterator<Item = (f64, f64)> {
        let values = self.sample.as_slice();
        let mut seen = 0;
        values.chunk_by(|a, b| a == b).map(move |same| {
            seen += same.len();
            (same[0], seen as f64 / values.len() as f64)
        })
    }

    /// Bars of equal width by Freedman and Diaconis' rule, at most `bars_max`.
    pub fn histogram(&self, bars_max: usize) -> Result<BarHistogram> {
        let values = self.sample.as_slice();
        let (low, high) = (values[0], values[values.len() - 1]);
        let quartile = |p: f64| self.sample.quantile(p, QuantileType::Linear7);
        let spread = quartile(0.75)? - quartile(0.25)?;
        let width = 2.0 * spread / (values.len() as f64).cbrt();
        // Where half of the observations are equal the rule has no width; Sturges' has.
        let bars = if width > 0.0 {
            ((high - low) / width).ceil()
        } else {
            (values.len() as f64).log2().ceil() + 1.0
        };
        let bars = if low == high { 1.0 } else { bars.max(1.0) };
        BarHistogram::new(values, low, high, bars.min(bars_max.max(1) as f64) as usize)
    }
}

/// Counts in bars of equal width, for drawing a distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct BarHistogram {
    low: f64,
    width: f64,
    counts: Vec<u64>,
    outside: [u64; 2],
}

impl BarHistogram {
    /// `bars` bars (at least one) from `low` to `high`; the last one holds its upper end too.
    pub fn new(x: &[f64], low: f64, high: f64, bars: usize) -> Result<Self> {
        error::observations(x, 0)?;
        if bars == 0 || !low.is_finite() || !high.is_finite() || low > high {
            return Err(StatsError::Invalid {
                name: "bars",
                why: "at least one between finite, ascending ends",
            });
        }
        let width = in_range("the width of a bar", (high - low) / bars as f64)?;
        let mut counts = vec![0; bars];
        let mut outside = [0; 2];
        for v in x {
            if *v < low {
                outside[0] += 1;
            } else if *v > high {
                outside[1] += 1;
            } else {
                let bar = ((v - low) / width) as usize;
                counts[bar.min(bars - 1)] += 1;
            }
        }
        Ok(Self {
            low,
            width,
            counts,
            outside,
        })
    }

    /// `(lower end, upper end, count)` of each bar.
    pub fn bars(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        let end = |k: usize| self.width.mul_add(k as f64, self.low);
        let bar = move |(k, count): (usize, &u64)| (end(k), end(k + 1), *count);
        self.counts.iter().enumerate().map(bar)
    }

    /// Observations below the first and above the last bar.
    pub fn outside(&self) -> [u64; 2] {
        self.outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn steps_and_band() {
        let ecdf = Empirical::new(&[2.0, 1.0, 2.0, 5.0]).unwrap();
        let steps: Vec<(f64, f64)> = ecdf.steps().collect();
        assert_eq!(steps, [(1.0, 0.25), (2.0, 0.75), (5.0, 1.0)]);
        assert_eq!((ecdf.cdf(-1.0), ecdf.cdf(f64::INFINITY)), (0.0, 1.0));
        // sqrt(ln(40) / 200) for a hundred observations at 95 %.
        let hundred = Empirical::new(&[0.0; 100]).unwrap();
        assert!((hundred.band(0.95).unwrap() - 0.135_810_15).abs() < 1e-8);
        assert!(hundred.band(1.0).is_err() && Empirical::new(&[]).is_err());
    }

    #[test]
    fn bars_hold_every_observation_once() {
        let mut rng = Rng::new(1);
        let x: Vec<f64> = (0..1000).map(|_| rng.standard_normal()).collect();
        let bars = Empirical::new(&x).unwrap().histogram(100).unwrap();
        let counts: Vec<u64> = bars.bars().map(|(_, _, count)| count).collect();
        assert!((15..60).contains(&counts.len()), "{}", counts.len());
        assert_eq!((counts.iter().sum::<u64>(), bars.outside()), (1000, [0, 0]));
        for (low, high, count) in bars.bars() {
            let inside = x.iter().filter(|v| (low..high).contains(*v)).count() as u64;
            assert!(
                inside.abs_diff(count) <= 1,
                "{low} {high}: {inside} {count}"
            );
        }
    }

    #[test]
    fn odd_samples() {
        let one = Empirical::new(&[7.0; 9]).unwrap().histogram(10).unwrap();
        assert_eq!(one.bars().collect::<Vec<_>>(), [(7.0, 7.0, 9)]);
        let mostly = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0];
        let bars = Empirical::new(&mostly).unwrap().histogram(100).unwrap();
        assert_eq!(bars.bars().map(|(_, _, count)| count).sum::<u64>(), 7);
        let huge = [-f64::MAX, f64::MAX];
        assert!(BarHistogram::new(&huge, -f64::MAX, f64::MAX, 2).is_err());
        assert!(BarHistogram::new(&[f64::NAN], 0.0, 1.0, 2).is_err());
        assert!(BarHistogram::new(&[1.0], 0.0, 1.0, 0).is_err());
        let part = BarHistogram::new(&[-1.0, 0.5, 1.0, 2.0], 0.0, 1.0, 2).unwrap();
        assert_eq!(part.outside(), [1, 1]);
        assert_eq!(part.bars().map(|(_, _, c)| c).collect::<Vec<_>>(), [0, 2]);
    }
}
