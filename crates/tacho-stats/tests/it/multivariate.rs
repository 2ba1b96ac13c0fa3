//! Detectors on rows and patterns: against scikit-learn, and what must hold for any data.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::Value;
use tacho_stats::StatsError;
use tacho_stats::detect::{
    ConformalCalibration, IsolationForest, IsolationForestOptions, LeftMatrixProfile,
    RobustCovariance, Rows, ShingledForest, StreamingForest, StreamingForestOptions,
    exclusion_zone, matrix_profile, split_rows,
};

use crate::shared::numbers;

/// The same law of trees as scikit-learn's: mean path lengths of 20 000 trees, row by row.
#[test]
fn isolation_scores_are_those_of_scikit_learn() {
    let text = include_str!("assets/isolation_forest.json");
    let reference: Value = serde_json::from_str(text).unwrap();
    let values = numbers(&reference["rows"]);
    let rows = Rows::new(&values, 3).unwrap();
    for case in reference["cases"].as_array().unwrap() {
        let sample = case["sample"].as_u64().unwrap() as usize;
        let options = IsolationForestOptions {
            trees: 20_000,
            sample,
            seed: 1,
        };
        let scores = IsolationForest::fit(&rows, options)
            .unwrap()
            .scores(&rows)
            .unwrap();
        for (row, (got, want)) in scores.iter().zip(numbers(&case["scores"])).enumerate() {
            // A path's standard deviation is about 1.5, so the score's error is about 0.001; the
            // reference's is a little less, and it works in single precision.
            assert!(
                (got - want).abs() < 0.006,
                "{sample}, {row}: {got}, not {want}"
            );
        }
    }
}

/// Forty normal rows of three variables, the same every time.
fn normal_rows() -> &'static [f64] {
    static ROWS: OnceLock<Vec<f64>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let mut rng = tacho_stats::rng::Rng::new(11);
        (0..120).map(|_| rng.standard_normal()).collect()
    })
}

