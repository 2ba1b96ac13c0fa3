//! What must hold of tests, effects and plans for any data.

use proptest::prelude::*;
use tacho_stats::anova;
use tacho_stats::distribution::{NoncentralF, NoncentralT};
use tacho_stats::effect::{cliffs_delta, cliffs_delta_interval, cohen_d_interval, common_language};
use tacho_stats::equivalence::{Margin, ranks, welch};
use tacho_stats::kruskal::kruskal_wallis;
use tacho_stats::multiple::{Correction, adjust};
use tacho_stats::power::{Design, TestFamily};
use tacho_stats::rng::Rng;
use tacho_stats::{Alternative, Result};

const CORRECTIONS: [Correction; 5] = [
    Correction::Bonferroni,
    Correction::Holm,
    Correction::Hochberg,
    Correction::BenjaminiHochberg,
    Correction::BenjaminiYekutieli,
];

fn sample(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![4 => -1e3..1e3f64, 1 => (-5i8..5).prop_map(f64::from)];
    proptest::collection::vec(value, sizes)
}

/// Anything a caller can pass, sane or not.
fn anything() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        Just(f64::NAN),
        Just(f64::NEG_INFINITY),
        Just(1e308),
        Just(-1e308),
        Just(5e-324),
        Just(-0.0),
        any::<f64>(),
        -1.0..1.0f64,
        Just(1.0),
    ];
    proptest::collection::vec(value, 0..9)
}

fn near(got: f64, want: f64, tolerance: f64) -> bool {
    (got - want).abs() <= tolerance * (1.0 + want.abs())
}

