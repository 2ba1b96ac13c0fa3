//! Is there a trend, and how steep? For series whose neighbours resemble each other.
//!
//! Invariant: p-value and interval come from one distribution, so that an interval excludes zero
//! exactly when the two-sided p-value is below 1 − level. The false-alarm rate is the nominal one
//! within the bounds of `tacho-bench calibrate --only trend` wherever [`Trend::is_decidable`].
//! Not for seasons: take them out first ([`stl`](crate::smooth::stl::Stl::deseasonalised)). A level
//! shift is a change that a line can see, too; change points tell the two apart. A random walk has
//! no trend either, and a series too short to tell one from the other is declined.
//!
//! Method: outliers are drawn in to 2.5 robust standard deviations from the Theil-Sen line (Huber's
//! pseudo-values). Every noise model of a grid then gives a generalised least-squares slope with
//! its t distribution, weighted by restricted likelihood. The slope is distributed as the mixture.
//! Sources: [`noise_models`](crate::dependence::noise_models); Bickel, "Another look at robustness",
//! Scandinavian Journal of Statistics 3 (1976), for pseudo-values; Hoeting et al., "Bayesian model
//! averaging", Statistical Science 14 (1999).

use super::theil_sen::median_slope;
use super::whittle_line::{Line, lines};
use crate::dependence::noise_models::{self, LENGTH_MAX};
use crate::describe::{mad, median};
use crate::distribution::StudentT;
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::{Alternative, Interval};
use crate::special::falling_root;

pub use crate::dependence::MIN_EFFECTIVE_N;

/// The fewest observations that [`trend`] accepts.
pub const MIN_N: usize = 8;
/// Residuals are cut at this many robust standard deviations: of normal noise 1.2 % are.
const CUT: f64 = 2.5;
/// The median absolute deviation of a standard normal number.
const NORMAL_MAD: f64 = 0.674_489_750_196_081_7;
/// Models lighter than this are left out of the mixture.
const WEIGHT_MIN: f64 = 1e-6;
/// Residuals below this part of the data are rounding.
const EXACT: f64 = 1e-13;

/// A trend; p-values and intervals are read from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// Median of the slope's distribution, in units of the series an observation.
    pub slope: f64,
    /// Number of observations.
    pub n: usize,
    /// Number of independent observations that would say as much about a mean (posterior median).
    pub effective_n: f64,
    components: Vec<Component>,
    df: f64,
}

/// One model's slope.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Component {
    weight: f64,
    slope: f64,
    standard_error: f64,
}

/// Tests a series in order of time for a trend; evenly spaced, at least [`MIN_N`] observations.
///
/// Fails with [`StatsError::ZeroVariance`] where the series is constant.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::regression::trend;
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(1);
/// let rising: Vec<f64> = (0..120).map(|t| 0.02 * f64::from(t) + rng.standard_normal()).collect();
/// let trend = trend(&rising)?;
/// assert!(trend.is_decidable());
/// assert!(trend.p(Alternative::TwoSided) < 0.01);
/// assert!(trend.interval(0.95)?.contains(0.02));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn trend(x: &[f64]) -> Result<Trend> {
    observations(x, MIN_N)?;
    if x.iter().all(|v| *v == x[0]) {
        return Err(StatsError::ZeroVariance);
    }
    let scale = scale_of(x);
    let batch = x.len().div_ceil(LENGTH_MAX);
    let y: Vec<f64> = batch_means(x, batch, scale);
    let start = median_slope(&y)?;
    let rest = pseudo_residuals(&y, start)?;
    let steps = batch as f64 * scale;
    let largest = y.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if rest.iter().all(|r| r.abs() <= EXACT * largest) {
        let slope = in_range("the slope", start / steps)?;
        return Ok(Trend::exact(x.len(), slope));
    }
    let found = lines(&rest);
    let component = |line: &Line| Component {
        weight: line.weight,
        slope: (start + line.slope) / steps,
        standard_error: line.standard_error / steps,
    };
    let components: Vec<Component> = found
        .iter()
        .filter(|line| line.weight >= WEIGHT_MIN)
        .map(component)
        .collect();
    let hidden = hidden_share(x, &rest, start, batch, scale);
    let taus = found.iter().map(|l: &Line| (l.tau * hidden, l.weight));
    let mut trend = Trend {
        slope: 0.0,
        n: x.len(),
        effective_n: noise_models::effective_n(x.len() as f64, taus),
        components,
        df: y.len() as f64 - 2.0,
    };
    for component in &trend.components {
        in_range("the slope", component.slope + component.standard_error)?;
    }
    trend.slope = trend.median();
    Ok(trend)
}

impl Trend {
    fn exact(n: usize, slope: f64) -> Self {
        let component = Component {
            weight: 1.0,
            slope,
            standard_error: 0.0,
        };
        Self {
            slope,
            n,
            effective_n: n as f64,
            components: vec![component],
            df: n as f64 - 2.0,
        }
    }

