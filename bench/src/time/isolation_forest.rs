//! Isolation forest: growing it and scoring every row, and scoring one row.

use std::path::Path;

use anyhow::Result;
use tacho_stats::detect::{IsolationForest, IsolationForestOptions, Rows};

use super::{Work, array};

const WIDTH: usize = 4;

/// Fits and scores all rows; the result is the mean score and the highest.
pub(super) fn prepare(folder: &Path) -> Result<Work> {
    let values = array(folder, "rows")?;
    Ok(Box::new(move || {
        let rows = Rows::new(&values, WIDTH)?;
        let scores = fit(&rows)?.scores(&rows)?;
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        Ok(vec![mean, scores.into_iter().fold(0.0, f64::max)])
    }))
}

/// Scores the first row with a forest grown beforehand.
pub(super) fn prepare_row(folder: &Path) -> Result<Work> {
    let values = array(folder, "rows")?;
    let forest = fit(&Rows::new(&values, WIDTH)?)?;
    Ok(Box::new(move || Ok(vec![forest.score(&values[..WIDTH])?])))
}

fn fit(rows: &Rows) -> Result<IsolationForest> {
    Ok(IsolationForest::fit(
        rows,
        IsolationForestOptions::default(),
    )?)
}
