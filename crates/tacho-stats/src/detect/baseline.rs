//! What is normal for a series: turns observations into standard normal numbers for a chart.
//!
//! Invariant: while nothing changes, what comes out is (as nearly as the baseline's assumptions
//! hold) independent and standard normal, so that a chart's run length is the one asked for. The
//! error of what was learnt is part of it: a value is compared with a prediction, not a parameter.
//! Sources: Quesenberry, "SPC Q charts for start-up processes and short or long runs", Journal of
//! Quality Technology 23 (1991); Hawkins, The Statistician 36 (1987).

use super::detector::{Detector, Score, finite};
use crate::describe::power_of_two_scale;
use crate::distribution::{StudentT, standard_inverse_sf};
use crate::error::{Result, StatsError, observations, positive};
use crate::quantile::SortedSample;

/// What observations are compared with.
pub trait Baseline {
    /// The value as a standard normal number, positive where it is larger than expected; then
    /// learns from it. A value that is not finite is refused, and nothing is learnt.
    fn standardise(&mut self, value: f64) -> Result<f64>;

    /// The next observation is missing.
    fn skip(&mut self) {}
}

/// A chart on what a baseline makes of a series.
///
/// ```
/// use tacho_stats::detect::{Detector, Glr, Monitor, RunLength, SeriesBaseline};
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(1);
/// let quiet: Vec<f64> = (0..300).map(|_| 40.0 + rng.standard_normal()).collect();
/// let glr = Glr::new(RunLength::new(10_000.0)?)?;
/// let mut monitor = Monitor::new(SeriesBaseline::train(&quiet)?, glr);
/// for _ in 0..50 {
///     assert!(!monitor.update(40.0 + rng.standard_normal())?.alarms());
/// }
/// let found = (0..50).any(|_| monitor.update(42.0 + rng.standard_normal()).unwrap().alarms());
/// assert!(found);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor<B, D> {
    baseline: B,
    chart: D,
}

impl<B: Baseline, D: Detector> Monitor<B, D> {
    /// `chart` must be one of standardised values.
    pub fn new(baseline: B, chart: D) -> Self {
        Self { baseline, chart }
    }
}

impl<B: Baseline, D: Detector> Detector for Monitor<B, D> {
    fn update(&mut self, value: f64) -> Result<Score> {
        let standardised = self.baseline.standardise(value)?;
        self.chart.update(standardised)
    }

    fn skip(&mut self) {
        self.baseline.skip();
        self.chart.skip();
    }

    fn reset(&mut self) {
        self.chart.reset();
    }
}

/// Mean and standard deviation known beforehand, and normal observations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownBaseline {
    mean: f64,
    sd: f64,
}

impl KnownBaseline {
    /// In the unit of the series; `sd` above zero.
    pub fn new(mean: f64, sd: f64) -> Result<Self> {
        finite(mean)?;
        positive("the standard deviation", sd)?;
        Ok(Self { mean, sd })
    }
}

impl Baseline for KnownBaseline {
    fn standardise(&mut self, value: f64) -> Result<f64> {
        let value = finite(value)?;
        let z = value / self.sd - self.mean / self.sd;
        Ok(if z.is_nan() {
            0.0
        } else {
            z.clamp(-f64::MAX, f64::MAX)
        })
    }
}

/// Independent normal observations whose mean and standard deviation are learnt as they come.
///
/// The standardised values are exactly standard normal and independent from the third observation
/// on (Quesenberry's Q statistics). Not for heavy tails or dependent observations: use
/// [`SeriesBaseline`](super::SeriesBaseline).
#[derive(Debug, Clone, PartialEq)]
pub struct NormalBaseline {
    frame: Frame,
    n: f64,
    mean: f64,
    squares: f64,
}

impl NormalBaseline {
    /// From a first sample of three or more values, not all equal.
    pub fn train(x: &[f64]) -> Result<Self> {
        let frame = Frame::of(x, 3)?;
        let mut baseline = Self {
            frame,
            n: 0.0,
            mean: 0.0,
            squares: 0.0,
        };
        for value in x {
            baseline.learn(frame.apply(*value));
        }
        if baseline.squares > 0.0 {
            Ok(baseline)
        } else {
            Err(StatsError::ZeroVariance)
        }
    }

    fn learn(&mut self, y: f64) {
        self.n += 1.0;
        let deviation = y - self.mean;
        self.mean += deviation / self.n;
        self.squares += deviation * (y - self.mean);
    }
}

impl Baseline for NormalBaseline {
    fn standardise(&mut self, value: f64) -> Result<f64> {
        let y = self.frame.apply(finite(value)?);
        let sd = (self.squares / (self.n - 1.0)).sqrt();
        let t = (y - self.mean) / sd * (self.n / (self.n + 1.0)).sqrt();
        // A wild value is learnt from as one at ten standard deviations.
        self.learn(y.clamp(self.mean - 10.0 * sd, self.mean + 10.0 * sd));
        Ok(normal_score(t, self.n - 2.0))
    }
}

/// The standard normal number with the tails of `t` under `df` degrees of freedom.
pub(super) fn normal_score(t: f64, df: f64) -> f64 {
    if df < 100.0
        && let Ok(tail) = StudentT::new(df).map(|student| student.sf(t.abs()))
        && tail > 1e-300
    {
        return standard_inverse_sf(tail).copysign(t);
    }
    // Wallace (1959), an error below 0.1/df standard deviations in the far tails.
    let t2 = (t / df.sqrt()).abs().min(1e150);
    let size = (8.0 * df + 1.0) / (8.0 * df + 3.0) * (df * (t2 * t2).ln_1p()).sqrt();
    size.copysign(t)
}

/// Brings a series near zero and to a scale at which squares neither overflow nor vanish.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    factor: f64,
    centre: f64,
}

impl Frame {
    /// Values farther out than this, in the frame's unit, are held there.
    const REACH: f64 = 1e100;

    /// The frame of a first sample of `need` or more values.
    pub(super) fn of(x: &[f64], need: usize) -> Result<Self> {
        observations(x, need.max(1))?;
        let ascending = SortedSample::new(x)?;
        let ascending = ascending.as_slice();
        let last = ascending.len() - 1;
        let middle = 0.5 * ascending[last / 2] + 0.5 * ascending[ascending.len() / 2];
        // Halves first: the difference of two doubles need not be one.
        let ends = |low: usize, high: usize| {
            [ascending[low], ascending[high]].map(|v| 0.5 * v - 0.5 * middle)
        };
        let mut deviations = ends(ascending.len() / 4, last - ascending.len() / 4);
        if deviations[0] == deviations[1] {
            deviations = ends(0, last);
        }
        let factor = power_of_two_scale(&deviations);
        Ok(Self {
            factor,
            centre: middle,
        })
    }

    pub(super) fn apply(self, value: f64) -> f64 {
        let deviation = 2.0 * ((0.5 * value - 0.5 * self.centre) * self.factor);
        deviation.clamp(-Self::REACH, Self::REACH)
    }
}
