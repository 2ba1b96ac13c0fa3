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

use super::slow_noise::{Model, SlowNoise};
use crate::describe::{mean, mean_difference, power_of_two_scale};
use crate::distribution::StudentT;
use crate::error::{self, Result, StatsError, in_range, observations};
use crate::hypothesis::{Alternative, Interval};
use crate::special::falling_root;
use crate::sum::mean_parts;

/// The fewest effective observations of either series on which a verdict may stand.
pub const MIN_EFFECTIVE_N: f64 = 12.0;
/// The fewest observations that [`compare_means`] accepts.
pub const MIN_N: usize = 4;
/// Prior probability that both series follow one noise model.
const SHARED_PRIOR: f64 = 0.5;
/// Models whose long-run variances differ by less are taken together; the mean is kept, and the
/// spread lost (a tenth either way) moves a tail by its square, less than 1 %.
const MERGE_RATIO: f64 = 1.2;
/// Components lighter than this are dropped.
const WEIGHT_MIN: f64 = 1e-5;

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

/// One t distribution of the mixture: weight, and each mean's squared standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Component {
    weight: f64,
    before: f64,
    after: f64,
    df_before: f64,
    df_after: f64,
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
        let toward = |favoured: bool| {
            if favoured {
                0.5 * two_sided
            } else {
                1.0 - 0.5 * two_sided
            }
        };
        match alternative {
            Alternative::TwoSided => two_sided,
            Alternative::Greater => toward(self.difference > 0.0),
            Alternative::Less => toward(self.difference <= 0.0),
        }
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

impl Component {
    fn beyond(&self, distance: f64, ratio: f64) -> f64 {
        let before = self.before * ratio * ratio;
        let variance = before + self.after;
        let share = before / variance;
        let df = 1.0 / (share.powi(2) / self.df_before + (1.0 - share).powi(2) / self.df_after);
        two_sided(distance / variance.sqrt(), df)
    }
}

/// Two-sided tail; zero where a zero standard error made `t` infinite or its square root NaN.
fn two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() {
        return 1.0;
    }
    StudentT::new(df).map_or(0.0, |distribution| distribution.two_sided(t))
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

fn deviations(x: &[f64], scale: f64) -> Vec<f64> {
    let (high, low) = mean_parts(x);
    x.iter().map(|v| ((v - high) - low) * scale).collect()
}

/// The components before scaling, with what they say about effective sizes.
struct Mixture {
    components: Vec<Component>,
    effective_n: [f64; 2],
}

impl Mixture {
    fn new(first: &SlowNoise, second: &SlowNoise) -> Self {
        let component = |weight: f64, a: f64, b: f64| Component {
            weight,
            before: a / first.n,
            after: b / second.n,
            df_before: first.df,
            df_after: second.df,
        };
        // Models are ordered, so those of the shorter series are the ones that both can tell apart.
        let priors = if first.models.len() <= second.models.len() {
            first
        } else {
            second
        };
        let common: f64 = priors.models.iter().map(|m| m.prior).sum();
        let shared: Vec<f64> = priors
            .models
            .iter()
            .zip(first.models.iter().zip(&second.models))
            .map(|(m, (a, b))| SHARED_PRIOR * m.prior * a.likelihood * b.likelihood)
            .collect();
        let own = |noise: &SlowNoise| -> Vec<f64> {
            noise
                .models
                .iter()
                .map(|m| m.prior * m.likelihood)
                .collect()
        };
        let prior = |noise: &SlowNoise| noise.models.iter().map(|m| m.prior).sum::<f64>();
        let (own_first, own_second) = (own(first), own(second));
        let (sum_first, sum_second) = (
            own_first.iter().sum::<f64>(),
            own_second.iter().sum::<f64>(),
        );
        // Evidence for one model for both, and for one each.
        let together = shared.iter().sum::<f64>() / common;
        let apart = (1.0 - SHARED_PRIOR) * sum_first * sum_second / (prior(first) * prior(second));
        let total = together + apart;
        let mut components: Vec<Component> = first
            .models
            .iter()
            .zip(&second.models)
            .zip(&shared)
            .map(|((a, b), weight)| {
                component(
                    weight / common / total,
                    a.long_run_variance,
                    b.long_run_variance,
                )
            })
            .collect();
        components = merge_components(components);
        let (merged_first, merged_second) = (
            merge(&first.models, &own_first),
            merge(&second.models, &own_second),
        );
        for (weight_a, a) in &merged_first {
            for (weight_b, b) in &merged_second {
                let weight = apart / total * weight_a * weight_b / (sum_first * sum_second);
                components.push(component(weight, *a, *b));
            }
        }
        let marginal = |own: &[f64], sum: f64| -> Vec<f64> {
            own.iter()
                .enumerate()
                .map(|(k, weight)| shared.get(k).map_or(0.0, |s| s / common) + apart * weight / sum)
                .collect()
        };
        let effective_n = [
            first.effective_n(&marginal(&own_first, sum_first)),
            second.effective_n(&marginal(&own_second, sum_second)),
        ];
        Self {
            components: pruned(components),
            effective_n,
        }
    }
}

/// Models whose long-run variances differ by less than [`MERGE_RATIO`], as (weight, mean).
fn merge(models: &[Model], weights: &[f64]) -> Vec<(f64, f64)> {
    let mut pairs: Vec<(f64, f64)> = models
        .iter()
        .zip(weights)
        .map(|(m, w)| (*w, m.long_run_variance))
        .collect();
    pairs.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
    let mut merged: Vec<(f64, f64)> = Vec::new();
    let mut start = f64::NEG_INFINITY;
    for (weight, value) in pairs {
        match merged.last_mut() {
            Some(last) if value <= start * MERGE_RATIO => {
                let total = last.0 + weight;
                if total > 0.0 {
                    last.1 = (last.0 * last.1 + weight * value) / total;
                }
                last.0 = total;
            }
            _ => {
                merged.push((weight, value));
                start = value;
            }
        }
    }
    merged
}

/// Components of one model for both series, taken together where both variances are alike.
fn merge_components(mut components: Vec<Component>) -> Vec<Component> {
    components.sort_unstable_by(|a, b| a.before.total_cmp(&b.before));
    let mut merged: Vec<Component> = Vec::with_capacity(components.len());
    let mut start = (f64::NEG_INFINITY, 0.0, 0.0);
    for next in components {
        match merged.last_mut() {
            Some(last)
                if next.before <= start.0 * MERGE_RATIO
                    && (start.1..=start.2).contains(&next.after) =>
            {
                let total = last.weight + next.weight;
                if total > 0.0 {
                    let mix = |x: f64, y: f64| (last.weight * x + next.weight * y) / total;
                    let (before, after) =
                        (mix(last.before, next.before), mix(last.after, next.after));
                    (last.before, last.after, last.weight) = (before, after, total);
                }
            }
            _ => {
                start = (
                    next.before,
                    next.after / MERGE_RATIO,
                    next.after * MERGE_RATIO,
                );
                merged.push(next);
            }
        }
    }
    merged
}

/// Without the components that hardly weigh; the rest add up to one.
fn pruned(mut components: Vec<Component>) -> Vec<Component> {
    components.retain(|c| c.weight > WEIGHT_MIN);
    let total: f64 = components.iter().map(|c| c.weight).sum();
    for component in &mut components {
        component.weight /= total;
    }
    components
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
