//! Is this value unusual? Detectors whose false alarms can be counted beforehand.

mod conformal;
mod isolation_forest;
mod rows;

pub use conformal::{ConformalCalibration, split_rows};
pub use isolation_forest::{IsolationForest, IsolationForestOptions};
pub use rows::Rows;
