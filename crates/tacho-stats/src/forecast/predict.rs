//! The forecast that Tachograph makes by itself, with intervals that hold what they say.
//!
//! Invariant: every step's quantiles come from the same simulated paths, and rise with their
//! probability. What the paths account for is in [`paths`](super::paths); how often the intervals
//! then hold is in the table of `docs/statistics.md`. Not for known calendars or causes, which this
//! family of models does not know.

use super::auto::auto_ets;
use super::ets::newest;
use super::linear_trend::LinearTrend;
use super::model::EtsModel;
use super::passage::{Crossing, Direction, crossing};
use super::paths::{Paths, simulate};
use crate::error::{self, Result, StatsError, in_range, observations, probability, same_length};
use crate::hypothesis::{Alternative, Interval};
use crate::quantile::{QuantileType, quantiles_in_place};
use crate::rng::Rng;
use crate::sum::mean_parts;

/// The fewest observations that are forecast at all.
pub const MIN_N: usize = 4;
/// The fewest observations that a model is fitted to; shorter series are taken for random walks.
pub const MODEL_MIN_N: usize = 12;
/// The farthest horizon, in observations.
pub const HORIZON_MAX: usize = 10_000;
/// Paths times steps at most, which bounds memory.
const CELLS_MAX: usize = 20_000_000;

/// What to forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForecastPlan {
    /// Steps ahead, 1 to [`HORIZON_MAX`].
    pub horizon: usize,
    /// Observations in a season, where there is one; see [`detect_period`](super::detect_period).
    pub period: Option<usize>,
    /// Simulated futures, 100 or more: 2 000 place a 95 % interval to a few hundredths of its width.
    pub paths: usize,
    /// Seed of the simulation.
    pub seed: u64,
}

impl ForecastPlan {
    /// `horizon` steps without season.
    pub fn new(horizon: usize) -> Self {
        Self {
            horizon,
            period: None,
            paths: 2_000,
            seed: 1,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let invalid = |name, why| Err(StatsError::Invalid { name, why });
        if !(1..=HORIZON_MAX).contains(&self.horizon) {
            return invalid("horizon", "it must lie between 1 and 10 000");
        }
        if self.paths < 100 || self.paths > CELLS_MAX / self.horizon {
            return invalid(
                "paths",
                "they must be 100 or more, and at most 20 million over the horizon",
            );
        }
        Ok(())
    }
}

/// What a forecast stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The model of smallest `AICc`; the intervals weigh in the others.
    Model(EtsModel),
    /// The series is too short for a model: a random walk of the changes seen.
    RandomWalk,
    /// All observations are equal.
    Constant,
}

/// A forecast: its middle, its intervals, and when it crosses a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// What it stands on.
    pub basis: Basis,
    /// How many of the newest observations were used.
    pub used: usize,
    /// The expected value at each step ahead.
    pub mean: Vec<f64>,
    last: f64,
    paths: Paths,
}

/// Forecasts a series in order of time, of at least [`MIN_N`] observations.
///
/// ```
/// use tacho_stats::forecast::{ForecastPlan, forecast};
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(7);
/// let load: Vec<f64> = (0..120).map(|_| 50.0 + rng.standard_normal()).collect();
/// let ahead = forecast(&load, &ForecastPlan::new(12))?;
/// let interval = ahead.intervals(0.95)?[11];
/// assert!(interval.low > 46.0 && interval.high < 54.0);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn forecast(x: &[f64], plan: &ForecastPlan) -> Result<Forecast> {
    plan.check()?;
    observations(x, MIN_N)?;
    let used = newest(x);
    let last = used[used.len() - 1];
    let built = |basis, mean, paths| Forecast {
        basis,
        used: used.len(),
        mean,
        last,
        paths,
    };
    if used.iter().all(|v| *v == last) {
        let paths = Paths {
            values: vec![last; plan.horizon * plan.paths],
            count: plan.paths,
            drifts: vec![0.0],
            rising: None,
        };
        return Ok(built(Basis::Constant, vec![last; plan.horizon], paths));
    }
    if used.len() < MODEL_MIN_N {
        let paths = random_walks(used, plan)?;
        return Ok(built(Basis::RandomWalk, vec![last; plan.horizon], paths));
    }
    let choice = auto_ets(used, plan.period)?;
    let mean = choice.best().forecast(plan.horizon)?;
    let mut paths = simulate(&choice, used, plan.horizon, plan.paths, plan.seed)?;
    paths.rising = rising(used, plan.period);
    Ok(built(Basis::Model(choice.best().model()), mean, paths))
}

/// Probability that a line through the series rises; through the means of whole seasons, where there
/// is one. None where those are too few.
fn rising(x: &[f64], period: Option<usize>) -> Option<f64> {
    let period = period.unwrap_or(1);
    let whole = &x[x.len() % period..];
    let seasons: Vec<f64> = whole
        .chunks_exact(period)
        .map(|s| mean_parts(s).0)
        .collect();
    let trend = LinearTrend::fit(&seasons).ok()?;
    Some(1.0 - trend.p(Alternative::Greater))
}

