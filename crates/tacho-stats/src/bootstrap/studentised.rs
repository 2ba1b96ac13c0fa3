//! The studentised bootstrap (bootstrap-t) of a mean or of a difference of means.
//!
//! Invariant: each resample is judged by its own standard error, which makes the interval right to
//! second order on both sides, and robust against unequal variances. With fewer than about ten
//! observations, or heavy tails, its ends wander.
//! Source: Efron & Tibshirani, "An introduction to the bootstrap" (1993), chapter 12.

use super::check_resamples;
use super::independent::{ResampledMean, Resampling};
use crate::error::{self, Result, StatsError, in_range};
use crate::hypothesis::Interval;
use crate::quantile::{QuantileType, SortedSample};
use crate::rng::Rng;

/// Stands for the t statistic of a resample without spread.
const NEVER_VARIED: f64 = 1e200;

/// Resampled t statistics; intervals at any level are read from them.
#[derive(Debug, Clone, PartialEq)]
pub struct StudentisedBootstrap {
    /// The difference of means (or the mean, where there is one sample).
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    statistics: SortedSample,
}

/// Bootstraps Welch's t of `a` against `b`, or Student's t of `a` alone where `b` is none.
///
/// ```
/// use tacho_stats::bootstrap::{Resampling, bootstrap_t};
///
/// let plan = Resampling { resamples: 2_000, seed: 1 };
/// let (a, b) = ([5.1, 4.8, 6.0, 5.5, 5.2, 5.7], [4.1, 4.4, 3.9, 4.2, 4.8, 4.0]);
/// assert!(bootstrap_t(&a, Some(&b), plan)?.interval(0.95)?.low > 0.5);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn bootstrap_t(a: &[f64], b: Option<&[f64]>, plan: Resampling) -> Result<StudentisedBootstrap> {
    check_resamples(plan.resamples)?;
    let mut first = Studentised::new(a)?;
    let mut second = b.map(Studentised::new).transpose()?;
    let centre = second.as_ref().map_or(0.0, |s| s.mean.centre);
    let own = |s: &Studentised| s.mean.deviations.iter().map(|d| d * d).sum::<f64>() * s.factor();
    let variance = own(&first) + second.as_ref().map_or(0.0, own);
    if variance == 0.0 {
        return Err(StatsError::ZeroVariance);
    }
    let standard_error = in_range("the standard error", variance.sqrt())?;
    let mut rng = Rng::new(plan.seed);
    let statistics = (0..plan.resamples).map(|_| {
        let (mut moved, mut square) = first.draw(&mut rng);
        if let Some(second) = &mut second {
            let (other, other_square) = second.draw(&mut rng);
            moved -= other;
            square += other_square;
        }
        // A resample that never varies is as far from the estimate as can be.
        let t = moved / square.sqrt();
        if moved == 0.0 {
            0.0
        } else {
            t.clamp(-NEVER_VARIED, NEVER_VARIED)
        }
    });
    let statistics = SortedSample::from_vec(statistics.collect())?;
    Ok(StudentisedBootstrap {
        estimate: in_range("the difference of means", first.mean.centre - centre)?,
        standard_error,
        statistics,
    })
}

impl StudentisedBootstrap {
    /// The interval of the difference of means.
    ///
    /// Fails with [`StatsError::Overflow`] where so many resamples never varied that the interval
    /// has no end.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        let tail = 0.5 * (1.0 - level);
        let end = |p: f64| {
            let t = self.statistics.quantile(p, QuantileType::Linear7)?;
            if t.abs() > NEVER_VARIED / 2.0 {
                return Err(StatsError::Overflow {
                    what: "the interval",
                });
            }
            in_range("the interval", self.estimate - t * self.standard_error)
        };
        Ok(Interval {
            low: end(1.0 - tail)?,
            high: end(tail)?,
            level,
        })
    }
}

/// One sample's resampled mean and its squared standard error.
struct Studentised {
    mean: ResampledMean,
}

impl Studentised {
    fn new(x: &[f64]) -> Result<Self> {
        let mut mean = ResampledMean::new(x)?;
        let largest = mean.deviations.iter().fold(0.0f64, |m, d| m.max(d.abs()));
        if largest > 1e150 {
            return Err(StatsError::Overflow {
                what: "a squared deviation",
            });
        }
        if largest < 1e-150 {
            mean.deviations.fill(0.0);
        }
        Ok(Self { mean })
    }

    /// 1/(n (n − 1)): from a sum of squares to the square of a standard error.
    fn factor(&self) -> f64 {
        let n = self.mean.deviations.len() as f64;
        1.0 / (n * (n - 1.0))
    }

    fn draw(&mut self, rng: &mut Rng) -> (f64, f64) {
        let n = self.mean.deviations.len() as f64;
        let factor = self.factor();
        let (sum, squares) = self.mean.draw_with_squares(rng);
        let moved = sum / n;
        (moved, (squares - n * moved * moved).max(0.0) * factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ttest::welch;

    #[test]
    fn near_students_interval_for_normal_data() {
        let mut rng = Rng::new(3);
        let mut normal = |n: usize| (0..n).map(|_| rng.standard_normal()).collect::<Vec<f64>>();
        let (a, b) = (normal(60), normal(50));
        let plan = Resampling {
            resamples: 20_000,
            seed: 4,
        };
        let got = bootstrap_t(&a, Some(&b), plan).unwrap();
        let want = welch(&a, &b).unwrap();
        assert!((got.standard_error / want.standard_error - 1.0).abs() < 1e-12);
        let (got, want) = (got.interval(0.95).unwrap(), want.interval(0.95).unwrap());
        assert!((got.low - want.low).abs() < 0.06, "{got:?} {want:?}");
        assert!((got.high - want.high).abs() < 0.06, "{got:?} {want:?}");
    }

    #[test]
    fn edges() {
        let plan = Resampling {
            resamples: 200,
            seed: 4,
        };
        assert_eq!(
            bootstrap_t(&[1.0; 5], None, plan),
            Err(StatsError::ZeroVariance)
        );
        assert!(bootstrap_t(&[1.0], None, plan).is_err());
        assert!(bootstrap_t(&[1e200, -1e200], None, plan).is_err());
        // Half of all resamples of two observations never vary.
        let two = bootstrap_t(&[1.0, 2.0], None, plan).unwrap();
        assert!(two.interval(0.95).is_err());
        assert!(bootstrap_t(&[1.0, 2.0, 4.0], Some(&[1.0; 3]), plan).is_ok());
    }
}
