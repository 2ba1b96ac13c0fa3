//! STL of an evenly spaced series with period 24, every point fitted, as statsmodels does.

use std::path::Path;

use anyhow::Result;
use tacho_stats::smooth::stl::{StlSettings, stl};

use super::{Work, array};

/// Five inner passes.
pub(super) fn prepare_plain(folder: &Path) -> Result<Work> {
    prepare(folder, 5, 0)
}

/// Fifteen outer passes of two inner ones.
pub(super) fn prepare_robust(folder: &Path) -> Result<Work> {
    prepare(folder, 2, 15)
}

fn prepare(folder: &Path, inner: usize, outer: usize) -> Result<Work> {
    let y = array(folder, "y")?;
    let settings = StlSettings {
        inner,
        outer,
        ..StlSettings::new(24)
    };
    Ok(Box::new(move || {
        let parts = stl(&y, &settings)?;
        let mut numbers = Vec::new();
        for i in (0..y.len()).step_by(y.len() / 100) {
            numbers.extend([parts.trend[i], parts.seasonal[i], parts.weights[i]]);
        }
        Ok(numbers)
    }))
}
