//! Ordinary least squares: coefficients, their intervals, predictions and the quality of the fit.
//!
//! Invariant: coefficients and their standard errors are those of the data as given in doubles, to
//! about the last digit, up to condition numbers of 1e14; worse designs are refused. A single
//! predictor, where doubles suffice, is fitted in them, to 1e-13 ([`simple`](super::simple)). Scaling
//! y or a predictor by a power of two moves the coefficients exactly as it should.
//! Not for noise with a memory unless [`ErrorModel`] says so; nor for outliers
//! ([`theil_sen`](super::theil_sen())).
//! Sources: Draper & Smith, "Applied regression analysis" (1998); NIST `StRD`, linear regression.

use super::double_double::{DoubleDouble, dot};
use super::error_model::{ErrorModel, form};
use super::orthogonal::{Orthogonal, Triangle};
use super::simple::simple;
use crate::distribution::{FisherF, StudentT};
use crate::error::{self, Result, StatsError, in_range, observations, same_length};
use crate::hypothesis::Interval;

/// The most columns of a design.
const COLUMNS_MAX: usize = 256;
/// Residuals below this part of y are what twice the precision leaves of an exact fit.
const EXACT: f64 = 1e-24;

/// Whether a line may miss the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Intercept {
    /// A constant is fitted; R² compares with the mean.
    #[default]
    Fitted,
    /// The fit passes through the origin; R² compares with zero.
    Zero,
}

/// One coefficient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficient {
    /// The estimate, in units of y over units of its predictor.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Degrees of freedom of the residuals.
    pub df: f64,
}

impl Coefficient {
    /// Estimate over standard error; infinite or NaN where the fit is exact.
    pub fn t(&self) -> f64 {
        self.estimate / self.standard_error
    }

    /// The two-sided p-value of a coefficient of zero.
    pub fn p(&self) -> f64 {
        if self.standard_error == 0.0 {
            return if self.estimate == 0.0 { 1.0 } else { 0.0 };
        }
        StudentT::new(self.df).map_or(1.0, |t| t.two_sided(self.t()))
    }

    /// The confidence interval.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        let critical = StudentT::new(self.df)?.inverse_sf(0.5 * (1.0 - level))?;
        Interval::around(self.estimate, critical * self.standard_error, level)
    }
}

/// What a fit says about a new place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The value of the fit.
    pub value: f64,
    /// Where the mean of observations there lies.
    pub mean: Interval,
    /// Where one new observation lies.
    pub observation: Interval,
}

/// A fit by least squares.
#[derive(Debug, Clone, PartialEq)]
pub struct LeastSquares {
    /// Residual standard deviation, with n − p in the denominator.
    pub residual_sd: f64,
    /// R²: the part of the sum of squares that the fit explains.
    pub r_squared: f64,
    /// Degrees of freedom of the residuals: observations less coefficients.
    pub df: f64,
    pub(super) residuals: Vec<f64>,
    pub(super) q: Vec<Vec<f64>>,
    pub(super) triangle: Triangle,
    pub(super) errors: ErrorModel,
    intercept: Intercept,
    basis: Basis,
    /// Of the scaled columns.
    coefficients: Vec<DoubleDouble>,
    /// What each column was multiplied by, and y.
    scales: Vec<f64>,
    y_scale: f64,
}

/// How a new place becomes a row of the design.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Basis {
    Predictors,
    /// Powers 1 to this degree of one predictor.
    Powers(usize),
}

/// Fits y = b₀ + b₁ x₁ + b₂ x₂ + ...; more observations than coefficients, all slices as long.
///
/// Fails with [`StatsError::RankDeficient`] where a predictor is a combination of others.
///
/// ```
/// use tacho_stats::regression::{Intercept, least_squares};
///
/// let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0], [2.1, 3.9, 6.2, 7.8, 10.1]);
/// let fit = least_squares(&y, &[&x], Intercept::Fitted)?;
/// let slope = fit.coefficient(1).expect("two coefficients");
/// assert!((slope.estimate - 1.99).abs() < 1e-12);
/// assert!(slope.interval(0.95)?.contains(2.0));
/// let next = fit.predict(&[6.0], 0.95)?;
/// assert!(next.observation.low < 12.0 && 12.0 < next.observation.high);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn least_squares(
    y: &[f64],
    predictors: &[&[f64]],
    intercept: Intercept,
) -> Result<LeastSquares> {
    if let ([x], Intercept::Fitted) = (predictors, intercept)
        && let Some(fit) = LeastSquares::through_points(y, x)?
    {
        return Ok(fit);
    }
    LeastSquares::in_twice_the_precision(y, predictors, intercept)
}

