//! A seasonal profile that is learnt from a stream.
//!
//! Invariant: at most [`BUCKETS_MAX`] numbers are kept for any period; a phase between two buckets
//! is interpolated. Each bucket is the mean of all that fell into it, so its error falls for ever.
//! Not for a season whose shape changes: learn anew when it has.

/// Finest division of a period: every five minutes of a day.
const BUCKETS_MAX: usize = 288;

/// The mean deviation at each phase of one period.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Season {
    period: usize,
    phase: usize,
    profile: Vec<f64>,
    weights: Vec<f64>,
}

impl Season {
    /// Learns from `x` and takes the profile out of it; the next value follows on `x`.
    pub(super) fn train(x: &mut [f64], period: usize) -> Self {
        let buckets = period.min(BUCKETS_MAX);
        let mut season = Self {
            period,
            phase: 0,
            profile: vec![0.0; buckets],
            weights: vec![0.0; buckets],
        };
        for value in x.iter() {
            for (bucket, share) in season.shares() {
                season.profile[bucket] += share * value;
                season.weights[bucket] += share;
            }
            season.step();
        }
        for (mean, weight) in season.profile.iter_mut().zip(&season.weights) {
            *mean /= weight;
        }
        season.phase = 0;
        for value in x.iter_mut() {
            *value -= season.predict();
            season.step();
        }
        season
    }

    /// The deviation expected at the present phase.
    pub(super) fn predict(&self) -> f64 {
        let shares = self.shares().into_iter();
        shares
            .map(|(bucket, share)| share * self.profile[bucket])
            .sum()
    }

    /// Learns what is left of the present value, and goes to the next phase.
    pub(super) fn learn(&mut self, residual: f64) {
        for (bucket, share) in self.shares() {
            self.weights[bucket] += share;
            self.profile[bucket] += share * residual / self.weights[bucket];
        }
        self.step();
    }

    /// Goes to the next phase.
    pub(super) fn step(&mut self) {
        self.phase = (self.phase + 1) % self.period;
    }

    /// How many values each bucket of the profile is the mean of.
    pub(super) fn cycles(&self) -> f64 {
        self.weights.iter().sum::<f64>() / self.weights.len() as f64
    }

    /// The two buckets around the present phase, and the share of each.
    fn shares(&self) -> [(usize, f64); 2] {
        let buckets = self.profile.len();
        let position = self.phase as f64 * (buckets as f64 / self.period as f64);
        let below = (position as usize).min(buckets - 1);
        let share = position - below as f64;
        [(below, 1.0 - share), ((below + 1) % buckets, share)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(i: usize, period: usize) -> f64 {
        (std::f64::consts::TAU * (i % period) as f64 / period as f64).sin()
    }

    #[test]
    fn seasons_short_and_long_are_removed() {
        for (period, slack) in [(24, 1e-12), (1_000, 1e-3)] {
            let mut x: Vec<f64> = (0..3 * period).map(|i| wave(i, period)).collect();
            let mut season = Season::train(&mut x, period);
            assert!(x.iter().all(|v| v.abs() < slack));
            for i in 3 * period..5 * period {
                let residual = wave(i, period) - season.predict();
                assert!(residual.abs() < slack, "{residual}");
                season.learn(residual);
            }
        }
    }
}
