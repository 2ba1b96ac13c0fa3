//! Sample quantiles of the nine types in use.
//!
//! Invariant: a quantile lies between the smallest and largest observation and does not fall as the
//! probability rises. Not for streams or histograms, which have sketches of their own.
//! Source: Hyndman & Fan, "Sample quantiles in statistical packages", The American Statistician 50
//! (1996).

mod interval;
mod large;

use crate::error::{Result, StatsError, observations, probability, same_length};
use crate::sort;

/// How a quantile between two observations is defined (Hyndman & Fan's numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum QuantileType {
    /// 1: inverse of the empirical distribution function.
    Inverse1,
    /// 2: as 1, with averaging at discontinuities.
    Averaged2,
    /// 3: nearest even order statistic (SAS).
    NearestEven3,
    /// 4: linear interpolation of the empirical distribution function.
    Linear4,
    /// 5: piecewise linear through the midpoints of the steps (hydrology).
    Hazen5,
    /// 6: expectations of uniform order statistics (Minitab, SPSS).
    Weibull6,
    /// 7: modes of uniform order statistics; the default of R, `NumPy` and spreadsheets.
    #[default]
    Linear7,
    /// 8: approximately median-unbiased for any distribution.
    MedianUnbiased8,
    /// 9: approximately unbiased for normal data (Blom).
    NormalUnbiased9,
}

impl QuantileType {
    /// All nine, in Hyndman & Fan's order.
    pub const ALL: [Self; 9] = [
        Self::Inverse1,
        Self::Averaged2,
        Self::NearestEven3,
        Self::Linear4,
        Self::Hazen5,
        Self::Weibull6,
        Self::Linear7,
        Self::MedianUnbiased8,
        Self::NormalUnbiased9,
    ];

    /// The two zero-based order statistics that the quantile lies between, and the upper's weight.
    pub(crate) fn position(self, n: usize, p: f64) -> (usize, usize, f64) {
        let count = n as f64;
        let np = count * p;
        // Position in one-based order statistics; type 7 is written to be exact at p = k/(n-1).
        let h = match self {
            Self::Inverse1 | Self::Averaged2 | Self::Linear4 => np,
            Self::NearestEven3 => np - 0.5,
            Self::Hazen5 => np + 0.5,
            Self::Weibull6 => np + p,
            Self::Linear7 => (count - 1.0) * p + 1.0,
            Self::MedianUnbiased8 => np + (p + 1.0) / 3.0,
            Self::NormalUnbiased9 => np + p / 4.0 + 0.375,
        };
        // A product that is an integer but for rounding counts as one, as in R.
        let nearest = h.round();
        let slack = 4.0 * f64::EPSILON * nearest.abs().max(1.0);
        let on_step = (h - nearest).abs() <= slack;
        let below = if on_step { nearest } else { h.floor() };
        let fraction = if on_step { 0.0 } else { h - below };
        let weight = match self {
            Self::Inverse1 => f64::from(!on_step),
            Self::Averaged2 => {
                if on_step {
                    0.5
                } else {
                    1.0
                }
            }
            Self::NearestEven3 => f64::from(!on_step || below.rem_euclid(2.0) != 0.0),
            _ => fraction,
        };
        let clamp = |rank: f64| rank.clamp(1.0, count) as usize - 1;
        (clamp(below), clamp(below + 1.0), weight)
    }

    /// The quantile of `n` observations whose order statistics `at` gives.
    fn between(self, n: usize, p: f64, at: impl Fn(usize) -> f64) -> f64 {
        let (low, high, weight) = self.position(n, p);
        interpolate(at(low), at(high), weight)
    }
}

/// A sample in ascending order, checked once.
///
/// 1. No observation is NaN or infinite.
/// 2. There is at least one.
/// 3. They ascend.
///
/// Together: every order statistic exists and can be read without a check.
#[derive(Debug, Clone, PartialEq)]
pub struct SortedSample {
    values: Vec<f64>,
}

impl SortedSample {
    /// Sorts a copy of `x`.
    pub fn new(x: &[f64]) -> Result<Self> {
        observations(x, 1)?;
        let values = sort::sorted(x);
        Ok(Self { values })
    }

