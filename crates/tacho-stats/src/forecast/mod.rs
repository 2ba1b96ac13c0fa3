//! Where a series is heading, and how sure one can be.
//!
//! - [`forecast`]: what Tachograph does by itself: the exponential smoothing model of smallest `AICc`,
//!   with intervals that carry the doubt about model, parameters and errors;
//! - [`forecast_seasonal`]: the same with several seasons, or one too long for a model;
//! - [`Forecast::crossing`] and [`LinearTrend`]: when a limit is crossed;
//! - [`Ets`] and [`auto_ets`]: the models alone; [`simple_forecast`]: what any model must beat;
//! - [`detect_period`]: whether there is a season, and how long it is.
//!
//! Invariant: series are in order of time and evenly spaced; the caller fills or cuts gaps. Not for
//! describing the past, which is [`smooth`](crate::smooth)'s.

mod auto;
mod descent;
mod ets;
mod filter;
mod horizon;
mod linear_trend;
mod model;
mod passage;
mod paths;
mod period;
mod posterior;
mod predict;
mod region;
mod seasonal;
mod simple;
mod start;
mod state;

pub use auto::{AutoEts, auto_ets};
pub use ets::{Ets, FIT_MAX, PERIOD_MAX};
pub use linear_trend::LinearTrend;
pub use model::{ErrorKind, EtsModel, SeasonKind, TrendKind};
pub use passage::{Crossing, Direction, Outlook};
pub use period::{Period, detect_period};
pub use predict::{Basis, Forecast, ForecastPlan, HORIZON_MAX, MIN_N, MODEL_MIN_N, forecast};
pub use seasonal::{CYCLES_MAX, forecast_seasonal};
pub use simple::{SimpleForecast, SimpleMethod, simple_forecast};
