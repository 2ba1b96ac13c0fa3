//! False-alarm rates of the comparison of means, in short. The example `calibrate` is the long form.

use tacho_stats::Alternative;
use tacho_stats::dependence::{MIN_EFFECTIVE_N, compare_means};
use tacho_stats::rng::Rng;

const REPLICATES: u32 = 1_000;
const ALPHA: f64 = 0.05;

fn autoregression(rng: &mut Rng, n: usize, phi: f64) -> Vec<f64> {
    let mut state = rng.standard_normal() / (1.0 - phi * phi).sqrt();
    (0..n)
        .map(|_| {
            state = phi * state + rng.standard_normal();
            state
        })
        .collect()
}

fn heavy_tailed(rng: &mut Rng, n: usize) -> Vec<f64> {
    (0..n)
        .map(|_| {
            let z = rng.standard_normal();
            z / ((0..3).map(|_| rng.standard_normal().powi(2)).sum::<f64>() / 3.0).sqrt()
        })
        .collect()
}

/// Rates of deciding, of false alarms, and of finding a shift of three true standard errors.
fn rates(seed: u64, shift: f64, sample: impl Fn(&mut Rng) -> Vec<f64>) -> (f64, f64, f64) {
    let mut rng = Rng::new(seed);
    let (mut decided, mut alarms, mut found) = (0, 0, 0);
    for _ in 0..REPLICATES {
        let (a, b) = (sample(&mut rng), sample(&mut rng));
        let moved: Vec<f64> = b.iter().map(|v| v + shift).collect();
        let same = compare_means(&a, &b).unwrap();
        let changed = compare_means(&a, &moved).unwrap();
        assert!(same.is_decidable() == same.effective_n.iter().all(|n| *n >= MIN_EFFECTIVE_N));
        decided += u32::from(same.is_decidable());
        alarms += u32::from(same.is_decidable() && same.p(Alternative::TwoSided) < ALPHA);
        found += u32::from(changed.is_decidable() && changed.p(Alternative::TwoSided) < ALPHA);
    }
    let rate = |count: u32| f64::from(count) / f64::from(REPLICATES);
    (rate(decided), rate(alarms), rate(found))
}

/// At most 1.2 times nominal, with three standard errors for the short run.
#[track_caller]
fn hold(
    what: &str,
    n: usize,
    seed: u64,
    shift: f64,
    power: f64,
    sample: impl Fn(&mut Rng) -> Vec<f64>,
) {
    let (decided, alarms, found) = rates(seed, shift, sample);
    println!("{what} n = {n}: decides {decided:.3}, false alarms {alarms:.4}, power {found:.3}");
    let bound = 1.2 * ALPHA + 3.0 * (ALPHA * (1.0 - ALPHA) / f64::from(REPLICATES)).sqrt();
    assert!(alarms <= bound, "{what}: {alarms} false alarms");
    assert!(found >= power, "{what}: power {found}");
}

/// Three standard errors of the difference of two means of `n`, by the long-run sd.
fn three_errors(long_run_sd: f64, n: usize) -> f64 {
    3.0 * long_run_sd * (2.0 / n as f64).sqrt()
}

#[test]
fn false_alarms_are_as_asked_for_on_independent_series() {
    for n in [30, 100] {
        hold("white", n, 1, three_errors(1.0, n), 0.7, |rng| {
            autoregression(rng, n, 0.0)
        });
    }
    hold("t3", 60, 2, three_errors(3f64.sqrt(), 60), 0.7, |rng| {
        heavy_tailed(rng, 60)
    });
}

#[test]
fn false_alarms_are_as_asked_for_on_dependent_series() {
    for (n, power) in [(60, 0.6), (200, 0.7)] {
        hold("AR(1) 0.5", n, 3, three_errors(2.0, n), power, |rng| {
            autoregression(rng, n, 0.5)
        });
    }
    hold("AR(1) 0.9", 300, 4, three_errors(10.0, 300), 0.6, |rng| {
        autoregression(rng, 300, 0.9)
    });
}

/// Three effective observations are no ground for a verdict.
#[test]
fn too_little_information_is_declined() {
    let (decided, alarms, _) = rates(5, 0.0, |rng| autoregression(rng, 60, 0.9));
    assert!(decided < 0.05 && alarms < 0.02, "{decided} {alarms}");
}