    /// Sorts `values` in place.
    pub fn from_vec(mut values: Vec<f64>) -> Result<Self> {
        observations(&values, 1)?;
        values.sort_unstable_by(f64::total_cmp);
        Ok(Self { values })
    }

    /// The observations in ascending order.
    pub fn as_slice(&self) -> &[f64] {
        &self.values
    }

    /// The quantile at probability `p` in `0..=1`, in constant time.
    pub fn quantile(&self, p: f64, kind: QuantileType) -> Result<f64> {
        probability("p", p)?;
        Ok(kind.between(self.values.len(), p, |rank| self.values[rank]))
    }

    /// The percentiles that describe a latency.
    pub fn percentiles(&self) -> Percentiles {
        let at =
            |p: f64| QuantileType::Linear7.between(self.values.len(), p, |rank| self.values[rank]);
        let [p50, p90, p95, p99, p999] = PERCENTILES.map(at);
        Percentiles {
            p50,
            p90,
            p95,
            p99,
            p999,
        }
    }
}

const PERCENTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

/// The percentiles that describe a latency, of type 7.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
}

/// The percentiles of an unsorted sample, by selection in linear time.
pub fn percentiles(x: &[f64]) -> Result<Percentiles> {
    let q = quantiles(x, &PERCENTILES, QuantileType::Linear7)?;
    Ok(Percentiles {
        p50: q[0],
        p90: q[1],
        p95: q[2],
        p99: q[3],
        p999: q[4],
    })
}

/// One quantile of an unsorted sample, by selection in linear time.
pub fn quantile(x: &[f64], p: f64, kind: QuantileType) -> Result<f64> {
    Ok(quantiles(x, &[p], kind)?[0])
}

/// Several quantiles of an unsorted sample, by selection in linear time; one for each of `ps`.
///
/// Large samples are not copied: one pass finds them all.
pub fn quantiles(x: &[f64], ps: &[f64], kind: QuantileType) -> Result<Vec<f64>> {
    let ranks = ranks(x.len(), ps, kind)?;
    if x.len() >= large::LARGE
        && ranks.len() <= large::RANKS_MAX
        && let Some(found) = large::order_statistics(x, &ranks)?
    {
        let at = |rank: usize| found[ranks.partition_point(|r| *r < rank)];
        return Ok(ps.iter().map(|p| kind.between(x.len(), *p, at)).collect());
    }
    let mut out = vec![0.0; ps.len()];
    quantiles_in_place(&mut x.to_vec(), ps, kind, &mut out)?;
    Ok(out)
}

/// As [`quantiles`], reordering `x` rather than a copy, into `out` (one value for each of `ps`).
pub fn quantiles_in_place(
    x: &mut [f64],
    ps: &[f64],
    kind: QuantileType,
    out: &mut [f64],
) -> Result<()> {
    observations(x, 1)?;
    let ranks = ranks(x.len(), ps, kind)?;
    same_length(ps.len(), out.len())?;
    select(x, &ranks, 0);
    for (p, slot) in ps.iter().zip(out) {
        *slot = kind.between(x.len(), *p, |rank| x[rank]);
    }
    Ok(())
}

/// The order statistics that quantiles at `ps` of `n` observations lie between, ascending.
fn ranks(n: usize, ps: &[f64], kind: QuantileType) -> Result<Vec<usize>> {
    if n == 0 {
        return Err(StatsError::TooFew { need: 1, got: 0 });
    }
    for p in ps {
        probability("p", *p)?;
    }
    let ends = |p: &f64| {
        let (low, high, _) = kind.position(n, *p);
        [low, high]
    };
    let mut ranks: Vec<usize> = ps.iter().flat_map(ends).collect();
    ranks.sort_unstable();
    ranks.dedup();
    Ok(ranks)
}

/// Puts every order statistic named in `ranks` (ascending, distinct, offset by `start`) in place.
fn select(x: &mut [f64], ranks: &[usize], start: usize) {
    let middle = ranks.len() / 2;
    let Some(&rank) = ranks.get(middle) else {
        return;
    };
    let (below, _, above) = x.select_nth_unstable_by(rank - start, f64::total_cmp);
    select(below, &ranks[..middle], start);
    select(above, &ranks[middle + 1..], rank + 1);
}

