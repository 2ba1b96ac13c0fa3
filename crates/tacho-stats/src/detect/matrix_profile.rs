//! Matrix profile: for every stretch of a series, how far its most similar other stretch is.
//!
//! Invariant: distances are Euclidean between stretches of mean zero and variance one, so neither
//! level nor amplitude matters, only shape; each is computed anew from the two stretches it names,
//! exact to rounding, and the same whatever the series' offset and unit. Memory is linear in the
//! series, time quadratic. A stretch is never compared with those that start within
//! [`exclusion_zone`] of it. Two constant stretches are alike (distance 0); a constant one and one
//! with a shape are as far apart as unrelated shapes (√window).
//! The stretch farthest from all others is the discord; the two nearest are the motif.
//! Not for changes of level or amplitude, which this cannot see; and a stretch that is flat but for
//! noise has the noise's shape, which resembles nothing. For streams use
//! [`LeftMatrixProfile`](super::LeftMatrixProfile).
//! Sources: Yeh et al., "Matrix profile I", ICDM (2016); Zimmerman et al., "Matrix profile XIV:
//! scaling time series motif discovery with GPUs", `SoCC` (2019), for the mean-centred recurrence;
//! Keogh, Lin & Fu, "HOT SAX", ICDM (2005), for discords.

use crate::error::{Result, StatsError, observations};

mod diagonals;
mod windows;

pub(super) use windows::{Shape, covariance, distance_of, step};

use windows::{Windows, distance};

/// The shortest stretch that has a shape.
pub const WINDOW_MIN: usize = 3;

/// The distance from every stretch of a series to its nearest neighbour.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixProfile {
    /// Length of a stretch, in observations.
    pub window: usize,
    /// For the stretch that starts at each index, the distance to its nearest neighbour, between 0
    /// and 2√window.
    pub distances: Vec<f64>,
    /// Where that neighbour starts.
    pub neighbours: Vec<usize>,
}

/// Two stretches: one, and its nearest neighbour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Where the stretch starts.
    pub start: usize,
    /// Where its nearest neighbour starts.
    pub neighbour: usize,
    /// How far apart their shapes are.
    pub distance: f64,
}

/// Starts at most this far apart are not compared: such stretches overlap so much that they are
/// alike by construction.
pub fn exclusion_zone(window: usize) -> usize {
    window.div_ceil(4)
}

/// The matrix profile of `series` for stretches of `window` observations (at least
/// [`WINDOW_MIN`]). The series must hold a stretch outside the [`exclusion_zone`] of each.
///
/// ```
/// use tacho_stats::detect::matrix_profile;
///
/// let mut series: Vec<f64> = (0..400).map(|i| (f64::from(i) * 0.2).sin()).collect();
/// for value in &mut series[200..220] {
///     *value *= -0.5;
/// }
/// let profile = matrix_profile(&series, 30)?;
/// let discord = profile.discords(1)[0];
/// assert!((171..220).contains(&discord.start));
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn matrix_profile(series: &[f64], window: usize) -> Result<MatrixProfile> {
    if window < WINDOW_MIN {
        return Err(StatsError::Invalid {
            name: "window",
            why: "a stretch has at least three observations",
        });
    }
    // The stretch in the middle is the last to find a neighbour outside its zone.
    let need = window.saturating_add(2 * exclusion_zone(window) + 1);
    observations(series, need)?;
    let windows = Windows::new(series, window);
    let mut best = diagonals::best_correlations(&windows, exclusion_zone(window) + 1);
    settle_constants(&windows, &mut best);
    let distances = best
        .neighbours
        .iter()
        .enumerate()
        .map(|(start, neighbour)| distance(&windows, start, *neighbour as usize))
        .collect();
    Ok(MatrixProfile {
        window,
        distances,
        neighbours: best.neighbours.iter().map(|n| *n as usize).collect(),
    })
}

impl MatrixProfile {
    /// The `count` stretches farthest from all others, the farthest first; none overlaps another.
    pub fn discords(&self, count: usize) -> Vec<Match> {
        self.pick(
            count,
            |a, b| b.total_cmp(a),
            |taken, found| taken.start.abs_diff(found.start) < self.window,
        )
    }

    /// The `count` pairs of stretches that resemble each other most, the nearest first; no stretch
    /// of a pair overlaps one of an earlier pair.
    pub fn motifs(&self, count: usize) -> Vec<Match> {
        self.pick(count, f64::total_cmp, |taken, found| {
            [taken.start, taken.neighbour].iter().any(|t| {
                [found.start, found.neighbour]
                    .iter()
                    .any(|f| t.abs_diff(*f) < self.window)
            })
        })
    }

    /// Stretches in order of distance, without those that clash with one taken before.
    fn pick(
        &self,
        count: usize,
        order: impl Fn(&f64, &f64) -> std::cmp::Ordering,
        clash: impl Fn(&Match, &Match) -> bool,
    ) -> Vec<Match> {
        let mut starts: Vec<usize> = (0..self.distances.len()).collect();
        starts.sort_by(|a, b| order(&self.distances[*a], &self.distances[*b]));
        let mut taken: Vec<Match> = Vec::new();
        for start in starts {
            if taken.len() >= count {
                break;
            }
            let found = Match {
                start,
                neighbour: self.neighbours[start],
                distance: self.distances[start],
            };
            if !taken.iter().any(|t| clash(t, &found)) {
                taken.push(found);
            }
        }
        taken
    }
}

/// Gives constant stretches, whose correlation is 0/0, the neighbours that the convention asks for:
/// as if two of them correlated fully, and one with any shape by one half.
fn settle_constants(windows: &Windows, best: &mut diagonals::Best) {
    let zone = exclusion_zone(windows.window);
    let constants: Vec<usize> = (0..windows.len())
        .filter(|i| windows.is_constant(*i))
        .collect();
    let (Some(&first), Some(&last)) = (constants.first(), constants.last()) else {
        return;
    };
    for start in 0..windows.len() {
        let constant = [first, last]
            .into_iter()
            .find(|other| start.abs_diff(*other) > zone);
        match constant {
            Some(other) if windows.is_constant(start) || best.correlations[start] < 0.5 => {
                best.neighbours[start] = other as u32;
            }
            // All constants lie within the zone, so whatever does not is a shape.
            None if windows.is_constant(start) => {
                let other = if start > zone { 0 } else { windows.len() - 1 };
                best.neighbours[start] = other as u32;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
