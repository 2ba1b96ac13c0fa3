//! Robust Mahalanobis distance: rows unusual for their combination of values.
//!
//! Invariant: the distance does not change, except for rounding, under any invertible linear map and
//! shift of the variables, and up to a quarter of the rows may be anything without carrying the
//! estimate away. The p-value is that of a *new* row from the normal distribution the others come
//! from; for rows that were themselves used it errs on the side of silence. Heavier tails than a
//! normal's raise more alarms than asked for: calibrate the distance by
//! [`ConformalCalibration`](super::ConformalCalibration) there.
//! Not for fewer than about ten rows a variable, nor for clusters: it knows one centre.
//!
//! Method: the location and covariance of the three quarters of the rows whose covariance has the
//! smallest determinant (`FastMCD`), made consistent at the normal, then of all rows within its 97.5 %
//! ellipsoid. The distance of a new row follows an F distribution (Hardin & Rocke); its degrees of
//! freedom and scale in small samples come from simulations of this very estimator.
//! Sources: Rousseeuw & Van Driessen, "A fast algorithm for the minimum covariance determinant
//! estimator", Technometrics 41 (1999); Croux & Haesbroeck, "Influence function and efficiency of
//! the MCD scatter matrix estimator", Journal of Multivariate Analysis 71 (1999), for consistency;
//! Hardin & Rocke, "The distribution of robust distances", Journal of Computational and Graphical
//! Statistics 14 (2005); Garthwaite & Koch, "Evaluating the contributions of individual variables to
//! a quadratic form", Australian & New Zealand Journal of Statistics 58 (2016).

use super::rows::{Rows, one_row};
use crate::describe::{mad, median};
use crate::distribution::{ChiSquared, FisherF};
use crate::error::{Result, StatsError, in_range};

mod determinant;
mod matrix;
mod small_sample;

use determinant::{Estimate, smallest_determinant};
use matrix::{Cholesky, inverse_square_root};

/// Rows within this part of the raw estimate's ellipsoid count for the final one.
const KEPT: f64 = 0.975;
/// Part of the rows that the determinant is taken of.
const SUPPORT: f64 = 0.75;

/// Location and covariance of the bulk of some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct RobustCovariance {
    units: Vec<Unit>,
    /// In standard units.
    estimate: Estimate,
    cholesky: Cholesky,
    /// Turns a squared distance into one with the F distribution below.
    scale: f64,
    tail: FisherF,
    /// For the contributions: the inverse square root of the correlations, and one over each
    /// standard deviation.
    whiten: Vec<f64>,
    inverse_sd: Vec<f64>,
}

impl RobustCovariance {
    /// From at least 2(p + 1) rows of p variables; `seed` chooses where the search starts.
    ///
    /// Fails with [`StatsError::ZeroVariance`] where three quarters of the rows lie on a hyperplane,
    /// as where a variable is constant or a sum of others.
    ///
    /// ```
    /// use tacho_stats::detect::{RobustCovariance, Rows};
    /// use tacho_stats::rng::Rng;
    ///
    /// let mut rng = Rng::new(1);
    /// let rows: Vec<f64> = (0..500)
    ///     .flat_map(|_| {
    ///         let load = rng.standard_normal();
    ///         [load, 2.0 * load + 0.3 * rng.standard_normal()]
    ///     })
    ///     .collect();
    /// let normal = RobustCovariance::fit(&Rows::new(&rows, 2)?, 7)?;
    /// // Each value is ordinary, but not both together.
    /// assert!(normal.p_value(&[1.0, -1.0])? < 1e-6);
    /// assert!(normal.p_value(&[1.0, 2.0])? > 0.3);
    /// # Ok::<(), tacho_stats::StatsError>(())
    /// ```
    pub fn fit(rows: &Rows, seed: u64) -> Result<Self> {
        let p = rows.width();
        rows.at_least(2 * (p + 1))?;
        let units = (0..p)
            .map(|column| Unit::of(rows, column))
            .collect::<Result<Vec<Unit>>>()?;
        let table: Vec<f64> = rows
            .iter()
            .flat_map(|row| row.iter().zip(&units).map(|(v, unit)| unit.standard(*v)))
            .collect();
        let n = rows.len();
        // As many rows as leave 1 − SUPPORT of them free to be anything.
        let least = usize::midpoint(n, p + 1);
        let support = ((SUPPORT * n as f64).ceil() as usize).clamp(least, n);
        let raw = smallest_determinant(&table, p, support, seed).ok_or(StatsError::ZeroVariance)?;
        let raw = raw.scaled(consistency(p, support as f64 / n as f64)?);
        let estimate = reweighted(&table, n, &raw)?;
        let cholesky = Cholesky::of(&estimate.covariance, p).ok_or(StatsError::ZeroVariance)?;
        let sd: Vec<f64> = (0..p)
            .map(|j| estimate.covariance[j * p + j].sqrt())
            .collect();
        let law = small_sample::law(n, p);
        Ok(Self {
            whiten: inverse_square_root(&correlations(&estimate.covariance, &sd), p),
            inverse_sd: sd.iter().map(|s| 1.0 / s).collect(),
            units,
            estimate,
            cholesky,
            scale: law.scale,
            tail: FisherF::new(p as f64, law.df)?,
        })
    }

