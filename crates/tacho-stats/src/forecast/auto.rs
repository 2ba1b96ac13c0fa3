//! The choice among all models that a series allows, by `AICc`.
//!
//! Invariant: candidates ascend by `AICc`, so that the first is chosen, and their weights add up to
//! one. Source: Hyndman & Khandakar, "Automatic time series forecasting: the forecast package for
//! R", Journal of Statistical Software 27 (2008); Burnham & Anderson, "Model selection and
//! multimodel inference" (2002), 2.9, for the weights.

use super::ets::{Ets, newest};
use super::model::EtsModel;
use crate::error::{Result, StatsError, observations};

/// The models that a series allows, best first.
#[derive(Debug, Clone)]
pub struct AutoEts {
    candidates: Vec<Ets>,
}

/// Fits every model that the series allows: those with a season where `period` is given and two
/// periods and some are there; those with a multiplicative error where all observations are above
/// zero.
///
/// ```
/// use tacho_stats::forecast::{TrendKind, auto_ets};
/// use tacho_stats::rng::Rng;
///
/// let mut rng = Rng::new(3);
/// let growing: Vec<f64> = (0..80).map(|t| 2.0 * f64::from(t) + rng.standard_normal()).collect();
/// let choice = auto_ets(&growing, None)?;
/// assert_ne!(choice.best().model().trend(), TrendKind::None);
/// # Ok::<(), tacho_stats::StatsError>(())
/// ```
pub fn auto_ets(x: &[f64], period: Option<usize>) -> Result<AutoEts> {
    observations(x, 1)?;
    let positive = newest(x).iter().all(|v| *v > 0.0);
    let mut candidates = Vec::new();
    let mut refused = None;
    for model in EtsModel::all() {
        let seasonal = model.season() != super::model::SeasonKind::None;
        if (seasonal && period.is_none()) || (model.needs_positive() && !positive) {
            continue;
        }
        match Ets::fit(x, model, period) {
            Ok(fit) => candidates.push(fit),
            Err(error) if matches!(error, StatsError::Invalid { .. }) => return Err(error),
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    if candidates.is_empty() {
        return Err(refused.unwrap_or(StatsError::ZeroVariance));
    }
    candidates.sort_by(|a, b| a.aicc().total_cmp(&b.aicc()));
    Ok(AutoEts { candidates })
}

impl AutoEts {
    /// The model with the smallest `AICc`.
    pub fn best(&self) -> &Ets {
        &self.candidates[0]
    }

    /// All models that could be fitted, best first.
    pub fn candidates(&self) -> &[Ets] {
        &self.candidates
    }

    /// Akaike's weights of the candidates: how far each is supported against the others.
    pub fn weights(&self) -> Vec<f64> {
        let least = self.best().aicc();
        let raw: Vec<f64> = self
            .candidates
            .iter()
            .map(|fit| (-0.5 * (fit.aicc() - least)).exp())
            .collect();
        let total: f64 = raw.iter().sum();
        raw.into_iter().map(|w| w / total).collect()
    }
}
