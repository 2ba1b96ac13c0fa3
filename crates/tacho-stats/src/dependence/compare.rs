//! Compares the means of two dependent series: the test behind a verdict.
//!
//! Invariant: p-value and intervals come from one distribution, so that an interval excludes zero
//! exactly when the p-value is below 1 − level. The false-alarm rate is the nominal one within the
//! bounds of the table in [`dependence`](super) wherever [`MeanComparison::is_decidable`].
//! Not for trends: a series that drifts for as long as it lasts has no mean to compare.
//!
//! Method: each series yields a weight and a long-run variance for every noise model of a grid. The
//! difference of means is then a mixture of t distributions, one for each model (or pair of models).
//! With probability one half both series share one model, which is how runs of one system behave and
//! sharpens the answer; else each has its own, so that a change in dynamics is not mistaken.
//! The interval of the relative change is Fieller's, from the same mixture.
//! Sources: [`slow_noise`](super::slow_noise); Fieller, "Some problems in interval estimation",
//! Journal of the Royal Statistical Society B 16 (1954).

use super::mixture::{Component, Mixture, two_sided};
use super::slow_noise::SlowNoise;
use crate::describe::{mean, mean_difference, power_of_two_scale};
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::{Alternative, Interval};
use crate::special::falling_root;
use crate::sum::mean_parts;

/// The fewest effective observations of either series on which a verdict may stand.
pub const MIN_EFFECTIVE_N: f64 = 12.0;
/// The fewest observations that [`compare_means`] accepts.
pub const MIN_N: usize = 4;
/// The comparison of two means; p-values and intervals are read from it.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanComparison {
    /// Mean of the first series.
    pub mean_before: f64,
    /// Mean of the second series.
    pub mean_after: f64,
    /// Second mean less the first.
    pub difference: f64,
    /// Root mean square of the standard errors under the models, by their weights.
    pub standard_error: f64,
    /// Numbers of observations.
    pub n: [usize; 2],
    /// Numbers of independent observations that would say as much (posterior median).
    pub effective_n: [f64; 2],
    components: Vec<Component>,
}

/// Compares the means of two series, each in order of time and of at least [`MIN_N`] observations.
///
/// Fails with [`StatsError::ZeroVariance`] where both are constant.
///
/// ```
/// use tacho_stats::Alternative;
/// use tacho_stats::dependence::compare_means;
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(1);
/// let before: Vec<f64> = (0..60).map(|_| 100.0 + rng.standard_normal()).collect();
/// let after: Vec<f64> = (0..60).map(|_| 110.0 + rng.standard_normal()).collect();
/// let comparison = compare_means(&before, &after)?;
/// assert!(comparison.is_decidable());
/// assert!(comparison.p(Alternative::TwoSided) < 1e-6);
/// let change = comparison.relative_interval(0.95)?.expect("the baseline is not near zero");
/// assert!(change.low > 0.09 && change.high < 0.11);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn compare_means(before: &[f64], after: &[f64]) -> Result<MeanComparison> {
    observations(before, MIN_N)?;
    observations(after, MIN_N)?;
    let scale = power_of_two_scale(before).min(power_of_two_scale(after));
    let (first, second) = (
        SlowNoise::fit(&deviations(before, scale)),
        SlowNoise::fit(&deviations(after, scale)),
    );
    let mixture = Mixture::new(&first, &second);
    if mixture.components.iter().all(|c| c.before + c.after == 0.0) {
        return Err(StatsError::ZeroVariance);
    }
    let components: Vec<Component> = mixture
        .components
        .into_iter()
        .map(|c| Component {
            before: c.before / scale / scale,
            after: c.after / scale / scale,
            ..c
        })
        .collect();
    let variance: f64 = components
        .iter()
        .map(|c| c.weight * (c.before + c.after))
        .sum();
    // Spreads below 1e-154 have squares that no double holds.
    if variance == 0.0 {
        let what = "the standard error";
        return Err(StatsError::Overflow { what });
    }
    Ok(MeanComparison {
        mean_before: mean(before)?,
        mean_after: mean(after)?,
        difference: mean_difference(after, before)?,
        standard_error: in_range("the standard error", variance.sqrt())?,
        n: [before.len(), after.len()],
        effective_n: mixture.effective_n,
        components,
    })
}

impl MeanComparison {
    /// Whether both series hold enough independent information for a verdict.
    pub fn is_decidable(&self) -> bool {
        self.effective_n.iter().all(|n| *n >= MIN_EFFECTIVE_N)
    }

