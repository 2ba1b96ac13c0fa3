//! The Brunner-Munzel test: is one of two samples stochastically larger?
//!
//! Invariant: tests P(a > b) + ½ P(a = b) = ½ and assumes nothing else: unlike Mann-Whitney's it
//! keeps its rate where the spreads differ. Not for fewer than about ten observations each, where t
//! is only roughly its distribution, nor for dependent observations
//! ([`compare_ranks`](crate::dependence::compare_ranks)).
//! Source: Brunner & Munzel, "The nonparametric Behrens-Fisher problem", Biometrical Journal 42
//! (2000). Agrees with `scipy.stats.brunnermunzel`.

use crate::describe::{mean, sd};
use crate::distribution::StudentT;
use crate::error::{self, Result, StatsError, observations};
use crate::hypothesis::{Alternative, Interval, placements};
use crate::quantile::SortedSample;
use crate::ttest::satterthwaite;

/// The result of a Brunner-Munzel test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrunnerMunzel {
    /// The statistic; positive where the second sample is the larger, as in the paper.
    pub statistic: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Estimate of P(a > b) + ½ P(a = b).
    pub probability_greater: f64,
    /// Standard error of that estimate.
    pub standard_error: f64,
}

/// Tests whether `a` tends to be larger or smaller than `b`; two or more observations each.
///
/// Fails with [`StatsError::ZeroVariance`] where the samples do not overlap at all: the variance
/// cannot be estimated then, and an exact [`mann_whitney`](crate::mannwhitney::mann_whitney) answers.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::brunner_munzel::brunner_munzel;
///
/// let test = brunner_munzel(&[1.0, 2.0, 4.0, 3.5, 1.7], &[3.0, 5.0, 4.5, 6.0])?;
/// assert!(test.probability_greater < 0.2);
/// assert!(test.p(Alternative::Less) < 0.05);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn brunner_munzel(a: &[f64], b: &[f64]) -> Result<BrunnerMunzel> {
    observations(a, 2)?;
    observations(b, 2)?;
    let (a, b) = (SortedSample::new(a)?, SortedSample::new(b)?);
    let (na, nb) = (a.as_slice().len() as f64, b.as_slice().len() as f64);
    let of_a = placements(a.as_slice(), b.as_slice());
    let of_b = placements(b.as_slice(), a.as_slice());
    // Standard errors of P(b < x) over the first sample, and of P(a < y) over the second.
    let (error_a, error_b) = (sd(&of_a)? / nb / na.sqrt(), sd(&of_b)? / na / nb.sqrt());
    let standard_error = error_a.hypot(error_b);
    if standard_error == 0.0 {
        return Err(StatsError::ZeroVariance);
    }
    let probability_greater = mean(&of_a)? / nb;
    Ok(BrunnerMunzel {
        statistic: (0.5 - probability_greater) / standard_error,
        df: satterthwaite(
            (error_a / standard_error, na - 1.0),
            (error_b / standard_error, nb - 1.0),
        ),
        probability_greater,
        standard_error,
    })
}

impl BrunnerMunzel {
    /// The p-value against `alternative`.
    pub fn p(&self, alternative: Alternative) -> f64 {
        StudentT::new(self.df).map_or(1.0, |t| match alternative {
            Alternative::TwoSided => t.two_sided(self.statistic),
            Alternative::Less => t.sf(self.statistic),
            Alternative::Greater => t.cdf(self.statistic),
        })
    }

    /// The confidence interval of P(a > b) + ½ P(a = b), cut at 0 and 1.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        let critical = StudentT::new(self.df)?.inverse_sf(0.5 * (1.0 - level))?;
        let margin = critical * self.standard_error;
        Ok(Interval {
            low: (self.probability_greater - margin).max(0.0),
            high: (self.probability_greater + margin).min(1.0),
            level,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_that_do_not_overlap_are_refused() {
        let refused = brunner_munzel(&[1.0, 2.0], &[3.0, 4.0]);
        assert_eq!(refused, Err(StatsError::ZeroVariance));
        assert_eq!(
            brunner_munzel(&[1.0; 3], &[1.0; 3]),
            Err(StatsError::ZeroVariance)
        );
        assert_eq!(
            brunner_munzel(&[1.0], &[1.0, 2.0]),
            Err(StatsError::TooFew { need: 2, got: 1 })
        );
    }

    #[test]
    fn interval_and_p_value_agree() {
        let a = [1.0, 5.0, 2.0, 8.0, 3.0, 3.0];
        let b = [4.0, 6.0, 9.0, 2.0, 7.0];
        let test = brunner_munzel(&a, &b).unwrap();
        let p = test.p(Alternative::TwoSided);
        let high = test.interval(1.0 - p).unwrap().high;
        assert!((high - 0.5).abs() < 1e-9, "{high}");
        let both = test.p(Alternative::Less) + test.p(Alternative::Greater);
        assert!((both - 1.0).abs() < 1e-12);
    }
}
