//! Forecasts: likelihoods beside statsforecast's, the book's variances, coverage, and properties.

use proptest::prelude::*;
use tacho_stats::forecast::{
    Basis, Direction, ErrorKind, Ets, EtsModel, FIT_MAX, ForecastPlan, LinearTrend, Outlook,
    SeasonKind, SimpleMethod, TrendKind, auto_ets, detect_period, forecast, simple_forecast,
};
use tacho_stats::rng::Rng;
use tacho_stats::{Alternative, StatsError};

use crate::shared::numbers;

fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..n).map(|_| rng.standard_normal()).collect()
}

fn walk(seed: u64, n: usize) -> Vec<f64> {
    let steps = noise(seed, n).into_iter();
    steps
        .scan(0.0, |level, step| {
            *level += step;
            Some(*level)
        })
        .collect()
}

fn model(error: ErrorKind, trend: TrendKind, season: SeasonKind) -> EtsModel {
    EtsModel::new(error, trend, season).unwrap()
}

/// The peer searches by a simplex; we must find at least as likely parameters. Its slopes may learn
/// faster than its levels, which is outside the region, hence the slack.
#[test]
fn likelihoods_are_at_least_the_peers() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("assets/ets.json")).expect("asset is JSON");
    let mut compared = 0;
    for series in file["series"].as_array().unwrap() {
        let y = numbers(&series["y"]);
        let period = series["period"]
            .as_u64()
            .map(|p| p as usize)
            .filter(|p| *p > 1);
        for model in EtsModel::all() {
            let Some(theirs) = series["aicc"][model.to_string()].as_f64() else {
                continue;
            };
            let ours = Ets::fit(&y, model, period).unwrap().aicc();
            assert!(
                ours < theirs + 0.02,
                "{model} on {}: {ours}, not {theirs}",
                series["name"]
            );
            if model.season() == SeasonKind::None && model.trend() == TrendKind::None {
                assert!((ours - theirs).abs() < 0.2, "{model} on {}", series["name"]);
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 27);
}

/// Hyndman et al. (2008), table 6.1: the closed forms, against the sums that the crate takes.
#[test]
fn standard_errors_are_the_books() {
    let y: Vec<f64> = walk(3, 90)
        .iter()
        .zip(noise(4, 90))
        .map(|(a, b)| a + b)
        .collect();
    let steps = [1.0, 2.0, 7.0, 20.0];
    for trend in [TrendKind::None, TrendKind::Additive, TrendKind::Damped] {
        let fit = Ets::fit(
            &y,
            model(ErrorKind::Additive, trend, SeasonKind::None),
            None,
        )
        .unwrap();
        let errors = fit.standard_errors(20).unwrap();
        let (a, b) = (fit.alpha(), fit.beta().unwrap_or(0.0));
        for h in steps {
            let level = 1.0 + a * a * (h - 1.0);
            let growth = match fit.phi() {
                _ if trend == TrendKind::None => level,
                None => 1.0 + (h - 1.0) * (a * a + a * b * h + b * b * h * (2.0 * h - 1.0) / 6.0),
                Some(p) => {
                    let first = b * p * h / (1.0 - p).powi(2) * (2.0 * a * (1.0 - p) + b * p);
                    let power = p.powf(h);
                    let second = b * p * (1.0 - power) / ((1.0 - p).powi(2) * (1.0 - p * p))
                        * (2.0 * a * (1.0 - p * p) + b * p * (1.0 + 2.0 * p - power));
                    level + first - second
                }
            };
            let (got, want) = (errors[h as usize - 1], fit.sigma() * growth.sqrt());
            assert!(
                (got / want - 1.0).abs() < 1e-9,
                "{trend:?} at {h}: {got}, not {want}"
            );
        }
    }
    let relative = model(ErrorKind::Multiplicative, TrendKind::None, SeasonKind::None);
    let above: Vec<f64> = y.iter().map(|v| v + 100.0).collect();
    assert!(
        Ets::fit(&above, relative, None)
            .unwrap()
            .standard_errors(3)
            .is_none()
    );
}

/// In short; the long form is the calibration's section `forecast`.
#[test]
fn intervals_hold_what_they_say() {
    let (replicates, n, reach) = (120, 60, 6);
    for (name, sample) in [
        ("white", noise as fn(u64, usize) -> Vec<f64>),
        ("walk", walk),
    ] {
        let mut outside = 0;
        for seed in 0..replicates {
            let all = sample(1_000 + seed, n + reach);
            let mut plan = ForecastPlan::new(reach);
            plan.paths = 300;
            let intervals = forecast(&all[..n], &plan).unwrap().intervals(0.95).unwrap();
            let misses = intervals
                .iter()
                .zip(&all[n..])
                .filter(|(i, v)| !i.contains(**v));
            outside += misses.count();
        }
        let rate = outside as f64 / (replicates as usize * reach) as f64;
        // Misses of one series come together, so that 720 are worth some 200.
        assert!((0.01..0.1).contains(&rate), "{name}: {rate}");
    }
}

#[test]
fn seasons_are_carried_forward() {
    let mut rng = Rng::new(9);
    let season = |t: usize| [0.0, 4.0, 8.0, 2.0, -3.0, -6.0][t % 6];
    let y: Vec<f64> = (0..90)
        .map(|t| 50.0 + season(t) + 0.3 * rng.standard_normal())
        .collect();
    let period = detect_period(&y, 0.01).unwrap().map(|p| p.length);
    assert_eq!(period, Some(6));
    let ahead = forecast(
        &y,
        &ForecastPlan {
            period,
            ..ForecastPlan::new(12)
        },
    )
    .unwrap();
    for (h, mean) in ahead.mean.iter().enumerate() {
        assert!(
            (mean - 50.0 - season(90 + h)).abs() < 0.6,
            "step {h}: {mean}"
        );
    }
    let width = ahead.intervals(0.95).unwrap()[11].half_width();
    assert!((0.4..1.4).contains(&width), "{width}");
    let growing: Vec<f64> = (0..90)
        .map(|t| {
            (20.0 + t as f64) * (1.0 + 0.05 * season(t)) * (1.0 + 0.01 * rng.standard_normal())
        })
        .collect();
    let best = auto_ets(&growing, Some(6)).unwrap();
    assert_eq!(best.best().model().season(), SeasonKind::Multiplicative);
}

#[test]
fn noise_is_no_trend_and_a_trend_is() {
    let mut plan = ForecastPlan::new(40);
    plan.paths = 400;
    let mut claims = 0;
    for seed in 0..40 {
        let x = noise(seed, 60);
        let outlook = forecast(&x, &plan)
            .unwrap()
            .crossing(2.5, Direction::Up, 0.9)
            .unwrap();
        claims += u32::from(!matches!(
            outlook.outlook,
            Outlook::NoTrend | Outlook::Already
        ));
        let rising: Vec<f64> = x
            .iter()
            .zip(0..)
            .map(|(v, t)| v + 0.2 * f64::from(t))
            .collect();
        let full = forecast(&rising, &plan)
            .unwrap()
            .crossing(16.0, Direction::Up, 0.9)
            .unwrap();
        assert!(
            matches!(full.outlook, Outlook::Expected { .. }),
            "{seed}: {full:?}"
        );
    }
    assert!(claims <= 3, "{claims} trends in noise");
}

/// A season that was taken off beforehand moves everything by as much.
#[test]
fn a_season_is_put_back() {
    let x = walk(2, 50);
    let plain = forecast(&x, &ForecastPlan::new(3)).unwrap();
    let moved = plain.clone().with_season(&[1.0, -2.0, 0.0]).unwrap();
    let (a, b) = (plain.intervals(0.9).unwrap(), moved.intervals(0.9).unwrap());
    for (step, by) in [1.0, -2.0, 0.0].into_iter().enumerate() {
        assert!((moved.mean[step] - plain.mean[step] - by).abs() < 1e-12);
        assert!((b[step].low - a[step].low - by).abs() < 1e-12);
    }
    assert!(plain.clone().with_season(&[1.0]).is_err());
    assert!(plain.with_season(&[1.0, f64::NAN, 0.0]).is_err());
}

/// Only the newest observations are fitted, so that the time is linear in n, and little of it.
#[test]
fn a_million_observations_take_no_longer_to_fit() {
    let x = noise(6, 1_000_000);
    let ahead = forecast(&x, &ForecastPlan::new(5)).unwrap();
    assert_eq!(ahead.used, FIT_MAX);
    assert_eq!(
        ahead,
        forecast(&x[500_000..], &ForecastPlan::new(5)).unwrap()
    );
}

#[test]
fn short_and_constant_series() {
    assert_eq!(
        forecast(&[1.0, 2.0, 3.0], &ForecastPlan::new(1)),
        Err(StatsError::TooFew { need: 4, got: 3 })
    );
    let short = forecast(&[3.0, 5.0, 4.0, 6.0], &ForecastPlan::new(4)).unwrap();
    assert_eq!(
        (short.basis, &short.mean[..]),
        (Basis::RandomWalk, &[6.0; 4][..])
    );
    let widths: Vec<f64> = short
        .intervals(0.9)
        .unwrap()
        .iter()
        .map(tacho_stats::Interval::half_width)
        .collect();
    assert!(widths[0] > 1.0 && widths[3] > widths[0]);
    for value in [0.0, -3.5, 1e300, 5e-324] {
        let same = forecast(&[value; 30], &ForecastPlan::new(9)).unwrap();
        assert_eq!(
            (same.basis, &same.mean[..]),
            (Basis::Constant, &[value; 9][..])
        );
        let interval = same.intervals(0.95).unwrap()[8];
        assert_eq!((interval.low, interval.high), (value, value));
    }
    for (horizon, paths) in [(0, 500), (5, 3), (10_001, 500), (10_000, 1_000_000)] {
        let plan = ForecastPlan {
            paths,
            ..ForecastPlan::new(horizon)
        };
        assert!(matches!(
            forecast(&noise(1, 30), &plan),
            Err(StatsError::Invalid { .. })
        ));
    }
    let plan = ForecastPlan {
        period: Some(500),
        ..ForecastPlan::new(3)
    };
    assert!(matches!(
        forecast(&noise(1, 1_500), &plan),
        Err(StatsError::Invalid { .. })
    ));
}

/// Every public function on slices that no one should pass.
#[test]
fn hostile_slices_give_errors_or_finite_numbers() {
    let alternating: Vec<f64> = (0..40)
        .map(|t| if t % 2 == 0 { 1e308 } else { -1e308 })
        .collect();
    let mut late = vec![1.0; 40];
    late[39] = 1e300;
    let mut tiny = vec![5e-324; 40];
    tiny[20] = 1e-323;
    let spike: Vec<f64> = (0..40).map(|t| if t == 7 { 1e12 } else { 1.0 }).collect();
    let zeros_and_one: Vec<f64> = (0..40).map(|t| f64::from(t == 39)).collect();
    let cases: Vec<Vec<f64>> = vec![
        vec![],
        vec![1.0],
        vec![f64::NAN; 40],
        vec![1.0, f64::INFINITY, 2.0, 3.0, 4.0],
        alternating,
        late,
        tiny,
        spike,
        zeros_and_one,
        (0..40).map(f64::from).collect(),
        (0..40).map(|t| 2f64.powi(t * 20)).collect(),
        (0..40).map(|t| 1e15 + f64::from(t % 3)).collect(),
        vec![
            -0.0, 0.0, -0.0, 0.0, -0.0, 0.0, -0.0, 0.0, -0.0, 0.0, -0.0, 0.0, 0.0,
        ],
    ];
    for (case, x) in cases.iter().enumerate() {
        for period in [None, Some(4)] {
            let plan = ForecastPlan {
                period,
                paths: 100,
                ..ForecastPlan::new(6)
            };
            if let Ok(ahead) = forecast(x, &plan) {
                assert!(ahead.mean.iter().all(|v| v.is_finite()), "case {case}");
                let intervals = ahead.intervals(0.95).unwrap();
                assert!(
                    intervals
                        .iter()
                        .all(|i| i.low <= i.high && i.high.is_finite()),
                    "case {case}"
                );
                let crossing = ahead.crossing(3.0, Direction::Up, 0.9).unwrap();
                assert!((0.0..=1.0).contains(&crossing.probability));
            }
            if let Ok(choice) = auto_ets(x, period) {
                assert!(choice.best().aicc().is_finite() && choice.best().sigma() >= 0.0);
            }
        }
        if let Ok(trend) = LinearTrend::fit(x) {
            assert!(
                trend.slope.is_finite() && (0.0..=1.0).contains(&trend.p(Alternative::TwoSided))
            );
            let plan = ForecastPlan {
                paths: 100,
                ..ForecastPlan::new(6)
            };
            let down = trend.crossing(3.0, Direction::Down, 0.9, &plan);
            assert!(down.map_or(1.0, |c| c.probability) <= 1.0);
            assert!(trend.interval(0.95).is_ok_and(|i| i.low <= i.high) || x[0].abs() > 1.0);
        }
        if let Ok(Some(period)) = detect_period(x, 0.05) {
            assert!(period.p.is_finite() && period.length >= 2, "case {case}");
        }
        if let Ok(simple) = simple_forecast(x, SimpleMethod::Drift, 3) {
            assert!(simple.mean.iter().all(|v| v.is_finite()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Additive models follow the units of the series, and time does not matter.
    #[test]
    fn additive_models_follow_shift_and_scale(seed in 0u64..1_000, shift in -1e4..1e4f64, scale in 0.01..100.0f64) {
        let x = walk(seed, 40);
        let moved: Vec<f64> = x.iter().map(|v| shift + scale * v).collect();
        for trend in [TrendKind::None, TrendKind::Damped] {
            let model = model(ErrorKind::Additive, trend, SeasonKind::None);
            let (a, b) = (Ets::fit(&x, model, None).unwrap(), Ets::fit(&moved, model, None).unwrap());
            let spread = scale * a.sigma();
            prop_assert!((b.sigma() / spread - 1.0).abs() < 1e-3);
            let there = a.forecast(5).unwrap();
            for (f, g) in there.iter().zip(b.forecast(5).unwrap()) {
                prop_assert!((g - (shift + scale * f)).abs() < 0.02 * spread, "{} {}", g, shift + scale * f);
            }
        }
        let (a, b) = (LinearTrend::fit(&x).unwrap(), LinearTrend::fit(&moved).unwrap());
        prop_assert!((a.p(Alternative::Less) - b.p(Alternative::Less)).abs() < 1e-6);
        prop_assert!((b.slope - scale * a.slope).abs() < 1e-6 * scale * (1.0 + a.slope.abs()));
    }

    #[test]
    fn quantiles_rise_and_the_same_seed_gives_the_same(seed in 0u64..1_000) {
        let x = walk(seed, 30);
        let plan = ForecastPlan { paths: 200, ..ForecastPlan::new(4) };
        let ahead = forecast(&x, &plan).unwrap();
        prop_assert_eq!(&ahead, &forecast(&x, &plan).unwrap());
        let (low, high) = (ahead.quantiles(0.2).unwrap(), ahead.quantiles(0.7).unwrap());
        prop_assert!(low.iter().zip(&high).all(|(a, b)| a <= b));
        let narrow = ahead.intervals(0.5).unwrap();
        let wide = ahead.intervals(0.95).unwrap();
        prop_assert!(narrow.iter().zip(&wide).all(|(a, b)| b.low <= a.low && a.high <= b.high));
        let near = ahead.crossing(x[29] + 0.5, Direction::Up, 0.9).unwrap().probability;
        let far = ahead.crossing(x[29] + 3.0, Direction::Up, 0.9).unwrap().probability;
        prop_assert!(near >= far);
    }
}
