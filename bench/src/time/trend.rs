//! Tests for a trend, and lines that outliers do not bend.

use std::path::Path;

use anyhow::Result;
use tacho_stats::Alternative;
use tacho_stats::regression::{
    Intercept, MannKendallMethod, least_squares, mann_kendall, theil_sen_series,
};

use super::{Work, array};

/// Kendall's tau of a series against time, with its p-value.
pub(super) fn prepare_mann_kendall(folder: &Path) -> Result<Work> {
    let y = array(folder, "y")?;
    Ok(Box::new(move || {
        let test = mann_kendall(&y, MannKendallMethod::Automatic)?;
        Ok(vec![test.tau, test.p(Alternative::TwoSided)])
    }))
}

/// The Theil-Sen line of a series, with its interval.
pub(super) fn prepare_theil_sen(folder: &Path) -> Result<Work> {
    let y = array(folder, "y")?;
    Ok(Box::new(move || {
        let line = theil_sen_series(&y, 0.95)?;
        Ok(vec![
            line.slope,
            line.intercept,
            line.interval.low,
            line.interval.high,
        ])
    }))
}

/// Slope, its standard error and R² of a simple regression.
pub(super) fn prepare_least_squares(folder: &Path) -> Result<Work> {
    let (x, y) = (array(folder, "x")?, array(folder, "y")?);
    Ok(Box::new(move || {
        let fit = least_squares(&y, &[&x], Intercept::Fitted)?;
        let coefficients = fit.coefficients()?;
        Ok(vec![
            coefficients[1].estimate,
            coefficients[1].standard_error,
            fit.r_squared,
        ])
    }))
}
