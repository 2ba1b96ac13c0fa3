//! One exponential smoothing model, fitted.
//!
//! Invariant: parameters lie in their region, errors are finite, and the model was fitted to the
//! newest [`FIT_MAX`] observations at most: older ones have no say in any forecast a model of this
//! family makes, and their fit would only cost time. Not a choice among models; that is
//! [`auto_ets`](super::auto_ets).
//! Source: Hyndman et al. (2008), chapters 2, 5 and 6.

use super::descent::{Optimum, minimise};
use super::filter::run;
use super::model::EtsModel;
use super::start::guesses;
use super::state::{Rates, Shape, State};
use crate::describe::power_of_two_scale;
use crate::error::{Result, StatsError, in_range, observations};
use crate::sum::mean_parts;

/// At most so many of the newest observations are fitted: twenty times the longest season that a
/// model takes, and enough for every smoothing parameter to be known to a few hundredths.
pub const FIT_MAX: usize = 2_000;
/// The longest season that a model carries a state for; adjust longer ones before fitting.
pub const PERIOD_MAX: usize = 48;

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Ets {
    pub(super) shape: Shape,
    pub(super) units: Units,
    pub(super) theta: Vec<f64>,
    pub(super) state: State,
    /// Errors in scaled units (or relative).
    pub(super) errors: Vec<f64>,
    pub(super) cost: f64,
    pub(super) information: Vec<f64>,
    aicc: f64,
    log_likelihood: f64,
}

/// From the caller's units to those of the fit: (value − shift) · scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Units {
    pub(super) shift: f64,
    pub(super) scale: f64,
}

impl Units {
    fn of(x: &[f64], relative: bool) -> Self {
        let (mean, _) = mean_parts(x);
        Self {
            shift: if relative { 0.0 } else { mean },
            scale: power_of_two_scale(x),
        }
    }

    pub(super) fn into_fit(self, x: &[f64]) -> Vec<f64> {
        let shift = self.shift * self.scale;
        x.iter().map(|v| v * self.scale - shift).collect()
    }

    pub(super) fn out(self, value: f64) -> f64 {
        value / self.scale + self.shift
    }
}

