//! The Mann-Whitney test by its normal approximation.

use std::path::Path;

use anyhow::Result;
use tacho_stats::Alternative;
use tacho_stats::mannwhitney::{MannWhitneyMethod, mann_whitney};

use super::{Work, array};

pub(super) fn prepare(folder: &Path) -> Result<Work> {
    let (a, b) = (array(folder, "a")?, array(folder, "b")?);
    Ok(Box::new(move || {
        let test = mann_whitney(&a, &b, MannWhitneyMethod::Auto)?;
        Ok(vec![test.u1, test.p(Alternative::TwoSided)])
    }))
}
