//! Two samples brought to one step, so that their dependence can be compared.

use std::time::Duration;

use tacho_model::Histogram;

use crate::error::{AnalysisError, Result};
use crate::measurement::{Intervals, Sample};

/// Values of both samples at the coarser of the two steps.
pub(super) fn values(a: &Sample, b: &Sample) -> Result<(Vec<f64>, Vec<f64>)> {
    let (ka, kb) = factors(a.step, b.step)?;
    Ok((means(a, ka), means(b, kb)))
}

/// Histograms of both at the coarser of the two widths.
pub(super) fn intervals(a: &Intervals, b: &Intervals) -> Result<(Vec<Histogram>, Vec<Histogram>)> {
    let (ka, kb) = factors(a.width, b.width)?;
    Ok((merged(&a.parts, ka), merged(&b.parts, kb)))
}

/// How many neighbours of each side become one.
fn factors(a: Duration, b: Duration) -> Result<(usize, usize)> {
    let (fine, coarse) = (a.min(b), a.max(b));
    let whole = (coarse.as_nanos() + fine.as_nanos() / 2)
        .checked_div(fine.as_nanos())
        .unwrap_or(0);
    // Collectors are a little late at times; a tenth of a step is no other step.
    let off = coarse.as_secs_f64() - whole as f64 * fine.as_secs_f64();
    if whole == 0 || off.abs() > 0.1 * fine.as_secs_f64() {
        return Err(AnalysisError::Incomparable {
            problem: format!("steps of {a:?} and {b:?} do not fit each other"),
        });
    }
    let whole = whole as usize;
    Ok(if a < b { (whole, 1) } else { (1, whole) })
}

/// Means of `together` neighbours within each block.
fn means(sample: &Sample, together: usize) -> Vec<f64> {
    if together == 1 {
        return sample.values.clone();
    }
    let blocks = sample.values.chunks(sample.block.max(1));
    let runs = blocks.flat_map(|block| block.chunks_exact(together));
    runs.map(|run| run.iter().sum::<f64>() / run.len() as f64)
        .collect()
}

fn merged(parts: &[Histogram], together: usize) -> Vec<Histogram> {
    let merge = |run: &[Histogram]| {
        let mut whole = Histogram::new();
        for part in run {
            whole.merge(part);
        }
        whole
    };
    if together == 1 {
        return parts.to_vec();
    }
    parts.chunks_exact(together).map(merge).collect()
}