    /// Degrees of freedom of the t distribution whose 95 % interval is as wide in units of
    /// `standard_error`; infinite where the normal's is as wide.
    pub fn df(&self) -> Result<f64> {
        Ok(matching_df(self.margin(0.95)? / self.standard_error))
    }

    /// The p-value of no difference; [`Alternative::Greater`] claims that the second mean is larger.
    pub fn p(&self, alternative: Alternative) -> f64 {
        let two_sided = self.beyond(self.difference.abs(), 1.0);
        alternative.sided(two_sided, self.difference)
    }

    /// The confidence interval of the difference, in the unit of the series.
    pub fn interval(&self, level: f64) -> Result<Interval> {
        error::level(level)?;
        Interval::around(self.difference, self.margin(level)?, level)
    }

    /// Second mean over the first, less one; none where the first is not above zero.
    pub fn relative_change(&self) -> Option<f64> {
        let change = self.difference / self.mean_before;
        (self.mean_before > 0.0 && change.is_finite()).then_some(change)
    }

    /// The confidence interval of the relative change.
    ///
    /// None where the first mean is not above zero with the confidence asked for: the ratio can
    /// then be anything.
    pub fn relative_interval(&self, level: f64) -> Result<Option<Interval>> {
        error::level(level)?;
        let Some(change) = self.relative_change() else {
            return Ok(None);
        };
        let alpha = 1.0 - level;
        if self.baseline_p() >= alpha {
            return Ok(None);
        }
        let ratio = 1.0 + change;
        // The p-value of "the ratio of means is r", which falls from 1 on either side of `ratio`.
        let p = |r: f64| self.beyond((self.mean_after - r * self.mean_before).abs(), r);
        let step = self.standard_error / self.mean_before;
        let low = falling_root(|d| p(ratio - d), alpha, step);
        let high = falling_root(|d| p(ratio + d), alpha, step);
        let interval = low.zip(high).map(|(down, up)| Interval {
            low: change - down,
            high: change + up,
            level,
        });
        Ok(interval)
    }

    /// Two-sided probability that the difference misses its expectation by at least `distance`.
    pub fn tail(&self, distance: f64) -> f64 {
        self.beyond(distance.abs(), 1.0)
    }

    /// Two-sided probability of a distance of at least `distance` between the second mean and
    /// `ratio` times the first.
    fn beyond(&self, distance: f64, ratio: f64) -> f64 {
        let total: f64 = self
            .components
            .iter()
            .map(|c| c.weight * c.beyond(distance, ratio))
            .sum();
        total.clamp(0.0, 1.0)
    }

    /// p-value of a first mean of zero.
    fn baseline_p(&self) -> f64 {
        let tail = |c: &Component| two_sided(self.mean_before / c.before.sqrt(), c.df_before);
        self.components.iter().map(|c| c.weight * tail(c)).sum()
    }

    fn margin(&self, level: f64) -> Result<f64> {
        falling_root(|d| self.beyond(d, 1.0), 1.0 - level, self.standard_error).ok_or(
            StatsError::Overflow {
                what: "the interval",
            },
        )
    }
}

/// The df at which t's 97.5 % point is `width`.
fn matching_df(width: f64) -> f64 {
    const NORMAL: f64 = 1.959_963_984_540_054;
    if width <= NORMAL {
        return f64::INFINITY;
    }
    // P(|T| > width) falls with df.
    falling_root(|df| two_sided(width, df.max(0.05)), 0.05, 10.0).unwrap_or(f64::INFINITY)
}

