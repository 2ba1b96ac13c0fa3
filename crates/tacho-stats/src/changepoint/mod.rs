//! When a series changed, by how much, and whether chance explains it.

mod changes;
mod regimes;

pub use changes::{CHANGES_MIN_N, Change, Season, Settings, changes};
