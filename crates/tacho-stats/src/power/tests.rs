//! Against statsmodels and brute force, and designs against themselves.

use super::fisher_exact;
use super::simulated::{self, Population, Simulation};
use super::*;
use crate::mannwhitney::{MannWhitneyMethod, mann_whitney};
use crate::ttest::{student, welch};

use Alternative::{Greater, Less, TwoSided};
use TestFamily::{
    Anova, MannWhitney, OneSampleT, PairedT, Proportions, TwoSampleT, Welch, Wilcoxon,
};

fn design(family: TestFamily, effect: f64, alternative: Alternative, ratio: f64) -> Design {
    Design {
        alternative,
        ratio,
        ..Design::new(family, effect)
    }
}

#[track_caller]
fn check(design: Design, n: f64, want: f64) {
    let got = design.power(n).unwrap();
    assert!((got - want).abs() < 1e-11, "{design:?}: {got}, not {want}");
}

/// statsmodels 0.15: `TTestIndPower`, `TTestPower`, `FTestAnovaPower`, `power_proportions_2indep`.
#[test]
fn agrees_with_statsmodels() {
    check(
        design(TwoSampleT, 0.3, TwoSided, 1.0),
        40.0,
        0.263_283_555_874_013_75,
    );
    check(
        design(TwoSampleT, 0.3, Greater, 2.0),
        40.0,
        0.458_367_081_861_931_87,
    );
    check(
        design(TwoSampleT, -0.5, Less, 0.5),
        25.0,
        0.409_422_665_726_889_1,
    );
    check(
        design(TwoSampleT, 0.8, TwoSided, 1.5),
        10.0,
        0.467_240_148_714_873_24,
    );
    let strict = |effect, alternative| Design {
        alpha: 0.01,
        ..design(OneSampleT, effect, alternative, 1.0)
    };
    check(strict(0.3, TwoSided), 40.0, 0.224_109_630_124_504_72);
    check(strict(-0.4, Less), 12.0, 0.134_714_587_180_608_33);
    for (groups, f, n, want) in [
        (3, 0.25, 30.0, 0.539_613_341_576_598_1),
        (4, 0.1, 200.0, 0.651_721_732_497_963_8),
        (5, 0.4, 8.0, 0.441_260_822_188_577_2),
        (2, 0.25, 15.0, 0.262_443_033_865_232_7),
    ] {
        check(design(Anova { groups }, f, TwoSided, 1.0), n, want);
    }
    let size = design(Anova { groups: 3 }, 0.25, TwoSided, 1.0)
        .sample_size(0.8)
        .unwrap();
    assert!((3.0 * size.exact / 157.189_792_421_322_4 - 1.0).abs() < 1e-9);
    assert_eq!((size.first, size.second, size.total), (53, None, 159));
    let proportions = Proportions { baseline: 0.3 };
    check(
        design(proportions, 0.1, TwoSided, 1.0),
        200.0,
        0.554_650_483_928_232_4,
    );
}

/// Every table judged by `scipy.stats.fisher_exact`, weighed by `scipy.stats.binom`.
#[test]
fn fisher_s_test_is_counted_out() {
    let got = fisher_exact::power([12, 15], [0.7, 0.2], 0.05, TwoSided).unwrap();
    assert!((got - 0.677_507_258_236_212_4).abs() < 1e-12, "{got}");
    let got = fisher_exact::power([10, 10], [0.8, 0.3], 0.05, Greater).unwrap();
    assert!((got - 0.621_628_251_809_298_3).abs() < 1e-12, "{got}");
    let n = fisher_exact::sample_size([0.9, 0.3], 0.8, 0.05, TwoSided)
        .unwrap()
        .unwrap();
    for size in [n, n + 1, n + 2] {
        assert!(fisher_exact::power([size; 2], [0.9, 0.3], 0.05, TwoSided).unwrap() >= 0.8);
    }
    assert!(fisher_exact::power([n - 1; 2], [0.9, 0.3], 0.05, TwoSided).unwrap() < 0.8);
    assert_eq!(
        fisher_exact::sample_size([0.5, 0.5], 0.8, 0.05, TwoSided),
        Ok(None)
    );
    assert!(fisher_exact::power([0, 5], [0.5; 2], 0.05, Less).is_err());
    assert!(fisher_exact::power([5, 5], [f64::NAN, 0.1], 0.05, Less).is_err());
}

#[test]
fn power_size_and_effect_undo_each_other() {
    for (family, effect) in [
        (OneSampleT, 0.4),
        (PairedT, 0.05),
        (TwoSampleT, 0.9),
        (Welch { sd_ratio: 3.0 }, 0.5),
        (Proportions { baseline: 0.2 }, 0.1),
        (Anova { groups: 6 }, 0.2),
        (MannWhitney, 0.1),
        (Wilcoxon, 0.15),
    ] {
        for (alternative, sign) in [(TwoSided, 1.0), (Greater, 1.0), (Less, -1.0)] {
            if matches!(family, Anova { .. }) && alternative != TwoSided {
                continue;
            }
            let design = design(family, sign * effect, alternative, 1.7);
            let size = design.sample_size(0.9).unwrap();
            assert!(
                (design.power(size.exact).unwrap() - 0.9).abs() < 1e-10,
                "{design:?}"
            );
            let back = design.detectable_effect(size.exact, 0.9).unwrap();
            assert!(
                (back / design.effect - 1.0).abs() < 1e-9,
                "{design:?}: {back}"
            );
        }
    }
}

