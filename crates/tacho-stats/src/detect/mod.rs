//! Is this value unusual? Detectors whose false alarms can be counted beforehand.

mod conformal;
mod isolation_forest;
mod left_matrix_profile;
mod mahalanobis;
mod matrix_profile;
mod rows;
mod streaming_forest;

pub use conformal::{ConformalCalibration, split_rows};
pub use isolation_forest::{IsolationForest, IsolationForestOptions};
pub use left_matrix_profile::{LeftMatch, LeftMatrixProfile};
pub use mahalanobis::RobustCovariance;
pub use matrix_profile::{Match, MatrixProfile, WINDOW_MIN, exclusion_zone, matrix_profile};
pub use rows::Rows;
pub use streaming_forest::{ShingledForest, StreamingForest, StreamingForestOptions, WIDTH_MAX};
