//! Lines through data: least squares with diagnostics, and lines that outliers cannot bend.
//!
//! [`least_squares`] and [`polynomial`] are the textbooks'; [`theil_sen`] and [`mann_kendall`] need
//! no normal noise; [`trend`] is the one that keeps its false-alarm rate when neighbours resemble
//! each other, and the one behind a verdict.

mod diagnostics;
mod double_double;
mod error_model;
mod inversions;
mod least_squares;
mod mann_kendall;
mod orthogonal;
mod simple;
mod theil_sen;
mod trend;
mod whittle_line;

pub use error_model::ErrorModel;
pub use least_squares::{
    Coefficient, Intercept, LeastSquares, Prediction, least_squares, polynomial,
};
pub use mann_kendall::{
    MannKendall, MannKendallMethod, SerialCorrection, mann_kendall, mann_kendall_corrected,
};
pub use theil_sen::{TheilSen, theil_sen, theil_sen_series};
pub use trend::{MIN_EFFECTIVE_N, MIN_N, Trend, trend};
