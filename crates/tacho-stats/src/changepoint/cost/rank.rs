//! The L2 cost of ranks: changes of location that no outlier and no monotone scale can feign.
//!
//! Invariant: any increasing transformation of the series gives the same costs. Ranks are scaled to
//! variance 1 over the series, so that penalties are those of unit noise; ties share their mean
//! rank.
//! Source: Lung-Yut-Fong, Lévy-Leduc & Cappé, "Homogeneity and change-point detection tests for
//! multivariate data using rank statistics", Journal de la Société Française de Statistique 156
//! (2015).

use super::{Cost, L2Cost};
use crate::error::{Result, StatsError, observations};

/// The rank cost of one series.
#[derive(Debug, Clone)]
pub struct RankCost(L2Cost);

impl RankCost {
    /// Prepares at least two observations that are not all equal.
    pub fn new(x: &[f64]) -> Result<Self> {
        observations(x, 2)?;
        let ranks = mid_ranks(x);
        let mean = 0.5 * (x.len() as f64 + 1.0);
        let squares: f64 = ranks.iter().map(|r| (r - mean) * (r - mean)).sum();
        if squares == 0.0 {
            return Err(StatsError::ZeroVariance);
        }
        let sd = (squares / x.len() as f64).sqrt();
        let scaled: Vec<f64> = ranks.iter().map(|r| (r - mean) / sd).collect();
        L2Cost::new(&scaled).map(Self)
    }
}

impl Cost for RankCost {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn cost(&self, start: usize, end: usize) -> f64 {
        self.0.cost(start, end)
    }
}

fn mid_ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_unstable_by(|a, b| x[*a].total_cmp(&x[*b]));
    let mut ranks = vec![0.0; x.len()];
    let mut first = 0;
    for tied in order.chunk_by(|a, b| x[*a] == x[*b]) {
        let rank = first as f64 + 0.5 * (tied.len() as f64 + 1.0);
        for index in tied {
            ranks[*index] = rank;
        }
        first += tied.len();
    }
    ranks
}
