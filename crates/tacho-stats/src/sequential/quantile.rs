//! Watches a quantile, or compares that of two arms, without any assumption on the distribution.
//!
//! Invariant: for independent observations of any distribution (ties included), the chance that a
//! true null is ever rejected is at most α at every sample size. Memory is bounded: values are
//! counted in at most 2 048 ordered cells an arm ([`cells`](super::cells)), exact until there are
//! more distinct values, and intervals are widened to the edges of cells (about 0.5 % of a value
//! where data span three decades), which keeps the guarantee.
//! Not for observations that depend on their neighbours.
//!
//! Where x is the p-quantile, the number of observations up to x has a chance of at least p each,
//! and the number below x of at most p: evidence against x is that of [`tilt`](super::tilt) on those
//! counts. Two arms are compared as two proportions are, at every pair of candidates.
//! Sources: Howard & Ramdas, "Sequential estimation of quantiles with applications to A/B testing
//! and best-arm identification", Bernoulli 28 (2022).

use super::cells::{Cell, Cells};
use super::look::{Arm, Look, Running, Verdict};
use super::tilt::{TiltMixture, cumulant, ln_blend};
use crate::error::{Result, StatsError, positive};
use crate::hypothesis::Interval;

/// As for two proportions: the part of the blend that speaks about the difference.
const DIFFERENCE_SHARE: f64 = 0.875;

/// Evidence about one arm's quantile.
#[derive(Debug, Clone, PartialEq)]
struct QuantileArm {
    cells: Cells,
    mixture: TiltMixture,
}

impl QuantileArm {
    fn take(&mut self, value: f64) -> Result<()> {
        if !value.is_finite() {
            return Err(StatsError::NotFinite {
                index: usize::try_from(self.cells.n()).unwrap_or(usize::MAX),
            });
        }
        self.cells.take(value);
        Ok(())
    }

    /// ln of the evidence against the quantile lying in a cell with these counts.
    fn ln_e(&self, p: f64, below: u64, through: u64) -> f64 {
        let n = self.cells.n() as f64;
        self.mixture.ln_e(|theta| {
            let count = if theta > 0.0 { below } else { through };
            theta * count as f64 - n * cumulant(p, theta)
        })
    }

    /// The table with the two outer places, beyond the smallest and the largest observation.
    fn candidates(&self) -> Vec<Cell> {
        let table = self.cells.table();
        let n = self.cells.n();
        let below = Cell {
            low: f64::NEG_INFINITY,
            high: table.first().map_or(f64::INFINITY, |cell| cell.low),
            below: 0,
            through: 0,
        };
        let above = Cell {
            low: table.last().map_or(f64::NEG_INFINITY, |cell| cell.high),
            high: f64::INFINITY,
            below: n,
            through: n,
        };
        let outer = [below, above];
        outer[..1]
            .iter()
            .chain(&table)
            .chain(&outer[1..])
            .copied()
            .collect()
    }

    /// The candidates that evidence about this arm alone leaves below `level`.
    fn plausible(&self, p: f64, level: f64) -> Vec<(Cell, f64)> {
        self.candidates()
            .into_iter()
            .map(|cell| (cell, self.ln_e(p, cell.below, cell.through)))
            .filter(|(_, ln_e)| *ln_e < level)
            .collect()
    }

    /// The middle of the cell in which the sample's quantile lies.
    fn estimate(&self, p: f64) -> f64 {
        let rank = p * self.cells.n() as f64;
        self.cells
            .table()
            .iter()
            .find(|cell| cell.through as f64 >= rank)
            .map_or(0.0, |cell| 0.5 * cell.low + 0.5 * cell.high)
    }
}

fn check(p: f64, expected_n: f64) -> Result<f64> {
    positive("expected_n", expected_n)?;
    if p > 0.0 && p < 1.0 {
        Ok(expected_n * p * (1.0 - p))
    } else {
        Err(StatsError::Invalid {
            name: "p",
            why: "it must lie strictly between 0 and 1",
        })
    }
}

/// One quantile under watch, against a null.
///
/// ```
/// use tacho_stats::rng::Rng;
/// use tacho_stats::sequential::{SequentialQuantile, Verdict};
/// let mut test = SequentialQuantile::new(0.9, 1.0, 500.0, 0.05)?;
/// let mut rng = Rng::new(3);
/// for _ in 0..500 {
///     test.update(-rng.uniform().ln_1p())?;
/// }
/// assert_eq!(test.look()?.verdict, Verdict::Lower);
/// assert!(test.interval().high < 1.0);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialQuantile {
    p: f64,
    null: f64,
    arm: QuantileArm,
    running: Running,
}

impl SequentialQuantile {
    /// Watches the `p`-quantile against `null`, sharpest at `expected_n` observations.
    pub fn new(p: f64, null: f64, expected_n: f64, alpha: f64) -> Result<Self> {
        let running = Running::new(alpha)?;
        if !null.is_finite() {
            return Err(StatsError::Invalid {
                name: "null",
                why: "it must be finite",
            });
        }
        let arm = QuantileArm {
            cells: Cells::default(),
            mixture: TiltMixture::tightest_at(check(p, expected_n)?, alpha)?,
        };
        Ok(Self {
            p,
            null,
            arm,
            running,
        })
    }

