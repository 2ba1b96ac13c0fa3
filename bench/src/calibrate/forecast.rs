//! Forecasts: how often the observation lies outside its 95 % interval, how often a trend or a
//! season is claimed where there is none, and how often a true one is seen.

use std::f64::consts::TAU;
use std::fmt;

use tacho_stats::distribution::Normal;
use tacho_stats::forecast::{
    Direction, ForecastPlan, LinearTrend, Outlook, SimpleMethod, auto_ets, detect_period, forecast,
    forecast_seasonal, simple_forecast,
};
use tacho_stats::rng::Rng;
use tacho_stats::{Alternative, Interval};

use super::{Alarms, Process, Role, Section, Study, Tally, Trial};

const ALPHA: f64 = 0.05;
const PERIOD_ALPHA: f64 = 0.01;
/// The level shift after the forecast was made, in standard deviations of one step's surprise.
const SHIFT: f64 = 4.0;
/// The trend for power, in true standard errors of the slope.
const SLOPE: f64 = 5.0;
const PATHS: usize = 1_000;
const SEASON: usize = 24;
const WEEK: usize = 168;

/// A process with a future.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Course {
    Stationary(Process),
    /// Sums of standard normal numbers.
    Walk,
    /// 0.1 a step, in white noise.
    Trend,
    /// Days of 24 and weeks of 168 observations on noise.
    TwoSeasons(Process),
}

impl Course {
    fn sample(self, rng: &mut Rng, n: usize) -> Vec<f64> {
        let mut level = 0.0;
        match self {
            Self::Stationary(process) => process.sample(rng, n),
            Self::Walk => (0..n)
                .map(|_| {
                    level += rng.standard_normal();
                    level
                })
                .collect(),
            Self::Trend => (0..n)
                .map(|t| 0.1 * t as f64 + rng.standard_normal())
                .collect(),
            Self::TwoSeasons(noise) => {
                let noise = noise.sample(rng, n).into_iter().enumerate();
                noise.map(|(t, v)| v + day_and_week(t)).collect()
            }
        }
    }

    /// What [`forecast_seasonal`] is told.
    fn seasons(self) -> &'static [usize] {
        match self {
            Self::TwoSeasons(_) => &[SEASON, WEEK],
            Self::Stationary(Process::Season) => &[SEASON],
            _ => &[],
        }
    }

    fn period(self) -> Option<usize> {
        (self == Self::Stationary(Process::Season)).then_some(SEASON)
    }

    /// Standard deviation of what cannot be foreseen one step ahead.
    fn surprise(self) -> f64 {
        match self {
            Self::Stationary(Process::Autoregression(_))
            | Self::TwoSeasons(Process::Autoregression(_))
            | Self::Walk
            | Self::Trend => 1.0,
            Self::Stationary(process) | Self::TwoSeasons(process) => process.variance().sqrt(),
        }
    }

    /// Standard error of the slope of a line through `n` observations, at best.
    fn slope_error(self, n: usize) -> f64 {
        let n = n as f64;
        match self {
            Self::Walk => 1.0 / n.sqrt(),
            Self::Trend => 12f64.sqrt() / n.powf(1.5),
            Self::Stationary(process) | Self::TwoSeasons(process) => {
                (12.0 * process.long_run_variance()).sqrt() / n.powf(1.5)
            }
        }
    }
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stationary(process) => process.fmt(f),
            Self::Walk => f.write_str("walk"),
            Self::Trend => f.write_str("trend in noise"),
            Self::TwoSeasons(noise) => write!(f, "seasons of 24 and 168 on {noise}"),
        }
    }
}

/// A sine of the hour, and a week with two quiet days.
fn day_and_week(t: usize) -> f64 {
    let hour = TAU * (t % SEASON) as f64 / SEASON as f64;
    let quiet = t % WEEK >= 5 * SEASON;
    2.0 * hour.sin() - if quiet { 3.0 } else { 0.0 }
}

