//! Order statistics of a large sample in one pass over it, without a copy.
//!
//! A sorted random sample tells, for each rank wanted, a bracket of values that almost surely holds
//! it. One pass counts what lies below each bracket and collects what lies inside; the rank is then
//! selected among the collected few. Where a bracket missed (a chance of about 1e-9, or a hostile
//! order of values that all look alike), the caller falls back to selecting in a copy: the answer
//! is always exact, only the time is random, and the seed is fixed.
//!
//! Source: Floyd & Rivest, "Expected time bounds for selection", Communications of the ACM 18
//! (1975), for sampling; here for many ranks at once and one branch-free pass over blocks.

use crate::error::{Result, StatsError};
use crate::rng::Rng;

/// Below this, selecting in a copy is as fast.
pub(super) const LARGE: usize = 100_000;
/// Beyond this many ranks the pass costs more than it saves.
pub(super) const RANKS_MAX: usize = 64;
/// Elements that are looked at together; they stay in the first-level cache.
const BLOCK: usize = 1024;
/// Half a bracket, in standard deviations of the sample's ranks.
const REACH: f64 = 6.0;

/// Values `low..=high` that should hold some of the ranks.
struct Bracket {
    low: f64,
    high: f64,
    /// Values below `low`.
    below: usize,
    inside: Vec<f64>,
}

/// The order statistics `ranks` (ascending, distinct, zero-based) of `x`; none where a bracket
/// missed. Refuses NaN and infinities, which the same pass finds.
pub(super) fn order_statistics(x: &[f64], ranks: &[usize]) -> Result<Option<Vec<f64>>> {
    let mut brackets = brackets(x, ranks);
    let mut inside = 0;
    for block in x.chunks(BLOCK) {
        if !all_finite(block) {
            let index = x.iter().position(|v| !v.is_finite()).unwrap_or_default();
            return Err(StatsError::NotFinite { index });
        }
        inside += take(&mut brackets, block);
        // Values that all look alike would be collected whole.
        if inside > x.len() / 2 {
            return match x.iter().position(|v| !v.is_finite()) {
                Some(index) => Err(StatsError::NotFinite { index }),
                None => Ok(None),
            };
        }
    }
    let mut found = Vec::with_capacity(ranks.len());
    for bracket in &mut brackets {
        let end = bracket.below + bracket.inside.len();
        let mine: Vec<usize> = ranks[found.len()..]
            .iter()
            .take_while(|rank| **rank < end)
            .map(|rank| rank.wrapping_sub(bracket.below))
            .collect();
        if mine.iter().any(|rank| *rank >= bracket.inside.len()) {
            return Ok(None);
        }
        super::select(&mut bracket.inside, &mine, 0);
        found.extend(mine.iter().map(|rank| bracket.inside[*rank]));
    }
    Ok((found.len() == ranks.len()).then_some(found))
}

/// Counts and collects one block; returns how many values were collected.
fn take(brackets: &mut [Bracket], block: &[f64]) -> usize {
    // How many ends of brackets lie at or below each value: odd inside a bracket, even between two.
    let mut passed = [0u64; BLOCK];
    for bracket in brackets.iter_mut() {
        let (low, high) = (bracket.low, bracket.high);
        let mut reached = 0;
        for (passed, v) in passed.iter_mut().zip(block) {
            let entered = u64::from(*v >= low);
            reached += entered;
            *passed += entered + u64::from(*v > high);
        }
        bracket.below += block.len() - reached as usize;
    }
    // Written whether inside or not, so that no branch has to be foreseen.
    let mut places = [0u16; BLOCK + 1];
    let mut found = 0;
    for (place, passed) in passed.iter().enumerate().take(block.len()) {
        places[found] = place as u16;
        found += (passed & 1) as usize;
    }
    for place in &places[..found] {
        let place = usize::from(*place);
        brackets[passed[place] as usize / 2]
            .inside
            .push(block[place]);
    }
    found
}

fn all_finite(block: &[f64]) -> bool {
    // Counted rather than searched, so that the loop has no branch.
    let finite: u64 = block.iter().map(|v| u64::from(v.is_finite())).sum();
    finite as usize == block.len()
}

/// Brackets in ascending order, not overlapping.
fn brackets(x: &[f64], ranks: &[usize]) -> Vec<Bracket> {
    let size = (x.len() as f64).powf(2.0 / 3.0) as usize;
    let mut rng = Rng::new(0x5e1e_c7ed);
    let mut sample: Vec<f64> = (0..size).map(|_| x[rng.below(x.len())]).collect();
    sample.sort_unstable_by(f64::total_cmp);
    let scale = size as f64 / x.len() as f64;
    let mut brackets: Vec<Bracket> = Vec::with_capacity(ranks.len());
    for rank in ranks {
        let middle = *rank as f64 * scale;
        let spread = (middle * (1.0 - middle / size as f64)).max(1.0).sqrt();
        let reach = REACH * spread + REACH;
        let end = |at: f64, outside: f64| {
            let inside = (0.0..size as f64).contains(&at);
            let value = sample.get(at as usize).copied().unwrap_or(outside);
            if inside { value } else { outside }
        };
        let low = end((middle - reach).floor(), f64::NEG_INFINITY);
        let high = end((middle + reach).ceil(), f64::INFINITY);
        match brackets.last_mut() {
            Some(last) if low <= last.high => last.high = last.high.max(high),
            _ => brackets.push(Bracket {
                low,
                high,
                below: 0,
                inside: Vec::new(),
            }),
        }
    }
    brackets
}