#[test]
fn no_effect_is_found_as_often_as_alpha_says() {
    for family in [
        OneSampleT,
        TwoSampleT,
        Welch { sd_ratio: 0.3 },
        MannWhitney,
        Wilcoxon,
    ] {
        for alternative in [TwoSided, Greater, Less] {
            check(design(family, 0.0, alternative, 1.0), 20.0, 0.05);
        }
    }
    check(design(Anova { groups: 4 }, 0.0, TwoSided, 1.0), 9.0, 0.05);
}

/// The formulas against experiments: Welch's degrees of freedom and Noether's variance are
/// approximations, so three points of power are allowed.
#[test]
fn formulas_agree_with_simulation() {
    let simulation = Simulation {
        replicates: 2_000,
        seed: 9,
        alpha: 0.05,
    };
    let normal = Population::Normal;
    let (n, m, sd_ratio) = (20, 30, 2.0);
    let scaled = |rng: &mut crate::rng::Rng| -> Vec<f64> {
        normal
            .sample(rng, m, 0.0)
            .iter()
            .map(|v| sd_ratio * v)
            .collect()
    };
    let found = simulated::power(
        simulation,
        |rng| (normal.sample(rng, n, 1.2), scaled(rng)),
        |(a, b)| Ok(welch(a, b)?.p(TwoSided)),
    );
    let formula = design(Welch { sd_ratio }, 1.2, TwoSided, 1.5)
        .power(20.0)
        .unwrap();
    assert!((found.unwrap().power - formula).abs() < 0.03, "{formula}");
    // P(a > b) for a shift of 0.8: Φ(0.8 / √2).
    let effect = crate::distribution::Normal::STANDARD.cdf(0.8 / 2f64.sqrt()) - 0.5;
    let found = simulated::power(
        simulation,
        |rng| (normal.sample(rng, 25, 0.8), normal.sample(rng, 25, 0.0)),
        |(a, b)| Ok(mann_whitney(a, b, MannWhitneyMethod::Asymptotic)?.p(TwoSided)),
    );
    let formula = design(MannWhitney, effect, TwoSided, 1.0)
        .power(25.0)
        .unwrap();
    assert!((found.unwrap().power - formula).abs() < 0.04, "{formula}");
}

#[test]
fn simulated_sizes_and_limits() {
    let simulation = Simulation {
        replicates: 400,
        seed: 3,
        alpha: 0.05,
    };
    let power_at = |n: usize| {
        simulated::power(
            simulation,
            |rng| {
                (
                    Population::Normal.sample(rng, n, 1.0),
                    Population::Normal.sample(rng, n, 0.0),
                )
            },
            |(a, b)| Ok(student(a, b)?.p(TwoSided)),
        )
    };
    // The exact answer is 17; with 400 experiments it is known to a few.
    let (n, found) = simulated::sample_size(0.8, 1_000, power_at)
        .unwrap()
        .unwrap();
    assert!(
        (13..=21).contains(&n) && found.interval.contains(found.power),
        "{n}"
    );
    assert_eq!(simulated::sample_size(0.8, 4, power_at), Ok(None));
    let few = Simulation {
        replicates: 5,
        ..simulation
    };
    assert!(simulated::power(few, |_| (), |()| Ok(0.0)).is_err());
    let never = simulated::power(simulation, |_| (), |()| Err(StatsError::ZeroVariance)).unwrap();
    assert_eq!((never.power, never.interval.low), (0.0, 0.0));
    let always = simulated::power(simulation, |_| (), |()| Ok(0.0)).unwrap();
    assert_eq!((always.power, always.interval.high), (1.0, 1.0));
}

#[test]
fn bad_input_is_refused() {
    let d = Design::new(TwoSampleT, 0.5);
    for n in [f64::NAN, -1.0, 0.0, 1.0, f64::INFINITY] {
        assert!(d.power(n).is_err(), "{n}");
    }
    assert!(d.sample_size(0.05).is_err() && d.sample_size(1.0).is_err());
    assert!(d.sample_size(f64::NAN).is_err());
    for effect in [f64::NAN, f64::INFINITY, 1e300] {
        assert!(Design { effect, ..d }.power(9.0).is_err(), "{effect}");
    }
    for alpha in [0.0, 1.0, f64::NAN] {
        assert!(Design { alpha, ..d }.power(9.0).is_err(), "{alpha}");
    }
    for ratio in [0.0, f64::NAN, 1e9] {
        assert!(Design { ratio, ..d }.power(9.0).is_err(), "{ratio}");
    }
    for effect in [0.0, 5e-324, 1e-9] {
        assert!(Design { effect, ..d }.sample_size(0.8).is_err(), "{effect}");
    }
    // Against the alternative no sample is large enough.
    assert!(
        design(TwoSampleT, -0.5, Greater, 1.0)
            .sample_size(0.8)
            .is_err()
    );
    assert!(
        design(Anova { groups: 1 }, 0.5, TwoSided, 1.0)
            .power(9.0)
            .is_err()
    );
    assert!(
        design(Anova { groups: 3 }, 0.5, Less, 1.0)
            .power(9.0)
            .is_err()
    );
    assert!(
        design(Proportions { baseline: 0.9 }, 0.2, TwoSided, 1.0)
            .power(9.0)
            .is_err()
    );
    assert!(design(MannWhitney, 0.6, TwoSided, 1.0).power(9.0).is_err());
    assert!(
        design(MannWhitney, 0.1, TwoSided, 1.0)
            .detectable_effect(2.0, 0.9)
            .is_err()
    );
    // Huge effects are found with certainty, in the smallest samples and in huge ones.
    assert_eq!(Design { effect: 1e6, ..d }.power(1e9), Ok(1.0));
    assert_eq!(
        Design { effect: 1e6, ..d }.sample_size(0.99).unwrap().first,
        2
    );
}
