//! Left matrix profile: how far the newest stretch of a stream is from its most similar past one.
//!
//! Invariant: memory and time a value are linear in the length of the history kept, whatever the
//! length of the stream. Each distance is what [`matrix_profile`](super::matrix_profile()) would find
//! for that stretch among the past ones that are kept: a stretch like none before it (a discord) has
//! a large one, and a pattern that returns, a season for one, has a small one. Conventions for
//! constant stretches are the same.
//! Rounding is bounded, not hoped to be small: every covariance that is carried along has an error
//! bound beside it, and is computed in full where the bound could be felt.
//! Not for values beyond ±1e140, which are refused: their squares leave the range of a double.
//! Sources: Yeh et al. (2016), section III.F, for the incremental profile; Lu et al., "Matrix profile
//! XXIV: scaling time series anomaly detection to trillions of datapoints", KDD (2022), for left
//! neighbours as a detector; the recurrence as in [`matrix_profile`](super::matrix_profile()).

use super::matrix_profile::{Shape, WINDOW_MIN, covariance, distance_of, exclusion_zone, step};
use crate::error::{Result, StatsError, observations};

/// Correlations are off by at most this much when neighbours are compared.
const ERROR_MAX: f64 = 1e-9;
/// Squares of window sums stay in range below this.
const VALUE_MAX: f64 = 1e140;
/// The most stretches of the past that are kept.
const HISTORY_MAX: usize = 1 << 24;

/// The most similar past stretch of the newest one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeftMatch {
    /// How far apart their shapes are, between 0 and 2√window.
    pub distance: f64,
    /// How many observations ago the similar stretch was.
    pub lag: usize,
}

/// The left matrix profile of a stream.
///
/// 1. `values` holds the newest observations, and every array of stretches has one entry for each
///    stretch in it.
/// 2. `covariances[i]` belongs to the lag `lag_max − i`, and to the newest stretch.
/// 3. Its error is at most `errors[i]`.
/// 4. The inverse norm of a stretch that reaches over a gap is NaN, so that no comparison picks it.
#[derive(Debug, Clone)]
pub struct LeftMatrixProfile {
    window: usize,
    lag_max: usize,
    values: Vec<f64>,
    shapes: Vec<Shape>,
    inverse_norms: Vec<f64>,
    df: Vec<f64>,
    dg: Vec<f64>,
    covariances: Vec<f64>,
    errors: Vec<f64>,
    /// Values since one was missing; as many as there can be before the first gap.
    since_gap: usize,
}

impl LeftMatrixProfile {
    /// For stretches of `window` observations (three or more), compared with those that began up to
    /// `history` observations ago; that must be more than the exclusion zone of the window, and at
    /// most 2²⁴. Memory: about 130 bytes a unit of `history`.
    pub fn new(window: usize, history: usize) -> Result<Self> {
        if !(WINDOW_MIN..=HISTORY_MAX).contains(&window) {
            return Err(StatsError::Invalid {
                name: "window",
                why: "a stretch has from three to 2^24 observations",
            });
        }
        if !(exclusion_zone(window) + 1..=HISTORY_MAX).contains(&history) {
            return Err(StatsError::Invalid {
                name: "history",
                why: "it must reach beyond the exclusion zone, and at most 2^24 observations back",
            });
        }
        let lags = history - exclusion_zone(window);
        Ok(Self {
            window,
            lag_max: history,
            values: Vec::new(),
            shapes: Vec::new(),
            inverse_norms: Vec::new(),
            df: Vec::new(),
            dg: Vec::new(),
            covariances: vec![0.0; lags],
            errors: vec![0.0; lags],
            since_gap: usize::MAX,
        })
    }

