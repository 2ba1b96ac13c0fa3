//! Forecasts of series with several seasons, or with one too long for a model.
//!
//! Invariant: intervals carry what a season is not known by. A season seen m times is a mean of m
//! cycles: it takes a part 1/m of the noise with it, and misses the truth by as much. Both are put
//! back, by random mixtures of the cycles that the noise went through, so that neighbours in a cycle
//! err together as they do in the series.
//! Not for a season that grows with the level (take logarithms first), nor for one that changes from
//! cycle to cycle: it is taken for steady over the newest [`CYCLES_MAX`] of the longest season.
//! Sources: Bandara, Hyndman & Bergmeir (2021), MSTL; Hyndman & Athanasopoulos, "Forecasting:
//! principles and practice" (2021), 5.7, forecasting by decomposition; Wu, "Jackknife, bootstrap and
//! other resampling methods in regression analysis", Annals of Statistics 14 (1986), for mixtures.

use super::ets::{FIT_MAX, PERIOD_MAX};
use super::predict::{Forecast, ForecastPlan, forecast};
use crate::error::{Result, StatsError, observations};
use crate::rng::Rng;
use crate::smooth::Degree;
use crate::smooth::mstl::{Mstl, MstlSettings, Season, mstl};

/// At most so many of the newest cycles of the longest season are looked at.
pub const CYCLES_MAX: usize = 12;
/// Draws of the seasons' errors, shared among the paths.
const DRAWS: usize = 200;
/// Keeps these draws apart from those of the paths.
const DOUBT_SEED: u64 = 0x5ea5_0000;

/// Forecasts a series with seasons of the given `periods` (in observations), of each of which at
/// least two cycles are there; `plan.period` is not looked at.
///
/// One season of 2 to 48 is left to the models, which let it change; all others are taken off by
/// MSTL, the rest is forecast, and their cycles are put back with their uncertainty.
///
/// ```
/// use tacho_stats::forecast::{ForecastPlan, forecast_seasonal};
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(5);
/// let wave = |t: usize, period: usize| (std::f64::consts::TAU * t as f64 / period as f64).sin();
/// let hours: Vec<f64> = (0..1_008)
///     .map(|t| 50.0 + 5.0 * wave(t, 24) + 9.0 * wave(t, 168) + rng.standard_normal())
///     .collect();
/// let ahead = forecast_seasonal(&hours, &[24, 168], &ForecastPlan::new(168))?;
/// let interval = ahead.intervals(0.95)?[41];
/// assert!(interval.contains(50.0 + 5.0 * wave(1_049, 24) + 9.0 * wave(1_049, 168)));
/// assert!(interval.half_width() < 4.0);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn forecast_seasonal(x: &[f64], periods: &[usize], plan: &ForecastPlan) -> Result<Forecast> {
    let plain = |period| forecast(x, &ForecastPlan { period, ..*plan });
    plan.check()?;
    observations(x, 1)?;
    match periods {
        [] => return plain(None),
        [period] if *period <= PERIOD_MAX => return plain(Some(*period)),
        _ if x.iter().all(|v| *v == x[0]) => return plain(None),
        _ => {}
    }
    let longest = periods.iter().copied().max().unwrap_or(1);
    let kept = longest.saturating_mul(CYCLES_MAX).max(FIT_MAX);
    let newest = &x[x.len().saturating_sub(kept)..];
    let parts = mstl(newest, &steady(periods, newest.len())?)?;
    let rest = ForecastPlan {
        period: None,
        ..*plan
    };
    let mut ahead = forecast(&parts.deseasonalised(), &rest)?;
    ahead.resume_from(x[x.len() - 1]);
    let ahead = ahead.with_season(&cycles(&parts.seasons, plan.horizon))?;
    ahead.with_doubt(&doubts(&parts, plan))
}

/// MSTL with seasons that are the same in every cycle.
fn steady(periods: &[usize], n: usize) -> Result<MstlSettings> {
    // Two cycles must fit in, which also keeps the windows below small.
    if let Some(period) = periods.iter().find(|period| **period > n / 2) {
        return Err(StatsError::TooFew {
            need: period.saturating_mul(2),
            got: n,
        });
    }
    let mut settings = MstlSettings::new(periods);
    for season in &mut settings.seasons {
        // Ten times the series: the weights of one phase's values differ by less than 0.1 %.
        season.seasonal.window = 10 * n + 1;
        season.seasonal.degree = Degree::Constant;
        season.trend.window = (season.period + season.period / 2) | 1;
        // Lines between every tenth of a window: smooth parts lose nothing.
        season.trend.jump = season.trend.window.div_ceil(10);
        season.low_pass.jump = season.low_pass.window.div_ceil(10);
    }
    Ok(settings)
}

/// The seasons' sum at each step ahead.
fn cycles(seasons: &[Season], horizon: usize) -> Vec<f64> {
    let at = |season: &Season, step: usize| {
        season.component[season.component.len() - season.period + step % season.period]
    };
    (0..horizon)
        .map(|step| seasons.iter().map(|season| at(season, step)).sum())
        .collect()
}

