//! Matrix profile of a random walk.

use std::path::Path;

use anyhow::Result;
use tacho_stats::detect::matrix_profile;

use super::{Work, array};

const WINDOW: usize = 100;

/// The result is the sum of the distances and the highest.
pub(super) fn prepare(folder: &Path) -> Result<Work> {
    let series = array(folder, "series")?;
    Ok(Box::new(move || {
        let profile = matrix_profile(&series, WINDOW)?;
        let distances = &profile.distances;
        let highest = distances.iter().fold(0.0, |m: f64, d| m.max(*d));
        Ok(vec![distances.iter().sum(), highest])
    }))
}