    /// Takes one observation; what is not finite is refused and changes nothing.
    pub fn update(&mut self, value: f64) -> Result<()> {
        self.arm.take(value)
    }

    /// Looks: the p-value falls, or stays.
    pub fn look(&mut self) -> Result<Look> {
        let n = [self.arm.cells.n(), 0];
        if n[0] == 0 {
            return Ok(self.running.look(n, 0.0));
        }
        let table = self.arm.cells.table();
        let at = table.partition_point(|cell| cell.high < self.null);
        let (below, through) = match table.get(at) {
            Some(cell) if cell.low <= self.null => (cell.below, cell.through),
            Some(cell) => (cell.below, cell.below),
            None => (n[0], n[0]),
        };
        let p = (-self.arm.ln_e(self.p, below, through)).exp().min(1.0);
        let estimate = (self.arm.estimate(self.p) - self.null).clamp(-f64::MAX, f64::MAX);
        self.running.take_p(p, estimate);
        Ok(self.running.look(n, estimate))
    }

    /// The always-valid p-value as of the last look.
    pub fn p(&self) -> f64 {
        self.running.p()
    }

    /// What the looks so far decided.
    pub fn verdict(&self) -> Verdict {
        self.running.verdict()
    }

    /// Looks at the confidence sequence of the quantile: what this interval and all those looked at
    /// before have in common. An end is infinite until the data bound it.
    pub fn interval(&mut self) -> Interval {
        let plausible = self.arm.plausible(self.p, -self.running.alpha.ln());
        if let (Some((first, _)), Some((last, _))) = (plausible.first(), plausible.last()) {
            self.running.cut(first.low, last.high);
        }
        self.running.interval()
    }

    /// Adds what another stream saw; its looks are not added.
    pub fn merge(&mut self, other: &Self) {
        self.arm.cells.merge(&other.arm.cells);
    }
}

/// The same quantile of two arms under watch, for a difference.
///
/// ```
/// use tacho_stats::rng::Rng;
/// use tacho_stats::sequential::{Arm, SequentialQuantiles, Verdict};
/// let mut test = SequentialQuantiles::new(0.5, 800.0, 0.05)?;
/// let mut rng = Rng::new(5);
/// for _ in 0..600 {
///     test.update(Arm::Control, rng.standard_normal())?;
///     test.update(Arm::Treatment, 0.5 + rng.standard_normal())?;
/// }
/// assert_eq!(test.look()?.verdict, Verdict::Higher);
/// assert!(test.interval().low > 0.0);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialQuantiles {
    p: f64,
    difference: TiltMixture,
    arms: [QuantileArm; 2],
    running: Running,
}

impl SequentialQuantiles {
    /// Watches the `p`-quantile of both arms, sharpest at `expected_n` observations of both together
    /// in arms of equal size.
    pub fn new(p: f64, expected_n: f64, alpha: f64) -> Result<Self> {
        let running = Running::new(alpha)?;
        let variance = check(p, expected_n)?;
        let arm = QuantileArm {
            cells: Cells::default(),
            mixture: TiltMixture::tightest_at(0.5 * variance, alpha)?,
        };
        Ok(Self {
            p,
            difference: TiltMixture::tightest_at(variance, alpha)?,
            arms: [arm.clone(), arm],
            running,
        })
    }

    /// Takes one observation; what is not finite is refused and changes nothing.
    pub fn update(&mut self, arm: Arm, value: f64) -> Result<()> {
        self.arms[arm as usize].take(value)
    }

    /// Looks: the p-value falls, or stays.
    pub fn look(&mut self) -> Result<Look> {
        let n = [0, 1].map(|i| self.arms[i].cells.n());
        if n.contains(&0) {
            return Ok(self.running.look(n, 0.0));
        }
        // The difference of two doubles need not be one.
        let estimate = (self.arms[1].estimate(self.p) - self.arms[0].estimate(self.p))
            .clamp(-f64::MAX, f64::MAX);
        let least = self.least_ln_e(-self.running.p().ln());
        self.running.take_p((-least).exp().min(1.0), estimate);
        Ok(self.running.look(n, estimate))
    }

    /// The always-valid p-value as of the last look.
    pub fn p(&self) -> f64 {
        self.running.p()
    }

    /// What the looks so far decided.
    pub fn verdict(&self) -> Verdict {
        self.running.verdict()
    }

