//! MSTL: trend, several seasons and remainder.
//!
//! Invariant: all components add up to the series (to rounding). Seasons are estimated in turn, the
//! shortest first, each from what the others leave, and refined in later passes.
//! Not for seasons of which fewer than two fit into the series; those are refused.
//! Source: Bandara, Hyndman & Bergmeir, "MSTL: a seasonal-trend decomposition algorithm for time
//! series with multiple seasonal patterns", arXiv:2107.13462 (2021). Its Box-Cox transformation is
//! left to the caller.

use super::stl::{StlSettings, rest, stl};
use crate::error::{Result, StatsError, observations};

/// The most seasons at once.
const SEASONS_MAX: usize = 16;

/// The parameters of MSTL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MstlSettings {
    /// How each season is found, in any order; no period twice.
    pub seasons: Vec<StlSettings>,
    /// Passes over all seasons; a single season needs only one, and gets it.
    pub passes: usize,
}

impl MstlSettings {
    /// The paper's choices: two passes, seasonal windows of 11, 15, 19, ... from the shortest period.
    pub fn new(periods: &[usize]) -> Self {
        let mut periods = periods.to_vec();
        periods.sort_unstable();
        let windows = (11..).step_by(4);
        Self {
            seasons: periods
                .into_iter()
                .zip(windows)
                .map(|(period, window)| StlSettings::with_seasonal_window(period, window))
                .collect(),
            passes: 2,
        }
    }

    /// The same with robust loops for every season.
    pub fn robust(mut self) -> Self {
        for season in &mut self.seasons {
            *season = season.robust();
        }
        self
    }
}

/// A season found by [`mstl`].
#[derive(Debug, Clone, PartialEq)]
pub struct Season {
    /// Observations in one season.
    pub period: usize,
    /// The component, around zero.
    pub component: Vec<f64>,
}

/// A series taken apart; every component is as long as the series and in its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Mstl {
    /// The slow part, with the level.
    pub trend: Vec<f64>,
    /// The seasons by rising period.
    pub seasons: Vec<Season>,
    /// What is left.
    pub remainder: Vec<f64>,
    /// Robustness weights of the last fit.
    pub weights: Vec<f64>,
}

/// Takes a series apart that has one or more seasons, of each of which two fit into it.
///
/// ```
/// use tacho_stats::smooth::mstl::{MstlSettings, mstl};
///
/// let wave = |t: usize, period: usize| (std::f64::consts::TAU * t as f64 / period as f64).sin();
/// let series: Vec<f64> = (0..400).map(|t| wave(t, 12) + 2.0 * wave(t, 60)).collect();
/// let parts = mstl(&series, &MstlSettings::new(&[12, 60]))?;
/// assert!((parts.seasons[1].component[200] - 2.0 * wave(200, 60)).abs() < 0.05);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn mstl(y: &[f64], settings: &MstlSettings) -> Result<Mstl> {
    let mut order = settings.seasons.clone();
    order.sort_by_key(|season| season.period);
    check(&order, settings.passes)?;
    let longest = order.last().map_or(1, |season| season.period);
    observations(y, longest.saturating_mul(2))?;
    let passes = if order.len() == 1 { 1 } else { settings.passes };
    let mut seasons: Vec<Season> = order
        .iter()
        .map(|season| Season {
            period: season.period,
            component: vec![0.0; y.len()],
        })
        .collect();
    let mut left = y.to_vec();
    let (mut trend, mut weights) = (Vec::new(), Vec::new());
    for _ in 0..passes {
        for (settings, season) in order.iter().zip(&mut seasons) {
            add(&mut left, &season.component, 1.0);
            let parts = stl(&left, settings)?;
            add(&mut left, &parts.seasonal, -1.0);
            season.component = parts.seasonal;
            (trend, weights) = (parts.trend, parts.weights);
        }
    }
    let components = seasons.iter().map(|season| season.component.as_slice());
    let remainder = rest(y, &trend, components)?;
    Ok(Mstl {
        trend,
        seasons,
        remainder,
        weights,
    })
}

fn add(total: &mut [f64], part: &[f64], sign: f64) {
    for (total, part) in total.iter_mut().zip(part) {
        *total += sign * part;
    }
}

fn check(seasons: &[StlSettings], passes: usize) -> Result<()> {
    let invalid = |name, why| Err(StatsError::Invalid { name, why });
    if seasons.is_empty() || seasons.len() > SEASONS_MAX {
        return invalid("seasons", "there are 1 to 16 of them");
    }
    if seasons
        .windows(2)
        .any(|pair| pair[0].period == pair[1].period)
    {
        return invalid("seasons", "their periods must differ");
    }
    if passes == 0 {
        return invalid("passes", "there must be at least one");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_settings_and_short_series_are_refused() {
        let y: Vec<f64> = (0..40).map(|t| f64::from(t % 6)).collect();
        let refused = |settings: &MstlSettings| {
            assert!(matches!(
                mstl(&y, settings),
                Err(StatsError::Invalid { .. })
            ));
        };
        refused(&MstlSettings::new(&[]));
        refused(&MstlSettings::new(&[4, 4]));
        refused(&MstlSettings::new(&[1, 4]));
        refused(&MstlSettings {
            passes: 0,
            ..MstlSettings::new(&[4])
        });
        let too_few = Err(StatsError::TooFew { need: 42, got: 40 });
        assert_eq!(mstl(&y, &MstlSettings::new(&[21, 6])), too_few);
    }

    #[test]
    fn one_season_is_stl() {
        let y: Vec<f64> = (0..40).map(|t| f64::from((t * t) % 6 + t / 7)).collect();
        let settings = MstlSettings::new(&[6]).robust();
        let (many, one) = (
            mstl(&y, &settings).unwrap(),
            stl(&y, &settings.seasons[0]).unwrap(),
        );
        assert_eq!(many.trend, one.trend);
        assert_eq!(many.seasons[0].component, one.seasonal);
        assert_eq!(many.weights, one.weights);
    }
}
