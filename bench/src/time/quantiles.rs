//! Six quantiles of an unsorted sample.

use std::path::Path;

use anyhow::Result;
use tacho_stats::quantile::{QuantileType, quantiles};

use super::{Work, array};

pub(super) fn prepare(folder: &Path) -> Result<Work> {
    let x = array(folder, "x")?;
    let ps = [0.25, 0.5, 0.75, 0.9, 0.99, 0.999];
    Ok(Box::new(move || {
        Ok(quantiles(&x, &ps, QuantileType::Linear7)?)
    }))
}
