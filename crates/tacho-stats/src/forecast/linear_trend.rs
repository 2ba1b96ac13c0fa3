//! A straight line through a series whose neighbours resemble each other, carried forward.
//!
//! Errors are a first-order autoregression of unknown memory, up to that of a random walk. For each
//! memory of a grid the line is fitted by generalised least squares; the memories are weighed by
//! their restricted likelihood. Beforehand a walk is as likely as all other memories together, which
//! are log-uniform in 1 − φ: estimates of a memory near one come out low, and then every walk looks
//! like a trend. Slope, p-value and paths all come from that one mixture.
//! Invariant: an interval of the slope excludes zero exactly where the p-value is below 1 − level.
//! Not for series that bend; [`forecast`](super::forecast) follows those.
//! Sources: Harville, "Maximum likelihood approaches to variance component estimation", JASA 72
//! (1977), for the restricted likelihood; Prais & Winsten, Cowles Discussion Paper 383 (1954), for
//! the transformation; Gelman et al. (2013), 14.2, for the predictive distribution.

use super::passage::{Crossing, Direction, crossing};
use super::paths::Paths;
use super::predict::ForecastPlan;
use crate::describe::power_of_two_scale;
use crate::distribution::StudentT;
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::{Alternative, Interval};
use crate::rng::Rng;
use crate::sum::mean_parts;

/// The fewest observations for a line with dependent errors.
const MIN_N: usize = 8;
/// The newest observations that are used at most.
const USED_MAX: usize = 10_000;
/// 1 − φ falls from 1.5 by this ratio, to 4·10⁻⁴.
const RATIO: f64 = 0.8;
const MEMORIES: i32 = 37;
/// As good as one, with a likelihood that is still defined.
const WALK: f64 = 1.0 - 1e-7;

/// A line with autocorrelated errors.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearTrend {
    /// Change a step, in the unit of the series.
    pub slope: f64,
    /// Correlation of one error with the next, in the mean over what the series supports.
    pub autocorrelation: f64,
    /// How many of the newest observations were used.
    pub used: usize,
    last: f64,
    scale: f64,
    centre: f64,
    lines: Vec<Line>,
}

/// The line under one memory, with time counted from the middle, in scaled units.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    weight: f64,
    phi: f64,
    level: f64,
    slope: f64,
    /// Inverse of `XᵀX`: level, covariance, slope.
    inverse: [f64; 3],
    squares: f64,
    df: f64,
}

impl LinearTrend {
    /// Fits the newest observations of a series in order of time, of eight or more.
    ///
    /// ```
    /// use tacho_stats::Alternative;
    /// use tacho_stats::forecast::LinearTrend;
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(4);
    /// let x: Vec<f64> = (0..100).map(|t| 0.2 * f64::from(t) + rng.standard_normal()).collect();
    /// let trend = LinearTrend::fit(&x)?;
    /// assert!(trend.p(Alternative::TwoSided) < 1e-6);
    /// assert!(trend.interval(0.95)?.contains(0.2));
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn fit(x: &[f64]) -> Result<Self> {
        observations(x, MIN_N)?;
        let x = &x[x.len().saturating_sub(USED_MAX)..];
        let scale = power_of_two_scale(x);
        let centre = mean_parts(x).0;
        let y: Vec<f64> = x.iter().map(|v| v * scale - centre * scale).collect();
        if y.iter().any(|v| !v.is_finite()) {
            return Err(StatsError::Overflow {
                what: "the deviations",
            });
        }
        if y.iter().all(|v| *v == y[0]) {
            return Err(StatsError::ZeroVariance);
        }
        let memories: Vec<f64> = (1..=MEMORIES).map(|i| 1.0 - 1.5 * RATIO.powi(i)).collect();
        let mut logs = Vec::new();
        let mut lines = Vec::new();
        let prior = (memories.len() as f64).ln();
        for (phi, prior) in memories
            .iter()
            .map(|phi| (*phi, 0.0))
            .chain([(WALK, prior)])
        {
            let (line, log) = Line::fit(&y, phi);
            lines.push(line);
            logs.push(log + prior);
        }
        let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logs.iter().map(|log| (log - greatest).exp()).sum();
        for (line, log) in lines.iter_mut().zip(logs) {
            line.weight = (log - greatest).exp() / total;
        }
        let mean = |of: fn(&Line) -> f64| lines.iter().map(|l| l.weight * of(l)).sum::<f64>();
        Ok(Self {
            slope: in_range("the slope", mean(|l| l.slope) / scale)?,
            autocorrelation: mean(|l| l.phi),
            used: x.len(),
            last: x[x.len() - 1],
            scale,
            centre,
            lines,
        })
    }