    /// Looks at the confidence sequence of the difference, treatment less control: what this
    /// interval and all those looked at before have in common. An end is infinite until the data
    /// bound it. Takes milliseconds.
    pub fn interval(&mut self) -> Interval {
        let level = -self.running.alpha.ln();
        // Beyond this, evidence about the arms alone excludes a pair.
        let beyond = level - (1.0 - DIFFERENCE_SHARE).ln();
        let [control, treatment] = [0, 1].map(|i| self.arms[i].plausible(self.p, beyond));
        let inside = |a: &(Cell, f64), b: &(Cell, f64)| {
            a.1 + b.1 < beyond && self.ln_e(counts(&a.0), counts(&b.0), a.1 + b.1) < level
        };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for a in &control {
            // From the far end, as long as the pair would widen what is known to be inside.
            let mut wider = treatment
                .iter()
                .rev()
                .take_while(|b| b.0.high - a.0.low > high);
            if let Some(b) = wider.find(|b| inside(a, b)) {
                high = b.0.high - a.0.low;
            }
            let mut wider = treatment.iter().take_while(|b| b.0.low - a.0.high < low);
            if let Some(b) = wider.find(|b| inside(a, b)) {
                low = b.0.low - a.0.high;
            }
        }
        if low <= high {
            self.running.cut(low, high);
        }
        self.running.interval()
    }

    /// Adds what another stream of the same comparison saw; its looks are not added.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.arms.iter_mut().zip(&other.arms) {
            mine.cells.merge(&theirs.cells);
        }
    }

    /// The least evidence against a common quantile, over all places; not looked for any further
    /// once at `enough` or below.
    fn least_ln_e(&self, enough: f64) -> f64 {
        let tables = [0, 1].map(|i| self.arms[i].cells.table());
        let n = [0, 1].map(|i| self.arms[i].cells.n() as f64);
        let places = places(&tables[0], &tables[1]);
        let total = self.p * (n[0] + n[1]);
        let centre = places.partition_point(|[a, b]| ((a.1 + b.1) as f64) < total);
        // The blend is at least that of the arms alone, and their part of it.
        let floor = (1.0 - DIFFERENCE_SHARE).ln();
        let mut least = f64::INFINITY;
        // Outwards from the pooled quantile, until both arms' own evidence grows and suffices.
        let mut go = |range: &mut dyn Iterator<Item = &[Counts; 2]>| {
            for [a, b] in range {
                if least <= enough {
                    return;
                }
                let alone =
                    self.arms[0].ln_e(self.p, a.0, a.1) + self.arms[1].ln_e(self.p, b.0, b.1);
                if alone + floor < least {
                    least = least.min(self.ln_e(*a, *b, alone));
                } else {
                    let above = |c: &Counts, n: f64| c.0 as f64 > self.p * n;
                    let below = |c: &Counts, n: f64| (c.1 as f64) < self.p * n;
                    let past =
                        (above(a, n[0]) && above(b, n[1])) || (below(a, n[0]) && below(b, n[1]));
                    if past {
                        return;
                    }
                }
            }
        };
        go(&mut places.iter().skip(centre));
        go(&mut places.iter().take(centre).rev());
        least
    }

    /// ln of the blend against quantiles in cells with these counts (below, through).
    fn ln_e(&self, a: Counts, b: Counts, alone: f64) -> f64 {
        let [na, nb] = [0, 1].map(|i| self.arms[i].cells.n() as f64);
        let difference = self.difference.ln_e(|theta| {
            let (from_a, from_b) = if theta > 0.0 { (a.1, b.0) } else { (a.0, b.1) };
            theta * (from_b as f64 - from_a as f64)
                - na * cumulant(self.p, -theta)
                - nb * cumulant(self.p, theta)
        });
        ln_blend(difference, alone, DIFFERENCE_SHARE)
    }
}

/// Observations below a place, and up to it.
type Counts = (u64, u64);

fn counts(cell: &Cell) -> Counts {
    (cell.below, cell.through)
}

/// Every place where a common quantile may lie, as counts in both arms, in ascending order.
///
/// A place between cells of one arm needs no mention where it lies within a cell of the other that
/// also meets a neighbour, for there the evidence is less; where it meets none, it is mentioned.
fn places(a: &[Cell], b: &[Cell]) -> Vec<[Counts; 2]> {
    let (mut i, mut j) = (0, 0);
    let through = |table: &[Cell], i: usize| if i == 0 { 0 } else { table[i - 1].through };
    let mut places = Vec::with_capacity(a.len() + b.len());
    // Whether the cell at hand has met one of the other arm.
    let (mut met_a, mut met_b) = (false, false);
    while i < a.len() || j < b.len() {
        let (one, two) = (a.get(i), b.get(j));
        if let (Some(x), Some(y)) = (one, two)
            && x.low <= y.high
            && y.low <= x.high
        {
            places.push([counts(x), counts(y)]);
            (met_a, met_b) = (true, true);
        }
        let first_ends = match (one, two) {
            (Some(x), Some(y)) => x.high <= y.high,
            (one, _) => one.is_some(),
        };
        if first_ends {
            if !met_a {
                places.push([counts(&a[i]), (through(b, j), through(b, j))]);
            }
            i += 1;
            met_a = false;
        } else {
            if !met_b {
                places.push([(through(a, i), through(a, i)), counts(&b[j])]);
            }
            j += 1;
            met_b = false;
        }
    }
    places
}

#[cfg(test)]
mod tests;
