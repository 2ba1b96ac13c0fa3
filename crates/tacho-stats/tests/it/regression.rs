//! Least squares against statsmodels, Theil-Sen and Mann-Kendall against scipy, and properties.

use proptest::prelude::*;
use serde_json::Value;
use tacho_stats::regression::{
    ErrorModel, Intercept, LeastSquares, MannKendallMethod, SerialCorrection, least_squares,
    mann_kendall, mann_kendall_corrected, polynomial, theil_sen, theil_sen_series, trend,
};
use tacho_stats::rng::Rng;
use tacho_stats::{Alternative, StatsError};

use crate::shared::{close, json, number, numbers};

const TOLERANCE: f64 = 1e-9;

#[track_caller]
fn alike(what: &str, got: &[f64], want: &Value) {
    let want = numbers(want);
    assert_eq!(got.len(), want.len(), "{what}");
    for (got, want) in got.iter().zip(&want) {
        close(what, *got, *want, TOLERANCE);
    }
}

fn errors(fit: &LeastSquares, model: ErrorModel) -> Vec<f64> {
    let fit = fit.clone().with_errors(model);
    fit.coefficients()
        .unwrap()
        .iter()
        .map(|c| c.standard_error)
        .collect()
}

#[test]
fn least_squares_is_that_of_statsmodels() {
    let asset: Value =
        serde_json::from_str(include_str!("assets/regression.json")).expect("asset is JSON");
    let [x1, x2, y] = ["x1", "x2", "y"].map(|key| numbers(&asset[key]));
    let fit = least_squares(&y, &[&x1, &x2], Intercept::Fitted).unwrap();
    let coefficients = fit.coefficients().unwrap();
    let each = |f: fn(&tacho_stats::regression::Coefficient) -> f64| -> Vec<f64> {
        coefficients.iter().map(f).collect()
    };
    alike("estimates", &each(|c| c.estimate), &asset["estimates"]);
    alike(
        "standard errors",
        &each(|c| c.standard_error),
        &asset["errors"],
    );
    alike(
        "p",
        &each(tacho_stats::regression::Coefficient::p),
        &asset["p"],
    );
    let newey_west = ErrorModel::NeweyWest { lags: 3 };
    alike("Newey-West", &errors(&fit, newey_west), &asset["hac3"]);
    alike(
        "automatic",
        &errors(&fit, ErrorModel::NeweyWestAutomatic),
        &asset["hac_auto"],
    );
    alike(
        "White",
        &errors(&fit, ErrorModel::Heteroscedastic),
        &asset["hac0"],
    );
    alike("leverage", &fit.leverages(), &asset["leverage"]);
    alike("Cook", &fit.cooks_distances(), &asset["cooks"]);
    alike(
        "studentised",
        &fit.studentised_residuals(),
        &asset["studentised"],
    );
    for (key, got) in [
        ("r2", fit.r_squared),
        ("adjusted", fit.adjusted_r_squared()),
        ("f", fit.f_statistic().unwrap()),
        ("f_p", fit.p().unwrap()),
        ("sd", fit.residual_sd),
        ("dw", fit.durbin_watson().unwrap()),
        ("condition", fit.condition_number()),
    ] {
        close(key, got, number(&asset, key).expect("number"), TOLERANCE);
    }
    let at = fit.predict(&[3.0, -1.0], 0.9).unwrap();
    let ends = [
        at.value,
        at.mean.low,
        at.mean.high,
        at.observation.low,
        at.observation.high,
    ];
    alike("prediction", &ends, &asset["prediction"]);
    let interval = coefficients[1].interval(0.99).unwrap();
    alike(
        "interval",
        &[interval.low, interval.high],
        &asset["interval99"],
    );
}

