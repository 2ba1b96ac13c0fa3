//! Student's, Welch's and the paired t test.
//!
//! Invariant: textbook tests of independent observations, nothing corrected. On series whose
//! neighbours resemble each other they raise false alarms (25 % at AR(1) 0.5 for a nominal 5 %);
//! use [`compare_means`](crate::dependence::compare_means) there.
//! Source: Welch, "The generalization of 'Student's' problem", Biometrika 34 (1947).

use crate::describe::{mean, sd, sd_around};
use crate::distribution::StudentT;
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::{Alternative, Interval, paired_differences};
use crate::sum::mean_parts;

/// The result of a t test: p-values and intervals are read from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TTest {
    /// Mean of the first sample less that of the second.
    pub difference: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// The statistic.
    pub t: f64,
    /// Degrees of freedom.
    pub df: f64,
}

impl TTest {
    fn new(difference: f64, standard_error: f64, df: f64) -> Result<Self> {
        if standard_error == 0.0 {
            return Err(StatsError::ZeroVariance);
        }
        let difference = in_range("the difference of means", difference)?;
        let t = in_range("the statistic t", difference / standard_error)?;
        Ok(Self {
            difference,
            standard_error,
            t,
            df,
        })
    }

    /// The p-value against `alternative`.
    pub fn p(&self, alternative: Alternative) -> f64 {
        StudentT::new(self.df).map_or(1.0, |distribution| match alternative {
            Alternative::TwoSided => distribution.two_sided(self.t),
            Alternative::Less => distribution.cdf(self.t),
            Alternative::Greater => distribution.sf(self.t),
        })
    }

    /// The two-sided confidence interval of the difference.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        let critical = StudentT::new(self.df)?.inverse_sf(0.5 * (1.0 - level))?;
        Interval::around(self.difference, critical * self.standard_error, level)
    }
}

/// Student's test: equal variances assumed. Two or more observations each.
pub fn student(a: &[f64], b: &[f64]) -> Result<TTest> {
    let (difference, sd_a, sd_b) = difference(a, b)?;
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let df = na + nb - 2.0;
    let pooled = (sd_a * ((na - 1.0) / df).sqrt()).hypot(sd_b * ((nb - 1.0) / df).sqrt());
    TTest::new(difference, pooled * (1.0 / na + 1.0 / nb).sqrt(), df)
}

/// Welch's test: variances may differ. Two or more observations each.
pub fn welch(a: &[f64], b: &[f64]) -> Result<TTest> {
    let (difference, sd_a, sd_b) = difference(a, b)?;
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let (se_a, se_b) = (sd_a / na.sqrt(), sd_b / nb.sqrt());
    let standard_error = se_a.hypot(se_b);
    let df = satterthwaite(
        (se_a / standard_error, na - 1.0),
        (se_b / standard_error, nb - 1.0),
    );
    TTest::new(difference, standard_error, df)
}

/// The paired test: the mean of `a[i] − b[i]` against zero. Two or more pairs.
pub fn paired(a: &[f64], b: &[f64]) -> Result<TTest> {
    let differences = paired_differences(a, b, 2)?;
    let n = a.len() as f64;
    TTest::new(mean(&differences)?, sd(&differences)? / n.sqrt(), n - 1.0)
}

/// Degrees of freedom of a sum of two independent variance estimates, given each one's share of
/// the standard error and its own degrees of freedom (Satterthwaite 1946).
pub(crate) fn satterthwaite(a: (f64, f64), b: (f64, f64)) -> f64 {
    1.0 / (a.0.powi(4) / a.1 + b.0.powi(4) / b.1)
}

fn difference(a: &[f64], b: &[f64]) -> Result<(f64, f64, f64)> {
    observations(a, 2)?;
    observations(b, 2)?;
    let (mean_a, mean_b) = (mean_parts(a), mean_parts(b));
    let difference = in_range(
        "the difference of means",
        (mean_a.0 - mean_b.0) + (mean_a.1 - mean_b.1),
    )?;
    Ok((difference, sd_around(a, mean_a)?, sd_around(b, mean_b)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_is_refused() {
        assert_eq!(welch(&[1.0; 4], &[2.0; 4]), Err(StatsError::ZeroVariance));
        assert_eq!(student(&[1.0; 4], &[1.0; 4]), Err(StatsError::ZeroVariance));
        assert_eq!(
            welch(&[1.0], &[1.0, 2.0]),
            Err(StatsError::TooFew { need: 2, got: 1 })
        );
        assert_eq!(
            paired(&[1.0, 2.0], &[1.0]),
            Err(StatsError::LengthMismatch { left: 2, right: 1 })
        );
        assert!(welch(&[1e308, -1e308], &[1e308, -1e307]).is_ok());
        assert!(
            student(&[1.0, 2.0], &[3.0, 5.0])
                .unwrap()
                .interval(1.0)
                .is_err()
        );
    }

    #[test]
    fn one_constant_sample_is_enough_for_welch() {
        let test = welch(&[1.0, 2.0, 3.0], &[2.0; 5]).unwrap();
        assert_eq!((test.difference, test.df), (0.0, 2.0));
        assert_eq!(test.p(Alternative::TwoSided), 1.0);
    }
}
