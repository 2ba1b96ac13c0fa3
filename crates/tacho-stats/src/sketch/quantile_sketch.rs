//! Quantiles within a stated relative error, from a stream of any length.
//!
//! A value goes to the bin of its logarithm; a quantile is the middle of the bin that its rank falls
//! into, which is off by at most the error asked for, relative to the observation of that rank.
//!
//! Invariants:
//! 1. merging is associative and commutative: counts to the same bits, the sum up to rounding;
//! 2. memory is at most [`BINS_MAX`] counts for each sign; beyond it the values nearest to zero are
//!    thrown together and [`QuantileSketch::quantile`] says so;
//! 3. the extremes are exact.
//!
//! Source: Masson, Rim & Lee, "`DDSketch`: a fast and fully-mergeable quantile sketch with
//! relative-error guarantees", VLDB (2019).

use super::bins::Bins;
use crate::error::{Result, StatsError, probability};

/// Most bins for each sign. At an error of 1 % they span 17 powers of ten.
pub const BINS_MAX: usize = 2048;

/// A summary of a stream that knows its quantiles.
///
/// ```
/// use tacho_stats::sketch::QuantileSketch;
///
/// let (mut morning, mut evening) = (QuantileSketch::new(0.01)?, QuantileSketch::new(0.01)?);
/// for ms in 1..=500 {
///     morning.add(f64::from(ms))?;
///     evening.add(f64::from(ms + 500))?;
/// }
/// morning.merge(&evening)?;
/// let p99 = morning.quantile(0.99)?;
/// assert!((p99 / 990.0 - 1.0).abs() < 0.01);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileSketch {
    relative_error: f64,
    log_base: f64,
    zero: u64,
    positive: Bins,
    negative: Bins,
    sum: f64,
    min: f64,
    max: f64,
}

impl QuantileSketch {
    /// An empty sketch whose quantiles are off by at most `relative_error`, 0.0001 to 0.5.
    pub fn new(relative_error: f64) -> Result<Self> {
        if !(1e-4..=0.5).contains(&relative_error) {
            return Err(StatsError::Invalid {
                name: "relative_error",
                why: "it must lie in 0.0001..=0.5",
            });
        }
        Ok(Self {
            relative_error,
            log_base: 2.0 * relative_error.atanh(),
            zero: 0,
            positive: Bins::new(BINS_MAX),
            negative: Bins::new(BINS_MAX),
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        })
    }

    /// Adds a finite value.
    pub fn add(&mut self, value: f64) -> Result<()> {
        self.add_many(value, 1)
    }

    /// Adds a finite value `count` times.
    pub fn add_many(&mut self, value: f64, count: u64) -> Result<()> {
        if !value.is_finite() {
            let index = usize::try_from(self.count()).unwrap_or(usize::MAX);
            return Err(StatsError::NotFinite { index });
        }
        if count == 0 {
            return Ok(());
        }
        if value > 0.0 {
            self.positive.add(self.index(value), count);
        } else if value < 0.0 {
            self.negative.add(self.index(-value), count);
        } else {
            self.zero = self.zero.saturating_add(count);
        }
        self.sum += value * count as f64;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        Ok(())
    }

