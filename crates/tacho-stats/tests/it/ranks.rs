//! Rank and permutation tests against scipy, and against hostile input.

use proptest::prelude::*;
use serde_json::Value;
use tacho_stats::bootstrap::{
    BlockScheme, BootstrapPlan, Resampling, Series, block_bootstrap, bootstrap_mean,
    bootstrap_mean_difference, bootstrap_quantile, bootstrap_quantile_difference, bootstrap_t,
};
use tacho_stats::brunner_munzel::brunner_munzel;
use tacho_stats::dependence::{compare_ranks, estimate_mean};
use tacho_stats::kolmogorov_smirnov::{KolmogorovSmirnovMethod, kolmogorov_smirnov};
use tacho_stats::permutation::{PermutationPlan, permute_means};
use tacho_stats::wilcoxon::{
    SignedRankMethod, Zeros, pseudo_median, signed_rank, signed_rank_paired,
};
use tacho_stats::{Alternative, Interval, Result};

use crate::shared::{close, numbers};

const TOLERANCE: f64 = 1e-9;
const SIDES: [(&str, Alternative); 3] = [
    ("two-sided", Alternative::TwoSided),
    ("less", Alternative::Less),
    ("greater", Alternative::Greater),
];

fn reference(part: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("assets/ranks.json")).unwrap();
    file[part].as_array().unwrap().clone()
}

#[track_caller]
fn same_p(what: &str, got: f64, want: &Value) {
    let want = want.as_f64().unwrap();
    let off = (got / want - 1.0).abs();
    assert!(off < TOLERANCE, "{what}: {got:e}, not {want:e}");
}

#[test]
fn a3_signed_rank_reference() {
    for (index, row) in reference("signed_rank").iter().enumerate() {
        let x = numbers(&row["x"]);
        for (side, alternative) in SIDES {
            for (convention, zeros) in [("wilcox", Zeros::Wilcoxon), ("pratt", Zeros::Pratt)] {
                let test = signed_rank(&x, zeros, SignedRankMethod::Asymptotic).unwrap();
                let key = format!("asymptotic {convention} {side}");
                same_p(
                    &format!("row {index} {key}"),
                    test.p(alternative),
                    &row[&key],
                );
            }
            if let Some(want) = row.get(format!("exact {side}")) {
                let test = signed_rank(&x, Zeros::Wilcoxon, SignedRankMethod::Exact).unwrap();
                same_p(
                    &format!("row {index} exact {side}"),
                    test.p(alternative),
                    want,
                );
                close("R+", test.r_plus, row["r_plus"].as_f64().unwrap(), 0.0);
            }
        }
        let centre = pseudo_median(&x, 0.95).unwrap();
        let want = row["pseudo_median"].as_f64().unwrap();
        close(
            &format!("row {index} pseudo-median"),
            centre.estimate,
            want,
            1e-14,
        );
        assert!(centre.interval.contains(centre.estimate));
    }
}

#[test]
fn a3_one_sided_reference() {
    for (index, row) in reference("two_samples").iter().enumerate() {
        let (a, b) = (numbers(&row["a"]), numbers(&row["b"]));
        let exact = kolmogorov_smirnov(&a, &b, KolmogorovSmirnovMethod::Exact).unwrap();
        for (side, alternative) in SIDES {
            same_p(
                &format!("row {index} {side}"),
                exact.p(alternative),
                &row[side],
            );
        }
        let near = kolmogorov_smirnov(&a, &b, KolmogorovSmirnovMethod::Asymptotic).unwrap();
        let p = near.p(Alternative::Greater);
        same_p(
            &format!("row {index} asymptotic"),
            p,
            &row["asymptotic greater"],
        );
        let munzel = brunner_munzel(&a, &b).unwrap();
        same_p("less", munzel.p(Alternative::Less), &row["bm less"]);
        same_p(
            "greater",
            munzel.p(Alternative::Greater),
            &row["bm greater"],
        );
    }
}

