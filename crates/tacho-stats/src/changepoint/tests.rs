//! What holds for every method here: hostile input, shifts, scales and reversal.

use super::*;
use crate::error::StatsError;
use crate::rng::Rng;

const KINDS: [&str; 6] = ["changes", "levels", "pelt", "ranks", "e-divisive", "binary"];

/// The indices that one method finds.
fn found(kind: &str, x: &[f64]) -> Result<Vec<usize>, StatsError> {
    let changed = |regimes| {
        let settings = Settings {
            regimes,
            ..Settings::default()
        };
        Ok(changes(x, &settings)?
            .into_iter()
            .map(|c| c.index)
            .collect())
    };
    match kind {
        "changes" => changed(Regimes::Lines),
        "levels" => changed(Regimes::Levels),
        "pelt" => pelt_l2(x, 30.0, 2),
        "ranks" => pelt(&RankCost::new(x)?, 20.0, 5),
        "binary" => binary_segmentation(&NormalCost::new(x)?, 30.0, 5, 10),
        _ => {
            let settings = EDivisive {
                permutations: 39,
                ..EDivisive::default()
            };
            Ok(e_divisive(x, &settings)?
                .into_iter()
                .map(|c| c.index)
                .collect())
        }
    }
}

fn steps(seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    let level = |t| match t {
        0..50 => 0.0,
        50..90 => 8.0,
        _ => -6.0,
    };
    (0..140).map(|t| level(t) + rng.standard_normal()).collect()
}

#[test]
fn clear_steps_are_found_where_they_are() {
    for seed in 0..4 {
        for kind in KINDS {
            let got = found(kind, &steps(seed)).unwrap();
            assert_eq!(got, [50, 90], "{kind}, seed {seed}");
        }
    }
}

#[test]
fn shifting_and_scaling_change_nothing() {
    let x = steps(9);
    for kind in ["changes", "levels", "ranks", "e-divisive", "binary"] {
        let want = found(kind, &x).unwrap();
        for (factor, offset) in [(1e6, 3e6), (1e-150, 0.0), (-2.0, 7.0), (1e150, -1e151)] {
            let y: Vec<f64> = x.iter().map(|v| factor * v + offset).collect();
            assert_eq!(found(kind, &y), Ok(want.clone()), "{kind} {factor}");
        }
    }
}

#[test]
fn a_reversed_series_has_its_changes_reversed() {
    let x = steps(10);
    let reversed: Vec<f64> = x.iter().rev().copied().collect();
    for kind in KINDS {
        let indices = found(kind, &x).unwrap();
        let want: Vec<usize> = indices.iter().rev().map(|k| x.len() - k).collect();
        assert_eq!(found(kind, &reversed), Ok(want), "{kind}");
    }
}

#[test]
fn hostile_input_is_refused_or_answered() {
    let zeros_then_ones: Vec<f64> = (0..40).map(|t| f64::from(u8::from(t >= 20))).collect();
    let huge: Vec<f64> = (0..40)
        .map(|t| if t % 2 == 0 { 1e308 } else { -1e308 })
        .collect();
    let tiny: Vec<f64> = (0..40).map(|t| f64::from(t % 3) * 5e-324).collect();
    let spike: Vec<f64> = (0..40).map(|t| if t == 7 { 1e308 } else { 0.0 }).collect();
    let inputs = [
        vec![],
        vec![1.0],
        vec![f64::NAN; 40],
        vec![f64::INFINITY; 40],
        vec![3.0; 40],
        zeros_then_ones,
        huge,
        tiny,
        spike,
    ];
    for (i, x) in inputs.iter().enumerate() {
        for kind in KINDS {
            match found(kind, x) {
                Ok(indices) => {
                    assert!(indices.iter().all(|k| *k > 0 && *k < x.len()), "{kind} {i}");
                    assert!(indices.windows(2).all(|w| w[0] < w[1]), "{kind} {i}");
                    assert!(x.iter().all(|v| v.is_finite()) && x.len() > 1, "{kind} {i}");
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
    assert_eq!(found("changes", &inputs[4]), Ok(vec![]));
    for kind in ["changes", "levels", "e-divisive"] {
        assert_eq!(found(kind, &inputs[5]), Ok(vec![20]), "{kind}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let x = steps(1);
    let of = |alpha, season| Settings {
        alpha,
        season,
        ..Settings::default()
    };
    assert!(changes(&x, &of(0.0, Season::None)).is_err());
    assert!(changes(&x, &of(0.6, Season::None)).is_err());
    assert!(changes(&x, &of(0.05, Season::Period(1))).is_err());
    assert!(changes(&x, &of(0.05, Season::Period(71))).is_err());
    assert!(pelt_l2(&x, 0.0, 1).is_err());
    assert!(pelt_l2(&x, f64::NAN, 1).is_err());
    assert!(pelt_l2(&x, 1.0, 141).is_err());
}

#[test]
fn a_change_says_where_how_large_and_how_sure() {
    let all = changes(&steps(2), &Settings::default()).unwrap();
    let first = all[0];
    assert!(first.place.0 <= 50 && 50 <= first.place.1);
    assert!(first.size_interval.unwrap().contains(first.size));
    assert!((first.size - 8.0).abs() < 1.0);
    assert!(first.p < 1e-6);
}

#[test]
fn a_long_series_is_cut_at_the_observation() {
    let mut rng = Rng::new(3);
    let x: Vec<f64> = (0..30_000)
        .map(|t| rng.standard_normal() + if t < 20_011 { 0.0 } else { 4.0 })
        .collect();
    let all = changes(&x, &Settings::default()).unwrap();
    assert_eq!(all.len(), 1);
    assert!(all[0].index.abs_diff(20_011) <= 2, "{all:?}");
}

#[test]
fn trends_seasons_and_jumpy_noise_are_no_changes() {
    let mut rng = Rng::new(4);
    let trend: Vec<f64> = (0..200)
        .map(|t| 0.1 * f64::from(t) + rng.standard_normal())
        .collect();
    let season: Vec<f64> = (0..200)
        .map(|t| 5.0 * f64::from(t % 10) + rng.standard_normal())
        .collect();
    // Decaying jumps: a regime-switching look from heavy-tailed innovations.
    let mut state = 0.0;
    let jumpy: Vec<f64> = (0..400)
        .map(|_| {
            let jump = if rng.uniform() < 0.05 { 20.0 } else { 0.0 };
            state = 0.85 * state + 0.3 * rng.standard_normal() + jump;
            state
        })
        .collect();
    for (name, x) in [("trend", trend), ("season", season), ("jumpy", jumpy)] {
        assert_eq!(found("changes", &x), Ok(vec![]), "{name}");
    }
}
