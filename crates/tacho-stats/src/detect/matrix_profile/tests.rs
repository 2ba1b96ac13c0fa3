use super::*;
use crate::rng::Rng;

/// By the definition, term by term.
fn brute_force(x: &[f64], m: usize) -> Vec<f64> {
    let shape = |i: usize| -> Vec<f64> {
        let w = &x[i..i + m];
        let mean = w.iter().sum::<f64>() / m as f64;
        let sd = (w.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / m as f64).sqrt();
        let constant = w.iter().all(|v| *v == w[0]);
        w.iter()
            .map(|v| if constant { f64::NAN } else { (v - mean) / sd })
            .collect()
    };
    let shapes: Vec<Vec<f64>> = (0..=x.len() - m).map(shape).collect();
    let distance = |a: &[f64], b: &[f64]| match (a[0].is_nan(), b[0].is_nan()) {
        (true, true) => 0.0,
        (true, false) | (false, true) => (m as f64).sqrt(),
        _ => a
            .iter()
            .zip(b)
            .map(|(x, y)| (x - y).powi(2))
            .sum::<f64>()
            .sqrt(),
    };
    (0..shapes.len())
        .map(|i| {
            (0..shapes.len())
                .filter(|j| i.abs_diff(*j) > exclusion_zone(m))
                .map(|j| distance(&shapes[i], &shapes[j]))
                .fold(f64::INFINITY, f64::min)
        })
        .collect()
}

#[track_caller]
fn check(x: &[f64], m: usize, tolerance: f64) {
    let profile = matrix_profile(x, m).unwrap();
    let windows = Windows::new(x, m);
    for (i, want) in brute_force(x, m).into_iter().enumerate() {
        let got = profile.distances[i];
        assert!((got - want).abs() <= tolerance, "at {i}: {got}, not {want}");
        let neighbour = profile.neighbours[i];
        assert!(i.abs_diff(neighbour) > exclusion_zone(m));
        assert_eq!(distance(&windows, i, neighbour), got);
    }
}

fn walk(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    let mut level = 0.0;
    (0..n)
        .map(|_| {
            level += rng.standard_normal();
            level
        })
        .collect()
}

#[test]
fn equals_brute_force() {
    for (n, m) in [(6, 3), (20, 5), (100, 8), (317, 40), (700, 25)] {
        check(&walk(n, n as u64), m, 1e-9);
    }
}

#[test]
fn constant_stretches_follow_the_convention() {
    let mut x = walk(200, 1);
    x[40..70].fill(2.0);
    check(&x, 10, 1e-9);
    x[150..175].fill(-3.0);
    check(&x, 10, 1e-9);
    x[0..12].fill(7.0);
    check(&x, 12, 1e-9);
    let mut one = walk(60, 2);
    one[30..38].fill(0.0);
    check(&one, 8, 1e-9);
    one[28..38].fill(0.0);
    check(&one, 8, 1e-9);
    let flat = matrix_profile(&[5.0; 50], 10).unwrap();
    assert!(flat.distances.iter().all(|d| *d == 0.0));
}

/// What a spike adds to the covariances must leave with it, and a flat stretch beside a steep one
/// keeps its shape.
#[test]
fn a_spike_leaves_no_error_behind() {
    let mut x = walk(600, 3);
    x[200] = 1e9;
    check(&x, 20, 1e-5);
    let mut y = walk(600, 4);
    for value in &mut y[300..400] {
        *value *= 1e-7;
    }
    check(&y, 16, 1e-5);
}

#[test]
fn offset_and_unit_do_not_matter() {
    let x = walk(300, 5);
    let moved: Vec<f64> = x.iter().map(|v| v * 1e300).collect();
    let (a, b) = (
        matrix_profile(&x, 20).unwrap(),
        matrix_profile(&moved, 20).unwrap(),
    );
    for (left, right) in a.distances.iter().zip(&b.distances) {
        assert!((left - right).abs() < 1e-9);
    }
}

#[test]
fn discords_and_motifs_do_not_overlap() {
    let mut x: Vec<f64> = (0..500).map(|i| (f64::from(i) * 0.25).sin()).collect();
    let mut rng = Rng::new(6);
    for value in &mut x {
        *value += 0.05 * rng.standard_normal();
    }
    for at in [120, 350] {
        for value in &mut x[at..at + 10] {
            *value = 0.9 - *value;
        }
    }
    let profile = matrix_profile(&x, 25).unwrap();
    let discords = profile.discords(2);
    let mut starts: Vec<usize> = discords.iter().map(|d| d.start).collect();
    starts.sort_unstable();
    assert!((96..130).contains(&starts[0]), "{starts:?}");
    assert!((326..360).contains(&starts[1]), "{starts:?}");
    let motifs = profile.motifs(3);
    assert!(motifs.windows(2).all(|w| w[0].distance <= w[1].distance));
    assert!(motifs[0].distance < discords[1].distance);
    assert!(profile.discords(10_000).len() < 500 / 12);
}

#[test]
fn hostile_input() {
    assert!(matrix_profile(&[1.0; 10], 2).is_err());
    assert!(matrix_profile(&[], 3).is_err());
    assert!(matrix_profile(&[1.0; 10], usize::MAX).is_err());
    assert_eq!(
        matrix_profile(&[1.0; 7], 5),
        Err(StatsError::TooFew { need: 10, got: 7 })
    );
    assert!(matrix_profile(&[1.0, f64::NAN, 2.0, 3.0, 4.0, 5.0, 6.0], 3).is_err());
    for scale in [1e308, 5e-324, 1e-200] {
        let x: Vec<f64> = (0..60)
            .map(|i| scale * (f64::from((i * i) % 7 - 3) / 4.0))
            .collect();
        let profile = matrix_profile(&x, 6).unwrap();
        assert!(profile.distances.iter().all(|d| (0.0..=5.0).contains(d)));
    }
}