    /// The squared Mahalanobis distance of a row from the bulk. Allocates nothing for up to
    /// sixteen variables.
    pub fn distance_squared(&self, row: &[f64]) -> Result<f64> {
        one_row(row, self.units.len())?;
        let mut small = [0.0; 16];
        let mut large = Vec::new();
        let deviation = if let Some(part) = small.get_mut(..row.len()) {
            part
        } else {
            large.resize(row.len(), 0.0);
            &mut large[..]
        };
        self.deviation(row, deviation);
        in_range("the distance", self.cholesky.square(deviation))
    }

    /// The probability that a new normal row lies farther from the bulk.
    pub fn p_value(&self, row: &[f64]) -> Result<f64> {
        Ok(self.tail.sf(self.distance_squared(row)? / self.scale))
    }

    /// What each variable contributes to the squared distance: not negative, and together the whole
    /// of it. Correlated variables share according to their correlation (Garthwaite & Koch 2016).
    pub fn contributions(&self, row: &[f64]) -> Result<Vec<f64>> {
        one_row(row, self.units.len())?;
        let p = row.len();
        let mut deviation = vec![0.0; p];
        self.deviation(row, &mut deviation);
        for (value, inverse) in deviation.iter_mut().zip(&self.inverse_sd) {
            *value *= inverse;
        }
        let dot = |line: &[f64]| -> f64 { line.iter().zip(&deviation).map(|(a, b)| a * b).sum() };
        self.whiten
            .chunks_exact(p)
            .map(|line| in_range("a contribution", dot(line).powi(2)))
            .collect()
    }

    /// The centre of the bulk.
    pub fn location(&self) -> Vec<f64> {
        let centre = self.estimate.location.iter().zip(&self.units);
        centre.map(|(z, unit)| unit.original(*z)).collect()
    }

    /// The covariance of the bulk, row by row.
    pub fn covariance(&self) -> Result<Vec<f64>> {
        let p = self.units.len();
        let entry = |i: usize, j: usize| {
            let scaled = self.estimate.covariance[i * p + j] / self.units[i].scale;
            in_range("a covariance", scaled / self.units[j].scale * 4.0)
        };
        (0..p * p).map(|at| entry(at / p, at % p)).collect()
    }

    fn deviation(&self, row: &[f64], out: &mut [f64]) {
        let centre = self.units.iter().zip(&self.estimate.location);
        for ((out, value), (unit, location)) in out.iter_mut().zip(row).zip(centre) {
            *out = unit.standard(*value) - location;
        }
    }
}

/// What makes a variable's values small numbers: half of a value, less `half_centre`, times `scale`.
/// The halves keep differences of the largest doubles in range.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Unit {
    half_centre: f64,
    scale: f64,
}

impl Unit {
    /// Farther than this many spreads is as far as it gets: its square is still in range.
    const FARTHEST: f64 = 1e100;

    fn of(rows: &Rows, column: usize) -> Result<Self> {
        let halves: Vec<f64> = rows.iter().map(|row| 0.5 * row[column]).collect();
        let half_centre = median(&halves)?;
        let mut spread = mad(&halves)?;
        if spread == 0.0 {
            let far = halves.iter().map(|v| (v - half_centre).abs());
            spread = far.fold(0.0, f64::max) / halves.len() as f64;
        }
        if spread == 0.0 {
            return Err(StatsError::ZeroVariance);
        }
        let exponent = spread.log2().floor().clamp(-1000.0, 1000.0);
        Ok(Self {
            half_centre,
            scale: (-exponent).exp2(),
        })
    }

    fn standard(self, value: f64) -> f64 {
        ((0.5 * value - self.half_centre) * self.scale).clamp(-Self::FARTHEST, Self::FARTHEST)
    }

    fn original(self, standard: f64) -> f64 {
        2.0 * (self.half_centre + standard / self.scale)
    }
}

/// The factor that makes the covariance of the `part` of normal rows nearest to the centre that of
/// all (Croux & Haesbroeck 1999).
fn consistency(p: usize, part: f64) -> Result<f64> {
    if part >= 1.0 {
        return Ok(1.0);
    }
    let radius = ChiSquared::new(p as f64)?.quantile(part)?;
    Ok(part / ChiSquared::new(p as f64 + 2.0)?.cdf(radius))
}

/// Location and covariance of the rows within the 97.5 % ellipsoid of `raw`.
fn reweighted(table: &[f64], n: usize, raw: &Estimate) -> Result<Estimate> {
    let p = raw.location.len();
    let cholesky = Cholesky::of(&raw.covariance, p).ok_or(StatsError::ZeroVariance)?;
    let radius = ChiSquared::new(p as f64)?.quantile(KEPT)?;
    let mut deviation = vec![0.0; p];
    let kept: Vec<u32> = (0..n as u32)
        .filter(|i| {
            let row = &table[*i as usize * p..][..p];
            for ((out, value), centre) in deviation.iter_mut().zip(row).zip(&raw.location) {
                *out = value - centre;
            }
            cholesky.square(&mut deviation) <= radius
        })
        .collect();
    let estimate = Estimate::of(table, p, kept.iter().copied());
    Ok(estimate.scaled(consistency(p, KEPT)?))
}

fn correlations(covariance: &[f64], sd: &[f64]) -> Vec<f64> {
    let p = sd.len();
    (0..p * p)
        .map(|at| covariance[at] / (sd[at / p] * sd[at % p]))
        .collect()
}

#[cfg(test)]
mod tests;
