//! Change points: PELT with the L2 cost, and e-divisive.

use std::path::Path;

use anyhow::Result;
use tacho_stats::changepoint::{EDivisive, e_divisive, pelt_l2};

use super::{Work, array};

/// The penalty of `bench/tasks/changes.py`.
const PENALTY: f64 = 60.0;

pub(super) fn prepare_pelt(folder: &Path) -> Result<Work> {
    let x = array(folder, "x")?;
    Ok(Box::new(move || {
        let found = pelt_l2(&x, PENALTY, 1)?;
        Ok(found.into_iter().map(|k| k as f64).collect())
    }))
}

/// With its permutation test over blocks, which the peer does not make.
pub(super) fn prepare_e_divisive(folder: &Path) -> Result<Work> {
    let x = array(folder, "x")?;
    let settings = EDivisive {
        permutations: 39,
        ..EDivisive::default()
    };
    Ok(Box::new(move || {
        let found = e_divisive(&x, &settings)?;
        Ok(found.into_iter().map(|c| c.index as f64).collect())
    }))
}