/// Draws of what seasons and noise are wrong by at each step ahead.
///
/// With m cycles the remainder's variance is (1 − 1/m) of the noise's, a future observation errs by
/// (1 + 1/m): the difference is 2 / (m − 1) of the remainder's. Σ gᵢ rᵢ over the cycles i, with
/// normal g of variance 2 / (m (m − 1)), has that variance.
fn doubts(parts: &Mstl, plan: &ForecastPlan) -> Vec<Vec<f64>> {
    let mut rng = Rng::new(plan.seed ^ DOUBT_SEED);
    let draw = |_| {
        let mut doubt = vec![0.0; plan.horizon];
        for season in &parts.seasons {
            let mixed = mixture(&parts.remainder, season.period, &mut rng);
            for (doubt, error) in doubt.iter_mut().zip(mixed.iter().cycle()) {
                *doubt += error;
            }
        }
        doubt
    };
    (0..DRAWS.min(plan.paths)).map(draw).collect()
}

/// One draw for one season: a mixture of the whole cycles up to the end, one value a step ahead.
fn mixture(remainder: &[f64], period: usize, rng: &mut Rng) -> Vec<f64> {
    let whole = remainder.rchunks_exact(period);
    let m = whole.len() as f64;
    let unit = (2.0 / (m * (m - 1.0))).sqrt();
    let mut mixed = vec![0.0; period];
    for cycle in whole {
        let weight = unit * rng.standard_normal();
        for (total, value) in mixed.iter_mut().zip(cycle) {
            *total += weight * value;
        }
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(t: usize, period: usize) -> f64 {
        (std::f64::consts::TAU * t as f64 / period as f64).sin()
    }

    #[test]
    fn doubt_has_the_variance_that_a_mean_of_cycles_costs() {
        let mut rng = Rng::new(2);
        let remainder: Vec<f64> = (0..50).map(|_| rng.standard_normal()).collect();
        let draws = 4_000;
        let mut square = 0.0;
        for _ in 0..draws {
            square += mixture(&remainder, 10, &mut rng)
                .iter()
                .map(|v| v * v)
                .sum::<f64>();
        }
        let mean = remainder.iter().map(|v| v * v).sum::<f64>() / 50.0;
        // 2 / (5 − 1) of the remainder's.
        let ratio = square / f64::from(draws) / 10.0 / mean;
        assert!((ratio - 0.5).abs() < 0.05, "{ratio}");
    }

    #[test]
    fn long_seasons_come_back_and_short_ones_are_the_models() {
        let mut rng = Rng::new(6);
        let x: Vec<f64> = (0..480)
            .map(|t| 20.0 + 4.0 * wave(t, 60) + 2.0 * wave(t, 12) + 0.2 * rng.standard_normal())
            .collect();
        let plan = ForecastPlan {
            paths: 300,
            ..ForecastPlan::new(90)
        };
        let ahead = forecast_seasonal(&x, &[60, 12], &plan).unwrap();
        for (step, mean) in ahead.mean.iter().enumerate() {
            let want = 20.0 + 4.0 * wave(480 + step, 60) + 2.0 * wave(480 + step, 12);
            assert!((mean - want).abs() < 0.8, "{step}: {mean} {want}");
        }
        let seasonal = ForecastPlan {
            period: Some(12),
            ..plan
        };
        let one = forecast_seasonal(&x[..96], &[12], &plan);
        assert_eq!(one, forecast(&x[..96], &seasonal));
        assert_eq!(
            forecast_seasonal(&x[..96], &[], &seasonal),
            forecast(&x[..96], &plan)
        );
    }

    #[test]
    fn bad_seasons_are_refused() {
        let x: Vec<f64> = (0..200).map(|t| wave(t, 60)).collect();
        let plan = ForecastPlan::new(5);
        for periods in [
            &[60, 60][..],
            &[1, 60],
            &[0, 60],
            &[101],
            &[usize::MAX],
            &[0],
        ] {
            assert!(
                forecast_seasonal(&x, periods, &plan).is_err(),
                "{periods:?}"
            );
        }
        assert!(forecast_seasonal(&[], &[60, 12], &plan).is_err());
        assert!(forecast_seasonal(&[f64::NAN; 300], &[60, 12], &plan).is_err());
        let flat = forecast_seasonal(&[7.0; 300], &[60, 12], &plan).unwrap();
        assert_eq!(flat.mean, [7.0; 5]);
        for huge in [1e308, 5e-324] {
            let x: Vec<f64> = (0..200)
                .map(|t| if t % 2 == 0 { huge } else { -huge })
                .collect();
            if let Ok(ahead) = forecast_seasonal(&x, &[50, 12], &plan) {
                assert!(ahead.mean.iter().all(|v| v.is_finite()));
            }
        }
        // Nothing but seasons: the rest is rounding.
        assert!(forecast_seasonal(&x, &[60, 12], &plan).is_ok());
    }
}
