//! Futures of a series, simulated.
//!
//! Invariant: the paths are draws from one distribution that carries every doubt there is: which
//! model, which parameters, which size of error over each horizon, and errors as they were rather
//! than as a normal curve has them. All quantiles, and the time until a limit is crossed, are read
//! from the same paths and cannot contradict each other. Paths are finite.
//! Sources: Hyndman et al. (2008), 6.1, for simulation; the doubts are those of
//! [`posterior`](super::posterior) and [`horizon`](super::horizon).

use super::auto::AutoEts;
use super::ets::Ets;
use super::horizon::{Spread, spreads, stretches};
use super::posterior::{Draw, draws};
use crate::error::{Result, in_range};
use crate::rng::Rng;

/// Draws of model and parameters; the paths are shared among them.
const DRAWS: usize = 80;

/// Simulated futures, by step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Paths {
    /// `count` values a step.
    pub(super) values: Vec<f64>,
    /// How many paths.
    pub(super) count: usize,
    /// Expected total change of each draw over the horizon, noise and season left out.
    pub(super) drifts: Vec<f64>,
    /// Probability that a line through the whole series rises, where one was asked.
    pub(super) rising: Option<f64>,
}

impl Paths {
    pub(super) fn at(&self, step: usize) -> &[f64] {
        &self.values[step * self.count..(step + 1) * self.count]
    }
}

/// `count` paths of `horizon` steps from the end of `x`, which `choice` was fitted to.
pub(super) fn simulate(
    choice: &AutoEts,
    x: &[f64],
    horizon: usize,
    count: usize,
    seed: u64,
) -> Result<Paths> {
    let mut rng = Rng::new(seed);
    let all = draws(choice, x, DRAWS.min(count), &mut rng);
    let spreads = spreads(choice.best(), x, horizon);
    let mut paths = Paths {
        values: vec![0.0; horizon * count],
        count,
        drifts: all.iter().map(|draw| drift(draw, horizon)).collect(),
        rising: None,
    };
    let mut path = vec![0.0; horizon];
    let pools: Vec<Pool> = choice.candidates().iter().map(Pool::of).collect();
    for slot in 0..count {
        let draw = &all[slot % all.len()];
        one(draw, &pools[draw.rank], &mut path, &mut rng);
        for (step, value) in path.iter().enumerate() {
            paths.values[step * count + slot] = *value;
        }
    }
    stretch(&mut paths, &spreads, &mut rng);
    for value in &paths.values {
        in_range("a forecast", *value)?;
    }
    Ok(paths)
}

/// One path in the caller's units.
fn one(draw: &Draw<'_>, pool: &Pool, path: &mut [f64], rng: &mut Rng) {
    let Draw {
        fit, theta, state, ..
    } = draw;
    let shape = fit.shape;
    let rates = shape.rates(theta);
    let mut state = state.clone();
    for value in path {
        let error = pool.draw(rng);
        let (carried, forecast) = state.expect(shape, &rates);
        let miss = if shape.is_relative() {
            error * forecast
        } else {
            error
        };
        state.take(shape, &rates, carried, miss);
        *value = fit.units.out(forecast + miss);
    }
}

/// What the level is expected to gain over the horizon.
fn drift(draw: &Draw<'_>, horizon: usize) -> f64 {
    if !draw.fit.shape.has_trend() {
        return 0.0;
    }
    let phi = draw.fit.shape.rates(&draw.theta).phi;
    let mut power = 1.0;
    let slopes: f64 = (0..horizon)
        .map(|_| {
            power *= phi;
            power
        })
        .sum();
    slopes * draw.state.slope / draw.fit.units.scale
}

/// Widens or narrows the deviations from the middle by what each horizon showed.
fn stretch(paths: &mut Paths, spreads: &[Spread], rng: &mut Rng) {
    let count = paths.count;
    let middles: Vec<f64> = (0..spreads.len())
        .map(|step| {
            let values = paths.at(step);
            let anchor = values[0];
            anchor + values.iter().map(|v| v - anchor).sum::<f64>() / count as f64
        })
        .collect();
    for slot in 0..count {
        for (step, by) in stretches(spreads, rng).enumerate() {
            let value = &mut paths.values[step * count + slot];
            *value = middles[step] + by * (*value - middles[step]);
        }
    }
}

/// The errors that a model made, as a source of new ones.
///
/// A new error falls between two neighbours of n old ones with probability 1 / (n + 1), and beyond
/// each end with the same; there it exceeds the outermost by an exponential amount, as large in the
/// mean as what the outer √n exceed the next by.
#[derive(Debug)]
struct Pool {
    sorted: Vec<f64>,
    below: f64,
    above: f64,
}

impl Pool {
    fn of(fit: &Ets) -> Self {
        let n = fit.errors.len();
        // Errors of a fit are smaller than those to come, by the parameters that were fitted.
        let inflation = (n as f64 / fit.df()).sqrt();
        let mut sorted: Vec<f64> = fit.errors.iter().map(|e| inflation * e).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let outer = (n as f64).sqrt().ceil() as usize;
        let excess = |of: &[f64], next: f64| {
            of.iter().map(|e| (e - next).abs()).sum::<f64>() / of.len() as f64
        };
        Self {
            below: excess(&sorted[..outer], sorted[outer]),
            above: excess(&sorted[n - outer..], sorted[n - outer - 1]),
            sorted,
        }
    }

    fn draw(&self, rng: &mut Rng) -> f64 {
        let n = self.sorted.len();
        let place = rng.uniform() * (n + 1) as f64;
        let rank = place.floor() as usize;
        let part = place - rank as f64;
        // The part of a cell is uniform, and so serves the tails too.
        if rank == 0 {
            return self.sorted[0] + self.below * (1.0 - part).ln();
        }
        if rank >= n {
            return self.sorted[n - 1] - self.above * (1.0 - part).ln();
        }
        self.sorted[rank - 1] + part * (self.sorted[rank] - self.sorted[rank - 1])
    }
}
