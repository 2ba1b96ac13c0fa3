//! Describes one sample: location, spread and shape.
//!
//! Invariant: every function refuses NaN, infinities and too small a sample, and otherwise returns
//! a finite number. Variances come from two passes around a mean held in two parts, so that data
//! with many constant leading digits (`NIST`'s `NumAcc4`) lose nothing.
//! Not for streams; those use [`Moments`].
//!
//! Sources: Chan, Golub & `LeVeque`, "Algorithms for computing the sample variance", The American
//! Statistician 37 (1983); Joanes & Gill, "Comparing measures of sample skewness and kurtosis",
//! The Statistician 47 (1998); NIST `StRD`, univariate summary statistics.

use crate::error::{Result, StatsError, in_range, observations};
use crate::moments::Moments;
use crate::quantile::{QuantileType, quantiles_in_place};
use crate::sum::{mean_parts, sum, sum_over};

/// What one pass over a sample tells about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Description {
    /// Number of observations.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation with denominator n − 1; zero for one observation.
    pub sd: f64,
    /// Smallest observation.
    pub min: f64,
    /// Median.
    pub median: f64,
    /// Median absolute deviation from the median, unscaled.
    pub mad: f64,
    /// Largest observation.
    pub max: f64,
}

/// Describes `x` (at least one observation).
pub fn describe(x: &[f64]) -> Result<Description> {
    let (min, max) = range(x)?;
    let sd = if x.len() > 1 { sd(x)? } else { 0.0 };
    Ok(Description {
        n: x.len(),
        mean: mean(x)?,
        sd,
        min,
        median: median(x)?,
        mad: mad(x)?,
        max,
    })
}

/// Arithmetic mean of at least one observation.
pub fn mean(x: &[f64]) -> Result<f64> {
    observations(x, 1)?;
    let (high, low) = mean_parts(x);
    in_range("the mean", high + low)
}

/// Mean of `a` less mean of `b`, without rounding either to a double first.
///
/// With a large common offset the means agree in most digits; what rounding them costs
/// (1.7e-7 of Cohen's d at an offset of 1e9) is kept here.
pub fn mean_difference(a: &[f64], b: &[f64]) -> Result<f64> {
    observations(a, 1)?;
    observations(b, 1)?;
    let ((high_a, low_a), (high_b, low_b)) = (mean_parts(a), mean_parts(b));
    in_range(
        "the difference of means",
        (high_a - high_b) + (low_a - low_b),
    )
}

/// Variance with denominator n − 1, of at least two observations.
pub fn variance(x: &[f64]) -> Result<f64> {
    observations(x, 2)?;
    let n = x.len() as f64;
    in_range("the variance", squares_around(x, mean_parts(x)) / (n - 1.0))
}

/// Standard deviation with denominator n − 1, of at least two observations.
pub fn sd(x: &[f64]) -> Result<f64> {
    observations(x, 2)?;
    sd_around(x, mean_parts(x))
}

/// As [`sd`], of two or more finite observations whose mean in two parts is known.
pub(crate) fn sd_around(x: &[f64], mean: (f64, f64)) -> Result<f64> {
    let n = x.len() as f64;
    let squares = squares_around(x, mean);
    // Outside this range squares overflow or lose digits; scaling by a power of two is exact.
    if (n * 1e-290..1e300).contains(&squares) {
        return Ok((squares / (n - 1.0)).sqrt());
    }
    let spread = largest_deviation(x);
    if spread == 0.0 {
        return Ok(0.0);
    }
    let exponent = spread.log2().floor().clamp(-1000.0, 1000.0) as i32;
    let scale = 2f64.powi(-exponent);
    let scaled: Vec<f64> = x.iter().map(|v| v * scale).collect();
    in_range("the standard deviation", variance(&scaled)?.sqrt() / scale)
}

/// Skewness G1, corrected for bias as in SAS and in `scipy.stats.skew(bias=False)`.
pub fn skewness(x: &[f64]) -> Result<f64> {
    observations(x, 3)?;
    Moments::from_slice(x)?.skewness()
}

/// Excess kurtosis G2, corrected for bias as in `scipy.stats.kurtosis(bias=False)`.
pub fn kurtosis(x: &[f64]) -> Result<f64> {
    observations(x, 4)?;
    Moments::from_slice(x)?.kurtosis()
}

/// Smallest and largest of at least one observation.
pub fn range(x: &[f64]) -> Result<(f64, f64)> {
    observations(x, 1)?;
    Ok(x.iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| {
            (lo.min(*v), hi.max(*v))
        }))
}

/// Median of at least one observation, in linear time.
pub fn median(x: &[f64]) -> Result<f64> {
    observations(x, 1)?;
    median_in_place(&mut x.to_vec())
}

