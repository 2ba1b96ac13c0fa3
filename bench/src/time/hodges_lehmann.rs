//! The Hodges-Lehmann shift with its interval.

use std::path::Path;

use anyhow::Result;
use tacho_stats::effect::hodges_lehmann;

use super::{Work, array};

pub(super) fn prepare(folder: &Path) -> Result<Work> {
    let (a, b) = (array(folder, "a")?, array(folder, "b")?);
    Ok(Box::new(move || {
        Ok(vec![hodges_lehmann(&a, &b, 0.95)?.shift])
    }))
}