/// A statistic with its p-value may be infinite but not NaN; the p-value is one.
fn sound(result: Result<(f64, f64)>) -> bool {
    result.is_ok_and(|(statistic, p)| !statistic.is_nan() && (0.0..=1.0).contains(&p))
        || result.is_err()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn groups_in_any_order_unit_and_origin(
        a in sample(3..12), b in sample(3..12), c in sample(3..12),
        exponent in -8i32..8, shift in -64i32..64,
    ) {
        let scale = 2f64.powi(exponent);
        let moved = |x: &[f64]| -> Vec<f64> {
            x.iter().map(|v| v.mul_add(scale, f64::from(shift) * scale)).collect()
        };
        let (ma, mb, mc) = (moved(&a), moved(&b), moved(&c));
        let (groups, others): ([&[f64]; 3], [&[f64]; 3]) = ([&a, &b, &c], [&mc, &ma, &mb]);
        if let (Ok(one), Ok(other)) = (anova::one_way(&groups), anova::one_way(&others)) {
            prop_assert!(near(other.f, one.f, 1e-8), "{} {}", one.f, other.f);
            prop_assert!(near(other.omega_squared().value, one.omega_squared().value, 1e-8));
        }
        if let (Ok(one), Ok(other)) = (anova::welch(&groups), anova::welch(&others)) {
            prop_assert!(near(other.p(), one.p(), 1e-8));
        }
        if let (Ok(one), Ok(other)) = (kruskal_wallis(&groups), kruskal_wallis(&[&c, &a, &b])) {
            prop_assert!(near(other.h, one.h, 1e-10) && one.h >= 0.0);
        }
    }

    #[test]
    fn effects_are_one_thing_said_twice(a in sample(2..20), b in sample(2..20)) {
        let (there, back) = (common_language(&a, &b).unwrap(), common_language(&b, &a).unwrap());
        prop_assert!(near(there.value + back.value, 1.0, 1e-12) && there.class == back.class);
        let delta = cliffs_delta(&a, &b).unwrap().value;
        prop_assert!(near(2.0 * there.value - 1.0, delta, 1e-12));
        let (one, other) = (
            cliffs_delta_interval(&a, &b, 0.9).unwrap(),
            cliffs_delta_interval(&b, &a, 0.9).unwrap(),
        );
        prop_assert!(one.contains(delta) && near(one.low, -other.high, 1e-9), "{one:?} {other:?}");
        let wider = cliffs_delta_interval(&a, &b, 0.99).unwrap();
        prop_assert!(wider.low <= one.low + 1e-12 && wider.high >= one.high - 1e-12);
    }

    #[test]
    fn adjusted_p_values_keep_order_and_bounds(p in proptest::collection::vec(0.0..=1.0f64, 0..20)) {
        for correction in CORRECTIONS {
            let adjusted = adjust(&p, correction).unwrap();
            for (i, j) in (0..p.len()).flat_map(|i| (0..p.len()).map(move |j| (i, j))) {
                prop_assert!(adjusted[i] >= p[i] * (1.0 - 1e-15) && adjusted[i] <= 1.0);
                prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
            }
        }
        let [bonferroni, holm, hochberg, bh, by] =
            CORRECTIONS.map(|correction| adjust(&p, correction).unwrap());
        for i in 0..p.len() {
            prop_assert!(holm[i] <= bonferroni[i] && hochberg[i] <= holm[i]);
            prop_assert!(bh[i] <= hochberg[i] * (1.0 + 1e-12) && bh[i] <= by[i]);
        }
    }

    #[test]
    fn tails_with_an_effect_add_up(
        df in 0.2..300.0f64, delta in -20.0..20.0f64, x in -30.0..30.0f64, step in 0.0..3.0f64,
    ) {
        let t = NoncentralT::new(df, delta).unwrap();
        prop_assert!(near(t.cdf(x) + t.sf(x), 1.0, 1e-12));
        prop_assert!(t.cdf(x) <= t.cdf(x + step) * (1.0 + 1e-12));
        let mirrored = NoncentralT::new(df, -delta).unwrap();
        prop_assert_eq!(t.cdf(x), mirrored.sf(-x));
        let f = NoncentralF::new(0.5 + x.abs(), df, delta * delta).unwrap();
        prop_assert!(near(f.cdf(step) + f.sf(step), 1.0, 1e-12));
    }

    #[test]
    fn more_observations_find_more(
        d in 0.01..2.0f64, n in 2.0..500.0f64, more in 0.0..100.0f64, ratio in 0.2..5.0f64,
    ) {
        for family in [TestFamily::TwoSampleT, TestFamily::PairedT, TestFamily::Anova { groups: 3 }] {
            let design = Design { ratio, ..Design::new(family, d) };
            let (few, many) = (design.power(n.max(6.0)), design.power(n.max(6.0) + more));
            prop_assert!(few.unwrap() <= many.unwrap() + 1e-12);
        }
    }

    #[test]
    fn hostile_samples(a in anything(), b in anything(), c in anything()) {
        let groups: [&[f64]; 3] = [&a, &b, &c];
        prop_assert!(sound(anova::one_way(&groups).map(|t| (t.f, t.p()))));
        prop_assert!(sound(anova::welch(&groups).map(|t| (t.f, t.p()))));
        prop_assert!(sound(kruskal_wallis(&groups).map(|t| (t.h, t.p()))));
        let margin = Margin::symmetric(0.5).unwrap();
        prop_assert!(sound(welch(&a, &b, margin, 0.05).map(|t| (t.statistic, t.p()))));
        prop_assert!(sound(ranks(&a, &b, margin, 0.05).map(|t| (t.statistic, t.p()))));
        if let Ok(interval) = cohen_d_interval(&a, &b, 0.95) {
            prop_assert!(interval.low <= interval.high, "{interval:?}");
        }
        for correction in CORRECTIONS {
            let sane = a.iter().all(|p| (0.0..=1.0).contains(p));
            prop_assert_eq!(adjust(&a, correction).is_ok(), sane);
        }
    }
}

/// Under the null every tenth of the p-values holds a tenth of 2 000 experiments.
#[test]
fn p_values_are_uniform_without_an_effect() {
    let mut rng = Rng::new(31);
    let mut counts = [[0u32; 10]; 3];
    let mut normal = |n: usize| -> Vec<f64> { (0..n).map(|_| rng.standard_normal()).collect() };
    for _ in 0..2_000 {
        let (a, b, c) = (normal(12), normal(15), normal(20));
        let groups: [&[f64]; 3] = [&a, &b, &c];
        let ps = [
            anova::one_way(&groups).unwrap().p(),
            anova::welch(&groups).unwrap().p(),
            kruskal_wallis(&groups).unwrap().p(),
        ];
        for (counts, p) in counts.iter_mut().zip(ps) {
            counts[((10.0 * p) as usize).min(9)] += 1;
        }
    }
    for counts in counts {
        // χ² of 9 degrees of freedom exceeds 27.9 once in a thousand.
        let chi: f64 = counts
            .iter()
            .map(|c| (f64::from(*c) - 200.0).powi(2) / 200.0)
            .sum();
        assert!(chi < 27.9, "{counts:?}: {chi}");
    }
    let design = Design {
        alternative: Alternative::Greater,
        ..Design::new(TestFamily::TwoSampleT, 0.0)
    };
    assert!((design.power(9.0).unwrap() - 0.05).abs() < 1e-12);
}
