//! The changes of a series that chance does not explain: what Tachograph uses by itself.
//!
//! Invariant: on a stationary series, [`changes`] reports anything at all with probability `alpha`
//! at most, where the noise is white, heavy-tailed or a first-order autoregression (the table in
//! [`changepoint`](super)): the search over places, over the number of changes and over noise
//! models is inside that rate. Shifting or scaling the series changes nothing but sizes.
//! Not for streams (see [`OnlineDetector`](super::OnlineDetector)), and not for changes of spread
//! alone.
//!
//! Method: a season that pays for itself is taken out; lone outliers are clipped; then the series
//! is cut into the regimes (levels or straight lines in first-order autoregressive noise whose
//! strength may differ by regime) that describe it in the fewest digits: −2 ln likelihood, plus 2
//! ln n for each change's place and ln n for each parameter of each regime. Changes count only
//! where they also pay with heavy-tailed innovations. At usual lengths that asks for more than an
//! `alpha` of 5 %; a smaller `alpha` raises the penalty as simulated series without change demand.
//! Source: Davis, Lee & Rodriguez-Yam, JASA 101 (2006), for the criterion.

use super::regimes::{self, Pattern, SHORTEST, Shape};
use crate::dependence::compare_means;
use crate::describe::{mean, mean_difference};
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::Interval;

/// The fewest observations: two regimes of the shortest length.
pub const CHANGES_MIN_N: usize = 2 * SHORTEST;

/// What to ask for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Largest probability of reporting any change in a series without one, between 0 and 0.5.
    pub alpha: f64,
    /// What repeats.
    pub season: Season,
    /// What lies between changes.
    pub regimes: Regimes,
    /// Level of the intervals of sizes.
    pub level: f64,
}

impl Default for Settings {
    /// 5 %, an automatic season, lines between changes, 95 % intervals.
    fn default() -> Self {
        Self {
            alpha: 0.05,
            season: Season::Automatic,
            regimes: Regimes::Lines,
            level: 0.95,
        }
    }
}

/// A repeating pattern that is no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Season {
    /// Found in the series, where it pays for itself over four cycles or more.
    #[default]
    Automatic,
    /// None is taken out.
    None,
    /// Of this many observations (at least 2, at most half the series).
    Period(usize),
}

/// What a series does between changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Regimes {
    /// It stays or drifts in a straight line: a steady trend is no change, a turn is one.
    #[default]
    Lines,
    /// It stays: a trend is a change, or several. Finds smaller steps, because a small step in the
    /// middle of a series looks much like a trend.
    Levels,
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// First observation after the change.
    pub index: usize,
    /// First and last of the 95 % most plausible places, neighbouring changes held.
    pub place: (usize, usize),
    /// Mean of the regime after less that of the regime before, in the unit of the series.
    pub size: f64,
    /// Interval of `size` that allows for autocorrelation; none where either regime is constant.
    pub size_interval: Option<Interval>,
    /// Upper bound of the probability of a change this clear anywhere in a series without one.
    pub p: f64,
}

/// The changes of `x`, in order of time; at least [`CHANGES_MIN_N`] observations.
///
/// ```
/// use tacho_stats::changepoint::{Settings, changes};
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(1);
/// let x: Vec<f64> = (0..300)
///     .map(|i| rng.standard_normal() + if i < 200 { 50.0 } else { 52.0 })
///     .collect();
/// let found = changes(&x, &Settings::default())?;
/// assert_eq!(found.len(), 1);
/// assert!(found[0].place.0 <= 200 && 200 <= found[0].place.1);
/// assert!((found[0].size - 2.0).abs() < 0.5);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn changes(x: &[f64], settings: &Settings) -> Result<Vec<Change>> {
    observations(x, CHANGES_MIN_N)?;
    error::level(settings.level)?;
    if !(settings.alpha > 0.0 && settings.alpha <= 0.5) {
        return Err(StatsError::Invalid {
            name: "alpha",
            why: "it must lie above 0 and not above 0.5",
        });
    }
    let pattern = match settings.season {
        Season::Automatic => Pattern::Automatic,
        Season::None => Pattern::None,
        Season::Period(p) if (2..=x.len() / 2).contains(&p) => Pattern::Period(p),
        Season::Period(_) => {
            return Err(StatsError::Invalid {
                name: "season",
                why: "the period must lie between 2 and half the length",
            });
        }
    };
    let shapes: &[Shape] = match settings.regimes {
        Regimes::Lines => &[Shape::Level, Shape::Line],
        Regimes::Levels => &[Shape::Level],
    };
    let excess = ((chance(x.len()) / settings.alpha).ln() / TAIL).max(0.0);
    let scaled = within_range(x);
    let (found, _) = regimes::boundaries(&scaled, pattern, shapes, excess);
    let edge = |i: usize| found.get(i).map_or(x.len(), |b| b.index);
    let mut start = 0;
    let mut result = Vec::with_capacity(found.len());
    for (i, boundary) in found.iter().enumerate() {
        let before = &x[start..boundary.index];
        let after = &x[boundary.index..edge(i + 1)];
        result.push(Change {
            index: boundary.index,
            place: boundary.place,
            size: in_range("the size of a change", mean(after)? - mean(before)?)
                .and_then(|_| mean_difference(after, before))?,
            size_interval: compare_means(before, after)
                .and_then(|c| c.interval(settings.level))
                .ok(),
            p: chance(x.len()) * (-TAIL * (boundary.gain + excess)).exp(),
        });
        start = boundary.index;
    }
    Ok(result)
}

/// How fast the probability of a gain falls, by simulation of series without change: for one fixed
/// place it would be ½; the choice among places and noise models makes it slower.
const TAIL: f64 = 0.4;

/// An upper bound, by simulation over white, heavy-tailed and autoregressive noise, of the
/// probability that a series of `n` observations without change yields one that just pays for its
/// description (measured: 1.6 % at 20, 0.3 % at 50 and at 300 observations).
fn chance(n: usize) -> f64 {
    (1.0 / n as f64).clamp(0.005, 0.05)
}

/// The series times a power of two, where its range might overflow.
fn within_range(x: &[f64]) -> Vec<f64> {
    const LARGE: f64 = 1e300;
    const SHRINK: f64 = 1.0 / 1_048_576.0;
    let factor = if x.iter().any(|v| v.abs() > LARGE) {
        SHRINK
    } else {
        1.0
    };
    x.iter().map(|v| v * factor).collect()
}