/// Median absolute deviation from the median; multiply by 1.4826 to estimate a normal's sd.
pub fn mad(x: &[f64]) -> Result<f64> {
    let centre = median(x)?;
    let mut deviations: Vec<f64> = x.iter().map(|v| (v - centre).abs()).collect();
    if deviations.iter().any(|d| d.is_infinite()) {
        return Err(StatsError::Overflow {
            what: "the median absolute deviation",
        });
    }
    median_in_place(&mut deviations)
}

/// Mean of what is left after cutting ⌊`fraction` · n⌋ observations from each end.
///
/// `fraction` lies in `0..0.5`.
pub fn trimmed_mean(x: &[f64], fraction: f64) -> Result<f64> {
    observations(x, 1)?;
    if !(0.0..0.5).contains(&fraction) {
        return Err(StatsError::Invalid {
            name: "fraction",
            why: "it must lie in 0..0.5",
        });
    }
    let cut = (fraction * x.len() as f64).floor() as usize;
    if cut == 0 {
        return mean(x);
    }
    let mut kept = x.to_vec();
    let (_, _, upper) = kept.select_nth_unstable_by(cut - 1, f64::total_cmp);
    let remaining = upper.len() - cut;
    upper.select_nth_unstable_by(remaining, f64::total_cmp);
    let (high, low) = mean_parts(&upper[..remaining]);
    in_range("the trimmed mean", high + low)
}

/// Autocorrelation at lag 1 as NIST defines it: Σ(xₜ − x̄)(xₜ₊₁ − x̄) / Σ(xₜ − x̄)².
pub fn lag1_autocorrelation(x: &[f64]) -> Result<f64> {
    observations(x, 2)?;
    let (high, low) = mean_parts(x);
    let scale = power_of_two_scale(x);
    let deviation = |v: f64| ((v - high) - low) * scale;
    let total = sum(x.iter().map(|v| deviation(*v).powi(2)));
    if total == 0.0 {
        return Err(StatsError::ZeroVariance);
    }
    Ok(sum(x.windows(2).map(|w| deviation(w[0]) * deviation(w[1]))) / total)
}

/// Σ(x − x̄)² around a mean in two parts.
fn squares_around(x: &[f64], (high, low): (f64, f64)) -> f64 {
    sum_over(x, |v| {
        let deviation = (v - high) - low;
        deviation * deviation
    })
}

fn largest_deviation(x: &[f64]) -> f64 {
    let (high, low) = mean_parts(x);
    x.iter()
        .fold(0.0, |m: f64, v| m.max(((v - high) - low).abs()))
}

/// A power of two that brings the largest deviation near 1, so that squares stay in range.
pub(crate) fn power_of_two_scale(x: &[f64]) -> f64 {
    let spread = largest_deviation(x);
    if spread == 0.0 || !spread.is_finite() {
        return 1.0;
    }
    2f64.powi(-(spread.log2().floor().clamp(-1000.0, 1000.0) as i32))
}

fn median_in_place(x: &mut [f64]) -> Result<f64> {
    let mut out = [0.0];
    quantiles_in_place(x, &[0.5], QuantileType::Linear7, &mut out)?;
    Ok(out[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_give_the_right_answer_or_an_error() {
        assert_eq!(mean(&[1e308, 1e308, 1e308]), Ok(1e308));
        assert_eq!(mean(&[5e-324]), Ok(5e-324));
        assert_eq!(sd(&[1e308, 1e308]), Ok(0.0));
        assert!((sd(&[1e308, -1e308]).unwrap() / 1e308 - 2f64.sqrt()).abs() < 1e-14);
        assert!((sd(&[1e-200, 3e-200]).unwrap() / 1e-200 - 2f64.sqrt()).abs() < 1e-14);
        assert_eq!(
            variance(&[1e308, -1e308]),
            Err(StatsError::Overflow {
                what: "the variance"
            })
        );
        assert_eq!(mean(&[]), Err(StatsError::TooFew { need: 1, got: 0 }));
        assert_eq!(sd(&[1.0]), Err(StatsError::TooFew { need: 2, got: 1 }));
        assert_eq!(
            median(&[1.0, f64::NAN]),
            Err(StatsError::NotFinite { index: 1 })
        );
        assert_eq!(skewness(&[2.0; 5]), Err(StatsError::ZeroVariance));
        assert_eq!(
            lag1_autocorrelation(&[2.0; 5]),
            Err(StatsError::ZeroVariance)
        );
    }

    #[test]
    fn trimmed_mean_drops_both_ends() {
        let x = [100.0, 1.0, 2.0, 3.0, -100.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        assert_eq!(trimmed_mean(&x, 0.1), Ok(4.5));
        assert_eq!(trimmed_mean(&x, 0.0), mean(&x));
        assert_eq!(trimmed_mean(&x, 0.49), Ok(4.5));
        assert!(trimmed_mean(&x, 0.5).is_err());
    }

    #[test]
    fn description_of_one_value() {
        let d = describe(&[3.0]).unwrap();
        assert_eq!(
            (d.n, d.mean, d.sd, d.min, d.median, d.mad, d.max),
            (1, 3., 0., 3., 3., 0., 3.)
        );
    }
}
