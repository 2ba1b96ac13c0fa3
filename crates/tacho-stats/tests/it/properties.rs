//! What must hold for any data.

use proptest::prelude::*;
use tacho_stats::dependence::{block_length, effective_sample_size, long_run_variance};
use tacho_stats::distribution::{Beta, Gamma, StudentT};
use tacho_stats::effect::{cliffs_delta, hodges_lehmann};
use tacho_stats::mannwhitney::{MannWhitneyMethod, mann_whitney};
use tacho_stats::moments::Moments;
use tacho_stats::quantile::{QuantileType, SortedSample, quantiles};
use tacho_stats::ttest::welch;
use tacho_stats::{Alternative, StatsError, describe};

fn sample(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => -1e3..1e3f64,
        1 => (-5i8..5).prop_map(f64::from),
        1 => -1e9..1e9f64,
    ];
    proptest::collection::vec(value, sizes)
}

/// Anything a caller can pass, sane or not.
fn anything() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(1e308),
        Just(-1e308),
        Just(5e-324),
        Just(0.0),
        Just(-0.0),
        any::<f64>(),
        -1.0..1.0f64,
        Just(1.0),
    ];
    proptest::collection::vec(value, 0..12)
}

fn near(got: f64, want: f64, scale: f64, tolerance: f64) -> bool {
    (got - want).abs() <= tolerance * (scale.abs() + want.abs() + f64::MIN_POSITIVE)
}

proptest! {
    #[test]
    fn merging_moments_equals_the_whole(x in sample(1..60), cut in 0usize..60) {
        let cut = cut.min(x.len());
        let whole = Moments::from_slice(&x).unwrap();
        let mut parts = Moments::new();
        for part in [&x[cut..], &x[..cut]] {
            let mut one = Moments::new();
            for value in part {
                one.push(*value).unwrap();
            }
            parts.merge(&one);
        }
        prop_assert_eq!(parts.count(), whole.count());
        let spread = x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        prop_assert!(near(parts.mean().unwrap(), whole.mean().unwrap(), spread, 1e-12));
        if x.len() > 1 {
            let want = whole.variance().unwrap();
            prop_assert!(near(parts.variance().unwrap(), want, spread * spread, 1e-12));
        }
    }

    #[test]
    fn quantiles_rise_and_stay_inside(x in sample(1..50), mut ps in proptest::collection::vec(0.0..=1.0f64, 1..12)) {
        ps.sort_by(f64::total_cmp);
        let (low, high) = describe::range(&x).unwrap();
        let sorted = SortedSample::new(&x).unwrap();
        for kind in QuantileType::ALL {
            let values = quantiles(&x, &ps, kind).unwrap();
            prop_assert!(values.windows(2).all(|w| w[0] <= w[1]), "{:?}", kind);
            prop_assert!(values.iter().all(|v| (low..=high).contains(v)));
            for (p, value) in ps.iter().zip(&values) {
                prop_assert_eq!(sorted.quantile(*p, kind).unwrap(), *value);
            }
        }
    }

    #[test]
    fn two_sample_tests_are_symmetric(a in sample(2..40), b in sample(2..40)) {
        if let (Ok(there), Ok(back)) = (welch(&a, &b), welch(&b, &a)) {
            prop_assert!(near(there.t, -back.t, 1.0, 1e-9));
            let (less, greater) = (there.p(Alternative::Less), back.p(Alternative::Greater));
            prop_assert!(near(less, greater, 0.0, 1e-9));
        }
        let there = mann_whitney(&a, &b, MannWhitneyMethod::Auto);
        let back = mann_whitney(&b, &a, MannWhitneyMethod::Auto);
        if let (Ok(there), Ok(back)) = (there, back) {
            prop_assert_eq!((there.u1, there.u2), (back.u2, back.u1));
            prop_assert!(near(there.p(Alternative::TwoSided), back.p(Alternative::TwoSided), 0.0, 1e-12));
            let delta = cliffs_delta(&a, &b).unwrap().value;
            prop_assert!(near(2.0 * there.probability_greater() - 1.0, delta, 1.0, 1e-12));
        }
        let there = hodges_lehmann(&a, &b, 0.95).unwrap();
        let back = hodges_lehmann(&b, &a, 0.95).unwrap();
        prop_assert_eq!(there.shift, -back.shift);
        prop_assert!(there.interval.contains(there.shift));
    }

    #[test]
    fn tails_add_up_and_fall(a in 0.05..500.0f64, b in 0.05..500.0f64, x in 0.0..1.0f64, y in 0.0..1.0f64) {
        let (low, high) = (x.min(y), x.max(y));
        let beta = Beta::new(a, b).unwrap();
        prop_assert!((beta.cdf(x) + beta.sf(x) - 1.0).abs() < 1e-12);
        prop_assert!(beta.cdf(low) <= beta.cdf(high) * (1.0 + 1e-12));
        prop_assert!((beta.cdf(x) - Beta::new(b, a).unwrap().sf(1.0 - x)).abs() < 1e-9);
        let gamma = Gamma::new(a, b).unwrap();
        prop_assert!((gamma.cdf(x * a * b) + gamma.sf(x * a * b) - 1.0).abs() < 1e-12);
        let t = StudentT::new(a).unwrap();
        prop_assert!((t.quantile(x).unwrap() + t.inverse_sf(x).unwrap()).abs() < 1e-300 || x == 0.0 || x == 1.0);
    }

    #[test]
    fn nothing_panics_and_nothing_is_silently_nan(a in anything(), b in anything()) {
        let finite = |r: Result<f64, StatsError>| r.map_or(true, f64::is_finite);
        prop_assert!(finite(describe::mean(&a)));
        prop_assert!(finite(describe::variance(&a)));
        prop_assert!(finite(describe::sd(&a)));
        prop_assert!(finite(describe::skewness(&a)));
        prop_assert!(finite(describe::kurtosis(&a)));
        prop_assert!(finite(describe::median(&a)));
        prop_assert!(finite(describe::mad(&a)));
        prop_assert!(finite(describe::trimmed_mean(&a, 0.2)));
        prop_assert!(finite(describe::lag1_autocorrelation(&a)));
        prop_assert!(finite(effective_sample_size(&a)));
        prop_assert!(finite(long_run_variance(&a)));
        prop_assert!(finite(block_length(&a).map(|l| l.moving)));
        prop_assert!(finite(welch(&a, &b).map(|t| t.p(Alternative::Less) + t.t)));
        prop_assert!(finite(tacho_stats::ttest::student(&a, &b).map(|t| t.p(Alternative::TwoSided))));
        prop_assert!(finite(tacho_stats::ttest::paired(&a, &b).map(|t| t.p(Alternative::TwoSided))));
        prop_assert!(finite(tacho_stats::effect::cohen_d(&a, &b).map(|d| d.value)));
        prop_assert!(finite(hodges_lehmann(&a, &b, 0.9).map(|h| h.interval.low)));
        let compared = tacho_stats::dependence::compare_means(&a, &b);
        prop_assert!(finite(compared.as_ref().map(|c| c.p(Alternative::TwoSided)).map_err(|e| *e)));
        if let Ok(compared) = compared {
            prop_assert!(finite(compared.interval(0.95).map(|i| i.low)));
            prop_assert!(finite(compared.relative_interval(0.9).map(|i| i.map_or(0.0, |i| i.high))));
        }
    }
}
