//! Effect sizes: how large a difference is, in words too.
//!
//! Invariant: the sign is that of the first sample less the second (the probability of superiority
//! lies above one half there); the class depends on the
//! magnitude only. Not evidence that the difference is real: that is the tests' answer.
//! Sources: Cohen, "Statistical power analysis for the behavioral sciences" (1988), d and its
//! thresholds; Hedges, Journal of Educational Statistics 6 (1981), the correction of small samples;
//! Romano et al., "Appropriate statistics for ordinal level data" (2006), thresholds of delta;
//! Vargha & Delaney, Journal of Educational and Behavioral Statistics 25 (2000), the probability of
//! superiority; `McGraw` & Wong, Psychological Bulletin 111 (1992), who called it common language.

mod hodges_lehmann;
mod interval;

pub(crate) use hodges_lehmann::Differences;
pub use hodges_lehmann::{HodgesLehmann, hodges_lehmann};
pub use interval::{cliffs_delta_interval, cohen_d_interval, hedges_g_interval};

use crate::describe::{mean_difference, sd};
use crate::error::{Result, StatsError, in_range, observations};
use crate::hypothesis::dominance;
use crate::quantile::SortedSample;

/// The size of an effect in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EffectClass {
    /// Hardly there.
    Negligible,
    /// Small.
    Small,
    /// Medium.
    Medium,
    /// Large.
    Large,
}

impl EffectClass {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negligible => "negligible",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// Of a standardised difference (Cohen 1988: 0.2, 0.5, 0.8).
    pub fn of_standardised(d: f64) -> Self {
        Self::by(d, [0.2, 0.5, 0.8])
    }

    /// Of Cliff's delta (Romano 2006: 0.147, 0.33, 0.474).
    pub fn of_delta(delta: f64) -> Self {
        Self::by(delta, [0.147, 0.33, 0.474])
    }

    /// Of a probability of superiority P(a > b) (Vargha & Delaney 2000: 0.56, 0.64, 0.71, and their
    /// mirror images below one half).
    pub fn of_superiority(probability: f64) -> Self {
        Self::by(probability - 0.5, [0.06, 0.14, 0.21])
    }

    /// Of a part of variance explained, η², ω² or ε² (Cohen 1988: 0.01, 0.06, 0.14); below zero
    /// nothing is explained.
    pub fn of_variance_explained(part: f64) -> Self {
        Self::by(part.max(0.0), [0.01, 0.06, 0.14])
    }

    fn by(value: f64, [small, medium, large]: [f64; 3]) -> Self {
        match value.abs() {
            v if v < small => Self::Negligible,
            v if v < medium => Self::Small,
            v if v < large => Self::Medium,
            _ => Self::Large,
        }
    }
}

/// An effect size with its class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// The size; positive where the first sample is larger.
    pub value: f64,
    /// The size in a word.
    pub class: EffectClass,
}

/// Cohen's d: difference of means in units of the pooled standard deviation.
pub fn cohen_d(a: &[f64], b: &[f64]) -> Result<Effect> {
    let (d, _) = standardised(a, b)?;
    Ok(Effect {
        value: d,
        class: EffectClass::of_standardised(d),
    })
}

/// Hedges' g: Cohen's d times 1 − 3/(4 df − 1), which removes its bias in small samples.
pub fn hedges_g(a: &[f64], b: &[f64]) -> Result<Effect> {
    let (d, df) = standardised(a, b)?;
    let g = d * (1.0 - 3.0 / (4.0 * df - 1.0));
    Ok(Effect {
        value: g,
        class: EffectClass::of_standardised(g),
    })
}

/// Cliff's delta: P(a > b) − P(a < b) over all pairs, in O(n log n).
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Result<Effect> {
    let counts = dominance(
        SortedSample::new(a)?.as_slice(),
        SortedSample::new(b)?.as_slice(),
    );
    let less = counts.pairs - counts.greater - counts.equal;
    let delta = (counts.greater as f64 - less as f64) / counts.pairs as f64;
    Ok(Effect {
        value: delta,
        class: EffectClass::of_delta(delta),
    })
}

/// The common-language effect size: the probability that an observation of `a` is larger than one
/// of `b`, ties as halves (Vargha & Delaney's A). One half is no effect.
///
/// ```
/// let effect = tacho_stats::effect::common_language(&[2.0, 3.0], &[1.0, 2.0])?;
/// assert_eq!(effect.value, 0.875);
/// assert_eq!(effect.class.as_str(), "large");
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn common_language(a: &[f64], b: &[f64]) -> Result<Effect> {
    let counts = dominance(
        SortedSample::new(a)?.as_slice(),
        SortedSample::new(b)?.as_slice(),
    );
    let value = (counts.greater as f64 + 0.5 * counts.equal as f64) / counts.pairs as f64;
    Ok(Effect {
        value,
        class: EffectClass::of_superiority(value),
    })
}

/// Cohen's d and the degrees of freedom of its denominator.
fn standardised(a: &[f64], b: &[f64]) -> Result<(f64, f64)> {
    observations(a, 2)?;
    observations(b, 2)?;
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let df = na + nb - 2.0;
    let pooled = (sd(a)? * ((na - 1.0) / df).sqrt()).hypot(sd(b)? * ((nb - 1.0) / df).sqrt());
    if pooled == 0.0 {
        return Err(StatsError::ZeroVariance);
    }
    Ok((
        in_range(
            "the standardised difference",
            mean_difference(a, b)? / pooled,
        )?,
        df,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_start_at_their_thresholds() {
        use EffectClass::{Large, Medium, Negligible, Small};
        for (d, class) in [
            (0.0, Negligible),
            (-0.2, Small),
            (0.5, Medium),
            (-9.0, Large),
        ] {
            assert_eq!(EffectClass::of_standardised(d), class);
        }
        for (d, class) in [
            (0.146, Negligible),
            (0.147, Small),
            (-0.33, Medium),
            (0.474, Large),
        ] {
            assert_eq!(EffectClass::of_delta(d), class);
        }
        assert_eq!(Medium.as_str(), "medium");
    }

    #[test]
    fn bad_input_is_refused() {
        assert_eq!(cohen_d(&[1.0; 3], &[2.0; 3]), Err(StatsError::ZeroVariance));
        assert_eq!(
            cliffs_delta(&[], &[2.0]),
            Err(StatsError::TooFew { need: 1, got: 0 })
        );
        assert_eq!(
            cliffs_delta(&[f64::NAN], &[2.0]),
            Err(StatsError::NotFinite { index: 0 })
        );
        assert_eq!(cliffs_delta(&[1.0; 3], &[1.0; 3]).unwrap().value, 0.0);
    }
}
