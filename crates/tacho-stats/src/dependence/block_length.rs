//! The block length at which a block bootstrap's variance is most precise.
//!
//! Invariant: between 1 and min(3√n, n/3), rounded up.
//! Sources: Politis & White, "Automatic block-length selection for the dependent bootstrap",
//! Econometric Reviews 23 (2004), with the correction by Patton, Politis & White, ibid. 28 (2009).

use super::autocorrelation::{deviations, product_sum};
use crate::error::{Result, StatsError};

/// Block lengths, as the theory gives them (not rounded).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockLength {
    /// Expected length for the stationary bootstrap.
    pub stationary: f64,
    /// Length for the circular and the moving-block bootstrap.
    pub moving: f64,
}

impl BlockLength {
    /// The moving-block length as a whole number of observations.
    pub fn moving_blocks(&self) -> usize {
        (self.moving.round() as usize).max(1)
    }
}

/// The block length for the mean of `x`; 1 for a constant series.
pub fn block_length(x: &[f64]) -> Result<BlockLength> {
    let y = match deviations(x) {
        Ok(y) => y,
        Err(StatsError::ZeroVariance) => {
            return Ok(BlockLength {
                stationary: 1.0,
                moving: 1.0,
            });
        }
        Err(error) => return Err(error),
    };
    let n = y.len();
    let count = n as f64;
    let longest = (3.0 * count.sqrt()).min(count / 3.0).ceil().max(1.0);
    let quiet = (count.log10().sqrt().ceil() as usize).max(5);
    let lag_max = (count.sqrt().ceil() as usize + quiet).min(n - 1);
    let covariances: Vec<f64> = (0..=lag_max).map(|k| product_sum(&y, k) / count).collect();
    let threshold = 2.0 * (count.log10() / count).sqrt() * covariances[0];
    let last = last_correlated_lag(&covariances[1..], threshold, quiet);
    let window = (2 * last.max(1)).min(lag_max);
    let (mut spread, mut level) = (0.0, covariances[0]);
    for (k, covariance) in covariances.iter().enumerate().take(window + 1).skip(1) {
        let weight = flat_top(k as f64 / window as f64) * covariance;
        spread += 2.0 * weight * k as f64;
        level += 2.0 * weight;
    }
    let length = |factor: f64| {
        let ratio = 2.0 * spread * spread / (factor * level * level);
        let length = (ratio * count).cbrt();
        if length.is_finite() {
            length.clamp(1.0, longest)
        } else {
            longest
        }
    };
    Ok(BlockLength {
        stationary: length(2.0),
        moving: length(4.0 / 3.0),
    })
}

/// The smallest lag after which `quiet` autocovariances in a row are below the threshold; where
/// there is none, the last lag above it.
fn last_correlated_lag(covariances: &[f64], threshold: f64, quiet: usize) -> usize {
    let loud = |c: &f64| c.abs() >= threshold;
    covariances
        .windows(quiet)
        .position(|run| !run.iter().any(loud))
        .or_else(|| covariances.iter().rposition(loud).map(|k| k + 1))
        .unwrap_or(0)
}

/// The flat-top window of Politis & Romano.
fn flat_top(s: f64) -> f64 {
    (2.0 * (1.0 - s.abs())).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn process(phi: f64, n: usize, seed: u64) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        let mut state = 0.0;
        (0..n)
            .map(|_| {
                state = phi * state + rng.standard_normal();
                state
            })
            .collect()
    }

    #[test]
    fn blocks_grow_with_dependence() {
        let median_length = |phi: f64| {
            let lengths: Vec<f64> = (0..21)
                .map(|s| block_length(&process(phi, 1000, s)).unwrap().moving)
                .collect();
            crate::describe::median(&lengths).unwrap()
        };
        let (white, half, strong) = (median_length(0.0), median_length(0.5), median_length(0.9));
        // Theory for φ = 0.5: G = 2φ/((1−φ)²(1−φ²)) · …, giving (1.5 · (4/3)² · n)^(1/3) ≈ 13.9.
        assert!(white < 6.0, "{white}");
        assert!((9.0..20.0).contains(&half), "{half}");
        assert!(strong > 30.0, "{strong}");
    }

    #[test]
    fn edges() {
        assert_eq!(block_length(&[1.0; 8]).unwrap().moving_blocks(), 1);
        assert!(block_length(&[1.0, 2.0]).is_err());
        assert!(block_length(&[1.0, 2.0, 3.0]).unwrap().moving <= 1.0);
    }
}
