//! Where a series is heading, and how sure one can be.

mod auto;
mod descent;
mod ets;
mod filter;
mod model;
mod region;
mod start;
mod state;

pub use auto::{AutoEts, auto_ets};
pub use ets::{Ets, FIT_MAX, PERIOD_MAX};
pub use model::{ErrorKind, EtsModel, SeasonKind, TrendKind};