/// Between `low` and `high`, never outside them, and without overflow.
pub(crate) fn interpolate(low: f64, high: f64, weight: f64) -> f64 {
    if low == high || weight == 0.0 {
        return low;
    }
    let span = high - low;
    let value = if span.is_infinite() {
        low * (1.0 - weight) + high * weight
    } else if weight < 0.5 {
        low + weight * span
    } else {
        high - (1.0 - weight) * span
    };
    value.clamp(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from Hyndman & Fan's table 1, for 1, 2, 4, 8, 16, 32.
    #[test]
    fn nine_types_on_a_small_sample() {
        let x = [32.0, 1.0, 16.0, 2.0, 8.0, 4.0];
        let expected = [
            [1.0, 2.0, 4.0, 32.0],
            [1.0, 2.0, 6.0, 32.0],
            [1.0, 2.0, 4.0, 16.0],
            [1.0, 1.5, 4.0, 22.4],
            [1.1, 2.0, 6.0, 30.4],
            [1.0, 1.75, 6.0, 32.0],
            [1.5, 2.5, 6.0, 24.0],
            [1.0, 1.916_666_666_666_666_7, 6.0, 32.0],
            [1.0, 1.937_5, 6.0, 32.0],
        ];
        for (kind, row) in QuantileType::ALL.into_iter().zip(expected) {
            for (p, want) in [0.1, 0.25, 0.5, 0.9].into_iter().zip(row) {
                let got = quantile(&x, p, kind).unwrap();
                assert!(
                    (got - want).abs() < 1e-12,
                    "{kind:?} at {p}: {got}, not {want}"
                );
            }
        }
    }

    /// The pass over a large sample finds what sorting finds, whatever the values look like.
    #[test]
    fn large_samples_agree_with_sorting() {
        let n = large::LARGE + 17;
        let mut rng = crate::rng::Rng::new(1);
        let mut check = |what: &str, value: &mut dyn FnMut(usize, f64) -> f64| {
            let x: Vec<f64> = (0..n).map(|i| value(i, rng.standard_normal())).collect();
            let sorted = SortedSample::new(&x).unwrap();
            let ps = [0.0, 1e-4, 0.25, 0.5, 0.500_001, 0.99, 0.9999, 1.0];
            for kind in QuantileType::ALL {
                let got = quantiles(&x, &ps, kind).unwrap();
                let want: Vec<f64> = ps
                    .iter()
                    .map(|p| sorted.quantile(*p, kind).unwrap())
                    .collect();
                assert_eq!(got, want, "{what} {kind:?}");
            }
        };
        check("normal", &mut |_, z| z);
        check("log-normal", &mut |_, z| (3.0 * z).exp());
        check("rounded", &mut |_, z| z.round());
        check("constant", &mut |_, _| 7.0);
        check("ascending", &mut |i, _| i as f64);
        check("saw-tooth", &mut |i, _| (i % 1000) as f64);
        check("one of them", &mut |i, _| f64::from(i == 5));
        let mut x = vec![0.0; n];
        x[n - 1] = f64::NAN;
        let refused = Err(StatsError::NotFinite { index: n - 1 });
        assert_eq!(quantiles(&x, &[0.5], QuantileType::Linear7), refused);
    }

    #[test]
    fn extremes() {
        assert_eq!(
            quantile(&[1e308, -1e308], 0.5, QuantileType::Linear7),
            Ok(0.0)
        );
        assert_eq!(quantile(&[7.0], 0.3, QuantileType::Hazen5), Ok(7.0));
        assert!(quantile(&[1.0], 1.5, QuantileType::Linear7).is_err());
        assert!(quantile(&[1.0], f64::NAN, QuantileType::Linear7).is_err());
        assert_eq!(
            quantiles(&[], &[0.5], QuantileType::Linear7),
            Err(StatsError::TooFew { need: 1, got: 0 })
        );
    }
}
