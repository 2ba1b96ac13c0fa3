//! Counts of observations in cells, exact while there are few distinct values and ever so coarse
//! when there are many, in bounded memory.
//!
//! 1. Cells are ranges of doubles with a common prefix of bits, so that they are ordered, cover all
//!    finite numbers, and are never wider than 2^(shift − 52) of their value.
//! 2. There are at most [`CELLS_MAX`]; where more are needed, neighbours are taken together.
//! 3. Each count is exact.
//!
//! Together: how many observations lie below or in a cell is known exactly, and where they lie to a
//! known precision; merging gives the cells of the whole.
//! Not for interpolation: nothing is said about places within a cell.

use std::collections::BTreeMap;

/// The most cells kept: 32 to 64 KiB.
pub(super) const CELLS_MAX: usize = 2048;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cells {
    /// How many low bits of the ordered pattern a cell ignores.
    shift: u32,
    counts: BTreeMap<u64, u64>,
    n: u64,
}

/// One occupied cell with what lies below and up to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// The smallest number in it.
    pub(super) low: f64,
    /// The largest.
    pub(super) high: f64,
    /// Observations below it.
    pub(super) below: u64,
    /// Observations below or in it.
    pub(super) through: u64,
}

impl Cells {
    pub(super) fn n(&self) -> u64 {
        self.n
    }

    /// Takes one finite value.
    pub(super) fn take(&mut self, value: f64) {
        *self.counts.entry(ordered(value) >> self.shift).or_default() += 1;
        self.n += 1;
        self.fit();
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if self.shift < other.shift {
            self.coarsen(other.shift - self.shift);
        }
        for (key, count) in &other.counts {
            let key = key >> (self.shift - other.shift);
            *self.counts.entry(key).or_default() += count;
        }
        self.n += other.n;
        self.fit();
    }

    /// The occupied cells in ascending order.
    pub(super) fn table(&self) -> Vec<Cell> {
        let mut through = 0;
        self.counts
            .iter()
            .map(|(key, count)| {
                let below = through;
                through += count;
                let first = key << self.shift;
                let last = first | ((1u64 << self.shift) - 1);
                Cell {
                    low: from_ordered(first),
                    high: from_ordered(last),
                    below,
                    through,
                }
            })
            .collect()
    }

    /// Halves the resolution until a quarter of the room is free, so that it seldom recurs.
    fn fit(&mut self) {
        if self.counts.len() <= CELLS_MAX {
            return;
        }
        while self.counts.len() > CELLS_MAX / 4 * 3 {
            self.coarsen(1);
        }
    }

    fn coarsen(&mut self, by: u32) {
        self.shift += by;
        let mut coarse: BTreeMap<u64, u64> = BTreeMap::new();
        for (key, count) in &self.counts {
            *coarse.entry(key >> by).or_default() += count;
        }
        self.counts = coarse;
    }
}

const SIGN: u64 = 1 << 63;

/// A pattern that is ordered as the numbers are; both zeros are one.
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The number of a pattern; those beyond the finite ones are clamped.
fn from_ordered(pattern: u64) -> f64 {
    let bits = if pattern & SIGN == 0 {
        !pattern
    } else {
        pattern & !SIGN
    };
    let value = f64::from_bits(bits);
    if value.is_finite() {
        value
    } else if pattern & SIGN == 0 {
        f64::MIN
    } else {
        f64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn few_values_are_exact() {
        let mut cells = Cells::default();
        for value in [3.0, -1.0, 3.0, 0.0, -0.0, 1e308, -1e308, 5e-324] {
            cells.take(value);
        }
        let table: Vec<(f64, f64, u64)> = cells
            .table()
            .iter()
            .map(|c| (c.low, c.high, c.through))
            .collect();
        let want = [
            (-1e308, 1),
            (-1.0, 2),
            (0.0, 4),
            (5e-324, 5),
            (3.0, 7),
            (1e308, 8),
        ];
        assert_eq!(table, want.map(|(value, count)| (value, value, count)));
    }

    #[test]
    fn many_values_keep_counts_and_a_relative_precision() {
        let mut rng = Rng::new(1);
        let values: Vec<f64> = (0..20_000).map(|_| rng.standard_normal().exp()).collect();
        let (mut whole, mut parts) = (Cells::default(), [Cells::default(), Cells::default()]);
        for (i, value) in values.iter().enumerate() {
            whole.take(*value);
            parts[i % 2].take(*value);
        }
        let table = whole.table();
        assert!(table.len() <= CELLS_MAX && table.len() > 200);
        for cell in table {
            assert!(cell.high - cell.low < 0.01 * cell.low);
            let through = values.iter().filter(|v| **v <= cell.high).count() as u64;
            assert_eq!(through, cell.through);
        }
        let [mut first, second] = parts;
        first.merge(&second);
        assert_eq!(first.n(), whole.n());
        for cell in first.table() {
            let below = values.iter().filter(|v| **v < cell.low).count() as u64;
            assert_eq!(below, cell.below);
        }
    }
}
