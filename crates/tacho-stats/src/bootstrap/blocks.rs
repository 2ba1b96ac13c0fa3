//! Blocks of neighbours: how a series is resampled without losing its dependence.
//!
//! Invariant: resamples are index lists as long as the series, so that the caller can merge what an
//! index stands for; nothing is allocated per resample; the same seed gives the same lists.
//! Sources: Künsch, Annals of Statistics 17 (1989), moving blocks; Politis & Romano, "The stationary
//! bootstrap", JASA 89 (1994).

use crate::dependence::block_length;
use crate::error::{Result, StatsError, observations};
use crate::rng::Rng;

/// How indices are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum BlockScheme {
    /// Blocks of fixed length from anywhere in the series (Künsch).
    #[default]
    Moving,
    /// Blocks of random, geometric length, on the series closed to a circle (Politis & Romano).
    Stationary,
}

/// One series to resample.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    /// One value for each observation, in order of time: how much that observation moves the
    /// statistic, in any unit. For a mean the value itself; for a quantile the count above the
    /// pooled quantile less its expectation; for a rate the events less the mean rate times the
    /// exposure. Its length is the number of observations.
    pub influence: &'a [f64],
    /// Block length in observations; chosen from the influence values where none is given.
    pub block: Option<usize>,
}

/// What to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootstrapPlan {
    /// Number of resamples; 1 000 or more for 95 % intervals.
    pub resamples: usize,
    /// Seed of the generator.
    pub seed: u64,
    /// How indices are drawn.
    pub scheme: BlockScheme,
}

/// Fills `indices` with one resample of `0..indices.len()`.
pub fn resample_indices(rng: &mut Rng, scheme: BlockScheme, block: usize, indices: &mut [usize]) {
    let n = indices.len();
    let block = block.clamp(1, n.max(1));
    match scheme {
        BlockScheme::Moving => {
            for chunk in indices.chunks_mut(block) {
                let start = rng.below(n - block + 1);
                for (offset, slot) in chunk.iter_mut().enumerate() {
                    *slot = start + offset;
                }
            }
        }
        BlockScheme::Stationary => {
            let mut at = 0;
            for (position, slot) in indices.iter_mut().enumerate() {
                at = if position == 0 || rng.below(block) == 0 {
                    rng.below(n)
                } else {
                    at + 1
                };
                if at == n {
                    at = 0;
                }
                *slot = at;
            }
        }
    }
}

/// The block length of a series: the one given, or the one that its influence values ask for.
pub(super) fn block(series: Series<'_>, scheme: BlockScheme) -> Result<usize> {
    observations(series.influence, crate::dependence::MIN_N)?;
    match series.block {
        Some(0) => Err(StatsError::Invalid {
            name: "block",
            why: "it must be at least 1",
        }),
        Some(block) => Ok(block.min(series.influence.len())),
        None => {
            let length = block_length(series.influence)?;
            Ok(match scheme {
                BlockScheme::Moving => length.moving_blocks(),
                BlockScheme::Stationary => (length.stationary.round() as usize).max(1),
            })
        }
    }
}

/// Mean of the influence values drawn.
pub(super) fn mean_at(influence: &[f64], indices: &[usize]) -> f64 {
    indices.iter().map(|i| influence[*i]).sum::<f64>() / indices.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_runs_and_every_place_is_drawn() {
        let mut rng = Rng::new(2);
        let mut seen = [0u32; 20];
        let mut indices = [0; 20];
        for scheme in [BlockScheme::Moving, BlockScheme::Stationary] {
            for _ in 0..2_000 {
                resample_indices(&mut rng, scheme, 5, &mut indices);
                let breaks = indices
                    .windows(2)
                    .filter(|w| (w[0] + 1) % 20 != w[1] % 20)
                    .count();
                assert!(scheme == BlockScheme::Stationary || breaks <= 3);
                for i in indices {
                    seen[i] += 1;
                }
            }
        }
        assert!(seen.iter().all(|count| *count > 500), "{seen:?}");
    }
}