/// Walks whose steps have the spread of the changes seen, known to so few degrees of freedom.
fn random_walks(x: &[f64], plan: &ForecastPlan) -> Result<Paths> {
    let largest = x.windows(2).fold(0.0f64, |m, w| m.max((w[1] - w[0]).abs()));
    in_range("a change", largest)?;
    let df = x.len() - 1;
    let changes = x.windows(2).map(|w| ((w[1] - w[0]) / largest).powi(2));
    let squares: f64 = changes.sum();
    let mut rng = Rng::new(plan.seed);
    let mut values = vec![0.0; plan.horizon * plan.paths];
    for slot in 0..plan.paths {
        let chi: f64 = (0..df).map(|_| rng.standard_normal().powi(2)).sum();
        let sigma = largest * (squares / chi).sqrt();
        let mut value = x[x.len() - 1];
        for step in 0..plan.horizon {
            value = in_range("a forecast", value + sigma * rng.standard_normal())?;
            values[step * plan.paths + slot] = value;
        }
    }
    Ok(Paths {
        values,
        count: plan.paths,
        drifts: vec![0.0],
        rising: None,
    })
}

impl Forecast {
    /// Steps ahead.
    pub fn horizon(&self) -> usize {
        self.mean.len()
    }

    /// Prediction intervals, one a step ahead: each holds its observation with probability `level`.
    pub fn intervals(&self, level: f64) -> Result<Vec<Interval>> {
        error::level(level)?;
        let tail = 0.5 * (1.0 - level);
        let mut values = Vec::with_capacity(self.paths.count);
        let mut ends = [0.0; 2];
        (0..self.horizon())
            .map(|step| {
                values.clear();
                values.extend_from_slice(self.paths.at(step));
                let ps = [tail, 1.0 - tail];
                quantiles_in_place(&mut values, &ps, QuantileType::Weibull6, &mut ends)?;
                let [low, high] = ends;
                Ok(Interval { low, high, level })
            })
            .collect()
    }

    /// The value that each step's observation stays below with probability `p`.
    pub fn quantiles(&self, p: f64) -> Result<Vec<f64>> {
        probability("p", p)?;
        let mut end = [0.0];
        (0..self.horizon())
            .map(|step| {
                let mut values = self.paths.at(step).to_vec();
                quantiles_in_place(&mut values, &[p], QuantileType::Weibull6, &mut end)?;
                Ok(end[0])
            })
            .collect()
    }

    /// The same forecast with a known season on top: one value a step ahead, added to the mean and to
    /// every path.
    ///
    /// For a season known from elsewhere. One that is estimated from the series has its own doubt,
    /// which [`forecast_seasonal`](super::forecast_seasonal) adds.
    pub fn with_season(mut self, season: &[f64]) -> Result<Self> {
        observations(season, 0)?;
        same_length(self.horizon(), season.len())?;
        for (mean, value) in self.mean.iter_mut().zip(season) {
            *mean = in_range("a forecast", *mean + value)?;
        }
        let steps = self.paths.values.chunks_exact_mut(self.paths.count);
        for (values, by) in steps.zip(season) {
            for value in values {
                *value = in_range("a forecast", *value + by)?;
            }
        }
        Ok(self)
    }

    /// Adds errors to the paths: the next of `doubts` to each path in turn, one value a step.
    pub(super) fn with_doubt(mut self, doubts: &[Vec<f64>]) -> Result<Self> {
        let steps = self.paths.values.chunks_exact_mut(self.paths.count);
        for (step, values) in steps.enumerate() {
            for (value, doubt) in values.iter_mut().zip(doubts.iter().cycle()) {
                *value = in_range("a forecast", *value + doubt[step])?;
            }
        }
        Ok(self)
    }

    /// Sets the observation that the forecast goes on from, for [`crossing`](Self::crossing).
    pub(super) fn resume_from(&mut self, last: f64) {
        self.last = last;
    }

    /// When the series first reaches `limit`, within the horizon; `level` is that of its interval.
    ///
    /// ```
    /// use tacho_stats::forecast::{Direction, ForecastPlan, Outlook, forecast};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(7);
    /// let disk: Vec<f64> =
    ///     (0..60).map(|day| 40.0 + 0.5 * f64::from(day) + 0.3 * rng.standard_normal()).collect();
    /// let full = forecast(&disk, &ForecastPlan::new(90))?.crossing(95.0, Direction::Up, 0.9)?;
    /// let Outlook::Expected { median, .. } = full.outlook else { panic!("it is filling up") };
    /// assert!((45..57).contains(&median));
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn crossing(&self, limit: f64, direction: Direction, level: f64) -> Result<Crossing> {
        crossing(&self.paths, self.last, limit, direction, level)
    }
}
