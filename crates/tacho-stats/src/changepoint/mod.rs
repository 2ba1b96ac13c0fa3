//! When a series changed, by how much, and whether chance explains it.

mod binary_segmentation;
mod changes;
mod cost;
mod pelt;
mod regimes;

pub use binary_segmentation::binary_segmentation;
pub use changes::{CHANGES_MIN_N, Change, Regimes, Season, Settings, changes};
pub use cost::{Cost, DistributionCost, L2Cost, NormalCost, RankCost};
pub use pelt::{pelt, pelt_l2};
