//! When a series changed, by how much, and whether chance explains it.
//!
//! Invariant: a change is named by the first observation after it; changes are strictly ascending.
//! [`changes()`] is what Tachograph uses by itself: it allows for the search over places, for
//! autocorrelation, heavy tails, trends and seasons. The others are the textbooks' methods for
//! independent observations, for those who know their penalty or stream: [`pelt()`],
//! [`binary_segmentation()`], [`e_divisive()`] and [`OnlineDetector`]. Not for single outliers.
//!
//! # False alarms at 5 % asked for
//!
//! Series without change, 1 000 replicates a row, from `tacho-bench calibrate --only changes`: how
//! often any change is reported, with its upper 97.5 % Monte-Carlo bound, and how often the place
//! of a reported change holds a step of 8 true standard errors in the middle.
//!
//! | method | process | n | any change % | upper bound % | power % |
//! | --- | --- | --- | --- | --- | --- |
//! | changes | white | 20 | 1.10 | 1.96 | 64.0 |
//! | changes, levels | white | 20 | 1.60 | 2.59 | 97.3 |
//! | changes | white | 50 | 0.10 | 0.56 | 62.9 |
//! | changes, levels | white | 50 | 0.30 | 0.87 | 95.7 |
//! | changes | white | 300 | 0.10 | 0.56 | 57.9 |
//! | changes, levels | white | 300 | 0.10 | 0.56 | 97.7 |
//! | changes | t3 | 300 | 0.00 | 0.37 | 82.6 |
//! | changes, levels | t3 | 300 | 0.10 | 0.56 | 94.4 |
//! | changes | AR(1) 0.5 | 100 | 0.50 | 1.16 | 70.9 |
//! | changes, levels | AR(1) 0.5 | 100 | 0.20 | 0.72 | 93.2 |
//! | changes | AR(1) 0.5 | 300 | 0.00 | 0.37 | 58.0 |
//! | changes, levels | AR(1) 0.5 | 300 | 0.10 | 0.56 | 96.7 |
//! | changes | AR(1) 0.9 | 300 | 0.20 | 0.72 | 99.8 |
//! | changes, levels | AR(1) 0.9 | 300 | 0.30 | 0.87 | 100.0 |

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