    /// Adds everything that `other` holds; both must have the same relative error.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if self.relative_error != other.relative_error {
            return Err(StatsError::Invalid {
                name: "other",
                why: "only sketches of one relative error can be merged",
            });
        }
        self.zero = self.zero.saturating_add(other.zero);
        self.positive.merge(&other.positive);
        self.negative.merge(&other.negative);
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        Ok(())
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        let signed = self.positive.total().saturating_add(self.negative.total());
        signed.saturating_add(self.zero)
    }

    /// Sum of the values; it may leave the range of a double.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Smallest and largest value, exact; none of nothing.
    pub fn range(&self) -> Option<(f64, f64)> {
        (self.min <= self.max).then_some((self.min, self.max))
    }

    /// The relative error that was asked for.
    pub fn relative_error(&self) -> f64 {
        self.relative_error
    }

    /// The value of rank ⌊p (n − 1)⌋, within the relative error.
    ///
    /// Fails with [`StatsError::Overflow`] where the rank falls among values so near to zero,
    /// compared with the largest, that they were thrown together.
    pub fn quantile(&self, p: f64) -> Result<f64> {
        probability("p", p)?;
        let n = self.count();
        let Some((min, max)) = self.range() else {
            return Err(StatsError::TooFew { need: 1, got: 0 });
        };
        let rank = (p * (n - 1) as f64).floor();
        if rank <= 0.0 {
            return Ok(min);
        }
        if rank >= (n - 1) as f64 {
            return Ok(max);
        }
        let negative = self
            .negative
            .iter()
            .rev()
            .map(|(i, count)| (i, -1.0, count));
        let zero = [(0, 0.0, self.zero)];
        let positive = self.positive.iter().map(|(i, count)| (i, 1.0, count));
        let mut seen = 0u64;
        for (index, sign, count) in negative.chain(zero).chain(positive) {
            seen = seen.saturating_add(count);
            if (seen as f64) <= rank {
                continue;
            }
            let bins = if sign < 0.0 {
                &self.negative
            } else {
                &self.positive
            };
            if sign != 0.0 && bins.uncertain() == Some(index) {
                return Err(StatsError::Overflow {
                    what: "a quantile of more magnitudes than the sketch keeps apart",
                });
            }
            return Ok((sign * self.middle(index)).clamp(min, max));
        }
        Ok(max)
    }

    /// The bin of a positive value: it holds (base^(i−1), base^i].
    fn index(&self, magnitude: f64) -> i32 {
        (magnitude.ln() / self.log_base).ceil() as i32
    }

    /// The value that errs least for either end of a bin: 2 base^i / (base + 1).
    fn middle(&self, index: i32) -> f64 {
        (f64::from(index) * self.log_base).exp() * (1.0 - self.relative_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn sketch(values: &[f64], relative_error: f64) -> QuantileSketch {
        let mut sketch = QuantileSketch::new(relative_error).unwrap();
        for value in values {
            sketch.add(*value).unwrap();
        }
        sketch
    }

    #[test]
    fn quantiles_are_as_near_as_promised() {
        let mut rng = Rng::new(1);
        for error in [0.005, 0.01, 0.1] {
            for shape in 0..3 {
                let mut values: Vec<f64> = (0..5000)
                    .map(|_| match shape {
                        0 => rng.standard_normal().exp(),
                        1 => rng.standard_normal(),
                        _ => rng.below(5) as f64 - 2.0,
                    })
                    .collect();
                let sketch = sketch(&values, error);
                values.sort_unstable_by(f64::total_cmp);
                for p in [0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
                    let want = values[(p * 4999.0) as usize];
                    let got = sketch.quantile(p).unwrap();
                    let slack = error * want.abs() * (1.0 + 1e-9);
                    assert!(
                        (got - want).abs() <= slack,
                        "{error} {shape} {p}: {got} {want}"
                    );
                }
            }
        }
    }

    #[test]
    fn too_many_magnitudes_are_said_to_be_too_many() {
        let mut all = QuantileSketch::new(0.01).unwrap();
        let mut value = 1e-300;
        for _ in 0..=600 {
            all.add(value).unwrap();
            value *= 10.0;
        }
        assert_eq!(all.count(), 601);
        assert!(matches!(
            all.quantile(0.5),
            Err(StatsError::Overflow { .. })
        ));
        let high = all.quantile(0.999).unwrap();
        assert!((high / 1e299 - 1.0).abs() < 0.011, "{high}");
        assert_eq!(all.range(), Some((1e-300, value / 10.0)));
    }

    #[test]
    fn bad_input_is_refused_and_changes_nothing() {
        assert!(QuantileSketch::new(0.0).is_err() && QuantileSketch::new(f64::NAN).is_err());
        let mut sketch = QuantileSketch::new(0.01).unwrap();
        assert_eq!(
            sketch.quantile(0.5),
            Err(StatsError::TooFew { need: 1, got: 0 })
        );
        let empty = sketch.clone();
        assert!(sketch.add(f64::NAN).is_err() && sketch.add(f64::INFINITY).is_err());
        sketch.add_many(1.0, 0).unwrap();
        assert_eq!(sketch, empty);
        for value in [5e-324, -5e-324, f64::MAX, -f64::MAX, 0.0, -0.0] {
            sketch.add_many(value, u64::MAX).unwrap();
        }
        assert!(sketch.quantile(1.5).is_err());
        assert_eq!(sketch.quantile(1.0), Ok(f64::MAX));
        assert!(sketch.merge(&QuantileSketch::new(0.02).unwrap()).is_err());
    }
}
