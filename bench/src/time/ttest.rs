//! Welch's t test.

use std::path::Path;

use anyhow::Result;
use tacho_stats::Alternative;
use tacho_stats::ttest::welch;

use super::{Work, array};

pub(super) fn prepare(folder: &Path) -> Result<Work> {
    let (a, b) = (array(folder, "a")?, array(folder, "b")?);
    Ok(Box::new(move || {
        let test = welch(&a, &b)?;
        Ok(vec![test.t, test.p(Alternative::TwoSided)])
    }))
}