fn anything(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(1e308),
        1 => Just(-1e308),
        1 => Just(5e-324),
        1 => Just(-0.0),
        1 => Just(1.0),
        1 => any::<f64>(),
        4 => -1.0..1.0f64,
        4 => (-3i8..3).prop_map(f64::from),
    ];
    proptest::collection::vec(value, sizes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// An invertible map: unit lower triangle times diagonal times unit upper triangle.
    #[test]
    fn robust_distances_are_affine_equivariant(
        off in proptest::collection::vec(-2.0..2.0f64, 6),
        scale in proptest::collection::vec(0.01..100.0f64, 3),
        shift in proptest::collection::vec(-1e3..1e3f64, 3),
    ) {
        let map = |row: &[f64]| -> Vec<f64> {
            let upper = [row[0] + off[0] * row[1] + off[1] * row[2], row[1] + off[2] * row[2], row[2]];
            let middle = [upper[0] * scale[0], upper[1] * scale[1], upper[2] * scale[2]];
            vec![
                middle[0] + shift[0],
                off[3] * middle[0] + middle[1] + shift[1],
                off[4] * middle[0] + off[5] * middle[1] + middle[2] + shift[2],
            ]
        };
        let rows = normal_rows();
        let mapped: Vec<f64> = rows.chunks(3).flat_map(map).collect();
        let before = RobustCovariance::fit(&Rows::new(rows, 3).unwrap(), 5).unwrap();
        let after = RobustCovariance::fit(&Rows::new(&mapped, 3).unwrap(), 5).unwrap();
        for row in rows.chunks(3).chain([&[4.0, -3.0, 1.0][..]]) {
            let want = before.distance_squared(row).unwrap();
            let got = after.distance_squared(&map(row)).unwrap();
            prop_assert!((got - want).abs() < 1e-6 * (1.0 + want), "{} {}", got, want);
        }
    }

    /// Powers of two and whole shifts of whole numbers are exact, so every cut falls alike.
    #[test]
    fn isolation_scores_do_not_depend_on_units(
        values in proptest::collection::vec(-1000i32..1000, 40..80),
        exponents in proptest::collection::vec(-8i32..8, 2),
    ) {
        let even = values.len() / 2 * 2;
        let plain: Vec<f64> = values[..even].iter().map(|v| f64::from(*v)).collect();
        let scaled: Vec<f64> = plain
            .chunks(2)
            .flat_map(|row| [row[0] * 2f64.powi(exponents[0]), row[1] * 2f64.powi(exponents[1])])
            .collect();
        let score = |values: &[f64]| {
            let rows = Rows::new(values, 2).unwrap();
            IsolationForest::fit(&rows, IsolationForestOptions::default())
                .unwrap()
                .scores(&rows)
                .unwrap()
        };
        prop_assert_eq!(score(&plain), score(&scaled));
    }

    #[test]
    fn a_matrix_profile_is_the_nearest_neighbour(
        x in proptest::collection::vec(-5i8..5, 30..70),
        window in 3usize..9,
    ) {
        let x: Vec<f64> = x.into_iter().map(f64::from).collect();
        let profile = matrix_profile(&x, window).unwrap();
        for i in 0..=x.len() - window {
            let want = (0..=x.len() - window)
                .filter(|j| i.abs_diff(*j) > exclusion_zone(window))
                .map(|j| distance(&x[i..i + window], &x[j..j + window]))
                .fold(f64::INFINITY, f64::min);
            prop_assert!((profile.distances[i] - want).abs() < 1e-6);
        }
    }

    #[test]
    fn nothing_panics_and_nothing_is_silently_nan(x in anything(0..60), width in 1usize..4) {
        let finite = |r: Result<f64, StatsError>| r.map_or(true, f64::is_finite);
        let cut = x.len() / width * width;
        if let Ok(rows) = Rows::new(&x[..cut], width) {
            let row = &x[..width.min(cut)];
            if let Ok(normal) = RobustCovariance::fit(&rows, 1) {
                prop_assert!(finite(normal.distance_squared(row)));
                prop_assert!(finite(normal.p_value(row)));
                prop_assert!(finite(normal.contributions(row).map(|c| c.iter().sum())));
                prop_assert!(normal.location().iter().all(|c| c.is_finite()));
            }
            if let Ok(forest) = IsolationForest::fit(&rows, IsolationForestOptions::default()) {
                prop_assert!(finite(forest.score(row)));
            }
            if let Ok((train, calibrate)) = split_rows(&rows, 0.4, 2) {
                prop_assert_eq!(train.len() + calibrate.len(), cut);
            }
        }
        if let Ok(calibration) = ConformalCalibration::new(&x) {
            prop_assert!(finite(calibration.p(x[0])));
            prop_assert!(finite(calibration.conditional_p(x[0], 0.1)));
        }
        if let Ok(profile) = matrix_profile(&x, 5) {
            prop_assert!(profile.distances.iter().all(|d| d.is_finite()));
        }
        let options = StreamingForestOptions { trees: 3, sample: 8, ..Default::default() };
        let mut forest = StreamingForest::new(width, &options).unwrap();
        let mut shingled = ShingledForest::new(width, &options).unwrap();
        let mut profile = LeftMatrixProfile::new(5, 20).unwrap();
        for row in x.chunks(width) {
            prop_assert!(finite(forest.update(row)));
        }
        for value in &x {
            prop_assert!(finite(shingled.update(*value).map(|s| s.unwrap_or(0.0))));
            prop_assert!(finite(profile.update(*value).map(|m| m.map_or(0.0, |m| m.distance))));
        }
    }
}

/// By the definition, with the convention for constant stretches.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let m = a.len() as f64;
    let shape = |w: &[f64]| -> Option<Vec<f64>> {
        let mean = w.iter().sum::<f64>() / m;
        let sd = (w.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / m).sqrt();
        let varies = w.iter().any(|v| *v != w[0]);
        varies.then(|| w.iter().map(|v| (v - mean) / sd).collect())
    };
    match (shape(a), shape(b)) {
        (None, None) => 0.0,
        (Some(a), Some(b)) => {
            let squares = a.iter().zip(&b).map(|(x, y)| (x - y).powi(2));
            squares.sum::<f64>().sqrt()
        }
        _ => m.sqrt(),
    }
}