#[test]
fn a3_permutation_reference() {
    let plan = PermutationPlan {
        permutations: 10_000,
        seed: 1,
    };
    for (index, row) in reference("permutations").iter().enumerate() {
        let (a, b) = (numbers(&row["a"]), numbers(&row["b"]));
        let test = permute_means(&a, &b, plan).unwrap();
        assert!(test.is_exact);
        for (side, alternative) in SIDES {
            same_p(
                &format!("row {index} {side}"),
                test.p(alternative),
                &row[side],
            );
        }
    }
}

/// Every number that these methods give, or why there is none.
fn every_number(a: &[f64], b: &[f64]) -> Vec<Result<f64>> {
    let plan = Resampling {
        resamples: 100,
        seed: 1,
    };
    let blocks = BootstrapPlan {
        resamples: 100,
        seed: 1,
        scheme: BlockScheme::Stationary,
    };
    let permutations = PermutationPlan {
        permutations: 20,
        seed: 1,
    };
    let series = Series {
        influence: a,
        block: None,
    };
    let first = |indices: &[usize]| indices.first().map_or(0.0, |i| *i as f64);
    let low = |i: Interval| 0.5 * i.low + 0.5 * i.high;
    let methods = [
        KolmogorovSmirnovMethod::Auto,
        KolmogorovSmirnovMethod::ExactTies,
        KolmogorovSmirnovMethod::Asymptotic,
    ];
    let mut all: Vec<Result<f64>> = SIDES
        .into_iter()
        .flat_map(|(_, side)| {
            let zeros = [Zeros::Wilcoxon, Zeros::Pratt];
            let signed = zeros.map(|z| {
                let auto = signed_rank(a, z, SignedRankMethod::Auto).map(|t| t.p(side));
                let near = signed_rank(a, z, SignedRankMethod::Asymptotic).map(|t| t.p(side));
                auto.and_then(|p| Ok(p + near?))
            });
            let distances = methods.map(|m| kolmogorov_smirnov(a, b, m).map(|t| t.p(side)));
            let others = [
                brunner_munzel(a, b).map(|t| t.p(side)),
                permute_means(a, b, permutations).map(|t| t.p(side)),
                compare_ranks(a, b).map(|t| t.p(side)),
            ];
            signed
                .into_iter()
                .chain(distances)
                .chain(others)
                .collect::<Vec<_>>()
        })
        .collect();
    all.extend([
        signed_rank_paired(a, b, Zeros::Pratt, SignedRankMethod::Auto).map(|t| t.rank_biserial()),
        pseudo_median(a, 0.95).map(|m| m.estimate + m.interval.low),
        brunner_munzel(a, b).and_then(|t| t.interval(0.95)).map(low),
        permute_means(a, b, permutations).map(|t| t.statistic),
        compare_ranks(a, b)
            .and_then(|c| c.superiority_interval(0.9))
            .map(low),
        compare_ranks(a, b)
            .and_then(|c| c.shift_interval(0.9))
            .map(low),
        estimate_mean(a).and_then(|m| m.interval(0.9)).map(low),
        bootstrap_mean(a, plan).and_then(|r| r.bca(0.95)).map(low),
        bootstrap_mean(a, plan).and_then(|r| r.basic(0.95)).map(low),
        bootstrap_mean_difference(a, b, plan)
            .and_then(|r| r.bca(0.95))
            .map(low),
        bootstrap_quantile(a, 0.9, plan)
            .and_then(|r| r.bca(0.95))
            .map(low),
        bootstrap_quantile_difference(a, b, 0.5, plan)
            .and_then(|r| r.percentile(0.9))
            .map(low),
        bootstrap_t(a, Some(b), plan)
            .and_then(|r| r.interval(0.9))
            .map(low),
        block_bootstrap(series, blocks, first)
            .and_then(|r| r.percentile(0.9))
            .map(low),
    ]);
    all
}

#[test]
fn hostile_samples_give_a_number_or_an_error() {
    let mut samples: Vec<Vec<f64>> = vec![vec![], vec![1.0], vec![2.0; 30]];
    for value in [
        f64::NAN,
        f64::INFINITY,
        1e308,
        -1e308,
        5e-324,
        0.0,
        -0.0,
        f64::MAX,
    ] {
        samples.push(vec![value; 6]);
        samples.push(vec![1.0, value, 2.0, -value, 3.0]);
        samples.push(
            (0..25)
                .map(|i| if i % 2 == 0 { value } else { f64::from(i) })
                .collect(),
        );
    }
    for a in &samples {
        for b in &samples {
            for (index, number) in every_number(a, b).into_iter().enumerate() {
                assert!(
                    number.is_ok_or_error(),
                    "{index} of {a:?} {b:?}: {number:?}"
                );
            }
        }
    }
}