    /// The p-value of no slope; [`Alternative::Greater`] claims that the series rises.
    pub fn p(&self, alternative: Alternative) -> f64 {
        let falls = self.below(0.0);
        match alternative {
            Alternative::TwoSided => (2.0 * falls.min(1.0 - falls)).clamp(0.0, 1.0),
            Alternative::Greater => falls,
            Alternative::Less => 1.0 - falls,
        }
    }

    /// The interval of the slope.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        let tail = 0.5 * (1.0 - level);
        let low = in_range("the interval", self.quantile(tail)? / self.scale)?;
        let high = in_range("the interval", self.quantile(1.0 - tail)? / self.scale)?;
        Ok(Interval { low, high, level })
    }

    /// When the series first reaches `limit`, if it goes on like this; see
    /// [`Forecast::crossing`](super::Forecast::crossing). The plan's period is not used.
    pub fn crossing(
        &self,
        limit: f64,
        direction: Direction,
        level: f64,
        plan: &ForecastPlan,
    ) -> Result<Crossing> {
        plan.check()?;
        let paths = self.paths(plan)?;
        crossing(&paths, self.last, limit, direction, level)
    }

    fn paths(&self, plan: &ForecastPlan) -> Result<Paths> {
        let mut rng = Rng::new(plan.seed);
        let half = 0.5 * (self.used as f64 - 1.0);
        let last = self.last * self.scale - self.centre * self.scale;
        let mut paths = Paths {
            values: vec![0.0; plan.horizon * plan.paths],
            count: plan.paths,
            drifts: Vec::with_capacity(plan.paths),
            rising: None,
        };
        for slot in 0..plan.paths {
            let line = self.pick(rng.uniform());
            let (level, slope, sigma) = line.draw(&mut rng);
            let mut error = last - (level + slope * half);
            paths.drifts.push(slope);
            for step in 0..plan.horizon {
                error = line.phi * error + sigma * rng.standard_normal();
                let value = level + slope * (half + 1.0 + step as f64) + error;
                let value = in_range("a forecast", value / self.scale + self.centre)?;
                paths.values[step * plan.paths + slot] = value;
            }
        }
        Ok(paths)
    }

    fn pick(&self, u: f64) -> &Line {
        let mut left = u;
        for line in &self.lines {
            left -= line.weight;
            if left < 0.0 {
                return line;
            }
        }
        &self.lines[self.lines.len() - 1]
    }

    /// Probability of a slope below `value`, in scaled units.
    fn below(&self, value: f64) -> f64 {
        let sum: f64 = self.lines.iter().map(|l| l.weight * l.below(value)).sum();
        sum.clamp(0.0, 1.0)
    }

    fn quantile(&self, p: f64) -> Result<f64> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for line in &self.lines {
            let t = StudentT::new(line.df)?.quantile(p)?;
            let end = line.slope + t * line.standard_error();
            low = low.min(end);
            high = high.max(end);
        }
        for _ in 0..200 {
            let middle = 0.5 * low + 0.5 * high;
            if middle <= low || middle >= high {
                break;
            }
            if self.below(middle) < p {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(0.5 * low + 0.5 * high)
    }
}

