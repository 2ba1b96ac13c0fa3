//! The state of a model and the one recursion that all models share.
//!
//! Invariant: the recursion depends on trend and season only. With the error form of the textbook
//! each model's update reads differently, but written in y − f they coincide for additive and
//! multiplicative errors; only the likelihood differs.
//! Source: Hyndman et al. (2008), tables 2.2 and 2.3, rearranged.

use super::model::{ErrorKind, EtsModel, SeasonKind, TrendKind};

/// A model with its period (1 without season), and the layout of its parameter vector:
/// α, then β/α (with a trend), γ/(1 − α) (with a season), φ (damped), the first level, the first
/// slope (with a trend), and the first season but for its last value, which the others fix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) model: EtsModel,
    pub(super) period: usize,
}

/// The smoothing parameters as they enter the recursion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rates {
    pub(super) alpha: f64,
    pub(super) beta: f64,
    pub(super) gamma: f64,
    pub(super) phi: f64,
}

/// Level, slope and season before an observation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) level: f64,
    pub(super) slope: f64,
    /// One value a phase; none without a season.
    pub(super) season: Vec<f64>,
    /// The phase of the next observation.
    pub(super) phase: usize,
}

impl Shape {
    pub(super) fn new(model: EtsModel, period: usize) -> Self {
        let seasonal = model.season() != SeasonKind::None;
        Self {
            model,
            period: if seasonal { period } else { 1 },
        }
    }

    pub(super) fn has_trend(self) -> bool {
        self.model.trend() != TrendKind::None
    }

    pub(super) fn has_season(self) -> bool {
        self.model.season() != SeasonKind::None
    }

    pub(super) fn is_damped(self) -> bool {
        self.model.trend() == TrendKind::Damped
    }

    pub(super) fn is_relative(self) -> bool {
        self.model.error() == ErrorKind::Multiplicative
    }

    /// Number of smoothing parameters.
    pub(super) fn smoothing(self) -> usize {
        1 + usize::from(self.has_trend())
            + usize::from(self.has_season())
            + usize::from(self.is_damped())
    }

    /// Number of all parameters but the variance.
    pub(super) fn len(self) -> usize {
        self.smoothing() + 1 + usize::from(self.has_trend()) + (self.period - 1)
    }

    /// Index of γ/(1 − α), if there is a season.
    pub(super) fn gamma_at(self) -> Option<usize> {
        self.has_season()
            .then_some(1 + usize::from(self.has_trend()))
    }

    /// Index of φ, if the trend is damped.
    pub(super) fn phi_at(self) -> Option<usize> {
        self.is_damped().then_some(self.smoothing() - 1)
    }

    /// What the season's values add up to.
    pub(super) fn season_total(self) -> f64 {
        match self.model.season() {
            SeasonKind::Multiplicative => self.period as f64,
            _ => 0.0,
        }
    }

    pub(super) fn rates(self, theta: &[f64]) -> Rates {
        let alpha = theta[0];
        Rates {
            alpha,
            beta: if self.has_trend() {
                alpha * theta[1]
            } else {
                0.0
            },
            gamma: self.gamma_at().map_or(0.0, |i| (1.0 - alpha) * theta[i]),
            phi: match self.model.trend() {
                TrendKind::None => 0.0,
                TrendKind::Additive => 1.0,
                TrendKind::Damped => theta[self.smoothing() - 1],
            },
        }
    }

    pub(super) fn initial(self, theta: &[f64]) -> State {
        let states = &theta[self.smoothing()..];
        let first_season = 1 + usize::from(self.has_trend());
        let mut season = states[first_season..].to_vec();
        if self.has_season() {
            season.push(self.season_total() - season.iter().sum::<f64>());
        }
        State {
            level: states[0],
            slope: if self.has_trend() { states[1] } else { 0.0 },
            season,
            phase: 0,
        }
    }

    /// cⱼ, the part of an error that is still there j steps later, for j = 0 to `horizon` − 1.
    pub(super) fn weights(self, rates: &Rates, horizon: usize) -> Vec<f64> {
        let mut slopes = 0.0;
        let mut power = 1.0;
        (0..horizon)
            .map(|j| {
                if j == 0 {
                    return 1.0;
                }
                power *= rates.phi;
                slopes += power;
                let season = if self.has_season() && j % self.period == 0 {
                    rates.gamma
                } else {
                    0.0
                };
                rates.alpha + rates.beta * slopes + season
            })
            .collect()
    }
}

impl State {
    /// The level carried forward and the forecast of the next observation.
    pub(super) fn expect(&self, shape: Shape, rates: &Rates) -> (f64, f64) {
        let carried = self.level + rates.phi * self.slope;
        let forecast = match shape.model.season() {
            SeasonKind::None => carried,
            SeasonKind::Additive => carried + self.season[self.phase],
            SeasonKind::Multiplicative => carried * self.season[self.phase],
        };
        (carried, forecast)
    }

    /// Takes in an observation that missed its forecast by `miss`.
    pub(super) fn take(&mut self, shape: Shape, rates: &Rates, carried: f64, miss: f64) {
        let (to_level, to_season) = match shape.model.season() {
            SeasonKind::Multiplicative => {
                let season = self.season[self.phase];
                (part(miss, season), part(miss, carried))
            }
            _ => (miss, miss),
        };
        self.level = carried + rates.alpha * to_level;
        self.slope = rates.phi * self.slope + rates.beta * to_level;
        if shape.has_season() {
            self.season[self.phase] += rates.gamma * to_season;
            self.phase = (self.phase + 1) % shape.period;
        }
    }

    /// Forecasts of the next `horizon` observations with no errors ahead.
    pub(super) fn ahead(&self, shape: Shape, rates: &Rates, horizon: usize) -> Vec<f64> {
        let (mut slopes, mut power) = (0.0, 1.0);
        (0..horizon)
            .map(|j| {
                power *= rates.phi;
                slopes += power;
                let carried = self.level + slopes * self.slope;
                let phase = (self.phase + j) % shape.period;
                match shape.model.season() {
                    SeasonKind::None => carried,
                    SeasonKind::Additive => carried + self.season[phase],
                    SeasonKind::Multiplicative => carried * self.season[phase],
                }
            })
            .collect()
    }
}

/// `a / b`, and zero where a simulated path has run into a level of zero.
fn part(a: f64, b: f64) -> f64 {
    if b.abs() > 1e-12 { a / b } else { 0.0 }
}
