//! Is this value unusual? Detectors whose false alarms can be counted beforehand.

mod detector;

pub use detector::{Detector, Direction, RunLength, Score, scores};