impl Ets {
    /// Fits `model` to a series in order of time by maximum likelihood.
    ///
    /// `period` is the number of observations in a season (2 to [`PERIOD_MAX`]); it is ignored by
    /// models without season. Models with a multiplicative error need a series above zero.
    ///
    /// ```
    /// use tacho_stats::forecast::{Ets, EtsModel};
    ///
    /// // Nile flow, 1871 to 1890.
    /// let flow = [1120., 1160., 963., 1210., 1160., 1160., 813., 1230., 1370., 1140., 995., 935.,
    ///     1110., 994., 1020., 960., 1180., 799., 958., 1140.];
    /// let fit = Ets::fit(&flow, EtsModel::SIMPLE, None)?;
    /// assert!(fit.alpha() < 0.3);
    /// let ahead = fit.forecast(2)?;
    /// assert_eq!(ahead[0], ahead[1]);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn fit(x: &[f64], model: EtsModel, period: Option<usize>) -> Result<Self> {
        let shape = shape(model, period)?;
        let need = shape.len() + 3 + usize::from(shape.has_season()) * shape.period;
        observations(x, need)?;
        let x = newest(x);
        if model.needs_positive() && x.iter().any(|v| *v <= 0.0) {
            return Err(StatsError::Invalid {
                name: "model",
                why: "a multiplicative error needs observations above zero",
            });
        }
        let units = Units::of(x, shape.is_relative());
        let y = units.into_fit(x);
        if y.iter().any(|v| !v.is_finite()) {
            return Err(StatsError::Overflow {
                what: "the deviations",
            });
        }
        let optimum = minimise(shape, guesses(shape, &y), &y).ok_or(StatsError::Overflow {
            what: "the likelihood",
        })?;
        Self::from_optimum(shape, units, optimum, &y)
    }

    fn from_optimum(shape: Shape, units: Units, optimum: Optimum, y: &[f64]) -> Result<Self> {
        let n = y.len() as f64;
        let mut errors = Vec::with_capacity(y.len());
        let (cost, state) = run(shape, &optimum.theta, y, &mut errors);
        in_range("the likelihood", cost)?;
        let parameters = (shape.len() + 1) as f64;
        let constant = n * (2.0 * std::f64::consts::PI * std::f64::consts::E / n).ln();
        let deviance = cost - 2.0 * n * units.scale.ln() + constant;
        let correction = 2.0 * parameters * (parameters + 1.0) / (n - parameters - 1.0);
        Ok(Self {
            shape,
            units,
            theta: optimum.theta,
            state,
            errors,
            cost: optimum.cost,
            information: optimum.information,
            aicc: in_range("AICc", deviance + 2.0 * parameters + correction)?,
            log_likelihood: -0.5 * deviance,
        })
    }

    /// Which model.
    pub fn model(&self) -> EtsModel {
        self.shape.model
    }

    /// How much of an error goes into the level.
    pub fn alpha(&self) -> f64 {
        self.rates().alpha
    }

    /// How much of an error goes into the slope, if there is one.
    pub fn beta(&self) -> Option<f64> {
        self.shape.has_trend().then(|| self.rates().beta)
    }

    /// How much of an error goes into the season, if there is one.
    pub fn gamma(&self) -> Option<f64> {
        self.shape.has_season().then(|| self.rates().gamma)
    }

    /// The part of the slope that is left after one step, if it is damped.
    pub fn phi(&self) -> Option<f64> {
        self.shape.is_damped().then(|| self.rates().phi)
    }

    /// Akaike's criterion, corrected for small samples; smaller is better.
    pub fn aicc(&self) -> f64 {
        self.aicc
    }

    /// The logarithm of the likelihood, in the units of the series.
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// How many of the newest observations were fitted.
    pub fn fitted_on(&self) -> usize {
        self.errors.len()
    }

    /// Standard deviation of an error: in the unit of the series, or relative to the forecast where
    /// the error is multiplicative.
    pub fn sigma(&self) -> f64 {
        let sigma = self.error_variance().sqrt();
        if self.shape.is_relative() {
            sigma
        } else {
            sigma / self.units.scale
        }
    }

    /// Forecasts of the next `horizon` observations.
    pub fn forecast(&self, horizon: usize) -> Result<Vec<f64>> {
        let ahead = self.state.ahead(self.shape, &self.rates(), horizon);
        ahead
            .into_iter()
            .map(|value| in_range("a forecast", self.units.out(value)))
            .collect()
    }

    /// Standard deviations of the forecasts' errors as the textbook has them: those of a model
    /// known to be right, with known parameters. None where errors are multiplicative, which leaves
    /// no closed form. [`forecast`](super::forecast) accounts for what this leaves out.
    pub fn standard_errors(&self, horizon: usize) -> Option<Vec<f64>> {
        if self.shape.is_relative() {
            return None;
        }
        let mut sum = 0.0;
        let weights = self.shape.weights(&self.rates(), horizon);
        let growth = weights.into_iter().map(|c| {
            sum += c * c;
            f64::sqrt(sum)
        });
        Some(growth.map(|g| g * self.sigma()).collect())
    }

    pub(super) fn rates(&self) -> Rates {
        self.shape.rates(&self.theta)
    }

    /// Degrees of freedom that the errors have left.
    pub(super) fn df(&self) -> f64 {
        (self.errors.len() - self.shape.len()) as f64
    }

    /// Variance of an error in scaled units.
    pub(super) fn error_variance(&self) -> f64 {
        self.errors.iter().map(|e| e * e).sum::<f64>() / self.df()
    }
}

/// The newest observations, as many as are fitted.
pub(super) fn newest(x: &[f64]) -> &[f64] {
    &x[x.len().saturating_sub(FIT_MAX)..]
}

fn shape(model: EtsModel, period: Option<usize>) -> Result<Shape> {
    let period = period.unwrap_or(1);
    let shape = Shape::new(model, period);
    if shape.has_season() && !(2..=PERIOD_MAX).contains(&period) {
        return Err(StatsError::Invalid {
            name: "period",
            why: "it must lie between 2 and 48; adjust for longer seasons first",
        });
    }
    Ok(shape)
}
