//! One-way analysis of variance: whether the means of several groups differ.
//!
//! Invariant: sums of squares are taken about means held in two parts, so that data with 13 constant
//! leading digits (`NIST`'s `SmLs07` to `09`) lose only what rounding them to doubles lost. Textbook
//! tests of independent observations; [`one_way`] assumes equal variances, [`welch`] does not.
//! Not for saying which groups differ: compare pairs and [`adjust`](crate::multiple::adjust).
//! Sources: Fisher, "Statistical methods for research workers" (1925); Welch, Biometrika 38 (1951);
//! Cohen (1988), 8.2, η²; Hays, "Statistics" (1963), ω²; NIST `StRD`, analysis of variance.

use crate::describe::{power_of_two_scale, variance};
use crate::distribution::FisherF;
use crate::effect::{Effect, EffectClass};
use crate::error::{Result, StatsError, in_range, observations};
use crate::sum::{mean_parts, sum};

/// A one-way analysis of variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anova {
    /// The statistic; infinite where groups differ and nothing varies within them.
    pub f: f64,
    /// Degrees of freedom between groups.
    pub df_between: f64,
    /// Degrees of freedom within groups.
    pub df_within: f64,
    /// Sum of squares between groups.
    pub ss_between: f64,
    /// Sum of squares within groups.
    pub ss_within: f64,
    /// η² before the squares were scaled back, which may leave the range.
    explained: f64,
}

/// Compares the means of two or more groups, of equal variance in their populations.
///
/// Groups hold one observation or more, at least one of them two.
///
/// ```
/// use tacho_stats::anova::one_way;
///
/// let test = one_way(&[&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0], &[5.0, 6.0, 7.0]])?;
/// assert!((test.f - 13.0).abs() < 1e-12 && test.p() < 0.01);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn one_way(groups: &[&[f64]]) -> Result<Anova> {
    let pooled = pool(groups, 1)?;
    let (n, k) = (pooled.len() as f64, groups.len() as f64);
    if pooled.len() == groups.len() {
        return Err(StatsError::TooFew {
            need: groups.len() + 1,
            got: pooled.len(),
        });
    }
    let scale = power_of_two_scale(&pooled);
    let (high, low) = mean_parts(&pooled);
    let between = sum(groups.iter().map(|group| {
        let (mean, rest) = mean_parts(group);
        let deviation = ((mean - high) + (rest - low)) * scale;
        group.len() as f64 * deviation * deviation
    }));
    let within = sum(groups.iter().flat_map(|group| {
        let (mean, rest) = mean_parts(group);
        group
            .iter()
            .map(move |v| (((v - mean) - rest) * scale).powi(2))
    }));
    if between + within == 0.0 {
        return Err(StatsError::ZeroVariance);
    }
    let (df_between, df_within) = (k - 1.0, n - k);
    Ok(Anova {
        f: (between / df_between) / (within / df_within),
        df_between,
        df_within,
        ss_between: in_range("the sum of squares", between / scale / scale)?,
        ss_within: in_range("the sum of squares", within / scale / scale)?,
        explained: between / (between + within),
    })
}

impl Anova {
    /// The p-value of equal means.
    pub fn p(&self) -> f64 {
        FisherF::new(self.df_between, self.df_within).map_or(1.0, |f| f.sf(self.f))
    }

    /// Standard deviation within groups.
    pub fn residual_sd(&self) -> f64 {
        (self.ss_within / self.df_within).sqrt()
    }

    /// η² (R²): the part of the variance in the sample that the groups explain.
    pub fn eta_squared(&self) -> Effect {
        explained(self.explained)
    }

    /// ω²: the same in the population, nearly without bias; can fall below zero.
    pub fn omega_squared(&self) -> Effect {
        let n = self.df_between + self.df_within + 1.0;
        let mean_square = (1.0 - self.explained) / self.df_within;
        let top = self.explained - self.df_between * mean_square;
        // With all variance between the groups the ratio is 1, whatever n.
        explained(if n > 0.0 {
            top / (1.0 + mean_square)
        } else {
            0.0
        })
    }
}

/// Welch's analysis of variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WelchAnova {
    /// The statistic.
    pub f: f64,
    /// Degrees of freedom between groups.
    pub df_between: f64,
    /// Degrees of freedom of the denominator.
    pub df_within: f64,
}

impl WelchAnova {
    /// The p-value of equal means.
    pub fn p(&self) -> f64 {
        FisherF::new(self.df_between, self.df_within).map_or(1.0, |f| f.sf(self.f))
    }
}

