//! Equivalence: whether two samples differ by less than a margin, by two one-sided tests (TOST).
//!
//! Invariant: equivalence is claimed at α exactly where the 1 − 2α interval of the difference lies
//! inside the margin. A large p-value of a test of difference says nothing of the kind. The margin
//! comes from what matters, before the data are seen. Independent observations, as in the tests used.
//! Sources: Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987); Wellek, "Testing
//! statistical hypotheses of equivalence and noninferiority" (2010), ranks.

use crate::effect::hodges_lehmann;
use crate::error::{self, Result, StatsError};
use crate::hypothesis::{Alternative, Interval};
use crate::mannwhitney::{MannWhitneyMethod, mann_whitney};
use crate::ttest::{self, TTest};

/// Differences (first less second) that do not matter: those strictly inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margin {
    low: f64,
    high: f64,
}

impl Margin {
    /// From `low` to `high`, both finite and `low` the smaller.
    pub fn new(low: f64, high: f64) -> Result<Self> {
        if low.is_finite() && high.is_finite() && low < high {
            return Ok(Self { low, high });
        }
        Err(StatsError::Invalid {
            name: "margin",
            why: "its ends must be finite and the lower the smaller",
        })
    }

    /// `width` (above zero) to either side.
    pub fn symmetric(width: f64) -> Result<Self> {
        error::positive("margin", width)?;
        Self::new(-width, width)
    }

    /// Its ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

/// The result of two one-sided tests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equivalence {
    /// The difference: of means, or the Hodges-Lehmann shift for ranks.
    pub difference: f64,
    /// p-value of a difference at or below the lower end.
    pub p_lower: f64,
    /// p-value of a difference at or above the upper end.
    pub p_upper: f64,
    /// The interval of the difference at the level 1 − 2α.
    pub interval: Interval,
    /// Statistic of the one-sided test that decides: t, or U of the first sample.
    pub statistic: f64,
}

impl Equivalence {
    /// The p-value of the claim that the difference lies inside the margin.
    pub fn p(&self) -> f64 {
        self.p_lower.max(self.p_upper)
    }
}

/// By Student's tests: equal variances. `alpha` (below ½) sets the interval's level.
pub fn student(a: &[f64], b: &[f64], margin: Margin, alpha: f64) -> Result<Equivalence> {
    from_t(&ttest::student(a, b)?, margin, alpha)
}

/// By Welch's tests: variances may differ.
///
/// ```
/// use tacho_stats::equivalence::{Margin, welch};
///
/// let (a, b) = ([9.9, 10.1, 10.0, 10.2, 9.8], [10.0, 10.1, 9.9, 10.1, 10.0]);
/// let same = welch(&a, &b, Margin::symmetric(0.5)?, 0.05)?;
/// assert!(same.p() < 0.01 && same.interval.high < 0.5);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn welch(a: &[f64], b: &[f64], margin: Margin, alpha: f64) -> Result<Equivalence> {
    from_t(&ttest::welch(a, b)?, margin, alpha)
}

/// By paired t tests.
pub fn paired(a: &[f64], b: &[f64], margin: Margin, alpha: f64) -> Result<Equivalence> {
    from_t(&ttest::paired(a, b)?, margin, alpha)
}

/// By Mann-Whitney tests of the samples moved to either end: equal shapes, no distribution assumed.
pub fn ranks(a: &[f64], b: &[f64], margin: Margin, alpha: f64) -> Result<Equivalence> {
    let level = level(alpha)?;
    let against = |end: f64| {
        let moved: Vec<f64> = a.iter().map(|v| v - end).collect();
        mann_whitney(&moved, b, MannWhitneyMethod::Auto)
    };
    let (lower, upper) = (against(margin.low)?, against(margin.high)?);
    let shift = hodges_lehmann(a, b, level)?;
    let (p_lower, p_upper) = (lower.p(Alternative::Greater), upper.p(Alternative::Less));
    Ok(Equivalence {
        difference: shift.shift,
        p_lower,
        p_upper,
        interval: shift.interval,
        statistic: if p_lower >= p_upper {
            lower.u1
        } else {
            upper.u1
        },
    })
}

fn from_t(test: &TTest, margin: Margin, alpha: f64) -> Result<Equivalence> {
    let level = level(alpha)?;
    let against = |end: f64| TTest {
        difference: test.difference - end,
        t: (test.difference - end) / test.standard_error,
        ..*test
    };
    let (lower, upper) = (against(margin.low), against(margin.high));
    let (p_lower, p_upper) = (lower.p(Alternative::Greater), upper.p(Alternative::Less));
    Ok(Equivalence {
        difference: test.difference,
        p_lower,
        p_upper,
        interval: test.interval(level)?,
        statistic: error::in_range(
            "the statistic t",
            if p_lower >= p_upper { lower.t } else { upper.t },
        )?,
    })
}

