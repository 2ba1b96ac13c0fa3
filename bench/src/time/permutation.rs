//! A permutation test of a difference of means, 10 000 labellings.

use std::path::Path;

use anyhow::Result;
use tacho_stats::Alternative;
use tacho_stats::permutation::{PermutationPlan, permute_means};

use super::{Work, array};

pub(super) fn prepare(folder: &Path) -> Result<Work> {
    let (a, b) = (array(folder, "a")?, array(folder, "b")?);
    let plan = PermutationPlan {
        permutations: 10_000,
        seed: 1,
    };
    Ok(Box::new(move || {
        let test = permute_means(&a, &b, plan)?;
        Ok(vec![test.statistic, test.p(Alternative::TwoSided)])
    }))
}
