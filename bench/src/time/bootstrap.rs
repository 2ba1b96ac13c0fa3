//! `BCa` intervals of a mean and of a median, 10 000 resamples.

use std::path::Path;

use anyhow::Result;
use tacho_stats::bootstrap::{Bootstrap, Resampling, bootstrap_mean, bootstrap_quantile};

use super::{Work, array};

const PLAN: Resampling = Resampling {
    resamples: 10_000,
    seed: 1,
};

pub(super) fn mean(folder: &Path) -> Result<Work> {
    let x = array(folder, "x")?;
    Ok(Box::new(move || ends(&bootstrap_mean(&x, PLAN)?)))
}

pub(super) fn median(folder: &Path) -> Result<Work> {
    let x = array(folder, "x")?;
    Ok(Box::new(move || ends(&bootstrap_quantile(&x, 0.5, PLAN)?)))
}

fn ends(found: &Bootstrap) -> Result<Vec<f64>> {
    let interval = found.bca(0.95)?;
    Ok(vec![interval.low, interval.high])
}
