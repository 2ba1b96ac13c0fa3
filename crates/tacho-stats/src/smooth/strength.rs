//! How strong trend and season are against the remainder.
//!
//! Invariant: between 0 (nothing but remainder) and 1 (no remainder).
//! Not a test: noise alone gives values above zero, more so in short series.
//! Source: Wang, Smith & Hyndman, "Characteristic-based clustering for time series data", Data
//! Mining and Knowledge Discovery 13 (2006).

use super::mstl::Mstl;
use super::stl::Stl;
use crate::describe::sd;
use crate::error::{Result, same_length};

/// 1 − var(remainder) / var(component + remainder), not below zero; zero where both are constant.
///
/// Fails on slices of different lengths, and on fewer than two values.
pub fn strength(component: &[f64], remainder: &[f64]) -> Result<f64> {
    same_length(component.len(), remainder.len())?;
    let both = sum(component, remainder);
    let (of_rest, of_both) = (sd(remainder)?, sd(&both)?);
    if of_both == 0.0 {
        return Ok(0.0);
    }
    Ok((1.0 - (of_rest / of_both).powi(2)).max(0.0))
}

/// Two components of one series, added point by point.
fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

impl Stl {
    /// Strength of the trend.
    pub fn trend_strength(&self) -> Result<f64> {
        strength(&self.trend, &self.remainder)
    }

    /// Strength of the season.
    pub fn seasonal_strength(&self) -> Result<f64> {
        strength(&self.seasonal, &self.remainder)
    }

    /// The series without its season: what a [`trend`](crate::regression::trend) is tested on.
    pub fn deseasonalised(&self) -> Vec<f64> {
        sum(&self.trend, &self.remainder)
    }
}

impl Mstl {
    /// Strength of the trend.
    pub fn trend_strength(&self) -> Result<f64> {
        strength(&self.trend, &self.remainder)
    }

    /// Strength of each season, by rising period.
    pub fn seasonal_strengths(&self) -> Result<Vec<f64>> {
        let seasons = self.seasons.iter();
        seasons
            .map(|season| strength(&season.component, &self.remainder))
            .collect()
    }

    /// The series without its seasons.
    pub fn deseasonalised(&self) -> Vec<f64> {
        sum(&self.trend, &self.remainder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smooth::stl::{StlSettings, stl};

    #[test]
    fn known_strengths() {
        // Orthogonal, so that variances add: 1 − 1 / (1 + 4).
        let (component, rest) = ([2.0, -2.0, 2.0, -2.0], [1.0, 1.0, -1.0, -1.0]);
        assert!((strength(&component, &rest).unwrap() - 0.8).abs() < 1e-15);
        assert_eq!(strength(&component, &[0.0; 4]), Ok(1.0));
        assert_eq!(strength(&[1.0; 4], &[0.0; 4]), Ok(0.0));
        assert!(strength(&component, &rest[..3]).is_err());
        assert!(strength(&[], &[]).is_err());
    }

    #[test]
    fn a_season_without_trend() {
        let noise = |t: i32| f64::from((t * 7919 + 13) % 101) / 101.0;
        let y: Vec<f64> = (0..120).map(|t| f64::from(t % 6) + noise(t)).collect();
        let parts = stl(&y, &StlSettings::with_seasonal_window(6, 35)).unwrap();
        assert!(parts.seasonal_strength().unwrap() > 0.9);
        assert!(parts.trend_strength().unwrap() < 0.3);
        for ((y, rest), season) in y.iter().zip(parts.deseasonalised()).zip(&parts.seasonal) {
            assert!((y - rest - season).abs() < 1e-12);
        }
    }
}
