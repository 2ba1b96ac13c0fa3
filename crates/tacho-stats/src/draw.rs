//! Random indices, subsets and order statistics: what resampling is made of.
//!
//! Invariant: every index is exactly uniform, every subset equally likely; several indices come from
//! one 64-bit word, and a word that would favour some of them is drawn again. A resample's order
//! statistics are drawn from their own distribution, without the resample.
//! Sources: Brackett-Rozinsky & Lemire, "Batched ranged random integer generation", Software:
//! Practice and Experience (2024); Marsaglia & Tsang, "A simple method for generating gamma
//! variables", ACM TOMS 26 (2000); David & Nagaraja, "Order statistics" (2003), §2.

use crate::rng::Rng;

/// Batches whose possible outcomes number at most this share one word: a redraw then happens less
/// than once in a thousand words.
const OUTCOMES_MAX: u64 = 1 << 54;
const BATCH_MAX: usize = 8;

/// Fills `out` with independent uniform numbers from `0..bound`, which must not be empty.
pub(crate) fn fill_below(rng: &mut Rng, bound: usize, out: &mut [usize]) {
    debug_assert!(bound > 0, "an empty range has no numbers");
    let faces = bound as u64;
    let (mut batch, mut outcomes) = (1, faces);
    while batch < BATCH_MAX && outcomes <= OUTCOMES_MAX / faces {
        outcomes *= faces;
        batch += 1;
    }
    for chunk in out.chunks_mut(batch) {
        loop {
            let mut word = rng.next_u64();
            for slot in chunk.iter_mut() {
                (*slot, word) = split(word, faces);
            }
            if word >= outcomes || word >= unfair(faces.pow(chunk.len() as u32)) {
                break;
            }
        }
    }
}

/// Brings a uniformly random subset of `chosen` items to the front of `items`, which may be in any
/// order before (Fisher & Yates).
pub(crate) fn choose_front<T>(rng: &mut Rng, items: &mut [T], chosen: usize) {
    let mut at = 0;
    while at < chosen {
        let left = (items.len() - at) as u64;
        let (mut batch, mut outcomes) = (1, left);
        while batch < BATCH_MAX && at + batch < chosen && outcomes <= OUTCOMES_MAX / left {
            outcomes *= left;
            batch += 1;
        }
        let mut drawn = [0; BATCH_MAX];
        loop {
            let mut word = rng.next_u64();
            for (offset, slot) in drawn[..batch].iter_mut().enumerate() {
                (*slot, word) = split(word, left - offset as u64);
            }
            let exact = || (0..batch as u64).map(|offset| left - offset).product();
            if word >= outcomes || word >= unfair(exact()) {
                break;
            }
        }
        for offset in drawn.into_iter().take(batch) {
            items.swap(at, at + offset);
            at += 1;
        }
    }
}

/// A number from `0..faces`, and what is left of the word.
fn split(word: u64, faces: u64) -> (usize, u64) {
    let product = u128::from(word) * u128::from(faces);
    ((product >> 64) as usize, product as u64)
}

/// Words whose rest lies below this would make some of `outcomes` likelier than others.
fn unfair(outcomes: u64) -> u64 {
    outcomes.wrapping_neg() % outcomes
}

/// The places, from 0, in a sorted sample of `n` at which the order statistics `rank` and `rank` + 1
/// (from 0) of one resample of the same size lie.
pub(crate) fn resampled_ranks(rng: &mut Rng, n: usize, rank: usize) -> (usize, usize) {
    // Gaps between ordered uniform numbers are exponential numbers over their sum.
    let below = gamma(rng, (rank + 1) as f64);
    let gap = -(1.0 - rng.uniform()).ln();
    let above = if rank + 1 < n {
        gamma(rng, (n - rank - 1) as f64)
    } else {
        0.0
    };
    let whole = below + gap + above;
    let place = |part: f64| ((n as f64 * (part / whole)) as usize).min(n - 1);
    (place(below), place(below + gap))
}

/// A gamma number of unit scale; `shape` is at least 1.
fn gamma(rng: &mut Rng, shape: f64) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let z = rng.standard_normal();
        let root = 1.0 + c * z;
        if root <= 0.0 {
            continue;
        }
        let v = root * root * root;
        let u = 1.0 - rng.uniform();
        if u < 1.0 - 0.0331 * z.powi(4) || u.ln() < 0.5 * z * z + d * (1.0 - v + v.ln()) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::ChiSquared;

    /// χ² of counts that should be equal, as an upper tail.
    fn tail_of_equal(counts: &[u32]) -> f64 {
        let mean = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        let square: f64 = counts
            .iter()
            .map(|c| (f64::from(*c) - mean).powi(2) / mean)
            .sum();
        ChiSquared::new(counts.len() as f64 - 1.0)
            .unwrap()
            .sf(square)
    }

    #[test]
    fn indices_are_uniform_and_do_not_depend_on_their_neighbours() {
        let mut rng = Rng::new(5);
        for bound in [1, 2, 3, 7, 10] {
            let mut out = vec![0; 7 * 4_000];
            fill_below(&mut rng, bound, &mut out);
            let mut pairs = vec![0; bound * bound];
            for pair in out.chunks_exact(2) {
                pairs[pair[0] * bound + pair[1]] += 1;
            }
            assert!(
                bound == 1 || tail_of_equal(&pairs) > 1e-4,
                "{bound}: {pairs:?}"
            );
        }
        let mut out = [0; 9];
        fill_below(&mut rng, usize::MAX, &mut out);
        assert!(out.iter().any(|i| *i > usize::MAX / 2));
    }

    #[test]
    fn subsets_are_equally_likely() {
        let mut rng = Rng::new(6);
        let mut items = [0, 1, 2, 3, 4, 5];
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..20_000 {
            choose_front(&mut rng, &mut items, 3);
            let mut subset = items[..3].to_vec();
            subset.sort_unstable();
            *counts.entry(subset).or_insert(0) += 1;
        }
        let counts: Vec<u32> = counts.into_values().collect();
        assert_eq!(counts.len(), 20);
        assert!(tail_of_equal(&counts) > 1e-4, "{counts:?}");
    }

    /// Against resamples that are drawn and sorted.
    #[test]
    fn order_statistics_are_those_of_resamples() {
        let (mut rng, n, rank, runs) = (Rng::new(7), 9, 4, 40_000);
        let mut counts = [vec![0u32; n * n], vec![0u32; n * n]];
        let mut resample = vec![0; n];
        for _ in 0..runs {
            fill_below(&mut rng, n, &mut resample);
            resample.sort_unstable();
            counts[0][resample[rank] * n + resample[rank + 1]] += 1;
            let (low, high) = resampled_ranks(&mut rng, n, rank);
            counts[1][low * n + high] += 1;
        }
        let (mut square, mut df) = (0.0, -1.0);
        for (a, b) in counts[0].iter().zip(&counts[1]) {
            if a + b > 10 {
                square += (f64::from(*a) - f64::from(*b)).powi(2) / f64::from(a + b);
                df += 1.0;
            }
        }
        let tail = ChiSquared::new(df).unwrap().sf(square);
        assert!(tail > 1e-4, "{square} at {df}");
        let (last, _) = resampled_ranks(&mut rng, 3, 2);
        assert!(last < 3);
    }
}
