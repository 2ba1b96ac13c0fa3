//! When a series changed, by how much, and whether chance explains it.

mod binary_segmentation;
mod changes;
mod cost;
mod e_divisive;
mod online;
mod pelt;
mod regimes;

pub use binary_segmentation::binary_segmentation;
pub use changes::{CHANGES_MIN_N, Change, Regimes, Season, Settings, changes};
pub use cost::{Cost, DistributionCost, L2Cost, NormalCost, RankCost};
pub use e_divisive::{EDivisive, EnergyChange, Exchange, e_divisive};
pub use online::{NormalInverseGamma, OnlineDetector, RunLength};
pub use pelt::{pelt, pelt_l2};

#[cfg(test)]
mod tests;