/// Compares the means of two or more groups whose variances may differ.
///
/// Every group needs two observations that are not all equal.
pub fn welch(groups: &[&[f64]]) -> Result<WelchAnova> {
    let pooled = pool(groups, 2)?;
    let scale = power_of_two_scale(&pooled);
    let (high, low) = mean_parts(&pooled);
    let k = groups.len() as f64;
    // Weight, scaled mean about the grand one, and degrees of freedom of each group.
    let mut parts = Vec::with_capacity(groups.len());
    for group in groups {
        let (mean, rest) = mean_parts(group);
        let scaled: Vec<f64> = group.iter().map(|v| ((v - mean) - rest) * scale).collect();
        let n = group.len() as f64;
        let weight = n / variance(&scaled)?;
        if !weight.is_finite() {
            return Err(StatsError::ZeroVariance);
        }
        parts.push((weight, ((mean - high) + (rest - low)) * scale, n - 1.0));
    }
    let total = sum(parts.iter().map(|p| p.0));
    let centre = sum(parts.iter().map(|p| p.0 / total * p.1));
    let between = sum(parts.iter().map(|p| p.0 * (p.1 - centre).powi(2))) / (k - 1.0);
    let spread = sum(parts.iter().map(|p| (1.0 - p.0 / total).powi(2) / p.2)) / (k * k - 1.0);
    Ok(WelchAnova {
        f: in_range(
            "the statistic F",
            between / (1.0 + 2.0 * (k - 2.0) * spread),
        )?,
        df_between: k - 1.0,
        df_within: 1.0 / (3.0 * spread),
    })
}

fn explained(value: f64) -> Effect {
    Effect {
        value,
        class: EffectClass::of_variance_explained(value),
    }
}

/// All observations in one slice, each group checked for `need` of them.
pub(crate) fn pool(groups: &[&[f64]], need: usize) -> Result<Vec<f64>> {
    if groups.len() < 2 {
        return Err(StatsError::Invalid {
            name: "groups",
            why: "at least two are compared",
        });
    }
    for group in groups {
        observations(group, need)?;
    }
    let pooled: Vec<f64> = groups
        .iter()
        .flat_map(|group| group.iter().copied())
        .collect();
    // A range beyond a double cannot be centred.
    let (low, high) = crate::describe::range(&pooled)?;
    in_range("the range of the observations", high - low)?;
    Ok(pooled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Alternative::TwoSided;
    use crate::ttest;

    const A: [f64; 5] = [2.1, 3.4, 1.9, 5.0, 4.4];
    const B: [f64; 4] = [3.4, 6.1, 5.0, 7.2];
    const C: [f64; 6] = [8.8, 1.9, 9.1, 6.1, 7.7, 5.0];

    #[track_caller]
    fn close(got: f64, want: f64) {
        assert!((got / want - 1.0).abs() < 1e-12, "{got}, not {want}");
    }

    /// `scipy.stats.f_oneway`, `statsmodels.stats.oneway.anova_oneway(use_var="unequal")`.
    #[test]
    fn agrees_with_scipy_and_statsmodels() {
        let test = one_way(&[&A, &B, &C]).unwrap();
        close(test.f, 2.999_627_953_713_626);
        close(test.p(), 0.087_813_273_349_600_74);
        let test = welch(&[&A, &B, &C]).unwrap();
        close(test.f, 3.580_204_024_013_759);
        close(test.df_within, 7.487_252_138_296_799);
        close(test.p(), 0.081_084_139_913_143_14);
    }

    #[test]
    fn two_groups_are_the_t_tests() {
        let t = ttest::student(&A, &C).unwrap();
        close(one_way(&[&A, &C]).unwrap().f, t.t * t.t);
        close(one_way(&[&A, &C]).unwrap().p(), t.p(TwoSided));
        let t = ttest::welch(&A, &C).unwrap();
        close(welch(&[&A, &C]).unwrap().f, t.t * t.t);
        close(welch(&[&A, &C]).unwrap().p(), t.p(TwoSided));
    }

    #[test]
    fn variance_explained() {
        let test = one_way(&[&A, &B, &C]).unwrap();
        close(
            test.eta_squared().value,
            test.ss_between / (test.ss_between + test.ss_within),
        );
        let ms = test.ss_within / test.df_within;
        let omega = (test.ss_between - 2.0 * ms) / (test.ss_between + test.ss_within + ms);
        close(test.omega_squared().value, omega);
        assert_eq!(test.eta_squared().class, EffectClass::Large);
    }

    #[test]
    fn edges() {
        let huge = one_way(&[&[1e308, -5e307], &[0.0, 1e307]]);
        assert!(matches!(huge, Err(StatsError::Overflow { .. })), "{huge:?}");
        let small = one_way(&[&[5e-324, 0.0], &[1e-320, 0.0]]).unwrap();
        assert!(small.f.is_finite() && small.p() <= 1.0);
        assert_eq!(
            one_way(&[&[1.0; 3], &[1.0; 2]]),
            Err(StatsError::ZeroVariance)
        );
        let apart = one_way(&[&[1.0; 3], &[2.0; 2]]).unwrap();
        assert_eq!((apart.f, apart.p()), (f64::INFINITY, 0.0));
        assert_eq!(
            welch(&[&[1.0; 3], &[2.0, 3.0]]),
            Err(StatsError::ZeroVariance)
        );
        assert!(one_way(&[&[1.0, 2.0]]).is_err() && one_way(&[]).is_err());
        let few = one_way(&[&[1.0], &[2.0]]);
        assert_eq!(few, Err(StatsError::TooFew { need: 3, got: 2 }));
        let nan = one_way(&[&[1.0, 2.0], &[f64::NAN]]);
        assert_eq!(nan, Err(StatsError::NotFinite { index: 0 }));
        assert_eq!(
            welch(&[&[1.0, 2.0], &[]]),
            Err(StatsError::TooFew { need: 2, got: 0 })
        );
    }
}
