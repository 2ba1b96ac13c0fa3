//! GLR: the likelihood ratio of a shift of any size at any time, without a size to choose.
//!
//! Invariants: the statistic is the exact maximum of |S(n) − S(m)| / √(n − m) over all earlier m
//! that could still win; the candidates kept are the corners of a convex hull, about ln n of them,
//! and at most [`CANDIDATES_MAX`] a side (then the oldest is dropped, that is, shifts that are
//! smallest and oldest).
//! Not for raw observations: they are made standard normal by a [`Baseline`](super::Baseline).
//! Sources: Romano, Eckley, Fearnhead & Rigaill, "Fast online changepoint detection via functional
//! pruning CUSUM statistics", JMLR 24 (2023); Siegmund & Venkatraman, "Using the generalized
//! likelihood ratio statistic for sequential detection of a change-point", Annals of Statistics 23
//! (1995), for the run length.

use super::cusum::STANDARDISED_MAX;
use super::detector::{Detector, Direction, RunLength, Score, finite};
use crate::distribution::Normal;
use crate::error::Result;
use crate::special::falling_root;

const CANDIDATES_MAX: usize = 48;
/// Simulated run lengths over approximate ones: 1.03 to 1.06 from 100 to 100 000 observations.
const MEASURED: f64 = 1.04;
/// Times and sums are counted anew from the oldest candidate once they have grown this far.
const REBASE_AFTER: f64 = 65_536.0;

/// The likelihood ratio of a shift in the mean of standardised values, two-sided.
#[derive(Debug, Clone, PartialEq)]
pub struct Glr {
    threshold: f64,
    up: Side,
    down: Side,
}

impl Glr {
    /// A detector of shifts of any size.
    ///
    /// ```
    /// use tacho_stats::detect::{Glr, RunLength, scores};
    ///
    /// let mut glr = Glr::new(RunLength::new(10_000.0)?)?;
    /// let series = [0.3, -0.2, 6.0];
    /// assert!(scores(&mut glr, &series)?[2].alarms());
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn new(run_length: RunLength) -> Result<Self> {
        Ok(Self {
            threshold: threshold(run_length.observations())?,
            up: Side::default(),
            down: Side::default(),
        })
    }

    /// The value of the statistic that alarms, in standard deviations.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }
}

impl Detector for Glr {
    fn update(&mut self, value: f64) -> Result<Score> {
        let z = finite(value)?.clamp(-STANDARDISED_MAX, STANDARDISED_MAX);
        let (up, down) = (self.up.add(z), self.down.add(-z));
        let (statistic, direction) = if up > down {
            (up, Some(Direction::Up))
        } else if down > 0.0 {
            (down, Some(Direction::Down))
        } else {
            (0.0, None)
        };
        let score = Score::new(statistic, self.threshold, direction);
        if score.alarms() {
            self.reset();
        }
        Ok(score)
    }

    fn reset(&mut self) {
        (self.up, self.down) = (Side::default(), Side::default());
    }
}

/// Shifts upwards: corners of the lower convex hull of the random walk, with rising slopes above 0.
#[derive(Debug, Clone, PartialEq, Default)]
struct Side {
    time: f64,
    sum: f64,
    candidates: Vec<Corner>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Corner {
    time: f64,
    sum: f64,
}

impl Side {
    /// Takes a value and returns the largest statistic.
    fn add(&mut self, z: f64) -> f64 {
        self.push(Corner {
            time: self.time,
            sum: self.sum,
        });
        self.time += 1.0;
        self.sum += z;
        let ratio = |c: &Corner| (self.sum - c.sum) / (self.time - c.time).sqrt();
        let best = self.candidates.iter().map(ratio).fold(0.0, f64::max);
        self.rebase();
        best
    }

    /// An older corner wins only for shifts below twice the slope from it to the next one.
    fn push(&mut self, new: Corner) {
        let slope = |from: &Corner, to: &Corner| (to.sum - from.sum) / (to.time - from.time);
        while let Some(last) = self.candidates.last() {
            let reached = match self.candidates.len() {
                0 | 1 => 0.0,
                n => slope(&self.candidates[n - 2], last),
            };
            if slope(last, &new) > reached {
                break;
            }
            self.candidates.pop();
        }
        if self.candidates.len() == CANDIDATES_MAX {
            self.candidates.remove(0);
        }
        self.candidates.push(new);
    }

    fn rebase(&mut self) {
        let Some(first) = self.candidates.first().copied() else {
            return;
        };
        if first.time > REBASE_AFTER || first.sum.abs() > REBASE_AFTER {
            self.time -= first.time;
            self.sum -= first.sum;
            for corner in &mut self.candidates {
                corner.time -= first.time;
                corner.sum -= first.sum;
            }
        }
    }
}

/// The threshold of an average run length.
fn threshold(arl: f64) -> Result<f64> {
    let rate = |b: f64| 1.0 / (MEASURED * approximate_run_length(1.0 + b));
    let start = Normal::STANDARD.inverse_sf(0.5 / arl)?;
    Ok(1.0 + falling_root(rate, 1.0 / arl, start).unwrap_or(start))
}

/// Siegmund & Venkatraman's run length of the two-sided statistic at threshold `b`.
fn approximate_run_length(b: f64) -> f64 {
    const STEPS: u32 = 400;
    let sqrt_two_pi = (2.0 * std::f64::consts::PI).sqrt();
    // Shifts at lags of one and more only: the integral ends at b. Simpson's rule.
    let step = b / f64::from(STEPS);
    let integral: f64 = (1..=STEPS)
        .map(|i| {
            let x = step * f64::from(i);
            let weight = match i {
                STEPS => 1.0,
                odd if odd % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * x * overshoot(x).powi(2)
        })
        .sum::<f64>()
        * step
        / 3.0;
    sqrt_two_pi * (0.5 * b * b).exp() / (b * integral)
}

/// ν: what the excess over a boundary leaves of a probability (Siegmund & Yakir 2007, p. 112).
fn overshoot(x: f64) -> f64 {
    let half = 0.5 * x;
    let normal = Normal::STANDARD;
    (normal.cdf(half) - 0.5) / half / (half * normal.cdf(half) + normal.pdf(half))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn run_length_is_the_one_asked_for() {
        let mut rng = Rng::new(24);
        let mut glr = Glr::new(RunLength::new(200.0).unwrap()).unwrap();
        let alarms = (0..300_000)
            .filter(|_| glr.update(rng.standard_normal()).unwrap().alarms())
            .count();
        // 1 500 expected, with a standard error of 39.
        assert!((1_350..1_650).contains(&alarms), "{alarms}");
    }

    #[test]
    fn pruning_loses_nothing() {
        let mut rng = Rng::new(23);
        let mut glr = Glr::new(RunLength::new(1e9).unwrap()).unwrap();
        let mut sums = vec![0.0];
        for i in 0..600 {
            let shift = if i > 400 { -0.2 } else { 0.0 };
            let z = rng.standard_normal() + shift;
            sums.push(sums.last().unwrap() + z);
            let got = glr.update(z).unwrap().statistic;
            let n = sums.len() - 1;
            let brute = (0..n)
                .map(|m| (sums[n] - sums[m]).abs() / ((n - m) as f64).sqrt())
                .fold(0.0, f64::max);
            assert!((got - brute).abs() < 1e-9, "{got} {brute}");
        }
        assert!(glr.up.candidates.len() + glr.down.candidates.len() < 40);
    }
}
