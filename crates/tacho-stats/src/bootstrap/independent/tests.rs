use super::*;
use crate::Alternative;
use crate::describe::{mean, median};
use crate::kolmogorov_smirnov::{KolmogorovSmirnovMethod, kolmogorov_smirnov};

const PLAN: Resampling = Resampling {
    resamples: 4_000,
    seed: 11,
};

fn skewed(n: usize) -> Vec<f64> {
    let mut rng = Rng::new(12);
    (0..n).map(|_| rng.standard_normal().exp()).collect()
}

/// Two sets of resamples from one distribution, and the same jackknife.
#[track_caller]
fn alike(a: &Bootstrap, b: &Bootstrap) {
    assert!((a.estimate - b.estimate).abs() < 1e-12);
    let (x, y) = (a.acceleration, b.acceleration);
    assert!((x - y).abs() < 1e-9, "{x} {y}");
    let method = KolmogorovSmirnovMethod::Asymptotic;
    let test = kolmogorov_smirnov(a.replicates(), b.replicates(), method).unwrap();
    let p = test.p(Alternative::TwoSided);
    assert!(p > 1e-3, "distance {}, p {p}", test.d);
}

#[test]
fn means_and_quantiles_agree_with_resampling_any_statistic() {
    let (x, y) = (skewed(40), skewed(31));
    let other = Resampling { seed: 13, ..PLAN };
    let value = |r: Result<f64>| r.unwrap_or(f64::NAN);
    let quick = bootstrap_mean(&x, PLAN).unwrap();
    alike(&quick, &bootstrap(&x, other, |s| value(mean(s))).unwrap());
    for (sample, p) in [(&x, 0.5), (&y, 0.5), (&x, 0.9), (&y, 0.25)] {
        let quick = bootstrap_quantile(sample, p, PLAN).unwrap();
        let quantile = |s: &[f64]| value(crate::quantile::quantile(s, p, QuantileType::Linear7));
        alike(&quick, &bootstrap(sample, other, quantile).unwrap());
    }
    let quick = bootstrap_mean_difference(&x, &y, PLAN).unwrap();
    let slow = bootstrap_two_samples(&x, &y, other, |s, t| value(mean(s)) - value(mean(t)));
    alike(&quick, &slow.unwrap());
    let quick = bootstrap_quantile_difference(&x, &y, 0.5, PLAN).unwrap();
    let slow = bootstrap_two_samples(&x, &y, other, |s, t| value(median(s)) - value(median(t)));
    alike(&quick, &slow.unwrap());
}

/// The median of a resample of 15 is the k-th smallest observation with a probability that the
/// binomial distribution gives (Efron 1979, §3).
#[test]
fn medians_have_their_exact_distribution() {
    let x: Vec<f64> = (0..15).map(f64::from).collect();
    let plan = Resampling {
        resamples: 50_000,
        seed: 5,
    };
    let found = bootstrap_quantile(&x, 0.5, plan).unwrap();
    for k in 3..12usize {
        let at_most = |k: usize| {
            let p = (k + 1) as f64 / 15.0;
            crate::distribution::Binomial::new(15, p).unwrap().sf(7)
        };
        let want = at_most(k) - at_most(k - 1);
        let got = found
            .replicates()
            .iter()
            .filter(|v| **v == k as f64)
            .count() as f64
            / 50_000.0;
        assert!(
            (got - want).abs() < 5.0 * (want / 50_000.0).sqrt(),
            "{k}: {got}, not {want}"
        );
    }
}

#[test]
fn intervals_nest_repeat_and_move_with_the_data() {
    let x = skewed(25);
    let one = bootstrap_mean(&x, PLAN).unwrap();
    assert_eq!(one, bootstrap_mean(&x, PLAN).unwrap());
    let moved: Vec<f64> = x.iter().map(|v| 8.0 * v - 16.0).collect();
    let other = bootstrap_mean(&moved, PLAN).unwrap();
    let (inner, outer) = (one.bca(0.8).unwrap(), one.bca(0.95).unwrap());
    assert!(outer.low < inner.low && inner.high < outer.high);
    let shifted = other.bca(0.95).unwrap();
    assert!((shifted.low - (8.0 * outer.low - 16.0)).abs() < 1e-9);
    assert!(one.bca(0.95).unwrap().high > one.percentile(0.95).unwrap().high);
}

#[test]
fn edges() {
    let few = Resampling {
        resamples: 99,
        ..PLAN
    };
    assert!(bootstrap_mean(&[1.0, 2.0], few).is_err());
    assert!(bootstrap_mean(&[1.0], PLAN).is_err());
    assert!(bootstrap_mean(&[1.0, f64::NAN], PLAN).is_err());
    assert!(bootstrap_mean(&[1e308, -1e308], PLAN).is_err());
    assert!(
        bootstrap_quantile(&[1e308, -1e308], 0.5, PLAN)
            .unwrap()
            .bca(0.95)
            .is_ok()
    );
    assert!(bootstrap_quantile(&[1.0, 2.0], 1.5, PLAN).is_err());
    assert!(bootstrap_quantile_difference(&[1e308; 2], &[-1e308; 2], 0.5, PLAN).is_err());
    assert!(bootstrap(&[1.0, 2.0, 3.0], PLAN, |_| f64::NAN).is_err());
    let flat = bootstrap_mean(&[4.0; 9], PLAN).unwrap().bca(0.95).unwrap();
    assert_eq!((flat.low, flat.high), (4.0, 4.0));
    let tiny = bootstrap_mean(&[5e-324, 0.0, 1e-320], PLAN).unwrap();
    assert!(tiny.bca(0.95).unwrap().low >= 0.0);
    for p in [0.0, 1.0] {
        assert!(
            bootstrap_quantile(&[1.0, 2.0, 5.0], p, PLAN)
                .unwrap()
                .bca(0.95)
                .is_ok()
        );
    }
}