    /// Whether the series holds enough independent information for a verdict.
    pub fn is_decidable(&self) -> bool {
        self.effective_n >= MIN_EFFECTIVE_N
    }

    /// The p-value of no trend; [`Alternative::Greater`] claims that the series rises.
    pub fn p(&self, alternative: Alternative) -> f64 {
        let (below, above) = (self.below(0.0), self.above(0.0));
        match alternative {
            Alternative::Greater => below,
            Alternative::Less => above,
            Alternative::TwoSided => (2.0 * below.min(above)).min(1.0),
        }
    }

    /// The interval of the slope, in units of the series an observation.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        let alpha = 1.0 - level;
        let step = self
            .components
            .iter()
            .map(|c| c.standard_error)
            .fold(0.0, f64::max);
        if step == 0.0 {
            return Interval::around(self.slope, 0.0, level);
        }
        let down = falling_root(|d| 2.0 * self.below(self.slope - d), alpha, step);
        let up = falling_root(|d| 2.0 * self.above(self.slope + d), alpha, step);
        let (down, up) = down.zip(up).ok_or(StatsError::Overflow {
            what: "the interval",
        })?;
        Ok(Interval {
            low: self.slope - down,
            high: self.slope + up,
            level,
        })
    }

    /// Probability that the slope is at or below `slope`.
    fn below(&self, slope: f64) -> f64 {
        self.mix(|c| slope - c.slope)
    }

    fn above(&self, slope: f64) -> f64 {
        self.mix(|c| c.slope - slope)
    }

    fn mix(&self, distance: impl Fn(&Component) -> f64) -> f64 {
        let part = |c: &Component| {
            let distance = distance(c);
            // An exact line leaves no doubt; t would be 0/0 on the line itself.
            let t = if distance == 0.0 {
                0.0
            } else {
                distance / c.standard_error
            };
            c.weight * StudentT::new(self.df).map_or(0.5, |d| d.cdf(t))
        };
        self.components.iter().map(part).sum::<f64>() / self.weight()
    }

    fn weight(&self) -> f64 {
        self.components.iter().map(|c| c.weight).sum()
    }

    /// It lies between the least and the largest slope of a model.
    fn median(&self) -> f64 {
        let slopes = self.components.iter().map(|c| c.slope);
        let least = slopes.fold(f64::INFINITY, f64::min);
        let steps = self.components.iter().map(|c| c.standard_error);
        let step = steps.fold(0.0, f64::max);
        let far = falling_root(|d| self.above(least + d), 0.5, step);
        least + far.unwrap_or(0.0)
    }
}

/// What is left of the Theil-Sen line, with outliers drawn in, and blown up to make up for it.
fn pseudo_residuals(y: &[f64], slope: f64) -> Result<Vec<f64>> {
    let middle = 0.5 * (y.len() as f64 - 1.0);
    let line = |t: usize| slope * (t as f64 - middle);
    let rest: Vec<f64> = y.iter().enumerate().map(|(t, v)| v - line(t)).collect();
    let centre = median(&rest)?;
    let cut = CUT * mad(&rest)? / NORMAL_MAD;
    if cut == 0.0 {
        return Ok(rest.iter().map(|r| r - centre).collect());
    }
    let inside = rest.iter().filter(|r| (**r - centre).abs() <= cut).count();
    let blow_up = y.len() as f64 / inside as f64;
    let drawn = |r: &f64| (r - centre).clamp(-cut, cut) * blow_up;
    Ok(rest.iter().map(drawn).collect())
}

/// Averaging hides fast variation: of white noise, a batch mean keeps one part in `batch`. Returns
/// `batch` times the batches' variance over that of single observations around the line.
fn hidden_share(x: &[f64], rest: &[f64], slope: f64, batch: usize, scale: f64) -> f64 {
    if batch == 1 {
        return 1.0;
    }
    let square = |sum: f64, n: usize| sum / n as f64;
    let batches = square(rest.iter().map(|r| r * r).sum(), rest.len());
    let slope = slope / batch as f64;
    let mean = x.iter().map(|v| v * scale).sum::<f64>() / x.len() as f64;
    let middle = 0.5 * (x.len() as f64 - 1.0);
    let single = |(t, v): (usize, &f64)| (v * scale - mean - slope * (t as f64 - middle)).powi(2);
    let singles = square(x.iter().enumerate().map(single).sum(), x.len());
    batch as f64 * batches / singles
}

/// A power of two that brings the largest observation near one.
fn scale_of(x: &[f64]) -> f64 {
    let largest = x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    2f64.powi(-(largest.log2().floor().clamp(-1000.0, 1000.0) as i32))
}