/// Fits y = b₀ + b₁ x + ... of the given degree. The powers are taken in twice the precision.
pub fn polynomial(
    y: &[f64],
    x: &[f64],
    degree: usize,
    intercept: Intercept,
) -> Result<LeastSquares> {
    same_length(y.len(), x.len())?;
    observations(x, 1)?;
    if degree > COLUMNS_MAX {
        return Err(too_many());
    }
    let scale = power_of_two_near(x);
    let base: Vec<DoubleDouble> = x.iter().map(|v| DoubleDouble::from(v * scale)).collect();
    let mut power = vec![DoubleDouble::from(1.0); x.len()];
    let mut columns = Vec::with_capacity(degree);
    for exponent in 1..=degree {
        for (power, base) in power.iter_mut().zip(&base) {
            *power = *power * *base;
        }
        columns.push((power.clone(), scale.powi(exponent as i32)));
    }
    LeastSquares::fit(y, columns, intercept, Basis::Powers(degree))
}

impl LeastSquares {
    /// A line with an intercept, in doubles; none where they do not suffice.
    fn through_points(y: &[f64], x: &[f64]) -> Result<Option<Self>> {
        same_length(y.len(), x.len())?;
        observations(x, 1)?;
        observations(y, 3)?;
        let (x_scale, y_scale) = (power_of_two_near(x), power_of_two_near(y));
        // Unscaled means must neither overflow nor lose their low parts.
        let usual = |scale: f64| (1e-270..1e270).contains(&scale);
        let scales = [y_scale, x_scale];
        let fit = if scales.into_iter().all(usual) {
            simple(y, x, scales)
        } else {
            None
        };
        let Some(mut fit) = fit else {
            return Ok(None);
        };
        let df = y.len() as f64 - 2.0;
        let residual_sd = (fit.unexplained / df).sqrt() / y_scale;
        let unit = 1.0 / y_scale;
        for residual in &mut fit.residuals {
            *residual *= unit;
        }
        Ok(Some(Self {
            residual_sd: in_range("the residual standard deviation", residual_sd)?,
            r_squared: fit.r_squared,
            df,
            residuals: fit.residuals,
            q: fit.q,
            triangle: fit.triangle,
            errors: ErrorModel::Independent,
            intercept: Intercept::Fitted,
            basis: Basis::Predictors,
            coefficients: fit.coefficients.to_vec(),
            scales: vec![1.0, x_scale],
            y_scale,
        }))
    }

    pub(super) fn in_twice_the_precision(
        y: &[f64],
        predictors: &[&[f64]],
        intercept: Intercept,
    ) -> Result<Self> {
        let mut columns = Vec::with_capacity(predictors.len());
        for x in predictors {
            same_length(y.len(), x.len())?;
            observations(x, 1)?;
            let scale = power_of_two_near(x);
            let column = x.iter().map(|v| DoubleDouble::from(v * scale)).collect();
            columns.push((column, scale));
        }
        Self::fit(y, columns, intercept, Basis::Predictors)
    }

    fn fit(
        y: &[f64],
        predictors: Vec<(Vec<DoubleDouble>, f64)>,
        intercept: Intercept,
        basis: Basis,
    ) -> Result<Self> {
        let constants = usize::from(intercept == Intercept::Fitted);
        let p = predictors.len() + constants;
        if p == 0 || p > COLUMNS_MAX {
            return Err(too_many());
        }
        observations(y, p + 1)?;
        let one = vec![DoubleDouble::from(1.0); y.len() * constants];
        let constant = (constants == 1).then_some((one, 1.0));
        let (columns, scales) = constant.into_iter().chain(predictors).unzip();
        let factors = Orthogonal::new(columns, constants)?;
        let y_scale = power_of_two_near(y);
        let scaled: Vec<DoubleDouble> = y.iter().map(|v| DoubleDouble::from(v * y_scale)).collect();
        let mut rest = scaled.clone();
        let parts = factors.project_out(&mut rest);
        let size = dot(&scaled, &scaled);
        let mut unexplained = dot(&rest, &rest);
        if unexplained.value() <= EXACT * EXACT * size.value() {
            unexplained = DoubleDouble::ZERO;
            rest.fill(DoubleDouble::ZERO);
        }
        let explained = dot(&parts[constants..], &parts[constants..]);
        let total = explained + unexplained;
        let df = (y.len() - p) as f64;
        let residual_sd = (unexplained / DoubleDouble::from(df)).sqrt().value() / y_scale;
        Ok(Self {
            residual_sd: in_range("the residual standard deviation", residual_sd)?,
            // Constant data are explained by the constant.
            r_squared: if total.value() > EXACT * EXACT * size.value() {
                (explained / total).value()
            } else {
                1.0
            },
            df,
            residuals: rest.iter().map(|r| r.value() / y_scale).collect(),
            coefficients: factors.triangle.solve(&parts),
            q: factors.q.iter().map(|q| rounded(q)).collect(),
            triangle: factors.triangle,
            errors: ErrorModel::Independent,
            intercept,
            basis,
            scales,
            y_scale,
        })
    }

    /// The same fit with standard errors under another assumption.
    pub fn with_errors(mut self, errors: ErrorModel) -> Self {
        self.errors = errors;
        self
    }

