//! When a limit is crossed: the first passage of simulated paths.
//!
//! Invariant: an expected time is only given where a trend leads to the limit that noise would not
//! show as well; without one the answer says so, and what probability remains is fluctuation (or
//! season). Not read off pointwise intervals, which know nothing of a path's earlier steps.
//! Source: first passage by simulation, Hyndman et al. (2008), 6.1; a trend counts where at least
//! [`TREND_LEVEL`] of the posterior lead to the limit.

use super::paths::Paths;
use crate::error::{self, Result, StatsError};

/// The probability of heading for the limit from which a trend is not taken for noise.
const TREND_LEVEL: f64 = 0.975;

/// From which side a limit is crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From below.
    Up,
    /// From above.
    Down,
}

/// When a limit is crossed, in steps after the last observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// The last observation is at the limit or beyond.
    Already,
    /// A trend leads there, more likely than not within the horizon.
    Expected {
        /// As likely before as after.
        median: usize,
        /// Lower end of the interval.
        earliest: usize,
        /// Upper end; none where it lies beyond the horizon.
        latest: Option<usize>,
    },
    /// A trend leads there, but more likely than not it takes longer than the horizon.
    Later {
        /// Lower end of the interval; none where even that lies beyond the horizon.
        earliest: Option<usize>,
    },
    /// No trend leads there that noise would not show as well.
    NoTrend,
}

/// The answer to "when is the limit crossed?".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// When.
    pub outlook: Outlook,
    /// Probability of crossing within the horizon, by trend, season or fluctuation.
    pub probability: f64,
    /// Probability that the trend leads towards the limit.
    pub heading: f64,
    /// The horizon, in steps.
    pub horizon: usize,
    /// Level of the interval.
    pub level: f64,
}

pub(super) fn crossing(
    paths: &Paths,
    last: f64,
    limit: f64,
    direction: Direction,
    level: f64,
) -> Result<Crossing> {
    error::level(level)?;
    if !limit.is_finite() {
        return Err(StatsError::Invalid {
            name: "limit",
            why: "it must be finite",
        });
    }
    let beyond = |value: f64| match direction {
        Direction::Up => value >= limit,
        Direction::Down => value <= limit,
    };
    let toward = |drift: f64| match direction {
        Direction::Up => drift > 0.0,
        Direction::Down => drift < 0.0,
    };
    let horizon = paths.values.len() / paths.count;
    let first = first_passages(paths, beyond);
    let crossed = first.iter().filter(|step| step.is_some()).count();
    let heads = paths.drifts.iter().filter(|drift| toward(**drift)).count();
    let heading = with_line(heads as f64 / paths.drifts.len() as f64, paths, direction);
    let tail = 0.5 * (1.0 - level);
    let [earliest, median, latest] = [tail, 0.5, 1.0 - tail].map(|p| at(&first, p));
    let outlook = match median {
        _ if beyond(last) => Outlook::Already,
        _ if heading < TREND_LEVEL => Outlook::NoTrend,
        Some(median) => Outlook::Expected {
            median,
            earliest: earliest.unwrap_or(median),
            latest,
        },
        None => Outlook::Later { earliest },
    };
    Ok(Crossing {
        outlook,
        probability: if beyond(last) {
            1.0
        } else {
            crossed as f64 / paths.count as f64
        },
        heading,
        horizon,
        level,
    })
}

/// What a line through the whole series adds to the models' view of the trend. Models that may bend
/// at any time are slow to be sure of one; the line is heard where they do not contradict it.
fn with_line(heading: f64, paths: &Paths, direction: Direction) -> f64 {
    const NO_CONTRADICTION: f64 = 0.5;
    match (paths.rising, direction) {
        (Some(rising), Direction::Up) if heading >= NO_CONTRADICTION => heading.max(rising),
        (Some(rising), Direction::Down) if heading >= NO_CONTRADICTION => heading.max(1.0 - rising),
        _ => heading,
    }
}

/// Each path's first step beyond the limit, soonest first, those that never get there last.
fn first_passages(paths: &Paths, beyond: impl Fn(f64) -> bool) -> Vec<Option<usize>> {
    let mut first = vec![None; paths.count];
    for (step, values) in paths.values.chunks_exact(paths.count).enumerate() {
        for (slot, value) in first.iter_mut().zip(values) {
            if slot.is_none() && beyond(*value) {
                *slot = Some(step + 1);
            }
        }
    }
    first.sort_unstable_by_key(|step| step.unwrap_or(usize::MAX));
    first
}

/// The step by which the part `p` of all paths has crossed.
fn at(sorted: &[Option<usize>], p: f64) -> Option<usize> {
    let rank = (p * (sorted.len() + 1) as f64).floor().max(1.0) as usize;
    sorted[rank.min(sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four straight paths of three steps, up by 1, 2, 3 and −1 a step.
    fn fan(drifts: &[f64]) -> Paths {
        let values = (1..=3).flat_map(|t| [1.0, 2.0, 3.0, -1.0].map(|slope| slope * f64::from(t)));
        Paths {
            values: values.collect(),
            count: 4,
            drifts: drifts.to_vec(),
            rising: None,
        }
    }

    #[test]
    fn times_are_those_of_the_paths() {
        let up = crossing(&fan(&[1.0]), 0.0, 3.0, Direction::Up, 0.2).unwrap();
        // First passages: 1, 2, 3 and never.
        assert_eq!(up.probability, 0.75);
        let expected = Outlook::Expected {
            median: 2,
            earliest: 2,
            latest: Some(3),
        };
        assert_eq!(up.outlook, expected);
        let down = crossing(&fan(&[1.0]), 0.0, -2.0, Direction::Down, 0.9).unwrap();
        assert_eq!((down.outlook, down.probability), (Outlook::NoTrend, 0.25));
        let far = crossing(&fan(&[1.0]), 0.0, 8.5, Direction::Up, 0.5).unwrap();
        assert_eq!(far.outlook, Outlook::Later { earliest: Some(3) });
        let past = crossing(&fan(&[1.0]), 5.0, 4.0, Direction::Up, 0.5).unwrap();
        assert_eq!((past.outlook, past.probability), (Outlook::Already, 1.0));
    }

    #[test]
    fn a_trend_that_noise_would_show_as_well_is_no_trend() {
        let doubtful = crossing(&fan(&[1.0, 1.0, 0.0]), 0.0, 3.0, Direction::Up, 0.9).unwrap();
        assert_eq!(
            (doubtful.outlook, doubtful.probability),
            (Outlook::NoTrend, 0.75)
        );
        assert!(crossing(&fan(&[1.0]), 0.0, f64::NAN, Direction::Up, 0.9).is_err());
        assert!(crossing(&fan(&[1.0]), 0.0, 1.0, Direction::Up, 1.0).is_err());
    }
}