pub(super) fn deviations(x: &[f64], scale: f64) -> Vec<f64> {
    let (high, low) = mean_parts(x);
    x.iter().map(|v| ((v - high) - low) * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn noise(rng: &mut Rng, n: usize, phi: f64, mean: f64) -> Vec<f64> {
        let mut state = rng.standard_normal() / (1.0 - phi * phi).sqrt();
        (0..n)
            .map(|_| {
                state = phi * state + rng.standard_normal();
                mean + state
            })
            .collect()
    }

    #[test]
    fn interval_and_p_value_agree() {
        let mut rng = Rng::new(11);
        for phi in [0.0, 0.6] {
            let (a, b) = (
                noise(&mut rng, 80, phi, 50.0),
                noise(&mut rng, 120, phi, 50.9),
            );
            let comparison = compare_means(&a, &b).unwrap();
            let p = comparison.p(Alternative::TwoSided);
            let interval = comparison.interval(1.0 - p).unwrap();
            assert!(
                interval.low.abs().min(interval.high.abs()) < 1e-9,
                "{interval:?}"
            );
            let relative = comparison.relative_interval(1.0 - p).unwrap().unwrap();
            assert!(
                relative.low.abs().min(relative.high.abs()) < 1e-9,
                "{relative:?}"
            );
            let one_sided = comparison.p(Alternative::Less) + comparison.p(Alternative::Greater);
            assert!((one_sided - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn spreads_whose_squares_vanish_are_refused() {
        let (tiny, calm) = (
            [5e-324, 0.0, 1e-310, 0.0, 3e-311],
            [0.0, 1e-300, 0.0, 0.0, 0.0],
        );
        let error = compare_means(&tiny, &calm).unwrap_err();
        assert!(matches!(error, StatsError::Overflow { .. }), "{error}");
    }

    #[test]
    fn swapping_mirrors_and_scaling_scales() {
        let mut rng = Rng::new(12);
        let (a, b) = (
            noise(&mut rng, 60, 0.3, 10.0),
            noise(&mut rng, 90, 0.3, 11.0),
        );
        let (there, back) = (
            compare_means(&a, &b).unwrap(),
            compare_means(&b, &a).unwrap(),
        );
        assert_eq!(there.difference, -back.difference);
        assert_eq!(there.effective_n[0], back.effective_n[1]);
        let close = |x: f64, y: f64| assert!((x / y - 1.0).abs() < 1e-9, "{x} {y}");
        close(
            there.p(Alternative::TwoSided),
            back.p(Alternative::TwoSided),
        );
        let scaled = |x: &[f64]| x.iter().map(|v| v * 1e150).collect::<Vec<f64>>();
        let large = compare_means(&scaled(&a), &scaled(&b)).unwrap();
        close(
            large.p(Alternative::TwoSided),
            there.p(Alternative::TwoSided),
        );
        close(
            large.interval(0.95).unwrap().high / 1e150,
            there.interval(0.95).unwrap().high,
        );
    }

    #[test]
    fn dependence_costs_effective_observations() {
        let mut rng = Rng::new(13);
        let white = compare_means(
            &noise(&mut rng, 400, 0.0, 0.0),
            &noise(&mut rng, 400, 0.0, 0.0),
        );
        assert!(white.unwrap().effective_n.iter().all(|n| *n > 350.0));
        let strong = compare_means(
            &noise(&mut rng, 400, 0.9, 0.0),
            &noise(&mut rng, 400, 0.9, 0.0),
        );
        // n (1 − φ) / (1 + φ) = 21.
        assert!(
            strong
                .unwrap()
                .effective_n
                .iter()
                .all(|n| (9.0..50.0).contains(n))
        );
        let short = compare_means(
            &noise(&mut rng, 60, 0.9, 0.0),
            &noise(&mut rng, 60, 0.9, 0.0),
        );
        assert!(!short.unwrap().is_decidable());
    }

    #[test]
    fn long_series_are_handled_at_their_own_scale() {
        let mut rng = Rng::new(14);
        let (a, b) = (
            noise(&mut rng, 30_000, 0.5, 1.0),
            noise(&mut rng, 30_000, 0.5, 1.0),
        );
        let comparison = compare_means(&a, &b).unwrap();
        // n / 3 effective observations, standard error 2 √(2/n).
        for n in comparison.effective_n {
            assert!((7_000.0..13_000.0).contains(&n), "{n}");
        }
        let want = 2.0 * (2.0f64 / 30_000.0).sqrt();
        assert!((comparison.standard_error / want - 1.0).abs() < 0.15);
    }

    #[test]
    fn edges() {
        let wave: Vec<f64> = (0..20).map(|i| f64::from(i % 3)).collect();
        assert_eq!(
            compare_means(&[1.0; 9], &[2.0; 9]),
            Err(StatsError::ZeroVariance)
        );
        assert_eq!(
            compare_means(&[1.0; 3], &wave),
            Err(StatsError::TooFew { need: 4, got: 3 })
        );
        assert_eq!(
            compare_means(&[f64::NAN; 4], &wave),
            Err(StatsError::NotFinite { index: 0 })
        );
        let constant = compare_means(&[1.0; 20], &wave).unwrap();
        assert!(constant.p(Alternative::TwoSided).is_finite());
        assert_eq!(constant.relative_change(), Some(constant.difference));
        let around_zero = compare_means(&[-1.0, 1.0, -1.0, 1.1, -1.0], &wave).unwrap();
        assert_eq!(around_zero.relative_interval(0.95), Ok(None));
    }
}