const HALF: Course = Course::Stationary(Process::Autoregression(0.5));
const STRONG: Course = Course::Stationary(Process::Autoregression(0.9));
const WHITE: Course = Course::Stationary(Process::White);
const T3: Course = Course::Stationary(Process::StudentT3);

pub(super) fn measure(study: &Study) -> Section {
    let mut section = Section {
        title: "Forecasts",
        about: format!(
            "A false alarm of an interval: the observation h steps after n lies outside its 95 % \
             interval. Power: it does after a shift of the level by {SHIFT} standard deviations of \
             one step's surprise. Chosen is `forecast`; beside it the intervals of the best \
             additive model by the book (model and parameters taken for true) and of the last \
             value. A false alarm of a trend: `crossing` or `LinearTrend` claims one, in either \
             direction, where there is none; the true one has a slope of {SLOPE} standard errors \
             at best. A false alarm of `detect_period`: a season in noise; the true one is a sine \
             of {SEASON} observations as large as the noise."
        ),
        ..Section::default()
    };
    let skewed = Course::Stationary(Process::LogNormal);
    let season = Course::Stationary(Process::Season);
    for course in [WHITE, T3, skewed, HALF, STRONG, Course::Walk, Course::Trend] {
        intervals(&mut section, study, course, 30, [1, 3, 6]);
        intervals(&mut section, study, course, 100, [1, 6, 24]);
    }
    intervals(&mut section, study, season, 120, [1, 6, 24]);
    let few = study.one_in(4);
    for noise in [Process::White, Process::Autoregression(0.5)] {
        let course = Course::TwoSeasons(noise);
        intervals(&mut section, &few, course, 3 * WEEK, [1, SEASON, WEEK]);
        intervals(&mut section, &few, course, 6 * WEEK, [1, SEASON, WEEK]);
    }
    for course in [WHITE, T3, HALF, STRONG, Course::Walk] {
        trends(&mut section, study, course, 100);
        periods(&mut section, study, course, 240);
    }
    section
}

/// Coverage at three horizons by three methods, all on the same series.
fn intervals(section: &mut Section, study: &Study, course: Course, n: usize, steps: [usize; 3]) {
    let reach = steps[2];
    let tallies: [Tally; 9] = study.count(n as u64, |rng| {
        let all = course.sample(rng, n + reach);
        let (past, future) = all.split_at(n);
        let methods = [
            chosen(past, course, reach, rng.next_u64()),
            textbook(past, course, reach),
            last_value(past, reach),
        ];
        std::array::from_fn(|i| {
            let step = steps[i % 3] - 1;
            let Some(interval) = methods[i / 3].as_ref().map(|all| all[step]) else {
                return Trial::default();
            };
            Trial {
                decided: true,
                alarm: !interval.contains(future[step]),
                found: !interval.contains(future[step] + SHIFT * course.surprise()),
            }
        })
    });
    let names = ["forecast", "ETS by the book", "last value"];
    for (i, tally) in tallies.into_iter().enumerate() {
        // Phases of a week that are known from three values, or are a week ahead, are listed and not
        // promised.
        let weekly = matches!(course, Course::TwoSeasons(_));
        let promised = i < 3 && !(weekly && (steps[i] == WEEK || n < 4 * WEEK));
        let role = if promised {
            Role::Chosen
        } else {
            Role::Textbook
        };
        let process = format!("{course}, h = {}", steps[i % 3]);
        section
            .alarms
            .push(alarms(names[i / 3], role, process, n, ALPHA, tally));
    }
}

fn alarms(
    method: &str,
    role: Role,
    process: String,
    n: usize,
    nominal: f64,
    tally: Tally,
) -> Alarms {
    Alarms {
        method: method.to_owned(),
        role,
        process,
        n,
        nominal,
        tally,
    }
}

fn plan(course: Course, horizon: usize, seed: u64) -> ForecastPlan {
    ForecastPlan {
        period: course.period(),
        paths: PATHS,
        seed,
        ..ForecastPlan::new(horizon)
    }
}

