//! Is this value unusual? Detectors whose false alarms can be counted beforehand.

mod cusum;
mod detector;
mod ewma;
mod glr;
mod run_length;

pub use cusum::Cusum;
pub use detector::{Detector, Direction, RunLength, Score, scores};
pub use ewma::Ewma;
pub use glr::Glr;