/// Means of `batch` neighbours, scaled; an incomplete last batch is dropped.
fn batch_means(x: &[f64], batch: usize, scale: f64) -> Vec<f64> {
    let mean = |c: &[f64]| c.iter().map(|v| v * scale).sum::<f64>() / batch as f64;
    x.chunks_exact(batch).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn noise(seed: u64, n: usize, phi: f64) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        let mut state = rng.standard_normal() / (1.0 - phi * phi).sqrt();
        let mut next = || {
            state = phi * state + rng.standard_normal();
            state
        };
        (0..n).map(|_| next()).collect()
    }

    fn with_slope(x: &[f64], slope: f64) -> Vec<f64> {
        x.iter()
            .enumerate()
            .map(|(t, v)| v + slope * t as f64)
            .collect()
    }

    #[test]
    fn interval_and_p_value_agree() {
        for (seed, phi) in [(1, 0.0), (2, 0.5), (3, 0.8)] {
            let found = trend(&with_slope(&noise(seed, 90, phi), 0.01)).unwrap();
            let p = found.p(Alternative::TwoSided);
            let interval = found.interval(1.0 - p).unwrap();
            assert!(interval.low.abs().min(interval.high.abs()) < 1e-9 * interval.half_width());
            assert!(interval.contains(found.slope));
            let one_sided = found.p(Alternative::Less) + found.p(Alternative::Greater);
            assert!((one_sided - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn moves_with_the_data() {
        let x = noise(4, 100, 0.4);
        let base = trend(&x).unwrap();
        let steeper = trend(&with_slope(&x, 0.25)).unwrap();
        assert!((steeper.slope - base.slope - 0.25).abs() < 1e-9);
        let large: Vec<f64> = x.iter().map(|v| v * 2f64.powi(900)).collect();
        let scaled = trend(&large).unwrap();
        assert_eq!(scaled.slope, base.slope * 2f64.powi(900));
        assert_eq!(
            scaled.p(Alternative::TwoSided),
            base.p(Alternative::TwoSided)
        );
        let back: Vec<f64> = x.iter().rev().copied().collect();
        let mirrored = trend(&back).unwrap();
        assert!((mirrored.slope + base.slope).abs() < 1e-9);
        assert!((mirrored.p(Alternative::Less) - base.p(Alternative::Greater)).abs() < 1e-9);
    }

    #[test]
    fn outliers_do_not_bend_it() {
        let mut x = with_slope(&noise(5, 100, 0.0), 0.05);
        let clean = trend(&x).unwrap();
        x[97] -= 1e6;
        let bent = trend(&x).unwrap();
        assert!((bent.slope - clean.slope).abs() < 0.01);
        assert!(bent.p(Alternative::TwoSided) < 1e-6);
    }

    #[test]
    fn memory_costs_effective_observations() {
        let white = trend(&noise(6, 400, 0.0)).unwrap();
        let strong = trend(&noise(7, 400, 0.9)).unwrap();
        assert!(white.effective_n > 300.0);
        assert!(
            (6.0..60.0).contains(&strong.effective_n),
            "{}",
            strong.effective_n
        );
        assert!(!trend(&noise(8, 60, 0.95)).unwrap().is_decidable());
        let long = trend(&with_slope(&noise(9, 50_000, 0.5), 1e-4)).unwrap();
        assert!(
            (8_000.0..30_000.0).contains(&long.effective_n),
            "{}",
            long.effective_n
        );
        // Slope's standard error: 2 √12 n^(−3/2) = 6.2e-7.
        let width = long.interval(0.95).unwrap().half_width() / 1.96;
        assert!((width / 6.2e-7 - 1.0).abs() < 0.25, "{width}");
        assert!(long.interval(0.999).unwrap().contains(1e-4));
    }

    #[test]
    fn edges() {
        assert_eq!(trend(&[3.0; 20]), Err(StatsError::ZeroVariance));
        assert_eq!(
            trend(&[1.0; 7]),
            Err(StatsError::TooFew { need: 8, got: 7 })
        );
        assert_eq!(
            trend(&[f64::NAN; 8]),
            Err(StatsError::NotFinite { index: 0 })
        );
        let line: Vec<f64> = (0..20).map(|t| 5.0 - 0.25 * f64::from(t)).collect();
        let exact = trend(&line).unwrap();
        assert_eq!((exact.slope, exact.p(Alternative::TwoSided)), (-0.25, 0.0));
        assert_eq!(exact.interval(0.9).unwrap().high, -0.25);
        let mut spike = [0.0; 20];
        spike[19] = 1.0;
        assert!(trend(&spike).unwrap().p(Alternative::TwoSided) > 0.01);
        for wild in [
            [1e308, -1e308, 5e-324, 0.0, 1.0, 1e308, 1e-308, -1.0],
            [5e-324; 8],
        ] {
            if let Ok(found) = trend(&wild) {
                assert!(found.slope.is_finite() && found.interval(0.95).is_ok());
            }
        }
    }
}
