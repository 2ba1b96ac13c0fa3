//! Dice: how long things take, what is chosen, and what goes wrong, all from one seed.
//!
//! Latencies of services are skewed to the right: most are near the middle, a few far above. The
//! log-normal distribution is the usual model of that; gaps between visitors who do not know of each
//! other are exponential.

use std::time::Duration;

use tacho_stats::rng::Rng;

/// A cast of the dice.
#[derive(Debug)]
pub(crate) struct Draw(Rng);

impl Draw {
    /// The dice of one actor: other numbers for each, the same in each run.
    pub(crate) fn new(seed: u64, actor: u64) -> Self {
        Self(Rng::new(seed ^ actor.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// A latency: log-normal with this median, `spread` the deviation of its logarithm. At 0.5, one
    /// in a hundred takes more than three times the median.
    pub(crate) fn latency(&mut self, median: Duration, spread: f64) -> Duration {
        let factor = (spread * self.0.standard_normal()).exp();
        median.mul_f64(factor.clamp(0.05, 20.0))
    }

    /// The time to the next of events that happen `rate` times a second, each by itself.
    pub(crate) fn gap(&mut self, rate: f64) -> Duration {
        let seconds = -(1.0 - self.0.uniform()).ln() / rate;
        Duration::from_secs_f64(seconds.clamp(0.0, 3600.0))
    }

    /// Yes, this often.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.0.uniform() < probability
    }

    /// A number from a range, both ends included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.below((high - low + 1) as usize) as u64
    }

    /// One of these.
    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.0.below(all.len())]
    }

    /// A number that is not zero, for a span.
    pub(crate) fn span_id(&mut self) -> u64 {
        self.0.next_u64().max(1)
    }

    /// A number that is not zero, for a trace.
    pub(crate) fn trace_id(&mut self) -> u128 {
        u128::from(self.span_id()) << 64 | u128::from(self.span_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_skewed_and_bounded() {
        let mut draw = Draw::new(1, 1);
        let mut all: Vec<f64> = (0..10_001)
            .map(|_| draw.latency(Duration::from_millis(10), 0.5).as_secs_f64())
            .collect();
        all.sort_by(f64::total_cmp);
        assert!((all[5000] - 0.010).abs() < 0.0005, "{}", all[5000]);
        assert!((0.025..0.042).contains(&all[9900]), "{}", all[9900]);
        assert!(all[10_000] <= 0.2);
    }

    #[test]
    fn gaps_have_the_rate() {
        let mut draw = Draw::new(1, 2);
        let sum: f64 = (0..10_000).map(|_| draw.gap(20.0).as_secs_f64()).sum();
        assert!((sum / 10_000.0 - 0.05).abs() < 0.003, "{sum}");
    }

    #[test]
    fn actors_have_dice_of_their_own() {
        assert_eq!(Draw::new(7, 1).trace_id(), Draw::new(7, 1).trace_id());
        assert_ne!(Draw::new(7, 1).trace_id(), Draw::new(7, 2).trace_id());
    }
}