    /// All coefficients: the intercept first, where it was fitted, then one a predictor or power.
    pub fn coefficients(&self) -> Result<Vec<Coefficient>> {
        let middle = self.middle();
        let inverse = self.triangle.inverse_rows();
        let rows = self.coefficients.iter().zip(&self.scales).zip(&inverse);
        rows.map(|((estimate, scale), row)| {
            // Scaling factors are powers of two, but their ratio may leave the range of doubles.
            let unscaled = |v: f64| in_range("a coefficient", v * scale / self.y_scale);
            Ok(Coefficient {
                estimate: unscaled(estimate.value())?,
                standard_error: unscaled(form(row, &middle, row).max(0.0).sqrt())?,
                df: self.df,
            })
        })
        .collect()
    }

    /// One coefficient; none beyond the last, or where it leaves the range of doubles.
    pub fn coefficient(&self, index: usize) -> Option<Coefficient> {
        self.coefficients().ok()?.get(index).copied()
    }

    /// R² less what chance explains: 1 − (1 − R²) (n − c) / (n − p), with c = 1 for an intercept.
    pub fn adjusted_r_squared(&self) -> f64 {
        let n = self.residuals.len() as f64;
        1.0 - (1.0 - self.r_squared) * (n - self.constants()) / self.df
    }

    /// The F statistic of all predictors together; none where the fit is exact or has no predictor.
    pub fn f_statistic(&self) -> Option<f64> {
        let predictors = self.coefficients.len() as f64 - self.constants();
        let unexplained = self.residual_sd.powi(2);
        (unexplained > 0.0 && predictors > 0.0).then(|| {
            let parts = &self.factors_of_y()[self.constants() as usize..];
            let explained = dot(parts, parts).value();
            explained / predictors / (self.residual_sd * self.y_scale).powi(2)
        })
    }

    /// The p-value of the F statistic; 0 where the fit is exact.
    pub fn p(&self) -> Option<f64> {
        let predictors = self.coefficients.len() as f64 - self.constants();
        let f = FisherF::new(predictors, self.df).ok()?;
        Some(self.f_statistic().map_or(0.0, |statistic| f.sf(statistic)))
    }

    /// The fit at a new place: one value a predictor, or one for a polynomial.
    pub fn predict(&self, place: &[f64], level: f64) -> Result<Prediction> {
        error::level(level)?;
        let row = self.row(place)?;
        let value = dot(&row, &self.coefficients).value() / self.y_scale;
        let value = in_range("the prediction", value)?;
        let seen: Vec<f64> = self
            .triangle
            .solve_transposed(&row)
            .iter()
            .map(|v| v.value())
            .collect();
        let variance = form(&seen, &self.middle(), &seen).max(0.0);
        let noise = (self.residual_sd * self.y_scale).powi(2);
        let critical = StudentT::new(self.df)?.inverse_sf(0.5 * (1.0 - level))?;
        let around = |variance: f64| {
            Interval::around(value, critical * variance.sqrt() / self.y_scale, level)
        };
        Ok(Prediction {
            value,
            mean: around(variance)?,
            observation: around(variance + noise)?,
        })
    }

    fn row(&self, place: &[f64]) -> Result<Vec<DoubleDouble>> {
        let constants = self.constants() as usize;
        let expected = match self.basis {
            Basis::Predictors => self.coefficients.len() - constants,
            Basis::Powers(_) => 1,
        };
        same_length(expected, place.len())?;
        observations(place, 0)?;
        let mut row = vec![DoubleDouble::from(1.0); constants];
        let scales = &self.scales[constants..];
        match self.basis {
            Basis::Predictors => {
                row.extend(
                    place
                        .iter()
                        .zip(scales)
                        .map(|(v, s)| DoubleDouble::from(v * s)),
                );
            }
            Basis::Powers(degree) => {
                let base = DoubleDouble::from(place[0] * scales.first().copied().unwrap_or(1.0));
                let mut power = DoubleDouble::from(1.0);
                for _ in 0..degree {
                    power = power * base;
                    row.push(power);
                }
            }
        }
        Ok(row)
    }

    fn middle(&self) -> Vec<Vec<f64>> {
        let variance = (self.residual_sd * self.y_scale).powi(2);
        self.errors
            .middle(&self.q, &self.residuals, self.y_scale, variance)
    }

    /// Qᵀ y = R b.
    fn factors_of_y(&self) -> Vec<DoubleDouble> {
        self.triangle.multiply(&self.coefficients)
    }

    fn constants(&self) -> f64 {
        f64::from(u8::from(self.intercept == Intercept::Fitted))
    }
}

fn rounded(column: &[DoubleDouble]) -> Vec<f64> {
    column.iter().map(|v| v.value()).collect()
}

fn too_many() -> StatsError {
    StatsError::Invalid {
        name: "predictors",
        why: "a fit has 1 to 256 coefficients",
    }
}

/// A power of two that brings the largest value near 1.
fn power_of_two_near(x: &[f64]) -> f64 {
    let largest = x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return 1.0;
    }
    2f64.powi(-(largest.log2().floor().clamp(-1000.0, 1000.0) as i32))
}

#[cfg(test)]
mod tests;