/// The level 1 − 2α.
fn level(alpha: f64) -> Result<f64> {
    if alpha > 0.0 && alpha < 0.5 {
        return Ok(1.0 - 2.0 * alpha);
    }
    Err(StatsError::Invalid {
        name: "alpha",
        why: "it must lie strictly between 0 and 1/2",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const A: [f64; 5] = [2.1, 3.4, 1.9, 5.0, 4.4];
    const B: [f64; 4] = [3.4, 6.1, 5.0, 7.2];
    const C: [f64; 6] = [8.8, 1.9, 9.1, 6.1, 7.7, 5.0];

    #[track_caller]
    fn check(got: &Equivalence, p: f64, t: f64) {
        assert!((got.p() / p - 1.0).abs() < 1e-12, "{got:?}");
        assert!((got.statistic / t - 1.0).abs() < 1e-12, "{got:?}");
    }

    /// statsmodels: `ttost_ind(usevar="pooled" | "unequal")`, `ttost_paired`.
    #[test]
    fn agrees_with_statsmodels() {
        let three = Margin::symmetric(3.0).unwrap();
        let pooled = student(&A, &C, three, 0.05).unwrap();
        check(&pooled, 0.521_116_202_669_928_2, -0.054_448_181_052_774_144);
        let unequal = welch(&A, &C, three, 0.05).unwrap();
        check(&unequal, 0.522_307_040_542_636_9, -0.057_811_921_727_368_35);
        let pairs = paired(&B, &A[..4], three, 0.05).unwrap();
        check(&pairs, 0.090_188_748_800_245_4, -1.739_222_891_282_242_5);
    }

    #[test]
    fn claims_where_the_interval_lies_inside() {
        let mut rng = Rng::new(4);
        let mut claims = 0;
        for _ in 0..100 {
            let a: Vec<f64> = (0..12).map(|_| rng.standard_normal()).collect();
            let b: Vec<f64> = (0..15).map(|_| rng.standard_normal()).collect();
            let margin = Margin::new(-1.1, 0.9).unwrap();
            for test in [student(&a, &b, margin, 0.05), welch(&a, &b, margin, 0.05)] {
                let test = test.unwrap();
                let inside = test.interval.low > -1.1 && test.interval.high < 0.9;
                assert_eq!(inside, test.p() < 0.05);
                claims += usize::from(inside);
            }
            let swapped = welch(&b, &a, Margin::new(-0.9, 1.1).unwrap(), 0.05).unwrap();
            let straight = welch(&a, &b, margin, 0.05).unwrap();
            assert!((swapped.p() - straight.p()).abs() < 1e-12);
        }
        assert!((40..200).contains(&claims), "{claims}");
    }

    #[test]
    fn ranks_ignore_how_far_outliers_are() {
        let a = [1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.97, 1.03, 1.01, 1e6];
        let b = [1.0, 1.12, 0.93, 1.04, 0.96, 1.01, 0.98, 1.02, 1.07, 0.99];
        let margin = Margin::symmetric(0.3).unwrap();
        assert!(ranks(&a, &b, margin, 0.05).unwrap().p() < 0.01);
        assert!(welch(&a, &b, margin, 0.05).unwrap().p() > 0.5);
    }

    #[test]
    fn bad_input_is_refused() {
        for (low, high) in [
            (1.0, 1.0),
            (2.0, 1.0),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
        ] {
            assert!(Margin::new(low, high).is_err());
        }
        assert!(Margin::symmetric(0.0).is_err() && Margin::symmetric(-1.0).is_err());
        let one = Margin::symmetric(1.0).unwrap();
        assert!(welch(&A, &B, one, 0.5).is_err() && welch(&A, &B, one, 0.0).is_err());
        assert!(ranks(&A, &B, one, f64::NAN).is_err() && ranks(&[], &B, one, 0.05).is_err());
        assert_eq!(
            student(&[1.0; 3], &[1.0; 3], one, 0.05),
            Err(StatsError::ZeroVariance)
        );
        assert!(paired(&A, &B, one, 0.05).is_err());
        let far = Margin::symmetric(1e308).unwrap();
        assert!(ranks(&[1e308, 1e307], &[-1e308, 0.0], far, 0.05).is_err());
    }
}
