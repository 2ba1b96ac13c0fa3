//! Replicates on all cores, the same numbers on any number of them.
//!
//! Invariant: replicate `i` of a row sees only the generator seeded by the row's seed and `i`, so
//! that counts do not depend on how the work was divided.

use std::sync::atomic::{AtomicU64, Ordering};

use tacho_stats::rng::Rng;

/// Fewer replicates than this are a short form.
const QUICK_MAX: u64 = 500;

/// How many replicates a row gets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Study {
    /// Replicates a row.
    pub(crate) replicates: u64,
    threads: usize,
}

/// What one method did in one replicate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trial {
    /// The method did not decline.
    pub(crate) decided: bool,
    /// It raised an alarm where nothing had changed.
    pub(crate) alarm: bool,
    /// It found the known change.
    pub(crate) found: bool,
}

/// Trials of one method, counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) runs: u64,
    pub(crate) decided: u64,
    pub(crate) alarms: u64,
    pub(crate) found: u64,
}

impl Tally {
    fn add(&mut self, trial: Trial) {
        self.runs += 1;
        self.decided += u64::from(trial.decided);
        self.alarms += u64::from(trial.alarm);
        self.found += u64::from(trial.found);
    }

    fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.decided += other.decided;
        self.alarms += other.alarms;
        self.found += other.found;
    }
}

impl Study {
    pub(crate) fn new(replicates: u64) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            replicates,
            threads,
        }
    }

    /// A part of the study for what is slow: one replicate in `every`, at least 100.
    pub(crate) fn one_in(self, every: u64) -> Self {
        let replicates = (self.replicates / every).max(100).min(self.replicates);
        Self { replicates, ..self }
    }

    /// The same, but in the short form at most `most` replicates: for what is very slow.
    pub(crate) fn short(self, most: u64) -> Self {
        let quick = self.replicates < QUICK_MAX;
        let replicates = if quick {
            self.replicates.min(most)
        } else {
            self.replicates
        };
        Self { replicates, ..self }
    }

    /// Counts what `N` methods do on the same replicates.
    pub(crate) fn count<const N: usize>(
        &self,
        seed: u64,
        trial: impl Fn(&mut Rng) -> [Trial; N] + Sync,
    ) -> [Tally; N] {
        let one = |rng: &mut Rng, tallies: &mut [Tally; N]| {
            for (tally, trial) in tallies.iter_mut().zip(trial(rng)) {
                tally.add(trial);
            }
        };
        let merge = |whole: &mut [Tally; N], part: [Tally; N]| {
            for (tally, part) in whole.iter_mut().zip(part) {
                tally.merge(part);
            }
        };
        self.each(seed, [Tally::default(); N], one, merge)
    }

    /// Numbers from every replicate, in no particular order.
    pub(crate) fn collect(&self, seed: u64, value: impl Fn(&mut Rng) -> f64 + Sync) -> Vec<f64> {
        self.each(
            seed,
            Vec::new(),
            |rng, values| values.push(value(rng)),
            |whole: &mut Vec<f64>, part| whole.extend(part),
        )
    }

    fn each<T: Clone + Send + Sync>(
        &self,
        seed: u64,
        empty: T,
        one: impl Fn(&mut Rng, &mut T) + Sync,
        mut merge: impl FnMut(&mut T, T),
    ) -> T {
        let next = AtomicU64::new(0);
        let work = |mut mine: T| {
            loop {
                let replicate = next.fetch_add(1, Ordering::Relaxed);
                if replicate >= self.replicates {
                    return mine;
                }
                let mut rng =
                    Rng::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(replicate << 20));
                one(&mut rng, &mut mine);
            }
        };
        let mut whole = empty.clone();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads)
                .map(|_| scope.spawn(|| work(empty.clone())))
                .collect();
            for worker in workers {
                merge(&mut whole, worker.join().expect("a replicate panicked"));
            }
        });
        whole
    }
}