    /// Takes the next value; none until the newest stretch has a past one to be compared with.
    ///
    /// A value that is refused changes nothing.
    ///
    /// ```
    /// use tacho_stats::detect::LeftMatrixProfile;
    ///
    /// let mut profile = LeftMatrixProfile::new(24, 200)?;
    /// let mut usual = 0.0f64;
    /// for i in 0..400 {
    ///     let value = (f64::from(i) * 0.3).sin();
    ///     if let Some(found) = profile.update(value)? && i > 100 {
    ///         usual = usual.max(found.distance);
    ///     }
    /// }
    /// for _ in 0..12 {
    ///     profile.update(0.5)?;
    /// }
    /// let found = profile.update(0.5)?.expect("there is a past");
    /// assert!(found.distance > 5.0 * usual);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn update(&mut self, value: f64) -> Result<Option<LeftMatch>> {
        observations(&[value], 1)?;
        if value.abs() > VALUE_MAX {
            return Err(StatsError::Overflow {
                what: "the square of a value",
            });
        }
        self.since_gap = self.since_gap.saturating_add(1);
        Ok(self.take(value))
    }

    fn take(&mut self, value: f64) -> Option<LeftMatch> {
        self.forget();
        self.values.push(value);
        if self.values.len() < self.window {
            return None;
        }
        self.add_stretch();
        let newest = self.shapes.len() - 1;
        let nearest = exclusion_zone(self.window) + 1;
        if newest < nearest {
            return None;
        }
        let first = self.lag_max.saturating_sub(newest);
        let best = self.advance(newest, first);
        let at = self.settled(newest, first, best?);
        let lag = self.lag_max - at;
        Some(LeftMatch {
            distance: distance_of(self.stretch(newest), self.stretch(newest - lag)),
            lag,
        })
    }

    /// The next observation is missing: no stretch that reaches over the gap is compared with others,
    /// or has any to be compared with.
    pub fn skip(&mut self) {
        let filler = self.values.last().copied().unwrap_or(0.0);
        self.since_gap = 0;
        self.take(filler);
    }

    /// Once twice what is needed is held, the older half goes: each value moves at most once.
    fn forget(&mut self) {
        let needed = self.lag_max + self.window;
        if self.values.len() >= 2 * needed {
            let excess = self.values.len() - needed;
            self.values.drain(..excess);
            self.drop_stretches(excess);
        }
    }

    fn drop_stretches(&mut self, count: usize) {
        self.shapes.drain(..count);
        for array in [&mut self.inverse_norms, &mut self.df, &mut self.dg] {
            array.drain(..count);
        }
    }

    fn add_stretch(&mut self) {
        let start = self.values.len() - self.window;
        let shape = Shape::of(&self.values[start..]);
        let (df, dg) = match self.shapes.last() {
            Some(before) => step(
                self.values[start - 1],
                self.values[start - 1 + self.window],
                before.mean,
                shape.mean,
            ),
            None => (0.0, 0.0),
        };
        let gap = self.since_gap < self.window;
        let inverse_norm = shape.inverse_norm();
        self.inverse_norms
            .push(if gap { f64::NAN } else { inverse_norm });
        self.shapes.push(shape);
        self.df.push(df);
        self.dg.push(dg);
    }

    /// Moves the covariances from `first` on to the newest stretch; which of them belongs to the
    /// highest correlation, and that. None where every pair reaches over a gap.
    fn advance(&mut self, newest: usize, first: usize) -> Option<(usize, f64)> {
        let past = newest + first - self.lag_max;
        let mut from = first;
        if newest <= self.lag_max {
            // The oldest stretch of all had no partner before.
            self.renew(newest, first);
            from += 1;
        }
        let (df, dg) = (self.df[newest], self.dg[newest]);
        let inverse = self.inverse_norms[newest];
        let count = self.covariances.len() - from;
        let past = past + from - first..past + from - first + count;
        let theirs = self.df[past.clone()].iter().zip(&self.dg[past.clone()]);
        let carried = self.covariances[from..]
            .iter_mut()
            .zip(&mut self.errors[from..]);
        let mut worst = 0.0f64;
        let others = theirs.zip(&self.inverse_norms[past]);
        for ((covariance, error), ((their_df, their_dg), their_inverse)) in carried.zip(others) {
            let change = df * their_dg + their_df * dg;
            *covariance += change;
            *error += 2.0 * f64::EPSILON * (change.abs() + covariance.abs());
            worst = worst.max(*error * (inverse * their_inverse));
        }
        if worst > ERROR_MAX {
            for at in from..self.covariances.len() {
                let other = newest + at - self.lag_max;
                if self.errors[at] * (inverse * self.inverse_norms[other]) > ERROR_MAX {
                    self.renew(newest, at);
                }
            }
        }
        let past = newest + first - self.lag_max;
        let correlations = self.covariances[first..]
            .iter()
            .zip(&self.inverse_norms[past..]);
        let mut best = (first, f64::NEG_INFINITY);
        for (at, (covariance, theirs)) in correlations.enumerate() {
            let correlation = covariance * (inverse * theirs);
            if correlation > best.1 {
                best = (first + at, correlation);
            }
        }
        (best.1 > f64::NEG_INFINITY).then_some(best)
    }

    /// Computes a covariance in full.
    fn renew(&mut self, newest: usize, at: usize) {
        let (a, b) = (
            self.stretch(newest),
            self.stretch(newest + at - self.lag_max),
        );
        let full = covariance((a.0, a.1.mean), (b.0, b.1.mean));
        let scale = a.1.norm * b.1.norm;
        self.covariances[at] = full;
        self.errors[at] = f64::EPSILON * scale * (self.window as f64).sqrt();
    }

    /// The best past stretch once constant ones are taken by their convention.
    fn settled(&self, newest: usize, first: usize, (best, correlation): (usize, f64)) -> usize {
        let constant = self.inverse_norms[newest] == 0.0;
        if !constant && correlation >= 0.5 {
            return best;
        }
        let flat = (first..self.covariances.len())
            .rev()
            .find(|at| self.inverse_norms[newest + at - self.lag_max] == 0.0);
        flat.unwrap_or(best)
    }

    fn stretch(&self, start: usize) -> (&[f64], Shape) {
        (&self.values[start..start + self.window], self.shapes[start])
    }
}

#[cfg(test)]
mod tests {
    use super::super::matrix_profile::matrix_profile;
    use super::*;
    use crate::rng::Rng;

