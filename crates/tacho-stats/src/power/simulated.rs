//! Power by simulation, for tests and populations without a formula.
//!
//! Invariant: a power is never given without its Monte-Carlo interval (Clopper & Pearson), and the
//! same seed gives the same result. Not for planning finer than that interval.

use crate::distribution::Beta;
use crate::error::{self, Result, StatsError};
use crate::hypothesis::Interval;
use crate::rng::Rng;

/// The fewest and the most replicates.
pub const REPLICATES: std::ops::RangeInclusive<u32> = 100..=10_000_000;

/// The shape of a population, of mean 0 and standard deviation 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Population {
    /// Normal.
    #[default]
    Normal,
    /// Logarithm normal with σ = 1: skewed like latencies.
    LogNormal,
    /// Student's t with three degrees of freedom: heavy tails.
    StudentT3,
    /// Exponential.
    Exponential,
}

impl Population {
    /// One observation.
    pub fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Normal => rng.standard_normal(),
            Self::LogNormal => {
                let e = std::f64::consts::E;
                (rng.standard_normal().exp() - e.sqrt()) / (e * (e - 1.0)).sqrt()
            }
            Self::StudentT3 => {
                let z = rng.standard_normal();
                let square: f64 = (0..3).map(|_| rng.standard_normal().powi(2)).sum();
                // √(χ²/3) below, √3 the standard deviation.
                z / square.sqrt()
            }
            Self::Exponential => -(1.0 - rng.uniform()).ln() - 1.0,
        }
    }

    /// `n` observations, moved by `shift` standard deviations.
    pub fn sample(self, rng: &mut Rng, n: usize, shift: f64) -> Vec<f64> {
        (0..n).map(|_| self.draw(rng) + shift).collect()
    }
}

/// What to simulate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simulation {
    /// Number of simulated experiments, 100 to 10 000 000.
    pub replicates: u32,
    /// Seed of the generator.
    pub seed: u64,
    /// Rate of false alarms.
    pub alpha: f64,
}

/// A simulated power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedPower {
    /// The part of experiments that rejected.
    pub power: f64,
    /// Its Monte-Carlo interval at 95 %.
    pub interval: Interval,
}

/// The part of simulated experiments in which `p_value` is at most alpha.
///
/// `draw` makes one experiment, `p_value` tests it; an experiment that the test refuses for lack of
/// spread ([`StatsError::ZeroVariance`]) does not reject.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::mannwhitney::{MannWhitneyMethod, mann_whitney};
/// use tacho_stats::power::simulated::{Population, Simulation, power};
///
/// let simulation = Simulation { replicates: 1_000, seed: 1, alpha: 0.05 };
/// let population = Population::LogNormal;
/// let found = power(
///     simulation,
///     |rng| (population.sample(rng, 40, 0.3), population.sample(rng, 40, 0.0)),
///     |(a, b)| Ok(mann_whitney(a, b, MannWhitneyMethod::Auto)?.p(Alternative::TwoSided)),
/// )?;
/// assert!(found.interval.low > 0.8);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn power<T>(
    simulation: Simulation,
    draw: impl Fn(&mut Rng) -> T,
    p_value: impl Fn(&T) -> Result<f64>,
) -> Result<SimulatedPower> {
    error::level(simulation.alpha)?;
    if !REPLICATES.contains(&simulation.replicates) {
        return Err(StatsError::Invalid {
            name: "replicates",
            why: "it must lie in 100..=10 000 000",
        });
    }
    let mut rng = Rng::new(simulation.seed);
    let mut rejected = 0u32;
    for _ in 0..simulation.replicates {
        match p_value(&draw(&mut rng)) {
            Ok(p) => rejected += u32::from(p <= simulation.alpha),
            Err(StatsError::ZeroVariance) => {}
            Err(error) => return Err(error),
        }
    }
    let (hits, runs) = (f64::from(rejected), f64::from(simulation.replicates));
    let low = if rejected == 0 {
        0.0
    } else {
        Beta::new(hits, runs - hits + 1.0)?.quantile(0.025)?
    };
    let high = if rejected == simulation.replicates {
        1.0
    } else {
        Beta::new(hits + 1.0, runs - hits)?.inverse_sf(0.025)?
    };
    Ok(SimulatedPower {
        power: hits / runs,
        interval: Interval {
            low,
            high,
            level: 0.95,
        },
    })
}

/// The smallest of 2, 3, … `n_max` at which the simulated power reaches `power_asked`, by bisection
/// with the same seed throughout; none where `n_max` does not reach it.
pub fn sample_size(
    power_asked: f64,
    n_max: usize,
    mut power_at: impl FnMut(usize) -> Result<SimulatedPower>,
) -> Result<Option<(usize, SimulatedPower)>> {
    error::level(power_asked)?;
    let (mut low, mut high) = (1, 2.min(n_max));
    let mut found = power_at(high)?;
    while found.power < power_asked {
        if high >= n_max {
            return Ok(None);
        }
        low = high;
        high = (2 * high).min(n_max);
        found = power_at(high)?;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let at = power_at(middle)?;
        if at.power < power_asked {
            low = middle;
        } else {
            (high, found) = (middle, at);
        }
    }
    Ok(Some((high, found)))
}