/// The 84 seeded cases, with scipy's `theilslopes` and `kendalltau` of each first sample in order.
#[test]
fn a3_theil_sen_and_mann_kendall_reference() {
    let Some(file) = json("reference/two_sample_reference.json") else {
        return;
    };
    let cases = file["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 84);
    for (index, case) in cases.iter().enumerate() {
        let name = format!("case {index} ({})", case["dist"].as_str().unwrap_or(""));
        let a = numbers(&case["a"]);
        let line = theil_sen_series(&a, 0.95).unwrap();
        let got = [
            line.slope,
            line.intercept,
            line.interval.low,
            line.interval.high,
        ];
        alike(&format!("{name} Theil-Sen"), &got, &case["theil_sen_a"]);
        let want = &case["mann_kendall_tau_a"];
        let got = mann_kendall(&a, MannKendallMethod::Automatic);
        let Some(tau) = number(want, "tau") else {
            assert_eq!(got, Err(StatsError::ZeroVariance), "{name}");
            continue;
        };
        let got = got.unwrap();
        close(&format!("{name} tau"), got.tau, tau, TOLERANCE);
        let p = number(want, "p").expect("p");
        let off = (got.p(Alternative::TwoSided) - p).abs() / p;
        assert!(off < TOLERANCE, "{name} p: off by {off:e}");
    }
}

fn points() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let value = || prop_oneof![3 => -100.0..100.0f64, 1 => (-4i8..4).prop_map(f64::from)];
    proptest::collection::vec((value(), value()), 4..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn theil_sen_is_the_median_of_all_slopes(points in points()) {
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let mut all = Vec::new();
        for (x1, y1) in &points {
            let right = points.iter().filter(|(x2, _)| x2 > x1);
            all.extend(right.map(|(x2, y2)| (y2 - y1) / (x2 - x1)));
        }
        prop_assume!(!all.is_empty());
        all.sort_by(f64::total_cmp);
        let want = 0.5 * (all[all.len() / 2] + all[(all.len() - 1) / 2]);
        let line = theil_sen(&x, &y, 0.9).unwrap();
        prop_assert!((line.slope - want).abs() <= 1e-12 * want.abs().max(1e-6), "{} {want}", line.slope);
        let negative: Vec<f64> = y.iter().map(|v| -v).collect();
        let mirrored = theil_sen(&x, &negative, 0.9).unwrap();
        prop_assert!((mirrored.slope + line.slope).abs() <= 1e-12 * want.abs().max(1e-6));
        prop_assert!(line.interval.low <= line.slope && line.slope <= line.interval.high);
    }

    #[test]
    fn least_squares_moves_with_the_data(points in points(), shift in -1e3..1e3f64, power in -40i32..40) {
        let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        let fit = least_squares(&y, &[&x], Intercept::Fitted);
        prop_assume!(fit.is_ok());
        let [b0, b1] = fit.unwrap().coefficients().unwrap()[..] else { panic!("two") };
        let factor = 2f64.powi(power);
        let scaled: Vec<f64> = y.iter().map(|v| v * factor).collect();
        let wide: Vec<f64> = x.iter().map(|v| v * 8.0).collect();
        let fit = least_squares(&scaled, &[&wide], Intercept::Fitted).unwrap();
        let [a0, a1] = fit.coefficients().unwrap()[..] else { panic!("two") };
        prop_assert_eq!(a0.estimate, b0.estimate * factor);
        prop_assert_eq!(a1.estimate, b1.estimate * factor / 8.0);
        prop_assert_eq!(a1.standard_error, b1.standard_error * factor / 8.0);
        let moved: Vec<f64> = y.iter().map(|v| v + shift).collect();
        let fit = least_squares(&moved, &[&x], Intercept::Fitted).unwrap();
        let [c0, c1] = fit.coefficients().unwrap()[..] else { panic!("two") };
        let tolerance = 1e-9 * (1.0 + b1.estimate.abs() + b1.standard_error) * 1e3;
        prop_assert!((c1.estimate - b1.estimate).abs() < tolerance);
        prop_assert!((c0.estimate - b0.estimate - shift).abs() < tolerance * 100.0);
    }

    #[test]
    fn mann_kendall_counts_all_pairs(points in points()) {
        let y: Vec<f64> = points.into_iter().map(|p| p.1).collect();
        let mut want = 0;
        for (i, a) in y.iter().enumerate() {
            for b in &y[i..] {
                want += i64::from(b > a) - i64::from(b < a);
            }
        }
        if let Ok(test) = mann_kendall(&y, MannKendallMethod::Asymptotic) {
            prop_assert_eq!(test.s, want);
        }
    }
}

/// Whatever is passed gives a typed error or finite numbers.
#[test]
fn hostile_slices() {
    let wild = [
        1e308, -1e308, 5e-324, 0.0, -0.0, 1e-308, 1.0, 1e308, -1e308, 1.0, 2.0, 3.0,
    ];
    let ramp: Vec<f64> = (0..12).map(f64::from).collect();
    let slices: [&[f64]; 9] = [
        &[],
        &[1.0],
        &[2.0; 12],
        &[f64::NAN; 12],
        &[f64::INFINITY; 12],
        &[5e-324; 12],
        &[1e308; 12],
        &wild,
        &ramp,
    ];
    let finite = |what: &str, numbers: &[f64]| {
        assert!(numbers.iter().all(|v| v.is_finite()), "{what}: {numbers:?}");
    };
    for x in slices {
        for y in slices {
            if let Ok(fit) = least_squares(y, &[x], Intercept::Fitted) {
                finite(
                    "fit",
                    &[fit.residual_sd, fit.r_squared, fit.condition_number()],
                );
                for coefficient in fit.coefficients().into_iter().flatten() {
                    finite(
                        "coefficient",
                        &[coefficient.estimate, coefficient.standard_error],
                    );
                }
            }
            if let Ok(fit) = polynomial(y, x, 2, Intercept::Zero) {
                finite("polynomial", &[fit.residual_sd, fit.r_squared]);
            }
            if let Ok(line) = theil_sen(x, y, 0.95) {
                finite(
                    "line",
                    &[
                        line.slope,
                        line.intercept,
                        line.interval.low,
                        line.interval.high,
                    ],
                );
            }
        }
        if let Ok(test) = mann_kendall(x, MannKendallMethod::Automatic) {
            finite(
                "test",
                &[test.tau, test.variance, test.p(Alternative::TwoSided)],
            );
        }
        for correction in [
            SerialCorrection::HamedRao,
            SerialCorrection::TrendFreePrewhitening,
        ] {
            if let Ok(test) = mann_kendall_corrected(x, correction) {
                finite(
                    "corrected",
                    &[test.tau, test.variance, test.p(Alternative::Less)],
                );
            }
        }
        if let Ok(found) = trend(x) {
            finite(
                "trend",
                &[
                    found.slope,
                    found.effective_n,
                    found.p(Alternative::TwoSided),
                ],
            );
            if let Ok(interval) = found.interval(0.95) {
                finite("interval", &[interval.low, interval.high]);
            }
        }
    }
}

/// Long series need memory in proportion, and no pairs are written down.
#[test]
fn long_series() {
    let mut rng = Rng::new(1);
    let n = 100_000;
    let x: Vec<f64> = (0..n)
        .map(|t| 1e-4 * f64::from(t) + rng.standard_normal())
        .collect();
    let test = mann_kendall(&x, MannKendallMethod::Automatic).unwrap();
    assert!(test.tau > 0.5 && test.p(Alternative::Greater) == 0.0);
    let line = theil_sen_series(&x, 0.95).unwrap();
    assert!((line.slope - 1e-4).abs() < 1e-6);
}