fn chosen(past: &[f64], course: Course, reach: usize, seed: u64) -> Option<Vec<Interval>> {
    let plan = plan(course, reach, seed);
    let ahead = match course.seasons() {
        [] => forecast(past, &plan),
        seasons => forecast_seasonal(past, seasons, &plan),
    };
    ahead.ok()?.intervals(1.0 - ALPHA).ok()
}

fn textbook(past: &[f64], course: Course, reach: usize) -> Option<Vec<Interval>> {
    let choice = auto_ets(past, course.period()).ok()?;
    let best = choice
        .candidates()
        .iter()
        .find(|fit| !fit.model().needs_positive())?;
    let z = Normal::STANDARD.inverse_sf(0.5 * ALPHA).ok()?;
    let intervals = best
        .forecast(reach)
        .ok()?
        .into_iter()
        .zip(best.standard_errors(reach)?)
        .map(|(mean, error)| Interval {
            low: mean - z * error,
            high: mean + z * error,
            level: 1.0 - ALPHA,
        });
    Some(intervals.collect())
}

fn last_value(past: &[f64], reach: usize) -> Option<Vec<Interval>> {
    let naive = simple_forecast(past, SimpleMethod::Naive, reach).ok()?;
    naive.intervals(1.0 - ALPHA).ok()
}

/// Whether a trend is claimed, of none and of a true one.
fn trends(section: &mut Section, study: &Study, course: Course, n: usize) {
    let slope = SLOPE * course.slope_error(n);
    let tallies: [Tally; 2] = study.one_in(4).count(n as u64 + 1, |rng| {
        let flat = course.sample(rng, n);
        let rising: Vec<f64> = (0..n).map(|t| flat[t] + slope * t as f64).collect();
        let seed = rng.next_u64();
        [claims_crossing, claims_slope].map(|claims| Trial {
            decided: true,
            alarm: claims(&flat, seed),
            found: claims(&rising, seed),
        })
    });
    for (name, tally) in ["crossing", "LinearTrend"].into_iter().zip(tallies) {
        let process = format!("{course}, trend");
        // A walk is worth no independent observations: a line through it is not promised anything.
        let promised = name == "crossing" || course != Course::Walk;
        let role = if promised {
            Role::Chosen
        } else {
            Role::Textbook
        };
        section
            .alarms
            .push(alarms(name, role, process, n, ALPHA, tally));
    }
}

fn claims_crossing(x: &[f64], seed: u64) -> bool {
    let Ok(ahead) = forecast(x, &plan(WHITE, 20, seed)) else {
        return false;
    };
    let last = x[x.len() - 1];
    [(Direction::Up, 1e-9), (Direction::Down, -1e-9)]
        .iter()
        .any(|(direction, by)| {
            ahead.crossing(last + by, *direction, 0.9).is_ok_and(|c| {
                matches!(c.outlook, Outlook::Expected { .. } | Outlook::Later { .. })
            })
        })
}

fn claims_slope(x: &[f64], _seed: u64) -> bool {
    LinearTrend::fit(x).is_ok_and(|trend| trend.p(Alternative::TwoSided) < ALPHA)
}

/// Whether a season is found, in noise and with a true one (which must have the right length).
fn periods(section: &mut Section, study: &Study, course: Course, n: usize) {
    let amplitude = course.surprise();
    let [tally] = study.count(n as u64 + 2, |rng| {
        let plain = course.sample(rng, n);
        let wave = |t: usize| amplitude * (TAU * (t % SEASON) as f64 / SEASON as f64).sin();
        let moved: Vec<f64> = (0..n).map(|t| plain[t] + wave(t)).collect();
        let found = detect_period(&moved, PERIOD_ALPHA).ok().flatten();
        [Trial {
            decided: true,
            alarm: detect_period(&plain, PERIOD_ALPHA).is_ok_and(|p| p.is_some()),
            found: found.is_some_and(|p| p.length.abs_diff(SEASON) <= 1),
        }]
    });
    let process = format!("{course}, period");
    section.alarms.push(alarms(
        "detect_period",
        Role::Chosen,
        process,
        n,
        PERIOD_ALPHA,
        tally,
    ));
}
