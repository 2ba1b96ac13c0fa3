//! Binary segmentation: the best single split, again and again.
//!
//! Invariant: each split lowers the cost of the stretch it cuts by more than the penalty, the
//! largest drop first; time is O(n log n) where splits are balanced. An approximation: two changes
//! that cancel can hide each other, where [`pelt`](super::pelt) finds both.
//! Source: Scott & Knott, "A cluster analysis method for grouping means in the analysis of
//! variance", Biometrics 30 (1974); Vostrikova (1981).

use super::cost::Cost;
use super::pelt::checked_length;
use crate::error::{Result, positive};

/// A stretch with its best split and what that gains.
#[derive(Debug, Clone, Copy)]
struct Split {
    start: usize,
    end: usize,
    index: usize,
    gain: f64,
}

/// The changes whose split lowers the cost by more than `penalty`, at most `changes_max`, in order
/// of time; segments of at least `shortest` observations.
///
/// ```
/// use tacho_stats::changepoint::{L2Cost, binary_segmentation};
///
/// let x = [1.0, 1.1, 0.9, 1.0, 5.0, 5.1, 4.9, 5.0];
/// assert_eq!(binary_segmentation(&L2Cost::new(&x)?, 1.0, 2, usize::MAX)?, [4]);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn binary_segmentation(
    cost: &impl Cost,
    penalty: f64,
    shortest: usize,
    changes_max: usize,
) -> Result<Vec<usize>> {
    positive("penalty", penalty)?;
    let shortest = checked_length(cost, shortest)?;
    let mut open: Vec<Split> = best_split(cost, 0, cost.len(), shortest)
        .into_iter()
        .collect();
    let mut changes = Vec::new();
    while changes.len() < changes_max {
        let best = open
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.gain.total_cmp(&b.1.gain));
        let Some((place, split)) = best.map(|(i, s)| (i, *s)) else {
            break;
        };
        if split.gain <= penalty {
            break;
        }
        open.swap_remove(place);
        changes.push(split.index);
        open.extend(best_split(cost, split.start, split.index, shortest));
        open.extend(best_split(cost, split.index, split.end, shortest));
    }
    changes.sort_unstable();
    Ok(changes)
}

fn best_split(cost: &impl Cost, start: usize, end: usize, shortest: usize) -> Option<Split> {
    if end - start < 2 * shortest {
        return None;
    }
    let whole = cost.cost(start, end);
    let splits = (start + shortest..=end - shortest).map(|index| Split {
        start,
        end,
        index,
        gain: whole - cost.cost(start, index) - cost.cost(index, end),
    });
    splits.max_by(|a, b| a.gain.total_cmp(&b.gain))
}