impl Line {
    /// Generalised least squares under one memory, and the restricted log-likelihood of that.
    fn fit(y: &[f64], phi: f64) -> (Self, f64) {
        let n = y.len() as f64;
        let half = 0.5 * (n - 1.0);
        let first = (1.0 - phi * phi).sqrt();
        let rows = || {
            let start = (first, first * -half, first * y[0]);
            std::iter::once(start).chain(y.windows(2).enumerate().map(move |(t, w)| {
                let time = t as f64 + 1.0 - half;
                (1.0 - phi, time - phi * (time - 1.0), w[1] - phi * w[0])
            }))
        };
        let (mut aa, mut ab, mut bb, mut ay, mut by) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (a, b, v) in rows() {
            aa += a * a;
            ab += a * b;
            bb += b * b;
            ay += a * v;
            by += b * v;
        }
        let determinant = aa * bb - ab * ab;
        let inverse = [bb / determinant, -ab / determinant, aa / determinant];
        let level = inverse[0] * ay + inverse[1] * by;
        let slope = inverse[1] * ay + inverse[2] * by;
        let squares: f64 = rows()
            .map(|(a, b, v)| (v - level * a - slope * b).powi(2))
            .sum();
        // Rounding of the line itself.
        let squares = squares.max(n * 1e-28);
        let df = n - 2.0;
        let log = first.ln() - 0.5 * determinant.ln() - 0.5 * df * squares.ln();
        let line = Self {
            weight: 0.0,
            phi,
            level,
            slope,
            inverse,
            squares,
            df,
        };
        (line, log)
    }

    fn standard_error(&self) -> f64 {
        (self.squares / self.df * self.inverse[2]).sqrt()
    }

    fn below(&self, value: f64) -> f64 {
        let t = (value - self.slope) / self.standard_error();
        StudentT::new(self.df).map_or(0.5, |distribution| distribution.cdf(t))
    }

    /// Level, slope and standard deviation of an innovation, from their posterior.
    fn draw(&self, rng: &mut Rng) -> (f64, f64, f64) {
        // χ² by Wilson's and Hilferty's cube root: df is six or more.
        let step = 2.0 / (9.0 * self.df);
        let cube_root = (1.0 - step + rng.standard_normal() * step.sqrt()).max(0.1);
        let sigma = (self.squares / (self.df * cube_root.powi(3))).sqrt();
        let [level, both, slope] = self.inverse;
        let (u, v) = (rng.standard_normal(), rng.standard_normal());
        let root = slope.sqrt();
        let along = both / root;
        let across = (level - along * along).max(0.0).sqrt();
        (
            self.level + sigma * (along * u + across * v),
            self.slope + sigma * root * u,
            sigma,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_and_p_value_agree() {
        let mut rng = Rng::new(2);
        let mut state = 0.0;
        let x: Vec<f64> = (0..80)
            .map(|t| {
                state = 0.6 * state + rng.standard_normal();
                state + 0.03 * f64::from(t)
            })
            .collect();
        let trend = LinearTrend::fit(&x).unwrap();
        let p = trend.p(Alternative::TwoSided);
        let interval = trend.interval(1.0 - p).unwrap();
        assert!(
            interval.low.abs().min(interval.high.abs()) < 1e-9,
            "{interval:?}"
        );
        assert!((trend.autocorrelation - 0.6).abs() < 0.25);
    }

    #[test]
    fn a_straight_line_is_carried_forward() {
        let x: Vec<f64> = (0..40).map(|t| 5.0 + 0.5 * f64::from(t)).collect();
        let trend = LinearTrend::fit(&x).unwrap();
        assert!((trend.slope - 0.5).abs() < 1e-9);
        let crossing = trend
            .crossing(29.75, Direction::Up, 0.9, &ForecastPlan::new(30))
            .unwrap();
        // Step h is at 24.5 + h/2.
        let expected = super::super::Outlook::Expected {
            median: 11,
            earliest: 11,
            latest: Some(11),
        };
        assert_eq!(crossing.outlook, expected);
    }

    #[test]
    fn bad_input_is_refused() {
        assert_eq!(LinearTrend::fit(&[1.0; 9]), Err(StatsError::ZeroVariance));
        assert!(LinearTrend::fit(&[1.0, 2.0]).is_err());
        assert!(LinearTrend::fit(&[f64::NAN; 9]).is_err());
        let huge: Vec<f64> = (0..9)
            .map(|i| if i % 2 == 0 { 1.7e308 } else { -1.7e308 })
            .collect();
        if let Ok(trend) = LinearTrend::fit(&huge) {
            assert!(trend.slope.is_finite());
        }
    }
}
