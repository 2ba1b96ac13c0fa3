//! How many different values there were: exact up to [`EXACT_MAX`], about 0.8 % off beyond.
//!
//! Values are kept as 64-bit hashes, so that memory does not depend on their length. Beyond the
//! limit the hashes become a `HyperLogLog` of 2^14 registers, 16 KiB however many values come. Its
//! estimate needs no table of corrections: Ertl, "New cardinality estimation algorithms for
//! `HyperLogLog` sketches" (2017), algorithm 6.

use std::collections::HashSet;

/// Most values that are counted exactly.
const EXACT_MAX: usize = 4096;
/// A register is chosen by so many bits of the hash.
const INDEX_BITS: u32 = 14;
/// What is left of the hash decides the register's value.
const RANK_MAX: usize = (64 - INDEX_BITS) as usize;

/// A set that knows only its size.
#[derive(Debug)]
pub(super) enum Distinct {
    Exact(HashSet<u64>),
    Sketch(Box<[u8]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Exact(HashSet::new())
    }
}

impl Distinct {
    /// Adds a value by its hash.
    pub(super) fn insert(&mut self, hash: u64) {
        match self {
            Self::Exact(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    let mut registers = vec![0; 1 << INDEX_BITS].into_boxed_slice();
                    for hash in hashes.iter() {
                        note(&mut registers, *hash);
                    }
                    *self = Self::Sketch(registers);
                }
            }
            Self::Sketch(registers) => note(registers, hash),
        }
    }

    /// How many different values were added.
    pub(super) fn count(&self) -> f64 {
        match self {
            Self::Exact(hashes) => hashes.len() as f64,
            Self::Sketch(registers) => estimate(registers).round(),
        }
    }
}

fn note(registers: &mut [u8], hash: u64) {
    let index = (hash >> (64 - INDEX_BITS)) as usize;
    // The bit behind the hash bounds the rank.
    let rest = hash << INDEX_BITS | 1 << (INDEX_BITS - 1);
    let rank = rest.leading_zeros() as u8 + 1;
    registers[index] = registers[index].max(rank);
}

fn estimate(registers: &[u8]) -> f64 {
    let size = registers.len() as f64;
    let mut counts = [0.0; RANK_MAX + 2];
    for register in registers {
        counts[usize::from(*register)] += 1.0;
    }
    let mut z = size * tau(1.0 - counts[RANK_MAX + 1] / size);
    for count in counts[1..=RANK_MAX].iter().rev() {
        z = 0.5 * (z + count);
    }
    z += size * sigma(counts[0] / size);
    size * size / (2.0 * std::f64::consts::LN_2 * z)
}

/// Corrects for registers that nothing fell into.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// Corrects for registers that are full.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SplitMix64`, whose outputs pass for hashes.
    fn hash(of: u64) -> u64 {
        let mut z = of.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn counted(values: u64) -> f64 {
        let mut distinct = Distinct::default();
        for value in 0..values {
            distinct.insert(hash(value));
            distinct.insert(hash(value / 2));
        }
        distinct.count()
    }

    #[test]
    fn small_sets_are_counted_exactly() {
        for values in [0, 1, 2, 4096] {
            assert_eq!(counted(values), values as f64);
        }
    }

    #[test]
    fn large_sets_are_counted_within_three_standard_errors() {
        let error = 1.04 / f64::from(1 << 14).sqrt();
        for values in [4097, 10_000, 40_000, 100_000, 1_000_000] {
            let off = counted(values) / values as f64 - 1.0;
            assert!(off.abs() < 3.0 * error, "{values}: off by {off}");
        }
    }
}