    /// The nearest past stretch by the definition.
    fn brute_force(x: &[f64], m: usize, history: usize) -> Vec<Option<f64>> {
        let shapes: Vec<(&[f64], Shape)> = x.windows(m).map(|w| (w, Shape::of(w))).collect();
        (0..x.len())
            .map(|i| {
                let newest = (i + 1).checked_sub(m)?;
                (exclusion_zone(m) + 1..=history.min(newest))
                    .map(|lag| distance_of(shapes[newest], shapes[newest - lag]))
                    .min_by(f64::total_cmp)
            })
            .collect()
    }

    #[track_caller]
    fn check(x: &[f64], m: usize, history: usize, tolerance: f64) {
        let mut profile = LeftMatrixProfile::new(m, history).unwrap();
        for (i, want) in brute_force(x, m, history).into_iter().enumerate() {
            let got = profile.update(x[i]).unwrap();
            match (got, want) {
                (None, None) => {}
                (Some(got), Some(want)) => {
                    let off = (got.distance - want).abs();
                    assert!(off <= tolerance, "at {i}: {got:?}, not {want}");
                }
                both => panic!("at {i}: {both:?}"),
            }
        }
    }

    fn walk(n: usize, seed: u64) -> Vec<f64> {
        let mut rng = Rng::new(seed);
        let mut level = 0.0;
        (0..n)
            .map(|_| {
                level += rng.standard_normal();
                level
            })
            .collect()
    }

    #[test]
    fn equals_brute_force() {
        for (n, m, history) in [(50, 3, 2), (300, 8, 40), (400, 20, 1000), (500, 12, 60)] {
            check(&walk(n, n as u64), m, history, 1e-5);
        }
        let mut flat = walk(400, 9);
        flat[100..140].fill(1.0);
        flat[250..270].fill(4.0);
        check(&flat, 10, 80, 1e-5);
    }

    /// After a spike the covariances hold what rounding left of it, until they are computed anew.
    #[test]
    fn a_spike_leaves_no_error_behind() {
        let mut x = walk(600, 1);
        x[200] = 1e12;
        for value in &mut x[400..450] {
            *value *= 1e-9;
        }
        check(&x, 16, 100, 1e-4);
    }

    #[test]
    fn the_batch_profile_is_no_farther() {
        let x = walk(300, 2);
        let batch = matrix_profile(&x, 15).unwrap();
        let mut profile = LeftMatrixProfile::new(15, 1000).unwrap();
        for (i, value) in x.iter().enumerate() {
            if let Some(found) = profile.update(*value).unwrap() {
                assert!(batch.distances[i - 14] <= found.distance + 1e-9);
            }
        }
    }

    #[test]
    fn hostile_input() {
        for (window, history) in [(2, 10), (usize::MAX, 10), (10, 3), (10, usize::MAX)] {
            assert!(LeftMatrixProfile::new(window, history).is_err());
        }
        let mut profile = LeftMatrixProfile::new(3, 5).unwrap();
        let values = [1e140, -1e140, 5e-324, 0.0, -0.0, 1.0, 1e-160, 2.0, 7e139];
        for i in 0..500 {
            let found = profile.update(values[i * i % 9]).unwrap();
            let distance = found.map_or(0.0, |f| f.distance);
            assert!((0.0..=2.0 * 3f64.sqrt()).contains(&distance), "{found:?}");
        }
        let before = profile.clone().update(1.0);
        assert!(profile.update(f64::NAN).is_err() && profile.update(1e141).is_err());
        assert_eq!(profile.update(1.0), before);
        profile.skip();
        assert_eq!(profile.update(1.0), Ok(None));
    }

    /// As if stretches over a gap did not exist, and those before it stay.
    #[test]
    fn stretches_over_a_gap_are_left_out() {
        let (m, history) = (6, 40);
        let mut x = walk(200, 4);
        x[60..90].fill(2.0);
        let gaps = [50, 75, 76, 120];
        let whole = |start: usize| !gaps.iter().any(|g| (start..start + m).contains(g));
        let mut profile = LeftMatrixProfile::new(m, history).unwrap();
        let mut compared = 0;
        for (i, value) in x.iter().enumerate() {
            if gaps.contains(&i) {
                profile.skip();
                continue;
            }
            let got = profile.update(*value).unwrap().map(|found| found.distance);
            let want = (i + 1)
                .checked_sub(m)
                .filter(|newest| whole(*newest))
                .and_then(|newest| {
                    let shape =
                        |start: usize| (&x[start..start + m], Shape::of(&x[start..start + m]));
                    (exclusion_zone(m) + 1..=history.min(newest))
                        .filter(|lag| whole(newest - lag))
                        .map(|lag| distance_of(shape(newest), shape(newest - lag)))
                        .min_by(f64::total_cmp)
                });
            assert_eq!(got.is_some(), want.is_some(), "at {i}");
            if let (Some(got), Some(want)) = (got, want) {
                assert!((got - want).abs() < 1e-5, "at {i}: {got}, not {want}");
                compared += 1;
            }
        }
        assert!(compared > 140, "{compared}");
    }
}
