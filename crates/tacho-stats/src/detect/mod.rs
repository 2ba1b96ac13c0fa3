//! Is this value unusual? Detectors whose false alarms can be counted beforehand.
//!
//! Every detector of one series is a [`Detector`]: constant memory, one [`Score`] a value, and a
//! [`RunLength`] that is met while nothing changes. Charts ([`Cusum`], [`Ewma`], [`Glr`],
//! [`EDetector`], [`Shewhart`]) add up standard normal numbers; a [`Baseline`] makes these of a
//! series, [`SeriesBaseline`] for real ones; a [`Monitor`] is the two together.
//! [`PeaksOverThreshold`] and [`RateOfChange`] judge single values of any distribution; [`RobustZ`]
//! and [`TukeyFences`] are the textbook's, for independent normal observations.
//!
//! Rows of several values: [`IsolationForest`] and [`RobustCovariance`] for a batch,
//! [`StreamingForest`] for a stream; patterns: [`matrix_profile`] and [`LeftMatrixProfile`]. Their
//! scores become p-values by [`ConformalCalibration`], and alarms of a known run length by
//! [`Episodes`]: [`ForestDetector`] and [`DiscordDetector`] watch a series, [`RowDetector`] rows.

mod autoregression;
mod baseline;
mod conformal;
mod cusum;
mod detector;
mod discord_detector;
mod e_detector;
mod episodes;
mod ewma;
mod forest_detector;
mod glr;
mod iqr;
mod isolation_forest;
mod left_matrix_profile;
mod mahalanobis;
mod matrix_profile;
mod peaks;
mod rate_of_change;
mod robust_z;
mod rows;
mod run_length;
mod season;
mod sequential_scores;
mod series_baseline;
mod shewhart;
mod streaming_forest;
mod tail;
mod window;

pub use baseline::{Baseline, KnownBaseline, Monitor, NormalBaseline};
pub use conformal::{ConformalCalibration, split_rows};
pub use cusum::Cusum;
pub use detector::{Detector, Direction, RunLength, Score, scores};
pub use discord_detector::DiscordDetector;
pub use e_detector::EDetector;
pub use episodes::Episodes;
pub use ewma::Ewma;
pub use forest_detector::{ForestDetector, RowDetector};
pub use glr::Glr;
pub use iqr::TukeyFences;
pub use isolation_forest::{IsolationForest, IsolationForestOptions};
pub use left_matrix_profile::{LeftMatch, LeftMatrixProfile};
pub use mahalanobis::RobustCovariance;
pub use matrix_profile::{Match, MatrixProfile, WINDOW_MIN, exclusion_zone, matrix_profile};
pub use peaks::PeaksOverThreshold;
pub use rate_of_change::RateOfChange;
pub use robust_z::RobustZ;
pub use rows::Rows;
pub use series_baseline::{SeriesBaseline, Training};
pub use shewhart::{Shewhart, ZScore};
pub use streaming_forest::{ShingledForest, StreamingForest, StreamingForestOptions, WIDTH_MAX};
