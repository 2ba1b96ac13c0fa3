//! The 84 seeded cases of scipy and statsmodels.

use serde_json::Value;
use tacho_stats::brunner_munzel::brunner_munzel;
use tacho_stats::kolmogorov_smirnov::{KolmogorovSmirnovMethod, kolmogorov_smirnov};
use tacho_stats::mannwhitney::{MannWhitneyMethod, mann_whitney};
use tacho_stats::quantile::{QuantileType, SortedSample, quantile};
use tacho_stats::ttest::{TTest, paired, student, welch};
use tacho_stats::{Alternative, Result, StatsError, describe, effect};

use crate::shared::{close, json, number, numbers};

const TOLERANCE: f64 = 1e-9;
/// At an offset of 1e9 the reference itself has rounded both means to doubles, which exact rational
/// arithmetic shows to cost up to 8.6e-6 of the statistic. `large_offset_loses_nothing` holds ours
/// to the exact value there.
const TOLERANCE_LARGE_OFFSET: f64 = 2e-5;

fn tolerance(name: &str) -> f64 {
    if name.contains("large_offset") {
        TOLERANCE_LARGE_OFFSET
    } else {
        TOLERANCE
    }
}

/// Runs `check` on every case, and fails where there are not 84.
fn each_case(mut check: impl FnMut(&str, &Value, &[f64], &[f64])) {
    let Some(file) = json("reference/two_sample_reference.json") else {
        return;
    };
    let cases = file["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 84);
    for (index, case) in cases.iter().enumerate() {
        let name = format!("case {index} ({})", case["dist"].as_str().unwrap_or(""));
        check(&name, case, &numbers(&case["a"]), &numbers(&case["b"]));
    }
}

fn check_t(name: &str, want: &Value, got: Result<TTest>) {
    let Some(t) = number(want, "t") else {
        assert_eq!(got, Err(StatsError::ZeroVariance), "{name}");
        return;
    };
    let got = got.unwrap();
    close(&format!("{name} t"), got.t, t, tolerance(name));
    close(
        &format!("{name} df"),
        got.df,
        want["df"].as_f64().unwrap(),
        TOLERANCE,
    );
    let p = want["p"].as_f64().unwrap();
    let off = (got.p(Alternative::TwoSided) - p).abs() / p;
    assert!(off < tolerance(name), "{name} p: off by {off:e}");
    let interval = got.interval(0.95).unwrap();
    let want = numbers(&want["ci95"]);
    close(
        &format!("{name} low"),
        interval.low,
        want[0],
        tolerance(name),
    );
    close(
        &format!("{name} high"),
        interval.high,
        want[1],
        tolerance(name),
    );
}

#[test]
fn a3_student_reference() {
    each_case(|name, case, a, b| check_t(name, &case["student"], student(a, b)));
}

#[test]
fn a3_welch_reference() {
    each_case(|name, case, a, b| check_t(name, &case["welch"], welch(a, b)));
}

#[test]
fn a3_paired_t_reference() {
    each_case(|name, case, a, b| {
        let want = &case["paired_first_m"];
        let m = want["m"].as_u64().unwrap() as usize;
        check_t(name, want, paired(&a[..m], &b[..m]));
    });
}

#[test]
fn a3_one_sided_t_add_up() {
    each_case(|name, _, a, b| {
        let Ok(test) = welch(a, b) else { return };
        let total = test.p(Alternative::Less) + test.p(Alternative::Greater);
        close(name, total, 1.0, 1e-12);
    });
}

#[test]
fn a3_mann_whitney_reference() {
    each_case(|name, case, a, b| {
        for (key, alternative) in [
            ("mwu_asymptotic_two-sided", Alternative::TwoSided),
            ("mwu_asymptotic_less", Alternative::Less),
            ("mwu_asymptotic_greater", Alternative::Greater),
        ] {
            let got = mann_whitney(a, b, MannWhitneyMethod::Asymptotic);
            let Some(p) = number(&case[key], "p") else {
                assert_eq!(got, Err(StatsError::ZeroVariance), "{name}");
                continue;
            };
            let got = got.unwrap();
            close(name, got.u1, case[key]["U1"].as_f64().unwrap(), 0.0);
            let off = (got.p(alternative) - p).abs() / p;
            assert!(off < TOLERANCE, "{name} {key}: off by {off:e}");
        }
    });
}

#[test]
fn a3_mann_whitney_exact_reference() {
    let mut seen = 0;
    each_case(|name, case, a, b| {
        let Some(p) = number(&case["mwu_exact_two_sided"], "p") else {
            return;
        };
        let got = mann_whitney(a, b, MannWhitneyMethod::Exact).unwrap();
        let off = (got.p(Alternative::TwoSided) - p).abs() / p;
        assert!(off < TOLERANCE, "{name}: off by {off:e}");
        seen += 1;
    });
    println!("{seen} exact cases");
}

/// The reference gives an infinite statistic where the samples do not overlap; ours refuses.
#[test]
fn a3_brunner_munzel_reference() {
    each_case(|name, case, a, b| {
        let got = brunner_munzel(a, b);
        let Some(p) = number(&case["brunner_munzel"], "p") else {
            assert_eq!(got, Err(StatsError::ZeroVariance), "{name}");
            return;
        };
        let got = got.unwrap();
        let statistic = case["brunner_munzel"]["stat"].as_f64().unwrap();
        close(name, got.statistic, statistic, TOLERANCE);
        let off = (got.p(Alternative::TwoSided) - p).abs() / p;
        assert!(off < TOLERANCE, "{name}: off by {off:e}");
        let delta = case["cliffs_delta"].as_f64().unwrap();
        close(name, 2.0 * got.probability_greater - 1.0, delta, TOLERANCE);
    });
}

#[test]
fn a3_kolmogorov_smirnov_reference() {
    each_case(|name, case, a, b| {
        let got = kolmogorov_smirnov(a, b, KolmogorovSmirnovMethod::Auto).unwrap();
        let want = |key: &str| case["ks_2samp"][key].as_f64().unwrap();
        close(name, got.d, want("D"), TOLERANCE);
        let off = (got.p(Alternative::TwoSided) - want("p")).abs() / want("p");
        assert!(off < TOLERANCE, "{name}: off by {off:e}");
        let ties = kolmogorov_smirnov(a, b, KolmogorovSmirnovMethod::ExactTies).unwrap();
        let p = ties.p(Alternative::TwoSided);
        assert!(
            p <= 1.1 * want("p") * (1.0 + TOLERANCE) || want("p") < 1e-9,
            "{name}: {p}"
        );
    });
}

#[test]
fn a3_effect_sizes_reference() {
    each_case(|name, case, a, b| {
        let check = |key: &str, got: Result<effect::Effect>| match number(case, key) {
            Some(want) => close(
                &format!("{name} {key}"),
                got.unwrap().value,
                want,
                tolerance(name),
            ),
            None => assert_eq!(got, Err(StatsError::ZeroVariance), "{name} {key}"),
        };
        check("cohen_d", effect::cohen_d(a, b));
        check("hedges_g_approx", effect::hedges_g(a, b));
        check("cliffs_delta", effect::cliffs_delta(a, b));
        let want = case["hodges_lehmann_a_minus_b"].as_f64().unwrap();
        let got = effect::hodges_lehmann(a, b, 0.95).unwrap();
        close(
            &format!("{name} Hodges-Lehmann"),
            got.shift,
            want,
            TOLERANCE,
        );
        assert!(got.interval.contains(got.shift), "{name}");
    });
}

#[test]
fn a2_quantiles_reference() {
    each_case(|name, case, a, _| {
        let sorted = SortedSample::new(a).unwrap();
        for (p, want) in case["quantiles_type7_a"].as_object().expect("quantiles") {
            let (p, want) = (p.parse().expect("number"), want.as_f64().expect("number"));
            let selected = quantile(a, p, QuantileType::Linear7).unwrap();
            close(&format!("{name} quantile {p}"), selected, want, 1e-14);
            assert_eq!(sorted.quantile(p, QuantileType::Linear7).unwrap(), selected);
        }
    });
}

#[test]
fn r4_percentiles() {
    each_case(|name, case, a, _| {
        let got = tacho_stats::quantile::percentiles(a).unwrap();
        assert_eq!(SortedSample::new(a).unwrap().percentiles(), got, "{name}");
        for (p, value) in [
            ("0.5", got.p50),
            ("0.9", got.p90),
            ("0.95", got.p95),
            ("0.99", got.p99),
            ("0.999", got.p999),
        ] {
            let want = case["quantiles_type7_a"][p].as_f64().expect("number");
            close(&format!("{name} p{p}"), value, want, 1e-14);
        }
    });
}

#[test]
fn a2_shape_reference() {
    each_case(|name, case, a, _| {
        close(
            name,
            describe::mad(a).unwrap(),
            case["mad_a"].as_f64().unwrap(),
            TOLERANCE,
        );
        match number(case, "skew_a") {
            Some(want) => close(
                &format!("{name} skewness"),
                describe::skewness(a).unwrap(),
                want,
                tolerance(name),
            ),
            None => assert_eq!(
                describe::skewness(a),
                Err(StatsError::ZeroVariance),
                "{name}"
            ),
        }
        match number(case, "kurt_a") {
            Some(want) => close(
                &format!("{name} kurtosis"),
                describe::kurtosis(a).unwrap(),
                want,
                tolerance(name),
            ),
            None => assert!(describe::kurtosis(a).is_err(), "{name}"),
        }
    });
}

/// Taking 1e9 off is exact, so whatever differs afterwards was lost to the offset.
#[test]
fn large_offset_loses_nothing() {
    each_case(|name, _, a, b| {
        if !name.contains("large_offset") {
            return;
        }
        let shifted = |x: &[f64]| x.iter().map(|v| v - 1e9).collect::<Vec<f64>>();
        let (sa, sb) = (shifted(a), shifted(b));
        let same =
            |what: &str, got: f64, want: f64| close(&format!("{name} {what}"), got, want, 1e-12);
        let (with, without) = (welch(a, b).unwrap(), welch(&sa, &sb).unwrap());
        same("t", with.t, without.t);
        same(
            "p",
            with.p(Alternative::TwoSided),
            without.p(Alternative::TwoSided),
        );
        let d = |a: &[f64], b: &[f64]| effect::cohen_d(a, b).unwrap().value;
        same("d", d(a, b), d(&sa, &sb));
        same(
            "skewness",
            describe::skewness(a).unwrap(),
            describe::skewness(&sa).unwrap(),
        );
        if a.len() > 3 {
            same(
                "kurtosis",
                describe::kurtosis(a).unwrap(),
                describe::kurtosis(&sa).unwrap(),
            );
        }
    });
}
