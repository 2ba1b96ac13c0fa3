use super::*;
use crate::rng::Rng;

fn normal_rows(n: usize, p: usize, seed: u64) -> Vec<f64> {
    let mut rng = Rng::new(seed);
    (0..n * p).map(|_| rng.standard_normal()).collect()
}

fn fit(values: &[f64], p: usize) -> Result<RobustCovariance> {
    RobustCovariance::fit(&Rows::new(values, p).unwrap(), 1)
}

/// All subsets of nine of twelve rows: the search must find the best of the 220.
#[test]
fn the_search_finds_the_smallest_determinant() {
    for seed in 0..5 {
        let table = normal_rows(12, 2, seed);
        let mut least = f64::INFINITY;
        for set in 0u32..1 << 12 {
            if set.count_ones() == 9 {
                let rows = (0..12).filter(|i| set >> i & 1 == 1);
                let estimate = Estimate::of(&table, 2, rows);
                let determinant = Cholesky::of(&estimate.covariance, 2).unwrap();
                least = least.min(determinant.ln_determinant());
            }
        }
        let found = smallest_determinant(&table, 2, 9, seed).unwrap();
        let found = Cholesky::of(&found.covariance, 2).unwrap().ln_determinant();
        assert!((found - least).abs() < 1e-12, "{found}, not {least}");
    }
}

/// A quarter of the rows, less a few, far off and close together: the worst there is.
#[test]
fn a_quarter_of_bad_rows_does_no_harm() {
    for n in [60, 500, 2000] {
        let mut values = normal_rows(n, 3, 2);
        for value in &mut values[..3 * (n / 4 - 5)] {
            *value = 30.0 + 0.01 * *value;
        }
        let normal = fit(&values, 3).unwrap();
        assert!(normal.location().iter().all(|c| c.abs() < 0.6), "{n}");
        let covariance = normal.covariance().unwrap();
        for j in 0..3 {
            assert!(
                (0.4..2.2).contains(&covariance[4 * j]),
                "{n}: {covariance:?}"
            );
        }
        assert!(normal.p_value(&[30.0; 3]).unwrap() < 1e-6);
    }
}

/// Large samples have the moments of the distribution they come from.
#[test]
fn consistent_at_the_normal() {
    let mut values = normal_rows(20_000, 2, 3);
    for row in values.chunks_exact_mut(2) {
        row[1] = 5.0 + 3.0 * (0.6 * row[0] + 0.8 * row[1]);
        row[0] -= 2.0;
    }
    let normal = fit(&values, 2).unwrap();
    let location = normal.location();
    assert!((location[0] + 2.0).abs() < 0.04 && (location[1] - 5.0).abs() < 0.12);
    let want = [1.0, 1.8, 1.8, 9.0];
    for (got, want) in normal.covariance().unwrap().into_iter().zip(want) {
        assert!((got / want - 1.0).abs() < 0.06, "{got}, not {want}");
    }
    // Chi-squared in the limit: P(D² > 9.21) = 1 %.
    let p = normal.p_value(&[-2.0 + 9.21f64.sqrt(), 5.0 + 1.8 * 9.21f64.sqrt()]);
    assert!((p.unwrap() / 0.01 - 1.0).abs() < 0.2, "{p:?}");
}

#[test]
fn contributions_share_the_whole_distance() {
    let mut values = normal_rows(300, 3, 4);
    for row in values.chunks_exact_mut(3) {
        row[1] = 100.0 * (row[0] + 0.2 * row[1]);
    }
    let normal = fit(&values, 3).unwrap();
    for row in [[0.3, -120.0, 1.0], [0.0, 0.0, 9.0], [4.0, 380.0, 0.0]] {
        let parts = normal.contributions(&row).unwrap();
        let whole = normal.distance_squared(&row).unwrap();
        assert!(parts.iter().all(|c| *c >= 0.0));
        assert!((parts.iter().sum::<f64>() / whole - 1.0).abs() < 1e-9);
    }
    let parts = normal.contributions(&[0.0, 0.0, 9.0]).unwrap();
    assert!(parts[2] > 20.0 * (parts[0] + parts[1]), "{parts:?}");
}

#[test]
fn rows_on_a_hyperplane_are_refused() {
    let mut values = normal_rows(50, 2, 5);
    for row in values.chunks_exact_mut(2) {
        row[1] = 7.0;
    }
    assert_eq!(fit(&values, 2), Err(StatsError::ZeroVariance));
    for row in values.chunks_exact_mut(2) {
        row[1] = 3.0 * row[0] - 1.0;
    }
    assert_eq!(fit(&values, 2), Err(StatsError::ZeroVariance));
    assert_eq!(fit(&[4.0; 60], 3), Err(StatsError::ZeroVariance));
    // Most rows equal to one another, but for a few.
    let mut equal = vec![1.0; 200];
    equal[..40].copy_from_slice(&normal_rows(20, 2, 6));
    assert_eq!(fit(&equal, 2), Err(StatsError::ZeroVariance));
    // Many equal rows, but not three quarters: that is a distribution.
    let mut some = normal_rows(100, 2, 7);
    some[..60].fill(0.5);
    assert!(fit(&some, 2).is_ok());
}

#[test]
fn extremes_and_mistakes() {
    let values = normal_rows(10, 2, 8);
    assert_eq!(
        fit(&values[..10], 2),
        Err(StatsError::TooFew { need: 6, got: 5 })
    );
    let normal = fit(&values, 2).unwrap();
    assert!(normal.distance_squared(&[1.0]).is_err());
    assert_eq!(
        normal.p_value(&[1.0, f64::INFINITY]),
        Err(StatsError::NotFinite { index: 1 })
    );
    assert!(normal.p_value(&[1e308, -1e308]).unwrap() < 1e-6);
    assert!(normal.contributions(&[1e308, -1e308]).is_ok());
    // As a vague reference: the same rows in units from the smallest to the largest.
    let small = normal_rows(80, 2, 9);
    let want = fit(&small, 2)
        .unwrap()
        .distance_squared(&[1.0, 2.0])
        .unwrap();
    for unit in [1e-290, 1e290] {
        let scaled: Vec<f64> = small.iter().map(|v| v * unit).collect();
        let normal = fit(&scaled, 2).unwrap();
        let got = normal.distance_squared(&[unit, 2.0 * unit]).unwrap();
        assert!((got / want - 1.0).abs() < 1e-9);
        assert_eq!(normal.covariance().is_ok(), unit < 1.0);
    }
    let mut outliers = small;
    outliers[0] = 1e308;
    outliers[7] = -1e308;
    assert!(fit(&outliers, 2).is_ok_and(|n| n.location()[0].abs() < 0.5));
    // More variables than the room on the stack.
    let wide = normal_rows(100, 20, 10);
    assert!(fit(&wide, 20).unwrap().p_value(&wide[..20]).is_ok());
}