trait Sane {
    fn is_ok_or_error(&self) -> bool;
}

impl Sane for Result<f64> {
    fn is_ok_or_error(&self) -> bool {
        self.as_ref().map_or(true, |v| v.is_finite())
    }
}

fn sample(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        3 => -1e3..1e3f64,
        1 => (-5i8..5).prop_map(f64::from),
    ];
    proptest::collection::vec(value, sizes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exchanging_the_samples_exchanges_the_sides(a in sample(2..30), b in sample(2..30)) {
        let near = |x: f64, y: f64| (x - y).abs() <= 1e-9 * (x + y);
        for method in [
            KolmogorovSmirnovMethod::Exact,
            KolmogorovSmirnovMethod::ExactTies,
            KolmogorovSmirnovMethod::Asymptotic,
        ] {
            let there = kolmogorov_smirnov(&a, &b, method).unwrap();
            let back = kolmogorov_smirnov(&b, &a, method).unwrap();
            prop_assert!(near(there.p(Alternative::Less), back.p(Alternative::Greater)));
            prop_assert!(near(there.p(Alternative::TwoSided), back.p(Alternative::TwoSided)));
        }
        if let (Ok(there), Ok(back)) = (brunner_munzel(&a, &b), brunner_munzel(&b, &a)) {
            prop_assert!(near(there.p(Alternative::Less), back.p(Alternative::Greater)));
        }
        let negative: Vec<f64> = a.iter().map(|v| -v).collect();
        for method in [SignedRankMethod::Auto, SignedRankMethod::Asymptotic] {
            for zeros in [Zeros::Wilcoxon, Zeros::Pratt] {
                let there = signed_rank(&a, zeros, method);
                let back = signed_rank(&negative, zeros, method);
                if let (Ok(there), Ok(back)) = (there, back) {
                    prop_assert_eq!(there.r_plus, back.r_minus);
                    prop_assert!(near(there.p(Alternative::Less), back.p(Alternative::Greater)));
                }
            }
        }
        let (there, back) = (pseudo_median(&a, 0.9).unwrap(), pseudo_median(&negative, 0.9).unwrap());
        prop_assert_eq!(there.estimate, -back.estimate);
        prop_assert_eq!(there.interval.low, -back.interval.high);
    }

    /// By powers of two and by whole numbers, so that nothing rounds.
    #[test]
    fn shifts_and_scales_change_no_p_value(
        a in proptest::collection::vec(-500i32..500, 3..20),
        b in proptest::collection::vec(-500i32..500, 3..20),
        shift in -1000i32..1000,
    ) {
        let plain = |x: &[i32]| x.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
        let moved = |x: &[i32]| x.iter().map(|v| 4.0 * f64::from(v + shift)).collect::<Vec<f64>>();
        let plan = PermutationPlan { permutations: 200, seed: 2 };
        let numbers = |a: &[f64], b: &[f64]| {
            let ks = kolmogorov_smirnov(a, b, KolmogorovSmirnovMethod::Auto).unwrap();
            [
                ks.p(Alternative::TwoSided),
                brunner_munzel(a, b).map_or(-1.0, |t| t.p(Alternative::TwoSided)),
                permute_means(a, b, plan).unwrap().p(Alternative::TwoSided),
            ]
        };
        let (x, y) = (numbers(&plain(&a), &plain(&b)), numbers(&moved(&a), &moved(&b)));
        for (p, q) in x.into_iter().zip(y) {
            prop_assert!((p - q).abs() < 1e-12, "{} {}", p, q);
        }
        let (x, y) = (pseudo_median(&plain(&a), 0.9).unwrap(), pseudo_median(&moved(&a), 0.9).unwrap());
        prop_assert_eq!(4.0 * (x.estimate + f64::from(shift)), y.estimate);
    }
}
